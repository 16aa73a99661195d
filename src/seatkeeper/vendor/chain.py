"""The hash chain of a log: the same entries behind the same record give the same line, wherever and by whomever it is written."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.vendor.entries import Entry

__all__ = ["GENESIS", "HASH_MARK", "record_line"]

#: The hash before the first record.
GENESIS: Final = "0" * 64
HASH_MARK: Final = b',"hash":"'

_encode: Final = msgspec.json.Encoder().encode


def record_line(seq: int, previous: str, entries: Sequence[Entry]) -> tuple[bytes, str]:
    """A record as one line of text, with its end, and its hash: SHA-256 over the line up to the hash's own comma.

    Args:
        seq: The number of the first entry.
        previous: The hash of the record before it.
        entries: What is recorded together.
    """
    body = b'{"seq":%d,"prev":"%s","entries":%s' % (seq, previous.encode(), _encode(entries))
    digest = hashlib.sha256(body).hexdigest()
    return b'%s%s%s"}\n' % (body, HASH_MARK, digest.encode()), digest
