"""The journal on a real disk: what was acknowledged is there, what was changed shows, what was torn is cut off."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters import journal as journal_module
from seatkeeper.adapters.journal import GENESIS, Journal, JournalDamage, read_journal, segments
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.vendor.chain import record_line
from seatkeeper.vendor.entries import CheckedIn, CheckedOut, Entry, Snapshot
from seatkeeper.vendor.log import Appended, Conflict, Outcome, Unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

EMPTY = Snapshot(0.0, 101, 1, [], [])


def out(handle: int) -> CheckedOut:
    return CheckedOut(1.5, 1, handle, handle, "f1", "8.0", "8.0", 1, "tty")


def open_journal(directory: Path) -> Journal:
    journal = Journal(directory, lambda call: call())
    for _ in journal.tail():
        pass
    journal.snapshot(EMPTY)
    return journal


def append(journal: Journal, batch: Sequence[Entry], expected: int | None = None) -> Outcome:
    outcomes: list[Outcome] = []
    came = threading.Event()
    journal.append(journal.seq if expected is None else expected, batch, lambda outcome: (outcomes.append(outcome), came.set()))
    assert came.wait(10)
    return outcomes[0]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A closed journal of one segment: a snapshot, then ten records of two entries."""
    journal = open_journal(tmp_path / "j")
    for number in range(10):
        assert append(journal, [out(2 * number), out(2 * number + 1)]) == Appended(2 * number + 3)
    journal.close()
    return tmp_path / "j"


def test_entries_come_back_in_order_across_segments(written: Path) -> None:
    journal = open_journal(written)
    append(journal, [CheckedIn(2.0, 3, "checkin")])
    journal.close()
    assert len(segments(written)) == 2
    records = list(read_journal(segments(written), anchor=GENESIS))
    entries = [entry for record in records for entry in record.entries]
    assert entries == [EMPTY, *(out(handle) for handle in range(20)), EMPTY, CheckedIn(2.0, 3, "checkin")]
    assert [record.seq for record in records] == [1, *range(2, 22, 2), 22, 23]


def test_a_reader_may_begin_with_the_last_snapshot(written: Path) -> None:
    open_journal(written).close()
    journal = Journal(written, lambda call: call())
    assert [entry for record in journal.tail() for entry in record.entries] == [EMPTY]
    assert journal.seq == 22
    journal.close()


def test_it_is_readable_text_for_other_programs(written: Path) -> None:
    lines = [json.loads(line) for line in segments(written)[0].read_text().splitlines() if line]
    assert lines[1]["seq"] == 2
    assert lines[1]["entries"][0]["entry"] == "checkout"
    assert lines[1]["prev"] == lines[0]["hash"]


@pytest.mark.parametrize("line", [0, 1, 5, 10])
def test_every_changed_byte_of_a_record_shows(written: Path, line: int) -> None:
    path = segments(written)[0]
    whole = path.read_bytes()
    start = sum(len(part) + 1 for part in whole.split(b"\n")[:line])
    length = len(whole.split(b"\n")[line])
    for offset in range(start, start + length, 7):
        changed = bytearray(whole)
        changed[offset] ^= 1
        path.write_bytes(changed)
        assert _finds(path, line + 1), f"byte {offset} was changed unseen"


def _finds(path: Path, line: int) -> bool:
    """True where reading the segment shows that this line, the last of eleven at most, is not what was written."""
    torn: list[tuple[Path, int]] = []
    try:
        records = list(read_journal([path], anchor=GENESIS, torn=lambda *where: torn.append(where)))
    except JournalDamage as damage:
        return damage.line in (line, line + 1)
    # Only the last record can be taken for one that was torn while it was written, and that is said.
    return line == 11 and len(torn) == 1 and len(records) == 10


