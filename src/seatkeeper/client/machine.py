"""One client's session with one server: what was granted is kept through broken connections, or is known to be lost.

How it works. The session sends what it was asked for once its connection stands (contact.py). Every message that wants an answer
carries a number that is the same when the message has to be sent again over a new connection, so that a retry is never a second
request. The greeting names the handles that it holds and the requests that it waits for, and the welcome says which handles are
still there.

A session that is out of contact is *in jeopardy* until its lease ends (lease.py): its seats are good, and a checkout waits for
the server to come back. When the lease has ended its seats have *lapsed*: nobody may count on them, though the server may turn
out to have kept them. What becomes of lapsed, gone and denied seats is not decided here but in the walker (walker.py), which
knows the other servers of the path.

A request that waits in the server's queue keeps its number, too: the greeting names it, and the server tells its place again. It has
no deadline here, since only the application knows for how long it will wait; giving it up is a checkin of its handle, or, out of
contact, a greeting that does not name it.

Borrowed seats leave the session at once: the client keeps a record of them, and they do not lapse (adapters.borrowed). The session
goes on naming their handles, so that the server does not take the grant for one that was never seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from seatkeeper.client.contact import Contact, LinkEvent
from seatkeeper.client.events import MINOR_ANSWER, MINOR_LOCAL, Close, Failure
from seatkeeper.client.holdings import HeldSeat, Holdings, Request, Return
from seatkeeper.client.outcomes import (
    BorrowRevoked,
    Outcome,
    SeatBack,
    SeatDenied,
    SeatGone,
    SeatGranted,
    SeatLapsed,
    SeatQueued,
    SeatRestored,
    SeatReturned,
    SeatTaken,
)
from seatkeeper.client.states import State
from seatkeeper.wire.messages import (
    HANDLES_MAX,
    PROTOCOL,
    Activity,
    Beat,
    Checkin,
    Checkout,
    Denied,
    Goodbye,
    Granted,
    Heartbeat,
    Hello,
    Lost,
    Queued,
    Restored,
    ReturnBorrow,
    Returned,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.client.events import Mistrusted
    from seatkeeper.client.path import Address
    from seatkeeper.client.profile import Identity, Limits
    from seatkeeper.wire.messages import ClientMessage, ServerMessage, Welcome

__all__ = ["LinkEvent", "Session"]


class Session(Contact):
    """The session.

    Args:
        index: Which server of the path this is; links of this session are `index` modulo `stride`.
        stride: The number of servers.
        addresses: Where the server is; the three of a triad are tried in turn.
        secret: The session's id.
        identity: Who the client is.
        limits: How long it waits.
        lent: Handles that were borrowed in it before.
    """

    def __init__(
        self,
        index: int,
        stride: int,
        addresses: tuple[Address, ...],
        secret: bytes,
        identity: Identity,
        limits: Limits,
        lent: tuple[int, ...] = (),
    ) -> None:
        super().__init__(index, stride, addresses, limits)
        self._secret = secret
        self._identity = identity
        # Numbers of requests and sequence numbers of heartbeats come from one counter, so that each tells its own answer.
        self._number = 0
        self._have = Holdings()
        self._have.lent.update(lent)
        # By handle, the places that this connection has told.
        self._places: dict[int, int] = {}
        self._messages: dict[type, Callable[..., None]] = {
            Granted: self._granted,
            Denied: self._denied,
            Queued: self._queued,
            Returned: self._returned,
            Beat: self._beat,
            Lost: self._lost,
            Restored: self._restored,
        }

    # From the walker ----------------------------------------------------------------------------------------------------

    def ask(self, key: int, want: Checkout | ReturnBorrow, now: float, draw: float) -> list[Outcome]:
        """Request seats for a checkout, or take borrowed ones home."""
        self._begin(now, draw)
        if type(want) is Checkout and self._have.handles >= HANDLES_MAX:
            reason = f"One client may hold at most {HANDLES_MAX} handles at a server."
            self._out.append(SeatDenied(key, Failure(-26, MINOR_LOCAL, reason), reached=True))
            return self._out
        self._number += 1
        request = Request(key, msgspec.structs.replace(want, request=self._number), now + self._limits.request_s)
        self._have.requests[self._number] = request
        if self.state is State.OPEN:
            self._ask_for(request)
        elif self.state is State.IDLE or (self.state is State.WAITING and not self.lease.good(now)):
            self._connect(self._trip.begin())
        return self._out

    def give_back(self, key: int, handle: int, now: float, draw: float) -> list[Outcome]:
        """Return seats; the answer is SeatReturned. Out of contact, the next greeting returns them by not naming them."""
        self._begin(now, draw)
        if self.state is State.OPEN:
            self._have.seats.pop(handle, None)
            self._have.returns[self._send_checkin(handle)] = Return(key, handle, now + self._limits.request_s)
        else:
            self._have.give_away(handle)
            self._out.append(SeatReturned(key, 0))
        return self._out

    def forget(self, handle: int, now: float, draw: float) -> list[Outcome]:
        """Return seats that another server has replaced; nobody waits for the answer."""
        self._begin(now, draw)
        if self.state is State.OPEN:
            if self._have.seats.pop(handle, None) is not None:
                self._send_checkin(handle)
        elif handle in self._have.seats:
            self._have.give_away(handle)
        return self._out

    def decline(self, handle: int, borrow: bytes, now: float, draw: float) -> list[Outcome]:
        """Return borrowed seats at once, since nobody wants their record."""
        self._begin(now, draw)
        self._have.lent.discard(handle)
        if self.state is State.OPEN:
            self._decline(handle, borrow)
        return self._out

    def abandon(self, key: int, now: float, draw: float) -> list[Outcome]:
        """Wait no longer for a request's answer; a late grant goes back at once."""
        self._begin(now, draw)
        for number, request in list(self._have.waiting()):
            if request.key == key:
                self._abandon(number, request)
        return self._out

    def idle(self, idle: bool, handle: int, now: float, draw: float) -> list[Outcome]:
        """Tell the server that the user of these seats, or (handle 0) of all, does nothing, or works again."""
        self._begin(now, draw)
        if self._have.mark_idle(idle, handle) and self.state is State.OPEN:
            self._send(Activity(idle, handle))
        return self._out

    def leave(self, now: float, draw: float) -> list[Outcome]:
        """End the session; all its seats are returned."""
        self._begin(now, draw)
        if self.state is State.OPEN:
            self._send(Goodbye())
        if self.state in (State.OPEN, State.GREETING, State.CONNECTING):
            self._out.append(Close(self.link))
        self._enter(State.CLOSED)
        self._have.clear()
        return self._out

    # Time -----------------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When a Tick is due."""
        due = [at for at in (super().next_deadline(), self._have.first_deadline()) if at is not None]
        if any(not seat.lapsed for seat in self._have.seats.values()):
            due.append(self.lease.until)
        return min(due, default=None)

    def _begin(self, now: float, draw: float) -> None:
        """Nothing is decided before it is known whether the lease still holds: a process may have slept for hours."""
        super()._begin(now, draw)
        if not self._have.seats or self.lease.good(now):
            return
        reason = f"The server has not answered for {self.lease.lease_s:g} s, the whole lease."
        lapsed = self._have.lapse()
        if lapsed and self.state is State.OPEN:
            # What the server did meanwhile is told by its next welcome, and only there.
            self._drop(Failure(-16, MINOR_ANSWER, reason))
        self._out += [SeatLapsed(seat.key, reason) for seat in lapsed]

    def _tick(self) -> None:
        requests, returns = self._have.overdue(self._now)
        for number, request in requests:
            self._out.append(SeatDenied(request.key, self._overdue(), reached=False))
            self._abandon(number, request)
        for number, returning in returns:
            del self._have.returns[number]
            self._out.append(SeatReturned(returning.key, 0))
        super()._tick()

    # The connection ---------------------------------------------------------------------------------------------------------

    def _hello(self, nonce: bytes) -> Hello:
        identity = self._identity
        return Hello(
            PROTOCOL,
            identity.vendor,
            self._secret,
            nonce,
            identity.user,
            identity.host,
            identity.display,
            identity.pid,
            identity.project,
            identity.application,
            [*self._have.seats, *sorted(self._have.lent)],
            self._have.asking(),
            identity.platform,
            list(identity.hostids),
        )

    def _entered(self, message: Welcome) -> None:
        self._places.clear()
        gone, back, unwanted = self._have.welcomed(message.held)
        self._out += [SeatGone(seat.key) for seat in gone]
        self._out += [SeatBack(seat.key) for seat in back]
        if self._have.doubtful():
            self._send_beat()
        for handle in unwanted:
            self._send_checkin(handle)
        for handle in self._have.idle_handles():
            self._send(Activity(idle=True, handle=handle))
        for request in self._have.open_requests():
            self._ask_for(request)

    def _mistrusted(self, event: Mistrusted) -> None:
        message = event.message
        if type(message) is Granted and self.state is State.OPEN:
            self._decline(message.handle, message.borrow)
            request = self._have.answered(message.request)
            if request is not None and not request.abandoned:
                self._out.append(SeatDenied(request.key, event.failure, reached=False))
        self._drop(event.failure)

    def _settle(self) -> None:
        self._out += [SeatReturned(returning.key, 0) for returning in self._have.cut()]

    def _deny_all(self, failure: Failure) -> None:
        for number, request in list(self._have.waiting()):
            self._have.forget(number)
            self._out.append(SeatDenied(request.key, failure, reached=False))

    def _wanted(self) -> bool:
        """Whether the server is needed: it has seats of ours, or it would keep some that we have given back."""
        return len(self._have) > 0 or (self._have.owing and self.lease.good(self._now))

    def _holding(self) -> bool:
        return bool(self._have.seats or self._have.queued)

    # Messages ---------------------------------------------------------------------------------------------------------------

    def _message(self, message: ServerMessage) -> bool:
        handler = self._messages.get(type(message))
        if handler is not None:
            handler(message)
        return handler is not None

    def _heard(self, number: int, request: Request | None) -> None:
        """A request has its answer. To one that may wait the server says by itself what becomes of it, after a Welcome above all."""
        if request is None or (type(request.message) is Checkout and request.message.queue):
            self.lease.settled(number)
        else:
            self.lease.answered(number)

    def _granted(self, message: Granted) -> None:
        request = self._have.answered(message.request)
        self._heard(message.request, request)
        if request is not None and not request.abandoned:
            if message.borrow:
                self._have.lent.add(message.handle)
            elif message.handle:
                self._have.seats[message.handle] = HeldSeat(request.key)
            told = message.count, message.version, message.expiry, message.borrow, message.at
            self._out.append(SeatGranted(request.key, message.handle, *told))
        elif message.handle not in self._have.seats and message.handle not in self._have.lent:
            self._decline(message.handle, message.borrow)

    def _denied(self, message: Denied) -> None:
        request = self._have.answered(message.request)
        self._heard(message.request, request)
        if request is not None and not request.abandoned:
            failure = Failure(
                message.number,
                message.minor,
                message.reason,
                rule=message.rule,
                holders=tuple(message.holders),
                free_at=message.free_at,
            )
            self._out.append(SeatDenied(request.key, failure, reached=True))

    def _queued(self, message: Queued) -> None:
        self.lease.settled(message.request)
        request = self._have.queue(message.request, message.handle)
        if request is not None:
            # After a reconnect the server tells the place twice: by itself, and to the request that is put again.
            if self._places.get(message.handle) != message.position:
                self._out.append(SeatQueued(request.key, message.position))
            self._places[message.handle] = message.position
        else:
            self._have.answered(message.request)
            self._send_checkin(message.handle)

    def _returned(self, message: Returned) -> None:
        self.lease.answered(message.request)
        returning: Return | Request | None = self._have.returns.pop(message.request, None)
        if returning is None and type(getattr(self._have.requests.get(message.request), "message", None)) is ReturnBorrow:
            request = self._have.requests.pop(message.request)
            returning = None if request.abandoned else request
        if returning is not None:
            self._out.append(SeatReturned(returning.key, message.number))

    def _beat(self, message: Beat) -> None:
        self.lease.answered(message.sequence)
        for seat in self._have.doubtful():
            self._license(seat)

    def _lost(self, message: Lost) -> None:
        handle = message.handle
        seat = self._have.seats.get(handle)
        if seat is not None:
            # 0 says that an administrator removed the seats; else they are still held, without a license that covers them.
            gone = message.number == 0
            if gone:
                del self._have.seats[handle]
                # They are free for others when the client has confirmed that it counts on them no longer, or its lease has ended.
                self._send_checkin(handle)
            seat.unlicensed, seat.doubtful = True, False
            self._out.append(SeatTaken(seat.key, message.number, message.reason, gone))
        elif handle in self._have.lent and message.number == 0:
            self._have.lent.discard(handle)
            self._out.append(BorrowRevoked(handle, message.reason))

    def _restored(self, message: Restored) -> None:
        seat = self._have.seats.get(message.handle)
        if seat is not None:
            self._license(seat)

    def _license(self, seat: HeldSeat) -> None:
        seat.unlicensed = seat.doubtful = False
        self._out.append(SeatRestored(seat.key))

    # Details ------------------------------------------------------------------------------------------------------------------

    def _ask_for(self, request: Request) -> None:
        request.sent = True
        self.lease.sent(request.message.request, self._now)
        self._send(request.message)

    def _send_checkin(self, handle: int) -> int:
        return self._numbered(lambda number: Checkin(number, handle))

    def _decline(self, handle: int, borrow: bytes) -> None:
        """Give back a grant that is not taken; a checkin would leave borrowed seats out until their end, and a trial is none."""
        if not handle:
            return
        if borrow:
            from seatkeeper.licfile.borrowing import claimed  # cryptography, for the one case in which it is needed

            record = claimed(borrow)
            if record is not None:
                self._numbered(lambda number: ReturnBorrow(number, handle, record.secret))
                return
        self._send_checkin(handle)

    def _send_beat(self) -> None:
        self._numbered(Heartbeat)
        self.lease.beat_at = self._now + self.lease.heartbeat_s

    def _numbered(self, make: Callable[[int], ClientMessage]) -> int:
        self._number += 1
        self.lease.sent(self._number, self._now)
        self._send(make(self._number))
        return self._number

    def _abandon(self, number: int, request: Request) -> None:
        if request.place and self.state is State.OPEN:
            # A grant that is on its way has the same handle, so it goes back with the place.
            self._have.answered(number)
            self._send_checkin(request.place)
        elif self.state in (State.OPEN, State.GREETING):
            # A greeting that is under way has named it, so its answer has to be heard all the same.
            request.abandoned = True
        else:
            self._have.forget(number)
