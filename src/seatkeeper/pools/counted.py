"""Seat pools: at most `capacity` seats of a pool are held at once, whatever the order of requests.

A pool is one FEATURE line, or the INCREMENT lines that pool together (grouping.py). It knows how many seats are in use,
never by whom: that is the vendor daemon's ledger. Each line of a pool has its own first and last day, so the total follows the
calendar: the owner calls `set_day` when the day changes. What the options file says about a pool is told by `obey`.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from seatkeeper.base.dates import NEVER, parse_date
from seatkeeper.licfile.hostid import HostId, parse_hostids
from seatkeeper.pools.accounts import fill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.pools.access import Access, Reservation
    from seatkeeper.pools.accounts import Charge, Shared
    from seatkeeper.pools.lines import ServedLine

__all__ = ["BORROW_HOURS_DEFAULT", "TEXT_BYTES_MAX", "Pool"]

#: Of a pool of very many lines as many are shown as fit into one answer (a frame of 65,536 bytes).
TEXT_BYTES_MAX: Final = 48 * 1024
#: A license with a bare BORROW may be borrowed this long (facts, FlexNet 1.5).
BORROW_HOURS_DEFAULT: Final = 168.0
_HOUR_S: Final = 3600.0
#: The letters of a duplicate grouping mask: user, host, display, vendor-defined data.
_MASK: Final = "UHDV"


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
        overdraft: Seats that may be held beyond the total; the over-use is reported.
        withheld: Overdraft of the lines that the options file does not allow (MAX_OVERDRAFT).
        capacity: Total and overdraft together.
        in_use: Seats held.
        reserved_idle: Seats that the options file keeps for somebody and that nobody holds.
        reservations: What the options file keeps, in its order.
        wanting: By reservation, the charges of its subject that make do with other seats.
        groups: By key, the checkouts that share a license.
        expiry: The latest expiry among the lines, as written.
        text: The signed lines that are good today as text, for the clients to verify.
        dated: True where a line begins or ends on some day, so that the clock matters.
        special: True where more than version and count decide; the short way of a checkout is then closed.
        denials: Requests for it that were denied since the daemon's start.
        borrow_s: How long it may be borrowed; None where it may not.
        timeout_s: After how much idleness its seats are taken back; None for never.
    """

    __slots__ = (
        "_overdrafts",
        "_texts",
        "borrow_s",
        "capacity",
        "counted",
        "dated",
        "denials",
        "enables",
        "expires",
        "expiry",
        "feature",
        "good",
        "groups",
        "hostid",
        "hostids",
        "in_use",
        "key",
        "lines",
        "linger_s",
        "lowwater",
        "mask",
        "minimum",
        "overdraft",
        "overdraft_max",
        "package",
        "platforms",
        "reservations",
        "reserved_idle",
        "special",
        "suite",
        "suite_mask",
        "text",
        "timeout_s",
        "total",
        "vendor_string",
        "version",
        "wanting",
        "withheld",
    )

    def __init__(self, key: str, lines: tuple[ServedLine, ...], texts: Sequence[str], today: date) -> None:
        first = lines[0]
        latest = max(lines, key=lambda line: line.expires)
        self.key = key
        self.lines = lines
        self.feature = first.name
        self.version = first.version
        self.counted = first.seats is not None
        self.hostid = first.attribute("HOSTID") or ""
        self.hostids = _hostids(self.hostid)
        self.vendor_string = first.attribute("VENDOR_STRING") or ""
        self.platforms = tuple(_platform(word) for word in (first.attribute("PLATFORMS") or "").replace(",", " ").split())
        self.mask = _mask(first.attribute("DUP_GROUP"))
        self.suite_mask = _mask(first.attribute("SUITE_DUP_GROUP")) or "UHD"
        self.package = first.package
        self.enables = first.enables
        self.suite = first.suite if not first.enables else ""
        self.minimum = max((_number(line.attribute("MINIMUM")) for line in lines), default=0)
        self.linger_s = float(max(_number(line.attribute("LINGER")) for line in lines))
        self.borrow_s = _borrow_s(lines)
        self.lowwater = 0
        self.timeout_s: float | None = None
        self.overdraft_max: int | None = None
        self.expiry = latest.expiry
        self.expires = latest.expires
        self.dated = any(line.expires != NEVER or line.attribute("START") for line in lines)
        self.in_use = 0
        self.denials = 0
        self.reserved_idle = 0
        self.reservations: list[Reservation] = []
        self.wanting: dict[Reservation, dict[Charge, None]] = {}
        self.groups: dict[str, Shared] = {}
        self.special = bool(self.hostids or self.platforms or self.mask or self.suite or self.enables or self.minimum > 1)
        self._texts = texts
        self._overdrafts = [_number(line.attribute("OVERDRAFT")) for line in lines]
        self.set_day(today)

    def set_day(self, today: date) -> None:
        """Counts the lines that are good on that day."""
        good = [number for number, line in enumerate(self.lines) if _starts(line) <= today <= line.expires]
        self.good = bool(good)
        self.total = sum(self.lines[number].seats or 0 for number in good)
        overdraft = sum(self._overdrafts[number] for number in good)
        self.overdraft = overdraft if self.overdraft_max is None else min(overdraft, self.overdraft_max)
        self.withheld = overdraft - self.overdraft
        self.capacity = self.total + self.overdraft
        # A line that is not good today would not be believed by a client that verifies it.
        self.text = _fitting([self._texts[number] for number in good])
        self.fit_reservations()

    def obey(self, access: Access) -> None:
        """Takes the options file into account, before anything is held."""
        self.reservations = list(access.reservations(self)) if self.counted else []
        self.lowwater = access.borrow_lowwater(self)
        self.timeout_s = access.timeout_s(self)
        self.linger_s = max(self.linger_s, float(access.linger_s(self)))
        hours = access.borrow_hours_max(self)
        if self.borrow_s is not None and hours is not None:
            self.borrow_s = min(self.borrow_s, hours * _HOUR_S)
        self.overdraft_max = access.overdraft_max(self)

    def group_key(self, user: str, host: str, display: str, data: str) -> str:
        """What checkouts that share a license have in common; empty where each has its own."""
        return _key(self.mask, user, host, display, data) if self.mask else ""

    def suite_key(self, user: str, host: str, display: str, data: str) -> str:
        """The same for the suite's counter: whose components are one suite."""
        return _key(self.suite_mask, user, host, display, data)

    def next_start(self, today: date) -> date | None:
        """The first day on which another line becomes good; None where none will."""
        return min((start for start in map(_starts, self.lines) if start > today), default=None)

    @property
    def free(self) -> int:
        """Seats that anybody may have; never negative, also when a reread has lowered the total below the use."""
        return max(0, self.capacity - self.in_use - self.reserved_idle)

    def fit_reservations(self) -> None:
        """Reservations beyond the total are ignored, in the options file's order (facts, FlexNet 3.4); those that grow are filled."""
        left = self.total
        for reservation in self.reservations:
            reservation.count = min(reservation.wanted, left)
            left -= reservation.count
        self.reserved_idle = sum(reservation.idle for reservation in self.reservations)
        if self.wanting:
            fill(self, self.reservations)


