"""A private key of the vendor lies in a file or in a token, and the rest of the program signs with it without knowing where.

In a directory of keys the key `root`, `daemon` or `issuer-<id>` is one of two files: `<name>.key`, the key itself as PEM (licfile.pem),
or `<name>.token`, the URI of a key in a PKCS #11 token (tokens.py). The root key may as well be elsewhere: a place is a directory that
holds such a file, the file, or the URI.

Each of the three kinds may have a passphrase of its own, so that who issues licenses need not know the root's.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seatkeeper.adapters.tokens import TOKEN_URI_CHARS_MAX, TokenKey, is_token, make_token_key, open_token_key, parse_uri
from seatkeeper.adapters.wholefile import PRIVATE, PUBLIC, whole_file
from seatkeeper.base.errors import InputError
from seatkeeper.licfile.pem import DRAW_BYTES, is_encrypted, private_pem, read_private_pem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import TypeAlias

__all__ = [
    "KEY_BYTES_MAX",
    "KINDS",
    "KeyKind",
    "Made",
    "NewKey",
    "Passphrase",
    "Passphrases",
    "change_passphrase",
    "encrypted_pem",
    "find_key",
    "kind_of",
    "making",
    "new_key",
    "open_key",
    "passphrase_for",
    "place_for",
    "write_file",
]

KEY_BYTES_MAX: Final = 64 * 1024

KeyKind = Literal["root", "issuer", "daemon"]
KINDS: Final[tuple[KeyKind, ...]] = get_args(KeyKind)
_SUFFIXES: Final = (".key", ".token")


class Passphrases(msgspec.Struct, frozen=True):
    """A passphrase for each kind of key; None for a kind that has none."""

    root: bytes | None = None
    issuer: bytes | None = None
    daemon: bytes | None = None

    def __repr__(self) -> str:
        return "Passphrases(...)"  # They must not come into a traceback or a log.


#: One for all kinds of keys, one for each, or none.
Passphrase: TypeAlias = bytes | Passphrases | None


class NewKey(msgspec.Struct, frozen=True):
    """A key that was made and is in no directory yet.

    Attributes:
        key: The key.
        suffix: How its file's name ends.
        data: What its file holds.
    """

    key: Ed25519PrivateKey
    suffix: str
    data: bytes

    def discard(self) -> None:
        """Take it out of its token, where what it was made for came to nothing."""
        if isinstance(self.key, TokenKey):
            self.key.destroy()


def passphrase_for(given: Passphrase, kind: KeyKind) -> bytes | None:
    """The passphrase of keys of that kind."""
    if isinstance(given, Passphrases):
        return {"root": given.root, "issuer": given.issuer, "daemon": given.daemon}[kind]
    return given


def kind_of(path: Path) -> KeyKind:
    """The kind of key that a file's name tells."""
    return next((kind for kind in KINDS if path.name.partition(".")[0].partition("-")[0] == kind), "root")


def find_key(directory: Path, name: str) -> Path | None:
    """The file in `directory` by which the key `name` is found, or None."""
    return next((path for suffix in _SUFFIXES if (path := directory / f"{name}{suffix}").exists()), None)


def place_for(directory: Path, where: str | Path | None) -> str | Path:
    """Where the root key is: what was named, or the file in the directory that was named, or in `directory`.

    Raises:
        InputError: What was named is no such place.
    """
    if isinstance(where, str) and is_token(where):
        return where
    place = directory if where is None else Path(where)
    if place.is_dir() or where is None:
        return find_key(place, "root") or place / "root.key"
    if not place.exists():
        remedy = "Name a directory that holds root.key, a key file, or a key in a token (pkcs11:...)."
        raise InputError("The root key is not there.", file=str(place), remedy=remedy)
    return place


def open_key(place: str | Path, passphrase: bytes | None, remedy: str = "") -> Ed25519PrivateKey:
    """The key at a place: a file with the key or with the URI of one in a token, or that URI.

    Args:
        place: Where it is.
        passphrase: Opens a file that is encrypted.
        remedy: What to do where it is missing.

    Raises:
        InputError: It is missing or cannot be opened.
    """
    if isinstance(place, str):
        return open_token_key(place)
    if not place.exists():
        raise InputError("This key is missing.", file=str(place), remedy=remedy)
    try:
        with place.open("rb") as file:
            data = file.read(KEY_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(place)) from None
    if len(data) > KEY_BYTES_MAX:
        raise InputError(f"This file is larger than {KEY_BYTES_MAX} bytes.", file=str(place))
    if place.suffix == ".token" or is_token(data[:TOKEN_URI_CHARS_MAX].decode("utf-8", "replace")):
        return open_token_key(data.decode("utf-8", "replace").strip())
    try:
        return read_private_pem(data, passphrase)
    except ValueError as error:
        if is_encrypted(data):
            problem = "This passphrase does not open the key." if passphrase else "This key has a passphrase, and none was given."
            how = f"Give it with --passphrase-file or --passphrase {kind_of(place)}=SOURCE."
            raise InputError(problem, file=str(place), remedy=how) from None
        how = "Restore it from a backup."
        raise InputError("This key cannot be used.", file=str(place), expected=str(error), remedy=how) from None


