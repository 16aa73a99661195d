"""A whole license server for tests: keys, a signed license file, a real lmgrd with its vendor daemon on a free port.

    with Site(tmp_path, {"f1": 5}) as site:
        site.start()
        ... f"{site.port}@localhost" ...

Other vendors' daemons come beside the first one, each with its own keys, trust and credential in the same directory:

        site.add_vendor("other.d", {"g1": 2})
        site.add_vendor("third.d", {"h1": 2}, apart=True)     # in a license file of its own

What it starts ends with it.
"""

from __future__ import annotations

import errno
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

    from seatkeeper.licfile.model import Signable

VENDOR = "genesys.d"
#: A machine that is busy with other things may stand still for a while.
START_S = 60.0


def _ports() -> range:
    """The ports that this process of the tests draws from: processes beside it (pytest-xdist) have others, so that none takes two."""
    share = (32000 - 10000) // max(1, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    first = 10000 + share * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return range(first, first + share)


_PORTS = _ports()


def free_port() -> int:
    """A port that nobody uses, below the range from which the system draws its own, and no other process of the tests.

    Nobody: an address of the other family counts too, and so does a connection that has it as its own end.
    """
    for _ in range(200):
        port = random.SystemRandom().choice(_PORTS)
        if all(_is_free(family, port) for family in (socket.AF_INET, socket.AF_INET6)):
            return port
    raise RuntimeError("no free port")


def _is_free(family: int, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.bind(("", port))
    except OSError as error:
        # A machine without IPv6 has no port of it in use.
        return family == socket.AF_INET6 and error.errno != errno.EADDRINUSE
    return True


def feature(
    name: str,
    count: int | str = 1,
    version: str = "8.0",
    expiry: str = "permanent",
    keyword: str = "FEATURE",
    *,
    vendor: str = VENDOR,
    **attributes: str,
) -> Feature:
    """An unsigned line, issued today."""
    issued = date.today().strftime("%d-%b-%Y").lower()
    return Feature(name, vendor, version, expiry, str(count), attributes=(*attributes.items(), ("ISSUED", issued)), keyword=keyword)


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
        # What follows the first vendor's lines in the license file, and the files of vendors that have one of their own.
        self._beside: list[Vendor | Signable] = []
        self.files = [self.license]
        self.write(features)

    def write(self, features: Mapping[str, int] | list[Feature]) -> None:
        """Writes the license file with these lines, signed, and those of other vendors that it has."""
        self._lines = (Vendor(VENDOR, port=self.daemon_port, keyword="DAEMON"), *self._signed(features, VENDOR, self.keys))
        self._write(self.license, [*self._lines, *self._beside])

    def add_vendor(self, vendor: str, features: Mapping[str, int] | list[Feature], *, apart: bool = False) -> bytes:
        """Lets another vendor's daemon serve these lines, in the same license file or in one of its own; returns the vendor's root key."""
        keys = self.directory / f"keys-{vendor}"
        trust = init_vendor(keys, vendor, today=date.today())
        (self.directory / f"{vendor}.trust").write_bytes((keys / f"{vendor}.trust").read_bytes())
        issue_credential(keys, self.hostid, self.directory, today=date.today())
        lines = [Vendor(vendor, keyword="DAEMON"), *self._signed(features, vendor, keys)]
        if apart:
            self.files.append(self.directory / f"{vendor}.lic")
            self._write(self.files[-1], lines)
        else:
            self._beside += lines
            self._write(self.license, [*self._lines, *self._beside])
        return trust.root

    def _signed(self, features: Mapping[str, int] | list[Feature], vendor: str, keys: Path) -> list[Signable]:
        given = features if isinstance(features, list) else [feature(name, count, vendor=vendor) for name, count in features.items()]
        key = load_issuer(keys, today=date.today())
        return [sign_line(line, (self.hostid,), key) for line in given]

    def _write(self, path: Path, lines: list[Vendor | Signable]) -> None:
        path.write_text(write(LicenseFile((Server("localhost", self.hostid, self.port), *lines))))

    def start(self, *flags: str, wait: bool = True) -> Site:
        """Starts lmgrd, and waits until its vendor daemons serve."""
        files = os.pathsep.join(map(str, self.files))
        command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", files, "-l", f"+{self.log}", *flags]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        if wait:
            self.wait_until_serving()
        return self

    def wait_until_serving(self, timeout: float = START_S) -> None:
        """Returns when lmgrd says that all its vendor daemons are up."""
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

    def daemon_pid(self, vendor: str = VENDOR) -> int:
        """The process of the running vendor daemon, as the debug log names it."""
        for line in reversed(self.read_log().splitlines()):
            if f"tarted {vendor} (" in line and "pid " in line:
                return int(line.rsplit("pid ", 1)[1].rstrip(")"))
        raise AssertionError(f"no vendor daemon {vendor} was started")

    def kill_daemon(self, vendor: str = VENDOR) -> int:
        """kill -9 of the vendor daemon; returns its process id."""
        pid = self.daemon_pid(vendor)
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_until_restarted(self, killed: int, vendor: str = VENDOR) -> None:
        """Returns when another process than the killed one serves."""
        deadline = time.monotonic() + START_S
        while self.daemon_pid(vendor) == killed:
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
