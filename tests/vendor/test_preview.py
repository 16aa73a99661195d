"""A preview says what the reread then does, and leaves no trace: neither in the ledger nor in the pools that were offered."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.model import Feature, Package
from seatkeeper.licfile.options import parse_options
from seatkeeper.vendor.administration import prepare
from seatkeeper.vendor.events import (
    Accepted,
    CheckoutAsked,
    GrantAnswer,
    Greeting,
    LicenseReread,
    LossAnswer,
    Offer,
    Recovered,
    RestoreAnswer,
    Send,
)
from seatkeeper.vendor.machine import Machine, VendorSettings
from seatkeeper.vendor.preview import NAMES_MAX, TEXT_CHARS_MAX, Effect, preview, preview_text

TODAY = date(2026, 11, 24)
SETTINGS = VendorSettings("d", "0", 30.0, 10.0)
OVER = "01-jan-2020"


def line(
    name: str, count: int | str = 5, version: str = "8.0", expiry: str = "permanent", keyword: str = "FEATURE", **more: str
) -> Feature:
    return Feature(name, "d", version, expiry, str(count), attributes=tuple(more.items()), keyword=keyword)


class House:
    """A machine that serves some lines, and clients that hold and wait."""

    def __init__(self, *lines: Feature | Package, options: str = "") -> None:
        self.machine = Machine(SETTINGS, TODAY)
        self.request = 0
        self.sessions: dict[str, int] = {}
        self.serve(*lines, options=options)
        self.run(Recovered())

    def run(self, event: object) -> list[Any]:
        return [one.answer for one in self.machine.handle(event, 1.0, 1.0) if isinstance(one, Send)]  # type: ignore[arg-type]

    def serve(self, *lines: Feature | Package, options: str = "") -> list[Any]:
        return self.run(LicenseReread(lines, TODAY, parse_options(options, "d.opt") if options else None))

    def ask(self, user: str, feature: str, count: int = 1, version: str = "8.0", *, queue: bool = False) -> Any:
        if user not in self.sessions:
            accepted = self.run(Greeting(object(), user, user, f"{user}-pc", "tty"))[0]
            assert isinstance(accepted, Accepted)
            self.sessions[user] = accepted.session
        self.request += 1
        return self.run(CheckoutAsked(self.sessions[user], self.request, feature, version, count, False, "", queue))[0]

    def offer(self, *lines: Feature | Package, options: str = "") -> Offer:
        return prepare(SETTINGS, lines, parse_options(options, "d.opt") if options else None, TODAY)

    def preview(self, *lines: Feature | Package, options: str = "") -> list[Effect]:
        terms = self.offer(*lines, options=options).terms
        effects = preview(self.machine.ledger, terms)
        self.machine.ledger.check()
        return effects


def kinds(effects: list[Effect]) -> list[tuple[str, str]]:
    return [(effect.kind, effect.feature) for effect in effects]


def test_the_same_lines_change_nothing() -> None:
    house = House(line("a"), line("b", expiry="31-dec-2027"))
    house.ask("ann", "a", 3)
    assert house.preview(line("b", expiry="31-dec-2027"), line("a")) == []
    assert preview_text([]) == "A reread would change nothing."


def test_holders_of_a_feature_that_is_gone_lose_it() -> None:
    house = House(line("a"), line("b"))
    house.ask("ann", "a", 2)
    house.ask("bob", "a", 1)
    house.ask("bob", "b", 1)
    effects = house.preview(line("b"))
    assert effects == [
        Effect("lost", "a", "8.0", seats=3, who=("ann@ann-pc", "bob@bob-pc")),
        Effect("removed", "a", "8.0", old="5"),
    ]
    assert preview_text(effects) == (
        "A reread would change 1 feature.\n"
        "  a 8.0: no line covers 3 seats any more (-92), held by ann@ann-pc, bob@bob-pc.\n"
        "  a 8.0: is licensed no longer (5 seats)."
    )


def test_a_lower_version_does_not_cover_and_a_higher_one_does() -> None:
    house = House(line("a", version="8.0"))
    house.ask("ann", "a", 2)
    assert kinds(house.preview(line("a", version="7.0"))) == [("lost", "a"), ("removed", "a"), ("added", "a")]
    effects = house.preview(line("a", version="9.0"))
    assert effects[1] == Effect("moved", "a", "9.0", seats=2, who=("ann@ann-pc",))
    assert "a 9.0: 2 seats are counted here and no longer in another pool, held by ann@ann-pc." in preview_text(effects)


def test_holders_over_a_lowered_count_keep_theirs() -> None:
    house = House(line("a", 5))
    house.ask("ann", "a", 4)
    effects = house.preview(line("a", 2))
    assert effects == [Effect("over", "a", "8.0", "", "2", 4), Effect("seats", "a", "8.0", "5", "2", 4)]
    text = preview_text(effects)
    assert "a 8.0: 4 of 2 are in use. Holders keep theirs; nobody gets further ones until 3 have come back." in text
    assert "a 8.0: 5 seats become 2; 4 are in use." in text
    assert house.preview(line("a", 4)) == [Effect("seats", "a", "8.0", "5", "4", 4)]
    assert preview_text(house.preview(line("a", "uncounted"))).count("uncounted") == 1
    # It is over already, and the new lines make that no worse.
    house.serve(line("a", 2))
    assert kinds(house.preview(line("a", 3))) == [("seats", "a")]


def test_licenses_that_are_not_good_today() -> None:
    house = House(line("a"))
    house.ask("ann", "a")
    effects = house.preview(line("a", expiry=OVER))
    assert effects == [
        Effect("expired", "a", "8.0", seats=1, who=("ann@ann-pc",)),
        Effect("expiry", "a", "8.0", "permanent", OVER, 1),
    ]
    assert "a 8.0: the license of 1 seat is not good today (-10), held by ann@ann-pc." in preview_text(effects)
    assert "a 8.0: the expiry permanent becomes 01-jan-2020." in preview_text(effects)
    house.serve(line("a", expiry=OVER))
    effects = house.preview(line("a", expiry="31-dec-2027"))
    assert kinds(effects) == [("expiry", "a"), ("restored", "a")]
    assert "1 seat is covered by a good license again, held by ann@ann-pc." in preview_text(effects)


def test_seats_without_a_line_are_restored_and_not_lost_twice() -> None:
    house = House(line("a"), line("b"))
    house.ask("ann", "a")
    house.serve(line("b"))
    assert house.preview(line("b")) == []
    assert kinds(house.preview(line("a"), line("b"))) == [("restored", "a"), ("added", "a")]


def test_requests_that_wait_get_seats_or_are_denied() -> None:
    house = House(line("a", 1), line("b", 1))
    house.ask("ann", "a")
    house.ask("ann", "b")
    for user in ("bob", "cy"):
        house.ask(user, "a", queue=True)
    house.ask("bob", "b", queue=True)
    effects = house.preview(line("a", 2), line("b", 1))
    assert effects == [Effect("seats", "a", "8.0", "1", "2", 1), Effect("granted", "a", seats=1, who=("bob@bob-pc",))]
    assert "  a: 1 seat is given at once to requests that wait, of bob@bob-pc." in preview_text(effects)
    effects = house.preview(line("b", 1))
    assert Effect("denied", "a", seats=2, who=("bob@bob-pc", "cy@cy-pc")) in effects
    assert "  a: nothing that comes free will do for requests that wait: they are denied, to bob@bob-pc, cy@cy-pc." in preview_text(effects)
    # They still wait: nobody was served by asking.
    assert len(house.machine.ledger.waiters) == 3


def test_reservations_without_their_seats() -> None:
    house = House(line("a", 5), options="RESERVE 4 a USER ann")
    house.ask("ann", "a", 3)
    effects = house.preview(line("a", 2), options="RESERVE 4 a USER ann")
    assert Effect("reserved", "a", "8.0", "4", "2", 2, ("USER ann",)) in effects
    assert "a 8.0: 4 seats are reserved for USER ann, and there are 2 for it." in preview_text(effects)
    assert house.preview(line("a", 5), options="RESERVE 4 a USER ann") == []


def test_shared_licenses_are_counted_once() -> None:
    lines = [line("a", 1, DUP_GROUP="U")]
    house = House(*lines)
    for _ in range(3):
        assert isinstance(house.ask("ann", "a"), GrantAnswer)
    assert house.preview(*lines) == []
    assert kinds(house.preview(line("a", 2, DUP_GROUP="U"))) == [("seats", "a")]
    # Without grouping the same three checkouts need three seats.
    assert ("over", "a") in kinds(house.preview(line("a", 1)))


def test_packages_are_previewed_component_by_component() -> None:
    suite = (line("s", 2), Package("s", "d", "8.0", attributes=(("COMPONENTS", "x y"), ("OPTIONS", "SUITE"))))
    house = House(*suite)
    assert isinstance(house.ask("ann", "x"), GrantAnswer)
    assert house.preview(*suite) == []
    assert ("lost", "x") in kinds(house.preview(line("y")))


def test_the_text_names_some_and_fits() -> None:
    house = House(*(line(f"f{number:03}", 50) for number in range(300)))
    for number in range(30):
        house.ask(f"user{number}", "f000")
    effects = house.preview(line("other"))
    text = preview_text(effects)
    assert len(text) <= TEXT_CHARS_MAX
    lines = text.splitlines()
    assert lines[0] == "A reread would change 301 features."
    assert lines[1].endswith(f"user9@user9-pc and {30 - NAMES_MAX} more.")
    assert lines[-1] == f"  ... and {len(effects) - len(lines) + 2} more."
    whole = preview_text(effects, 1_000_000)
    assert len(whole.splitlines()) == len(effects) + 1


def test_the_worst_comes_first() -> None:
    house = House(line("a", 5), line("b", 5), line("c", 1))
    house.ask("ann", "a")
    house.ask("ann", "b", 5)
    house.ask("ann", "c")
    house.ask("bob", "c", queue=True)
    effects = house.preview(line("b", 1), line("c", 2), line("d"))
    assert [effect.kind for effect in effects] == ["lost", "over", "seats", "seats", "removed", "granted", "added"]


names = st.sampled_from("abc")
some_lines = st.lists(
    st.builds(
        line,
        names,
        st.integers(1, 6) | st.just("uncounted"),
        st.sampled_from(["7.0", "8.0", "9.0"]),
        st.sampled_from(["permanent", OVER]),
        st.sampled_from(["FEATURE", "INCREMENT"]),
        DUP_GROUP=st.sampled_from(["NONE", "U"]),
    ),
    min_size=1,
    max_size=5,
)
some_options = st.lists(
    st.sampled_from(["RESERVE 2 a USER ann", "RESERVE 1 b USER bob", "MAX 1 a USER ann", "EXCLUDE b USER cy", "LINGER a 60"]), max_size=3
).map("\n".join)
requests = st.lists(
    st.tuples(st.sampled_from(["ann", "bob", "cy"]), names, st.integers(1, 3), st.sampled_from(["7.0", "8.0"]), st.booleans()), max_size=12
)


@given(some_lines, some_options, requests, some_lines, some_options)
def test_what_is_previewed_is_what_happens(
    old: list[Feature], old_options: str, asked: list[tuple[str, str, int, str, bool]], new: list[Feature], new_options: str
) -> None:
    house = House(*old, options=old_options)
    ledger = house.machine.ledger
    for user, feature, count, version, queue in asked:
        house.ask(user, feature, count, version, queue=queue)
    ledger.check()
    before = msgspec.json.encode(ledger.snapshot(1.0))
    offer = house.offer(*new, options=new_options)
    fresh = house.offer(*new, options=new_options)
    effects = preview(ledger, offer.terms)
    # No trace of it.
    assert msgspec.json.encode(ledger.snapshot(1.0)) == before
    ledger.check()
    for group, others in zip(offer.terms.pools.values(), fresh.terms.pools.values(), strict=True):
        for pool, other in zip(group, others, strict=True):
            assert (pool.in_use, pool.reserved_idle, len(pool.reservations)) == (0, other.reserved_idle, len(other.reservations))
            assert not pool.groups
            assert not pool.wanting
    # The offer is good, and is served with the outcome that was told.
    answers = house.run(LicenseReread(tuple(new), TODAY, offer=offer))
    told = {kind: sum(effect.seats for effect in effects if effect.kind == kind) for kind in ("lost", "expired", "restored", "granted")}
    handles = {
        number: [answer.handle for answer in answers if isinstance(answer, LossAnswer) and answer.number == number] for number in (-92, -10)
    }
    seats = ledger.seats
    assert told["lost"] == sum(seats[handle].count for handle in handles[-92])
    assert told["expired"] == sum(seats[handle].count for handle in handles[-10])
    assert told["restored"] == sum(seats[answer.handle].count for answer in answers if isinstance(answer, RestoreAnswer))
    assert told["granted"] == sum(answer.count for answer in answers if isinstance(answer, GrantAnswer))
    over = {(effect.feature, effect.version) for effect in effects if effect.kind == "over"}
    for group in ledger.pools.values():
        for pool in group:
            if (pool.feature, pool.version) in over and not any(isinstance(answer, GrantAnswer) for answer in answers):
                assert any(one.in_use > one.capacity for one in group)
    assert preview_text(effects)


@pytest.mark.parametrize(
    "kind",
    [
        "lost",
        "expired",
        "over",
        "denied",
        "reserved",
        "seats",
        "expiry",
        "removed",
        "moved",
        "restored",
        "granted",
        "added",
        "refused",
        "ceiling",
        "kept",
    ],
)
def test_every_kind_has_its_sentence(kind: str) -> None:
    effect = Effect(kind, "f", "8.0", "1", "2", 1, ("ann@pc",))  # type: ignore[arg-type]
    assert preview_text([effect]).splitlines()[1].startswith("  f 8.0: ")


# Options file --------------------------------------------------------------------------------------------------------


def test_the_lines_of_the_options_file_that_come_and_go() -> None:
    house = House(line("a"), options="GROUP g ann\nMAX 3 a GROUP g\nNOLOG IN\n")
    effects = house.preview(line("a"), options="# another place\nGROUP g ann bob\nMAX 3 a GROUP g\nTIMEOUT a 900\nMAX_CONNECTIONS 9\n")
    assert preview_text(effects) == (
        "A reread would change 5 lines of the options file.\n"
        "  Options file: GROUP g ann holds no more.\n"
        "  Options file: NOLOG IN holds no more.\n"
        "  Options file: d.opt:4: TIMEOUT a 900 is new.\n"
        "  Options file: GROUP g ann bob is new.\n"
        "  Options file: MAX_CONNECTIONS 9 is new."
    )


def test_an_options_file_that_is_the_same_or_says_nothing_changes_nothing() -> None:
    options = "EXCLUDE a USER eve\nRESERVE 9 a USER ann\nFQDN_MATCHING LENIENT\n"
    house = House(line("a"), options=options)
    assert house.preview(line("a"), options=f"# a comment\n{options}") == []
    assert House(line("a")).preview(line("a"), options="# a comment\n") == []


def test_an_options_file_that_is_gone() -> None:
    house = House(line("a"), options="EXCLUDE a USER eve\nAUTOMATIC_REREAD OFF\n")
    assert [(effect.kind, effect.new) for effect in house.preview(line("a"))] == [
        ("gone", "EXCLUDE a USER eve"),
        ("gone", "AUTOMATIC_REREAD OFF"),
    ]


def test_holders_whom_a_new_rule_excludes() -> None:
    house = House(line("a"), options="EXCLUDE a USER eve\n")
    house.ask("ann", "a", 2)
    house.ask("bob", "a", 1)
    effects = house.preview(line("a"), options="EXCLUDE a USER eve\nEXCLUDE a USER ann\n")
    assert effects[0] == Effect("refused", "a", "8.0", "-38", "d.opt:2: EXCLUDE a USER ann", 2, ("ann@ann-pc",))
    assert preview_text(effects).splitlines()[:2] == [
        "A reread would change 1 feature and 1 line of the options file.",
        "  a 8.0: 2 seats are held by ann@ann-pc, who would get no further ones (-38, d.opt:2: EXCLUDE a USER ann).",
    ]
    # Whom a rule excludes already is not affected by another line.
    house.serve(line("a"), options="EXCLUDE a USER ann\n")
    assert "refused" not in [effect.kind for effect in house.preview(line("a"), options="EXCLUDE a USER ann\nTIMEOUT a 900\n")]


def test_a_reservation_that_makes_more_than_there_are() -> None:
    house = House(line("a"))
    house.ask("ann", "a", 5)
    effects = house.preview(line("a"), options="RESERVE 2 a USER bob\n")
    assert effects[0] == Effect("kept", "a", "8.0", "2", "5", 7)
    assert "  a 8.0: 5 are held and 2 more reserved, 7 of 5. Others get none until 3 have come back." in preview_text(effects)
    house.serve(line("a"), options="RESERVE 2 a USER bob\n")
    assert house.preview(line("a"), options="RESERVE 2 a USER bob\n") == []


def test_a_ceiling_below_what_is_held() -> None:
    house = House(line("a"))
    house.ask("ann", "a", 3)
    effects = house.preview(line("a"), options="MAX 2 a USER ann\n")
    assert effects[0] == Effect("ceiling", "a", "", "2", "d.opt:1: MAX 2 a USER ann", 3, ("USER ann",))
    assert "  a: USER ann holds 3 and may hold 2 (d.opt:1: MAX 2 a USER ann)." in preview_text(effects)
    house.serve(line("a"), options="MAX 2 a USER ann\n")
    assert house.preview(line("a"), options="MAX 2 a USER ann\n") == []
