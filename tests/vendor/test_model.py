"""The whole mind against a naive model (tests/support/vendor_model.py): any sequence of events leaves both with the same.

After each event: the ledger's invariants hold, both have the same seats and the same queue, no pool gave more than it has, another
process that has read the log knows the same, and whoever is told that it holds seats holds them. SEATKEEPER_LONG=1 takes many
more examples.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.vendor_bench import NOON, SETTINGS, TODAY, encoded, license_lines, options_file
from tests.support.vendor_model import Ask, Client, Files, Hold, Line, Model, Pool, Rule

from seatkeeper.vendor import entries, events
from seatkeeper.vendor.events import Append, Send
from seatkeeper.vendor.machine import Machine

if TYPE_CHECKING:
    from seatkeeper.vendor.entries import Entry, Snapshot
    from seatkeeper.vendor.events import Event

LONG = os.environ.get("SEATKEEPER_LONG") == "1"
TOMORROW = TODAY + timedelta(days=1)
DAY_S = 86400.0
GROUPS = (("day", ("bob", "cid")),)
PEOPLE = (("ann", "h1", ":0"), ("ann", "h1", ":0"), ("ann", "h2", ":0"), ("bob", "h1", ":0"), ("cid", "h3", ":1"))

# Files ---------------------------------------------------------------------------------------------------------------

few = st.sampled_from([1, 2, 2, 3, 4])
plain = st.builds(lambda count: (Line(count),), few)
lines = st.one_of(
    plain,
    plain,
    st.builds(lambda count, overdraft: (Line(count, overdraft),), few, st.sampled_from([1, 2])),
    st.builds(lambda count, expires: (Line(count, expires=expires),), few, st.sampled_from([TODAY, TODAY, TODAY - timedelta(days=1)])),
    st.builds(lambda one, two: (Line(one), Line(two, start=TOMORROW)), few, few),
    st.builds(lambda one, two: (Line(one, 1, expires=TODAY), Line(two)), few, few),
)
lingering = st.sampled_from([0.0, 0.0, 40.0])
lent = st.sampled_from([0, 2, 2])


def mostly(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(strategy, strategy, strategy, st.none())


pools = st.fixed_dictionaries(
    {
        "p8.5": mostly(st.builds(Pool, st.just("p"), st.just("8.5"), lines, linger_s=lingering, borrow_h=lent)),
        "p8.0": mostly(
            st.builds(Pool, st.just("p"), st.just("8.0"), lines, minimum=st.sampled_from([1, 1, 2]), linger_s=lingering, borrow_h=lent)
        ),
        "g": mostly(
            st.builds(
                Pool,
                st.just("g"),
                st.just("8.0"),
                lines,
                mask=st.sampled_from(["U", "UHD", "UV", "H", "SITE"]),
                linger_s=lingering,
                borrow_h=lent,
            )
        ),
        "n": mostly(st.builds(Pool, st.just("n"), st.just("8.0"), plain, named_max=st.sampled_from([1, 2]))),
        "s": mostly(st.tuples(few, st.sampled_from(["SUITE", "SUITE_RESERVED"]), st.sampled_from(["", "UHD"]), lingering)),
        "k": mostly(st.sampled_from([1, 2])),
    }
)
rules = st.lists(
    st.sampled_from(
        [
            *(Rule("RESERVE", feature, number, "USER", "ann") for feature in "pgk" for number in (1, 2)),
            *(Rule("RESERVE", "p", number, "GROUP", "day") for number in (1, 3)),
            Rule("RESERVE", "a", 1, "USER", "bob"),
            *(Rule("MAX", feature, number, "USER", "ann") for feature in "pgask" for number in (1, 2)),
            *(Rule("MAX", feature, number, "GROUP", "day") for feature in "pg" for number in (0, 2)),
            *(Rule("MAX", feature, 2, "HOST", "h1") for feature in "pg"),
            Rule("EXCLUDE", "p", 0, "USER", "cid"),
            Rule("EXCLUDE", "p", 0, "USER", "bob", "8.0"),
            Rule("EXCLUDE", "g", 0, "USER", "ann"),
            Rule("EXCLUDE", "s", 0, "USER", "cid"),
            Rule("INCLUDE", "p", 0, "GROUP", "day"),
            Rule("INCLUDE", "p", 0, "USER", "ann"),
            Rule("INCLUDE", "n", 0, "USER", "ann"),
            Rule("INCLUDE", "n", 0, "USER", "bob"),
            Rule("MAX_OVERDRAFT", "p", 1),
            Rule("LINGER", "p", 60),
            Rule("TIMEOUT", "p", 60),
            Rule("TIMEOUT", "g", 1200),
            Rule("BORROW_LOWWATER", "p", 1),
            Rule("BORROW_LOWWATER", "g", 1),
            Rule("MAX_BORROW_HOURS", "p", 1),
            Rule("EXCLUDE_BORROW", "g", 0, "USER", "bob"),
        ]
    ),
    max_size=6,
    unique_by=lambda one: (one.keyword, one.feature, one.kind, one.name, one.version),
)


def made(found: dict[str, object], ruled: list[Rule], suites: int) -> Files:
    """The files that were drawn, as far as the model can say what they come to."""
    all_pools: list[Pool] = []
    mask, kind = "", ""
    for name in ("p8.5", "p8.0", "g", "n"):
        if isinstance(pool := found[name], Pool):
            all_pools.append(pool)
            mask = pool.mask or mask
    if found["s"] is not None:
        count, kind, shared, linger_s = found["s"]
        # With fewer suites than are out, those that were first keep their components, and the model does not know who was.
        of_suite = (Line(max(count, suites)),)
        all_pools += [Pool(name, "8.0", of_suite, mask=shared, linger_s=linger_s, package="s", suite=kind) for name in "ab"]
    if isinstance(count := found["k"], int):
        all_pools += [Pool("x", "8.0", (Line(count),), package="k"), Pool("y", "8.0", (Line(2 * count),), package="k")]
    # One seat of several users may come out of several reservations, and whose it is then depends on what was before.
    several = {"g"} if mask in ("H", "SITE") else set()
    several |= {"a"} if kind == "SUITE_RESERVED" else set()
    return Files(tuple(all_pools), tuple(one for one in ruled if one.keyword != "RESERVE" or one.feature not in several), GROUPS)


def license_text(files: Files) -> str:
    text = []
    for package, components in (("s", '"a b"'), ("k", '"x y:8.0:2"')):
        inside = [pool for pool in files.pools if pool.package == package]
        if inside:
            options = f" OPTIONS={inside[0].suite}" if inside[0].suite else ""
            text.append(f"PACKAGE {package} genesys.d 8.0 COMPONENTS={components}{options} SIGN=00")
            text += [line_text(package, inside[0], line) for line in inside[0].lines]
    for pool in files.pools:
        if not pool.package:
            text += [line_text(pool.feature, pool, line) for line in pool.lines]
    return "\n".join(text)


def line_text(feature: str, pool: Pool, line: Line) -> str:
    expires = "permanent" if line.expires == date.max else line.expires.strftime("%d-%b-%Y").lower()
    attributes = {
        "DUP_GROUP": pool.mask,
        "OVERDRAFT": line.overdraft,
        "MINIMUM": pool.minimum if pool.minimum > 1 else 0,
        "LINGER": int(pool.linger_s),
        "BORROW": pool.borrow_h,
        "USER_BASED": pool.named_max,
        "START": "" if line.start == date.min else line.start.strftime("%d-%b-%Y").lower(),
    }
    words = [f"{name}={value}" for name, value in attributes.items() if value]
    return " ".join(["INCREMENT", feature, "genesys.d", pool.version, expires, str(line.count), *words, "SIGN=00"])


def options_text(files: Files) -> str:
    text = [f"GROUP {name} {' '.join(members)}" for name, members in files.groups] if files.rules else []
    for one in files.rules:
        number = [str(one.number)] if one.keyword in ("RESERVE", "MAX") else []
        feature = f"{one.feature}:VERSION={one.version}" if one.version else one.feature
        last = [one.kind, one.name] if one.kind else [str(one.number)]
        text.append(" ".join([one.keyword, *number, feature, *last]))
    return "\n".join(text)


# The two -------------------------------------------------------------------------------------------------------------

requests = st.fixed_dictionaries(
    {
        "feature": st.integers(0, 40),
        "version": st.sampled_from(["", "", "8.0", "8.5"]),
        "count": st.sampled_from([1, 1, 1, 2, 3]),
        "up_to": st.sampled_from([False, False, True]),
        "display": st.sampled_from(["", "", "", ":9"]),
        "data": st.sampled_from(["", "", "t1"]),
        "queue": st.booleans(),
        "hours": st.sampled_from([0, 0, 0, 0, 1, 1.5, 3, -1]),
    }
)
clients = st.integers(0, len(PEOPLE) - 1)


class MindAgainstModel(RuleBasedStateMachine):
    """The daemon's mind and its model, told the same."""

    @initialize(found=pools, ruled=rules)
    def begin(self, found: dict[str, object], ruled: list[Rule]) -> None:
        self.now, self.drift = 100.0, 0.0
        self.files = made(found, ruled, 0)
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
        latest = max([self.machine.ledger.latest, *(entry.at for entry in log)])
        self.move()
        self.model.restart(latest)
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

    def nothing_too_much(self, appended: list[Entry], before: dict[object, int]) -> None:
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
            case events.GrantAnswer(handle=handle, pool=pool):
                mine.add(handle)
                assert pool is not None
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
        connection = self.connections[client.name] = object()
        held = set(held)
        named = tuple(sorted(held)), tuple(sorted(asking))
        who = (f"digest {client.name}", client.user, client.host, client.display)
        self.run(events.Greeting(connection, *who, held=named[0], asking=named[1]))
        self.model.greet(client, held, asking)
        self.model.serve()

    def there(self, number: int) -> Client:
        """The client, which comes if it is not there."""
        client = self.clients[number]
        if not client.connected:
            self.greet(client, self.believes[client.name], self.waiting(client))
        return client

    def waiting(self, client: Client) -> set[int]:
        return {wait.ask.request for wait in self.model.waits if wait.client is client}

    def asked(self, request: dict[str, object]) -> Ask:
        self.requests += 1
        fields = dict(request)
        hours = fields.pop("hours")
        # Mostly something that there is.
        among = [pool.feature for pool in self.files.pools] * 4 + list("psk")
        fields["feature"] = among[fields["feature"] % len(among)]
        if fields["feature"] in "skng":
            fields["version"] = ""
        return Ask(self.requests, borrow_until=self.wall + hours * 3600 if hours else 0.0, **fields)

    def send(self, client: Client, ask: Ask) -> list[object]:
        return self.run(
            events.CheckoutAsked(
                self.session(client),
                ask.request,
                ask.feature,
                ask.version,
                ask.count,
                ask.up_to,
                ask.display,
                ask.queue,
                ask.data,
                ask.borrow_until,
            )
        )

    # Clients ---------------------------------------------------------------------------------------------------------

    @rule(number=clients, request=requests)
    def ask(self, number: int, request: dict[str, object]) -> None:
        self.move()
        client = self.there(number)
        ask = self.asked(request)
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
                    if expected[0] == "denied" and number in expected[1]:
                        told.append(expected)
                    else:
                        told.append(("denied", number))
        assert told[:1] == [expected], f"{told} for {ask} of {client.name}, expected {expected}"
        self.model.serve()

    @rule(number=clients, request=requests)
    def ask_more(self, number: int, request: dict[str, object]) -> None:
        """Most of what happens in a daemon's life is this, and most of it is plain."""
        self.ask(number, request | {"hours": 0, "display": "", "data": ""})

    @rule(number=clients, request=requests)
    def ask_and_wait(self, number: int, request: dict[str, object]) -> None:
        self.ask(number, request | {"hours": 0, "display": "", "queue": True, "version": ""})

    @rule(number=clients, request=requests, again=st.booleans(), removed=st.booleans())
    def lose_an_answer(self, number: int, request: dict[str, object], again: bool, removed: bool) -> None:
        """The answer is lost with the connection; the client comes back, and asks again or not."""
        self.move()
        client = self.there(number)
        ask = self.asked(request)
        before = set(self.believes[client.name])
        # The connection is dead already.
        self.connections[client.name + " lost"] = self.connections.pop(client.name)
        self.believes[client.name + " lost"], self.unlicensed[client.name + " lost"] = set(before), set()
        self.send(client, ask)
        self.model.ask(client, ask)
        self.model.serve()
        hold = next((one for one in self.model.of(client) if one.request == ask.request), None)
        if removed and hold is not None:
            self.remove_one(hold)
        del self.connections[client.name + " lost"]
        asking = self.waiting(client) - {ask.request}
        self.move()
        self.greet(client, before, asking | {ask.request} if again else asking)
        if again:
            hold = next((one for one in self.model.of(client) if one.request == ask.request), None)
            answers = self.send(client, ask)
            if hold is None and ask.request not in self.waiting(client):
                self.model.ask(client, ask)
                self.model.serve()
            elif hold is not None:
                assert any(getattr(answer, "handle", 0) == hold.handle or hasattr(answer, "seat") for answer in answers)
                self.model.hear(client)

    @rule(number=clients, stays=st.booleans())
    def come_again(self, number: int, stays: bool) -> None:
        """A client comes over a new connection, and has or has not given up what it waited for."""
        self.move()
        client = self.clients[number]
        self.greet(client, self.believes[client.name], self.waiting(client) if stays else set())

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        self.move()
        hold = data.draw(st.sampled_from(self.model.holds), label="hold")
        client = self.there(self.clients.index(hold.client))
        self.move()
        answers = self.run(events.CheckinAsked(self.session(client), 0, hold.handle))
        assert answers[0].handle == hold.handle
        assert answers[0].number in ((0, -41) if hold.kept else (0,))
        self.model.hear(client)
        if hold in self.model.of(client):
            self.model.give_back(hold, "checkin")
        self.model.serve()

    @precondition(lambda self: self.model.waits)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        self.move()
        wait = data.draw(st.sampled_from(self.model.waits), label="wait")
        client = self.there(self.clients.index(wait.client))
        if wait not in self.model.waits:
            return
        self.run(events.CheckinAsked(self.session(client), 0, wait.handle))
        self.model.hear(client)
        self.model.waits.remove(wait)
        self.model.serve()

    @rule(number=clients, politely=st.booleans())
    def go(self, number: int, politely: bool) -> None:
        client = self.clients[number]
        if not client.connected:
            return
        self.move()
        session = self.session(client)
        self.run(events.Left(session) if politely else events.Disconnected(session, self.connections[client.name]))
        del self.connections[client.name]
        self.believes[client.name].clear()
        self.unlicensed[client.name].clear()
        self.model.end(client, "checkin" if politely else "closed")
        self.model.serve()

    @precondition(lambda self: any(client.connected for client in self.clients))
    @rule(data=st.data(), idle=st.booleans(), everything=st.booleans())
    def tell_idle(self, data: st.DataObject, idle: bool, everything: bool) -> None:
        self.move()
        client = data.draw(st.sampled_from([client for client in self.clients if client.connected]))
        mine = self.model.of(client)
        meant = mine if everything or not mine else [data.draw(st.sampled_from(mine))]
        self.run(events.IdleTold(self.session(client), 0 if everything or not mine else meant[0].handle, idle))
        self.model.hear(client)
        for hold in meant:
            hold.idle = (hold.idle if hold.idle is not None else self.now) if idle else None

    # Administrators and borrowers ------------------------------------------------------------------------------------

    def remove_one(self, hold: Hold, by_handle: bool = True) -> None:
        who = (hold.client.user, hold.client.host, hold.display)
        handle = hold.handle if by_handle else 0
        answers = self.run(events.RemoveAsked("admin", 1, hold.feature, *who, handle, "admin", "here"))
        assert (answers[-1].number, answers[-1].removed) == self.model.remove(hold.feature, *who, handle)

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), by_handle=st.booleans())
    def remove(self, data: st.DataObject, by_handle: bool) -> None:
        self.move()
        self.remove_one(data.draw(st.sampled_from(self.model.holds)), by_handle)

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        self.move()
        hold = data.draw(st.sampled_from(self.model.holds))
        answers = self.run(events.RevokeAsked("admin", 1, hold.handle, "admin", "here"))
        (answer,) = [answer for answer in answers if isinstance(answer, events.RemovalAnswer)]
        assert answer.number == (0 if hold.borrow_until else -41)
        if hold.borrow_until:
            self.model.holds.remove(hold)
            self.model.serve()

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), proven=st.booleans())
    def bring_home(self, data: st.DataObject, proven: bool) -> None:
        self.move()
        hold = data.draw(st.sampled_from(self.model.holds))
        answers = self.run(events.BorrowReturned("laptop", 1, hold.handle, proven))
        assert answers[0].number == (-124 if not proven else 0 if hold.borrow_until else -128)
        if proven and hold.borrow_until:
            self.model.holds.remove(hold)
            self.believes[hold.client.name].discard(hold.handle)
            self.unlicensed[hold.client.name].discard(hold.handle)
            self.model.serve()

    @rule(found=pools, ruled=rules, keep_pools=st.booleans(), keep_rules=st.booleans())
    def reread(self, found: dict[str, object], ruled: list[Rule], keep_pools: bool, keep_rules: bool) -> None:
        self.move()
        files = made(found, list(self.files.rules) if keep_rules else ruled, len(self.model.suites("s")))
        if keep_pools:
            several = [one for one in ruled if one.keyword != "RESERVE"]
            files = Files(self.files.pools, self.files.rules if keep_rules else tuple(several), GROUPS)
        self.files = files
        self.run(self.files_read())
        self.model.reread(files)
        self.model.serve()

    # Time ------------------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1.0, 20.0, 45.0, 61.0, 130.0, 900.0, 3700.0]), silent=st.sets(clients, max_size=2))
    def wait(self, seconds: float, silent: set[int]) -> None:
        self.move(seconds)
        for number, client in enumerate(self.clients):
            if client.connected and number not in silent:
                self.run(events.Heard(self.session(client)))
                self.model.hear(client)
        self.tick()

    @rule(seconds=st.sampled_from([DAY_S, -DAY_S, -3600.0, -200.0, 0.0]))
    def set_the_clock(self, seconds: float) -> None:
        self.drift = seconds
        self.move()
        self.tick()

    def tick(self) -> None:
        self.run(events.Tick(self.today))
        self.model.tick()
        self.model.serve()
        for client in self.clients:
            if client.heard is None:
                self.connections.pop(client.name, None)
                self.believes[client.name].clear()
                self.unlicensed[client.name].clear()

    @rule()
    def note_a_snapshot(self) -> None:
        self.snap = self.machine.ledger.snapshot(self.wall), len(self.log)

    @precondition(lambda self: self.model.holds or self.model.waits)
    @rule(from_snapshot=st.booleans())
    def restart(self, from_snapshot: bool) -> None:
        """A new process begins from the whole log, or from a snapshot and what came after it."""
        if from_snapshot and self.snap is not None:
            snapshot, seen = self.snap
            self.start([snapshot, *self.log[seen:]])
        else:
            self.start(self.log)

    # What must hold --------------------------------------------------------------------------------------------------

    @invariant()
    def both_are_the_same(self) -> None:
        if not hasattr(self, "machine"):
            return
        ledger, model = self.machine.ledger, self.model
        ledger.check()
        seats = {
            handle: (
                seat.session.user,
                seat.session.host,
                seat.feature,
                seat.version,
                seat.count,
                seat.display,
                seat.data,
                seat.borrow_until,
                seat.until,
                seat.revoked,
                (seat.feature, seat.pool.version) if seat.pool is not None else None,
            )
            for handle, seat in ledger.seats.items()
        }
        holds = {
            hold.handle: (
                hold.client.user,
                hold.client.host,
                hold.feature,
                hold.version,
                hold.count,
                hold.display,
                hold.data,
                hold.borrow_until,
                hold.kept,
                bool(hold.revoked) and not hold.kept,
                hold.home[:2] if hold.home is not None else None,
            )
            for hold in model.holds
        }
        assert seats == holds
        assert list(ledger.waiters) == [wait.handle for wait in model.waits]
        for group in ledger.pools.values():
            for pool in group:
                self.counts_are_the_same(pool)

    def counts_are_the_same(self, pool: object) -> None:
        model = self.model
        if pool.enables:
            assert pool.in_use == model.suites_used(pool.enables)
            return
        (mine,) = [one for one in model.pools_of(pool.feature) if one.version == pool.version]
        assert (pool.total, pool.capacity) == (model.total(mine), model.capacity(mine))
        assert pool.in_use == model.used(mine)
        assert pool.reserved_idle == sum(idle for _, _, idle in model.reserved(mine)), f"{pool.feature} {pool.version}"

    @invariant()
    def the_log_says_it_all(self) -> None:
        if not hasattr(self, "machine"):
            return
        read, known = self.follower.ledger.snapshot(0.0), self.machine.ledger.snapshot(0.0)
        assert (read.seats, read.waiters, read.next_handle) == (known.seats, known.waiters, known.next_handle)
        assert sorted(read.sessions, key=lambda one: one.session) == sorted(known.sessions, key=lambda one: one.session)

    @invariant()
    def who_is_told_that_it_holds_seats_holds_them(self) -> None:
        if not hasattr(self, "machine"):
            return
        for client in self.clients:
            if client.connected:
                mine = self.model.of(client)
                there = {hold.handle for hold in mine if not hold.revoked}
                assert self.believes[client.name] == there, f"client {client.name}"
                bare = {hold.handle for hold in mine if not hold.revoked and not self.covers(hold)}
                assert self.unlicensed[client.name] & there == bare, f"client {client.name}"

    def covers(self, hold: Hold) -> bool:
        pool = self.model.pool_of(hold)
        return pool is not None and self.model.is_good(pool)

    def teardown(self) -> None:
        """When everybody has gone and everything has ended, nothing is left."""
        if not hasattr(self, "machine"):
            return
        for number in range(len(self.clients)):
            self.go(number, politely=True)
        for handle in [hold.handle for hold in self.model.holds if hold.borrow_until]:
            self.run(events.RevokeAsked("admin", 1, handle, "admin", "here"))
        self.model.holds = [hold for hold in self.model.holds if not hold.borrow_until]
        self.drift = 2 * DAY_S
        self.move(1000.0)
        self.tick()
        self.both_are_the_same()
        ledger = self.machine.ledger
        assert (ledger.seats, ledger.sessions, ledger.by_digest, ledger.waiters) == ({}, {}, {}, {})
        for group in ledger.pools.values():
            for pool in group:
                assert (pool.in_use, pool.groups, pool.wanting) == (0, {}, {})
        if ledger.terms.access is not None:
            assert all(limit.used == 0 for limit in ledger.terms.access._limits.values())


TestMindAgainstModel = MindAgainstModel.TestCase
TestMindAgainstModel.settings = settings(
    max_examples=2000 if LONG else 25,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
