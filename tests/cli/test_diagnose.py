"""seatkeeper diagnose: what it prints, its JSON, its status; the walk itself is proved in tests/sdk/test_checkup.py."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli.diagnose import main
from seatkeeper.client.diagnosis import STEPS
from support.site import Site
from support.troubles import closed_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), {"f1": 5}) as made:
        yield made.start()


@pytest.mark.processes
def test_a_checkout_that_would_work_ends_with_0(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--feature", "f1", "--version", "8.0", "--count", "5", "-c", str(site.license)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:-2]] == [["ok", name] for name in STEPS]
    assert lines[-3] == f"ok      checkout  {site.port}@localhost would give 5 seats of f1 v8.0."
    assert lines[-1] == "A checkout works."
    # As with lmdiag, the feature needs no word before it.
    assert main(["-c", str(site.license), "f1", "--version", "8.0", "--count", "5"]) == 0
    assert capsys.readouterr().out.splitlines() == lines


@pytest.mark.processes
def test_the_cause_and_its_remedy_are_the_last_word(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--feature", "f1", "--count", "6", "-c", str(site.license)]) == 256 - 26
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert "failed  seats     6 seats of f1 were asked for at once; 5 are licensed. (-26)" in lines
    assert "not reached: checkout" in lines
    assert lines[-3:-1] == [
        "Cause:      6 seats of f1 were asked for at once; 5 are licensed.",
        "Error:      Request for more licenses than this feature supports. (-26)",
    ]
    assert lines[-1].startswith("What to do: Lower ")
    assert shown.err == ""


@pytest.mark.processes
def test_json_has_all_steps_and_the_cause(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--feature", "nosuch", "-c", str(site.license), "--json"]) == 256 - 5
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["status"]) == (False, 251)
    assert told["question"] == {"path": str(site.license), "vendor": "genesys.d", "feature": "nosuch", "version": "", "count": 1}
    assert list(dict.fromkeys(step["name"] for step in told["steps"])) == list(STEPS)
    assert told["cause"] in told["steps"]
    assert (told["cause"]["name"], told["cause"]["number"]) == ("feature", -5)
    assert set(told["cause"]) == {"name", "state", "sentence", "place", "number", "minor", "remedy", "details"}
    assert main(["--feature", "f1", "-c", str(site.license), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["status"], told["cause"]) == (True, 0, None)


def test_without_any_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 255
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "failed  path      No license path is given. (-1,359)"
    assert lines[-1].startswith("What to do: Name the license server with -c 7260@HOST")


def test_on_a_terminal_progress_is_shown_and_kept_out_of_a_pipe() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "seatkeeper.cli.main", "diagnose", "-c", f"{closed_port()}@127.0.0.1"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        assert process.stdout is not None
        piped = process.stdout.read().decode()
        assert process.wait(60) == 241
    screen = b""
    try:
        while piece := os.read(ours, 65536):
            screen += piece
    except OSError:
        pass  # Linux says so when the other end is closed.
    os.close(ours)
    assert piped.startswith("ok      path ")
    assert "\x1b" not in piped
    assert b"Looking" in screen or b"Connecting" in screen
    assert b"refuses connections" not in screen


# --explain ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("-15", "Cannot connect to license server system. (-15)"),
        ("-97,121", "The desired vendor daemon is down. (-97,121)"),
        ("241", "exit status 241 is error -15: Cannot connect to license server system."),
        ("Std 07100 Licensing violation is identified, the violation type Cannot find license file.", "violation: license file not found"),
    ],
)
def test_a_number_or_a_log_line_is_explained(text: str, title: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--explain", text]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == title
    assert [line.split(":")[0].strip() for line in lines[-2:]] == ["Cause", "What to do"]
    assert main([f"--explain={text}"]) == 0


def test_the_guide_s_topic_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--explain", "wrong host ID"]) == 0
    assert "  Guide:      License Failure Scenarios, Host ID Problems\n" in capsys.readouterr().out


def test_explanations_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--explain", "-4,342"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["text"] == "-4,342"
    assert [advice["number"] for advice in told["advice"]] == [-4]


def test_what_nobody_knows_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--explain", "good morning"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "nothing is known about 'good morning'. Give an error number" in shown.err
    assert main(["--explain", "-70", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["advice"] == []


@pytest.mark.parametrize(
    "words", [["--nosuch"], ["--count", "0"], ["--count", "x"], ["--explain"], ["f1", "f2"], ["f1", "--feature", "f2"]]
)
def test_wrong_usage(words: list[str]) -> None:
    assert main(words) == 2
