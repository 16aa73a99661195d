"""Usage reports: all 10-minute peaks per tenant of ten million sessions, by the product's expressions and by others in the same run.

The yardstick is the best SQL that was found by hand for DuckDB: each seat's sessions joined, then key, moment and kind packed into one
integer and sorted. It tells peaks only; the product tells when they were, too. Polars does the same with its own means. Then ten times
as many sessions with memory capped, a month of closed days read, and the nightly close of a large site.
"""

from __future__ import annotations

import datetime
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow.parquet as pq

from harness import BENCH, BenchError, Figure, progress, run_program
from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.lrm.close import close_days, day_number
from seatkeeper.lrm.figures import ROWS_AT_ONCE
from seatkeeper.lrm.report import Query, items_by_name, report_all
from seatkeeper.lrm.site import read_site
from seatkeeper.usage.facts import DAY_S
from seatkeeper.usage.peaks import peaks
from seatkeeper.usage.periods import Edge, stretches
from seatkeeper.usage.reports import cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.adapters.engines import Engine

MEMORY = "8GB"
DAYS = 32
BIN_S = 600
TENANTS = 200
#: By tenant and number of the ten minutes: the peak. SQL and Polars tell those in which a session began or ended, the product all.
Peaks = dict[tuple[int, int], int]
#: No session lasts longer.
LONGEST_S = 29_400
PLACES = 40_000
#: 2026-09-01, in UTC seconds; sessions begin a day later and in 30 days.
SINCE = int(datetime.datetime(2026, 9, 1, tzinfo=datetime.UTC).timestamp())

YARDSTICK_MAX = 1.6
POLARS_MAX = 4.0
SCALE_MAX = 11.0
REPORT_S_MAX = 1.0
CLOSE_S_MAX = 300.0


def session_files(directory: Path, count: int) -> Path:
    """So many sessions as Parquet files, one for each day on which they begin, as the product keeps them: tenant, place, login, logout."""
    path = directory / f"sessions-{count}"
    engine = open_duckdb(directory, MEMORY)
    engine.backend.raw_sql("SELECT setseed(0.5)")
    engine.backend.raw_sql(
        f"COPY (SELECT *, login + 600 + length AS logout, login // 86400 AS day FROM (SELECT CAST(random() * {TENANTS - 1} AS BIGINT) "
        f"AS tenant, 'p' || CAST(random() * {PLACES} AS BIGINT) AS place, "
        f"{SINCE + 86_400} + CAST(random() * {(DAYS - 3) * 86_400} AS BIGINT) AS login, "
        f"CAST(random() * {LONGEST_S - 600} AS BIGINT) AS length FROM range({count}))) TO '{path}' (FORMAT parquet, PARTITION_BY (day))"
    )
    engine.close()
    return path


