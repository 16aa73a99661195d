from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.usagelimits import change_provisioned, keep_bundles, keep_entitlement
from seatkeeper.adapters.usagesettings import SETTINGS_FILE
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.report import Query, Row, items_by_name, report
from seatkeeper.usage.limits import Provisioned
from support.boughtfiles import BUNDLES, entitlement_text
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


def provisioned(warehouse: Warehouse, *rows: tuple[str, int, int]) -> None:
    counts = tuple(Provisioned("Harbor", item, date(2026, 9, day), count) for item, day, count in rows)
    change_provisioned(warehouse.path, lambda before: counts)


def test_too_much_is_found_on_the_day_with_the_lower_limit(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [session(number, moment("08:00"), moment("08:30"), agent=f"a{number}", media="email") for number in range(10, 15)]
    rows += [session(number, DAY + 86_400, DAY + 86_400 + 90, agent=f"a{number}", media="email") for number in range(20, 22)]
    warehouse.load(write_csv(tmp_path / "more.csv", "sessions", rows))
    month = {"report": "tenant", "granularity": "monthly", "end": date(2026, 9, 4), "tenant": "Harbor"}
    provisioned(warehouse, ("Genesys E-Mail", 1, 9), ("Genesys E-Mail", 2, 2))
    (row,) = rows_of(warehouse, **month)
    # On the first day five of nine; on the second, beside the open session, two: three of two, for a minute and a half.
    assert (row.peak, row.peak_time) == (5, moment("08:30") - 1)
    assert (row.limit, row.limit_since, row.over, row.over_seconds) == (2, date(2026, 9, 2), 1, 90)
    provisioned(warehouse, ("Genesys E-Mail", 1, 9), ("Genesys E-Mail", 2, 3))
    (row,) = rows_of(warehouse, **month)
    assert (row.limit, row.limit_since, row.over, row.over_seconds) == (9, date(2026, 9, 1), 0, 0)
    days = rows_of(warehouse, **{**month, "granularity": "daily"})
    assert [(day.limit, day.over) for day in days] == [(9, 0), (3, 0), (3, 0)]
    # A day of another zone has two limits.
    (row,) = rows_of(warehouse, **{**month, "granularity": "daily", "end": date(2026, 9, 2), "zone": ZoneInfo("America/New_York")})
    assert (row.limit, row.peak) == (9, 5)


def test_the_system_is_compared_with_what_was_bought(warehouse: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "e.xml"
    file.write_text(entitlement_text(date(2026, 9, 1), {"Genesys E-Mail": 1}, burst=3))
    keep_entitlement(warehouse.path, file)
    rows = rows_of(warehouse)
    assert [(row.limit, row.burst, row.limit_since, row.over, row.over_seconds) for row in rows] == [
        (1, 4, date(2026, 9, 1), 1, 1800),
        (1, 4, date(2026, 9, 1), 0, 0),
    ]
    assert rows_of(warehouse, item="Genesys Web Media")[0].limit is None


def test_a_bundle_is_measured_where_it_is_in_force(warehouse: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "b.xml"
    file.write_text(BUNDLES.replace('valid_to="2026-12-31"', 'valid_to="2026-09-01"'))
    keep_bundles(warehouse.path, file, lambda new, others: None)
    provisioned(warehouse, ("Basic", 1, 0))
    rows = rows_of(warehouse, report="tenant", item="basic", tenant="Harbor")
    assert [(row.item, row.peak, row.over, row.over_seconds, row.missing) for row in rows] == [
        ("basic", 1, 1, 15 * 3600 + 1800, ""),
        ("basic", None, 0, 0, "no set of bundles in force has this bundle"),
    ]
    (month,) = rows_of(warehouse, item="Basic", granularity="monthly", end=date(2026, 9, 4))
    assert (month.peak, month.missing) == (2, "no set of bundles in force has this bundle")
    with pytest.raises(InputError, match="not reported by group"):
        rows_of(warehouse, report="agent-group", item="Basic")


def test_excluded_times_and_zones_are_each_tenants_own(warehouse: Warehouse) -> None:
    (warehouse.path / SETTINGS_FILE).write_text(
        "[[tenants]]\nname = 'Meadow'\nzone = 'Asia/Tokyo'\n"
        "[[excluded]]\nfrom = '2026-09-01T08:20Z'\nto = '2026-09-02T00:00Z'\nreason = 'move'\ntenant = 'Harbor'\n"
        "[[excluded]]\nfrom = '2026-09-01T08:00Z'\nto = '2026-09-01T08:10Z'\nreason = 'test'\n"
    )
    rows = rows_of(warehouse, report="tenant", end=date(2026, 9, 2), zone=None)
    assert [(row.subject.tenant, row.period.since, row.peak, row.excluded) for row in rows] == [
        ("Harbor", DAY, 0, (("test", 600), ("move", 86_400 - 30_000))),
        ("Meadow", DAY - 9 * 3600, 0, (("test", 600),)),
    ]
    (system,) = rows_of(warehouse, end=date(2026, 9, 2))
    assert (system.peak, system.excluded) == (2, (("test", 600),))
    hours = rows_of(warehouse, report="tenant", tenant="Harbor", granularity="hourly", end=date(2026, 9, 2))
    assert (hours[9].peak, hours[9].missing) == (None, "all of it is excluded")


def test_a_gap_is_marked_and_never_zero(warehouse: Warehouse, tmp_path: Path) -> None:
    gaps = [{"source": "icon", "since": moment("00:00"), "until": moment("08:15"), "reason": "down"}]
    warehouse.load(write_csv(tmp_path / "g.csv", "gaps", gaps))
    hours = rows_of(warehouse, granularity="hourly", end=date(2026, 9, 2))
    assert [(row.peak, row.missing) for row in hours[6:10]] == [
        (None, "icon has no data for 1 hour (down)"),
        (None, "icon has no data for 1 hour (down)"),
        (1, "icon has no data for 0.25 hours (down)"),
        (1, ""),
    ]


def test_ports_are_counted_whole_though_the_limit_changes(warehouse: Warehouse, tmp_path: Path) -> None:
    bins = [
        {"source": "rs", "tenant": "Harbor", "kind": "calls", "start": DAY + 43_200, "seconds": 86_400, "peak": 9},
        {"source": "rs", "tenant": "Harbor", "kind": "calls", "start": DAY + 86_400, "seconds": 300, "peak": 4},
    ]
    warehouse.load(write_csv(tmp_path / "p.csv", "ports", bins))
    provisioned(warehouse, ("GVP Ports", 1, 20), ("GVP Ports", 2, 3))
    (row,) = rows_of(warehouse, report="tenant", tenant="Harbor", item="GVP Ports", granularity="monthly", end=date(2026, 9, 4))
    assert (row.peak, row.limit, row.over, row.over_seconds, row.missing) == (9, 3, 1, None, "")
