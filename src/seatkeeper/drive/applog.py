"""An application's messages go where its [log] section sends them: to the terminal and to files with a head, one after the other.

A file is named after its beginning and the moment it was begun, as `tserver.20260930_083000_125.log`. When it has become too long the
next one begins; only the newest are kept. A file that cannot be written is told of once on standard error, and stops nothing.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.logevents import Level, Message, format_message, header

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.drive.profilefile import LogSettings

__all__ = ["ApplicationLog", "Head"]

#: The option of [log] -> the levels that it sends; `verbose` names the same.
_LEVELS: Final[dict[str, frozenset[Level]]] = {
    "all": frozenset(Level),
    "debug": frozenset(Level),
    "trace": frozenset({Level.TRACE, Level.INTERACTION, Level.STANDARD, Level.ALARM}),
    "interaction": frozenset({Level.INTERACTION, Level.STANDARD, Level.ALARM}),
    "standard": frozenset({Level.STANDARD, Level.ALARM}),
    "none": frozenset(),
}


_TERMINAL: Final = ("stdout", "stderr")


class Head(msgspec.Struct, frozen=True):
    """What the head of a log file says of the application."""

    name: str
    type_name: str
    type_number: int
    version: str
    command_line: str
    host: str


class ApplicationLog:
    """The log of one application.

    Args:
        settings: Section [log].
        head: For the heads of files, and for full lines.
        complain: Called with a sentence when a file cannot be written.
    """

    def __init__(self, settings: LogSettings, head: Head, complain: Callable[[str], None]) -> None:
        self._settings = settings
        self._head = head
        self._complain = complain
        self._wanted = _LEVELS[settings.verbose]
        self._outputs: dict[str, frozenset[Level]] = {}
        for option, places in settings.outputs.items():
            for place in places:
                self._outputs[place] = self._outputs.get(place, frozenset()) | _LEVELS[option]
        self._files: dict[str, _Files] = {}

    def write(self, message: Message, at: float) -> None:
        """Writes a message that came up at `at` (Unix time) to all outputs that have its level.

        Raises:
            BrokenPipeError: Nobody reads standard output, or standard error, any more; files have the message.
        """
        if message.level not in self._wanted:
            return
        settings = self._settings
        when = self._time(at)
        line = format_message(
            message,
            when,
            message_format=settings.message_format,
            time_format=settings.time_format,
            host=self._head.host,
            name=self._head.name,
            type_number=self._head.type_number,
        )
        # Files first: whoever reads the terminal's may be gone.
        for place in sorted(self._outputs, key=_TERMINAL.__contains__):
            if message.level in self._outputs[place]:
                self._put(place, line, when)

    def close(self) -> None:
        """Closes the files."""
        for files in self._files.values():
            files.close()

    def _time(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, UTC) if self._settings.utc else datetime.fromtimestamp(at)

    def _put(self, place: str, line: str, when: datetime) -> None:
        if place in _TERMINAL:
            print(line, file=sys.stdout if place == "stdout" else sys.stderr, flush=True)
            return
        files = self._files.get(place)
        if files is None:
            files = self._files[place] = _Files(place, self._settings.segment_bytes, self._settings.expire)
        try:
            files.write(line, when, self._head)
        except OSError as error:
            if not files.failed:
                files.failed = True
                self._complain(f"The log {place} cannot be written: {error.strerror}.")


class _Files:
    """The files of one output, of which the newest is written."""

    def __init__(self, base: str, segment_bytes: int, expire: int) -> None:
        self.failed = False
        self._base = Path(base)
        self._segment_bytes = segment_bytes
        self._expire = expire
        self._file: IO[str] | None = None
        self._number = 0
        self._bytes = 0

    def write(self, line: str, when: datetime, head: Head) -> None:
        if self._file is None or (self._segment_bytes and self._bytes >= self._segment_bytes):
            self._begin(when, head)
        assert self._file is not None
        self._file.write(line + "\n")
        self._file.flush()
        self._bytes += len(line) + 1

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self, when: datetime, head: Head) -> None:
        self.close()
        self._number += 1
        path = self._base.with_name(f"{self._base.name}.{when:%Y%m%d_%H%M%S}_{when.microsecond // 1000:03}.log")
        path.parent.mkdir(parents=True, exist_ok=True)
        now = when.astimezone()
        offset = now.utcoffset()
        west = -int(offset.total_seconds()) if offset is not None else 0
        zone = now.tzname() or "UTC"
        lines = header(
            name=head.name,
            type_name=head.type_name,
            type_number=head.type_number,
            version=head.version,
            command_line=head.command_line,
            host=head.host,
            zone=(west, zone, zone),
            start_utc=now.astimezone(UTC),
            local=now,
            file=path.name,
            number=self._number,
        )
        self._file = path.open("a", encoding="utf-8")
        self._file.write("\n".join(lines) + "\n\n")
        self._bytes = 0
        if self._expire:
            for old in sorted(self._base.parent.glob(f"{self._base.name}.*_*_*.log"))[: -self._expire]:
                old.unlink(missing_ok=True)
