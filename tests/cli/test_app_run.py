"""`seatkeeper app run` as an administrator runs it: real processes on a real license server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from support.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAIT_S = 30.0
pytestmark = pytest.mark.processes


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site", {"tserver_sdn": 5}) as made:
        yield made.start()


def profile(site: Site, tmp_path: Path, num_of_licenses: int = 3, more: str = "") -> Path:
    path = tmp_path / "tserver.toml"
    path.write_text(
        f'type = "tserver"\nname = "TServer_North"\nroot = "{site.root}"\n'
        f'[license]\nlicense-file = "{site.port}@localhost"\nnum-of-licenses = {num_of_licenses}\n{more}'
    )
    return path


def command(*flags: object) -> list[str]:
    return [sys.executable, "-m", "seatkeeper.cli.main", "app", "run", *map(str, flags)]


def run(*flags: object, feed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*flags), input=feed, capture_output=True, text=True, timeout=WAIT_S, check=False)


def reports(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_it_logs_serves_its_feed_and_ends_with_it(site: Site, tmp_path: Path) -> None:
    feed = "".join(f'{{"event": "dn-registered", "dn": "{dn}", "id": "{dn}"}}\n' for dn in range(4))
    ended = run(profile(site, tmp_path), "--events", "-", "--json", feed=feed)
    assert ended.returncode == 0, ended.stderr
    found = reports(ended.stdout)
    assert [one["accepted"] for one in found if "reply" in one] == [True, True, True, False]
    assert [one["log"] for one in found if "log" in one] == ["07101", "05060", "20007", "05064"]
    assert found[-1]["exit"] == 0


def test_the_log_for_a_person_is_in_the_short_layout(site: Site, tmp_path: Path) -> None:
    ended = run(profile(site, tmp_path), "--events", "-")
    lines = [line.partition(" ")[2] for line in ended.stdout.splitlines()]
    assert lines == [
        "Std 07101 Feature 'tserver_sdn': 3 licenses checked out.",
        "Std 05060 Application started",
        "Std 05064 Application terminated",
    ]


def test_without_a_license_it_says_so_and_ends_with_three(site: Site, tmp_path: Path) -> None:
    path = profile(site, tmp_path)
    site.stop()
    ended = run(path)
    assert ended.returncode == 3
    assert "Std 07100 Licensing violation is identified, the violation type GLMR_LICENSE_SERVER_NOT_AVAILABLE" in ended.stdout


def test_the_command_line_beats_the_option(site: Site, tmp_path: Path) -> None:
    path = profile(site, tmp_path)
    path.write_text(path.read_text().replace(f"{site.port}@localhost", "1@localhost"))
    assert run(path, "-l", f"{site.port}@localhost", "--events", "-").returncode == 0
    assert run(path, "--events", "-").returncode == 3


def test_a_bad_line_harms_nothing_and_options_change_at_once(site: Site, tmp_path: Path) -> None:
    feed = 'nonsense\n{"event": "options", "license": {"num-of-licenses": 5}}\n{"event": "dn-registered", "dn": "1"}\n'
    ended = run(profile(site, tmp_path), "--events", "-", "--json", feed=feed)
    found = reports(ended.stdout)
    assert ended.returncode == 0
    assert [one["error"] for one in found if "error" in one] == [
        "The line is no JSON: JSON is malformed: invalid character (byte 4)."
    ] or any("no JSON" in one.get("error", "") for one in found)
    texts = [one["text"] for one in found if one.get("log") == "07101"]
    assert texts == [f"Feature 'tserver_sdn': {count} licenses checked out." for count in (3, 5)]


def test_events_that_cannot_be_read_are_told_and_are_no_orderly_end(site: Site, tmp_path: Path) -> None:
    ended = run(profile(site, tmp_path), "--events", tmp_path / "none")
    assert ended.returncode == 1
    assert "cannot be read" in ended.stderr
    assert "05064" in ended.stdout


def test_bad_lines_and_refusals_are_told_on_standard_error(site: Site, tmp_path: Path) -> None:
    ended = run(profile(site, tmp_path), "--events", "-", feed='garbage\n{"event": "nope"}\n{"event": "dn-registered"}\n')
    assert ended.returncode == 0
    for told in ("no JSON", "knows no event 'nope'", "needs the field 'dn'"):
        assert told in ended.stderr


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_whoever_reads_its_output_no_more_ends_it(site: Site, tmp_path: Path, flags: list[str]) -> None:
    process = subprocess.Popen(command(profile(site, tmp_path), "--events", "-", *flags), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(b'{"event": "options", "license": {"num-of-licenses": 4}}\n')
        process.stdin.flush()
        assert process.wait(WAIT_S) == 141


def test_a_pipe_that_nobody_opens_holds_its_end_up_no_more_than_its_start(site: Site, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with Running(profile(site, tmp_path), "--events", pipe) as running:
        running.until("05060")
        running.process.send_signal(signal.SIGTERM)
        running.until("05064")
        assert running.process.wait(WAIT_S) == 0
    with Running(profile(site, tmp_path), "--events", pipe, "--json") as running:
        running.until("05060")
        pipe.write_text('{"event": "dn-registered", "dn": "1"}\n')
        assert '"accepted":true' in running.until("reply")
        assert running.process.wait(WAIT_S) == 0


def test_a_profile_that_is_no_good_is_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text('type = "tservr"\nname = "x"\n')
    ended = run(path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "tserver, perhaps" in ended.stderr


class Running:
    """An application that goes on, and what it has printed."""

    def __init__(self, *flags: object) -> None:
        self.process = subprocess.Popen(command(*flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.out = self.process.stdout

    def until(self, text: str) -> str:
        for line in self.out:
            if text in line:
                return line
        raise AssertionError(f"it has ended without {text!r}: {self.process.stderr.read() if self.process.stderr else ''}")

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_events_come_over_a_socket_which_is_for_its_owner_only(site: Site, tmp_path: Path) -> None:
    place = tmp_path / "feed"
    with Running(profile(site, tmp_path), "--events", f"unix:{place}") as running:
        running.until("05060")
        deadline = time.monotonic() + WAIT_S
        while not place.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(WAIT_S)
            peer.connect(str(place))
            peer.sendall(b'{"event": "dn-registered", "dn": "7", "id": "a"}\nx\n{"event": "dn-registered", "id": "b"}\n')
            answers = b""
            while answers.count(b"\n") < 3:
                answers += peer.recv(4096)
        first, second, third = (json.loads(line) for line in answers.splitlines())
        assert first == {"reply": "dn-registered", "id": "a", "accepted": True}
        assert "error" in second
        assert (third["accepted"], third["id"]) == (False, "b")
        assert place.stat().st_mode & 0o777 == 0o600
        running.process.send_signal(signal.SIGTERM)
        running.until("05064")
        assert running.process.wait(WAIT_S) == 0
    assert not place.exists()


def test_sighup_reads_the_profile_again(site: Site, tmp_path: Path) -> None:
    path = profile(site, tmp_path)
    with Running(path) as running:
        running.until("05060")
        profile(site, tmp_path, 4)
        running.process.send_signal(signal.SIGHUP)
        assert "4 licenses checked out" in running.until("07101")
        path.write_text("type = \n")
        running.process.send_signal(signal.SIGHUP)
        assert running.process.stderr is not None
        assert "not read again" in running.process.stderr.readline()


def test_an_alarm_is_recorded_and_cleared(site: Site, tmp_path: Path) -> None:
    alarms = tmp_path / "alarms.jsonl"
    with Running(profile(site, tmp_path, more=f'[log]\nstandard = "stdout"\nalarms = "{alarms}"\n')) as running:
        running.until("05060")
        site.stop()
        running.until("07100")
        site.start()
        running.until("07105")
        deadline = time.monotonic() + WAIT_S
        while alarms.read_text().count("\n") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        raised, cleared = (json.loads(line) for line in alarms.read_text().splitlines())
    assert (raised["alarm"], raised["state"], cleared["state"]) == ("Licensing Error", "raised", "cleared")
    assert raised["cause"] == cleared["cause"] == "license server"
    assert raised["application"] == "TServer_North"
