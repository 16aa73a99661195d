"""One client's connection at the vendor daemon: bytes to events, answers to bytes, and nothing decided.

A connection goes through the stages of `STAGES`: its preface, its Hello, then requests. What a stage does not list is
against the protocol, and ends the connection with a sentence. Nothing that one client sends can disturb another: a bad frame
closes its connection, a name is stripped of control characters before it is shown anywhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from seatkeeper.server.status import plain_names
from seatkeeper.vendor.events import CheckinAsked, CheckoutAsked, Disconnected, Greeting, IdleTold, Left, RemoveAsked
from seatkeeper.wire.framing import HEADER_BYTES, NO_MESSAGE, PREFACE_BYTES_MAX, WireError, decode_client, frame, parse_preface
from seatkeeper.wire.messages import (
    FRAME_BYTES_MAX,
    PROTOCOL,
    Activity,
    AskFeatures,
    AskRemove,
    Beat,
    Checkin,
    Checkout,
    Done,
    Goodbye,
    Heartbeat,
    Hello,
    Refused,
    ReturnBorrow,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from seatkeeper.server.status import Names
    from seatkeeper.server.vendord import VendorDaemon
    from seatkeeper.wire.messages import ClientMessage, ServerMessage

__all__ = ["FAREWELL_S", "GREETING_S", "MESSAGES_MAX", "WRITE_BYTES_MAX", "ClientConnection", "clean_name", "is_local"]

#: Time from the connection's start to its Hello, or to a tool's request, and from that to the next.
GREETING_S: Final = 10.0
#: Time that a closed connection has to read its last answers.
FAREWELL_S: Final = 5.0
#: Messages of one connection that are handled before others have their turn.
MESSAGES_MAX: Final = 100
#: Answers that a client may leave unread; one that reads slower is disconnected.
WRITE_BYTES_MAX: Final = 8 << 20
_length: Final = struct.Struct(">I").unpack_from

_CONTROL: Final = {**dict.fromkeys(range(32), "?"), **dict.fromkeys(range(127, 160), "?"), 0x2028: "?", 0x2029: "?"}


def clean_name(name: str) -> str:
    """A client's name for itself, fit to be printed in a line: no control characters, and never empty."""
    return name.translate(_CONTROL).strip() or "?"


def is_local(transport: asyncio.BaseTransport) -> bool:
    """True where the other side is this machine: its address is a loopback address, or the very one it connected to."""
    peer, here = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    if not isinstance(peer, tuple) or not isinstance(here, tuple):
        return False
    try:
        address = ipaddress.ip_address(peer[0].partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback or peer[0] == here[0])


