from __future__ import annotations

import os
import re
import resource
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.debuglog import ROLLED_LOGS_MAX, TIMESTAMP_S, DebugLog, LogFile, open_log

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def test_a_log_begins_anew_only_once_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "log"
    DebugLog(open_log(str(path)), "a", Clock()).say("first")
    DebugLog(open_log(f"+{path}"), "b", Clock()).say("second")
    assert len(lines(path)) == 2
    held = DebugLog(open_log(str(path)), "c", Clock())
    held.hold()
    held.say("third")
    assert len(lines(path)) == 2
    held.release(anew=False)
    assert len(lines(path)) == 3
    held.hold()
    held.say("fourth")
    held.release(anew=True)
    held.say("fifth")
    assert [line.rpartition(" ")[2] for line in lines(path)] == ["fourth", "fifth"]


def test_what_is_no_file_is_only_written_to() -> None:
    reader, writer = os.pipe()
    log = DebugLog(writer, "lmgrd", Clock())
    log.hold()
    log.say("first")
    log.release(anew=True)
    os.close(writer)
    assert os.read(reader, 100).endswith(b" first\n")
    os.close(reader)


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    log = DebugLog(writer, "a", Clock())
    log.say("nobody reads this")
    os.close(writer)
    log.say("nor this")


def own(path: Path, clock: Clock | None = None) -> DebugLog:
    """A log that follows its file."""
    return DebugLog(open_log(f"+{path}"), "genesys.d", clock or Clock(), path=str(path))


