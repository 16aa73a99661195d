"""The machine, event by event: what it answers, what it writes down, and that the ledger holds its invariants after each test."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec
import pytest

from seatkeeper.licfile.model import Feature
from seatkeeper.vendor.entries import Act, CheckedIn, CheckedOut, Denial, Entry, Opened, Reread, SessionBegun, SessionEnded
from seatkeeper.vendor.events import (
    Accepted,
    Append,
    CheckinAsked,
    CheckoutAsked,
    Close,
    DenialAnswer,
    Disconnected,
    GrantAnswer,
    Greeting,
    Heard,
    Left,
    LicenseReread,
    LossAnswer,
    Recovered,
    RemovalAnswer,
    RemoveAsked,
    RestoreAnswer,
    ReturnAnswer,
    Send,
    Tick,
)
from seatkeeper.vendor.machine import HEARD_RESOLUTION_S, Machine, VendorSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.vendor.events import Event, Instruction

TODAY = date(2026, 11, 24)


def line(name: str, count: int | str = 5, version: str = "8.0", expiry: str = "permanent", **more: str) -> Feature:
    keyword = more.pop("keyword", "FEATURE")
    return Feature(name, "genesys.d", version, expiry, str(count), attributes=tuple(more.items()), keyword=keyword)


class Bench:
    """A machine with a clock that the test moves, and the log it wrote."""

    def __init__(self, *lines: Feature, rule: str = "release8", lease_s: float = 60.0, log: list[Entry] | None = None) -> None:
        self.now = 1000.0
        self.settings = VendorSettings("genesys.d", "0", lease_s, 20.0, rule, 9999)
        self.machine = Machine(self.settings, TODAY)
        self.log: list[Entry] = list(log or [])
        for entry in self.log:
            self.machine.replay(entry)
        self.run(LicenseReread(lines, TODAY))
        self.run(Recovered())
        self.requests = 0

    def run(self, event: Event) -> list[Instruction]:
        instructions = self.machine.handle(event, self.now, 1.8e9 + self.now)
        self.log += [one.entry for one in instructions if isinstance(one, Append)]
        return instructions

    def greet(self, name: str, connection: object | None = None, **more: object) -> int:
        connection = connection or name
        for one in self.run(Greeting(connection, f"digest-{name}", name, f"{name}-pc", "/dev/tty", 1, **more)):
            if isinstance(one, Send) and isinstance(one.answer, Accepted):
                return one.answer.session
        raise AssertionError("not accepted")

    def checkout(self, session: int, feature: str = "f1", version: str = "8.0", count: int = 1, up_to: bool = False, request: int = 0):
        self.requests += 1
        instructions = self.run(CheckoutAsked(session, request or self.requests, feature, version, count, up_to, ""))
        answers = [one.answer for one in instructions if isinstance(one, Send)]
        assert len(answers) == 1
        return answers[0]

    def entries(self, kind: type) -> list[Entry]:
        return [entry for entry in self.log if isinstance(entry, kind)]

    def used(self, feature: str = "f1") -> int:
        return sum(pool.in_use for pool in self.machine.ledger.pools[feature])


@pytest.fixture
def benches() -> Iterator[list[Bench]]:
    made: list[Bench] = []
    yield made
    for bench in made:
        bench.machine.ledger.check()
        # A replay of the log gives the same ledger.
        replayed = Machine(bench.settings, TODAY)
        for entry in bench.log:
            replayed.replay(entry)
        assert replayed.ledger.snapshot(0.0).seats == bench.machine.ledger.snapshot(0.0).seats


@pytest.fixture
def bench(benches: list[Bench]) -> Bench:
    benches.append(
        Bench(line("f1", 5), line("f2", 1), line("tdn", 10, "7.0"), line("old", 3, expiry="1-nov-2026"), line("free", 0, HOSTID="ANY"))
    )
    return benches[0]


def test_seats_are_counted_until_none_is_left(bench: Bench) -> None:
    session = bench.greet("ann")
    assert [bench.checkout(session).handle for _ in range(5)] == [101, 102, 103, 104, 105]
    denied = bench.checkout(session)
    assert isinstance(denied, DenialAnswer)
    assert denied.number == -4
    assert "5 of 5" in denied.reason
    assert bench.used() == 5


def test_a_checkin_frees_the_seats_at_once_and_is_answered_alike_when_repeated(bench: Bench) -> None:
    session = bench.greet("ann")
    handle = bench.checkout(session, count=5).handle
    for _ in range(2):
        answers = [one.answer for one in bench.run(CheckinAsked(session, 9, handle)) if isinstance(one, Send)]
        assert answers == [ReturnAnswer(9, handle, 0)]
    assert bench.used() == 0
    assert len(bench.entries(CheckedIn)) == 1


def test_nobody_checks_in_what_another_holds_or_what_never_was(bench: Bench) -> None:
    ann, bob = bench.greet("ann"), bench.greet("bob")
    handle = bench.checkout(ann).handle
    for wrong in (handle, 999):
        answers = [one.answer for one in bench.run(CheckinAsked(bob, 1, wrong)) if isinstance(one, Send)]
        assert answers == [ReturnAnswer(1, wrong, -41)]
    assert bench.used() == 1


def test_a_grant_waits_for_the_log_and_comes_after_its_entry(bench: Bench) -> None:
    session = bench.greet("ann")
    kinds = []
    for one in bench.run(CheckoutAsked(session, 1, "f1", "8.0", 1, False, "")):
        kinds.append(type(one.entry) if isinstance(one, Append) else (type(one.answer), one.durable))
    assert kinds == [SessionBegun, CheckedOut, (GrantAnswer, True)]


def test_up_to_gives_what_is_left_and_denies_only_when_nothing_is(bench: Bench) -> None:
    session = bench.greet("tserver")
    assert bench.checkout(session, count=9999, up_to=True).count == 5
    denied = bench.checkout(session, count=9999, up_to=True)
    assert denied.number == -4


def test_an_exact_request_above_the_license_says_so(bench: Bench) -> None:
    session = bench.greet("ann")
    assert bench.checkout(session, count=6).number == -26
    assert bench.checkout(session, count=10_000).number == -26


def test_one_client_never_holds_more_than_9999_of_a_feature(benches: list[Bench]) -> None:
    bench = Bench(line("big", 30_000))
    benches.append(bench)
    session = bench.greet("ann")
    assert bench.checkout(session, "big", count=20_000, up_to=True).count == 9999
    assert bench.checkout(session, "big", count=1, up_to=True).number == -26
    assert bench.checkout(bench.greet("bob"), "big", count=9999).count == 9999


@pytest.mark.parametrize(
    ("feature", "version", "number"),
    [("nothing", "8.0", -5), ("f1", "8.1", -21), ("tdn", "8.0", -21), ("old", "8.0", -10), ("f1", "eight", -77), ("f1", "9.0", -21)],
)
def test_denials_carry_the_number_of_what_is_wrong(bench: Bench, feature: str, version: str, number: int) -> None:
    denied = bench.checkout(bench.greet("ann"), feature, version)
    assert isinstance(denied, DenialAnswer)
    assert denied.number == number
    assert denied.reason
    assert isinstance(bench.log[-1], Denial)


@pytest.mark.parametrize(("feature", "version"), [("f1", ""), ("F1", "8.0"), ("f1", "7.6"), ("tdn", "7.0"), ("tdn", "")])
def test_versions_and_names_that_are_met(bench: Bench, feature: str, version: str) -> None:
    assert isinstance(bench.checkout(bench.greet("ann"), feature, version), GrantAnswer)


def test_uncounted_licenses_are_held_without_a_limit(bench: Bench) -> None:
    session = bench.greet("ann")
    assert all(isinstance(bench.checkout(session, "free", count=50), GrantAnswer) for _ in range(20))


def test_a_feature_expires_while_the_daemon_runs(benches: list[Bench]) -> None:
    bench = Bench(line("f1", 5, expiry="24-nov-2026"))
    benches.append(bench)
    session = bench.greet("ann")
    assert isinstance(bench.checkout(session), GrantAnswer)
    bench.run(Tick(date(2026, 11, 25)))
    assert bench.checkout(session).number == -10


def test_a_closed_socket_frees_at_once(bench: Bench) -> None:
    session = bench.greet("ann")
    bench.checkout(session, count=3)
    bench.run(Disconnected(session, "ann"))
    assert bench.used() == 0
    assert [entry.why for entry in bench.entries(CheckedIn)] == ["closed"]
    assert len(bench.entries(SessionEnded)) == 1


def test_goodbye_is_a_checkin_of_everything(bench: Bench) -> None:
    session = bench.greet("ann")
    bench.checkout(session, count=3)
    bench.run(Left(session))
    assert bench.used() == 0
    assert [entry.why for entry in bench.entries(CheckedIn)] == ["checkin"]


def test_a_silent_client_loses_its_seats_at_its_deadline_and_not_before(bench: Bench) -> None:
    session = bench.greet("ann")
    bench.checkout(session)
    bench.now += 59
    assert bench.run(Tick(TODAY)) == []
    bench.run(Heard(session))
    bench.now += 59
    bench.run(Tick(TODAY))
    assert bench.used() == 1
    bench.now += 2
    closes = [one for one in bench.run(Tick(TODAY)) if isinstance(one, Close)]
    assert [one.connection for one in closes] == ["ann"]
    assert bench.used() == 0


def test_a_client_that_was_heard_twice_in_a_moment_keeps_its_seats_for_the_whole_lease_after_the_second(bench: Bench) -> None:
    """Its own clock counts from what it sent last: were it freed earlier, two would hold one seat."""
    session = bench.greet("ann")
    bench.checkout(session)
    bench.now += HEARD_RESOLUTION_S - 0.01
    bench.run(Heard(session))
    last = bench.now
    bench.now = last + 59.99
    assert bench.run(Tick(TODAY)) == []
    bench.now = last + 60 + HEARD_RESOLUTION_S
    bench.run(Tick(TODAY))
    assert bench.used() == 0


def test_the_next_deadline_is_that_of_the_longest_silent(bench: Bench) -> None:
    ann, bob = bench.greet("ann"), bench.greet("bob")
    bench.now += 10
    bench.run(Heard(ann))
    assert bench.machine.next_deadline() == 1060.0 + HEARD_RESOLUTION_S
    bench.run(Heard(bob))
    assert bench.machine.next_deadline() == 1070.0 + HEARD_RESOLUTION_S


def test_a_retry_of_a_request_is_the_same_request(bench: Bench) -> None:
    session = bench.greet("ann")
    first = bench.checkout(session, request=7)
    again = bench.checkout(session, request=7)
    assert (first.handle, first.count) == (again.handle, again.count)
    assert bench.used() == 1


def test_after_a_restart_seats_are_held_for_their_holders_and_for_nobody_else(benches: list[Bench]) -> None:
    before = Bench(line("f2", 1))
    session = before.greet("ann")
    handle = before.checkout(session, "f2").handle
    after = Bench(line("f2", 1), log=before.log)
    benches += [before, after]
    assert after.checkout(after.greet("bob"), "f2").number == -4
    back = after.greet("ann", "ann-2", held=(handle,))
    assert after.machine.ledger.seats[handle].session.number == back
    assert after.used("f2") == 1
    # Not a second seat, not a second count, and the handle goes on being good for a checkin.
    after.run(CheckinAsked(back, 3, handle))
    assert after.checkout(after.greet("bob"), "f2").handle > handle


def test_who_does_not_come_back_within_the_grace_time_loses_his_seats(benches: list[Bench]) -> None:
    before = Bench(line("f2", 1))
    before.checkout(before.greet("ann"), "f2")
    after = Bench(line("f2", 1), log=before.log)
    benches += [before, after]
    after.now += 59
    after.run(Tick(TODAY))
    assert after.used("f2") == 1
    after.now += 2
    after.run(Tick(TODAY))
    assert after.used("f2") == 0
    assert after.entries(CheckedIn)[-1].why == "grace"
    assert isinstance(after.checkout(after.greet("bob"), "f2"), GrantAnswer)


def test_a_grant_that_the_client_never_saw_is_returned_when_it_comes_back(bench: Bench) -> None:
    session = bench.greet("ann")
    seen, unseen, waited = (bench.checkout(session) for _ in range(3))
    bench.greet("ann", "second", held=(seen.handle,), asking=(waited.request,))
    assert set(bench.machine.ledger.seats) == {seen.handle, waited.handle}
    assert bench.entries(CheckedIn)[-1].why == "unseen"
    assert bench.entries(CheckedIn)[-1].handle == unseen.handle


def test_a_newer_connection_takes_the_session_over_and_the_older_ones_end_frees_nothing(bench: Bench) -> None:
    session = bench.greet("ann", "first")
    handle = bench.checkout(session).handle
    instructions = bench.run(Greeting("second", "digest-ann", "ann", "ann-pc", "/dev/tty", held=(handle,)))
    assert [one.connection for one in instructions if isinstance(one, Close)] == ["first"]
    bench.run(Disconnected(session, "first"))
    assert bench.used() == 1
    bench.run(Disconnected(session, "second"))
    assert bench.used() == 0


def test_the_signed_line_is_shown_once_a_connection(bench: Bench) -> None:
    session = bench.greet("ann")
    assert [bench.checkout(session).show_line for _ in range(3)] == [True, False, False]
    bench.greet("ann", "second", held=(101, 102, 103))
    assert bench.checkout(session).show_line


def test_the_line_is_shown_again_when_another_pool_of_the_feature_was_shown_in_between(benches: list[Bench]) -> None:
    """A client remembers one text for a feature, and judges a grant by it."""
    bench = Bench(line("f1", 1, "8.5", keyword="INCREMENT"), line("f1", 9, "8.0", keyword="INCREMENT"))
    benches.append(bench)
    session = bench.greet("ann")
    first = bench.checkout(session, version="8.5")
    assert (first.pool.version, first.show_line) == ("8.5", True)
    second = bench.checkout(session, version="8.0")
    assert (second.pool.version, second.show_line) == ("8.0", True)
    bench.run(CheckinAsked(session, 50, first.handle))
    third = bench.checkout(session, version="8.5")
    assert (third.pool.version, third.show_line) == ("8.5", True)


def test_the_line_is_shown_again_when_a_day_has_changed_it(benches: list[Bench]) -> None:
    bench = Bench(line("f1", 2, keyword="INCREMENT"), line("f1", 3, keyword="INCREMENT", expiry="24-nov-2026"))
    benches.append(bench)
    session = bench.greet("ann")
    assert bench.checkout(session).pool.text.count("INCREMENT") == 2
    bench.run(Tick(date(2026, 11, 25)))
    granted = bench.checkout(session)
    assert granted.show_line
    assert granted.pool.text.count("INCREMENT") == 1


def test_a_greeting_of_very_many_handles_is_not_searched_one_by_one(bench: Bench) -> None:
    class Unsearched(tuple):
        def __contains__(self, _one: object) -> bool:
            raise AssertionError("9,999 handles against 9,999 names is a hundred million comparisons")

    handle = bench.checkout(bench.greet("ann")).handle
    session = bench.greet("ann", "second", held=Unsearched([handle]), asking=Unsearched([77]))
    assert set(bench.machine.ledger.sessions[session].seats) == {handle}


def test_one_client_never_holds_more_handles_than_a_greeting_can_name(benches: list[Bench]) -> None:
    bench = Bench(line("free", 0))
    benches.append(bench)
    session = bench.greet("ann")
    bench.machine.state.settings = msgspec.structs.replace(bench.settings, handles_max=3)
    handles = [bench.checkout(session, "free").handle for _ in range(3)]
    assert bench.checkout(session, "free").number == -26
    bench.run(CheckinAsked(session, 50, handles[0]))
    assert isinstance(bench.checkout(session, "free"), GrantAnswer)


def test_the_first_feature_line_counts_and_the_second_is_ignored_aloud(benches: list[Bench]) -> None:
    bench = Bench(line("f1", 2), line("F1", 50, "8.5"))
    benches.append(bench)
    assert bench.checkout(bench.greet("ann"), count=3).number == -26
    assert any("f1" in text.lower() and "ignored" in text for text in bench.machine.ignored)


def test_increments_of_one_kind_are_one_pool(benches: list[Bench]) -> None:
    bench = Bench(
        line("f1", 2, keyword="INCREMENT"),
        line("f1", 3, keyword="INCREMENT", expiry="1-dec-2026"),
        line("f1", 9, "8.5", keyword="INCREMENT"),
    )
    benches.append(bench)
    pools = bench.machine.ledger.pools["f1"]
    assert [(pool.version, pool.total) for pool in pools] == [("8.5", 9), ("8.0", 5)]
    bench.run(Tick(date(2026, 12, 2)))
    assert [(pool.version, pool.total) for pool in pools] == [("8.5", 9), ("8.0", 2)]


class TestReread:
    def test_a_larger_count_is_there_at_once(self, bench: Bench) -> None:
        session = bench.greet("ann")
        bench.checkout(session, "f2")
        bench.run(LicenseReread((line("f2", 2),), TODAY, None, "admin", "here"))
        assert isinstance(bench.checkout(session, "f2"), GrantAnswer)
        assert bench.entries(Reread)[-1].by_user == "admin"

    def test_holders_over_a_lowered_count_keep_their_seats_and_new_requests_wait(self, bench: Bench) -> None:
        session = bench.greet("ann")
        handles = [bench.checkout(session).handle for _ in range(4)]
        instructions = bench.run(LicenseReread((line("f1", 2),), TODAY))
        assert not [one for one in instructions if isinstance(one, Send)]
        assert bench.used() == 4
        assert bench.checkout(session).number == -4
        for handle in handles[:3]:
            bench.run(CheckinAsked(session, 50, handle))
        assert isinstance(bench.checkout(session), GrantAnswer)

    def test_a_removed_feature_tells_its_holders_92_and_its_return_restores_them(self, bench: Bench) -> None:
        session = bench.greet("ann")
        handle = bench.checkout(session).handle
        gone = [one.answer for one in bench.run(LicenseReread((line("f2", 1),), TODAY)) if isinstance(one, Send)]
        assert [(answer.handle, answer.number) for answer in gone if isinstance(answer, LossAnswer)] == [(handle, -92)]
        assert bench.checkout(session).number == -5
        back = [one.answer for one in bench.run(LicenseReread((line("f1", 5),), TODAY)) if isinstance(one, Send)]
        assert back == [RestoreAnswer(handle)]
        assert bench.used() == 1

    def test_a_new_version_of_a_feature_takes_over_the_seats_of_the_old_one(self, bench: Bench) -> None:
        """Renewed maintenance: the same seats with a higher version. Whoever holds one holds one of the new ones."""
        session = bench.greet("ann")
        handles = [bench.checkout(session).handle for _ in range(4)]
        instructions = bench.run(LicenseReread((line("f1", 5, "8.5"),), TODAY))
        assert not [one for one in instructions if isinstance(one, Send)]
        assert bench.used() == 4
        assert isinstance(bench.checkout(session, version="8.5"), GrantAnswer)
        assert bench.checkout(session).number == -4
        bench.run(CheckinAsked(session, 50, handles[0]))
        assert bench.used() == 4

    def test_a_version_that_does_not_meet_what_was_asked_for_takes_nothing_over(self, bench: Bench) -> None:
        session = bench.greet("ann")
        handle = bench.checkout(session).handle
        (lost,) = [one.answer for one in bench.run(LicenseReread((line("f1", 5, "7.6"),), TODAY)) if isinstance(one, Send)]
        assert (lost.handle, lost.number) == (handle, -92)
        assert bench.used() == 0

    def test_the_old_version_gets_its_seats_back_when_it_comes_back(self, bench: Bench) -> None:
        session = bench.greet("ann")
        bench.checkout(session, count=2)
        bench.run(LicenseReread((line("f1", 5, "8.5"),), TODAY))
        bench.run(LicenseReread((line("f1", 5, "8.5", keyword="INCREMENT"), line("f1", 5)), TODAY))
        # FEATURE lines are tried before INCREMENT lines.
        assert [(pool.version, pool.in_use) for pool in bench.machine.ledger.pools["f1"]] == [("8.0", 2), ("8.5", 0)]

    def test_seats_are_taken_over_by_the_pool_that_has_room(self, bench: Bench) -> None:
        session = bench.greet("ann")
        bench.checkout(session, count=3)
        bench.run(LicenseReread((line("f1", 2, "8.5", keyword="INCREMENT"), line("f1", 5, "8.2", keyword="INCREMENT")), TODAY))
        assert [(pool.version, pool.in_use) for pool in bench.machine.ledger.pools["f1"]] == [("8.5", 0), ("8.2", 3)]

    def test_after_a_restart_with_a_new_version_the_seats_count_there(self, benches: list[Bench]) -> None:
        before = Bench(line("f2", 1))
        handle = before.checkout(before.greet("ann"), "f2").handle
        after = Bench(line("f2", 1, "8.5"), log=before.log)
        benches += [before, after]
        assert after.checkout(after.greet("bob"), "f2").number == -4
        after.greet("ann", "ann-2", held=(handle,))
        assert after.used("f2") == 1


class TestRemove:
    def ask(self, bench: Bench, **named: object) -> list[Instruction]:
        asked = {"user": "", "host": "", "display": "", "handle": 0} | named
        return bench.run(RemoveAsked("tool", 1, "f1", by_user="admin", by_host="here", **asked))

    def test_by_handle_removes_one(self, bench: Bench) -> None:
        session = bench.greet("ann")
        first, second = bench.checkout(session).handle, bench.checkout(session).handle
        sent = [one for one in self.ask(bench, handle=first) if isinstance(one, Send)]
        assert [(one.connection, one.answer) for one in sent] == [
            ("ann", LossAnswer(first, 0, "Removed by admin@here.")),
            ("tool", RemovalAnswer(1, 1, 0, "1 removed")),
        ]
        # The client may use it until it knows: the seat is free when it confirms.
        assert set(bench.machine.ledger.seats) == {first, second}
        bench.run(CheckinAsked(session, 99, first))
        assert set(bench.machine.ledger.seats) == {second}
        assert bench.entries(CheckedIn)[-1].why == "removed"

    def test_by_name_removes_all_that_match(self, bench: Bench) -> None:
        ann, bob = bench.greet("ann"), bench.greet("bob")
        bench.checkout(ann), bench.checkout(ann), bench.checkout(bob)
        self.ask(bench, user="ann", host="ann-pc", display="/dev/tty")
        assert bench.used() == 3
        bench.now += bench.settings.lease_s
        # Bob lives, and ann's client confirms nothing: her lease has ended.
        bench.run(Heard(ann)), bench.run(Heard(bob))
        bench.run(Tick(TODAY))
        assert bench.used() == 1

    def test_what_is_written_down_is_what_was_asked_for(self, bench: Bench) -> None:
        handle = bench.checkout(bench.greet("ann")).handle
        self.ask(bench, handle=handle, user="not looked at")
        bench.now += 200
        bench.checkout(bench.greet("ann"))
        self.ask(bench, user="ann", host="ann-pc", display="/dev/tty")
        assert [entry.text for entry in bench.entries(Act)] == [f"f1 handle {handle}", "f1 ann ann-pc /dev/tty"]

    def test_nothing_matches(self, bench: Bench) -> None:
        assert self.ask(bench, handle=555)[-1].answer == RemovalAnswer(1, 0, -41, "No checkout matches.")


def test_the_log_begins_with_who_opened_it(bench: Bench) -> None:
    assert [type(entry) for entry in bench.log[:2]] == [Reread, Opened]


def test_where_servers_are_three_a_closed_connection_keeps_its_seats_for_the_lease_time_and_the_drift() -> None:
    settings = VendorSettings("genesys.d", lease_s=60.0, closed_frees=False, drift=0.1)
    machine = Machine(settings, TODAY)
    connection = object()
    machine.handle(LicenseReread((line("f1"),), TODAY), 0.0, 0.0)
    (accepted,) = machine.handle(Greeting(connection, "a", "u", "h", "", 1, "", ""), 0.0, 0.0)
    assert isinstance(accepted, Send)
    assert isinstance(accepted.answer, Accepted)
    machine.handle(CheckoutAsked(accepted.answer.session, 1, "f1", "8.0", 1, 1, ""), 0.0, 0.0)
    machine.handle(Disconnected(accepted.answer.session, connection), 1.0, 0.0)
    machine.handle(Tick(TODAY), 73.0, 0.0)
    assert len(machine.ledger.seats) == 1
    machine.handle(Tick(TODAY), 74.0, 0.0)
    assert not machine.ledger.seats
