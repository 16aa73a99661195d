"""May this request have seats, from which pool, and if not why: a function from the request and the pools to a Decision.

The checks run in the order in which an administrator would ask: does the feature exist, does a license's version meet
the request's, is it still good, is it for this host and platform, does the options file allow it, are there seats. Each pool
is asked; a denial carries the number of the pool that came furthest, since that is the one to act on.

Nothing is taken here: the ledger takes what was decided. Seats of one checkout come from one pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from seatkeeper.base.dates import format_date
from seatkeeper.base.values import VersionRule, is_version, parse_version, version_satisfies
from seatkeeper.licfile.hostid import HostFacts, explain_mismatch, matches_any
from seatkeeper.pools.grouping import suite_pool

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from seatkeeper.pools.access import Access, Limit, Rights
    from seatkeeper.pools.counted import Pool
    from seatkeeper.pools.subjects import Who

__all__ = ["Asker", "Decision", "Terms", "asked_for", "decide", "seats"]

#: So many licensed versions are named in a denial.
_VERSIONS_NAMED_MAX: Final = 10
#: How far a request has come when a pool denies it with this number; the further, the more worth telling.
_STAGES: Final = {-10: 1, -31: 1, -88: 2, -125: 3, -89: 4, -9: 4, -38: 5, -39: 5, -84: 5, -26: 6, -87: 7, -101: 8, -4: 9, -24: 10}
_NOBODY: Final[frozenset[Pool]] = frozenset()


class Request(Protocol):
    """What is asked for."""

    @property
    def feature(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def up_to(self) -> bool: ...


class Asker(msgspec.Struct):
    """Who asks: names for the options file, platform and host ids for licenses that are limited to some.

    Attributes:
        rights: What the options file says, by pool, as far as it was asked.
    """

    who: Who
    platform: str = ""
    facts: HostFacts = HostFacts()
    data: str = ""
    rights: dict[Pool, Rights] = {}


class Terms(msgspec.Struct):
    """On what terms the pools are open, the same for every request.

    Attributes:
        pools: All pools by feature name in lower case.
        today: The day for which the pools count.
        rule: Which license versions meet a request.
        access: The options file; None without one.
        packages: Names of packages that are no feature themselves, in lower case.
        clock_back: True while the clock is behind what the journal has seen, so that no dated license is given.
    """

    today: date
    rule: VersionRule = "flexnet"
    pools: Mapping[str, Sequence[Pool]] = {}
    access: Access | None = None
    packages: frozenset[str] = frozenset()
    clock_back: bool = False


class Decision(msgspec.Struct, frozen=True, gc=False):
    """Seats from a pool (`number` 0), or a denial with its number and reason.

    Attributes:
        pool: Gives the seats, or (in a denial) came furthest.
        count: How many seats.
        rule: The line of the options file or the license file that decides a denial.
        right: What the options file says about the asker and the pool.
    """

    number: int
    pool: Pool | None = None
    count: int = 0
    reason: str = ""
    rule: str = ""
    right: Rights | None = None


def decide(
    request: Request, pools: Sequence[Pool] | None, seats_max: int, terms: Terms, asker: Asker, barred: Collection[Pool] = _NOBODY
) -> Decision:
    """Decides one checkout.

    With `up_to` as many seats as are free, at least one and at most the count, are given: the bulk checkout of T-Server,
    which "checks out the maximum number of licenses that are available" (guide, T-Server). `seats_max` is how many more
    seats of the feature the client may hold. `barred` are pools for which others wait: only their reserved seats are given.
    """
    feature, version, count, up_to = request.feature, request.version, request.count, request.up_to
    if not pools:
        if feature.lower() in terms.packages:
            return Decision(-125, reason=f"{feature} is a package: check out one of its components.")
        return Decision(-5, reason=f"No line of the license file names {feature}.")
    if version and not is_version(version):
        return Decision(-77, reason=f"{version[:20]!r} is no version; write it as 8.5.")
    if count > seats_max:
        if not up_to:
            return Decision(-26, reason=f"This client may hold {seats(seats_max)} of {feature} more, {asked_for(count)}.")
        count = seats_max
    rule, access = terms.rule, terms.access
    careful = bool(barred) or terms.clock_back or access is not None
    partial: Decision | None = None
    denial: Decision | None = None
    for pool in pools:
        if not pool.good or not version_satisfies(pool.version, version, rule):
            continue
        if not careful and not pool.special:
            free = pool.capacity - pool.in_use
            if free >= count or not pool.counted:
                return Decision(0, pool, count)
            found = Decision(0, pool, free) if up_to and free > 0 else _full(pool, count, up_to)
        else:
            found = _weigh(pool, count, up_to, terms, asker, barred)
            if not found.number and (found.count >= count or not up_to):
                return found
        if not found.number:
            partial = found if partial is None or found.count > partial.count else partial
        elif denial is None or _stage(found) > _stage(denial):
            denial = found
    if partial is not None:
        return partial
    return denial or _no_pool(pools, feature, version, terms)


def seats(count: int) -> str:
    """The number with its word."""
    return f"{count} seat" if count == 1 else f"{count} seats"


def asked_for(count: int) -> str:
    """What the client wanted, as the end of a sentence."""
    return f"{count} {'was' if count == 1 else 'were'} asked for"


def _stage(decision: Decision) -> tuple[int, int]:
    pool = decision.pool
    return _STAGES.get(decision.number, 0), pool.free if pool is not None else 0


def _weigh(pool: Pool, count: int, up_to: bool, terms: Terms, asker: Asker, barred: Collection[Pool]) -> Decision:
    """One pool's answer, with everything that may limit it."""
    who = asker.who
    if terms.clock_back and pool.dated:
        return Decision(-88, pool, reason=f"The clock was set back, and {pool.feature} is licensed for certain days only.")
    if pool.enables:
        return Decision(-125, pool, reason=f"{pool.feature} is a package: check out one of its components.")
    if pool.platforms and asker.platform.lower().rstrip("0123456789") not in pool.platforms:
        reason = (
            f"{pool.feature} is licensed for {', '.join(pool.platforms)}, this client runs on {asker.platform or 'an unknown platform'}."
        )
        return Decision(-89, pool, reason=reason)
    if pool.hostids and not matches_any(pool.hostids, asker.facts):
        return Decision(-9, pool, reason=explain_mismatch(pool.hostids, asker.facts, f"license of {pool.feature}"))
    right = _right(pool, terms, asker)
    if right is not None and right.number:
        return Decision(right.number, pool, reason=right.reason, rule=right.rule, right=right)
    count = max(count, pool.minimum)
    if not pool.counted:
        return Decision(0, pool, count, right=right)
    shared = pool.groups.get(pool.group_key(who.user, who.host, who.display, asker.data)) if pool.mask else None
    has = shared.count if shared is not None else 0
    room = count
    for limit in right.limits if right is not None else ():
        left = limit.maximum - limit.used + has
        if left < room:
            if left < 1 or not up_to:
                return _beyond(pool, limit, count, terms, right)
            room = left
    count = room
    own = sum(reservation.idle for reservation in right.reservations) if right is not None else 0
    left = pool.capacity - pool.in_use + has
    free = left - pool.reserved_idle + own
    if pool.suite:
        held, suite_left = _suite(pool, terms, asker)
        own += held
        free = min(free + held, suite_left)
        left = min(left, suite_left)
    if pool in barred and count - has > own:
        if not up_to or has + own < 1:
            return Decision(-24, pool, reason=f"Others wait for seats of {pool.feature}, and come first.", right=right)
        count = has + own
    if free >= count:
        return Decision(0, pool, count, right=right)
    if up_to and free >= 1:
        return Decision(0, pool, free, right=right)
    if left >= count or (up_to and left >= 1):
        return _reserved(pool, count, terms, right)
    full = _full(pool, count, up_to)
    return msgspec.structs.replace(full, right=right)