def test_a_record_left_out_added_or_moved_shows(written: Path) -> None:
    path = segments(written)[0]
    lines = path.read_bytes().splitlines(keepends=True)
    for forged in ([*lines[:4], *lines[5:]], [*lines[:4], lines[3], *lines[4:]], [*lines[:4], lines[5], lines[4], *lines[6:]], lines[1:]):
        path.write_bytes(b"".join(forged))
        with pytest.raises(JournalDamage):
            list(read_journal([path], anchor=GENESIS))


def test_a_segment_left_out_shows(written: Path) -> None:
    for _ in range(2):
        open_journal(written).close()
    segments(written)[1].unlink()
    with pytest.raises(JournalDamage):
        list(read_journal(segments(written), anchor=GENESIS))


@pytest.mark.parametrize("keep", [1, 40, 200])
def test_a_torn_last_record_is_cut_off_when_the_journal_is_opened(written: Path, keep: int) -> None:
    path = segments(written)[0]
    lines = path.read_bytes().splitlines(keepends=True)
    # As a power cut leaves it: part of the record, over the empty lines that were there before.
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:keep] + b"\n" * 500)
    journal = open_journal(written)
    assert journal.seq == 20
    assert append(journal, [out(99)]) == Appended(21)
    journal.close()
    assert sum(len(record.entries) for record in read_journal(segments(written), anchor=GENESIS)) == 21


def test_a_broken_record_with_others_behind_it_is_damage_and_nothing_is_written(written: Path) -> None:
    path = segments(written)[0]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:5], lines[5][:50] + b"\n", *lines[6:]]))
    before = path.read_bytes()
    journal = Journal(written, lambda call: call())
    with pytest.raises(JournalDamage, match=r"entry 10 of the journal"):
        list(journal.tail())
    journal.close()
    assert path.read_bytes() == before
    assert len(segments(written)) == 1


def test_a_last_record_that_is_whole_but_changed_is_damage_not_a_torn_one(written: Path) -> None:
    path = segments(written)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:-100].replace(b'"f1"', b'"f2"') + whole[-100:])
    with pytest.raises(JournalDamage):
        list(read_journal([path], anchor=GENESIS))


def test_a_segment_that_a_crash_left_empty_is_passed_over(written: Path) -> None:
    (written / f"{22:020d}.jsonl").write_bytes(b"\n" * 100)
    journal = open_journal(written)
    assert journal.seq == 22
    journal.close()
    list(read_journal(segments(written), anchor=GENESIS))


def test_a_record_of_which_only_scattered_pages_were_written_is_torn_too(written: Path) -> None:
    """A power cut may leave the first and the last page of a long record on the disk, and filling between."""
    path = segments(written)[0]
    lines = path.read_bytes().splitlines(keepends=True)
    last = lines[-1]
    path.write_bytes(b"".join(lines[:-1]) + last[:120] + b"\n" * 100 + last[220:260] + b"\0" * 30 + last[290:])
    journal = open_journal(written)
    assert journal.seq == 20
    journal.close()
    assert list(read_journal(segments(written), anchor=GENESIS))


def test_bytes_that_are_no_text_are_torn_at_the_end_and_damage_elsewhere(written: Path) -> None:
    """What a power cut leaves may be anything, also inside a string."""
    path = segments(written)[0]
    lines = path.read_bytes().splitlines(keepends=True)
    broken = lines[-1].replace(b'"f1"', b'"\xfe1"')
    assert broken != lines[-1]
    path.write_bytes(b"".join(lines[:5]) + broken + b"".join(lines[6:]))
    with pytest.raises(JournalDamage):
        list(read_journal([path], anchor=GENESIS))
    path.write_bytes(b"".join(lines[:-1]) + broken)
    journal = open_journal(written)
    assert journal.seq == 20
    journal.close()


def test_the_only_record_of_a_journal_s_only_segment_is_never_taken_for_torn(written: Path) -> None:
    """Older segments may be archived, so the last one's snapshot may be all there is: without it all holders would be forgotten."""
    open_journal(written).close()
    segments(written)[0].unlink()
    (path,) = segments(written)
    path.write_bytes(path.read_bytes().replace(b"snapshot", b"snap\x00hot"))
    journal = Journal(written, lambda call: call())
    with pytest.raises(JournalDamage):
        list(journal.tail())
    journal.close()
    assert path.stat().st_size > 0


