"""A flood of denials fills no journal: repeated ones are counted, and one entry says how many they were.

Every denial is answered, and counts in its pool. The journal takes those of one client and feature up to DENIALS_EACH_MAX in
DENIALS_S, and DENIALS_MAX in all: a client's names are what it says they are, so the first limit alone would hold back only honest
ones. When the time is over, the last denial that was left out is written after all, with the number of those before it (`left_out`).
So the journal always tells how many there were, how they ended, and who did most of it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from seatkeeper.vendor.entries import Denial
from seatkeeper.vendor.events import Append

__all__ = ["DENIALS_EACH_MAX", "DENIALS_MAX", "DENIALS_S", "Denials"]

#: The time for which denials are counted.
DENIALS_S: Final = 60.0
#: Denials of one user, host and feature that are written in that time; an application that asks each second stays below.
DENIALS_EACH_MAX: Final = 100
#: Denials that are written in that time, whoever asked: with the longest names and reasons some MiB.
DENIALS_MAX: Final = 2000

_Key = tuple[str, str, str]
_SEVERAL: Final[_Key] = ("", "", "")


class Denials:
    """Which denials are written."""

    def __init__(self) -> None:
        self._since = 0.0
        self._written = 0
        self._each: dict[_Key, int] = {}
        # The last denial that was left out, and how many before it; not more than DENIALS_MAX / DENIALS_EACH_MAX and one.
        self._left_out: dict[_Key, tuple[Denial, int]] = {}

    def write(self, denial: Denial) -> list[Append]:
        """What is to be written now that this was denied."""
        due = self.due(denial.at)
        key = (denial.user, denial.host, denial.feature.lower())
        each = self._each.get(key, 0)
        if each < DENIALS_EACH_MAX and self._written < DENIALS_MAX:
            self._each[key] = each + 1
            self._written += 1
            return [*due, Append(denial)]
        if each < DENIALS_EACH_MAX:
            key = _SEVERAL
        _, before = self._left_out.get(key, (denial, -1))
        self._left_out[key] = denial, before + 1
        return due

    def due(self, wall: float, *, closing: bool = False) -> list[Append]:
        """What is to be written of what was left out, when its time is over or, with `closing`, this process ends."""
        # The clock may have been set back meanwhile.
        if not closing and 0.0 <= wall - self._since < DENIALS_S:
            return []
        left_out = self._left_out
        self._since, self._written, self._each, self._left_out = wall, 0, {}, {}
        return [Append(_last(denial, before, wall, several=key is _SEVERAL)) for key, (denial, before) in left_out.items()]


def _last(denial: Denial, before: int, wall: float, *, several: bool) -> Denial:
    whose = "of several clients " if several else "like it "
    count = f" ({before} {whose}before it are not in the journal.)" if before else ""
    return msgspec.structs.replace(denial, at=wall, reason=f"{denial.reason}{count}", left_out=before)
