"""Time and chance enter seatkeeper here and nowhere else; everything below takes them as arguments."""

from __future__ import annotations

import secrets
import time
from datetime import date

__all__ = ["ID_BYTES", "boottime", "monotonic", "new_id", "now", "today"]

#: Long enough that two ids never meet, and that nobody guesses one.
ID_BYTES = 16


def now() -> float:
    """Seconds since the UNIX epoch, by the wall clock, which administrators and time services may set."""
    return time.time()


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
    return date.today()


def new_id() -> bytes:
    """16 random bytes that no one has drawn before."""
    return secrets.token_bytes(ID_BYTES)
