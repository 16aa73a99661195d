"""Events in, durable answers out: the machine decides, the journal takes what it decided, and only then the answers leave.

Durable before visible. Entries that the machine wants appended wait for the next commit; answers that depend on them wait
with them. One commit is under way at a time, and all that comes meanwhile is the next one: many clients share one flush to
the disk. When the journal does not take an entry, the process ends: what it has in memory is ahead of the disk, and the
next process begins from the disk.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters import clock
from seatkeeper.adapters.journal import Journal
from seatkeeper.server.listener import ClientConnection
from seatkeeper.vendor.events import Append, Close, Heard, Send
from seatkeeper.vendor.log import Appended, Conflict, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any, NoReturn

    from seatkeeper.server.logs import Logs
    from seatkeeper.vendor.events import Answer, Event, Instruction
    from seatkeeper.vendor.machine import Machine

__all__ = ["LOG_S", "Pump", "close_connection"]

#: The debug log is written this often under load, and not for each commit; who asks for the status finds it complete.
LOG_S: Final = 0.05
#: How often it is looked whether what is decided is written.
_WRITTEN_S: Final = 0.001
#: When nothing has come for so long, nobody has to be made way for.
_QUIET_S: Final = 0.001


class Pump:
    """The way of an event through the machine and the journal.

    Args:
        machine: Decides.
        logs: The debug log and the report log.
        loop: The event loop.
        frames: The client's bytes by kind of answer.
        give_up: Ends the process at once; called when the journal does not take an entry.
    """

    def __init__(
        self,
        machine: Machine,
        logs: Logs,
        loop: asyncio.AbstractEventLoop,
        frames: Mapping[type[Answer], Callable[[Any], bytes]],
        give_up: Callable[[str], NoReturn],
    ) -> None:
        self.machine = machine
        self.closed = False
        self.committing = False
        self._logs = logs
        self._loop = loop
        self._frames = frames
        self._give_up = give_up
        self._journal: Journal | None = None
        self._events: list[Event] = []
        self._pending: list[Append] = []
        self._held_back: list[tuple[ClientConnection, bytes]] = []
        self._under_way: list[Append] = []
        # Batches given to the journal, and those of them that are in the logs.
        self._begun = self._done = 0
        self._now = self._flushed = 0.0
        self._flush_due = False

    def recover(self, directory: Path, *, durable: bool) -> None:
        """Builds the ledger from the journal in the directory, and takes the journal over.

        Raises:
            SeatkeeperError: The journal is damaged, or another process writes it.
            OSError: It cannot be read or written.
        """
        self._journal = Journal(directory, self._loop.call_soon_threadsafe, durable=durable)
        for record in self._journal.tail():
            for entry in record.entries:
                self.machine.replay(entry)
        self._journal.snapshot(self.machine.ledger.snapshot(clock.now()))

    # Events and instructions -----------------------------------------------------------------------------------------

    def run(self, event: Event) -> None:
        """Takes an event up: those of one turn of the loop are handled together at its end, in their order and at one time."""
        # Many clients' events in a row keep the processor's caches warm, where one client's event between two reads does not.
        if not self._events:
            self._loop.call_soon(self.turn)
        self._events.append(event)

    def turn(self) -> None:
        """Gives what has come together to the machine, carries out what it wants, and begins to commit it."""
        events, self._events = iter(self._events), []
        if self.closed:
            # Connections that end with this process end no session: the next process waits for them to come back.
            return
        self._now = now = clock.monotonic()
        handle, wall, do = self.machine.handle, clock.now(), self._do
        try:
            for event in events:
                do(handle(event, now, wall))
        finally:
            # After an error the events of others still have their turn.
            for event in events:
                self.run(event)
        self._commit()

    def at_once(self, event: Event) -> list[Instruction]:
        """Has one event decided now, after those that wait; the caller looks at the instructions and gives them to `carry_out`."""
        self.turn()
        return [] if self.closed else self.machine.handle(event, clock.monotonic(), clock.now())

    def carry_out(self, instructions: list[Instruction]) -> None:
        """Does what the machine wants, and begins to commit it."""
        self._do(instructions)
        self._commit()

    def _do(self, instructions: list[Instruction]) -> None:
        """Entries wait for the next commit, and with them durable answers; other answers leave at once. This is the hot path."""
        pending = self._pending
        for instruction in instructions:
            kind = type(instruction)
            if kind is Append:
                pending.append(instruction)  # type: ignore[arg-type]
            elif kind is Send:
                client: ClientConnection = instruction.connection  # type: ignore[assignment, union-attr]
                answer = instruction.answer  # type: ignore[union-attr]
                data = self._frames[type(answer)](answer)
                if instruction.durable and (pending or self.committing):  # type: ignore[union-attr]
                    self._held_back.append((client, data))
                elif client.transport is not None:
                    client.transport.write(data)
            elif isinstance(instruction, Close):
                close_connection(instruction)

    def renew(self, session: int) -> None:
        """Notes at once that a session lives: what the client is told of it must not be overtaken by a Tick that waits its turn."""
        if not self.closed:
            self.machine.handle(Heard(session), clock.monotonic(), clock.now())

    def close(self) -> str:
        """Ends the writing orderly; what is wrong where that does not succeed."""
        if self._events:
            self.turn()
        self.closed = True
        pending, self._pending = [*self._pending, *self.machine.closing(clock.now())], []
        journal, self._journal = self._journal, None
        if journal is not None:
            try:
                # Entries that nobody waits for (checkins, denials) still belong into the record.
                journal.close([one.entry for one in pending])
                # The batch under way is in the journal too, and nobody will be told of that any more.
                self._logs.wrote([*self._under_way, *pending])
                self._under_way = []
            except OSError as error:
                self._held_back.clear()
                return f"The journal cannot be written: {error.strerror}"
        return ""

    # Committing ------------------------------------------------------------------------------------------------------

    def _commit(self) -> None:
        """Begins to append what has come together, unless an append is under way: then that one's end does it."""
        if self.committing or not self._pending:
            return
        appends, self._pending = self._pending, []
        answers, self._held_back = self._held_back, []
        self.committing = True
        self._begun += 1
        if self._journal is None:
            self._committed(appends, answers, Appended(0))
            return
        self._under_way = appends
        batch = [one.entry for one in appends]
        self._journal.append(self._journal.seq, batch, lambda outcome: self._committed(appends, answers, outcome))
        if self._journal.wants_snapshot:
            # Nothing waits now: behind this batch the ledger is what the log says.
            try:
                self._journal.snapshot(self.machine.ledger.snapshot(clock.now()))
            except OSError as error:
                self._give_up(f"The journal cannot be written: {error.strerror} ({self._journal.directory}).")

    def is_quiet(self) -> bool:
        """Whether nobody is served: nothing has come for a moment, and nothing is being written."""
        return not (self.committing or self._events or clock.monotonic() - self._now < _QUIET_S)

    async def written(self) -> None:
        """Returns when all that is decided by now stands in the logs."""
        if self._events:
            self.turn()
        wanted = self._begun + bool(self._pending)
        while self._done < wanted and not self.closed:
            await asyncio.sleep(_WRITTEN_S)
        self.flush_log()

    def flush_log(self) -> None:
        """Writes the debug log out."""
        self._flushed, self._flush_due = clock.monotonic(), False
        self._logs.log.flush()

    def _committed(self, appends: list[Append], answers: list[tuple[ClientConnection, bytes]], outcome: Outcome) -> None:
        self.committing = False
        self._under_way = []
        if not isinstance(outcome, Appended):
            self._give_up("another daemon writes this journal" if isinstance(outcome, Conflict) else outcome.reason)
        for connection, data in answers:
            # Without the call of connection.write: this is the hot path.
            if connection.transport is not None:
                connection.transport.write(data)
        if self._pending:
            self._commit()
        elif self._held_back:
            held, self._held_back = self._held_back, []
            for connection, data in held:
                connection.write(data)
        # The logs are for people, and come after the clients.
        self._logs.wrote(appends)
        self._done += 1
        if self._now - self._flushed >= LOG_S:
            self.flush_log()
        elif not self._flush_due:
            self._flush_due = True
            self._loop.call_later(LOG_S, self.flush_log)


def close_connection(instruction: Close) -> None:
    """Tells a client why its connection ends, and ends it."""
    connection = instruction.connection
    if isinstance(connection, ClientConnection):
        connection.session = 0
        connection.refuse(instruction.number, instruction.reason)
