"""The whole mind against a naive model (tests/support/vendor_model.py): any sequence of events leaves both with the same.

After each event: the ledger's invariants hold, both have the same seats, the same queue and the same counts, no pool gave more than it
has, another process that has read the log knows the same, and whoever is told that it holds seats holds them. At the end everybody goes,
and nothing is left.

The same rules are played by hypothesis, which makes a failure short, and by dice with a seed, which get further in as many steps.
SEATKEEPER_LONG=1 plays very many times more often.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.vendor_bench import NOON, SETTINGS, TODAY, encoded, license_lines, options_file
from tests.support.vendor_files import license_text, options_text, random_pools, random_rules, served
from tests.support.vendor_model import Ask, Client, Hold, Model

from seatkeeper.vendor import entries, events
from seatkeeper.vendor.events import Append, Send
from seatkeeper.vendor.machine import Machine

if TYPE_CHECKING:
    from seatkeeper.pools.counted import Pool
    from seatkeeper.vendor.entries import Entry, Snapshot
    from seatkeeper.vendor.events import Event

LONG = os.environ.get("SEATKEEPER_LONG") == "1"
DAY_S = 86400.0
PEOPLE = (("ann", "h1", ":0"), ("ann", "h1", ":0"), ("ann", "h2", ":0"), ("bob", "h1", ":0"), ("cid", "h3", ":1"))
#: Walks with dice, in so many batches: each fails by itself.
WALKS, STEPS, BATCHES = (20_000, 100, 20) if LONG else (160, 80, 2)

dice = st.randoms(use_true_random=False)


class MindAgainstModel(RuleBasedStateMachine):
    """The daemon's mind and its model, told the same."""

    @initialize(r=dice)
    def begin(self, r: Random) -> None:
        self.now, self.drift = 100.0, 0.0
        self.files = served(random_pools(r, 0), random_rules(r))
        self.log: list[Entry] = []
        self.snap: tuple[Snapshot, int] | None = None
        self.requests = 0
        self.clients = [Client(f"{number}", *person) for number, person in enumerate(PEOPLE)]
        self.model = Model(self.files, clients=self.clients)
        self.connections: dict[str, object] = {}
        #: What each client believes: the handles that it holds, and those of them without a license.
        self.believes: dict[str, set[int]] = {client.name: set() for client in self.clients}
        self.unlicensed: dict[str, set[int]] = {client.name: set() for client in self.clients}
        self.follower = Machine(SETTINGS, TODAY)
        self.start(self.log)

    # The two are told the same ---------------------------------------------------------------------------------------

    @property
    def wall(self) -> float:
        return NOON + self.now + self.drift

    @property
    def today(self) -> date:
        return datetime.fromtimestamp(self.wall, UTC).date()

    def start(self, log: list[Entry]) -> None:
        self.machine = Machine(SETTINGS, self.today)
        for entry in log:
            self.machine.replay(encoded(entry))
        self.move()
        self.model.restart(max([self.machine.ledger.latest, *(entry.at for entry in log)]))
        self.run(self.files_read())
        self.run(events.Recovered())
        self.model.reread(self.files)
        self.connections.clear()
        for client in self.clients:
            self.believes[client.name] &= {hold.handle for hold in self.model.of(client)}

    def files_read(self) -> events.LicenseReread:
        return events.LicenseReread(license_lines(license_text(self.files)), self.today, options_file(options_text(self.files)))

    def move(self, seconds: float = 0.001) -> None:
        """No two things happen at quite the same time."""
        self.now += seconds
        self.model.now, self.model.wall = self.now, self.wall

    def run(self, event: Event) -> list[object]:
        """What the machine answers; clients take note of what they are told, and the follower of what is written down."""
        before = {pool: pool.in_use for group in self.machine.ledger.pools.values() for pool in group}
        instructions = self.machine.handle(event, self.now, self.wall)
        appended = [one.entry for one in instructions if isinstance(one, Append)]
        self.log += appended
        for entry in appended:
            self.follower.replay(encoded(entry))
        if not isinstance(event, events.LicenseReread):
            self.nothing_too_much(appended, before)
        for one in instructions:
            if isinstance(one, Send):
                self.take_note(one)
        return [one.answer for one in instructions if isinstance(one, Send)]

    def nothing_too_much(self, appended: list[Entry], before: dict[Pool, int]) -> None:
        for entry in appended:
            if isinstance(entry, entries.CheckedOut) and entry.handle in self.machine.ledger.seats:
                pool = self.machine.ledger.seats[entry.handle].pool
                assert pool is not None
                assert pool.in_use <= max(pool.capacity, before[pool]), f"{pool.feature}: {pool.in_use} of {pool.capacity}"

    def take_note(self, sent: Send) -> None:
        name = next((name for name, connection in self.connections.items() if connection is sent.connection), "")
        if not name:
            return
        mine, bare = self.believes[name], self.unlicensed[name]
        match sent.answer:
            case events.Accepted(held=held):
                mine &= set(held)
                bare.clear()
            case events.GrantAnswer(handle=handle):
                mine.add(handle)
            case events.BorrowAnswer(seat=seat):
                mine.add(seat.handle)
            case events.ReturnAnswer(handle=handle) | events.LossAnswer(handle=handle, number=0):
                mine.discard(handle)
                bare.discard(handle)
            case events.LossAnswer(handle=handle):
                bare.add(handle)
            case events.RestoreAnswer(handle=handle):
                bare.discard(handle)

    def session(self, client: Client) -> int:
        return self.machine.ledger.by_digest[f"digest {client.name}"].number

    def greet(self, client: Client, held: set[int], asking: set[int]) -> None:
        # What the client is told changes what it believes, and not what it has said.
        held = set(held)
        connection = self.connections[client.name] = object()
        who = (f"digest {client.name}", client.user, client.host, client.display)
        self.run(events.Greeting(connection, *who, held=tuple(sorted(held)), asking=tuple(sorted(asking))))
        self.model.greet(client, held, asking)
        self.model.serve()

    def there(self, client: Client) -> Client:
        """The client, which comes if it is not there."""
        if not client.connected:
            self.greet(client, self.believes[client.name], self.waiting(client))
        return client

    def waiting(self, client: Client) -> set[int]:
        return {wait.ask.request for wait in self.model.waits if wait.client is client}

    def random_ask(self, r: Random) -> Ask:
        self.requests += 1
        # Mostly something that there is.
        feature = r.choice([pool.feature for pool in self.files.pools] * 4 + list("psk"))
        hours = r.choice([*[0] * 30, 1, 1, 1.5, 3, -1])
        return Ask(
            self.requests,
            feature,
            r.choice(["", "", "", "8.0", "8.5"]) if feature in "pab" else "",
            r.choice([1, 1, 1, 2, 2, 3]),
            r.random() < 0.2,
            r.choice(["", "", "", ":9"]),
            r.choice(["", "", "t1"]),
            r.random() < 0.6,
            self.wall + hours * 3600 if hours else 0.0,
        )

    def send(self, client: Client, ask: Ask) -> list[object]:
        fields = (ask.feature, ask.version, ask.count, ask.up_to, ask.display, ask.queue, ask.data, ask.borrow_until)
        return self.run(events.CheckoutAsked(self.session(client), ask.request, *fields))

    # Clients ---------------------------------------------------------------------------------------------------------

    @rule(r=dice)
    def ask(self, r: Random) -> None:
        self.move()
        client = self.there(r.choice(self.clients))
        ask = self.random_ask(r)
        answers = self.send(client, ask)
        expected = self.model.ask(client, ask)
        told: list[tuple[object, ...]] = []
        for answer in answers:
            match answer:
                case events.GrantAnswer(request=ask.request, handle=handle, count=count):
                    told.append(("seats", handle, count))
                case events.BorrowAnswer(seat=seat) if seat.request == ask.request:
                    told.append(("seats", seat.handle, seat.count))
                case events.QueuedAnswer(request=ask.request, handle=handle):
                    told.append(("waits", handle))
                case events.DenialAnswer(request=ask.request, number=number):
                    told.append(expected if expected[0] == "denied" and number in expected[1] else ("denied", number))
        assert told[:1] == [expected], f"{told} for {ask} of {client.name}, expected {expected}"
        self.model.serve()

    @rule(r=dice)
    def ask_another(self, r: Random) -> None:
        """Most of what happens in a daemon's life is this."""
        self.ask(r)

    @rule(r=dice)
    def lose_an_answer(self, r: Random) -> None:
        """The answer is lost with the connection; the client comes back, and asks again or not."""
        self.move()
        client = self.there(r.choice(self.clients))
        ask, before = self.random_ask(r), set(self.believes[client.name])
        # The connection is dead already.
        del self.connections[client.name]
        self.send(client, ask)
        self.model.ask(client, ask)
        self.model.serve()
        hold = next((one for one in self.model.of(client) if one.request == ask.request), None)
        if hold is not None and r.random() < 0.3:
            self.remove_one(hold, by_handle=True)
        again = r.random() < 0.6
        asking = self.waiting(client) - {ask.request}
        self.move()
        self.greet(client, before, asking | {ask.request} if again else asking)
        if again:
            hold = next((one for one in self.model.of(client) if one.request == ask.request), None)
            answers = self.send(client, ask)
            if hold is not None:
                assert any(getattr(answer, "handle", 0) == hold.handle or hasattr(answer, "seat") for answer in answers)
                self.model.hear(client)
            elif ask.request not in self.waiting(client):
                self.model.ask(client, ask)
                self.model.serve()

    @rule(r=dice)
    def come_again(self, r: Random) -> None:
        """A client comes over a new connection, and has or has not given up what it waited for."""
        self.move()
        client = r.choice(self.clients)
        self.greet(client, self.believes[client.name], self.waiting(client) if r.random() < 0.8 else set())

    @precondition(lambda self: self.model.holds)
    @rule(r=dice)
    def give_back(self, r: Random) -> None:
        self.move()
        hold = r.choice(self.model.holds)
        client = self.there(hold.client)
        self.move()
        answers = self.run(events.CheckinAsked(self.session(client), 0, hold.handle))
        assert answers[0].handle == hold.handle
        assert answers[0].number in ((0, -41) if hold.kept else (0,))
        self.model.hear(client)
        if hold in self.model.of(client):
            self.model.give_back(hold, "checkin")
        self.model.serve()

    @precondition(lambda self: self.model.waits)
    @rule(r=dice)
    def give_up(self, r: Random) -> None:
        self.move()
        wait = r.choice(self.model.waits)
        client = self.there(wait.client)
        if wait not in self.model.waits:
            return
        self.run(events.CheckinAsked(self.session(client), 0, wait.handle))
        self.model.hear(client)
        self.model.waits.remove(wait)
        self.model.serve()

    @rule(r=dice)
    def go(self, r: Random) -> None:
        client = r.choice(self.clients)
        if client.connected:
            self.move()
            self.end(client, politely=r.random() < 0.5)

    def end(self, client: Client, *, politely: bool) -> None:
        session = self.session(client)
        self.run(events.Left(session) if politely else events.Disconnected(session, self.connections[client.name]))
        self.model.end(client, "checkin" if politely else "closed")
        self.model.serve()
        self.is_gone(client)

    def is_gone(self, client: Client) -> None:
        self.connections.pop(client.name, None)
        self.believes[client.name].clear()
        self.unlicensed[client.name].clear()

    @precondition(lambda self: any(client.connected for client in self.clients))
    @rule(r=dice)
    def tell_idle(self, r: Random) -> None:
        self.move()
        client = r.choice([client for client in self.clients if client.connected])
        mine, idle = self.model.of(client), r.random() < 0.8
        one = r.choice(mine) if mine and r.random() < 0.5 else None
        self.run(events.IdleTold(self.session(client), one.handle if one is not None else 0, idle))
        self.model.hear(client)
        for hold in [one] if one is not None else mine:
            hold.idle = (hold.idle if hold.idle is not None else self.now) if idle else None

    # Administrators and borrowers ------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.holds)
    @rule(r=dice)
    def remove(self, r: Random) -> None:
        self.move()
        self.remove_one(r.choice(self.model.holds), by_handle=r.random() < 0.5)

    def remove_one(self, hold: Hold, *, by_handle: bool) -> None:
        who = (hold.client.user, hold.client.host, hold.display)
        handle = hold.handle if by_handle else 0
        answers = self.run(events.RemoveAsked("admin", 1, hold.feature, *who, handle, "admin", "here"))
        assert (answers[-1].number, answers[-1].removed) == self.model.remove(hold.feature, *who, handle)

    @precondition(lambda self: self.model.holds)
    @rule(r=dice)
    def revoke(self, r: Random) -> None:
        self.move()
        hold = r.choice(self.model.holds)
        answers = self.run(events.RevokeAsked("admin", 1, hold.handle, "admin", "here"))
        (answer,) = [answer for answer in answers if isinstance(answer, events.RemovalAnswer)]
        assert answer.number == (0 if hold.borrow_until else -41)
        if hold.borrow_until:
            self.model.holds.remove(hold)
            self.model.serve()

    @precondition(lambda self: self.model.holds)
    @rule(r=dice)
    def bring_home(self, r: Random) -> None:
        self.move()
        hold, proven = r.choice(self.model.holds), r.random() < 0.7
        answers = self.run(events.BorrowReturned("laptop", 1, hold.handle, proven))
        assert answers[0].number == (-124 if not proven else 0 if hold.borrow_until else -128)
        if proven and hold.borrow_until:
            self.model.holds.remove(hold)
            self.believes[hold.client.name].discard(hold.handle)
            self.unlicensed[hold.client.name].discard(hold.handle)
            self.model.serve()

    @rule(r=dice)
    def reread(self, r: Random) -> None:
        self.move()
        pools = self.files.pools if r.random() < 0.5 else random_pools(r, len(self.model.suites("s")))
        self.files = served(pools, self.files.rules if r.random() < 0.5 else random_rules(r))
        self.run(self.files_read())
        self.model.reread(self.files)
        self.model.serve()

    # Time ------------------------------------------------------------------------------------------------------------

    @rule(r=dice)
    def wait(self, r: Random) -> None:
        """Time passes, and most clients show that they live."""
        self.move(r.choice([1.0, 20.0, 45.0, 61.0, 130.0, 900.0, 3700.0]))
        for client in self.clients:
            if client.connected and r.random() < 0.9:
                self.run(events.Heard(self.session(client)))
                self.model.hear(client)
        self.tick()

    @rule(r=dice)
    def set_the_clock(self, r: Random) -> None:
        self.drift = r.choice([DAY_S, -DAY_S, -3600.0, -200.0, 0.0, 0.0])
        self.move()
        self.tick()

    def tick(self) -> None:
        self.run(events.Tick(self.today))
        self.model.tick()
        self.model.serve()
        for client in self.clients:
            if client.heard is None:
                self.is_gone(client)

    @rule(r=dice)
    def note_a_snapshot(self, r: Random) -> None:
        del r
        self.snap = self.machine.ledger.snapshot(self.wall), len(self.log)

    @precondition(lambda self: self.model.holds or self.model.waits)
    @rule(r=dice)
    def restart(self, r: Random) -> None:
        """A new process begins from the whole log, or from a snapshot and what came after it."""
        if self.snap is not None and r.random() < 0.5:
            snapshot, seen = self.snap
            self.start([snapshot, *self.log[seen:]])
        else:
            self.start(self.log)

    # What must hold --------------------------------------------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "machine"):
            self.machine.ledger.check()
            self.both_are_the_same()
            self.the_log_says_it_all()
            self.who_is_told_that_it_holds_seats_holds_them()

    def both_are_the_same(self) -> None:
        ledger, model = self.machine.ledger, self.model
        seats = {
            handle: (
                (seat.session.user, seat.session.host, seat.display, seat.data),
                (seat.feature, seat.version, seat.pool.version if seat.pool is not None else None, seat.count),
                (seat.borrow_until, seat.until, seat.revoked),
            )
            for handle, seat in ledger.seats.items()
        }
        assert seats == {
            hold.handle: (
                (hold.client.user, hold.client.host, hold.display, hold.data),
                (hold.feature, hold.version, hold.home[1] if hold.home is not None else None, hold.count),
                (hold.borrow_until, hold.kept, bool(hold.revoked) and not hold.kept),
            )
            for hold in model.holds
        }
        assert list(ledger.waiters) == [wait.handle for wait in model.waits]
        for group in ledger.pools.values():
            for pool in group:
                self.counts_are_the_same(pool)

    def counts_are_the_same(self, pool: Pool) -> None:
        model = self.model
        if pool.enables:
            assert pool.in_use == model.suites_used(pool.enables)
            return
        (mine,) = [one for one in model.pools_of(pool.feature) if one.version == pool.version]
        assert (pool.total, pool.capacity, pool.in_use) == (model.total(mine), model.capacity(mine), model.used(mine))
        assert pool.reserved_idle == sum(idle for _, _, idle in model.reserved(mine)), f"{pool.feature} {pool.version}"

    def the_log_says_it_all(self) -> None:
        read, known = self.follower.ledger.snapshot(0.0), self.machine.ledger.snapshot(0.0)
        assert (read.seats, read.waiters, read.next_handle) == (known.seats, known.waiters, known.next_handle)
        assert sorted(read.sessions, key=lambda one: one.session) == sorted(known.sessions, key=lambda one: one.session)

    def who_is_told_that_it_holds_seats_holds_them(self) -> None:
        for client in self.clients:
            if client.connected:
                mine = [hold for hold in self.model.of(client) if not hold.revoked]
                there = {hold.handle for hold in mine}
                assert self.believes[client.name] == there, f"client {client.name}"
                bare = {hold.handle for hold in mine if not self.is_covered(hold)}
                assert self.unlicensed[client.name] & there == bare, f"client {client.name}"

    def is_covered(self, hold: Hold) -> bool:
        pool = self.model.pool_of(hold)
        return pool is not None and self.model.is_good(pool)

    def teardown(self) -> None:
        """When everybody has gone and everything has ended, nothing is left."""
        if not hasattr(self, "machine"):
            return
        for client in self.clients:
            if client.connected:
                self.move()
                self.end(client, politely=True)
        for handle in [hold.handle for hold in self.model.holds if hold.borrow_until]:
            self.run(events.RevokeAsked("admin", 1, handle, "admin", "here"))
        self.model.holds = [hold for hold in self.model.holds if not hold.borrow_until]
        self.drift = 2 * DAY_S
        self.move(1000.0)
        self.tick()
        self.holds()
        ledger = self.machine.ledger
        assert (ledger.seats, ledger.sessions, ledger.by_digest, ledger.waiters) == ({}, {}, {}, {})
        for group in ledger.pools.values():
            for pool in group:
                assert (pool.in_use, pool.groups, pool.wanting) == (0, {}, {})
        if ledger.terms.access is not None:
            assert all(limit.used == 0 for limit in ledger.terms.access._limits.values())


