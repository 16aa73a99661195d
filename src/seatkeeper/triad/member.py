"""One member of a triad decides here: it follows the shared log, stands for master when that falls silent, and serves as master.

How it works. All three members read one log. Whoever writes does so with the position that he has read up to; the log refuses where
it has grown since. So whoever has not read everything can write nothing, and a master of whom another one has taken over finds that out
at his next append, whatever his clock says (design, One log, one or three servers).

- *Master.* A member that has heard nothing new for a while appends an entry that makes it master, behind all that it has read. When
  that is in the log it has applied everything before it, and serves. Every session then has a whole lease time to come back, and no
  seat of one is given away before.
- *Answers.* The machine decides at once and is ahead of the log; so no answer leaves before an append that began after the question
  came has been acknowledged. That goes for heartbeats too: to him who is answered the log had no other master when he asked. Where
  nothing is to be recorded an empty record is appended, which also shows the others that the master lives.
- *Deposed.* A master that reads somebody else's record has in its memory what never happened. It ends, and its next process begins
  with the log. So does one that finds its own journal and the log to differ, and that one is not started again.
- *Unknown.* Where nobody can tell whether an append arrived, the same record is appended again at the same position: at most one of
  the two is in the log, and reading tells which one is.

The shell keeps the journal, the connection to the log and the clients' connections, and gives time and chance with each event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

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
from seatkeeper.vendor.chain import record_line
from seatkeeper.vendor.entries import Elected, Snapshot
from seatkeeper.vendor.events import Append, Close, Heard, IdleTold, Recovered, Send, Tick
from seatkeeper.vendor.log import Appended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seatkeeper.triad.events import Effect, Event, Role
    from seatkeeper.vendor.entries import Entry
    from seatkeeper.vendor.events import Event as VendorEvent
    from seatkeeper.vendor.events import Instruction, LicenseReread
    from seatkeeper.vendor.machine import Machine

__all__ = ["Member", "TriadSettings"]

#: What a client is told that asks a member that is not the master; it tries again.
NO_MASTER: Final = -97
_NO_MASTER_TEXT: Final = "This server is not the master of its triad at the moment."


class TriadSettings(msgspec.Struct, frozen=True):
    """What a member is told when it starts.

    Attributes:
        me: Which of the three it is, by the order of SERVER lines, from 0.
        servers: How many there are.
        beat_s: How long a master leaves the log without a record.
        silence_s: How long a member hears nothing before it stands.
        spread_s: What is added to that, drawn anew each time, so that not all stand at once.
        retry_s: After this long without an outcome an append is made again.
        lost_s: So long after it connected, what the own journal says and the log does not counts as lost. A server that has just begun
            to lead the log shows what was acknowledged before only when the others have said that they have it, too.
        snapshot_entries: So many entries behind the last snapshot, the next one is written.
    """

    me: int
    servers: int = 3
    beat_s: float = 0.4
    silence_s: float = 1.2
    spread_s: float = 0.8
    retry_s: float = 2.0
    lost_s: float = 60.0
    snapshot_entries: int = 200_000


class _Flight(msgspec.Struct):
    """The append that is under way: the record, what it lets out, and when it is to be made again."""

    expected: int
    record: Record
    held: tuple[Send | Close, ...]
    retry_at: float


class Member:
    """A member's mind.

    Args:
        settings: What holds for it.
        machine: Has replayed the member's own journal, and nothing else.
        seq: The number of that journal's last entry.
        head: The hash of its last record.
        known: The hashes behind records of it, by the number of their last entry: what the log says again must have the same.
        now: Monotonic seconds.
    """

    def __init__(self, settings: TriadSettings, machine: Machine, seq: int, head: str, known: Mapping[int, str], now: float) -> None:
        self.settings = settings
        self.machine = machine
        self.role: Role = "following"
        self.term = 0
        self.master = -1
        self.position = 0
        self.seq = seq
        self.head = head
        self._known = known
        self._kept = seq
        self._reached = -1
        self._since_reached = now
        self._config: LicenseReread | None = None
        self._heard = now
        self._patience = settings.silence_s + settings.spread_s
        self._flight: _Flight | None = None
        self._pending: list[Append] = []
        self._held: list[Send | Close] = []
        self._appended = now
        self._since_snapshot = 0
        self._handlers: dict[type, Callable[..., list[Effect]]] = {
            Delivered: self._delivered,
            Reached: self._reaches,
            Outcame: self._outcame,
            Configured: self._configured,
            Asked: self._asked,
            Ticked: self._ticked,
        }

    def handle(self, event: Event, now: float, wall: float) -> list[Effect]:
        """What is to be done about `event`, in order."""
        if self.role == "over":
            return []
        return self._handlers[type(event)](event, now, wall)

    # The shared log --------------------------------------------------------------------------------------------------

    def _reaches(self, event: Reached, now: float, _wall: float) -> list[Effect]:
        self._reached = event.position
        self._since_reached = now
        return []

    def _lacking(self) -> bool:
        """Whether the own journal says more than the log does, as far as that can be read."""
        return 0 <= self._reached <= self.position and self._kept > self._read_up_to

    @property
    def _read_up_to(self) -> int:
        """The number of the log's last entry that was read; before anything was, `seq` is the journal's."""
        return self.seq if self.position else 0

    def _delivered(self, event: Delivered, now: float, wall: float) -> list[Effect]:
        record = event.record
        if event.position <= self.position:
            return []
        if self.position and event.position != self.position + 1:
            return self._stop(f"The log goes on at {event.position} and not at {self.position + 1}.")
        flight = self._flight
        if flight is not None and flight.record == record and event.position == flight.expected + 1:
            return self._committed(now, wall)
        if self.role == "master":
            return self._stop(f"Server {record.server + 1} has written behind this master's back, in term {record.term}.")
        # Whoever stood and reads another's record has not become master.
        self._flight = None
        effects: list[Effect] = []
        if self.role == "standing":
            self.role = "following"
        effects += self._apply(event.position, record)
        if self.role == "over":
            return effects
        self._heard, self._patience = now, -1.0
        if (record.term, record.server) != (self.term, self.master):
            self.term, self.master = record.term, record.server
            effects.append(Became(self.role, self.term, self.master))
        return effects

    def _apply(self, position: int, record: Record) -> list[Effect]:
        """Takes a record of somebody else into account, after comparing it with what is known."""
        if record.term < self.term:
            return self._stop(f"The log has a record of term {record.term} behind term {self.term}.", alarm=True)
        last = record.seq + len(record.entries) - 1
        first = not self.position
        self.position = position
        if first and record.seq > self.seq + 1 and record.entries and isinstance(record.entries[0], Snapshot):
            # What lies between was purged; the snapshot has all of it.
            self.seq, self.head = record.seq - 1, ""
        elif first and record.seq <= self._kept + 1:
            # The journal has been replayed; what the log says again is compared, not applied.
            self.seq = record.seq - 1
        if record.seq != self.seq + 1:
            return self._stop(f"The log goes on with entry {record.seq} and not with {self.seq + 1}.", alarm=True)
        if last <= self._kept:
            self.seq = last
            known = self.head if last == self._kept else self._known.get(last, record.hash)
            if record.entries and known != record.hash:
                return self._stop(f"Entry {last} of the own journal is not what the log has.", alarm=True)
            return []
        if record.seq <= self._kept:
            return self._stop(f"The own journal ends within the record of entry {record.seq}.", alarm=True)
        head = record_line(record.seq, self.head, record.entries)[1] if record.entries and self.head else record.hash
        if head != record.hash or (not record.entries and self.head not in ("", record.hash)):
            return self._stop(f"Entry {record.seq} of the log does not follow what is before it.", alarm=True)
        for entry in record.entries:
            self.machine.replay(entry)
        self._advance(record)
        return [Keep(record)] if record.entries else []

    def _advance(self, record: Record) -> None:
        self.seq = max(self.seq, record.seq + len(record.entries) - 1)
        self.head = record.hash
        fresh = any(isinstance(entry, Snapshot) for entry in record.entries)
        self._since_snapshot = 0 if fresh else self._since_snapshot + len(record.entries)

    def _stop(self, reason: str, *, alarm: bool = False) -> list[Effect]:
        self.role = "over"
        self._flight = None
        return [Stop(reason, alarm)]

    # Writing ---------------------------------------------------------------------------------------------------------

    def _append(self, term: int, entries: tuple[Entry, ...], held: tuple[Send | Close, ...], now: float) -> list[Effect]:
        head = record_line(self.seq + 1, self.head, entries)[1] if entries else self.head
        record = Record(term, self.settings.me, self.seq + 1, entries, head)
        self._flight = _Flight(self.position, record, held, now + self.settings.retry_s)
        self._appended = now
        return [Appending(self.position, record)]

    def _commit(self, now: float) -> list[Effect]:
        """Begins to append what has come together, unless an append is under way: then that one's end does it."""
        if self.role != "master" or self._flight is not None:
            return []
        if not self._pending and not self._held and now - self._appended < self.settings.beat_s:
            return []
        entries = tuple(one.entry for one in self._pending)
        held = tuple(self._held)
        self._pending, self._held = [], []
        return self._append(self.term, entries, held, now)

    def _outcame(self, event: Outcame, now: float, wall: float) -> list[Effect]:
        flight = self._flight
        if flight is None or flight.expected != event.expected:
            return []
        if isinstance(event.outcome, Appended):
            if event.outcome.seq != flight.expected + 1:
                return self._stop(f"The log took a record at {event.outcome.seq} that was for {flight.expected + 1}.", alarm=True)
            return self._committed(now, wall)
        # After a conflict, too, it is made again in its time: what the log has there may be this record, or one that is never committed
        # and vanishes again.
        return []

    def _committed(self, now: float, wall: float) -> list[Effect]:
        """The record that was under way is in the log, behind all that this member has read."""
        flight, self._flight = self._flight, None
        assert flight is not None
        record = flight.record
        self.position += 1
        self._heard = now
        self._advance(record)
        effects: list[Effect] = [Keep(record)] if record.entries else []
        if self.role == "standing":
            self.role, self.term, self.master = "master", record.term, self.settings.me
            effects.append(Became(self.role, self.term, self.master))
            assert self._config is not None
            self._take(self.machine.handle(self._config, now, wall))
            self._take(self.machine.handle(Recovered(), now, wall))
        elif flight.held:
            effects.append(Release(flight.held))
        if record.entries and isinstance(record.entries[0], Snapshot):
            effects.append(Purge(self.position))
        if not self._pending and self._since_snapshot >= self.settings.snapshot_entries:
            # Nothing is decided that is not in the log: the ledger is what the log says.
            self._pending.append(Append(self.machine.ledger.snapshot(wall)))
        return [*effects, *self._commit(now)]

    # The machine -----------------------------------------------------------------------------------------------------

    def _take(self, instructions: Iterable[Instruction]) -> None:
        for instruction in instructions:
            if isinstance(instruction, Append):
                self._pending.append(instruction)
            else:
                self._held.append(instruction)

    def _configured(self, event: Configured, now: float, wall: float) -> list[Effect]:
        self._config = msgspec.structs.replace(event.reread, offer=None)
        if self.role != "master":
            return []
        self._take(self.machine.handle(event.reread, now, wall))
        return self._commit(now)

    def _asked(self, event: Asked, now: float, wall: float) -> list[Effect]:
        if self.role != "master":
            connection = getattr(event.event, "connection", None)
            return [] if connection is None else [Release((Close(connection, NO_MASTER, _NO_MASTER_TEXT),))]
        self._take(self.machine.handle(event.event, now, wall))
        if self._lives(event.event):
            self._held += event.replies
        return self._commit(now)

    def _lives(self, event: VendorEvent) -> bool:
        """Whether the session that shows that it lives is one: who is told that his lease goes on must have one."""
        if not isinstance(event, Heard | IdleTold):
            return True
        session = self.machine.ledger.sessions.get(event.session)
        return session is not None and not session.over

    # Time ------------------------------------------------------------------------------------------------------------

    def _ticked(self, event: Ticked, now: float, wall: float) -> list[Effect]:
        settings, flight = self.settings, self._flight
        if flight is not None and now >= flight.retry_at:
            flight.retry_at = now + settings.retry_s
            return [Appending(flight.expected, flight.record)]
        if self.role == "master":
            self._take(self.machine.handle(Tick(event.today), now, wall))
            return self._commit(now)
        if self._lacking() and now - self._since_reached >= settings.lost_s:
            return self._stop(f"The own journal goes up to entry {self._kept}, and the log only to {self._read_up_to}.", alarm=True)
        if self._patience < 0:
            self._patience = settings.silence_s + settings.spread_s * event.draw
        if self.role == "following" and flight is None and self._may_stand() and now - self._heard >= self._patience:
            return self._stand(now, wall)
        return []

    def _may_stand(self) -> bool:
        """Whether all is read that there was, and it is known what would be served."""
        return self._config is not None and 0 <= self._reached <= self.position and not self._lacking()

    def _stand(self, now: float, wall: float) -> list[Effect]:
        self.role = "standing"
        self._heard, self._patience = now, -1.0
        elected = Elected(wall, self.term + 1, self.settings.me)
        return [Became(self.role, self.term, self.master), *self._append(self.term + 1, (elected,), (), now)]
