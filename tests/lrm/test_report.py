from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.report import Query, Row, items_by_name, report
from support.usagefacts import DAY, moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    rows = [
        session(1, moment("08:00"), moment("09:00"), agent="a", media="chat"),
        session(2, moment("08:30"), None, agent="b", media="email|voice"),
        session(3, moment("23:00"), moment("23:30"), agent="c", media="email", tenant="Meadow"),
    ]
    Warehouse(tmp_path / "db").load(write_csv(tmp_path / "f.csv", "sessions", rows))
    return Warehouse(tmp_path / "db")


def rows_of(warehouse: Warehouse, **asked: Any) -> list[Row]:
    query = Query(
        **{
            "report": "system",
            "item": "Genesys E-Mail",
            "granularity": "daily",
            "first": date(2026, 9, 1),
            "end": date(2026, 9, 3),
            **asked,
        }
    )
    return report(warehouse, open_duckdb(), query, items_by_name(), {})


def test_each_period_has_its_row_and_an_open_session_lasts_to_the_end(warehouse: Warehouse) -> None:
    rows = rows_of(warehouse)
    assert [(row.period.start, row.peak, row.peak_time) for row in rows] == [
        (DAY, 2, moment("23:30") - 1),
        (DAY + 86_400, 1, DAY + 2 * 86_400 - 1),
    ]
    # Every agent counts as configured, where nothing is known of the configuration.
    assert [row.enabled for row in rows] == [3, 3]
    assert [row.enabled for row in rows_of(warehouse, report="tenant", end=date(2026, 9, 2))] == [2, 1]
    assert [row.enabled for row in rows_of(warehouse, item="IVR Connector")] == [None, None]


def test_a_tenant_that_used_nothing_has_rows_with_nothing(warehouse: Warehouse) -> None:
    rows = rows_of(warehouse, report="tenant", item="Genesys Web Media", end=date(2026, 9, 2))
    assert [(row.subject.tenant, row.peak, row.peak_time) for row in rows] == [("Harbor", 1, moment("09:00") - 1), ("Meadow", 0, None)]
    assert [row.subject.tenant for row in rows_of(warehouse, report="tenant", tenant="Meadow")] == ["Meadow"] * 2


def test_what_cannot_be_known_is_no_zero(warehouse: Warehouse) -> None:
    assert {(row.peak, row.missing) for row in rows_of(warehouse, item="GVP Ports")} == {(None, "no ports were counted")}
    assert {row.peak for row in rows_of(warehouse, item="Genesys Outbound Contact - MS")} == {None}


def test_who_is_not_known_is_told(warehouse: Warehouse) -> None:
    with pytest.raises(InputError, match="Did you mean 'Meadow'"):
        rows_of(warehouse, report="tenant", tenant="Medow")
    with pytest.raises(InputError, match="about all tenants"):
        rows_of(warehouse, tenant="Meadow")
    with pytest.raises(InputError, match="no such group"):
        rows_of(warehouse, report="agent-group", group="x")
