"""The vendor daemon decides here, and nowhere else: events in, instructions out, the same on every replay.

How it works. The shell gives every event with the time it happened. The machine decides over the pools, writes down what
it decided as an entry, applies that entry to its own ledger at once, and returns instructions: append the entry, then
answer. The shell releases a durable answer only when the append is acknowledged; if the append fails the process ends and
the next one begins from the log, so a state that was ahead of the log is never seen. Two clocks come in: `now` is
monotonic and rules deadlines, `wall` is Unix time, is written down, and rules what outlives the process (linger, borrow).

A session lives from its first greeting until its client leaves, its connection closes, or it is silent for the lease time.
After a restart its seats are still held, and it has the lease time to come back: holders who are not yet back count as in
use, so that nobody takes a seat that is in use (design, License server).

The parts: checkouts.py (seats go out, come back, are waited for), borrowing.py, administration.py; state.py is what they share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.vendor.administration import acted, license_reread, remove_asked, set_day, uncovered
from seatkeeper.vendor.borrowing import borrow_returned, end_kept, revoke_asked
from seatkeeper.vendor.checkouts import back_in_queue, checkin_asked, checkout_asked, serve_waiters
from seatkeeper.vendor.entries import Clocked, Entry, Opened
from seatkeeper.vendor.events import (
    Accepted,
    Acted,
    Append,
    BorrowReturned,
    CheckinAsked,
    CheckoutAsked,
    Close,
    Disconnected,
    Event,
    Greeting,
    Heard,
    IdleTold,
    Instruction,
    Left,
    LicenseReread,
    LossAnswer,
    Recovered,
    RemoveAsked,
    RevokeAsked,
    Send,
    Tick,
)
from seatkeeper.vendor.preview import preview, preview_text
from seatkeeper.vendor.state import CLOCK_BACK_S, HEARD_RESOLUTION_S, State, VendorSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from seatkeeper.vendor.events import Offer
    from seatkeeper.vendor.ledger import Ledger
    from seatkeeper.vendor.seats import Session

__all__ = ["HEARD_RESOLUTION_S", "Machine", "VendorSettings"]

#: How often the log is told that time has passed, when nothing else tells it.
CLOCKED_S: Final = 3600.0
#: Of each pool so many who wait are told a new place within a second, and those behind them within so many seconds.
_PLACES_EACH_SECOND: Final = 200
_PLACE_TURNS: Final = 10


class Machine:
    """One vendor daemon's mind."""

    def __init__(self, settings: VendorSettings, today: date) -> None:
        self.settings = settings
        self.state = State(settings, today)
        self.ledger: Ledger = self.state.ledger

    @property
    def ignored(self) -> list[str]:
        """A sentence for each license line that has no effect."""
        return self.state.ignored

    def replay(self, entry: Entry) -> None:
        """Takes an entry of the log into account, before any event."""
        self.ledger.apply(entry)
        if entry.at > self.ledger.latest:
            self.ledger.latest = entry.at

    def handle(self, event: Event, now: float, wall: float) -> list[Instruction]:
        """What is to be done about `event`, in order."""
        state = self.state
        instructions = _HANDLERS[type(event)](state, event, now, wall)
        if state.dirty:
            instructions += _serve(state, wall)
        return instructions

    def closing(self, wall: float) -> list[Append]:
        """What is still to be written when this process ends orderly."""
        return self.state.denials.due(wall, closing=True)

    def preview(self, offer: Offer) -> str:
        """What would change for whom if this were served; nothing does, and the offer is still good."""
        terms = offer.terms
        return preview_text(preview(self.ledger, terms))

    def next_deadline(self) -> float | None:
        """When the longest silent session's lease ends, on the clock of `now`; a Tick is due then."""
        for session in self.state.silence.values():
            return self.state.deadline(session)
        return None


def _serve(state: State, wall: float) -> list[Instruction]:
    """What has come free goes to those who wait; nobody waits in vain for a place that is told later (tick)."""
    instructions: list[Instruction] = []
    names, state.dirty = sorted(state.dirty), set()
    served: set[str] = set()
    for name in names:
        if name in state.ledger.queues and name not in served:
            served.update(state.family(name))
            instructions += serve_waiters(state, name, wall)
    state.dirty.clear()
    return instructions


# Sessions ------------------------------------------------------------------------------------------------------------


