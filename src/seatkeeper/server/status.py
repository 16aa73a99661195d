"""What lmstat asks of a vendor daemon: its pools, and who holds seats of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import AskFeatures, HolderStatus, PoolStatus, StatusEnd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.pools.counted import Pool
    from seatkeeper.vendor.ledger import Ledger, Seat

__all__ = ["HOLDERS_PER_FRAME", "status_frames"]

#: Names have at most 256 characters of four bytes, three to a holder: this many always fit into a frame, and leave the pool's
#: own fields 14,000 bytes.
HOLDERS_PER_FRAME: Final = 16


def status_frames(ledger: Ledger, vendor: str, asked: AskFeatures) -> Iterator[bytes]:
    """The frames that answer `asked`, ending with StatusEnd."""
    wanted = asked.feature.lower()
    if wanted and wanted not in ledger.pools:
        yield frame(StatusEnd(asked.request, -5))
        return
    held: dict[Pool, list[Seat]] = {}
    for seat in ledger.seats.values():
        if seat.pool is not None and (not wanted or seat.feature.lower() == wanted):
            held.setdefault(seat.pool, []).append(seat)
    for name, pools in ledger.pools.items():
        if wanted and name != wanted:
            continue
        for number, pool in enumerate(pools):
            yield from _pool_frames(asked.request, number, pool, vendor, held.get(pool, []))
    yield frame(StatusEnd(asked.request))


def _pool_frames(request: int, number: int, pool: Pool, vendor: str, seats: list[Seat]) -> Iterator[bytes]:
    for start in range(0, max(len(seats), 1), HOLDERS_PER_FRAME):
        holders = [
            HolderStatus(
                seat.session.user,
                seat.session.host,
                seat.display,
                seat.version,
                seat.handle,
                seat.count,
                seat.since,
                seat.session.pid,
                attached=seat.session.connection is not None,
            )
            for seat in seats[start : start + HOLDERS_PER_FRAME]
        ]
        yield frame(
            PoolStatus(
                request,
                pool.feature,
                number,
                vendor,
                pool.version,
                pool.expiry,
                pool.total if pool.counted else 0,
                pool.in_use,
                pool.hostid,
                pool.vendor_string,
                holders,
            )
        )
