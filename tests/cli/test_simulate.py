"""`seatkeeper simulate day` as a planner runs it."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seatkeeper.cli.simulate import main
from seatkeeper.sim.sessions import COLUMNS
from support.site import free_port

pytestmark = pytest.mark.processes


def run(*flags: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "seatkeeper.cli.main", "simulate", "day", *map(str, flags)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def test_a_day_is_told_and_kept(tmp_path: Path) -> None:
    directory = tmp_path / "center"
    ended = run("--agents", 30, "--seed", 2, "--outage", "none", "--dir", directory, "--port", free_port())
    assert ended.returncode == 0, ended.stderr
    for told in (
        "A day of 30 agents (seed 2)",
        "agreed, seat for seat, at the end of 1440 minutes",
        "desktop_agent",
        "What to buy",
        "12:00",
    ):
        assert told in ended.stdout
    assert ended.stderr == ""
    with (directory / "sessions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 25
    assert tuple(rows[0]) == COLUMNS
    timeline = json.loads((directory / "timeline.json").read_text())
    assert (timeline["agents"], timeline["minutes_agreed"]) == (30, 1440)


def test_as_json_the_same_seed_is_the_same_text_and_nothing_is_left(tmp_path: Path) -> None:
    first, second = (run("--agents", 12, "--seed", 9, "--outage", "none", "--json") for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert first.stdout == second.stdout
    assert json.loads(first.stdout)["seed"] == 9
    assert first.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whoever_ends_it_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    directory = tmp_path / "center"
    command = [sys.executable, "-m", "seatkeeper.cli.main", "simulate", "day", "--agents", "50", "--speed", "600", "--dir", str(directory)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    log = directory / "debug.log"
    deadline = time.monotonic() + 60
    while not log.exists() or "Server started on" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told == b""
    left = [path for path in Path("/proc").glob("[0-9]*/cwd") if path.exists() and path.resolve() == directory]
    assert left == []


def test_the_order_of_a_day_is_one_that_can_be_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from seatkeeper.cli.order import main as order

    assert main(["day", "--agents", "100", "--order"]) == 0
    path = tmp_path / "order.toml"
    path.write_text(capsys.readouterr().out)
    assert order(["check", str(path)]) == 0


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--agents", "0"], "--agents"),
        (["--agents", "1000000"], "--agents"),
        (["--outage", "25:00"], "--outage"),
        (["--reread", "noon"], "--reread"),
        (["--date", "2026-02-30"], "--date"),
        (["--date", "2026-02-20"], "--date"),
        (["--speed", "-1"], "--speed"),
        (["--speed", "nan"], "--speed"),
        (["--port", "70000"], "--port"),
        (["-c", "a:b:c"], "-c"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_made(
    flags: list[str], told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["day", "--dir", str(tmp_path / "x"), *flags]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    assert main(["day", "--agents", "3", "--dir", str(tmp_path)]) == 1
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
