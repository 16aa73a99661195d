from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from seatkeeper.usage import document as documents
from seatkeeper.usage.document import AT, CHARTS_MAX, COLUMNS, Step, charted, lasted, local, steps
from support.usagefacts import DAY
from support.usagereports import document, query, rows

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_row_has_a_cell_for_each_column() -> None:
    told = document(query(granularity="hourly"))
    assert {len(row) for row in told.rows} == {len(COLUMNS)}
    assert told.used("group", "peak", "limit", "excluded") == ["peak", "limit", "excluded"]
    assert told.varied("tenant", "item", "zone") == ["tenant"]
    assert told.missing() == ["icon has no data for 1 hour"]
    assert told.excluded() == ["shift change (0:30:00)"]
    assert told.rows[2][AT["peak"]] is None


def test_an_hour_that_clocks_show_twice_is_told_apart() -> None:
    first = int(datetime(2026, 10, 25, 0, 0, tzinfo=UTC).timestamp())
    assert [local(first + 3600 * hour, BERLIN) for hour in range(3)] == [
        "2026-10-25 02:00 CEST",
        "2026-10-25 02:00 CET",
        "2026-10-25 03:00",
    ]
    assert local(first, UTC) == "2026-10-25 00:00"


def test_a_time_is_written_in_hours() -> None:
    assert [lasted(seconds) for seconds in (0, 7509, 360_000, None)] == ["0:00:00", "2:05:09", "100:00:00", "?"]


def test_charts_are_of_what_matters_most() -> None:
    tenants = tuple(f"T{number:02}" for number in range(CHARTS_MAX + 3))
    told = document(told=rows(tenants=tenants))
    assert [one.name for one in charted(told)] == list(tenants[3:])
    none = [msgspec.structs.replace(row, peak=0, over=0, enabled=number) for number, row in enumerate(rows(tenants=tenants))]
    assert len(charted(document(told=none))) == CHARTS_MAX
    unknown = [msgspec.structs.replace(row, peak=None, over=0, enabled=None) for row in rows()]
    assert charted(document(told=unknown)) == []


def test_steps_of_a_chart_keep_the_most_of_what_they_join(monkeypatch: pytest.MonkeyPatch) -> None:
    told = document(query(end=date(2026, 9, 5)))
    day = 86_400
    assert steps(told, told.series[0]) == [
        Step(DAY, DAY + day, 3, 12, 7, 0, None, False),
        Step(DAY + day, DAY + 2 * day, 9, 12, 7, 2, 9, False),
        Step(DAY + 2 * day, DAY + 3 * day, None, None, 7, 0, None, True),
        Step(DAY + 3 * day, DAY + 4 * day, 3, 12, 7, 0, None, False),
    ]
    monkeypatch.setattr(documents, "STEPS_MAX", 2)
    assert steps(told, told.series[0]) == [
        Step(DAY, DAY + 2 * day, 9, 12, 7, 2, 9, False),
        Step(DAY + 2 * day, DAY + 4 * day, 3, 12, 7, 0, None, True),
    ]


def test_what_passed_a_limit_of_enabled_seats_are_these() -> None:
    told = [msgspec.structs.replace(row, measure="enabled", enabled=12, limit=10, over=2) for row in rows()[:1]]
    (step,) = steps(document(told=told), document(told=told).series[0])
    assert (step.peak, step.over, step.top) == (3, 2, 12)