def _recovered(state: State, _event: Recovered, now: float, wall: float) -> list[Instruction]:
    """The log has been replayed: all its sessions have the lease time to come back."""
    for session in state.ledger.sessions.values():
        if not session.over:
            session.heard = now
            state.silence[session.number] = session
    for handle, seat in state.ledger.seats.items():
        if seat.until:
            state.keep_until(handle, seat.until)
        elif seat.revoked:
            state.revoked[handle] = now + state.lease_s
    settings = state.settings
    opened = Append(Opened(wall, settings.vendor, settings.version, settings.lease_s))
    return [opened, *_watch_clock(state, wall)]


def _greeting(state: State, event: Greeting, now: float, wall: float) -> list[Instruction]:
    """The client opens its session, or takes it up again."""
    instructions: list[Instruction] = []
    session = state.ledger.by_digest.get(event.digest)
    if session is None:
        session = state.ledger.open_session(
            event.digest, event.user, event.host, event.display, event.pid, event.project, event.application, event.address
        )
    elif session.connection is not None and session.connection is not event.connection:
        instructions.append(Close(session.connection, -134, "The session goes on through a newer connection."))
    session.connection = event.connection
    session.knows = event.knows
    session.shown = None
    if (session.address, session.platform, session.hostids) != (event.address, event.platform, event.hostids):
        session.address, session.platform, session.hostids = event.address, event.platform, event.hostids
        session.asker = None
    state.renew(session, now)
    instructions += _take_up(state, session, event, wall)
    return instructions


def _take_up(state: State, session: Session, event: Greeting, wall: float) -> list[Instruction]:
    """What the client and the server know of each other is brought together."""
    instructions: list[Instruction] = []
    # What the client neither holds nor waits for it has never seen: its answer was lost with the old connection.
    held, asking = frozenset(event.held), frozenset(event.asking)
    mine = [seat for seat in (session.seats or {}).values() if not seat.until]
    for seat in mine:
        # Seats that are to be removed are so at once where the client has not seen them: it could not tell that they are.
        if seat.handle not in held and (seat.revoked or seat.request not in asking):
            instructions.append(state.give_back(seat, "unseen", wall))
    for waiter in list((session.waits or {}).values()):
        if waiter.request not in asking:
            instructions.append(state.dequeue(waiter, "given_up", wall))
    mine = [seat for seat in (session.seats or {}).values() if not seat.until]
    handles = tuple(seat.handle for seat in mine)
    instructions.append(Send(event.connection, Accepted(session.number, handles), durable=False))
    for seat in mine:
        loss = LossAnswer(seat.handle, 0, "Removed by an administrator.") if seat.revoked else uncovered(seat, state.ledger.terms.today)
        if loss is not None:
            instructions.append(Send(event.connection, loss, durable=False))
    if session.waits:
        instructions += back_in_queue(state, session, wall)
    return instructions


def _heard(state: State, event: Heard, now: float, _wall: float) -> list[Instruction]:
    session = state.ledger.sessions.get(event.session)
    if session is not None and not session.over:
        state.renew(session, now)
    return []


def _idle_told(state: State, event: IdleTold, now: float, _wall: float) -> list[Instruction]:
    """The application reports whether its user works; the time counts from the first report."""
    session = state.ledger.sessions.get(event.session)
    if session is None or session.over:
        return []
    state.renew(session, now)
    seats = session.seats or {}
    for handle in [event.handle] if event.handle else list(seats):
        if handle not in seats:
            continue
        if not event.idle:
            state.idle.pop(handle, None)
        elif not seats[handle].until:
            state.idle.setdefault(handle, now)
    return []


def _left(state: State, event: Left, _now: float, wall: float) -> list[Instruction]:
    session = state.ledger.sessions.get(event.session)
    return state.end(session, "checkin", wall) if session is not None and not session.over else []


def _disconnected(state: State, event: Disconnected, _now: float, wall: float) -> list[Instruction]:
    session = state.ledger.sessions.get(event.session)
    # A session that has a newer connection does not end with the older one.
    if session is None or session.connection is not event.connection:
        return []
    if not state.settings.closed_frees:
        # It may come back to another of three servers.
        session.connection = None
        return []
    return state.end(session, "closed", wall)


# Time ----------------------------------------------------------------------------------------------------------------


