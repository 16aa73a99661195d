"""`seatkeeper usage close` and `status` as a person, a script and a nightly job run them."""

from __future__ import annotations

import json
import os
import pty
import sys
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.cli.usage import main
from seatkeeper.lrm.close import one_close
from support.usagefacts import DAY, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def db(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    rows = [session(number, DAY + number * 86_400, DAY + number * 86_400 + 600, agent="a", media="chat") for number in range(3)]
    assert main(["load", str(write_csv(tmp_path / "s.csv", "sessions", rows)), "--db", str(tmp_path / "db")]) == 0
    capsys.readouterr()
    return str(tmp_path / "db")


def close(db: str, *more: str) -> int:
    return main(["close", "--db", db, "--through", "2026-09-04", *more])


def test_retention_stands_in_usage_toml_and_the_option_is_stronger(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "db" / "usage.toml").write_text("[retention]\ndetail_days = 1\n")
    assert close(db, "--keep-days", "100000", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert ([one["date"] for one in told["closed"]], told["dropped"]) == ([f"2026-09-0{day}" for day in range(1, 5)], 0)
    # One day by hand drops nothing that it was not asked to.
    assert main(["close", "--db", db, "--date", "2026-09-02"]) == 0
    assert capsys.readouterr().out.startswith("2026-09-02 is closed, with ")
    assert close(db) == 0
    assert capsys.readouterr().out == "All days that are over are closed.\nDropped: 3 facts of detail.\n"
    assert main(["status", "--db", db]) == 0
    assert "Detail from before 2026-09-0" in capsys.readouterr().out


def test_a_close_that_fails_is_an_alarm_until_one_works(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "lrm.log"
    with one_close(Warehouse(tmp_path / "db")):
        assert close(db, "--log", str(log)) == 1
        assert main(["close", "--db", db, "--date", "2026-09-01", "--log", str(log)]) == 1
    assert main(["status", "--db", db, "--json"]) == 0
    alarms = json.loads(capsys.readouterr().out)["alarms"]
    assert [text[:43] for text in alarms] == ["Job 'close' failed: Another close is under "]
    assert close(db, "--log", str(log)) == 0
    assert close(db, "--log", str(log)) == 0
    lines = [line.partition("GCTI-00-")[2][:18] for line in log.read_text().splitlines()]
    assert lines == ["25120 Job 'close' ", "25121 Job 'close' "]
    assert main(["status", "--db", db]) == 0
    assert "Alarm" not in capsys.readouterr().out


def test_a_terminal_is_shown_a_bar(db: str) -> None:
    command = [sys.executable, "-m", "seatkeeper.cli.main", "usage", "close", "--db", db, "--through", "2026-09-03"]
    pid, terminal = pty.fork()
    if not pid:
        os.execvpe(command[0], command, {**os.environ, "TERM": "xterm", "COLUMNS": "100"})
    shown = b""
    try:
        while data := os.read(terminal, 65_536):
            shown += data
    except OSError:
        # The other end is closed.
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown
    text = shown.decode()
    assert "Closed 2026-09-03" in text
    assert "3/3" in text
    assert "3 days closed: 2026-09-01 to 2026-09-03." in text
    assert "is closed, with" not in text
