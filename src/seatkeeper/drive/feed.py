"""What happens at a site comes in as lines of JSON, from a program, a file, a pipe or a socket; each line is one event.

    {"event": "agent-login", "agent": "ann", "id": "17"}
    {"event": "options", "license": {"num-of-licenses": 250}}
    {"event": "stop"}

The answer to an event is a line of JSON too: `{"reply": "agent-login", "id": "17", "accepted": true}`. A line that is none of
these is answered with an error that says what is wrong with it, and harms nothing.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.apps.events import Occurred, OptionsChanged, Stopped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

__all__ = ["LINE_BYTES_MAX", "FeedError", "event_of", "read_lines", "serve_socket"]

LINE_BYTES_MAX: Final = 65_536

_SCALARS: Final = (str, int, float, bool)


class FeedError(Exception):
    """A line that is no event; the text says why."""


def event_of(line: bytes) -> Occurred | OptionsChanged | Stopped:
    """The event that a line describes.

    Raises:
        FeedError: It describes none.
    """
    try:
        data = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FeedError(f"The line is no JSON: {error}.") from None
    if data == {}:
        raise FeedError(f"The line is empty, or longer than {LINE_BYTES_MAX} bytes.")
    if not isinstance(data, dict) or not isinstance(data.get("event"), str):
        raise FeedError('A line is an object with a text "event", such as {"event": "agent-login", "agent": "ann"}.')
    name = data.pop("event")
    if name == "stop":
        return Stopped()
    if name == "options":
        return _options(data)
    mark = data.pop("id", "")
    for field, value in data.items():
        if not isinstance(value, _SCALARS) and not (isinstance(value, list) and all(isinstance(part, str) for part in value)):
            raise FeedError(f"The field {field} is a text, a number, true, false or a list of texts.")
    return Occurred(name, data, str(mark))


def _options(data: dict[str, Any]) -> OptionsChanged:
    for section, options in data.items():
        if not isinstance(options, dict) or not all(value is None or isinstance(value, str | int | bool) for value in options.values()):
            raise FeedError(f'Options stand in their section, as in {{"event": "options", "license": {{"{section}": 5}}}}.')
    return OptionsChanged(data)


async def read_lines(reader: asyncio.StreamReader, tell: Callable[[bytes], Awaitable[None]]) -> None:
    """Calls `tell` with each line until the end; a line longer than LINE_BYTES_MAX is told as an empty object, which says so."""
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as rest:
            if rest.partial.strip():
                await tell(rest.partial)
            return
        except asyncio.LimitOverrunError as long:
            await reader.read(long.consumed)
            await _skip_line(reader)
            await tell(b"{}")
            continue
        if line.strip():
            await tell(line)


async def _skip_line(reader: asyncio.StreamReader) -> None:
    while True:
        try:
            await reader.readuntil(b"\n")
            return
        except asyncio.LimitOverrunError as long:
            await reader.read(long.consumed)
        except asyncio.IncompleteReadError:
            return


@asynccontextmanager
async def serve_socket(path: Path, tell: Callable[[bytes, Callable[[bytes], None]], Awaitable[None]]) -> AsyncIterator[None]:
    """A Unix socket on which its owner may feed events; `tell` gets each line and where its answers go.

    Raises:
        OSError: It cannot be made, or somebody listens there already (EADDRINUSE).
    """
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def answer(line: bytes) -> None:
            # Whoever does not read his answers loses them, and not the application's memory.
            if not writer.is_closing() and writer.transport.get_write_buffer_size() < _ANSWERS_BYTES_MAX:
                writer.write(line + b"\n")

        with suppress(ConnectionError, asyncio.CancelledError):
            await read_lines(reader, lambda line: tell(line, answer))
        writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    if _is_heard(path):
        raise OSError(errno.EADDRINUSE, "somebody listens there already")
    server = await asyncio.start_unix_server(connected, path, limit=LINE_BYTES_MAX)
    path.chmod(0o600)
    own = path.stat().st_ino
    try:
        yield
    finally:
        server.close()
        for task in connections:
            task.cancel()
        with suppress(OSError):
            # Another one's socket may stand in its place by now.
            if path.stat().st_ino == own:
                path.unlink()


def _is_heard(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.settimeout(1.0)
        probe.connect(str(path))
        return True
    return False


_ANSWERS_BYTES_MAX: Final = 1024 * 1024
