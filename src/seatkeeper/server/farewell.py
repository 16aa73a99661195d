"""Who is refused can read why: his connection is not broken off while he still speaks.

A socket that is closed with something unread, or that hears more afterwards, is reset by the system, and the other side may then
lose what it had been told, or fail in sending before it reads. So a refused connection is closed in one direction first, and what
still comes is read and thrown away, beside all other work, until the other side has closed as well. That costs a descriptor for a
moment: PARTING_MAX such connections are kept for PARTING_S and PARTING_BYTES_MAX; where more come, the oldest is closed at once.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Final

from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import Refused

if TYPE_CHECKING:
    import asyncio

__all__ = ["PARTING_BYTES_MAX", "PARTING_MAX", "PARTING_S", "Farewells", "turn_away"]

#: Refused connections that are kept open for their farewell; fewer than the descriptors that a process keeps from its clients.
PARTING_MAX: Final = 32
PARTING_S: Final = 2.0
#: What one of them may still say.
PARTING_BYTES_MAX: Final = 1 << 20
_READ_BYTES: Final = 65536


class Farewells:
    """The refused connections of one process, or of one of its ports.

    Args:
        loop: The event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # The timer, and how much each has said since; the oldest is first.
        self._parting: dict[socket.socket, tuple[asyncio.TimerHandle, int]] = {}

    def turn_away(self, client: socket.socket, number: int, reason: str) -> None:
        """Says why, in plain text, and closes when that has been read."""
        if not _refuse(client, number, reason):
            return
        while len(self._parting) >= PARTING_MAX:
            self._end(next(iter(self._parting)))
        self._parting[client] = (self._loop.call_later(PARTING_S, self._end, client), 0)
        self._loop.add_reader(client.fileno(), self._read, client)

    def close(self) -> None:
        """Closes all at once."""
        for client in list(self._parting):
            self._end(client)

    def _read(self, client: socket.socket) -> None:
        timer, size = self._parting[client]
        try:
            data = client.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        self._parting[client] = (timer, size + len(data))
        if not data or size + len(data) > PARTING_BYTES_MAX:
            self._end(client)

    def _end(self, client: socket.socket) -> None:
        timer, _ = self._parting.pop(client)
        timer.cancel()
        self._loop.remove_reader(client.fileno())
        client.close()


def turn_away(client: socket.socket, number: int, reason: str, _brief: str = "") -> None:
    """Says why, in plain text, and closes at once: for who has no loop on which to wait."""
    if _refuse(client, number, reason):
        client.close()


def _refuse(client: socket.socket, number: int, reason: str) -> bool:
    """Says why, and that nothing will follow; whether the other side may still be there. Where it is not, the socket is closed."""
    try:
        client.setblocking(False)
        if client.family != socket.AF_UNIX:
            # It may have been set to wait for more of a preface.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        client.send(frame(Refused(number, reason)))
        client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(BlockingIOError, InterruptedError):
            if client.recv(_READ_BYTES):
                return True
            client.close()
            return False
    except OSError:
        client.close()
        return False
    return True
