"""What a license server's journal says are facts about use: each checkout from taken to returned, each denial, and when nobody served.

A journal is a chain of records in segments that each begin with a snapshot (adapters.journal), so reading may begin with any of them.
What was read is remembered as the last record's number and hash (`Mark`); the next run begins with the segment in which that record is,
and tells only what comes behind it. A seat that came back is told again, with its end: the same fact, joined in the warehouse.

A checkout's handle here is that of lmstat and, behind it, a digest of the client's session and the handle. So it is the same whatever
part of the journal is left, and another one in a journal that was begun anew, where handles start again.

Where the record that was read last is not there any more, or is another one, this is another journal, or was put back to an older copy;
where it begins only later, segments were taken away that nobody had read. Both are a gap, and seats of which the journal knows nothing
are taken to have come back by then, which is marked as estimated. So is the end of seats whose client was lost: `silent` until its lease
had ended, or not back in time (`grace`) after the server had been down. They were nobody else's until that moment, and count up to it.
"""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters.journal import JournalDamage, read_journal, segments
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.vendor.entries import CheckedIn, CheckedOut, Denial, Opened, Snapshot
from seatkeeper.vendor.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from seatkeeper.vendor.entries import Entry
    from seatkeeper.vendor.seats import Seat

__all__ = ["DOWN_S", "ROWS_AT_ONCE", "Found", "Mark", "read_facts"]

#: A server that is started again within this time was not down for anybody: applications try for longer.
DOWN_S: Final = 60.0
#: So many facts are given away in one go.
ROWS_AT_ONCE: Final = 200_000
#: How seats come back whose client was lost.
_LOST: Final = ("silent", "grace")
#: A journal may be written while it is read: what looks damaged is read so often.
_TRIES: Final = 3
_DIGEST_BYTES: Final = 6
_DOWN: Final = "the license server was not running for some of this time"
_OTHER: Final = "another journal, or an older copy of it, has taken the place of the one that was read before"
_CUT: Final = "segments of the journal were taken away before they were read"

Rows = dict[str, list[dict[str, Any]]]


class Mark(msgspec.Struct, frozen=True):
    """Up to where a journal was read: the number of the last entry, its record's hash, and the latest time that it had seen."""

    seq: int
    hash: str
    at: float


class Found(msgspec.Struct, frozen=True):
    """What came of reading.

    Attributes:
        mark: Up to where; None of a journal in which nothing stands yet.
        since: The time from which on entries were new, in Unix seconds; None where none was.
        stranger: Since when, and why, seats of which nothing was said have come back; None where the journal only went on.
        seen: The handles of which something was said, if it did not only go on.
    """

    mark: Mark | None
    since: float | None
    stranger: tuple[int, str] | None = None
    seen: frozenset[str] = frozenset()


def read_facts(directory: Path, source: str, mark: Mark | None, give: Callable[[Rows], object]) -> Found:
    """Reads a journal from behind the mark on, and gives the facts away, by kind; it may be written meanwhile.

    Args:
        directory: The journal.
        source: What the facts say where they are from.
        mark: Up to where it was read before; None: never.
        give: Takes facts as the warehouse has them, several times.

    Raises:
        SeatkeeperError: There is no journal, it cannot be read, or it is not what was written.
    """
    for tries in range(1, _TRIES + 1):
        try:
            return _read(directory, source, mark, give)
        except JournalDamage:
            # A record that was written at the moment at which it was read looks torn, and those behind it whole.
            if tries == _TRIES:
                raise
        except FileNotFoundError as error:
            if tries == _TRIES:
                raise _unreadable(directory, error) from None
        except OSError as error:
            raise _unreadable(directory, error) from None
    raise AssertionError("unreachable")


def _unreadable(directory: Path, error: OSError) -> SeatkeeperError:
    return InputError(
        f"The journal cannot be read: {error.strerror}.",
        file=error.filename or str(directory),
        remedy="It belongs to the account that runs the license server; collect as that, or from a copy.",
    )


def _read(directory: Path, source: str, mark: Mark | None, give: Callable[[Rows], object]) -> Found:
    # Who may not look into the directory finds nothing there, and is to be told why.
    if directory.exists():
        list(directory.iterdir())
    paths = segments(directory)
    if not paths:
        raise InputError(
            "There is no journal here.",
            file=str(directory),
            expected="segments such as 00000000000000000001.jsonl",
            remedy="Name the directory NAME.journal of a license server (lmgrd --data).",
        )
    if mark is None:
        return _Reading(source, None, give).through(paths)
    begins = [number for number, path in enumerate(paths) if int(path.stem) <= mark.seq]
    if not begins:
        cut = int(paths[0].stem) > mark.seq + 1
        reading = _Reading(source, mark, give, stranger=_CUT if cut else "", latest=0.0 if cut else mark.at)
        return reading.through(paths, anchor="" if cut else mark.hash)
    start = begins[-1]
    while start and _begins_at(paths[start]) >= math.floor(mark.at):
        # Denials of one second are one fact, and may stand in two segments.
        start -= 1
    reading = _Reading(source, mark, give)
    found = reading.through(paths[start:], known=mark.seq)
    return found if reading.went_on else _Reading(source, mark, give, stranger=_OTHER).through(paths)


