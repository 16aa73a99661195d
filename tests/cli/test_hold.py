"""hold: a real program under a real license server; its status, its signals, its terminal, and what a denial says."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING

import pytest

from seatkeeper.adapters.host import host_name, user_name
from seatkeeper.cli import hold
from seatkeeper.sdk.admin import pools, remove
from support.site import VENDOR, Site, feature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and terminals")]

HOLD = [sys.executable, "-m", "seatkeeper.cli.main", "hold"]
WAIT_S = 20.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), [feature("f1", 5), feature("f2", 1), feature("f3", 1, BORROW="24")]) as running:
        running.start()
        yield running


@pytest.fixture(scope="module")
def path(site: Site) -> str:
    return f"{site.port}@localhost"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def held(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HOLD, *words], input=stdin, capture_output=True, text=True, timeout=WAIT_S * 2, check=False)


def in_use(site: Site, feature: str = "f1") -> int:
    return sum(pool.in_use for pool in pools("localhost", site.port, VENDOR, feature))


def wait_for_use(site: Site, seats: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while in_use(site) != seats:
        assert time.monotonic() < deadline, f"{in_use(site)} seats are in use, not {seats}"
        time.sleep(0.02)


def unused_path() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"{probe.getsockname()[1]}@127.0.0.1"


def test_a_program_runs_with_its_license(site: Site, path: str) -> None:
    script = 'cat; echo "$SEATKEEPER_FEATURE $SEATKEEPER_COUNT $SEATKEEPER_HANDLE $0 $1"; exit 7'
    done = held("f1", "--count", "3", "-c", path, "--", "sh", "-c", script, "--count", "--", stdin="from outside\n")
    assert done.returncode == 7, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "from outside"
    assert re.fullmatch(r"f1 3 [0-9]{3,} --count --", lines[1])
    assert done.stderr.splitlines() == [
        f"seatkeeper hold: {path} is believed without proof: no root key is pinned, and no genesys.d.trust was found."
    ]
    assert in_use(site) == 0


def test_with_trust_there_is_nothing_to_say(site: Site) -> None:
    done = held("f1", "-c", str(site.license), "--", "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_up_to(path: str) -> None:
    done = held("f1", "--count", "500", "--up-to", "-c", path, "--", "sh", "-c", "echo $SEATKEEPER_COUNT")
    assert done.stdout == "5\n"


def test_the_path_may_come_from_the_environment(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_D_LICENSE_FILE", path)
    assert held("f1", "--", "true").returncode == 0


@contextmanager
def background(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A program under `hold`, which ends with its input."""
    process = subprocess.Popen([*HOLD, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line_of(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def test_who_may_wait_runs_when_it_is_its_turn(site: Site) -> None:
    path = str(site.license)
    with ExitStack() as stack:
        first = stack.enter_context(background("f2", "-c", path, "--", "sh", "-c", "echo runs; cat"))
        assert line_of(first.stdout) == "runs\n"
        second = stack.enter_context(background("f2", "--queue", "-c", path, "--", "echo", "second"))
        told = f"seatkeeper hold: all seats of f2 at {site.port}@localhost are in use; waiting in the queue, as number 1.\n"
        assert line_of(second.stderr) == told
        late = held("f2", "--wait", "2", "-c", path, "--", "touch", "ran")
        assert late.returncode == 256 - 35
        assert "the place in the queue is 2" in late.stderr
        first.communicate(timeout=WAIT_S)
        assert second.communicate(timeout=WAIT_S) == ("second\n", "")
        assert second.returncode == 0


def test_ctrl_c_gives_the_place_up(site: Site) -> None:
    path = str(site.license)
    with ExitStack() as stack:
        first = stack.enter_context(background("f2", "-c", path, "--", "sh", "-c", "echo runs; cat"))
        assert line_of(first.stdout) == "runs\n"
        second = stack.enter_context(background("f2", "--queue", "-c", path, "--", "true"))
        assert "as number 1" in line_of(second.stderr)
        second.send_signal(signal.SIGINT)
        assert second.communicate(timeout=WAIT_S)[1] == "seatkeeper hold: interrupted; the place in the queue is given up.\n"
        assert second.returncode == 130


def test_borrowed_seats_run_a_program_without_a_server(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATKEEPER_BORROW_DIR", str(tmp_path / "borrow"))
    script = "echo $SEATKEEPER_HANDLE"
    done = held("f3", "--borrow", "2", "-c", str(site.license), "--", "sh", "-c", script)
    assert (done.returncode, done.stderr) == (0, "")
    again = held("f3", "-c", unused_path(), "--", "sh", "-c", script)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert held("f1", "--borrow", "2", "-c", str(site.license), "--", "true").returncode == 256 - 68
    assert held("f1", "--borrow", "0", "--", "true").returncode == 2


def test_a_signal_that_ends_the_program_is_in_the_status(path: str) -> None:
    assert held("f1", "-c", path, "--", "sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


def test_a_denial_ends_it_before_the_program_begins(path: str) -> None:
    done = held("f1", "--count", "4", "-c", path, "--", *HOLD, "f1", "--count", "2", "-c", path, "--", "touch", "ran")
    assert done.returncode == 252  # -4 as a byte
    lines = [line for line in done.stderr.splitlines() if "without proof" not in line]
    assert lines[0] == "Licensed number of users already reached."
    assert "Feature:       f1" in lines
    assert f"License path:  {path}:" in lines
    assert any(line.startswith("FlexNet Licensing error:-4,") for line in lines)
    assert not os.path.exists("ran")  # noqa: PTH110


@pytest.mark.parametrize(
    ("words", "status"),
    [(("f9", "-c", "PATH"), 251), (("f1", "--version", "9.9", "-c", "PATH"), 235), (("f1", "--version", "v9", "-c", "PATH"), 179)],
)
def test_further_denials(path: str, words: tuple[str, ...], status: int) -> None:
    done = held(*(path if word == "PATH" else word for word in words), "--", "touch", "ran")
    assert done.returncode == status
    assert f"FlexNet Licensing error:{status - 256}," in done.stderr
    assert not os.path.exists("ran")  # noqa: PTH110


def test_no_server() -> None:
    done = held("f1", "-c", unused_path(), "--", "true")
    assert done.returncode == 241
    assert done.stderr.startswith("Cannot connect to license server system.\n")


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        (["no-such-program"], 127, "no-such-program cannot be found: it is not in any directory of PATH."),
        (["./missing"], 127, "./missing cannot be found: there is no such file."),
        (["./plain"], 126, "plain is not executable: let it be (chmod +x), or name its interpreter."),
        (["."], 126, ". is a directory, not a program."),
    ],
)
def test_a_program_that_cannot_run_asks_for_no_license(tmp_path: Path, command: list[str], status: int, words: str) -> None:
    (tmp_path / "plain").write_text("x")
    done = held("f1", "-c", unused_path(), "--", *command)
    assert (done.returncode, done.stderr) == (status, f"seatkeeper hold: {words}\n")


def test_a_directory_of_path_that_is_closed_hides_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A name that is too long stands for it: root may enter every directory.
    closed = tmp_path / ("x" * 300)
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "tool").chmod(0o755)
    monkeypatch.setenv("PATH", f"{closed}:{tmp_path}")
    assert hold._find_program("tool") == (str(tmp_path / "tool"), "", 0)
    assert hold._find_program("nothing")[2] == 127
    assert hold._find_program(f"{closed}/tool")[2] == 127


def test_a_program_that_the_system_cannot_start_gives_its_license_back(site: Site, path: str, tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\x00\x01\x02")
    (tmp_path / "odd").chmod(0o755)
    done = held("f1", "-c", path, "--", "./odd")
    assert done.returncode == 126
    assert "./odd cannot be run: Exec format error." in done.stderr
    wait_for_use(site, 0)


@pytest.mark.parametrize("words", [("f1",), ("f1", "--"), ("f1", "ls"), ("--", "true"), ("f1", "--count", "x", "--", "true")])
def test_wrong_usage(words: tuple[str, ...]) -> None:
    done = held(*words)
    assert done.returncode == 2
    assert done.stderr
    assert not done.stdout


def test_a_malformed_path_is_named() -> None:
    done = held("f1", "-c", "99999@x", "--", "true")
    assert done.returncode == 2
    assert "found '99999@x'" in done.stderr


def test_help_says_what_there_is() -> None:
    done = held("--help")
    assert done.returncode == 0
    for word in ("FEATURE", "--version", "--count", "--up-to", "-c", "--vendor", "--display", "COMMAND", "SEATKEEPER_HANDLE", "252"):
        assert word in done.stdout


class Running:
    """A held program that says `ready`, then each signal that it gets, and ends with 5 on the second."""

    SCRIPT = (
        "import os, signal, sys, time\n"
        "seen = []\n"
        "def note(number, frame):\n"
        "    seen.append(number)\n"
        # Not print: a second signal may come while the first one's print is not yet over.
        "    os.write(1, signal.Signals(number).name.encode() + b'\\n')\n"
        "for name in ('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'):\n"
        "    signal.signal(getattr(signal, name), note)\n"
        "print('ready', flush=True)\n"
        "while len(seen) < 2: time.sleep(0.01)\n"
        "time.sleep(0.2)\n"
        "sys.exit(5)\n"
    )

    def __init__(self, path: str, feature: str = "f1") -> None:
        command = [*HOLD, feature, "-c", path, "--", sys.executable, "-c", self.SCRIPT]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.says("ready")

    def says(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"{word}\n"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"])
def test_signals_are_passed_on(path: str, name: str) -> None:
    running = Running(path)
    for _ in range(2):
        running.process.send_signal(getattr(signal, name))
        running.says(name)
    output, _ = running.process.communicate(timeout=WAIT_S)
    assert (output, running.process.returncode) == ("", 5)


def test_a_lost_license_is_told_and_the_program_goes_on(site: Site, path: str) -> None:
    running = Running(path)
    (holder,) = [holder for pool in pools("localhost", site.port, VENDOR, "f1") for holder in pool.holders]
    remove("localhost", site.port, VENDOR, "f1", handle=holder.handle)
    assert running.process.stderr is not None
    lines = [running.process.stderr.readline() for _ in range(2)]
    assert lines[1] == (
        f"seatkeeper hold: the license of f1 (handle {holder.handle}) is lost: "
        f"Removed by {user_name()}@{host_name()}. The program goes on.\n"
    )
    for _ in range(2):
        running.process.send_signal(signal.SIGTERM)
        running.says("SIGTERM")
    running.process.communicate(timeout=WAIT_S)
    assert running.process.returncode == 5


def test_the_license_is_free_when_hold_is_killed(site: Site, path: str) -> None:
    running = Running(path)
    assert in_use(site) == 1
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(running.process.pid)], capture_output=True, text=True, check=True)
    running.process.kill()
    running.process.wait()
    wait_for_use(site, 0)
    for child in children.stdout.split():
        os.kill(int(child), signal.SIGKILL)
    running.process.communicate()


def test_the_record_names_the_program(site: Site, path: str) -> None:
    running = Running(path)
    (holder,) = [holder for pool in pools("localhost", site.port, VENDOR, "f1") for holder in pool.holders]
    assert holder.pid == running.process.pid
    for _ in range(2):
        running.process.send_signal(signal.SIGTERM)
        running.says("SIGTERM")
    running.process.communicate(timeout=WAIT_S)


def test_a_stop_before_the_program_began_ends_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command = [*HOLD, "f1", "-c", f"{silent.getsockname()[1]}@127.0.0.1", "--", "touch", "ran"]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            connection, _ = silent.accept()
            connection.recv(1)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == -signal.SIGTERM
            connection.close()
    assert not os.path.exists("ran")  # noqa: PTH110


def test_the_interrupt_key_reaches_the_program_once(path: str) -> None:
    """The terminal sends SIGINT to the whole group: it must not be passed on a second time."""
    process, terminal = pty.fork()
    if not process:
        os.execv(HOLD[0], [*HOLD, "f1", "-c", path, "--", sys.executable, "-c", Running.SCRIPT])
    seen = b""

    def read_until(end: bytes) -> None:
        nonlocal seen
        while end not in seen:
            seen += os.read(terminal, 1000)

    read_until(b"ready")
    os.write(terminal, b"\x03")
    read_until(b"SIGINT")
    # One interrupt was counted, so the program still runs and hears a second signal.
    os.kill(process, signal.SIGTERM)
    read_until(b"SIGTERM")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 5
    os.close(terminal)
    assert seen.count(b"SIGINT") == 1


def test_it_starts_without_what_it_does_not_need(path: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "seatkeeper.cli.main", "hold", "f1", "-c", path, "--", "true"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "seatkeeper.client.walker" in loaded
    heavy = {"typer", "rich", "uvloop", "cryptography", "shutil", "seatkeeper.licfile.parser", "seatkeeper.licfile.signature"}
    assert not loaded & heavy


def test_main_can_be_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert hold.main(["f1"]) == 2
    assert "No command is given" in capsys.readouterr().err
