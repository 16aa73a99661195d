"""What peaks are to be expected, how sure that is, and how well the same forecast would have done before: made from possible futures.

Who forecasts gives many possible futures of each day (adapters.forecasts). The peak of a month is the highest of its days in each of
them, never made from the days' own ranges: a month in which every day is as high as one day in ten is one in a million.

History is what is known of days, without days that were far lower than the same weekdays around them: holidays and failures lower no
demand. Weekdays on which nothing is in use any more are no part of it, and nothing is expected of them.

A forecast is as honest as it was before: it is made again as of weeks and months ago, from what was known then, and compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from statistics import median
from typing import Final

import msgspec

from seatkeeper.base.errors import InputError

__all__ = [
    "HISTORY_DAYS_MIN",
    "MONTHS_MAX",
    "Backtest",
    "Forecaster",
    "Held",
    "History",
    "MonthOutlook",
    "Range",
    "backtest",
    "history_of",
    "intervals_given",
    "month_after",
    "outlook",
    "range_of",
]

#: Eight weeks, so that each weekday was seen eight times.
HISTORY_DAYS_MIN: Final = 56
#: So many days of them must be known.
_KNOWN_DAYS_MIN: Final = 28
MONTHS_MAX: Final = 24
_WEEK: Final = 7
#: So many of the same weekday before and after are looked at, to tell a low day.
_AROUND: Final = 4
_LOW: Final = 0.5
#: How the forecast did: in so many weeks before, so many days ahead; and of so many months.
_BACK_WEEKS: Final = 8
_BACK_DAYS: Final = 28
_BACK_MONTHS: Final = 6
_INTERVALS_MAX: Final = 3


class History(msgspec.Struct, frozen=True):
    """Daily peaks, one day after the other.

    Attributes:
        first: The first day on which something was in use.
        values: Peaks from that day on; None where one is not known, or is low, or nothing is in use on that weekday.
        idle: Weekdays on which nothing was in use in the last eight weeks, 0 for Monday.
        low: Days that were far lower than the same weekdays around them.
    """

    first: date
    values: tuple[int | None, ...]
    idle: frozenset[int]
    low: tuple[date, ...]

    @property
    def end(self) -> date:
        """The day after the last one."""
        return self.first + timedelta(len(self.values))


#: From a history, so many days after it: for each day its peak in each possible future, in the same order.
Forecaster = Callable[[History, int], Sequence[Sequence[int]]]


class Range(msgspec.Struct, frozen=True):
    """In so many of a hundred futures it is within these, both included."""

    level: int
    low: int
    high: int


class MonthOutlook(msgspec.Struct, frozen=True):
    """What is expected of a month.

    Attributes:
        month: Its first day.
        days: So many days of it are forecast.
        so_far: The peak of the days before those; None where there are none.
        median: Half of the futures have a higher peak, or none of them.
        ranges: One for each interval.
        over: In which share of the futures its peak is above the limit; None where there is no limit.
        passed: In which share the limit was passed by its end, from the first forecast day on.
    """

    month: date
    days: int
    so_far: int | None
    median: int
    ranges: tuple[Range, ...]
    over: float | None
    passed: float | None


class Held(msgspec.Struct, frozen=True):
    """How often an interval held what came."""

    level: int
    held: int
    of: int


class Backtest(msgspec.Struct, frozen=True):
    """How the forecast did before.

    Attributes:
        first: The first day that was compared; None where history is too short for any.
        last: The last one.
        days: Of days, forecast up to four weeks ahead.
        months: Of months' peaks.
        months_ahead: How many months ahead those were, at most.
    """

    first: date | None
    last: date | None
    days: tuple[Held, ...]
    months: tuple[Held, ...]
    months_ahead: int


def intervals_given(text: str, option: str) -> tuple[int, ...]:
    """The intervals of `80,95`, in order.

    Raises:
        InputError: They are none.
    """
    parts = [part.strip() for part in text.split(",")]
    if not 0 < len(parts) <= _INTERVALS_MAX or any(not part.isdecimal() or not 1 <= int(part) <= 99 for part in parts):
        raise InputError("These are no intervals.", file=option, found=text, expected=f"up to {_INTERVALS_MAX} of 1 to 99, such as 80,95")
    return tuple(sorted({int(part) for part in parts}))


def history_of(peaks: Mapping[date, int]) -> History:
    """The history that these days make.

    Raises:
        InputError: It is too short for a forecast.
    """
    used = sorted(day for day, peak in peaks.items() if peak)
    last = max(peaks, default=None)
    if last is None:
        raise InputError("Nothing is known of these days, so nothing can be forecast.", file="--from")
    if not used:
        raise InputError("Nothing was in use on these days, so nothing can be forecast.", file="--from")
    first = used[0]
    days = [first + timedelta(number) for number in range((last - first).days + 1)]
    recent = days[-_WEEK * _BACK_WEEKS :]
    idle = frozenset(weekday for weekday in range(_WEEK) if not any(peaks.get(day) for day in recent if day.weekday() == weekday))
    low = tuple(day for day in days if day in peaks and day.weekday() not in idle and _is_low(peaks, day))
    left = set(low)
    values = tuple(None if day in left or day.weekday() in idle else peaks.get(day) for day in days)
    known = sum(value is not None for value in values)
    if len(days) < HISTORY_DAYS_MIN or known < _KNOWN_DAYS_MIN:
        raise InputError(
            "There is too little history for a forecast.",
            file="--from",
            found=f"{first} to {last}, with use known on {known} days",
            expected=f"at least {HISTORY_DAYS_MIN} days since the first use, and {_KNOWN_DAYS_MIN} of them known",
        )
    return History(first, values, idle, low)


def _is_low(peaks: Mapping[date, int], day: date) -> bool:
    around = [peaks[other] for step in range(-_AROUND, _AROUND + 1) if step and (other := day + timedelta(_WEEK * step)) in peaks]
    return len(around) >= _AROUND and peaks[day] < _LOW * median(around)


def month_after(day: date, months: int = 1) -> date:
    """The first day of the month so many months later."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def range_of(values: Sequence[int], level: int) -> Range:
    """In which range so many of a hundred values are, with as many below as above."""
    order = sorted(values)
    tail = len(order) * (100 - level) // 200
    return Range(level, order[tail], order[-1 - tail])


