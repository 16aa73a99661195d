"""A record of the log that three servers share is text that any release can tell the format of, with the hash before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.triad.events import Record
from seatkeeper.vendor.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RECORD_FORMAT", "decode_record", "encode_record"]

#: A member refuses records of another format: it could not apply what it does not know.
RECORD_FORMAT: Final = 1


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    term: int
    server: int
    seq: int
    prev: str
    entries: tuple[Entry, ...]
    hash: str


class _Format(msgspec.Struct, frozen=True):
    format: int


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Wire).decode
_decode_format: Final[Callable[[bytes], _Format]] = msgspec.json.Decoder(_Format).decode


def encode_record(record: Record, previous: str) -> bytes:
    """The record as it stands in the log; `previous` is the hash before it."""
    return _encode(_Wire(RECORD_FORMAT, record.term, record.server, record.seq, previous, record.entries, record.hash))


def decode_record(data: bytes) -> tuple[Record, str]:
    """The record and the hash before it.

    Raises:
        SeatkeeperError: It is none, or of another format.
    """
    try:
        found = _decode_format(data).format
        if found != RECORD_FORMAT:
            raise SeatkeeperError(f"The log has a record of format {found}, and this release reads format {RECORD_FORMAT}.")
        wire = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SeatkeeperError(f"The log has a record that cannot be read: {error}.") from None
    return Record(wire.term, wire.server, wire.seq, wire.entries, wire.hash), wire.prev
