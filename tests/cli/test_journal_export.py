from __future__ import annotations

import io
import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest

from seatkeeper.adapters.debuglog import DebugLog, open_log
from seatkeeper.adapters.journal import Journal
from seatkeeper.cli import journal_export
from seatkeeper.cli.journal import main
from seatkeeper.licfile.options_model import OptionsFile
from seatkeeper.licfile.options_model import ReportLog as ReportOption
from seatkeeper.server.logs import Logs
from seatkeeper.vendor.entries import (
    Act,
    CheckedIn,
    CheckedOut,
    Denial,
    Dequeued,
    Opened,
    Queued,
    Reread,
    SessionBegun,
    SessionEnded,
    Snapshot,
)
from seatkeeper.vendor.events import Append
from seatkeeper.vendor.ledger import Ledger
from seatkeeper.vendor.record import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from seatkeeper.vendor.entries import Entry

DAY = 86400.0
#: Noon in every time zone's own way is a quarrel: times are compared as the local clock has them.
NOON = datetime(2026, 11, 24, 12).timestamp()
ENTRIES = [
    Opened(NOON, "genesys.d", "0.1", 180.0),
    Reread(NOON, [("f1", "8.0", 3)], "root", "srv"),
    SessionBegun(NOON, 1, "d1gest", "ann", "ann-pc", "tty1", 42),
    CheckedOut(NOON + 1, 1, 1, 101, "f1", "8.0", "8.0", 2, "tty1"),
    SessionBegun(NOON + 2, 2, "d2gest", "bob", "bob-pc", "tty2", 43),
    Queued(NOON + 3, 2, 1, 102, "f1", "8.0", "8.0", 2, "tty2"),
    Denial(NOON + 4, "cy", "cy-pc", "f1", "8.0", 9, -26, "Too many."),
    Act(NOON + 5, "lmremove", "root", "srv", "f1 ann@ann-pc"),
    CheckedIn(NOON + DAY, 101, "removed"),
    Dequeued(NOON + DAY, 102, "served"),
    CheckedOut(NOON + DAY, 2, 1, 102, "f1", "8.0", "8.0", 2, "tty2"),
    SessionEnded(NOON + DAY + 1, 1),
    CheckedIn(NOON + 2 * DAY, 102, "checkin"),
]


