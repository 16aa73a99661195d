"""Commands that run as jobs tell of failures in one way: `--log FILE`, or the section [log] of usage.toml."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seatkeeper.lrm.alarms import Alarms, JobLog

__all__ = ["Log", "alarms_of", "log_of"]

Log = Annotated[
    Path | None,
    typer.Option(
        "--log", metavar="FILE", help="Tell of failures, and when they are over, in this log.", show_default="[log] in usage.toml"
    ),
]


def log_of(db: Path, log: Path | None, command: str) -> JobLog:
    """The log of jobs on the usage data in `db`; without an option, and without a word in usage.toml, one that keeps nothing."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.host import host_name
    from seatkeeper.adapters.usagesettings import LogSettings, read_settings
    from seatkeeper.base.errors import InputError
    from seatkeeper.lrm.alarms import JobLog

    try:
        settings = read_settings(db).log
    except InputError:
        # The job itself says what is wrong there, in the log that the option names.
        settings = LogSettings()
    path = log if log is not None else db / settings.file if settings.file else None
    return JobLog(path, settings, host_name(), clock.now, lambda text: print(f"seatkeeper usage {command}: {text}", file=sys.stderr))


def alarms_of(db: Path, log: Path | None, command: str) -> Alarms:
    """The alarms of the usage data in `db`, told in their log."""
    from seatkeeper.adapters import clock
    from seatkeeper.lrm.alarms import Alarms

    return Alarms(db, log_of(db, log, command), clock.now, lambda text: print(f"seatkeeper usage {command}: {text}", file=sys.stderr))
