"""The debug log: what lmgrd and its vendor daemons say to a person, in the lines that log readers know.

`hh:mm:ss (daemon) text`, the hour blank-padded, no date (facts, FlexNet section 6). All processes of a license server write
to one file, opened for appending; a write of whole lines is never torn apart by another's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import localtime, strftime
from typing import Final

__all__ = ["TIMESTAMP_S", "DebugLog", "open_log"]

#: How often each daemon writes the date (facts: every 6 hours).
TIMESTAMP_S: Final = 6 * 3600.0


def open_log(path: str) -> int:
    """A descriptor of the debug log: `+file` appends, `file` begins anew, as lmgrd's -l says.

    Raises:
        OSError: The file cannot be opened.
    """
    mode = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    if path.startswith("+"):
        return os.open(path[1:], mode, 0o644)
    return os.open(path, mode | os.O_TRUNC, 0o644)


class DebugLog:
    """One daemon's voice in the log.

    Args:
        descriptor: Where the lines go.
        daemon: The name in parentheses.
        clock: Gives Unix time.
    """

    def __init__(self, descriptor: int, daemon: str, clock: Callable[[], float]) -> None:
        self._descriptor = descriptor
        self._daemon = daemon
        self._clock = clock
        self._second = -1
        self._head = ""
        self._lines: list[str] = []
        self._stamped = clock()

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
        then = localtime(second)
        self._head = f"{then.tm_hour:2d}:{then.tm_min:02d}:{then.tm_sec:02d} ({self._daemon}) "
        # At once also where the clock was set back: the date before would be a wrong one.
        if not 0 <= wall - self._stamped < TIMESTAMP_S:
            self._stamped = wall
            self._lines.append(f"{self._head}TIMESTAMP {self.date()}\n")

    def stamp(self) -> None:
        """Notes the date where it is due; to be called now and then, so that it comes while nothing else happens."""
        self._move_clock()

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
        if not self._lines:
            return
        data = "".join(self._lines).encode("utf-8", "replace")
        self._lines.clear()
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            pass

    def date(self) -> str:
        """Today as the log writes it: m/d/yyyy, not padded."""
        then = localtime(self._clock())
        return f"{then.tm_mon}/{then.tm_mday}/{then.tm_year}"

    def full_time(self) -> str:
        """Date and time with zone, for the start of the log."""
        return strftime("%a %b %d %Y %H:%M:%S %Z", localtime(self._clock()))
