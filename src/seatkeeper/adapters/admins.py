"""Who administers a license server from other machines stands in one file, and no secret stands in it.

An entry has a name, a role, and what it is known by: the SHA-256 of an access token, a client certificate, or both. Tokens are drawn
here, 256 random bits each, so a plain digest keeps them: there is nothing to guess. A certificate is kept whole, because TLS wants
it as its own anchor (adapters/tls.py).

The file is read again whenever it has changed, so that taking an entry out works at once.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from seatkeeper.adapters.wholefile import PRIVATE, whole_file
from seatkeeper.base.errors import InputError
from seatkeeper.base.roles import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ENTRIES_MAX", "AdminFile", "Administrator", "entry_of_token", "new_token", "read_admins", "token_digest", "write_admins"]

ENTRIES_MAX: Final = 1000
_FILE_BYTES_MAX: Final = 8 * 1024 * 1024
_TOKEN_BYTES: Final = 32
#: So that a token is known as one where it turns up by mistake.
_TOKEN_HEAD: Final = "seatkeeper-"
_HEAD: Final = """\
# Administrators of a license server from other machines (lmgrd --admins). Written by `seatkeeper admin`; keep the mode at 0600.
"""


class Administrator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry.

    Attributes:
        name: Whose acts the journal names.
        role: What he may do.
        token_sha256: Of his access token, in hex; empty for none.
        certificate: His client certificate as PEM; empty for none.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]*\Z", max_length=64)]
    role: Role
    token_sha256: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""
    certificate: Annotated[str, msgspec.Meta(max_length=32768)] = ""


class _Whole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    administrator: Annotated[list[Administrator], msgspec.Meta(max_length=ENTRIES_MAX)] = []


def new_token() -> str:
    """An access token that nobody can guess."""
    return _TOKEN_HEAD + secrets.token_urlsafe(_TOKEN_BYTES)


def token_digest(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def entry_of_token(entries: Sequence[Administrator], token: str) -> Administrator | None:
    """The entry whose token this is; the time that it takes tells nothing about the tokens."""
    digest = token_digest(token)
    found = None
    for entry in entries:
        if hmac.compare_digest(entry.token_sha256, digest):
            found = entry
    return found


def read_admins(path: Path) -> tuple[Administrator, ...]:
    """The entries of the file.

    Raises:
        InputError: It cannot be read, others than its owner may read or write it, or what stands in it is not understood.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            data = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"The file of administrators cannot be read: {error.strerror}.", file=str(path)) from None
    if stat.S_IMODE(found.st_mode) & 0o077:
        mode = f"mode {stat.S_IMODE(found.st_mode):04o}"
        raise InputError("Others may read or change this file.", file=str(path), found=mode, expected="0600", remedy="Run chmod 600 on it.")
    if found.st_uid not in (0, os.geteuid()):
        remedy = "Give it to the account that lmgrd runs as."
        raise InputError("This file belongs to another account.", file=str(path), found=f"owner {found.st_uid}", remedy=remedy)
    try:
        if len(data) > _FILE_BYTES_MAX:
            raise ValueError(f"it is larger than {_FILE_BYTES_MAX} bytes")
        entries = msgspec.convert(tomllib.loads(data.decode("utf-8")), _Whole).administrator
    except ValueError as error:
        # TOMLDecodeError, ValidationError and UnicodeDecodeError are ValueErrors; none of them shows a digest.
        raise InputError(f"The file of administrators is not understood: {error}.", file=str(path)) from None
    names = [entry.name for entry in entries]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError("This name stands there twice.", file=str(path), found=twice, remedy="Take one of the entries out.")
    return tuple(entries)


def write_admins(path: Path, entries: Sequence[Administrator]) -> None:
    """Let the file hold these entries, whole, readable by its owner only, who stays the same.

    Raises:
        InputError: It cannot be written.
    """
    parts = [_HEAD]
    for entry in entries:
        parts += ["\n[[administrator]]\n", f'name = "{entry.name}"\n', f'role = "{entry.role}"\n']
        parts += [f'token_sha256 = "{entry.token_sha256}"\n'] if entry.token_sha256 else []
        parts += [f"certificate = '''\n{entry.certificate.strip()}'''\n"] if entry.certificate else []
    try:
        before = path.stat() if path.exists() else None
        with whole_file(path, PRIVATE) as file:
            file.write("".join(parts).encode())
            # Only its owner reads it, whatever its mode was; who he is stays as it is, or the server could not read it any more.
            if before is not None and (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
    except OSError as error:
        raise InputError(f"The file of administrators cannot be written: {error.strerror}.", file=str(path)) from None


class AdminFile:
    """The file of administrators as a server uses it: read when it has changed, and of no effect while it cannot be read.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None
        self._entries: tuple[Administrator, ...] = ()
        self._fault = ""

    @property
    def fault(self) -> str:
        """Why the file has no effect; empty where it has."""
        self.entries()
        return self._fault

    def entries(self) -> tuple[Administrator, ...]:
        """Who may administer now."""
        try:
            found = self._path.stat()
            seen: tuple[int, ...] | None = (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size)
        except OSError:
            seen = None
        if seen is None or seen != self._seen:
            self._seen = seen
            try:
                self._entries, self._fault = read_admins(self._path), ""
            except InputError as error:
                self._entries, self._fault = (), str(error)
        return self._entries