TestMindAgainstModel = pytest.mark.timeout(0 if LONG else 120)(MindAgainstModel.TestCase)
TestMindAgainstModel.settings = settings(
    max_examples=2000 if LONG else 20, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)

#: How often each rule comes up in a walk.
WEIGHTS = {
    "ask": 30,
    "lose_an_answer": 3,
    "come_again": 3,
    "give_back": 14,
    "give_up": 2,
    "go": 4,
    "tell_idle": 3,
    "remove": 2,
    "revoke": 1,
    "bring_home": 1,
    "reread": 3,
    "wait": 6,
    "set_the_clock": 1,
    "note_a_snapshot": 1,
    "restart": 2,
}
NEEDS = {
    **dict.fromkeys(("give_back", "remove", "revoke", "bring_home"), lambda walk: walk.model.holds),
    "give_up": lambda walk: walk.model.waits,
    "tell_idle": lambda walk: any(client.connected for client in walk.clients),
    "restart": lambda walk: walk.model.holds or walk.model.waits,
}


def walk(seed: int) -> None:
    r, machine = Random(seed), MindAgainstModel()
    machine.begin(r)
    names = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
    for _ in range(STEPS):
        name = r.choice(names)
        if name not in NEEDS or NEEDS[name](machine):
            getattr(machine, name)(r)
            machine.holds()
    machine.teardown()


@pytest.mark.timeout(0 if LONG else 120)
@pytest.mark.parametrize("batch", range(BATCHES))
def test_walks(batch: int) -> None:
    # In a short run other walks each day would be a failure that nobody's change has caused.
    for seed in range(batch * WALKS // BATCHES, (batch + 1) * WALKS // BATCHES):
        try:
            walk(seed)
        except Exception as error:
            raise AssertionError(f"walk({seed}) in tests/vendor/test_model.py fails: {error}") from error
