"""A connection is opened here, once its preface is complete: who it is, whether plain text will do, and TLS where it was asked for.

lmgrd and the vendor daemons open their connections the same way. The preface is taken from the socket; what follows it belongs to
the protocol object, or to TLS first. Plain text is refused where the administrator does not allow it, with a sentence in plain
text, since nothing else would be understood; TLS is refused only where this server has no credential.

What a protocol object then knows of its connection is its `Channel`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters import clock
from seatkeeper.adapters.tls import peer_digest, server_context
from seatkeeper.base.roles import Objection, sees_names
from seatkeeper.server.crowd import address_key
from seatkeeper.server.farewell import Farewells, turn_away
from seatkeeper.wire.framing import PREFACE_BYTES_MAX, WireError, frame, parse_preface, wants_tls
from seatkeeper.wire.messages import AskIdentity, Authenticate, Done, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from seatkeeper.base.roles import Identity
    from seatkeeper.server.access import Access
    from seatkeeper.server.credentials import Standing
    from seatkeeper.server.crowd import Crowd
    from seatkeeper.wire import messages
    from seatkeeper.wire.messages import ClientMessage

__all__ = ["HANDSHAKE_S", "Channel", "Channels", "turn_away"]

#: A TLS handshake must be done in this time.
HANDSHAKE_S: Final = 10.0
#: And the goodbye at its end in this.
_SHUTDOWN_S: Final = 5.0
#: Refusals for want of room are told in the log this often.
_FULL_S: Final = 60.0
#: What may be asked on a connection of the administrators' room, before it is known whether he is one.
_INTRODUCTIONS: Final = (AskIdentity, Authenticate)
_NOT_LICENSED: Final = frozenset({"anonymous", "tenant", "viewer"})


class Channel:
    """What is known of one connection.

    Attributes:
        identity: Who is at the other end.
        tls: True where it is encrypted.
        binding: What ties a session's proof to it; empty in plain text.
        address: Where it comes from; empty for a Unix socket.
        lent: True where it takes room that is kept for administrators.
    """

    __slots__ = ("_channels", "_counted", "address", "binding", "identity", "lent", "tls")

    def __init__(
        self, channels: Channels, identity: Identity, address: str, *, tls: bool, lent: bool = False, counted: str | None = None
    ) -> None:
        self._channels = channels
        self._counted = counted
        self.identity = identity
        self.address = address
        self.tls = tls
        self.lent = lent
        self.binding = channels.standing.binding if tls and channels.standing is not None else b""

    def established(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands, TLS included: the client's certificate, if any, is known now."""
        if self.tls:
            digest = peer_digest(transport.get_extra_info("ssl_object"))
            self.identity = self._channels.access.by_certificate(digest, self.identity)

    def left(self) -> None:
        """The connection has ended."""
        counted, self._counted = self._counted, None
        if counted is not None:
            self._channels.crowd.leave(counted)

    def objection(self, message: ClientMessage) -> Objection | None:
        """What speaks against a tool's message on this connection; None where nothing does."""
        if self.lent and not isinstance(message, _INTRODUCTIONS) and self.identity.role in _NOT_LICENSED:
            return Objection(-106, "The connections that are left are kept for administrators.")
        return self._channels.access.objection(message, self.identity)

    def prove(self, asked: AskIdentity) -> messages.Identity | Refused:
        """The proof of who this server is."""
        standing = self._channels.standing
        if not self.tls or standing is None:
            return Refused(-33, "Who this server is, it can prove on connections with TLS only.")
        # The credential may be a new one since the connection began, with a certificate that is not this connection's.
        return standing.answer(asked, self.binding)

    def authenticate(self, asked: Authenticate) -> Done:
        """Whether the token is believed; where it is, the channel has that identity from now on."""
        known = self._channels.access.by_token(asked.token, self.identity) if self.tls else None
        if known is None:
            return Done(asked.request, -63, "The access token was not accepted.")
        self.identity = known
        return Done(asked.request, 0, str(known))


