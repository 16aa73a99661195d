"""The journal on disk: every entry that was acknowledged is there after any crash, and any later change to it shows.

The local implementation of the log port. A journal is a directory of segments, named by the number of their first entry.
A segment is text, one record a line:

    {"seq":12,"prev":"<hash>","entries":[{"entry":"checkout",...},...],"hash":"<hash>"}

`seq` numbers the first entry of the record, `prev` is the hash of the record before it, `hash` is SHA-256 over the line up to
its own comma. A record is one commit: all entries that came while the one before it was being written (group commit), one
`fdatasync` for all of them.

Each segment begins with a snapshot of the ledger, so a reader may begin with the last one. The end of the segment that is
being written is filled with empty lines ahead of time: a flush of blocks that exist already is half as long as one that
also has to grow the file. A record that a crash tore, maybe into several pieces, has no whole record behind it, was never
acknowledged, and is cut off when the journal is opened; a broken record with others behind it is damage, and the journal is
refused. After a write or a flush has failed nothing more is written: nobody knows what is on the disk, the next process reads it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import queue
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.vendor.chain import GENESIS, HASH_MARK, record_line
from seatkeeper.vendor.entries import Entry
from seatkeeper.vendor.log import Appended, Conflict, LogRecord, Outcome, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import BufferedReader

__all__ = ["GENESIS", "SEGMENT_BYTES_MAX", "Journal", "JournalDamage", "read_journal", "segments"]

#: A segment longer than this is followed by a new one, with a snapshot.
SEGMENT_BYTES_MAX: Final = 64 << 20
_FILL_BYTES: Final = 4 << 20
_STEP_BYTES: Final = 1 << 20
#: What a disk, a quota or a limit says that has no more room.
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SUFFIX: Final = ".jsonl"


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    seq: int
    prev: str
    entries: list[Entry]
    hash: str


#: From the hash's mark on to the end of a whole line.
_HASH_END: Final = len(HASH_MARK) + len(GENESIS) + len(b'"}\n')
#: So often a line that is not whole is looked at again.
_LOOKS: Final = 3

_decode: Final = msgspec.json.Decoder(_Record).decode


class JournalDamage(SeatkeeperError):
    """A record is not what was written: `seq` is the first entry that cannot be trusted."""

    def __init__(self, path: Path, line: int, seq: int, reason: str) -> None:
        super().__init__(
            f"{path}:{line}: entry {seq} of the journal {reason}.", "Keep the file, and restore the journal from a copy that verifies."
        )
        self.path = path
        self.line = line
        self.seq = seq


def segments(directory: Path) -> list[Path]:
    """The segments of a journal, the oldest first; a single segment file is a journal of one."""
    if directory.is_file():
        return [directory]
    found = sorted(path for path in directory.glob(f"*{_SUFFIX}") if path.stem.isdigit())
    if not found and not directory.is_dir():
        raise InputError(
            "There is no journal here", file=str(directory), expected="a journal's directory", remedy="Give the directory NAME.journal."
        )
    return found


def read_journal(
    paths: Sequence[Path], *, anchor: str | None = None, torn: Callable[[Path, int], object] | None = None
) -> Iterator[LogRecord]:
    """The records of these segments in order, each checked against the one before it.

    `anchor` is the hash before the first record, where it is known. Of a record that was not wholly written when the machine
    stopped, what there is can only be the end of the last segment; `torn` is called with its file and offset.

    Raises:
        JournalDamage: A record was changed, left out, added or put elsewhere.
    """
    previous, expected = anchor, 0
    for number, path in enumerate(paths):
        lines = _lines(path)
        for line, offset, raw in lines:
            record, reason = _decoded(raw)
            if record is None and number == len(paths) - 1 and not any(_decoded(rest)[0] for _, _, rest in lines):
                # No whole record follows it and it is none: it was never acknowledged. One that is whole and does not
                # match its hash was changed, wherever it stands.
                if torn is not None:
                    torn(path, offset)
                return
            if record is not None:
                reason = _misfit(raw, record, previous, expected)
            if record is None or reason:
                raise JournalDamage(path, line, expected or int(path.stem), reason)
            previous, expected = record.hash, record.seq + len(record.entries)
            yield LogRecord(record.seq, tuple(record.entries), record.prev, record.hash)


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset and bytes of each line that is not empty."""
    with path.open("rb") as file:
        number = offset = 0
        while raw := file.readline():
            if raw != b"\n":
                for _ in range(_LOOKS):
                    if raw[-_HASH_END:].startswith(HASH_MARK):
                        break
                    # A daemon may be writing this very line: what was filling a moment ago is the rest of it now.
                    _seek_anew(file, offset)
                    raw = file.readline()
                number += 1
                yield number, offset, raw
                offset += len(raw)
                continue
            skipped = _filling(file, offset)
            number, offset = number + skipped, offset + skipped
            file.seek(offset)


