"""A session has a connection, is on its way to one, or needs none: whatever breaks, it is soon in one of these states again.

How it works. The way to a server is a small automaton (STATES). It connects when it is wanted, greets, and is open once it is
welcomed. When the connection breaks it comes back after a wait that grows and is drawn at random; a triad's addresses are tried in
turn, and a server may name another port (trip.py). A server that owes an answer for too long is treated like a broken connection.

What is said over an open connection, and what becomes of seats and requests when it is gone, is the business of the session
(machine.py), which is this with the abstract methods filled in.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from seatkeeper.client.events import (
    MINOR_ANSWER,
    MINOR_CONNECT,
    MINOR_DAEMON,
    MINOR_GREETING,
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
from seatkeeper.client.lease import Lease
from seatkeeper.client.outcomes import ContactBack, ContactLost, Outcome
from seatkeeper.client.states import STATES, State
from seatkeeper.client.trip import Trip
from seatkeeper.wire.messages import PROTOCOL, Elsewhere, Refused, Welcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.client.path import Address
    from seatkeeper.client.profile import Limits
    from seatkeeper.wire.messages import ClientMessage, Hello, ServerMessage

__all__ = ["HEARTBEAT_S_MIN", "LEASE_S_MAX", "LEASE_S_MIN", "Contact", "LinkEvent"]

#: A server that wants heartbeats faster than this would only keep both sides busy.
HEARTBEAT_S_MIN: Final = 0.02
LEASE_S_MIN: Final = 0.1
LEASE_S_MAX: Final = 7 * 86400.0


LinkEvent = Opened | Failed | Broken | Received | Mistrusted | Tick


class Contact(ABC):
    """The way to one server.

    Args:
        index: Which server of the path this is; links of this session are `index` modulo `stride`.
        stride: The number of servers.
        addresses: Where the server is; the three of a triad are tried in turn.
        limits: How long it waits.
    """

    def __init__(self, index: int, stride: int, addresses: tuple[Address, ...], limits: Limits) -> None:
        self.state = State.IDLE
        self.lease = Lease()
        self.link = index - stride
        self._stride = stride
        self._trip = Trip(addresses)
        self._limits = limits
        self._out: list[Outcome] = []
        self._now = 0.0
        self._draw = 0.0
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

    # What the session adds --------------------------------------------------------------------------------------------

    @abstractmethod
    def _hello(self, nonce: bytes) -> Hello:
        """The greeting."""

    @abstractmethod
    def _entered(self, message: Welcome) -> None:
        """The server has welcomed the session."""

    @abstractmethod
    def _message(self, message: ServerMessage) -> bool:
        """Deals with what came over the open connection; false where the protocol has no place for it."""

    @abstractmethod
    def _mistrusted(self, event: Mistrusted) -> None:
        """What has come is not to be believed."""

    @abstractmethod
    def _settle(self) -> None:
        """The connection, or the attempt to have one, is over."""

    @abstractmethod
    def _deny_all(self, failure: Failure) -> None:
        """The server is out of reach, and nobody is known to come back to it."""

    @abstractmethod
    def _wanted(self) -> bool:
        """Whether the server is needed."""

    @abstractmethod
    def _holding(self) -> bool:
        """Whether there are seats, or places in the queue, to worry about."""

    @abstractmethod
    def _send_beat(self) -> None:
        """Show the server that the client lives."""

    # Events -------------------------------------------------------------------------------------------------------------

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
        if state is State.CONNECTING:
            return self._since + limits.connect_s
        if state is State.GREETING:
            return self._since + limits.greet_s
        if state is State.WAITING:
            return self._retry_at
        if state is not State.OPEN:
            return None
        owed = self.lease.owed_since
        return self.lease.beat_at if owed is None else min(self.lease.beat_at, owed + self._patience_s())

    def _begin(self, now: float, draw: float) -> None:
        self._out = []
        self._now = now
        self._draw = draw

    def _tick(self) -> None:
        now, limits = self._now, self._limits
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
        self._send(self._hello(event.nonce))

    def _failed(self, event: Failed) -> None:
        self._fail(event.failure)

    def _broken(self, event: Broken) -> None:
        if self.state is State.OPEN:
            self._cut(event.failure)
        else:
            self._fail(event.failure)

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
        self._settle()
        if self._holding() and not self._silent:
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
            self._deny_all(failure)
        self._settle()
        self._rest()

    def _rest(self) -> None:
        """Between two connections."""
        if not self._wanted():
            self._enter(State.IDLE)
            return
        self._enter(State.WAITING)
        longest_s = min(self._limits.backoff_s, self.lease.lease_s / 3)
        self._retry_at = self._now + self._trip.wait_s(self._draw, longest_s)

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
        elif not self._message(message):
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
        self._entered(message)

    # Details ------------------------------------------------------------------------------------------------------------------

    def _send(self, message: ClientMessage) -> None:
        self._out.append(Send(self.link, message))

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
