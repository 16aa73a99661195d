"""Where the periods of a report begin and end, as UTC seconds: the engines see nothing else of calendars and time zones.

Edges are made here with the zone's own rules, so a day that has 23 or 25 hours has as many hourly periods, and a week begins at the
zone's midnight of the day on which the business week starts. A period is named by where it would begin as a whole (facts, LRM 1.4: the
start date is normalized); what is measured is the part of it that lies in the asked days.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.usage.facts import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

__all__ = ["GRANULARITIES", "PERIODS_MAX", "Edge", "Granularity", "Period", "edges", "midnight", "periods", "stretches"]

Granularity = Literal["monthly", "weekly", "daily", "hourly", "10-minute"]
GRANULARITIES: Final[tuple[Granularity, ...]] = ("monthly", "weekly", "daily", "hourly", "10-minute")
#: Three years in steps of ten minutes.
PERIODS_MAX: Final = 160_000

_STEPS_S: Final[dict[str, int]] = {"hourly": 3600, "10-minute": 600}
_STEP_S: Final = 600


class Period(msgspec.Struct, frozen=True):
    """One period of a report, in UTC seconds.

    Attributes:
        start: Where the whole period begins; this names it.
        since: From where on it is measured.
        until: Up to where, exclusive.
    """

    start: int
    since: int
    until: int


class Edge(msgspec.Struct, frozen=True):
    """A moment from which on another period counts: its number, or -1 where none does."""

    at: int
    period: int


def midnight(day: date, zone: tzinfo = UTC) -> int:
    """The first moment of the day there."""
    # The time of day may not exist where clocks are put forward at midnight; the offset before then names the moment that does.
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def periods(granularity: Granularity, first: date, end: date, zone: tzinfo = UTC, week_start: int = 0) -> list[Period]:
    """The periods that touch the days from `first` up to but not including `end`, in order.

    Args:
        granularity: How long a period is.
        first: The first day.
        end: The day after the last one.
        zone: Whose days they are.
        week_start: The weekday on which a business week begins, 0 for Monday.

    Raises:
        InputError: There is no day, or there are more than PERIODS_MAX periods.
    """
    if end <= first:
        raise InputError("The days end before they begin.", file="--to", found=f"{end}", expected=f"a day after {first}")
    since, until = midnight(first, zone), midnight(end, zone)
    step = _STEPS_S.get(granularity)
    if step is not None and (until - since) // step > PERIODS_MAX:
        raise InputError(
            "These are too many periods.",
            file="--from",
            found=f"{(until - since) // step}",
            expected=f"at most {PERIODS_MAX}",
            remedy="Ask for fewer days, or for longer periods.",
        )
    starts = list(_days(granularity, first, end, zone, week_start) if step is None else _steps(since, until, step, zone))
    ends = [*starts[1:], max(until, starts[-1] + 1)]
    return [Period(start, max(start, since), min(after, until)) for start, after in zip(starts, ends, strict=True)]


def _days(granularity: str, first: date, end: date, zone: tzinfo, week_start: int) -> Iterator[int]:
    day = first
    if granularity == "monthly":
        day = day.replace(day=1)
    elif granularity == "weekly":
        day -= timedelta(days=(day.weekday() - week_start) % 7)
    while day < end:
        yield midnight(day, zone)
        if granularity == "monthly":
            day = (day + timedelta(days=31)).replace(day=1)
        else:
            day += timedelta(days=7 if granularity == "weekly" else 1)


def _steps(since: int, until: int, step: int, zone: tzinfo) -> Iterator[int]:
    """Where the wall clock shows a full step; all zones of today are whole multiples of ten minutes or a quarter of an hour away."""
    at = since
    while at < until:
        yield at
        offset = datetime.fromtimestamp(at, zone).utcoffset() or timedelta()
        local = at + int(offset.total_seconds())
        at += step - local % step


def edges(pieces: Sequence[Period], excluded: Sequence[tuple[int, int]] = ()) -> list[Edge]:
    """The moments from which on each period counts, without excluded times, and where the last one ends.

    Args:
        pieces: Periods in order, without overlaps.
        excluded: Times that count for no period, in any order; they may overlap.
    """
    found: list[Edge] = []
    out = _joined(excluded)
    for number, piece in enumerate(pieces):
        at = piece.since
        for since, until in out:
            if until <= at or since >= piece.until:
                continue
            if since > at:
                found.append(Edge(at, number))
            found.append(Edge(max(since, at), -1))
            at = until
        if at < piece.until:
            found.append(Edge(at, number))
        following = pieces[number + 1].since if number + 1 < len(pieces) else None
        if following != piece.until:
            found.append(Edge(piece.until, -1))
    return found


def _joined(times: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for since, until in sorted(times):
        if since >= until:
            continue
        if joined and since <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], until)
        else:
            joined.append((since, until))
    return joined


def stretches(marks: Sequence[Edge], rows: Mapping[int, int], at_once: int) -> list[list[Edge]]:
    """The edges as stretches that can be worked out one after the other, cut where a UTC day begins.

    A piece that is cut is in two stretches: the larger of its peaks is that of the piece.

    Args:
        marks: Edges in order, the last of which ends all.
        rows: How many facts begin on a day, as days since 1970.
        at_once: A stretch ends with the day on which this many are reached.

    Returns:
        One stretch where there are fewer facts in all; none without edges.
    """
    if not marks or sum(rows.values()) < at_once:
        return [list(marks)] if marks else []
    cut = [*_by_days(marks), marks[-1]]
    found: list[list[Edge]] = []
    begin, facts = 0, 0
    for number, (edge, following) in enumerate(pairwise(cut), 1):
        if edge.at // DAY_S != following.at // DAY_S or number == len(cut) - 1:
            facts += sum(rows.get(day, 0) for day in range(edge.at // DAY_S, (following.at - 1) // DAY_S + 1))
            if facts >= at_once or number == len(cut) - 1:
                found.append([*cut[begin:number], Edge(following.at, -1)])
                begin, facts = number, 0
    return found


def _by_days(marks: Sequence[Edge]) -> Iterator[Edge]:
    """The edges but for the last, and one more wherever a UTC day begins between two."""
    for edge, following in pairwise(marks):
        yield edge
        for day in range((edge.at // DAY_S + 1) * DAY_S, following.at, DAY_S):
            yield Edge(day, edge.period)
