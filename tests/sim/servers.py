"""Three servers: the shipped member and machine, each with a journal on a disk, and the clients' connections, without sockets."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from seatkeeper.triad.events import Appending, Asked, Became, Configured, Delivered, Keep, Outcame, Reached, Record, Release, Stop, Ticked
from seatkeeper.triad.member import Member, TriadSettings
from seatkeeper.vendor.chain import GENESIS
from seatkeeper.vendor.entries import Snapshot
from seatkeeper.vendor.events import (
    Accepted,
    BorrowAnswer,
    BorrowReturned,
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
    QueuedAnswer,
    RemovalAnswer,
    RestoreAnswer,
    ReturnAnswer,
    Send,
)
from seatkeeper.vendor.machine import Machine
from seatkeeper.wire import messages as wire
from sim.world import TODAY, Clock, Violation

if TYPE_CHECKING:
    from sim.cluster import Cluster

__all__ = ["Connection", "Server"]

TICK_S = 0.2


class Connection:
    """What a server knows of one client's connection."""

    def __init__(self, server: Server, reply: Any) -> None:
        self.server = server
        self.reply = reply
        self.session = 0
        self.over = False


class Server:
    """One host's vendor daemon, which ends and begins anew; its disk stays."""

    def __init__(self, cluster: Cluster, number: int) -> None:
        self.cluster = cluster
        self.world = cluster.world
        self.number = number
        self.name = f"s{number}"
        self.clock = Clock(self.world, cluster.eps, float(cluster.skewed))
        self.journal: list[Record] = []
        self.durable = 0
        self.member: Member | None = None
        self.life = 0
        self.paused = False
        self.queue: list[Any] = []
        self.connections: list[Connection] = []
        self.read = 0
        self.master_since = 0.0
        cluster.stores.stores[number].told = self._committed

    # Life --------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """A new process, from its journal."""
        store = self.cluster.stores.stores[self.number]
        if self.member is not None:
            return
        if not store.up or (store.learner and not self.cluster.stores.wiped_votes):
            self.world.after(0.5, self.start)
            return
        self.life += 1
        self.paused, self.queue = False, []
        machine = Machine(self.cluster.settings, TODAY)
        known: dict[int, str] = {}
        seq, head = 0, GENESIS
        for record in self.journal:
            for entry in record.entries:
                machine.replay(entry)
            seq, head = record.seq + len(record.entries) - 1, record.hash
            known[seq] = head
        self.member = Member(TriadSettings(self.number), machine, seq, head, known, self.clock.now())
        self.read = 0
        self.world.note(f"server {self.number} starts at {seq}")
        self.handle(Configured(LicenseReread(self.cluster.lines, TODAY)))
        self._reach(self.life)
        self._tick(self.life)

    def stop(self, *, power: bool = False) -> None:
        """The process is no more; clients see their connections break, unless the host is gone too."""
        self.member = None
        self.life += 1
        self.queue = []
        connections, self.connections = self.connections, []
        for connection in connections:
            connection.over = True
            if not power:
                connection.reply(None)
        if power:
            del self.journal[self.durable :]

    def pause(self, seconds: float) -> None:
        """SIGSTOP, and later SIGCONT."""
        if self.member is not None and not self.paused:
            self.paused = True
            self.world.after(seconds, self._resume, self.life)

    def _resume(self, life: int) -> None:
        if life != self.life:
            return
        self.paused = False
        self.master_since = max(self.master_since, self.world.now)
        calls, self.queue = self.queue, []
        for call, args in calls:
            if life == self.life:
                call(*args)

    def _awake(self, life: int, call: Any, *args: Any) -> bool:
        """Whether this process can act now; what comes while it is stopped waits."""
        if life != self.life or self.member is None:
            return False
        if self.paused:
            self.queue.append((call, args))
            return False
        return True

    # The log -------------------------------------------------------------------------------------------------------------

    def _reach(self, life: int) -> None:
        if not self._awake(life, self._reach, life):
            return
        leader = self.cluster.stores.leader()
        if leader is None or not self.world.open(self.name, leader.name) or not self.world.open(leader.name, self.name):
            self.world.after(0.3, self._reach, life)
            return
        self.handle(Reached(leader.committed))
        self._committed()

    def _committed(self) -> None:
        self.world.after(self.world.delay(), self._deliver, self.life)

    def _deliver(self, life: int) -> None:
        if not self._awake(life, self._deliver, life):
            return
        store = self.cluster.stores.stores[self.number]
        while life == self.life and store.up and self.read < store.committed:
            self.read += 1
            self.handle(Delivered(self.read, store.log[self.read - 1][1]))

    def _outcome(self, life: int, expected: int, outcome: Any) -> None:
        if self._awake(life, self._outcome, life, expected, outcome):
            self.handle(Outcame(expected, outcome))

    def _tick(self, life: int) -> None:
        if not self._awake(life, self._tick, life):
            return
        self.world.after(self.clock.real(TICK_S), self._tick, life)
        self.handle(Ticked(TODAY, self.world.rng.random()))
        self.cluster.dead_are_gone(self)

    # Events and effects --------------------------------------------------------------------------------------------------

    def handle(self, event: Any) -> None:
        """Gives an event to the member, and does what it wants."""
        member = self.member
        if member is None:
            return
        life = self.life
        try:
            effects = member.handle(event, self.clock.now(), self.clock.wall())
        except Violation:
            raise
        except Exception as error:
            raise Violation(f"server {self.number}: {error!r} at {type(event).__name__}") from error
        for effect in effects:
            if life != self.life:
                return
            self._carry_out(effect)
        if isinstance(event, Delivered | Outcame) and life == self.life:
            self.cluster.checks.member(member)

    def _carry_out(self, effect: Any) -> None:
        if isinstance(effect, Appending):
            expected = -1 if self.cluster.unfenced else effect.expected
            life, wanted = self.life, effect.expected
            if wanted < 0:
                expected, wanted = -1, self.member._flight.expected  # type: ignore[union-attr]
            self.cluster.stores.append(self.number, expected, effect.record, lambda outcome: self._outcome(life, wanted, outcome))
        elif isinstance(effect, Release):
            for instruction in effect.instructions:
                self._release(instruction)
        elif isinstance(effect, Keep):
            record = effect.record
            if isinstance(record.entries[0], Snapshot):
                self.journal, self.durable = [record], 1
            else:
                self.journal.append(record)
                self.world.after(self.world.rng.uniform(0.01, 0.3), self._flushed, self.life, len(self.journal))
        elif isinstance(effect, Became):
            if effect.role == "master":
                self.master_since = self.world.now
                self.cluster.masters += 1
                self.world.note(f"server {self.number} is master of term {effect.term}")
                self.cluster.faults.mastered(self)
        elif isinstance(effect, Stop):
            self.world.note(f"server {self.number} stops: {effect.reason}")
            if effect.alarm:
                self.cluster.checks.alarm(effect.reason)
            self.stop()
            self.world.after(self.world.rng.uniform(0.2, 1.0), self.start)

    def _flushed(self, _life: int, length: int) -> None:
        self.durable = max(self.durable, min(length, len(self.journal)))

    # Clients ---------------------------------------------------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        """A client has connected."""
        self.connections.append(connection)

    def closed(self, connection: Connection) -> None:
        """A client's connection has ended."""
        if connection.over:
            return
        connection.over = True
        if connection in self.connections:
            self.connections.remove(connection)
        self._gone(self.life, connection)

    def _gone(self, life: int, connection: Connection) -> None:
        if connection.session and self._awake(life, self._gone, life, connection):
            self.handle(Asked(Disconnected(connection.session, connection)))

    def received(self, connection: Connection, message: Any) -> None:
        """A client's message, as the listener takes it up."""
        self._received(self.life, connection, message)

    def _received(self, life: int, connection: Connection, message: Any) -> None:
        if connection.over or not self._awake(life, self._received, life, connection, message):
            return
        kind, session = type(message), connection.session
        if kind is wire.Hello:
            digest = blake2b(message.session, digest_size=16).hexdigest()
            held, asking = tuple(message.held), tuple(message.asking)
            who = message.user, message.host, message.display, message.pid, "", ""
            self.handle(Asked(Greeting(connection, digest, *who, held, asking, "10.0.0.1")))
        elif kind is wire.Heartbeat:
            beat = Send(connection, wire.Beat(message.sequence), durable=False)  # type: ignore[arg-type]
            self.handle(Asked(Heard(session), (beat,)))
        elif kind is wire.Checkout:
            told = message.request, message.feature, message.version, message.count, message.up_to, message.display, message.queue
            self.handle(Asked(CheckoutAsked(session, *told, message.data, message.borrow_until, message.trial)))
        elif kind is wire.Checkin:
            self.handle(Asked(CheckinAsked(session, message.request, message.handle)))
        elif kind is wire.ReturnBorrow:
            self.handle(Asked(BorrowReturned(connection, message.request, message.handle, proven=True)))
        elif kind is wire.Goodbye:
            connection.session = 0
            self.handle(Asked(Left(session)))

    def _release(self, instruction: Any) -> None:
        connection = instruction.connection
        if not isinstance(connection, Connection):
            return
        if connection.over:
            if isinstance(instruction, Send) and isinstance(instruction.answer, Accepted):
                self.handle(Asked(Disconnected(instruction.answer.session, connection)))
            return
        if isinstance(instruction, Close):
            connection.session, connection.over = 0, True
            if connection in self.connections:
                self.connections.remove(connection)
            connection.reply(wire.Refused(instruction.number, instruction.reason))
            connection.reply(None)
            return
        answer = instruction.answer
        if isinstance(answer, Accepted):
            connection.session = answer.session
        if isinstance(answer, GrantAnswer | BorrowAnswer):
            self.cluster.checks.answered(answer.handle if isinstance(answer, GrantAnswer) else answer.seat.handle)
        connection.reply(message_of(answer, self.cluster))


def message_of(answer: Any, cluster: Any) -> Any:
    """The client's message."""
    if isinstance(answer, Accepted):
        settings = cluster.settings
        return wire.Welcome(wire.PROTOCOL, "triad", "0", settings.heartbeat_s, settings.lease_s, list(answer.held), [])
    if isinstance(answer, GrantAnswer):
        return wire.Granted(answer.request, answer.handle, answer.count)
    if isinstance(answer, BorrowAnswer):
        seat = answer.seat
        return wire.Granted(answer.request, seat.handle, seat.count, borrow=msgspec.json.encode(seat.borrow_until))
    if isinstance(answer, DenialAnswer):
        return wire.Denied(answer.request, answer.number)
    if isinstance(answer, QueuedAnswer):
        return wire.Queued(answer.request, answer.handle, answer.position)
    if isinstance(answer, ReturnAnswer):
        return wire.Returned(answer.request, answer.handle, answer.number)
    if isinstance(answer, LossAnswer):
        return wire.Lost(answer.handle, answer.number, answer.reason)
    if isinstance(answer, RestoreAnswer):
        return wire.Restored(answer.handle)
    if isinstance(answer, RemovalAnswer):
        return wire.Done(answer.request, answer.number, answer.text)
    return answer
