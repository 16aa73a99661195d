"""What is about to be signed is on the disk before it is signed, in a list that only grows.

`issued.jsonl` lies beside the keys: a line of JSON for each file, with the unsigned text. Ed25519 gives the same signature
each time, so any file ever issued can be made again from its line and the issuer key. A line whose file never appeared is
an attempt that broke off.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from seatkeeper.adapters.wholefile import append_line
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RECORD_NAME", "FileRecorder", "Record", "Recorder", "append_record", "digest_of"]

RECORD_NAME: Final = "issued.jsonl"


class Record(msgspec.Struct, frozen=True):
    """One file that is to be signed.

    Attributes:
        order: The order's number.
        site: The site's number.
        company: The customer.
        purpose: What the licenses are for.
        issued: The day, as in ISSUED.
        expires: The last day, or `permanent`.
        vendor: The vendor daemon's name.
        hostids: The host ids of the SERVER lines.
        issuer: The key id that signs.
        file: Where the file was to go.
        sha256: Of the unsigned text.
        unsigned: The whole file as it stood before signing.
    """

    order: str
    site: str
    company: str
    purpose: str
    issued: str
    expires: str
    vendor: str
    hostids: tuple[str, ...]
    issuer: str
    file: str
    sha256: str
    unsigned: str


class Recorder(Protocol):
    """Who keeps what is signed: a list beside the keys, or the desk's registry."""

    def intend(self, record: Record, /) -> str:
        """What the record is called, once it is on the disk for good.

        Raises:
            InputError: It cannot be kept; nothing may be signed then.
        """

    def signed(self, name: str, text: str, /) -> None:
        """The signed text of a record is kept before anybody sees it.

        Raises:
            InputError: It cannot be kept; the file must not be put out then.
        """

    def placed(self, name: str, /) -> None:
        """The file is where it was to go."""


class FileRecorder:
    """Keeps records in the list beside the keys; a signed text can be made again from its record."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def intend(self, record: Record, /) -> str:
        """Where the list is, once the record is in it for good."""
        return str(append_record(self._directory, record))

    def signed(self, name: str, text: str, /) -> None:
        """Nothing more is kept."""

    def placed(self, name: str, /) -> None:
        """Nothing more is kept."""


def digest_of(text: str) -> str:
    """The value of `Record.sha256`."""
    return sha256(text.encode()).hexdigest()


def append_record(directory: Path, record: Record) -> Path:
    """The list in `directory`, once the record is in it for good.

    Raises:
        InputError: It cannot be written; nothing may be signed then.
    """
    path = directory / RECORD_NAME
    try:
        append_line(path, msgspec.json.encode(record))
    except OSError as error:
        remedy = "Nothing was signed. Make the directory of the keys writable, or free space there."
        raise InputError(f"The record of issued files cannot be written: {error.strerror}.", file=str(path), remedy=remedy) from None
    return path
