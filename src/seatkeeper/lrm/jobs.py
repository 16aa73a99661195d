"""The jobs of a site's usage data run when they are due, each alone, until they are told to stop.

Three jobs: the snapshot of the configuration and the collecting, each so long after its last beginning; and the close, at a time of
day, after a collecting of its own. When each began last is kept (`jobs.json`), so that a run that was missed, by a machine that was off or
a clock that was put forward, is made up for once, however many were missed. A job's last beginning that lies in the future says that the
clock was put back: it counts as now.

Each job is a process, the command that a person would call. So one that takes hours keeps no other waiting, one that dies of too little
memory takes nobody along, and what it used is free when it has ended. It tells of its failures itself (lrm.alarms); one that could not
is told of here, and so is one that was killed, or that has not ended for half a day.

This is a loop of its own and no scheduler of others (docs/decisions.md): what is due is one function of the last beginning and the wall
clock, which is looked at again every few seconds, so that nothing has to notice that the clock was set.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.wholefile import PUBLIC, alone, replace_file
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.lrm.alarms import active_alarms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import tzinfo
    from pathlib import Path

    from seatkeeper.lrm.alarms import Alarms

__all__ = ["JOBS_FILE", "LOOK_S", "Job", "due_in", "run_jobs"]

JOBS_FILE: Final = "jobs.json"
#: How often the clock is looked at.
LOOK_S: Final = 10.0
#: A job that has not ended by then never will.
_STUCK_S: Final = 12 * 3600.0
#: How long jobs may take to end when all is to stop.
_STOP_S: Final = 20.0
_WAIT_S: Final = 1.0
_DAY: Final = timedelta(days=1)


class Job(msgspec.Struct, frozen=True):
    """What is done again and again.

    Attributes:
        name: What it is called.
        steps: Names of commands, one after the other; a step that fails keeps none from its turn.
        every_s: So long after its last beginning it is due again; 0 for a job with a time of day.
        at: At which time of day it is due.
        zone: Whose time of day.
    """

    name: str
    steps: tuple[str, ...]
    every_s: float = 0.0
    at: time | None = None
    zone: tzinfo | None = None


def due_in(job: Job, last: float, now: float) -> float:
    """In how many seconds the job is due, which began last at that moment; 0 where it is due now."""
    last = min(last, now)
    if job.at is None:
        return max(0.0, last + job.every_s - now)
    day = datetime.fromtimestamp(now, job.zone).date()
    moments = [datetime.combine(day + step * _DAY, job.at, job.zone).timestamp() for step in (-1, 0, 1)]
    before = max(moment for moment in moments if moment <= now)
    return 0.0 if last < before else min(moment for moment in moments if moment > now) - now


async def run_jobs(
    directory: Path,
    jobs: Sequence[Job],
    commands: Mapping[str, Callable[[], Sequence[str] | None]],
    alarms: Alarms,
    now: Callable[[], float],
    say: Callable[[str], object],
    stop: asyncio.Event,
) -> None:
    """Runs the jobs until `stop` is set; jobs that are under way are ended then.

    Args:
        directory: The usage data; one run at a time has them.
        jobs: What is to be done.
        commands: What each step calls; one that gives None has nothing to do now.
        alarms: Where failures are told.
        now: Tells UTC seconds.
        say: Takes a line when a step has ended.
        stop: Ends it.

    Raises:
        SeatkeeperError: Another one runs there.
    """
    try:
        with alone(directory / JOBS_FILE, wait_s=_WAIT_S):
            await _Run(directory, commands, alarms, now, say, stop).all(jobs)
    except TimeoutError:
        raise SeatkeeperError(f"The jobs of {directory} are run by another process already.", "Stop that one first.") from None


class _Run:
    """The jobs of one process."""

    def __init__(
        self,
        directory: Path,
        commands: Mapping[str, Callable[[], Sequence[str] | None]],
        alarms: Alarms,
        now: Callable[[], float],
        say: Callable[[str], object],
        stop: asyncio.Event,
    ) -> None:
        self._path = directory / JOBS_FILE
        self._directory, self._commands, self._alarms, self._now, self._say, self._stop = directory, commands, alarms, now, say, stop
        self._alone = {step: asyncio.Lock() for step in commands}
        self._began = self._read()

    def _read(self) -> dict[str, float]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, float])
        except (OSError, msgspec.MsgspecError):
            # What is done once too often changes nothing.
            return {}

    def _keep(self) -> None:
        try:
            replace_file(self._path, msgspec.json.encode(self._began), PUBLIC)
        except OSError as error:
            self._say(f"When jobs began cannot be kept in {self._path}: {error.strerror}.")

    async def all(self, jobs: Sequence[Job]) -> None:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(self._forever(job))

    async def _forever(self, job: Job) -> None:
        if job.name not in self._began and job.at is not None:
            # The first night has not come yet.
            self._began[job.name] = self._now()
        while not self._stop.is_set():
            last = self._began.get(job.name, 0.0)
            if last > self._now():
                last = self._began[job.name] = self._now()
            left = due_in(job, last, self._now())
            if left > 0:
                await self._until_stopped(asyncio.sleep(min(left, LOOK_S)))
                continue
            self._began[job.name] = self._now()
            for step in job.steps:
                async with self._alone[step]:
                    if not self._stop.is_set():
                        await self._step(step)
            if not self._stop.is_set():
                # One that was stopped in its middle is made up for by the next run.
                self._keep()

    async def _until_stopped(self, work: Awaitable[object], timeout: float | None = None) -> bool:
        """Waits for the work, or the end of all; whether the work is done."""
        tasks = [asyncio.ensure_future(work), asyncio.create_task(self._stop.wait())]
        done, _ = await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return tasks[0] in done

    async def _step(self, step: str) -> None:
        command = self._commands[step]()
        if command is None:
            return
        before = set(active_alarms(self._directory))
        began = self._now()
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
        except OSError as error:
            self._alarms.job_failed(step, f"it could not be started: {error.strerror}")
            return
        ended = await self._until_stopped(process.wait(), _STUCK_S)
        if not ended:
            await _end(process)
            if not self._stop.is_set():
                self._alarms.job_failed(step, f"it had not ended after {_STUCK_S / 3600:.0f} hours, and was killed")
            return
        status = process.returncode
        self._say(f"{step}: {'done' if not status else f'ended with status {status}'}, {self._now() - began:.1f} s")
        if status is None or not status:
            return
        if status < 0:
            self._alarms.job_failed(step, f"it was killed by signal {-status}")
        elif not before and not active_alarms(self._directory):
            self._alarms.job_failed(step, f"it ended with status {status}; its output says why")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends a process, gently at first."""
    try:
        process.terminate()
        await asyncio.wait_for(process.wait(), _STOP_S)
    except ProcessLookupError:
        await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
