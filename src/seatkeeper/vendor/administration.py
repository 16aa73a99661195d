"""What an administrator does: seats removed, lines exchanged, and the calendar's turn, which exchanges lines as well.

Removing. "Live" seats are the client's until it knows better: a removal tells the client, and the seats are free when it confirms,
or when its lease has ended (design, One log: nobody may have two seats of one). Seats that linger or are borrowed are not
removed (-100): the first end by themselves, the second are revoked (borrowing.py).

Rereading. All lines and the options file are exchanged at once. Holders keep their seats: over a lowered count, against a new rule, and
without a line (then they are told of a violation, error -92, and when it is over).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.base.dates import format_date
from seatkeeper.licfile.options_model import EMPTY_OPTIONS
from seatkeeper.pools.access import Access
from seatkeeper.pools.decision import Terms
from seatkeeper.pools.grouping import group_lines
from seatkeeper.vendor.entries import Act, Expired, Reread, Revoked
from seatkeeper.vendor.events import Append, LossAnswer, Offer, RemovalAnswer, RestoreAnswer, Send

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from seatkeeper.licfile.model import Signable
    from seatkeeper.licfile.options import OptionsFile
    from seatkeeper.pools.counted import Pool
    from seatkeeper.pools.decision import Unserved
    from seatkeeper.pools.subjects import Who
    from seatkeeper.vendor.events import Acted, Instruction, LicenseReread, RemoveAsked
    from seatkeeper.vendor.ledger import Ledger
    from seatkeeper.vendor.seats import Seat
    from seatkeeper.vendor.state import State, VendorSettings

__all__ = ["acted", "license_reread", "prepare", "remove_asked", "set_day", "uncovered"]


def remove_asked(state: State, event: RemoveAsked, now: float, wall: float) -> list[Instruction]:
    """The seats of one handle, or all of a user on a host and display, are taken back."""
    ledger = state.ledger
    name = event.feature.lower()
    among = [ledger.seats[event.handle]] if event.handle in ledger.seats else ledger.seats.values()
    found = [seat for seat in among if seat.feature.lower() == name and _is_meant(seat, event)]
    live = [seat for seat in found if not seat.until and seat.borrow_until <= wall]
    if not found:
        number, text = (-41, "No checkout matches.") if name in ledger.pools else (-5, "There is no such feature.")
        return [Send(event.connection, RemovalAnswer(event.request, 0, number, text), durable=True)]
    if not live:
        text = "The seats linger, or are borrowed: the first end by themselves, the second are revoked by `lmborrow -revoke`."
        return [Send(event.connection, RemovalAnswer(event.request, 0, -100, text), durable=True)]
    pause = state.settings.remove_pause_s
    if any(_taken_again(state, seat, now) for seat in live):
        text = f"The same seats were removed less than {pause:g} s ago: their application runs, and takes them again."
        return [Send(event.connection, RemovalAnswer(event.request, 0, -64, text), durable=True)]
    whose = f"handle {event.handle}" if event.handle else f"{event.user} {event.host} {event.display}"
    instructions: list[Instruction] = [Append(Act(wall, "lmremove", event.by_user, event.by_host, f"{found[0].feature} {whose}"))]
    for seat in live:
        state.removed[_place(seat)] = now, wall
        if seat.revoked:
            continue
        state.revoked[seat.handle] = now + state.lease_s
        instructions.append(state.write(Revoked(wall, seat.handle, event.by_user, event.by_host)))
        if seat.session.connection is not None:
            loss = LossAnswer(seat.handle, 0, f"Removed by {event.by_user}@{event.by_host}.")
            instructions.append(Send(seat.session.connection, loss, durable=True))
    instructions.append(Send(event.connection, RemovalAnswer(event.request, len(live), 0, f"{len(live)} removed"), durable=True))
    return instructions


def _place(seat: Seat) -> tuple[str, str, str, str]:
    session = seat.session
    return seat.feature.lower(), session.user, session.host, seat.display


def _taken_again(state: State, seat: Seat, now: float) -> bool:
    """Whether the seats were checked out since the last removal, and that is not long ago."""
    last = state.removed.get(_place(seat))
    return last is not None and now - last[0] < state.settings.remove_pause_s and seat.since > last[1]


def _is_meant(seat: Seat, event: RemoveAsked) -> bool:
    if event.handle:
        return seat.handle == event.handle
    session = seat.session
    return session.user == event.user and session.host == event.host and seat.display == event.display


def acted(_state: State, event: Acted, _now: float, wall: float) -> list[Instruction]:
    """What an administrator did is in the log."""
    return [Append(Act(wall, event.what, event.by_user, event.by_host, event.text))]


def license_reread(state: State, event: LicenseReread, _now: float, wall: float) -> list[Instruction]:
    """All lines are exchanged at once, and who is concerned is told."""
    ledger = state.ledger
    covered = _covered(ledger)
    offer = event.offer or prepare(state.settings, event.lines, event.options, event.today, unserved=event.unserved)
    terms, state.ignored = offer.terms, list(offer.ignored)
    terms.clock_back = ledger.terms.clock_back
    if terms.today != event.today:
        for group in terms.pools.values():
            for pool in group:
                pool.set_day(event.today)
        terms.today = event.today
        if terms.access is not None:
            terms.access.forget()
    ledger.exchange_pools(terms)
    state.dirty.update(ledger.queues)
    entry = Reread(
        wall,
        [(pool.feature, pool.key, pool.total) for group in terms.pools.values() for pool in group],
        event.by_user,
        event.by_host,
    )
    return [Append(entry), *_tell_of_cover(state, covered)]


def prepare(
    settings: VendorSettings,
    lines: Sequence[Signable],
    options: OptionsFile | None,
    today: date,
    holders: Sequence[tuple[Who, str, str]] = (),
    unserved: Mapping[str, Unserved] | None = None,
) -> Offer:
    """What these lines offer by these rules: everything about a reread that needs no ledger, and may be done beside the service.

    `unserved` are the features of lines that are refused.
    What `holders` of seats (`Ledger.holders`) may do by the new rules is found out too, so that the exchange is short.
    """
    pools, ignored = group_lines(lines, today, order=settings.order, pool_vendor_string=settings.pool_vendor_string)
    access = _access(options, pools, settings)
    packages: set[str] = set()
    for group in pools.values():
        for pool in group:
            if pool.package:
                packages.add(pool.package.lower())
            if access is not None:
                pool.obey(access)
                pool.set_day(today)
    if access is not None:
        for who, name, key in holders:
            for pool in pools.get(name.lower(), ()):
                if pool.key == key:
                    access.expect(pool, who)
    terms = Terms(today, settings.rule, pools, access, frozenset(packages - pools.keys()), unserved=unserved or {}, options=options)
    return Offer(terms, tuple(ignored))


def _access(options: OptionsFile | None, pools: Mapping[str, Sequence[Pool]], settings: VendorSettings) -> Access | None:
    """What the options file says; without rules only where a license itself wants some (USER_BASED, HOST_BASED)."""
    needed = any(
        line.attribute(name) is not None for group in pools.values() for pool in group for line in pool.lines[:1] for name in _BASED
    )
    if (options is None or not options.rules) and not needed:
        return None
    return Access(options if options is not None else EMPTY_OPTIONS, pools, settings.vendor, timeout_s_min=int(settings.timeout_s_min))


_BASED = ("USER_BASED", "HOST_BASED")


def set_day(state: State, today: date, wall: float) -> list[Instruction]:
    """Lines begin and end with the calendar; who holds seats of one that has ended is told."""
    ledger = state.ledger
    covered = _covered(ledger)
    instructions: list[Instruction] = []
    # With the clock set back a license may not have begun yet, which has not ended by that.
    forward, ledger.terms.today = today > ledger.terms.today, today
    for pools in ledger.pools.values():
        for pool in pools:
            was_good = pool.good
            pool.set_day(today)
            ledger.settle(pool)
            if was_good and not pool.good and forward:
                instructions.append(Append(Expired(wall, pool.feature, pool.key)))
    if ledger.terms.access is not None:
        ledger.terms.access.forget()
        ledger.forget_rights()
    state.dirty.update(ledger.queues)
    state.weighed.clear()
    return instructions + _tell_of_cover(state, covered)


def _covered(ledger: Ledger) -> set[int]:
    """The handles whose seats a line covers that is good today."""
    return {handle for handle, seat in ledger.seats.items() if seat.pool is not None and seat.pool.good}


def _tell_of_cover(state: State, covered: set[int]) -> list[Instruction]:
    """Whom a license line covers no longer, or again."""
    instructions: list[Instruction] = []
    for handle, seat in state.ledger.seats.items():
        connection = seat.session.connection
        if connection is None or seat.until:
            continue
        loss = uncovered(seat, state.ledger.terms.today)
        if loss is not None and handle in covered:
            instructions.append(Send(connection, loss, durable=True))
        elif loss is None and handle not in covered:
            instructions.append(Send(connection, RestoreAnswer(handle), durable=True))
    return instructions


def uncovered(seat: Seat, today: date) -> LossAnswer | None:
    """What the holder of seats is told that no license line covers any more, or none that is good today; None where one does."""
    if seat.pool is None:
        return LossAnswer(seat.handle, -92, f"No license line covers {seat.feature} any more.")
    if seat.pool.good:
        return None
    start = seat.pool.next_start(today)
    if start is not None:
        return LossAnswer(seat.handle, -31, f"{seat.feature} is licensed from {format_date(start)} on.")
    return LossAnswer(seat.handle, -10, f"The license of {seat.feature} has expired.")
