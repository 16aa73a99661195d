"""The debug log: what lmgrd and its vendor daemons say to a person, in the lines that log readers know.

`hh:mm:ss (daemon) text`, the hour blank-padded, no date (facts, FlexNet section 6); with `-datestamp` the head is an ISO 8601
time. All processes of a license server write to one file, opened for appending; a write of whole lines is never torn apart by
another's. A vendor daemon whose options file has DEBUGLOG writes to a file of its own.

A log never stops the service. What a full file system does not take is lost, and the first line that it takes again says how
much. A file that was moved away is begun anew under its name, so that any tool may rotate a log; one with a limit is moved
away by the process that writes it, and midnight is no reason to.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from datetime import datetime
from pathlib import Path
from time import localtime, strftime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ROLLED_LOGS_MAX", "TIMESTAMP_S", "DebugLog", "LogFile", "open_log"]

#: How often each daemon writes the date (facts: every 6 hours).
TIMESTAMP_S: Final = 6 * 3600.0
#: How many files that AUTO_ROLLOVER has moved away are kept.
ROLLED_LOGS_MAX: Final = 20
_MODE: Final = 0o644
_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


def open_log(path: str) -> int:
    """A descriptor of the debug log that lmgrd's -l names, `+file` or `file`, with all that is in it.

    Raises:
        OSError: The file cannot be opened.
    """
    return os.open(path.removeprefix("+"), _APPEND, _MODE)


class LogFile:
    """A file that is written at its end; what it does not take is counted, and never raises.

    Args:
        descriptor: The open file.
        path: Its absolute name, where it shall be begun anew when it was moved away; empty where it is only written.
        mode: The access rights of a file that is begun anew.

    Attributes:
        lost: Lines that could not be written since one last could.
        trouble: Why the last of them could not.
    """

    def __init__(self, descriptor: int, path: str = "", mode: int = _MODE) -> None:
        self.path = path
        self.lost = 0
        self.trouble = ""
        self._descriptor = descriptor
        self._mode = mode
        self._torn = False
        self._size = 0
        self._identity = (0, 0)
        self._know()

    @property
    def size(self) -> int:
        """Its bytes, as far as this process has written them or found them there."""
        return self._size

    def same_as(self, other: LogFile) -> bool:
        """True where both are one file."""
        return self._identity == other._identity != (0, 0)

    def write(self, data: bytes, *, aside: bool = False) -> bool:
        """True when all of it was written; lines that were not are counted in `lost`, unless they only tell of the file (`aside`)."""
        if self._torn:
            # The rest of the line that the file system had no room for is lost; the next one begins a new line.
            data = b"\n" + data
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:] if written else data)
        except OSError as error:
            self.trouble = error.strerror or "it is closed"
            if not aside:
                self.lost += data.count(b"\n", max(written, int(self._torn)))
            if written:
                self._torn = data[written - 1] != 10
        else:
            self._torn = False
        self._size += written
        return written == len(data)

    def follow(self) -> bool:
        """True where the file was moved away, removed or cut to nothing, and is now begun anew under its name."""
        if not self.path:
            return False
        try:
            found = os.stat(self.path)  # noqa: PTH116 - once a second, on a word
            if (found.st_dev, found.st_ino) == self._identity:
                cut = not found.st_size and self._size > 0
                self._size = found.st_size
                return cut
            if not stat.S_ISREG(found.st_mode):
                return False
        except FileNotFoundError:
            pass
        except OSError:
            return False
        return self._reopen()

    def move_to(self, target: Path) -> None:
        """Moves what is there to `target`, which must not exist, and goes on in a new file under the old name.

        Raises:
            OSError: Nothing was moved.
        """
        # The name is taken first, so that two who choose one name never write over each other's file.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._mode))
        try:
            Path(self.path).rename(target)
        except OSError:
            target.unlink()
            raise
        if not self._reopen():
            # Lines go on at the end of what was moved, until `follow` can begin a new file.
            raise OSError(errno.EACCES, "the old one was moved, but a new file cannot be begun", self.path)

    def head(self, length: int) -> bytes:
        """What the file begins with; it must be open for reading as well."""
        return os.pread(self._descriptor, length, 0)

    def clear(self) -> None:
        """Cuts the file to nothing."""
        os.ftruncate(self._descriptor, 0)
        self._size = 0

    def end_line(self) -> None:
        """Ends the last line, if a crash tore it; the file must be open for reading as well."""
        self._torn = self._size > 0 and os.pread(self._descriptor, 1, self._size - 1) != b"\n"

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)

    def _reopen(self) -> bool:
        try:
            # Without waiting: what is there now may be a pipe that nobody reads.
            new = os.open(self.path, _APPEND | os.O_NONBLOCK, self._mode)
        except OSError:
            return False
        try:
            if not stat.S_ISREG(os.fstat(new).st_mode):
                return False
            # Under the old number, which processes that are started later inherit.
            os.dup2(new, self._descriptor, os.get_inheritable(self._descriptor))
        finally:
            os.close(new)
        self._know()
        return True

    def _know(self) -> None:
        self._torn = False
        try:
            found = os.fstat(self._descriptor)
        except OSError:
            return
        self._identity, self._size = (found.st_dev, found.st_ino), found.st_size


class DebugLog:
    """One daemon's voice in the log.

    Args:
        descriptor: Where the lines go.
        daemon: The name in parentheses.
        clock: Gives Unix time.
        datestamp: Each line begins with date and time.
        path: The absolute name of the file, where it shall be begun anew when it was moved away.
    """

    def __init__(self, descriptor: int, daemon: str, clock: Callable[[], float], *, datestamp: bool = False, path: str = "") -> None:
        self.file = LogFile(descriptor, path)
        self._daemon = daemon
        self._clock = clock
        self._datestamp = datestamp
        self._second = -1
        self._head = ""
        self._lines: list[str] = []
        self._stamped = clock()
        self._held = False
        self._bytes_max = self._roll_at = 0
        self._stem = ""

    def line(self, text: str) -> None:
        """Notes one line; it is written by the next `flush`. A text of several lines becomes several."""
        self._move_clock()
        if "\n" in text:
            self._lines += [f"{self._head}{part}\n" for part in text.split("\n")]
        else:
            self._lines.append(f"{self._head}{text}\n")

    def _move_clock(self) -> None:
        """Makes the head of the lines that of now, with the date where that is due."""
        wall = self._clock()
        second = int(wall)
        if second == self._second:
            return
        self._second = second
        if self._datestamp:
            self._head = f"{datetime.fromtimestamp(second).astimezone().isoformat()} ({self._daemon}) "
        else:
            then = localtime(second)
            self._head = f"{then.tm_hour:2d}:{then.tm_min:02d}:{then.tm_sec:02d} ({self._daemon}) "
        # At once also where the clock was set back: the date before would be a wrong one.
        if not 0 <= wall - self._stamped < TIMESTAMP_S:
            self._stamped = wall
            self._lines.append(f"{self._head}TIMESTAMP {self.date()}\n")

    def stamp(self) -> None:
        """Notes the date where it is due, and follows a file that was moved; to be called now and then, also while nothing happens."""
        self._move_clock()
        if self.file.path and self.file.follow():
            self._begin_with_date()

    def lines(self, texts: list[str]) -> None:
        """Notes lines of one moment, none of which has a line feed."""
        if texts:
            self.line(texts[0])
            if len(texts) > 1:
                head = self._head
                self._lines.append(head + f"\n{head}".join(texts[1:]) + "\n")

    def say(self, text: str) -> None:
        """Writes one line at once."""
        self.line(text)
        self.flush()

    def flush(self) -> None:
        """Writes what was noted. A log that cannot be written never stops the service."""
        if not self._lines or self._held:
            return
        data = "".join(self._lines).encode("utf-8", "replace")
        self._lines.clear()
        file = self.file
        if file.lost:
            self._move_clock()
            note = f"{self._head}{file.lost} lines of this daemon are missing here: the debug log could not be written ({file.trouble})\n"
            if not file.write(note.encode(), aside=True):
                file.lost += data.count(b"\n")
                return
            file.lost = 0
        file.write(data)
        if self._roll_at and file.size >= self._roll_at:
            self._roll_over()

    # Files -----------------------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """Keeps all lines back until it is known whether the file is this daemon's to begin anew; see `release`."""
        self._held = True

    def release(self, *, anew: bool) -> None:
        """Writes what was kept back, `anew` as the first lines of the file; what is no file is only written to."""
        self._held = False
        if anew:
            with contextlib.suppress(OSError):
                self.file.clear()
        self.flush()

    def go_on_in(self, file: LogFile) -> LogFile:
        """Writes to another file from now on, the date first; returns the one before, still open."""
        self.flush()
        before, self.file = self.file, file
        self.roll_over_at(0, "")
        self._begin_with_date()
        self.flush()
        return before

    def roll_over_at(self, bytes_max: int, stem: str) -> None:
        """Moves the file away whenever it has grown to this, under a name that begins with `stem`; 0 lets it grow."""
        self._bytes_max = self._roll_at = bytes_max
        self._stem = stem

    def rolled_name(self, stem: str) -> str:
        """The name that a file is moved to now: `<stem><date>_T<time>.log` (facts, FlexNet 5.7)."""
        return stem + strftime("%Y%m%d_T%H%M%S.log", localtime(self._clock()))

    def roll_to(self, target: Path) -> None:
        """Moves what is there to `target` and goes on under the old name, the date first.

        Raises:
            OSError: Nothing was moved, or no new file could be begun.
        """
        self.flush()
        self.file.move_to(target)
        self._begin_with_date()
        self.flush()

    def _roll_over(self) -> None:
        directory = Path(self.file.path).parent
        first = self.rolled_name(self._stem)
        names = [first, *(f"{first.removesuffix('.log')}_{number}.log" for number in range(2, ROLLED_LOGS_MAX))]
        target = next((path for name in names if not (path := directory / name).exists()), directory / first)
        # Not at once again, whether it succeeds or not.
        self._roll_at = self.file.size + self._bytes_max
        try:
            self.roll_to(target)
        except OSError as error:
            self.line(f"{self.file.path} has grown to {self.file.size} bytes and cannot be moved to {target.name}: {error.strerror}")
            return
        self._roll_at = self._bytes_max
        _keep_newest(directory, self._stem)

    def _begin_with_date(self) -> None:
        """Readers of a file must know the day of its first line."""
        self._move_clock()
        self._stamped = self._clock()
        self._lines.insert(0, f"{self._head}TIMESTAMP {self.date()}\n")

    def date(self) -> str:
        """Today as the log writes it: m/d/yyyy, not padded."""
        then = localtime(self._clock())
        return f"{then.tm_mon}/{then.tm_mday}/{then.tm_year}"

    def full_time(self) -> str:
        """Date and time with zone, for the start of the log."""
        return strftime("%a %b %d %Y %H:%M:%S %Z", localtime(self._clock()))


def _keep_newest(directory: Path, stem: str) -> None:
    """Removes the oldest files that were moved away under this stem, beyond those that are kept."""
    shape = re.compile(rf"{re.escape(stem)}\d{{8}}_T\d{{6}}(_\d+)?\.log")
    try:
        found = [entry for entry in os.scandir(directory) if shape.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)]
        found.sort(key=lambda entry: (entry.stat().st_mtime_ns, entry.name), reverse=True)
        for entry in found[ROLLED_LOGS_MAX:]:
            os.unlink(entry.path)  # noqa: PTH108
    except OSError:
        # Another process cleans up at the same time, or nobody may: both are no reason to stop.
        pass
