"""What lmstat asks of a vendor daemon is told as of one moment, in pieces that delay nobody.

The moment is taken at once (`picture`): the pools' counters, and which seats are shown under which pool. The frames are made from it
one by one, while seats go out and come back, so that a question about very many seats does not hold up the next checkout.

The lines of a pool add up to its "in use": what its checkouts hold, and what is reserved and idle. Of checkouts that share a
license one is shown, with the seats of all (facts, lmstat formats 0.2 and FlexNet 5.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeVar

import msgspec

from seatkeeper.licfile.writer import write_line
from seatkeeper.pools.accounts import Shared
from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import AskFeatures, AskLines, Lines, PoolStatus, StatusEnd
from seatkeeper.wire.status import HolderStatus, QueuedStatus, ReservationStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seatkeeper.licfile.model import Signable
    from seatkeeper.pools.counted import Pool
    from seatkeeper.vendor.ledger import Ledger
    from seatkeeper.vendor.seats import Seat, Waiter

__all__ = ["HOLDERS_PER_FRAME", "POOL_FRAMES_AT_ONCE", "Names", "PoolPicture", "line_frames", "picture", "plain_names", "status_frames"]

#: Names have at most 256 characters of four bytes, three to a holder and one of data: this many always fit into a frame, and
#: leave the pool's own fields 14,000 bytes.
HOLDERS_PER_FRAME: Final = 12
#: License lines are told in pieces of this size.
_LINES_BYTES: Final = 32 * 1024
_COLUMNS: Final = 1 << 20
#: So many frames of pools are made before others have their turn (a frame of license lines takes as long as all of these).
POOL_FRAMES_AT_ONCE: Final = 8

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


def picture(ledger: Ledger, vendor: str, asked: AskFeatures, refused: Sequence[tuple[str, int]] = ()) -> list[PoolPicture] | None:
    """All pools of the feature asked for, or of all; None where there is no such feature.

    `refused` are feature and seats of license lines that are not served; they are told where no other line has the name. Seats that no
    line covers any more (-92) are told like those of lines that have ended: in a pool of their own that has none.
    """
    wanted = asked.feature.lower()
    unserved: dict[str, tuple[str, int]] = {}
    for name, seats in refused:
        if name.lower() not in ledger.pools and (not wanted or name.lower() == wanted):
            unserved[name.lower()] = name, unserved.get(name.lower(), ("", 0))[1] + seats
    held: dict[Pool, list[tuple[Seat, int]]] = {}
    nowhere: dict[tuple[str, str], list[tuple[Seat, int]]] = {}
    groups: set[Shared] = set()
    for seat in ledger.seats.values():
        if wanted and seat.feature.lower() != wanted and (seat.counter is None or seat.counter.pool.feature.lower() != wanted):
            continue
        charge, counter = seat.charge, seat.counter
        if seat.pool is None and (not wanted or seat.feature.lower() == wanted):
            nowhere.setdefault((seat.feature, seat.pool_key.partition("#")[0]), []).append((seat, seat.count))
        if charge is None or not isinstance(charge, Shared):
            if seat.pool is not None:
                held.setdefault(seat.pool, []).append((seat, seat.count))
        elif charge not in groups:
            groups.add(charge)
            held.setdefault(charge.pool, []).append((seat, charge.count))
        if counter is not None and counter not in groups:
            groups.add(counter)
            held.setdefault(counter.pool, []).append((seat, counter.count))
    orphans = _orphans(nowhere, ledger, asked.request, vendor)
    for one in orphans:
        unserved.pop(one.head.feature.lower(), None)
    if wanted and wanted not in ledger.pools and not unserved and not orphans:
        return None
    waiting: dict[tuple[str, str], list[Waiter]] = {}
    for name, queue in ledger.queues.items():
        keys = [pool.key for pool in ledger.pools.get(name, ())]
        for waiter in queue.values():
            # Where a reread has put other pools in the place of its own, it waits for those.
            key = waiter.pool_key if waiter.pool_key in keys or not keys else keys[0]
            waiting.setdefault((name, key), []).append(waiter)
    return [
        PoolPicture(_head(asked.request, number, pool, vendor), held.get(pool, []), waiting.get((name, pool.key), []))
        for name, pools in ledger.pools.items()
        if not wanted or name == wanted
        for number, pool in enumerate(pools)
    ] + [
        *orphans,
        *(
            PoolPicture(PoolStatus(asked.request, name, 0, vendor, "", "", 0, 0, unsupported=seats), [], [])
            for name, seats in unserved.values()
        ),
    ]


def _orphans(nowhere: dict[tuple[str, str], list[tuple[Seat, int]]], ledger: Ledger, request: int, vendor: str) -> list[PoolPicture]:
    """The seats that count nowhere, by feature and version, behind the feature's pools."""
    pictures: list[PoolPicture] = []
    numbers = {name: len(pools) for name, pools in ledger.pools.items()}
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


def status_frames(pictures: list[PoolPicture] | None, asked: AskFeatures, names: Names, now: float) -> Iterator[bytes]:
    """The frames that answer `asked`, ending with StatusEnd; the first of a pool has its head, the others only further holders."""
    if pictures is None:
        yield frame(StatusEnd(asked.request, -5))
        return
    for one in pictures:
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
