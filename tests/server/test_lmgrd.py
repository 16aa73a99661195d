"""lmgrd itself: what a tool's connection may do to it, and what its files may say. The real process is in test_license_server."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING

import pytest
import uvloop

from seatkeeper.adapters import clock
from seatkeeper.adapters.debuglog import DebugLog
from seatkeeper.server import lmgrd as lmgrd_module
from seatkeeper.server.child import HOLD_S, REREAD_S
from seatkeeper.server.listener import GREETING_S
from seatkeeper.server.lmgrd import LicenseManager, ManagerOptions, ToolConnection
from seatkeeper.wire.framing import encode_preface, frame, server_frames
from seatkeeper.wire.messages import AskDown, AskFeatures, AskReread, AskServer, Done, Refused, ServerStatus

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path


class Transport:
    """What a tool's connection does to its transport."""

    def __init__(self, peer: str) -> None:
        self.sent = b""
        self.state = "open"
        self.limit = 0
        self._peer = peer

    def set_write_buffer_limits(self, high: int) -> None:
        self.limit = high

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return (self._peer if _name == "peername" else "192.0.2.1"), 7260

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

    def call_later(self, delay: float, call: object) -> Loop:
        self.delays.append(delay)
        self.calls.append(call)
        return self

    def cancel(self) -> None:
        self.calls[-1] = None


class Manager:
    """What a tool's connection asks of lmgrd."""

    options = ManagerOptions(("license.dat",))

    def __init__(self) -> None:
        self.spawned: list[Coroutine[object, object, object]] = []
        self.spawn = self.spawned.append

    def status(self, request: int) -> ServerStatus:
        return ServerStatus(request, "h", 7260, "0", [], [], [])

    async def reread(self, asked: AskReread) -> Done:
        return Done(asked.request, 0, "done")

    down = reread


def connect(peer: str = "127.0.0.1") -> tuple[ToolConnection, Transport, Manager, Loop]:
    manager, loop, transport = Manager(), Loop(), Transport(peer)
    connection = ToolConnection(manager, loop)  # type: ignore[arg-type]
    connection.connection_made(transport)  # type: ignore[arg-type]
    connection.data_received(encode_preface())
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
    assert transport.answers == [Done(1, 0, "done"), Done(2, 0, "done")]


def test_administration_is_for_this_machine() -> None:
    connection, transport, manager, _ = connect("192.0.2.9")
    connection.data_received(frame(AskReread(1)) + frame(AskDown(2)))
    assert [answer.number for answer in transport.answers] == [-119, -119]
    assert not manager.spawned


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


class TestManager:
    def run(self, tmp_path: Path) -> tuple[int, str]:
        descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        async def serve() -> int:
            log = DebugLog(descriptor, "lmgrd", clock.now)
            options = ManagerOptions((str(tmp_path / "license.dat"),))
            return await LicenseManager(options, log, descriptor, asyncio.get_running_loop()).serve()

        try:
            return uvloop.run(serve()), (tmp_path / "log").read_text()
        finally:
            os.close(descriptor)

    def test_a_port_that_may_not_be_had_is_not_waited_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "license.dat").write_text("SERVER h 001122334455 80\nDAEMON genesys.d\n")

        def refuse(_port: int) -> list[object]:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(lmgrd_module, "listening_sockets", refuse)
        status, log = self.run(tmp_path)
        assert status == 199
        assert "Port 80 cannot be opened: Permission denied" in log
        assert "Retrying" not in log

    @pytest.mark.parametrize(("text", "words"), [("", "names no license server"), ("SERVER h 001122334455\n", "no DAEMON line")])
    def test_a_file_without_what_lmgrd_needs(self, tmp_path: Path, text: str, words: str) -> None:
        (tmp_path / "license.dat").write_text(text)
        status, log = self.run(tmp_path)
        assert status != 0
        assert words in log
