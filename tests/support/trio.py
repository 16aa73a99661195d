"""Three license servers on this machine that share one log: real lmgrds, vendor daemons and log servers on free ports.

    with Trio(tmp_path, {"f1": 5}) as trio:
        trio.start()
        ... trio.path ...

What it starts ends with it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from seatkeeper.adapters.keys import load_issuer
from seatkeeper.licfile.model import LicenseFile, Server, Vendor
from seatkeeper.licfile.signature import sign_line
from seatkeeper.licfile.writer import write
from support.site import START_S, VENDOR, Site, feature, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping


class Trio:
    """The three, in directories of their own; `path` is where clients go."""

    def __init__(self, directory: Path, features: Mapping[str, int]) -> None:
        first = Site(directory / "1", features)
        self.root = first.root
        self.keys, self.hostid = first.keys, first.hostid
        self.sites = [first]
        for name in ("2", "3"):
            shutil.copytree(directory / "1", directory / name)
            site = Site.__new__(Site)
            site.__dict__.update(first.__dict__)
            site.directory = directory / name
            site.license, site.log = site.directory / "license.dat", site.directory / "debug.log"
            site.files = [site.license]
            self.sites.append(site)
        for site in self.sites:
            site.port = free_port()
        self.path = ",".join(f"{site.port}@localhost" for site in self.sites)
        self.write(features)

    def write(self, features: Mapping[str, int]) -> None:
        """Writes the same license file for all three."""
        key = load_issuer(self.keys, today=date.today())
        lines = [sign_line(feature(name, count), (self.hostid,) * 3, key) for name, count in features.items()]
        servers = [Server("localhost", self.hostid, site.port) for site in self.sites]
        text = write(LicenseFile((*servers, Vendor(VENDOR, keyword="DAEMON"), *lines)))
        for site in self.sites:
            site.license.write_text(text)

    def start(self, *flags: str, which: tuple[int, ...] = (0, 1, 2), wait: bool = True) -> Trio:
        """Starts these, and waits until they serve."""
        for me in which:
            self.sites[me].start("--member", str(me + 1), *flags, wait=False)
        if wait:
            for me in which:
                self.sites[me].wait_until_serving()
        return self

    def master(self, not_this: int = -1) -> int:
        """Which one is master, as the others see it too; another one than the given."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            for me, site in enumerate(self.sites):
                status = site.status() if site.process is not None and me != not_this else None
                if status is not None and len(status.members) == 3 and me != not_this and status.members[me].master:
                    return me
            time.sleep(0.05)
        raise AssertionError("nobody is master; the logs:\n" + "\n".join(site.read_log() for site in self.sites))

    def log_pid(self, me: int) -> int:
        """The process of the log server, as the debug log names it."""
        return int(self.sites[me].read_log().rpartition("Started the log server (pid ")[2].partition(")")[0])

    def kill(self, me: int) -> None:
        """kill -9 of lmgrd, vendor daemon and log server."""
        site = self.sites[me]
        assert site.process is not None
        pids = [site.process.pid, site.daemon_pid(), self.log_pid(me)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        site.process.wait()
        site.process = None

    def journal(self, me: int) -> Path:
        """The directory of a member's own journal."""
        site = self.sites[me]
        return site.directory / f"triad-{site.port}" / f"{VENDOR}.journal"

    def __enter__(self) -> Trio:
        return self

    def __exit__(self, *_: object) -> None:
        for site in self.sites:
            site.stop()
