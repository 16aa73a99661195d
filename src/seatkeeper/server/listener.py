"""One client's connection at the vendor daemon: bytes to events, answers to bytes, and nothing decided.

A connection goes through two stages, before and after its Hello. What a stage does not list is against the protocol, and ends
the connection with a sentence. Nothing that one client sends can disturb another: a bad frame closes its connection, one that is
begun must be complete in time, who asks for very many seats at once has to wait, and names have one spelling, without anything
that cannot be seen, from here on (base/names.py). Who may ask what an administrator asks, its channel knows (channels.py).
"""

from __future__ import annotations

import asyncio
import struct
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from seatkeeper.base.names import clean_name, clean_text
from seatkeeper.base.roles import sees_names
from seatkeeper.server.access import WRONG_S
from seatkeeper.vendor.events import CheckinAsked, CheckoutAsked, Disconnected, Greeting, IdleTold, Left, RemoveAsked, RevokeAsked
from seatkeeper.wire.framing import HEADER_BYTES, NO_MESSAGE, decode_client, frame
from seatkeeper.wire.messages import (
    FRAME_BYTES_MAX,
    PROTOCOL,
    Activity,
    AskFeatures,
    AskIdentity,
    AskLines,
    AskRemove,
    AskRevoke,
    AskSwitch,
    Authenticate,
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

    from seatkeeper.server.channels import Channel
    from seatkeeper.server.vendord import VendorDaemon
    from seatkeeper.wire.messages import ClientMessage, ServerMessage

    ToolMessage = AskFeatures | AskLines | AskRemove | AskRevoke | AskSwitch

__all__ = ["CHECKOUTS_MAX", "FAREWELL_S", "GREETING_S", "MESSAGES_MAX", "WRITE_BYTES_MAX", "ClientConnection"]

#: Time from the connection's start to its Hello, or to a tool's request, and from that to the next.
GREETING_S: Final = 10.0
#: Time that a closed connection has to read its last answers.
FAREWELL_S: Final = 5.0
#: Messages of one connection that are handled before others have their turn.
MESSAGES_MAX: Final = 100
#: Checkouts of one connection in CHECKOUTS_S; for more it waits, unread.
CHECKOUTS_MAX: Final = 2000
CHECKOUTS_S: Final = 1.0
#: Answers that a client may leave unread; one that reads slower is disconnected.
WRITE_BYTES_MAX: Final = 8 << 20
_length: Final = struct.Struct(">I").unpack_from


class ClientConnection(asyncio.Protocol):
    """A client's connection behind its preface, on an event loop."""

    __slots__ = (
        "_buffer",
        "_checkouts",
        "_daemon",
        "_greeted",
        "_paused",
        "_unfinished",
        "_window",
        "channel",
        "session",
        "transport",
    )

    def __init__(self, daemon: VendorDaemon, channel: Channel) -> None:
        self._daemon = daemon
        self._buffer = b""
        self._greeted = False
        # Nothing is read or handled for the moment.
        self._paused = False
        # A frame is begun, and has its deadline.
        self._unfinished = False
        self._checkouts = 0
        self._window = 0.0
        self.channel = channel
        self.session = 0
        self.transport: asyncio.Transport | None = None

    # Transport -------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Notes the transport; the client now has GREETING_S to say what it wants."""
        self.transport = transport  # type: ignore[assignment]
        self.transport.set_write_buffer_limits(high=WRITE_BYTES_MAX)  # type: ignore[union-attr]
        self.channel.established(transport)
        self._daemon.opened(self)

    def pause_writing(self) -> None:
        """Drops a client that asks and does not read the answers."""
        self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gives back what the session held through this connection."""
        self.transport = None
        self.channel.left()
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
        size = len(data)
        rest = MESSAGES_MAX
        while size - position >= HEADER_BYTES:
            if self._paused or not rest:
                self._buffer = data[position:]
                if not self._paused:
                    self._pause(0.0)
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
        self._watch(begun=position > 0)

    def _watch(self, *, begun: bool) -> None:
        """A frame that is begun has GREETING_S to be complete; before the Hello that is so anyway."""
        if self._buffer:
            if self._greeted and (begun or not self._unfinished):
                self._unfinished = True
                self._daemon.awaits_greeting(self)
        elif self._unfinished:
            self._unfinished = False
            self._daemon.greeting_over(self)

    def hold(self) -> bool:
        """Reads and handles nothing further until `go_on`; False where the connection is about to close."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return False
        self._paused = True
        transport.pause_reading()
        return True

    def rest(self) -> None:
        """While it is held its time rests: what it has asked is complete, and what it has begun has its time anew afterwards."""
        self._unfinished = False
        self._daemon.greeting_over(self)

    def go_on(self) -> None:
        """Reads on, and handles what was read already."""
        self._paused = False
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.resume_reading()
            self.data_received(b"")

    def answered(self) -> None:
        """The answer for which it was held has left: a tool has its time for the next question, and it goes on."""
        if not self._greeted:
            self._daemon.awaits_greeting(self)
        self.go_on()

    def _pause(self, seconds: float) -> None:
        """Lets other connections have their turn, or this one wait, before its further messages."""
        if not self.hold():
            return
        if self._unfinished:
            self.rest()
        if seconds:
            self._daemon.loop.call_later(seconds, self.go_on)
        else:
            self._daemon.loop.call_soon(self.go_on)

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
        if self.channel.lent:
            self.refuse(-106, "The connections that are left are kept for administrators.")
            return
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
                clean_text(message.display),
                message.pid,
                clean_text(message.project),
                clean_text(message.application),
                tuple(message.held),
                tuple(message.asking),
                self.channel.address,
                message.platform,
                tuple(message.hostids),
                sees_names(self.channel.identity),
            ),
        )

    def _checkout(self, message: Checkout) -> None:
        self._checkouts += 1
        if self._checkouts > CHECKOUTS_MAX:
            now = self._daemon.loop.time()
            left = self._window + CHECKOUTS_S - now
            if left > 0:
                # This one is still served; what follows it waits.
                self._pause(left)
            self._window, self._checkouts = now + max(left, 0.0), 0
        self._daemon.run(
            CheckoutAsked(
                self.session,
                message.request,
                message.feature,
                message.version,
                message.count,
                message.up_to,
                clean_text(message.display),
                message.queue,
                clean_text(message.data),
                message.borrow_until,
                message.trial,
            )
        )

    def _checkin(self, message: Checkin) -> None:
        self._daemon.run(CheckinAsked(self.session, message.request, message.handle))

    def _heartbeat(self, message: Heartbeat) -> None:
        self._daemon.beat(self, Beat(message.sequence))

    def _activity(self, message: Activity) -> None:
        self._daemon.run(IdleTold(self.session, message.handle, message.idle))

    def _return_borrow(self, message: ReturnBorrow) -> None:
        self._daemon.return_borrow(self, message)

    def _goodbye(self, _message: Goodbye) -> None:
        session, self.session = self.session, 0
        self._daemon.run(Left(session))
        transport, self.transport = self.transport, None
        if transport is not None:
            self._part(transport)

    def _ask_features(self, message: AskFeatures) -> None:
        if self._may(message):
            self._daemon.send_status(self, message)

    def _ask_lines(self, message: AskLines) -> None:
        if self._may(message):
            self._daemon.send_lines(self, message)

    def _ask_remove(self, message: AskRemove) -> None:
        if self._may(message):
            by_user, by_host = self._asker()
            # As the names came in (base/names.py), so that what lmstat prints finds its seat.
            whose = (clean_text(message.user), clean_text(message.host), clean_text(message.display))
            self._daemon.run(RemoveAsked(self, message.request, message.feature, *whose, message.handle, by_user, by_host))

    def _ask_revoke(self, message: AskRevoke) -> None:
        if self._may(message):
            self._daemon.run(RevokeAsked(self, message.request, message.handle, *self._asker()))

    def _ask_switch(self, message: AskSwitch) -> None:
        if self._may(message):
            self.send(self._daemon.switch_log(message, *self._asker()))

    def _asker(self) -> tuple[str, str]:
        """In whose name something is done, for logs and journal."""
        return clean_name(self.channel.identity.user), clean_name(self.channel.identity.host)

    def _ask_identity(self, message: AskIdentity) -> None:
        answer = self.channel.prove(message)
        if isinstance(answer, Refused):
            self.refuse(answer.number, answer.reason)
        else:
            self.send(answer)

    def _authenticate(self, message: Authenticate) -> None:
        done = self.channel.authenticate(message)
        if not done.number:
            self.send(done)
        elif self.hold():
            self._daemon.loop.call_later(WRONG_S, self._dismiss, done)

    def _dismiss(self, done: Done) -> None:
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.write(frame(done))
            self._part(transport)

    def _may(self, message: ToolMessage) -> bool:
        """Whether a tool's message is carried out on this connection; where not, the answer says why."""
        if not self._greeted:
            self._daemon.awaits_greeting(self)
        objection = self.channel.objection(message)
        if objection is not None:
            self.send(Done(message.request, objection.number, objection.text))
        return objection is None


#: What tools ask, with or without a session.
_TOOLS: Final[dict[type[ClientMessage], Callable[[ClientConnection, Any], None]]] = {
    AskFeatures: ClientConnection._ask_features,
    AskLines: ClientConnection._ask_lines,
    AskRemove: ClientConnection._ask_remove,
    AskRevoke: ClientConnection._ask_revoke,
    AskSwitch: ClientConnection._ask_switch,
    AskIdentity: ClientConnection._ask_identity,
    Authenticate: ClientConnection._authenticate,
}
#: What a connection may send before its Hello (tools never send one) and after; anything else ends it.
STAGES_NEW: Final[dict[type[ClientMessage], Callable[[ClientConnection, Any], None]]] = {
    Hello: ClientConnection._hello,
    **_TOOLS,
}
STAGES_GREETED: Final[dict[type[ClientMessage], Callable[[ClientConnection, Any], None]]] = {
    Checkout: ClientConnection._checkout,
    Checkin: ClientConnection._checkin,
    Heartbeat: ClientConnection._heartbeat,
    Activity: ClientConnection._activity,
    ReturnBorrow: ClientConnection._return_borrow,
    Goodbye: ClientConnection._goodbye,
    **_TOOLS,
}
