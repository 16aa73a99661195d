"""Journals of license servers as facts: read piece by piece, from whatever is left of them, and never twice."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.journal import Journal, JournalDamage
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.collect import collect
from seatkeeper.lrm.journals import read_facts
from seatkeeper.lrm.sources import JournalSource
from seatkeeper.usage.facts import KINDS
from seatkeeper.vendor.entries import CheckedIn, CheckedOut, Denial, Lingering, Opened, SessionBegun, SessionEnded
from seatkeeper.vendor.ledger import Ledger
from support.usagefacts import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seatkeeper.vendor.entries import Entry

ENTRIES: list[Entry] = [
    Opened(DAY + 0.5, "genesys.d", "0.1", 180.0),
    SessionBegun(DAY + 1.2, 1, "digest-a", "ann", "ann-pc", "tty1"),
    CheckedOut(DAY + 1.2, 1, 1, 101, "f1", "8.0", "8.0", 2, "tty1"),
    Denial(DAY + 4.1, "cy", "cy-pc", "f1", "8.0", 9, -4, "Too many."),
    Denial(DAY + 4.3, "cy", "cy-pc", "f1", "8.0", 9, -4, "Too many.", left_out=3),
    Denial(DAY + 4.9, "cy", "cy-pc", "f1", "8.0", 9, -4, "Too many."),
    SessionBegun(DAY + 5, 2, "digest-b", "bob", "bob-pc", "tty2"),
    CheckedOut(DAY + 5.9, 2, 1, 102, "f2", "8.0", "8.0", 1, "tty2"),
    CheckedIn(DAY + 9.1, 101, "checkin"),
    CheckedOut(DAY + 10, 1, 2, 103, "f1", "8.0", "8.0", 1, "tty1"),
    Lingering(DAY + 12, 103, DAY + 20),
    # The server is down, and one of the two does not come back.
    Opened(DAY + 600.5, "genesys.d", "0.1", 180.0),
    CheckedIn(DAY + 601, 103, "linger"),
    CheckedIn(DAY + 780.5, 102, "grace"),
    SessionEnded(DAY + 780.5, 2),
]
CHECKOUTS = [
    ("101", "f1", "ann", "ann-pc", 2, 1, 10, False),
    ("102", "f2", "bob", "bob-pc", 1, 5, 781, True),
    ("103", "f1", "ann", "ann-pc", 1, 10, 601, False),
]
DENIALS = [("f1", "cy", "cy-pc", 4, -4, 6)]
GAPS = [(12, 600)]


def keep(directory: Path, entries: Sequence[Entry], cuts: Sequence[int] = (), batch: int = 1) -> Path:
    """A journal of these entries, so many a record; a new segment with its snapshot before each of `cuts`. Goes on where there is one."""
    journal = Journal(directory, lambda call: call(), durable=False)
    ledger = Ledger()
    for record in journal.tail():
        for entry in record.entries:
            ledger.apply(entry)
    for number in range(0, len(entries), batch):
        if number == 0 or number in cuts:
            journal.snapshot(ledger.snapshot(entries[number].at))
            expected = journal.seq
        some = entries[number : number + batch]
        journal.append(expected, some, lambda _outcome: None)
        expected += len(some)
        for entry in some:
            ledger.apply(entry)
    journal.close()
    return directory


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "db")


SOURCE = JournalSource(name="lic1", path="../genesys.d.journal")


def told(warehouse: Warehouse) -> tuple[list[Any], list[Any], list[Any]]:
    engine = open_duckdb()
    parts = warehouse.manifest().parts

    def rows(kind: str) -> list[dict[str, Any]]:
        table = warehouse.table(engine, KINDS[kind], parts.get(kind, []))
        return engine.rows(table.order_by(*KINDS[kind].key))

    def end(moment: int | None) -> int | None:
        return None if moment is None else moment - DAY

    checkouts = [
        (
            *(row["handle"].partition("-")[0], row["feature"], row["user"], row["host"], row["seats"]),
            *(row["taken"] - DAY, end(row["returned"]), row["estimated"]),
        )
        for row in rows("checkouts")
    ]
    denials = [(row["feature"], row["user"], row["host"], row["at"] - DAY, row["code"], row["times"]) for row in rows("denials")]
    return checkouts, denials, [(row["since"] - DAY, row["until"] - DAY) for row in rows("gaps")]


@pytest.mark.parametrize(("cuts", "batch"), [((), 1), ((3, 8, 11), 1), ((), 4), (range(len(ENTRIES)), 1)])
def test_a_journal_is_its_checkouts_denials_and_times_without_a_server(
    tmp_path: Path, warehouse: Warehouse, cuts: Sequence[int], batch: int
) -> None:
    keep(tmp_path / "genesys.d.journal", ENTRIES, cuts, batch)
    (outcome,) = collect(warehouse, [SOURCE], {}, DAY + 1000)
    assert (outcome.error, outcome.since, outcome.rows["checkouts"]) == ("", DAY, 3)
    assert told(warehouse) == (CHECKOUTS, DENIALS, GAPS)
    # Again, and after all that was remembered is lost: nothing new.
    assert [collect(warehouse, [SOURCE], {}, DAY + 2000)[0].rows for _ in range(2)] == [{}, {}]
    (warehouse.path / "collected.json").unlink()
    assert collect(warehouse, [SOURCE], {}, DAY + 3000)[0].added == 0
    assert told(warehouse) == (CHECKOUTS, DENIALS, GAPS)


@pytest.mark.parametrize("archived", [False, True])
def test_read_after_each_entry_it_is_the_same(tmp_path: Path, warehouse: Warehouse, archived: bool) -> None:
    directory = tmp_path / "genesys.d.journal"
    for number, entry in enumerate(ENTRIES):
        keep(directory, [entry])
        (outcome,) = collect(warehouse, [SOURCE], {}, DAY + 1000 + number)
        assert outcome.error == ""
        assert outcome.rows.get("checkouts", 0) <= 3
        if archived:
            for old in sorted(directory.glob("*.jsonl"))[:-1]:
                old.unlink()
    # Of denials in one second those are forgotten whose segments were taken away meanwhile.
    checkouts, denials, gaps = told(warehouse)
    assert (checkouts, gaps) == (CHECKOUTS, GAPS)
    assert denials == (DENIALS if not archived else [("f1", "cy", "cy-pc", 4, -4, 5)])


def test_what_is_left_of_a_journal_says_what_was_held(tmp_path: Path, warehouse: Warehouse) -> None:
    directory = keep(tmp_path / "genesys.d.journal", ENTRIES, (8,))
    sorted(directory.glob("*.jsonl"))[0].unlink()
    collect(warehouse, [SOURCE], {}, DAY + 1000)
    assert told(warehouse) == (CHECKOUTS, [], GAPS)


def test_segments_that_nobody_has_read_are_a_gap(tmp_path: Path, warehouse: Warehouse) -> None:
    directory = keep(tmp_path / "genesys.d.journal", ENTRIES[:6])
    collect(warehouse, [SOURCE], {}, DAY + 100)
    keep(directory, ENTRIES[6:13], (5,))
    for old in sorted(directory.glob("*.jsonl"))[:-1]:
        old.unlink()
    collect(warehouse, [SOURCE], {}, DAY + 700)
    checkouts, _, gaps = told(warehouse)
    # 101 was out when it was read, and is in no segment that is left; 103 came and is not known to have gone before.
    assert checkouts == [("101", "f1", "ann", "ann-pc", 2, 1, 601, True), (*CHECKOUTS[1][:6], None, False), CHECKOUTS[2]]
    assert gaps == [(4, 601)]


def test_another_journal_is_not_the_same_again(tmp_path: Path, warehouse: Warehouse) -> None:
    directory = keep(tmp_path / "genesys.d.journal", ENTRIES[:8])
    older = tmp_path / "older"
    shutil.copytree(directory, older)
    collect(warehouse, [SOURCE], {}, DAY + 100)
    # Put back to an older copy, and gone on from there otherwise: 102 is somebody else's now.
    shutil.rmtree(directory)
    keep(directory, ENTRIES[:4])
    keep(directory, [SessionBegun(DAY + 50, 2, "digest-c", "dan", "dan-pc", ""), CheckedOut(DAY + 50, 2, 1, 102, "f2", "8", "8", 1, "")])
    collect(warehouse, [SOURCE], {}, DAY + 100)
    checkouts, _, gaps = told(warehouse)
    assert sorted(checkouts) == [
        ("101", "f1", "ann", "ann-pc", 2, 1, None, False),
        ("102", "f2", "bob", "bob-pc", 1, 5, 7, True),
        ("102", "f2", "dan", "dan-pc", 1, 50, None, False),
    ]
    assert gaps == [(5, 7)]
    # The first one once more, which has gone on: it is believed.
    shutil.rmtree(directory)
    shutil.copytree(older, directory)
    keep(directory, ENTRIES[8:])
    collect(warehouse, [SOURCE], {}, DAY + 1000)
    checkouts, _, _ = told(warehouse)
    assert sorted(checkouts)[:3] == sorted([*CHECKOUTS[:2], ("102", "f2", "dan", "dan-pc", 1, 50, 51, True)])


def test_what_is_torn_is_read_later_and_what_was_changed_is_refused_with_its_place(tmp_path: Path, warehouse: Warehouse) -> None:
    directory = keep(tmp_path / "genesys.d.journal", ENTRIES)
    segment = next(directory.glob("*.jsonl"))
    whole = segment.read_bytes()
    lines = whole.splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:9]) + lines[9][:40] + b"\n" * 5000)
    assert collect(warehouse, [SOURCE], {}, DAY + 1000)[0].error == ""
    assert [row[6] for row in told(warehouse)[0]] == [None, None]
    segment.write_bytes(whole.replace(b'"ann"', b'"eve"'))
    (outcome,) = collect(warehouse, [SOURCE], {}, DAY + 2000)
    assert f"{segment.name}:3: entry 3 of the journal does not match its hash" in outcome.error
    assert told(warehouse)[2] == [(1000, 2000)]
    segment.write_bytes(whole)
    assert collect(warehouse, [SOURCE], {}, DAY + 3000)[0].error == ""
    assert told(warehouse)[:2] == (CHECKOUTS, DENIALS)


def test_what_is_no_journal_is_told(tmp_path: Path) -> None:
    for there, said in (("nothing", "There is no journal here"), ("empty", "There is no journal here"), ("file", "Not a directory")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match=said):
            read_facts(tmp_path / there, "x", None, lambda _rows: None)
    directory = keep(tmp_path / "genesys.d.journal", ENTRIES)
    with next(directory.glob("*.jsonl")).open("r+b") as file:
        file.write(b"{")
        file.seek(1)
        file.write(b"}")
    with pytest.raises(JournalDamage, match="entry 1 of the journal is not readable"):
        read_facts(directory, "x", None, lambda _rows: None)
