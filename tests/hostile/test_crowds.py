"""Crowds: who connects in thousands, says little, reads nothing or dies, takes nothing away from those who work."""

from __future__ import annotations

import contextlib
import json
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.wire.framing import encode_preface, frame
from seatkeeper.wire.messages import AskFeatures, AskServer, Beat, Checkout, Heartbeat
from support.hostile import Peer, Watch, descriptors, descriptors_wanted, header, hello, in_use, seats_become, sized, wait_until
from support.site import VENDOR, Site, feature

if TYPE_CHECKING:
    from collections.abc import Iterator

SUPPORT = Path(__file__).parent.parent / "support"

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


class GoodClients:
    """Clients of the SDK that work while the block runs; afterwards none of them was disturbed."""

    def __init__(self, site: Site, clients: int, pause_s: float = 0.25) -> None:
        words = [f"{site.port}@localhost", site.root, "good", str(clients), str(pause_s)]
        command = [sys.executable, str(SUPPORT / "good_clients.py"), *words]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.seen: dict[str, Any] = {}

    def __enter__(self) -> GoodClients:
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        assert ready == {"ready": True, "errors": []}
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        try:
            output, _ = self._process.communicate(timeout=120)
        finally:
            self._process.kill()
        if failure is None:
            self.seen = json.loads(output.splitlines()[-1])
            assert self.seen["errors"] == []
            # No client was cut off and came back, and none was starved.
            assert self.seen["events"] == []
            assert self.seen["fewest"] >= 2, self.seen


class Dribbler:
    """A socket that says something harmless, a byte at a time, and never enough.

    Attributes:
        ended: When the other side closed it; None while it is open.
    """

    def __init__(self, site: Site, number: int) -> None:
        kinds = [
            b"",
            encode_preface(VENDOR),
            encode_preface(VENDOR) + frame(hello("dribbler")),
            encode_preface() + frame(AskServer(1)),
            encode_preface(VENDOR) + frame(AskFeatures(1)),
        ]
        text = kinds[number % len(kinds)]
        # Some begin with a good part of it, so that every state of a connection is among them.
        at = min(len(text), (0, 3, 15, 19)[number // len(kinds) % 4])
        port = site.daemon_port if number % 7 == 0 else site.port
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(f"127.0.0.{number % 200 + 1}", 0))
        self.socket.sendall(text[:at])
        self.socket.setblocking(False)
        self.rest = text[at:-1]
        self.began = time.monotonic()
        self.next = self.began + 1 + number % 10 / 10
        self.ended: float | None = None

    def dribble(self) -> None:
        """One byte more, if there is one that still makes no whole message."""
        self.next += 1
        if self.rest:
            with contextlib.suppress(OSError):
                self.socket.send(self.rest[:1])
            self.rest = self.rest[1:]

    def look(self) -> None:
        """Notes the end of the connection; whatever is said before it is read."""
        try:
            data = self.socket.recv(4096)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.ended = time.monotonic()
            self.socket.close()


def test_dribblers_are_gone_by_their_deadline_while_good_clients_work(site: Site, watch: Watch) -> None:
    """Threat list 2.2, slowloris: 2,000 sockets that dribble one byte a second beside 500 good clients."""
    descriptors_wanted(4096)
    with GoodClients(site, sized(50, 500)) as good, selectors.DefaultSelector() as selector:
        dribblers = []
        for number in range(sized(400, 2_000)):
            one = Dribbler(site, number)
            dribblers.append(one)
            selector.register(one.socket, selectors.EVENT_READ, one)
        open_ones = set(dribblers)
        deadline = time.monotonic() + 60
        while open_ones:
            assert time.monotonic() < deadline, f"{len(open_ones)} dribblers are still connected"
            for key, _ in selector.select(0.1):
                one = key.data
                # The selector must not look at a closed socket.
                selector.unregister(one.socket)
                one.look()
                if one.ended is None:
                    selector.register(one.socket, selectors.EVENT_READ, one)
                else:
                    open_ones.discard(one)
            now = time.monotonic()
            for one in open_ones:
                if one.next <= now:
                    one.dribble()
    longest = max((one.ended or 0) - one.began for one in dribblers)
    print(f"{len(dribblers)} dribblers lived at most {longest:.1f} s; good clients: {good.seen}")
    assert in_use(site, "many") == 0
    wait_until(lambda: descriptors(watch.manager) < 40, why=lambda: f"lmgrd keeps {descriptors(watch.manager)} open files")
    wait_until(lambda: descriptors(watch.daemon) < 40, why=lambda: f"the daemon keeps {descriptors(watch.daemon)} open files")


def test_thousands_of_connection_attempts(site: Site, watch: Watch) -> None:
    """Threat list 2.2, connection flood: 12,000 attempts from several addresses, and a client with a seat notices nothing."""
    attempts = sized(2_000, 12_000)
    descriptors_wanted(attempts + 500)
    chance = random.Random(attempts)
    rounds = 0
    with Peer(site.port) as holder, contextlib.ExitStack() as crowd:
        holder.hello("holder")
        seat = holder.checkout("f1")
        for number in range(attempts):
            port = site.port if number % 10 else site.daemon_port
            one = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(f"127.0.0.{number % 200 + 1}", 0))
            crowd.callback(one.close)
            kind = chance.randrange(4)
            with contextlib.suppress(ConnectionError):
                if kind == 1:
                    one.sendall(encode_preface(VENDOR))
                elif kind == 2:
                    one.sendall(encode_preface(VENDOR) + frame(hello(f"c{number}")))
                elif kind == 3:
                    one.close()
            if number % 200 == 0:
                rounds += 1
                assert holder.ask(Heartbeat(rounds)) == Beat(rounds)
        holder.pair("good", 1_000)
        assert in_use(site, "f1") == 1
        assert seat.handle
    assert rounds == attempts // 200
    seats_become(site, "f1", 0)
    wait_until(lambda: descriptors(watch.daemon) < 40, why=lambda: f"the daemon keeps {descriptors(watch.daemon)} open files")


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Site]:
    """A server whose processes may have few open files."""
    with Site(tmp_path / "narrow", [feature("f1", 5), feature("good", 5)]) as made:
        _start_limited(made, 160)
        yield made


