"""streams: output that nobody takes costs a status and at most a sentence, whatever the command."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seatkeeper.cli import streams

TOOLS = [
    ["lmutil", "lmver"],
    ["lmutil", "lmhostid"],
    ["main", "license", "--help"],
    ["main", "diagnose", "-c", "1@localhost", "--explain", "-15"],
]


def shell(words: list[str], redirection: str) -> subprocess.CompletedProcess[str]:
    command = f"{sys.executable} -m seatkeeper.cli.{' '.join(words)} {redirection}"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60, check=False, env=environment
    )


@pytest.mark.parametrize("words", TOOLS)
def test_closed_streams_are_nobodys_fault(words: list[str]) -> None:
    done = shell(words, "<&- >&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert shell(words, "<&- >&- 2>&-").returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("words", TOOLS)
def test_a_full_disk_is_said_in_a_sentence(words: list[str]) -> None:
    done = shell(words, "> /dev/full")
    assert done.returncode == streams.UNWRITTEN
    assert done.stderr.endswith("the output cannot be written: No space left on device.\n")
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    done = shell(["lmutil"], "| true")
    assert done.returncode in (0, streams.PIPE_CLOSED)
    assert done.stderr == ""


def test_a_status_is_passed_on_and_an_interruption_has_its_own() -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert streams.run("x", lambda: 7) == 7
    assert streams.run("x", interrupted) == streams.INTERRUPTED


LONG = """
import signal, sys
from seatkeeper.cli import streams

def work():
    # Each signal cuts a write short that waits for the reader.
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    print("x" * 4_000_000)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return 0

sys.exit(streams.run("x", work))
"""


def test_a_long_output_is_whole_without_a_buffer_too() -> None:
    command = [sys.executable, "-c", LONG]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        assert process.stdout is not None
        parts = []
        while part := os.read(process.stdout.fileno(), 1000):
            parts.append(part)
    assert process.returncode == 0
    assert b"".join(parts) == b"x" * 4_000_000 + b"\n"


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "no"), OSError(errno.ENOSPC, "full", "a file")])
def test_what_is_not_about_the_output_is_not_hidden(error: OSError) -> None:
    def work() -> int:
        raise error

    with pytest.raises(OSError) as caught:
        streams.run("x", work)
    assert caught.value is error
