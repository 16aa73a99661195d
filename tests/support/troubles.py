"""A license server with every trouble that one feature can have, and ports with every trouble that a network can."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

from seatkeeper.adapters.host import default_hostid
from support.site import START_S, Site, feature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatkeeper.wire.messages import DaemonStatus

#: A host id that no machine of ours has.
STRANGE_HOSTID = "02feedfeed01"
#: A name that no name service knows (RFC 2606).
STRANGE_HOST = "nohost.invalid"


def troubled_site(directory: Path) -> Site:
    """A license server, not started, with a feature for each trouble; `good` has none, and `altered` was changed after signing."""
    lines = [
        feature("good", 5),
        feature("expired", 1, expiry="1-jan-2020"),
        feature("future", 1, START="1-jan-2999"),
        feature("old", 1, version="6.0"),
        feature("full", 2),
        feature("locked", 1, HOSTID=STRANGE_HOSTID),
        feature("here", 1, HOSTID=default_hostid()),
        feature("altered", 3),
    ]
    site = Site(directory, lines)
    text = site.license.read_text()
    changed = text.replace("altered genesys.d 8.0 permanent 3", "altered genesys.d 8.0 permanent 30")
    assert changed != text
    site.license.write_text(changed)
    return site


def down_site(directory: Path) -> Site:
    """A license server, started, whose vendor daemon is down for good: the SERVER line is for another machine."""
    site = Site(directory, {"good": 5})
    site.hostid = STRANGE_HOSTID
    site.write({"good": 5})
    site.start(wait=False)
    deadline = time.monotonic() + START_S
    while "hostid" not in (daemon := the_daemon(site)).reason:
        assert time.monotonic() < deadline, f"{daemon}; the log:\n{site.read_log()}"
        time.sleep(0.02)
    return site


def the_daemon(site: Site) -> DaemonStatus:
    """The site's vendor daemon as lmgrd tells of it, once that answers."""
    deadline = time.monotonic() + START_S
    while (status := site.status()) is None:
        assert time.monotonic() < deadline, site.read_log()
        time.sleep(0.02)
    return status.daemons[0]


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port of 127.0.0.1 that does not answer to a connection, as behind a firewall: its listener's queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        where = listener.getsockname()
        # The system queues one more than it is told to, or a few.
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(where)
        deadline = time.monotonic() + START_S
        while not _is_silent(where):
            assert time.monotonic() < deadline, "the port goes on answering"
        yield where[1]


def _is_silent(where: tuple[str, int]) -> bool:
    with socket.socket() as knock:
        knock.settimeout(0.2)
        try:
            knock.connect(where)
        except TimeoutError:
            return True
    return False


@contextlib.contextmanager
def mute_port() -> Iterator[int]:
    """A port of 127.0.0.1 that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


def closed_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
