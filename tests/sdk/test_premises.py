"""sdk.premises: which license files are here, whether a server reads them, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seatkeeper.client.path import Address, parse_path
from seatkeeper.licfile.hostid import HostFacts
from seatkeeper.sdk.premises import hostid_steps, is_server, local_files, served_files, signature_steps, verdicts_of
from seatkeeper.wire.messages import ServerStatus
from support.site import VENDOR, Site

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.sdk.premises import LocalFile

FACTS = HostFacts(ethers=("0123456789ab",), hostname="licsrv", fqdn="licsrv.example.com", addresses=("10.0.0.5",))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"), {"f1": 5, "f2": 1})


def files(*places: object) -> list[LocalFile]:
    return local_files(parse_path(":".join(map(str, places)), windows=False))


def status(host: str, *names: str) -> ServerStatus:
    return ServerStatus(1, host, 7260, "0.1.0", list(names), [], [])


def test_files_and_directories_of_the_path_are_read(site: Site, tmp_path: Path) -> None:
    (tmp_path / "b.lic").write_text("# nothing\n")
    (tmp_path / "a.DAT").write_text("# nothing\n")
    (tmp_path / "notes.txt").write_text("no license file\n")
    found = files(site.license, "7260@licsrv", tmp_path, tmp_path / "none.dat")
    assert [file.path for file in found] == [site.license, tmp_path / "a.DAT", tmp_path / "b.lic"]
    assert not any(file.served for file in found)


def test_a_server_s_files_are_those_of_the_path_and_those_that_it_names(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "other.dat"
    other.write_text(site.license.read_text())
    told = status("licsrv", str(site.license), str(other), "relative.dat", str(tmp_path / "gone.dat"))
    found = served_files(files(site.license), [told])
    assert [(file.path, file.served) for file in found] == [(site.license, True), (other, True)]


@pytest.mark.parametrize(
    ("addresses", "host", "here"),
    [
        (("127.0.0.1",), None, True),
        (("10.0.0.5",), None, True),
        (("10.0.0.6",), None, False),
        ((), None, False),
        (("127.0.0.1",), "localhost", True),
        (("10.0.0.5",), "LICSRV.example.com", True),
        (("127.0.0.1",), "10.0.0.5", True),
        # A tunnel ends here, and the server is elsewhere.
        (("127.0.0.1",), "faraway.example.com", False),
    ],
)
def test_whether_this_is_the_server(addresses: tuple[str, ...], host: str | None, here: bool) -> None:
    address = Address("there", 7260)
    statuses = {address: status(host)} if host is not None else {}
    assert is_server(FACTS, {"there": addresses}, statuses) is here


def test_host_ids_matter_where_a_server_reads_the_file(site: Site) -> None:
    read = files(site.license)
    assert [step.state for step in hostid_steps(read, FACTS, granted=False)] == ["skipped"]
    served = served_files(read, [])
    (step,) = hostid_steps(served, FACTS, granted=False)
    assert (step.state, step.number) == ("failed", -9)
    assert hostid_steps(served, FACTS, granted=True)[0].state == "warning"
    assert hostid_steps(served, HostFacts(ethers=(site.hostid,)), granted=False)[0].state == "ok"


def test_lines_are_verified_by_the_trust_file_beside_them(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (file,) = served_files(files(site.license), [])
    assert [verdict.ok for verdict in verdicts_of(file, VENDOR)[0]] == [True, True]
    (step,) = signature_steps([file], VENDOR, "f1", granted=False)
    assert (step.state, step.sentence) == ("ok", f"2 license lines of {site.license} verified.")
    alone = tmp_path / "alone.dat"
    alone.write_text(site.license.read_text())
    assert [step.state for step in signature_steps(files(alone), VENDOR, "f1", granted=False)] == ["skipped"]
    (step,) = signature_steps(served_files(files(alone), []), VENDOR, "f1", granted=False)
    assert (step.state, step.number) == ("failed", -137)
    assert f"there is no {VENDOR}.trust beside it" in step.sentence
    (tmp_path / f"{VENDOR}.trust").write_text("no trust file")
    (step,) = signature_steps(served_files(files(alone), []), VENDOR, "f1", granted=False)
    assert (step.state, step.number) == ("warning", -137)


def test_a_changed_line_fails_where_it_matters(site: Site) -> None:
    changed = site.directory / "changed.dat"
    changed.write_text(site.license.read_text().replace("f2 genesys.d 8.0 permanent 1", "f2 genesys.d 8.0 permanent 9"))
    served = served_files(files(changed), [])
    assert [step.state for step in signature_steps(served, VENDOR, "f2", granted=False)] == ["failed"]
    assert [step.state for step in signature_steps(served, VENDOR, "f1", granted=False)] == ["warning"]
    assert [step.state for step in signature_steps(served, VENDOR, "f2", granted=True)] == ["warning"]


def test_a_line_that_cannot_be_read_is_a_warning_with_its_place(site: Site) -> None:
    broken = site.directory / "broken.dat"
    broken.write_text(site.license.read_text() + "FEATURE f3 genesys.d eight\n")
    (step,) = signature_steps(served_files(files(broken), []), VENDOR, "f1", granted=False)
    assert step.state == "warning"
    assert "line " in step.sentence
    assert step.remedy == f"Run `seatkeeper license lint {broken}`."


def test_files_without_license_lines_have_nothing_to_verify(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_text("SERVER licsrv ANY 7260\nUSE_SERVER\n")
    assert [step.state for step in signature_steps(files(tmp_path / "a.dat"), VENDOR, "", granted=False)] == ["skipped"]
