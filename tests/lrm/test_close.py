from __future__ import annotations

import itertools
import os
import random
import resource
import signal
import subprocess
import sys
import time
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.lrm import figures
from seatkeeper.lrm.close import close_days, day_number, day_of, one_close, open_days
from seatkeeper.lrm.report import Query, Row, items_by_name, report, report_all
from seatkeeper.lrm.site import read_site
from seatkeeper.usage.periods import Edge
from seatkeeper.usage.reports import REPORT_TYPES
from support.usagefacts import DAY, session, write_csv

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FIRST = day_number(date(2026, 9, 1))
DAYS = 4
NOW = DAY + DAYS * 86_400 + 500
ITEMS = items_by_name()


def filled(path: Path, seed: int = 3) -> Warehouse:
    draws = random.Random(seed)
    rows = []
    for number in range(150):
        login = DAY + draws.randrange(-40_000, DAYS * 86_400)
        rows.append(
            session(
                number,
                login,
                draws.choice([None, login + draws.randrange(1, 30_000), login + draws.randrange(1, 30_000), login + 100_000]),
                tenant=draws.choice(["Harbor", "Meadow"]),
                agent=f"a{draws.randrange(20)}",
                place=draws.choice(["", f"p{draws.randrange(9)}"]),
                media=draws.choice(["voice", "email|voice", "chat", "fax"]),
                source=draws.choice(["a", "b"]),
            )
        )
    warehouse = Warehouse(path)
    warehouse.load(write_csv(path.parent / "s.csv", "sessions", rows))
    able = [
        {"source": "c", "tenant": tenant, "kind": kind, "name": name, "detail": detail, "since": DAY + since, "until": until}
        for tenant, kind, name, detail, since, until in [
            ("Harbor", "agent", "a1", "email", 0, None),
            ("Harbor", "agent", "a2", "email", 90_000, DAY + 200_000),
            ("Harbor", "agent-group", "service", "a1", -9, None),
            ("Harbor", "agent-group", "service", "a2", 50_000, None),
            ("Meadow", "place-group", "hall", "p3", 0, None),
        ]
    ]
    warehouse.load(write_csv(path.parent / "c.csv", "configuration", able))
    return warehouse


def everything(warehouse: Warehouse, kinds: Sequence[str] = REPORT_TYPES) -> list[Row]:
    rows: list[Row] = []
    engine = open_duckdb()
    for kind, (item, granularity) in itertools.product(kinds, [("Genesys E-Mail", "hourly"), ("Genesys CIM Platform-MS", "weekly")]):
        asked: Any = Query(kind, item, granularity, date(2026, 8, 31), date(2026, 9, 6))  # type: ignore[arg-type]
        rows += report(warehouse, engine, asked, ITEMS, {})
    return rows


def closed(warehouse: Warehouse) -> list[int]:
    return [one.day - FIRST for one in warehouse.manifest().closed]


def close(warehouse: Warehouse, *days: int) -> None:
    close_days(warehouse, open_duckdb(), ITEMS, [FIRST + day for day in days], NOW, lambda _day, _rows: None)


def test_reports_of_closed_days_are_those_of_open_ones(tmp_path: Path) -> None:
    warehouse = filled(tmp_path / "db")
    live = everything(warehouse)
    assert open_days(warehouse.manifest(), ITEMS, NOW).never == list(range(FIRST - 1, FIRST + DAYS))
    close(warehouse, 1, 2)
    assert everything(warehouse) == live
    close(warehouse, -1, 0, 1, 3)
    assert closed(warehouse) == [-1, 0, 1, 2, 3]
    assert everything(warehouse) == live
    assert open_days(warehouse.manifest(), ITEMS, NOW).never == []


def test_reports_worked_out_by_stretches_of_days_are_those_of_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = filled(tmp_path / "db")
    live = everything(warehouse)
    for rows in (1, 60):
        monkeypatch.setattr(figures, "ROWS_AT_ONCE", rows)
        assert everything(warehouse) == live
        stretches = figures._stretched(warehouse.manifest(), [Edge(DAY + hour * 3600, hour) for hour in (0, 5, 73)])
        assert (len(stretches) == 4) == (rows == 1)


