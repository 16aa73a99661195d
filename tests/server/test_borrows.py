"""Borrowed seats leave with a signed record, come back for who has its secret, and lmgrd knows how many are out."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from seatkeeper.licfile.borrowing import claimed
from seatkeeper.server.control import Lent
from seatkeeper.wire.messages import Checkout, Granted, ReturnBorrow, Returned
from support.hosted import Hosted, Peer, run
from support.site import Site, feature

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"), [feature("lent", 3, BORROW="24")])


async def borrow(peer: Peer, request: int, count: int = 1) -> Granted:
    await peer.send(Checkout(request, "lent", "8.0", count, borrow_until=time.time() + 7200))
    granted = await peer.receive()
    assert isinstance(granted, Granted), granted
    return granted


async def told(hosted: Hosted) -> int:
    one = await asyncio.wait_for(hosted.told.get(), 10)
    assert isinstance(one, Lent), one
    return one.seats


def test_lmgrd_is_told_of_every_change_and_of_nothing_else(site: Site, tmp_path: Path) -> None:
    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            peer = Peer(hosted)
            await peer.hello("ann")
            first, second = await borrow(peer, 1), await borrow(peer, 2, 2)
            assert [await told(hosted), await told(hosted)] == [1, 3]
            hosted.daemon._borrows.tell()
            for request, granted in ((3, first), (4, second)):
                record = claimed(granted.borrow)
                assert record is not None
                await peer.send(ReturnBorrow(request, granted.handle, record.secret))
                assert await peer.receive() == Returned(request, granted.handle)
            assert [await told(hosted), await told(hosted)] == [2, 0]

    run(work)


def test_the_record_is_the_same_after_a_restart_and_its_secret_is_good_there(site: Site, tmp_path: Path) -> None:
    """The server keeps no secret, and knows it again."""
    records: list[tuple[int, bytes]] = []

    async def lend() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            peer = Peer(hosted)
            await peer.hello("ann")
            granted = await borrow(peer, 1)
            record = claimed(granted.borrow)
            assert record is not None
            assert (record.user, record.handle, record.count) == ("ann", granted.handle, 1)
            records.append((granted.handle, record.secret))

    async def take_back() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            ((handle, secret),) = records
            borrows = hosted.daemon._borrows
            assert borrows.proven(handle, secret)
            assert not borrows.proven(handle, bytes(32))
            assert not borrows.proven(handle, b"")
            # Of what is not held nobody need prove anything: the machine answers that.
            assert borrows.proven(handle + 1000, b"")

    run(lend)
    run(take_back)
    assert records[0][1].hex() not in "".join(path.read_text() for path in (tmp_path / "j").glob("*.jsonl"))


def test_each_borrow_has_a_secret_of_its_own(site: Site, tmp_path: Path) -> None:
    """Two borrows have two secrets, though session and key are one."""

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            peer = Peer(hosted)
            await peer.hello("ann")
            first, second = claimed((await borrow(peer, 1)).borrow), claimed((await borrow(peer, 2)).borrow)
            assert first is not None
            assert second is not None
            assert not hosted.daemon._borrows.proven(second.handle, first.secret)
            assert hosted.daemon._borrows.proven(second.handle, second.secret)

    run(work)
