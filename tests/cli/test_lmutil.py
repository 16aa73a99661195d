"""lmutil: the right tool by name or first word, its exit status, and sentences on stderr."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seatkeeper.cli import lmhostid, lmstat, lmutil
from seatkeeper.wire.messages import PoolStatus
from support.fake_lmgrd import FakeLmgrd, license_server


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("lmstat", "lmstat"),
        ("/opt/seatkeeper/bin/lmstat", "lmstat"),
        ("C:\\Tools\\LMSTAT.EXE", "lmstat"),
        ("lmutil-script.py", "lmutil"),
        ("/src/seatkeeper/cli/lmutil.py", "lmutil"),
    ],
)
def test_a_program_is_known_by_its_name(path: str, name: str) -> None:
    assert lmutil.program_name(path) == name


def test_lmutil_alone_prints_its_usage_and_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main(["lmutil"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("lmutil - Copyright (c) ")
    assert all(f"\n    {tool} " in shown.out for tool in lmutil.TOOLS)
    assert shown.err == ""


@pytest.mark.parametrize("tool", lmutil.TOOLS)
@pytest.mark.parametrize("own_name", [True, False])
def test_every_tool_runs_by_its_own_name_and_through_lmutil(tool: str, own_name: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main([f"/bin/{tool}", "-help"] if own_name else ["lmutil", tool, "-help"]) == 0
    shown = capsys.readouterr()
    assert f"usage: {tool} " in shown.out or f"usage: lmutil {tool} " in shown.out
    assert shown.err == ""


@pytest.mark.parametrize("tool", sorted(set(lmutil.TOOLS) - {"lmhostid"}))
def test_an_unknown_option_gets_the_usage_on_stderr(tool: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main([tool, "-nosuch"]) == 123
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"{tool}: -nosuch: This option is not known.\nusage: {tool} ")


@pytest.mark.parametrize("tool", sorted(set(lmutil.TOOLS) - {"lmhostid"}))
def test_every_tool_says_its_version(tool: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main(["lmutil", tool, "-v"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("lmutil - Copyright (c) ")
    assert second.startswith(f"{tool} v")


def test_an_unknown_tool_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main(["lmutil", "lmxx"]) == 123
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "found 'lmxx'" in shown.err
    assert "usage: lmutil TOOL" in shown.err


def test_lmutil_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main(["lmutil", "-v"]) == 0
    assert "\nlmutil v" in capsys.readouterr().out


def test_lmhostid_is_given_its_words_and_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []
    monkeypatch.setattr(lmhostid, "run", lambda *words: given.extend(words) or 7)
    assert lmutil.main(["lmutil", "lmhostid", "-n", "-v"]) == 7
    assert given == [["-n", "-v"], "lmutil"]


def test_bad_input_is_one_sentence_and_214(capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main(["lmstat", "-c", "x@y"]) == 214
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("lmstat: -c:1: ")
    assert shown.err.count("\n") == 1


def test_an_interrupted_tool_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(lmstat, "run", interrupt)
    assert lmutil.main(["lmstat"]) == 130


def test_names_that_the_terminal_cannot_show_do_not_cost_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))
    with FakeLmgrd(license_server([PoolStatus(1, "ungewöhnlich", 0, "genesys.d", "8.5", "permanent", 1, 0)])) as server:
        assert lmutil.main(["lmstat", "-a", "-c", f"{server.port}@127.0.0.1"]) == 0
    assert b"Users of ungew\\xf6hnlich:  (Total of 1 license issued;" in raw.getvalue()


def test_a_reader_that_goes_away_is_no_error() -> None:
    pools = [PoolStatus(1, f"feature_{number}", 0, "genesys.d", "8.5", "permanent", 1, 0) for number in range(5000)]
    with FakeLmgrd(license_server(pools)) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "seatkeeper.cli.lmutil", "lmstat", "-a", "-c", f"{server.port}@127.0.0.1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Unbuffered, Python loses what does not fit into the pipe without a word.
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
            | {"PYTHONPATH": str(Path(lmutil.__file__).parents[2])},
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout, process.stderr:
            process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.wait(30) == 141
