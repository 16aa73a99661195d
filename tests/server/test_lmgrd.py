"""lmgrd itself: what its files may say. The real process is in test_license_server, its tools' connections in test_tools."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import uvloop

from seatkeeper.adapters import clock
from seatkeeper.adapters.debuglog import DebugLog
from seatkeeper.adapters.host import user_name
from seatkeeper.adapters.journal import GENESIS, read_journal, segments
from seatkeeper.base.errors import LicenseError
from seatkeeper.base.roles import Identity
from seatkeeper.cli.lmutil import main
from seatkeeper.licfile.model import Vendor
from seatkeeper.sdk.admin import reread
from seatkeeper.sdk.blocking import Client
from seatkeeper.server import lmgrd as lmgrd_module
from seatkeeper.server.child import Child
from seatkeeper.server.control import TEXT_CHARS_MAX, RereadDone
from seatkeeper.server.lmgrd import LicenseManager, ManagerOptions
from seatkeeper.vendor.entries import Act
from seatkeeper.wire.framing import HEADER_BYTES, decode_server, encode_preface, frame
from seatkeeper.wire.messages import AskReread, Done, ServerStatus
from support.site import VENDOR, Site, free_port

if TYPE_CHECKING:
    from pathlib import Path

#: More connections than the system holds on their way to a process (its socket buffer) and lmgrd has descriptors.
CROWD = 700


class TestManager:
    def run(self, tmp_path: Path) -> tuple[int, str]:
        descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        async def serve() -> int:
            log = DebugLog(descriptor, "lmgrd", clock.now)
            options = ManagerOptions((str(tmp_path / "license.dat"),))
            return await LicenseManager(options, log, descriptor, asyncio.get_running_loop()).serve()

        try:
            return uvloop.run(serve()), (tmp_path / "log").read_text()
        finally:
            os.close(descriptor)

    def test_a_port_that_may_not_be_had_is_not_waited_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "license.dat").write_text("SERVER h 001122334455 80\nDAEMON genesys.d\n")

        def refuse(_port: int) -> list[object]:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(lmgrd_module, "listening_sockets", refuse)
        status, log = self.run(tmp_path)
        assert status == 199
        assert "Port 80 cannot be opened: Permission denied" in log
        assert "Retrying" not in log

    @pytest.mark.parametrize(("text", "words"), [("", "names no license server"), ("SERVER h 001122334455\n", "no DAEMON line")])
    def test_a_file_without_what_lmgrd_needs(self, tmp_path: Path, text: str, words: str) -> None:
        (tmp_path / "license.dat").write_text(text)
        status, log = self.run(tmp_path)
        assert status != 0
        assert words in log


def test_answers_of_many_vendor_daemons_fit_into_a_frame(tmp_path: Path) -> None:
    """Each may have a reason of 4096 characters, and license files may be thousands."""

    async def ask() -> tuple[ServerStatus, Done]:
        log = DebugLog(os.open(os.devnull, os.O_WRONLY), "lmgrd", clock.now)
        loop = asyncio.get_running_loop()
        manager = LicenseManager(ManagerOptions((str(tmp_path),)), log, -1, loop)
        manager.files = tuple(f"/opt/licenses/{number}-{'f' * 80}.lic" for number in range(4000))
        for number in range(40):
            child = Child(Vendor(f"d{number}"), lambda *_: None, log, -1, loop, print)  # type: ignore[arg-type,return-value]
            child._reason = "ü" * TEXT_CHARS_MAX
            child.reread = lambda *_, **__: asyncio.sleep(0, RereadDone(1, -2, "ü" * TEXT_CHARS_MAX))  # type: ignore[method-assign,assignment]
            manager._children[child.name] = child
        who = Identity("administrator", "ops", "licsrv", local=True, attested=True)
        return manager.status(1, who), await manager.reread(AskReread(2, "", dry_run=True), who)

    (tmp_path / "license.lic").write_text("SERVER h 001122334455\nDAEMON d0\nDAEMON more\n")
    status, done = uvloop.run(ask())
    assert decode_server(frame(status)[HEADER_BYTES:]) == status
    assert status.files[0].startswith("/opt/licenses/0-")
    assert status.files[-1].startswith("... and 3")
    assert len(status.daemons) == 40
    assert all(daemon.reason.startswith("üüü") and "debug log" in daemon.reason for daemon in status.daemons)
    assert decode_server(frame(done)[HEADER_BYTES:]) == done
    assert done.number == -2
    lines = done.text.splitlines()
    assert lines[0] == "more: it would be started"
    assert [line.partition(":")[0] for line in lines[1:]] == [f"d{number}" for number in range(40)]


@pytest.mark.processes
def test_a_reread_says_that_ports_stay_and_the_next_start_takes_them(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 2}, daemon_port=free_port()) as site:
        site.start()
        (old, daemon_port), (new, new_daemon_port) = (site.port, site.daemon_port), (free_port(), free_port())
        text = site.license.read_text()
        site.license.write_text(text.replace(str(old), str(new)).replace(str(daemon_port), str(new_daemon_port)))
        for dry_run in (True, False):
            said = reread("localhost", old, dry_run=dry_run)
            assert f"The port cannot be changed by a reread: {old} stays in use, {new} comes with the next start" in said
            assert f"The port of {VENDOR} cannot be changed by a reread: {daemon_port} stays in use, {new_daemon_port} comes" in said
        status = site.status()
        assert status is not None
        assert (status.port, status.daemons[0].port) == (old, daemon_port)
        # The vendor daemon's next process has the new one; lmgrd itself is the old one.
        site.wait_until_restarted(site.kill_daemon())
        status = site.status()
        assert status is not None
        assert (status.port, status.daemons[0].port) == (old, new_daemon_port)
        assert "cannot be changed" not in reread("localhost", old).replace("The port cannot", "")


@pytest.mark.processes
def test_a_vendor_daemon_that_hangs_leaves_lmgrd_and_the_other_vendors_clients_alone(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 2}) as site:
        site.add_vendor("other.d", {"g1": 2})
        arguments = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(site.license), "-l", f"+{site.log}"]
        site.process = subprocess.Popen(["/bin/sh", "-c", 'ulimit -n 300; exec "$@"', "sh", *arguments], stdin=subprocess.DEVNULL)
        site.wait_until_serving()
        pid = site.daemon_pid(VENDOR)
        os.kill(pid, signal.SIGSTOP)
        try:
            with ExitStack() as stack:
                # The system itself holds some that are on their way; those beyond would be lmgrd's.
                for _ in range(CROWD):
                    one = stack.enter_context(socket.create_connection(("localhost", site.port), 10))
                    one.sendall(encode_preface(VENDOR))
                client = stack.enter_context(Client(f"{site.port}@localhost", "other.d"))
                with client.checkout("g1", "8.0") as seat:
                    assert seat.count == 1
                status = site.status()
                assert status is not None
                assert len(status.daemons) == 2
        finally:
            os.kill(pid, signal.SIGCONT)
        deadline = time.monotonic() + 20
        while not served(site):
            assert time.monotonic() < deadline, site.read_log()
            time.sleep(0.02)
        assert site.daemon_pid(VENDOR) == pid


def served(site: Site) -> bool:
    """Whether the vendor daemon has a seat; it does not while its crowd goes away."""
    try:
        with Client(f"{site.port}@localhost") as client, client.checkout("f1", "8.0"):
            return True
    except LicenseError:
        return False


def test_who_shuts_everything_down_is_in_the_journal_of_each_vendor_daemon(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 1}) as site:
        site.add_vendor("other.d", {"g1": 1})
        site.start()
        assert main(["lmutil", "lmdown", "-q", "-c", str(site.license)]) == 0
        assert site.process is not None
        assert site.process.wait(30) == 0
        for vendor in (VENDOR, "other.d"):
            records = read_journal(segments(site.directory / f"{vendor}.journal"), anchor=GENESIS)
            acts = [(entry.what, entry.by_user) for record in records for entry in record.entries if isinstance(entry, Act)]
            assert acts == [("lmdown", user_name())], vendor
        assert f"SHUTDOWN request from {user_name()} at node " in site.read_log()
        # A signal is nobody's request.
        site.start()
        assert site.stop() == 0
        records = read_journal(segments(site.directory / f"{VENDOR}.journal"))
        assert sum(isinstance(entry, Act) for record in records for entry in record.entries) == 1