def _start_limited(site: Site, files: int) -> None:
    """Starts the site's lmgrd with a hard limit of open files; the soft one it would raise by itself."""
    program = "import resource, runpy, sys; n = int(sys.argv.pop(1)); resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)); "
    program += "runpy.run_module('seatkeeper.cli.lmgrd', run_name='__main__', alter_sys=True)"
    command = [sys.executable, "-c", program, str(files), "-z", "-c", str(site.license), "-l", f"+{site.log}"]
    site.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    site.wait_until_serving()


def test_when_descriptors_run_out_clients_keep_working_and_later_ones_come_in(narrow: Site) -> None:
    """Threat list 2.2, descriptor exhaustion: accepting pauses, and goes on when there is room again."""
    watch = Watch(narrow)
    with Peer(narrow.port) as holder:
        holder.hello("holder")
        holder.checkout("f1")
        with contextlib.ExitStack() as crowd:
            for number in range(600):
                one = socket.socket()
                crowd.callback(one.close)
                one.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    one.connect(("127.0.0.1", narrow.port))
                if number % 2:
                    wait_until(lambda one=one: _sent(one, encode_preface(VENDOR)))  # type: ignore[misc]
                if number % 50 == 0:
                    assert holder.ask(Heartbeat(number + 1)) == Beat(number + 1)
            holder.pair("good", 100)
        seats_become(narrow, "f1", 1)
        watch.unharmed()
    seats_become(narrow, "f1", 0)


def _sent(one: socket.socket, data: bytes) -> bool:
    try:
        one.send(data)
    except (BlockingIOError, OSError) as error:
        return not isinstance(error, BlockingIOError) and error.errno not in (107, 115)
    return True


