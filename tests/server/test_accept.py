"""New connections on real sockets: each goes where its preface says, and none keeps the loop busy or stays for ever."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from typing import TYPE_CHECKING

import pytest
import uvloop

from seatkeeper.server import accept as accept_module
from seatkeeper.server.accept import Acceptor, listening_sockets
from seatkeeper.wire.framing import encode_preface, server_frames
from support.site import free_port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PREFACE = encode_preface("genesys.d")


class Door:
    """An acceptor on a free port, and who came through."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.port = free_port()
        self.came: list[tuple[socket.socket, str]] = []
        self.looks = 0
        self.acceptor = Acceptor(self.loop, listening_sockets(self.port), lambda client, vendor: self.came.append((client, vendor)))

    def knock(self, data: bytes = b"", host: str = "127.0.0.1") -> socket.socket:
        client = socket.create_connection((host, self.port), timeout=10)
        client.sendall(data)
        return client

    async def read(self, client: socket.socket) -> bytes:
        """All that the client gets until its connection is closed."""

        def everything() -> bytes:
            data = b""
            try:
                while piece := client.recv(1000):
                    data += piece
            except ConnectionResetError:
                pass
            return data

        return await self.loop.run_in_executor(None, everything)


async def until(holds: Callable[[], object]) -> None:
    async def poll() -> None:
        while not holds():
            await asyncio.sleep(0.002)

    await asyncio.wait_for(poll(), 10)


def run(work: Callable[[Door], Awaitable[None]]) -> None:
    async def whole() -> None:
        door = Door()
        try:
            await work(door)
        finally:
            door.acceptor.close()
            for client, _ in door.came:
                client.close()

    uvloop.run(whole())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("vendor", ["genesys.d", "", "ä.d"])
def test_a_connection_is_routed_by_its_preface_which_stays_unread(host: str, vendor: str) -> None:
    async def work(door: Door) -> None:
        data = encode_preface(vendor) + b"and more"
        with door.knock(data, host):
            await until(lambda: door.came)
            ((client, name),) = door.came
            assert name == vendor
            assert client.recv(100) == data

    run(work)


def test_a_preface_may_come_in_pieces() -> None:
    async def work(door: Door) -> None:
        with door.knock() as client:
            for byte in PREFACE:
                client.sendall(bytes([byte]))
                await asyncio.sleep(0.003)
            await until(lambda: door.came)
            # The mark that kept the loop quiet is gone: one byte is enough to read.
            passed = door.came[0][0]
            assert passed.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1
            assert passed.recv(100) == PREFACE

    run(work)


@pytest.mark.parametrize("data", [b"SE", PREFACE[:-1], PREFACE[:6]])
def test_half_a_preface_and_then_no_more_is_closed_and_keeps_nobody_busy(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """The end of a stream is readable for ever; looking at it for ever would take a whole processor."""
    looks = 0
    real = Acceptor._peek

    def peek(self: Acceptor, client: socket.socket) -> None:
        nonlocal looks
        looks += 1
        real(self, client)

    monkeypatch.setattr(Acceptor, "_peek", peek)

    async def work(door: Door) -> None:
        with door.knock(data) as client:
            await asyncio.sleep(0.02)
            client.shutdown(socket.SHUT_WR)
            assert await asyncio.wait_for(door.read(client), 2) == b""
        assert not door.came
        assert looks < 10

    run(work)


def test_who_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept_module, "PREFACE_S", 0.1)

    async def work(door: Door) -> None:
        with door.knock() as silent, door.knock(b"SEAT") as half:
            assert await door.read(silent) == b""
            assert await door.read(half) == b""

    run(work)


def test_other_protocols_are_told_and_closed() -> None:
    async def work(door: Door) -> None:
        with door.knock(b"GET / HTTP/1.1\r\n\r\n") as client:
            (refused,) = server_frames().feed(await door.read(client))
            assert refused.number == -12

    run(work)


def test_one_that_breaks_off_is_forgotten() -> None:
    async def work(door: Door) -> None:
        client = door.knock(b"SEA")
        await asyncio.sleep(0.02)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        await until(lambda: not door.acceptor._waiting)
        with door.knock(PREFACE):
            await until(lambda: door.came)

    run(work)


def test_without_descriptors_accepting_rests_and_goes_on() -> None:
    async def work(door: Door) -> None:
        class Listener:
            """Refuses the first accept, as a process does whose descriptors have run out."""

            tries = 0

            def accept(self) -> tuple[socket.socket, object]:
                self.tries += 1
                if self.tries == 1:
                    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
                return door.acceptor._listeners[0].accept()

            def fileno(self) -> int:
                return door.acceptor._listeners[0].fileno()

        listener = Listener()
        door.acceptor._listeners.append(listener)  # type: ignore[arg-type]
        door.acceptor._accept(listener)  # type: ignore[arg-type]
        with door.knock(PREFACE):
            await until(lambda: door.came)
        assert listener.tries >= 2
        door.acceptor._listeners.remove(listener)  # type: ignore[arg-type]

    run(work)


def test_closing_closes_those_who_have_not_said_what_they_want() -> None:
    async def work(door: Door) -> None:
        with door.knock(b"SEAT") as client:
            await until(lambda: door.acceptor._waiting)
            door.acceptor.close()
            assert await door.read(client) == b""
            with pytest.raises(ConnectionRefusedError):
                door.knock()

    run(work)


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")])
def test_a_port_that_either_family_has_in_use_is_not_half_taken(family: socket.AddressFamily, host: str) -> None:
    port = free_port()
    with socket.socket(family) as taken:
        if family == socket.AF_INET6:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken.bind((host, port))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            listening_sockets(port)
    for listener in listening_sockets(port):
        listener.close()


def test_a_machine_without_a_network_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(accept_module.socket, "socket", refuse)
    with pytest.raises(OSError, match="neither IPv4 nor IPv6"):
        listening_sockets(7260)
