"""blocking: the same client for applications without an event loop, against real license servers; and what a fork may not do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from seatkeeper.adapters.keys import init_vendor
from seatkeeper.base.errors import LicenseError, SeatkeeperError
from seatkeeper.client.profile import Limits
from seatkeeper.sdk import HeartbeatLost, LicenseLost, LicenseRestored, Reconnected
from seatkeeper.sdk.admin import pools, remove
from seatkeeper.sdk.blocking import Client
from support.site import VENDOR, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.client.events import News

pytestmark = pytest.mark.processes
DESCRIPTORS = Path("/proc/self/fd")
QUICK = Limits(backoff_s=0.2, retry_s=0.1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), {"f1": 5, "f2": 1}) as running:
        running.start("--lease", "60", "--heartbeat", "20")
        yield running


def path(site: Site) -> str:
    return f"{site.port}@localhost"


def in_use(site: Site, feature: str = "f1") -> int:
    return sum(pool.in_use for pool in pools("localhost", site.port, VENDOR, feature))


def wait_for_use(site: Site, seats: int) -> None:
    deadline = time.monotonic() + 10
    while in_use(site) != seats:
        assert time.monotonic() < deadline, f"{in_use(site)} seats are in use, not {seats}"
        time.sleep(0.02)


class Ear:
    """Hears what a client tells."""

    def __init__(self) -> None:
        self.heard: list[News] = []
        self._some = threading.Condition()

    def __call__(self, news: News) -> None:
        with self._some:
            self.heard.append(news)
            self._some.notify_all()

    def wait_for(self, kind: type) -> News:
        with self._some:
            assert self._some.wait_for(lambda: any(type(news) is kind for news in self.heard), 20), f"no {kind}, only {self.heard}"
            return next(news for news in self.heard if type(news) is kind)


def test_checkout_and_checkin(site: Site) -> None:
    with Client(path(site), root=site.root) as client:
        with client.checkout("f1", "8.0", count=2) as seat:
            assert (seat.feature, seat.version, seat.count, seat.expiry) == ("f1", "8.0", 2, "permanent")
            assert seat.valid
            assert in_use(site) == 2
        assert not seat.valid
        wait_for_use(site, 0)
        more = client.checkout("f1", count=99, up_to=True)
        assert more.count == 5
        client.checkin(more)
        client.checkin(more)
    wait_for_use(site, 0)
    client.close()
    client.checkin(more)


def test_denials(site: Site) -> None:
    with Client(path(site), root=site.root) as client, client.checkout("f2"):
        for feature, version, number in (("f2", "", -4), ("f9", "", -5), ("f1", "9.9", -21)):
            with pytest.raises(LicenseError) as caught:
                client.checkout(feature, version)
            assert caught.value.number == number
            assert f"FlexNet Licensing error:{number}," in str(caught.value)


def test_the_trust_beside_the_license_file_is_enough(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with Client(str(site.license)) as client, client.checkout("f1") as seat:
        assert seat.server == path(site)
    assert not [record for record in caplog.records if record.name.startswith("seatkeeper")]


def test_a_look_alike_is_refused(site: Site, tmp_path: Path) -> None:
    """The right file and trust, but not the key: its own credential, made with keys of its own."""
    with Site(tmp_path / "fake", {"f1": 5}) as fake:
        fake.start()
        with Client(f"{fake.port}@localhost", root=site.root) as client:
            with pytest.raises(LicenseError) as caught:
                client.checkout("f1")
            assert caught.value.number == -33
        with Client(f"{fake.port}@localhost:{path(site)}", root=site.root) as client, client.checkout("f1") as seat:
            assert seat.server == path(site)


def test_another_root_in_the_environment(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init_vendor(tmp_path / "keys", VENDOR, today=site.trust.signed_on)
    monkeypatch.setenv("SEATKEEPER_ROOT", str(tmp_path / "keys" / "root.pub"))
    with Client(str(site.license)) as client, pytest.raises(LicenseError) as caught:
        client.checkout("f1")
    assert caught.value.number == -33
    monkeypatch.setenv("SEATKEEPER_ROOT", str(site.keys / "root.pub"))
    with Client(str(site.license)) as client, client.checkout("f1"):
        pass


def test_a_killed_vendor_daemon_costs_nothing(tmp_path: Path) -> None:
    ear = Ear()
    with Site(tmp_path / "site", {"f1": 2}) as site:
        site.start("--lease", "30", "--heartbeat", "10")
        with Client(path(site), root=site.root, on_event=ear, limits=QUICK) as client:
            seat = client.checkout("f1", count=2)
            before = seat.handle
            site.wait_until_restarted(site.kill_daemon())
            ear.wait_for(HeartbeatLost)
            ear.wait_for(Reconnected)
            assert seat.valid
            assert seat.handle == before
            assert in_use(site) == 2
            assert not any(isinstance(news, LicenseLost) for news in ear.heard)
        wait_for_use(site, 0)


def test_a_server_without_memory_is_asked_anew(tmp_path: Path) -> None:
    ear = Ear()
    with Site(tmp_path / "site", {"f1": 2}) as site:
        site.start("--unsafe-no-journal")
        with Client(path(site), on_event=ear, limits=QUICK) as client:
            seat = client.checkout("f1")
            site.stop()
            site.start("--unsafe-no-journal")
            assert isinstance(ear.wait_for(LicenseRestored), LicenseRestored)
            assert seat.valid
            assert in_use(site) == 1


def test_removed_by_an_administrator(site: Site) -> None:
    ear = Ear()
    with Client(path(site), root=site.root, on_event=ear) as client:
        seat = client.checkout("f1")
        remove("localhost", site.port, VENDOR, "f1", handle=seat.handle)
        lost = ear.wait_for(LicenseLost)
        assert isinstance(lost, LicenseLost)
        assert (lost.handle, lost.number) == (seat.handle, 0)
        assert not seat.valid


def test_events_can_be_read(site: Site) -> None:
    # One user's seats are not removed twice within two minutes (-64).
    with Client(path(site), root=site.root, user="reader") as client:
        seat = client.checkout("f1")
        reader = client.events()
        remove("localhost", site.port, VENDOR, "f1", handle=seat.handle)
        assert isinstance(next(reader), LicenseLost)
    assert list(reader) == []


def test_many_threads_may_share_a_client(site: Site) -> None:
    errors: list[BaseException] = []

    def work(client: Client) -> None:
        try:
            for _ in range(20):
                with client.checkout("f1"):
                    pass
        except BaseException as error:
            errors.append(error)

    with Client(path(site), root=site.root) as client:
        threads = [threading.Thread(target=work, args=(client,)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors
    wait_for_use(site, 0)


def test_a_forgotten_client_gives_everything_back(site: Site) -> None:
    client = Client(path(site), root=site.root)
    client.checkin(client.checkout("f1"))
    threads = {thread for thread in threading.enumerate() if thread.name == "seatkeeper"}
    del client
    import gc

    gc.collect()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_callback_may_not_call_the_client(site: Site) -> None:
    errors: list[BaseException] = []
    done = threading.Event()

    def call(news: News) -> None:
        try:
            client.checkout("f1")
        except SeatkeeperError as error:
            errors.append(error)
        done.set()

    with Client(path(site), root=site.root, on_event=call, user="caller") as client:
        seat = client.checkout("f1")
        remove("localhost", site.port, VENDOR, "f1", handle=seat.handle)
        assert done.wait(10)
    assert "on_event" in str(errors[0])


def sockets() -> set[str]:
    """The sockets that this process has open."""
    found = set()
    for descriptor in DESCRIPTORS.iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


def forked() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # From 3.12 on: this process has threads.
        return os.fork()


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="needs /proc")
def test_a_forked_child_has_no_part_in_the_session(site: Site) -> None:
    outside = sockets()
    with Client(path(site), root=site.root) as client:
        seat = client.checkout("f1", count=2)
        connection = sockets() - outside
        child = forked()
        if not child:
            status = 1
            try:
                assert not seat.valid
                client.checkin(seat)
                client.close()
                try:
                    client.checkout("f1")
                except SeatkeeperError:
                    # Of the parent's sockets there are left those between its two threads, not the one to the server.
                    status = 0 if len(sockets() & connection) < len(connection) else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert seat.valid
        assert in_use(site) == 2
        # The session still works both ways.
        client.checkin(seat)
        assert in_use(site) == 0


_FORKING = """
import os, sys, time
from seatkeeper.sdk.blocking import Client
client = Client(sys.argv[1])
seat = client.checkout("f1", count=3)
child = os.fork()
if child:
    os.waitpid(child, 0) if sys.argv[2] == "wait" else None
    print(seat.valid, client.checkout("f1").count, flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), 9)
