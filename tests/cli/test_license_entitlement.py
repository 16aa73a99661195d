"""`seatkeeper license entitlement`: from an order to a signed file for reports, and what is said of one that came."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seatkeeper.cli import issue, license, order, vendor


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    assert vendor.main(["init", "genesys.d", "--keys", "keys"]) == 0
    capsys.readouterr()
    assert order.main(["template", "--host", "licsrv", "--hostid", "0800200005ac"]) == 0
    Path("order.toml").write_text(capsys.readouterr().out)
    assert issue.main(["order.toml", "--keys", "keys", "-o", "license.dat"]) == 0
    capsys.readouterr()
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = license.main(["entitlement", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_from_a_license_file_to_a_checked_entitlement(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "license.dat", "--keys", "keys", "-o", "e.xml", "--address", "1 Quay, Example")
    assert (status, err) == (0, "")
    assert "e.xml: " in out
    assert "in force from" in out
    status, out, err = run(capsys, "--check", "e.xml")
    assert (status, err) == (0, "")
    assert "e.xml can be used" in out
    assert out.rstrip().endswith(", signed.")
    assert "not overwritten" in run(capsys, "license.dat", "-o", "e.xml")[2]


def test_a_change_is_found(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "license.dat", "--keys", "keys", "-o", "e.xml")
    text = Path("e.xml").read_text()
    Path("e.xml").write_text(text.replace("<site_address>", "<site_address>elsewhere"))
    status, out, err = run(capsys, "--check", "e.xml")
    assert status == 1
    assert "error: It was changed after signing." in err
    assert "cannot be used" in out
    assert run(capsys, "--check", "e.xml", "--json")[0] == 1


def test_without_keys_it_is_not_signed_and_said_to_be_so(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "license.dat", "-o", "e.xml", "--customer", "Pigeon Post Example Ltd", "--json")
    assert status == 0
    assert json.loads(out)["entitlement"]["header"]["customer_name"] == "Pigeon Post Example Ltd"
    status, out, err = run(capsys, "--check", "e.xml")
    assert status == 0
    assert "warning: It is not signed" in err


def test_of_two_files_the_later_one_counts(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "license.dat", "--keys", "keys", "-o", "one.xml")
    run(capsys, "license.dat", "--keys", "keys", "-o", "two.xml", "--valid-to", "2099-01-01")
    status, out, _ = run(capsys, "--check", "one.xml", "--check", "two.xml", "--json")
    report = json.loads(out)
    assert status == 0
    assert [row["ok"] for row in report["files"]] == [True, True]
    assert "overruled today by" in report["remark"]


def test_what_is_missing_is_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--check IN" in run(capsys, "license.dat")[2]
    Path("bare.dat").write_text("".join(line for line in Path("license.dat").read_text().splitlines(True) if not line.startswith("#")))
    assert "--customer" in run(capsys, "bare.dat", "-o", "e.xml")[2]
    Path("genesys.d.trust").unlink()
    run(capsys, "license.dat", "--keys", "keys", "-o", "e.xml")
    assert "genesys.d.trust beside it" in run(capsys, "--check", "e.xml")[2]


@pytest.mark.parametrize("words", [("--passphrase-file", "phrase"), ("--passphrase", "issuer=file:phrase")])
def test_the_issuer_key_is_opened_as_everywhere(place: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, str]) -> None:
    Path("phrase").write_text("open up\n")
    assert vendor.main(["init", "genesys.d", "--keys", "locked", "--passphrase-file", "phrase"]) == 0
    status, _, err = run(capsys, "license.dat", "--keys", "locked", "-o", "e.xml")
    assert (status, Path("e.xml").exists()) == (1, False)
    assert "Give it with --passphrase-file or --passphrase issuer=SOURCE." in err
    assert run(capsys, "license.dat", "--keys", "locked", "-o", "e.xml", *words)[0] == 0
    assert run(capsys, "--check", "e.xml", "--trust", "locked")[0] == 0
