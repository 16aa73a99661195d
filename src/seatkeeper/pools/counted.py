"""Seat pools: at most `total` seats of a pool are held at once, whatever the order of requests.

A pool is one FEATURE line, or the INCREMENT lines that pool together (grouping.py). It knows how many seats are in use,
never by whom: that is the vendor daemon's ledger. Each line of a pool has its own first and last day, so the total follows the
calendar: the owner calls `set_day` when the day changes.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from seatkeeper.base.dates import NEVER, parse_date

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.licfile.model import Feature

__all__ = ["TEXT_BYTES_MAX", "Pool"]

#: Of a pool of very many lines as many are shown as fit into one answer (a frame of 65,536 bytes).
TEXT_BYTES_MAX: Final = 48 * 1024


class Pool:
    """The seats of one feature that are counted together.

    Attributes:
        feature: The feature's name as the license file writes it.
        key: Says which pool of its feature it is, the same after every reread that leaves the pooling fields alone.
        version: The licensed version.
        lines: The license lines, in the file's order.
        counted: False for an uncounted license, of which any number of seats may be held.
        good: True while one of the lines is good.
        total: Seats of the lines that are good today; 0 for an uncounted license.
        in_use: Seats held.
        expiry: The latest expiry among the lines, as written.
        text: The signed lines that are good today as text, for the clients to verify.
    """

    __slots__ = (
        "_texts",
        "counted",
        "expires",
        "expiry",
        "feature",
        "good",
        "hostid",
        "in_use",
        "key",
        "lines",
        "text",
        "total",
        "vendor_string",
        "version",
    )

    def __init__(self, key: str, lines: tuple[Feature, ...], texts: Sequence[str], today: date) -> None:
        first = lines[0]
        latest = max(lines, key=lambda line: line.expires)
        self.key = key
        self.lines = lines
        self.feature = first.name
        self.version = first.version
        self.counted = first.seats is not None
        self.hostid = first.attribute("HOSTID") or ""
        self.vendor_string = first.attribute("VENDOR_STRING") or ""
        self.expiry = latest.expiry
        self.expires = latest.expires
        self.in_use = 0
        self._texts = texts
        self.set_day(today)

    def set_day(self, today: date) -> None:
        """Counts the lines that are good on that day."""
        good = [number for number, line in enumerate(self.lines) if _starts(line) <= today <= line.expires]
        self.good = bool(good)
        self.total = sum(self.lines[number].seats or 0 for number in good)
        # A line that is not good today would not be believed by a client that verifies it.
        self.text = _fitting([self._texts[number] for number in good])

    def next_start(self, today: date) -> date | None:
        """The first day on which another line becomes good; None where none will."""
        return min((start for start in map(_starts, self.lines) if start > today), default=None)

    @property
    def free(self) -> int:
        """Seats that nobody holds; never negative, also when a reread has lowered the total below the use."""
        return max(0, self.total - self.in_use)


def _starts(line: Feature) -> date:
    """The first day on which the line is good."""
    day = parse_date(line.attribute("START") or "permanent")
    return date.min if day == NEVER else day


def _fitting(texts: Sequence[str]) -> str:
    """As many of the lines as fit into an answer, in their order."""
    text = "\n".join(texts)
    data = text.encode()
    if len(data) <= TEXT_BYTES_MAX:
        return text
    return data[: TEXT_BYTES_MAX + 1].rpartition(b"\n")[0].decode()
