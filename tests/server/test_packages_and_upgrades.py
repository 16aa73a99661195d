"""Packages and upgrades on real processes: a client that pins the root gets each seat that the lines give, and not one more."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.base.errors import LicenseError
from seatkeeper.licfile.model import Package, Upgrade
from seatkeeper.sdk.blocking import Client
from support.site import VENDOR, Site, feature

if TYPE_CHECKING:
    from pathlib import Path


def test_each_seat_is_believed_with_its_signed_lines(tmp_path: Path) -> None:
    issued = ("ISSUED", date.today().strftime("%d-%b-%Y").lower())
    lines = [
        Package("pack", VENDOR, attributes=(("COMPONENTS", "c1 c2:7.6:3"), issued)),
        feature("f1", 5, "8.0"),
        Upgrade("f1", VENDOR, "8.0", "9.0", "permanent", "2", attributes=(issued,)),
        feature("pack", 2, keyword="INCREMENT"),
        feature("pack", 1, keyword="INCREMENT", NOTICE="a second order"),
        Upgrade("nothing", VENDOR, "8.0", "9.0", "permanent", "2", attributes=(issued,)),
    ]
    with Site(tmp_path / "site", lines) as site:  # type: ignore[arg-type]
        site.start()
        with Client(f"{site.port}@localhost", root=site.root) as client:
            for name, version, count in (("f1", "9.0", 2), ("f1", "8.0", 3), ("c1", "8.0", 3), ("c2", "7.6", 9)):
                assert client.checkout(name, version, count).count == count
                with pytest.raises(LicenseError) as denied:
                    client.checkout(name, version)
                assert denied.value.number == -4
            with pytest.raises(LicenseError):
                client.checkout("pack")
        assert "UPGRADE nothing from 8.0 to 9.0" in site.read_log()