def texts(path: Path) -> list[str]:
    """The lines without their heads."""
    return [line.split(") ", 1)[1] for line in lines(path)]


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """The system takes no byte beyond this size of any file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_with_datestamp_each_line_has_an_iso_time(tmp_path: Path) -> None:
    clock = Clock()
    DebugLog(open_log(str(tmp_path / "log")), "lmgrd", clock, datestamp=True).say("x")
    (line,) = lines(tmp_path / "log")
    stamp, rest = line.split(" ", 1)
    assert rest == "(lmgrd) x"
    assert datetime.fromisoformat(stamp).timestamp() == clock.now


def test_a_full_disk_costs_lines_and_one_sentence_when_it_has_room_again(tmp_path: Path) -> None:
    log = own(tmp_path / "log")
    log.say("before")
    with no_room_beyond((tmp_path / "log").stat().st_size + 30):
        log.say("torn " + "x" * 100)
        log.line("lost one")
        log.line("lost two")
        log.flush()
        log.say("lost three")
    log.say("after")
    log.say("and on")
    *_, note, after, on = lines(tmp_path / "log")
    assert re.search(r"\) 4 lines of this daemon are missing here: .*File too large", note)
    assert after.endswith(") after")
    assert on.endswith(") and on")
    assert sum("missing here" in line for line in lines(tmp_path / "log")) == 1


def test_the_note_of_what_is_missing_may_meet_a_full_disk_too(tmp_path: Path) -> None:
    log = own(tmp_path / "log")
    log.say("before")
    size = (tmp_path / "log").stat().st_size
    with no_room_beyond(size):
        log.say("lost one")
    with no_room_beyond(size + 40):
        log.say("lost two")
    log.say("after")
    assert [text[:7] for text in texts(tmp_path / "log") if "missing here" in text and ")" in text[-2:]] == ["2 lines"]
    assert texts(tmp_path / "log")[-1] == "after"


def test_a_file_that_was_moved_away_is_begun_anew_with_the_date(tmp_path: Path) -> None:
    log = own(tmp_path / "log")
    log.say("old")
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.say("still old")
    log.stamp()
    log.say("new")
    assert texts(tmp_path / "log.1") == ["old", "still old"]
    assert texts(tmp_path / "log") == [f"TIMESTAMP {log.date()}", "new"]


def test_processes_that_share_a_moved_file_meet_again_in_the_new_one(tmp_path: Path) -> None:
    logs = [own(tmp_path / "log") for _ in range(3)]
    (tmp_path / "log").rename(tmp_path / "log.1")
    for log in logs:
        log.stamp()
        log.say("here")
    assert texts(tmp_path / "log").count("here") == 3


def test_a_file_that_was_cut_goes_on_with_the_date(tmp_path: Path) -> None:
    log = own(tmp_path / "log")
    log.say("old")
    os.truncate(tmp_path / "log", 0)
    log.stamp()
    log.say("new")
    assert texts(tmp_path / "log") == [f"TIMESTAMP {log.date()}", "new"]


def test_what_was_put_in_the_place_of_a_log_is_not_waited_for(tmp_path: Path) -> None:
    log = own(tmp_path / "log")
    (tmp_path / "log").rename(tmp_path / "log.1")
    os.mkfifo(tmp_path / "log")
    log.stamp()
    log.say("still there")
    assert texts(tmp_path / "log.1") == ["still there"]


def test_a_directory_that_is_gone_is_survived(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log = own(tmp_path / "logs" / "log")
    (tmp_path / "logs").rename(tmp_path / "old")
    log.stamp()
    log.say("still there")
    assert texts(tmp_path / "old" / "log") == ["still there"]


def test_a_log_with_a_limit_is_moved_away_and_begun_anew(tmp_path: Path) -> None:
    clock = Clock()
    log = own(tmp_path / "log", clock)
    log.roll_over_at(1000, "genesys.dlicsrv")
    for number in range(100):
        log.say(f"line {number}")
        clock.now += 1.0
    rolled = sorted(path for path in tmp_path.iterdir() if path.name != "log")
    assert rolled
    assert all(re.fullmatch(r"genesys\.dlicsrv\d{8}_T\d{6}\.log", path.name) for path in rolled)
    assert all(path.stat().st_size < 1100 for path in [*rolled, tmp_path / "log"])
    told = [text for path in [*rolled, tmp_path / "log"] for text in texts(path)]
    assert [text for text in told if text.startswith("line ")] == [f"line {number}" for number in range(100)]
    assert all(texts(path)[0].startswith("TIMESTAMP ") for path in [*rolled[1:], tmp_path / "log"])


def test_midnight_moves_nothing(tmp_path: Path) -> None:
    clock = Clock()
    log = own(tmp_path / "log", clock)
    log.roll_over_at(1 << 20, "genesys.dlicsrv")
    for _ in range(48):
        log.say("x")
        clock.now += 3600.0
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_only_the_newest_of_its_own_are_kept(tmp_path: Path) -> None:
    clock = Clock()
    others = ["genesys.dother20260101_T000000.log", "genesys.dlicsrv.log", "genesys.dlicsrv20260101_T000000.log.gz"]
    for name in others:
        (tmp_path / name).write_text("mine")
    log = own(tmp_path / "log", clock)
    log.roll_over_at(100, "genesys.dlicsrv")
    for number in range(3 * ROLLED_LOGS_MAX):
        log.say(f"line {number} " + "x" * 100)
        # The files' own times are of the same moment on a coarse clock.
        clock.now += 1.0
    rolled = {path.name for path in tmp_path.iterdir()} - {"log", *others}
    assert len(rolled) == ROLLED_LOGS_MAX
    assert all((tmp_path / name).exists() for name in others)


def test_several_within_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    log = own(tmp_path / "log")
    log.roll_over_at(100, "genesys.dlicsrv")
    for number in range(5):
        log.say(f"line {number} " + "x" * 100)
    assert sum(path.name.startswith("genesys.dlicsrv") for path in tmp_path.iterdir()) == 5


def test_a_log_that_cannot_be_moved_grows_on_and_says_so_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = own(tmp_path / "log")
    log.roll_over_at(500, "genesys.dlicsrv")

    def refuse(self: LogFile, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(LogFile, "move_to", refuse)
    for number in range(40):
        log.say(f"line {number}")
    told = texts(tmp_path / "log")
    assert [text for text in told if text.startswith("line ")] == [f"line {number}" for number in range(40)]
    assert 1 <= sum("cannot be moved to" in text for text in told) <= 5


def test_nothing_is_ever_moved_over_another_file(tmp_path: Path) -> None:
    log = own(tmp_path / "log")
    log.say("old")
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(FileExistsError):
        log.roll_to(tmp_path / "taken")
    with pytest.raises(OSError):
        log.roll_to(tmp_path / "nowhere" / "log")
    log.say("on")
    assert (tmp_path / "taken").read_text() == "mine"
    assert texts(tmp_path / "log") == ["old", "on"]