def product(engine: Engine, path: Path) -> Peaks:
    """The product's expressions, by the product's stretches of days."""
    first = SINCE // DAY_S
    files = {int(file.parent.name.removeprefix("day=")): file for file in path.glob("day=*/*.parquet")}
    rows = {day: pq.read_metadata(file).num_rows for day, file in files.items()}
    bins = [Edge(SINCE + number * BIN_S, number) for number in range(DAYS * DAY_S // BIN_S)]
    found: Peaks = {}
    for stretch in stretches([*bins, Edge(SINCE + DAYS * DAY_S, -1)], rows, ROWS_AT_ONCE):
        since, until = stretch[0].at, stretch[-1].at
        days = range(max(first, (since - LONGEST_S) // DAY_S), (until - 1) // DAY_S + 1)
        table = engine.backend.read_parquet([str(files[day]) for day in days if day in files])
        times = table.select(
            key=table.tenant, seat=table.place, since=ibis.greatest(table.login, since), until=ibis.least(table.logout, until)
        )
        times = times.filter(times.since < times.until)
        told = engine.backend.to_pyarrow(peaks(times, cells(TENANTS, stretch)))
        for key, period, peak in zip(*(told[name].to_pylist() for name in ("key", "period", "peak")), strict=True):
            found[key, period] = max(peak, found.get((key, period), 0))
    return found


def yardstick(engine: Engine, path: Path) -> Peaks:
    """The same by SQL, written by hand for DuckDB."""
    merged = (
        "SELECT k, login, greatest(before, logout) AS latest, before, following FROM (SELECT tenant AS k, login, logout, "
        "max(logout) OVER (PARTITION BY tenant, place ORDER BY login ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before, "
        f"lead(login) OVER (PARTITION BY tenant, place ORDER BY login) AS following FROM '{path}/*/*.parquet')"
    )
    bin_of = f"((e & 1073741823) >> 1) // {BIN_S}"
    found = engine.backend.raw_sql(
        f"WITH m AS MATERIALIZED ({merged}), ev AS ("
        f"SELECT (k << 30) | ((login - {SINCE}) << 1) | 1 AS e FROM m WHERE before IS NULL OR login > before UNION ALL "
        f"SELECT (k << 30) | ((latest - {SINCE}) << 1) AS e FROM m WHERE following IS NULL OR following > latest), "
        "c AS (SELECT e, sum((e & 1) * 2 - 1) OVER (ORDER BY e ROWS UNBOUNDED PRECEDING) AS c FROM ev) "
        f"SELECT e >> 30 AS k, {bin_of} AS b, coalesce(max(CASE WHEN ((e & 1073741823) >> 1) % {BIN_S} <> 0 "
        "THEN greatest(c, c - ((e & 1) * 2 - 1)) WHEN e & 1 = 1 THEN c END), min(c)) AS p FROM c GROUP BY 1, 2"
    ).fetchall()
    return {(tenant, number): peak for tenant, number, peak in found}


def with_polars(_engine: Engine, path: Path) -> Peaks:
    """The same by Polars."""
    import polars as pl

    seats = (
        pl.scan_parquet(path / "*" / "*.parquet", hive_partitioning=False)
        .sort("tenant", "place", "login")
        .with_columns(seat=pl.struct("tenant", "place").rle_id())
        .with_columns(latest=pl.col("logout").cum_max().over("seat"))
        .with_columns(before=pl.col("latest").shift(1).over("seat"), following=pl.col("login").shift(-1).over("seat"))
    )
    moment = pl.col("tenant") * (1 << 30)
    taken = seats.filter(pl.col("before").is_null() | (pl.col("login") > pl.col("before"))).select(
        e=moment + (pl.col("login") - SINCE) * 2 + 1
    )
    left = seats.filter(pl.col("following").is_null() | (pl.col("following") > pl.col("latest"))).select(
        e=moment + (pl.col("latest") - SINCE) * 2
    )
    counted = pl.concat([taken, left]).sort("e").with_columns(d=(pl.col("e") & 1) * 2 - 1).with_columns(c=pl.col("d").cum_sum())
    at = (pl.col("e") & 1073741823) // 2
    inside = pl.when(at % BIN_S != 0).then(pl.max_horizontal("c", pl.col("c") - pl.col("d"))).when(pl.col("d") > 0).then(pl.col("c"))
    found = (
        counted.with_columns(k=pl.col("e") // (1 << 30), b=at // BIN_S, inside=inside)
        .group_by("k", "b")
        .agg(p=pl.coalesce(pl.col("inside").max(), pl.col("c").min()))
        .collect()
    )
    return {(tenant, number): peak for tenant, number, peak in found.select("k", "b", "p").iter_rows()}


def timed(work: Callable[[Engine, Path], Peaks], engine: Engine, path: Path) -> tuple[float, Peaks]:
    """Seconds, and all peaks."""
    began = time.perf_counter()
    found = work(engine, path)
    return time.perf_counter() - began, found


def site(directory: Path, agents: int, sessions: int, tenants: int, groups: int) -> Warehouse:
    """One day of a large site, as facts in a warehouse, and a month of smaller ones before it."""
    draws = random.Random(1)
    csv = directory / "sessions.csv"
    media = ["voice", "email", "chat", "voice|email", "workitem", "chat|email", "social"]
    with csv.open("w") as file:
        file.write("source,session_id,tenant,agent,place,dn,switch_kind,media,client,queues,login,logout\n")
        for number in range(sessions):
            agent = draws.randrange(agents)
            login = SINCE + draws.randrange(80_000)
            logout = min(login + draws.randrange(300, 30_000), SINCE + 86_399)
            times = [f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}" for at in (login, logout)]
            kind, client = draws.choice(["premise", "sip"]), draws.choice(["desktop", "workspace", ""])
            about = f"t{agent % tenants},a{agent},p{agent},,{kind},{draws.choice(media)},{client},q{agent % 50}"
            file.write(f"icon,s{number},{about},{','.join(times)}\n")
    configuration = directory / "configuration.csv"
    begins = "2026-08-01T00:00:00Z"
    with configuration.open("w") as file:
        file.write("source,tenant,kind,name,detail,since,until\n")
        for agent in range(agents):
            for detail in ("agent", "premise", "email"):
                file.write(f"c,t{agent % tenants},agent,a{agent},{detail},{begins},\n")
            file.write(f"c,t{agent % tenants},agent-group,g{agent % groups},a{agent},{begins},\n")
    warehouse = Warehouse(directory / "db")
    for path in (csv, configuration):
        warehouse.load(path)
    return warehouse


def measure(count: int, rounds: int, scale: int, agents: int, sessions: int) -> dict[str, Any]:
    """Seconds of everything."""
    directory = Path(tempfile.mkdtemp(prefix="bench-usage-", dir=BENCH))
    found: dict[str, Any] = {"sessions": count, "seconds": {}}
    told: dict[str, Peaks] = {}
    try:
        progress(f"{count:,} sessions are made")
        path = session_files(directory, count)
        for turn in range(rounds):
            for name, work in (("product", product), ("yardstick", yardstick), ("polars", with_polars)):
                progress(f"round {turn + 1}/{rounds}: {name}")
                engine = open_duckdb(directory, MEMORY)
                seconds, told[name] = timed(work, engine, path)
                engine.close()
                found["seconds"].setdefault(name, []).append(seconds)
        if told["yardstick"] != told["polars"] or any(told["product"][place] != peak for place, peak in told["yardstick"].items()):
            raise BenchError("the three do not agree about the peaks")
        if scale > 1:
            progress(f"{count * scale:,} sessions are made")
            large = session_files(directory, count * scale)
            progress(f"{count * scale:,} sessions")
            engine = open_duckdb(directory, MEMORY)
            found["large_s"], _ = timed(product, engine, large)
            engine.close()
            shutil.rmtree(large)
        progress("a large site's day")
        warehouse = site(directory, agents, sessions, TENANTS, 2000)
        items, first = items_by_name(), day_number(datetime.date(2026, 9, 1))
        engine = open_duckdb(directory, MEMORY)
        now = SINCE + 31 * 86_400.0
        began = time.perf_counter()
        close_days(warehouse, engine, items, [first], now, lambda _day, _rows: None)
        found["close_s"] = time.perf_counter() - began
        progress("the rest of the month is closed")
        close_days(warehouse, engine, items, range(first + 1, first + 30), now, lambda _day, _rows: None)
        began = time.perf_counter()
        asked = Query("system", "all", "monthly", datetime.date(2026, 9, 1), datetime.date(2026, 10, 1))
        report_all(warehouse, engine, asked, read_site(warehouse.path, items, {}))
        found["month_s"] = time.perf_counter() - began
        progress("")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return found


def figures(found: dict[str, Any]) -> list[Figure]:
    """Against the issue's targets; each ratio is of the fastest rounds."""
    best = {name: min(times) for name, times in found["seconds"].items()}
    named = f"10-minute peaks per tenant of {found['sessions']:,} sessions"
    result = [
        Figure(f"{named}, product / SQL by hand", best["product"] / best["yardstick"], "x", at_most=YARDSTICK_MAX),
        Figure(f"{named}, product / Polars", best["product"] / best["polars"], "x", at_most=POLARS_MAX),
    ]
    if "large_s" in found:
        result.append(
            Figure("ten times as many sessions, memory capped at 8 GB", found["large_s"] / best["product"], "x", at_most=SCALE_MAX)
        )
    result += [
        Figure("a closed month's system report, 25 items", found["month_s"], "s", "absolute", at_most=REPORT_S_MAX),
        Figure("nightly close of a large site's day", found["close_s"], "s", "absolute", at_most=CLOSE_S_MAX),
    ]
    return result


def show_scale(found: dict[str, Any]) -> None:
    """What the ratios are made of."""
    print("  absolute, for scale, seconds:")
    for name, times in found["seconds"].items():
        print(f"  {name:<20}" + "".join(f"{each:8.2f}" for each in times))


def run(quick: bool = False) -> tuple[list[Figure], object]:
    """Measures and returns the figures and what they come from."""
    found = measure(300_000, 1, 1, 2000, 10_000) if quick else measure(10_000_000, 3, 10, 100_000, 500_000)
    return figures(found), found


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    sys.exit(run_program("usage", "Usage reports of ten million sessions.", "Usage", "300,000 sessions and one round", run, show_scale))
