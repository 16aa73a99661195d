"""lmgrd: the first contact of every client and tool, and the supervisor of the vendor daemons.

It reads the license files for what concerns it (SERVER and DAEMON lines), listens on the server's port, starts one vendor
daemon for each DAEMON line, hands clients over to them on the same connection, and starts them again when they die. It holds
no seats: a client notices nothing when lmgrd is busy, and finds its seats again when a vendor daemon was restarted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper import __version__
from seatkeeper.base.errors import LicenseError
from seatkeeper.server.accept import Acceptor, listening_sockets
from seatkeeper.server.control import Control, Failed, NewClient, OrderReread, OrderStop, RereadDone, Serving, control_pair
from seatkeeper.server.license import find_files, read_file
from seatkeeper.server.listener import clean_name, is_local
from seatkeeper.server.supervisor import Supervision
from seatkeeper.server.vendord import DaemonOptions
from seatkeeper.wire.framing import PREFACE_BYTES_MAX, FrameReader, WireError, client_frames, frame, parse_preface
from seatkeeper.wire.messages import (
    AskDown,
    AskReread,
    AskServer,
    ClientMessage,
    DaemonStatus,
    Done,
    Elsewhere,
    MemberStatus,
    Refused,
    ServerStatus,
)

if TYPE_CHECKING:
    from seatkeeper.adapters.debuglog import DebugLog
    from seatkeeper.licfile.model import Server, Vendor
    from seatkeeper.server.control import Message

__all__ = ["DEFAULT_PORT", "LicenseManager", "ManagerOptions"]

#: The port of the guide's license files ("Genesys recommends using the default of 7260").
DEFAULT_PORT: Final = 7260
#: How long a client waits at lmgrd for a vendor daemon that is being started.
_HOLD_S: Final = 15.0
#: How long an orderly end of a vendor daemon may take before it is killed.
_STOP_S: Final = 10.0
_REREAD_S: Final = 60.0
_BIND_S: Final = 10.0
_BIND_PAUSE_S: Final = 0.5


class ManagerOptions(msgspec.Struct, frozen=True):
    """How lmgrd was started; see `lmgrd -help`."""

    files: tuple[str, ...]
    lease_s: float = 180.0
    heartbeat_s: float = 60.0
    data: str = ""
    durable: bool = True
    journal: bool = True
    no_remote_down: bool = False
    no_remote_remove: bool = False


class _Daemon:
    """One vendor daemon under lmgrd: its process, its end of the control pair, and clients that wait for it."""

    def __init__(self, line: Vendor) -> None:
        self.line = line
        self.name = line.name
        self.supervision = Supervision()
        self.process: asyncio.subprocess.Process | None = None
        self.control: Control | None = None
        self.serving_since: float | None = None
        self.version = ""
        self.port = 0
        self.reason = "it is being started"
        self.final = False
        self.wanted = True
        # True while it does not run and will not be started by itself: lmgrd has given up, or was told to shut it down.
        self.resting = False
        self.waiting: list[tuple[socket.socket, float]] = []
        self.timer: asyncio.TimerHandle | None = None


class LicenseManager:
    """lmgrd, on an event loop."""

    def __init__(self, options: ManagerOptions, log: DebugLog, log_descriptor: int, loop: asyncio.AbstractEventLoop) -> None:
        self.options = options
        self.host = socket.gethostname()
        self.port = DEFAULT_PORT
        self.files: tuple[str, ...] = ()
        self._log = log
        self._log_descriptor = log_descriptor
        self._loop = loop
        self._daemons: dict[str, _Daemon] = {}
        self._servers: tuple[Server, ...] = ()
        self._acceptor: Acceptor | None = None
        self._tasks: set[asyncio.Task[object]] = set()
        self._rereads: dict[int, asyncio.Future[RereadDone]] = {}
        self._next_reread = 1
        self._ended: asyncio.Future[int] = loop.create_future()
        self._stopping = False

    # Life ------------------------------------------------------------------------------------------------------------

    async def serve(self) -> int:
        """Serves until it is told to stop; returns the exit status."""
        try:
            vendors = self._read()
        except LicenseError as error:
            self._log.say(f"can't initialize: {error.message} {error.reason} ({error.number},{error.minor})".replace("  ", " "))
            return error.exit_status
        self._banner()
        try:
            listeners = await self._bind()
        except OSError as error:
            self._log.say(f"Port {self.port} cannot be opened: {error.strerror}. Stop what uses it, or change the port on the SERVER line.")
            return LicenseError(-57).exit_status
        self._acceptor = Acceptor(self._loop, listeners, self._routed)
        self._log.line(f"lmgrd tcp-port {self.port}")
        for name in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(name, self._signalled, name)
        self._loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        self._log.say("Starting vendor daemons ...")
        for line in vendors:
            daemon = self._daemons[line.name.lower()] = _Daemon(line)
            self._spawn(self._start(daemon))
        status = await self._ended
        await self._shut_down()
        return status

    def _read(self) -> list[Vendor]:
        """SERVER and DAEMON lines of all files.

        Raises:
            LicenseError: The files cannot be used at all.
        """
        paths = find_files(self.options.files)
        parsed = [read_file(path) for path in paths]
        servers = next((one.file.servers for one in parsed if one.file.servers), ())
        if not servers:
            raise LicenseError(-13, reason=f"{', '.join(map(str, paths))} names no license server.")
        vendors: dict[str, Vendor] = {}
        for one in parsed:
            for line in one.file.vendors:
                vendors.setdefault(line.name.lower(), line)
        if not vendors:
            raise LicenseError(-2, reason=f"{', '.join(map(str, paths))} has no DAEMON line, so there is nothing to start.")
        self._servers = servers
        self.files = tuple(str(path) for path in paths)
        self.port = servers[0].port or DEFAULT_PORT
        name = servers[0].host
        self.host = self.host if name.lower() == "this_host" else name
        return list(vendors.values())

    def _banner(self) -> None:
        log = self._log
        log.line("-----------------------------------------------")
        log.line("  Please Note:")
        log.line("")
        log.line("  This log helps to find faults. It is no record of use:")
        log.line("  that is the journal, see `seatkeeper journal show`.")
        log.line("-----------------------------------------------")
        log.line(f"Server's System Date and Time: {log.full_time()}")
        system = platform.system().lower() or "unix"
        log.line(f"FlexNet Licensing (v{__version__} build seatkeeper) started on {socket.gethostname()} ({system}) ({log.date()})")
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            log.line("Running as root is not needed, and not advised: give this license server an account of its own")
        log.line(f"License file(s): {' '.join(self.files)}")
        log.flush()

    async def _bind(self) -> list[socket.socket]:
        """The listening sockets; a port still in use is tried again for a while."""
        deadline = self._loop.time() + _BIND_S
        while True:
            try:
                return listening_sockets(self.port)
            except OSError:
                if self._loop.time() > deadline:
                    raise
            self._log.say("Retrying socket bind (address in use)")
            await asyncio.sleep(_BIND_PAUSE_S)

    def _signalled(self, number: signal.Signals) -> None:
        self.stop(f"EXITING DUE TO SIGNAL {int(number)}")

    def _hung_up(self) -> None:
        self._spawn(self._reread("", "SIGHUP", socket.gethostname()))

    def stop(self, reason: str) -> None:
        """Begins the orderly end."""
        if not self._ended.done():
            self._log.say(reason)
            self._ended.set_result(0)

    async def _shut_down(self) -> None:
        self._stopping = True
        if self._acceptor is not None:
            self._acceptor.close()
        self._log.say("lmgrd will now shut down all the vendor daemons")
        await asyncio.gather(*(self._stop_daemon(daemon, "", "") for daemon in self._daemons.values()))
        self._log.say("Shut down.")

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[object] = self._loop.create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Vendor daemons --------------------------------------------------------------------------------------------------

    async def _start(self, daemon: _Daemon) -> None:
        """Starts a vendor daemon's process and watches it until it ends."""
        daemon.timer, daemon.resting = None, False
        ours, theirs = control_pair()
        data = self.options.data or str(Path(self.files[0]).resolve().parent / f"{daemon.name}.journal")
        settings = DaemonOptions(
            daemon.name,
            self.options.files,
            data,
            daemon.line.port,
            theirs.fileno(),
            self.options.lease_s,
            self.options.heartbeat_s,
            self.options.durable,
            self.options.journal,
            daemon.supervision.restarts,
        )
        if daemon.line.port:
            self._log.say(f"Using vendor daemon port {daemon.line.port} specified in license file")
        command = [*self._program(daemon.line), "--lmgrd", msgspec.json.encode(settings).decode()]
        try:
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
            theirs.close()
            daemon.reason = f"{command[0]} cannot be started: {error.strerror}"
            self._log.say(f"{daemon.name}: {daemon.reason}")
            self._died(daemon)
            return
        theirs.close()
        daemon.process, daemon.final = process, False
        daemon.control = Control(self._loop, ours, lambda message, _client: self._told(daemon, message), lambda: None)
        word = "REStarted" if daemon.supervision.restarts else "Started"
        port = f"internet tcp_port {daemon.line.port} " if daemon.line.port else ""
        self._log.say(f"{word} {daemon.name} ({port}pid {process.pid})")
        status = await process.wait()
        daemon.process = None
        if daemon.control is not None:
            daemon.control.close()
            daemon.control = None
        if self._stopping or not daemon.wanted:
            daemon.serving_since = None
            daemon.reason = "it was shut down"
            return
        signal_number, code = (-status, 0) if status < 0 else (0, status)
        self._log.line(f"{daemon.name} exited with status {code} signal = {signal_number}")
        self._died(daemon)

    def _died(self, daemon: _Daemon) -> None:
        """Starts it again when the supervision says so, or gives up."""
        served_s = None if daemon.serving_since is None else self._loop.time() - daemon.serving_since
        daemon.serving_since = None
        pause = daemon.supervision.died(served_s, final=daemon.final)
        if pause is None:
            why = daemon.reason if daemon.final else f"it ended {daemon.supervision.failures - 1} times in a row before it served"
            daemon.reason = why
            self._log.line(f"{daemon.name} is NOT started again: {why}.")
            self._log.say("Please correct problem and restart daemons (lmreread tries again).")
            daemon.resting = True
            self._dismiss(daemon)
            return
        self._log.line("Since this is an unknown status, license server ")
        self._log.line("manager (lmgrd) will attempt to re-start the vendor daemon.")
        if pause:
            daemon.reason = f"it ended before it served, and is started again after {pause:g} s"
            self._log.line(f"{daemon.name}: next start in {pause:g} s")
        self._log.flush()
        daemon.timer = self._loop.call_later(pause, lambda: self._spawn(self._start(daemon)))

    def _program(self, line: Vendor) -> list[str]:
        """The command of a vendor daemon: the path of its DAEMON line where that can be run, else the one that is built in."""
        if line.path:
            path = Path(line.path)
            path = path / line.name if path.is_dir() else path
            if path.is_file() and os.access(path, os.X_OK):
                return [str(path.resolve())]
            self._log.say(f"{line.path} cannot be run; {line.name} is started with the vendor daemon of this installation")
        return [sys.executable, "-m", "seatkeeper.cli.vendord"]

    async def _stop_daemon(self, daemon: _Daemon, by_user: str, by_host: str) -> None:
        daemon.wanted, daemon.resting = False, True
        if daemon.timer is not None:
            daemon.timer.cancel()
            daemon.timer = None
        self._dismiss(daemon)
        process = daemon.process
        if process is None:
            return
        self._log.say(f"Shutting down {daemon.name} pid={process.pid}")
        if daemon.control is not None:
            daemon.control.send(OrderStop(by_user, by_host))
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            self._log.say(f"{daemon.name} does not end; killing it")
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _told(self, daemon: _Daemon, message: Message) -> None:
        """A vendor daemon reports."""
        if isinstance(message, Serving):
            daemon.serving_since = self._loop.time()
            daemon.version, daemon.port, daemon.reason = message.version, message.port, ""
            if message.port:
                self._log.say(f"{daemon.name} using TCP-port {message.port}")
            waiting, daemon.waiting = daemon.waiting, []
            for client, _ in waiting:
                self._hand_over(daemon, client)
        elif isinstance(message, Failed):
            daemon.reason, daemon.final = message.reason, message.final
        elif isinstance(message, RereadDone):
            future = self._rereads.pop(message.request, None)
            if future is not None and not future.done():
                future.set_result(message)

    # Clients ---------------------------------------------------------------------------------------------------------

    def _routed(self, client: socket.socket, vendor: str) -> None:
        """A connection has said whom it is for."""
        if not vendor:
            self._spawn(self._adopt(client))
            return
        daemon = self._daemons.get(vendor.lower())
        if daemon is None:
            names = ", ".join(known.name for known in self._daemons.values())
            _turn_away(client, -97, f"This license server runs no vendor daemon {clean_name(vendor)}, but {names}.")
        elif daemon.serving_since is not None:
            self._hand_over(daemon, client)
        elif not daemon.resting:
            self._make_wait(daemon, client)
        else:
            _turn_away(client, -97, f"{daemon.name}: {daemon.reason}.")

    def _hand_over(self, daemon: _Daemon, client: socket.socket) -> None:
        if daemon.control is None:
            self._make_wait(daemon, client)
        elif hasattr(socket, "send_fds"):
            daemon.control.send(NewClient(), client)
        else:
            with contextlib.suppress(OSError):
                client.send(frame(Elsewhere(daemon.port)))
            client.close()

    def _make_wait(self, daemon: _Daemon, client: socket.socket) -> None:
        """The client waits here until the daemon serves, for a while."""
        deadline = self._loop.time() + _HOLD_S
        daemon.waiting.append((client, deadline))
        self._loop.call_later(_HOLD_S, self._expire, daemon)

    def _expire(self, daemon: _Daemon) -> None:
        now = self._loop.time()
        late = [client for client, deadline in daemon.waiting if deadline <= now + 0.001]
        daemon.waiting = [(client, deadline) for client, deadline in daemon.waiting if deadline > now + 0.001]
        for client in late:
            _turn_away(client, -97, f"{daemon.name}: {daemon.reason or 'it does not answer'}.")

    def _dismiss(self, daemon: _Daemon) -> None:
        waiting, daemon.waiting = daemon.waiting, []
        for client, _ in waiting:
            _turn_away(client, -97, f"{daemon.name}: {daemon.reason or 'it is shut down'}.")

    async def _adopt(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: ToolConnection(self), client)
        except OSError:
            client.close()

    # Tools -----------------------------------------------------------------------------------------------------------

    def status(self, request: int) -> ServerStatus:
        """What lmstat is told."""
        members = [
            MemberStatus(self.host if number == 0 else server.host, server.port or DEFAULT_PORT, number == 0, number == 0, __version__)
            for number, server in enumerate(self._servers[:1])
        ]
        daemons = [
            DaemonStatus(d.name, d.serving_since is not None, d.version, d.reason, d.port, d.supervision.restarts)
            for d in self._daemons.values()
        ]
        return ServerStatus(request, self.host, self.port, __version__, list(self.files), members, daemons)

    async def reread(self, asked: AskReread) -> Done:
        """Carries a reread out and says what came of it."""
        return await self._reread(asked.vendor, clean_name(asked.by_user), clean_name(asked.by_host), asked.request)

    async def _reread(self, vendor: str, by_user: str, by_host: str, request: int = 0) -> Done:
        self._log.say(f"REREAD request from {by_user} at node {by_host}")
        if vendor and vendor.lower() not in self._daemons:
            return Done(request, -97, f"There is no vendor daemon {clean_name(vendor)}.")
        if not vendor:
            port = self.port
            try:
                lines = self._read()
            except LicenseError as error:
                return Done(request, error.number, f"Nothing was changed: {error.reason or error.message}")
            if self.port != port:
                self._log.say(f"The port cannot be changed by a reread: {port} stays in use, {self.port} comes with the next start")
                self.port = port
            for line in lines:
                if line.name.lower() not in self._daemons:
                    daemon = self._daemons[line.name.lower()] = _Daemon(line)
                    self._spawn(self._start(daemon))
        self._log.say(f"Rereading license file {' '.join(self.files)}")
        texts: list[str] = []
        number = 0
        for daemon in [self._daemons[vendor.lower()]] if vendor else list(self._daemons.values()):
            done = await self._reread_daemon(daemon, by_user, by_host)
            texts.append(f"{daemon.name}: {done.text}")
            number = number or done.number
        return Done(request, number, "; ".join(texts))

    async def _reread_daemon(self, daemon: _Daemon, by_user: str, by_host: str) -> RereadDone:
        if daemon.control is None or daemon.serving_since is None:
            daemon.supervision.try_again()
            daemon.wanted = True
            if daemon.process is None:
                if daemon.timer is not None:
                    daemon.timer.cancel()
                daemon.timer = self._loop.call_later(0, lambda: self._spawn(self._start(daemon)))
            return RereadDone(0, 0, "it is started with the new files")
        request, self._next_reread = self._next_reread, self._next_reread + 1
        future = self._rereads[request] = self._loop.create_future()
        daemon.control.send(OrderReread(request, by_user, by_host))
        try:
            return await asyncio.wait_for(future, _REREAD_S)
        except TimeoutError:
            self._rereads.pop(request, None)
            return RereadDone(request, -52, "the vendor daemon does not answer")

    async def down(self, asked: AskDown) -> Done:
        """Shuts one vendor daemon down, or (begins to) everything."""
        by_user, by_host = clean_name(asked.by_user), clean_name(asked.by_host)
        self._log.say(f"SHUTDOWN request from {by_user} at node {by_host}")
        if not asked.vendor:
            self._loop.call_later(0.05, self.stop, "SERVER shutdown requested")
            return Done(asked.request, 0, "License server shut down")
        daemon = self._daemons.get(asked.vendor.lower())
        if daemon is None:
            return Done(asked.request, -97, f"There is no vendor daemon {clean_name(asked.vendor)}.")
        await self._stop_daemon(daemon, by_user, by_host)
        daemon.reason = f"it was shut down by {by_user}@{by_host}"
        return Done(asked.request, 0, f"{daemon.name} shut down")