if sys.argv[2] == "stay":
    os.close(0); os.close(1)
    time.sleep(60)
"""


def test_a_child_that_ends_orderly_returns_nothing(site: Site) -> None:
    """The child runs through the whole end of an interpreter, exit handlers and all."""
    with subprocess.Popen(
        [sys.executable, "-c", _FORKING, path(site), "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True 1\n"
        assert in_use(site) == 4
        process.communicate()
    wait_for_use(site, 0)


def test_a_child_that_lives_on_does_not_keep_the_parents_seats(site: Site) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _FORKING, path(site), "stay"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True 1\n"
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == -signal.SIGKILL
        try:
            wait_for_use(site, 0)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_an_interrupted_wait_has_no_seat(site: Site) -> None:
    """Ctrl-C while the blocking call waits: the checkout is abandoned."""
    script = (
        "import sys, threading, os, signal\n"
        "from seatkeeper.sdk.blocking import Client\n"
        "client = Client(sys.argv[1])\n"
        "threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        "    client.checkout('f1')\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        done = subprocess.run([sys.executable, "-c", script, f"{port}@127.0.0.1"], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr


AT_THE_END = """
import asyncio, sys, threading, time
from seatkeeper.sdk import Limits
from seatkeeper.sdk.blocking import Client

looked_up = 0
look_up = asyncio.BaseEventLoop.getaddrinfo

def counted(*arguments, **more):
    global looked_up
    looked_up += 1
    return look_up(*arguments, **more)

def outlive():
    threading.main_thread().join()
    wanted, deadline = looked_up + 4, time.monotonic() + 10
    while looked_up < wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    print("tried again" if looked_up >= wanted else "given up", flush=True)

asyncio.BaseEventLoop.getaddrinfo = counted
client = Client(sys.argv[1], root=sys.argv[2], limits=Limits(backoff_s=0.05, retry_s=0.05))
seat = client.checkout("f1")
print("ready", flush=True)
sys.stdin.readline()
threading.Thread(target=outlive).start()
"""


def test_a_process_that_ends_while_the_server_is_gone_says_nothing_of_it(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 5}) as site:
        site.start()
        command = [sys.executable, "-c", AT_THE_END, path(site), site.root]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            site.stop()
            out, err = process.communicate("\n", timeout=60)
        assert (out, err, process.returncode) == ("tried again\n", "", 0)


def test_limits_are_plain_values() -> None:
    assert msgspec.structs.replace(Limits(), answer_s=1.0).answer_s == 1.0