def test_all_items_together_are_the_items_one_by_one(tmp_path: Path) -> None:
    warehouse = filled(tmp_path / "db")
    close(warehouse, 0, 1, 2)
    site = read_site(warehouse.path, ITEMS, {})
    engine = open_duckdb()
    for kind, end in (("system", date(2026, 9, 4)), ("tenant", date(2026, 9, 5)), ("agent-group", date(2026, 9, 4))):
        asked: Any = Query(kind, "all", "daily", date(2026, 9, 1), end)  # type: ignore[arg-type]
        rows = report_all(warehouse, engine, asked, site)
        names = [item.name for item in ITEMS.values()]
        assert list(dict.fromkeys(row.item for row in rows)) == names
        some = [name for name in names if name in {"Genesys E-Mail", "IVR Connector", "GVP Ports", "Call Recording"}]
        for name in some:
            alone = report(warehouse, engine, Query(kind, name, "daily", date(2026, 9, 1), end), ITEMS, {})  # type: ignore[arg-type]
            assert [row for row in rows if row.item == name] == alone


def test_late_facts_open_only_the_days_of_which_they_say_something_else(tmp_path: Path) -> None:
    warehouse = filled(tmp_path / "db")
    close(warehouse, 0, 1, 2, 3)
    again = warehouse.load(tmp_path / "s.csv")
    assert (again.added, again.reopened, closed(warehouse)) == (0, 0, [0, 1, 2, 3])
    late = [session(900, DAY + 86_400 * 2 - 50, DAY + 86_400 * 2 + 50, agent="late", media="email")]
    assert warehouse.load(write_csv(tmp_path / "l.csv", "sessions", late)).reopened == 2
    assert closed(warehouse) == [0, 3]
    before = everything(warehouse)
    close(warehouse, 1, 2)
    assert everything(warehouse) == before


def test_rules_that_have_changed_open_their_days_and_are_not_read_from_them(tmp_path: Path) -> None:
    warehouse = filled(tmp_path / "db")
    close(warehouse, 0)
    name = "genesys e-mail"
    other = {**ITEMS, name: type(ITEMS[name])("Genesys E-Mail", ITEMS["genesys web media"].peak, None, "site")}
    assert open_days(warehouse.manifest(), other, NOW).again == [FIRST]
    asked = Query("system", "Genesys E-Mail", "daily", date(2026, 9, 1), date(2026, 9, 2))
    engine = open_duckdb()
    chats = report(warehouse, engine, Query("system", "Genesys Web Media", "daily", date(2026, 9, 1), date(2026, 9, 2)), ITEMS, {})
    assert [row.peak for row in report(warehouse, engine, asked, other, {})] == [row.peak for row in chats]


def test_dropped_detail_leaves_the_reports_and_late_facts_no_way_back(tmp_path: Path) -> None:
    warehouse = filled(tmp_path / "db")
    live = everything(warehouse)
    close(warehouse, -1, 0, 1, 2, 3)
    assert warehouse.drop_detail(open_duckdb(), FIRST + 3) > 50
    assert everything(warehouse) == live
    late = [session(901, DAY + 60, DAY + 90, agent="late", media="email")]
    told = warehouse.load(write_csv(tmp_path / "l.csv", "sessions", late))
    assert (told.reopened, told.late) == (0, 1)
    with pytest.raises(InputError, match="detail of this day has been dropped"):
        close(warehouse, 0)
    assert everything(warehouse) == live


def test_what_was_configured_long_ago_opens_no_days_and_is_reported_live(tmp_path: Path) -> None:
    warehouse = filled(tmp_path / "db")
    old = {"source": "c", "tenant": "Harbor", "kind": "agent", "name": "a7", "detail": "email", "since": DAY - 2000 * 86_400, "until": None}
    warehouse.load(write_csv(tmp_path / "old.csv", "configuration", [old]))
    assert open_days(warehouse.manifest(), ITEMS, NOW).never == list(range(FIRST - 1, FIRST + DAYS))
    asked = Query("tenant", "Genesys E-Mail", "monthly", date(2026, 7, 1), date(2026, 10, 1), tenant="Harbor")
    rows = report(warehouse, open_duckdb(), asked, ITEMS, {})
    close(warehouse, -1, 0, 1, 2, 3)
    assert report(warehouse, open_duckdb(), asked, ITEMS, {}) == rows
    assert [row.enabled for row in rows] == [1, 1, 3]
    # Where nobody was ever logged in, nothing is to be closed.
    alone = Warehouse(tmp_path / "alone")
    alone.load(tmp_path / "old.csv")
    assert open_days(alone.manifest(), ITEMS, NOW).never == []
    assert [row.enabled for row in report(alone, open_duckdb(), asked, ITEMS, {})] == [1, 1, 1]


