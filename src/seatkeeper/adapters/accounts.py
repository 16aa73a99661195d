"""What an account may read is known before a service runs under it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import msgspec

from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Account", "account_of", "current_name", "may_write", "owner_of", "unreadable"]


class Account(msgspec.Struct, frozen=True):
    """A user, the primary group, and all groups."""

    name: str
    uid: int
    gid: int
    groups: frozenset[int]


def account_of(name: str) -> Account:
    """The account of that name.

    Raises:
        InputError: There is none.
    """
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise InputError(
            "There is no account of this name.",
            file=name,
            remedy=f"Create it: useradd --system --no-create-home --shell /usr/sbin/nologin {name}",
        ) from None
    return Account(name, entry.pw_uid, entry.pw_gid, frozenset(os.getgrouplist(name, entry.pw_gid)))


def owner_of(path: Path) -> str:
    """The name of the file's owner; empty where it has none that is known, or cannot be seen."""
    try:
        return path.owner()
    except (OSError, KeyError):
        return ""


def unreadable(account: Account, paths: Iterable[Path]) -> list[Path]:
    """The files that the account may not read, or not reach, by owner, group and mode."""
    return [
        path
        for path in paths
        if not _may(account, path, stat.S_IRUSR) or not all(_may(account, up, stat.S_IXUSR) for up in path.absolute().parents)
    ]


def may_write(account: Account, directory: Path) -> bool:
    """True where the account may make files in the directory."""
    return directory.is_dir() and _may(account, directory, stat.S_IWUSR) and not unreadable(account, [directory])


def _may(account: Account, path: Path, right: int) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    if found.st_uid == account.uid:
        return bool(found.st_mode & right)
    return bool(found.st_mode & (right >> 3 if found.st_gid in account.groups else right >> 6))


def current_name() -> str:
    """The name of the account that runs this program; its number where it has no name."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