def test_connections_that_come_and_go(site: Site, watch: Watch) -> None:
    """Churn: sessions that begin, hold a seat and are broken off; nothing of them is left, neither a seat nor a descriptor."""
    chance = random.Random(1)
    for number in range(sized(500, 10_000)):
        peer = Peer(site.port, source=f"127.0.0.{number % 200 + 1}")
        how = chance.randrange(5)
        if how:
            peer.hello(f"churn{number}")
        if how > 1:
            peer.checkout("many", 1, 3)
        if how > 2:
            peer.send(Checkout(2, "many", "8.0"))
        if chance.random() < 0.5:
            peer.reset()
        else:
            peer.close()
    seats_become(site, "many", 0)
    wait_until(lambda: descriptors(watch.daemon) < 40)
    wait_until(lambda: descriptors(watch.manager) < 40)


def ask_and_read_nothing(site: Site, count: int, seconds: float) -> int:
    """So many clients ask for status and leave the answers unread; how many of them were cut off within that time."""
    question = frame(AskFeatures(1)) * 50
    cut = 0
    with contextlib.ExitStack() as crowd:
        holder = crowd.enter_context(Peer(site.port))
        holder.hello("holder")
        waiting = set()
        for number in range(count):
            one = crowd.enter_context(Peer(site.port))
            one.hello(f"greedy{number}")
            one.socket.setblocking(False)
            waiting.add(one)
        deadline = time.monotonic() + seconds
        while waiting and time.monotonic() < deadline:
            for one in list(waiting):
                try:
                    one.socket.send(question)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    waiting.discard(one)
                    cut += 1
            # Who reads is served all the time.
            assert holder.ask(Heartbeat(1)) == Beat(1)
    return cut


def test_clients_that_read_nothing_are_dropped_and_cost_little(tmp_path: Path) -> None:
    """Threat list 2.2, slow reader: who asks and never reads is disconnected, and memory stays flat until then (256 KiB for each)."""
    count = sized(4, 100)
    # A server of its own: memory that another test has made it take would be taken again unseen.
    with Site(tmp_path / "site", [feature("f1", 5), feature("good", 5)]) as fresh:
        fresh.start()
        watch = Watch(fresh)
        cut = ask_and_read_nothing(fresh, count, sized(60, 300))
        grown = watch.growth()[0]
        print(f"{cut} of {count} clients that read nothing were cut off; the daemon grew by {grown >> 20} MiB")
        assert cut == count
        assert grown < count * (1 << 20) + (8 << 20), f"{grown >> 20} MiB for {count} clients"
        wait_until(lambda: descriptors(watch.daemon) < 40)


def test_killed_holders_free_their_seats(site: Site) -> None:
    """kill -9 of 500 processes that hold seats: all seats are free, without waiting for a lease."""
    count = sized(100, 500)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(SUPPORT.parent), os.environ.get("PYTHONPATH", "")]))}
    command = [sys.executable, str(SUPPORT / "holders.py"), str(site.port), "many", str(count)]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    pids: list[int] = []
    try:
        assert parent.stdout is not None
        told = json.loads(parent.stdout.readline())
        pids = told["pids"]
        assert told["ready"] == count
        assert in_use(site, "many") == count
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        parent.communicate(timeout=60)
    seats_become(site, "many", 0)
    # Freed because the connections have ended: the lease is three minutes.
    assert site.read_log().count('IN: "many" holder') >= count


def test_half_a_frame_of_the_cap_from_many_is_bounded(site: Site, watch: Watch) -> None:
    """Each connection may make the daemon keep one frame, and no more."""
    before = watch.growth()
    count = sized(50, 500)
    with contextlib.ExitStack() as crowd:
        for number in range(count):
            one = crowd.enter_context(Peer(site.port))
            one.hello(f"half{number}")
            one.send_bytes(header(65536) + bytes(65535))
        watch.unharmed()
        grown = watch.growth()[0] - before[0]
    assert grown < count * 300_000 + (8 << 20), f"{grown} bytes for {count} connections"
