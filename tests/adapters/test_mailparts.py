"""Mails of every make, and files that are none."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from seatkeeper.adapters import mailparts
from seatkeeper.adapters.mailparts import read_mail
from seatkeeper.base.errors import InputError

TEXT = "SERVER licsrv 0800200005ac 7260\nDAEMON genesys.d\nFEATURE a genesys.d 8.0 permanent 5 SIGN=64C2 # Gr\u00fc\u00dfe\n"


def mail() -> EmailMessage:
    made = EmailMessage()
    made["From"] = "desk@pigeon.example"
    made["Subject"] = "Licenses"
    return made


def parts(path: Path, data: bytes) -> list[tuple[str, str]]:
    path.write_bytes(data)
    return [(part.name, part.text.replace("\r\n", "\n")) for part in read_mail(path)]


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64", "8bit"])
def test_text_in_every_transfer_encoding(tmp_path: Path, encoding: str) -> None:
    made = mail()
    made.set_content(TEXT, cte=encoding)
    assert parts(tmp_path / "a.eml", made.as_bytes()) == [("text", TEXT)]


def test_an_attachment_comes_first_and_a_page_last(tmp_path: Path) -> None:
    made = mail()
    made.set_content("see below\n")
    made.add_alternative("<html><body><p>see <b>below</b></p></body></html>", subtype="html")
    made.add_attachment(TEXT.encode("utf-16"), maintype="application", subtype="octet-stream", filename="license.dat")
    found = parts(tmp_path / "a.eml", made.as_bytes())
    assert [name for name, _ in found] == ["attachment license.dat", "text", "page"]
    assert found[0][1] == TEXT
    assert "see below" in found[2][1]


def test_a_forwarded_mail_is_looked_into(tmp_path: Path) -> None:
    inner, outer = mail(), mail()
    inner.set_content(TEXT)
    outer.set_content("fyi\n")
    outer.add_attachment(inner)
    assert ("text", TEXT) in parts(tmp_path / "a.eml", outer.as_bytes())


def test_files_that_are_no_mail(tmp_path: Path) -> None:
    assert parts(tmp_path / "a.txt", TEXT.encode("latin-1")) == [("a.txt", TEXT)]
    assert parts(tmp_path / "a.txt", b"Note: here they are\n\n" + TEXT.encode()) == [("a.txt", "Note: here they are\n\n" + TEXT)]
    assert "DAEMON genesys.d" in parts(tmp_path / "a.html", f"<html><pre>{TEXT}</pre></html>".encode())[0][1]


def test_an_unknown_encoding_is_read_as_a_license_file_is(tmp_path: Path) -> None:
    data = b'From: a@b.example\nContent-Type: text/plain; charset="x-none"\n\nGr\xfc\xdfe\n'
    assert parts(tmp_path / "a.eml", data) == [("text", "Gr\u00fc\u00dfe\n")]


def test_too_large_or_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_mail(tmp_path / "none")
    monkeypatch.setattr(mailparts, "MAIL_BYTES_MAX", 10)
    with pytest.raises(InputError, match="larger than"):
        parts(tmp_path / "a.eml", TEXT.encode())
