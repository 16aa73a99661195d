"""What would have happened with other seats or other shifts: real times of use are played again, and who finds all seats in use is denied.

The replay is a loss system. A login that needs a seat of its own and finds as many in use as there are is denied, and takes nothing for
all of its time of use: nobody waits, comes again, or gives up a seat early. So whoever is denied here would have found the pool full in
truth, and there are never more of them than logins that found so many in use when nobody was denied (usage.levels).

At the same moment seats are left before others are taken. When a pool gets smaller nobody is thrown out. Where time does not count (an
excluded time, a day that was left out) everybody is let in, and keeps the seat when time counts again.

This is no figure of a report: those are worked out by an engine (usage.peaks), and the tests hold one against the other.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

__all__ = ["USES_MAX", "Denials", "Denied", "Replay", "Use", "denials", "joined", "replay", "without_overlaps"]

#: So many times of use are played at once.
USES_MAX: Final = 5_000_000
_NUMBER_BITS: Final = 32
_KIND_BITS: Final = 2
_LEFT: Final = 0
_MARK: Final = 1
_TAKEN: Final = 2


class Use(NamedTuple):
    """Someone holds a seat, from `since` up to but not including `until`, in UTC seconds."""

    since: int
    until: int
    seat: str
    agent: str


class Denied(NamedTuple):
    """A login that found no seat: when, whose, and for how many seconds none was free; None: none became free any more."""

    at: int
    agent: str
    wait_s: int | None


class Replay(msgspec.Struct, frozen=True):
    """What happened, of all time that counts.

    Attributes:
        logins: How many needed a seat of their own.
        denied: Those who got none, in the order of time.
        full_s: For so many seconds all seats were in use.
        peak: The most seats that were wanted at once, if nobody had been denied.
        peak_time: The last second of it; None where nothing was in use.
        over: By how many more than there are, at most.
        over_s: For so many seconds more were wanted than there are.
    """

    logins: int
    denied: list[Denied]
    full_s: int
    peak: int
    peak_time: int | None
    over: int
    over_s: int


class Denials(msgspec.Struct, frozen=True):
    """Who was denied, in short.

    Attributes:
        logins: Of so many logins that needed a seat of their own.
        denied: So many.
        agents: Of so many people; who has no name is not among them.
        first: When for the first time.
        last: When for the last time.
        longest_wait_s: The longest time until a seat was free, of those for whom one became free; None where there were none.
        never_free: For so many no seat became free in the time that was played.
        full_s: For so many seconds all seats were in use.
        days: Day -> how many were denied on it.
    """

    logins: int
    denied: int
    agents: int
    first: int | None
    last: int | None
    longest_wait_s: int | None
    never_free: int
    full_s: int
    days: dict[date, int]


def denials(told: Replay, zone: tzinfo) -> Denials:
    """Who was denied in a replay, by days of the zone."""
    waits = [one.wait_s for one in told.denied if one.wait_s is not None]
    days = Counter(datetime.fromtimestamp(one.at, zone).date() for one in told.denied)
    return Denials(
        told.logins,
        len(told.denied),
        len({one.agent for one in told.denied if one.agent}),
        told.denied[0].at if told.denied else None,
        told.denied[-1].at if told.denied else None,
        max(waits, default=None),
        len(told.denied) - len(waits),
        told.full_s,
        dict(days),
    )


def joined(held: Iterable[Use]) -> list[Use]:
    """Each seat's times of use, in the order of time: what overlaps or touches is one, and the first agent's."""
    found: list[Use] = []
    last: Use | None = None
    for use in sorted(held, key=lambda use: (use.seat, use.since, use.until)):
        if last is not None and use.seat == last.seat and use.since <= last.until:
            if use.until > last.until:
                last = found[-1] = last._replace(until=use.until)
        else:
            found.append(use)
            last = use
    return sorted(found)


def replay(uses: Sequence[Use], counts: Sequence[tuple[int, int]], seats: Sequence[tuple[int, int | None]]) -> Replay:
    """What happens with so many seats.

    Args:
        uses: Times of use, as `joined` gives them.
        counts: The times that count, without overlaps.
        seats: From which moment on there are how many, in the order of time; None, and before the first: as many as are wanted.
    """
    codes = [use.until << _KIND_BITS + _NUMBER_BITS | number for number, use in enumerate(uses)]
    codes += [(use.since << _KIND_BITS | _TAKEN) << _NUMBER_BITS | number for number, use in enumerate(uses)]
    codes += [(at << _KIND_BITS | _MARK) << _NUMBER_BITS for at in {at for span in counts for at in span} | {at for at, _ in seats}]
    begins = {since for since, _ in counts}
    ends = {until for _, until in counts}
    steps = dict(seats)
    seated = bytearray(len(uses))
    denied: list[Denied] = []
    waits: dict[int, int] = {}
    waiting: list[int] = []
    pool: int | None = None
    counting = False
    now = wanted = held = logins = full_s = peak = over = over_s = 0
    peak_time: int | None = None
    for code in sorted(codes):
        at = code >> _KIND_BITS + _NUMBER_BITS
        if at != now:
            if counting:
                if wanted and wanted >= peak:
                    peak, peak_time = wanted, at - 1
                if pool is not None:
                    full_s += at - now if held >= pool else 0
                    if wanted > pool:
                        over, over_s = max(over, wanted - pool), over_s + at - now
            now = at
        kind = code >> _NUMBER_BITS & (1 << _KIND_BITS) - 1
        number = code & (1 << _NUMBER_BITS) - 1
        if kind == _TAKEN:
            wanted += 1
            logins += counting
            if counting and pool is not None and held >= pool:
                waiting.append(len(denied))
                denied.append(Denied(at, uses[number].agent, None))
                continue
            seated[number] = 1
            held += 1
            continue
        if kind == _LEFT:
            wanted -= 1
            held -= seated[number]
        else:
            pool = steps.get(at, pool)
            counting = at in begins or (counting and at not in ends)
        if waiting and (pool is None or held < pool):
            waits |= {place: at - denied[place].at for place in waiting}
            waiting = []
    denied = [one._replace(wait_s=waits.get(place)) for place, one in enumerate(denied)]
    return Replay(logins, denied, full_s, peak, peak_time, over, over_s)


def without_overlaps(uses: Sequence[Use], handover_s: int) -> list[Use]:
    """The same without the time in which one shift is still there and the next one has come.

    Who comes relieves somebody of another name who leaves within the handover time, has been there for at least as long, and is
    outstayed by at least as long: that one's time ends when the relief's begins. Each relieves one, and is relieved by one; who leaves
    first is relieved first.

    Args:
        uses: Times of use of one group, each of one agent.
        handover_s: How long a handover takes at most, in seconds.
    """
    order = sorted(uses)
    ends = [use.until for use in order]
    there: list[tuple[int, int]] = []
    for number, use in enumerate(order):
        passed: list[tuple[int, int]] = []
        while there:
            until, other = heappop(there)
            if until <= use.since:
                continue
            if until - use.since > handover_s:
                passed.append((until, other))
                break
            relieved = order[other]
            long_there = use.since - relieved.since >= handover_s
            if relieved.agent != use.agent and long_there and use.until - until >= handover_s:
                ends[other] = use.since
                break
            passed.append((until, other))
        for one in passed:
            heappush(there, one)
        heappush(there, (use.until, number))
    return [use._replace(until=until) for use, until in zip(order, ends, strict=True)]
