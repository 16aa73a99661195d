"""Options of a report become one query, and rows come from the warehouse that is named."""

from __future__ import annotations

from datetime import UTC, date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.cli.usage_query import query_given, rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.lrm.report import Query

SESSIONS = """source,session_id,tenant,agent,place,dn,switch_kind,media,client,queues,login,logout
icon,S1,Harbor,ann,P1,,sip,voice|email,,,2026-09-30T08:00:00Z,2026-09-30T09:00:00Z
"""


def query(item: str = "Genesys E-Mail", first: str = "2026-09-30", zone: str = "UTC") -> Query:
    return query_given(item, first, "2026-10-01", "tenant", "daily", "Harbor", None, zone, "sunday", "minute", "day-end")


def test_every_option_is_in_the_query() -> None:
    asked = query()
    assert (asked.report, asked.item, asked.granularity, asked.tenant, asked.group) == ("tenant", "Genesys E-Mail", "daily", "Harbor", None)
    assert (asked.first, asked.end, asked.zone) == (date(2026, 9, 30), date(2026, 10, 1), UTC)
    assert (asked.week_start, asked.sampling, asked.membership) == (6, "minute", "day-end")
    assert query(zone="tenant").zone is None


def test_what_is_no_day_or_zone_is_named_with_its_option() -> None:
    with pytest.raises(InputError, match="--from"):
        query(first="yesterday")
    with pytest.raises(InputError, match="--zone"):
        query(zone="Mars/Olympus")


def test_one_item_or_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "sessions.csv").write_text(SESSIONS)
    Warehouse(tmp_path / "db").load(tmp_path / "sessions.csv")
    (row,) = rows_of(tmp_path / "db", query(), "duckdb", "")
    assert row.peak == 1
    every = rows_of(tmp_path / "db", query("all"), "duckdb", "")
    assert len(every) == 25
    assert row.peak in [one.peak for one in every if one.item == "Genesys E-Mail"]
