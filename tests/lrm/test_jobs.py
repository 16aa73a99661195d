"""Jobs are due when they should be, whatever the clock does, and one that dies is told of and run again."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from datetime import time as daytime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.adapters.usagesettings import LogSettings
from seatkeeper.adapters.wholefile import alone
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.lrm.alarms import Alarms, JobLog, active_alarms
from seatkeeper.lrm.jobs import JOBS_FILE, Job, due_in, run_jobs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARIS = ZoneInfo("Europe/Paris")
NIGHT = Job("close", ("close",), at=daytime(2, 30), zone=PARIS)
OFTEN = Job("snapshot", ("snapshot",), 600)
MOMENTS = st.floats(1_750_000_000, 1_850_000_000)


@given(MOMENTS, MOMENTS)
def test_what_is_due_is_due_once_however_many_were_missed(last: float, now: float) -> None:
    for job in (NIGHT, OFTEN):
        left = due_in(job, last, now)
        assert left >= 0
        # Right after it began it is not due again, and never later than its time.
        assert 0 < due_in(job, now, now) <= (25 * 3600 if job is NIGHT else 600)
        assert due_in(job, min(last, now), now + left) < 1e-3
        if last >= now:
            assert left == due_in(job, now, now)


def test_a_night_in_its_zone() -> None:
    def at(*when: int) -> float:
        return datetime(*when, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]

    # 02:30 is 00:30 UTC in summer and 01:30 in winter; the night of October 25, 2026 has it twice, and counts the first.
    assert due_in(NIGHT, at(2026, 9, 1, 1), at(2026, 9, 1, 12)) == 12.5 * 3600
    assert due_in(NIGHT, at(2026, 9, 1, 1), at(2026, 9, 2, 0, 30)) == 0
    assert due_in(NIGHT, at(2026, 10, 24, 1), at(2026, 10, 25, 0, 30)) == 0
    assert due_in(NIGHT, at(2026, 10, 25, 0, 30), at(2026, 10, 25, 1, 0)) == 24.5 * 3600
    # Nobody was there for three nights: now, and then tomorrow.
    assert due_in(NIGHT, at(2026, 12, 1), at(2026, 12, 4, 9)) == 0
    assert due_in(NIGHT, at(2026, 12, 4, 9), at(2026, 12, 4, 9)) == 16.5 * 3600


class Case:
    """Jobs on small programs, each of which adds its name to a file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.said: list[str] = []
        log = JobLog(directory / "lrm.log", LogSettings(), "srv", time.time, self.said.append)
        self.alarms = Alarms(directory, log, time.time, self.said.append)
        self.commands: dict[str, Callable[[], list[str] | None]] = {}

    def program(self, name: str, then: str = "") -> None:
        code = f"open({str(self.directory / 'ran')!r}, 'a').write({name!r} + chr(10))\n{then}"
        self.commands[name] = lambda: [sys.executable, "-c", code]

    def ran(self) -> list[str]:
        path = self.directory / "ran"
        return path.read_text().split() if path.exists() else []

    def run(self, jobs: list[Job], until: Callable[[], bool], now: Callable[[], float] = time.time) -> None:
        async def work() -> None:
            stop = asyncio.Event()

            async def watch() -> None:
                deadline = time.monotonic() + 60
                while not until() and time.monotonic() < deadline:
                    await asyncio.sleep(0.01)
                stop.set()

            await asyncio.gather(run_jobs(self.directory, jobs, self.commands, self.alarms, now, self.said.append, stop), watch())

        asyncio.run(work())
        assert until(), self.said


def test_jobs_go_on_whatever_one_of_them_does(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.program("good")
    case.program("dies", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    case.program("fails", "raise SystemExit(3)")
    case.commands["absent"] = lambda: [str(tmp_path / "no-such-program")]
    case.commands["idle"] = lambda: None
    jobs = [Job(name, (name,), 0.01) for name in case.commands]
    case.run(jobs, lambda: all(case.ran().count(name) >= 2 for name in ("good", "dies", "fails")))
    texts = [alarm.text for alarm in active_alarms(tmp_path).values()]
    assert "Job 'dies' failed: it was killed by signal 9" in texts
    assert "Job 'absent' failed: it could not be started: No such file or directory" in texts
    assert any(line.startswith("good: done, ") for line in case.said)
    assert any(line.startswith("fails: ended with status 3, ") for line in case.said)


def test_a_night_collects_first_and_a_missed_one_is_made_up_for_once(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.program("collect")
    case.program("close")
    now = datetime(2026, 9, 10, 12, tzinfo=UTC).timestamp()
    night = Job("close", ("collect", "close"), at=daytime(2, 30), zone=UTC)
    (tmp_path / JOBS_FILE).write_bytes(msgspec.json.encode({"close": now - 5 * 86_400}))
    case.run([night], lambda: len(case.said) == 2, lambda: now)
    assert case.ran() == ["collect", "close"]
    # Begun anew it is not due again; nor after the clock was put back.
    began = time.monotonic()
    for moment in (now + 60, now - 30 * 86_400):
        case.run([night], lambda: time.monotonic() - began > 0.3, lambda moment=moment: moment)  # type: ignore[misc]
    assert case.ran() == ["collect", "close"]
    # Put forward over a night, it is.
    case.run([night], lambda: len(case.ran()) == 4, lambda: now + 86_400)
    # The first time of all is the next night.
    (tmp_path / JOBS_FILE).unlink()
    case.run([night], lambda: time.monotonic() - began > 0.6, lambda: now)
    assert len(case.ran()) == 4


def test_what_is_under_way_ends_with_it_and_only_one_runs(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.program("long", "import time; time.sleep(600)")
    began = time.monotonic()
    case.run([Job("long", ("long",), 600)], lambda: bool(case.ran()))
    assert time.monotonic() - began < 60
    assert active_alarms(tmp_path) == {}
    with alone(tmp_path / JOBS_FILE), pytest.raises(SeatkeeperError, match="run by another process already"):
        asyncio.run(_nothing(case))


async def _nothing(case: Case) -> Any:
    return await run_jobs(case.directory, [], {}, case.alarms, time.time, case.said.append, asyncio.Event())
