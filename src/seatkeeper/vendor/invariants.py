"""What must hold in every ledger, for the tests and the simulations to ask after each step."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from seatkeeper.pools.accounts import Shared

if TYPE_CHECKING:
    from seatkeeper.pools.access import Limit, Reservation
    from seatkeeper.pools.accounts import Charge
    from seatkeeper.pools.counted import Pool
    from seatkeeper.vendor.ledger import Ledger

__all__ = ["check_ledger"]


def check_ledger(ledger: Ledger) -> None:
    """Raises AssertionError where an invariant does not hold."""
    _check_seats(ledger)
    _check_sessions(ledger)
    _check_queues(ledger)
    charges = _charges(ledger)
    _check_use(ledger, charges)
    _check_counters(ledger, charges)


def _check_seats(ledger: Ledger) -> None:
    for handle, seat in ledger.seats.items():
        assert seat.handle == handle < ledger.next_handle, ledger.story(handle)
        assert seat.session.begun, ledger.story(handle)
        assert ledger.sessions.get(seat.session.number) is seat.session, ledger.story(handle)
        assert (seat.session.seats or {}).get(handle) is seat, ledger.story(handle)
        assert (handle in ledger.kept) == bool(seat.until), ledger.story(handle)
        assert handle not in ledger.waiters, ledger.story(handle)
    for handle in ledger.kept:
        assert handle in ledger.seats, ledger.story(handle)


def _check_sessions(ledger: Ledger) -> None:
    for session in ledger.sessions.values():
        mine = session.seats or {}
        if not session.over:
            assert ledger.by_digest.get(session.digest) is session, f"session {session.number} is not found by its digest"
        else:
            assert mine, f"session {session.number} is over, and keeps nothing"
            assert not session.waits, f"session {session.number} is over, and waits"
        assert session.held == sum(seat.count for seat in mine.values() if not seat.until), f"session {session.number} miscounts"
        assert not session.over or not session.held, f"session {session.number} is over, and holds seats"
        for handle in mine:
            assert handle in ledger.seats, f"{handle} of session {session.number} is not in the ledger"
    for digest, session in ledger.by_digest.items():
        assert session.digest == digest, f"session {session.number} is found by another's digest"
        assert ledger.sessions.get(session.number) is session, f"session {session.number} is gone, and found by its digest"


def _check_queues(ledger: Ledger) -> None:
    for name, queue in ledger.queues.items():
        assert queue, f"an empty queue for {name}"
        assert list(queue) == sorted(queue), f"{name}: who came first does not stand first"
        for handle, waiter in queue.items():
            assert ledger.waiters.get(handle) is waiter, ledger.story(handle)
            assert (waiter.session.waits or {}).get(handle) is waiter, ledger.story(handle)
    shown = Counter((name, waiter.pool_key) for name, queue in ledger.queues.items() for waiter in queue.values())
    assert ledger.waiting == shown, "the waiting requests of a pool are miscounted"
    assert len(ledger.waiters) == sum(map(len, ledger.queues.values())), "a request waits in no queue"


def _charges(ledger: Ledger) -> dict[Charge, None]:
    """All accounts of seats, each once."""
    charges: dict[Charge, None] = {}
    for handle, seat in ledger.seats.items():
        for charge in (seat.charge, seat.counter):
            if charge is not None:
                charges[charge] = None
                assert not isinstance(charge, Shared) or handle in charge.members, ledger.story(handle)
        assert seat.charge is None or seat.charge.pool is seat.pool, ledger.story(handle)
    for charge in charges:
        if isinstance(charge, Shared):
            assert charge.pool.groups.get(charge.key) is charge, f"{charge.pool.feature}: the group {charge.key!r} is another one"
            assert charge.count == max(count for count, _, _ in charge.members.values()), f"{charge.pool.feature}: a group miscounts"
            assert charge.members.keys() <= ledger.seats.keys(), f"{charge.pool.feature}: a member of {charge.key!r} is gone"
    return charges


def _check_use(ledger: Ledger, charges: dict[Charge, None]) -> None:
    """Every pool has so many seats in use as are held, and so many groups."""
    used: dict[Pool, int] = {}
    for seat in ledger.seats.values():
        if seat.charge is None and seat.pool is not None:
            used[seat.pool] = used.get(seat.pool, 0) + seat.count
    for charge in charges:
        used[charge.pool] = used.get(charge.pool, 0) + charge.count
    groups = {charge for charge in charges if isinstance(charge, Shared)}
    for pools in ledger.pools.values():
        for pool in pools:
            assert pool.in_use == used.get(pool, 0), f"{pool.feature} {pool.key}: counts {pool.in_use}, holds {used.get(pool, 0)}"
            for key, shared in pool.groups.items():
                assert shared.key == key, f"{pool.feature}: the group {shared.key!r} is found as {key!r}"
                assert shared in groups, f"{pool.feature}: nobody is of the group {key!r}"


def _check_counters(ledger: Ledger, charges: dict[Charge, None]) -> None:
    """Every reservation and ceiling counts what its subjects hold, and nobody makes do with open seats beside a free reservation."""
    reserved: dict[Reservation, int] = {}
    limited: dict[Limit, int] = {}
    for charge in charges:
        assert 0 <= charge.open <= charge.count, f"{charge.pool.feature}: {charge.taken} reserved of {charge.count}"
        for reservation, taken in charge.taken.items():
            assert taken > 0, f"{charge.pool.feature}: nothing is taken from {reservation.name}"
            assert reservation in charge.reservations, f"{charge.pool.feature}: taken from {reservation.name}, which is for others"
            assert reservation in charge.pool.reservations, f"{charge.pool.feature}: taken from {reservation.name}, which has ended"
            reserved[reservation] = reserved.get(reservation, 0) + taken
        rest, lacks = charge.count, set()
        for reservation in charge.reservations:
            rest -= charge.taken.get(reservation, 0)
            lacks |= {reservation} if rest else set()
        wants = {reservation for reservation, waiting in charge.pool.wanting.items() if charge in waiting}
        assert wants == lacks, f"{charge.pool.feature}: a charge wants other seats"
        for limit, count in _limited(charge).items():
            limited[limit] = limited.get(limit, 0) + count
    for limit, count in limited.items():
        assert limit.used == count, f"{limit.rule.text}: counts {limit.used}, holds {count}"
    for pools in ledger.pools.values():
        for pool in pools:
            for reservation in pool.reservations:
                assert reservation.used <= reservation.count, f"{pool.feature} {reservation.name}: {reservation.used} taken"
                assert reservation.used == reserved.get(reservation, 0), f"{pool.feature} {reservation.name}: counts {reservation.used}"
            idle = sum(reservation.idle for reservation in pool.reservations)
            assert pool.reserved_idle == idle, f"{pool.feature} {pool.key}: {pool.reserved_idle} reserved and idle, {idle} counted"
            kept = sum(reservation.count for reservation in pool.reservations)
            assert kept <= pool.total, f"{pool.feature} {pool.key}: {kept} of {pool.total} are reserved"
            for reservation, waiting in pool.wanting.items():
                assert not reservation.idle, f"{pool.feature}: {len(waiting)} make do with open seats beside a free reservation"
                assert waiting.keys() <= charges.keys(), f"{pool.feature}: a charge that has ended wants seats of {reservation.name}"


def _limited(charge: Charge) -> dict[Limit, int]:
    """How many seats of the charge each ceiling counts."""
    if not isinstance(charge, Shared):
        return dict.fromkeys(charge.limits, charge.count)
    found: dict[Limit, int] = {}
    for count, limits, _ in charge.members.values():
        for limit in limits:
            found[limit] = max(found.get(limit, 0), count)
    return found
