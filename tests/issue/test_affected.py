from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.issue.affected import affected, read_records
from seatkeeper.issue.record import RECORD_NAME, Record, append_record


def record(order: str, issuer: str, issued: str) -> Record:
    return Record(order, "", "Pigeon Post Example Ltd", "", issued, "permanent", "genesys.d", ("00",), issuer, f"{order}.dat", "", "text\n")


def test_files_of_that_key_since_that_day(tmp_path: Path) -> None:
    for each in (
        record("1", "A", "02-mar-2026"),
        record("2", "B", "03-mar-2026"),
        record("3", "A", "03-mar-2026"),
        record("4", "A", "04-mar-2027"),
    ):
        append_record(tmp_path, each)
    records, torn = read_records(tmp_path)
    assert (len(records), torn) == (4, [])
    assert [each.order for each in affected(records, "A", date(2026, 3, 3))] == ["3", "4"]
    assert read_records(tmp_path / "nowhere") == ([], [])


def test_a_torn_line_is_told_and_a_damaged_list_refused(tmp_path: Path) -> None:
    append_record(tmp_path, record("1", "A", "02-mar-2026"))
    with (tmp_path / RECORD_NAME).open("ab") as file:
        file.write(b'{"order":"2","si')
    append_record(tmp_path, record("3", "A", "02-mar-2026"))
    records, torn = read_records(tmp_path)
    assert ([each.order for each in records], torn) == (["1", "3"], [2])
    with (tmp_path / RECORD_NAME).open("ab") as file:
        file.write(b'{"order":"4"}\n')
    with pytest.raises(InputError, match=r"issued\.jsonl:4: This is no record"):
        read_records(tmp_path)
