"""The demo as a newcomer runs it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.site import free_port

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def command(*flags: str) -> list[str]:
    return [sys.executable, "-m", "seatkeeper.cli.main", "demo", *flags]


def processes_of(directory: Path) -> list[str]:
    """Command lines of running processes that name the directory, or work in it."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                where = str((process / "cwd").resolve())
            except OSError:
                continue
            if str(directory) in line or where.startswith(str(directory)):
                found.append(line)
    return found


def test_once_shows_the_main_job_and_leaves_nothing_behind_but_its_directory(tmp_path: Path) -> None:
    directory, port = tmp_path / "x", free_port()
    answer = subprocess.run(
        command("--once", "--dir", str(directory), "--port", str(port)), capture_output=True, text=True, timeout=200, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    # lmstat's own output, from column 0, can be read by any reader of lmstat.
    used = re.findall(
        r"^Users of (\S+):  \(Total of \d+ licenses? issued;  Total of ([1-9]\d*) licenses? in use\)$", answer.stdout, re.MULTILINE
    )
    assert len(used) >= 8
    holders = re.findall(r"^    (\S+) \S+ \S+ \(v[\d.]+\) \(\S+/\d+ \d+\), start ", answer.stdout, re.MULTILINE)
    assert len(set(holders)) >= 8
    for told in (
        "licenses checked out.",
        "Std 07100",
        "status is 3",
        "killed with SIGKILL",
        "Std 07105",
        "no seat lost, none granted twice",
        "entries in",
    ):
        assert told in answer.stdout, told
    assert processes_of(directory) == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("localhost", port), timeout=5)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    again = subprocess.run(
        command("--once", "--dir", str(directory), "--port", str(port)), capture_output=True, text=True, timeout=200, check=False
    )
    assert again.returncode == 0, "a second run in the same directory begins anew"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_up_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    directory = tmp_path / "x"
    demo = subprocess.Popen(command("--dir", str(directory), "--port", str(free_port())), stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    with demo.stdout:
        for line in demo.stdout:
            if "Press Ctrl-C" in line:
                break
        assert demo.poll() is None
        demo.send_signal(number)
        rest = demo.stdout.read()
    assert demo.wait(60) == 0
    assert "All is stopped" in rest
    assert processes_of(directory) == []


def test_it_ends_when_its_license_server_is_shut_down(tmp_path: Path) -> None:
    port = free_port()
    demo = subprocess.Popen(command("--dir", str(tmp_path / "x"), "--port", str(port)), stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    with demo.stdout:
        for line in demo.stdout:
            if "Press Ctrl-C" in line:
                break
        subprocess.run([sys.executable, "-m", "seatkeeper.cli.lmutil", "lmdown", "-q", "-c", f"{port}@localhost"], check=True, timeout=60)
        rest = demo.stdout.read()
    assert demo.wait(60) == 0
    assert "was shut down" in rest
    assert processes_of(tmp_path / "x") == []


def test_an_impatient_person_interrupts_the_ending_no_more(tmp_path: Path) -> None:
    demo = subprocess.Popen(command("--dir", str(tmp_path / "x"), "--port", str(free_port())), stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    with demo.stdout:
        for line in demo.stdout:
            if "handle" in line:
                break
        for _ in range(20):
            demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
    assert demo.wait(60) == 0
    assert "All is stopped" in rest
    assert processes_of(tmp_path / "x") == []


def test_a_file_in_the_place_of_the_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    answer = subprocess.run(command("--once", "--dir", str(tmp_path / "mine.txt")), capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert "mine.txt" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    answer = subprocess.run(command("--once", "--dir", str(tmp_path)), capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert "is not empty" in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
