"""connection: the ways in which a connection does not come about, and what a process that gives it up leaves of it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import TYPE_CHECKING

import pytest

from seatkeeper.client.path import Address
from seatkeeper.sdk.connection import Connection, failure_to_connect, open_connection
from seatkeeper.wire.framing import encode_preface, frame
from seatkeeper.wire.messages import Goodbye

from .fake_daemon import FakeDaemon

if TYPE_CHECKING:
    from seatkeeper.client.events import Failure
    from seatkeeper.wire.messages import ServerMessage


class Ends:
    """A connection whose messages and end are kept."""

    def __init__(self) -> None:
        self.messages: list[ServerMessage] = []
        self.ends: list[Failure] = []
        self.connection = Connection("genesys.d", self.messages.append, self.ends.append)


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), -15),
        (TimeoutError(errno.ETIMEDOUT, "x"), -96),
        (OSError(errno.EHOSTUNREACH, "x"), -96),
        (OSError(errno.ENETUNREACH, "x"), -96),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), -96),
        (OSError("something"), -15),
        (PermissionError(errno.EACCES, "x"), -15),
    ],
)
def test_what_a_failure_to_connect_means(error: OSError, number: int) -> None:
    failure = failure_to_connect(error)
    assert failure.number == number
    assert failure.system is not None
    assert failure.system[1]


async def test_the_first_address_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeDaemon({}) as daemon:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            dead = closed.getsockname()
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", dead),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", daemon.port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        ends = Ends()
        await open_connection(Address("licsrv", 7260), ends.connection)
        ends.connection.send(Goodbye())
        await daemon.until(lambda: len(daemon.log) == 1)
        assert daemon.peers[0].vendor == "genesys.d"
        ends.connection.close()
        await ends.connection.gone
        assert len(ends.ends) == 1
        found.pop()
        with pytest.raises(ConnectionRefusedError):
            await open_connection(Address("licsrv", 7260), Ends().connection)
        found.pop()
        with pytest.raises(socket.gaierror):
            await open_connection(Address("licsrv", 7260), Ends().connection)


async def test_an_address_that_hangs_does_not_keep_the_next_one_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatkeeper.sdk.connection._ADDRESS_S", 0.05)
    async with FakeDaemon({}) as daemon:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (1, daemon.port)]
        loop = asyncio.get_running_loop()
        connect = loop.sock_connect

        async def hang(sock: socket.socket, where: tuple[str, int]) -> None:
            if where[1] == 1:
                await asyncio.sleep(60)
            await connect(sock, where)

        monkeypatch.setattr(loop, "sock_connect", hang)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        ends = Ends()
        await open_connection(Address("licsrv", 7260), ends.connection)
        ends.connection.abort()
        await ends.connection.gone
        found.pop()
        found.append(found[0])
        with pytest.raises(TimeoutError):
            await open_connection(Address("licsrv", 7260), Ends().connection)


async def test_nothing_is_sent_over_a_connection_that_has_ended() -> None:
    ends = Ends()
    ends.connection.send(Goodbye())
    ends.connection.close()
    ends.connection.abort()
    ends.connection.disown()
    async with FakeDaemon({}) as daemon:
        await open_connection(Address("127.0.0.1", daemon.port), ends.connection)
        ends.connection.close()
        ends.connection.send(Goodbye())
        await ends.connection.gone
        assert not daemon.log


async def test_a_disowned_connection_leads_nowhere_and_stays_open_for_others() -> None:
    async with FakeDaemon({}) as daemon:
        ends = Ends()
        await open_connection(Address("127.0.0.1", daemon.port), ends.connection)
        assert ends.connection._transport is not None
        descriptor = ends.connection._transport.get_extra_info("socket").fileno()
        other = os.dup(descriptor)  # What a parent would have.
        ends.connection.disown()
        assert os.fstat(descriptor).st_rdev == os.stat(os.devnull).st_rdev  # noqa: PTH116
        ends.connection.abort()
        await ends.connection.gone
        os.write(other, encode_preface("genesys.d") + frame(Goodbye()))
        await daemon.until(lambda: bool(daemon.log))
        assert not daemon.peers[0].gone
        os.close(other)
