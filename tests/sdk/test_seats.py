"""seats: what the application has in its hands tells what the client knows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from seatkeeper.client.events import Reconnected
from seatkeeper.sdk.seats import EVENTS_MAX, Events, PendingCheckout, Seat
from seatkeeper.wire.messages import Checkout

if TYPE_CHECKING:
    from seatkeeper.sdk.client import Client


class Desk:
    """In place of a client: notes what it is asked."""

    def __init__(self) -> None:
        self.log: list[object] = []

    def _valid(self, key: int) -> bool:
        return key == 1

    def _idle(self, idle: bool, key: int) -> None:
        self.log.append((idle, key))

    async def _check_out(self, want: Checkout, pending: PendingCheckout, timeout: float | None) -> Seat:
        self.log.append((want, timeout))
        pending.position = 2
        return seat(self, 1)

    async def checkin(self, given: Seat) -> None:
        self.log.append(given.feature)


def seat(desk: Desk, key: int) -> Seat:
    client: Client = desk  # type: ignore[assignment]
    return Seat(client, key, "f1", "8.5")


def test_a_seat_knows_its_client() -> None:
    desk = Desk()
    assert seat(desk, 1).valid
    assert not seat(desk, 2).valid
    seat(desk, 2).idle(True)
    assert desk.log == [(True, 2)]
    assert repr(seat(desk, 1)) == "<Seat f1 v8.5 handle 0, 0 from >"


async def test_a_checkout_gives_its_seats_back() -> None:
    desk = Desk()
    pending = PendingCheckout(desk, Checkout(0, "f1"), 5.0)  # type: ignore[arg-type]
    assert pending.position == 0
    async with pending as held:
        assert held.feature == "f1"
    assert pending.position == 2
    assert desk.log == [(Checkout(0, "f1"), 5.0), "f1"]


async def test_events_are_read_once_and_end() -> None:
    events = Events()
    reading = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    events.put(Reconnected("a"))
    assert await reading == Reconnected("a")
    for number in range(EVENTS_MAX + 1):
        events.put(Reconnected(str(number)))
    assert await anext(events) == Reconnected("1")
    events.put(None)
    assert len([one async for one in events]) == EVENTS_MAX - 1
    with pytest.raises(StopAsyncIteration):
        await anext(events)
