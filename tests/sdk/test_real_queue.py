"""Who waits at a real license server keeps the place through everything that happens to the server, and is served in turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.support.site import VENDOR, Site, feature

from seatkeeper.base.errors import LicenseError
from seatkeeper.client.events import LicenseLost
from seatkeeper.sdk import Client, Waiting
from seatkeeper.sdk.admin import pools, remove
from seatkeeper.wire.messages import Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.client.events import News
    from seatkeeper.sdk import Seat

WAIT_S = 20.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), [feature("f1"), feature("f2"), feature("f3")]) as site:
        yield site.start()


class Guest:
    """A client that notes where it stands."""

    def __init__(self, site: Site, user: str) -> None:
        self.news: list[News] = []
        self.changed = asyncio.Event()
        self.client = Client(f"{site.port}@localhost", root=site.root, user=user, on_event=self.note)

    async def __aenter__(self) -> Guest:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    def note(self, news: News) -> None:
        self.news.append(news)
        self.changed.set()

    def wait_for(self, name: str) -> asyncio.Future[Seat]:
        return asyncio.ensure_future(self.client._check_out(Checkout(0, name, queue=True)))

    async def stands_at(self, position: int) -> None:
        """Returns when the last place that the guest was told is this one, and it was told since this was last asked."""
        async with asyncio.timeout(WAIT_S):
            while not (places := [one.position for one in self.news if isinstance(one, Waiting)]) or places[-1] != position:
                self.changed.clear()
                await self.changed.wait()
        self.news.clear()


async def test_places_outlive_a_killed_daemon(site: Site) -> None:
    async with Guest(site, "ann") as ann, Guest(site, "bob") as bob, Guest(site, "cid") as cid, Guest(site, "dan") as dan:
        seat = await ann.client.checkout("f1")
        waits = [bob.wait_for("f1")]
        await bob.stands_at(1)
        waits.append(cid.wait_for("f1"))
        await cid.stands_at(2)
        # Who would not wait has no seat before those that do.
        with pytest.raises(LicenseError) as caught:
            await dan.client.checkout("f1")
        assert caught.value.number in (-4, -24)

        await asyncio.to_thread(site.wait_until_restarted, site.kill_daemon())
        await bob.stands_at(1)
        await cid.stands_at(2)
        assert seat.valid

        await ann.client.checkin(seat)
        first = await asyncio.wait_for(waits[0], WAIT_S)
        await cid.stands_at(1)
        (pool,) = await asyncio.to_thread(pools, "localhost", site.port, VENDOR, "f1")
        assert [holder.user for holder in pool.holders] == ["bob"]
        assert [one.user for one in pool.queued] == ["cid"]
        await bob.client.checkin(first)
        assert (await asyncio.wait_for(waits[1], WAIT_S)).valid


async def test_a_removed_seat_is_the_next_ones_as_soon_as_its_client_confirms(site: Site) -> None:
    async with Guest(site, "ann") as ann, Guest(site, "bob") as bob:
        seat = await ann.client.checkout("f2")
        waiting = bob.wait_for("f2")
        await bob.stands_at(1)
        await asyncio.to_thread(remove, "localhost", site.port, VENDOR, "f2", handle=seat.handle)
        # Long before the lease of three minutes is over.
        assert (await asyncio.wait_for(waiting, WAIT_S)).valid
        async with asyncio.timeout(WAIT_S):
            while not any(isinstance(one, LicenseLost) for one in ann.news):
                ann.changed.clear()
                await ann.changed.wait()
        assert not seat.valid


async def test_a_place_that_is_given_up_is_the_next_ones(site: Site) -> None:
    async with Guest(site, "ann") as ann, Guest(site, "bob") as bob, Guest(site, "cid") as cid:
        await ann.client.checkout("f3")
        waiting = bob.wait_for("f3")
        await bob.stands_at(1)
        behind = cid.wait_for("f3")
        await cid.stands_at(2)
        waiting.cancel()
        await cid.stands_at(1)
        await ann.client.close()
        assert (await asyncio.wait_for(behind, WAIT_S)).valid
