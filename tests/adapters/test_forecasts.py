from __future__ import annotations

import math
import random
import sys
from datetime import date, timedelta

import pytest

from seatkeeper.adapters.forecasts import FUTURES, futures_of
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.usage.outlook import history_of, range_of

#: A Monday.
FIRST = date(2026, 1, 5)
WEEK = (1.08, 1.0, 0.97, 0.96, 0.93, 0.45, 0.0)


def site(days: int, seed: int, growth: float = 0.0, level: float = 200.0) -> dict[date, int]:
    """Daily peaks: a level, a weekday's share, and chance; Sundays nothing."""
    draws = random.Random(seed)
    return {
        FIRST + timedelta(day): round(level * math.exp(growth * day) * WEEK[day % 7] * math.exp(draws.gauss(0, 0.06)))
        for day in range(days)
    }


def test_intervals_hold_about_as_often_as_they_say() -> None:
    held = {80: 0, 95: 0}
    count = 0
    for seed in range(4):
        peaks = site(196, seed)
        futures = futures_of(history_of({day: peak for day, peak in peaks.items() if day < FIRST + timedelta(140)}), 56)
        for number, values in enumerate(futures):
            came = peaks[FIRST + timedelta(140 + number)]
            if not came:
                assert set(values) == {0}
                continue
            assert len(values) == FUTURES
            count += 1
            for level in held:
                found = range_of(values, level)
                held[level] += found.low <= came <= found.high
    assert 0.68 <= held[80] / count <= 0.92
    assert held[95] / count >= 0.88


def test_growth_goes_on_and_days_that_are_not_known_are_gone_over() -> None:
    peaks = site(200, 7, growth=0.002)
    known = {day: peak for number, (day, peak) in enumerate(peaks.items()) if number % 9}
    history = history_of(known)
    futures = futures_of(history, 91)
    mondays = [values for number, values in enumerate(futures) if (history.end + timedelta(number)).weekday() == 0]
    truth = 200 * math.exp(0.002 * (history.end - FIRST).days) * WEEK[0]
    assert sorted(mondays[0])[FUTURES // 2] == pytest.approx(truth, rel=0.08)
    assert sorted(mondays[-1])[FUTURES // 2] == pytest.approx(truth * math.exp(0.002 * 84), rel=0.12)
    # The further ahead, the less is sure.
    widths = [range_of(values, 80).high - range_of(values, 80).low for values in (mondays[0], mondays[-1])]
    assert widths[1] > widths[0]
    assert futures == futures_of(history, 91)


def test_a_new_level_is_followed() -> None:
    peaks = {day: peak if number < 120 else round(peak * 1.5) for number, (day, peak) in enumerate(site(160, 3).items())}
    history = history_of(peaks)
    (monday, *_) = [values for number, values in enumerate(futures_of(history, 7)) if (history.end + timedelta(number)).weekday() == 0]
    assert sorted(monday)[FUTURES // 2] == pytest.approx(200 * WEEK[0] * 1.5, rel=0.1)


def test_small_and_steady_use_has_a_forecast_too() -> None:
    futures = futures_of(history_of({FIRST + timedelta(day): 1 for day in range(60)}), 7)
    assert {range_of(values, 80).low for values in futures} == {1}


def test_without_the_library_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels.tsa.statespace.structural", None)
    with pytest.raises(SeatkeeperError, match=r"Install them with .*\[usage,plan\]"):
        futures_of(history_of(site(70, 1)), 7)
