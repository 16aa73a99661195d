"""A client passes through to the master byte by byte, with a mark in its preface, until the mastery changes."""

from __future__ import annotations

import asyncio
import socket

import pytest

from seatkeeper.server.passing import PASSED_ON, Passing
from seatkeeper.wire.framing import encode_preface, parse_preface, wants_tls

VENDOR = "genesys.d"


class Master:
    """What the master gets, and answers."""

    def __init__(self) -> None:
        self.got = b""
        self.came = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            self.got += data
            self.came.set()
            writer.write(b"answer")
        writer.close()


async def _through(tls: bool) -> None:
    master, tasks = Master(), []
    server = await asyncio.start_server(master.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    passing = Passing(lambda work: tasks.append(asyncio.ensure_future(work)), 1)
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours)
    head = encode_preface(VENDOR, tls=tls)
    writer.write(head + b"hello")
    await writer.drain()
    passing.begin(theirs, VENDOR, host, port)
    assert await asyncio.wait_for(reader.readexactly(6), 20) == b"answer"
    assert passing.full
    while not master.got.endswith(b"hello"):
        master.came.clear()
        await asyncio.wait_for(master.came.wait(), 20)
    parsed = parse_preface(master.got)
    assert parsed is not None
    assert parsed[0] == PASSED_ON + VENDOR
    assert wants_tls(master.got) is tls
    passing.close("other.d")
    assert passing.full
    passing.close(VENDOR)
    await asyncio.wait_for(reader.read(), 20)
    assert reader.at_eof()
    await asyncio.wait(tasks, timeout=20)
    assert not passing.full
    writer.close()
    server.close()


@pytest.mark.parametrize("tls", [False, True])
def test_what_a_client_says_reaches_the_master_with_a_mark_and_ends_with_the_mastery(tls: bool) -> None:
    asyncio.run(_through(tls))


def test_where_the_master_is_not_there_the_client_is_let_go() -> None:
    async def run() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        tasks: list[asyncio.Future[object]] = []
        passing = Passing(lambda work: tasks.append(asyncio.ensure_future(work)), 5)
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        ours.sendall(encode_preface(VENDOR))
        passing.begin(theirs, VENDOR, "127.0.0.1", port)
        await asyncio.wait(tasks, timeout=20)
        ours.settimeout(20)
        try:
            assert ours.recv(1) == b""
        except ConnectionResetError:
            # It said something that nobody has read.
            pass
        ours.close()

    asyncio.run(run())
