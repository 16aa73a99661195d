"""A record's line is the same for the same entries, and its hash covers all of it."""

from __future__ import annotations

import hashlib
import json

from seatkeeper.vendor.chain import GENESIS, HASH_MARK, record_line
from seatkeeper.vendor.entries import CheckedIn, Clocked


def test_the_line_is_json_with_its_hash_at_the_end() -> None:
    line, digest = record_line(12, GENESIS, [Clocked(5.0), CheckedIn(6.0, 101, "checkin")])
    assert json.loads(line) == {
        "seq": 12,
        "prev": GENESIS,
        "entries": [{"entry": "clock", "at": 5.0, "behind_s": 0.0}, {"entry": "checkin", "at": 6.0, "handle": 101, "why": "checkin"}],
        "hash": digest,
    }
    assert line.endswith(b"\n")
    assert hashlib.sha256(line.rpartition(HASH_MARK)[0]).hexdigest() == digest


def test_what_went_before_and_the_number_change_the_hash() -> None:
    hashes = {record_line(*told, [Clocked(5.0)])[1] for told in ((1, GENESIS), (2, GENESIS), (1, "1" * 64))}
    assert len(hashes) == 3
    assert record_line(1, GENESIS, [Clocked(5.0)]) == record_line(1, GENESIS, (Clocked(5.0),))
