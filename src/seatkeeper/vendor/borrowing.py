"""Seats that go away with their holder: who may borrow how many for how long, and how they come back.

Borrowed seats count in their pool until their time is over, whether or not the session that borrowed them lives: nobody can ask a
laptop on the road. They come back earlier in two ways. The borrower returns them, which only who has the borrow's record can
(the shell proves the secret). Or an administrator revokes the borrow, and takes upon himself that the borrower may go
on offline, so that more seats are in use than licensed; that act is in the journal.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seatkeeper.base.dates import format_date
from seatkeeper.pools.accounts import Shared
from seatkeeper.pools.decision import Decision, asked_for, license_line, seats
from seatkeeper.vendor.entries import Act, CheckedIn
from seatkeeper.vendor.events import Append, LossAnswer, RemovalAnswer, ReturnAnswer, Send
from seatkeeper.vendor.state import BORROW_MARGIN_S

if TYPE_CHECKING:
    from seatkeeper.pools.counted import Pool
    from seatkeeper.vendor.events import BorrowReturned, CheckoutAsked, Instruction, RevokeAsked
    from seatkeeper.vendor.seats import Session
    from seatkeeper.vendor.state import State

__all__ = ["borrow_denial", "borrow_returned", "borrowed_seats", "end_kept", "revoke_asked"]

_HOUR_S = 3600.0


def borrow_denial(state: State, session: Session, event: CheckoutAsked, decision: Decision, wall: float) -> Decision | None:
    """Why seats that could be checked out may not be borrowed; None where they may."""
    pool = decision.pool
    assert pool is not None
    name, wanted = pool.feature, event.borrow_until - wall
    access = state.ledger.terms.access
    if pool.borrow_s is None:
        return Decision(-68, pool, reason=f"{name} may not be borrowed: its license has no BORROW.", rule=license_line(pool))
    if wanted <= 0:
        return Decision(-117, pool, reason=f"{name} cannot be borrowed until a time that is over.")
    # A minute more than allowed is a clock that differs a little, and no wish.
    if wanted > pool.borrow_s + BORROW_MARGIN_S:
        hours = pool.borrow_s / _HOUR_S
        reason = f"{name} may be borrowed for {hours:g} hour{'' if hours == 1 else 's'}, {wanted / _HOUR_S:.1f} were asked for."
        limited = access is not None and access.borrow_hours_max(pool) == hours
        rule = access.line(pool, "MAX_BORROW_HOURS") if access is not None and limited else license_line(pool, "BORROW")
        return Decision(-104, pool, reason=reason, rule=rule)
    if access is not None:
        right = access.borrow_rights(pool, state.ledger.asker(session, event.display, event.data).who)
        if right.number:
            return Decision(right.number, pool, reason=right.reason, rule=right.rule)
    if pool.counted:
        borrowed = _borrowed(state, pool)
        left = pool.total - pool.lowwater - sum(borrowed.values())
        # Who shares a license that is borrowed already takes no further one with him.
        display = event.display or session.display
        shared = pool.groups.get(pool.group_key(session.user, session.host, display, event.data)) if pool.mask else None
        if decision.count - borrowed.get(shared, 0) > left:
            kept = f" ({pool.lowwater} must stay, BORROW_LOWWATER)" if pool.lowwater else ""
            rule = access.line(pool, "BORROW_LOWWATER") if access is not None and pool.lowwater else license_line(pool)
            reason = f"Of {name} {seats(max(left, 0))} can be borrowed{kept}; {asked_for(decision.count)}."
            return Decision(-67, pool, reason=reason, rule=rule)
    return None


def borrowed_seats(state: State) -> int:
    """How many seats are borrowed, of all pools."""
    return sum(_borrowed(state).values())


def _borrowed(state: State, pool: Pool | None = None) -> dict[object, int]:
    """The seats that are borrowed, of one pool or of all: of a shared license as many as the largest checkout takes with it."""
    found: dict[object, int] = {}
    for seat in state.ledger.seats.values():
        if seat.borrow_until and (pool is None or seat.pool is pool):
            key = seat.charge if isinstance(seat.charge, Shared) else seat.handle
            found[key] = max(found.get(key, 0), seat.count)
    return found


def borrow_returned(state: State, event: BorrowReturned, _now: float, wall: float) -> list[Instruction]:
    """The borrower gives seats back before their time."""
    seat = state.ledger.seats.get(event.handle)
    if not event.proven:
        number = -124
    elif seat is None:
        # It came back before: by its time, by an earlier return, or by an administrator's act.
        number = -105 if event.handle < state.ledger.next_handle else -128
    elif not seat.borrow_until:
        number = -128
    else:
        number = 0
    answer = Send(event.connection, ReturnAnswer(event.request, event.handle, number), durable=number == 0)
    if number:
        return [answer]
    assert seat is not None
    return [state.give_back(seat, "returned", wall), answer]


def revoke_asked(state: State, event: RevokeAsked, _now: float, wall: float) -> list[Instruction]:
    """An administrator ends a borrow; its seats are free at once."""
    seat = state.ledger.seats.get(event.handle)
    if seat is None or not seat.borrow_until:
        text = f"Handle {event.handle} is no borrowed license: see the handles with a linger suffix in `lmstat -a`."
        return [Send(event.connection, RemovalAnswer(event.request, 0, -41, text), durable=True)]
    text = f"{seat.feature} handle {event.handle} of {seat.session.who}, borrowed until {_moment(seat.borrow_until)}"
    instructions: list[Instruction] = [Append(Act(wall, "revoke", event.by_user, event.by_host, text))]
    connection = seat.session.connection if not seat.until else None
    instructions.append(state.give_back(seat, "revoked", wall))
    if connection is not None:
        loss = LossAnswer(event.handle, 0, f"The borrow was revoked by {event.by_user}@{event.by_host}.")
        instructions.append(Send(connection, loss, durable=True))
    said = f"The borrow of {seat.feature} by {seat.session.who} is revoked"
    instructions.append(Send(event.connection, RemovalAnswer(event.request, 1, 0, said), durable=True))
    return instructions


def _moment(at: float) -> str:
    """A time in UTC, so that the journal says the same wherever it is read."""
    when = datetime.fromtimestamp(at, UTC)
    return f"{format_date(when.date())} {when:%H:%M} UTC"


def end_kept(state: State, wall: float) -> list[Instruction]:
    """Seats that lingered or were borrowed come back when their time is over."""
    instructions: list[Instruction] = []
    for seat in state.ended(wall):
        entry = CheckedIn(wall, seat.handle, "expired" if seat.borrow_until else "linger")
        state.stir(seat.feature)
        instructions.append(Append(entry, state.ledger.apply(entry)))
    return instructions
