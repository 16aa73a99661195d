"""contact: the way to a server by itself, for a session that holds nothing; the conversations in tests/golden/client show the whole."""

from __future__ import annotations

import pytest

from seatkeeper.client.contact import HEARTBEAT_S_MIN, LEASE_S_MAX, Contact
from seatkeeper.client.events import Broken, Close, Connect, Failed, Failure, Mistrusted, Opened, Received, Send, Tick
from seatkeeper.client.outcomes import ContactBack, ContactLost
from seatkeeper.client.path import Address
from seatkeeper.client.profile import Limits
from seatkeeper.client.states import State
from seatkeeper.wire.messages import PROTOCOL, Beat, Elsewhere, Heartbeat, Hello, Refused, ServerMessage, Welcome


class Caller(Contact):
    """Wants a connection as long as `wants` says so, and notes what it is told."""

    def __init__(self, *addresses: str) -> None:
        super().__init__(0, 1, tuple(Address(host, 1) for host in addresses or ("a",)), Limits())
        self.wants = True
        self.log: list[object] = []

    def begin(self) -> Contact:
        self._begin(0.0, 0.5)
        self._connect(self._trip.begin())
        return self

    def _hello(self, nonce: bytes) -> Hello:
        return Hello(PROTOCOL, "v", bytes(16), nonce, "u", "h", "d")

    def _entered(self, message: Welcome) -> None:
        self.log.append("entered")

    def _message(self, message: ServerMessage) -> bool:
        self.log.append(message)
        return isinstance(message, Beat)

    def _mistrusted(self, event: Mistrusted) -> None:
        self._drop(event.failure)

    def _settle(self) -> None:
        self.log.append("settled")

    def _deny_all(self, failure: Failure) -> None:
        self.log.append(failure.number)

    def _wanted(self) -> bool:
        return self.wants

    def _holding(self) -> bool:
        return self.wants

    def _send_beat(self) -> None:
        self.lease.sent(1, self._now)
        self._send(Heartbeat(1))
        self.lease.beat_at = self._now + self.lease.heartbeat_s


def welcome(heartbeat_s: float = 20.0, lease_s: float = 60.0) -> Welcome:
    return Welcome(PROTOCOL, "s", "", heartbeat_s, lease_s, [], [])


def opened() -> Caller:
    caller = Caller()
    caller.begin()
    caller.handle(Opened(0, bytes(32)), 0.0, 0.5)
    caller.handle(Received(0, welcome()), 0.0, 0.5)
    assert caller.state is State.OPEN
    return caller


def test_it_connects_greets_and_is_welcomed() -> None:
    caller = Caller()
    assert caller.begin()._out == [Connect(0, 0, Address("a", 1))]
    assert [type(one) for one in caller.handle(Opened(0, bytes(32)), 0.0, 0.5)] == [Send]
    assert caller.handle(Received(0, welcome()), 0.0, 0.5) == [ContactBack(lost=False)]
    assert caller.log == ["entered"]
    assert caller.next_deadline() == 20.0


def test_each_address_is_tried_then_it_waits() -> None:
    caller = Caller("a", "b")
    caller.begin()
    assert caller.handle(Failed(0, Failure(-15)), 0.0, 0.5) == [Connect(1, 0, Address("b", 1))]
    assert caller.handle(Failed(1, Failure(-96)), 0.0, 0.5) == []
    assert (caller.state, caller.log) == (State.WAITING, [-96, "settled"])
    caller.wants = False
    assert caller.handle(Tick(), 99.0, 0.5) == []
    assert caller.state is State.IDLE


def test_a_break_is_told_once() -> None:
    caller = opened()
    assert caller.handle(Broken(0, Failure(-16)), 1.0, 0.5) == [ContactLost(Failure(-16))]
    caller.handle(Tick(), 2.0, 0.5)
    caller.handle(Opened(1, bytes(32)), 2.0, 0.5)
    assert caller.handle(Broken(1, Failure(-16)), 2.0, 0.5) == []
    # An earlier connection has nothing more to say.
    assert caller.handle(Received(0, welcome()), 2.0, 0.5) == []


def test_silence_is_a_break() -> None:
    caller = opened()
    assert caller.handle(Tick(), 20.0, 0.5) == [Send(0, Heartbeat(1))]
    assert caller.handle(Tick(), 30.0, 0.5)[0] == Close(0)
    slow = Caller()
    slow.begin()
    assert slow.handle(Tick(), 5.0, 0.5) == [Close(0)]
    slow.begin()
    slow.handle(Opened(1, bytes(32)), 0.0, 0.5)
    assert slow.handle(Tick(), 17.0, 0.5) == [Close(1)]


@pytest.mark.parametrize("message", [welcome(0.0), welcome(70.0), welcome(1.0, LEASE_S_MAX * 2), Beat(1), Refused(-106, "Full.")])
def test_what_is_no_welcome_ends_the_attempt(message: ServerMessage) -> None:
    caller = Caller()
    caller.begin()
    caller.handle(Opened(0, bytes(32)), 0.0, 0.5)
    assert caller.handle(Received(0, message), 0.0, 0.5) == [Close(0)]
    assert caller.state is State.WAITING


def test_heartbeats_are_never_faster_than_sense() -> None:
    caller = Caller()
    caller.begin()
    caller.handle(Opened(0, bytes(32)), 0.0, 0.5)
    caller.handle(Received(0, welcome(0.001)), 0.0, 0.5)
    assert caller.next_deadline() == HEARTBEAT_S_MIN


def test_another_port_is_followed_and_nonsense_is_not() -> None:
    caller = Caller()
    caller.begin()
    caller.handle(Opened(0, bytes(32)), 0.0, 0.5)
    assert caller.handle(Received(0, Elsewhere(7)), 0.0, 0.5) == [Close(0), Connect(1, 0, Address("a", 7))]
    assert opened().handle(Received(0, welcome()), 0.0, 0.5)[0] == Close(0)
    assert opened().handle(Mistrusted(0, Beat(1), Failure(-33)), 0.0, 0.5)[0] == Close(0)
