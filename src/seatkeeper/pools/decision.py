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

    from seatkeeper.licfile.options_model import OptionsFile
    from seatkeeper.pools.access import Access, Limit, Reservation, Rights
    from seatkeeper.pools.counted import Pool
    from seatkeeper.pools.subjects import Who

__all__ = ["Asker", "Decision", "Terms", "Unserved", "asked_for", "decide", "license_line", "seats"]

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


class Unserved(msgspec.Struct, frozen=True):
    """Why license lines that name a feature do not give it: the number, a sentence, and the line."""

    number: int
    reason: str
    rule: str


class Terms(msgspec.Struct):
    """On what terms the pools are open, the same for every request.

    Attributes:
        pools: All pools by feature name in lower case.
        today: The day for which the pools count.
        rule: Which license versions meet a request.
        access: The options file; None without one.
        packages: Names of packages that are no feature themselves, in lower case.
        unserved: By name in lower case, the features of license lines that are refused.
        options: The options file also where it has no rules, which `access` then leaves out; None without one.
        clock_back: True while the clock is behind what the journal has seen, so that no dated license is given.
    """

    today: date
    rule: VersionRule = "flexnet"
    pools: Mapping[str, Sequence[Pool]] = {}
    access: Access | None = None
    packages: frozenset[str] = frozenset()
    clock_back: bool = False
    unserved: Mapping[str, Unserved] = {}
    options: OptionsFile | None = None


class Decision(msgspec.Struct, frozen=True, gc=False):
    """Seats from a pool (`number` 0), or a denial with its number and reason.

    Attributes:
        pool: Gives the seats, or (in a denial) came furthest.
        count: How many seats.
        rule: The line of the options file or the license file that decides a denial.
        right: What the options file says about the asker and the pool.
        may_wait: In a denial, whether seats may come free that would do.
        bars: In such a denial, the pools that lack seats; who waits for them comes first. None where only the asker's own ceiling
            has to get room.
    """

    number: int
    pool: Pool | None = None
    count: int = 0
    reason: str = ""
    rule: str = ""
    right: Rights | None = None
    may_wait: bool = False
    bars: tuple[Pool, ...] = ()


class _Wish(msgspec.Struct, frozen=True, gc=False):
    """So many seats at most, and so many at least; `seats_max` more may be had altogether."""

    count: int
    least: int
    seats_max: int


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
        unserved = terms.unserved.get(feature.lower())
        if unserved is not None:
            return Decision(unserved.number, reason=unserved.reason, rule=unserved.rule)
        return Decision(-5, reason=f"No line of the license file names {feature}.")
    if version and not is_version(version):
        return Decision(-77, reason=f"{version[:20]!r} is no version; write it as 8.5.")
    if count > seats_max:
        if not up_to:
            return Decision(-26, reason=f"This client may hold {seats(seats_max)} of {feature} more, {asked_for(count)}.")
        count = seats_max
    wish = _Wish(count, 1 if up_to else count, seats_max)
    rule, access = terms.rule, terms.access
    careful = bool(barred) or terms.clock_back or access is not None
    partial: Decision | None = None
    denial: Decision | None = None
    bars: tuple[Pool, ...] = ()
    may_wait = False
    for pool in pools:
        if not pool.good or not version_satisfies(pool.version, version, rule):
            continue
        if not careful and not pool.special:
            free = pool.capacity - pool.in_use
            if free >= count or not pool.counted:
                return Decision(0, pool, count)
            found = Decision(0, pool, free) if up_to and free > 0 else _full(pool, pool, wish, terms)
        else:
            found = _weigh(pool, wish, terms, asker, barred)
            if not found.number and (found.count >= count or not up_to):
                return found
        if not found.number:
            partial = found if partial is None or found.count > partial.count else partial
            continue
        may_wait = may_wait or found.may_wait
        bars += found.bars
        if denial is None or _stage(found) > _stage(denial):
            denial = found
    if partial is not None:
        return partial
    if denial is None:
        return _no_pool(pools, feature, version, terms)
    if (may_wait, bars) == (denial.may_wait, denial.bars):
        return denial
    return msgspec.structs.replace(denial, may_wait=may_wait, bars=bars)


def seats(count: int) -> str:
    """The number with its word."""
    return f"{count} seat" if count == 1 else f"{count} seats"


def asked_for(count: int) -> str:
    """What the client wanted, as the end of a sentence."""
    return f"{count} {'was' if count == 1 else 'were'} asked for"


def _stage(decision: Decision) -> tuple[int, int]:
    pool = decision.pool
    return _STAGES.get(decision.number, 0), pool.free if pool is not None else 0