def _right(pool: Pool, terms: Terms, asker: Asker) -> Rights | None:
    if terms.access is None:
        return None
    right = asker.rights.get(pool)
    if right is None:
        right = asker.rights[pool] = terms.access.rights(pool, asker.who)
    return right


def _suite(pool: Pool, terms: Terms, asker: Asker) -> tuple[int, int]:
    """Seats of the component that the asker's suite keeps for it, and how many suites it may have of which it holds a component.

    A component is checked out together with its package's own feature, once for all components (facts, FlexNet 1.7).
    """
    who = asker.who
    counter = suite_pool(pool, terms.pools)
    if counter is None or not counter.good:
        return 0, 0
    shared = counter.groups.get(counter.suite_key(who.user, who.host, who.display, asker.data))
    if shared is None:
        return 0, counter.free
    return sum(reservation.idle for other, reservation in shared.held if other is pool), counter.free + shared.count


def _beyond(pool: Pool, limit: Limit, count: int, terms: Terms, right: Rights | None) -> Decision:
    """The options file allows the asker, or its group as a whole, no more."""
    reason = f"{limit.kind} {limit.name} may hold {seats(limit.maximum)} of {pool.feature} and holds {limit.used}; {asked_for(count)}."
    rule = terms.access.options.cite(limit.rule) if terms.access is not None else ""
    return Decision(-87, pool, reason=reason, rule=rule, right=right)


