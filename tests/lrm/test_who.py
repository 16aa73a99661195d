from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.close import close_days
from seatkeeper.lrm.report import Query, items_by_name
from seatkeeper.lrm.site import Site
from seatkeeper.lrm.who import Who, who
from support.usagefacts import DAY, moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

SITE = Site(items_by_name())


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    rows = [
        session(1, moment("08:00"), moment("09:00"), agent="a", media="email"),
        session(2, moment("08:30"), moment("08:40"), agent="b", media="email"),
        session(3, moment("08:35"), moment("08:50"), agent="a", media="email|chat"),
        session(4, moment("09:30"), moment("10:00"), agent="c", media="email", tenant="Meadow"),
    ]
    Warehouse(tmp_path / "db").load(write_csv(tmp_path / "f.csv", "sessions", rows))
    return Warehouse(tmp_path / "db")


def told(warehouse: Warehouse, at: int | None = None, **asked: Any) -> Who:
    query = {"report": "system", "item": "Genesys E-Mail", "granularity": "daily", "first": date(2026, 9, 1), "end": date(2026, 9, 2)}
    return who(warehouse, open_duckdb(), Query(**(query | asked)), SITE, at)


def test_a_peak_is_made_of_as_many_seats_as_the_report_says(warehouse: Warehouse) -> None:
    peak = told(warehouse)
    assert (peak.at, peak.seats, [row["session_id"] for row in peak.holders]) == (moment("08:40") - 1, 2, ["s1", "s3", "s2"])
    other = told(warehouse, report="tenant", tenant="Meadow")
    assert (other.at, [row["agent"] for row in other.holders]) == (moment("10:00") - 1, ["c"])
    assert told(warehouse, moment("08:00")).seats == 1


def test_what_cannot_be_told_is_said(warehouse: Warehouse) -> None:
    with pytest.raises(InputError, match="--tenant: Several are meant"):
        told(warehouse, report="tenant")
    with pytest.raises(InputError, match=r"no peak of that day.*Nothing was in use"):
        told(warehouse, item="SIP Server")
    with pytest.raises(InputError, match="Nobody can be named"):
        told(warehouse, DAY, item="GVP Ports")
    first = DAY // 86_400
    close_days(warehouse, open_duckdb(), items_by_name(), [first], DAY + 2 * 86_400, lambda day, rows: None)
    assert told(warehouse).seats == 2
    warehouse.drop_detail(open_duckdb(), first + 1)
    with pytest.raises(InputError, match="detail of that time has been dropped"):
        told(warehouse)
