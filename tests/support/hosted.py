"""A vendor daemon on the test's own event loop, with the test in the place of lmgrd and of clients."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import TYPE_CHECKING

import uvloop

from seatkeeper.adapters import clock
from seatkeeper.adapters.debuglog import DebugLog
from seatkeeper.adapters.journal import GENESIS, read_journal, segments
from seatkeeper.server.control import Control, NewClient, OrderStop, Serving, control_pair
from seatkeeper.server.vendord import DaemonOptions, VendorDaemon
from seatkeeper.wire.framing import encode_preface, frame, server_frames
from seatkeeper.wire.messages import PROTOCOL, Hello, Welcome
from support.site import VENDOR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from seatkeeper.wire.messages import ServerMessage
    from support.site import Site


class Peer:
    """A client over one end of a socket pair, on the daemon's own loop."""

    def __init__(self, hosted: Hosted) -> None:
        self._loop = hosted.loop
        self.socket, theirs = socket.socketpair()
        # lmgrd passes on only connections whose preface is complete.
        self.socket.sendall(encode_preface(VENDOR))
        self.socket.setblocking(False)
        self._reader = server_frames()
        self._messages: list[ServerMessage] = []
        hosted.control.send(NewClient(), theirs)
        hosted.closing.append(self.socket)

    async def send(self, *messages: object) -> None:
        await self._loop.sock_sendall(self.socket, b"".join(map(frame, messages)))

    async def receive(self) -> ServerMessage | None:
        while not self._messages:
            data = await asyncio.wait_for(self._loop.sock_recv(self.socket, 1 << 16), 10)
            if not data:
                return None
            self._messages += self._reader.feed(data)
        return self._messages.pop(0)

    async def hello(self, name: str) -> Welcome:
        await self.send(Hello(PROTOCOL, VENDOR, name.encode().ljust(16, b"."), b"n" * 32, name, "pc", "tty"))
        answer = await self.receive()
        assert isinstance(answer, Welcome), answer
        return answer


class Hosted:
    """A vendor daemon on this loop, with the test in the place of lmgrd."""

    def __init__(self, site: Site, data: Path, **options: object) -> None:
        self.loop = asyncio.get_running_loop()
        self.data = data
        self.closing: list[socket.socket] = []
        self.log = data.with_suffix(".log")
        ours, theirs = control_pair()
        self._descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.told: asyncio.Queue[object] = asyncio.Queue()
        self.control = Control(self.loop, ours, lambda message, _client: self.told.put_nowait(message), lambda _clients: None)
        wanted = DaemonOptions(VENDOR, (str(site.license),), str(data), control=theirs.detach(), **options)
        self.daemon = VendorDaemon(wanted, DebugLog(self._descriptor, VENDOR, clock.now), self.loop)
        self._task = self.loop.create_task(self.daemon.serve())

    async def __aenter__(self) -> Hosted:
        assert isinstance(await asyncio.wait_for(self.told.get(), 10), Serving)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.control.send(OrderStop())
        await self.ended()
        self.control.close()
        os.close(self._descriptor)
        for one in self.closing:
            one.close()

    async def ended(self) -> int:
        return await asyncio.wait_for(self._task, 10)


def run(work: Callable[[], Awaitable[None]]) -> None:
    uvloop.run(work())  # type: ignore[arg-type]


def entries(data: Path) -> list[object]:
    return [entry for record in read_journal(segments(data), anchor=GENESIS) for entry in record.entries]


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not true():
        assert time.monotonic() < deadline, "it does not come true"
        await asyncio.sleep(0.02)
