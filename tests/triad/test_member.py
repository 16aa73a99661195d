"""A member of a triad, event by event: three of them on a log that the test keeps, with time and outcomes in the test's hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from seatkeeper.triad.events import (
    Appending,
    Asked,
    Became,
    Configured,
    Delivered,
    Keep,
    Outcame,
    Purge,
    Reached,
    Record,
    Release,
    Stop,
    Ticked,
)
from seatkeeper.triad.member import Member, TriadSettings
from seatkeeper.vendor.chain import GENESIS
from seatkeeper.vendor.entries import CheckedOut, Elected, Snapshot
from seatkeeper.vendor.events import Accepted, CheckoutAsked, Close, DenialAnswer, GrantAnswer, Greeting, Heard, LicenseReread, Send
from seatkeeper.vendor.log import Appended, Conflict, Unknown
from seatkeeper.vendor.machine import Machine
from support.vendor_bench import NOON, SETTINGS, TODAY, license_lines

if TYPE_CHECKING:
    from seatkeeper.triad.events import Effect, Event

LICENSE = """SERVER this_host ANY
VENDOR genesys.d
FEATURE f1 genesys.d 8.0 permanent 2 SIGN=x
"""


class Trio:
    """Three members. The log takes an append when the test says so; deliveries come when the test says so."""

    def __init__(self, **settings: Any) -> None:
        self.now = 0.0
        self.log: list[Record] = []
        self.settings = settings
        self.journals: list[list[Record]] = [[], [], []]
        self.members = [self.fresh(me) for me in range(3)]
        self.effects: list[Effect] = []

    def fresh(self, me: int) -> Member:
        """A new process, from its own journal."""
        machine = Machine(SETTINGS, TODAY)
        journal = self.journals[me]
        for record in journal:
            for entry in record.entries:
                machine.replay(entry)
        seq = journal[-1].seq + len(journal[-1].entries) - 1 if journal else 0
        known = {record.seq + len(record.entries) - 1: record.hash for record in journal}
        member = Member(TriadSettings(me, **self.settings), machine, seq, journal[-1].hash if journal else GENESIS, known, self.now)
        member.handle(Configured(LicenseReread(license_lines(LICENSE), TODAY)), self.now, NOON)
        member.handle(Reached(len(self.log)), self.now, NOON)
        return member

    def do(self, me: int, event: Event) -> list[Effect]:
        """One event; what is to be kept is kept."""
        effects = self.members[me].handle(event, self.now, NOON + self.now)
        self.journals[me] += [one.record for one in effects if isinstance(one, Keep)]
        self.effects = effects
        return effects

    def take(self, effects: list[Effect]) -> Appending | None:
        """What is to be appended; the log takes it where the position is right."""
        (append,) = [one for one in effects if isinstance(one, Appending)] or [None]
        if append is not None and append.expected == len(self.log):
            self.log.append(append.record)
        return append

    def settle(self, me: int, effects: list[Effect]) -> list[Any]:
        """Appends until nothing is to be appended; all instructions that were let out."""
        seen: list[Any] = []
        while True:
            seen += [instruction for one in effects if isinstance(one, Release) for instruction in one.instructions]
            append = self.take(effects)
            if append is None:
                return seen
            assert self.log[-1] is append.record
            effects = self.do(me, Outcame(append.expected, Appended(len(self.log))))

    def deliver(self, me: int) -> list[Effect]:
        """All that the member has not read."""
        effects: list[Effect] = []
        for position in range(self.members[me].position, len(self.log)):
            effects += self.do(me, Delivered(position + 1, self.log[position]))
        return effects

    def tick(self, me: int, seconds: float = 0.0) -> list[Effect]:
        """Time passes for all, and this one notices."""
        self.now += seconds
        return self.do(me, Ticked(TODAY, 0.5))

    def elect(self, me: int) -> None:
        """The member becomes master, after some silence."""
        self.deliver(me)
        self.tick(me, 0.1)
        self.settle(me, self.tick(me, 60.0))
        assert self.members[me].role == "master"
        for other in {0, 1, 2} - {me}:
            self.deliver(other)

    def ask(self, me: int, event: Any, *replies: Send) -> list[Any]:
        """What a client is told when the log has taken everything."""
        return self.settle(me, self.do(me, Asked(event, replies)))

    def greet(self, me: int, name: str) -> int:
        """A client opens its session; its number."""
        told = self.ask(me, Greeting(f"{name}@{me}", f"digest of {name}", name, f"{name}-pc", ":0", 1))
        (accepted,) = [one.answer for one in told if isinstance(one, Send) and isinstance(one.answer, Accepted)]
        return accepted.session


def checkout(session: int, request: int = 1) -> CheckoutAsked:
    return CheckoutAsked(session, request, "f1", "", 1, False, "")


def answers(told: list[Any]) -> list[type]:
    return [type(one.answer) for one in told if isinstance(one, Send)]


def test_who_hears_nothing_stands_and_is_master_when_the_log_has_it() -> None:
    trio = Trio()
    assert trio.tick(1, 1.0) == []
    effects = trio.tick(1, 1.0)
    assert [type(one) for one in effects] == [Became, Appending]
    assert trio.members[1].role == "standing"
    append = trio.take(effects)
    assert append is not None
    assert [type(entry) for entry in append.record.entries] == [Elected]
    effects = trio.do(1, Outcame(0, Appended(1)))
    assert Became("master", 1, 1) in effects
    trio.settle(1, effects)
    for other in (0, 2):
        trio.deliver(other)
        assert (trio.members[other].role, trio.members[other].master, trio.members[other].term) == ("following", 1, 1)


def test_of_two_who_stand_one_is_master_and_the_other_follows() -> None:
    trio = Trio()
    for me in (0, 1):
        trio.tick(me)
    first, second = trio.tick(0, 60.0), trio.tick(1)
    trio.take(first)
    assert trio.take(second) is not None
    assert trio.do(1, Outcame(0, Conflict(1))) == []
    trio.settle(0, trio.do(0, Outcame(0, Appended(1))))
    trio.deliver(1)
    assert (trio.members[1].role, trio.members[1].master) == ("following", 0)
    assert trio.members[0].role == "master"


def test_a_seat_is_seen_when_the_log_has_it_and_by_all_three() -> None:
    trio = Trio()
    trio.elect(0)
    session = trio.greet(0, "ann")
    effects = trio.do(0, Asked(checkout(session)))
    assert [type(one) for one in effects] == [Appending]
    append = trio.take(effects)
    assert append is not None
    assert any(isinstance(entry, CheckedOut) for entry in append.record.entries)
    effects = trio.do(0, Outcame(append.expected, Appended(len(trio.log))))
    assert answers([one for each in effects if isinstance(each, Release) for one in each.instructions]) == [GrantAnswer]
    for other in (1, 2):
        trio.deliver(other)
        assert len(trio.members[other].machine.ledger.seats) == 1
        assert trio.journals[other] == trio.journals[0]


def test_a_heartbeat_is_answered_only_after_an_append_that_began_after_it() -> None:
    trio = Trio()
    trio.elect(0)
    session = trio.greet(0, "ann")
    under_way = trio.do(0, Asked(checkout(session)))
    reply = Send("ann@0", "beat", durable=False)  # type: ignore[arg-type]
    assert trio.do(0, Asked(Heard(session), (reply,))) == []
    append = trio.take(under_way)
    assert append is not None
    effects = trio.do(0, Outcame(append.expected, Appended(len(trio.log))))
    (released,) = [one.instructions for one in effects if isinstance(one, Release)]
    assert reply not in released
    assert reply in trio.settle(0, effects)


def test_a_heartbeat_of_a_session_that_is_gone_is_not_answered() -> None:
    trio = Trio()
    trio.elect(0)
    assert trio.ask(0, Heard(99), Send("x", "beat", durable=False)) == []  # type: ignore[arg-type]


def test_a_master_beats_while_nothing_happens() -> None:
    trio = Trio()
    trio.elect(0)
    assert trio.tick(0, 0.1) == []
    before = trio.members[0].seq
    append = trio.take(trio.tick(0, 0.5))
    assert append is not None
    assert append.record.entries == ()
    trio.do(0, Outcame(append.expected, Appended(len(trio.log))))
    assert trio.members[0].seq == before
    heard = trio.now
    trio.deliver(1)
    assert trio.members[1]._heard == heard
    assert trio.journals[1] == trio.journals[0]


def test_an_old_master_ends_when_it_reads_the_new_one_and_never_answered() -> None:
    trio = Trio()
    trio.elect(0)
    session = trio.greet(0, "ann")
    trio.deliver(1)
    late = trio.do(0, Asked(checkout(session)))
    trio.tick(1)
    trio.settle(1, trio.tick(1, 60.0))
    assert trio.members[1].role == "master"
    append = next(one for one in late if isinstance(one, Appending))
    assert append.expected != len(trio.log)
    assert trio.do(0, Outcame(append.expected, Conflict(len(trio.log)))) == []
    effects = trio.deliver(0)
    assert [type(one) for one in effects] == [Stop]
    assert not effects[0].alarm  # type: ignore[union-attr]
    assert trio.do(0, Ticked(TODAY, 0.0)) == []


def test_after_a_takeover_nobody_loses_a_seat_and_nobody_gets_a_third_of_two() -> None:
    trio = Trio()
    trio.elect(0)
    for name in ("ann", "bob"):
        trio.ask(0, checkout(trio.greet(0, name)))
    trio.elect(1)
    stranger = trio.greet(1, "eve")
    assert answers(trio.ask(1, checkout(stranger))) == [DenialAnswer]
    # Nobody came back: after a whole lease from the takeover on, and not before, the seats are free.
    trio.now += SETTINGS.lease_s - 1
    trio.settle(1, trio.tick(1))
    assert len(trio.members[1].machine.ledger.seats) == 2
    trio.now += 3
    trio.ask(1, Heard(stranger))
    trio.settle(1, trio.tick(1))
    assert len(trio.members[1].machine.ledger.seats) == 0


@pytest.mark.parametrize("landed", [True, False])
def test_an_append_of_which_nothing_is_known_is_made_again_at_the_same_position(landed: bool) -> None:
    trio = Trio()
    trio.elect(0)
    session = trio.greet(0, "ann")
    effects = trio.do(0, Asked(checkout(session)))
    (append,) = [one for one in effects if isinstance(one, Appending)]
    if landed:
        trio.take(effects)
    assert trio.do(0, Outcame(append.expected, Unknown("no answer came"))) == []
    assert trio.tick(0, 1.0) == []
    again = trio.tick(0, 5.0)
    assert again == [append]
    trio.take(again)
    if landed:
        assert trio.do(0, Outcame(append.expected, Conflict(len(trio.log)))) == []
        assert trio.tick(0, 1.0) == []
        told = [one for each in trio.deliver(0) if isinstance(each, Release) for one in each.instructions]
    else:
        told = trio.settle(0, trio.do(0, Outcame(append.expected, Appended(len(trio.log)))))
    assert answers(told) == [GrantAnswer]
    assert sum(isinstance(entry, CheckedOut) for record in trio.log for entry in record.entries) == 1


def test_what_was_refused_for_a_record_that_vanishes_again_is_appended_again() -> None:
    trio = Trio()
    trio.elect(0)
    append = trio.take(trio.do(0, Asked(Greeting("ann@0", "digest of ann", "ann", "ann-pc", ":0", 1))))
    assert append is not None
    # The log's own leader refuses the second copy for the first, and loses that with its leadership.
    assert trio.do(0, Outcame(append.expected, Unknown("no answer came"))) == []
    assert trio.do(0, Outcame(append.expected, Conflict(len(trio.log)))) == []
    trio.log.pop()
    again = trio.tick(0, 3.0)
    assert again == [append]
    assert answers(trio.settle(0, again)) == [Accepted]


def test_an_acknowledgement_of_another_position_is_no_fence_and_raises_an_alarm() -> None:
    trio = Trio()
    trio.elect(0)
    trio.do(0, Asked(checkout(trio.greet(0, "ann"))))
    (stop,) = trio.do(0, Outcame(len(trio.log), Appended(len(trio.log) + 2)))
    assert isinstance(stop, Stop)
    assert stop.alarm


def test_a_conflict_with_what_a_leader_without_the_others_never_had_is_no_end() -> None:
    """What nats-server 2.15 does: its first append gets no answer, the second one a conflict with the first, which is then lost."""
    trio = Trio()
    trio.elect(0)
    effects = trio.do(0, Asked(checkout(trio.greet(0, "ann"))))
    (append,) = [one for one in effects if isinstance(one, Appending)]
    assert trio.do(0, Outcame(append.expected, Unknown("no answer came"))) == []
    assert trio.tick(0, 5.0) == [append]
    assert trio.do(0, Outcame(append.expected, Conflict(append.expected + 1))) == []
    again = trio.tick(0, 5.0)
    assert again == [append]
    trio.take(again)
    assert answers(trio.settle(0, trio.do(0, Outcame(append.expected, Appended(len(trio.log)))))) == [GrantAnswer]


def test_who_has_not_read_what_there_was_does_not_stand() -> None:
    trio = Trio()
    trio.elect(0)
    trio.members[2] = Member(TriadSettings(2), Machine(SETTINGS, TODAY), 0, GENESIS, {}, trio.now)
    trio.do(2, Configured(LicenseReread(license_lines(LICENSE), TODAY)))
    trio.tick(2, 60.0)
    assert trio.tick(2, 60.0) == []
    trio.do(2, Reached(len(trio.log)))
    assert trio.tick(2, 60.0) == []
    trio.deliver(2)
    trio.tick(2)
    assert [type(one) for one in trio.tick(2, 60.0)] == [Became, Appending]


def test_a_member_that_starts_again_compares_its_journal_and_goes_on() -> None:
    trio = Trio()
    trio.elect(0)
    trio.ask(0, checkout(trio.greet(0, "ann")))
    trio.deliver(2)
    trio.members[2] = trio.fresh(2)
    trio.ask(0, checkout(trio.greet(0, "bob")))
    trio.deliver(2)
    assert len(trio.members[2].machine.ledger.seats) == 2
    assert trio.journals[2] == trio.journals[0]


@pytest.mark.parametrize("how", ["changed", "more", "within"])
def test_a_journal_that_is_not_what_the_log_has_raises_an_alarm(how: str) -> None:
    trio = Trio()
    trio.elect(0)
    trio.ask(0, checkout(trio.greet(0, "ann")))
    trio.deliver(2)
    journal = trio.journals[2]
    if how == "changed":
        journal[0] = msgspec.structs.replace(journal[0], hash="0" * 64)
    elif how == "more":
        trio.log.pop()
        while not trio.log[-1].entries:
            trio.log.pop()
    else:
        journal[-1] = msgspec.structs.replace(journal[-1], entries=journal[-1].entries[:1], hash="1" * 64)
    trio.members[2] = trio.fresh(2)
    effects = trio.deliver(2)
    if how == "more":
        assert not any(isinstance(one, Stop) for one in effects)
        assert trio.tick(2, 59.0) == []
        effects = trio.tick(2, 2.0)
    assert isinstance(effects[-1], Stop)
    assert effects[-1].alarm


def test_who_has_a_journal_does_not_begin_an_empty_log() -> None:
    trio = Trio()
    trio.elect(0)
    trio.ask(0, checkout(trio.greet(0, "ann")))
    trio.log = []
    trio.members[0] = trio.fresh(0)
    assert [trio.tick(0, 10.0) for _ in range(4)] == [[], [], [], []]
    (stop,) = trio.tick(0, 60.0)
    assert isinstance(stop, Stop)
    assert stop.alarm
    assert "the log only to 0" in stop.reason


def test_what_a_new_leader_of_the_log_does_not_show_yet_is_not_lost_and_its_reader_does_not_stand_meanwhile() -> None:
    """Seed 202139: a member came back before the log's new leader showed what the old one had acknowledged."""
    trio = Trio()
    trio.elect(0)
    trio.ask(0, checkout(trio.greet(0, "ann")))
    trio.deliver(2)
    whole, trio.log = trio.log, trio.log[:1]
    trio.members[2] = trio.fresh(2)
    trio.deliver(2)
    assert [trio.tick(2, 10.0) for _ in range(4)] == [[], [], [], []]
    trio.log = whole
    assert not any(isinstance(one, Stop) for one in trio.deliver(2))
    trio.tick(2)
    assert [type(one) for one in trio.tick(2, 60.0)] == [Became, Appending]