def _weigh(pool: Pool, wish: _Wish, terms: Terms, asker: Asker, barred: Collection[Pool]) -> Decision:
    """One pool's answer, with everything that may limit it."""
    if terms.clock_back and pool.dated:
        return Decision(
            -88, pool, reason=f"The clock was set back, and {pool.feature} is licensed for certain days only.", rule=license_line(pool)
        )
    unfit = _unfit(pool, asker) if pool.special else None
    if unfit is not None:
        return unfit
    right = asker.rights.get(pool) or _right(pool, terms, asker)
    if right is not None and right.number:
        # Where no line of the options file names anybody, it is the license's that wants some.
        rule = right.rule or license_line(pool, "USER_BASED", "HOST_BASED")
        return Decision(right.number, pool, reason=right.reason, rule=rule, right=right)
    if pool.minimum > wish.least:
        # "A request for fewer than n is raised to n" (facts, FlexNet 1.5).
        wish = _Wish(min(max(wish.count, pool.minimum), wish.seats_max), pool.minimum, wish.seats_max)
        if wish.least > wish.seats_max:
            reason = f"{pool.feature} is given out {pool.minimum} at a time, and this client may hold {seats(wish.seats_max)} more."
            return Decision(-26, pool, reason=reason, rule=license_line(pool, "MINIMUM"), right=right)
    if not pool.counted:
        return Decision(0, pool, wish.count, right=right)
    found = _count(pool, wish, terms, asker, right, barred)
    return found if found.right is right else msgspec.structs.replace(found, right=right)


def _unfit(pool: Pool, asker: Asker) -> Decision | None:
    """Why the pool is not for such a request whatever its seats; None where it is."""
    if pool.enables:
        return Decision(-125, pool, reason=f"{pool.feature} is a package: check out one of its components.", rule=license_line(pool))
    if pool.platforms and asker.platform.lower().rstrip("0123456789") not in pool.platforms:
        reason = (
            f"{pool.feature} is licensed for {', '.join(pool.platforms)}, this client runs on {asker.platform or 'an unknown platform'}."
        )
        return Decision(-89, pool, reason=reason, rule=license_line(pool, "PLATFORMS"))
    if pool.hostids and not matches_any(pool.hostids, asker.facts):
        reason = explain_mismatch(pool.hostids, asker.facts, f"license of {pool.feature}")
        return Decision(-9, pool, reason=reason, rule=license_line(pool, "HOSTID"))
    return None


def _count(pool: Pool, wish: _Wish, terms: Terms, asker: Asker, right: Rights | None, barred: Collection[Pool]) -> Decision:
    """Whether a counted pool has the seats, for somebody who may have some."""
    who, least, count = asker.who, wish.least, wish.count
    shared = pool.groups.get(pool.group_key(who.user, who.host, who.display, asker.data)) if pool.mask else None
    has = shared.count if shared is not None else 0
    reservations: tuple[Reservation, ...] = ()
    own = 0
    if right is not None:
        for limit in right.limits:
            left = limit.maximum - limit.used
            if shared is not None:
                left += shared.under(limit)
            if left < count:
                if left < least:
                    return _beyond(pool, limit, wish, terms, right)
                count = left
        reservations = right.reservations
        for reservation in reservations:
            own += reservation.idle
    left = pool.capacity - pool.in_use + has
    short_of: tuple[Pool, ...] = (pool,)
    suite = _suite(pool, terms, asker) if pool.suite else None
    if suite is not None:
        own += suite.held
    # What the group holds it may share, also where a reread has left more in use than there are.
    free = max(has, left - pool.reserved_idle + own)
    most = has + own if pool in barred else count
    if suite is not None:
        if free >= least:
            short_of = (suite.counter,)
        else:
            short_of = (pool, suite.counter)
        free, left = min(free, suite.left), min(left, suite.left)
        most = min(most, suite.has) if suite.counter in barred else most
    if free >= least and most >= least:
        return Decision(0, pool, min(count, free, most), right=right)
    may_wait = least <= _most_ever(pool, terms, right)
    bars = short_of if may_wait else ()
    short = suite.counter if suite is not None and suite.left < least else pool
    if least > short.capacity:
        return _full(pool, short, wish, terms)
    if most < least and may_wait:
        return Decision(-24, pool, reason=f"Others wait for seats of {pool.feature}, and come first.", may_wait=may_wait, bars=bars)
    if left >= least:
        found = _reserved(pool, wish, terms, reservations)
    else:
        found = _full(pool, short, wish, terms)
    return msgspec.structs.replace(found, may_wait=may_wait, bars=bars)


def _most_ever(pool: Pool, terms: Terms, right: Rights | None) -> int:
    """How many seats somebody could have if nobody held any."""
    own, limits = (right.reservations, right.limits) if right is not None else ((), ())
    # What a suite keeps for its holder comes free with it.
    most = pool.capacity - sum(one.count for one in pool.reservations if one.rule.line and one not in own)
    counter = suite_pool(pool, terms.pools) if pool.suite else None
    return min([most, *(limit.maximum for limit in limits), *([counter.capacity] if counter is not None else [])])


def _right(pool: Pool, terms: Terms, asker: Asker) -> Rights | None:
    if terms.access is None:
        return None
    right = asker.rights[pool] = terms.access.rights(pool, asker.who)
    return right


class _Suite(msgspec.Struct, frozen=True, gc=False):
    """The suite to which a component belongs.

    Attributes:
        counter: The pool of its enabling line: a suite is in use for all components that somebody holds (facts, FlexNet 1.7).
        has: Suites that the asker holds.
        left: Suites that he may hold.
        held: Seats of the component that are kept for him.
    """

    counter: Pool
    has: int
    left: int
    held: int


