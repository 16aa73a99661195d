"""`seatkeeper admin`: entries come and go, and a token is seen once."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.admins import entry_of_token, read_admins
from seatkeeper.adapters.keys import init_vendor, issue_credential
from seatkeeper.cli.admin import main

if TYPE_CHECKING:
    from pathlib import Path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "admins"


def test_somebody_is_added_listed_and_removed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, token, err = run(capsys, "add", "ada", "--role", "operator", "--admins", file)
    assert status == 0
    assert "ada is an operator now." in err
    assert "shown this once" in err
    found = entry_of_token(read_admins(file), token.strip())
    assert found is not None
    assert (found.name, found.role) == ("ada", "operator")
    assert run(capsys, "add", "bo", "--role", "desk", "--admins", file)[0] == 0
    status, out, _ = run(capsys, "list", "--admins", file)
    assert [line.split()[:3] for line in out.splitlines()] == [["ada", "operator", "token"], ["bo", "desk", "token"]]
    rows = json.loads(run(capsys, "list", "--json", "--admins", file)[1])
    assert [(row["name"], row["role"], row["token_sha256"] != "") for row in rows] == [("ada", "operator", True), ("bo", "desk", True)]
    assert token.strip() not in out + json.dumps(rows)
    assert run(capsys, "remove", "ada", "--admins", file)[0] == 0
    assert [entry.name for entry in read_admins(file)] == ["bo"]
    assert run(capsys, "remove", "bo", "--admins", file)[0] == 0
    status, out, err = run(capsys, "list", "--admins", file)
    assert (status, out) == (0, "")
    assert f"Nobody is in {file}" in err


def test_a_certificate_is_kept_without_the_key_beside_it(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init_vendor(tmp_path / "keys", "d", today=date.today())
    path = issue_credential(tmp_path / "keys", "aa", tmp_path, today=date.today())
    status, out, _ = run(capsys, "add", "eve", "--role", "viewer", "--certificate", path, "--admins", file)
    assert (status, out) == (0, "")
    assert "PRIVATE KEY" not in file.read_text()
    assert read_admins(file)[0].certificate in path.read_text()
    assert run(capsys, "list", "--admins", file)[1].split()[:3] == ["eve", "viewer", "certificate"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "ada", "--role", "king"), "tenant, viewer, desk, operator, administrator"),
        (("add", "ada", "--role", "anonymous"), "no such role"),
        (("add", "a da", "--role", "desk"), "cannot be a name"),
        (("add", "bo", "--role", "desk"), "already"),
        (("add", "ada", "--role", "desk", "--certificate", "nowhere.pem"), "cannot be read"),
        (("remove", "ada"), "no entry of this name"),
    ],
)
def test_mistakes_change_nothing(file: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    assert run(capsys, "add", "bo", "--role", "desk", "--admins", file)[0] == 0
    before = file.read_bytes()
    status, out, err = run(capsys, *words, "--admins", file)
    assert (status, out) == (1, "")
    assert err.startswith("seatkeeper admin: ")
    assert said in err
    assert file.read_bytes() == before


def test_a_file_without_a_certificate_is_refused(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("nothing", "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----"):
        (tmp_path / "x.pem").write_text(text)
        status, _, err = run(capsys, "add", "eve", "--role", "viewer", "--certificate", tmp_path / "x.pem", "--admins", file)
        assert status == 1
        assert "no certificate" in err
    assert not file.exists()


def test_without_a_file_or_a_role_the_usage_follows(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "add", "ada", "--role", "desk")[0] == 2
    assert run(capsys, "list", "--admins", "/nowhere/admins")[0] == 1
