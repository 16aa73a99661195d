from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from seatkeeper.adapters.debuglog import TIMESTAMP_S, DebugLog, open_log

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_lines_have_time_and_daemon_and_are_written_by_flush(tmp_path: Path) -> None:
    log = DebugLog(open_log(str(tmp_path / "log")), "genesys.d", Clock())
    log.line("one")
    assert lines(tmp_path / "log") == []
    log.line("two\nthree")
    log.flush()
    assert all(re.fullmatch(r"[ \d]\d:\d\d:\d\d \(genesys\.d\) \w+", line) for line in lines(tmp_path / "log"))
    assert [line.rsplit(" ", 1)[1] for line in lines(tmp_path / "log")] == ["one", "two", "three"]


def test_the_hour_is_padded_with_a_blank(tmp_path: Path) -> None:
    clock = Clock()
    log = DebugLog(open_log(str(tmp_path / "log")), "lmgrd", clock)
    for hour in range(24):
        clock.now = Clock.now + 3600.0 * hour
        log.line("x")
    log.flush()
    heads = {line[:3] for line in lines(tmp_path / "log")}
    assert {" 0:", " 9:", "10:", "23:"} <= heads


def test_the_date_comes_every_six_hours(tmp_path: Path) -> None:
    clock = Clock()
    log = DebugLog(open_log(str(tmp_path / "log")), "lmgrd", clock)
    for _ in range(3):
        log.say("x")
        clock.now += TIMESTAMP_S
    stamps = [line for line in lines(tmp_path / "log") if "TIMESTAMP" in line]
    assert len(stamps) == 2
    assert re.search(r"TIMESTAMP \d{1,2}/\d{1,2}/\d{4}$", stamps[0])


def test_the_date_comes_without_other_lines_too(tmp_path: Path) -> None:
    """Readers of the log know the day of a line by the date before it: a quiet week must not hide that days went by."""
    clock = Clock()
    log = DebugLog(open_log(str(tmp_path / "log")), "lmgrd", clock)
    for _ in range(25):
        log.stamp()
        log.flush()
        clock.now += 3600.0
    assert len([line for line in lines(tmp_path / "log") if "TIMESTAMP" in line]) == 4


def test_the_date_comes_at_once_when_the_clock_was_set_back(tmp_path: Path) -> None:
    clock = Clock()
    log = DebugLog(open_log(str(tmp_path / "log")), "lmgrd", clock)
    log.say("before")
    clock.now -= 30 * 86400.0
    log.say("after")
    assert [line.split(") ", 1)[1].split()[0] for line in lines(tmp_path / "log")] == ["before", "TIMESTAMP", "after"]


def test_a_plus_continues_and_no_plus_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    DebugLog(open_log(str(path)), "a", Clock()).say("first")
    DebugLog(open_log(f"+{path}"), "b", Clock()).say("second")
    assert len(lines(path)) == 2
    DebugLog(open_log(str(path)), "c", Clock()).say("third")
    assert len(lines(path)) == 1


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    log = DebugLog(writer, "a", Clock())
    log.say("nobody reads this")
    os.close(writer)
    log.say("nor this")
