"""engine: the walker's instructions and deadlines meet a real event loop; what applications see of it is in test_client.py."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from seatkeeper.client.events import Ask, Instruction, Seated, Unseated
from seatkeeper.client.guard import Guard
from seatkeeper.client.path import Address
from seatkeeper.client.profile import Identity, Limits, Target
from seatkeeper.client.walker import Walker
from seatkeeper.sdk.engine import Engine
from seatkeeper.wire.messages import Checkout, ClientMessage, Hello

from .fake_daemon import FakeDaemon, Peer

if TYPE_CHECKING:
    import pytest

IDENTITY = Identity("genesys.d", "ann", "desk7", "/dev/tty")


class Bench:
    """An engine whose instructions are kept."""

    def __init__(self, port: int, limits: Limits | None = None) -> None:
        walker = Walker([Target("s", (Address("127.0.0.1", port),), bytes(16))], IDENTITY, limits or Limits())
        self.told: list[Instruction] = []
        self.some = asyncio.Event()
        self.welcomes: list[int] = []
        self.engine = Engine(walker, [Guard("genesys.d", None)], "genesys.d", self.tell, self.welcomes.append)

    def tell(self, instruction: Instruction) -> None:
        self.told.append(instruction)
        self.some.set()

    async def ask(self, key: int) -> Instruction:
        self.engine.do(Ask(key, Checkout(0, "f1")))
        async with asyncio.timeout(10):
            await self.some.wait()
        self.some.clear()
        return self.told.pop()


async def test_a_session_and_its_end() -> None:
    async with FakeDaemon({"f1": 1}) as daemon:
        bench = Bench(daemon.port)
        assert isinstance(await bench.ask(1), Seated)
        assert bench.engine.valid(1)
        assert bench.welcomes == [0]
        assert isinstance(await bench.ask(2), Unseated)
        await bench.engine.close()
        assert not bench.engine.valid(1)
        assert bench.engine._timer is None
        await daemon.until(lambda: daemon.peers[0].gone)


async def test_each_connection_has_a_fresh_nonce() -> None:
    async with FakeDaemon({"f1": 1}) as daemon:
        for _ in range(2):
            bench = Bench(daemon.port)
            await bench.ask(1)
            await bench.engine.close()
        first, second = daemon.of(Hello)
        assert isinstance(first, Hello)
        assert isinstance(second, Hello)
        assert first.nonce != second.nonce


async def test_a_deadline_is_met_by_few_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timers that come a little early must not make the loop turn in vain."""
    ticks = []
    tick = Engine._tick
    monkeypatch.setattr(Engine, "_tick", lambda self: (ticks.append(1), tick(self)))
    async with FakeDaemon({"f1": 1}) as daemon:
        daemon.hook = lambda peer, message: True
        bench = Bench(daemon.port, Limits(greet_s=0.1))
        assert isinstance(await bench.ask(1), Unseated)
        assert len(ticks) <= 2
        await bench.engine.close()


async def test_a_peer_that_reads_nothing_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatkeeper.sdk.engine.CLOSE_S", 0.1)
    async with FakeDaemon({"f1": 1}) as daemon:
        stuck: list[Peer] = []

        def stop_reading(peer: Peer, message: ClientMessage) -> bool:
            if isinstance(message, Checkout):
                stuck.append(peer)
                peer.transport.pause_reading()  # type: ignore[attr-defined]
            return isinstance(message, Checkout)

        daemon.hook = stop_reading
        bench = Bench(daemon.port)
        bench.engine.do(Ask(1, Checkout(0, "f1")))
        await daemon.until(lambda: bool(stuck))
        connection = next(iter(bench.engine._links.values()))[1]
        assert connection._transport is not None
        connection._transport.write(bytes(64 * 1024 * 1024))
        async with asyncio.timeout(5):
            await bench.engine.close()
            await connection.gone
