"""What fails is told once, and once when it works again, whichever process does what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.usagesettings import LogSettings
from seatkeeper.base.errors import InputError
from seatkeeper.base.logevents import Message
from seatkeeper.lrm.alarms import ALARMS_FILE, Alarms, JobLog, active_alarms

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_790_000_000.25


class Case:
    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.path = directory / "lrm.log"
        self.complaints: list[str] = []
        self.settings = LogSettings(time_convert="utc", **settings)  # type: ignore[arg-type]

    def alarms(self) -> Alarms:
        """As another process has them."""
        log = JobLog(self.path, self.settings, "srv1", lambda: NOW, self.complaints.append)
        return Alarms(self.directory, log, lambda: NOW, self.complaints.append)

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []


def test_a_failure_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    case = Case(tmp_path)
    for _ in range(3):
        with pytest.raises(InputError), case.alarms().job("close"):
            raise InputError("The disk is full.", file="x", remedy="Make room.")
    with pytest.raises(ZeroDivisionError), case.alarms().job("close"):
        _ = 1 // 0
    assert [alarm.number for alarm in active_alarms(tmp_path).values()] == [25120]
    for _ in range(2):
        with case.alarms().job("close"):
            pass
    assert case.lines() == [
        "2026-09-21T14:13:20.250 Standard srv1 seatkeeper_lrm GCTI-00-25120 Job 'close' failed: x: The disk is full. Make room",
        "2026-09-21T14:13:20.250 Standard srv1 seatkeeper_lrm GCTI-00-25120 Job 'close' failed: "
        "ZeroDivisionError integer division or modulo by zero",
        "2026-09-21T14:13:20.250 Standard srv1 seatkeeper_lrm GCTI-00-25121 Job 'close' works again",
    ]
    assert active_alarms(tmp_path) == {}
    with pytest.raises(KeyboardInterrupt), case.alarms().job("close"):
        raise KeyboardInterrupt
    assert len(case.lines()) == 3


def test_each_source_has_an_alarm_of_its_own(tmp_path: Path) -> None:
    case = Case(tmp_path, message_format="short", time_format="time")
    known = ["a", "b", "cfg"]
    case.alarms().sources([("a", "no route."), ("b", "")], known)
    case.alarms().sources([("cfg", "no such table")], known)
    case.alarms().sources([("a", "no route"), ("b", "gone")], known)
    case.alarms().sources([("a", ""), ("b", "gone")], known)
    # What is named no more is nobody's alarm.
    case.alarms().sources([("a", "")], ["a"])
    assert [re.sub(r"^\S+ ", "", line) for line in case.lines()] == [
        "Std 25122 Source 'a' cannot be read: no route",
        "Std 25122 Source 'cfg' cannot be read: no such table",
        "Std 25122 Source 'b' cannot be read: gone",
        "Std 25123 Source 'a' is read again",
        "Std 25123 Source 'cfg' is asked no more",
        "Std 25123 Source 'b' is asked no more",
    ]


def test_a_log_or_a_state_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.path = tmp_path / "nowhere" / "lrm.log"
    case.alarms().job_failed("close", "broken")
    assert case.complaints == [f"The log {case.path} cannot be written: No such file or directory."]
    assert [alarm.text for alarm in active_alarms(tmp_path).values()] == ["Job 'close' failed: broken"]
    (tmp_path / ALARMS_FILE).unlink()
    (tmp_path / ALARMS_FILE).mkdir()
    case.path = tmp_path / "lrm.log"
    case.alarms().job_failed("close", "broken")
    assert "Which alarms are active cannot be kept" in case.complaints[1]
    assert "broken" in case.lines()[0]
    elsewhere = Case(tmp_path / "not-made")
    elsewhere.path = tmp_path / "other.log"
    elsewhere.alarms().job_failed("collect", "no usage.toml")
    assert (len(elsewhere.lines()), elsewhere.complaints) == (1, [])
    JobLog(None, LogSettings(), "srv1", lambda: NOW, case.complaints.append).write(Message(1, "nothing"))
