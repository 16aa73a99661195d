"""What lmgrd does otherwise because it is one of three: it keeps this machine's log server, and knows where the two others are.

Which of the three it is, it is told (`--member`). The port of the log server for the two others is the SERVER line's and one more. Until
the three can prove themselves to each other by the keys of their trust file, all three are on one machine, for trials: the log of real
licenses must not be open to a network.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from seatkeeper.base.errors import LicenseError
from seatkeeper.server.logserver import LogServer
from seatkeeper.server.passing import Passing
from seatkeeper.server.settings import TriadOptions
from seatkeeper.wire.framing import WireError, encode_preface, frame, server_frames
from seatkeeper.wire.messages import AskServer, MemberStatus, ServerStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

    from seatkeeper.adapters.debuglog import DebugLog
    from seatkeeper.licfile.model import Server
    from seatkeeper.server.control import Mastery

__all__ = ["SERVERS", "Trio", "check_member"]

SERVERS: Final = 3
_LOOPBACK: Final = "127.0.0.1"
#: How often the two others are asked whether they are up, and how long one may take to answer.
_EACH_S: Final = 1.0
_LOOK_S: Final = 2.0
_BYTES: Final = 65536


def check_member(member: int, servers: Sequence[Server]) -> None:
    """Returns only if this lmgrd may be one of these servers; a member counts from 1, and 0 is a lone server.

    Raises:
        LicenseError: -85, and why.
    """
    if not member:
        return
    if len(servers) != SERVERS:
        raise LicenseError(-85, reason=f"--member is for a license file with three SERVER lines; this one has {len(servers)}.")
    ports = [server.port for server in servers]
    if None in ports or len({*ports, *(port + 1 for port in ports if port)}) < 2 * SERVERS:
        raise LicenseError(-85, reason="On one machine each SERVER line needs a port of its own, and the port behind it free.")
    far = next((server.host for server in servers if not _is_loopback(server.host)), None)
    if far is not None:
        raise LicenseError(
            -85,
            reason=f"{far} is another machine, and this release runs three servers on one machine only, for trials (localhost).",
            remedy="Have a file with one SERVER line issued, or one for each of several independent servers.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Trio:
    """The part that one lmgrd has in a triad.

    Args:
        member: Which one it is, from 1.
        servers: The three SERVER lines.
        directory: Where journals are kept; it gets a directory of its own there.
        log: lmgrd's log.
        spawn: Runs a coroutine in the background.
        turn_away: Says to a client why it is not served, and closes.
        pipes_max: So many clients may pass through to the master.

    Raises:
        SeatkeeperError: The log server is not installed.
    """

    def __init__(
        self,
        member: int,
        servers: Sequence[Server],
        directory: Path,
        log: DebugLog,
        spawn: Callable[[Coroutine[object, object, object]], None],
        turn_away: Callable[[socket.socket, int, str, str], None],
        pipes_max: int,
    ) -> None:
        self.me = member - 1
        self._servers = [(server.host, server.port or 0) for server in servers]
        self.directory = directory / f"triad-{self._servers[self.me][1]}"
        self.server = LogServer(self.directory, log, spawn)
        self.passing = Passing(spawn, pipes_max)
        self._turn_away = turn_away
        self._spawn = spawn
        # What the others said of themselves when they were asked last; None for no answer.
        self._seen: list[MemberStatus | None] = [None] * len(servers)

    def start(self) -> None:
        """Starts the log server.

        Raises:
            OSError: It cannot be configured.
        """
        routes = [f"{_LOOPBACK}:{port + 1}" for _, port in self._servers]
        others = [route for number, route in enumerate(routes) if number != self.me]
        self.server.configure(self.me, "seatkeeper", routes[self.me], others, None)
        self.server.start()
        for number, (host, port) in enumerate(self._servers):
            if number != self.me:
                self._spawn(self._watch(number, host, port))

    async def _watch(self, number: int, host: str, port: int) -> None:
        """Looks again and again whether another one is up, for lmstat."""
        while True:
            try:
                async with asyncio.timeout(_LOOK_S):
                    self._seen[number] = await _look(host, port, number)
            except (OSError, TimeoutError, WireError):
                self._seen[number] = None
            await asyncio.sleep(_EACH_S)

    def options(self) -> TriadOptions:
        """What a vendor daemon is told."""
        names = tuple(f"{port}@{host}" for host, port in self._servers)
        return TriadOptions(self.me, names, self.server.url, str(self.server.secret))

    def pass_on(self, client: socket.socket, vendor: str, master: int) -> None:
        """Lets a client go on with the master."""
        host, port = self._servers[master]
        if client.family == socket.AF_UNIX:
            # Who asks is known by this socket, and would not be there.
            self._turn_away(client, -97, f"The master of {vendor} is {port}@{host}: ask there.", "")
        elif self.passing.full:
            self._turn_away(client, -106, "Too many clients pass through here to the master.", "")
        else:
            self.passing.begin(client, vendor, host, port)

    def members(self, version: str, known: Mastery | None) -> list[MemberStatus]:
        """The three as lmstat shows them, by what a vendor daemon knows of its master and by what the others said last."""
        master = known.master if known is not None else -1
        found: list[MemberStatus] = []
        for number, (host, port) in enumerate(self._servers):
            shown = MemberStatus(host, port, up=number == self.me, master=number == master, version=version)
            seen = self._seen[number]
            if number == self.me and known is not None:
                shown = replace(shown, term=known.term, position=known.position, lag=known.lag)
            elif number != self.me and seen is not None:
                shown = replace(seen, host=host, port=port, up=True, master=number == master)
            found.append(shown)
        return found


async def _look(host: str, port: int, number: int) -> MemberStatus | None:
    """What the lmgrd there says of itself; None where it is none of a triad."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(encode_preface() + frame(AskServer(1)))
        frames = server_frames()
        while data := await reader.read(_BYTES):
            for message in frames.feed(data):
                if isinstance(message, ServerStatus) and len(message.members) == SERVERS:
                    return message.members[number]
                return None
        return None
    finally:
        writer.close()
