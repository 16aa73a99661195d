"""The check of a ledger finds what is wrong with one: each kind of damage is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.vendor_bench import Bench

from seatkeeper.vendor.invariants import check_ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.vendor.ledger import Ledger

LICENSE = """
FEATURE f1 genesys.d 8.0 permanent 5 SIGN=00
FEATURE f2 genesys.d 8.0 permanent 5 DUP_GROUP=U LINGER=60 SIGN=00
"""
OPTIONS = "RESERVE 2 f1 USER ann\nMAX 4 f1 USER ann"


def ledger() -> Ledger:
    """Seats with reservation and ceiling, a shared seat, a lingering one, and a waiting request."""
    bench = Bench(LICENSE, OPTIONS)
    bench.take("ann", count=3)
    bench.take("ann", "f2")
    bench.take("ann/2", "f2")
    bench.take("bob", "f2")
    bench.leave("bob")
    bench.ask("cid", count=3, queue=True)
    bench.ledger.check()
    return bench.ledger


def first(ledger: Ledger) -> object:
    return next(iter(ledger.seats.values()))


def forget_session(ledger: Ledger) -> None:
    ledger.by_digest.clear()


def lose_session(ledger: Ledger) -> None:
    del ledger.sessions[1]


def lose_seat(ledger: Ledger) -> None:
    del ledger.seats[101]


def lose_kept(ledger: Ledger) -> None:
    ledger.kept.clear()


def miscount_pool(ledger: Ledger) -> None:
    ledger.pools["f1"][0].in_use += 1


def miscount_group(ledger: Ledger) -> None:
    next(iter(ledger.pools["f2"][0].groups.values())).count += 1


def leave_empty_group(ledger: Ledger) -> None:
    pool = ledger.pools["f2"][0]
    pool.groups["nobody"] = next(iter(pool.groups.values()))


def miscount_reservation(ledger: Ledger) -> None:
    ledger.pools["f1"][0].reservations[0].used -= 1


def miscount_idle(ledger: Ledger) -> None:
    ledger.pools["f1"][0].reserved_idle += 1


def miscount_ceiling(ledger: Ledger) -> None:
    first(ledger).charge.limits[0].used += 1


def reserve_too_much(ledger: Ledger) -> None:
    ledger.pools["f1"][0].reservations[0].count = 9


def miscount_session(ledger: Ledger) -> None:
    ledger.sessions[1].held += 1


def lose_waiter(ledger: Ledger) -> None:
    ledger.waiters.clear()


def leave_empty_queue(ledger: Ledger) -> None:
    ledger.queues["f2"] = {}


def use_handle_twice(ledger: Ledger) -> None:
    ledger.next_handle = 101


def forget_who_wants(ledger: Ledger) -> None:
    ledger.pools["f1"][0].wanting.clear()


@pytest.mark.parametrize(
    "damage",
    [
        forget_session,
        lose_session,
        lose_seat,
        lose_kept,
        miscount_pool,
        miscount_group,
        leave_empty_group,
        miscount_reservation,
        miscount_idle,
        miscount_ceiling,
        reserve_too_much,
        miscount_session,
        lose_waiter,
        leave_empty_queue,
        use_handle_twice,
        forget_who_wants,
    ],
)
def test_damage_is_found(damage: Callable[[Ledger], None]) -> None:
    damaged = ledger()
    damage(damaged)
    with pytest.raises(AssertionError, match=r"."):
        check_ledger(damaged)
