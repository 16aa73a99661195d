"""The vendor daemon's process under stress that a test controls: a slow disk, a full one, a stop in the middle, a pause."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters import clock
from seatkeeper.adapters import journal as journal_module
from seatkeeper.adapters.journal import segments
from seatkeeper.server import pump as pump_module
from seatkeeper.server import vendord as vendord_module
from seatkeeper.server.control import Failed, OrderStop
from seatkeeper.server.vendord import EXIT_JOURNAL
from seatkeeper.vendor.entries import CheckedOut, Denial, Snapshot
from seatkeeper.vendor.events import Tick
from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import Beat, Checkout, Denied, Granted, Heartbeat, Refused
from support.hosted import Hosted, Peer, entries, run, until
from support.site import Site

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"), {"f1": 500, "f2": 1})


class SlowDisk:
    """While it is held, no flush comes to an end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = threading.Event()
        self._open.set()
        self.reached = threading.Event()
        real = os.fdatasync

        def flush(file: int) -> None:
            self.reached.set()
            assert self._open.wait(10)
            real(file)

        monkeypatch.setattr(journal_module.os, "fdatasync", flush)

    async def hold(self, hosted: Hosted) -> None:
        while hosted.daemon._pump.committing:
            await asyncio.sleep(0.001)
        self.reached.clear()
        self._open.clear()

    def release(self, after: float = 0.0) -> None:
        threading.Timer(after, self._open.set).start() if after else self._open.set()

    async def until_reached(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.reached.wait, 10)