def _seek_anew(file: BufferedReader, offset: int) -> None:
    """Goes to the offset, and forgets what was read ahead, which a seek within it would not."""
    file.seek(0, os.SEEK_END)
    file.seek(offset)


def _filling(file: BufferedReader, offset: int) -> int:
    """How much filling there is from the offset on, as far as is looked ahead: millions of empty lines.

    Where something comes behind it, a daemon may have written it at this moment, from the offset on: then it is not filling any more.
    """
    before = -1
    while True:
        _seek_anew(file, offset)
        ahead = file.read(_STEP_BYTES)
        skipped = len(ahead) - len(ahead.lstrip(b"\n"))
        if skipped in {len(ahead), before}:
            return skipped
        before = skipped


def _decoded(raw: bytes) -> tuple[_Record | None, str]:
    """The record of a line, or why there is none."""
    if not raw.endswith(b"\n"):
        return None, "is cut off"
    try:
        return _decode(raw), ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, "is not readable"


def _misfit(raw: bytes, record: _Record, previous: str | None, expected: int) -> str:
    """Why the record is not what was written here; empty where it is."""
    body, _, rest = raw.rpartition(HASH_MARK)
    if hashlib.sha256(body).hexdigest() != record.hash or rest != b'%s"}\n' % record.hash.encode():
        return "does not match its hash"
    if previous is not None and record.prev != previous:
        return "does not follow the record before it"
    if expected and record.seq != expected:
        return f"is numbered {record.seq}"
    return ""


