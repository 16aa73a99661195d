"""May this request have seats: each denial by its number, and never a seat more than a pool has."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.options import parse_options
from seatkeeper.pools.access import Access
from seatkeeper.pools.accounts import Charge
from seatkeeper.pools.counted import Pool
from seatkeeper.pools.decision import Asker, Decision, Terms, Unserved, decide
from seatkeeper.pools.lines import ServedLine
from seatkeeper.pools.subjects import Who
from seatkeeper.vendor.events import CheckoutAsked

TODAY = date(2026, 11, 24)


def pool(total: int | str = 5, in_use: int = 0, version: str = "8.0", expiry: str = "permanent", **attributes: str) -> Pool:
    line = ServedLine("f1", "d", version, expiry, str(total), attributes=tuple(attributes.items()))
    made = Pool(version, (line,), ("line",), TODAY)
    made.in_use = in_use
    return made


def ask(pools: list[Pool] | None, count: int = 1, version: str = "8.0", up_to: bool = False, rule: str = "release8") -> Decision:
    return decided(pools, count, version, up_to, rule, 9999)


def decided(pools: list[Pool] | None, count: int, version: str, up_to: bool, rule: str, seats_max: int) -> Decision:
    terms = Terms(TODAY, rule, {"f1": pools or []})
    return decide(CheckoutAsked(1, 1, "f1", version, count, up_to, ""), pools, seats_max, terms, Asker(Who("ann", "ann-pc")))


@pytest.mark.parametrize(
    ("pools", "asked", "number", "words"),
    [
        (None, {}, -5, "names f1"),
        ([pool()], {"version": "eight"}, -77, "version"),
        ([pool()], {"count": 10_000}, -26, "9999"),
        ([pool(version="7.0"), pool(version="7.6")], {}, -21, "7.0, 7.6"),
        ([pool(version="9.0")], {}, -21, "major version 8"),
        ([pool(expiry="1-nov-2026")], {}, -10, "01-nov-2026"),
        ([pool(START="1-dec-2026")], {}, -31, "01-dec-2026"),
        ([pool(5)], {"count": 6}, -26, "5 are licensed"),
        ([pool(5, 5)], {}, -4, "5 of 5"),
        ([pool(5, 5)], {"count": 6, "up_to": True}, -4, "5 of 5"),
        ([pool(2, 7)], {}, -4, "7 of 2"),
        # The check that came furthest is the one to act on.
        ([pool(5, 5), pool(expiry="1-nov-2026")], {}, -4, "5 of 5"),
        ([pool(version="7.0"), pool(expiry="1-nov-2026")], {}, -10, "expired"),
        ([pool(expiry="1-nov-2026"), pool(START="1-dec-2026")], {}, -31, "01-dec-2026"),
    ],
)
def test_a_denial_says_what_is_wrong(pools: list[Pool] | None, asked: dict[str, object], number: int, words: str) -> None:
    decision = ask(pools, **asked)
    assert decision.number == number
    assert words in decision.reason
    assert len(decision.reason) < 1000


def test_a_denial_stays_one_sentence_however_many_versions_there_are() -> None:
    decision = ask([pool(version=f"7.{minor}") for minor in range(1, 5000)])
    assert decision.number == -21
    assert len(decision.reason) < 1000


@pytest.mark.parametrize(("licensed", "asked"), [("9.0", "80"), ("100.0", "80.5")])
def test_only_a_request_of_major_version_8_is_told_of_the_rule_of_release_8(licensed: str, asked: str) -> None:
    decision = ask([pool(version=licensed)], version=asked)
    assert "major version 8" not in decision.reason


def test_an_empty_version_is_met_by_any() -> None:
    assert ask([pool(version="9.0")], version="").number == 0


def test_the_first_pool_with_enough_seats_is_taken() -> None:
    pools = [pool(5, 4), pool(5, 2), pool(5, 0)]
    assert ask(pools, 2).pool is pools[1]


def test_up_to_takes_the_pool_with_the_most_free_seats() -> None:
    pools = [pool(5, 4), pool(5, 2), pool(5, 3)]
    assert ask(pools, 9, up_to=True) == Decision(0, pools[1], 3)


def test_an_uncounted_license_is_never_used_up() -> None:
    assert ask([pool(0, 10**6)], 9999).count == 9999


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 12)), min_size=1, max_size=4), st.integers(1, 12), st.booleans(), st.integers(1, 9)
)
def test_never_more_than_is_free_and_never_a_needless_denial(
    filled: list[tuple[int, int]], count: int, up_to: bool, seats_max: int
) -> None:
    pools = [pool(total, in_use) for total, in_use in filled]
    decision = decided(pools, count, "8.0", up_to, "release8", seats_max)
    wanted = min(count, seats_max) if up_to else count
    most = max(made.free for made in pools)
    if decision.number:
        assert decision.number < 0
        assert count > seats_max or most < (1 if up_to else wanted)
    else:
        assert decision.count <= decision.pool.free
        assert decision.count == min(wanted, most) if up_to else decision.count == count
        assert decision.count <= seats_max


def under(options: str, *lines: ServedLine, total: int = 5, **attributes: str) -> tuple[Terms, Pool]:
    """A pool under an options file."""
    made = Pool("8.0", lines, ("line",), TODAY) if lines else pool(total, **attributes)
    pools = {"f1": [made]}
    access = Access(parse_options(options, "d.opt"), pools, "d")
    made.obey(access)
    made.set_day(TODAY)
    return Terms(TODAY, pools=pools, access=access), made


def take(terms: Terms, made: Pool, user: str, count: int) -> None:
    assert terms.access is not None
    right = terms.access.rights(made, Who(user, "pc"))
    Charge(made, right.limits, right.reservations).set(count)


def asked_by(user: str, terms: Terms, count: int = 1, up_to: bool = False, barred: frozenset[Pool] = frozenset()) -> Decision:
    request = CheckoutAsked(1, 1, "f1", "", count, up_to, "")
    return decide(request, terms.pools["f1"], 9999, terms, Asker(Who(user, "pc"), rights={}), barred)


RULED = "RESERVE {} f1 USER ann\nRESERVE {} f1 USER bob\nMAX {} f1 USER ann"


@given(
    st.integers(1, 6),
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 6)),
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)),
    st.sampled_from(["ann", "bob", "cid"]),
    st.integers(1, 6),
    st.booleans(),
)
def test_others_reserved_seats_are_left_alone_and_who_may_wait_is_served_by_an_empty_pool(
    total: int, ruled: tuple[int, int, int], held: tuple[int, int, int], user: str, count: int, up_to: bool
) -> None:
    options = RULED.format(*ruled)
    terms, made = under(options, total=total)
    for one, taken in zip(("ann", "bob", "cid"), held, strict=True):
        found = asked_by(one, terms, taken) if taken else None
        if found is not None and not found.number:
            take(terms, made, one, taken)
    assert made.in_use + made.reserved_idle <= made.capacity
    found = asked_by(user, terms, count, up_to)
    if not found.number:
        assert found.count == count or up_to
        take(terms, made, user, found.count)
        assert made.in_use + made.reserved_idle <= made.capacity
        assert all(limit.used <= limit.maximum for limit in terms.access.rights(made, Who("ann", "pc")).limits)
        return
    empty = asked_by(user, under(options, total=total)[0], count, up_to)
    assert found.may_wait == (not empty.number)
    # Only who waits for seats holds others up, and not who waits for his own ceiling.
    assert found.bars == ((made,) if found.may_wait and found.number != -87 else ())


def test_a_pool_for_which_others_wait_gives_only_what_it_keeps_for_the_asker() -> None:
    terms, made = under("RESERVE 2 f1 USER ann")
    barred = frozenset([made])
    assert asked_by("ann", terms, 2, barred=barred).count == 2
    assert asked_by("ann", terms, 9, up_to=True, barred=barred).count == 2
    assert asked_by("ann", terms, 3, barred=barred).number == -24
    assert asked_by("bob", terms, barred=barred).number == -24
    # Who asks for more than there is does not wait behind others for it.
    assert asked_by("bob", terms, 6, barred=barred).number == -26


@pytest.mark.parametrize(("count", "up_to", "given"), [(1, False, 3), (4, False, 4), (9, True, 5), (1, True, 3)])
def test_a_request_is_raised_to_the_minimum(count: int, up_to: bool, given: int) -> None:
    terms, _ = under("", MINIMUM="3")
    assert asked_by("ann", terms, count, up_to).count == given


def test_less_than_the_minimum_is_not_given() -> None:
    terms, made = under("", MINIMUM="3")
    made.in_use = 3
    assert asked_by("ann", terms, 9, up_to=True).number == -4
    terms, _ = under("", MINIMUM="9")
    assert asked_by("ann", terms).number == -26


def test_while_the_clock_is_back_only_what_is_not_dated_is_given() -> None:
    terms, _ = under("", ServedLine("f1", "d", "8.0", "1-dec-2026", "5"))
    assert asked_by("ann", terms).number == 0
    terms.clock_back = True
    assert asked_by("ann", terms).number == -88
    terms, _ = under("")
    terms.clock_back = True
    assert asked_by("ann", terms).number == 0


def test_a_feature_whose_lines_are_refused_is_denied_for_what_is_wrong_with_them() -> None:
    terms, _ = under("")
    terms.unserved = {
        "f1": Unserved(-8, "It was changed.", "a.lic: FEATURE f1"),
        "f2": Unserved(-2, "It is unreadable.", "a.lic:2: FEATURE f2"),
    }
    denied = decide(CheckoutAsked(1, 1, "F2", "", 1, False, ""), None, 9999, terms, Asker(Who("ann", "pc")))
    assert (denied.number, denied.reason, denied.rule, denied.may_wait) == (-2, "It is unreadable.", "a.lic:2: FEATURE f2", False)
    # Other lines of the name are served; where these will not do, the refused one may be what is looked for.
    assert asked_by("ann", terms).number == 0
    lower = decide(CheckoutAsked(1, 1, "f1", "9.0", 1, False, ""), terms.pools["f1"], 9999, terms, Asker(Who("ann", "pc")))
    assert lower.number == -21
    assert lower.reason.endswith(" It was changed.")


@pytest.mark.parametrize(
    ("attributes", "number", "rule"),
    [
        ({"PLATFORMS": "x64_lsb i86_n"}, -89, 'FEATURE f1 d 8.0 permanent 5 PLATFORMS="x64_lsb i86_n"'),
        ({"HOSTID": "001122334455"}, -9, "FEATURE f1 d 8.0 permanent 5 HOSTID=001122334455"),
        ({"USER_BASED": "2"}, -84, "FEATURE f1 d 8.0 permanent 5 USER_BASED=2"),
        ({"MINIMUM": "9999", "count": "9"}, -26, "FEATURE f1 d 8.0 permanent 5"),
    ],
)
def test_the_license_s_own_terms_are_denied_with_its_line(attributes: dict[str, str], number: int, rule: str) -> None:
    asked = int(attributes.pop("count", 1))
    terms, _ = under("MAX 9999 f1 USER ann", **attributes)
    denied = asked_by("ann", terms, asked)
    assert (denied.number, denied.rule) == (number, rule)


@pytest.mark.parametrize(
    ("in_use", "count", "number", "decides"),
    # The license has 5 seats and 2 of overdraft, of which the options file allows none.
    [(5, 1, -4, True), (6, 1, -4, True), (7, 1, -4, False), (0, 7, -26, True), (0, 8, -26, False)],
)
def test_overdraft_that_the_options_file_withholds_is_what_decides_where_it_would_do(
    in_use: int, count: int, number: int, decides: bool
) -> None:
    terms, made = under("MAX_OVERDRAFT f1 0", OVERDRAFT="2")
    made.in_use = in_use
    denied = asked_by("ann", terms, count)
    assert denied.number == number
    assert denied.rule == (terms.access.line(made, "MAX_OVERDRAFT") if decides else "FEATURE f1 d 8.0 permanent 5")
    assert ("The options file allows 0 of 2 seats of overdraft." in denied.reason) is decides
