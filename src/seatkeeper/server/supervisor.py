"""When to start a vendor daemon again: at once the first time, then later and later, and at last not any more.

Pure: the shell says how a process ended and how long it had served, and is told what to do. A daemon that has served for a
while and dies is started at once; one that dies before it serves is started after a pause that doubles, and after
`ATTEMPTS_MAX` such deaths in a row lmgrd gives up and says so, in its log and in lmstat.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ATTEMPTS_MAX", "PAUSE_S_MAX", "SERVED_S_MIN", "Supervision"]

#: Deaths in a row, without having served, after which lmgrd gives up.
ATTEMPTS_MAX: Final = 8
PAUSE_S_MAX: Final = 60.0
_PAUSE_S_FIRST: Final = 0.5
#: A daemon that served at least this long had started well.
SERVED_S_MIN: Final = 1.0


class Supervision:
    """The restarts of one vendor daemon.

    Attributes:
        restarts: How often it was started again.
        failures: Deaths in a row that came before it had served.
    """

    def __init__(self) -> None:
        self.restarts = 0
        self.failures = 0

    def died(self, served_s: float | None, *, final: bool) -> float | None:
        """The pause before the next start, in seconds; None gives up.

        Args:
            served_s: How long it served; None if it never did.
            final: True where the daemon has said that a restart would not help.
        """
        if served_s is not None and served_s >= SERVED_S_MIN:
            self.failures = 0
        if final:
            return None
        pause = min(_PAUSE_S_FIRST * 2 ** (self.failures - 1), PAUSE_S_MAX) if self.failures else 0.0
        self.failures += 1
        if self.failures > ATTEMPTS_MAX:
            return None
        self.restarts += 1
        return pause

    def try_again(self) -> None:
        """Forgets past failures: an administrator has changed something."""
        self.failures = 0
