from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.lrm.gate import LINE_BYTES_MAX, STATE, GateService, ask_gate, attend_gate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HOST = "127.0.0.1"


@asynccontextmanager
async def serving(directory: Path, logged: list[int]) -> AsyncIterator[int]:
    service = GateService(directory, lambda: 1000.0, lambda message: logged.append(message.number))
    async with await service.serve(HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]


async def told(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(data)
    line = await reader.readline()
    writer.close()
    return line


async def until(logged: list[int], number: int) -> None:
    async with asyncio.timeout(10):
        while number not in logged:
            await asyncio.sleep(0.01)


async def test_products_wait_for_lrm_once_and_for_all(tmp_path: Path) -> None:
    logged: list[int] = []
    async with serving(tmp_path, logged) as port:
        allowed, reason = await ask_gate(HOST, port, "tserver_1")
        assert (allowed, "never been connected" in reason) == (False, True)
        writer = await attend_gate(tmp_path, HOST, port, "lrm")
        assert await ask_gate(HOST, port, "tserver_1") == (True, "")
        writer.close()
        await until(logged, 25101)
        assert await ask_gate(HOST, port, "tserver_1") == (True, "")
    assert logged == [25102, 25100, 25101]
    async with serving(tmp_path, logged) as port:
        assert await ask_gate(HOST, port, "urs") == (True, "")


async def test_who_does_not_know_the_secret_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    logged: list[int] = []
    async with serving(tmp_path / "gate", logged) as port:
        with pytest.raises(SeatkeeperError, match="does not know"):
            await attend_gate(tmp_path / "other", HOST, port, "lrm")
        for proof in ('""', '"00"', '"\\u00e9"'):
            assert b'"allowed":false' in await told(port, b'{"lrm": "x", "proof": ' + proof.encode() + b"}\n")
        assert (await ask_gate(HOST, port, "urs"))[0] is False
    assert not (tmp_path / "gate" / STATE).exists()
    assert set(logged) == {25102}


@pytest.mark.parametrize("data", [b"\n", b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b'{"other": 1}\n', b"x" * (LINE_BYTES_MAX * 3) + b"\n"])
async def test_nonsense_is_answered_or_dropped_and_the_gate_goes_on(data: bytes, tmp_path: Path) -> None:
    async with serving(tmp_path, []) as port:
        try:
            assert await told(port, data) == b"" or b"no question" in await told(port, data)
        except ConnectionError:
            pass
        assert (await ask_gate(HOST, port, "urs"))[0] is False


async def test_no_gate_and_a_damaged_state_are_told(tmp_path: Path) -> None:
    async with serving(tmp_path, []) as port:
        pass
    with pytest.raises(SeatkeeperError, match="does not answer"):
        await ask_gate(HOST, port, "urs")
    (tmp_path / STATE).write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        GateService(tmp_path, lambda: 0.0, lambda _message: None)
