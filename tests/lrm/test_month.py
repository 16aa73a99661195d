"""A simulated month in PostgreSQL, collected and closed day by day, is reported as the simulator's own record of the truth says.

SEATKEEPER_LONG=1 does it with 5,000 agents of 20 tenants, closes every day, and asks for more on Spark; that takes a quarter of an
hour, most of it Spark.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.engines import open_duckdb, open_spark
from seatkeeper.adapters.usagelimits import change_provisioned
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.cli.simulate import main as simulate
from seatkeeper.cli.usage import main as usage
from seatkeeper.cli.usage_common import site_of
from seatkeeper.lrm.report import Query, report
from seatkeeper.usage.limits import counts_from_csv
from support.postgres import database, server

if TYPE_CHECKING:
    from pathlib import Path

LONG = os.environ.get("SEATKEEPER_LONG") == "1"
AGENTS, TENANTS = (5000, 20) if LONG else (300, 5)
#: What is asked of all items; of some, more is asked.
ALWAYS = (("tenant", "daily"),)
MORE = {
    "Genesys CIM Platform-MS": (("system", "daily"), ("system", "hourly")),
    "Genesys E-Mail": (("tenant", "hourly"), ("tenant", "monthly")),
    "Genesys Outbound Contact - MS": (("system", "daily"),),
    "HA-CIM": (("system", "monthly"),),
    "SIP Server": (("system", "daily"),),
}
#: What Spark is asked, too: whom it is about, the item, the periods.
ON_SPARK = [("system", "Genesys CIM Platform-MS", "hourly"), ("tenant", "Genesys E-Mail", "daily")]
if LONG:
    ON_SPARK += [(kind, item, "10-minute") for kind in ("system", "tenant") for item in ("Genesys Web Media", "SIP Server")]


def moment(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).timestamp())


@pytest.mark.timeout(3600 if LONG else 600)
def test_reports_of_a_simulated_month_are_the_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db, truth_file, limits = tmp_path / "db", tmp_path / "truth.json", tmp_path / "limits.csv"
    url = server().url(database())
    center = ["--agents", f"{AGENTS}", "--tenants", f"{TENANTS}", "--seed", "4", "--month", "2026-02"]
    assert simulate(["month", *center, "--url", url, "--truth", str(truth_file), "--limits", str(limits)]) == 0
    db.mkdir()
    (db / "usage.toml").write_text(capsys.readouterr().out)
    change_provisioned(db, lambda rows: tuple(counts_from_csv(limits.read_text(), "limits.csv")))
    assert usage(["snapshot", "--db", str(db), "--at", "2026-02-01"]) == 0
    assert usage(["collect", "--db", str(db), "--to", "2026-03-01"]) == 0
    # Some of it is closed, the rest is worked out when it is asked for.
    for day in range(1, 29 if LONG else 9):
        assert usage(["close", "--db", str(db), "--date", f"2026-02-{day:02}"]) == 0
    capsys.readouterr()
    truth = json.loads(truth_file.read_text())
    gap = next((one["since"], one["until"]) for one in truth["gaps"] if one["icon"] == "media")
    enabled = {(row["tenant"], row["item"]): row["enabled"] for row in truth["enabled"]}
    told = {(row["tenant"], row["item"]): row for row in truth["peaks"]}
    lengths = {"hourly": 3600, "daily": 86_400, "monthly": 28 * 86_400}
    over: set[tuple[str, str]] = set()
    checked = 0
    for item in sorted({row["item"] for row in truth["peaks"]}):
        for kind, granularity in (*ALWAYS, *MORE.get(item, ())):
            asked = [
                "--type",
                kind,
                "--item",
                item,
                "--granularity",
                granularity,
                "--from",
                "2026-02-01",
                "--to",
                "2026-03-01",
                "--json",
            ]
            assert usage(["report", "--db", str(db), *asked]) == 0
            rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
            wanted = {
                (key[0], start): (peak, last, more)
                for key, row in told.items()
                if key[1] == item and (key[0] is None) == (kind == "system")
                for start, peak, last, more in row[granularity]
            }
            assert len(rows) == len(wanted)
            for row in rows:
                start = moment(row["start"])
                assert start is not None
                peak, last, more = wanted[row["tenant"], start]
                # Where nobody was seen while an ICON was away it is not known whether there was somebody.
                unknown = not peak and gap[0] < start + lengths[granularity] and start < gap[1]
                found = row["peak"], moment(row["peak_time"]), row["over"]
                assert found == (None if unknown else peak, last, more), (item, row)
                assert row["enabled"] in {None, enabled.get((row["tenant"], item), 0)}, (item, row)
                checked += 1
                if row["over"]:
                    over.add((row["tenant"], f"{datetime.fromtimestamp(start, UTC):%Y-%m-%d}"))
    assert checked > 5_000
    assert {tenant for tenant, _ in over} == {truth["planted"]["tenant"]}
    assert truth["planted"]["day"] in {day for _, day in over}
    spark_says_the_same(db)


def spark_says_the_same(db: Path) -> None:
    """Worked out from the facts, as in a directory in which no day was ever closed; Spark's own jobs are counted."""
    warehouse, site, duckdb, spark = Warehouse(db), site_of(db), open_duckdb(), open_spark("local[2]")
    tracker = spark.backend._session.sparkContext.statusTracker()
    try:
        for kind, item, granularity in ON_SPARK:
            # Looking at every whole minute leaves out what closed days have kept.
            for sampling in ("exact", "minute"):
                asked: Any = Query(kind, item, granularity, date(2026, 2, 1), date(2026, 3, 1), sampling=sampling)  # type: ignore[arg-type]
                before = set(tracker.getJobIdsForGroup(None))
                rows = report(warehouse, spark, asked, {}, {}, site)
                assert rows == report(warehouse, duckdb, asked, {}, {}, site)
                assert any(row.peak for row in rows)
                assert set(tracker.getJobIdsForGroup(None)) > before
    finally:
        spark.backend._session.stop()
