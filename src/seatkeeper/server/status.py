"""What lmstat asks of a vendor daemon is told as of one moment, in pieces that delay nobody.

The moment is taken at once (`moment`), and that must take as long for ten thousand seats as for ten: the pools' counters, how many
seats each group of checkouts has that share a license, and the list of all seats. What a seat counts never changes while it is out,
and its pool only by a reread. So who is shown under which pool is found out a part at a time, and the frames are made one by one,
while seats go out and come back; where a reread comes between, before the first frame, another moment is taken.

The lines of a pool add up to its "in use": what its checkouts hold, and what is reserved and idle. Of checkouts that share a
license one is shown, with the seats of all (facts, lmstat formats 0.2 and FlexNet 5.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeVar

import msgspec

from seatkeeper.licfile.writer import write_line
from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import AskFeatures, AskLines, Lines, PoolStatus, StatusEnd
from seatkeeper.wire.status import HolderStatus, QueuedStatus, ReservationStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from seatkeeper.licfile.model import Signable
    from seatkeeper.pools.counted import Pool
    from seatkeeper.pools.decision import Terms
    from seatkeeper.vendor.ledger import Ledger
    from seatkeeper.vendor.seats import Seat, Waiter

    #: By feature and version, the seats that no line covers.
    _Nowhere = dict[tuple[str, str], list[tuple[Seat, int]]]

__all__ = [
    "HOLDERS_PER_FRAME",
    "POOL_FRAMES_AT_ONCE",
    "SEATS_PER_PART",
    "Moment",
    "Names",
    "PoolPicture",
    "line_frames",
    "moment",
    "plain_names",
    "status_frames",
]

#: Names have at most 256 characters of four bytes, three to a holder and one of data: this many always fit into a frame, and
#: leave the pool's own fields 14,000 bytes.
HOLDERS_PER_FRAME: Final = 12
#: License lines are told in pieces of this size.
_LINES_BYTES: Final = 32 * 1024
_COLUMNS: Final = 1 << 20
#: So many frames of pools are made before others have their turn (a frame of license lines takes as long as some of these): with eight,
#: checkouts of a saturated server had 2.6 times their 99th percentile while lmstat ran, with three 1.6 times (bench/status.py).
POOL_FRAMES_AT_ONCE: Final = 3

#: So many seats are looked at in the time of a frame of pools.
SEATS_PER_PART: Final = 40

_T = TypeVar("_T")


class Names(Protocol):
    """How a name is shown to who asks."""

    def __call__(self, kind: Literal["user", "host", "display"], name: str, /) -> str:
        """The name, or a pseudonym."""


def plain_names(_kind: Literal["user", "host", "display"], name: str, /) -> str:
    """Names as they are, for who may see them."""
    return name


class PoolPicture(msgspec.Struct, frozen=True):
    """One pool at one moment: its head, and who is to be shown with how many seats."""

    head: PoolStatus
    seats: list[tuple[Seat, int]]
    waiters: list[Waiter]


class Moment(msgspec.Struct, frozen=True):
    """What is told, as of one moment, and what is still to be found out from it.

    Attributes:
        terms: The terms whose pools these are.
        pools: The pools that are told. As `seats` they have the checkouts that share a license, and get the others.
        seats: All seats that are out.
        unserved: Feature and seats of license lines that are not served, by the feature in lower case.
    """

    terms: Terms
    pools: dict[Pool, PoolPicture]
    seats: list[Seat]
    unserved: dict[str, tuple[str, int]]


def moment(ledger: Ledger, vendor: str, asked: AskFeatures, refused: Sequence[tuple[str, int]] = ()) -> Moment:
    """All pools of the feature asked for, or of all, as they are now.

    `refused` are feature and seats of license lines that are not served; they are told where no other line has the name.
    """
    wanted = asked.feature.lower()
    unserved: dict[str, tuple[str, int]] = {}
    for name, seats in refused:
        if name.lower() not in ledger.pools and (not wanted or name.lower() == wanted):
            unserved[name.lower()] = name, unserved.get(name.lower(), ("", 0))[1] + seats
    waiting: dict[tuple[str, str], list[Waiter]] = {}
    for name, queue in ledger.queues.items():
        keys = [pool.key for pool in ledger.pools.get(name, ())]
        for waiter in queue.values():
            # Where a reread has put other pools in the place of its own, it waits for those.
            key = waiter.pool_key if waiter.pool_key in keys or not keys else keys[0]
            waiting.setdefault((name, key), []).append(waiter)
    pools = {
        pool: PoolPicture(
            _head(asked.request, number, pool, vendor),
            # The group's first checkout stands for all.
            [(ledger.seats[next(iter(group.members))], group.count) for group in pool.groups.values()],
            waiting.get((name, pool.key), []),
        )
        for name, pools in ledger.pools.items()
        if not wanted or name == wanted
        for number, pool in enumerate(pools)
    }
    return Moment(ledger.terms, pools, list(ledger.seats.values()), unserved)


def _spread(seats: Sequence[Seat], pools: Mapping[Pool, PoolPicture], wanted: str, nowhere: _Nowhere) -> None:
    """Puts seats under their pools, and those without one, which are told all the same, under their feature and version."""
    for seat in seats:
        pool = seat.pool
        if pool is None:
            if not wanted or seat.feature.lower() == wanted:
                nowhere.setdefault((seat.feature, seat.pool_key.partition("#")[0]), []).append((seat, seat.count))
        elif not pool.mask:
            shown = pools.get(pool)
            if shown is not None:
                shown.seats.append((seat, seat.count))


def _orphans(nowhere: _Nowhere, terms: Terms, request: int, vendor: str) -> list[PoolPicture]:
    """The seats that no line covers any more (-92), told like those of lines that have ended: in a pool of their own that has none."""
    pictures: list[PoolPicture] = []
    numbers = {name: len(pools) for name, pools in terms.pools.items()}
    for (feature, version), seats in nowhere.items():
        number = numbers.get(feature.lower(), 0)
        numbers[feature.lower()] = number + 1
        held = sum(count for _, count in seats)
        pictures.append(PoolPicture(PoolStatus(request, feature, number, vendor, version, "", 0, held, unsupported=held), seats, []))
    return pictures


def _head(request: int, number: int, pool: Pool, vendor: str) -> PoolStatus:
    return PoolStatus(
        request,
        pool.feature,
        number,
        vendor,
        pool.version,
        pool.expiry,
        pool.total if pool.counted else 0,
        pool.in_use + pool.reserved_idle,
        pool.hostid,
        pool.vendor_string,
        reservations=[ReservationStatus(one.idle, one.kind, one.name) for one in pool.reservations if one.idle],
        overdraft=pool.overdraft,
        denials=pool.denials,
        unsupported=0 if pool.good else sum(line.seats or 0 for line in pool.lines),
    )


def status_frames(
    ledger: Ledger, vendor: str, asked: AskFeatures, names: Names, now: float, refused: Callable[[], Sequence[tuple[str, int]]] = list
) -> Iterator[bytes]:
    """The frames that answer `asked`, ending with StatusEnd; the first of a pool has its head, the others only further holders.

    The moment is that of the first `next`. Empty frames come while it is found out who is shown where: others may have their turn.
    """
    wanted = asked.feature.lower()
    now_told = moment(ledger, vendor, asked, refused())
    nowhere: _Nowhere = {}
    rest = _batched(now_told.seats, SEATS_PER_PART)
    while part := next(rest, None):
        _spread(part, now_told.pools, wanted, nowhere)
        yield b""
        if ledger.terms is not now_told.terms:
            now_told = moment(ledger, vendor, asked, refused())
            nowhere.clear()
            rest = _batched(now_told.seats, SEATS_PER_PART)
    orphans = _orphans(nowhere, now_told.terms, asked.request, vendor)
    held = {one.head.feature.lower() for one in orphans}
    unserved = [
        PoolPicture(PoolStatus(asked.request, name, 0, vendor, "", "", 0, 0, unsupported=seats), [], [])
        for folded, (name, seats) in now_told.unserved.items()
        if folded not in held
    ]
    if wanted and not (now_told.pools or orphans or unserved):
        yield frame(StatusEnd(asked.request, -5))
        return
    for one in (*now_told.pools.values(), *orphans, *unserved):
        yield from _pool_frames(one, names, now)
    yield frame(StatusEnd(asked.request))


def _pool_frames(one: PoolPicture, names: Names, now: float) -> Iterator[bytes]:
    """At least one frame; each has holders, or reservations, or waiting requests, so that the longest names fit."""
    head = one.head
    bare = msgspec.structs.replace(head, reservations=[])
    if not one.seats and not one.waiters and not head.reservations:
        yield frame(bare)
    for part in _batched(one.seats, HOLDERS_PER_FRAME):
        yield frame(msgspec.structs.replace(bare, holders=[_holder(seat, count, names, now) for seat, count in part]))
    for kept in _batched(head.reservations, HOLDERS_PER_FRAME):
        shown = [ReservationStatus(each.count, each.kind, _subject(each.kind, each.name, names)) for each in kept]
        yield frame(msgspec.structs.replace(bare, reservations=shown))
    for waiting in _batched(one.waiters, HOLDERS_PER_FRAME):
        yield frame(msgspec.structs.replace(bare, queued=[_queued(waiter, names) for waiter in waiting]))


def _holder(seat: Seat, count: int, names: Names, now: float) -> HolderStatus:
    session = seat.session
    ends = seat.borrow_until or seat.until
    return HolderStatus(
        names("user", session.user),
        names("host", session.host),
        names("display", seat.display),
        seat.version,
        seat.handle,
        count,
        seat.since,
        session.pid,
        # The seconds that are left, and the whole (facts, FlexNet 5.2: which of the two is meant is not documented there).
        linger_s=max(0, round(ends - now)) if ends else 0,
        linger_total_s=max(1, round(ends - seat.since)) if ends else 0,
        attached=session.connection is not None,
        borrowed=bool(seat.borrow_until),
        data=seat.data,
    )


def _queued(waiter: Waiter, names: Names) -> QueuedStatus:
    session = waiter.session
    display = names("display", waiter.display or session.display)
    return QueuedStatus(
        names("user", session.user), names("host", session.host), display, waiter.version, waiter.handle, waiter.count, waiter.since
    )


def _batched(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """The items in pieces of that size."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _subject(kind: str, name: str, names: Names) -> str:
    """Whom seats are kept for; a person or a machine is shown like any other."""
    shown: dict[str, Literal["user", "host", "display"]] = {"USER": "user", "HOST": "host", "INTERNET": "host", "DISPLAY": "display"}
    return names(shown[kind], name) if kind in shown else name


