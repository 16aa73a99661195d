"""Every product and any order give a license file that a real license server serves, with the guide's licenses in the guide's numbers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import date
from typing import TYPE_CHECKING, Final

import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.adapters.host import default_hostid
from seatkeeper.adapters.keys import init_vendor, load_trust
from seatkeeper.base.errors import LicenseError
from seatkeeper.catalog.expand import Environment, Item
from seatkeeper.issue.issuer import issue_order
from seatkeeper.issue.model import Order, OrderServer, Terms
from seatkeeper.sdk import admin
from seatkeeper.sdk.blocking import Client
from support.guide_tables import NAMES, TEMPLATE, VERSIONS, oracle
from support.site import START_S, VENDOR, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CATALOG = load_catalog()
RANDOM_ORDERS: Final = 200
PER_RUN: Final = 25
#: As many characters of a random order's number as fit for all of them.
_SEED: Final = 20261124


class ServedDesk:
    """A vendor's keys, and one lmgrd that rereads what is issued."""

    def __init__(self, directory: Path) -> None:
        self.keys, self.file = directory / "keys", directory / "license.dat"
        init_vendor(self.keys, VENDOR, today=date.today())
        self.root = bytes.fromhex(load_trust(self.keys)[1].root)
        self.port = free_port()
        self.server = OrderServer("localhost", default_hostid(), self.port)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = directory / "debug.log"

    def serve(self, items: list[Item], around: Environment) -> dict[str, tuple[str, int]]:
        """Issues an order and lets the server serve it; version and count of what it then serves, by feature in lower case."""
        terms = Terms("20260001", "1111", "Pigeon Post Example Ltd", "Alex Example", "production", deployment=around.deployment)
        order = Order(terms, tuple(items), (), around, (self.server,))
        issue_order(order, CATALOG, self.keys, self.file, date.today(), force=True)
        if self.process is None:
            command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(self.file), "-l", f"+{self.log}"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            self._wait()
        else:
            admin.reread("localhost", self.port)
        return {pool.feature.lower(): (pool.version, pool.total) for pool in admin.pools("localhost", self.port, VENDOR)}

    def _wait(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                if all(daemon.up for daemon in admin.server_status("localhost", self.port).daemons):
                    return
            except LicenseError:
                time.sleep(0.02)
        raise AssertionError(f"the license server does not serve:\n{self.log.read_text()}")

    def stop(self) -> int:
        if self.process is None:
            return 0
        os.kill(self.process.pid, signal.SIGTERM)
        return self.process.wait(30)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDesk]:
    made = ServedDesk(tmp_path_factory.mktemp("desk"))
    yield made
    assert made.stop() == 0


def wanted(items: list[Item], around: Environment) -> dict[str, tuple[str, int]]:
    """What the guide's tables require, and the sellable items' own lines."""
    own: dict[str, tuple[str, int]] = {}
    for item in items:
        part = CATALOG.product(item.product).part.lower()
        version, count = own.get(part, ("0.0", 0))
        # Versions of random items have two digits, so that their texts compare as they do.
        own[part] = max(version, item.version), count + item.quantity
    return {**own, **oracle(items, around)}


@pytest.mark.processes
@pytest.mark.parametrize("start", range(0, len(NAMES), PER_RUN))
def test_each_product_alone_is_served_and_every_license_can_be_checked_out(desk: ServedDesk, start: int) -> None:
    for name in NAMES[start : start + PER_RUN]:
        items = [Item(name, "8.5", 25)]
        expected = wanted(items, TEMPLATE)
        assert desk.serve(items, TEMPLATE) == expected
        with Client(f"{desk.port}@localhost", root=desk.root) as client:
            for feature, (version, _) in oracle(items, TEMPLATE).items():
                with client.checkout(feature, version):
                    pass


@pytest.mark.processes
@pytest.mark.parametrize("run", range(RANDOM_ORDERS // PER_RUN))
def test_random_orders_are_served(desk: ServedDesk, run: int) -> None:
    draw = random.Random(_SEED + run)
    for _ in range(PER_RUN):
        names = draw.sample(NAMES, draw.randint(1, 10))
        # One product may stand in several tables.
        names += draw.choices(names, k=draw.randint(0, 2))
        items = [Item(name, draw.choice(VERSIONS), draw.randint(1, 5000)) for name in names]
        around = Environment(
            deployment=draw.choice(["separate", "blended"]),
            sites=draw.randint(0, 9),
            redundant_pairs=draw.randint(0, 9),
            instances=draw.randint(0, 9),
            environments=draw.randint(0, 9),
            network_tservers=draw.randint(0, 3),
            ivr_servers=draw.randint(0, 3),
            seat_dns=draw.choice([None, draw.randint(0, 5000)]),
            technical_dns=draw.choice([None, draw.randint(0, 5000)]),
        )
        assert desk.serve(items, around) == wanted(items, around), (items, around)
