"""Time and chance enter seatkeeper here and nowhere else; everything below takes them as arguments.

The wall clock of a process may be a simulated one: `follow`, called once when it begins, lets `now` and `today` read it in a file of
one number that somebody else sets. Who does that must know that nobody's real licenses depend on it (server.vendord).
"""

from __future__ import annotations

import mmap
import secrets
import struct
import time
from datetime import date
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ID_BYTES", "SimulatedClock", "boottime", "follow", "monotonic", "new_id", "now", "today"]

#: Long enough that two ids never meet, and that nobody guesses one.
ID_BYTES = 16


#: A number in the machine's own layout, so that it is read and written in one piece.
_NUMBER: Final = struct.Struct("d")


class SimulatedClock:
    """A wall clock that stands until somebody sets it: a file that holds its time.

    Args:
        path: The file; is made when missing.
        time: What it shows; None to leave it as it is.
    """

    def __init__(self, path: Path, time: float | None = None) -> None:
        self.path = path
        if not path.exists():
            path.write_bytes(_NUMBER.pack(0.0))
        with path.open("r+b") as file:
            self._number = mmap.mmap(file.fileno(), _NUMBER.size)
        if time is not None:
            self.set(time)

    def now(self) -> float:
        """Seconds since the UNIX epoch."""
        return float(_NUMBER.unpack_from(self._number)[0])

    def set(self, time: float) -> None:
        """Lets it show this time, to all who follow it."""
        _NUMBER.pack_into(self._number, 0, time)


_followed: SimulatedClock | None = None


def follow(path: Path) -> None:
    """Lets this process have a simulated wall clock from now on; to be called once, before anything asks for the time."""
    global _followed
    _followed = SimulatedClock(path)


def now() -> float:
    """Seconds since the UNIX epoch, by the wall clock, which administrators and time services may set."""
    return time.time() if _followed is None else _followed.now()


def monotonic() -> float:
    """Seconds since some moment in the past, by a clock that never goes back."""
    return time.monotonic()


def boottime() -> float:
    """Like `monotonic`, but a machine that sleeps goes on counting, where the system can: a lease ends in a closed laptop too."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def today() -> date:
    """The local calendar day."""
    return date.today() if _followed is None else date.fromtimestamp(_followed.now())


def new_id() -> bytes:
    """16 random bytes that no one has drawn before."""
    return secrets.token_bytes(ID_BYTES)
