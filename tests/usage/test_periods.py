from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.usage.periods import GRANULARITIES, Edge, Granularity, Period, edges, midnight, periods, stretches

ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo"]


@given(st.sampled_from(GRANULARITIES), st.dates(date(2016, 1, 1), date(2027, 1, 1)), st.integers(1, 70), st.sampled_from(ZONES))
def test_periods_cover_the_days_once_and_each_lies_in_its_own(granularity: Granularity, first: date, days: int, zone: str) -> None:
    end = first + timedelta(days=days)
    found = periods(granularity, first, end, ZoneInfo(zone))
    assert found[0].since == midnight(first, ZoneInfo(zone))
    assert found[-1].until == midnight(end, ZoneInfo(zone))
    for one, following in itertools.pairwise(found):
        assert one.until == following.since == following.start
    assert all(period.start <= period.since < period.until for period in found)


def test_a_day_of_23_hours_has_23_and_a_week_begins_where_business_does() -> None:
    paris = ZoneInfo("Europe/Paris")
    assert len(periods("hourly", date(2026, 3, 29), date(2026, 3, 30), paris)) == 23
    assert len(periods("10-minute", date(2026, 10, 25), date(2026, 10, 26), paris)) == 150
    sunday = periods("weekly", date(2026, 9, 1), date(2026, 9, 10), UTC, 6)
    assert [datetime.fromtimestamp(each.start, UTC).day for each in sunday] == [30, 6]
    assert sunday[0].since == midnight(date(2026, 9, 1))


def test_no_days_and_too_many_periods_are_refused() -> None:
    with pytest.raises(InputError, match="end before they begin"):
        periods("daily", date(2026, 9, 1), date(2026, 9, 1))
    with pytest.raises(InputError, match="too many periods"):
        periods("10-minute", date(2016, 9, 1), date(2026, 9, 1))


def test_excluded_times_count_for_no_period() -> None:
    pieces = [Period(0, 0, 100), Period(100, 100, 200)]
    assert edges(pieces) == [Edge(0, 0), Edge(100, 1), Edge(200, -1)]
    assert edges(pieces, [(90, 95), (40, 60), (50, 70), (95, 120), (300, 400)]) == [
        Edge(0, 0),
        Edge(40, -1),
        Edge(70, 0),
        Edge(90, -1),
        Edge(100, -1),
        Edge(120, 1),
        Edge(200, -1),
    ]


def test_stretches_are_cut_where_a_day_begins_and_enough_facts_are_in_them() -> None:
    hour = 3600
    marks = [Edge(0, 0), Edge(20 * hour, 1), Edge(30 * hour, -1), Edge(31 * hour, 2), Edge(75 * hour, -1)]
    assert stretches([], {0: 5}, 1) == []
    assert stretches(marks, {0: 5, 1: 5, 2: 5, 3: 5}, 21) == [marks]
    assert stretches(marks, {0: 5, 1: 5, 2: 5, 3: 5}, 10) == [
        [Edge(0, 0), Edge(20 * hour, 1), Edge(24 * hour, 1), Edge(30 * hour, -1), Edge(31 * hour, 2), Edge(48 * hour, -1)],
        [Edge(48 * hour, 2), Edge(72 * hour, 2), Edge(75 * hour, -1)],
    ]


@given(
    st.lists(st.integers(1, 40 * 3600), min_size=2, max_size=12, unique=True).map(sorted),
    st.dictionaries(st.integers(0, 20), st.integers(1, 9), min_size=1),
    st.integers(1, 30),
)
def test_stretches_joined_cover_the_same_times_with_the_same_periods(steps: list[int], rows: dict[int, int], at_once: int) -> None:
    moments = list(itertools.accumulate(steps))
    marks = [*(Edge(at, number) for number, at in enumerate(moments[:-1])), Edge(moments[-1], -1)]
    found = stretches(marks, rows, at_once)
    covered = [(edge.at, after.at, edge.period) for stretch in found for edge, after in itertools.pairwise(stretch)]
    assert [one[1] for one in covered[:-1]] == [one[0] for one in covered[1:]]
    assert {(edge.at, edge.period) for edge in marks[:-1]} <= {(at, period) for at, _, period in covered}
    for at, _, period in covered:
        assert period == max((edge for edge in marks[:-1] if edge.at <= at), key=lambda edge: edge.at).period
