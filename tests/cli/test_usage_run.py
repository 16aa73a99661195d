"""`seatkeeper usage run` as a service: real commands at short intervals, a source that goes and comes back, SIGTERM."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.cli.usage import main
from seatkeeper.lrm.alarms import active_alarms
from support.usagefacts import session, write_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXPORT = '{"cfg_tenant": [{"dbid": 1, "name": "Harbor"}], "cfg_person": []}'


def started(db: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "seatkeeper.cli.main", "usage", "run", "--db", str(db), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(what: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 90
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.02)


def test_jobs_run_until_they_are_stopped(tmp_path: Path) -> None:
    db, log = tmp_path / "db", tmp_path / "lrm.log"
    begun = int(time.time()) // 86_400 * 86_400 - 3 * 86_400
    rows = [session(1, begun, begun + 600, agent="a")]
    assert main(["load", str(write_csv(tmp_path / "s.csv", "sessions", rows)), "--db", str(db)]) == 0
    # The last close is two nights ago, so it is made up for at once.
    (db / "jobs.json").write_text(json.dumps({"close": time.time() - 2 * 86_400}))
    (db / "export.json").write_text(EXPORT)
    (db / "usage.toml").write_text(
        '[jobs]\nsnapshot_minutes = 0.005\ncollect_minutes = 60\n[[sources]]\nkind = "configuration"\nname = "cfg"\nfile = "export.json"\n'
    )
    process = started(db, "--log", str(log))
    try:
        until(lambda: "configuration" in Warehouse(db).manifest().parts, process)
        until(lambda: len(Warehouse(db).manifest().closed) == 3, process)
        second = started(db)
        assert second.wait(60) == 1
        assert "run by another process already" in second.communicate()[1]
        (db / "export.json").rename(db / "away.json")
        until(lambda: "source cfg" in active_alarms(db), process)
        (db / "away.json").rename(db / "export.json")
        until(lambda: "source cfg" not in active_alarms(db), process)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    finally:
        process.kill()
        process.wait()
    # Two snapshots within one second, as nobody takes them, are a failure of the second.
    said = re.findall(r"GCTI-00-(05\d{3}|2512[23])", log.read_text())
    assert said == ["05060", "25122", "25123", "05064"]
    assert re.search(r"Z snapshot: done, \d+\.\d s\n", out)
    assert re.search(r"Z close: done, \d+\.\d s\n", out)
    assert set(json.loads((db / "jobs.json").read_bytes())) >= {"snapshot", "close"}


def test_what_is_wrong_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--db", str(tmp_path / "nowhere")]) == 1
    assert "There is no such directory" in capsys.readouterr().err
    (tmp_path / "usage.toml").write_text('[jobs]\nclose_at = "half past two"\n')
    assert main(["run", "--db", str(tmp_path)]) == 1
    assert "close_at" in capsys.readouterr().err
