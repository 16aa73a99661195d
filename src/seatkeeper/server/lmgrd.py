"""lmgrd: the first contact of every client and tool, and the supervisor of the vendor daemons.

It reads the license files for what concerns it (SERVER and DAEMON lines), listens on the server's port, starts one vendor
daemon for each DAEMON line, hands clients over to them on the same connection, and starts them again when they die. It holds
no seats: a client notices nothing when lmgrd is busy, and finds its seats again when a vendor daemon was restarted.
"""

from __future__ import annotations

import asyncio
import errno
import os
import platform
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper import __version__
from seatkeeper.base.errors import LicenseError
from seatkeeper.server.accept import Acceptor, listening_sockets
from seatkeeper.server.child import HOLD_S, REREAD_S, Child, turn_away
from seatkeeper.server.license import find_files, read_file
from seatkeeper.server.listener import GREETING_S, clean_name, is_local
from seatkeeper.server.vendord import DaemonOptions
from seatkeeper.wire.framing import PREFACE_BYTES_MAX, FrameReader, WireError, client_frames, frame, parse_preface
from seatkeeper.wire.messages import AskDown, AskReread, AskServer, ClientMessage, Done, MemberStatus, Refused, ServerStatus

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from seatkeeper.adapters.debuglog import DebugLog
    from seatkeeper.licfile.model import Server, Vendor

__all__ = ["DEFAULT_PORT", "LicenseManager", "ManagerOptions", "ToolConnection"]

#: The port of the guide's license files ("Genesys recommends using the default of 7260").
DEFAULT_PORT: Final = 7260
_SETTLE_PAUSE_S: Final = 0.02
_BIND_S: Final = 10.0
_BIND_PAUSE_S: Final = 0.5
#: Time for the answer to lmdown to reach the tool before the connections end.
_FAREWELL_S: Final = 0.05
#: How often it is looked whether the log is due its date.
_STAMP_S: Final = 60.0
#: Answers that a tool may leave unread, and requests that it may send at once.
_WRITE_BYTES_MAX: Final = 1 << 20
_REQUESTS_MAX: Final = 100


