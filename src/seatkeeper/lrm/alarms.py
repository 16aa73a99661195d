"""A job that fails, or a source that is down, is one message in a log of Genesys' form, and one more when it works again.

Genesys raises an alarm by one message and clears it by another, so each thing that can fail has a pair of numbers. Which alarms are
active is kept beside the usage data (`alarms.json`): each run is a process of its own, and the one that works clears what another one
raised, once. A failure for another reason is told again. None of the numbers is documented anywhere; they are ours, behind those of
the gate (usage.gate).

A log that cannot be written is told to whoever started the job, and stops nothing.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.wholefile import PUBLIC, alone, replace_file
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.base.logevents import Message, format_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from seatkeeper.adapters.usagesettings import LogSettings

__all__ = [
    "ALARMS_FILE",
    "APPLICATION",
    "JOB_FAILED",
    "JOB_RESTORED",
    "SOURCE_LOST",
    "SOURCE_RESTORED",
    "Alarm",
    "Alarms",
    "JobLog",
    "active_alarms",
]

ALARMS_FILE: Final = "alarms.json"
#: What full lines call us.
APPLICATION: Final = "seatkeeper_lrm"

JOB_FAILED: Final = 25_120
JOB_RESTORED: Final = 25_121
SOURCE_LOST: Final = 25_122
SOURCE_RESTORED: Final = 25_123

_SOURCE: Final = "source "
_JOB: Final = "job "


class Alarm(msgspec.Struct, frozen=True):
    """An alarm that is active.

    Attributes:
        number: Of the message that raised it.
        text: What it said.
        since: When it was raised, in UTC seconds.
    """

    number: int
    text: str
    since: int


class JobLog:
    """A log file to which every message is added as a line; several processes may write it.

    Args:
        path: The file; None for no log.
        settings: How a line looks.
        host: This machine's name.
        now: Tells UTC seconds.
        complain: Takes a sentence when the file cannot be written.
    """

    def __init__(
        self, path: Path | None, settings: LogSettings, host: str, now: Callable[[], float], complain: Callable[[str], object]
    ) -> None:
        self._path, self._settings, self._host, self._now, self._complain = path, settings, host, now, complain

    def write(self, message: Message) -> None:
        """Adds the message."""
        if self._path is None:
            return
        settings, at = self._settings, self._now()
        line = format_message(
            message,
            datetime.fromtimestamp(at, UTC) if settings.time_convert == "utc" else datetime.fromtimestamp(at),
            message_format=settings.message_format,
            time_format=settings.time_format,
            host=self._host,
            name=APPLICATION,
        )
        try:
            # One write at the end of the file, so that lines of several processes do not mix.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), PUBLIC)
            try:
                os.write(descriptor, f"{line}\n".encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            self._complain(f"The log {self._path} cannot be written: {error.strerror}.")


class Alarms:
    """The alarms of one directory of usage data.

    Args:
        directory: Where.
        log: Where messages go.
        now: Tells UTC seconds.
        complain: Takes a sentence when it cannot be kept which alarms are active.
    """

    def __init__(self, directory: Path, log: JobLog, now: Callable[[], float], complain: Callable[[str], object]) -> None:
        self._directory, self._log, self._now, self._complain = directory, log, now, complain

    @contextmanager
    def job(self, name: str) -> Iterator[None]:
        """The block is the job of that name: its failure raises an alarm, its end clears that."""
        try:
            yield
        except Exception as error:
            self.job_failed(name, str(error) if isinstance(error, SeatkeeperError) else f"{type(error).__name__} {error}")
            raise
        self.job_works(name)

    def job_failed(self, name: str, why: str) -> None:
        """The job of that name has failed."""
        self._change(raised={f"{_JOB}{name}": Message(JOB_FAILED, f"Job '{name}' failed: {why.rstrip('.')}")})

    def job_works(self, name: str) -> None:
        """The job of that name has ended well."""
        self._change(cleared={f"{_JOB}{name}": Message(JOB_RESTORED, f"Job '{name}' works again")})

    def sources(self, told: Iterable[tuple[str, str]], known: Iterable[str]) -> None:
        """What came of sources: name, and why one could not be read; `known` are all that there are, those not asked now too."""
        raised, cleared = {}, {}
        for name, why in told:
            key = f"{_SOURCE}{name}"
            if why:
                raised[key] = Message(SOURCE_LOST, f"Source '{name}' cannot be read: {why.rstrip('.')}")
            else:
                cleared[key] = Message(SOURCE_RESTORED, f"Source '{name}' is read again")
        kept = {f"{_SOURCE}{name}" for name in known}
        for key in active_alarms(self._directory):
            if key.startswith(_SOURCE) and key not in kept:
                cleared[key] = Message(SOURCE_RESTORED, f"Source '{key.removeprefix(_SOURCE)}' is asked no more")
        self._change(raised, cleared)

    def _change(self, raised: dict[str, Message] | None = None, cleared: dict[str, Message] | None = None) -> None:
        raised, cleared = raised or {}, cleared or {}
        path = self._directory / ALARMS_FILE
        if not self._directory.is_dir():
            # Nobody has brought any data there: nothing was to be done, and nothing can be kept.
            for message in raised.values():
                self._log.write(message)
            return
        try:
            with alone(path):
                active = active_alarms(self._directory)
                before = dict(active)
                for key, message in raised.items():
                    if key not in active or active[key].text != message.text:
                        self._log.write(message)
                        since = active[key].since if key in active else int(self._now())
                        active[key] = Alarm(message.number, message.text, since)
                for key, message in cleared.items():
                    if active.pop(key, None) is not None:
                        self._log.write(message)
                if active != before:
                    replace_file(path, msgspec.json.format(msgspec.json.encode(active), indent=1), PUBLIC)
        except (OSError, TimeoutError) as error:
            # It is better told twice than not at all.
            for message in raised.values():
                self._log.write(message)
            self._complain(f"Which alarms are active cannot be kept in {path}: {error.strerror or error}.")


def active_alarms(directory: Path) -> dict[str, Alarm]:
    """The active alarms of a directory of usage data, by what they are about; none where that cannot be read."""
    try:
        return msgspec.json.decode((directory / ALARMS_FILE).read_bytes(), type=dict[str, Alarm])
    except (OSError, msgspec.MsgspecError):
        return {}
