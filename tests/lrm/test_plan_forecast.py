from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.plan_forecast import Forecast, NoForecast, forecasts
from seatkeeper.lrm.report import Query, items_by_name
from seatkeeper.lrm.site import Site
from seatkeeper.usage.limits import Provisioned
from support.usagefacts import DAY, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

MAIL = "Genesys E-Mail"
#: A Tuesday.
FIRST = date(2026, 9, 1)
SITE = Site(items_by_name(), provisioned=(Provisioned("Harbor", MAIL, FIRST, 11),))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Sixteen weeks: ten to twelve work from Monday to Friday in Harbor; in Meadow one, for a week."""
    rows = []
    for day in range(112):
        if (FIRST + timedelta(day)).weekday() < 5:
            for who in range(10 + day * 7 % 3):
                rows.append(
                    session(day * 100 + who, DAY + day * 86_400 + 30_000, DAY + day * 86_400 + 40_000, agent=f"a{who}", media="email")
                )
        if day < 7:
            rows.append(session(day * 100 + 99, DAY + day * 86_400, DAY + day * 86_400 + 60, agent="m", media="email", tenant="Meadow"))
    made = Warehouse(tmp_path / "db")
    made.load(write_csv(tmp_path / "s.csv", "sessions", rows))
    gap = {"source": "icon", "since": DAY + 10 * 86_400, "until": DAY + 10 * 86_400 + 60, "reason": "down"}
    made.load(write_csv(tmp_path / "g.csv", "gaps", [gap]))
    return made


def test_months_are_forecast_from_the_days_that_are_known(warehouse: Warehouse) -> None:
    query = Query("tenant", MAIL, "daily", FIRST, FIRST + timedelta(112))
    told, other = forecasts(warehouse, open_duckdb(), query, SITE, 4e9, 2, (80, 95))
    assert isinstance(told, Forecast)
    assert [out.reason for out in told.past.days.left_out] == ["icon has no data for 0.02 hours (down)"]
    assert (len(told.past.days.days), told.history.values[10], told.history.idle) == (111, None, frozenset({5, 6}))
    # The history ends on Monday, December 21: there are ten days of December to come.
    assert [(one.month, one.days, one.so_far) for one in told.months] == [(date(2026, 12, 1), 10, 12), (date(2027, 1, 1), 31, None)]
    assert len(told.days) == 41
    assert told.months[0].over == 1.0
    assert all(11 <= one.low <= one.high <= 14 for one in told.months[1].ranges)
    assert told.highest[0].high >= 12
    assert told.held is not None
    assert [(held.level, held.of) for held in told.held.days] == [(80, told.held.days[1].of), (95, told.held.days[0].of)]
    # A history that is long enough ends eight weeks before the last day at the earliest; all workdays since then were compared.
    assert told.held.days[0].of >= 100
    assert isinstance(other, NoForecast)
    assert other.reason == "There is too little history for a forecast."


def test_too_little_history_of_the_only_one_is_an_error(warehouse: Warehouse) -> None:
    query = Query("tenant", MAIL, "daily", FIRST, FIRST + timedelta(50), tenant="Harbor")
    with pytest.raises(InputError, match="too little history"):
        forecasts(warehouse, open_duckdb(), query, SITE, 4e9, 2, (80,))
