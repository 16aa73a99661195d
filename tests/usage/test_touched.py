from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import ibis
import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.lrm.close import close_days, day_number
from seatkeeper.lrm.report import Query, items_by_name, report
from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.seats import FOREVER
from seatkeeper.usage.touched import touched
from support.usagefacts import DAY, session, table_of, write_csv

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = session(1, DAY, DAY + 100, agent="a")
OPEN = session(1, DAY, None, agent="a")


@pytest.mark.parametrize(
    ("before", "after", "times"),
    [
        ([BEFORE], [BEFORE], []),
        ([BEFORE], [{**BEFORE, "source": "|b|", "estimated": True}], []),
        ([], [BEFORE], [(DAY, DAY + 100)]),
        ([OPEN], [], [(DAY, FOREVER)]),
        ([OPEN], [BEFORE], [(DAY + 100, FOREVER)]),
        ([BEFORE], [{**BEFORE, "logout": DAY + 70}], [(DAY + 70, DAY + 100)]),
        ([BEFORE], [{**BEFORE, "media": "|chat|"}], [(DAY, DAY + 100)]),
        ([BEFORE], [{**BEFORE, "login": DAY - 9, "logout": DAY + 110}], [(DAY - 9, DAY + 110)]),
    ],
)
def test_only_the_time_that_is_told_otherwise_is_touched(
    before: list[dict[str, Any]], after: list[dict[str, Any]], times: list[tuple[int, int]]
) -> None:
    found = touched(table_of("sessions", before), table_of("sessions", after), KINDS["sessions"])
    assert [(row["since"], row["until"]) for row in ibis.duckdb.connect().to_pyarrow(found).to_pylist()] == times


def test_ports_touch_their_stretch_and_an_end_all_that_follows() -> None:
    engine = ibis.duckdb.connect()
    ports = table_of("ports", [{"source": "rs", "kind": "asr", "start": DAY, "seconds": 300, "peak": 4}])
    found = touched(table_of("ports", []), ports, KINDS["ports"])
    assert engine.to_pyarrow(found).to_pylist() == [{"since": DAY, "until": DAY + 300}]
    ends = table_of("ends", [{"source": "icon", "ended": DAY + 7}])
    found = touched(table_of("ends", []), ends, KINDS["ends"])
    assert engine.to_pyarrow(found).to_pylist() == [{"since": DAY + 7, "until": FOREVER}]


CAMPAIGN = {"source": "c", "tenant": "Harbor", "kind": "campaign", "name": "spring"}
OVERNIGHT = {"agent": "ann", "media": "chat|voice", "queues": "q", "source": "i"}
CASES: dict[str, tuple[int | None, list[dict[str, Any]], str, dict[str, Any], str, int]] = {
    # When the session ends, what is configured, what comes late, the item, and its peak on the first day.
    "agents are known now, and he is none": (
        DAY + 60,
        [{**CAMPAIGN, "detail": "q", "since": DAY}],
        "configuration",
        {"source": "c", "tenant": "Harbor", "kind": "agent", "name": "bo", "detail": "agent", "since": DAY + 5 * 86_400},
        "Genesys Web Media",
        0,
    ),
    "a campaign was loaded late in the session": (
        DAY + 90_000,
        [{**CAMPAIGN, "detail": "other", "since": DAY}],
        "configuration",
        {**CAMPAIGN, "detail": "q", "since": DAY + 86_460},
        "Genesys Outbound Contact - MS",
        1,
    ),
    "the session had ended before the campaign was loaded": (
        None,
        [{**CAMPAIGN, "detail": "q", "since": DAY + 100_000}],
        "sessions",
        session(1, DAY + 10, DAY + 90_000, **OVERNIGHT),
        "Genesys Outbound Contact - MS",
        0,
    ),
    "its source had ended before the campaign was loaded": (
        None,
        [{**CAMPAIGN, "detail": "q", "since": DAY + 300_000}],
        "ends",
        {"source": "i", "ended": DAY + 90_000},
        "Genesys Outbound Contact - MS",
        0,
    ),
    "the agent was made one late in the session": (
        DAY + 90_000,
        [{"source": "c", "tenant": "Harbor", "kind": "agent", "name": "bo", "detail": "agent", "since": DAY}],
        "configuration",
        {"source": "c", "tenant": "Harbor", "kind": "agent", "name": "ann", "detail": "agent", "since": DAY + 86_460},
        "Genesys Web Media",
        1,
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_what_decides_late_about_a_whole_session_opens_its_days(case: str, tmp_path: Path) -> None:
    logout, configured, kind, late, item, peak = CASES[case]
    warehouse, engine = Warehouse(tmp_path / "db"), open_duckdb()
    warehouse.load(write_csv(tmp_path / "f.csv", "sessions", [session(1, DAY + 10, logout, **OVERNIGHT)]))
    warehouse.load(write_csv(tmp_path / "f.csv", "configuration", configured))
    first = date(2026, 9, 1)
    asked = Query("system", item, "daily", first, date(2026, 9, 2))
    close_days(warehouse, engine, items_by_name(), [day_number(first)], DAY + 10 * 86_400, lambda _day, _rows: None)
    assert [row.peak for row in report(warehouse, engine, asked, items_by_name(), {})] == [1 - peak]
    assert warehouse.load(write_csv(tmp_path / "f.csv", kind, [late])).reopened == 1
    assert [row.peak for row in report(warehouse, engine, asked, items_by_name(), {})] == [peak]
