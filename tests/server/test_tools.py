"""A tool's connection to lmgrd: it has its time, its answers, and what its role allows. The real process is in test_license_server."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from seatkeeper.base.roles import Identity
from seatkeeper.server.access import WRONG_S, Access, AccessPolicy
from seatkeeper.server.channels import Channel, Channels
from seatkeeper.server.child import HOLD_S, REREAD_S
from seatkeeper.server.crowd import Crowd
from seatkeeper.server.listener import GREETING_S
from seatkeeper.server.tools import ToolConnection
from seatkeeper.wire.framing import frame, server_frames
from seatkeeper.wire.messages import (
    AskDown,
    AskFeatures,
    AskIdentity,
    AskReread,
    AskServer,
    Authenticate,
    Done,
    Refused,
    ServerStatus,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

ADMINISTRATOR = Identity("administrator", "ops", "licsrv", local=True, attested=True)


class Transport:
    """What a tool's connection does to its transport."""

    def __init__(self) -> None:
        self.sent = b""
        self.state = "open"
        self.limit = 0

    def set_write_buffer_limits(self, high: int) -> None:
        self.limit = high

    def is_closing(self) -> bool:
        return self.state != "open"

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.state = "closed"

    def abort(self) -> None:
        self.state = "aborted"

    @property
    def answers(self) -> list[object]:
        return list(server_frames().feed(self.sent))


class Loop:
    """Notes what is to be done later."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.calls: list[object] = []

    def call_later(self, delay: float, call: Callable[..., object], *rest: object) -> Loop:
        self.delays.append(delay)
        self.calls.append(lambda: call(*rest))
        return self

    def cancel(self) -> None:
        self.calls[-1] = None


class Manager:
    """What a tool's connection asks of lmgrd."""

    def __init__(self) -> None:
        self.spawned: list[Coroutine[object, object, object]] = []
        self.spawn = self.spawned.append

    def status(self, request: int, _asks: Identity) -> ServerStatus:
        return ServerStatus(request, "h", 7260, "0", [], [], [])

    async def reread(self, asked: AskReread, asks: Identity) -> Done:
        return Done(asked.request, 0, f"done for {asks.user}")

    down = reread


def connect(identity: Identity = ADMINISTRATOR) -> tuple[ToolConnection, Transport, Manager, Loop]:
    manager, loop, transport = Manager(), Loop(), Transport()
    access = Access(AccessPolicy(), print)
    channels = Channels(SimpleNamespace(), access, Crowd(100), print, print)  # type: ignore[arg-type]
    channel = Channel(channels, identity, identity.host, tls=False)
    connection = ToolConnection(manager, channel, loop)  # type: ignore[arg-type]
    connection.connection_made(transport)  # type: ignore[arg-type]
    return connection, transport, manager, loop


def test_a_tool_has_a_deadline_for_each_question() -> None:
    connection, transport, _, loop = connect()
    connection.data_received(frame(AskServer(1)))
    assert loop.delays == [GREETING_S, GREETING_S]
    assert loop.calls[0] is None
    loop.calls[-1]()  # type: ignore[operator]
    assert transport.state == "aborted"


def test_administration_has_the_time_that_it_takes() -> None:
    connection, transport, manager, loop = connect()
    connection.data_received(frame(AskReread(1)) + frame(AskDown(2)))
    assert loop.delays[1:] == [REREAD_S + HOLD_S] * 2
    for work in manager.spawned:
        asyncio.run(work)
    assert transport.answers == [Done(1, 0, "done for ops"), Done(2, 0, "done for ops")]


@pytest.mark.parametrize("identity", [Identity("viewer", local=True), Identity("anonymous", "", "192.0.2.9"), Identity("operator", "ada")])
def test_who_is_no_administrator_is_told_so(identity: Identity) -> None:
    connection, transport, manager, _ = connect(identity)
    connection.data_received(frame(AskReread(1)) + frame(AskDown(2)))
    assert [answer.number for answer in transport.answers] == [-63, -63]
    assert not manager.spawned


def test_a_token_in_plain_text_is_answered_late_and_the_connection_is_over() -> None:
    connection, transport, _, loop = connect()
    connection.data_received(frame(Authenticate(1, "seatkeeper-x")) + frame(AskServer(2)))
    connection.data_received(frame(AskServer(3)))
    assert not transport.answers
    assert loop.delays[-1] == WRONG_S
    loop.calls[-1]()  # type: ignore[operator]
    assert [answer.number for answer in transport.answers] == [-63]
    assert transport.state == "closed"


def test_who_this_is_is_proved_over_tls_only() -> None:
    connection, transport, _, _ = connect()
    connection.data_received(frame(AskIdentity(1, b"n" * 32)))
    assert [(type(answer), answer.number) for answer in transport.answers] == [(Refused, -33)]


@pytest.mark.parametrize("data", [frame(AskFeatures(1)), b"\0\0\0\1\xc1", b"\xff" * 8, frame(AskServer(1)) * 101])
def test_what_has_no_place_is_refused_and_closed(data: bytes) -> None:
    connection, transport, _, _ = connect()
    connection.data_received(data + frame(AskServer(2)))
    assert [type(answer) for answer in transport.answers] == [Refused]
    assert transport.state == "closed"


def test_who_reads_nothing_is_dropped() -> None:
    connection, transport, _, _ = connect()
    assert 0 < transport.limit <= 1 << 20
    connection.pause_writing()
    assert transport.state == "aborted"
