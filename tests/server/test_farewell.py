"""Refused connections on real sockets: what they are told arrives, whatever they still say, and none stays."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import TYPE_CHECKING

import pytest
import uvloop

from seatkeeper.server import farewell as farewell_module
from seatkeeper.server.farewell import PARTING_BYTES_MAX, Farewells, turn_away
from seatkeeper.wire.framing import server_frames
from seatkeeper.wire.messages import Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SAID = Refused(-1, "No.")


class Door:
    """Farewells on the running loop, and clients that are turned away there."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.farewells = Farewells(self.loop)
        self.listener = socket.create_server(("127.0.0.1", 0))

    def knock(self, data: bytes = b"") -> socket.socket:
        """A client that has said this and is turned away."""
        client = socket.create_connection(self.listener.getsockname(), timeout=10)
        client.sendall(data)
        served, _ = self.listener.accept()
        self.farewells.turn_away(served, SAID.number, SAID.reason)
        client.setblocking(False)
        return client

    async def read(self, client: socket.socket) -> list[object]:
        """All that the client is told."""
        data = b""
        while piece := await asyncio.wait_for(self.loop.sock_recv(client, 1000), 10):
            data += piece
        return list(server_frames().feed(data))

    async def until_parted(self, count: int = 0) -> None:
        async def poll() -> None:
            while len(self.farewells._parting) > count:
                await asyncio.sleep(0.002)

        await asyncio.wait_for(poll(), 10)


def run(work: Callable[[Door], Awaitable[None]]) -> None:
    async def whole() -> None:
        door = Door()
        try:
            await work(door)
        finally:
            door.farewells.close()
            door.listener.close()

    uvloop.run(whole())


@pytest.mark.parametrize("first", [b"", b"x" * 5000, b"x" * 200_000])
def test_who_goes_on_speaking_is_not_cut_off_before_he_has_read(first: bytes) -> None:
    """Sending never fails, and the refusal is there when he looks."""

    async def work(door: Door) -> None:
        client = door.knock(first[:100])
        with client:
            for piece in (first[100:], b"y" * 1000, b"z" * 1000, b"!"):
                # A reset connection fails at the second try.
                await asyncio.wait_for(door.loop.sock_sendall(client, piece), 10)
                await asyncio.sleep(0.01)
            assert await door.read(client) == [SAID]
            assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        await door.until_parted()

    run(work)


def test_who_has_read_and_gone_leaves_nothing() -> None:
    async def work(door: Door) -> None:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough
        for how in ("closed", "reset", "half"):
            client = door.knock()
            assert await door.read(client) == [SAID]
            if how == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif how == "half":
                client.shutdown(socket.SHUT_WR)
                await door.until_parted()
            client.close()
        await door.until_parted()
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208

    run(work)


def test_who_has_gone_before_is_not_kept() -> None:
    async def work(door: Door) -> None:
        client = socket.create_connection(door.listener.getsockname(), timeout=10)
        served, _ = door.listener.accept()
        client.close()
        while served.recv(1, socket.MSG_PEEK):
            pass
        door.farewells.turn_away(served, SAID.number, SAID.reason)
        assert not door.farewells._parting
        assert served.fileno() < 0

    run(work)


def test_who_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """By time where he is silent, by size where he is not."""
    monkeypatch.setattr(farewell_module, "PARTING_S", 0.05)

    async def work(door: Door) -> None:
        with door.knock():
            await door.until_parted()
        monkeypatch.setattr(farewell_module, "PARTING_S", 60.0)
        with door.knock() as talker:

            async def talk() -> None:
                for _ in range(100):
                    await door.loop.sock_sendall(talker, bytes(PARTING_BYTES_MAX // 4))

            with pytest.raises(ConnectionError):
                await asyncio.wait_for(talk(), 20)
        assert not door.farewells._parting

    run(work)


def test_of_many_only_so_many_are_kept_and_all_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farewell_module, "PARTING_MAX", 3)

    async def work(door: Door) -> None:
        clients = [door.knock() for _ in range(10)]
        assert len(door.farewells._parting) == 3
        for client in clients:
            with client:
                assert await door.read(client) == [SAID]
        await door.until_parted()
        with door.knock():
            door.farewells.close()
            assert not door.farewells._parting

    run(work)


def test_without_a_loop_it_is_said_and_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), timeout=10)
        client.sendall(b"x" * 5000)
        served, _ = listener.accept()
        turn_away(served, SAID.number, SAID.reason)
        assert served.fileno() < 0
        with client:
            assert server_frames().feed(client.recv(1000)) == [SAID]