def _full(pool: Pool, count: int, up_to: bool) -> Decision:
    """No seats are left in the pool, or there never were so many."""
    if count > pool.capacity and not up_to:
        are = "is" if pool.capacity == 1 else "are"
        reason = f"{seats(count)} of {pool.feature} were asked for at once; {pool.capacity} {are} licensed."
        return Decision(-26, pool, reason=reason, rule=_line(pool))
    over = f" and {pool.overdraft} of overdraft" if pool.overdraft else ""
    reason = f"{pool.in_use} of {seats(pool.total)}{over} of {pool.feature} are in use; {asked_for(count)}."
    return Decision(-4, pool, reason=reason, rule=_line(pool))


def _reserved(pool: Pool, count: int, terms: Terms, right: Rights | None) -> Decision:
    """There are seats, but they are kept for others."""
    idle = [reservation for reservation in pool.reservations if reservation.idle]
    kept = ", ".join(f"{one.idle} for {one.kind} {one.name}" for one in idle[:_VERSIONS_NAMED_MAX])
    reason = f"{seats(pool.reserved_idle)} of {pool.feature} that nobody holds are reserved for others ({kept}); {asked_for(count)}."
    rule = terms.access.options.cite(idle[0].rule) if terms.access is not None and idle else ""
    return Decision(-101, pool, reason=reason, rule=rule, right=right)


def _line(pool: Pool) -> str:
    """The pool's first license line, without what only its signature needs."""
    line = pool.lines[0]
    more = f" and {len(pool.lines) - 1} more" if len(pool.lines) > 1 else ""
    return f"{line.keyword} {line.name} {line.vendor} {line.version} {line.expiry} {line.count}{more}"


def _no_pool(pools: Sequence[Pool], feature: str, version: str, terms: Terms) -> Decision:
    """No license is of the version that was asked for, or none of those is good today."""
    rule = terms.rule
    fitting = [pool for pool in pools if version_satisfies(pool.version, version, rule)]
    if not fitting:
        only = " by a license of major version 8" if rule == "release8" and int(parse_version(version)) == 8 else ""
        return Decision(
            -21, reason=f"Version {version} of {feature} must be met{only}; licensed is {_versions(pools)}.", rule=_line(pools[0])
        )
    starts = [start for pool in fitting if (start := pool.next_start(terms.today)) is not None]
    if starts:
        return Decision(-31, reason=f"{feature} is licensed from {format_date(min(starts))} on.", rule=_line(fitting[0]))
    last = max(fitting, key=lambda pool: pool.expires)
    return Decision(-10, reason=f"{feature} expired at the end of {format_date(last.expires)}.", rule=_line(last))


def _versions(pools: Sequence[Pool]) -> str:
    versions = sorted({pool.version for pool in pools})
    more = ", ..." if len(versions) > _VERSIONS_NAMED_MAX else ""
    return ", ".join(versions[:_VERSIONS_NAMED_MAX]) + more
