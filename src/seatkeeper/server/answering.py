"""A long answer goes out a piece at a time, and until it is out its connection asks nothing further.

What a tool asks may be answered with megabytes. So the answer is made no faster than it is read, and never two of one connection at
once: from the question on, until the last byte of its answer has left, nothing further is read from that connection, and what lies
read already waits. A client that asks and does not read costs this process one answer's first pieces, however often it asks;
after a while without reading it is dropped. One that asks many things in a row is answered in that order.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from seatkeeper.adapters import clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from seatkeeper.server.listener import ClientConnection

__all__ = ["UNREAD_BYTES_MAX", "answer", "send_slowly"]

#: An answer rests while so much of it is unread.
UNREAD_BYTES_MAX: Final = 256 * 1024
#: Between two pieces of an answer.
_REST_S: Final = 0.001
#: How often it is looked whether it has been read.
_LOOK_S: Final = 0.01


class Reading(Protocol):
    """The connection of who asked."""

    transport: asyncio.Transport | None

    def write(self, data: bytes, /) -> None:
        """Sends bytes, unless the other side has gone."""

    def drop(self) -> None:
        """Closes at once."""


async def send_slowly(
    connection: Reading, frames: Iterator[bytes], patience_s: float, at_once: int = 1, quiet: Callable[[], bool] = bool
) -> None:
    """Sends what is much, `at_once` frames at a time, and returns when all has left; a reader that rests for `patience_s` is dropped.

    Empty frames stand for work that gave nothing to send yet. While `quiet` says that nobody else is served it does not rest between them.
    """
    while part := list(islice(frames, at_once)):
        if connection.transport is None:
            return
        if data := b"".join(part):
            connection.write(data)
        # Others have their turn, and so has the thread that writes the journal: on a busy core it would wait for this one otherwise,
        # until the system takes the core away, and with it everybody's checkouts.
        await asyncio.sleep(0 if quiet() else _REST_S)
        await _read_down(connection, UNREAD_BYTES_MAX, patience_s)
    await _read_down(connection, 0, patience_s)


async def _read_down(connection: Reading, size: int, patience_s: float) -> None:
    """Returns when no more than so much is unread, or nobody is there to read."""
    deadline = 0.0
    while connection.transport is not None and connection.transport.get_write_buffer_size() > size:
        now = clock.monotonic()
        deadline = deadline or now + patience_s
        if now >= deadline:
            connection.drop()
            return
        await asyncio.sleep(_LOOK_S)


async def answer(
    connection: ClientConnection,
    frames: Callable[[], Awaitable[Iterator[bytes]]],
    patience_s: float,
    at_once: int = 1,
    quiet: Callable[[], bool] = bool,
) -> None:
    """Answers a connection that is held, and lets it go on.

    Args:
        connection: Who asked.
        frames: Finds out what the answer is.
        patience_s: How long the answer may lie unread.
        at_once: Frames that are made in one go.
        quiet: Whether nobody else is served just now.
    """
    connection.rest()
    try:
        await send_slowly(connection, await frames(), patience_s, at_once, quiet)
    except BaseException:
        # Half an answer is none, and who waits for the other half must not wait for ever.
        connection.drop()
        raise
    if connection.transport is not None:
        connection.answered()