class ToolConnection(asyncio.Protocol):
    """A tool's connection to lmgrd itself."""

    def __init__(self, manager: LicenseManager) -> None:
        self._manager = manager
        self._reader: FrameReader[ClientMessage] = client_frames()
        self._head: bytes | None = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Gives the tool a while for its request."""
        self._transport = transport  # type: ignore[assignment]
        self._timer = self._manager._loop.call_later(_REREAD_S + _HOLD_S, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is held for a tool."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answers each request."""
        try:
            if self._head is not None:
                self._head += data
                parsed = parse_preface(self._head[:PREFACE_BYTES_MAX])
                if parsed is None:
                    return
                data, self._head = self._head[parsed[1] :], None
            for message in self._reader.feed(data):
                self._manager._spawn(self._answer(message))
        except WireError as error:
            self._write(Refused(-12, str(error)))
            if self._transport is not None:
                self._transport.close()

    async def _answer(self, message: ClientMessage) -> None:
        manager = self._manager
        if isinstance(message, AskServer):
            self._write(manager.status(message.request))
        elif isinstance(message, AskReread | AskDown):
            if self._transport is None or not is_local(self._transport):
                self._write(Done(message.request, -119, "Administration is accepted from the license server's own machine only."))
            elif isinstance(message, AskReread):
                self._write(await manager.reread(message))
            elif manager.options.no_remote_down:
                self._write(Done(message.request, -63, "lmdown is switched off here (lmgrd -x lmdown)."))
            else:
                self._write(await manager.down(message))
        else:
            self._write(Refused(-133, f"{type(message).__name__} is not for lmgrd but for a vendor daemon."))

    def _write(self, message: ServerStatus | Done | Refused) -> None:
        if self._transport is not None:
            self._transport.write(frame(message))


def _turn_away(client: socket.socket, number: int, reason: str) -> None:
    with contextlib.suppress(OSError):
        client.send(frame(Refused(number, reason)))
    client.close()
