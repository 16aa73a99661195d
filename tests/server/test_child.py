"""One vendor daemon under lmgrd, in all the wrong moments: a stop during the start, two starts, a death in the middle of an order.

The vendor daemon here is a small program that says and does what a test wants.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

import pytest
import uvloop

from seatkeeper.adapters import clock
from seatkeeper.adapters.debuglog import DebugLog
from seatkeeper.licfile.model import Vendor
from seatkeeper.server import child as child_module
from seatkeeper.server.child import Child
from seatkeeper.server.vendord import DaemonOptions
from seatkeeper.wire.framing import server_frames

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from pathlib import Path

#: Packets begin with an array's head and the tag. Modes: serve; deaf (serves, and answers no reread); fail (says so, and ends).
#: Or hung: it serves, and reads nothing until it is told SIGUSR1.
PROGRAM = """
import json, os, signal, socket, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
options = json.loads(sys.argv[2])
end = socket.socket(fileno=options["control"])
mode = open(options["data"] + "/mode").read()
with open(options["data"] + "/pids", "a") as pids:
    pids.write(f"{os.getpid()}\\n")
if mode == "fail":
    end.send(bytes([0x93, 18, 0xa8]) + b"no space" + bytes([0xc2]))
    sys.exit(74)
if mode == "slow":
    import time
    time.sleep(0.3)
end.send(bytes([0x93, 16, 0xa1]) + b"x" + bytes([0]))
if mode == "hung":
    signal.sigwait([signal.SIGUSR1])
while True:
    packet, descriptors, _, _ = socket.recv_fds(end, 65536, 4)
    if not packet or packet[1] == 3:
        sys.exit(0)
    if packet[1] == 2 and mode == "serve":
        end.send(bytes([0x94, 17, packet[2], 0, 0xa2]) + b"ok")
    for descriptor in descriptors:
        client = socket.socket(fileno=descriptor)
        client.send(b"taken")
        client.close()
