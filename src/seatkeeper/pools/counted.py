"""Seat pools: at most `total` seats of a pool are held at once, whatever the order of requests.

A pool is one FEATURE line, or the INCREMENT lines that pool together (grouping.py). It knows how many seats are in use,
never by whom: that is the vendor daemon's ledger. Each line of a pool has its own last day, so the total follows the
calendar: the owner calls `set_day` when the day changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from seatkeeper.licfile.model import Feature

__all__ = ["Pool"]


class Pool:
    """The seats of one feature that are counted together.

    Attributes:
        feature: The feature's name as the license file writes it.
        key: Says which pool of its feature it is, the same after every reread that leaves the pooling fields alone.
        version: The licensed version.
        lines: The license lines, in the file's order.
        counted: False for an uncounted license, of which any number of seats may be held.
        total: Seats of the lines that are good today; 0 for an uncounted license.
        in_use: Seats held.
        expiry: The latest expiry among the lines, as written.
        text: The signed lines as text, for the clients to verify.
    """

    __slots__ = ("counted", "expires", "expiry", "feature", "hostid", "in_use", "key", "lines", "text", "total", "vendor_string", "version")

    def __init__(self, key: str, lines: tuple[Feature, ...], text: str, today: date) -> None:
        first = lines[0]
        latest = max(lines, key=lambda line: line.expires)
        self.key = key
        self.lines = lines
        self.text = text
        self.feature = first.name
        self.version = first.version
        self.counted = first.seats is not None
        self.hostid = first.attribute("HOSTID") or ""
        self.vendor_string = first.attribute("VENDOR_STRING") or ""
        self.expiry = latest.expiry
        self.expires = latest.expires
        self.in_use = 0
        self.total = 0
        self.set_day(today)

    def set_day(self, today: date) -> None:
        """Counts the lines that are good on that day."""
        self.total = sum(line.seats or 0 for line in self.lines if line.expires >= today)

    @property
    def free(self) -> int:
        """Seats that nobody holds; never negative, also when a reread has lowered the total below the use."""
        return max(0, self.total - self.in_use)
