"""Ports of a Reporting Server come into the warehouse, and are missing while it cannot be asked."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.collect import collect
from seatkeeper.lrm.report import Query, items_by_name, report
from seatkeeper.lrm.sources import GvpSource, read_sources
from seatkeeper.lrm.status import status_of
from support.gvp_server import USER, reporting_server
from support.site import free_port
from support.usagefacts import DAY

if TYPE_CHECKING:
    from pathlib import Path


def peak(_report: str, tenant: str, begin: int) -> tuple[int, int]:
    return (2 if tenant else 5) + max(0, begin - DAY) // 3600, begin + 9


def source(url: str, **others: object) -> GvpSource:
    return GvpSource(name="rs", url=url, user=USER[0], password_env="RS", tenants={"Harbor": "101"}, ports=("asr",), **others)  # type: ignore[arg-type]


def peaks(warehouse: Warehouse, kind: str) -> list[int | None]:
    asked = Query(kind, "GVP ASR Ports", "hourly", date(2026, 9, 1), date(2026, 9, 2))  # type: ignore[arg-type]
    return [row.peak for row in report(warehouse, open_duckdb(), asked, items_by_name(), {})][:4]


def test_ports_are_reported_for_the_system_and_for_tenants(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "db")
    asked: list[str] = []
    with reporting_server(peak, asked) as url:
        # The stretch that is not over at the end is left out.
        (done,) = collect(warehouse, [source(url)], {"RS": USER[1]}, DAY + 3 * 3600 + 200, DAY)
        assert (done.error, done.rows, done.until) == ("", {"ports": 72}, DAY + 3 * 3600)
        assert peaks(warehouse, "system") == [5, 6, 7, None]
        assert peaks(warehouse, "tenant") == [2, 3, 4, None]
        (done,) = collect(warehouse, [source(url)], {"RS": USER[1]}, DAY + 4 * 3600)
        assert (done.since, done.added) == (DAY + 3 * 3600 - 86_400, 600 - 72)
    assert peaks(warehouse, "system") == [5, 6, 7, 8]


def test_a_reporting_server_that_is_down_leaves_a_gap_that_is_filled_later(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "db")
    with reporting_server(peak, []) as url:
        collect(warehouse, [source(url)], {"RS": USER[1]}, DAY + 3600, DAY)
    (done,) = collect(warehouse, [source(f"http://127.0.0.1:{free_port()}")], {"RS": USER[1]}, DAY + 2 * 3600)
    assert "No Reporting Server answers" in done.error
    (gap,) = status_of(warehouse, items_by_name(), DAY + 2 * 3600.0).gaps
    assert (gap.source, gap.since, gap.until) == ("rs", DAY + 3600, DAY + 2 * 3600)
    with reporting_server(peak, []) as url:
        collect(warehouse, [source(f"http://127.0.0.1:{free_port()}", backup=url)], {"RS": USER[1]}, DAY + 2 * 3600)
    assert status_of(warehouse, items_by_name(), DAY + 2 * 3600.0).gaps == []
    (done,) = collect(warehouse, [source("http://127.0.0.1:1")], {}, DAY + 3 * 3600)
    assert "variable with the password is not set" in done.error


def test_its_source_stands_in_usage_toml(tmp_path: Path) -> None:
    text = '[[sources]]\nkind = "gvp"\nname = "rs"\nurl = "http://rs1:8080"\nbackup = "http://rs2:8080"\ntenants = { Harbor = "101" }\n'
    (tmp_path / "usage.toml").write_text(text)
    (found,) = read_sources(tmp_path)
    assert isinstance(found, GvpSource)
    assert (found.backup, found.ports) == ("http://rs2:8080", ("calls", "asr", "tts"))
    (tmp_path / "usage.toml").write_text(text + 'paths = { fax = "/x" }\n')
    with pytest.raises(InputError, match="no kind of port"):
        read_sources(tmp_path)
