"""Seats go out, come back, and are waited for.

A request is decided over the pools (pools.decision). Before it is denied for want of seats, those come back whose time to linger is
over; until then they are out for everybody but the one who gave them back, and he has them before all who wait.
One that may wait and finds none is queued, first come first served: nobody who comes later is given what an earlier one could
have, except out of a reservation of its own. The queue is of the feature, and each waiter bars the pools that lack seats for it, so that
waiting for an old version does not hold up those who need a newer one. Who is held back by a ceiling of its own bars nothing.
A request waits as long as seats may come free for it; when a reread or the calendar ends that, it is denied.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from seatkeeper.base.values import version_satisfies
from seatkeeper.pools.accounts import Shared
from seatkeeper.pools.decision import Decision, decide
from seatkeeper.pools.grouping import suite_pool
from seatkeeper.vendor.borrowing import borrow_denial, end_kept
from seatkeeper.vendor.entries import CheckedOut, Denial, Queued
from seatkeeper.vendor.events import Append, BorrowAnswer, DenialAnswer, GrantAnswer, ReturnAnswer, Send
from seatkeeper.vendor.seats import Waiter
from seatkeeper.vendor.state import BORROW_MARGIN_S, HEARD_RESOLUTION_S

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from seatkeeper.pools.counted import Pool
    from seatkeeper.vendor.events import CheckinAsked, CheckoutAsked, Instruction
    from seatkeeper.vendor.seats import Seat, Session
    from seatkeeper.vendor.state import State

__all__ = ["HOLDERS_TOLD_MAX", "back_in_queue", "checkin_asked", "checkout_asked", "granted", "serve_waiters"]

#: A denial names so many holders, and looks for them among so many seats.
HOLDERS_TOLD_MAX: Final = 20
_SEATS_SEEN_MAX: Final = 2000
#: Of a queue so many are looked at before the rest is.
_FIRST: Final = 8
#: Denials for want of what others hold.
_HELD: Final = (-4, -24, -67, -87, -101)
#: Denials whose rule may name others: those on the INCLUDE list, those for whom seats are reserved.
_NAMING: Final = (-39, -84, -101)
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
    own = _own_lingering(state, session, event) if ledger.kept else None
    barred = _barred_pools(state, name) if ledger.queues else _NOBODY
    decision = _decide_with_own(state, session, event, own, barred, wall)
    if decision.may_wait and ledger.kept:
        swept = end_kept(state, wall)
        if swept:
            instructions += swept
            own = own if own is not None and own.handle in ledger.kept else None
            decision = _decide_with_own(state, session, event, own, barred, wall)
    if event.trial:
        return [*instructions, Send(session.connection, _would_get(state, session, event, decision, wall), durable=False)]
    if decision.number:
        if event.queue and decision.may_wait and not event.borrow_until and decision.pool is not None:
            if len(ledger.queues.get(name, ())) < state.settings.waiters_max:
                instructions += [state.give_back(own, "linger", wall)] if own is not None else []
                return instructions + _enqueue(state, session, event, decision, wall)
            wait = "1 request waits" if state.settings.waiters_max == 1 else f"{state.settings.waiters_max} requests wait"
            decision = Decision(-24, decision.pool, reason=f"{wait} for {event.feature} already.")
        return instructions + _deny(state, session, event, decision, wall)
    if own is not None:
        instructions.append(state.give_back(own, "linger", wall))
    if ledger.queues and _counts_twice(decision):
        state.stir(name)
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


def _would_get(state: State, session: Session, event: CheckoutAsked, decision: Decision, wall: float) -> GrantAnswer | DenialAnswer:
    """The answer to a trial, which leaves everything as it is."""
    if decision.number:
        return _denial_of(state, session, event, decision)
    return GrantAnswer(event.request, 0, decision.count, decision.pool, show_line=True, at=wall)


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


def _decide(
    state: State,
    session: Session,
    asked: CheckoutAsked | Waiter,
    barred: Collection[Pool],
    wall: float,
    pools: Sequence[Pool] | None = None,
) -> Decision:
    settings, ledger = state.settings, state.ledger
    terms = ledger.terms
    if pools is None:
        pools = terms.pools.get(asked.feature.lower(), ())
    seats_max = settings.seats_max
    if session.held + asked.count > seats_max:
        seats_max -= _held(session, asked.feature)
        if seats_max <= 0:
            return Decision(-26, reason=f"One client may hold at most {settings.seats_max} seats of a feature, and this one does.")
    if len(session.seats or ()) + len(session.waits or ()) >= settings.handles_max:
        handles = sum(not seat.until for seat in (session.seats or {}).values()) + len(session.waits or ())
        # A waiting request has its handle already.
        if handles - isinstance(asked, Waiter) >= settings.handles_max:
            return Decision(-26, reason=f"One client may hold at most {settings.handles_max} handles, and this one does.")
    asker = session.asker
    if asker is None or asked.data or asked.display:
        asker = ledger.asker(session, asked.display, asked.data)
    decision = decide(asked, pools, seats_max, terms, asker, barred)
    if decision.count > asked.count and session.held + decision.count > seats_max:
        # MINIMUM has raised it, and now it is too much, or it is not.
        decision = decide(asked, pools, settings.seats_max - _held(session, asked.feature), terms, asker, barred)
    if decision.number or isinstance(asked, Waiter) or not asked.borrow_until:
        return decision
    denial = borrow_denial(state, session, asked, decision, wall)
    if denial is None:
        return decision
    # Another pool may be one of which seats are borrowed.
    others = [pool for pool in pools if pool is not decision.pool]
    other = _decide(state, session, asked, barred, wall, others) if others else denial
    return denial if other.number else other


def _held(session: Session, feature: str) -> int:
    """Seats of the feature that the client holds."""
    name = feature.lower()
    return sum(seat.count for seat in (session.seats or {}).values() if not seat.until and seat.feature.lower() == name)


# Denials -------------------------------------------------------------------------------------------------------------


def _deny(state: State, session: Session, event: CheckoutAsked | Waiter, decision: Decision, wall: float) -> list[Instruction]:
    """The denial, answered, counted and written down."""
    number, pool = decision.number, decision.pool
    if pool is not None:
        pool.denials += 1
    denial = Denial(wall, session.user, session.host, event.feature, event.version, event.count, number, decision.reason, decision.rule)
    return [*state.denials.write(denial), Send(session.connection, _denial_of(state, session, event, decision), durable=False)]


def _denial_of(state: State, session: Session, event: CheckoutAsked | Waiter, decision: Decision) -> DenialAnswer:
    """The denial with what explains it: the line that decides, the holders where the client may know them, the next seat."""
    number, pool = decision.number, decision.pool
    holders: tuple[str, ...] = ()
    free_at = 0.0
    if pool is not None and number in _HELD:
        seats = [seat for seat in islice(state.ledger.seats.values(), _SEATS_SEEN_MAX) if _is_in_the_way(state, seat, decision)]
        free_at = min((end for seat in seats if (end := _end_of(seat))), default=0.0)
        if session.knows:
            holders = tuple(_holder(seat, pool) for seat in seats[:HOLDERS_TOLD_MAX])
    # A line of the options file may name others: who may not know them is told where it stands.
    rule = decision.rule if session.knows or number not in _NAMING else decision.rule.partition(": ")[0]
    return DenialAnswer(event.request, number, decision.reason, rule, holders, free_at)


def _is_in_the_way(state: State, seat: Seat, denial: Decision) -> bool:
    """Whether the request lacks these seats: of its pool or suite, under its full ceiling, or borrowed where too many are."""
    pool, right = denial.pool, denial.right
    if denial.number == -87:
        charge = seat.charge
        limits = charge.members[seat.handle][1] if isinstance(charge, Shared) else charge.limits if charge is not None else ()
        return right is not None and any(limit in right.limits for limit in limits)
    if denial.number == -67:
        return seat.pool is pool and bool(seat.borrow_until)
    if seat.pool is pool:
        return True
    # Whoever holds another component has the suite, and may have this component kept.
    counter = suite_pool(pool, state.ledger.pools) if pool is not None and pool.suite and seat.counter is not None else None
    return counter is not None and seat.counter is not None and seat.counter.pool is counter


def _end_of(seat: Seat) -> float:
    """When the seats come back by themselves; 0 where they do not."""
    return seat.until or (seat.borrow_until and seat.borrow_until + BORROW_MARGIN_S)


def _holder(seat: Seat, pool: Pool) -> str:
    other = f" ({seat.feature})" if seat.feature != pool.feature else ""
    count = f", {seat.count} seats" if seat.count > 1 else ""
    kept = " (borrowed)" if seat.borrow_until else " (lingers)" if seat.until else ""
    return f"{seat.session.who} {seat.display}{other}{count}{kept}"


# Lingering -----------------------------------------------------------------------------------------------------------


def _own_lingering(state: State, session: Session, event: CheckoutAsked) -> Seat | None:
    """The seats that linger for whoever asks, the soonest to end first: who comes back takes those, and not further ones."""
    name, display = event.feature.lower(), event.display or session.display
    found = [
        seat
        for seat in state.ledger.kept.values()
        if not seat.borrow_until
        and seat.session.who == session.who
        and seat.display == display
        and seat.count <= event.count
        and seat.feature.lower() == name
    ]
    return min(found, key=lambda seat: seat.until, default=None)


def _decide_with_own(
    state: State, session: Session, event: CheckoutAsked, own: Seat | None, barred: Collection[Pool], wall: float
) -> Decision:
    """The decision as if the seats that linger for the asker were back; who waits comes first only for seats beyond those."""
    if own is None:
        return _decide(state, session, event, barred, wall)
    if own.count == event.count:
        mine = {own.pool, own.counter.pool if own.counter is not None else None}
        barred = frozenset(pool for pool in barred if pool not in mine)
    state.ledger.uncount(own)
    try:
        return _decide(state, session, event, barred, wall)
    finally:
        state.ledger.recount(own)


# Waiting -------------------------------------------------------------------------------------------------------------


def _enqueue(state: State, session: Session, event: CheckoutAsked, denial: Decision, wall: float) -> list[Instruction]:
    instructions = state.begin(session, wall)
    pool = denial.pool
    assert pool is not None
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
    waiter.bars = denial.bars
    instructions.append(Append(entry, waiter))
    # The last of its pool: counted, where looking through a long queue would cost more than all the rest.
    instructions.append(state.tell_place(waiter, state.ledger.waiting[pool.feature.lower(), pool.key]))
    return instructions


def _barred_pools(state: State, name: str) -> set[Pool]:
    """The pools for whose seats somebody waits."""
    queues = state.ledger.queues
    pools = state.ledger.pools.get(name, ())
    names = state.family(name)
    barred: set[Pool] = set()
    for one in names:
        for waiter in queues.get(one, {}).values():
            barred.update(waiter.bars)
            if len(names) == 1 and len(barred) >= len(pools):
                break
    return barred


def serve_waiters(state: State, name: str, wall: float) -> list[Instruction]:
    """Gives what has come free to those who wait for the feature, or for others of its suite, in their order."""
    instructions: list[Instruction] = []
    while _serve_in_turn(state, name, wall, instructions):
        # What was given has brought another to its ceiling, or has taken another part of a suite: that one bars others than before.
        pass
    return instructions


def _serve_in_turn(state: State, name: str, wall: float, instructions: list[Instruction]) -> bool:
    """Serves each once; whether somebody who still waits may bar others than before."""
    ledger = state.ledger
    barred: set[Pool] = set()
    again = False
    names = state.family(name)
    pools = [pool for one in names for pool in ledger.pools.get(one, ())]
    # Who may share what is held already, or has seats reserved, is served whoever waits; and whom new lines or rules deny is told at once.
    shared = any(pool.special or pool.reserved_idle for pool in pools)
    plain = bool(pools) and not shared and state.weighed.get(name) is ledger.terms
    for waiter in _in_order(state, names):
        session = waiter.session
        if session.connection is None:
            # One that has not come back after a restart keeps its place; seats for it would be out for nobody.
            waiter.bars = _would_do(state, waiter)
            barred.update(waiter.bars)
            if plain and len(barred) >= len(pools):
                break
            continue
        decision = _decide(state, session, waiter, barred, wall)
        if not decision.number:
            again = again or (bool(barred) and _counts_twice(decision))
            instructions.append(state.dequeue(waiter, "served", wall))
            instructions += _seat(state, session, waiter, decision, waiter.handle, wall)
            continue
        if _is_in_vain(decision):
            instructions += _turn_away(state, waiter, decision, wall)
            continue
        waiter.bars = decision.bars
        barred.update(waiter.bars)
        if plain and len(barred) >= len(pools):
            break
    else:
        state.weighed[name] = ledger.terms
    return again


def _counts_twice(decision: Decision) -> bool:
    """Whether the seats count in more than their pool, so that others who wait may lack something else from now on."""
    return (decision.pool is not None and bool(decision.pool.suite)) or (decision.right is not None and bool(decision.right.limits))


def back_in_queue(state: State, session: Session, wall: float) -> list[Instruction]:
    """A client has come back to what it waits for: it is told its places, or that it waits in vain by now."""
    instructions: list[Instruction] = []
    for waiter in list((session.waits or {}).values()):
        # Whether it is served is seen in its turn.
        decision = _decide(state, session, waiter, state.ledger.pools.get(waiter.feature.lower(), ()), wall)
        if decision.number and _is_in_vain(decision):
            instructions += _turn_away(state, waiter, decision, wall)
        else:
            state.stir(waiter.feature)
            instructions.append(state.tell_place(waiter, state.place(waiter)))
    return instructions


def _is_in_vain(denial: Decision) -> bool:
    """Whether nothing that comes free will do; that the clock is back will pass."""
    return not denial.may_wait and denial.number != -88


def _turn_away(state: State, waiter: Waiter, denial: Decision, wall: float) -> list[Instruction]:
    return [state.dequeue(waiter, "denied", wall), *_deny(state, waiter.session, waiter, denial, wall)]


def _in_order(state: State, names: Sequence[str]) -> Iterator[Waiter]:
    """Those who wait for one of the features, first come first served: a handle says when its request came.

    The one who was given last may leave its queue before the next is asked for.
    """
    queues = [state.ledger.queues[name] for name in names if name in state.ledger.queues]
    if len(queues) != 1:
        yield from sorted((waiter for queue in queues for waiter in queue.values()), key=lambda waiter: waiter.handle)
        return
    # Seldom is there more to give than the first can take, and a copy of a long queue is dear.
    first = list(islice(queues[0].values(), _FIRST))
    yield from first
    if len(first) == _FIRST:
        yield from [waiter for waiter in queues[0].values() if waiter.handle > first[-1].handle]


def _would_do(state: State, waiter: Waiter) -> tuple[Pool, ...]:
    """The pools that would do for a request, as far as can be told without its client."""
    rule, pools = state.settings.rule, state.ledger.pools
    found = [pool for pool in pools.get(waiter.feature.lower(), ()) if pool.good and version_satisfies(pool.version, waiter.version, rule)]
    suites = [suite_pool(pool, pools) for pool in found]
    return (*found, *(suite for suite in suites if suite is not None))


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