def test_nobody_is_made_way_for_where_nobody_is_served(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SlowDisk(monkeypatch)

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            pump = hosted.daemon._pump
            await until(pump.is_quiet)
            # A question is nobody that others have to be served before.
            await pump.written()
            assert pump.is_quiet()
            peer = Peer(hosted)
            await peer.hello("ann")
            await disk.hold(hosted)
            await peer.send(Checkout(1, "f1"))
            await disk.until_reached()
            await asyncio.sleep(2 * pump_module._QUIET_S)
            assert not pump.is_quiet(), "a commit is under way"
            disk.release()
            assert isinstance(await peer.receive(), Granted)
            monkeypatch.setattr(pump_module, "_QUIET_S", 3600.0)
            assert not pump.is_quiet(), "somebody was served just now"
            monkeypatch.setattr(pump_module, "_QUIET_S", 0.001)
            await until(pump.is_quiet)

    run(work)


def test_an_orderly_stop_on_a_full_disk_is_told_and_grants_nothing_unwritten(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)

    async def work() -> None:
        hosted = Hosted(site, tmp_path / "j")
        async with hosted:
            first, second = Peer(hosted), Peer(hosted)
            await first.hello("ann")
            await second.hello("bob")
            await disk.hold(hosted)
            await first.send(Checkout(1, "f1"))
            await disk.until_reached()
            await second.send(Checkout(1, "f1"), Checkout(2, "nothing"))
            assert isinstance(await second.receive(), Denied)

            def fail(*_: object) -> int:
                raise OSError(28, "No space left on device")

            monkeypatch.setattr(journal_module.os, "pwrite", fail)
            hosted.control.send(OrderStop())
            disk.release(0.2)
            assert await hosted.ended() == EXIT_JOURNAL
            await asyncio.sleep(0.05)
            seen = await first.receive()
            assert isinstance(seen, Granted)
            assert second.socket.fileno() >= 0
            with pytest.raises(BlockingIOError):
                second.socket.recv(1)
        assert "No space left on device" in hosted.log.read_text()

    run(work)


def test_an_orderly_stop_in_the_middle_of_a_commit_loses_nothing_and_grants_nothing_unwritten(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)

    async def work() -> None:
        hosted = Hosted(site, tmp_path / "j")
        async with hosted:
            first, second = Peer(hosted), Peer(hosted)
            await first.hello("ann")
            await second.hello("bob")
            await disk.hold(hosted)
            await first.send(Checkout(1, "f1"))
            await disk.until_reached()
            # These come while the first is being written.
            await second.send(Checkout(1, "f1"), Checkout(2, "nothing"))
            assert isinstance(await second.receive(), Denied)
            hosted.control.send(OrderStop())
            disk.release(0.2)
            assert await hosted.ended() == 0
            seen = [await first.receive(), await second.receive()]
        written = {entry.handle for entry in entries(hosted.data) if isinstance(entry, CheckedOut)}
        assert written == {101, 102}
        assert {one.handle for one in seen if isinstance(one, Granted)} <= written
        assert [entry.feature for entry in entries(hosted.data) if isinstance(entry, Denial)] == ["nothing"]

    run(work)


def test_the_journal_is_divided_under_load_that_never_rests(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something always waits for the next commit, so there is no quiet moment for a new segment."""
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES_MAX", 8_000)
    monkeypatch.setattr(journal_module, "_FILL_BYTES", 4_000)
    real = os.fdatasync
    monkeypatch.setattr(journal_module.os, "fdatasync", lambda file: (time.sleep(0.003), real(file)))

    async def work() -> None:
        hosted = Hosted(site, tmp_path / "j")
        async with hosted:
            peer = Peer(hosted)
            await peer.hello("ann")
            for number in range(300):
                await peer.send(Checkout(number, "f1"))
                await asyncio.sleep(0.001)
            parts = len(segments(hosted.data))
            granted = [(await peer.receive()).handle for _ in range(300)]
        assert parts >= 4
        assert granted == list(range(101, 401))
        # Every snapshot says what the entries before it come to.
        held: set[int] = set()
        for entry in entries(hosted.data):
            if isinstance(entry, Snapshot):
                assert {seat.handle for seat in entry.seats} == held
            elif isinstance(entry, CheckedOut):
                held.add(entry.handle)

    run(work)


@pytest.mark.parametrize("failing", ["open", "fdatasync"])
def test_a_journal_that_cannot_be_written_stops_the_daemon_at_once(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Also where the disk is full at the moment when a new segment begins: not one request may wait for ever."""
    statuses: list[int] = []

    def leave(status: int) -> None:
        statuses.append(status)
        raise InterruptedError

    monkeypatch.setattr(vendord_module.os, "_exit", leave)
    real = os.open

    def fail(path: object, *more: object) -> int:
        if failing == "open" and not str(path).endswith(".jsonl"):
            return real(path, *more)  # type: ignore[arg-type]
        raise OSError(28, "No space left on device")

    async def work() -> None:
        hosted = Hosted(site, tmp_path / "j")
        hosted.loop.set_exception_handler(lambda _loop, context: hosted.told.put_nowait(context["exception"]))
        async with hosted:
            peer = Peer(hosted)
            await peer.hello("ann")
            with monkeypatch.context() as patch:
                patch.setattr(journal_module, "SEGMENT_BYTES_MAX", 10)
                patch.setattr(journal_module.os, failing, fail)
                await peer.send(Checkout(1, "f1"))
                told = [await asyncio.wait_for(hosted.told.get(), 5) for _ in range(2)]
                assert {type(one) for one in told} == {Failed, InterruptedError}
                assert any("No space left on device" in one.reason for one in told if isinstance(one, Failed))

    run(work)
    assert set(statuses) == {EXIT_JOURNAL}
    assert "No space left on device" in (tmp_path / "j.log").read_text()


def test_clients_that_were_heard_while_the_process_was_paused_are_not_silent(site: Site, tmp_path: Path) -> None:
    """A paused machine, a debugger, a slow reread: what was sent meanwhile is read before anybody is called silent."""

    async def work() -> None:
        async with Hosted(site, tmp_path / "j", lease_s=0.6, heartbeat_s=0.2) as hosted:
            peer = Peer(hosted)
            await peer.hello("ann")
            await peer.send(Checkout(1, "f2"))
            assert isinstance(await peer.receive(), Granted)
            await peer.send(Heartbeat(5))
            time.sleep(1.4)
            assert await peer.receive() == Beat(5)
            await peer.send(Heartbeat(6))
            assert await peer.receive() == Beat(6)

    run(work)


def test_who_is_told_that_it_was_heard_keeps_its_seats(site: Site, tmp_path: Path) -> None:
    """The deadline passes and the heartbeat comes in one turn of the loop: the answer and the ledger say the same."""

    async def work() -> None:
        async with Hosted(site, tmp_path / "j", lease_s=0.5, heartbeat_s=0.2) as hosted:
            peer = Peer(hosted)
            await peer.hello("ann")
            await peer.send(Checkout(1, "f2"))
            assert isinstance(await peer.receive(), Granted)
            time.sleep(1.1)
            (connection,) = [session.connection for session in hosted.daemon._machine.ledger.sessions.values()]
            hosted.daemon.run(Tick(clock.today()))
            connection.data_received(frame(Heartbeat(5)))
            assert await peer.receive() == Beat(5)
            await peer.send(Heartbeat(6))
            assert await peer.receive() == Beat(6)

    run(work)


def test_connections_beyond_what_descriptors_allow_are_refused_and_the_rest_is_served(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files for the journal and for administrators must always be there."""
    monkeypatch.setattr(vendord_module, "connections_max", lambda: 2)

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            first, second = Peer(hosted), Peer(hosted)
            await first.hello("ann")
            await second.hello("bob")
            third = Peer(hosted)
            refused = await third.receive()
            assert isinstance(refused, Refused)
            assert refused.number == -106
            assert await third.receive() is None
            first.socket.close()
            await second.send(Heartbeat(1))
            assert await second.receive() == Beat(1)
            await Peer(hosted).hello("eve")
        assert "connections" in hosted.log.read_text()

    run(work)
