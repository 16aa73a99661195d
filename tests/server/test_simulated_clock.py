"""A license server lives on a simulated clock under keys for simulations, and under no others."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.clock import SimulatedClock
from seatkeeper.adapters.keys import init_vendor, issue_credential
from seatkeeper.base.errors import LicenseError
from seatkeeper.sdk.blocking import Client
from support.site import VENDOR, Site, feature

if TYPE_CHECKING:
    from pathlib import Path

DAY_S = 86400.0
WAIT_S = 20.0


def wait_for_log(site: Site, text: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while text not in site.read_log():
        assert time.monotonic() < deadline, site.read_log()
        time.sleep(0.02)


def simulated(site: Site) -> None:
    """Gives a site that was not started yet new keys, for simulations."""
    site.keys = site.directory / "simulation-keys"
    site.trust = init_vendor(site.keys, VENDOR, today=date.today(), simulation=True)
    site.root = site.trust.root
    (site.directory / f"{VENDOR}.trust").write_bytes((site.keys / f"{VENDOR}.trust").read_bytes())
    issue_credential(site.keys, site.hostid, site.directory, today=date.today())


def test_a_license_expires_by_the_simulated_clock(tmp_path: Path) -> None:
    now = datetime.now()
    day_after_tomorrow = (now + timedelta(days=2)).strftime("%d-%b-%Y").lower()
    site = Site(tmp_path, {"f1": 1})
    simulated(site)
    site.write([feature("f1", 1, expiry=day_after_tomorrow)])
    clock = SimulatedClock(tmp_path / "clock", now.timestamp())
    with site:
        site.start("--simulated-clock", str(clock.path))
        with Client(f"{site.port}@localhost", root=site.root) as client:
            client.checkin(client.checkout("f1"))
        site.stop()
        clock.set(now.timestamp() + 4 * DAY_S)
        # By a clock that only this server has.
        site.start("--simulated-clock", str(clock.path))
        with Client(f"{site.port}@localhost", root=site.root) as client, pytest.raises(LicenseError) as denied:
            client.checkout("f1")
        assert denied.value.number == -10


def test_under_other_keys_it_is_refused(tmp_path: Path) -> None:
    clock = SimulatedClock(tmp_path / "clock", time.time())
    with Site(tmp_path, {"f1": 1}) as site:
        site.start("--simulated-clock", str(clock.path), wait=False)
        wait_for_log(site, "A simulated clock is only for keys that were made for simulations")
        with Client(f"{site.port}@localhost", root=site.root) as client, pytest.raises(LicenseError):
            client.checkout("f1")
