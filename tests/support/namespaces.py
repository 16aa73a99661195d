"""Two machines with a cable between them: network namespaces of the kernel, for tests of what another machine may do.

    with TwoMachines() as net:
        net.popen("server", [...])
        net.run("client", [...])

It needs root; `missing()` says why it cannot be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVER, CLIENT = "10.99.0.1", "10.99.0.2"
#: /sys shows the network of who has mounted it.
_SLEEP = ["sh", "-c", "mount -t sysfs none /sys && exec sleep 600"]


def missing() -> str:
    """Why this machine cannot do it; empty where it can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "network namespaces are made by root only"
    absent = [name for name in ("unshare", "nsenter", "ip") if not shutil.which(name)]
    if absent:
        return f"there is no {absent[0]} (Debian: iproute2, util-linux)"
    if subprocess.run(["unshare", "-n", "-m", "mount", "-t", "sysfs", "none", "/sys"], capture_output=True, check=False).returncode:
        return "this kernel, or this container, allows no network namespaces"
    return ""


class TwoMachines:
    """The machines are named `server` and `client`; the cable's end at `server` has the address `mac`."""

    def __init__(self, mac: str = "08:00:20:00:05:ac") -> None:
        self._mac = mac
        self._holders: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> TwoMachines:
        try:
            for side in ("server", "client"):
                self._holders[side] = subprocess.Popen(["unshare", "-n", "-m", *_SLEEP])
            for holder in self._holders.values():
                deadline = time.monotonic() + 10
                while Path(f"/proc/{holder.pid}/comm").read_text() != "sleep\n":
                    assert time.monotonic() < deadline, "no namespace was made"
                    time.sleep(0.005)
            peer = str(self._holders["client"].pid)
            cable = ["ip", "link", "add", "cable0", "address", self._mac, "type", "veth", "peer", "name", "cable1", "netns", peer]
            self.run("server", cable)
            for side, device, address in (("server", "cable0", SERVER), ("client", "cable1", CLIENT)):
                for words in (["link", "set", "lo", "up"], ["addr", "add", f"{address}/24", "dev", device], ["link", "set", device, "up"]):
                    self.run(side, ["ip", *words])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for holder in self._holders.values():
            holder.kill()
            holder.wait()

    def on(self, side: str, command: Sequence[str]) -> list[str]:
        """The command as it runs on that machine."""
        return ["nsenter", "-t", str(self._holders[side].pid), "-n", "-m", *command]

    def run(self, side: Literal["server", "client"], command: Sequence[str], **more: Any) -> subprocess.CompletedProcess[str]:
        """Runs a command there to its end; one that fails is an error unless `check` is False."""
        options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 60, "check": True, **more}
        try:
            return subprocess.run(self.on(side, command), **options)
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"{command} on {side}: {error.stdout}{error.stderr}") from error

    def popen(self, side: Literal["server", "client"], command: Sequence[str], **more: Any) -> subprocess.Popen[Any]:
        """Starts a command there."""
        return subprocess.Popen(self.on(side, command), **more)