def test_a_crash_leaves_no_filling_behind(written: Path) -> None:
    """Otherwise a vendor daemon that crashes again and again fills the disk with nothing."""
    path = segments(written)[0]
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"\n" * 300_000)
    open_journal(written).close()
    assert path.stat().st_size == size


def test_filling_is_passed_over_in_large_steps(tmp_path: Path) -> None:
    path = tmp_path / f"{1:020d}.jsonl"
    path.write_bytes(b"\n" * (4 << 20) + b"{}\n" + b"\n" * (2 << 20) + b"{}\n")
    steps = []

    def count(frame: object, event: str, argument: object) -> None:
        steps.append(event)

    sys.setprofile(count)
    try:
        with pytest.raises(JournalDamage) as caught:
            list(read_journal([path, path]))
    finally:
        sys.setprofile(None)
    assert caught.value.line == (4 << 20) + 1
    assert len(steps) < 1000


def test_the_last_entries_are_written_when_it_is_closed_even_behind_a_commit_under_way(tmp_path: Path) -> None:
    calls: list[object] = []
    journal = Journal(tmp_path / "j", calls.append)
    assert list(journal.tail()) == []
    journal.snapshot(EMPTY)
    journal.append(journal.seq, [out(101)], lambda _outcome: None)
    journal.close([out(102), out(103)])
    entries = [entry for record in read_journal(segments(tmp_path / "j"), anchor=GENESIS) for entry in record.entries]
    assert entries == [EMPTY, out(101), out(102), out(103)]


def test_a_snapshot_behind_a_batch_holds_what_the_batch_did(written: Path) -> None:
    """A rotation asked for while a batch is being written waits for it."""
    journal = open_journal(written)
    outcomes: list[Outcome] = []
    journal.append(journal.seq, [out(50)], outcomes.append)
    journal.snapshot(EMPTY)
    assert outcomes == [Appended(23)]
    assert append(journal, [out(51)]) == Appended(25)
    journal.close()
    assert [record.seq for record in read_journal(segments(written)[-2:])] == [22, 23, 24, 25]


def test_an_append_behind_somebody_elses_is_a_conflict(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "j")
    assert append(journal, [out(1)], expected=0) == Conflict(1)
    assert append(journal, [out(1)]) == Appended(2)
    journal.close()


def test_two_daemons_never_write_one_journal(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "j")
    with pytest.raises(SeatkeeperError, match="another vendor daemon"):
        Journal(tmp_path / "j", lambda call: call())
    journal.close()
    open_journal(tmp_path / "j").close()


@pytest.mark.parametrize("failing", ["pwrite", "fdatasync"])
def test_after_a_failed_write_the_outcome_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    journal = open_journal(tmp_path / "j")

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal_module.os, failing, fail)
    outcome = append(journal, [out(1)])
    monkeypatch.undo()
    assert isinstance(outcome, Unknown)
    assert "No space left" in outcome.reason
    journal.close()


