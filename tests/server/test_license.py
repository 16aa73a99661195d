"""What a vendor daemon may serve from its files on a machine, and why not."""

from __future__ import annotations

import os
import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from seatkeeper.adapters.host import host_facts
from seatkeeper.adapters.keys import credential_path, init_vendor, issue_credential, load_issuer
from seatkeeper.base.errors import LicenseError, SeatkeeperError
from seatkeeper.licfile.hostid import HostFacts
from seatkeeper.licfile.model import LicenseFile, Package, Upgrade
from seatkeeper.licfile.options import parse_options
from seatkeeper.licfile.signature import sign_line
from seatkeeper.licfile.writer import write
from seatkeeper.pools.grouping import group_lines
from seatkeeper.sdk.admin import reread
from seatkeeper.sdk.blocking import Client
from seatkeeper.server.license import Served, find_files, load_served, new_faults, number_of, read_file
from support.site import VENDOR, Site, feature

if TYPE_CHECKING:
    from seatkeeper.licfile.model import Signable

TODAY = date.today()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site", [feature("f1", 5), feature("f2", 1), feature("f3", 2, keyword="INCREMENT")])


def names(site: Site, *more: Path) -> list[str]:
    return [line.name for line in load_served([site.license, *more], VENDOR, host_facts(), TODAY).lines]


def test_a_file_as_it_was_issued_is_served_whole(site: Site) -> None:
    served = load_served([site.license], VENDOR, host_facts(), TODAY)
    assert [line.name for line in served.lines] == ["f1", "f2", "f3"]
    assert served.refusals == ()
    assert served.hostids == (site.hostid,)
    assert served.credential.hostid == site.hostid


def test_a_changed_line_is_left_out_and_named_and_the_others_are_served(site: Site) -> None:
    site.license.write_text(site.license.read_text().replace("permanent 5", "permanent 500"))
    served = load_served([site.license], VENDOR, host_facts(), TODAY)
    assert [line.name for line in served.lines] == ["f2", "f3"]
    assert len(served.refusals) == 1
    assert "f1" in served.refusals[0]
    assert "(-8)" in served.refusals[0]


