"""lminstall: there and back, dialogue and files, and nothing written where something is wrong."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seatkeeper.cli.lmutil import main
from seatkeeper.licfile.decimal import encode
from seatkeeper.licfile.model import Comment, Feature, LicenseFile, Server, Vendor
from seatkeeper.licfile.signature import sign_line
from seatkeeper.licfile.writer import write

HOSTIDS = ("0800200005ac",)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNED = [
    sign_line(Feature(name, "genesys.d", "8.0", "permanent", "10", "", (("NOTICE", "Büro"), ("ISSUED", "24-nov-2026"))), HOSTIDS, KEY)
    for name in ("f1", "f2")
]
FILE = LicenseFile((Comment("# Order 4711"), Server("licsrv", *HOSTIDS, 7260), Vendor("genesys.d"), *SIGNED))


@pytest.fixture(name="license_file")
def _license_file(tmp_path: Path) -> Path:
    path = tmp_path / "license.dat"
    path.write_text(write(FILE))
    return path


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_there_and_back(license_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decimal, back = license_file.parent / "decimal.lic", license_file.parent / "back.lic"
    assert main(["lminstall", "-i", str(license_file), "-odecimal", "-o", str(decimal)]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[1] == f"2 of 2 licenses in decimal format written to {decimal}"
    assert shown.err == ""
    assert decimal.read_text().startswith("# Order 4711\nSERVER licsrv 0800200005ac 7260\nVENDOR genesys.d\ngenesys.d-f1-0")
    assert all(len(line.expandtabs()) <= 80 for line in decimal.read_text().splitlines())
    assert main(["lminstall", "-i", str(decimal), "-o", str(back)]) == 0
    assert back.read_bytes() == license_file.read_bytes()


def test_without_o_the_result_alone_is_on_the_standard_output(license_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmutil", "lminstall", "-i", str(license_file), "-maxlen", "200"]) == 0
    shown = capsys.readouterr()
    assert shown.out == write(FILE, columns=200)
    assert shown.err.startswith("lmutil - Copyright (c) ")


def test_a_dialogue_ends_with_an_empty_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed(monkeypatch, f"{encode(SIGNED[0])}\n{encode(SIGNED[1])}\n   \nnot a line of it\n")
    assert main(["lminstall"]) == 0
    shown = capsys.readouterr()
    assert shown.out == write(LicenseFile(tuple(SIGNED)))
    assert "an empty line ends it" in shown.err
    assert sys.stdin.readline() == "not a line of it\n"


def test_a_dialogue_may_end_with_the_input_and_needs_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed(monkeypatch, "FEATURE f1 genesys.d 8.0 permanent 1")
    assert main(["lminstall"]) == 0
    assert capsys.readouterr().out == "FEATURE f1 genesys.d 8.0 permanent 1\n"
    typed(monkeypatch, "\n")
    assert main(["lminstall"]) == 214
    assert "Nothing was typed." in capsys.readouterr().err


def test_the_standard_input_may_be_the_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed(monkeypatch, "# a\n\nFEATURE f1 genesys.d 8.0 permanent 1\n")
    assert main(["lminstall", "-i", "-"]) == 0
    assert capsys.readouterr().out == "# a\n\nFEATURE f1 genesys.d 8.0 permanent 1\n"


def test_a_mistyped_group_is_named_and_nothing_is_written(license_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = encode(SIGNED[0])
    groups = good.removeprefix("genesys.d-f1-").split("-")
    wrong = groups[8][:4] + str((int(groups[8][4]) + 1) % 10)
    license_file.write_text("-".join(["genesys.d-f1", *groups[:8], wrong, *groups[9:]]) + "\nsampled-f1-00737-55296-1825\n")
    output = license_file.parent / "out.lic"
    output.write_text("before")
    assert main(["lminstall", "-i", str(license_file), "-o", str(output)]) == 157
    shown = capsys.readouterr()
    assert f"(-99,0) {license_file}, line 1: Mistyped: group 9 ({wrong})." in shown.err
    assert f"(-98,0) {license_file}, line 2: sampled-f1 is in another vendor's decimal format" in shown.err
    assert output.read_text() == "before"


def test_a_file_with_mistakes_is_not_converted(license_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    license_file.write_text("FEATURE f1 genesys.d 8,0 permanent 1\n")
    assert main(["lminstall", "-i", str(license_file)]) == 179
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "line 1: The version cannot be read." in shown.err


def test_what_cannot_be_decimal_stays_readable(license_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    license_file.write_text("FEATURE a+b genesys.d 8.0 permanent 1\nFEATURE f1 genesys.d 8.0 permanent 1\n")
    assert main(["lminstall", "-i", str(license_file), "-odecimal"]) == 158
    shown = capsys.readouterr()
    assert shown.out.startswith("FEATURE a+b genesys.d 8.0 permanent 1\ngenesys.d-f1-")
    assert "a+b cannot be converted" in shown.err


def test_an_older_release(license_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    license_file.write_text("VENDOR genesys.d\nFEATURE f1 genesys.d 8.0 permanent 1\n")
    assert main(["lminstall", "-i", str(license_file), "-overfmt", "5.0"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "DAEMON genesys.d\nFEATURE f1 genesys.d 8.0 1-jan-0 1\n"
    assert "permanent becomes 1-jan-0" in shown.err
    license_file.write_text(write(FILE))
    assert main(["lminstall", "-i", str(license_file), "-overfmt", "5.0"]) == 214
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "FEATURE f1 is signed with SIGN=" in shown.err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["-maxlen", "39"], 123, "no length of a line"),
        (["-maxlen", "x"], 123, "no length of a line"),
        (["-overfmt", "x"], 214, "no release"),
        (["-i"], 123, "needs a value"),
        (["-c", "license.dat"], 123, "takes no license path"),
        (["license.dat"], 123, "not expected"),
        (["-i", "no-such-file"], 214, "No such file"),
        (["-i", "."], 214, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lminstall", *words]) == status
    assert said in capsys.readouterr().err


def test_a_file_that_cannot_be_written(license_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lminstall", "-i", str(license_file), "-o", str(license_file.parent)]) == 214
    assert main(["lminstall", "-i", str(license_file), "-o", str(license_file.parent / "nowhere" / "x")]) == 214
    assert "cannot be written" in capsys.readouterr().err
