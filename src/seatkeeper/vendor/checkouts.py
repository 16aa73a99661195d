"""Seats go out, come back, and are waited for.

A request is decided over the pools (pools.decision). Before it is denied for want of seats, seats that only linger come back.
One that may wait and finds none is queued, first come first served: nobody who comes later is given what an earlier one could
have, except out of a reservation of its own. The queue is of the feature, and each waiter bars the pools that would do for it, so that
waiting for an old version does not hold up those who need a newer one.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from seatkeeper.base.values import version_satisfies
from seatkeeper.pools.decision import Decision, decide
from seatkeeper.vendor.borrowing import borrow_denial
from seatkeeper.vendor.entries import CheckedOut, Denial, Queued
from seatkeeper.vendor.events import Append, BorrowAnswer, DenialAnswer, GrantAnswer, ReturnAnswer, Send
from seatkeeper.vendor.state import HEARD_RESOLUTION_S

if TYPE_CHECKING:
    from collections.abc import Collection

    from seatkeeper.pools.counted import Pool
    from seatkeeper.vendor.events import CheckinAsked, CheckoutAsked, Instruction
    from seatkeeper.vendor.seats import Seat, Session, Waiter
    from seatkeeper.vendor.state import State

__all__ = ["HOLDERS_TOLD_MAX", "checkin_asked", "checkout_asked", "granted", "serve_waiters"]

#: A denial names so many holders, and looks for them among so many seats.
HOLDERS_TOLD_MAX: Final = 20
_SEATS_SEEN_MAX: Final = 2000
#: Denials after which a client that may wait is queued: there are no seats, and some may come free.
_WORTH_WAITING: Final = (-4, -24, -87, -101)
_NOBODY: Final[frozenset[Pool]] = frozenset()


def checkout_asked(state: State, event: CheckoutAsked, now: float, wall: float) -> list[Instruction]:
    """Seats, a place in the queue, or a denial."""
    ledger = state.ledger
    session = ledger.sessions.get(event.session)
    if session is None or session.over:
        # It ended in the same moment, before its last request had its turn.
        return []
    if now - session.heard >= HEARD_RESOLUTION_S:
        state.renew(session, now)
    if event.request <= session.asked:
        known = _asked_before(state, session, event.request)
        if known is not None:
            return [known]
    instructions: list[Instruction] = []
    name = event.feature.lower()
    if ledger.kept:
        instructions += _own_lingering(state, session, event, name, wall)
    barred = barred_pools(state, name) if name in ledger.queues else _NOBODY
    decision = _decide(state, session, event, barred)
    if decision.number in (-4, -101) and ledger.kept:
        # Lingering seats are swept "immediately if a new request would otherwise be denied" (facts, FlexNet 3.4).
        swept = [state.give_back(seat, "linger", wall) for seat in _lingering(state, name)]
        if swept:
            instructions += swept
            decision = _decide(state, session, event, barred)
    if event.borrow_until and not decision.number:
        decision = borrow_denial(state, session, event, decision, wall) or decision
    if decision.number:
        if event.queue and decision.number in _WORTH_WAITING and not event.borrow_until and decision.pool is not None:
            if len(ledger.queues.get(name, ())) < state.settings.waiters_max:
                return instructions + _enqueue(state, session, event, decision.pool, wall)
            decision = Decision(-24, decision.pool, reason=f"{state.settings.waiters_max} requests wait for {event.feature} already.")
        return instructions + _deny(state, session, event, decision, wall)
    return instructions + _seat(state, session, event, decision, ledger.next_handle, wall)


def _seat(state: State, session: Session, asked: CheckoutAsked | Waiter, decision: Decision, handle: int, wall: float) -> list[Instruction]:
    pool = decision.pool
    assert pool is not None
    instructions = state.begin(session, wall) if not session.begun else []
    entry = CheckedOut(
        wall,
        session.number,
        asked.request,
        handle,
        pool.feature,
        pool.key,
        asked.version or pool.version,
        decision.count,
        asked.display,
        asked.data,
        getattr(asked, "borrow_until", 0.0),
    )
    seat = state.ledger.check_out(entry, pool, decision.right)
    assert seat is not None
    instructions.append(Append(entry, seat))
    instructions.append(granted(session, seat))
    return instructions


def granted(session: Session, seat: Seat) -> Send:
    """The answer that seats are held, with the pool's lines where this connection was last sent others of the feature, or none."""
    pool, show = seat.pool, False
    if pool is not None:
        shown = session.shown
        if shown is None:
            shown = session.shown = {}
        show = shown.get(pool.feature) != pool.text
        if show:
            shown[pool.feature] = pool.text
    if seat.borrow_until:
        return Send(session.connection, BorrowAnswer(seat.request, seat, show), durable=True)
    return Send(session.connection, GrantAnswer(seat.request, seat.handle, seat.count, pool, show), durable=True)