def _tick(state: State, event: Tick, now: float, wall: float) -> list[Instruction]:
    """Time has passed: the day may be another, and deadlines be over."""
    instructions = _watch_clock(state, wall)
    if event.today != state.ledger.terms.today:
        instructions += set_day(state, event.today, wall)
    instructions += end_kept(state, wall)
    while state.silence:
        session = next(iter(state.silence.values()))
        if state.deadline(session) > now:
            break
        connection = session.connection
        instructions += state.end(session, "silent" if connection is not None else "grace", wall)
        if connection is not None:
            instructions.append(Close(connection, -16, f"Nothing was heard for {state.settings.lease_s:g} s."))
    instructions += _end_removals(state, now, wall)
    instructions += _end_idleness(state, now, wall)
    instructions += state.denials.due(wall)
    instructions += _tell_places(state, now)
    return instructions


def _watch_clock(state: State, wall: float) -> list[Instruction]:
    """The clock against the highest time that the log has seen: behind it, no dated license is given."""
    ledger = state.ledger
    behind = ledger.latest - wall
    back = behind > CLOCK_BACK_S
    if back and not ledger.terms.clock_back:
        ledger.terms.clock_back = True
        state.dirty.update(ledger.queues)
        # The entry keeps the time that was seen: with the clock's own, a restart would forget it.
        return [Append(Clocked(ledger.latest, behind))]
    if back:
        return []
    was_back, ledger.terms.clock_back = ledger.terms.clock_back, False
    if was_back:
        state.dirty.update(ledger.queues)
    ledger.latest = max(ledger.latest, wall)
    if was_back or wall - state.clocked >= CLOCKED_S:
        state.clocked = wall
        return [Append(Clocked(wall))]
    return []


def _end_removals(state: State, now: float, wall: float) -> list[Instruction]:
    """Removals that no client has confirmed: its lease has ended by now."""
    over = [handle for handle, deadline in state.revoked.items() if deadline <= now]
    pause = state.settings.remove_pause_s
    for place in [place for place, (at, _) in state.removed.items() if now - at >= pause]:
        del state.removed[place]
    return [state.give_back(state.ledger.seats[handle], "removed", wall) for handle in over if handle in state.ledger.seats]


def _end_idleness(state: State, now: float, wall: float) -> list[Instruction]:
    """Seats whose user has done nothing for longer than the options file allows are taken back (TIMEOUT)."""
    instructions: list[Instruction] = []
    for handle, since in list(state.idle.items()):
        seat = state.ledger.seats.get(handle)
        if seat is None:
            del state.idle[handle]
            continue
        limit = seat.pool.timeout_s if seat.pool is not None else None
        if limit is None or now - since < limit or seat.borrow_until:
            continue
        instructions.append(state.give_back(seat, "idle", wall))
        if seat.session.connection is not None:
            access = state.ledger.terms.access
            rule = access.line(seat.pool, "TIMEOUT") if access is not None and seat.pool is not None else "TIMEOUT"
            loss = LossAnswer(handle, 0, f"Nothing was done with {seat.feature} for {limit:g} s ({rule}).")
            instructions.append(Send(seat.session.connection, loss, durable=True))
    return instructions


def _tell_places(state: State, now: float) -> list[Instruction]:
    """Tells those whose place has changed, once a second and not at every change; of a long queue most have their turn less often."""
    instructions: list[Instruction] = []
    turn = int(now) % _PLACE_TURNS
    for queue in state.ledger.queues.values():
        places: dict[str, int] = {}
        for waiter in queue.values():
            places[waiter.pool_key] = place = places.get(waiter.pool_key, 0) + 1
            if place == waiter.told or waiter.session.connection is None:
                continue
            # 10,000 answers in one second would hold up the grants for 100 ms.
            if place <= _PLACES_EACH_SECOND or waiter.handle % _PLACE_TURNS == turn:
                instructions.append(state.tell_place(waiter, place))
    return instructions


_HANDLERS: Final[dict[type, Callable[..., list[Instruction]]]] = {
    CheckoutAsked: checkout_asked,
    CheckinAsked: checkin_asked,
    Heard: _heard,
    Greeting: _greeting,
    Disconnected: _disconnected,
    Left: _left,
    IdleTold: _idle_told,
    BorrowReturned: borrow_returned,
    Tick: _tick,
    RemoveAsked: remove_asked,
    RevokeAsked: revoke_asked,
    Acted: acted,
    LicenseReread: license_reread,
    Recovered: _recovered,
}
