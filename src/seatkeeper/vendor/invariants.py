"""What must hold in every ledger, for the tests and the simulations to ask after each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatkeeper.pools.accounts import Charge
    from seatkeeper.pools.counted import Pool
    from seatkeeper.vendor.ledger import Ledger

__all__ = ["check_ledger"]


def check_ledger(ledger: Ledger) -> None:
    """Raises AssertionError where an invariant does not hold."""
    _check_seats(ledger)
    _check_pools(ledger)
    for session in ledger.sessions.values():
        mine = session.seats or {}
        if not session.over:
            assert ledger.by_digest.get(session.digest) is session, f"session {session.number} is not found by its digest"
        else:
            assert mine, f"session {session.number} is over, and keeps nothing"
        assert session.held == sum(seat.count for seat in mine.values() if not seat.until), f"session {session.number} miscounts"
        for handle in mine:
            assert handle in ledger.seats, f"{handle} of session {session.number} is not in the ledger"
    for name, queue in ledger.queues.items():
        assert queue, f"an empty queue for {name}"
        for handle, waiter in queue.items():
            assert ledger.waiters.get(handle) is waiter, ledger.story(handle)
            assert (waiter.session.waits or {}).get(handle) is waiter, ledger.story(handle)
    assert len(ledger.waiters) == sum(map(len, ledger.queues.values())), "a request waits in no queue"


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


def _check_pools(ledger: Ledger) -> None:
    used: dict[Pool, int] = {}
    charges: dict[Charge, None] = {}
    for seat in ledger.seats.values():
        if seat.counter is not None:
            charges[seat.counter] = None
        if seat.charge is not None:
            charges[seat.charge] = None
        elif seat.pool is not None:
            used[seat.pool] = used.get(seat.pool, 0) + seat.count
    for charge in charges:
        used[charge.pool] = used.get(charge.pool, 0) + charge.count
        taken = sum(charge.taken.values())
        assert 0 <= taken <= charge.count, f"{charge.pool.feature}: {taken} reserved of {charge.count}"
    for pools in ledger.pools.values():
        for pool in pools:
            assert pool.in_use == used.get(pool, 0), f"{pool.feature} {pool.key}: counts {pool.in_use}, holds {used.get(pool, 0)}"
            idle = sum(reservation.idle for reservation in pool.reservations)
            assert pool.reserved_idle == idle, f"{pool.feature} {pool.key}: {pool.reserved_idle} reserved and idle, {idle} counted"
            for reservation, waiting in pool.wanting.items():
                assert not reservation.idle, f"{pool.feature}: {len(waiting)} make do with open seats beside a free reservation"
            for key, shared in pool.groups.items():
                assert shared.members, f"{pool.feature}: an empty group {key!r}"
