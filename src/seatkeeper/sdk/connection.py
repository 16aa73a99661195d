"""One connection to a license server: bytes to messages and back, and every way in which it can fail as a value.

It decides nothing. It is an asyncio Protocol, so it works the same on stock asyncio and on uvloop. To every address but this machine's
loopback ones it speaks TLS, unless it is told otherwise (sdk/access.py), and never goes back to plain text; who the server is, the
guard asks afterwards, with the binding of this very connection. TLS is done here, bytes to bytes, which costs a client less memory
than the event loop's own.

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

from seatkeeper.base.errors import InputError
from seatkeeper.client.events import MINOR_CONNECT, MINOR_GREETING, MINOR_NAME, MINOR_READ, MINOR_TRUST, Failure
from seatkeeper.sdk.access import goes_plain, plain_setting
from seatkeeper.wire.framing import WireError, encode_preface, frame, server_frames
from seatkeeper.wire.messages import Refused

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from seatkeeper.adapters.tls import ClientTls
    from seatkeeper.client.path import Address
    from seatkeeper.wire.messages import ClientMessage, ServerMessage

__all__ = ["ADDRESSES_MAX", "Connection", "failure_to_connect", "open_connection"]

#: So many addresses of one host name are tried.
ADDRESSES_MAX: Final = 8
#: An address that does not answer may not use up the time of those after it.
_ADDRESS_S: Final = 2.0
#: In this time TLS has to stand.
_HANDSHAKE_S: Final = 10.0
_UNREACHABLE: Final = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})

#: For all connections of the process; made with the first one that needs it.
_contexts: list[ssl.SSLContext] = []
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
        self._vendor = vendor
        self._preface = encode_preface(vendor)
        self._tls: ClientTls | None = None
        self._secured: asyncio.Future[None] | None = None
        # TLS was asked for, and plain text came: only a refusal is read.
        self._refused = False
        self.failure: Failure | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = transport  # type: ignore[assignment]
        _connections.add(self)

    @property
    def binding(self) -> bytes:
        """What ties the server's proof to this connection; empty in plain text."""
        return self._tls.binding if self._tls is not None else b""

    async def secure(self) -> None:
        """Speaks TLS from now on; returns when that stands, or the connection has ended.

        Raises:
            TimeoutError: The other side does not answer.
        """
        from seatkeeper.adapters.tls import ClientTls, client_context

        assert self._transport is not None
        if not _contexts:
            _contexts.append(client_context())
        self._tls = ClientTls(_contexts[0])
        self._secured = asyncio.get_running_loop().create_future()
        self._transport.write(encode_preface(self._vendor, tls=True) + self._tls.start())
        self._preface = b""
        try:
            await asyncio.wait_for(self._secured, _HANDSHAKE_S)
        except TimeoutError:
            self.abort()
            raise TimeoutError(errno.ETIMEDOUT, "the server does not go on with TLS") from None

    def data_received(self, data: bytes) -> None:
        """Passes the messages on; what is no message ends the connection."""
        if self._tls is not None:
            data = self._decrypted(self._tls, data)
            if not data:
                return
        try:
            messages = self._frames.feed(data)
        except WireError as error:
            self.failure = Failure(-12, MINOR_GREETING, f"The server does not speak this protocol: {error}.")
            self.abort()
            return
        if self._refused:
            self._read_refusal(messages)
            return
        for message in messages:
            self._on_message(message)

    def _decrypted(self, tls: ClientTls, data: bytes) -> bytes:
        """The plain bytes in what came; where the other side does not speak TLS, what it says instead."""
        import ssl

        from seatkeeper.adapters.tls import PlainText

        try:
            data, more = tls.receive(data)
        except PlainText as plain:
            self._tls, self._refused = None, True
            return plain.data
        except ssl.SSLError as error:
            if not isinstance(error, ssl.SSLZeroReturnError):
                self.failure = Failure(-33, MINOR_TRUST, f"The server and this client do not agree on TLS: {error.reason or error}.")
            self.abort()
            return b""
        if more and self._transport is not None:
            self._transport.write(more)
        if tls.binding and self._secured is not None and not self._secured.done():
            self._secured.set_result(None)
        return data

    def _read_refusal(self, messages: list[ServerMessage]) -> None:
        if not messages:
            return
        first = messages[0]
        if isinstance(first, Refused):
            self.failure = Failure(first.number, MINOR_GREETING, first.reason)
        else:
            self.failure = Failure(-33, MINOR_TRUST, "The server answered in plain text where TLS was asked for.")
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Says why it ended."""
        _connections.discard(self)
        if not self.gone.done():
            self.gone.set_result(None)
        if self._secured is not None and not self._secured.done():
            self._secured.set_result(None)
        if self.failure is None:
            system = (exc.errno, exc.strerror) if isinstance(exc, OSError) and exc.errno and exc.strerror else None
            self.failure = Failure(-16, MINOR_READ, "The connection was closed by the other side.", system)
        self._on_end(self.failure)

    def send(self, message: ClientMessage) -> None:
        """Sends a message; the preface goes before the first."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._tls is not None:
            self._transport.write(self._tls.send(frame(message)))
            return
        self._transport.write(self._preface + frame(message))
        self._preface = b""

    def close(self) -> None:
        """Closes once all is sent."""
        if self._transport is not None:
            if self._tls is not None and self._tls.binding and not self._transport.is_closing():
                self._transport.write(self._tls.farewell())
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


async def open_connection(address: Address, connection: Connection, *, plain: bool | None = None) -> None:
    """Let `connection` stand, to the first of the host's addresses that answers.

    Args:
        address: The server.
        connection: Where it refused TLS or plain text, its `failure` says so.
        plain: True for plain text, False for TLS; None as SEATKEEPER_PLAIN says, without which only loopback addresses go plain.

    Raises:
        OSError: None of them does; the first one's error.
    """
    loop = asyncio.get_running_loop()
    try:
        plain = plain_setting() if plain is None else plain
    except InputError as error:
        connection.failure = Failure(-42, MINOR_CONNECT, str(error))
        return
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, f"{address.host!r} is no host name") from None
    except RuntimeError as error:
        # The interpreter is about to end, and starts no more work on threads; the client's own may live a little longer.
        raise OSError(errno.ESHUTDOWN, str(error)) from None
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
            if not goes_plain(plain, str(where[0])):
                await connection.secure()
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
