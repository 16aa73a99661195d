"""One connection to a license server: bytes to messages and back, and every way in which it can fail as a value.

It decides nothing. It is an asyncio Protocol, so it works the same on stock asyncio and on uvloop.

A forked child inherits the descriptor of each connection. As long as the child lives, the server would not see the parent's end,
and the parent's seats would not come free. So a child gives its copies up at once: the descriptors then lead nowhere, and nothing
that the child does or how it ends can disturb the parent's session.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from seatkeeper.client.events import MINOR_CONNECT, MINOR_GREETING, MINOR_NAME, MINOR_READ, Failure
from seatkeeper.wire.framing import WireError, encode_preface, frame, server_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.client.path import Address
    from seatkeeper.wire.messages import ClientMessage, ServerMessage

__all__ = ["ADDRESSES_MAX", "Connection", "failure_to_connect", "open_connection"]

#: So many addresses of one host name are tried.
ADDRESSES_MAX: Final = 8
#: An address that does not answer may not use up the time of those after it.
_ADDRESS_S: Final = 2.0
_UNREACHABLE: Final = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})

_connections: WeakSet[Connection] = WeakSet()


class Connection(asyncio.Protocol):
    """A connection, from the preface on.

    Args:
        vendor: The vendor daemon that it is for.
        on_message: Called with each message.
        on_end: Called once when the connection has ended, with the reason.

    Attributes:
        failure: Why it ended; None until then.
        gone: Is done once it has ended.
    """

    def __init__(self, vendor: str, on_message: Callable[[ServerMessage], None], on_end: Callable[[Failure], None]) -> None:
        self._on_message = on_message
        self._on_end = on_end
        self._frames = server_frames()
        self._transport: asyncio.Transport | None = None
        self._preface = encode_preface(vendor)
        self.failure: Failure | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = transport  # type: ignore[assignment]
        _connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Passes the messages on; what is no message ends the connection."""
        try:
            messages = self._frames.feed(data)
        except WireError as error:
            self.failure = Failure(-12, MINOR_GREETING, f"The server does not speak this protocol: {error}.")
            self.abort()
            return
        for message in messages:
            self._on_message(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """Says why it ended."""
        _connections.discard(self)
        if not self.gone.done():
            self.gone.set_result(None)
        if self.failure is None:
            system = (exc.errno, exc.strerror) if isinstance(exc, OSError) and exc.errno and exc.strerror else None
            self.failure = Failure(-16, MINOR_READ, "The connection was closed by the other side.", system)
        self._on_end(self.failure)

    def send(self, message: ClientMessage) -> None:
        """Sends a message; the preface goes before the first."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(self._preface + frame(message))
        self._preface = b""

    def close(self) -> None:
        """Closes once all is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Closes at once."""
        if self._transport is not None:
            self._transport.abort()

    def disown(self) -> None:
        """Let this process's descriptor lead nowhere, without a word to the other side."""
        sock = self._transport.get_extra_info("socket") if self._transport is not None else None
        descriptor = sock.fileno() if sock is not None else -1
        if descriptor < 0:
            return
        nowhere = os.open(os.devnull, os.O_RDWR)
        try:
            # Replaced rather than closed: the transport will close its number once more when it is collected.
            os.dup2(nowhere, descriptor, inheritable=False)
        finally:
            os.close(nowhere)


async def open_connection(address: Address, connection: Connection) -> None:
    """Let `connection` stand, to the first of the host's addresses that answers.

    Raises:
        OSError: None of them does; the first one's error.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, f"{address.host!r} is no host name") from None
    first: OSError | None = None
    for family, kind, protocol, _, where in found[:ADDRESSES_MAX]:
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            first = first or error
            continue
        try:
            sock.setblocking(False)
            await asyncio.wait_for(loop.sock_connect(sock, where), _ADDRESS_S if len(found) > 1 else None)
            await loop.create_connection(lambda: connection, sock=sock)
        except TimeoutError:
            sock.close()
            first = first or TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        except OSError as error:
            sock.close()
            first = first or error
        except BaseException:
            sock.close()
            raise
        else:
            return
    raise first or socket.gaierror(socket.EAI_NONAME, f"{address.host} has no address")


def failure_to_connect(error: OSError) -> Failure:
    """-96 where the machine cannot be found or reached, -15 where it refuses."""
    system = (error.errno or 0, os.strerror(error.errno) if error.errno else str(error))
    if isinstance(error, socket.gaierror):
        return Failure(-96, MINOR_NAME, "The name service does not know this host.", (error.errno or 0, error.strerror or str(error)))
    if error.errno in _UNREACHABLE:
        return Failure(-96, MINOR_NAME, "", system)
    return Failure(-15, MINOR_CONNECT, "", system)


def _disown_all() -> None:
    for connection in list(_connections):
        connection.disown()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown_all)