class ClientConnection(asyncio.Protocol):
    """A client's connection, on an event loop."""

    __slots__ = ("_buffer", "_daemon", "_greeted", "_preface", "names", "session", "transport")

    def __init__(self, daemon: VendorDaemon) -> None:
        self._daemon = daemon
        self._buffer = b""
        self._preface = True
        self._greeted = False
        self.session = 0
        self.names: Names = plain_names
        self.transport: asyncio.Transport | None = None

    # Transport -------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Notes the transport; the client now has GREETING_S to say what it wants."""
        self.transport = transport  # type: ignore[assignment]
        self.transport.set_write_buffer_limits(high=WRITE_BYTES_MAX)  # type: ignore[union-attr]
        self._daemon.opened(self)

    def pause_writing(self) -> None:
        """Drops a client that asks and does not read the answers."""
        self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gives back what the session held through this connection."""
        self.transport = None
        self._daemon.ended(self)
        if self.session:
            self._daemon.run(Disconnected(self.session, self))

    def data_received(self, data: bytes) -> None:
        """Cuts the stream into messages and handles each."""
        size = len(data) - HEADER_BYTES
        if self._greeted and not self._buffer and 0 < size <= FRAME_BYTES_MAX and _length(data)[0] == size:
            # One whole frame, as nearly always. One that is bad is refused below.
            try:
                message = decode_client(data[HEADER_BYTES:])
                handler = STAGES_GREETED[type(message)]
            except (*NO_MESSAGE, KeyError):
                pass
            else:
                handler(self, message)
                return
        if self._buffer:
            data = self._buffer + data
        position = 0
        if self._preface:
            try:
                parsed = parse_preface(data[:PREFACE_BYTES_MAX])
            except WireError as error:
                self.refuse(-12, str(error))
                return
            if parsed is None:
                self._buffer = data
                return
            position = parsed[1]
            self._preface = False
        size = len(data)
        rest = MESSAGES_MAX
        while size - position >= HEADER_BYTES:
            if not rest:
                self._buffer = data[position:]
                self._wait_for_turn()
                return
            length = _length(data, position)[0]
            if length > FRAME_BYTES_MAX:
                self.refuse(-12, f"A frame of {length} bytes is above the limit of {FRAME_BYTES_MAX}.")
                return
            end = position + HEADER_BYTES + length
            if end > size:
                break
            try:
                message = decode_client(data[position + HEADER_BYTES : end])
            except NO_MESSAGE as error:
                self.refuse(-12, f"A frame is not a message: {error}.")
                return
            stage = STAGES_GREETED if self._greeted else STAGES_NEW
            if type(message) not in stage:
                self.refuse(-133, f"{type(message).__name__} is not expected here.")
                return
            stage[type(message)](self, message)
            if self.transport is None:
                return
            position = end
            rest -= 1
        self._buffer = data[position:] if position < size else b""

    def _wait_for_turn(self) -> None:
        """Lets other connections have their turn before this one's further messages."""
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.pause_reading()
            self._daemon.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.resume_reading()
            self.data_received(b"")

    # Answers ---------------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Sends bytes, unless the client has gone."""
        if self.transport is not None:
            self.transport.write(data)

    def send(self, message: ServerMessage) -> None:
        """Sends one message now."""
        self.write(frame(message))

    def refuse(self, number: int, reason: str) -> None:
        """Says why, and closes."""
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.write(frame(Refused(number, reason)))
            self._part(transport)
        self._buffer = b""

    def _part(self, transport: asyncio.Transport) -> None:
        """Closes; what the client leaves unread does not keep the connection for ever."""
        if transport.get_write_buffer_size():
            self._daemon.loop.call_later(FAREWELL_S, transport.abort)
        transport.close()

    def drop(self) -> None:
        """Closes at once, whatever is still unsent."""
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()

    # Messages --------------------------------------------------------------------------------------------------------

    def _hello(self, message: Hello) -> None:
        daemon = self._daemon
        if message.protocol != PROTOCOL:
            self.refuse(-83, f"Protocol {message.protocol} is not spoken here, only {PROTOCOL}.")
            return
        if message.vendor.lower() != daemon.vendor.lower():
            self.refuse(-97, f"This is {daemon.vendor}, not {clean_name(message.vendor)}.")
            return
        self._greeted = True
        daemon.greeting_over(self)
        daemon.greet(
            self,
            message,
            Greeting(
                self,
                blake2b(message.session, digest_size=16).hexdigest(),
                clean_name(message.user),
                clean_name(message.host),
                clean_name(message.display),
                message.pid,
                clean_name(message.project) if message.project else "",
                clean_name(message.application) if message.application else "",
                tuple(message.held),
                tuple(message.asking),
                self._address(),
                message.platform,
                tuple(message.hostids),
                self.transport is not None and is_local(self.transport),
            ),
        )

    def _checkout(self, message: Checkout) -> None:
        display = clean_name(message.display) if message.display else ""
        self._daemon.run(
            CheckoutAsked(
                self.session,
                message.request,
                message.feature,
                message.version,
                message.count,
                message.up_to,
                display,
                message.queue,
                clean_name(message.data) if message.data else "",
                message.borrow_until,
            )
        )

    def _checkin(self, message: Checkin) -> None:
        self._daemon.run(CheckinAsked(self.session, message.request, message.handle))

    def _heartbeat(self, message: Heartbeat) -> None:
        self._daemon.renew(self.session)
        self.send(Beat(message.sequence))

    def _activity(self, message: Activity) -> None:
        self._daemon.run(IdleTold(self.session, message.handle, message.idle))

    def _return_borrow(self, message: ReturnBorrow) -> None:
        self._daemon.return_borrow(self, message)

    def _address(self) -> str:
        """Where the client is, for the options file."""
        peer = self.transport.get_extra_info("peername") if self.transport is not None else None
        return peer[0].partition("%")[0].removeprefix("::ffff:") if isinstance(peer, tuple) else ""

    def _goodbye(self, _message: Goodbye) -> None:
        session, self.session = self.session, 0
        self._daemon.run(Left(session))
        transport, self.transport = self.transport, None
        if transport is not None:
            self._part(transport)

    def _ask_features(self, message: AskFeatures) -> None:
        if not self._greeted:
            self._daemon.awaits_greeting(self)
        self._daemon.send_status(self, message)

    def _ask_remove(self, message: AskRemove) -> None:
        if not self._greeted:
            self._daemon.awaits_greeting(self)
        if self.transport is None or not is_local(self.transport):
            self.send(Done(message.request, -63, "lmremove is accepted from the license server's own machine only."))
            return
        if not self._daemon.options.remove_allowed:
            self.send(Done(message.request, -63, "lmremove is switched off here (lmgrd -x lmremove)."))
            return
        by_user, by_host = clean_name(message.by_user), clean_name(message.by_host)
        self._daemon.run(
            RemoveAsked(
                self, message.request, message.feature, message.user, message.host, message.display, message.handle, by_user, by_host
            )
        )


#: What a connection may send before its Hello (tools never send one) and after; anything else ends it.
STAGES_NEW: Final[dict[type[ClientMessage], Callable[[ClientConnection, Any], None]]] = {
    Hello: ClientConnection._hello,
    AskFeatures: ClientConnection._ask_features,
    AskRemove: ClientConnection._ask_remove,
}
STAGES_GREETED: Final[dict[type[ClientMessage], Callable[[ClientConnection, Any], None]]] = {
    Checkout: ClientConnection._checkout,
    Checkin: ClientConnection._checkin,
    Heartbeat: ClientConnection._heartbeat,
    Activity: ClientConnection._activity,
    ReturnBorrow: ClientConnection._return_borrow,
    Goodbye: ClientConnection._goodbye,
    AskFeatures: ClientConnection._ask_features,
    AskRemove: ClientConnection._ask_remove,
}
