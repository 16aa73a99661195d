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
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec.structs import replace

from seatkeeper import __version__
from seatkeeper.adapters import clock
from seatkeeper.adapters.accounts import Account
from seatkeeper.adapters.peers import listen_unix
from seatkeeper.adapters.privileges import become
from seatkeeper.base.errors import LicenseError, SeatkeeperError
from seatkeeper.base.names import clean_name
from seatkeeper.base.roles import sees_names
from seatkeeper.licfile.model import Server, Vendor
from seatkeeper.server.accept import Acceptor, listening_sockets
from seatkeeper.server.access import Access, AccessPolicy
from seatkeeper.server.channels import Channels
from seatkeeper.server.child import Child
from seatkeeper.server.credentials import find_standing
from seatkeeper.server.crowd import Crowd
from seatkeeper.server.license import find_files, read_file
from seatkeeper.server.passing import PASSED_ON
from seatkeeper.server.settings import DaemonOptions
from seatkeeper.server.tools import ToolConnection
from seatkeeper.server.trio import Trio, check_member
from seatkeeper.server.vendord import connections_max
from seatkeeper.wire.messages import Done, MemberStatus, ServerStatus

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from seatkeeper.adapters.debuglog import DebugLog
    from seatkeeper.base.roles import Identity
    from seatkeeper.server.control import RereadDone
    from seatkeeper.wire.messages import AskDown, AskReread

__all__ = ["DEFAULT_PORT", "LicenseManager", "ManagerOptions"]

#: The port of the guide's license files ("Genesys recommends using the default of 7260").
DEFAULT_PORT: Final = 7260
_SETTLE_PAUSE_S: Final = 0.02
_BIND_S: Final = 10.0
_BIND_PAUSE_S: Final = 0.5
#: Time for the answer to lmdown to reach the tool before the connections end.
_FAREWELL_S: Final = 0.05
#: Room for what several vendor daemons say in one answer of FRAME_BYTES_MAX: the reasons in a status, the texts of a reread, file names.
_REASONS_BYTES_MAX: Final = 24_576
_TEXTS_BYTES_MAX: Final = 49_152
_FILES_BYTES_MAX: Final = 16_384
_MORE: Final = " ... (the debug log has the rest)"
#: How often it is looked whether the log is due its date, or was moved away.
_STAMP_S: Final = 1.0


class ManagerOptions(msgspec.Struct, frozen=True):
    """How lmgrd was started; see `lmgrd -help`.

    With `account` it is root only until its port is open. With `log_anew` the log begins anew once the port is open: until then it may
    be that of an lmgrd that runs. `member` is which of three servers this one is, from 1; 0 for a lone one.
    """

    files: tuple[str, ...]
    lease_s: float = 180.0
    heartbeat_s: float = 60.0
    data: str = ""
    durable: bool = True
    journal: bool = True
    access: AccessPolicy = AccessPolicy()
    account: Account | None = None
    datestamp: bool = False
    log: str = ""
    log_anew: bool = False
    order: Literal["documented", "best_fit"] = "documented"
    timeout_s_min: float = 900.0
    clock: str = ""
    member: int = 0


