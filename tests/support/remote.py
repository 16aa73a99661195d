"""Clients that are somebody else: another account, or what looks like another machine.

Whole machines are in namespaces.py. Here is an address of this machine from which a connection to 127.0.0.1 looks like one from elsewhere;
the kernel lets it through, since both ends are here.
"""

from __future__ import annotations

import os
import socket
from functools import lru_cache

import pytest


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
