"""Bugs that are planted into the shipped code, by name: each must be found by some seed.

`no_fsync` and `wiped_serves` are planted into the model instead, where it stands for what the log servers' settings and `rejoin` do.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from seatkeeper.client.contact import Contact
from seatkeeper.client.lease import Lease
from seatkeeper.triad.events import Appending, Asked, Outcame, Release
from seatkeeper.triad.member import Member
from seatkeeper.vendor import checkouts, machine
from seatkeeper.vendor.events import CheckoutAsked, Greeting, Heard, Recovered
from seatkeeper.vendor.log import Unknown
from seatkeeper.vendor.machine import Machine
from seatkeeper.vendor.state import State
from sim.world import TODAY

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BUGS", "planted"]

_committed, _outcame, _asked, _append = Member._committed, Member._outcame, Member._asked, Member._append
_begin, _state = Contact._begin, State.__init__
_recovered, _greet, _check_out = machine._HANDLERS[Recovered], machine._HANDLERS[Greeting], machine._HANDLERS[CheckoutAsked]


def _amnesia(self: Member, now: float, wall: float) -> Any:
    """A new master begins with an empty table."""
    if self.role == "standing":
        self.machine = Machine(self.machine.settings, TODAY)
    return _committed(self, now, wall)


def _no_grace(state: State, event: Any, now: float, wall: float) -> Any:
    """A new master counts leases as if nobody had been heard for long."""
    instructions = _recovered(state, event, now, wall)
    for session in state.silence.values():
        session.heard = now - state.lease_s - 1.0
    return instructions


def _answer_first(self: Member, event: Asked, now: float, wall: float) -> Any:
    """Answers leave before the append."""
    effects = _asked(self, event, now, wall)
    flight = self._flight
    held = self._held
    self._held = []
    if flight is not None and flight.held:
        held = [*flight.held, *held]
        flight.held = ()
    return [*effects, Release(tuple(held))] if held else effects


def _stale_renew(self: Member, event: Asked, now: float, wall: float) -> Any:
    """A heartbeat is answered by what the master believes to be."""
    if isinstance(event.event, Heard) and self.role == "master":
        self.machine.handle(event.event, now, wall)
        return [Release(event.replies)] if self._lives(event.event) else []
    return _asked(self, event, now, wall)


def _no_margin(self: State, settings: Any, today: Any) -> None:
    """The lease on the server is the client's, as if all clocks went the same."""
    _state(self, settings, today)
    self.lease_s = settings.lease_s


_NOW = [0.0]


def _noting(self: Contact, now: float, draw: float) -> None:
    _NOW[0] = now
    _begin(self, now, draw)


def _from_answer(self: Lease, number: int) -> None:
    """The client counts from when the answer comes."""
    if self._sent.pop(number, None) is not None:
        self.until = max(self.until, _NOW[0] + self.lease_s)


def _not_renewed(handler: Any) -> Any:
    """Who asks again is answered as before, and not heard."""

    def handle(state: State, event: Any, now: float, wall: float) -> Any:
        sessions = state.ledger.sessions
        if isinstance(event, Greeting):
            session = state.ledger.by_digest.get(event.digest)
        else:
            session = sessions.get(event.session)
            if session is not None and event.request > session.asked:
                session = None
        if session is None or session.number not in state.silence:
            return handler(state, event, now, wall)
        with mock.patch.object(State, "renew", return_value=None):
            return handler(state, event, now, wall)

    return handle


def _unfenced(self: Member, *args: Any) -> Any:
    """Appends without saying behind what."""
    return [Appending(-1, one.record) for one in _append(self, *args)]


def _reappended(self: Member, event: Outcame, now: float, wall: float) -> Any:
    """What may have arrived is appended again, behind whatever is there by now."""
    flight = self._flight
    if flight is not None and flight.expected == event.expected and isinstance(event.outcome, Unknown):
        return [Appending(-1, flight.record)]
    return _outcame(self, event, now, wall)


#: By name: what is patched, and what the cluster is told.
BUGS: dict[str, tuple[list[Any], dict[str, bool]]] = {
    "amnesia": ([lambda: mock.patch.object(Member, "_committed", _amnesia)], {}),
    "no_grace": ([lambda: mock.patch.dict(machine._HANDLERS, {Recovered: _no_grace})], {}),
    "answer_before_append": ([lambda: mock.patch.object(Member, "_asked", _answer_first)], {}),
    "no_fsync": ([], {"lazy": True}),
    "no_drift_margin": ([lambda: mock.patch.object(State, "__init__", _no_margin)], {}),
    "stale_renew": ([lambda: mock.patch.object(Member, "_asked", _stale_renew)], {}),
    "count_from_answer": (
        [lambda: mock.patch.object(Lease, "answered", _from_answer), lambda: mock.patch.object(Contact, "_begin", _noting)],
        {},
    ),
    "retry_twice": ([lambda: mock.patch.object(checkouts, "_asked_before", return_value=None)], {}),
    "retry_no_renew": (
        [lambda: mock.patch.dict(machine._HANDLERS, {Greeting: _not_renewed(_greet), CheckoutAsked: _not_renewed(_check_out)})],
        {},
    ),
    "no_expected_seq": ([lambda: mock.patch.object(Member, "_append", _unfenced)], {}),
    "reappend_unknown": ([lambda: mock.patch.object(Member, "_outcame", _reappended)], {}),
    "wiped_serves": ([], {"wiped_votes": True}),
}


@contextmanager
def planted(name: str) -> Iterator[dict[str, bool]]:
    """The bug is there; what a Cluster is to be told beside."""
    patches, told = BUGS[name] if name else ([], {})
    made = [make() for make in patches]
    for patch in made:
        patch.start()
    try:
        yield told
    finally:
        for patch in reversed(made):
            patch.stop()
