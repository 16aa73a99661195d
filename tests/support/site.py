"""A whole license server for tests: keys, a signed license file, a real lmgrd with its vendor daemon on a free port.

    with Site(tmp_path, {"f1": 5}) as site:
        site.start()
        ... f"{site.port}@localhost" ...

Everything that it starts is stopped by `close`.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from seatkeeper.adapters.host import default_hostid
from seatkeeper.adapters.keys import init_vendor, issue_credential, load_issuer
from seatkeeper.licfile.model import Feature, LicenseFile, Server, Vendor
from seatkeeper.licfile.signature import sign_line
from seatkeeper.licfile.writer import write
from seatkeeper.wire.framing import encode_preface, frame, server_frames
from seatkeeper.wire.messages import AskServer, ServerStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

VENDOR = "genesys.d"
START_S = 20.0


def free_port() -> int:
    """A port that nobody listens on, below the range from which the system draws its own."""
    for _ in range(200):
        port = random.SystemRandom().randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def feature(
    name: str, count: int | str = 1, version: str = "8.0", expiry: str = "permanent", keyword: str = "FEATURE", **attributes: str
) -> Feature:
    """An unsigned line, issued today."""
    issued = date.today().strftime("%d-%b-%Y").lower()
    return Feature(name, VENDOR, version, expiry, str(count), attributes=(*attributes.items(), ("ISSUED", issued)), keyword=keyword)


class Site:
    """One directory with everything that one license server needs."""

    def __init__(self, directory: Path, features: Mapping[str, int] | list[Feature], *, daemon_port: int = 0) -> None:
        self.directory = directory
        self.port = free_port()
        self.daemon_port = daemon_port
        self.license = directory / "license.dat"
        self.log = directory / "debug.log"
        self.keys = directory / "keys"
        self.hostid = default_hostid()
        self.process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self.trust = init_vendor(self.keys, VENDOR, today=date.today())
        self.root = self.trust.root
        (directory / f"{VENDOR}.trust").write_bytes((self.keys / f"{VENDOR}.trust").read_bytes())
        issue_credential(self.keys, self.hostid, directory, today=date.today())
        self.write(features)

    def write(self, features: Mapping[str, int] | list[Feature]) -> None:
        """Writes the license file with these lines, signed."""
        lines = features if isinstance(features, list) else [feature(name, count) for name, count in features.items()]
        key = load_issuer(self.keys, today=date.today())
        signed = [sign_line(line, (self.hostid,), key) for line in lines]
        head = (Server("localhost", self.hostid, self.port), Vendor(VENDOR, port=self.daemon_port, keyword="DAEMON"))
        self.license.write_text(write(LicenseFile((*head, *signed))))

    def start(self, *flags: str, wait: bool = True) -> Site:
        """Starts lmgrd, and waits until its vendor daemon serves."""
        command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(self.license), "-l", f"+{self.log}", *flags]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        if wait:
            self.wait_until_serving()
        return self

    def wait_until_serving(self, timeout: float = START_S) -> None:
        """Returns when lmgrd says that its vendor daemon is up."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            status = self.status()
            if status is not None and all(daemon.up for daemon in status.daemons):
                return
            assert self.process is not None
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"the license server does not serve; its log:\n{self.read_log()}")

    def status(self) -> ServerStatus | None:
        """What lmgrd says of itself, or None where it does not answer."""
        try:
            with socket.create_connection(("localhost", self.port), timeout=5) as connection:
                connection.sendall(encode_preface() + frame(AskServer(1)))
                reader = server_frames()
                while data := connection.recv(65536):
                    for message in reader.feed(data):
                        assert isinstance(message, ServerStatus), message
                        return message
        except OSError:
            return None
        return None

    def daemon_pid(self) -> int:
        """The process of the running vendor daemon, as the debug log names it."""
        for line in reversed(self.read_log().splitlines()):
            if "tarted " in line and "pid " in line:
                return int(line.rsplit("pid ", 1)[1].rstrip(")"))
        raise AssertionError("no vendor daemon was started")

    def kill_daemon(self) -> int:
        """kill -9 of the vendor daemon; returns its process id."""
        pid = self.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_until_restarted(self, killed: int) -> None:
        """Returns when another process than the killed one serves."""
        deadline = time.monotonic() + START_S
        while self.daemon_pid() == killed:
            assert time.monotonic() < deadline, f"the vendor daemon was not started again; the log:\n{self.read_log()}"
            time.sleep(0.01)
        self.wait_until_serving()

    def read_log(self) -> str:
        """The debug log."""
        return self.log.read_text() if self.log.exists() else ""

    def stop(self) -> int:
        """Ends lmgrd orderly; its exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process = None
        return status

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
