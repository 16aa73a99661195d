"""The evidence key of a site lies in a file that only its owner reads; who is to believe its packs has the public half from elsewhere.

It is nobody's license key: it vouches for reports of one site and for nothing else. `evidence.pub` beside it is what the site gives to
those who check its packs.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from seatkeeper.adapters.wholefile import PRIVATE, PUBLIC, whole_file
from seatkeeper.base.errors import InputError
from seatkeeper.licfile.pem import DRAW_BYTES, is_encrypted, private_pem, read_private_pem
from seatkeeper.licfile.trust import parse_root

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KEY_FILE", "make_key", "open_key_file", "public_key_given", "public_path"]

KEY_FILE: Final = "evidence.key"
_KEY_BYTES_MAX: Final = 64 * 1024
_PUBLIC_CHARS: Final = 64


def public_path(path: Path) -> Path:
    """Where the public half of the key in that file lies."""
    return path.with_suffix(".pub")


def make_key(path: Path, passphrase: bytes | None) -> Ed25519PrivateKey:
    """A new key, which is in the file from now on, with its public half beside it.

    Raises:
        InputError: The file is there already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    data = private_pem(key) if passphrase is None else private_pem(key, passphrase, draw=os.urandom(DRAW_BYTES))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, PRIVATE, replace=False) as file:
            file.write(data)
        with whole_file(public_path(path), PUBLIC) as file:
            file.write(public)
    except OSError as error:
        if error.errno == errno.EEXIST and path.exists():
            raise InputError("There is a key already.", file=str(path), remedy="Keys are never overwritten: name another file.") from None
        raise InputError(f"The key cannot be written: {error.strerror}.", file=str(path)) from None
    return key


def open_key_file(path: Path, passphrase: bytes | None) -> Ed25519PrivateKey:
    """The key in a file.

    Raises:
        InputError: It is not there, or cannot be opened.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_KEY_BYTES_MAX + 1)
    except FileNotFoundError:
        raise InputError(
            "There is no evidence key.", file=str(path), remedy="Make one with `seatkeeper usage evidence-key`, for its directory or file."
        ) from None
    except OSError as error:
        raise InputError(f"The evidence key cannot be read: {error.strerror}.", file=str(path)) from None
    try:
        return read_private_pem(data[: _KEY_BYTES_MAX + 1], passphrase)
    except ValueError as error:
        if is_encrypted(data):
            problem = "This passphrase does not open the key." if passphrase else "This key has a passphrase, and none was given."
            raise InputError(problem, file=str(path), remedy="Give it with --passphrase SOURCE.") from None
        raise InputError("This key cannot be used.", file=str(path), expected=str(error), remedy="Restore it from a backup.") from None


def public_key_given(text: str) -> bytes:
    """The public key that a person pins: 64 hexadecimal digits, or the name of a file with them or with PEM.

    Raises:
        InputError: It is none.
    """
    from pathlib import Path

    data = text.encode()
    if len(text) != _PUBLIC_CHARS or Path(text).exists():
        try:
            with Path(text).open("rb") as file:
                data = file.read(_KEY_BYTES_MAX)
        except OSError as error:
            raise InputError(f"The public key cannot be read: {error.strerror}.", file=text, expected="a file, or 64 hex digits") from None
    try:
        return parse_root(data, name=text)
    except InputError as error:
        error.remedy = "Ask the site for its evidence.pub, which `seatkeeper usage evidence-key` wrote."
        raise
