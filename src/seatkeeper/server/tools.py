"""A tool's connection to lmgrd itself: each question has its deadline, its answer, and its row in the table of who may ask it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from seatkeeper.server.access import WRONG_S
from seatkeeper.server.child import HOLD_S, REREAD_S
from seatkeeper.server.listener import GREETING_S
from seatkeeper.wire.framing import FrameReader, WireError, client_frames, frame
from seatkeeper.wire.messages import AskDown, AskIdentity, AskReread, AskServer, Authenticate, ClientMessage, Done, Refused

if TYPE_CHECKING:
    from seatkeeper.server.channels import Channel
    from seatkeeper.server.lmgrd import LicenseManager
    from seatkeeper.wire.messages import ServerMessage

__all__ = ["ToolConnection"]

#: Answers that a tool may leave unread, and requests that it may send at once.
_WRITE_BYTES_MAX: Final = 1 << 20
_REQUESTS_MAX: Final = 100


class ToolConnection(asyncio.Protocol):
    """A tool's connection behind its preface."""

    def __init__(self, manager: LicenseManager, channel: Channel, loop: asyncio.AbstractEventLoop) -> None:
        self._manager = manager
        self._channel = channel
        self._loop = loop
        self._reader: FrameReader[ClientMessage] = client_frames()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._dismissed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Notes the transport; the tool now has GREETING_S to ask."""
        self._transport = transport  # type: ignore[assignment]
        self._transport.set_write_buffer_limits(high=_WRITE_BYTES_MAX)  # type: ignore[union-attr]
        self._channel.established(transport)
        self._allow(GREETING_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is held for a tool."""
        self._transport = None
        self._channel.left()
        if self._timer is not None:
            self._timer.cancel()

    def pause_writing(self) -> None:
        """Drops a tool that asks and does not read the answers."""
        self._expire()

    def data_received(self, data: bytes) -> None:
        """Answers each request."""
        if self._dismissed:
            return
        try:
            messages = self._reader.feed(data)
        except WireError as error:
            self._refuse(-12, str(error))
            return
        if len(messages) > _REQUESTS_MAX:
            self._refuse(-133, f"{len(messages)} requests at once are more than {_REQUESTS_MAX}.")
            return
        for message in messages:
            if self._transport is not None and not self._transport.is_closing() and not self._dismissed:
                self._take(message)

    def _take(self, message: ClientMessage) -> None:
        if isinstance(message, AskIdentity):
            answer = self._channel.prove(message)
            if isinstance(answer, Refused):
                self._refuse(answer.number, answer.reason)
                return
            self._allow(GREETING_S)
            self._write(answer)
        elif isinstance(message, Authenticate):
            self._authenticate(message)
        elif isinstance(message, AskServer | AskReread | AskDown):
            objection = self._channel.objection(message)
            if objection is not None:
                self._write(Done(message.request, objection.number, objection.text))
            elif isinstance(message, AskServer):
                self._allow(GREETING_S)
                self._write(self._manager.status(message.request, self._channel.identity))
            else:
                # As long as the longest answer may take.
                self._allow(REREAD_S + HOLD_S)
                self._manager.spawn(self._administer(message))
        else:
            self._refuse(-133, f"{type(message).__name__} is not for lmgrd but for a vendor daemon.")

    def _authenticate(self, message: Authenticate) -> None:
        done = self._channel.authenticate(message)
        if done.number:
            self._dismissed = True
            self._loop.call_later(WRONG_S, self._dismiss, done)
        else:
            self._allow(GREETING_S)
            self._write(done)

    def _dismiss(self, done: Done) -> None:
        self._write(done)
        if self._transport is not None:
            self._transport.close()

    async def _administer(self, message: AskReread | AskDown) -> None:
        who = self._channel.identity
        if isinstance(message, AskReread):
            self._write(await self._manager.reread(message, who))
        else:
            self._write(await self._manager.down(message, who))

    def _allow(self, seconds: float) -> None:
        """Sets the time after which the connection ends unless something is asked."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _refuse(self, number: int, reason: str) -> None:
        self._write(Refused(number, reason))
        if self._transport is not None:
            # What is left unread ends with the time that the tool has.
            self._transport.close()

    def _write(self, message: ServerMessage) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame(message))