def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    warehouse = filled(tmp_path / "db")
    close(warehouse, -1, 0, 1)
    before = warehouse.manifest()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    late = write_csv(tmp_path / "l.csv", "sessions", [session(901, DAY + 60, DAY + 90)])
    works = {
        "Detail cannot be dropped": lambda: warehouse.drop_detail(open_duckdb(), FIRST + 2),
        "Closed days cannot be written": lambda: close(warehouse, 2),
        "Usage data cannot be written": lambda: warehouse.load(late),
    }
    for said, work in works.items():
        # The first file of any size is too large.
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        try:
            with pytest.raises(SeatkeeperError, match=rf"{said}.*: File too large\."):
                work()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert warehouse.manifest() == before
    assert warehouse.drop_detail(open_duckdb(), FIRST + 2) > 0


def test_what_is_not_over_is_not_closed_and_two_do_not_close_at_once(tmp_path: Path) -> None:
    warehouse = filled(tmp_path / "db")
    with pytest.raises(InputError, match="not over yet"):
        close(warehouse, DAYS)
    with one_close(warehouse), pytest.raises(SeatkeeperError, match="Another close"), one_close(warehouse):
        pass
    assert day_of(day_number(date(2026, 9, 1))) == date(2026, 9, 1)


@pytest.mark.parametrize("stage", ["read", "written", "listed"])
def test_a_drop_that_is_killed_anywhere_and_run_again_gives_the_same(stage: str, tmp_path: Path) -> None:
    warehouse = filled(tmp_path / "db")
    close(warehouse, -1, 0, 1, 2, 3)
    live = everything(warehouse, ["tenant"])
    command = [
        *(sys.executable, "-c"),
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from seatkeeper.adapters import warehouse\n"
        "from seatkeeper.adapters.engines import open_duckdb\n"
        "die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "there = warehouse.Warehouse(Path(sys.argv[1]))\n"
        "real = {'read': '_write', 'written': '_replace', 'listed': '_replace'}[sys.argv[2]]\n"
        "before = getattr(there, real)\n"
        "setattr(there, real, (lambda *rest: (before(*rest), die())) if sys.argv[2] == 'listed' else die)\n"
        f"there.drop_detail(open_duckdb(), {FIRST + 3})\n",
    ]
    done = subprocess.run([*command, str(warehouse.path), stage], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert everything(warehouse, ["tenant"]) == live
    dropped = warehouse.drop_detail(open_duckdb(), FIRST + 3)
    assert (dropped == 0) == (stage == "listed")
    assert everything(warehouse, ["tenant"]) == live
    assert warehouse.manifest().dropped_before == FIRST + 3


@pytest.mark.parametrize("seed", range(4))
def test_a_close_that_is_killed_anywhere_and_run_again_gives_the_same(seed: int, tmp_path: Path) -> None:
    whole = filled(tmp_path / "db")
    live = everything(whole, ["tenant"])
    command = [
        sys.executable,
        "-m",
        "seatkeeper.cli.main",
        "usage",
        "close",
        "--db",
        str(whole.path),
        "--from",
        "2026-09-01",
        "--through",
        "2026-09-04",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # At different stages: while facts are read, while files are written, after the list has changed.
    deadline = time.monotonic() + 60
    while seed and process.poll() is None and time.monotonic() < deadline:
        there = (whole.path / "closed").exists(), bool(list(whole.path.glob("closed/*/day=*"))), bool(closed(whole))
        if there[seed - 1]:
            break
    if not seed:
        time.sleep(0.7)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert everything(whole, ["tenant"]) == live
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert closed(whole) == [0, 1, 2, 3]
    assert everything(whole, ["tenant"]) == live
