"""May this request have seats: each denial by its number, and never a seat more than a pool has."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.pools.counted import Pool
from seatkeeper.pools.decision import Asker, Decision, Terms, decide
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
