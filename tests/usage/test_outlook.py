from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.usage.outlook import Held, History, backtest, history_of, intervals_given, month_after, outlook, range_of

#: A Thursday.
FIRST = date(2026, 1, 1)


def peaks_of(days: int, **others: int) -> dict[date, int]:
    """Mondays to Fridays 100, weekends nothing; others by `d` and their number."""
    found = {FIRST + timedelta(number): 0 if (FIRST + timedelta(number)).weekday() > 4 else 100 for number in range(days)}
    return {**found, **{FIRST + timedelta(int(name[1:])): peak for name, peak in others.items()}}


def test_history_has_neither_idle_weekdays_nor_low_days() -> None:
    peaks = peaks_of(70, d28=40, d29=180)
    del peaks[FIRST + timedelta(33)]
    history = history_of(peaks)
    assert (history.first, history.end, history.idle) == (FIRST, FIRST + timedelta(70), frozenset({5, 6}))
    # 28 is far lower than Thursdays around it, 29 higher than Fridays, 33 is not known.
    assert history.low == (FIRST + timedelta(28),)
    assert (history.values[28], history.values[29], history.values[33], history.values[0], history.values[2]) == (
        None,
        180,
        None,
        100,
        None,
    )


def test_history_begins_with_the_first_use_and_must_be_long_enough() -> None:
    peaks = {FIRST + timedelta(number): 0 if number < 30 else 50 for number in range(86)}
    assert history_of(peaks).first == FIRST + timedelta(30)
    del peaks[FIRST + timedelta(85)]
    with pytest.raises(InputError, match=r"too little history .* expected at least 56 days"):
        history_of(peaks)
    with pytest.raises(InputError, match="too little history"):
        history_of({FIRST + timedelta(number): 5 for number in range(0, 86, 4)})
    for nothing, text in (({}, "Nothing is known of"), ({FIRST: 0}, "Nothing was in use on")):
        with pytest.raises(InputError, match=f"{text} these days"):
            history_of(nothing)


def test_a_new_level_is_no_low_day() -> None:
    assert history_of({FIRST + timedelta(number): 200 if number < 60 else 90 for number in range(120)}).low == ()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200), st.integers(1, 99))
def test_a_range_holds_at_least_so_many(values: list[int], level: int) -> None:
    found = range_of(values, level)
    assert sum(found.low <= value <= found.high for value in values) * 100 >= level * len(values)


def test_a_months_peak_is_that_of_each_future_and_of_what_was() -> None:
    # The history ends on March 11; in future number 1 the peak of March is 300, on a day on which others are low.
    peaks = peaks_of(70, d62=150)
    history = history_of(peaks)
    futures = [[100, 100, 100, 90] for _ in range((date(2026, 5, 1) - history.end).days)]
    futures[3] = [10, 300, 10, 10]
    march, april = outlook(peaks, history, futures, (50,), 120)
    assert (march.month, march.days, march.so_far, march.median) == (date(2026, 3, 1), 20, 150, 150)
    assert (march.over, march.passed) == (1.0, 0.25)
    assert (april.days, april.so_far, april.median, april.over, april.passed) == (30, None, 100, 0.0, 0.25)
    assert [(one.level, one.low, one.high) for one in april.ranges] == [(50, 100, 100)]
    assert outlook(peaks, history, futures, (), None)[0].over is None


def test_a_forecast_is_tried_as_of_before_with_what_was_known_then() -> None:
    peaks = peaks_of(150, d140=500, d148=0)
    asked: list[date] = []

    def forecaster(history: History, days: int) -> list[list[int]]:
        asked.append(history.end)
        assert all(value is None or value < 500 for value in history.values) or history.end > FIRST + timedelta(140)
        return [[95, 105] for _ in range(days)]

    told = backtest(peaks, forecaster, (80,), 2)
    last = FIRST + timedelta(149)
    assert asked[:8] == [last - timedelta(7 * week - 1) for week in range(1, 9)]
    # Months that are over, as of April and March: April is forecast twice; May is not over.
    assert asked[8:] == [date(2026, 4, 1), date(2026, 3, 1)]
    (days,) = told.days
    assert (told.first, told.last) == (last - timedelta(54), last - timedelta(2))
    # Weekends and the last Friday, which is low, are not compared; day 140 was in four forecasts, or fewer.
    assert days.level == 80
    assert 0 < days.of - days.held <= 4
    assert told.months[0] == Held(80, 3, 3)
    assert told.months_ahead == 2
    short = backtest(peaks_of(60), forecaster, (80,), 2)
    assert (short.days, short.months, short.first) == ((), (), None)


def test_intervals_and_months() -> None:
    assert intervals_given("95, 80", "--interval") == (80, 95)
    for text in ("", "0", "100", "a", "1,2,3,4"):
        with pytest.raises(InputError, match="These are no intervals"):
            intervals_given(text, "--interval")
    assert [month_after(date(2026, 11, 30), months) for months in (0, 1, 2, -11)] == [
        date(2026, 11, 1),
        date(2026, 12, 1),
        date(2027, 1, 1),
        date(2025, 12, 1),
    ]
