"""What an application sees of the queue and of what explains a denial, over real connections to a daemon of the test's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.sdk.fake_daemon import FakeDaemon, Peer

from seatkeeper.base.errors import LicenseError
from seatkeeper.sdk import Client, Waiting
from seatkeeper.sdk.blocking import Client as BlockingClient
from seatkeeper.wire.messages import Activity, Checkin, Checkout, Denied, Granted, Hello, Queued

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from seatkeeper.wire.messages import ClientMessage


class Queue:
    """A hook for the daemon: whoever may wait is queued, and granted when the test says so."""

    def __init__(self, daemon: FakeDaemon) -> None:
        self.waiting: dict[int, Peer] = {}
        self.daemon = daemon
        daemon.hook = self

    def __call__(self, peer: Peer, message: ClientMessage) -> bool:
        if isinstance(message, Checkout) and message.queue:
            self.waiting[message.request] = peer
            peer.send(Queued(message.request, 500 + message.request, len(self.waiting)))
            return True
        return False

    def tell(self, request: int, position: int) -> None:
        self.waiting[request].send(Queued(request, 500 + request, position))

    def serve(self, request: int) -> None:
        self.waiting.pop(request).send(Granted(request, 500 + request, 1, "8.5"))


@pytest.fixture
async def daemon() -> AsyncIterator[FakeDaemon]:
    async with FakeDaemon({"f1": 1}) as daemon:
        yield daemon


async def test_a_waiting_checkout_knows_its_place(daemon: FakeDaemon) -> None:
    queue = Queue(daemon)
    async with Client(daemon.path) as client:
        events = client.events()
        pending = client.checkout("f1", queue=True)
        waiting = asyncio.ensure_future(pending.__aenter__())
        assert await anext(events) == Waiting("f1", 1, daemon.path)
        assert pending.position == 1
        queue.tell(1, 7)
        assert await anext(events) == Waiting("f1", 7, daemon.path)
        assert pending.position == 7
        queue.serve(1)
        assert (await waiting).handle == 501
    assert [message.held for message in daemon.of(Hello)] == [[]]  # type: ignore[union-attr]


async def test_who_has_waited_long_enough_gives_the_place_up(daemon: FakeDaemon) -> None:
    Queue(daemon)
    async with Client(daemon.path) as client:
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f1", queue=True, timeout=0.2)
        assert (caught.value.number, "place in the queue is 1" in caught.value.reason) == (-35, True)
        await daemon.until(lambda: bool(daemon.of(Checkin)))
        waiting = asyncio.ensure_future(client._check_out(Checkout(0, "f1", queue=True)))
        await daemon.until(lambda: len(daemon.of(Checkout)) == 2)
        waiting.cancel()
        await daemon.until(lambda: len(daemon.of(Checkin)) == 2)
        assert [message.handle for message in daemon.of(Checkin)] == [501, 503]  # type: ignore[union-attr]


async def test_a_server_that_says_nothing_is_no_queue(daemon: FakeDaemon) -> None:
    daemon.hook = lambda peer, message: isinstance(message, Checkout)
    async with Client(daemon.path) as client:
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f1", timeout=0.2)
        assert caught.value.number == -52


async def test_a_place_outlives_the_connection(daemon: FakeDaemon) -> None:
    queue = Queue(daemon)
    async with Client(daemon.path) as client:
        waiting = asyncio.ensure_future(client._check_out(Checkout(0, "f1", queue=True)))
        await daemon.until(lambda: 1 in queue.waiting)
        queue.waiting.clear()
        daemon.drop()
        await daemon.until(lambda: 1 in queue.waiting)
        assert [message.asking for message in daemon.of(Hello)] == [[1], [1]]  # type: ignore[union-attr]
        queue.serve(1)
        assert (await waiting).handle == 501


async def test_a_client_says_what_its_machine_is_and_what_its_user_does(daemon: FakeDaemon) -> None:
    async with Client(daemon.path, user="ann", host="desk7") as client:
        client.idle(True)
        seat = await client.checkout("f1", data="group 7")
        seat.idle(True)
        client.idle(False)
        await daemon.until(lambda: len(daemon.of(Activity)) == 2)
    hello = daemon.of(Hello)[0]
    assert isinstance(hello, Hello)
    assert hello.platform
    assert {"USER=ann", "HOSTNAME=desk7"} <= set(hello.hostids)
    assert daemon.of(Activity) == [Activity(True, 101), Activity(False, 0)]
    assert daemon.of(Checkout)[0].data == "group 7"  # type: ignore[union-attr]


async def test_a_denial_explains_itself(daemon: FakeDaemon) -> None:
    def deny(peer: Peer, message: ClientMessage) -> bool:
        if isinstance(message, Checkout):
            peer.send(Denied(message.request, -87, 0, "MAX is reached.", "o.opt:3: MAX 1 f1 USER ann", ["ann@desk7, 1 seat"], 86400.0))
        return isinstance(message, Checkout)

    daemon.hook = deny
    async with Client(daemon.path) as client:
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f1")
    error = caught.value
    assert (error.rule, error.holders, error.free_at) == ("o.opt:3: MAX 1 f1 USER ann", ("ann@desk7, 1 seat",), 86400.0)
    assert " The seats are held by ann@desk7, 1 seat." in str(error).splitlines()


async def test_the_blocking_client_waits_the_same_way(daemon: FakeDaemon) -> None:
    queue = Queue(daemon)
    places: list[object] = []

    def work() -> None:
        with BlockingClient(daemon.path, on_event=places.append) as client:
            with pytest.raises(LicenseError) as caught:
                client.checkout("f1", queue=True, timeout=0.2)
            assert caught.value.number == -35
            with client.checkout("f1", queue=True, data="x") as seat:
                seat.idle(True)
                client.idle(False)
                assert seat.valid

    working = asyncio.ensure_future(asyncio.to_thread(work))
    await daemon.until(lambda: 3 in queue.waiting)
    queue.serve(3)
    await working
    assert places[:1] == [Waiting("f1", 1, daemon.path)]
    assert daemon.of(Activity) == [Activity(True, 503), Activity(False, 0)]
