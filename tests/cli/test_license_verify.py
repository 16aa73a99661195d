from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from seatkeeper.adapters import keys
from seatkeeper.cli.license_verify import main
from seatkeeper.licfile.model import Comment, Feature, LicenseFile, Server, Vendor
from seatkeeper.licfile.signature import sign_line
from seatkeeper.licfile.writer import write

TODAY = date(2026, 3, 3)
HOSTID = "0800200005ac"
GUIDE = """\
SERVER licensehost 00b0d0abb1b2 7260
DAEMON genesys.d c:\\flexlm\\genesys.d.exe port=7261
FEATURE tserver_sdn genesys.d 7.0 6-may-2005 100 8F796FD181BC \\
    NOTICE="Customer (Reseller) license_use" SIGN=64C2C0C0A262
"""


class Place(NamedTuple):
    keys: Path
    file: Path

    def write(self, text: str) -> None:
        self.file.write_bytes(text.encode())

    @property
    def text(self) -> str:
        return self.file.read_bytes().decode()


def licenses(store: Path, vendor: str = "genesys.d", count: int = 3) -> list[Feature]:
    key = keys.load_issuer(store, today=TODAY)
    attributes = (("NOTICE", "Blue Harbor Trading"), ("ISSUED", "03-mar-2026"))
    lines = [Feature(f"feature_{number}", vendor, "8.5", "permanent", "10", attributes=attributes) for number in range(count)]
    return [sign_line(line, (HOSTID,), key) for line in lines]  # type: ignore[misc]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    store, here, there = (tmp_path / name for name in ("keys", "here", "licenses"))
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    keys.init_vendor(store, "genesys.d", today=TODAY)
    (there / "genesys.d.trust").write_bytes((store / "genesys.d.trust").read_bytes())
    keys.issue_credential(store, HOSTID, there, today=TODAY)
    made = Place(store, there / "license.dat")
    head = (Comment("# made up"), Server("licsrv", HOSTID, 7260), Vendor("genesys.d", keyword="DAEMON"))
    made.write(write(LicenseFile((*head, *licenses(store)))))
    return made


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_good_file(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    issuer = keys.load_trust(place.keys)[1].issuers[0].id
    assert run(capsys, place.file) == (0, f"{place.file}: 3 lines verified, signed by genesys.d issuer {issuer}.\n", "")


def test_a_changed_line_is_named(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    at = place.text.index("feature_1")
    number = place.text[:at].count("\n") + 1
    place.write(place.text[:at] + place.text[at:].replace("permanent 10 ", "permanent 99 ", 1))
    status, out, err = run(capsys, place.file)
    assert status == 248
    said = f"line {number}, FEATURE feature_1 was changed after signing: count (found '99', signed with '10')."
    assert err == f"{place.file}: {said} (-8)\n"
    assert out == f"{place.file}: 1 line refused, 2 verified.\n"


def test_another_host_id_is_told(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """The credential beside the file tells for which host id it was made."""
    place.write(place.text.replace(HOSTID, "00b0d0abb1b2"))
    status, _, err = run(capsys, place.file)
    assert status == 247
    assert err.count(f"is signed for host id {HOSTID}; the SERVER line says 00b0d0abb1b2. (-9)\n") == 3


def test_trust_is_looked_for_in_three_places(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trust = place.file.with_name("genesys.d.trust")
    assert run(capsys, place.file)[0] == 0
    trust.rename(Path("genesys.d.trust"))
    assert run(capsys, place.file)[0] == 0
    Path("genesys.d.trust").rename(tmp_path / "other.name")
    status, _, err = run(capsys, place.file)
    assert status == 119
    assert err.count("is not signed by a key this server trusts: there is no genesys.d.trust beside the file") == 3
    assert run(capsys, place.file, "--trust", tmp_path / "other.name")[0] == 0
    assert run(capsys, place.file, "--trust", place.keys)[0] == 0
    status, _, err = run(capsys, place.file, "--trust", tmp_path / "nothing")
    assert (status, "no such trust file" in err) == (1, True)


def test_a_look_alike_trust_is_refused_by_the_pinned_root(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other"
    keys.init_vendor(other, "genesys.d", today=TODAY)
    head = (Server("licsrv", HOSTID), Vendor("genesys.d"))
    place.write(write(LicenseFile((*head, *licenses(other)))))
    status, _, err = run(capsys, place.file)
    assert (status, err.count("not signed by a key this server trusts")) == (119, 3)
    place.file.with_name("genesys.d.trust").write_bytes((other / "genesys.d.trust").read_bytes())
    assert run(capsys, place.file)[0] == 0
    for root in (place.keys / "root.pub", keys.read_root(place.keys / "root.pub").hex()):
        status, _, err = run(capsys, place.file, "--root", root)
        assert (status, "is pinned here" in err) == (119, True)
    assert run(capsys, place.file, "--root", other / "root.pub")[0] == 0
    status, _, err = run(capsys, place.file, "--root", "zz")
    assert (status, "--root" in err) == (1, True)


def test_a_revoked_issuer(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    trust = keys.revoke(place.keys, keys.load_trust(place.keys)[1].issuers[0].id, on=TODAY, reason="laptop lost", today=TODAY)
    status, _, err = run(capsys, place.file, "--trust", place.keys / "genesys.d.trust")
    assert trust.serial == 2
    assert (status, err.count("was revoked on 03-mar-2026 (laptop lost)")) == (119, 3)


def test_a_vendor_that_nobody_serves(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.write(place.text.replace("DAEMON genesys.d", "DAEMON genesis.d"))
    status, _, err = run(capsys, place.file)
    assert (status, err.count("for which the file has no DAEMON line. (-8)")) == (248, 3)


def test_two_vendors_each_with_their_trust(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other"
    keys.init_vendor(other, "other.d", today=TODAY)
    lines = (Server("licsrv", HOSTID), Vendor("genesys.d"), Vendor("other.d"), *licenses(place.keys), *licenses(other, "other.d"))
    place.write(write(LicenseFile(lines)))
    status, out, err = run(capsys, place.file)
    assert (status, err.count("(-137)")) == (119, 3)
    place.file.with_name("other.d.trust").write_bytes((other / "other.d.trust").read_bytes())
    status, out, err = run(capsys, place.file)
    assert (status, err) == (0, "")
    assert "6 lines verified, signed by genesys.d issuer" in out


def test_the_sample_of_the_guide(tmp_path: Path, capsys: pytest.CaptureFixture[str], place: Place) -> None:
    for directory in (tmp_path, place.file.parent):
        (directory / "guide.dat").write_text(GUIDE)
        status, _, err = run(capsys, directory / "guide.dat")
        assert (status, "FEATURE tserver_sdn is not signed by a key this server trusts" in err) == (119, True)


def test_errors_of_the_file_count_too(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.write(place.text + "FEATURE half genesys.d\n")
    status, out, err = run(capsys, place.file)
    assert status == 254
    assert f"{place.file}: line {place.text.count(chr(10))}" in err
    assert "1 line refused, 3 verified" in out


def test_the_first_error_is_the_status(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    text = place.text.replace("feature_0", "feature_x").replace("SIGN=", "SN=", 1)
    text += text[text.index("FEATURE") :].split("FEATURE")[2].replace("feature_1", "FEATURE feature_1").replace("SIGN=", "SN=")
    place.write(text)
    status, _, err = run(capsys, place.file)
    assert (status, err.count("(-114)")) == (142, 2)


def test_a_file_without_licenses(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("", "# nothing\n", f"SERVER a {HOSTID}\nDAEMON genesys.d\n"):
        place.write(text)
        status, _, err = run(capsys, place.file)
        assert (status, "has no FEATURE" in err) == (251, True)


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, tmp_path / "nothing")
    assert (status, str(tmp_path / "nothing") in err, err.count("\n")) == (255, True, 1)
    status, _, err = run(capsys, tmp_path)
    assert (status, str(tmp_path) in err) == (226, True)


def test_a_broken_trust_file_is_named(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    trust = place.file.with_name("genesys.d.trust")
    trust.write_text(trust.read_text().replace("9999", "99999"))
    status, out, err = run(capsys, place.file)
    assert (status, out, str(trust) in err, "signature does not fit" in err) == (1, "", True, True)


def test_json(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.write(place.text.replace("feature_1", "feature_7"))
    status, out, err = run(capsys, place.file, "--json")
    report = json.loads(out)
    assert (status, err) == (248, "")
    assert (report["ok"], report["number"], report["file"]) == (False, -8, str(place.file))
    assert report["trust"] == {"genesys.d": str(place.file.with_name("genesys.d.trust"))}
    assert [(row["name"], row["ok"], row.get("field")) for row in report["lines"]] == [
        ("feature_0", True, None),
        ("feature_7", False, "feature name"),
        ("feature_2", True, None),
    ]


def test_many_lines_on_all_processors(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    lines = licenses(place.keys, count=600)
    lines[500] = msgspec.structs.replace(lines[500], count="11")
    place.write(write(LicenseFile((Server("licsrv", HOSTID), Vendor("genesys.d"), *lines))))
    status, out, err = run(capsys, place.file)
    assert (status, err.count("\n"), "feature_500" in err) == (248, 1, True)
    assert "1 line refused, 599 verified" in out


@pytest.mark.parametrize("words", [[], ["a", "b"], ["--wrong", "a"]])
def test_wrong_usage_is_told(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    status, out, err = run(capsys, *words)
    assert (status, "Usage: seatkeeper license verify" in out + err) == (2, True)