def test_after_a_failed_write_nothing_more_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flush that failed may have dropped what it was to write, and the next one would not say so."""
    journal = open_journal(tmp_path / "j")
    whole = segments(tmp_path / "j")[0]

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(journal_module.os, "fdatasync", fail)
    assert isinstance(append(journal, [out(1)]), Unknown)
    monkeypatch.undo()
    before = whole.read_bytes()
    assert isinstance(append(journal, [out(2)]), Unknown)
    with pytest.raises(OSError, match="Input/output error"):
        journal.snapshot(EMPTY)
    with pytest.raises(OSError, match="Input/output error"):
        journal.close([out(3)])
    assert segments(tmp_path / "j") == [whole]
    assert whole.read_bytes() == before
    open_journal(tmp_path / "j").close()


def test_an_error_of_the_disk_while_filling_is_no_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j", lambda call: call())

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(journal_module.os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        journal.snapshot(EMPTY)
    monkeypatch.undo()
    journal.close()


def test_an_entry_that_cannot_be_encoded_has_an_outcome_too(tmp_path: Path) -> None:
    """Whatever goes wrong in the writing thread, the daemon hears of it instead of waiting for ever."""
    journal = open_journal(tmp_path / "j")
    outcome = append(journal, [object()])  # type: ignore[list-item]
    assert isinstance(outcome, Unknown)
    journal.close()


def test_a_full_disk_costs_no_acknowledged_record(tmp_path: Path) -> None:
    """A real limit on the file's size: appends fail at it, and all that was acknowledged before is there."""
    script = """
import resource, signal, sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from test_journal import append, open_journal, out
from seatkeeper.vendor.log import Appended
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
journal = open_journal(Path(sys.argv[1]))
count = 0
while isinstance(append(journal, [out(count)] * 10), Appended):
    count += 10
print(count)
"""
    answer = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "j"), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    acknowledged = int(answer.stdout)
    assert acknowledged > 100
    found = [entry for record in read_journal(segments(tmp_path / "j"), anchor=GENESIS) for entry in record.entries]
    assert len(found) - 1 >= acknowledged


def test_files_are_private(written: Path) -> None:
    assert written.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in written.iterdir())


def test_a_reader_sees_what_was_being_written_when_it_looked(tmp_path: Path) -> None:
    """A daemon writes while others read: half a line before the filling, and a moment later all of it, with more behind."""
    journal = Journal(tmp_path / "whole", lambda call: call(), durable=False)
    list(journal.tail())
    journal.snapshot(Snapshot(1.0, 101, 1, [], []))
    for number in range(3):
        journal.append(number + 1, [CheckedIn(2.0 + number, 101, "checkin")], lambda _outcome: None)
    journal.close()
    (segment,) = segments(tmp_path / "whole")
    lines = segment.read_bytes().splitlines(keepends=True)
    for cut in (1, len(lines[1]) // 2, len(lines[1]) - 3, len(lines[1]) - 1):
        path = tmp_path / segment.name
        path.write_bytes(lines[0] + lines[1][:cut] + b"\n" * 5000)
        records = read_journal([path])
        assert next(records).seq == 1
        with path.open("r+b") as file:
            file.write(b"".join(lines))
        assert [record.seq for record in records] == [2, 3, 4]


def test_it_goes_on_without_a_snapshot_where_it_is_another_logs_copy(tmp_path: Path) -> None:
    lines: list[bytes] = []
    head = GENESIS
    for start in (0, 3):
        journal = Journal(tmp_path, lambda call: call())
        assert sum(1 for _ in journal.tail()) == start
        journal.proceed()
        for handle in range(start, start + 3):
            line, head = record_line(handle + 1, head, (out(handle),))
            lines.append(line)
            journal.append(handle, [out(handle)], lambda outcome: None)
        journal.close()
        assert journal.head == head
    assert segments(tmp_path)[0].read_bytes() == b"".join(lines)


def test_it_begins_behind_what_it_has_not_where_the_other_log_has_only_the_snapshot(tmp_path: Path) -> None:
    journal = Journal(tmp_path, lambda call: call())
    list(journal.tail())
    journal.proceed()
    journal.append(0, [out(1)], lambda outcome: None)
    journal.begin_behind(99, "a" * 64)
    journal.snapshot(EMPTY)
    journal.close()
    line, head = record_line(100, "a" * 64, (EMPTY,))
    assert [path.read_bytes() for path in segments(tmp_path)] == [line]
    assert journal.head == head
    (apart,) = tmp_path.glob("before-*")
    assert len(list(read_journal(segments(apart), anchor=GENESIS))) == 1
    journal = Journal(tmp_path, lambda call: call())
    assert [record.seq for record in journal.tail()] == [100]
    journal.close()
