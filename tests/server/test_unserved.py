"""server.unserved: what refused license lines would have given, and why they do not, is known and told to who asks."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.host import host_facts
from seatkeeper.adapters.keys import load_issuer
from seatkeeper.base.errors import LicenseError
from seatkeeper.licfile.model import LicenseFile, Package
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import sign_line
from seatkeeper.licfile.writer import write
from seatkeeper.sdk.blocking import Client
from seatkeeper.server.license import load_served
from seatkeeper.server.unserved import unserved_features
from support.site import VENDOR, Site, feature

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date.today()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "site", [feature("f1", 3), feature("pack", 2), feature("f3", 2)])
    key = load_issuer(site.keys, today=TODAY)
    package = Package("pack", VENDOR, attributes=(("COMPONENTS", "c1 c2:7.6:3"), ("ISSUED", TODAY.strftime("%d-%b-%Y").lower())))
    with site.license.open("a") as file:
        file.write(write(LicenseFile((sign_line(package, (site.hostid,), key),))))
    return site


def change(site: Site, old: str, new: str) -> None:
    text = site.license.read_text()
    assert old in text
    site.license.write_text(text.replace(old, new))


def unserved(site: Site) -> dict[str, tuple[int, str]]:
    found = load_served([site.license], VENDOR, host_facts(), TODAY).unserved
    return {name: (one.number, one.reason) for name, one in found.items()}


def test_what_is_served_is_not_among_it(site: Site) -> None:
    assert unserved(site) == {}


def test_a_line_that_was_changed(site: Site) -> None:
    change(site, "FEATURE f1 genesys.d 8.0 permanent 3", "FEATURE f1 genesys.d 8.0 permanent 9")
    ((name, (number, reason)),) = unserved(site).items()
    assert (name, number) == ("f1", -8)
    assert reason.startswith("The license file has a line of f1, and it is not served: line ")
    assert "was changed after signing: count" in reason


def test_a_line_that_cannot_be_read(site: Site) -> None:
    change(site, "FEATURE f1 genesys.d 8.0", "FEATURE f1 genesys.d eight")
    (number, reason) = unserved(site)["f1"]
    assert number == -2
    assert "not served: line " in reason


def test_the_components_of_a_package_that_was_changed(site: Site) -> None:
    change(site, "c1 c2:7.6:3", "c1 c2:7.6:4")
    found = unserved(site)
    assert set(found) == {"c1", "c2"}
    assert found["c1"][0] == -8
    assert "PACKAGE pack" in found["c1"][1]


def test_the_components_of_a_package_that_cannot_be_read(site: Site) -> None:
    change(site, "PACKAGE pack genesys.d", "PACKAGE pack genesys.d eight nine")
    assert set(unserved(site)) == {"c1", "c2"}


def test_the_components_whose_enabling_line_is_refused(site: Site) -> None:
    change(site, "FEATURE pack genesys.d 8.0 permanent 2", "FEATURE pack genesys.d 8.0 permanent 9")
    found = unserved(site)
    assert set(found) == {"pack", "c1", "c2"}
    assert found["c1"] == found["pack"]


def test_lines_of_others_and_what_is_no_license_line_are_none_of_it() -> None:
    text = "FEATURE x other.d eight permanent 1\nFEATURE\nNONSENSE y genesys.d 1\nPACKAGE z genesys.d eight\n"
    assert unserved_features([parse(text, "a.lic")], VENDOR, []) == {}


def test_where_the_line_stands(site: Site) -> None:
    parsed = parse("# one\nFEATURE x genesys.d eight permanent 1\n", "/etc/a.lic")
    assert unserved_features([parsed], VENDOR, [])["x"].rule == "a.lic:2: FEATURE x"


@pytest.mark.processes
def test_who_asks_is_told_why(site: Site) -> None:
    change(site, "FEATURE f1 genesys.d 8.0 permanent 3", "FEATURE f1 genesys.d 8.0 permanent 9")
    with site.start(), Client(f"{site.port}@localhost", root=site.root) as client:
        with pytest.raises(LicenseError, match="key or signature") as denied:
            client.checkout("f1")
        assert denied.value.number == -8
        assert "a line of f1, and it is not served" in denied.value.reason
        assert denied.value.rule == "license.dat: FEATURE f1"
    assert 'UNSUPPORTED: "f1" ' in site.read_log()