def _begins_at(path: Path) -> float:
    record = next(read_journal([path], torn=lambda _path, _offset: None), None)
    return math.inf if record is None else record.entries[0].at


class _Reading:
    """One reading of some segments."""

    def __init__(self, source: str, mark: Mark | None, give: Callable[[Rows], object], stranger: str = "", latest: float = 0.0) -> None:
        self.went_on = True
        self._source, self._mark, self._give, self._stranger = source, mark, give, stranger
        self._ledger = Ledger()
        self._latest = latest
        self._since: float | None = None
        self._first: float | None = None
        self._seen: set[str] = set()
        self._checkouts: dict[str, dict[str, Any]] = {}
        self._denials: dict[tuple[str, str, str, int, int], int] = {}
        self._new: set[tuple[str, str, str, int, int]] = set()
        self._gaps: list[dict[str, Any]] = []

    def through(self, paths: Sequence[Path], anchor: str = "", known: int = 0) -> Found:
        """Reads these segments; entries up to `known` were told before, and end with the mark's record if this is the same journal."""
        mark = self._mark
        reached = None
        for record in read_journal(paths, anchor=anchor or None, torn=lambda _path, _offset: None):
            last = record.seq + len(record.entries) - 1
            for entry in record.entries:
                self._take(entry, new=last > known)
            reached = Mark(last, record.hash, self._latest)
            if record.seq <= known <= last and mark is not None and (last, record.hash) != (mark.seq, mark.hash):
                self.went_on = False
                return Found(None, None)
            if len(self._checkouts) + len(self._new) >= ROWS_AT_ONCE:
                self._flush()
        if known and (reached is None or reached.seq < known):
            self.went_on = False
            return Found(None, None)
        stranger = None
        if self._stranger and mark is not None:
            until = max(math.ceil(self._first or 0), math.ceil(mark.at) + 1)
            self._gaps.append({"source": self._source, "since": math.floor(mark.at), "until": until, "reason": self._stranger})
            stranger = until, self._stranger
        self._flush()
        return Found(reached or mark, self._since, stranger, frozenset(self._seen))

    def _take(self, entry: Entry, *, new: bool) -> None:
        ledger = self._ledger
        if isinstance(entry, Snapshot):
            before = not ledger.seats and self._first is None
            self._first = entry.at if self._first is None else self._first
            ledger.apply(entry)
            if before and new:
                # What was checked out in segments that are gone.
                for held in ledger.seats.values():
                    self._keep(held)
            return
        self._first = entry.at if self._first is None else self._first
        seat = ledger.apply(entry)
        if new:
            self._since = entry.at if self._since is None else self._since
            if isinstance(entry, CheckedOut) and seat is not None:
                self._keep(seat)
            elif isinstance(entry, CheckedIn) and seat is not None:
                self._keep(seat, max(math.ceil(entry.at), math.floor(seat.since)), estimated=entry.why in _LOST)
            elif isinstance(entry, Opened) and self._latest and entry.at - self._latest >= DOWN_S:
                since, until = math.ceil(self._latest), math.floor(entry.at)
                self._gaps.append({"source": self._source, "since": since, "until": until, "reason": _DOWN})
        if isinstance(entry, Denial):
            self._deny(entry, new=new)
        self._latest = max(self._latest, entry.at)

    def _keep(self, seat: Seat, returned: int | None = None, *, estimated: bool = False) -> None:
        digest = blake2b(f"{seat.session.digest} {seat.handle}".encode(), digest_size=_DIGEST_BYTES).hexdigest()
        handle = f"{seat.handle}-{digest}"
        self._seen.add(handle)
        self._checkouts[handle] = {
            "source": self._source,
            "handle": handle,
            "feature": seat.feature,
            "user": seat.session.user,
            "host": seat.session.host,
            "seats": seat.count,
            "taken": math.floor(seat.since),
            "returned": returned,
            "estimated": estimated,
        }

    def _deny(self, entry: Denial, *, new: bool) -> None:
        at = math.floor(entry.at)
        if not new and self._mark is not None and at < math.floor(self._mark.at):
            return
        key = entry.feature, entry.user, entry.host, at, entry.number
        self._denials[key] = self._denials.get(key, 0) + 1 + entry.left_out
        if new:
            self._new.add(key)

    def _flush(self) -> None:
        """Gives away what is new; of denials in the second that was read last more may follow, so their number is kept."""
        denials = []
        for key in sorted(self._new):
            feature, user, host, at, code = key
            row = {"source": self._source, "feature": feature, "user": user, "host": host, "at": at, "code": code}
            denials.append({**row, "times": self._denials[key]})
        last = math.floor(self._latest)
        self._denials = {key: times for key, times in self._denials.items() if key[3] >= last}
        rows: Rows = {"checkouts": list(self._checkouts.values()), "denials": denials, "gaps": self._gaps}
        self._give({kind: found for kind, found in rows.items() if found})
        self._checkouts, self._new, self._gaps = {}, set(), []
