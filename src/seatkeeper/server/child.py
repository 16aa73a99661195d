"""One vendor daemon as lmgrd has it: its process, the clients that wait for it, and what happens when it dies.

A client that asks for a vendor daemon that is being started waits here for a while, so that a restart looks like a slow
answer and not like a refusal. A vendor daemon that was given up, or shut down, rests until an administrator acts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.server.channels import turn_away
from seatkeeper.server.control import (
    Control,
    Failed,
    Lent,
    Mastery,
    Message,
    NewClient,
    OrderReread,
    OrderStop,
    RereadDone,
    Serving,
    control_pair,
)
from seatkeeper.server.supervisor import Supervision
from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import DaemonStatus, Elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from seatkeeper.adapters.debuglog import DebugLog
    from seatkeeper.licfile.model import Vendor
    from seatkeeper.server.trio import Trio
    from seatkeeper.server.vendord import DaemonOptions

__all__ = ["HOLD_S", "REREAD_S", "WAITING_MAX", "Child"]

#: How long a client waits at lmgrd for a vendor daemon that is being started.
HOLD_S: Final = 15.0
#: How long an orderly end of a vendor daemon may take before it is killed.
_STOP_S: Final = 10.0
REREAD_S: Final = 60.0
#: Clients that wait at lmgrd for one vendor daemon, unless it is said otherwise.
WAITING_MAX: Final = 4096


#: What a stranger is told of a vendor daemon that has been given up.
_BRIEF: Final = "it does not run, and the license server's debug log says why"


class Child:
    """One vendor daemon under lmgrd.

    Args:
        line: Its DAEMON line; `next_line` is that of its next process, `line` that of the one that runs.
        options: Makes the options of a new process from its control descriptor and the number of restarts.
        log: lmgrd's log, and `log_descriptor` where the vendor daemon writes its own lines.
        loop: The event loop.
        spawn: Runs a coroutine in the background.
        turn_away: Says to a client why it is not served, to a stranger in other words, and closes.
        waiting_max: Clients that may wait for it, whether it is being started or does not read what it is told.
        trio: This lmgrd's part in a triad; None where it is the only one.

    Attributes:
        mastery: Of three servers, who has clients; None while it is not known.
    """

    def __init__(
        self,
        line: Vendor,
        options: Callable[[Vendor, int, int], DaemonOptions],
        log: DebugLog,
        log_descriptor: int,
        loop: asyncio.AbstractEventLoop,
        spawn: Callable[[Coroutine[object, object, object]], None],
        turn_away: Callable[[socket.socket, int, str, str], None] = turn_away,
        waiting_max: int = WAITING_MAX,
        trio: Trio | None = None,
    ) -> None:
        self.line = self.next_line = line
        self.name = line.name
        self.lent = 0
        self._options = options
        self._log = log
        self._log_descriptor = log_descriptor
        self._loop = loop
        self._spawn = spawn
        self._turn_away = turn_away
        self.waiting_max = waiting_max
        self._trio = trio
        self.mastery: Mastery | None = None
        self._supervision = Supervision()
        self._process: asyncio.subprocess.Process | None = None
        self._control: Control | None = None
        self._serving_since: float | None = None
        self._version = ""
        self._port = 0
        self._reason = "it is being started"
        self._stopped_by = ""
        # In place of a reason that quotes the process, which may name files and with them accounts.
        self._brief = ""
        self._last_words = ""
        self._final = False
        self._wanted = True
        # True while it does not run and will not be started by itself.
        self._resting = False
        # Set while there is no process, and none is being made.
        self._gone = asyncio.Event()
        self._gone.set()
        self._waiting: deque[tuple[socket.socket, float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._rereads: dict[int, asyncio.Future[RereadDone]] = {}
        self._next_reread = 1

    @property
    def is_up(self) -> bool | None:
        """True while it serves, False while it rests, None while that is still to be seen."""
        return True if self._serving_since is not None else False if self._resting else None

    def status(self, *, named: bool = True) -> DaemonStatus:
        """What lmstat is told about it; who has stopped it only where persons are `named`."""
        up = self._serving_since is not None
        reason = self._reason + ("" if up else self._stopped_by) if named else self._brief or self._reason
        return DaemonStatus(self.name, up, self._version, reason, self._port, self._supervision.restarts)

    # Life ------------------------------------------------------------------------------------------------------------

    def start(self, pause: float = 0.0) -> None:
        """Starts it after a pause, unless it runs; an earlier plan to start it is dropped."""
        self._wanted, self._resting = True, False
        self._stopped_by = ""
        if self._gone.is_set():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(pause, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._gone.clear()
        self._spawn(self._run())

    async def _run(self) -> None:
        """Starts the process and watches it until it ends; then decides what follows."""
        self._last_words, self._final = "", False
        try:
            status = await self._watch()
        finally:
            self._process = None
            if self._control is not None:
                self._control.close()
                self._control = None
            self._gone.set()
            for request, future in self._rereads.items():
                if not future.done():
                    future.set_result(RereadDone(request, -97, "the vendor daemon has ended before it answered"))
            self._rereads.clear()
        if not self._wanted:
            self._serving_since = None
            return
        if status is not None:
            signal_number, code = (-status, 0) if status < 0 else (0, status)
            self._log.line(f"{self.name} exited with status {code} signal = {signal_number}")
        self._died()

    async def _watch(self) -> int | None:
        """The exit status of a new process, when it has ended; None where it cannot be started."""
        try:
            ours, theirs = control_pair()
        except OSError as error:
            self._cannot_start(f"no socket can be had: {error.strerror}")
            return None
        self.line = self.next_line
        if self.line.port:
            self._log.say(f"Using vendor daemon port {self.line.port} specified in license file")
        program = self._program()
        options = self._options(self.line, theirs.fileno(), self._supervision.restarts)
        try:
            command = [*program, "--lmgrd", msgspec.json.encode(options).decode()]
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.DEVNULL,
                stdout=self._log_descriptor,
                stderr=self._log_descriptor,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            self._cannot_start(f"{program[0]} cannot be started: {error.strerror}")
            return None
        except ValueError as error:
            # A name of a file that is no text cannot be passed on.
            ours.close()
            self._cannot_start(f"{program[0]} cannot be started: {error}")
            return None
        finally:
            theirs.close()
        self._process = process
        self._control = Control(self._loop, ours, lambda message, _client: self._told(message), self._lost)
        word = "REStarted" if self._supervision.restarts else "Started"
        port = f"internet tcp_port {self.line.port} " if self.line.port else ""
        self._log.say(f"{word} {self.name} ({port}pid {process.pid})")
        if not self._wanted:
            # It was stopped while it was being made.
            self._order_stop("", "")
        return await process.wait()

    def _cannot_start(self, why: str) -> None:
        self._last_words = why
        self._log.say(f"{self.name}: {why}")

    def _lost(self, clients: list[socket.socket]) -> None:
        """The process has closed its end, so it has ended or will at once; who was on the way to it waits for the next one."""
        self._control = None
        for client in clients:
            self.hand_over(client)

    def _died(self) -> None:
        """Starts it again when the supervision says so, or gives up."""
        served_s = None if self._serving_since is None else self._loop.time() - self._serving_since
        self._serving_since = None
        self._follow(None)
        pause = self._supervision.died(served_s, final=self._final)
        why = self._last_words.rstrip(".") or "it ended before it served"
        if pause is None:
            self._brief = _BRIEF
            self._reason = why if self._final else f"{why} ({self._supervision.failures} times in a row)"
            self._log.line(f"{self.name} is NOT started again: {self._reason}.")
            self._log.say("Please correct problem and restart daemons (lmreread tries again).")
            self._rest()
            return
        self._brief = ""
        self._reason = "it is being started again"
        self._log.line("Since this is an unknown status, license server ")
        self._log.line("manager (lmgrd) will attempt to re-start the vendor daemon.")
        if pause:
            self._brief = f"it is started again after {pause:g} s"
            self._reason = f"{why}; it is started again after {pause:g} s"
            self._log.line(f"{self.name}: next start in {pause:g} s")
        self._log.flush()
        self.start(pause)

    def _rest(self) -> None:
        """Nobody need wait for it any longer."""
        self._resting = True
        waiting, self._waiting = self._waiting, deque()
        for client, _ in waiting:
            self._refuse(client)

    def _program(self) -> list[str]:
        """The command: the path of the DAEMON line where that can be run, else the vendor daemon that is built in."""
        if self.line.path:
            # os.path, because a path that is too long, or leads where this account may not look, is just no program.
            path = os.path.join(self.line.path, self.name) if os.path.isdir(self.line.path) else self.line.path  # noqa: PTH112, PTH118
            if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113
                return [os.path.realpath(path)]
            self._log.say(f"{self.line.path} cannot be run; {self.name} is started with the vendor daemon of this installation")
        return [sys.executable, "-m", "seatkeeper.cli.vendord"]

    async def stop(self, by_user: str = "", by_host: str = "") -> None:
        """Ends it orderly, and keeps it down; returns when the process has gone."""
        self._wanted = False
        self._brief = ""
        self._reason = "it was shut down"
        self._stopped_by = f" by {by_user}@{by_host}" if by_user else ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._rest()
        if self._process is not None:
            self._order_stop(by_user, by_host)
        try:
            await asyncio.wait_for(self._gone.wait(), _STOP_S)
        except TimeoutError:
            self._log.say(f"{self.name} does not end; killing it")
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
            await self._gone.wait()

    def _order_stop(self, by_user: str, by_host: str) -> None:
        assert self._process is not None
        self._log.say(f"Shutting down {self.name} pid={self._process.pid}")
        if self._control is not None:
            self._control.send(OrderStop(by_user, by_host))

    def _told(self, message: Message) -> None:
        """The vendor daemon reports."""
        if isinstance(message, Serving):
            if not self._wanted:
                return
            self._serving_since = self._loop.time()
            self._version, self._port, self._reason = message.version, message.port, ""
            self._brief = ""
            if message.port:
                self._log.say(f"{self.name} using TCP-port {message.port}")
            waiting, self._waiting = self._waiting, deque()
            for client, _ in waiting:
                self.hand_over(client)
        elif isinstance(message, Failed):
            self._last_words, self._final = message.reason, message.final
        elif isinstance(message, Mastery):
            self._follow(message if message.master >= 0 else None)
        elif isinstance(message, Lent):
            self.lent = message.seats
        elif isinstance(message, RereadDone):
            future = self._rereads.pop(message.request, None)
            if future is not None and not future.done():
                future.set_result(message)

    def _follow(self, mastery: Mastery | None) -> None:
        """Of three servers another one, or nobody, has the clients now."""
        before, self.mastery = self.mastery, mastery
        if self._trio is None or (before.master if before else -1) == (mastery.master if mastery else -1):
            return
        self._trio.passing.close(self.name)
        if mastery is not None:
            waiting, self._waiting = self._waiting, deque()
            for client, _ in waiting:
                self.hand_over(client)

    # What lmgrd asks -------------------------------------------------------------------------------------------------

    async def reread(self, by_user: str, by_host: str, *, dry_run: bool = False) -> RereadDone:
        """Lets it read its files again, or only say what that would change; one that does not serve is started."""
        if self._control is None or self._serving_since is None:
            if dry_run:
                return RereadDone(0, 0, "it would be started with the new files")
            self._supervision.try_again()
            self.start()
            return RereadDone(0, 0, "it is started with the new files")
        request, self._next_reread = self._next_reread, self._next_reread + 1
        future = self._rereads[request] = self._loop.create_future()
        self._control.send(OrderReread(request, by_user, by_host, dry_run))
        try:
            return await asyncio.wait_for(future, REREAD_S)
        except TimeoutError:
            self._rereads.pop(request, None)
            return RereadDone(request, -52, "the vendor daemon does not answer")

    def take_passed(self, client: socket.socket) -> None:
        """Takes a client that another of three servers has passed on; who is not the master any more lets it come again."""
        if self._trio is not None and self.mastery is not None and self.mastery.master == self._trio.me:
            self.hand_over(client)
        else:
            client.close()

    def hand_over(self, client: socket.socket) -> None:
        """Passes a client on, lets it wait while the vendor daemon is being started, or turns it away."""
        if self._resting:
            self._refuse(client)
        elif self._trio is not None and self.mastery is not None and self.mastery.master != self._trio.me:
            self._trio.pass_on(client, self.name, self.mastery.master)
        elif self._control is None or self._serving_since is None or (self._trio is not None and self.mastery is None):
            if len(self._waiting) >= self.waiting_max:
                self._crowded(client, len(self._waiting))
                return
            self._waiting.append((client, self._loop.time() + HOLD_S))
            self._loop.call_later(HOLD_S, self._expire)
        elif self._control.unsent >= self.waiting_max:
            # It hangs. The connections of other vendor daemons' clients are not its clients' to use up.
            self._crowded(client, self._control.unsent)
        elif hasattr(socket, "send_fds"):
            self._control.send(NewClient(), client)
        else:
            with contextlib.suppress(OSError):
                client.send(frame(Elsewhere(self._port)))
            client.close()

    def _crowded(self, client: socket.socket, waiting: int) -> None:
        self._turn_away(client, -106, f"{waiting} clients wait for {self.name} already.", "")

    def _expire(self) -> None:
        now = self._loop.time() + 0.001
        while self._waiting and self._waiting[0][1] <= now:
            client, _ = self._waiting.popleft()
            self._refuse(client)

    def _refuse(self, client: socket.socket) -> None:
        """Says that it does not serve, and why."""
        reason = self._reason or "it does not answer"
        self._turn_away(client, -97, f"{self.name}: {reason}.", f"{self.name}: {self._brief or reason}.")
