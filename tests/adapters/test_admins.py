"""admins: the file of administrators as it is written, read, and used by a server while it changes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.admins import AdminFile, Administrator, entry_of_token, new_token, read_admins, token_digest, write_admins
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

PEM = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----"


def entry(name: str = "ada", token: str = "t") -> Administrator:
    return Administrator(name, "operator", token_digest(token))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    wanted = (entry("ada"), Administrator("desk@hq", "desk", "", PEM))
    write_admins(tmp_path / "admins", wanted)
    assert read_admins(tmp_path / "admins") == wanted
    assert stat.S_IMODE((tmp_path / "admins").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["admins"]


def test_no_secret_is_in_the_file(tmp_path: Path) -> None:
    token = new_token()
    write_admins(tmp_path / "admins", [entry("ada", token)])
    assert token not in (tmp_path / "admins").read_text()


def test_tokens_are_long_and_different() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) >= len("seatkeeper-") + 43 for token in tokens)


def test_a_token_is_found_whole_or_not_at_all() -> None:
    entries = [entry("ada", "one"), entry("bo", "two"), Administrator("cy", "desk", "", PEM)]
    found = entry_of_token(entries, "two")
    assert found is not None
    assert found.name == "bo"
    for wrong in ("", "tw", "two ", "TWO", "\udcff", token_digest("two")):
        assert entry_of_token(entries, wrong) is None
    assert entry_of_token([], "two") is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    write_admins(tmp_path / "admins", [entry()])
    (tmp_path / "admins").chmod(mode)
    with pytest.raises(InputError, match="0600"):
        read_admins(tmp_path / "admins")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_account_is_refused_and_its_owner_stays(tmp_path: Path) -> None:
    write_admins(tmp_path / "admins", [entry()])
    os.chown(tmp_path / "admins", 12345, 12346)
    with pytest.raises(InputError, match="another account"):
        read_admins(tmp_path / "admins")
    write_admins(tmp_path / "admins", [entry("bo")])
    found = (tmp_path / "admins").stat()
    assert (found.st_uid, found.st_gid) == (12345, 12346)


@pytest.mark.parametrize(
    "text",
    [
        "administrator = 1",
        "[[administrator]]\nname = 'a'\nrole = 'king'",
        "[[administrator]]\nname = 'a'\nrole = 'desk'\npassword = 'x'",
        "[[administrator]]\nname = 'a b'\nrole = 'desk'",
        "[[administrator]]\nname = 'a'\nrole = 'desk'\ntoken_sha256 = 'short'",
        "[[administrator]]\nname = 'a'\nrole = 'desk'\n[[administrator]]\nname = 'a'\nrole = 'desk'",
        "no toml",
        "\xff",
    ],
)
def test_what_is_not_understood_is_refused_whole(tmp_path: Path, text: str) -> None:
    path = tmp_path / "admins"
    path.write_text(text, "latin-1")
    path.chmod(0o600)
    with pytest.raises(InputError):
        read_admins(path)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_admins(tmp_path / "admins")
    with pytest.raises(InputError, match="cannot be written"):
        write_admins(tmp_path / "nowhere" / "admins", [])


def test_a_server_sees_changes_at_once_and_believes_no_bad_file(tmp_path: Path) -> None:
    path = tmp_path / "admins"
    file = AdminFile(path)
    assert file.entries() == ()
    assert "No such file" in file.fault
    write_admins(path, [entry("ada"), entry("bo", "u")])
    assert [one.name for one in file.entries()] == ["ada", "bo"]
    assert file.fault == ""
    write_admins(path, [entry("ada")])
    assert [one.name for one in file.entries()] == ["ada"]
    path.chmod(0o644)
    assert file.entries() == ()
    assert "0600" in file.fault
    path.chmod(0o600)
    assert [one.name for one in file.entries()] == ["ada"]
    path.unlink()
    assert file.entries() == ()
