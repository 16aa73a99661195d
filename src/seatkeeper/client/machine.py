"""One client's session with one server: what was granted is kept through broken connections, or is known to be lost.

How it works. The session is a small automaton (STATES). It connects when it is first asked for seats, greets with its secret, and
sends what it was asked for once it is welcomed. Every message that wants an answer carries a number that is the same when the
message has to be sent again over a new connection, so that a retry is never a second request. When the connection breaks, the
session comes back after a wait that grows and is drawn at random; the greeting names the handles that it holds and the requests
that it waits for, and the welcome says which handles are still there.

A session that is out of contact is *in jeopardy* until its lease ends (lease.py): its seats are good, and a checkout waits for
the server to come back. When the lease has ended its seats have *lapsed*: nobody may count on them, though the server may turn
out to have kept them. What becomes of lapsed, gone and denied seats is not decided here but in the walker (walker.py), which
knows the other servers of the path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.client.events import (
    MINOR_ANSWER,
    MINOR_CONNECT,
    MINOR_DAEMON,
    MINOR_GREETING,
    MINOR_LOCAL,
    MINOR_NAME,
    Broken,
    Close,
    Connect,
    Failed,
    Failure,
    Mistrusted,
    Opened,
    Received,
    Send,
    Tick,
)
from seatkeeper.client.holdings import HeldSeat, Holdings, Request, Return
from seatkeeper.client.lease import Lease
from seatkeeper.client.outcomes import (
    ContactBack,
    ContactLost,
    Outcome,
    SeatBack,
    SeatDenied,
    SeatGone,
    SeatGranted,
    SeatLapsed,
    SeatRestored,
    SeatReturned,
    SeatTaken,
)
from seatkeeper.client.states import STATES, State
from seatkeeper.client.trip import Trip
from seatkeeper.wire.messages import (
    HANDLES_MAX,
    PROTOCOL,
    Beat,
    Checkin,
    Checkout,
    Denied,
    Elsewhere,
    Goodbye,
    Granted,
    Heartbeat,
    Hello,
    Lost,
    Refused,
    Restored,
    Returned,
    Welcome,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.client.path import Address
    from seatkeeper.client.profile import Identity, Limits
    from seatkeeper.wire.messages import ClientMessage, ServerMessage

__all__ = [
    "HEARTBEAT_S_MIN",
    "LEASE_S_MAX",
    "LEASE_S_MIN",
    "LinkEvent",
    "Session",
]

#: A server that wants heartbeats faster than this would only keep both sides busy.
HEARTBEAT_S_MIN: Final = 0.02
LEASE_S_MIN: Final = 0.1
LEASE_S_MAX: Final = 7 * 86400.0


LinkEvent = Opened | Failed | Broken | Received | Mistrusted | Tick


class Session:
    """The session.

    Args:
        index: Which server of the path this is; links of this session are `index` modulo `stride`.
        stride: The number of servers.
        addresses: Where the server is; the three of a triad are tried in turn.
        secret: The session's id.
        identity: Who the client is.
        limits: How long it waits.
    """

    def __init__(self, index: int, stride: int, addresses: tuple[Address, ...], secret: bytes, identity: Identity, limits: Limits) -> None:
        self.state = State.IDLE
        self.lease = Lease()
        self.link = index - stride
        self._stride = stride
        self._trip = Trip(addresses)
        self._secret = secret
        self._identity = identity
        self._limits = limits
        self._out: list[Outcome] = []
        self._now = 0.0
        self._draw = 0.0
        # Numbers of requests and sequence numbers of heartbeats come from one counter, so that each tells its own answer.
        self._number = 0
        self._have = Holdings()
        self._failure = Failure(-15, MINOR_CONNECT)
        self._since = 0.0
        self._retry_at = 0.0
        self._silent = False
        self._link_events: dict[type, Callable[..., None]] = {
            Opened: self._opened,
            Failed: self._failed,
            Broken: self._broken,
            Received: self._received,
            Mistrusted: self._mistrusted,
        }
        self._messages: dict[type, Callable[..., None]] = {
            Granted: self._granted,
            Denied: self._denied,
            Returned: self._returned,
            Beat: self._beat,
            Lost: self._lost,
            Restored: self._restored,
        }

    # From the walker ----------------------------------------------------------------------------------------------------

    def ask(self, key: int, want: Checkout, now: float, draw: float) -> list[Outcome]:
        """Request seats for a checkout."""
        self._begin(now, draw)
        if len(self._have) >= HANDLES_MAX:
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

    def abandon(self, key: int, now: float, draw: float) -> list[Outcome]:
        """Wait no longer for a request's answer; a late grant goes back at once."""
        self._begin(now, draw)
        for number, request in list(self._have.waiting()):
            if request.key == key:
                self._abandon(number, request)
        return self._out

    def leave(self, now: float, draw: float) -> list[Outcome]:
        """End the session; all its seats are returned."""
        self._begin(now, draw)
        if self.state is State.OPEN:
            self._out.append(Send(self.link, Goodbye()))
        if self.state in (State.OPEN, State.GREETING, State.CONNECTING):
            self._out.append(Close(self.link))
        self._enter(State.CLOSED)
        self._have.clear()
        return self._out

    # From the network -----------------------------------------------------------------------------------------------------

    def handle(self, event: LinkEvent, now: float, draw: float) -> list[Outcome]:
        """What follows from `event`; one of an earlier link changes nothing."""
        self._begin(now, draw)
        if isinstance(event, Tick):
            self._tick()
        elif event.link == self.link and self.state in (State.CONNECTING, State.GREETING, State.OPEN):
            self._link_events[type(event)](event)
        return self._out

    def next_deadline(self) -> float | None:
        """When a Tick is due."""
        limits, state = self._limits, self.state
        first = self._have.first_deadline()
        due = [first] if first is not None else []
        if state is State.CONNECTING:
            due.append(self._since + limits.connect_s)
        elif state is State.GREETING:
            due.append(self._since + limits.greet_s)
        elif state is State.WAITING:
            due.append(self._retry_at)
        elif state is State.OPEN:
            due.append(self.lease.beat_at)
            owed = self.lease.owed_since
            if owed is not None:
                due.append(owed + self._patience_s())
        if any(not seat.lapsed for seat in self._have.seats.values()):
            due.append(self.lease.until)
        return min(due, default=None)

    def _begin(self, now: float, draw: float) -> None:
        """Nothing is decided before it is known whether the lease still holds: a process may have slept for hours."""
        self._out = []
        self._now = now
        self._draw = draw
        if not self._have.seats or self.lease.good(now):
            return
        reason = f"The server has not answered for {self.lease.lease_s:g} s, the whole lease."
        lapsed = self._have.lapse()
        if lapsed and self.state is State.OPEN:
            # What the server did meanwhile is told by its next welcome, and only there.
            self._drop(Failure(-16, MINOR_ANSWER, reason))
        self._out += [SeatLapsed(seat.key, reason) for seat in lapsed]

    def _tick(self) -> None:
        now, limits = self._now, self._limits
        requests, returns = self._have.overdue(now)
        for number, request in requests:
            self._out.append(SeatDenied(request.key, self._overdue(), reached=False))
            self._abandon(number, request)
        for number, returning in returns:
            del self._have.returns[number]
            self._out.append(SeatReturned(returning.key, 0))
        if self.state is State.CONNECTING and self._since + limits.connect_s <= now:
            self._out.append(Close(self.link))
            self._fail(Failure(-96, MINOR_NAME, f"No connection within {limits.connect_s:g} s."))
        elif self.state is State.GREETING and self._since + limits.greet_s <= now:
            self._out.append(Close(self.link))
            self._fail(self._overdue())
        elif self.state is State.WAITING and self._retry_at <= now:
            if self._wanted():
                self._connect(self._trip.begin())
            else:
                self._enter(State.IDLE)
        elif self.state is State.OPEN:
            owed = self.lease.owed_since
            if owed is not None and owed + self._patience_s() <= now:
                self._drop(self._overdue())
            elif self.lease.beat_at <= now:
                self._send_beat()

    # Connections ------------------------------------------------------------------------------------------------------------

    def _connect(self, address: Address) -> None:
        self._enter(State.CONNECTING)
        self.link += self._stride
        self._since = self._now
        self._out.append(Connect(self.link, self.link % self._stride, address))

    def _opened(self, event: Opened) -> None:
        if self.state is not State.CONNECTING:
            return
        self._enter(State.GREETING)
        self._since = self._now
        identity = self._identity
        hello = Hello(
            PROTOCOL,
            identity.vendor,
            self._secret,
            event.nonce,
            identity.user,
            identity.host,
            identity.display,
            identity.pid,
            identity.project,
            identity.application,
            list(self._have.seats),
            self._have.asking(),
        )
        self._out.append(Send(self.link, hello))

    def _failed(self, event: Failed) -> None:
        self._fail(event.failure)

    def _broken(self, event: Broken) -> None:
        if self.state is State.OPEN:
            self._cut(event.failure)
        else:
            self._fail(event.failure)

    def _mistrusted(self, event: Mistrusted) -> None:
        message = event.message
        if type(message) is Granted and self.state is State.OPEN:
            self._send_checkin(message.handle)
            request = self._have.requests.pop(message.request, None)
            if request is not None and not request.abandoned:
                self._out.append(SeatDenied(request.key, event.failure, reached=False))
        self._drop(event.failure)

    def _drop(self, failure: Failure) -> None:
        """End the connection from this side."""
        self._out.append(Close(self.link))
        if self.state is State.OPEN:
            self._cut(failure)
        else:
            self._fail(failure)

    def _cut(self, failure: Failure) -> None:
        """The open connection is gone."""
        self._failure = failure
        self.lease.cut()
        self._out += [SeatReturned(returning.key, 0) for returning in self._have.cut()]
        if self._have.seats and not self._silent:
            self._silent = True
            self._out.append(ContactLost(failure))
        self._rest()

    def _fail(self, failure: Failure) -> None:
        """The attempt to have a session has failed at one address."""
        self._failure = failure
        address = self._trip.next()
        if address is not None:
            self._connect(address)
            return
        if not self.lease.good(self._now):
            # Nobody is known to come back here: the walker shall ask the next server at once.
            for number, request in list(self._have.waiting()):
                self._have.forget(number)
                self._out.append(SeatDenied(request.key, failure, reached=False))
        self._have.cut()
        self._rest()

    def _rest(self) -> None:
        """Between two connections."""
        if not self._wanted():
            self._enter(State.IDLE)
            return
        self._enter(State.WAITING)
        longest_s = min(self._limits.backoff_s, self.lease.lease_s / 3)
        self._retry_at = self._now + self._trip.wait_s(self._draw, longest_s)

    def _wanted(self) -> bool:
        """Whether the server is needed: it has seats of ours, or it would keep some that we have given back."""
        return len(self._have) > 0 or (self._have.owing and self.lease.good(self._now))

    # Messages ---------------------------------------------------------------------------------------------------------------

    def _received(self, event: Received) -> None:
        message = event.message
        if type(message) is Refused:
            self._drop(Failure(message.number, MINOR_DAEMON if message.number == -97 else MINOR_GREETING, message.reason))
        elif self.state is State.GREETING:
            if type(message) is Welcome:
                self._welcome(message)
            elif type(message) is Elsewhere and (address := self._trip.elsewhere(message.port)) is not None:
                self._out.append(Close(self.link))
                self._connect(address)
            else:
                self._violated(message)
        elif type(message) in self._messages:
            self._messages[type(message)](message)
        else:
            self._violated(message)

    def _violated(self, message: ServerMessage) -> None:
        reason = f"The server sent {type(message).__name__} where the protocol has no place for it."
        self._drop(Failure(-12, MINOR_GREETING, reason))

    def _welcome(self, message: Welcome) -> None:
        heartbeat_s, lease_s = message.heartbeat_s, message.lease_s
        if message.protocol != PROTOCOL or not (0.0 < heartbeat_s <= lease_s and LEASE_S_MIN <= lease_s <= LEASE_S_MAX):
            self._violated(message)
            return
        self._enter(State.OPEN)
        self._trip.arrived()
        self.lease.welcomed(max(heartbeat_s, HEARTBEAT_S_MIN), lease_s, self._since, self._now)
        self._out.append(ContactBack(self._silent))
        self._silent = False
        gone, back, unwanted = self._have.welcomed(message.held)
        self._out += [SeatGone(seat.key) for seat in gone]
        self._out += [SeatBack(seat.key) for seat in back]
        if self._have.doubtful():
            self._send_beat()
        for handle in unwanted:
            self._send_checkin(handle)
        for request in self._have.requests.values():
            self._ask_for(request)

    def _granted(self, message: Granted) -> None:
        self.lease.answered(message.request)
        request = self._have.requests.pop(message.request, None)
        if request is not None and not request.abandoned:
            self._have.seats[message.handle] = HeldSeat(request.key)
            self._out.append(SeatGranted(request.key, message.handle, message.count, message.version, message.expiry))
        elif message.handle not in self._have.seats:
            self._send_checkin(message.handle)

    def _denied(self, message: Denied) -> None:
        self.lease.answered(message.request)
        request = self._have.requests.pop(message.request, None)
        if request is not None and not request.abandoned:
            self._out.append(SeatDenied(request.key, Failure(message.number, message.minor, message.reason), reached=True))

    def _returned(self, message: Returned) -> None:
        self.lease.answered(message.request)
        returning = self._have.returns.pop(message.request, None)
        if returning is not None:
            self._out.append(SeatReturned(returning.key, message.number))

    def _beat(self, message: Beat) -> None:
        self.lease.answered(message.sequence)
        for seat in self._have.doubtful():
            self._license(seat)

    def _lost(self, message: Lost) -> None:
        seat = self._have.seats.get(message.handle)
        if seat is not None:
            # 0 says that an administrator removed the seats; else they are still held, without a license that covers them.
            gone = message.number == 0
            if gone:
                del self._have.seats[message.handle]
            seat.unlicensed, seat.doubtful = True, False
            self._out.append(SeatTaken(seat.key, message.number, message.reason, gone))

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
        self._out.append(Send(self.link, request.message))

    def _send_checkin(self, handle: int) -> int:
        return self._numbered(lambda number: Checkin(number, handle))

    def _send_beat(self) -> None:
        self._numbered(Heartbeat)
        self.lease.beat_at = self._now + self.lease.heartbeat_s

    def _numbered(self, make: Callable[[int], ClientMessage]) -> int:
        self._number += 1
        self.lease.sent(self._number, self._now)
        self._out.append(Send(self.link, make(self._number)))
        return self._number

    def _abandon(self, number: int, request: Request) -> None:
        # A greeting that is under way has named it, so its answer has to be heard all the same.
        if self.state in (State.OPEN, State.GREETING):
            request.abandoned = True
        else:
            self._have.forget(number)

    def _patience_s(self) -> float:
        return min(self._limits.answer_s, self.lease.lease_s / 3)

    def _overdue(self) -> Failure:
        """Why an answer has not come: what the last attempt met, or else silence."""
        if self.state in (State.OPEN, State.GREETING):
            return Failure(-52, MINOR_ANSWER, "The server is connected but does not answer.")
        return self._failure

    def _enter(self, state: State) -> None:
        if state not in STATES[self.state]:
            raise AssertionError(f"a session does not go from {self.state.value} to {state.value}")
        self.state = state
