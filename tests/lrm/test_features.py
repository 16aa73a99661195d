"""What really happened at a license server, second by second, is what is reported of its journal."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.cli.usage import main
from seatkeeper.lrm.collect import collect
from seatkeeper.lrm.features import check_feature, denied_features, features_known, used_features
from seatkeeper.lrm.report import Query, report
from seatkeeper.lrm.sources import JournalSource
from seatkeeper.sdk import LicenseError
from seatkeeper.sdk.blocking import Client
from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.periods import Period
from support.site import VENDOR, Site, feature
from support.usagefacts import DAY, write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEASE_S = 4
HOLD = """
import sys
from seatkeeper.sdk.blocking import Client
path, root, user, count = sys.argv[1:]
seat = Client(path, root=root, user=user, host="far").checkout("f1", "8.0", int(count))
print(seat.handle, flush=True)
sys.stdin.read()
"""


@dataclass
class Held:
    """What the test did: between which moments seats were taken, and given back."""

    user: str
    feature: str
    seats: int
    taken: tuple[float, float]
    returned: tuple[float, float] | None = None
    estimated: bool = False


class Truth:
    """All that the test did."""

    def __init__(self) -> None:
        self.held: dict[int, Held] = {}

    @contextmanager
    def _when(self) -> Iterator[list[float]]:
        times = [time.time()]
        yield times
        times.append(time.time())

    def take(self, client: Client, user: str, name: str, seats: int = 1, **more: Any) -> Any:
        with self._when() as times:
            seat = client.checkout(name, "8.0", seats, **more)
        self.held[seat.handle] = Held(user, name, seats, (times[0], times[1]))
        return seat

    def back(self, handle: int, since: float, *, estimated: bool = False) -> None:
        self.held[handle].returned, self.held[handle].estimated = (since, time.time()), estimated


def rows_of(warehouse: Warehouse) -> list[dict[str, Any]]:
    table = warehouse.table(engine := open_duckdb(), KINDS["checkouts"], warehouse.manifest().parts.get("checkouts", []))
    return engine.rows(table.order_by("taken", "handle"))


def hold(site: Site, user: str, count: int) -> tuple[subprocess.Popen[str], int]:
    root = site.root.hex() if isinstance(site.root, bytes) else site.root
    command = [sys.executable, "-c", HOLD, f"{site.port}@localhost", root, user, str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_what_happened_at_a_real_server_is_what_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth, began = Truth(), time.time()
    journal = tmp_path / "site" / f"{VENDOR}.journal"
    source = JournalSource(name="lic1", path=str(journal))
    warehouse = Warehouse(tmp_path / "db")
    processes: list[subprocess.Popen[str]] = []
    with Site(tmp_path / "site", [feature("f1", 6), feature("lent", 3, BORROW="24")]) as site:
        site.start("--lease", str(LEASE_S))
        where = f"{site.port}@localhost"
        ann, dan, eve = (Client(where, root=site.root, user=user, host="near") for user in ("ann", "dan", "eve"))
        try:
            first = truth.take(ann, "ann", "f1", 2)
            since = time.time()
            process, handle = hold(site, "bob", 3)
            processes.append(process)
            truth.held[handle] = Held("bob", "f1", 3, (since, time.time()))
            bob = handle
            since = time.time()
            process, handle = hold(site, "joe", 1)
            processes.append(process)
            truth.held[handle] = Held("joe", "f1", 1, (since, time.time()))
            joe = handle
            for _ in range(2):
                with pytest.raises(LicenseError) as denied:
                    dan.checkout("f1", "8.0")
            assert [one.error for one in collect(warehouse, [source], {}, int(time.time()))] == [""]
            # One who waits is served when ann gives back.
            waiting: list[Any] = []
            since = time.time()
            thread = threading.Thread(target=lambda: waiting.append(dan.checkout("f1", "8.0", 2, queue=True, timeout=60)))
            thread.start()
            before = time.time()
            ann.checkin(first)
            thread.join(60)
            truth.back(first.handle, before)
            truth.held[waiting[0].handle] = Held("dan", "f1", 2, (since, time.time()))
            # A borrowed seat stays out without anybody there.
            with patch.dict(os.environ, SEATKEEPER_BORROW_DIR=str(tmp_path / "laptop")):
                truth.take(eve, "eve", "lent", borrow_until=24)
            eve.close()
            # A program that is killed gives its seat back at once.
            since = time.time()
            processes[1].kill()
            processes[1].wait()
            wait_for(lambda: 'IN: "f1" joe@far' in site.read_log())
            truth.back(joe, since)
            # The daemon is killed, and bob's program does not live to come back.
            processes[0].send_signal(signal.SIGSTOP)
            since = time.time()
            killed = site.kill_daemon()
            processes[0].kill()
            processes[0].wait()
            site.wait_until_restarted(killed)
            wait_for(lambda: 'IN: "f1" bob@far' in site.read_log())
            truth.back(bob, since, estimated=True)
            assert [one.error for one in collect(warehouse, [source], {}, int(time.time()))] == [""]
            whole = Warehouse(tmp_path / "whole")
            collect(whole, [source], {}, int(time.time()))
            assert rows_of(whole) == rows_of(warehouse)
        finally:
            for process in processes:
                process.kill()
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    assert pipe is not None
                    pipe.close()
            ann.close()
            dan.close()
            eve.close()
    rows = rows_of(warehouse)
    assert len(rows) == len(truth.held) == 5
    for row in rows:
        held = truth.held[int(row["handle"].partition("-")[0])]
        assert (row["user"], row["feature"], row["seats"], row["estimated"]) == (held.user, held.feature, held.seats, held.estimated)
        assert math.floor(held.taken[0]) <= row["taken"] <= math.floor(held.taken[1])
        if held.returned is None:
            assert row["returned"] is None
        else:
            assert math.ceil(held.returned[0]) <= row["returned"] <= math.ceil(held.returned[1])

    def out(name: str, second: int) -> int:
        return sum(
            row["seats"]
            for row in rows
            if row["feature"] == name and row["taken"] <= second and (row["returned"] is None or second < row["returned"])
        )

    seconds = range(math.floor(began), math.ceil(time.time()))
    peak = max((out("f1", second), second) for second in seconds)
    # ann, bob and joe held six at once; whose seats change hands within a second count for both in it.
    assert 6 <= peak[0] <= 8
    days = ["--from", f"{datetime.fromtimestamp(began, UTC):%Y-%m-%d}", "--to", f"{datetime.now(UTC) + timedelta(1):%Y-%m-%d}"]
    assert main(["report", "--db", str(warehouse.path), "--item", "feature:F1", "--granularity", "monthly", *days, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    # dan's two are still out, and an open checkout lasts to the end of what is asked.
    assert (report[0]["peak"], report[0]["item"], report[0]["limit"], report[0]["over"]) == (peak[0], "feature:F1", None, 0)
    assert main(["features", "--db", str(warehouse.path), *days, "--json"]) == 0
    told = {one["feature"]: one for one in json.loads(capsys.readouterr().out)["features"]}
    assert (told["f1"]["peak"], told["f1"]["checkouts"], told["f1"]["users"], told["f1"]["denials"]) == (peak[0], 4, 4, 2)
    assert told["f1"]["peak_time"] == f"{datetime.fromtimestamp(peak[1], UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert (told["lent"]["peak"], told["lent"]["denials"]) == (1, 0)
    assert main(["denials", "--db", str(warehouse.path), *days, "--granularity", "monthly", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["denials"]
    assert (one["feature"], one["denials"], one["codes"], one["users"]) == ("f1", 2, {str(denied.value.number): 2}, {"dan": 2})


def wait_for(what: Any) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    found = Warehouse(tmp_path / "db")
    common = {"source": "lic1", "user": "ann", "host": "h", "seats": 2}
    checkouts = [
        {**common, "handle": "1", "feature": "Tserver_sdn", "taken": DAY + 10, "returned": DAY + 100},
        {**common, "handle": "2", "feature": "tserver_sdn", "taken": DAY + 50, "returned": None, "user": "bo"},
    ]
    found.load(write_csv(tmp_path / "checkouts.csv", "checkouts", checkouts))
    denial = {"source": "lic1", "feature": "router", "user": "cy", "host": "h", "code": -4}
    denials = [{**denial, "at": DAY + 5, "times": 3}, {**denial, "at": DAY + 4000, "times": 1, "code": -5, "user": "ann"}]
    found.load(write_csv(tmp_path / "denials.csv", "denials", denials))
    gap = {"source": "lic1", "since": DAY + 3600, "until": DAY + 7200, "reason": "down"}
    found.load(write_csv(tmp_path / "gaps.csv", "gaps", [gap]))
    return found


def test_of_a_time_and_of_periods(warehouse: Warehouse) -> None:
    engine = open_duckdb()
    assert features_known(warehouse, engine, warehouse.manifest()) == ["router", "Tserver_sdn"]
    found, missing = used_features(warehouse, engine, Period(DAY, DAY, DAY + 3600), DAY + 110)
    assert [(one.feature, one.peak, one.peak_time, one.seat_seconds, one.checkouts, one.users, one.denials) for one in found] == [
        ("router", 0, None, 0, 0, 0, 3),
        ("Tserver_sdn", 4, DAY + 99, 2 * 90 + 2 * 60, 2, 2, 0),
    ]
    assert missing == ""
    assert used_features(warehouse, engine, Period(DAY, DAY, DAY + 7200), DAY + 7200)[1] == "lic1 has no data for 1 hour (down)"
    pieces = [Period(DAY + hour * 3600, DAY + hour * 3600, DAY + (hour + 1) * 3600) for hour in range(3)]
    told, gaps = denied_features(warehouse, engine, pieces)
    assert [(one.feature, one.period.start - DAY, one.denials, one.codes, one.users) for one in told] == [
        ("router", 0, 3, {-4: 3}, {"cy": 3}),
        ("router", 3600, 1, {-5: 1}, {"ann": 1}),
    ]
    assert gaps == {1: "lic1 has no data for 1 hour (down)"}
    assert denied_features(warehouse, engine, pieces, "feature:TSERVER_SDN")[0] == []


def test_of_a_server_that_is_no_more(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.load(write_csv(tmp_path / "ends.csv", "ends", [{"source": "lic1", "ended": DAY + 200}]))
    (_, one), _ = used_features(warehouse, open_duckdb(), Period(DAY, DAY, DAY + 3600), DAY + 3600)
    assert (one.peak, one.seat_seconds) == (4, 2 * 90 + 2 * 150)
    query = Query("system", "feature:tserver_sdn", "hourly", date(2026, 9, 1), date(2026, 9, 2))
    assert [row.peak for row in report(warehouse, open_duckdb(), query, {}, {})][:2] == [4, None]


def test_a_feature_that_nobody_has_told_of(warehouse: Warehouse) -> None:
    engine = open_duckdb()
    assert check_feature(warehouse, engine, warehouse.manifest(), "ROUTER") == "router"
    with pytest.raises(InputError, match=r"No license server has told of this feature.*Did you mean 'router'"):
        check_feature(warehouse, engine, warehouse.manifest(), "routers")