class ManagerOptions(msgspec.Struct, frozen=True):
    """How lmgrd was started; see `lmgrd -help`."""

    files: tuple[str, ...]
    lease_s: float = 180.0
    heartbeat_s: float = 60.0
    data: str = ""
    durable: bool = True
    journal: bool = True
    down_allowed: bool = True
    remove_allowed: bool = True


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
        self._children: dict[str, Child] = {}
        self._servers: tuple[Server, ...] = ()
        self._acceptor: Acceptor | None = None
        self._tasks: set[asyncio.Task[object]] = set()
        self._ended: asyncio.Future[int] = loop.create_future()

    # Life ------------------------------------------------------------------------------------------------------------

    async def serve(self) -> int:
        """Serves until it is told to stop; returns the exit status."""
        try:
            vendors = self._read()
        except LicenseError as error:
            self._log.say(f"can't initialize: {error.message} {error.reason} ({error.number},{error.minor})")
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
            self._loop.add_signal_handler(name, self.stop, f"EXITING DUE TO SIGNAL {int(name)}")
        self._loop.add_signal_handler(signal.SIGHUP, lambda: self.spawn(self._reread("", "SIGHUP", socket.gethostname())))
        self._log.say("Starting vendor daemons ...")
        self._start_missing(vendors)
        self._stamp()
        status = await self._ended
        self._acceptor.close()
        self._log.say("lmgrd will now shut down all the vendor daemons")
        await asyncio.gather(*(child.stop() for child in self._children.values()))
        self._log.say("Shut down.")
        return status

    async def settled(self) -> bool:
        """Waits until every vendor daemon serves or rests; True where all serve, False too where lmgrd ends before."""
        while not self._ended.done():
            states = [child.is_up for child in self._children.values()]
            if states and None not in states:
                return all(states)
            await asyncio.sleep(_SETTLE_PAUSE_S)
        return False

    def stop(self, reason: str) -> None:
        """Begins the orderly end."""
        if not self._ended.done():
            self._log.say(reason)
            self._ended.set_result(0)

    def _stamp(self) -> None:
        self._log.stamp()
        self._log.flush()
        self._loop.call_later(_STAMP_S, self._stamp)

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        """Runs a coroutine in the background."""
        task: asyncio.Task[object] = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _read(self) -> list[Vendor]:
        """The DAEMON lines of all files; what the SERVER lines say is noted.

        Raises:
            LicenseError: The files cannot be used at all; nothing was noted.
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
        self.files = tuple(map(str, paths))
        self.port = servers[0].port or DEFAULT_PORT
        # Readers of lmstat want a name; an IPv6 address looks to them like a vendor daemon's line (facts, lmstat section 0).
        unnamed = servers[0].host.lower() == "this_host" or ":" in servers[0].host
        self.host = socket.gethostname() if unnamed else servers[0].host
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
            except OSError as error:
                if error.errno != errno.EADDRINUSE or self._loop.time() > deadline:
                    raise
            self._log.say("Retrying socket bind (address in use)")
            await asyncio.sleep(_BIND_PAUSE_S)

    def _start_missing(self, vendors: list[Vendor]) -> None:
        """Starts a vendor daemon for each DAEMON line that has none yet."""
        for line in vendors:
            if line.name.lower() not in self._children:
                child = Child(line, self._daemon_options, self._log, self._log_descriptor, self._loop, self.spawn)
                self._children[line.name.lower()] = child
                child.start()

    def _daemon_options(self, line: Vendor, control: int, restarts: int) -> DaemonOptions:
        options = self.options
        beside = Path(self.files[0]).resolve().parent
        return DaemonOptions(
            vendor=line.name,
            files=options.files,
            data=str((Path(options.data) if options.data else beside) / f"{line.name}.journal"),
            port=line.port,
            control=control,
            lease_s=options.lease_s,
            heartbeat_s=options.heartbeat_s,
            durable=options.durable,
            journal=options.journal,
            remove_allowed=options.remove_allowed,
            restarts=restarts,
        )

    # Clients and tools -----------------------------------------------------------------------------------------------

    def _routed(self, client: socket.socket, vendor: str) -> None:
        """A connection has said whom it is for."""
        child = self._children.get(vendor.lower())
        if not vendor:
            self.spawn(self._adopt(client))
        elif child is None:
            names = ", ".join(known.name for known in self._children.values())
            turn_away(client, -97, f"This license server runs no vendor daemon {clean_name(vendor)}, but {names}.")
        else:
            child.hand_over(client)

    async def _adopt(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: ToolConnection(self, self._loop), client)
        except OSError:
            client.close()

    def status(self, request: int) -> ServerStatus:
        """What lmstat is told. The other servers of a triad are not asked yet."""
        first = MemberStatus(self.host, self.port, up=True, master=True, version=__version__)
        daemons = [child.status for child in self._children.values()]
        return ServerStatus(request, self.host, self.port, __version__, list(self.files), [first], daemons)

    async def reread(self, asked: AskReread) -> Done:
        """Carries a reread out and says what came of it."""
        number, text = await self._reread(asked.vendor, clean_name(asked.by_user), clean_name(asked.by_host))
        return Done(asked.request, number, text)

    async def _reread(self, vendor: str, by_user: str, by_host: str) -> tuple[int, str]:
        self._log.say(f"REREAD request from {by_user} at node {by_host}")
        if self._ended.done():
            return -97, "Nothing was changed: the license server is being shut down."
        if vendor and vendor.lower() not in self._children:
            return -97, f"There is no vendor daemon {clean_name(vendor)}."
        known = list(self._children.values())
        if not vendor:
            port = self.port
            try:
                lines = self._read()
            except LicenseError as error:
                return error.number, f"Nothing was changed: {error.reason or error.message}"
            if self.port != port:
                self._log.say(f"The port cannot be changed by a reread: {port} stays in use, {self.port} comes with the next start")
                self.port = port
            self._start_missing(lines)
        self._log.say(f"Rereading license file {' '.join(self.files)}")
        children = [self._children[vendor.lower()]] if vendor else known
        answers = await asyncio.gather(*(child.reread(by_user, by_host) for child in children))
        texts = [f"{child.name}: {done.text}" for child, done in zip(children, answers, strict=True)]
        return next((done.number for done in answers if done.number), 0), "; ".join(texts)

    async def down(self, asked: AskDown) -> Done:
        """Shuts one vendor daemon down, or (begins to) everything."""
        by_user, by_host = clean_name(asked.by_user), clean_name(asked.by_host)
        self._log.say(f"SHUTDOWN request from {by_user} at node {by_host}")
        if not asked.vendor:
            self._loop.call_later(_FAREWELL_S, self.stop, "SERVER shutdown requested")
            return Done(asked.request, 0, "License server shut down")
        child = self._children.get(asked.vendor.lower())
        if child is None:
            return Done(asked.request, -97, f"There is no vendor daemon {clean_name(asked.vendor)}.")
        await child.stop(by_user, by_host)
        return Done(asked.request, 0, f"{child.name} shut down")


class ToolConnection(asyncio.Protocol):
    """A tool's connection to lmgrd itself."""

    def __init__(self, manager: LicenseManager, loop: asyncio.AbstractEventLoop) -> None:
        self._manager = manager
        self._loop = loop
        self._reader: FrameReader[ClientMessage] = client_frames()
        self._head: bytes | None = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Notes the transport; the tool now has GREETING_S to ask."""
        self._transport = transport  # type: ignore[assignment]
        self._transport.set_write_buffer_limits(high=_WRITE_BYTES_MAX)  # type: ignore[union-attr]
        self._allow(GREETING_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is held for a tool."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def pause_writing(self) -> None:
        """Drops a tool that asks and does not read the answers."""
        self._expire()

    def data_received(self, data: bytes) -> None:
        """Answers each request."""
        try:
            if self._head is not None:
                self._head += data
                parsed = parse_preface(self._head[:PREFACE_BYTES_MAX])
                if parsed is None:
                    return
                data, self._head = self._head[parsed[1] :], None
            messages = self._reader.feed(data)
        except WireError as error:
            self._refuse(-12, str(error))
            return
        if len(messages) > _REQUESTS_MAX:
            self._refuse(-133, f"{len(messages)} requests at once are more than {_REQUESTS_MAX}.")
            return
        for message in messages:
            if self._transport is not None and not self._transport.is_closing():
                self._take(message)

    def _take(self, message: ClientMessage) -> None:
        if isinstance(message, AskServer):
            self._allow(GREETING_S)
            self._write(self._manager.status(message.request))
        elif isinstance(message, AskReread | AskDown):
            if self._transport is None or not is_local(self._transport):
                self._write(Done(message.request, -119, "Administration is accepted from the license server's own machine only."))
                return
            # As long as the longest answer may take.
            self._allow(REREAD_S + HOLD_S)
            self._manager.spawn(self._administer(message))
        else:
            self._refuse(-133, f"{type(message).__name__} is not for lmgrd but for a vendor daemon.")

    async def _administer(self, message: AskReread | AskDown) -> None:
        manager = self._manager
        if isinstance(message, AskReread):
            self._write(await manager.reread(message))
        elif manager.options.down_allowed:
            self._write(await manager.down(message))
        else:
            self._write(Done(message.request, -63, "lmdown is switched off here (lmgrd -x lmdown)."))

    def _allow(self, seconds: float) -> None:
        """Sets the time after which the connection ends unless something is asked."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _refuse(self, number: int, reason: str) -> None:
        self._write(Refused(number, reason))
        if self._transport is not None:
            # What is left unread ends with the time that the tool has.
            self._transport.close()

    def _write(self, message: ServerStatus | Done | Refused) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame(message))