def _asked_before(state: State, session: Session, request: int) -> Send | None:
    """The answer to an earlier copy of this request: its seats, or its place in the queue."""
    for seat in (session.seats or {}).values():
        if seat.request == request and not seat.until:
            return granted(session, seat)
    for waiter in (session.waits or {}).values():
        if waiter.request == request:
            return state.tell_place(waiter, state.place(waiter))
    return None


def _decide(state: State, session: Session, asked: CheckoutAsked | Waiter, barred: Collection[Pool]) -> Decision:
    settings, ledger = state.settings, state.ledger
    seats_max = settings.seats_max
    if session.held + asked.count > seats_max:
        name = asked.feature.lower()
        seats_max -= sum(seat.count for seat in (session.seats or {}).values() if seat.feature.lower() == name)
        if seats_max <= 0:
            return Decision(-26, reason=f"One client may hold at most {settings.seats_max} seats of a feature, and this one does.")
    if session.seats is not None and len(session.seats) + len(session.waits or ()) >= settings.handles_max:
        return Decision(-26, reason=f"One client may hold at most {settings.handles_max} handles, and this one does.")
    terms = ledger.terms
    asker = session.asker
    if asker is None or asked.data or asked.display:
        asker = ledger.asker(session, asked.display, asked.data)
    return decide(asked, terms.pools.get(asked.feature.lower()), seats_max, terms, asker, barred)


# Denials -------------------------------------------------------------------------------------------------------------


def _deny(state: State, session: Session, event: CheckoutAsked, decision: Decision, wall: float) -> list[Instruction]:
    """The denial with what explains it: the line that decides, the holders where the client may know them, the next seat."""
    number, pool = decision.number, decision.pool
    holders: tuple[str, ...] = ()
    free_at = 0.0
    if pool is not None:
        pool.denials += 1
        if number in (-4, -24, -101):
            seats = [seat for seat in islice(state.ledger.seats.values(), _SEATS_SEEN_MAX) if seat.pool is pool]
            free_at = min((seat.until for seat in seats if seat.until), default=0.0)
            if session.knows:
                holders = tuple(_holder(seat) for seat in seats[:HOLDERS_TOLD_MAX])
    denial = Denial(wall, session.user, session.host, event.feature, event.version, event.count, number, decision.reason, decision.rule)
    answer = DenialAnswer(event.request, number, decision.reason, decision.rule, holders, free_at)
    return [Append(denial), Send(session.connection, answer, durable=False)]


def _holder(seat: Seat) -> str:
    count = f", {seat.count} seats" if seat.count > 1 else ""
    kept = " (borrowed)" if seat.borrow_until else " (lingers)" if seat.until else ""
    return f"{seat.session.who} {seat.display}{count}{kept}"


# Lingering -----------------------------------------------------------------------------------------------------------


