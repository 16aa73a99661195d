"""May this request have seats, from which pool, and if not why: a function from the request and the pools to a Decision.

The checks run in the order in which an administrator would ask: does the feature exist, does a license's version meet
the request's, is it still good, are there seats. A denial carries the number of the check that came furthest, since that
is the one to act on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.dates import format_date
from seatkeeper.base.values import VersionRule, is_version, parse_version, version_satisfies

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from seatkeeper.pools.counted import Pool

__all__ = ["Decision", "decide"]

#: So many licensed versions are named in a denial.
_VERSIONS_NAMED_MAX: Final = 10


class Decision(msgspec.Struct, frozen=True, gc=False):
    """Seats from a pool (`number` 0), or a denial with its number and reason."""

    number: int
    pool: Pool | None = None
    count: int = 0
    reason: str = ""


def decide(
    pools: Sequence[Pool] | None, feature: str, version: str, count: int, up_to: bool, today: date, rule: VersionRule, seats_max: int
) -> Decision:
    """Decides one checkout; nothing is taken yet.

    With `up_to` as many seats as are free, at least one and at most `count`, are given: the bulk checkout of T-Server,
    which "checks out the maximum number of licenses that are available" (guide, T-Server). Seats of one checkout come
    from one pool. `seats_max` is how many more seats of the feature the client may hold. The pools count for `today`.
    """
    if not pools:
        return Decision(-5, reason=f"No line of the license file names {feature}.")
    if version and not is_version(version):
        return Decision(-77, reason=f"{version[:20]!r} is no version; write it as 8.5.")
    if count > seats_max:
        if not up_to:
            return Decision(-26, reason=f"This client may hold {seats_max} more seats of {feature}, {count} were asked for.")
        count = seats_max
    most: Pool | None = None
    for pool in pools:
        if not pool.good or not version_satisfies(pool.version, version, rule):
            continue
        if not pool.counted or pool.total - pool.in_use >= count:
            return Decision(0, pool, count)
        if most is None or pool.free > most.free:
            most = pool
    if up_to and most is not None and most.free:
        return Decision(0, most, most.free)
    return _denial(pools, feature, version, count, up_to, today, rule)


def _denial(pools: Sequence[Pool], feature: str, version: str, count: int, up_to: bool, today: date, rule: VersionRule) -> Decision:
    """Why none of the pools gives the seats."""
    fitting = [pool for pool in pools if version_satisfies(pool.version, version, rule)]
    if not fitting:
        only = " by a license of major version 8" if rule == "release8" and int(parse_version(version)) == 8 else ""
        return Decision(-21, reason=f"Version {version} of {feature} must be met{only}; licensed is {_versions(pools)}.")
    good = [pool for pool in fitting if pool.good]
    if not good:
        starts = [start for pool in fitting if (start := pool.next_start(today)) is not None]
        if starts:
            return Decision(-31, reason=f"{feature} is licensed from {format_date(min(starts))} on.")
        last = max(pool.expires for pool in fitting)
        return Decision(-10, reason=f"{feature} expired at the end of {format_date(last)}.")
    total = max(pool.total for pool in good)
    if count > total and not up_to:
        return Decision(-26, reason=f"{count} seats of {feature} were asked for at once; {total} {'is' if total == 1 else 'are'} licensed.")
    in_use = max(good, key=lambda pool: pool.free)
    return Decision(-4, reason=f"{in_use.in_use} of {in_use.total} seats of {feature} are in use; {count} were asked for.")


def _versions(pools: Sequence[Pool]) -> str:
    versions = sorted({pool.version for pool in pools})
    more = ", ..." if len(versions) > _VERSIONS_NAMED_MAX else ""
    return ", ".join(versions[:_VERSIONS_NAMED_MAX]) + more
