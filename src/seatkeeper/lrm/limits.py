"""Use is compared with the limit that was in force then: a period in which the limit changes is measured in parts, and told as one.

Each part has its own limit. What a period is over by is the most that any part is over its own, so that too much use on a day with a
lower limit is found though the period's peak lies on another day. The limit that a period shows is the one that was passed so; where
none was, the one in force at the peak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.usage.limits import Limit

__all__ = ["ALL_EXCLUDED", "Compared", "Part", "compared"]

#: What is missing in a part of which nothing counts.
ALL_EXCLUDED: Final = "all of it is excluded"


class Part(msgspec.Struct, frozen=True):
    """What was found of a part of a period.

    Attributes:
        peak: The most seats in use; None where that cannot be known.
        last: The last second of the peak.
        enabled: The most that was enabled; None where that is not known.
        limit: The limit in force.
        missing: Why something is not known.
    """

    peak: int | None = None
    last: int | None = None
    enabled: int | None = None
    limit: Limit | None = None
    missing: str = ""

    @property
    def over(self) -> int:
        """By how much the limit was passed; 0 or less where it was not."""
        value = None if self.limit is None else self.peak if self.limit.measure == "peak" else self.enabled
        return 0 if value is None or self.limit is None else value - self.limit.count


class Compared(msgspec.Struct, frozen=True):
    """A whole period."""

    peak: int | None
    last: int | None
    enabled: int | None
    limit: Limit | None
    over: int
    missing: tuple[str, ...]


def compared(parts: Sequence[Part]) -> Compared:
    """The period that these parts make, in the order of time; at least one."""
    if len(parts) == 1:
        (part,) = parts
        lacking = (part.missing,) if part.missing else ()
        return Compared(part.peak or (None if lacking else part.peak), part.last, part.enabled, part.limit, max(0, part.over), lacking)
    # Of equal peaks the latest counts, so the last of the largest.
    highest = max(reversed(parts), key=lambda part: -1 if part.peak is None else part.peak)
    most = max(reversed(parts), key=lambda part: part.over)
    able = [part.enabled for part in parts if part.enabled is not None]
    at_peak = highest.limit
    if at_peak is not None and at_peak.measure == "enabled":
        at_peak = max(reversed(parts), key=lambda part: -1 if part.enabled is None else part.enabled).limit
    missing = tuple(dict.fromkeys(part.missing for part in parts if part.missing))
    if any(part.missing != ALL_EXCLUDED for part in parts):
        missing = tuple(text for text in missing if text != ALL_EXCLUDED)
    return Compared(
        # Where something is not known, nothing is not known to be nothing.
        highest.peak or (None if missing else highest.peak),
        highest.last,
        max(able, default=None),
        most.limit if most.over > 0 else at_peak,
        max(0, most.over),
        missing,
    )
