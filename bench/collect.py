"""Collecting: login sessions of an ICON database on a real PostgreSQL server come into a warehouse, against the same rows from CSV.

Both ways end with the same facts in a new warehouse. From PostgreSQL two tables are read, sessions and their endpoints, and put
together; the CSV file has the finished rows, and each of its values is checked.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis

from harness import BENCH, BenchError, Figure, progress, run_program
from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.icon import read_idb
from seatkeeper.adapters.postgres import ForeignDatabase
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.idb import IdbOptions, session_facts
from support.idb import make_idb
from support.postgres import server

if TYPE_CHECKING:
    from collections.abc import Callable

#: 2026-09-01, in UTC seconds.
SINCE = 1_788_220_800
DAYS = 30
OPTIONS = IdbOptions()

_FILL = """
INSERT INTO idb.gc_agent (id, tenantid, username, type, state) SELECT 1000 + n, 101, 'agent' || n, 2, 1 FROM generate_series(1, 5000) n;
INSERT INTO idb.g_login_session (loginsessionid, agentid, loginid, placeid, primarydeviceid, switchid, tenantid, created_ts, terminated_ts)
    SELECT upper(md5(n::text)), 1001 + n % 5000, 41, 21, 31, 1, 101, {since} + n * 37 % {span}, {since} + n * 37 % {span} + 14400
    FROM generate_series(1, {sessions}::bigint) n;
INSERT INTO idb.gx_session_endpoint (loginsessionid, agentid, endpointid, endpointtype, queueid, created_ts)
    SELECT loginsessionid, agentid, 31, 1, 33, created_ts FROM idb.g_login_session;
ANALYZE;
"""


def from_postgres(name: str, target: Path) -> int:
    """Loads all sessions of the database into a new warehouse; how many."""
    with ForeignDatabase(server().url(name), "idb") as database:
        rows = read_idb(database, OPTIONS, 0, 1 << 33, configuration=False)
    engine = open_duckdb(target)
    facts = session_facts({key: ibis.memtable(table) for key, table in rows.tables.items()}, "icon", OPTIONS)
    return Warehouse(target).add(engine, KINDS["sessions"], facts).added


def write_csv(warehouse: Path, file: Path) -> None:
    """The warehouse's sessions as a CSV file."""
    engine = open_duckdb()
    there = Warehouse(warehouse)
    facts = there.table(engine, KINDS["sessions"], there.manifest().parts["sessions"])
    times = {name: facts[name].as_timestamp("s").strftime("%Y-%m-%dT%H:%M:%SZ") for name in ("login", "logout")}
    sql = engine.backend.compile(facts.drop("estimated").mutate(**times))
    engine.backend.raw_sql(f"COPY ({sql}) TO '{file}' (FORMAT csv, HEADER)")


def timed(load: Callable[[], int], sessions: int) -> float:
    """Seconds that a load took."""
    begin = time.perf_counter()
    added = load()
    if added != sessions:
        raise BenchError(f"{added} sessions came in, not {sessions}")
    return time.perf_counter() - begin


def run(quick: bool = False) -> tuple[list[Figure], object]:
    """Measures and returns the figures and what they come from."""
    sessions, rounds = (100_000, 1) if quick else (2_000_000, 3)
    name = make_idb({})
    server().execute(_FILL.format(since=SINCE, span=DAYS * 86_400, sessions=sessions), name)
    directory = Path(tempfile.mkdtemp(prefix="bench-collect-", dir=BENCH))
    found: dict[str, list[float]] = {"postgresql": [], "csv": []}
    try:
        file = directory / "sessions.csv"
        from_postgres(name, directory / "first")
        write_csv(directory / "first", file)
        for number in range(rounds):
            progress(f"Collecting, round {number + 1} of {rounds}")
            database, loaded = directory / f"a{number}", directory / f"b{number}"
            found["postgresql"].append(timed(lambda at=database: from_postgres(name, at), sessions))  # type: ignore[misc]
            found["csv"].append(timed(lambda at=loaded: Warehouse(at).load(file).added, sessions))  # type: ignore[misc]
            shutil.rmtree(database)
            shutil.rmtree(loaded)
    finally:
        progress("")
        shutil.rmtree(directory, ignore_errors=True)
    best = {way: min(times) for way, times in found.items()}
    figures = [
        Figure("collect: rows/s from PostgreSQL, of those from CSV", best["csv"] / best["postgresql"], "x", at_least=0.3),
        Figure("collect: sessions from PostgreSQL", sessions / best["postgresql"], "rows/s", kind="absolute"),
    ]
    return figures, {"sessions": sessions, "seconds": found}


def show_scale(raw: Any) -> None:
    """Prints what the figures come from."""
    for way, times in raw["seconds"].items():
        print(f"{raw['sessions']} sessions from {way}: {', '.join(f'{each:.1f} s' for each in times)}")


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    sys.exit(
        run_program(
            "collect", "Login sessions from PostgreSQL and from CSV.", "Collecting", "100,000 sessions and one round", run, show_scale
        )
    )
