"""Events in, answers out that the log of all three servers knows of: the member decides, and this carries out what it wants.

The same surface as Pump. What comes together in one turn of the loop is handled together; the member begins one append at a time. Its
effects are carried out here: appends go to the shared log, and their outcomes come back as events; applied records go to the member's
own journal, in their order and behind the shared log; answers leave when the member releases them, and never before, a greeting's
Welcome and a heartbeat's answer like all others. The logs have what this server decided as master.

The own journal is written behind: what it lacks after a crash the shared log says again. It must say word for word what the shared log
says; where it does not, this process ends, and is not started again before somebody has looked.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final, TypeVar

from seatkeeper.adapters import clock
from seatkeeper.adapters.journal import Journal
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.server.listener import ClientConnection
from seatkeeper.server.pump import LOG_S, close_connection
from seatkeeper.server.records import decode_record, encode_record
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
    Release,
    Stop,
    Ticked,
)
from seatkeeper.triad.member import Member, TriadSettings
from seatkeeper.vendor.entries import Snapshot
from seatkeeper.vendor.events import Accepted, Append, Disconnected, Heard, LicenseReread, Send, Tick
from seatkeeper.vendor.log import Appended
from seatkeeper.vendor.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from pathlib import Path
    from typing import Any, NoReturn

    from seatkeeper.adapters.jetstream import SharedLog
    from seatkeeper.server.logs import Logs
    from seatkeeper.triad.events import Effect, Record
    from seatkeeper.triad.events import Event as TriadEvent
    from seatkeeper.vendor.events import Answer, Event, Instruction
    from seatkeeper.vendor.log import Outcome

__all__ = ["NotingMachine", "TriadPump"]

#: How often a member is told that time has passed.
TICK_S: Final = 0.1
#: How long it waits before it looks again for a log that is not there yet.
_AGAIN_S: Final = 0.3
_WRITTEN_S: Final = 0.001
_QUIET_S: Final = 0.001

_T = TypeVar("_T")


class NotingMachine(Machine):
    """A machine of which it is known what its entries were about, for the logs.

    Attributes:
        noted: By the entry's identity, what was to be appended; taken away as it is logged.
    """

    noted: dict[int, Append]

    def handle(self, event: Event, now: float, wall: float) -> list[Instruction]:
        """What the machine wants, and its appends are noted."""
        instructions = super().handle(event, now, wall)
        for instruction in instructions:
            if type(instruction) is Append:
                self.noted[id(instruction.entry)] = instruction
        return instructions


class TriadPump:
    """The way of an event through a member of a triad.

    Args:
        machine: Decides, where this member is master.
        settings: The member's.
        shared: The log of all three; not connected yet.
        logs: The debug log and the report log.
        loop: The event loop.
        frames: The client's bytes by kind of answer.
        welcome: Called where a session is open from now on.
        became: Called with each change of role.
        give_up: Ends the process at once; with True it must not be started again.
        spawn: Runs a coroutine in the background.
    """

    def __init__(
        self,
        machine: NotingMachine,
        settings: TriadSettings,
        shared: SharedLog,
        logs: Logs,
        loop: asyncio.AbstractEventLoop,
        frames: Mapping[type[Answer], Callable[[Any], bytes]],
        *,
        welcome: Callable[[ClientConnection, Accepted], None],
        became: Callable[[Became], None],
        give_up: Callable[[str, bool], NoReturn],
        spawn: Callable[[Coroutine[object, object, object]], None],
    ) -> None:
        self.machine = machine
        machine.noted = {}
        self.closed = False
        self.member: Member
        self._settings = settings
        self._shared = shared
        self._logs = logs
        self._loop = loop
        self._frames = frames
        self._welcome = welcome
        self._became = became
        self._give_up = give_up
        self._spawn = spawn
        self._journal: Journal | None = None
        # Batches that the own journal has not written yet; number and hash of the last entry that was given to it.
        self._behind = self._kept_seq = 0
        self._kept_head = ""
        self._events: list[TriadEvent] = []
        self._previous: dict[int, str] = {}
        self._now = self._flushed = 0.0
        self._flush_due = False
        self._draw = random.SystemRandom().random
        #: The last position that is known to be in the log.
        self.end = 0

    # Life ------------------------------------------------------------------------------------------------------------

    def recover(self, directory: Path, *, durable: bool) -> None:
        """Builds the ledger from the member's own journal, and takes that over.

        Raises:
            SeatkeeperError: The journal is damaged, or another process writes it.
            OSError: It cannot be read or written.
        """
        self._journal = journal = Journal(directory, self._loop.call_soon_threadsafe, durable=durable)
        known: dict[int, str] = {}
        for record in journal.tail():
            for entry in record.entries:
                self.machine.replay(entry)
            known[record.seq + len(record.entries) - 1] = record.hash
        journal.proceed()
        self._kept_seq, self._kept_head = journal.seq, journal.head
        self.member = Member(self._settings, self.machine, journal.seq, journal.head, known, clock.monotonic())

    def start(self) -> None:
        """Follows the shared log from now on."""
        self._spawn(self._follow())
        self._tick()

    async def _follow(self) -> None:
        shared = self._shared
        await self._until_done(shared.connect)
        await self._until_done(shared.create)
        self.end = await self._until_done(shared.last)
        self._logs.log.say(f"CONNECTED to the log of all three servers, which ends at {self.end}")
        self._take(Reached(self.end))
        async for position, data in shared.read(0):
            if self.closed:
                return
            try:
                record, previous = decode_record(data)
            except SeatkeeperError as error:
                self._give_up(str(error), True)
            self.end = max(self.end, position)
            if record.entries and isinstance(record.entries[0], Snapshot):
                self._previous[record.seq] = previous
            self._take(Delivered(position, record))

    async def _until_done(self, do: Callable[[], Coroutine[object, object, _T]]) -> _T:
        """What it returns when it succeeds at last; too few servers may have found each other until then."""
        told = ""
        while True:
            if self.closed:
                raise asyncio.CancelledError
            try:
                return await do()
            except SeatkeeperError as error:
                told = self._tell(str(error), told)
                await asyncio.sleep(_AGAIN_S)

    def _tell(self, sentence: str, before: str) -> str:
        if sentence != before:
            self._logs.log.say(f"Waiting for the log of all three servers: {sentence}")
            self._logs.log.flush()
        return sentence

    def _tick(self) -> None:
        if self.closed:
            return
        self._loop.call_later(TICK_S, self._tick)
        self._take(Ticked(clock.today(), self._draw()))

    def close(self) -> str:
        """Ends the writing orderly; what is wrong where that does not succeed."""
        self.closed = True
        self._shared.stop()
        journal, self._journal = self._journal, None
        if journal is not None:
            try:
                journal.close()
            except OSError as error:
                return f"The journal cannot be written: {error.strerror}"
        return ""

    # Events ----------------------------------------------------------------------------------------------------------

    def run(self, event: Event) -> None:
        """Takes an event of a client, or a reread, up: those of one turn of the loop are handled at its end, in their order."""
        if isinstance(event, Tick):
            # The member has its own.
            return
        self._put(Configured(event) if isinstance(event, LicenseReread) else Asked(event))

    def beat(self, session: int, replies: tuple[Send, ...]) -> None:
        """Renews a session's lease, and answers its heartbeat when the log shows that this member was master meanwhile."""
        self._put(Asked(Heard(session), replies))

    def renew(self, session: int) -> None:
        """Notes that a session lives."""
        self._put(Asked(Heard(session)))

    def _put(self, event: TriadEvent) -> None:
        if not self._events:
            self._loop.call_soon(self.turn)
        self._events.append(event)

    def turn(self) -> None:
        """Gives what has come together to the member, and carries out what it wants."""
        events, self._events = self._events, []
        for event in events:
            self._take(event)

    def _take(self, event: TriadEvent) -> None:
        if self.closed:
            return
        if not isinstance(event, Ticked | Delivered):
            self._now = clock.monotonic()
        for effect in self.member.handle(event, clock.monotonic(), clock.now()):
            self._carry_out(effect)

    # Effects ---------------------------------------------------------------------------------------------------------

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Appending):
            self._spawn(self._append(effect, encode_record(effect.record, self.member.head)))
        elif isinstance(effect, Release):
            self._release(effect)
        elif isinstance(effect, Keep):
            self._keep(effect.record)
        elif isinstance(effect, Became):
            self._became(effect)
        elif isinstance(effect, Purge):
            self._spawn(self._shared.purge(effect.position))
        elif isinstance(effect, Stop):
            self._give_up(effect.reason, effect.alarm)

    async def _append(self, effect: Appending, data: bytes) -> None:
        outcome: Outcome = await self._shared.append(effect.expected, data)
        if isinstance(outcome, Appended):
            self.end = max(self.end, outcome.seq)
        self._take(Outcame(effect.expected, outcome))

    def _release(self, effect: Release) -> None:
        for instruction in effect.instructions:
            client = instruction.connection
            assert isinstance(client, ClientConnection)
            if not isinstance(instruction, Send):
                close_connection(instruction)
            elif isinstance(instruction.answer, Accepted):
                if client.transport is None:
                    # It left before it was welcome.
                    self.run(Disconnected(instruction.answer.session, client))
                else:
                    self._welcome(client, instruction.answer)
            else:
                client.write(self._frames[type(instruction.answer)](instruction.answer))

    def _keep(self, record: Record) -> None:
        journal = self._journal
        if journal is None:
            return
        first = record.entries[0]
        previous = self._previous.pop(record.seq, "")
        if isinstance(first, Snapshot) and len(record.entries) == 1:
            try:
                if previous and self._kept_seq != record.seq - 1:
                    self._logs.log.say(f"The log begins with entry {record.seq}: this server was away longer than the log goes back")
                    journal.begin_behind(record.seq - 1, previous)
                journal.snapshot(first)
            except OSError as error:
                self._give_up(f"The journal cannot be written: {error.strerror} ({journal.directory}).", False)
        else:
            self._behind += 1
            journal.append(record.seq - 1, record.entries, self._kept)
        self._kept_seq, self._kept_head = record.seq + len(record.entries) - 1, record.hash
        noted = self.machine.noted
        appends = [noted.pop(id(entry)) for entry in record.entries if id(entry) in noted]
        if appends:
            self._logs.wrote(appends)
            if self._now - self._flushed >= LOG_S:
                self.flush_log()
            elif not self._flush_due:
                self._flush_due = True
                self._loop.call_later(LOG_S, self.flush_log)

    def _kept(self, outcome: Outcome) -> None:
        self._behind -= 1
        if not isinstance(outcome, Appended):
            self._give_up(getattr(outcome, "reason", "another daemon writes this journal"), False)
        if not self._behind and self._journal is not None and self._journal.head != self._kept_head:
            self._give_up(f"The own journal {self._journal.directory} is not what the log of all three servers has.", True)

    # Status ----------------------------------------------------------------------------------------------------------

    @property
    def lag(self) -> int:
        """How many records of the log this member has not applied yet."""
        return max(0, self.end - self.member.position)

    def is_quiet(self) -> bool:
        """Whether nobody is served: nothing has come for a moment."""
        return not self._events and clock.monotonic() - self._now >= _QUIET_S

    async def written(self) -> None:
        """Returns when all that is decided by now is in the shared log, and in the logs."""
        self.turn()
        while self.machine.noted and not self.closed:
            await asyncio.sleep(_WRITTEN_S)
        self.flush_log()

    def flush_log(self) -> None:
        """Writes the debug log out."""
        self._flushed, self._flush_due = clock.monotonic(), False
        self._logs.log.flush()