def _own_lingering(state: State, session: Session, event: CheckoutAsked, name: str, wall: float) -> list[Append]:
    """Who comes back to seats that linger for it takes those, and not further ones."""
    display = event.display or session.display
    for seat in _lingering(state, name):
        if seat.session.who == session.who and seat.display == display and seat.count <= event.count:
            return [state.give_back(seat, "linger", wall)]
    return []


def _lingering(state: State, name: str) -> list[Seat]:
    """Seats of the feature that only linger, the soonest to end first."""
    found = [seat for seat in state.ledger.kept.values() if not seat.borrow_until and seat.feature.lower() == name]
    return sorted(found, key=lambda seat: seat.until)


# Waiting -------------------------------------------------------------------------------------------------------------


def _enqueue(state: State, session: Session, event: CheckoutAsked, pool: Pool, wall: float) -> list[Instruction]:
    instructions = state.begin(session, wall)
    entry = Queued(
        wall,
        session.number,
        event.request,
        state.ledger.next_handle,
        pool.feature,
        pool.key,
        event.version,
        event.count,
        event.display,
        event.data,
        event.up_to,
    )
    state.ledger.apply(entry)
    waiter = state.ledger.waiters[entry.handle]
    instructions.append(Append(entry, waiter))
    instructions.append(state.tell_place(waiter, state.place(waiter)))
    return instructions


def barred_pools(state: State, name: str) -> set[Pool]:
    """The pools that would do for somebody who waits."""
    rule = state.settings.rule
    pools = state.ledger.pools.get(name, ())
    versions = {waiter.version for waiter in state.ledger.queues.get(name, {}).values()}
    return {pool for pool in pools if pool.good and any(version_satisfies(pool.version, version, rule) for version in versions)}


def serve_waiters(state: State, name: str, wall: float) -> list[Instruction]:
    """Gives what has come free to those who wait for the feature, in their order."""
    ledger, rule = state.ledger, state.settings.rule
    instructions: list[Instruction] = []
    barred: set[Pool] = set()
    pools = ledger.pools.get(name, ())
    for waiter in list(ledger.queues.get(name, {}).values()):
        decision: Decision | None = None
        # One that has not come back after a restart keeps its place; seats for it would be out for nobody.
        if waiter.session.connection is not None:
            decision = _decide(state, waiter.session, waiter, barred)
        if decision is not None and not decision.number:
            instructions.append(state.dequeue(waiter, "served", wall))
            instructions += _seat(state, waiter.session, waiter, decision, waiter.handle, wall)
            continue
        if decision is None or decision.number != -87:
            # Who is held back by a ceiling of its own does not hold up the others.
            barred.update(pool for pool in pools if pool.good and version_satisfies(pool.version, waiter.version, rule))
            if len(barred) == len(pools) and ledger.terms.access is None:
                break
    return instructions


def checkin_asked(state: State, event: CheckinAsked, now: float, wall: float) -> list[Instruction]:
    """The seats of a handle are back, or a place in the queue is given up."""
    ledger = state.ledger
    session = ledger.sessions.get(event.session)
    if session is None or session.over:
        return []
    if now - session.heard >= HEARD_RESOLUTION_S:
        state.renew(session, now)
    handle = event.handle
    seat = session.seats.get(handle) if session.seats is not None else None
    if seat is not None and not seat.until:
        # The answer need not wait for the disk: losing the entry keeps a seat a little longer, and never gives one too many.
        return [state.give_back(seat, "checkin", wall), Send(session.connection, ReturnAnswer(event.request, handle, 0), durable=False)]
    waiter = session.waits.get(handle) if session.waits is not None else None
    if waiter is not None:
        return [
            state.dequeue(waiter, "given_up", wall),
            Send(session.connection, ReturnAnswer(event.request, handle, 0), durable=False),
        ]
    # A repeated checkin is answered like the first; a handle that never was, or is another's, is an error.
    never = handle >= ledger.next_handle or (handle in ledger.seats and seat is None) or handle in ledger.waiters
    return [Send(session.connection, ReturnAnswer(event.request, handle, -41 if never else 0), durable=False)]