class LicenseManager:
    """lmgrd, on an event loop; `fault` is why it could not begin."""

    def __init__(self, options: ManagerOptions, log: DebugLog, log_descriptor: int, loop: asyncio.AbstractEventLoop) -> None:
        self.options = options
        self.host = socket.gethostname()
        self.port = DEFAULT_PORT
        self.files: tuple[str, ...] = ()
        self.fault = ""
        # Who has asked for the shutdown of everything, for the journals; nobody where a signal did.
        self._down_by = ("", "")
        self._log = log
        if options.log_anew:
            log.hold()
        self._log_descriptor = log_descriptor
        self._loop = loop
        self._children: dict[str, Child] = {}
        self._servers: tuple[Server, ...] = ()
        self._acceptor: Acceptor | None = None
        self._admin_socket: Path | None = None
        self._trio: Trio | None = None
        # Tools, clients that wait for a vendor daemon, and those on their way to the preface share what descriptors there are.
        self._share = max(connections_max() // 4, 1)
        access = Access(options.access, log.say)
        self._channels = Channels(loop, access, Crowd(self._share, options.access.address_connections_max), log.say, self.spawn)
        self._tasks: set[asyncio.Task[object]] = set()
        self._ended: asyncio.Future[int] = loop.create_future()

    # Life ------------------------------------------------------------------------------------------------------------

    async def serve(self) -> int:
        """Serves until it is told to stop; returns the exit status."""
        try:
            vendors = self._read().vendors
        except LicenseError as error:
            self._fail(f"can't initialize: {error.message} {error.reason} ({error.number},{error.minor})")
            return error.exit_status
        self._banner()
        try:
            listeners = await self._bind()
        except OSError as error:
            self._fail(f"Port {self.port} cannot be opened: {error.strerror}. Stop what uses it, or change the port on the SERVER line.")
            return LicenseError(-57).exit_status
        if self.options.log_anew:
            self._log.release(anew=True)
        if self.options.account is not None:
            account = self.options.account
            become(account.uid, account.gid, account.groups)
            self._log.say(f"Running as {account.name} from now on")
        if self.options.member:
            try:
                self._trio = self._begin_trio()
            except (SeatkeeperError, OSError) as error:
                for listener in listeners:
                    listener.close()
                self._fail(f"can't be one of three servers: {error}")
                return LicenseError(-85).exit_status
        unix = self._bind_unix()
        waiting_max, address_max = 2 * self._share, self.options.access.address_connections_max
        self._acceptor = Acceptor(self._loop, [*listeners, *unix], self._routed, waiting_max, address_max)
        self._log.line(f"lmgrd tcp-port {self.port}")
        for name in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(name, self.stop, f"EXITING DUE TO SIGNAL {int(name)}")
        self._loop.add_signal_handler(signal.SIGHUP, lambda: self.spawn(self._reread("", "SIGHUP", socket.gethostname())))
        self._log.say("Starting vendor daemons ...")
        self._start_missing(vendors)
        self._stamp()
        status = await self._ended
        self._acceptor.close()
        if self._admin_socket is not None:
            self._admin_socket.unlink(missing_ok=True)
        self._log.say("lmgrd will now shut down all the vendor daemons")
        await asyncio.gather(*(child.stop(*self._down_by) for child in self._children.values()))
        if self._trio is not None:
            await self._trio.server.stop()
        self._log.say("Shut down.")
        return status

    def _begin_trio(self) -> Trio:
        """Starts the log server of one of three.

        Raises:
            SeatkeeperError: It is not installed.
            OSError: It cannot be configured.
        """
        member, turn_away = self.options.member, self._channels.turn_away
        trio = Trio(member, self._servers, self._data(), self._log, self.spawn, turn_away, max(self._share // 2, 1))
        self._log.say(f"This is server {member} of {len(self._servers)}: {self.port}@{self.host}")
        trio.start()
        return trio

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

    def _fail(self, fault: str) -> None:
        """Says why it cannot begin, at the end of the log: it may be that of an lmgrd that runs."""
        self.fault = fault
        self._log.line(fault)
        self._log.release(anew=False)

    def _stamp(self) -> None:
        self._log.stamp()
        self._log.flush()
        self._loop.call_later(_STAMP_S, self._stamp)

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        """Runs a coroutine in the background."""
        task: asyncio.Task[object] = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _read(self) -> _Files:
        """What all files say; of it, what concerns the SERVER lines is noted.

        Raises:
            LicenseError: The files cannot be used at all; nothing was noted.
        """
        found = _look(self.options.files)
        check_member(self.options.member, found.servers)
        self._servers = found.servers
        self._channels.serve(find_standing((line.name for line in found.vendors), found.first, found.hostids, clock.today()))
        self.files = found.files
        self.port = found.port(self.options.member)
        # Readers of lmstat want a name; an IPv6 address looks to them like a vendor daemon's line (facts, lmstat section 0).
        name = found.servers[max(self.options.member - 1, 0)].host
        self.host = socket.gethostname() if name.lower() == "this_host" or ":" in name else name
        return found

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
        if hasattr(os, "geteuid") and os.geteuid() == 0 and self.options.account is None:
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

    def _bind_unix(self) -> list[socket.socket]:
        """The socket through which this machine's accounts ask; without it lmgrd serves, but is not administered from here."""
        path = self._data() / f"lmgrd-{self.port}.socket"
        try:
            listener = listen_unix(path, self.options.access.group)
        except OSError as error:
            self._log.say(f"The Unix socket {path} cannot be had, so tools cannot administer this server: {error.strerror}")
            return []
        self._admin_socket = path
        return [listener]

    def _data(self) -> Path:
        """The directory of the journals and the Unix socket."""
        return Path(self.options.data) if self.options.data else Path(self.files[0]).resolve().parent

    def _start_missing(self, vendors: tuple[Vendor, ...]) -> None:
        """Starts a vendor daemon for each DAEMON line that has none yet."""
        for line in vendors:
            if line.name.lower() not in self._children:
                turn_away = self._channels.turn_away
                child = Child(
                    line, self._daemon_options, self._log, self._log_descriptor, self._loop, self.spawn, turn_away, trio=self._trio
                )
                self._children[line.name.lower()] = child
                child.start()
        # A share for each, so that the clients of one that hangs leave room for those of the others.
        for child in self._children.values():
            child.waiting_max = max(self._share // len(self._children), 1)

    def _fixed(self, found: _Files) -> list[str]:
        """What the files want otherwise, and no reread changes: ports are open, and clients know them."""
        lines = [("The port", self.port, found.port(self.options.member))]
        for line in found.vendors:
            child = self._children.get(line.name.lower())
            if child is not None and child.is_up is not False:
                lines.append((f"The port of {child.name}", child.line.port, line.port))
        return [
            f"{what} cannot be changed by a reread: {have or 'none of its own'} stays in use, {want or 'none'} comes with the next start"
            for what, have, want in lines
            if have != want
        ]

    def _daemon_options(self, line: Vendor, control: int, restarts: int) -> DaemonOptions:
        options = self.options
        return DaemonOptions(
            vendor=line.name,
            files=options.files,
            data=str((self._trio.directory if self._trio is not None else self._data()) / f"{line.name}.journal"),
            port=line.port,
            control=control,
            lease_s=options.lease_s,
            heartbeat_s=options.heartbeat_s,
            durable=options.durable,
            journal=options.journal,
            access=options.access,
            order=options.order,
            timeout_s_min=options.timeout_s_min,
            restarts=restarts,
            datestamp=options.datestamp,
            log=options.log,
            clock=options.clock,
            triad=self._trio.options() if self._trio is not None else None,
        )

    # Clients and tools -----------------------------------------------------------------------------------------------

    def _routed(self, client: socket.socket, vendor: str) -> None:
        """A connection has said whom it is for."""
        passed = vendor.startswith(PASSED_ON)
        child = self._children.get(vendor.removeprefix(PASSED_ON).lower())
        if not vendor:
            self._channels.open(client, lambda channel: ToolConnection(self, channel, self._loop))
        elif child is None:
            names = ", ".join(known.name for known in self._children.values())
            self._channels.turn_away(client, -97, f"This license server runs no vendor daemon {clean_name(vendor)}, but {names}.")
        elif passed:
            child.take_passed(client)
        else:
            child.hand_over(client)

    def status(self, request: int, asks: Identity) -> ServerStatus:
        """What lmstat is told."""
        members = [MemberStatus(self.host, self.port, up=True, master=True, version=__version__)]
        if self._trio is not None:
            members = self._trio.members(__version__, next((child.mastery for child in self._children.values()), None))
        named = sees_names(asks)
        daemons = [child.status(named=named) for child in self._children.values()]
        # Where files lie tells a stranger about accounts and machines; their names are what lmstat's line is for.
        files = _fitting([file if named else Path(file).name for file in self.files], _FILES_BYTES_MAX)
        room = _REASONS_BYTES_MAX // max(len(daemons), 1)
        daemons = [replace(daemon, reason=_cut(daemon.reason, room)) for daemon in daemons]
        admin_socket = str(self._admin_socket) if self._admin_socket is not None and asks.local else ""
        return ServerStatus(request, self.host, self.port, __version__, files, members, daemons, admin_socket)

    async def reread(self, asked: AskReread, asks: Identity) -> Done:
        """Carries a reread out, or tries it, and says what came of it."""
        number, text = await (self._try_reread(asked.vendor) if asked.dry_run else self._reread(asked.vendor, *_names(asks)))
        return Done(asked.request, number, text)

    async def _reread(self, vendor: str, by_user: str, by_host: str) -> tuple[int, str]:
        self._log.say(f"REREAD request from {by_user} at node {by_host}")
        if self._ended.done():
            return -97, "Nothing was changed: the license server is being shut down."
        if vendor and vendor.lower() not in self._children:
            return -97, f"There is no vendor daemon {clean_name(vendor)}."
        known = list(self._children.values())
        fixed: list[str] = []
        if not vendor:
            port = self.port
            try:
                found = self._read()
            except LicenseError as error:
                return error.number, f"Nothing was changed: {error.reason or error.message}"
            self.port = port
            fixed = self._fixed(found)
            for sentence in fixed:
                self._log.say(sentence)
            for line in found.vendors:
                if (child := self._children.get(line.name.lower())) is not None:
                    child.next_line = line
            self._start_missing(found.vendors)
        self._log.say(f"Rereading license file {' '.join(self.files)}")
        children = [self._children[vendor.lower()]] if vendor else known
        answers = await asyncio.gather(*(child.reread(by_user, by_host) for child in children))
        return next((done.number for done in answers if done.number), 0), _told(fixed, children, answers)

    async def _try_reread(self, vendor: str) -> tuple[int, str]:
        """What a reread would change; nothing is changed."""
        if vendor and vendor.lower() not in self._children:
            return -97, f"There is no vendor daemon {clean_name(vendor)}."
        texts: list[str] = []
        if not vendor:
            try:
                found = _look(self.options.files)
            except LicenseError as error:
                return error.number, f"Nothing would be changed: {error.reason or error.message}"
            texts += self._fixed(found)
            texts += [f"{line.name}: it would be started" for line in found.vendors if line.name.lower() not in self._children]
        children = [self._children[vendor.lower()]] if vendor else list(self._children.values())
        answers = await asyncio.gather(*(child.reread("", "", dry_run=True) for child in children))
        return next((done.number for done in answers if done.number), 0), _told(texts, children, answers)

    async def down(self, asked: AskDown, asks: Identity) -> Done:
        """Shuts one vendor daemon down, or (begins to) everything."""
        by_user, by_host = _names(asks)
        self._log.say(f"SHUTDOWN request from {by_user} at node {by_host}")
        ending = [child for child in self._children.values() if not asked.vendor or child.name.lower() == asked.vendor.lower()]
        lent = sum(child.lent for child in ending)
        if lent and not asked.force:
            # Nobody can return early what he borrowed from a server that is down (facts, FlexNet 5.3).
            text = f"{lent} {'seat is' if lent == 1 else 'seats are'} borrowed: lmdown -force shuts down all the same."
            return Done(asked.request, -120, text)
        if not asked.vendor:
            self._down_by = self._down_by if any(self._down_by) else (by_user, by_host)
            self._loop.call_later(_FAREWELL_S, self.stop, "SERVER shutdown requested")
            return Done(asked.request, 0, "License server shut down")
        child = self._children.get(asked.vendor.lower())
        if child is None:
            return Done(asked.request, -97, f"There is no vendor daemon {clean_name(asked.vendor)}.")
        await child.stop(by_user, by_host)
        return Done(asked.request, 0, f"{child.name} shut down")


class _Files(msgspec.Struct, frozen=True):
    """What the license files say to lmgrd; `first` is the one with the SERVER lines, beside which trust and credential lie."""

    files: tuple[str, ...]
    first: Path
    servers: tuple[Server, ...]
    hostids: tuple[str, ...]
    vendors: tuple[Vendor, ...]

    def port(self, member: int) -> int:
        """That of the server which is so many of three, from 1; of a lone one with 0."""
        return self.servers[max(member - 1, 0)].port or DEFAULT_PORT


def _look(names: tuple[str, ...]) -> _Files:
    """What the files say now.

    Raises:
        LicenseError: They cannot be used at all.
    """
    paths = find_files(names)
    parsed = [read_file(path) for path in paths]
    first = next((one for one in parsed if one.file.servers), None)
    if first is None:
        raise LicenseError(-13, reason=f"{', '.join(map(str, paths))} names no license server.")
    vendors: dict[str, Vendor] = {}
    for one in parsed:
        for line in one.file.vendors:
            vendors.setdefault(line.name.lower(), line)
    if not vendors:
        raise LicenseError(-2, reason=f"{', '.join(map(str, paths))} has no DAEMON line, so there is nothing to start.")
    file = first.file
    return _Files(tuple(map(str, paths)), Path(first.name), file.servers, tuple(file.hostids), tuple(vendors.values()))


def _names(asks: Identity) -> tuple[str, str]:
    """In whose name something is done, for logs and journal."""
    return clean_name(asks.user), clean_name(asks.host)


def _told(first: list[str], children: Sequence[Child], answers: Sequence[RereadDone]) -> str:
    """What several vendor daemons say of a reread, each with room for some of it."""
    room = _TEXTS_BYTES_MAX // max(len(children), 1)
    texts = [_cut(f"{child.name}: {done.text}", room) for child, done in zip(children, answers, strict=True)]
    return "\n".join([*_fitting(first, _TEXTS_BYTES_MAX // 8), *texts])


def _cut(text: str, bytes_max: int) -> str:
    """The text, or its beginning."""
    data = text.encode("utf-8", "replace")
    if len(data) <= bytes_max:
        return data.decode("utf-8")
    return data[: max(bytes_max - len(_MORE), 0)].decode("utf-8", "ignore") + _MORE


def _fitting(texts: list[str], bytes_max: int) -> list[str]:
    """As many of the texts as there is room for, and how many more there are."""
    room = bytes_max
    for number, text in enumerate(texts):
        room -= len(text.encode("utf-8", "replace")) + 1
        if room < 0:
            return [*texts[:number], f"... and {len(texts) - number} more"]
    return texts