def _starts(line: ServedLine) -> date:
    """The first day on which the line is good."""
    day = parse_date(line.attribute("START") or "permanent")
    return date.min if day == NEVER else day


def _number(text: str | None) -> int:
    """The value of an attribute that counts; 0 where it is absent or no number."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else 0


def _borrow_s(lines: Sequence[ServedLine]) -> float | None:
    """How long all the lines may be borrowed: BORROW may stand with hours or without."""
    found = [line.attribute("BORROW") for line in lines]
    if any(value is None for value in found):
        return None
    return min(float(_number(value)) or BORROW_HOURS_DEFAULT for value in found) * _HOUR_S


def _hostids(text: str) -> tuple[HostId, ...]:
    """The host ids that the license is locked to; none for ANY, which locks to nothing."""
    if not text:
        return ()
    try:
        hostids = parse_hostids(text)
    except ValueError:
        # Signed, and not understood: it is locked to a host that none is.
        return (HostId("UNKNOWN", text),)
    return () if any(hostid.kind in ("ANY", "DEMO") for hostid in hostids) else hostids


def _platform(word: str) -> str:
    """A platform as it is compared: a version digit at its end does not count (facts, FlexNet 1.5)."""
    return word.lower().rstrip("0123456789")


def _mask(text: str | None) -> str:
    """The letters of a duplicate grouping mask; SITE as `*`, NONE as nothing."""
    word = (text or "").upper()
    if word == "SITE":
        return "*"
    return "" if word == "NONE" else "".join(letter for letter in _MASK if letter in word)


def _key(mask: str, user: str, host: str, display: str, data: str) -> str:
    parts = {"U": user, "H": host, "D": display, "V": data}
    return mask + "".join(f"\0{parts[letter]}" for letter in mask if letter in parts)


def _fitting(texts: Sequence[str]) -> str:
    """As many of the texts as fit into an answer, in their order and each whole: a part of one proves nothing."""
    fitting: list[str] = []
    left = TEXT_BYTES_MAX
    for text in texts:
        left -= len(text.encode()) + 1
        if left < -1 and fitting:
            break
        fitting.append(text)
    return "\n".join(fitting)
