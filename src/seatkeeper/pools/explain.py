"""What somebody would get of a pool while all its seats are free, and which line decides: the options file told for one person.

Nothing but the options file, the request and the license lines count here: no seats in use, no host id of the asker. So the answer
is the same at every hour of a day, and what a denial then has to do with the hour is for the server to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from seatkeeper.base.dates import format_date
from seatkeeper.base.values import version_satisfies

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from seatkeeper.base.values import VersionRule
    from seatkeeper.pools.access import Access, Reservation, Who
    from seatkeeper.pools.counted import Pool

__all__ = ["Borrowing", "Explanation", "Kept", "explain"]

_HOUR_S = 3600.0


class Kept(msgspec.Struct, frozen=True):
    """Seats that a line keeps for somebody, or allows him at most.

    Attributes:
        seats: How many.
        rule: The line, as `genesys.d.opt:12: RESERVE 5 f1 USER joe`.
    """

    seats: int
    rule: str


class Borrowing(msgspec.Struct, frozen=True):
    """Whether the pool may be borrowed; `hours_max` and `seats_kept` say for how long, and how many seats stay."""

    number: int = 0
    reason: str = ""
    rule: str = ""
    hours_max: float = 0.0
    seats_kept: int = 0


class Explanation(msgspec.Struct, frozen=True):
    """What somebody would get of one pool.

    Attributes:
        feature: The pool's feature.
        pool: Which of its pools.
        version: The licensed version.
        seats: How many are licensed today; None for an uncounted license.
        overdraft: How many may be held beyond.
        number: 0, or the number of the denial.
        reason: One sentence, for a denial.
        rule: The line that decides; empty where none does.
        seats_max: How many he may have; None for any number.
        limits: The ceilings that count him.
        kept: Seats that are kept for him.
        kept_for_others: Seats that are kept for others.
        borrowing: Whether he may borrow; None where the license does not allow it to anybody.
        timeout_s: After how much idleness a seat is taken back; None for never.
        linger_s: How long a seat stays out after its checkin.
        hostids: The machines to which the license is locked; empty for any.
    """

    feature: str
    pool: str
    version: str
    seats: int | None
    overdraft: int = 0
    number: int = 0
    reason: str = ""
    rule: str = ""
    seats_max: int | None = None
    limits: tuple[Kept, ...] = ()
    kept: tuple[Kept, ...] = ()
    kept_for_others: tuple[Kept, ...] = ()
    borrowing: Borrowing | None = None
    timeout_s: float | None = None
    linger_s: float = 0.0
    hostids: str = ""


def explain(
    pool: Pool, access: Access, who: Who, today: date, *, version: str = "", count: int = 1, rule: VersionRule = "flexnet"
) -> Explanation:
    """What `who` would get of the pool, which must count for `today` and obey `access`, with nobody else there."""
    base = Explanation(
        feature=pool.feature,
        pool=pool.key,
        version=pool.version,
        seats=pool.total if pool.counted else None,
        overdraft=pool.overdraft,
        timeout_s=pool.timeout_s,
        linger_s=pool.linger_s,
        hostids=pool.hostid,
    )
    denied = _not_licensed(pool, today, version, rule)
    if denied is not None:
        return msgspec.structs.replace(base, number=denied[0], reason=denied[1])
    rights = access.rights(pool, who)
    if rights.number:
        return msgspec.structs.replace(base, number=rights.number, reason=rights.reason, rule=rights.rule, seats_max=0)
    own = set(rights.reservations)
    kept = _kept((one for one in pool.reservations if one in own), access)
    others = _kept((one for one in pool.reservations if one not in own), access)
    limits = tuple(Kept(limit.maximum, access.place(limit.rule)) for limit in rights.limits)
    number, reason, decides, most = _most(pool, max(count, pool.minimum), limits, others)
    return msgspec.structs.replace(
        base,
        number=number,
        reason=reason,
        rule=decides or rights.rule,
        seats_max=most,
        limits=limits,
        kept=kept,
        kept_for_others=others,
        borrowing=_borrowing(pool, access, who),
    )


def _not_licensed(pool: Pool, today: date, version: str, rule: VersionRule) -> tuple[int, str] | None:
    """The denial that the license lines cause, whoever asks."""
    if not version_satisfies(pool.version, version, rule):
        return -21, f"Version {version} of {pool.feature} was asked for; this pool is of version {pool.version}."
    if not pool.good:
        start = pool.next_start(today)
        if start is not None:
            return -31, f"{pool.feature} is licensed from {format_date(start)} on."
        return -10, f"{pool.feature} expired at the end of {format_date(pool.expires)}."
    if pool.enables:
        return -125, f"{pool.feature} is a package: one of its components is checked out."
    return None


def _kept(reservations: Iterable[Reservation], access: Access) -> tuple[Kept, ...]:
    return tuple(Kept(one.count, access.place(one.rule)) for one in reservations if one.count)


def _most(pool: Pool, count: int, limits: tuple[Kept, ...], others: tuple[Kept, ...]) -> tuple[int, str, str, int | None]:
    """Number and reason of a denial of `count` seats, the line that decides, and the most that may be had."""
    lowest = min(limits, key=lambda limit: limit.seats, default=None)
    if not pool.counted:
        # There are seats without end, so a ceiling has nothing to count against.
        return 0, "", "", None
    reserved = sum(one.seats for one in others)
    free = pool.capacity - reserved
    most = free if lowest is None else min(free, lowest.seats)
    rule = ""
    if lowest is not None and lowest.seats <= free:
        rule = lowest.rule
    elif others and most < pool.capacity:
        rule = others[0].rule
    if most >= count:
        return 0, "", rule, most
    asked = f"{count:,} seat{' was' if count == 1 else 's were'} asked for"
    # In the order of decision.py.
    beyond = next((limit for limit in limits if limit.seats < count), None)
    if beyond is not None:
        return -87, f"{asked}; the options file allows {beyond.seats:,}.", beyond.rule, most
    if count <= pool.capacity:
        return -101, f"{asked}; {reserved:,} of {pool.capacity:,} are reserved for others.", others[0].rule if others else "", most
    return -26, f"{asked} at once; {pool.capacity:,} {'is' if pool.capacity == 1 else 'are'} licensed.", "", most


def _borrowing(pool: Pool, access: Access, who: Who) -> Borrowing | None:
    if pool.borrow_s is None:
        return None
    rights = access.borrow_rights(pool, who)
    return Borrowing(rights.number, rights.reason, rights.rule, pool.borrow_s / _HOUR_S, pool.lowwater)