def keep(directory: Path, entries: Iterable[Entry], *, segments: int = 1) -> Path:
    """A journal of these entries, a record each, in so many segments, each with its snapshot."""
    journal = Journal(directory, lambda call: call(), durable=False)
    list(journal.tail())
    ledger = Ledger()
    known = list(entries)
    size = -(-len(known) // segments)
    for start in range(0, len(known), size):
        journal.snapshot(ledger.snapshot(NOON))
        first = journal.seq
        for number, entry in enumerate(known[start : start + size]):
            journal.append(first + number, [entry], lambda _outcome: None)
            ledger.apply(entry)
    journal.close()
    return directory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return keep(tmp_path / "genesys.d.journal", ENTRIES)


def exported(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, object]]:
    assert main(["export", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def events(records: list[dict[str, object]]) -> list[object]:
    return [record["event"] for record in records]


def test_each_entry_is_a_record_that_speaks_for_itself(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = exported(capsys, str(directory))
    assert [record["seq"] for record in records] == list(range(2, len(ENTRIES) + 2))
    assert events(records) == [entry.__struct_config__.tag for entry in ENTRIES]
    assert all(record["vendor"] == "genesys.d" for record in records)
    back = records[8]
    assert (back["user"], back["feature"], back["count"], back["why"], back["handle"]) == ("ann", "f1", 2, "removed", 101)
    assert back["since"] == records[3]["time"]
    assert (records[5]["user"], records[9]["user"], records[9]["why"]) == ("bob", "bob", "served")
    assert "d1gest" not in json.dumps(records)


@pytest.mark.parametrize("segments", [2, 5, 13])
def test_segments_make_no_difference(tmp_path: Path, directory: Path, capsys: pytest.CaptureFixture[str], segments: int) -> None:
    """A snapshot in the middle is no event, and nobody is forgotten."""
    whole = exported(capsys, str(directory))
    parts = exported(capsys, str(keep(tmp_path / "parts" / "genesys.d.journal", ENTRIES, segments=segments)))
    for records in (whole, parts):
        for record in records:
            del record["seq"]
    assert parts == whole


def test_a_journal_whose_beginning_is_gone_says_what_was_held(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = keep(tmp_path / "genesys.d.journal", ENTRIES, segments=2)
    sorted(directory.glob("*.jsonl"))[0].unlink()
    records = exported(capsys, str(directory))
    assert events(records) == ["held", *(entry.__struct_config__.tag for entry in ENTRIES[7:])]
    assert (records[0]["user"], records[0]["count"]) == ("ann", 2)
    earlier = exported(capsys, str(directory), "--from", "2026-11-01")
    assert earlier == records, "nobody is known to have held seats before the first snapshot that is there"


def test_use_adds_up_from_any_moment_on(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Held plus out minus in is what was in use, whatever part is exported."""
    signs = {"held": 1, "checkout": 1, "checkin": -1}

    def use(records: list[dict[str, object]]) -> int:
        return sum(signs.get(str(record["event"]), 0) * int(str(record.get("count", 0))) for record in records)

    for since, until, in_use in (
        ("2026-11-24", "2026-11-24", 2),
        ("2026-11-25", "2026-11-25", 2),
        ("2026-11-24T13:00", "2026-11-25T11:00", 2),
        ("2026-11-25", "2026-11-26", 0),
        ("2026-11-27", "2026-11-28", 0),
    ):
        assert use(exported(capsys, str(directory), "--from", since, "--to", until)) == in_use, (since, until)


def test_days_and_times(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert events(exported(capsys, str(directory), "--to", "2026-11-24")) == [entry.__struct_config__.tag for entry in ENTRIES[:8]]
    later = exported(capsys, str(directory), "--from", "2026-11-25")
    assert events(later) == ["held", *(entry.__struct_config__.tag for entry in ENTRIES[8:])]
    assert later[0]["time"] == datetime(2026, 11, 25).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert events(exported(capsys, str(directory), "--from", "2026-11-24T12:00:01", "--to", "2026-11-24T12:00:04")) == [
        "checkout",
        "session",
        "queued",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "yesterday"], "This is no date (found 'yesterday'"),
        (["--from", "2026-11-25", "--to", "2026-11-24"], "Nothing lies between"),
        (["--vendor", "other.d"], "no journal of this vendor daemon (found 'other.d', expected genesys.d)"),
        (["--format", "parquet"], "never to standard output"),
        (["--to", "9999-12-31"], "--to: No journal is of that time (found '9999-12-31')"),
        (["--from", "0001-01-01"], "--from: No journal is of that time"),
        (["--from", "0001-01-01T00:00"], "This is no date"),
    ],
)
def test_options_that_cannot_be_met(directory: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["export", str(directory), *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err


def test_the_directory_of_all_journals(tmp_path: Path, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(tmp_path / "other.d.journal", [Opened(NOON, "other.d", "0.1", 180.0)])
    assert [record["vendor"] for record in exported(capsys, str(tmp_path))] == ["genesys.d"] * len(ENTRIES) + ["other.d"]
    assert [record["vendor"] for record in exported(capsys, str(tmp_path), "--vendor", "OTHER.d")] == ["other.d"]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_no_journal_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["export", str(tmp_path / name)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "There is no journal" in shown.err


def test_a_file_is_whole_or_what_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = keep(tmp_path / "genesys.d.journal", ENTRIES, segments=3)
    out = tmp_path / "use.jsonl"
    assert main(["export", str(directory), "-o", str(out)]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"13 records are in {out}.\n")
    before = out.read_bytes()
    assert len(before.splitlines()) == 13
    segment = sorted(directory.glob("*.jsonl"))[1]
    segment.write_bytes(segment.read_bytes().replace(b"Too many", b"Too few!").replace(b'"lmremove"', b'"lmreread"'))
    assert main(["export", str(directory), "-o", str(out)]) == 1
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["genesys.d.journal", "use.jsonl"]
    assert out.stat().st_mode & 0o007 == 0
    assert main(["export", str(directory), "-o", str(tmp_path / "nowhere" / "use.jsonl")]) == 2


def test_a_device_is_written_to_and_a_link_followed(directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Root who names /dev/null must still have one afterwards."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert main(["export", str(directory), "-o", str(pipe)]) == 0
        assert len(os.read(reader, 1 << 20).splitlines()) == len(ENTRIES)
        assert pipe.is_fifo()
    finally:
        os.close(reader)
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    assert main(["export", str(directory), "-o", str(link)]) == 0
    assert link.is_symlink()
    assert len(target.read_text().splitlines()) == len(ENTRIES)
    capsys.readouterr()


def test_parquet_has_the_same_records_in_columns_of_one_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    directory = keep(tmp_path / "genesys.d.journal", ENTRIES)
    out = tmp_path / "use.parquet"
    assert main(["export", str(directory), "--format", "parquet", "-o", str(out)]) == 0
    capsys.readouterr()
    table = parquet.read_table(out)
    assert table.schema.names == list(COLUMNS)
    assert {name: str(table.schema.field(name).type) for name in ("time", "since", "borrow_until", "count", "user")} == {
        "time": "timestamp[us, tz=UTC]",
        "since": "timestamp[us, tz=UTC]",
        "borrow_until": "timestamp[us, tz=UTC]",
        "count": "int64",
        "user": "string",
    }
    assert table.schema.metadata == {b"format": b"seatkeeper-records/1"}
    rows = [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]
    assert json.loads(msgspec.json.encode(rows)) == exported(capsys, str(directory))


def test_parquet_is_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(journal_export, "_ROWS_MAX", 4)
    out = tmp_path / "use.parquet"
    assert main(["export", str(keep(tmp_path / "genesys.d.journal", ENTRIES)), "--format", "parquet", "-o", str(out)]) == 0
    assert parquet.ParquetFile(out).metadata.num_row_groups == 4
    assert parquet.read_table(out).num_rows == 13


def test_without_pyarrow_it_says_what_to_install(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    out = tmp_path / "use.parquet"
    assert main(["export", str(directory), "--format", "parquet", "-o", str(out)]) == 2
    assert "pip install 'seatkeeper[usage]'" in capsys.readouterr().err
    assert not out.exists()


def test_an_empty_export_is_an_empty_table(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    directory = keep(tmp_path / "genesys.d.journal", ENTRIES)
    out = tmp_path / "use.parquet"
    assert main(["export", str(directory), "--format", "parquet", "-o", str(out), "--to", "2026-11-01"]) == 0
    table = parquet.read_table(out)
    assert (table.num_rows, table.schema.names) == (0, list(COLUMNS))


def test_a_terminal_is_told_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(journal_export, "_TOLD_EVERY", 3)
    monkeypatch.setattr(sys, "stderr", terminal)
    directory = keep(tmp_path / "genesys.d.journal", ENTRIES, segments=3)
    assert main(["export", str(directory), "-o", str(tmp_path / "use.jsonl")]) == 0
    told = terminal.getvalue()
    assert "segment 1 of 3, 3 entries" in told
    assert "segment 3 of 3" in told
    assert told.splitlines()[-1].endswith("use.jsonl.")


def test_a_report_log_is_the_same_record_as_the_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who counts use may take either."""
    log = DebugLog(open_log(str(tmp_path / "log")), "genesys.d", lambda: NOON)
    logs = Logs(log, "genesys.d", "licsrv", tmp_path, lambda: NOON, False)
    assert logs.apply(OptionsFile(reportlog=ReportOption("use.jsonl"))) == []
    ledger = Ledger()
    for entry in ENTRIES:
        logs.wrote([Append(entry, journal_export._replay(ledger, entry))])
    logs.close()
    reported = [json.loads(line) for line in (tmp_path / "use.jsonl").read_text().splitlines()[1:]]
    records = exported(capsys, str(keep(tmp_path / "genesys.d.journal", ENTRIES)))
    assert reported == [{name: value for name, value in record.items() if name != "seq"} for record in records]


def test_snapshots_alone_are_no_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "genesys.d.journal"
    journal = Journal(directory, lambda call: call(), durable=False)
    list(journal.tail())
    journal.snapshot(Snapshot(NOON, 101, 1, [], []))
    journal.close()
    assert exported(capsys, str(directory)) == []