def _suite(pool: Pool, terms: Terms, asker: Asker) -> _Suite | None:
    who = asker.who
    counter = suite_pool(pool, terms.pools)
    if counter is None:
        return None
    shared = counter.groups.get(counter.suite_key(who.user, who.host, who.display, asker.data))
    has = shared.count if shared is not None else 0
    held = sum(reservation.idle for other, reservation in shared.held if other is pool) if shared is not None else 0
    return _Suite(counter, has, has + counter.free, held)


def _beyond(pool: Pool, limit: Limit, wish: _Wish, terms: Terms, right: Rights) -> Decision:
    """The options file allows the asker, or its group as a whole, no more."""
    reason = f"{limit.kind} {limit.name} may hold {seats(limit.maximum)} of {pool.feature} and holds {limit.used}; {asked_for(wish.count)}."
    rule = terms.access.options.cite(limit.rule) if terms.access is not None else ""
    may_wait = wish.least <= _most_ever(pool, terms, right)
    return Decision(-87, pool, reason=reason, rule=rule, may_wait=may_wait)


def _full(pool: Pool, short: Pool, wish: _Wish, terms: Terms) -> Decision:
    """No seats are left in the pool, or of the suite that comes with it; or there never were so many."""
    rule, allowed = license_line(short), ""
    if terms.access is not None and short.capacity + short.withheld >= max(wish.least, short.in_use + wish.least) > short.capacity:
        rule = terms.access.line(short, "MAX_OVERDRAFT")
        allowed = f" The options file allows {short.overdraft} of {seats(short.overdraft + short.withheld)} of overdraft."
    if wish.least > short.capacity:
        are = "is" if short.capacity == 1 else "are"
        reason = f"{seats(wish.least)} of {short.feature} were asked for at once; {short.capacity} {are} licensed.{allowed}"
        return Decision(-26, pool, reason=reason, rule=rule)
    over = f" and {short.overdraft} of overdraft" if short.overdraft else ""
    reason = f"{short.in_use} of {seats(short.total)}{over} of {short.feature} are in use; {asked_for(wish.count)}.{allowed}"
    return Decision(-4, pool, reason=reason, rule=rule, may_wait=True, bars=(pool,))


def _reserved(pool: Pool, wish: _Wish, terms: Terms, own: Sequence[Reservation]) -> Decision:
    """There are seats, but they are kept for others."""
    idle = [reservation for reservation in pool.reservations if reservation.idle and reservation not in own]
    count = sum(reservation.idle for reservation in idle)
    are = "is" if count == 1 else "are"
    reason = f"{seats(count)} of {pool.feature} that nobody holds {are} reserved for others; {asked_for(wish.count)}."
    rule = idle[0].rule.text if idle else ""
    if idle and idle[0].rule.line and terms.access is not None:
        rule = terms.access.options.cite(idle[0].rule)
    # For whom seats are kept is told with the line, and only to who may know it.
    return Decision(-101, pool, reason=reason, rule=rule)


def license_line(pool: Pool, *attributes: str) -> str:
    """The pool's first license line, with those of the attributes that it has, and without what only its signature needs."""
    line = pool.lines[0]
    words = [line.keyword, line.name, line.vendor, line.version, line.expiry, line.count]
    for name in attributes:
        value = line.attribute(name)
        if value is not None:
            quote = '"' if " " in value else ""
            words.append(f"{name}={quote}{value}{quote}" if value else name)
    more = f" and {len(pool.lines) - 1} more" if len(pool.lines) > 1 else ""
    return " ".join(words) + more


def _no_pool(pools: Sequence[Pool], feature: str, version: str, terms: Terms) -> Decision:
    """No license is of the version that was asked for, or none of those is good today."""
    rule = terms.rule
    unserved = terms.unserved.get(feature.lower())
    # One of those lines may be what is looked for.
    besides = f" {unserved.reason}" if unserved is not None else ""
    fitting = [pool for pool in pools if version_satisfies(pool.version, version, rule)]
    if not fitting:
        only = " by a license of major version 8" if rule == "release8" and int(parse_version(version)) == 8 else ""
        return Decision(
            -21,
            reason=f"Version {version} of {feature} must be met{only}; licensed is {_versions(pools)}.{besides}",
            rule=license_line(pools[0]),
        )
    starts = [start for pool in fitting if (start := pool.next_start(terms.today)) is not None]
    if starts:
        return Decision(-31, reason=f"{feature} is licensed from {format_date(min(starts))} on.{besides}", rule=license_line(fitting[0]))
    last = max(fitting, key=lambda pool: pool.expires)
    return Decision(-10, reason=f"{feature} expired at the end of {format_date(last.expires)}.{besides}", rule=license_line(last))


def _versions(pools: Sequence[Pool]) -> str:
    versions = sorted({pool.version for pool in pools})
    more = ", ..." if len(versions) > _VERSIONS_NAMED_MAX else ""
    return ", ".join(versions[:_VERSIONS_NAMED_MAX]) + more