class Journal:
    """A journal that is open for writing; one process at a time has it.

    Args:
        directory: Made when missing.
        post: Runs a callable on the caller's thread, such as an event loop's `call_soon_threadsafe`.
        durable: False leaves out the flush to the disk: unsafe, for measuring what durability costs.
    """

    def __init__(self, directory: Path, post: Callable[[Callable[[], object]], object], *, durable: bool = True) -> None:
        self.directory = directory
        self._post = post
        self._durable = durable
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):
            _sync_directory(directory.parent)
        self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise SeatkeeperError(
                f"{directory}: another vendor daemon is writing this journal.",
                "Stop that one first; each license server has its own journal.",
            ) from None
        self.seq = 0
        self._hash = GENESIS
        self._file = -1
        self._offset = self._filled = 0
        self._fills = True
        self._failure: Exception | None = None
        self._queue: queue.SimpleQueue[tuple[int, Sequence[Entry], Callable[[Outcome], None]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def wants_snapshot(self) -> bool:
        """True once the segment is long enough to be followed by a new one."""
        return self._offset > SEGMENT_BYTES_MAX

    def tail(self, from_seq: int = 0) -> Iterator[LogRecord]:
        """The records from the one that holds `from_seq` on; 0 begins with the last snapshot. To be read to the end before writing.

        Raises:
            JournalDamage: What is read cannot be trusted.
        """
        paths = segments(self.directory)
        while len(paths) > 1 and not _holds_a_record(paths[-1]):
            # The crash came while this segment was begun: nothing in it was acknowledged.
            paths.pop().unlink()
        first = len(paths) - 1
        if from_seq:
            first = max((number for number, path in enumerate(paths) if int(path.stem) <= from_seq), default=0)
        cut: list[tuple[Path, int]] = []
        for record in read_journal(paths[max(first, 0) :], torn=lambda path, offset: cut.append((path, offset))):
            self.seq, self._hash = record.seq + len(record.entries) - 1, record.hash
            if self.seq >= from_seq:
                yield record
        if paths and not self.seq and int(paths[-1].stem) > 1:
            raise JournalDamage(paths[-1], 1, int(paths[-1].stem), "is not readable, and it is all that there is")
        for path, offset in cut:
            os.truncate(path, offset)
        if paths:
            _trim(paths[-1])

    @property
    def head(self) -> str:
        """The hash of the last record; to be looked at while nothing is being appended."""
        return self._hash

    def proceed(self) -> None:
        """Goes on behind the last record, without a snapshot: the journal says word for word what another log says.

        Raises:
            OSError: It cannot be written.
        """
        paths = segments(self.directory)
        self._open_segment(paths[-1] if paths else self._next_segment())
        _sync_directory(self.directory)
        self._offset = self._filled = os.lseek(self._file, 0, os.SEEK_END)
        self._start_thread()

    def begin_behind(self, seq: int, previous: str) -> None:
        """Lets a snapshot be the next record, with a number and a hash before it that are not this journal's; what it has is put aside.

        Raises:
            OSError: It cannot be put aside.
        """
        self._stop_thread()
        self._close_segment()
        self._check()
        apart = self.directory / f"before-{seq + 1:020d}"
        apart.mkdir(mode=0o700, exist_ok=True)
        for path in segments(self.directory):
            path.rename(apart / path.name)
        _sync_directory(self.directory)
        self.seq, self._hash = seq, previous

    def snapshot(self, snapshot: Entry) -> None:
        """Begins a new segment with `snapshot`, behind what is being appended; durable on return.

        Raises:
            OSError: It cannot be written, or what went before could not.
        """
        self._stop_thread()
        self._close_segment()
        self._check()
        try:
            self._open_segment(self._next_segment())
            os.ftruncate(self._file, 0)
            self._offset = self._filled = 0
            self._write((snapshot,))
            _sync_directory(self.directory)
        except OSError as error:
            self._failure = error
            raise
        self._start_thread()

    def _next_segment(self) -> Path:
        return self.directory / f"{self.seq + 1:020d}{_SUFFIX}"

    def _open_segment(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._fills = True

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, expected_seq: int, batch: Sequence[Entry], done: Callable[[Outcome], None]) -> None:
        """Begins to append `batch`; `done` is called through `post` when it is durable, or why not."""
        self._queue.put((expected_seq, batch, done))

    def close(self, last: Sequence[Entry] = ()) -> None:
        """Ends the writing with `last`, behind what is being appended, and gives the journal free.

        Raises:
            OSError: `last` cannot be written, or what went before could not.
        """
        self._stop_thread()
        try:
            if last:
                self._check()
                self._write(last)
        finally:
            self._close_segment()
            os.close(self._lock)

    def _run(self) -> None:
        """The writing thread: one batch at a time, in the order in which they came."""
        while (work := self._queue.get()) is not None:
            expected_seq, batch, done = work
            outcome: Outcome
            if expected_seq != self.seq:
                outcome = Conflict(self.seq)
            else:
                try:
                    self._check()
                    self._write(batch)
                    outcome = Appended(self.seq)
                except Exception as error:
                    # After a failed flush nobody knows what is on the disk; the daemon must stop and read it again.
                    self._failure = error
                    why = error.strerror if isinstance(error, OSError) else f"{type(error).__name__} {error}"
                    outcome = Unknown(f"The journal cannot be written: {why} ({self.directory}).")
            try:
                self._post(lambda done=done, outcome=outcome: done(outcome))  # type: ignore[misc]
            except RuntimeError:
                return  # The loop has ended: nobody waits for an answer any more.

    def _check(self) -> None:
        """Raises the failure after which nothing may be written."""
        if self._failure is not None:
            raise self._failure

    def _write(self, batch: Sequence[Entry]) -> None:
        line, digest = record_line(self.seq + 1, self._hash, batch)
        if self._fills and self._offset + len(line) > self._filled:
            self._fill(len(line))
        _write_all(self._file, line, self._offset)
        if self._durable:
            os.fdatasync(self._file)
        self._offset += len(line)
        self.seq += len(batch)
        self._hash = digest

    def _fill(self, needed: int) -> None:
        """Fills the next stretch of the segment with empty lines, so that flushes need not grow the file."""
        start, end = self._offset, self._offset + max(_FILL_BYTES, needed)
        try:
            _write_all(self._file, b"\n" * (end - start), start)
            os.fsync(self._file)
            self._filled = end
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            # A nearly full disk may still hold the record itself; if not, its own write says so. No further attempt is made
            # in this segment: the rest of it grows with each record.
            os.ftruncate(self._file, start)
            self._fills = False

    def _close_segment(self) -> None:
        if self._file >= 0:
            if self._failure is None:
                os.ftruncate(self._file, self._offset)
            os.close(self._file)
            self._file = -1

    def _stop_thread(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None


def _holds_a_record(path: Path) -> bool:
    return next(read_journal([path]), None) is not None


def _trim(path: Path) -> None:
    """Cuts the filling off that a crash has left, or daemons that crash again and again would fill the disk with it."""
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        content = b""
        while end and not content:
            start = max(0, end - _STEP_BYTES)
            file.seek(start)
            content = file.read(end - start).rstrip(b"\n")
            # The line of the last record keeps its end.
            end = start + len(content) + 1 if content else start
        file.truncate(end)
        os.fsync(file.fileno())


def _write_all(file: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def _sync_directory(directory: Path) -> None:
    """A new file's name must be on the disk as well as its content."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
