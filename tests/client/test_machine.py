"""machine and walker under random trouble: two clients, two servers, lost and late messages, restarts, sleeping clients.

The servers here are as simple as can be: a table of seats, one lease clock for each session, a journal that survives a crash. What
must hold whatever happens: a seat that a client calls its own is never another's; a checkout has one seat at most; and when the
trouble is over, no server holds a seat that no client knows, and nobody stands in a queue who does not wait there.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from seatkeeper.client.events import (
    Abandon,
    Ask,
    Broken,
    Close,
    Connect,
    Denial,
    Event,
    Failed,
    Failure,
    GiveBack,
    GivenBack,
    LicenseLost,
    LicenseRestored,
    Mistrusted,
    Opened,
    Received,
    Seated,
    Send,
    Tell,
    Tick,
    Unseated,
)
from seatkeeper.client.holdings import Request
from seatkeeper.client.machine import Session
from seatkeeper.client.path import Address
from seatkeeper.client.profile import Identity, Limits, Target
from seatkeeper.client.states import State
from seatkeeper.client.walker import Walker
from seatkeeper.licfile.borrowing import Borrowed, sign_borrowed
from seatkeeper.wire.messages import (
    BORROW_BYTES,
    PROTOCOL,
    Beat,
    Checkin,
    Checkout,
    ClientMessage,
    Denied,
    Goodbye,
    Granted,
    Heartbeat,
    Hello,
    Queued,
    ReturnBorrow,
    Returned,
    ServerMessage,
    Welcome,
)

HEARTBEAT_S, LEASE_S = 10.0, 30.0
SERVERS, CLIENTS = 2, 2
STEPS = 250
Link = tuple[int, int]


class Server:
    """Grants single seats of one feature, and keeps a queue for it."""

    def __init__(self, seats: int, frees_at_once: bool) -> None:
        self.seats = seats
        self.frees_at_once = frees_at_once
        self.up = True
        self.handle = 100
        self.held: dict[bytes, dict[int, int]] = {}
        self.heard: dict[bytes, float] = {}
        self.links: dict[Link, bytes] = {}
        #: Session, request and handle of those that wait, the first of them first.
        self.queue: list[tuple[bytes, int, int]] = []

    def forget(self, secret: bytes) -> None:
        self.held.pop(secret, None)
        self.heard.pop(secret, None)
        self.queue = [entry for entry in self.queue if entry[0] != secret]

    def full(self) -> bool:
        return sum(len(all_of) for all_of in self.held.values()) >= self.seats

    def serve(self) -> list[tuple[Link, ServerMessage]]:
        """Grants what is free to those who wait, as long as the first of them is there."""
        told: list[tuple[Link, ServerMessage]] = []
        while self.up and self.queue and not self.full():
            secret, request, handle = self.queue[0]
            link = next((link for link, known in self.links.items() if known == secret), None)
            if link is None:
                break
            del self.queue[0]
            self.held.setdefault(secret, {})[handle] = request
            told.append((link, Granted(request, handle, 1)))
        return told

    def expire(self, now: float) -> None:
        if not self.up:
            return
        for secret in [secret for secret, heard in self.heard.items() if heard + LEASE_S <= now]:
            self.forget(secret)

    def places(self, secret: bytes) -> list[ServerMessage]:
        """What is told behind a welcome: the places of those that still wait."""
        return [Queued(request, handle, at) for at, (known, request, handle) in enumerate(self.queue, 1) if known == secret]

    def receive(self, link: Link, message: ClientMessage, now: float) -> ServerMessage | None:
        if isinstance(message, Hello):
            self.links[link] = message.session
            self.heard[message.session] = now
            seats = self.held.setdefault(message.session, {})
            for handle, request in list(seats.items()):
                if handle not in message.held and request not in message.asking:
                    del seats[handle]
            self.queue = [entry for entry in self.queue if entry[0] != message.session or entry[1] in message.asking]
            return Welcome(PROTOCOL, "s", "", HEARTBEAT_S, LEASE_S, list(seats), [])
        secret = self.links[link]
        if secret not in self.heard:
            return None
        self.heard[secret] = now
        seats = self.held.setdefault(secret, {})
        if isinstance(message, Checkout):
            known = next((handle for handle, request in seats.items() if request == message.request), None)
            if known is None:
                place = next((at for at, entry in enumerate(self.queue, 1) if entry[:2] == (secret, message.request)), 0)
                if not place and (self.queue or self.full()):
                    if not message.queue:
                        return Denied(message.request, -24 if self.queue else -4)
                    self.handle += 1
                    self.queue.append((secret, message.request, self.handle))
                    place = len(self.queue)
                if place:
                    return Queued(message.request, self.queue[place - 1][2], place)
                self.handle += 1
                known = self.handle
                seats[known] = message.request
            return Granted(message.request, known, 1)
        if isinstance(message, Checkin):
            seats.pop(message.handle, None)
            self.queue = [entry for entry in self.queue if entry[2] != message.handle]
            return Returned(message.request, message.handle)
        if isinstance(message, Heartbeat):
            return Beat(message.sequence)
        assert isinstance(message, Goodbye)
        self.forget(secret)
        return None

    def cut(self, link: Link) -> None:
        secret = self.links.pop(link, None)
        if secret is not None and self.up and self.frees_at_once and secret not in self.links.values():
            self.forget(secret)


class Client:
    """A walker and what its application believes."""

    def __init__(self, name: int, limits: Limits) -> None:
        targets = [Target(f"s{index}", (Address(f"s{index}", 1),), bytes([name, index] * 8)) for index in range(SERVERS)]
        self.walker = Walker(targets, Identity("v", "u", "h", "d"), limits)
        self.seated: dict[int, Seated] = {}
        self.asking: set[int] = set()
        self.returning: set[int] = set()
        self.lost: set[int] = set()
        self.may_wait: set[int] = set()
        self.keys = 0

    def waiting(self) -> set[int]:
        """The checkouts that may stand in a queue."""
        return (self.asking | self.lost) & self.may_wait


class World:
    """Everything, with one clock."""

    def __init__(self, seed: int, seats: int, frees_at_once: bool) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.servers = [Server(seats, frees_at_once) for _ in range(SERVERS)]
        self.clients = [Client(name, Limits(request_s=12.0, answer_s=6.0, retry_s=5.0, dead_s=20.0)) for name in range(CLIENTS)]
        self.connecting: list[tuple[int, int, int]] = []
        self.links: dict[Link, int] = {}
        self.to_server: dict[Link, list[ClientMessage]] = {}
        self.to_client: dict[Link, list[ServerMessage]] = {}
        #: Client and server between whom nothing passes.
        self.apart: set[tuple[int, int]] = set()

    def do(self, name: int, event: Event) -> None:
        client = self.clients[name]
        for instruction in client.walker.handle(event, self.now, self.random.random()):
            if isinstance(instruction, Connect):
                self.connecting.append((name, instruction.link, instruction.server))
            elif isinstance(instruction, Send):
                self.to_server.get((name, instruction.link), []).append(instruction.message)
            elif isinstance(instruction, Close):
                self.connecting = [entry for entry in self.connecting if entry[:2] != (name, instruction.link)]
                self.close((name, instruction.link), flush=True)
            elif isinstance(instruction, Seated):
                client.asking.discard(instruction.key)
                client.seated[instruction.key] = instruction
            elif isinstance(instruction, Unseated):
                client.asking.discard(instruction.key)
            elif isinstance(instruction, GivenBack):
                client.seated.pop(instruction.key, None)
                client.returning.discard(instruction.key)
                client.lost.discard(instruction.key)
            elif isinstance(instruction, Tell) and isinstance(instruction.news, LicenseLost | LicenseRestored):
                key = next(key for key, seat in client.seated.items() if self.same(seat, instruction.news))
                (client.lost.add if isinstance(instruction.news, LicenseLost) else client.lost.remove)(key)
        self.check()

    @staticmethod
    def same(seat: Seated, news: LicenseLost | LicenseRestored) -> bool:
        return (seat.handle, seat.server) == (news.handle, news.server)

    def close(self, link: Link, flush: bool = False) -> None:
        index = self.links.pop(link, None)
        if index is None:
            return
        server = self.servers[index]
        if flush and server.up and (link[0], index) not in self.apart:
            for message in self.to_server[link]:
                server.receive(link, message, self.now)
        server.cut(link)
        del self.to_server[link], self.to_client[link]

    def check(self) -> None:
        """What a client calls its own is held for it by the server (facts, reliability 3.6, I1 and I4)."""
        for server in self.servers:
            server.expire(self.now)
            for link, message in server.serve():
                self.to_client[link].append(message)
        for client in self.clients:
            for key, seat in client.seated.items():
                server = self.servers[int(seat.server[1:])]
                # A server that frees seats with the connection may be ahead of a client that has not yet seen the end of it.
                if server.frees_at_once or key in client.returning or not client.walker.valid(key, self.now):
                    continue
                assert any(seat.handle in seats for seats in server.held.values()), seat

    # Steps --------------------------------------------------------------------------------------------------------------

    def step(self, quiet: bool) -> None:
        """Something happens; in a quiet world seats are held for long, and what breaks stays broken for a while."""
        if self.random.random() < 0.04:
            self.random.choice([self.part] if quiet else [self.lose, self.crash, self.sleep, self.part])()
            return
        steps = [self.tick, self.wait]
        if not quiet or self.random.random() < 0.1:
            steps += [self.application] * 2
        if self.ready():
            steps += [self.deliver] * (2 if quiet else 8)
        if self.connecting:
            steps += [self.connect] * (2 if quiet else 6)
        self.random.choice(steps)()

    def ready(self) -> list[Link]:
        """The connections that have something to deliver."""
        ready = [link for link in self.links if self.to_client[link] or (self.to_server[link] and self.servers[self.links[link]].up)]
        return [link for link in ready if (link[0], self.links[link]) not in self.apart]

    def connect(self) -> None:
        if not self.connecting:
            return
        entry = self.random.choice(self.connecting)
        name, link, index = entry
        if (name, index) in self.apart:
            return
        self.connecting.remove(entry)
        if not self.servers[index].up:
            self.do(name, Failed(link, Failure(-15)))
            return
        self.links[name, link] = index
        self.to_server[name, link] = []
        self.to_client[name, link] = []
        self.do(name, Opened(link, bytes(32)))

    def deliver(self) -> None:
        ready = self.ready()
        if not ready:
            return
        link = self.random.choice(ready)
        if self.to_server[link] and self.servers[self.links[link]].up and (not self.to_client[link] or self.random.random() < 0.5):
            server = self.servers[self.links[link]]
            server.expire(self.now)
            answer = server.receive(link, self.to_server[link].pop(0), self.now)
            if answer is not None:
                self.to_client[link].append(answer)
            if isinstance(answer, Welcome):
                self.to_client[link] += server.places(server.links[link])
        elif self.to_client[link]:
            self.do(link[0], Received(link[1], self.to_client[link].pop(0)))

    def tick(self) -> None:
        """Time passes up to the next deadline of anybody, or a part of it."""
        due = [at for client in self.clients if (at := client.walker.next_deadline()) is not None]
        until = min(due, default=self.now + 1.0)
        if self.random.random() < 0.3:
            until = self.now + self.random.random() * (until - self.now)
        self.now = max(self.now, until)
        self.check()
        for name, client in enumerate(self.clients):
            at = client.walker.next_deadline()
            if at is not None and at <= self.now:
                self.do(name, Tick())

    def application(self) -> None:
        name = self.random.randrange(CLIENTS)
        client = self.clients[name]
        held = [key for key in client.seated if key not in client.returning]
        kind = self.random.random()
        if kind < 0.5 and len(held) + len(client.asking) < 3:
            client.keys += 1
            client.asking.add(client.keys)
            queue = self.random.random() < 0.4
            if queue:
                client.may_wait.add(client.keys)
            self.do(name, Ask(client.keys, Checkout(0, "f", queue=queue)))
        elif kind < 0.8 and held:
            key = self.random.choice(held)
            client.returning.add(key)
            client.lost.discard(key)
            self.do(name, GiveBack(key))
        elif client.asking:
            key = self.random.choice(sorted(client.asking))
            client.asking.discard(key)
            self.do(name, Abandon(key))

    def lose(self) -> None:
        """A connection breaks with all that is on its way."""
        if self.links:
            self.cut_link(self.random.choice(sorted(self.links)))

    def wait(self) -> None:
        """Messages stay on their way."""
        self.now += self.random.random() * 3
        self.check()

    def part(self) -> None:
        """A client and a server cannot reach each other any more, or can again."""
        self.apart ^= {(self.random.randrange(CLIENTS), self.random.randrange(SERVERS))}

    def cut_link(self, link: Link) -> None:
        self.close(link)
        self.do(link[0], Broken(link[1], Failure(-16)))

    def crash(self) -> None:
        """A server goes down or comes up again: its seats are in its journal, its lease clocks begin anew."""
        index = self.random.randrange(SERVERS)
        server = self.servers[index]
        server.up = not server.up
        if server.up:
            server.heard = dict.fromkeys(server.held, self.now)
            return
        for link in [link for link, there in self.links.items() if there == index]:
            self.cut_link(link)

    def sleep(self) -> None:
        """The machine of the clients sleeps past every deadline."""
        if self.random.random() < 0.2:
            self.now += LEASE_S * 2

    def calm_down(self) -> None:
        """All servers come up, and nothing breaks any more."""
        self.apart.clear()
        for server in self.servers:
            if not server.up:
                server.up = True
                server.heard = dict.fromkeys(server.held, self.now)
        end = self.now + 4 * LEASE_S
        while self.now < end:
            for _ in range(10):
                self.deliver()
                self.connect()
            self.tick()
        for _ in range(200):
            self.deliver()
        self.check()


def play(seed: int, seats: int, frees_at_once: bool, quiet: bool) -> World:
    world = World(seed, seats, frees_at_once)
    for _ in range(STEPS):
        world.step(quiet)
    world.calm_down()
    return world


@hypothesis_settings(max_examples=80)
@given(st.integers(0, 2**32), st.integers(1, 3), st.booleans(), st.booleans())
def test_no_seat_is_held_twice_or_forgotten(seed: int, seats: int, frees_at_once: bool, quiet: bool) -> None:
    world = play(seed, seats, frees_at_once, quiet)
    known = [(seat.server, seat.handle) for client in world.clients for key, seat in client.seated.items() if key not in client.lost]
    held = [(f"s{index}", handle) for index, server in enumerate(world.servers) for seats_ in server.held.values() for handle in seats_]
    assert sorted(known) == sorted(held)
    assert not any(client.asking - client.may_wait or client.returning for client in world.clients)
    for name, client in enumerate(world.clients):
        places = [entry for server in world.servers for entry in server.queue if entry[0][0] == name]
        assert len(places) == len(client.waiting()), places
        for key in client.seated:
            assert client.walker.valid(key, world.now) == (key not in client.lost)


@hypothesis_settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_lost_seats_come_back_when_there_are_enough(seed: int) -> None:
    world = play(seed, seats=6, frees_at_once=True, quiet=False)
    assert not any(client.lost for client in world.clients)


class Forgetful(Session):
    """A planted bug: the lease runs from the answer."""

    def _beat(self, message: Beat) -> None:
        super()._beat(message)
        self.lease.until = self._now + self.lease.lease_s


class Greedy(Session):
    """A planted bug: a late grant of an abandoned request is kept."""

    def _granted(self, message: Granted) -> None:
        request = self._have.requests.get(message.request)
        if request is None or not request.abandoned:
            super()._granted(message)
        else:
            self.lease.answered(message.request)
            del self._have.requests[message.request]


class Numberless(Session):
    """A planted bug: a retry has a new number."""

    def _welcome(self, message: Welcome) -> None:
        for number in list(self._have.requests):
            request = self._have.requests.pop(number)
            self._number += 1
            request.message = Checkout(self._number, *[getattr(request.message, name) for name in Checkout.__struct_fields__[1:]])
            self._have.requests[self._number] = request
        super()._welcome(message)


class Clinging(Session):
    """A planted bug: a place in the queue is not given up."""

    def _abandon(self, number: int, request: Request) -> None:
        if request.place and self.state is State.OPEN:
            self._have.answered(number)
        else:
            super()._abandon(number, request)


class Careless(Session):
    """A planted bug: a place in the queue is not named after a broken connection."""

    def _hello(self, nonce: bytes) -> Hello:
        hello = super()._hello(nonce)
        hello.asking[:] = [number for number in hello.asking if number not in self._have.queued]
        return hello

    def _entered(self, message: Welcome) -> None:
        queued, self._have.queued = self._have.queued, {}
        super()._entered(message)
        self._have.queued = queued


@pytest.mark.parametrize(("bug", "quiet"), [(Forgetful, True), (Greedy, False), (Numberless, False), (Clinging, False), (Careless, False)])
def test_planted_bugs_are_caught(bug: type[Session], quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatkeeper.client.walker.Session", bug)
    for seed in range(300):
        try:
            test_no_seat_is_held_twice_or_forgotten.hypothesis.inner_test(seed, 1 + seed % 2, False, quiet)
        except (AssertionError, StopIteration):
            return
    pytest.fail(f"{bug.__doc__} is not noticed")


def record() -> bytes:
    borrowed = Borrowed("v", "f", "8.5", 1, "u", "h", "d", 101, 1.0, 2.0, b"s" * BORROW_BYTES, "1@a", (), "", "", b"")
    return sign_borrowed(None, borrowed)


def test_borrowed_seats_that_nobody_takes_go_home_by_their_secret() -> None:
    """A checkin would leave them out until their end."""
    home = Send(0, ReturnBorrow(2, 101, b"s" * BORROW_BYTES))
    for kind in (Received, Mistrusted):
        walker = Walker([Target("1@a", (Address("a", 1),), bytes(16))], Identity("v", "u", "h", "d"), Limits())
        walker.handle(Ask(1, Checkout(0, "f", borrow_until=2.0)), 0.0)
        walker.handle(Opened(0, bytes(32)), 0.0)
        walker.handle(Received(0, Welcome(PROTOCOL, "s", "", HEARTBEAT_S, LEASE_S, [], [])), 0.0)
        granted = Granted(1, 101, 1, borrow=record())
        if kind is Received:
            walker.handle(Abandon(1), 0.0)
            assert walker.handle(Received(0, granted), 0.0) == [home]
        else:
            done = walker.handle(Mistrusted(0, granted, Failure(-33)), 0.0)
            assert done[:2] == [home, Unseated(1, (Denial("1@a", Failure(-33), reached=False),))]


def test_what_a_server_says_by_itself_about_a_waiting_request_buys_no_time() -> None:
    """The lease runs from the greeting: the Queued behind the Welcome left before the repeated Checkout came."""
    session = Session(0, 1, (Address("a", 1),), bytes(16), Identity("v", "u", "h", "d"), Limits())
    session.ask(1, Checkout(0, "f", queue=True), 0.0, 0.5)
    for link, at in ((0, 1.0), (1, 11.0)):
        session.handle(Opened(link, bytes(32)), at, 0.5)
        session.handle(Received(link, Welcome(PROTOCOL, "s", "", HEARTBEAT_S, LEASE_S, [], [])), at + 2, 0.5)
        session.handle(Received(link, Queued(1, 101, 1)), at + 3, 0.5)
        assert session.lease.until == at + LEASE_S
        if not link:
            session.handle(Broken(link, Failure(-16)), at + 4, 0.5)
            session.handle(Tick(), at + 9, 0.5)
    session.handle(Received(1, Granted(1, 101, 1)), 20.0, 0.5)
    assert session.lease.until == 11.0 + LEASE_S
