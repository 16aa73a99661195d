"""A simulated day has a license server of its own: throw-away keys, an order, a license file, and a clock that the simulation sets."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters import settings
from seatkeeper.adapters.clock import SimulatedClock
from seatkeeper.adapters.host import default_hostid
from seatkeeper.base.errors import InputError
from seatkeeper.client.path import parse_path
from seatkeeper.drive.day import Server
from seatkeeper.drive.premises import Premises, free_port
from seatkeeper.sim.installation import REREAD_LOWERS, REREAD_WITHDRAWS, Ordered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from pathlib import Path

__all__ = ["LEASE_S", "OwnServer", "foreign_server", "order_text"]

#: How long a client that hears nothing keeps its seats, in real time.
LEASE_S: Final = 12
#: From where on it looks for a port, which depends on the process.
_PORT: Final = 10_000
_PORTS: Final = 20_000
#: What a reread with less leaves of the feature that it lowers.
_LOWERED: Final = 0.8

_HEAD: Final = """\
# The order of a contact center that does not exist.
[order]
number = "20260099"
site = "4711"
company = "Kingfisher Travel"
requestor = "Avery Sample"
purpose = "demo"
license_use = "Simulation"
deployment = "blended"

[environment]
sites = 2
redundant_pairs = 2
technical_dns = 2000

[[servers]]
host = "localhost"
hostid = "{hostid}"
port = {port}
"""

_COUNTED_EACH: Final = 'attributes = { DUP_GROUP = "NONE" }\n'


def order_text(licenses: Sequence[Ordered], hostid: str, port: int) -> str:
    """The order of these licenses for a server on this machine.

    No license is shared by duplicate grouping, so that what each application holds can be compared with what the server counts for it.
    """
    lines = [_HEAD.format(hostid=hostid, port=port)]
    lines += [
        f'\n[[licenses]]\nfeature = "{one.feature}"\nversion = "{one.version}"\nquantity = {one.quantity}\n{_COUNTED_EACH}'
        for one in licenses
    ]
    return "".join(lines)


def foreign_server(path: str) -> Server:
    """Somebody else's license server, for a day that is run against it.

    Raises:
        InputError: The path is not one server's.
    """
    entries = parse_path(path, os.name == "nt", origin="-c")
    addresses = [address for entry in entries for address in entry.addresses]
    if len(entries) != 1 or len(addresses) != 1:
        raise InputError("A day is run against one license server.", file="-c", found=path, expected="port@host")
    root = settings.pinned_root(None)
    return Server(addresses[0].host, addresses[0].port, root.hex() if root else "")


class OwnServer(Server):
    """A license server in a directory of its own.

    Args:
        directory: Where it is made.
        licenses: What it serves.
        day: The calendar day on which it begins, at midnight.
        port: Its port; 0 for one that is free.
        say: Called with each line that its commands print.

    Attributes:
        clock: Its wall clock.
    """

    def __init__(self, directory: Path, licenses: Sequence[Ordered], day: date, port: int, say: Callable[[str], None]) -> None:
        # Days that are started at the same moment look for their ports in different places.
        port = port or free_port(first=_PORT + os.getpid() % _PORTS)
        self.premises = premises = Premises(directory, port, "seatkeeper simulate", say)
        premises.prepare()
        premises.make_keys("--simulation")
        super().__init__("localhost", premises.port, premises.root)
        self.clock = SimulatedClock(directory / "clock", datetime(day.year, day.month, day.day).timestamp())
        less = [
            Ordered(one.feature, one.version, max(1, int(one.quantity * _LOWERED)) if one.feature == REREAD_LOWERS else one.quantity)
            for one in licenses
            if one.feature != REREAD_WITHDRAWS
        ]
        for name, listed in (("less", less), ("all", licenses)):
            premises.issue(order_text(listed, default_hostid(), premises.port), f"order-{name}.toml")
            shutil.copyfile(directory / "license.dat", directory / f"license-{name}.txt")

    @property
    def is_ours(self) -> bool:
        """It is."""
        return True

    def start(self) -> None:
        """Starts lmgrd on the simulated clock."""
        self.premises.start("--simulated-clock", "clock", "--lease", str(LEASE_S))

    def kill(self) -> None:
        """As a machine that fails."""
        self.premises.kill()

    def reread(self, *, less: bool, running: bool = True) -> str:
        """Puts the other license file in the place of the one that is served, and lets lmgrd reread it where it runs."""
        directory = self.premises.directory
        shutil.copyfile(directory / f"license-{'less' if less else 'all'}.txt", directory / "license.dat")
        if running:
            self.premises.command("lmutil", "lmreread", "-c", self.path)
        return REREAD_WITHDRAWS

    def stop(self) -> None:
        """Ends it; the directory stays."""
        self.premises.stop()
