"""Another machine for tests: a network namespace with its own interface, or at least an address that is not loopback's.

    with Machine() as machine:                          # skips the test where that is not permitted
        machine.run([sys.executable, "-c", ...])        # a process there; the server is at machine.server_address

`far_address()` is an address of this machine from which a connection to 127.0.0.1 looks like one from elsewhere; the kernel lets
it through, since both ends are here.
"""

from __future__ import annotations

import os
import socket
import subprocess
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_ETH_P_ALL = 3


class Machine:
    """A network namespace that reaches this machine over a pair of interfaces of its own."""

    def __init__(self) -> None:
        number = os.getpid() % 16000
        network = f"10.213.{number >> 6}.{(number & 63) << 2}"
        base = network.rpartition(".")
        self.name = f"sk{os.getpid()}"
        self.interface = f"skh{os.getpid()}"
        self.server_address = f"{base[0]}.{int(base[2]) + 1}"
        self.address = f"{base[0]}.{int(base[2]) + 2}"

    def __enter__(self) -> Self:
        inside = f"skn{os.getpid()}"
        steps = [
            ["ip", "netns", "add", self.name],
            ["ip", "link", "add", self.interface, "type", "veth", "peer", "name", inside, "netns", self.name],
            ["ip", "addr", "add", f"{self.server_address}/30", "dev", self.interface],
            ["ip", "link", "set", self.interface, "up"],
            ["ip", "-n", self.name, "addr", "add", f"{self.address}/30", "dev", inside],
            ["ip", "-n", self.name, "link", "set", inside, "up"],
            ["ip", "-n", self.name, "link", "set", "lo", "up"],
        ]
        for step in steps:
            try:
                subprocess.run(step, check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError) as error:
                self.__exit__()
                pytest.skip(f"no network namespace can be made here: {error}")
        return self

    def __exit__(self, *_: object) -> None:
        for undo in (["ip", "netns", "del", self.name], ["ip", "link", "del", self.interface]):
            try:
                subprocess.run(undo, check=False, capture_output=True)
            except OSError:
                return

    def run(self, command: Sequence[str], **more: Any) -> subprocess.CompletedProcess[str]:
        """The finished process, with what it printed."""
        whole = ["ip", "netns", "exec", self.name, *command]
        return subprocess.run(whole, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, **more)

    def sniffer(self) -> socket.socket:
        """A socket that sees every packet between the two machines."""
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        raw.bind((self.interface, _ETH_P_ALL))
        raw.setblocking(False)
        return raw


@lru_cache(maxsize=1)
def far_address() -> str:
    """An address of this machine that is not loopback's; skips the test where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: the kernel only says which address it would use.
            probe.connect(("198.51.100.1", 9))
            found = str(probe.getsockname()[0])
        except OSError:
            found = ""
    if not found or found.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    return found


def connect_far(port: int, timeout: float = 10.0) -> socket.socket:
    """A connection to this machine's port that looks as if it came from elsewhere."""
    return socket.create_connection(("127.0.0.1", port), timeout, source_address=(far_address(), 0))


def connect_unix_as(uid: int, path: str) -> socket.socket:
    """A connection to a Unix socket that an account has made; only root can ask for another account's."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            socket.send_fds(theirs, [b"x"], [connection.fileno()])
        finally:
            os._exit(0)
    theirs.close()
    with ours:
        data, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    os.waitpid(pid, 0)
    assert data, f"account {uid} cannot connect to {path}"
    return socket.socket(fileno=descriptors[0])
