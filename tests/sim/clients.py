"""Applications: the shipped client's mind on a clock of its own, over connections that stall and break."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from seatkeeper.client.events import (
    Abandon,
    Ask,
    Broken,
    Close,
    Connect,
    Failed,
    Failure,
    GiveBack,
    GivenBack,
    Leave,
    LicenseLost,
    LicenseRestored,
    Opened,
    Received,
    Seated,
    Tell,
    Tick,
    Unseated,
)
from seatkeeper.client.events import Send as Say
from seatkeeper.client.path import Address
from seatkeeper.client.profile import Identity, Limits, Target
from seatkeeper.client.walker import Walker
from seatkeeper.wire.messages import Checkout
from sim.servers import Connection
from sim.world import Clock, Pipe, Violation

if TYPE_CHECKING:
    from sim.cluster import Cluster

__all__ = ["Client"]

LIMITS = Limits(connect_s=1.0, greet_s=5.0, answer_s=3.0, request_s=15.0, backoff_s=2.0, dead_s=5.0, retry_s=2.0)
ADDRESSES = tuple(Address(f"s{number}", 7260) for number in range(3))


class Client:
    """One application on one machine; killed, it begins anew with another session."""

    def __init__(self, cluster: Cluster, number: int) -> None:
        self.cluster = cluster
        self.world = cluster.world
        self.name = f"c{number}"
        self.clock = Clock(self.world, cluster.eps, -float(cluster.skewed))
        self.lives = 0
        self.walker: Walker | None = None
        self.paused = False
        self.late: list[tuple[Any, int]] = []
        self.borrowed: list[tuple[float, int]] = []
        self.start()

    def start(self) -> None:
        """A new process."""
        if self.walker is not None:
            return
        self.lives += 1
        self.paused, self.late = False, []
        self.session = f"{self.name}-{self.lives}".encode().ljust(16, b".")[:16]
        order = ADDRESSES[self.world.rng.randrange(3) :] + ADDRESSES
        target = Target("triad", order[:3], self.session)
        self.walker = Walker([target], Identity("genesys.d", self.name, f"{self.name}-pc", ":0", self.lives), LIMITS)
        self.links: dict[int, tuple[Any, Pipe]] = {}
        self.held: dict[int, int] = {}
        self.waiting: set[int] = set()
        self.next_key = 0
        self._due = -1.0
        self._life(self.lives)

    def kill(self) -> None:
        """The process is no more; its machine closes the connections where it can."""
        if self.walker is None:
            return
        self.walker = None
        self.cluster.died(self.session)
        for link in list(self.links):
            self._shut(link)
        self.held = {}

    def pause(self, seconds: float) -> None:
        """The process is stopped for a while; its clock goes on."""
        if self.walker is not None and not self.paused:
            self.paused = True
            self.world.after(seconds, self._resume, self.lives)

    def _resume(self, lives: int) -> None:
        if lives != self.lives or self.walker is None:
            return
        self.paused = False
        late, self.late = self.late, []
        for event, life in late:
            self.do(event, life)

    # What the application wants ------------------------------------------------------------------------------------------

    def _life(self, lives: int) -> None:
        """Takes seats and gives them back, without end."""
        if lives != self.lives or self.walker is None:
            return
        rng = self.world.rng
        self.world.after(rng.expovariate(0.5 if self.cluster.eager else 0.25), self._life, lives)
        if self.paused:
            return
        if self.held and rng.random() < 0.35:
            self.do(GiveBack(next(iter(self.held))), lives)
        elif self.waiting and rng.random() < 0.1:
            key = min(self.waiting)
            self.waiting.discard(key)
            self.do(Abandon(key), lives)
        elif len(self.held) + len(self.waiting) < 2:
            self.next_key += 1
            key = self.next_key
            self.waiting.add(key)
            borrow = self.clock.wall() + rng.uniform(5, 20) if rng.random() < self.cluster.borrowing else 0.0
            queue = not borrow and rng.random() < 0.6
            self.do(Ask(key, Checkout(0, "f1", "", 1, False, "", queue, "", borrow)), lives)
        elif rng.random() < 0.03:
            self.do(Leave(), lives)
            self.walker = None
            self.held = {}
            self.world.after(1.0, self.start)

    # The client's mind -----------------------------------------------------------------------------------------------------

    def do(self, event: Any, lives: int) -> None:
        """One event, and all that follows."""
        walker = self.walker
        if walker is None or lives != self.lives:
            return
        if self.paused:
            self.late.append((event, lives))
            return
        lease = walker._sessions[0].lease
        before, now = lease.until, self.clock.now()
        for instruction in walker.handle(event, now, self.world.rng.random()):
            if isinstance(instruction, Connect):
                self._connect(instruction)
            elif isinstance(instruction, Say):
                entry = self.links.get(instruction.link)
                if entry is not None:
                    entry[1].put(instruction.message)
            elif isinstance(instruction, Close):
                self._shut(instruction.link)
            elif isinstance(instruction, Seated):
                self.waiting.discard(instruction.key)
                if instruction.borrow:
                    self.borrowed.append((float(instruction.borrow), instruction.count))
                else:
                    self.held[instruction.key] = instruction.count
            elif isinstance(instruction, Unseated):
                self.waiting.discard(instruction.key)
                self.held.pop(instruction.key, None)
            elif isinstance(instruction, GivenBack):
                self.held.pop(instruction.key, None)
            elif isinstance(instruction, Tell) and isinstance(instruction.news, LicenseLost):
                self.cluster.losses += 1
                if now < before and instruction.news.number:
                    raise Violation(f"I4: {self.name} is told {before - now:.3f} s early: {instruction.news.reason}")
            elif isinstance(instruction, Tell) and isinstance(instruction.news, LicenseRestored):
                pass
        if isinstance(event, GiveBack):
            self.held.pop(event.key, None)
        if isinstance(event, Received):
            self.cluster.checks.seats()
        due = walker.next_deadline()
        if due is not None and due != self._due:
            self._due = due
            self.world.after(max(0.0, self.clock.real(due - now)) + 0.001, self._tick, lives, due)

    def _tick(self, lives: int, due: float) -> None:
        if lives == self.lives and due == self._due:
            self._due = -1.0
            self.do(Tick(), lives)

    def uses(self) -> int:
        """Seats that this machine uses now, by its own clocks; a killed process uses only what it borrowed."""
        wall = self.clock.wall()
        self.borrowed = [one for one in self.borrowed if one[0] > wall]
        used = sum(count for _, count in self.borrowed)
        if self.walker is not None and self.held:
            now, walker = self.clock.now(), self.walker
            used += sum(count for key, count in self.held.items() if walker.valid(key, now))
        return used

    # Connections -----------------------------------------------------------------------------------------------------------

    def _connect(self, instruction: Connect) -> None:
        world, lives, link = self.world, self.lives, instruction.link
        number = int(instruction.address.host[1:])
        way = self.cluster.way(self.name, number)
        world.after(world.delay() + 0.001, self._connected, lives, link, number, way)

    def _connected(self, lives: int, link: int, number: int, way: list[str]) -> None:
        world = self.world
        if lives != self.lives or self.walker is None:
            return
        if not all(world.open(a, b) and world.open(b, a) for a, b in pairwise(way)):
            # Nothing comes back; the client's own time limit ends it.
            return
        server = self.cluster.servers[int(way[-1][1:])]
        if server.member is None:
            self.do(Failed(link, Failure(-15)), lives)
            return
        back = Pipe(world, way[::-1], lambda message: self._heard(lives, link, message))
        connection = Connection(server, back.put)
        server.opened(connection)

        def forth(message: Any) -> None:
            if message is None:
                server.closed(connection)
            else:
                server.received(connection, message)

        self.links[link] = (back, Pipe(world, way, forth))
        self.do(Opened(link, b"n" * 32), lives)

    def _heard(self, lives: int, link: int, message: Any) -> None:
        if link not in self.links or lives != self.lives:
            return
        if message is None:
            self.do(Broken(link, Failure(-16)), lives)
        else:
            self.do(Received(link, message), lives)

    def _shut(self, link: int) -> None:
        entry = self.links.pop(link, None)
        if entry is not None:
            entry[0].closed = True
            entry[1].put(None)
