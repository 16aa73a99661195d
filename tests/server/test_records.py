"""Records of the shared log are read as they were written, and by no other release's format."""

from __future__ import annotations

import pytest

from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.server.records import RECORD_FORMAT, decode_record, encode_record
from seatkeeper.triad.events import Record
from seatkeeper.vendor.chain import GENESIS
from seatkeeper.vendor.entries import CheckedOut, Elected

RECORD = Record(3, 1, 7, (Elected(1.5, 3, 1), CheckedOut(1.5, 1, 9, 9, "f1", "8.0", "8.0", 1, "tty")), "a" * 64)


@pytest.mark.parametrize("record", [RECORD, Record(3, 1, 7, (), "a" * 64)])
def test_a_record_comes_back(record: Record) -> None:
    assert decode_record(encode_record(record, GENESIS)) == (record, GENESIS)


def test_another_format_and_what_is_none_are_refused() -> None:
    data = encode_record(RECORD, GENESIS)
    newer = data.replace(b'"format":%d' % RECORD_FORMAT, b'"format":%d,"more":1' % (RECORD_FORMAT + 1))
    with pytest.raises(SeatkeeperError, match=f"format {RECORD_FORMAT + 1}"):
        decode_record(newer)
    for broken in (b"", b"{}", data[:-1], data.replace(b'"term":3', b'"term":"x"')):
        with pytest.raises(SeatkeeperError, match="cannot be read"):
            decode_record(broken)
