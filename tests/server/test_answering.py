"""Answers that come in pieces: in order, complete, no faster than they are read, and one at a time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from seatkeeper.server import answering
from seatkeeper.server import vendord as vendord_module
from seatkeeper.server.answering import UNREAD_BYTES_MAX, send_slowly
from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import AskFeatures, AskLines, Beat, Checkout, Granted, Heartbeat, Lines, PoolStatus, StatusEnd
from support.hosted import Hosted, Peer, run, until
from support.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"), {f"f{number}": 5 for number in range(40)})


class Reader:
    """A connection whose other side reads so much at each look, from the given look on."""

    def __init__(self, reads: int) -> None:
        self.transport: Reader | None = self
        self.reads = reads
        self.unread = self.most = self.got = 0
        self.dropped = False

    def write(self, data: bytes) -> None:
        self.unread += len(data)
        self.most = max(self.most, self.unread)

    def get_write_buffer_size(self) -> int:
        read = min(self.reads, self.unread)
        self.unread -= read
        self.got += read
        return self.unread

    def drop(self) -> None:
        self.dropped, self.transport = True, None


def frames(count: int, size: int) -> Iterator[bytes]:
    return (bytes(size) for _ in range(count))


def test_an_answer_is_made_no_faster_than_it_is_read_and_is_over_when_it_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "_LOOK_S", 0.0)
    reader = Reader(1000)
    asyncio.run(send_slowly(reader, frames(300, 10_000), 60.0, 3))  # type: ignore[arg-type]
    assert (reader.got, reader.unread, reader.dropped) == (3_000_000, 0, False)
    assert reader.most <= UNREAD_BYTES_MAX + 30_000


@pytest.mark.parametrize("size", [10, UNREAD_BYTES_MAX])
def test_who_does_not_read_is_dropped_however_little_it_is(size: int) -> None:
    reader = Reader(0)
    left = frames(1000, size)
    asyncio.run(send_slowly(reader, left, 0.05, 2))  # type: ignore[arg-type]
    assert reader.dropped
    assert reader.most <= UNREAD_BYTES_MAX + 2 * size
    if size > 10:
        assert len(list(left)) >= 996


def test_for_one_that_has_gone_nothing_more_is_made() -> None:
    reader = Reader(0)
    reader.transport = None
    left = frames(10, 10)
    asyncio.run(send_slowly(reader, left, 60.0))  # type: ignore[arg-type]
    assert len(list(left)) == 9
    assert not reader.most


def test_it_rests_between_two_pieces_only_while_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "_REST_S", 3600.0)
    others = iter([False] * 9 + [True] + [False] * 90)
    reader, left = Reader(1000), frames(50, 10)

    async def work() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await send_slowly(reader, left, 60.0, 1, lambda: not next(others))  # type: ignore[arg-type]

    asyncio.run(work())
    assert len(list(left)) == 40, "the tenth piece, after which others were served, is the last"
    assert len(list(others)) == 90


@pytest.mark.parametrize("greeted", [False, True])
def test_questions_in_a_row_are_all_answered_in_their_order(site: Site, tmp_path: Path, greeted: bool) -> None:
    """Also the short ones among them wait for the long ones before them."""
    questions: list[object] = []
    expected: list[object] = []
    for number in range(1, 601):
        questions.append(AskLines(number, f"f{number % 40}") if number % 3 == 0 else AskFeatures(number, "" if number % 50 == 0 else "f1"))
        expected += [number]
        if greeted and number % 5 == 0:
            questions.append(Heartbeat(number))
            expected.append(Beat(number))
    questions.append(AskFeatures(601, "none"))

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            peer = Peer(hosted)
            if greeted:
                await peer.hello("ann")
            sending = hosted.loop.create_task(peer.send(*questions))
            told: list[object] = []
            while not told or told[-1] != StatusEnd(601, -5):
                message = await peer.receive()
                assert message is not None
                # One question's answer is never begun inside another's.
                if isinstance(message, PoolStatus | Lines):
                    assert message.request == 1 + max((one for one in told if isinstance(one, int)), default=0)
                else:
                    told.append(message.request if isinstance(message, StatusEnd) and not message.number else message)
            assert told[:-1] == expected
            await sending

    run(work)


def test_who_asks_and_does_not_read_costs_one_answer_and_is_dropped_while_others_work(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendord_module, "GREETING_S", 1.0)

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            deaf, good = Peer(hosted), Peer(hosted)
            await deaf.hello("deaf")
            await good.hello("good")
            sending = hosted.loop.create_task(deaf.send(*(AskFeatures(number) for number in range(1, 20_000))))
            beats = 0
            while len(hosted.daemon._machine.ledger.sessions) == 2:
                beats += 1
                await good.send(Heartbeat(beats))
                assert await good.receive() == Beat(beats)
                assert sum(not task.done() for task in hosted.daemon._tasks) <= 1
                await asyncio.sleep(0.001)
            assert beats > 1
            with contextlib.suppress(ConnectionError):
                await sending

    run(work)


def test_what_is_begun_behind_a_question_has_its_time_when_the_answer_is_out(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client whose next request is half sent while it waits for an answer is not cut off for that."""

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            release = asyncio.Event()
            real = hosted.daemon._pump.written

            async def written() -> None:
                await release.wait()
                await real()

            monkeypatch.setattr(hosted.daemon._pump, "written", written)
            peer = Peer(hosted)
            await peer.hello("ann")
            next_one = frame(Checkout(2, "f1"))
            await hosted.loop.sock_sendall(peer.socket, frame(AskFeatures(1, "f1")) + next_one[:7])
            await until(lambda: bool(hosted.daemon._tasks))
            await asyncio.sleep(0)
            assert not hosted.daemon._ungreeted
            release.set()
            await until(lambda: bool(hosted.daemon._ungreeted))
            assert isinstance(await peer.receive(), PoolStatus)
            assert await peer.receive() == StatusEnd(1)
            await hosted.loop.sock_sendall(peer.socket, next_one[7:])
            assert isinstance(await peer.receive(), Granted)
            assert not hosted.daemon._ungreeted

    run(work)


def test_an_answer_that_fails_ends_the_connection(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever for the rest of an answer."""

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            failures: list[object] = []
            hosted.loop.set_exception_handler(lambda _loop, context: failures.append(context))

            def fail(*_: object) -> None:
                raise ValueError("no picture")

            monkeypatch.setattr(vendord_module, "status_frames", fail)
            peer = Peer(hosted)
            await peer.send(AskFeatures(1))
            assert await peer.receive() is None

    run(work)
