"""How many seats are enough for a chosen risk, and from which days that is known: a figure without its days is none.

Seats that are wanted have a weight: so many seconds, logins or days wanted so many. What meets a full pool of n seats is what wanted
more than n. A login that found n in use wanted n + 1. The share is of what wanted any seat at all, so nights and days off, in which
nothing was in use, make no risk look smaller than it is to those who work.
"""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = [
    "RISKS",
    "DayUse",
    "FromDays",
    "LeftOut",
    "Needed",
    "RiskOf",
    "days_sentences",
    "from_days",
    "seats_by_trial",
    "seats_for",
    "share_given",
    "wanted_by_days",
    "wanted_by_logins",
    "wanted_by_time",
]

#: What a risk is a share of.
RiskOf = Literal["time", "logins", "denials", "days"]
#: The risks of a table.
RISKS: Final = (Fraction(0), Fraction(1, 1000), Fraction(1, 100), Fraction(5, 100))
#: So many days a sentence names; of more, the first and the last.
_DAYS_NAMED_MAX: Final = 5
_SHARE: Final = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,6})?) ?%")


class DayUse(msgspec.Struct, frozen=True):
    """A day: its peak (None where that is not known), what is missing in it, and for how long something of it was excluded, and why."""

    day: date
    peak: int | None
    missing: str = ""
    excluded: tuple[tuple[str, int], ...] = ()


class LeftOut(msgspec.Struct, frozen=True):
    """Days that were left out, and why."""

    reason: str
    days: tuple[date, ...]


class FromDays(msgspec.Struct, frozen=True):
    """From which days a figure is.

    Attributes:
        days: Those that count, in order.
        left_out: Those of the asked ones that do not, by reason.
        excluded: Why some of the days' time does not count, and for how many seconds.
    """

    days: tuple[date, ...]
    left_out: tuple[LeftOut, ...] = ()
    excluded: tuple[tuple[str, int], ...] = ()


class Needed(msgspec.Struct, frozen=True):
    """How many seats a risk needs.

    Attributes:
        risk: The share that may meet a full pool.
        seats: The fewest seats for it.
        met: So much would have met a full pool.
        total: Of so much.
    """

    risk: Fraction
    seats: int
    met: int
    total: int


def from_days(uses: Iterable[DayUse], over_before: date, known: tuple[date, date] | None) -> FromDays:
    """Which of the days count.

    Args:
        uses: The days that were asked for, in order.
        over_before: The days before this one are over.
        known: The first and the last day of which there are facts; None: there are none.
    """
    counted: list[date] = []
    out: dict[str, list[date]] = {}
    excluded: dict[str, int] = {}
    for use in uses:
        reason = use.missing
        if use.day >= over_before:
            reason = "not over"
        elif known is None or use.day < known[0]:
            reason = "before the first facts"
        elif use.day > known[1]:
            reason = "after the last facts"
        elif use.peak is None and not reason:
            reason = "not known"
        if reason:
            out.setdefault(reason, []).append(use.day)
            continue
        counted.append(use.day)
        for why, seconds in use.excluded:
            excluded[why] = excluded.get(why, 0) + seconds
    return FromDays(tuple(counted), tuple(LeftOut(reason, tuple(days)) for reason, days in out.items()), tuple(excluded.items()))


def days_sentences(days: FromDays) -> list[str]:
    """From which days, in words."""
    if not days.days:
        lines = ["No day counts."]
    else:
        lines = [f"From {_counted(len(days.days), 'day')}, {days.days[0]} to {days.days[-1]}."]
    for out in days.left_out:
        named = ", ".join(map(str, out.days)) if len(out.days) <= _DAYS_NAMED_MAX else f"{out.days[0]} to {out.days[-1]}"
        lines.append(f"Left out: {_counted(len(out.days), 'day')} ({out.reason}): {named}.")
    for reason, seconds in days.excluded:
        lines.append(f"Of these days {seconds / 3600:.1f} hours do not count ({reason}).")
    return lines


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def wanted_by_time(levels: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """Seats that were in use -> for how many seconds; from seats -> seconds and logins that found so many."""
    return {seats: seconds for seats, (seconds, _) in levels.items() if seats and seconds}


def wanted_by_logins(levels: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """Seats that a login and all before it wanted -> how many logins."""
    return {seats + 1: logins for seats, (_, logins) in levels.items() if logins}


def wanted_by_days(peaks: Iterable[int]) -> dict[int, int]:
    """A day's peak -> on how many days."""
    found: dict[int, int] = {}
    for peak in peaks:
        if peak:
            found[peak] = found.get(peak, 0) + 1
    return found


def seats_for(wanted: Mapping[int, int], risks: Sequence[Fraction]) -> list[Needed]:
    """The fewest seats for each risk; none at all where nothing was wanted."""
    total = sum(wanted.values())
    found: list[Needed] = []
    order = [*sorted(wanted, reverse=True), 0]
    for risk in risks if total else ():
        seats, met, above = order[0], 0, 0
        for level, lower in pairwise(order):
            above += wanted[level]
            if above > risk * total:
                break
            seats, met = lower, above
        found.append(Needed(risk, seats, met, total))
    return found


def seats_by_trial(enough: Sequence[Needed], denied: Callable[[int], int]) -> list[Needed]:
    """Fewer seats for the same risks, with which no larger share is denied in truth, and with one fewer a larger one is.

    Args:
        enough: What is enough for logins that find all seats in use: of these not all are denied, since who is denied takes none.
        denied: How many logins are denied with so many seats.
    """
    found = []
    for one in enough:
        low, high = 0, one.seats
        while low < high:
            middle = (low + high) // 2
            if denied(middle) <= one.risk * one.total:
                high = middle
            else:
                low = middle + 1
        found.append(Needed(one.risk, high, denied(high), one.total))
    return found


def share_given(text: str, option: str) -> Fraction:
    """The share that `1%` or `0.1%` names.

    Raises:
        InputError: It names none.
    """
    match = _SHARE.fullmatch(text.strip())
    if match is None:
        raise InputError("This is no share.", file=option, found=text, expected="0% to less than 100%, such as 0.5%")
    return Fraction(match[1]) / 100
