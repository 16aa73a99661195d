from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from seatkeeper.adapters.keys import rotate
from seatkeeper.base.errors import InputError
from seatkeeper.issue.affected import affected, read_records, registered_records
from seatkeeper.issue.desk import reproduce
from seatkeeper.issue.desk_acts import added, change, end
from seatkeeper.issue.record import RECORD_NAME, Record, append_record
from support.deskwork import CATALOG, TODAY, VOICE, Office, order


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


def test_files_that_count_are_found_in_the_registry_with_the_order_to_sign_anew(tmp_path: Path) -> None:
    office = Office.make(tmp_path / "office")
    first = office.register(order({VOICE: 5}))
    office.issue(first, "first.dat")
    again = change(office.desk(), first, "reissue", lambda old: old, {}).row.number
    (whole,) = office.issue(again, "whole.dat")
    more = change(office.desk(3), again, "add", lambda old: added(old, {VOICE: 1}, {}, CATALOG), {}).row.number
    (delta,) = office.issue(more, "delta.dat", later=3, delta_to=whole.path)
    gone = office.register(order({VOICE: 1}))
    office.issue(gone, "gone.dat")
    end(office.desk(), gone, "closed down")
    rotate(office.keys, today=TODAY + timedelta(days=3))
    other = office.register(order({VOICE: 1}))
    (new,) = office.issue(other, "other.dat", later=3)
    with office.registry.read() as view:
        found = registered_records(view)
    # What is retired harms nobody. The delta has made the order before it one that cannot be changed any more.
    assert [(Path(each.file).name, each.order, each.issuer) for each in found] == [
        ("whole.dat", more, whole.issuer),
        ("delta.dat", more, whole.issuer),
        ("other.dat", other, new.issuer),
    ]
    assert [Path(each.file).name for each in affected(found, whole.issuer, TODAY + timedelta(days=1))] == ["delta.dat"]
    assert [each.unsigned for each in found] == [reproduce(office.desk(), put.number, None).file.unsigned for put in (whole, delta, new)]
    assert {(each.company, each.site, each.hostids) for each in found} == {("Pigeon Post Example Ltd", "1111", ("0800200005ac",))}


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
