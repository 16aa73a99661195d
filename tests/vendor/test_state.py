"""What the mind remembers between two events: silence, the ends of kept seats, what hangs together in a queue."""

from __future__ import annotations

from tests.support.vendor_bench import NOON, Bench

from seatkeeper.vendor.entries import CheckedIn, Lingering
from seatkeeper.vendor.state import HEARD_RESOLUTION_S

F1 = "FEATURE f1 genesys.d 8.0 permanent 5 LINGER=60 BORROW SIGN=00\n"
SUITES = """
PACKAGE s genesys.d 8.0 COMPONENTS="a b" OPTIONS=SUITE SIGN=00
INCREMENT s genesys.d 8.0 permanent 2 SIGN=00
PACKAGE t genesys.d 8.0 COMPONENTS="b c" OPTIONS=SUITE SIGN=00
INCREMENT t genesys.d 8.0 permanent 2 SIGN=00
FEATURE d genesys.d 8.0 permanent 2 SIGN=00
"""


def test_a_session_keeps_its_place_in_the_order_of_silence_for_the_resolution() -> None:
    bench = Bench(F1)
    state = bench.machine.state
    bench.greet("ann")
    bench.greet("bob")
    session = bench.ledger.sessions[bench.sessions["ann"]]
    state.renew(session, bench.now + HEARD_RESOLUTION_S / 2)
    assert next(iter(state.silence)) == session.number
    assert state.deadline(session) == bench.now + 60 + HEARD_RESOLUTION_S
    state.renew(session, bench.now + HEARD_RESOLUTION_S)
    assert list(state.silence)[-1] == session.number


def test_a_session_becomes_known_to_the_log_once() -> None:
    bench = Bench(F1)
    bench.greet("ann")
    session = bench.ledger.sessions[bench.sessions["ann"]]
    assert len(bench.machine.state.begin(session, 0.0)) == 1
    assert bench.machine.state.begin(session, 0.0) == []


def test_a_session_without_seats_leaves_no_entry() -> None:
    bench = Bench(F1)
    bench.greet("ann")
    before = len(bench.log)
    bench.leave("ann")
    assert len(bench.log) == before
    assert not bench.ledger.sessions


class TestKept:
    def test_seats_linger_when_they_are_given_back_and_not_when_they_are_taken(self) -> None:
        for why, kept in (("checkin", True), ("closed", True), ("silent", False), ("removed", False), ("idle", False), ("unseen", False)):
            bench = Bench(F1)
            seat = bench.ledger.seats[bench.take("ann")]
            entry = bench.machine.state.give_back(seat, why, bench.wall).entry
            assert isinstance(entry, Lingering if kept else CheckedIn), why

    def test_of_linger_and_borrow_the_longer_one_counts(self) -> None:
        for borrowed, until in ((10.0, 70.0), (1.0, 61.0), (3600.0, 3660.0)):
            bench = Bench(F1.replace("LINGER=60", "LINGER=30"))
            handle = bench.take("ann", borrow_until=NOON + borrowed)
            bench.back("ann", handle)
            assert bench.ledger.seats[handle].until == NOON + until

    def test_only_seats_whose_time_is_over_end_and_each_once(self) -> None:
        bench = Bench(F1)
        state = bench.machine.state
        first = bench.take("ann", display=":1")
        bench.back("ann", first)
        bench.now = 30
        second = bench.take("ann", display=":2")
        bench.back("ann", second)
        assert [seat.handle for seat in state.ended(NOON + 60)] == [first]
        assert state.ended(NOON + 60) == []
        bench.take("ann", display=":2")
        # What was taken again ends no more.
        assert state.ended(NOON + 1000) == []


class TestFamily:
    def test_features_of_suites_that_share_a_component_hang_together(self) -> None:
        state = Bench(SUITES).machine.state
        for name in "abc":
            assert state.family(name) == ["a", "b", "c"]

    def test_others_stand_alone(self) -> None:
        state = Bench(SUITES).machine.state
        assert (state.family("d"), state.family("no such")) == (["d"], ["no such"])

    def test_what_hangs_together_is_stirred_together(self) -> None:
        state = Bench(SUITES).machine.state
        state.stir("A")
        assert state.dirty == {"a", "b", "c"}


def test_places_are_counted_by_pool() -> None:
    bench = Bench("INCREMENT f1 genesys.d 8.5 permanent 1 SIGN=00\nINCREMENT f1 genesys.d 8.0 permanent 1 SIGN=00\n")
    bench.take("ann", count=1, version="8.5")
    bench.take("bob", count=1)
    assert bench.ask("cid", version="8.5", queue=True).position == 1
    assert bench.ask("dan", version="8.5", queue=True).position == 2
