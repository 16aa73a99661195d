"""The gate of Framework 8.5 as a small service: whoever starts asks it, and License Reporting Manager stays connected to it.

One line of JSON each way. A product sends `{"product": "tserver_1"}` and is told `{"allowed": true}`, or false with a reason, and the
connection ends. License Reporting Manager sends `{"lrm": "...", "proof": "..."}`, where the proof is the secret that lies beside the
gate's state and only its owner reads; it is answered `{"allowed": true}` and counts as present while it stays connected. That it was
there once is on the disk before it is told.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.secretfile import secret_of
from seatkeeper.adapters.wholefile import replace_file
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.usage.gate import NAME_CHARS_MAX, Gate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seatkeeper.base.logevents import Message
    from seatkeeper.usage.gate import Answer

__all__ = ["CONNECTIONS_MAX", "LINE_BYTES_MAX", "STATE", "GateService", "ask_gate", "attend_gate"]

STATE: Final = "gate.json"
_SECRET: Final = "gate.secret"
LINE_BYTES_MAX: Final = 4096
CONNECTIONS_MAX: Final = 1000
#: Who says nothing for so long is dropped.
_GREETING_S: Final = 10.0


class _State(msgspec.Struct, frozen=True):
    """What is remembered: since when License Reporting Manager counts as verified, in UTC seconds."""

    verified_at: float


class _Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody says who connects."""

    product: str = ""
    lrm: str = ""
    proof: str = ""


class _Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What he is told."""

    allowed: bool
    reason: str = ""


class GateService:
    """The gate over the state in a directory.

    Args:
        directory: Where its state and secret lie.
        now: Tells UTC seconds.
        log: Takes each message that Configuration Server logs.
    """

    def __init__(self, directory: Path, now: Callable[[], float], log: Callable[[Message], None]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / STATE
        self._secret = secret_of(directory / _SECRET)
        self._now, self._log = now, log
        self.gate = Gate(self._read() is not None)
        self._connections = 0

    def _read(self) -> _State | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_State)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise InputError("The gate's state cannot be read.", file=str(self._path), found=str(error)) from None

    async def serve(self, host: str, port: int) -> asyncio.Server:
        """Listens; the server's sockets say where."""
        return await asyncio.start_server(self._connected, host, port, limit=LINE_BYTES_MAX)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= CONNECTIONS_MAX:
                await self._talk(reader, writer)
        except (OSError, ValueError, asyncio.IncompleteReadError, TimeoutError):
            # A line that is too long or ends in its middle, or nobody there: nothing to answer.
            pass
        finally:
            self._connections -= 1
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_GREETING_S):
            line = await reader.readline()
        try:
            hello = msgspec.json.decode(line, type=_Hello)
        except msgspec.MsgspecError as error:
            await _tell(writer, _Told(False, f"This is no question to the gate: {error}"))
            return
        if not hello.lrm:
            name = hello.product[:NAME_CHARS_MAX] or "?"
            await self._answer(writer, self.gate.product_asks(name))
            return
        if not hmac.compare_digest(hello.proof.encode(), self._secret.hex().encode()):
            await _tell(writer, _Told(False, "This is not the secret of this gate's directory."))
            return
        if not self.gate.verified:
            replace_file(self._path, msgspec.json.encode(_State(self._now())))
        answer = self.gate.lrm_connected()
        try:
            await self._answer(writer, answer)
            while await reader.read(LINE_BYTES_MAX):
                pass
        finally:
            self._say(self.gate.lrm_gone())

    async def _answer(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        self._say(answer)
        await _tell(writer, _Told(answer.allowed, answer.reason))

    def _say(self, answer: Answer) -> None:
        for message in answer.messages:
            self._log(message)


async def _tell(writer: asyncio.StreamWriter, told: _Told) -> None:
    writer.write(msgspec.json.encode(told) + b"\n")
    await writer.drain()


async def _asked(host: str, port: int, hello: _Hello) -> tuple[_Told, asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(_GREETING_S):
            reader, writer = await asyncio.open_connection(host, port, limit=LINE_BYTES_MAX)
            writer.write(msgspec.json.encode(hello) + b"\n")
            line = await reader.readline()
        return msgspec.json.decode(line, type=_Told), reader, writer
    except (OSError, TimeoutError, msgspec.MsgspecError) as error:
        raise SeatkeeperError(
            f"The gate at {host}:{port} does not answer: {str(error) or 'no answer in time'}.", "Start it with `seatkeeper usage gate`."
        ) from None


async def ask_gate(host: str, port: int, product: str) -> tuple[bool, str]:
    """Whether a product may connect, and why not.

    Raises:
        SeatkeeperError: There is no gate.
    """
    told, _, writer = await _asked(host, port, _Hello(product=product))
    writer.close()
    return told.allowed, told.reason


async def attend_gate(directory: Path, host: str, port: int, name: str) -> asyncio.StreamWriter:
    """License Reporting Manager is present until the returned connection is closed.

    Raises:
        SeatkeeperError: There is no gate, or the secret is that of another one.
    """
    told, _, writer = await _asked(host, port, _Hello(lrm=name, proof=secret_of(directory / _SECRET).hex()))
    if not told.allowed:
        writer.close()
        raise SeatkeeperError(f"The gate does not know this License Reporting Manager: {told.reason}", "Use the gate's own directory.")
    return writer
