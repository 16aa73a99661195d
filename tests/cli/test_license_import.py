"""`seatkeeper license import`: a mail becomes a license file that verifies, or nothing is written."""

from __future__ import annotations

import json
import textwrap
from email.message import EmailMessage
from pathlib import Path

import pytest

from seatkeeper.cli.license import main
from seatkeeper.licfile.parser import parse
from support.licensedesk import Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(tmp_path)
    monkeypatch.chdir(made.place)
    return made


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(["import", *words])
    out, err = capsys.readouterr()
    return status, out, err


def mail(text: str, attachment: str | None = None) -> bytes:
    made = EmailMessage()
    made["From"] = "desk@pigeon.example"
    made["Subject"] = "Server and feature licenses"
    made.set_content(text)
    if attachment is not None:
        made.add_attachment(attachment.encode(), maintype="application", subtype="octet-stream", filename="license.dat")
    return made.as_bytes()


def test_a_quoted_mail_becomes_a_file(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    text = desk.write("issued.dat", a=10, b=5).read_text()
    Path("mail.eml").write_bytes(mail(textwrap.indent(f"Dear customer,\n{text}\n-- \nThe desk\n", "> ")))
    status, out, err = run(capsys, "mail.eml", "-o", "license.dat")
    assert (status, err) == (0, "")
    assert "2 licenses from mail.eml, text. All of them verify." in out
    assert "Repaired: marks of quoting" in out
    assert parse(Path("license.dat").read_text()).file == parse(text).file
    assert main(["verify", "license.dat"]) == 0
    assert "not overwritten" in run(capsys, "mail.eml", "-o", "license.dat")[2]
    assert run(capsys, "mail.eml", "-o", "license.dat", "--force")[0] == 0


def test_lines_alone_are_judged_in_the_old_file(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.write("license.dat", a=10)
    lines = desk.write("issued.dat", b=5).read_text().partition("genesys.d\n")[2]
    Path("mail.txt").write_text(f"Please add this:\n\n{lines}\nYours\n")
    assert "--into" in run(capsys, "mail.txt", "-o", "delta.lic")[2]
    status, out, _ = run(capsys, "mail.txt", "-o", "delta.lic", "--into", "license.dat")
    assert status == 0
    assert "Next: seatkeeper license merge license.dat delta.lic" in out
    assert main(["merge", "license.dat", "delta.lic", "--apply"]) == 0
    assert main(["verify", "license.dat"]) == 0


def test_a_damaged_mail_is_refused_with_its_line(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    text = desk.write("issued.dat", a=10).read_text()
    Path("mail.txt").write_text("Hello,\n\n" + text.replace("permanent 10", "permanent 11"))
    status, _, err = run(capsys, "mail.txt", "-o", "license.dat")
    assert status == 1
    assert "import: mail.txt, line 5: " in err
    assert "changed after signing" in err
    assert not Path("license.dat").exists()
    status, out, _ = run(capsys, "mail.txt", "-o", "license.dat", "--json")
    report = json.loads(out)
    assert (status, report["ok"], report["problems"][0]["line"]) == (1, False, 5)


def test_two_parts_with_different_licenses_are_told_apart(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = (desk.write("issued.dat", **counts).read_text() for counts in ({"a": 10}, {"b": 5}))
    Path("mail.eml").write_bytes(mail(one, two))
    status, _, err = run(capsys, "mail.eml", "-o", "license.dat")
    assert status == 1
    assert "--part 1 and --part 2" in err
    assert run(capsys, "mail.eml", "-o", "license.dat", "--part", "2")[0] == 0
    assert "FEATURE a " in Path("license.dat").read_text()
    assert "1 to 2" in run(capsys, "mail.eml", "-o", "x", "--part", "3")[2]


def test_the_same_in_text_and_attachment(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    text = desk.write("issued.dat", a=10).read_text()
    Path("mail.eml").write_bytes(mail(text, text))
    status, out, _ = run(capsys, "mail.eml", "-o", "license.dat", "--json")
    assert (status, json.loads(out)["part"]) == (0, "attachment license.dat")


def test_without_trust_nothing_is_believed(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mail.txt").write_text(desk.write("issued.dat", a=10).read_text())
    Path("genesys.d.trust").unlink()
    assert "there is no genesys.d.trust" in run(capsys, "mail.txt", "-o", "license.dat")[2]


def test_an_archive_is_not_opened_and_said_to_be_one(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    made = EmailMessage()
    made.set_content("Your licenses are attached.")
    made.add_attachment(b"PK\x03\x04", maintype="application", subtype="zip", filename="license.zip")
    Path("mail.eml").write_bytes(made.as_bytes())
    status, _, err = run(capsys, "mail.eml", "-o", "license.dat")
    assert status == 1
    assert err.endswith("Nothing was written. Archives are not opened: unpack it, and import what is in it.\n")
