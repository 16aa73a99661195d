"""accounts: who may read what, by owner, group and mode of a file and of every directory above it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatkeeper.adapters.accounts import Account, account_of, current_name, may_write, owner_of, unreadable
from seatkeeper.base.errors import InputError

#: Nobody's numbers.
STRANGER = Account("stranger", 54321, 54321, frozenset({54321}))


def me(*groups: int) -> Account:
    return Account("me", os.geteuid(), os.getegid(), frozenset(groups or {os.getegid()}))


def test_the_account_of_a_name() -> None:
    name = current_name()
    found = account_of(name)
    assert (found.name, found.uid) == (name, os.geteuid())
    assert found.gid in found.groups
    with pytest.raises(InputError, match="useradd --system"):
        account_of("nosuchaccount")


def test_the_owner(tmp_path: Path) -> None:
    assert owner_of(tmp_path) == current_name()
    assert owner_of(tmp_path / "missing") == ""


@pytest.mark.parametrize(
    ("mode", "owner", "member", "stranger"),
    [(0o400, True, False, False), (0o040, False, True, False), (0o004, False, False, True), (0o044, False, True, True)],
)
def test_a_file_s_own_mode(mode: int, owner: bool, member: bool, stranger: bool, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(mode)
    found = path.stat()
    # The directories above are left out: those of a test are closed to strangers.
    above = list(path.parents)
    for account, may in (
        (me(), owner),
        (Account("member", 54321, 54321, frozenset({found.st_gid})), member),
        (STRANGER, stranger),
    ):
        closed = [up for up in above if unreadable(account, [up])]
        assert (not unreadable(account, [path])) == (may and not _unreachable(account, above)), (account.name, closed)


def _unreachable(account: Account, above: list[Path]) -> bool:
    def reaches(path: Path) -> bool:
        found = path.stat()
        shift = 6 if found.st_uid == account.uid else 3 if found.st_gid in account.groups else 0
        return bool(found.st_mode >> shift & 1)

    return not all(map(reaches, above))


def test_a_closed_directory_hides_an_open_file(tmp_path: Path) -> None:
    inside = tmp_path / "closed/file"
    inside.parent.mkdir()
    inside.touch()
    inside.chmod(0o444)
    assert not unreadable(me(), [inside])
    inside.parent.chmod(0o600)
    assert unreadable(me(), [inside]) == [inside]
    inside.parent.chmod(0o700)
    assert unreadable(STRANGER, [inside]) == [inside]
    assert not unreadable(STRANGER, [Path("/etc/passwd")])
    assert unreadable(me(), [tmp_path / "missing"]) == [tmp_path / "missing"]


def test_who_may_write_a_directory(tmp_path: Path) -> None:
    assert may_write(me(), tmp_path)
    assert not may_write(STRANGER, tmp_path)
    tmp_path.chmod(0o500)
    try:
        assert not may_write(me(), tmp_path)
    finally:
        tmp_path.chmod(0o700)
    assert not may_write(me(), Path("/etc/passwd"))