def test_many_lines_are_verified_as_well_as_few(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", [feature(f"f{number}", 1) for number in range(300)])
    site.license.write_text(
        site.license.read_text().replace("FEATURE f7 genesys.d 8.0 permanent 1", "FEATURE f7 genesys.d 8.0 permanent 2")
    )
    served = load_served([site.license], VENDOR, host_facts(), TODAY)
    assert (len(served.lines), len(served.refusals)) == (299, 1)


def test_a_line_that_is_not_understood_is_named_with_its_place(site: Site) -> None:
    site.license.write_text(site.license.read_text() + "FEATURE broken genesys.d eight permanent 1\n")
    served = load_served([site.license], VENDOR, host_facts(), TODAY)
    assert len(served.lines) == 3
    assert f"{site.license}:" in served.refusals[0]


def test_lines_of_other_vendors_are_none_of_our_business(site: Site) -> None:
    site.license.write_text(site.license.read_text() + "VENDOR other.d\nFEATURE x other.d 1.0 permanent 1 SIGN=0\n")
    assert names(site) == ["f1", "f2", "f3"]


def test_an_increment_copied_into_a_second_file_counts_once(site: Site) -> None:
    copy = site.directory / "copy.lic"
    copy.write_text(site.license.read_text())
    served = load_served([site.license, copy], VENDOR, host_facts(), TODAY)
    assert [line.name for line in served.lines].count("f3") == 1


def test_files_of_different_servers_are_not_combined(site: Site, tmp_path: Path) -> None:
    other = site.directory / "other.lic"
    other.write_text(site.license.read_text().replace(site.hostid, "0800200005ac"))
    with pytest.raises(LicenseError, match="different servers") as refused:
        names(site, other)
    assert refused.value.number == -9


def signed(site: Site, *lines: Signable) -> str:
    """Lines of this site's vendor as a file without SERVER lines holds them."""
    key = load_issuer(site.keys, today=date.today())
    issued = date.today().strftime("%d-%b-%Y").lower()
    dated = [msgspec.structs.replace(line, attributes=(*line.attributes, ("ISSUED", issued))) for line in lines]
    return write(LicenseFile(tuple(sign_line(line, (site.hostid,), key) for line in dated)))


def test_package_and_upgrade_lines_that_verify_are_served_from_whichever_file(site: Site) -> None:
    packages, upgrades = site.directory / "packages.lic", site.directory / "upgrades.lic"
    packages.write_text(signed(site, Package("f2", VENDOR, attributes=(("COMPONENTS", "c1 c2:7.6:3"),))))
    upgrades.write_text(signed(site, Upgrade("f1", VENDOR, "8.0", "9.0", "permanent", "2")))
    for files in ([packages, site.license, upgrades], [site.license, upgrades, packages]):
        served = load_served(files, VENDOR, host_facts(), TODAY)
        assert served.refusals == ()
        found, ignored = group_lines(served.lines, date.today())
        assert ignored == []
        assert {name: [(pool.version, pool.total) for pool in pools] for name, pools in found.items()} == {
            "f1": [("8.0", 3), ("9.0", 2)],
            "c1": [("8.0", 1)],
            "c2": [("7.6", 3)],
            "f3": [("8.0", 2)],
        }


def test_a_package_line_with_another_component_is_left_out_and_named(site: Site) -> None:
    packages = site.directory / "packages.lic"
    packages.write_text(signed(site, Package("f2", VENDOR, attributes=(("COMPONENTS", "c1 c2"),))).replace("c1 c2", "c1 c2 c3"))
    served = load_served([site.license, packages], VENDOR, host_facts(), TODAY)
    assert [line.name for line in served.lines] == ["f1", "f2", "f3"]
    assert "PACKAGE f2" in served.refusals[0]
    assert str(packages) in served.refusals[0]


def test_a_package_of_another_server_joins_nobody(site: Site) -> None:
    packages = site.directory / "packages.lic"
    line = Package("f2", VENDOR, attributes=(("COMPONENTS", "c1"), ("ISSUED", date.today().strftime("%d-%b-%Y").lower())))
    packages.write_text(write(LicenseFile((sign_line(line, ("0800200005ac",), load_issuer(site.keys, today=date.today())),))))
    served = load_served([site.license, packages], VENDOR, host_facts(), TODAY)
    assert not any(isinstance(line, Package) for line in served.lines)
    assert len(served.refusals) == 1


def test_use_server_is_for_clients(site: Site) -> None:
    """A client reads no further; the server reads it all (facts, FlexNet 1.4)."""
    before, after = site.license.read_text().split("FEATURE f1", 1)
    site.license.write_text(f"{before}USE_SERVER\nFEATURE f1{after}")
    served = load_served([site.license], VENDOR, host_facts(), TODAY)
    assert [line.name for line in served.lines] == ["f1", "f2", "f3"]
    assert served.refusals == ()


def test_another_machine_is_told_both_host_ids(site: Site) -> None:
    with pytest.raises(LicenseError) as refused:
        load_served([site.license], VENDOR, HostFacts(ethers=("0800200005ac",), hostname="elsewhere"), TODAY)
    assert refused.value.number == -9
    assert site.hostid in refused.value.reason
    assert "0800200005ac" in refused.value.reason


@pytest.mark.parametrize("hostid", ["10.1.2.3", "DEMO", "0800200055327"])
def test_host_ids_that_may_not_stand_on_a_server_line(site: Site, hostid: str) -> None:
    site.license.write_text(site.license.read_text().replace(site.hostid, hostid))
    with pytest.raises(LicenseError) as refused:
        names(site)
    assert refused.value.number in (-9, -13)


def test_a_credential_of_another_host_id_is_not_taken(site: Site) -> None:
    path = next(site.directory.glob("*.credential"))
    other = issue_credential(site.keys, "0800200005ac", site.directory, today=site.trust.signed_on)
    other.replace(path)
    with pytest.raises(SeatkeeperError):
        names(site)


def test_a_host_name_may_be_edited_and_credentials_are_found_by_host_id(site: Site) -> None:
    site.license.write_text(site.license.read_text().replace("SERVER localhost", "SERVER another-name.example"))
    assert names(site) == ["f1", "f2", "f3"]


def test_letters_of_the_old_code_page_do_not_disturb(site: Site) -> None:
    site.license.write_bytes("# Größe\n".encode("latin-1") + site.license.read_bytes())
    assert names(site) == ["f1", "f2", "f3"]


def test_files_are_found_in_directories_by_name(tmp_path: Path) -> None:
    for name in ("b.lic", "a.dat", "c.txt"):
        (tmp_path / name).write_text("")
    assert [path.name for path in find_files([str(tmp_path)])] == ["a.dat", "b.lic"]


def test_a_file_that_is_named_twice_is_one_file(site: Site) -> None:
    found = find_files([str(site.license), str(site.directory), str(site.license)])
    assert found == [site.license]


def test_a_place_that_the_system_refuses_is_error_30(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("seatkeeper.server.license.Path.iterdir", refuse)
    with pytest.raises(LicenseError) as refused:
        find_files([str(tmp_path)])
    assert refused.value.number == -30
    assert "Permission denied" in refused.value.reason


def test_the_trust_file_stands_beside_the_server_line_whichever_file_comes_first(site: Site, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "more.lic").write_text("# nothing but a comment\n")
    served = load_served([elsewhere / "more.lic", site.license], VENDOR, host_facts(), TODAY)
    assert len(served.lines) == 3


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LicenseError, match="Cannot find license file") as missing:
        find_files([str(tmp_path / "none.dat")])
    assert "none.dat" in missing.value.reason
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(LicenseError) as nothing:
        find_files([str(empty)])
    assert "no *.lic" in nothing.value.reason


def test_a_file_that_cannot_be_read_is_error_30(tmp_path: Path) -> None:
    with pytest.raises(LicenseError) as refused:
        read_file(tmp_path)
    assert refused.value.number == -30


def test_a_reread_is_kept_back_by_new_faults_only() -> None:
    def served(*refusals: str, options: str = "") -> Served:
        return Served((), (), None, "", None, refusals, parse_options(options, "d.opt"))  # type: ignore[arg-type]

    old = served("a.lic:3:1: bad (-8)", options="MXA 1 f1 USER ann\n")
    assert new_faults(old, served("a.lic:7:1: bad (-8)", options="# moved\nMXA 1 f1 USER ann\n")) == []
    assert new_faults(old, served("a.lic:7:1: worse (-8)")) == ["a.lic:7:1: worse (-8)"]
    (fault,) = new_faults(old, served(options="MAX f1\n"))
    assert fault.startswith("options file d.opt:1:")
    assert (number_of("a.lic:7:1: worse (-8)"), number_of("d.opt:1:1: what")) == (-8, -2)


def test_a_file_for_three_servers_is_not_served_by_one_alone(tmp_path: Path) -> None:
    """Each of three machines would give all the seats."""
    site = Site(tmp_path, {"f1": 5})
    text = site.license.read_text()
    first = next(line for line in text.splitlines() if line.startswith("SERVER"))
    site.license.write_text(text.replace(first, "\n".join([first, "SERVER b 001122334455 7260", "SERVER c 001122334466 7260"])))
    with pytest.raises(LicenseError) as refused:
        load_served([site.license], VENDOR, host_facts(), TODAY)
    assert refused.value.number == -85
    assert "three-server" in refused.value.reason


def put_in_place(site: Site, vendor: str, keys: Path) -> None:
    """Another vendor's (or another key directory's) credential lies where this site's should."""
    elsewhere = site.directory / "elsewhere"
    elsewhere.mkdir()
    path = issue_credential(keys, site.hostid, elsewhere, today=TODAY)
    assert path.name == credential_path(elsewhere, vendor, site.hostid).name
    path.replace(credential_path(site.directory, VENDOR, site.hostid))


@pytest.mark.parametrize("other", ["other.d", VENDOR])
def test_a_credential_of_another_vendor_or_of_other_keys_is_named_with_what_is_expected(site: Site, tmp_path: Path, other: str) -> None:
    """Every client would refuse this server, which would be up."""
    init_vendor(tmp_path / "keys", other, today=TODAY)
    put_in_place(site, other, tmp_path / "keys")
    with pytest.raises(LicenseError) as refused:
        names(site)
    assert refused.value.number == -33
    reason = refused.value.reason
    for word in (str(credential_path(site.directory, VENDOR, site.hostid)), f"{VENDOR}.trust", f"for {other},", "Put the credential"):
        assert word in reason


def test_a_credential_that_is_not_valid_today(site: Site) -> None:
    for days, word in ((-30, "valid from"), (40 * 365, "not today")):
        with pytest.raises(LicenseError) as refused:
            load_served([site.license], VENDOR, host_facts(), TODAY + timedelta(days=days))
        assert (refused.value.number, word in refused.value.reason) == (-33, True)


def test_a_trust_file_of_another_vendor_under_this_one_s_name(site: Site, tmp_path: Path) -> None:
    init_vendor(tmp_path / "keys", "other.d", today=TODAY)
    (site.directory / f"{VENDOR}.trust").write_bytes((tmp_path / "keys" / "other.d.trust").read_bytes())
    with pytest.raises(LicenseError, match="trust") as refused:
        names(site)
    assert "is the trust file of other.d" in refused.value.reason
    assert "licenses of genesys.d" in refused.value.reason


def test_a_credential_whose_name_alone_fits_is_called_what_it_is(site: Site) -> None:
    path = next(site.directory.glob("*.credential"))
    issue_credential(site.keys, "0800200005ac", site.directory, today=TODAY).replace(path)
    with pytest.raises(LicenseError) as refused:
        names(site)
    assert f"The credential {path} is for another hostid than {site.hostid}" in refused.value.reason


@pytest.mark.processes
def test_a_server_with_another_vendor_s_credential_says_so_and_a_reread_keeps_the_good_one(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 2}) as site:
        site.start()
        good = credential_path(site.directory, VENDOR, site.hostid).read_bytes()
        init_vendor(tmp_path / "keys", "other.d", today=TODAY)
        put_in_place(site, "other.d", tmp_path / "keys")
        with pytest.raises(LicenseError, match="credential") as refused:
            reread("localhost", site.port)
        assert "Nothing was changed" in refused.value.reason
        # The old one is still shown, and believed.
        with Client(f"{site.port}@localhost", root=site.root) as client, client.checkout("f1", "8.0") as seat:
            assert seat.count == 1
        site.stop()
        site.start(wait=False)
        deadline = time.monotonic() + 20
        while "NOT started again" not in site.read_log():
            assert time.monotonic() < deadline, site.read_log()
            time.sleep(0.02)
        assert "for other.d" in site.read_log().partition("NOT started again")[2]
        credential_path(site.directory, VENDOR, site.hostid).write_bytes(good)
        reread("localhost", site.port)
        site.wait_until_serving()


def test_a_name_that_is_not_utf_8_is_told_before_it_breaks_what_names_it(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/gr\xf6\xdfe.lic"
    Path(os.fsdecode(name)).write_text("")
    for place in (os.fsdecode(name), str(tmp_path)):
        with pytest.raises(LicenseError) as refused:
            find_files([place])
        assert refused.value.number == -42
        assert "gr\\xf6\\xdfe.lic is not UTF-8" in refused.value.reason
    Path(os.fsdecode(name)).rename(tmp_path / "größe.lic")
    assert find_files([str(tmp_path)]) == [tmp_path / "größe.lic"]