"""


class Home:
    """A directory, a Child in it, and what became of its processes."""

    def __init__(self, directory: Path, mode: str) -> None:
        self.loop = asyncio.get_running_loop()
        self.directory = directory
        self.files: tuple[str, ...] = ()
        program = directory / "d"
        program.write_text(f"#!{sys.executable} -IS\n{PROGRAM}")
        program.chmod(0o755)
        self.mode(mode)
        self._log = os.open(directory / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._tasks: set[asyncio.Task[object]] = set()
        log = DebugLog(self._log, "lmgrd", clock.now)
        self.child = Child(Vendor("d", str(program)), self._options, log, self._log, self.loop, self._spawn)

    def _spawn(self, work: Coroutine[object, object, object]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _options(self, line: Vendor, control: int, restarts: int) -> DaemonOptions:
        return DaemonOptions(line.name, self.files, str(self.directory), control=control, restarts=restarts)

    def mode(self, mode: str) -> None:
        (self.directory / "mode").write_text(mode)

    @property
    def pids(self) -> list[int]:
        path = self.directory / "pids"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    @property
    def alive(self) -> list[int]:
        return [pid for pid in self.pids if _alive(pid)]

    def read_log(self) -> str:
        return (self.directory / "log").read_text()

    async def close(self) -> None:
        await asyncio.wait_for(self.child.stop(), 15)
        os.close(self._log)


def _alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def until(holds: Callable[[], object]) -> None:
    async def poll() -> None:
        while not holds():
            await asyncio.sleep(0.002)

    await asyncio.wait_for(poll(), 10)


def run(directory: Path, work: Callable[[Home], Awaitable[None]], mode: str = "serve") -> None:
    async def whole() -> None:
        home = Home(directory, mode)
        try:
            await work(home)
        finally:
            await home.close()
            assert home.alive == []

    uvloop.run(whole())


def test_it_serves_is_stopped_and_starts_again(tmp_path: Path) -> None:
    async def work(home: Home) -> None:
        home.child.start()
        await until(lambda: home.child.is_up)
        assert home.child.status().up
        await home.child.stop("ann", "pc")
        assert home.alive == []
        assert (home.child.is_up, home.child.status().reason) == (False, "it was shut down by ann@pc")
        assert home.child.status(named=False).reason == "it was shut down"
        home.child.start()
        await until(lambda: home.child.is_up)
        assert len(home.alive) == 1

    run(tmp_path, work)


def test_a_stop_while_the_process_is_being_made_leaves_none(tmp_path: Path) -> None:
    async def work(home: Home) -> None:
        for steps in range(8):
            home.child.start()
            for _ in range(steps):
                await asyncio.sleep(0)
            await home.child.stop()
            assert home.child.is_up is False
            await asyncio.sleep(0.15)
            assert home.alive == []
        home.child.start()
        await until(lambda: home.child.is_up)
        client, passed = socket.socketpair()
        with client:
            home.child.hand_over(passed)
            assert await home.loop.run_in_executor(None, client.recv, 10) == b"taken"

    run(tmp_path, work)


def test_two_starts_make_one_process(tmp_path: Path) -> None:
    async def work(home: Home) -> None:
        for steps in range(8):
            home.child.start()
            for _ in range(steps):
                await asyncio.sleep(0)
            await home.child.reread("ann", "pc")
            home.child.start()
            await until(lambda: home.child.is_up)
            assert len(home.alive) == 1
            await home.child.stop()
            assert len(home.pids) == steps + 1

    run(tmp_path, work)


def test_who_waits_for_a_reread_is_told_when_it_dies(tmp_path: Path) -> None:
    async def work(home: Home) -> None:
        home.child.start()
        await until(lambda: home.child.is_up)
        (pid,) = home.pids
        asked = home.loop.create_task(home.child.reread("ann", "pc"))
        await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        done = await asyncio.wait_for(asked, 5)
        assert done.number == -97
        await until(lambda: home.child.is_up)

    run(tmp_path, work, "deaf")


def test_a_reread_is_answered(tmp_path: Path) -> None:
    async def work(home: Home) -> None:
        home.child.start()
        await until(lambda: home.child.is_up)
        assert [(await home.child.reread("a", "b")).text for _ in range(3)] == ["ok"] * 3

    run(tmp_path, work)


def test_a_client_in_the_moment_of_death_waits_for_the_next_one(tmp_path: Path) -> None:
    async def work(home: Home) -> None:
        home.child.start()
        await until(lambda: home.child.is_up)
        (pid,) = home.pids
        client, passed = socket.socketpair()
        with client:
            os.kill(pid, signal.SIGKILL)
            # The process has gone, and this loop has not heard of it.
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            home.child.hand_over(passed)
            assert await home.loop.run_in_executor(None, client.recv, 10) == b"taken"
        assert len(home.pids) == 2
        assert "exited with status 0 signal = 9" in home.read_log()
        assert home.child.status().restarts == 1

    run(tmp_path, work)


def test_clients_wait_while_it_is_being_started_and_are_turned_away_when_it_rests(tmp_path: Path) -> None:
    async def work(home: Home) -> None:
        pairs = [socket.socketpair() for _ in range(20)]
        home.child.start()
        for _, passed in pairs[:10]:
            home.child.hand_over(passed)
        for client, _ in pairs[:10]:
            assert await home.loop.run_in_executor(None, client.recv, 10) == b"taken"
        await home.child.stop()
        for client, passed in pairs[10:]:
            home.child.hand_over(passed)
            (refused,) = server_frames().feed(client.recv(1000))
            assert refused.number == -97
        for client, _ in pairs:
            client.close()

    run(tmp_path, work, "slow")


def test_clients_that_have_waited_long_enough_are_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "HOLD_S", 0.05)

    async def work(home: Home) -> None:
        home.child.start()
        pairs = [socket.socketpair() for _ in range(3)]
        for _, passed in pairs:
            home.child.hand_over(passed)
        for client, _ in pairs:
            (refused,) = server_frames().feed(await home.loop.run_in_executor(None, client.recv, 1000))
            assert refused.number == -97
            client.close()
        await until(lambda: home.child.is_up)

    run(tmp_path, work, "slow")


def test_what_it_said_last_is_the_reason_that_lmstat_gives(tmp_path: Path) -> None:
    async def work(home: Home) -> None:
        home.child.start()
        await until(lambda: home.child.status().restarts == 2)
        assert "no space" in home.child.status().reason
        assert "0.5 s" in home.child.status().reason
        # A process may quote files, and with them accounts: strangers hear what lmgrd itself says.
        assert home.child.status(named=False).reason == "it is started again after 0.5 s"
        assert home.child.is_up is None
        home.mode("serve")
        await until(lambda: home.child.is_up)
        assert home.child.status().reason == ""

    run(tmp_path, work, "fail")


@pytest.mark.parametrize("what", ["program", "socket"])
def test_one_that_cannot_be_started_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    async def work(home: Home) -> None:
        with monkeypatch.context() as patch:
            if what == "program":
                patch.setattr(Child, "_program", lambda _: [str(tmp_path / "nothing")])
            else:
                patch.setattr(child_module, "control_pair", lambda: (_ for _ in ()).throw(OSError(24, "Too many open files")))
            home.child.start()
            await until(lambda: home.child.status().restarts == 2)
        assert ("cannot be started" if what == "program" else "Too many open files") in home.child.status().reason
        await until(lambda: home.child.is_up)

    run(tmp_path, work)


def test_one_that_was_given_up_says_why_and_a_reread_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module.Supervision, "died", lambda *_, **__: None)

    async def work(home: Home) -> None:
        home.child.start()
        await until(lambda: home.child.is_up is False)
        assert "no space" in home.child.status().reason
        assert "NOT started again: no space" in home.read_log()
        assert "debug log" in home.child.status(named=False).reason
        told: list[tuple[int, str, str]] = []
        home.child._turn_away = lambda _client, *words: told.append(words)  # type: ignore[assignment]
        with socket.socket() as client:
            home.child.hand_over(client)
        ((number, reason, brief),) = told
        assert number == -97
        assert "no space" in reason
        assert "no space" not in brief
        home.mode("serve")
        assert (await home.child.reread("a", "b")).number == 0
        await until(lambda: home.child.is_up)

    run(tmp_path, work, "fail")


@pytest.mark.parametrize("path", ["/" + "x" * 300, "/" + "x/" * 3000, "/etc/hostname/x", "\0"])
def test_a_path_that_cannot_even_be_looked_at_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """A DAEMON line of another machine must not keep the vendor daemon from being started."""

    async def work(home: Home) -> None:
        own = home.child.line.path
        home.child.line = Vendor("d", path)
        assert home.child._program() == [sys.executable, "-m", "seatkeeper.cli.vendord"]
        assert "cannot be run" in home.read_log()
        monkeypatch.setattr(child_module.sys, "executable", own)
        home.child.line = Vendor("d", str(tmp_path))
        assert home.child._program() == [own]

    run(tmp_path, work)


def test_a_file_s_name_that_is_no_text_is_told_and_the_next_start_is_tried(tmp_path: Path) -> None:
    async def work(home: Home) -> None:
        home.files = ("gr\udcf6.lic",)
        home.child.start()
        await until(lambda: home.child.status().restarts == 2)
        assert "cannot be started: 'utf-8' codec" in home.child.status().reason
        home.files = ()
        await until(lambda: home.child.is_up)

    run(tmp_path, work)


def test_one_that_hangs_holds_no_more_clients_than_may_wait_and_serves_them_when_it_goes_on(tmp_path: Path) -> None:
    """Otherwise its clients would take all descriptors of lmgrd, and with them the other vendor daemons' clients."""

    async def work(home: Home) -> None:
        home.child.waiting_max = 5
        home.child.start()
        await until(lambda: home.child.is_up)
        assert home.child._control is not None
        pairs = []
        while home.child._control.unsent < 5:
            pairs.append(socket.socketpair())
            home.child.hand_over(pairs[-1][1])
        late, passed = socket.socketpair()
        home.child.hand_over(passed)
        (refused,) = server_frames().feed(late.recv(1000))
        assert refused.number == -106
        assert home.child._control.unsent == 5
        os.kill(home.pids[0], signal.SIGUSR1)
        for client, _ in pairs:
            assert await home.loop.run_in_executor(None, client.recv, 10) == b"taken"
        for client, _ in [*pairs, (late, None)]:
            client.close()

    run(tmp_path, work, "hung")