def test_a_snapshot_stands_for_what_was_purged() -> None:
    trio = Trio(snapshot_entries=6)
    trio.elect(0)
    effects: list[Effect] = []
    for name in ("ann", "bob"):
        trio.ask(0, checkout(trio.greet(0, name)))
    at = next(number for number, record in enumerate(trio.log) if record.entries and isinstance(record.entries[0], Snapshot))
    member = Member(TriadSettings(2), Machine(SETTINGS, TODAY), 0, GENESIS, {}, trio.now)
    for position in range(at, len(trio.log)):
        effects += member.handle(Delivered(position + 1, trio.log[position]), trio.now, NOON)
    assert not any(isinstance(one, Stop) for one in effects)
    assert len(member.machine.ledger.seats) == 2
    assert (member.seq, member.head) == (trio.members[0].seq, trio.members[0].head)


def test_what_a_snapshot_has_may_be_purged() -> None:
    trio = Trio(snapshot_entries=1)
    trio.elect(0)
    session = trio.greet(0, "ann")
    purges: list[int] = []
    effects = trio.do(0, Asked(checkout(session)))
    while (append := trio.take(effects)) is not None:
        effects = trio.do(0, Outcame(append.expected, Appended(len(trio.log))))
        purges += [one.position for one in effects if isinstance(one, Purge)]
    assert purges
    assert isinstance(trio.log[purges[-1] - 1].entries[0], Snapshot)


def test_who_is_not_master_sends_clients_away() -> None:
    trio = Trio()
    trio.elect(0)
    told = trio.ask(1, Greeting("eve@1", "digest", "eve", "eve-pc", ":0", 1))
    assert [type(one) for one in told] == [Close]
