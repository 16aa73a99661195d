"""`seatkeeper usage run`: snapshots, collecting and the nightly close happen in their time, from one command, until it is stopped."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

import typer

from seatkeeper.cli.usage_common import Database
from seatkeeper.cli.usage_log import Log, alarms_of, log_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from seatkeeper.adapters.usagesettings import JobSettings
    from seatkeeper.lrm.jobs import Job

__all__ = ["app"]

app = typer.Typer()


@app.command(name="run")
def run_(db: Database, log: Log = None) -> None:
    """Run the jobs until SIGTERM or Ctrl-C: a snapshot every 10 minutes, collecting every hour, the close every night."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.usagesettings import read_settings
    from seatkeeper.base.errors import InputError
    from seatkeeper.base.logevents import STARTED, TERMINATED, Message
    from seatkeeper.lrm.jobs import run_jobs

    if not db.is_dir():
        raise InputError("There is no such directory.", file=str(db), remedy="It holds usage.toml, and the usage data come into it.")
    jobs = _jobs(read_settings(db).jobs)
    messages = log_of(db, log, "run")

    async def until_stopped() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        print(f"The jobs of {db} run; Ctrl-C stops them.", file=sys.stderr, flush=True)
        messages.write(Message(STARTED, "Application started"))
        await run_jobs(db, jobs, _commands(db, log), alarms_of(db, log, "run"), clock.now, _say, stop)
        messages.write(Message(TERMINATED, "Application terminated"))

    asyncio.run(until_stopped())


def _say(text: str) -> None:
    from seatkeeper.adapters import clock

    print(f"{datetime.fromtimestamp(clock.now(), UTC):%Y-%m-%dT%H:%M:%SZ} {text}", flush=True)


def _jobs(settings: JobSettings) -> list[Job]:
    from seatkeeper.adapters.usagesettings import zone_named
    from seatkeeper.lrm.jobs import Job

    return [
        Job("snapshot", ("snapshot",), settings.snapshot_minutes * 60),
        Job("collect", ("collect",), settings.collect_minutes * 60),
        Job("close", ("collect", "close"), at=time.fromisoformat(settings.close_at), zone=zone_named(settings.zone, "[jobs] zone")),
    ]


def _commands(db: Path, log: Path | None) -> dict[str, Callable[[], Sequence[str] | None]]:
    """What each step calls; None where there is nothing to do."""
    from seatkeeper.adapters.warehouse import MANIFEST

    def command(name: str) -> list[str]:
        more = ["--log", str(log)] if log is not None else []
        return [sys.executable, "-m", "seatkeeper.cli.main", "usage", name, "--db", str(db), *more]

    def asks(name: str, *, configuration: bool) -> Callable[[], Sequence[str] | None]:
        return lambda: command(name) if _has_source(db, configuration=configuration) else None

    return {
        "snapshot": asks("snapshot", configuration=True),
        "collect": asks("collect", configuration=False),
        "close": lambda: command("close") if (db / MANIFEST).is_file() else None,
    }


def _has_source(db: Path, *, configuration: bool) -> bool:
    """Whether usage.toml names a source of configuration, or one of another sort; also where it is wrong, which the command then says."""
    from seatkeeper.base.errors import InputError
    from seatkeeper.lrm.sources import ConfigurationSource, read_sources

    try:
        sources = read_sources(db)
    except InputError as error:
        return error.message != "No sources are named."
    return any(isinstance(source, ConfigurationSource) == configuration for source in sources)
