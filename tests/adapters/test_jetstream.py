"""The shared log on three real NATS servers: fenced appends, reading in order, kills and pauses. The engine's own promises are tested."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.jetstream import RouteTls, SharedLog, server_config
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.vendor.log import Appended, Conflict, Unknown
from support.nats_trio import NatsTrio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WAIT_S = 30.0
pytestmark = [
    pytest.mark.timeout(120),
    # nats-py leaves the writer of a connection that broke to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[NatsTrio]:
    made = NatsTrio(tmp_path)
    yield made
    made.close()


async def connected(trio: NatsTrio, me: int) -> SharedLog:
    """A connection through this server; the log is there."""
    deadline = time.monotonic() + WAIT_S
    while True:
        log = SharedLog(trio.url(me), "log")
        try:
            await log.connect()
            break
        except SeatkeeperError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
    while True:
        try:
            await log.create()
            return log
        except SeatkeeperError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def settled(log: SharedLog, expected: int, data: bytes) -> int:
    """Appends as a member does: the same again at the same position, until it is known to be there; its position.

    A conflict is no proof of that: a leader that has lost the others counts what it could not pass on.
    """
    deadline = time.monotonic() + WAIT_S
    while True:
        outcome = await log.append(expected, data)
        if isinstance(outcome, Appended):
            return outcome.seq
        async for number, there in log._there(expected):
            assert (number, there) == (expected + 1, data)
            return number
        assert time.monotonic() < deadline, outcome
        await asyncio.sleep(0.05)


async def read(log: SharedLog, position: int, until: int) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    async with asyncio.timeout(WAIT_S):
        async for number, data in log.read(position):
            found.append((number, data))
            if number >= until:
                break
    return found


async def test_appends_are_fenced_by_position_and_read_in_order_through_every_server(trio: NatsTrio) -> None:
    logs = [await connected(trio, me) for me in range(3)]
    assert await settled(logs[0], 0, b"one") == 1
    assert await logs[1].append(1, b"two") == Appended(2)
    assert await logs[2].append(1, b"late") == Conflict(2)
    assert await logs[0].append(5, b"early") == Conflict(2)
    assert await logs[0].append(2, b"three") == Appended(3)
    for log in logs:
        assert await read(log, 0, 3) == [(1, b"one"), (2, b"two"), (3, b"three")]
        assert await log.last() == 3
        await log.close()


async def test_of_many_who_append_at_once_one_is_taken_at_each_position(trio: NatsTrio) -> None:
    logs = [await connected(trio, me) for me in range(3)]
    won: list[bytes] = []
    for position in range(20):
        outcomes = await asyncio.gather(*(log.append(position, b"%d by %d" % (position, me)) for me, log in enumerate(logs)))
        (winner,) = [me for me, outcome in enumerate(outcomes) if outcome == Appended(position + 1)]
        assert all(isinstance(outcome, Conflict) for me, outcome in enumerate(outcomes) if me != winner)
        won.append(b"%d by %d" % (position, winner))
    assert [data for _, data in await read(logs[1], 0, 20)] == won
    for log in logs:
        await log.close()


async def test_who_reads_is_told_of_what_is_appended_meanwhile(trio: NatsTrio) -> None:
    writer, reader = await connected(trio, 0), await connected(trio, 1)
    reading = asyncio.create_task(read(reader, 0, 30))
    for position in range(30):
        assert await settled(writer, position, b"%d" % position) == position + 1
        await asyncio.sleep(0.01)
    assert [number for number, _ in await reading] == list(range(1, 31))
    await writer.close()
    await reader.close()


@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_what_was_acknowledged_is_there_when_a_server_dies_or_stands_still(trio: NatsTrio, how: str) -> None:
    logs = [await connected(trio, me) for me in range(3)]
    position = 0
    for victim in range(3):
        log = logs[(victim + 1) % 3]
        for number in range(10):
            position = await settled(log, position, b"%d.%d" % (victim, number))
            if number == 4:
                trio.kill(victim) if how == "kill" else trio.signal(victim, signal.SIGSTOP)
        trio.start(victim) if how == "kill" else trio.signal(victim, signal.SIGCONT)
    wanted = [b"%d.%d" % (victim, number) for victim in range(3) for number in range(10)]
    for log in logs:
        # A retry whose first append had arrived is refused: no record is there twice.
        assert [data for _, data in await read(log, 0, position)] == wanted
        await log.close()


async def test_a_minority_takes_nothing_and_says_that_it_does_not_know(trio: NatsTrio) -> None:
    log = await connected(trio, 0)
    assert await settled(log, 0, b"one") == 1
    trio.kill(1)
    trio.kill(2)
    assert isinstance(await log.append(1, b"two"), Unknown)
    # A leader that has lost the others goes on saying how long the log was for some seconds, and refuses the same append for its own
    # first attempt; it takes nothing, and shows nothing to readers.
    for _ in range(3):
        assert not isinstance(await log.append(1, b"two"), Appended)
        assert [number async for number, _ in log._there(0)] == [1]
    trio.start(1)
    # What nobody acknowledged may be in the log after all, once.
    assert await settled(log, 1, b"two") == 2
    assert [data for _, data in await read(log, 0, 2)] == [b"one", b"two"]
    await log.close()


async def test_all_three_killed_at_once_have_what_was_acknowledged(trio: NatsTrio) -> None:
    log = await connected(trio, 0)
    for position in range(50):
        assert await settled(log, position, b"%d" % position) == position + 1
    for me in range(3):
        trio.kill(me)
    for me in range(3):
        trio.start(me)
    assert [number for number, _ in await read(log, 0, 50)] == list(range(1, 51))
    assert await settled(log, 50, b"on") == 51
    await log.close()


async def test_what_is_purged_is_passed_over(trio: NatsTrio) -> None:
    log = await connected(trio, 0)
    for position in range(10):
        assert await settled(log, position, b"%d" % position) == position + 1
    assert await log.purge(7)
    assert [number for number, _ in await read(log, 0, 10)] == [7, 8, 9, 10]
    assert await log.append(10, b"on") == Appended(11)
    await log.close()


async def test_a_record_as_long_as_a_large_snapshot(trio: NatsTrio) -> None:
    log = await connected(trio, 0)
    large = bytes(range(256)) * (80_000)
    assert await settled(log, 0, large) == 1
    assert await read(log, 0, 1) == [(1, large)]
    await log.close()


async def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    log = SharedLog("nats://127.0.0.1:1", "log")
    with pytest.raises(SeatkeeperError, match="cannot be reached"):
        await log.connect()
    await log.close()


def test_the_configuration_names_certificates_and_quotes_what_it_is_given(tmp_path: Path) -> None:
    tls = RouteTls(tmp_path / 'a "b".pem', tmp_path / "others.pem", ("ab12",))
    text = server_config("s0", "genesys.d", tmp_path / "copy", "127.0.0.1:1", "0.0.0.0:2", ["b:2", "c:2"], tls=tls)
    assert 'a \\"b\\".pem' in text
    assert "verify: true" in text
    assert 'pinned_certs: ["ab12"]' in text
    assert 'routes: ["tls://b:2", "tls://c:2"]' in text
    assert "sync_interval: always" in text
