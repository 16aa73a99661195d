"""Reports by Apache Spark, which really works them out, are those by DuckDB, row by row; all of it in one session, in one process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.engines import Engine, open_duckdb, open_spark
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.lrm.evidence_check import check_pack
from seatkeeper.lrm.report import Query, items_by_name, report
from support.evidencepacks import CODE, KNOWN, PUBLIC, made, small_site
from support.usageasked import drawn, loaded, told
from support.usagefacts import DAY, session, write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONG = os.environ.get("SEATKEEPER_LONG") == "1"
#: Five worlds, with reports of all types and granularities about them; in two of them sources end and leave sessions open.
WORLDS = range(6000, 6050) if LONG else (6005, 6007, 6009, 6021, 6032)


@pytest.fixture(scope="module")
def spark() -> Iterator[Engine]:
    engine = open_spark("local[2]")
    yield engine
    engine.backend._session.stop()


def jobs(spark: Engine) -> set[int]:
    """The jobs that Spark has run, as it counts them itself."""
    return set(spark.backend._session.sparkContext.statusTracker().getJobIdsForGroup(None))


# One test, so that one process does it all: a Spark takes seconds to start.
@pytest.mark.timeout(3600 if LONG else 400)
def test_spark_says_what_duckdb_says_and_who_looks_at_every_second(spark: Engine, tmp_path: Path) -> None:
    for seed in WORLDS:
        world, questions = drawn(seed)
        (tmp_path / str(seed)).mkdir()
        warehouse = loaded(world, tmp_path / str(seed))
        duckdb = open_duckdb()
        for asked in questions:
            before = jobs(spark)
            rows = told(warehouse, spark, asked)
            assert rows == told(warehouse, duckdb, asked) == world.report(asked), (seed, asked)
            if any(row["peak"] is not None for row in rows):
                assert jobs(spark) > before, (seed, asked)


@pytest.mark.timeout(300)
def test_seats_of_a_technical_license_are_the_same_on_spark(spark: Engine, tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "db")
    common = {"source": "lic1", "feature": "tserver_sdn", "user": "ann", "host": "h"}
    rows = [
        {**common, "handle": str(number), "seats": number % 5 + 1, "taken": DAY + 997 * number, "returned": DAY + 997 * number + 4000}
        for number in range(40)
    ]
    warehouse.load(write_csv(tmp_path / "c.csv", "checkouts", [*rows, {**rows[0], "handle": "open", "returned": None}]))
    query = Query("system", "feature:TSERVER_SDN", "hourly", date(2026, 9, 1), date(2026, 9, 2))
    found = report(warehouse, spark, query, items_by_name(), {})
    assert found == report(warehouse, open_duckdb(), query, items_by_name(), {})
    assert found[5].peak == max(
        1 + sum(row["seats"] for row in rows if row["taken"] <= second < row["returned"]) for second in range(DAY + 18_000, DAY + 21_600)
    )


@pytest.mark.timeout(300)
def test_evidence_that_duckdb_made_is_the_same_on_spark(spark: Engine, tmp_path: Path) -> None:
    pack = made(tmp_path / "p.evidence", small_site(tmp_path))
    before = jobs(spark)
    verdict = check_pack(pack, KNOWN, CODE, lambda _: spark, pinned=PUBLIC)
    assert jobs(spark) > before
    assert verdict.holds
    assert any("on spark, all rows are the same: 4 of 4" in check.sentence for check in verdict.checks)


@pytest.mark.timeout(300)
def test_what_spark_cannot_do_is_told_in_a_sentence(spark: Engine, tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "db")
    warehouse.load(write_csv(tmp_path / "s.csv", "sessions", [session(1, DAY, DAY + 60)]))
    for part in warehouse.manifest().parts["sessions"]:
        (warehouse.path / part.path).write_bytes(b"no Parquet at all, though it has this name")
    _, questions = drawn(6000)
    asked = replace(questions[0], report="system", item="Genesys CIM Platform-MS", first=date(2026, 9, 1), end=date(2026, 9, 2))
    with pytest.raises(SeatkeeperError) as caught:
        told(warehouse, spark, asked)
    assert str(caught.value).startswith("Spark cannot work this out: ")
    assert "data_0.parquet is not a Parquet file" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.timeout(300)
def test_the_command_says_nothing_but_the_report_and_why_spark_does_not_start(tmp_path: Path) -> None:
    Warehouse(tmp_path / "db").load(write_csv(tmp_path / "s.csv", "sessions", [session(1, DAY, DAY + 60, agent="ann")]))
    command = [sys.executable, "-m", "seatkeeper.cli.main", "usage", "report", "--db", str(tmp_path / "db"), "--engine", "spark"]
    command += ["--item", "Genesys CIM Platform-MS", "--from", "2026-09-01", "--to", "2026-09-02"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2026-09-01 00:00" in done.stdout
    # Without a Java there is nothing to start.
    bare = {name: value for name, value in os.environ.items() if name != "JAVA_HOME"} | {"PATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=bare)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("seatkeeper usage: Spark does not start: ")
    assert "It needs Java 17 or newer" in done.stderr
    assert "Traceback" not in done.stderr
