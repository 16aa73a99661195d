"""A vendor daemon of a few lines on the test's own event loop: it can break in every way that a test wants.

async with FakeDaemon({"f1": 5}) as daemon:
    client = Client(daemon.path)
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from seatkeeper.wire.framing import client_frames, frame, parse_preface
from seatkeeper.wire.messages import (
    PROTOCOL,
    Beat,
    Checkin,
    Checkout,
    Denied,
    Goodbye,
    Granted,
    Heartbeat,
    Hello,
    Returned,
    Welcome,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seatkeeper.wire.messages import ClientMessage, ServerMessage

WAIT_S = 10.0


class Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, daemon: FakeDaemon) -> None:
        self.daemon = daemon
        self.frames = client_frames()
        self.buffer = b""
        self.vendor: str | None = None
        self.session = b""
        self.gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.daemon.peers.append(self)

    def data_received(self, data: bytes) -> None:
        if self.vendor is None:
            self.buffer += data
            preface = parse_preface(self.buffer)
            if preface is None:
                return
            self.vendor, end = preface
            data = self.buffer[end:]
        for message in self.frames.feed(data):
            self.daemon.received(self, message)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        self.daemon.changed.set()

    def send(self, *messages: ServerMessage) -> None:
        self.transport.write(b"".join(frame(message) for message in messages))  # type: ignore[attr-defined]

    def drop(self) -> None:
        self.transport.abort()  # type: ignore[attr-defined]


class FakeDaemon:
    """Grants seats, keeps them by session, and notes what it is told.

    `hook` sees each message first; where it returns true, nothing else is done about it.
    """

    def __init__(self, features: Mapping[str, int], *, heartbeat_s: float = 60.0, lease_s: float = 180.0, port: int = 0) -> None:
        self.features = dict(features)
        self.heartbeat_s, self.lease_s = heartbeat_s, lease_s
        self.hook: Callable[[Peer, ClientMessage], bool] = lambda peer, message: False
        self.peers: list[Peer] = []
        self.log: list[ClientMessage] = []
        self.held: dict[bytes, dict[int, Checkout]] = {}
        self.counts: dict[int, int] = {}
        self.handle = 100
        self.changed = asyncio.Event()
        self.port = port
        self.server: asyncio.Server | None = None

    @property
    def path(self) -> str:
        return f"{self.port}@127.0.0.1"

    async def __aenter__(self) -> FakeDaemon:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listens; a second time on the same port as before."""
        self.server = await asyncio.get_running_loop().create_server(lambda: Peer(self), "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Goes down with all connections; who holds what is kept."""
        if self.server is not None:
            self.server.close()
            self.server = None
        self.drop()
        await asyncio.sleep(0)

    def drop(self) -> None:
        for peer in self.peers:
            if not peer.gone:
                peer.drop()

    def free(self, feature: str) -> int:
        """Seats that nobody holds."""
        used = sum(self.counts[handle] for seats in self.held.values() for handle, want in seats.items() if want.feature == feature)
        return self.features[feature] - used

    def of(self, kind: type[ClientMessage]) -> list[ClientMessage]:
        """The messages of one kind, in the order in which they came."""
        return [message for message in self.log if type(message) is kind]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns when the condition holds, which is looked at whenever something has come."""
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def received(self, peer: Peer, message: ClientMessage) -> None:
        self.log.append(message)
        self.changed.set()
        if self.hook(peer, message):
            return
        if isinstance(message, Hello):
            peer.session = message.session
            seats = self.held.setdefault(peer.session, {})
            for handle, want in list(seats.items()):
                if handle not in message.held and want.request not in message.asking:
                    del seats[handle]
            peer.send(Welcome(PROTOCOL, "fake", "1", self.heartbeat_s, self.lease_s, list(seats), []))
            return
        seats = self.held.setdefault(peer.session, {})
        if isinstance(message, Checkout):
            self.grant(peer, message)
        elif isinstance(message, Checkin):
            seats.pop(message.handle, None)
            peer.send(Returned(message.request, message.handle))
        elif isinstance(message, Heartbeat):
            peer.send(Beat(message.sequence))
        elif isinstance(message, Goodbye):
            seats.clear()

    def grant(self, peer: Peer, want: Checkout) -> None:
        seats = self.held.setdefault(peer.session, {})
        known = next((handle for handle, before in seats.items() if before.request == want.request), None)
        if known is None:
            if want.feature not in self.features:
                peer.send(Denied(want.request, -5, 346, "No line names it."))
                return
            free = self.free(want.feature)
            count = min(want.count, free) if want.up_to else want.count
            if not 0 < count <= free:
                peer.send(Denied(want.request, -4, 132, "All seats are in use."))
                return
            self.handle += 1
            known = self.handle
            seats[known] = want
            self.counts[known] = count
        peer.send(Granted(want.request, known, self.counts[known], want.version or "8.5", "permanent"))
