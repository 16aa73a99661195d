"""Times that count for no peak, each with its reason: what happens every day at a change of shifts, or happened once.

A daily window is told by the wall clock of its zone, so it moves with daylight saving time; one that ends before it begins goes through
midnight. Times are whole minutes, so that a measure which looks once a minute excludes the same (facts, LRM 1.2, lrm-excluded-time).
What is configured is not affected: enabled seats are told of all the time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["EXCLUDED_MAX", "Excluded", "ExcludedTime", "excluded_entry", "excluded_times"]

#: Entries of one site.
EXCLUDED_MAX: Final = 1000
_CLOCK: Final = re.compile(r"(?:([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00))(?::00)?")
_MINUTE_S: Final = 60
_DAY_MINUTES: Final = 24 * 60


class Excluded(msgspec.Struct, frozen=True):
    """One entry.

    Attributes:
        reason: Why, for people.
        tenant: Only of this tenant, and its groups; empty: of everybody, and of the system.
        zone: By whose clock; for windows.
        window: Minutes after midnight at which a daily window begins and ends.
        span: A time that happened once, as UTC seconds.
        says: The entry in words.
    """

    reason: str
    tenant: str
    zone: tzinfo
    window: tuple[int, int] | None
    span: tuple[int, int] | None
    says: str


class ExcludedTime(msgspec.Struct, frozen=True, order=True):
    """A time that does not count, in UTC seconds, and why."""

    since: int
    until: int
    reason: str


def excluded_entry(begin: str, end: str, reason: str, tenant: str, zone: tzinfo, place: str) -> Excluded:
    """The entry, from a begin and end that are both `HH:MM` or both `YYYY-MM-DDTHH:MM`, with an offset or in the zone.

    Raises:
        InputError: They are neither, or there is no time between them; the message begins with `place`.
    """
    if not reason.strip():
        raise InputError("The reason is missing.", file=place, expected='reason = "why this time does not count"')
    clocks = _CLOCK.fullmatch(begin), _CLOCK.fullmatch(end)
    if clocks[0] is not None and clocks[1] is not None:
        first, last = _minutes(clocks[0]), _minutes(clocks[1])
        if first % _DAY_MINUTES == last % _DAY_MINUTES:
            raise InputError("There is no time between begin and end.", file=place, found=f"{begin} to {end}")
        return Excluded(reason, tenant, zone, (first, last), None, f"daily {begin} to {end} ({zone})")
    span = _moment(begin, zone, place), _moment(end, zone, place)
    if span[0] >= span[1]:
        raise InputError("There is no time between begin and end.", file=place, found=f"{begin} to {end}")
    return Excluded(reason, tenant, zone, None, span, f"{begin} to {end}")


def _minutes(clock: re.Match[str]) -> int:
    return int(clock[1] or clock[3]) * 60 + int(clock[2] or clock[4])


def _moment(text: str, zone: tzinfo, place: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or "T" not in text.upper().replace(" ", "T"):
        expected = "HH:MM for every day, or both as YYYY-MM-DDTHH:MMZ"
        raise InputError("This is no begin or end of an excluded time.", file=place, found=text[:40], expected=expected)
    seconds = (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).timestamp()
    if seconds % _MINUTE_S:
        raise InputError("Excluded times begin and end with a minute.", file=place, found=text[:40], expected="no seconds")
    return int(seconds)


def excluded_times(entries: Iterable[Excluded], tenant: str | None, since: int, until: int) -> list[ExcludedTime]:
    """What of [since, until) does not count for a tenant (None: for the system), in the order of time; times may overlap."""
    found: list[ExcludedTime] = []
    for entry in entries:
        if entry.tenant and entry.tenant != tenant:
            continue
        for begin, end in [entry.span] if entry.span is not None else _windows(entry, since, until):
            if begin < until and end > since:
                found.append(ExcludedTime(max(begin, since), min(end, until), entry.reason))
    return sorted(found)


def _windows(entry: Excluded, since: int, until: int) -> list[tuple[int, int]]:
    assert entry.window is not None
    first, last = entry.window
    day = datetime.fromtimestamp(since, UTC).date() - timedelta(2)
    end_day = datetime.fromtimestamp(until, UTC).date() + timedelta(1)
    windows = []
    while day <= end_day:
        midnight = datetime(day.year, day.month, day.day, tzinfo=entry.zone)
        # Arithmetic on the wall clock: the same hour of the day, whatever the offset.
        begin = (midnight + timedelta(minutes=first)).timestamp()
        end = (midnight + timedelta(minutes=last, days=0 if last > first else 1)).timestamp()
        if begin < end:
            windows.append((int(begin), int(end)))
        day += timedelta(1)
    return windows