def outlook(
    peaks: Mapping[date, int], history: History, futures: Sequence[Sequence[int]], intervals: Sequence[int], limit: int | None
) -> list[MonthOutlook]:
    """The months that the futures reach into, from the day after the history on.

    Args:
        peaks: Of the days that are known.
        history: What they make.
        futures: For each day after it its peak in each possible future.
        intervals: In how many of a hundred.
        limit: What the peaks are compared with.
    """
    months: dict[date, list[Sequence[int]]] = {}
    for number, day in enumerate(futures):
        months.setdefault((history.end + timedelta(number)).replace(day=1), []).append(day)
    highest = [0] * len(futures[0])
    told = []
    for month, days in months.items():
        before = [peak for day, peak in peaks.items() if day.replace(day=1) == month]
        so_far = max(before, default=None)
        ahead = [max(each) for each in zip(*days, strict=True)]
        highest = [max(both) for both in zip(highest, ahead, strict=True)]
        whole = [max(each, so_far or 0) for each in ahead]
        told.append(
            MonthOutlook(
                month,
                len(days),
                so_far,
                sorted(whole)[len(whole) // 2],
                tuple(range_of(whole, level) for level in intervals),
                None if limit is None else sum(peak > limit for peak in whole) / len(whole),
                None if limit is None else sum(peak > limit for peak in highest) / len(highest),
            )
        )
    return told


def backtest(peaks: Mapping[date, int], forecaster: Forecaster, intervals: Sequence[int], months: int) -> Backtest:
    """How the forecast would have done: made again as of before, with nothing that was not known then.

    Args:
        peaks: Of the days that are known.
        forecaster: Who forecasts.
        intervals: Which intervals are compared.
        months: So many months ahead, at most.
    """
    history = history_of(peaks)
    last = history.end - timedelta(1)
    compared: set[date] = set()
    days = dict.fromkeys(intervals, 0)
    count = 0
    for week in range(1, _BACK_WEEKS + 1):
        then = _as_of(peaks, last - timedelta(_WEEK * week))
        if then is None:
            break
        futures = forecaster(then, min(_BACK_DAYS, _WEEK * week))
        for number, values in enumerate(futures):
            day = then.end + timedelta(number)
            if day not in peaks or day in history.low or day.weekday() in history.idle:
                continue
            compared.add(day)
            count += 1
            for level in intervals:
                found = range_of(values, level)
                days[level] += found.low <= peaks[day] <= found.high
    of_months, tried, reach = _months_held(peaks, history, forecaster, intervals, months)
    return Backtest(
        min(compared, default=None),
        max(compared, default=None),
        tuple(Held(level, held, count) for level, held in days.items()) if count else (),
        tuple(Held(level, held, tried) for level, held in of_months.items()) if tried else (),
        reach,
    )


def _as_of(peaks: Mapping[date, int], last: date) -> History | None:
    """The history as it was after that day, when it was known; None where it was too short."""
    known = {day: peak for day, peak in peaks.items() if day <= last}
    try:
        then = history_of(known)
    except InputError:
        return None
    return then


def _months_held(
    peaks: Mapping[date, int], history: History, forecaster: Forecaster, intervals: Sequence[int], months: int
) -> tuple[dict[int, int], int, int]:
    """How many months' peaks each interval held, of how many, and how many months ahead the furthest of them was."""
    held = dict.fromkeys(intervals, 0)
    tried = reach = 0
    for back in range(1, _BACK_MONTHS + 1):
        begin = month_after(history.end, -back)
        end = min(month_after(begin, months), history.end.replace(day=1))
        then = _as_of(peaks, begin - timedelta(1))
        if then is None:
            break
        futures = forecaster(then, (end - then.end).days)
        for ahead in range(1, months + 1):
            month = month_after(begin, ahead - 1)
            if month >= end:
                break
            # Only days that are known are compared, on both sides.
            numbers = [
                number for number in range(len(futures)) if (day := then.end + timedelta(number)) in peaks and day.replace(day=1) == month
            ]
            if not numbers:
                continue
            came = max(peaks[then.end + timedelta(number)] for number in numbers)
            expected = [max(each) for each in zip(*(futures[number] for number in numbers), strict=True)]
            tried, reach = tried + 1, max(reach, ahead)
            for level in intervals:
                found = range_of(expected, level)
                held[level] += found.low <= came <= found.high
    return held, tried, reach