class Channels:
    """Opens the connections of one process.

    Args:
        loop: The event loop.
        access: Who may what.
        crowd: How many there may be.
        say: Writes a line into the debug log.
        spawn: Runs a coroutine in the background.

    Attributes:
        standing: What this server has to show; None until `serve`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        access: Access,
        crowd: Crowd,
        say: Callable[[str], None],
        spawn: Callable[[Coroutine[object, object, object]], None],
    ) -> None:
        self.access = access
        self.crowd = crowd
        self.standing: Standing | None = None
        self._loop = loop
        self._say = say
        self._spawn = spawn
        self._context: ssl.SSLContext | None = None
        self._clients: tuple[str, ...] = ()
        self._full_told = -_FULL_S
        self._farewells = Farewells(loop)

    def serve(self, standing: Standing | None) -> None:
        """Speaks TLS with this standing from now on; connections that stand keep theirs."""
        self.standing = standing
        self._context = None

    def open(self, client: socket.socket, make: Callable[[Channel], asyncio.Protocol]) -> None:
        """Lets a connection whose preface is complete and unread go on with a protocol object, or refuses it."""
        client.setblocking(False)
        try:
            head = client.recv(PREFACE_BYTES_MAX, socket.MSG_PEEK)
            parsed = parse_preface(head)
            if parsed is None:
                raise WireError("the preface is incomplete")
            client.recv(parsed[1])
        except (OSError, WireError):
            client.close()
            return
        tls, unix = wants_tls(head), client.family == socket.AF_UNIX
        identity = self.access.identity_of(client)
        context = self._server_context() if tls else None
        if tls and context is None:
            self._farewells.turn_away(client, -33, "This license server has no credential, so it does not speak TLS.")
        elif not tls and not self.access.plain_allowed(identity, unix=unix):
            where = "from its own machine only" if self.access.policy.plain == "loopback" else "from nowhere"
            self._farewells.turn_away(client, -33, f"This license server takes connections without TLS {where}: connect with TLS.")
        else:
            self._admit(client, make, identity, context, unix=unix)

    def turn_away(self, client: socket.socket, number: int, reason: str, brief: str = "") -> None:
        """Says why, over TLS where the preface, still unread, says so, and closes; `brief` is for who may not know names."""
        if brief and not sees_names(self.access.identity_of(client)):
            reason = brief
        try:
            head = client.recv(PREFACE_BYTES_MAX, socket.MSG_PEEK)
            encrypted = parse_preface(head) is not None and wants_tls(head)
        except (OSError, WireError):
            encrypted = False
        if encrypted and self._server_context() is not None:
            self.open(client, lambda channel: _Farewell(channel, frame(Refused(number, reason))))
        else:
            self._farewells.turn_away(client, number, reason)

    def _admit(
        self,
        client: socket.socket,
        make: Callable[[Channel], asyncio.Protocol],
        identity: Identity,
        context: ssl.SSLContext | None,
        *,
        unix: bool,
    ) -> None:
        counted = "" if unix else address_key(identity.host)
        place = self.crowd.enter(counted, administrator=unix and identity.role == "administrator")
        if place in ("yes", "lent"):
            address = "" if unix else identity.host
            channel = Channel(self, identity, address, tls=context is not None, lent=place == "lent", counted=counted)
            self._spawn(self._connect(client, channel, make, context))
            return
        if place == "full":
            why = f"This server has its {self.crowd.total_max} connections."
            self._tell(f"All {self.crowd.total_max} connections are in use, further clients are refused: raise the limit of open files")
        else:
            why = f"{identity.host} has its {self.crowd.address_max} connections."
            self._tell(f"{identity.host} has {self.crowd.address_max} connections, further ones are refused (lmgrd --per-address)")
        self._farewells.turn_away(client, -106, why)

    async def _connect(
        self, client: socket.socket, channel: Channel, make: Callable[[Channel], asyncio.Protocol], context: ssl.SSLContext | None
    ) -> None:
        try:
            if context is None:
                await self._loop.connect_accepted_socket(lambda: make(channel), client)
            else:
                await self._loop.connect_accepted_socket(
                    lambda: make(channel), client, ssl=context, ssl_handshake_timeout=HANDSHAKE_S, ssl_shutdown_timeout=_SHUTDOWN_S
                )
        except (OSError, TimeoutError):
            channel.left()
            client.close()

    def _server_context(self) -> ssl.SSLContext | None:
        """For the certificates that are known now."""
        if self.standing is None:
            return None
        clients = self.access.known_certificates()
        if self._context is None or clients != self._clients:
            self._clients = clients
            try:
                self._context = server_context(self.standing.credential.path, clients)
            except OSError as error:
                self._tell(f"No TLS: the credential {self.standing.credential.path} cannot be used: {error}")
                self._context = None
        return self._context

    def _tell(self, sentence: str) -> None:
        now = clock.monotonic()
        if now - self._full_told >= _FULL_S:
            self._full_told = now
            self._say(sentence)


class _Farewell(asyncio.Protocol):
    """Says one thing and closes."""

    def __init__(self, channel: Channel, data: bytes) -> None:
        self._channel = channel
        self._data = data

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Says it."""
        transport.write(self._data)  # type: ignore[attr-defined]
        transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._channel.left()