def new_key(token: str, passphrase: bytes | None) -> NewKey:
    """A key made in memory, for a file that a passphrase may encrypt, or, where `token` is a URI, inside that token.

    Raises:
        InputError: The passphrase is empty, or the token does not make it.
    """
    if not token:
        key = Ed25519PrivateKey.generate()
        return NewKey(key, ".key", encrypted_pem(key, passphrase))
    uri = parse_uri(token)
    made = make_token_key(token)
    source = uri.pin_source
    if source.startswith("file:") and not Path(source.removeprefix("file:")).is_absolute():
        # The file is read from wherever the command is given next time.
        old = token.partition("pin-source=")[2].partition("&")[0]
        token = token.replace(f"pin-source={old}", f"pin-source=file:{Path(source.removeprefix('file:')).resolve()}")
    return NewKey(made, ".token", token.encode() + b"\n")


def encrypted_pem(key: Ed25519PrivateKey, passphrase: bytes | None) -> bytes:
    """The key as PEM, encrypted where there is a passphrase.

    Raises:
        InputError: The passphrase is empty.
    """
    if passphrase is None:
        return private_pem(key)
    if not passphrase:
        raise InputError("The passphrase is empty.", file="--passphrase-file")
    return private_pem(key, passphrase, draw=os.urandom(DRAW_BYTES))


def change_passphrase(
    directory: Path, kinds: Collection[KeyKind], *, old: Passphrase, new: Passphrase, root: str | Path | None = None
) -> list[Path]:
    """The key files of those kinds, once each opens with the new passphrase and no longer with the old one.

    A kind without a new passphrase is left without any. Keys in tokens have a PIN, which is the token's business.

    Raises:
        InputError: A file does not open with the old passphrase, or there is none; nothing was changed.
    """
    place = place_for(directory, root)
    files = [place] if "root" in kinds and isinstance(place, Path) and place.exists() and place.suffix != ".token" else []
    names = [f"{kind}*.key" for kind in kinds if kind != "root"]
    files += sorted(path for name in names for path in directory.glob(name))
    if not files:
        raise InputError("There is no such key file here.", file=str(directory), expected=" or ".join(sorted(kinds)))
    opened = []
    for path in files:
        kind: KeyKind = "root" if path == place else kind_of(path)
        key = open_key(path, passphrase_for(old, kind))
        opened.append((path, path.read_bytes(), encrypted_pem(key, passphrase_for(new, kind))))
    done: list[tuple[Path, bytes]] = []
    try:
        for path, before, data in opened:
            write_file(path, data, private=True, replace=True)
            done.append((path, before))
    except BaseException:
        for path, before in done:
            write_file(path, before, private=True, replace=True)
        raise
    return files


def write_file(path: Path, data: bytes, *, private: bool, replace: bool) -> None:
    """Let `path` hold `data`, whole and on the disk, readable by its owner only where `private`.

    Raises:
        InputError: It cannot be written, or it exists and is not to be replaced.
    """
    try:
        with whole_file(path, PRIVATE if private else PUBLIC, replace=replace) as file:
            file.write(data)
    except OSError as error:
        if error.errno == errno.EEXIST and not replace:
            raise InputError("This file exists and is not overwritten.", file=str(path), remedy="Name another directory.") from None
        raise InputError(f"This file cannot be written: {error.strerror}.", file=str(path)) from None


class Made:
    """What was made so far, and is unmade where the rest does not follow."""

    def __init__(self) -> None:
        self._keys: list[NewKey] = []
        self._files: list[Path] = []

    def key(self, key: NewKey) -> NewKey:
        """The key that was made."""
        self._keys.append(key)
        return key

    def file(self, path: Path, data: bytes, *, private: bool) -> None:
        """Let a new file hold `data`."""
        write_file(path, data, private=private, replace=False)
        self._files.append(path)

    def unmake(self) -> None:
        """Take files and keys out of the world again."""
        for path in self._files:
            path.unlink(missing_ok=True)
        for key in self._keys:
            key.discard()


@contextmanager
def making() -> Iterator[Made]:
    """What is made in the block stays only if the block ends well."""
    made = Made()
    try:
        yield made
    except BaseException:
        made.unmake()
        raise