def _unsigned(line: Signable) -> str:
    """The license line as text, on one line, without what proves it."""
    attributes = tuple((name, value) for name, value in line.attributes if not name.upper().endswith(("SIGN", "SIGN2", "AUTH")))
    return write_line(msgspec.structs.replace(line, key="", attributes=attributes), columns=_COLUMNS)


def line_frames(ledger: Ledger, asked: AskLines) -> Iterator[bytes]:
    """The frames that answer `asked`: license lines without their signatures, each line once, then StatusEnd.

    They are those of the moment at which this is called, however long the frames take.
    """
    wanted = asked.feature.lower()
    if wanted and wanted not in ledger.pools:
        return iter([frame(StatusEnd(asked.request, -5))])
    named = [pools for name, pools in ledger.pools.items() if not wanted or name == wanted]
    return _line_frames([source for pools in named for pool in pools for line in pool.lines for source in line.sources], asked.request)


def _line_frames(lines: Sequence[Signable], request: int) -> Iterator[bytes]:
    seen: set[str] = set()
    piece: list[str] = []
    size = 0
    for line in lines:
        text = _unsigned(line)
        if text in seen:
            continue
        seen.add(text)
        if size + len(text) > _LINES_BYTES and piece:
            yield frame(Lines(request, "\n".join(piece)))
            piece, size = [], 0
        piece.append(text)
        size += len(text) + 1
    if piece:
        yield frame(Lines(request, "\n".join(piece)))
    yield frame(StatusEnd(request))
