"""lmgrd and a vendor daemon talk over a socket pair: orders one way, reports the other, clients' sockets along with them.

Each message is one packet. A client's socket travels with the packet that announces it, so the vendor daemon goes on with
the very connection that lmgrd accepted, and one open port is enough. When the pair closes, the other side has gone: a vendor
daemon without its lmgrd ends, since it could not be supervised any more. Only that ends it: a packet that this side does not know
(lmgrd may be older than the vendor daemon that it starts) is passed over, and when the system has no room for another descriptor on
its way, the packet waits.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.wire.framing import NO_MESSAGE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

__all__ = [
    "TEXT_CHARS_MAX",
    "Control",
    "Failed",
    "Lent",
    "Mastery",
    "Message",
    "NewClient",
    "OrderReread",
    "OrderStop",
    "RereadDone",
    "Serving",
    "control_pair",
    "fitting",
]

_PACKET_BYTES_MAX: Final = 65536
#: Texts are cut to this length, so that each message is one packet.
TEXT_CHARS_MAX: Final = 4096
#: Room for the sentence that there is more.
_MORE_CHARS: Final = 64
#: What the system says when it has no room for now; Unix sockets also when too many descriptors are on their way.
_NO_ROOM: Final = (errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS)
#: How long a packet then waits.
_NO_ROOM_S: Final = 0.05
#: Packets read at once, so that a crowd of clients does not keep the loop from its other work.
_PACKETS_MAX: Final = 64


class NewClient(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A client's socket comes with this packet; its preface is still unread."""


class OrderReread(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Read the license files again."""

    request: int
    by_user: str
    by_host: str
    dry_run: bool = False


class OrderStop(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """End orderly."""

    by_user: str = ""
    by_host: str = ""


class Serving(msgspec.Struct, frozen=True, array_like=True, tag=16):
    """The vendor daemon is ready for clients; `port` is its own, or 0."""

    version: str
    port: int = 0


class RereadDone(msgspec.Struct, frozen=True, array_like=True, tag=17):
    """The files were read again (number 0), or nothing was changed and why."""

    request: int
    number: int
    text: str


class Failed(msgspec.Struct, frozen=True, array_like=True, tag=18):
    """The vendor daemon will end, for this reason; with `final` a restart would not help."""

    reason: str
    final: bool = False


class Lent(msgspec.Struct, frozen=True, array_like=True, tag=19):
    """So many seats are borrowed now."""

    seats: int


class Mastery(msgspec.Struct, frozen=True, array_like=True, tag=20):
    """Of three servers this one has clients now, by the order of SERVER lines from 0; -1 while nobody is known to.

    `position` is the log's last one that this server has applied, `lag` how many records it knows to be missing.
    """

    master: int
    term: int
    position: int = 0
    lag: int = 0


Message = NewClient | OrderReread | OrderStop | Serving | RereadDone | Failed | Lent | Mastery

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Message).decode


def control_pair() -> tuple[socket.socket, socket.socket]:
    """The two ends: lmgrd's and the vendor daemon's, which it inherits."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.set_inheritable(True)
    return ours, theirs


class Control:
    """One end of the pair, on an event loop.

    Args:
        loop: The loop.
        end: The socket.
        received: Called with each message, and the client's socket where one came along.
        closed: Called once when the other side has gone, with the clients' sockets that could not be passed on.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        end: socket.socket,
        received: Callable[[Message, socket.socket | None], None],
        closed: Callable[[list[socket.socket]], None],
    ) -> None:
        self._loop = loop
        self._end = end
        self._received = received
        self._closed = closed
        self._queue: deque[tuple[bytes, socket.socket | None]] = deque()
        self._rest: asyncio.TimerHandle | None = None
        self._open = True
        end.setblocking(False)
        loop.add_reader(end.fileno(), self._readable)

    @property
    def unsent(self) -> int:
        """Messages that wait, clients with them, because the other side does not read."""
        return len(self._queue)

    def send(self, message: Message, client: socket.socket | None = None) -> None:
        """Sends a message; a client's socket is passed on and closed here."""
        if not self._open:
            if client is not None:
                client.close()
            return
        if isinstance(message, Failed):
            message = Failed(message.reason[:TEXT_CHARS_MAX], message.final)
        elif isinstance(message, RereadDone):
            message = RereadDone(message.request, message.number, message.text[:TEXT_CHARS_MAX])
        self._queue.append((_encode(message), client))
        if len(self._queue) == 1:
            self._flush()

    def close(self) -> None:
        """Closes this end; sockets not yet passed on are closed."""
        for client in self._end_all():
            client.close()

    def _end_all(self) -> list[socket.socket]:
        """Closes this end; the sockets not yet passed on."""
        if not self._open:
            return []
        self._open = False
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._end.fileno())
        self._loop.remove_writer(self._end.fileno())
        self._end.close()
        queue, self._queue = self._queue, deque()
        return [client for _, client in queue if client is not None]

    def _flush(self) -> None:
        self._rest = None
        while self._queue:
            packet, client = self._queue[0]
            try:
                socket.send_fds(self._end, [packet], [client.fileno()] if client is not None else [])
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(self._end.fileno(), self._flush)
                return
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    self._gone()
                    return
                # The socket would count as writable all the while.
                self._loop.remove_writer(self._end.fileno())
                self._rest = self._loop.call_later(_NO_ROOM_S, self._flush)
                return
            self._queue.popleft()
            if client is not None:
                client.close()
        self._loop.remove_writer(self._end.fileno())

    def _readable(self) -> None:
        for _ in range(_PACKETS_MAX):
            try:
                packet, descriptors, _, _ = socket.recv_fds(self._end, _PACKET_BYTES_MAX, 1)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionResetError:
                # The other side has gone with orders unread; what it said before comes next, its last words among them.
                continue
            except OSError:
                packet, descriptors = b"", []
            if not packet:
                self._gone()
                return
            client = socket.socket(fileno=descriptors[0]) if descriptors else None
            try:
                message = _decode(packet)
            except NO_MESSAGE:
                if client is not None:
                    client.close()
                continue
            self._received(message, client)
            if not self._open:
                return

    def _gone(self) -> None:
        if self._open:
            self._closed(self._end_all())


def fitting(sentences: Sequence[str]) -> str:
    """As many sentences as fit into an answer, one a line, and how many more there are in the log."""
    text, rest = sentences[0], len(sentences) - 1
    for sentence in sentences[1:]:
        if len(text) + len(sentence) > TEXT_CHARS_MAX - _MORE_CHARS:
            return f"{text}\n... and {rest} more: see the debug log."
        text, rest = f"{text}\n{sentence}", rest - 1
    return text
