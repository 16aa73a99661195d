"""Messages go where [log] sends them, in the form that it asks for, into files with a head."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from seatkeeper.base.logevents import Level, Message
from seatkeeper.drive.applog import ApplicationLog, Head
from seatkeeper.drive.profilefile import LogSettings

if TYPE_CHECKING:
    from pathlib import Path

HEAD = Head("TServer_North", "T-Server", 1, "0.1.0", "seatkeeper app run t.toml", "voice1")
AT = 1_790_000_000.125


def log(complaints: list[str] | None = None, **settings: object) -> ApplicationLog:
    return ApplicationLog(LogSettings(**settings), HEAD, [].append if complaints is None else complaints.append)


def test_each_output_has_its_levels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = log(outputs={"standard": ("stdout",), "trace": (str(tmp_path / "t"),), "debug": ("stderr",)}, utc=True)
    for level in Level:
        made.write(Message(7101, level.value, level), AT)
    made.close()
    out, err = capsys.readouterr()
    assert [line.split()[1] for line in out.splitlines()] == ["Std", "Alr"]
    assert [line.split()[1] for line in err.splitlines()] == ["Dbg", "Trc", "Int", "Std", "Alr"]
    (file,) = tmp_path.iterdir()
    body = file.read_text().partition("\n\n")[2]
    assert [line.split()[1] for line in body.splitlines()] == ["Trc", "Int", "Std", "Alr"]


@pytest.mark.parametrize(("verbose", "count"), [("all", 5), ("debug", 5), ("trace", 4), ("interaction", 3), ("standard", 2), ("none", 0)])
def test_verbose_says_which_messages_there_are(verbose: str, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    made = log(verbose=verbose, outputs={"all": ("stdout",)})
    for level in Level:
        made.write(Message(1, "x", level), AT)
    assert len(capsys.readouterr().out.splitlines()) == count


def test_a_file_begins_with_its_head_and_is_named_after_its_moment(tmp_path: Path) -> None:
    made = log(outputs={"all": (str(tmp_path / "logs" / "tserver"),)}, utc=True, message_format="full", time_format="iso8601")
    made.write(Message(7101, "Feature 'tserver_sdn': 3 licenses checked out."), AT)
    made.close()
    (file,) = (tmp_path / "logs").iterdir()
    assert file.name == "tserver.20260921_141320_125.log"
    head, _, body = file.read_text().partition("\n\n")
    lines = head.splitlines()
    assert lines[0] == "Application name:    TServer_North"
    assert "Application type:    T-Server (1)" in lines
    assert lines[-1] == f"File:                (1) {file.name}"
    assert body == "2026-09-21T14:13:20.125 Standard voice1 TServer_North GCTI-00-07101 Feature 'tserver_sdn': 3 licenses checked out.\n"


def test_a_long_file_is_followed_by_another_and_old_ones_go(tmp_path: Path) -> None:
    made = log(outputs={"all": (str(tmp_path / "t"),)}, segment_bytes=200, expire=2)
    for second in range(40):
        made.write(Message(1, "x" * 50), AT + second)
    made.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2
    numbers = [int(re.findall(r"^File: +\((\d+)\)", file.read_text(), re.MULTILINE)[0]) for file in files]
    assert numbers[1] == numbers[0] + 1
    assert "x" * 50 in files[1].read_text()


def test_a_file_that_cannot_be_written_is_told_once_and_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    complaints: list[str] = []
    made = log(complaints, outputs={"all": ("stdout", str(tmp_path / "file" / "t"))})
    for _ in range(3):
        made.write(Message(1, "x"), AT)
    assert len(complaints) == 1
    assert len(capsys.readouterr().out.splitlines()) == 3
