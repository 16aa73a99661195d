"""`seatkeeper journal export`: a journal as flat records, one JSON object a line or as Parquet, whole or not at all.

Each entry becomes one record in the columns of vendor.record, the same as in a report log, and `seq` besides. The journal is replayed on
the way, so that a checkin says whose seats of what came back. Seats that were held before the first entry exported have a
record `held` of their own: who counts use needs no more than the export.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from seatkeeper.adapters.journal import read_journal, segments
from seatkeeper.adapters.wholefile import whole_file
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.vendor.entries import Dequeued, Opened, Queued, Snapshot
from seatkeeper.vendor.ledger import Ledger
from seatkeeper.vendor.record import COLUMNS, FORMAT, held, record

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO, Any

    from seatkeeper.vendor.entries import Entry
    from seatkeeper.vendor.seats import Seat, Waiter

__all__ = ["FORMATS", "add_options", "export", "records", "sources"]

FORMATS: Final = ("jsonl", "parquet")
_SUFFIX: Final = ".journal"
#: Records of one Parquet row group, and of one write.
_ROWS_MAX: Final = 1 << 16
#: A terminal is told how far it is after so many entries.
_TOLD_EVERY: Final = 20_000
#: Users are named in an export: the group may read it, the world may not.
_MODE: Final = 0o640

_encode: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode


def add_options(parser: argparse.ArgumentParser) -> None:
    """Gives the parser of `seatkeeper journal export` its options."""
    add = parser.add_argument
    add("journal", metavar="PATH", help="a journal's directory (NAME.journal), one segment of it, or the directory that holds journals")
    add("--format", choices=FORMATS, default="jsonl", help="one JSON object a line (default), or Parquet")
    add("-o", "--output", metavar="FILE", help="write to this file, which is complete or does not exist; without it to standard output")
    add("--from", dest="since", metavar="DATE", help="only entries from this day or time on (2026-11-24, 2026-11-24T08:00)")
    add("--to", dest="until", metavar="DATE", help="only entries up to the end of this day, or before this time")
    add("--vendor", metavar="NAME", help="only this vendor daemon's journal")


def export(options: argparse.Namespace) -> int:
    """Exports what the options say, and returns the exit status.

    Raises:
        SeatkeeperError: The options, a journal or what is installed do not allow it; no file was written.
        OSError: A file cannot be read or written.
    """
    since, until = _moment("--from", options.since), _moment("--to", options.until, end_of_day=True)
    if since is not None and until is not None and until <= since:
        raise InputError("Nothing lies between these times", file="--to", found=options.until, expected=f"later than {options.since}")
    found = sources(Path(options.journal), options.vendor or "")
    if options.format == "parquet" and not options.output:
        raise InputError("Parquet is written to a file, never to standard output", file="-o", remedy="Name one: -o use.parquet.")
    write = _parquet() if options.format == "parquet" else _JsonLines
    progress = _Progress(sum(len(paths) for _, paths in found), shown=sys.stderr.isatty() and (options.output or not sys.stdout.isatty()))
    if not options.output:
        _write_all(write(sys.stdout.buffer), found, since, until, progress)
        sys.stdout.buffer.flush()
        progress.end()
        return 0
    with _whole_file(Path(options.output)) as file:
        count = _write_all(write(file), found, since, until, progress)
    progress.end()
    print(f"{count:,} records are in {options.output}.", file=sys.stderr)
    return 0


def sources(path: Path, vendor: str) -> list[tuple[str, list[Path]]]:
    """Vendor daemon and segments of each journal that is meant, by name.

    Raises:
        InputError: There is none, or none of this vendor daemon.
    """
    inside = sorted(each for each in path.glob(f"*{_SUFFIX}") if each.is_dir()) if path.is_dir() else []
    journals = inside or [path]
    found = [(_vendor_of(journal), segments(journal)) for journal in journals]
    found = [(name, paths) for name, paths in found if paths]
    if not found:
        raise InputError(
            "There is no journal in this directory",
            file=str(path),
            expected="segments such as 00000000000000000001.jsonl, or directories NAME.journal",
            remedy="Give the directory NAME.journal, or the one that holds it (lmgrd --data).",
        )
    chosen = [each for each in found if not vendor or each[0].lower() == vendor.lower()]
    if not chosen:
        names = ", ".join(name for name, _ in found)
        raise InputError("There is no journal of this vendor daemon", file="--vendor", found=vendor, expected=names or "a journal's name")
    return chosen


def _vendor_of(journal: Path) -> str:
    """The vendor daemon by the name of its directory; empty where that does not say it."""
    directory = journal.parent if journal.is_file() else journal
    name = directory.resolve().name
    return name.removesuffix(_SUFFIX) if name.endswith(_SUFFIX) else ""


def records(
    paths: Sequence[Path], vendor: str, since: float | None = None, until: float | None = None, told: Callable[[int], None] | None = None
) -> Iterator[dict[str, Any]]:
    """The records of a journal, or those from `since` on and before `until`; `told` hears the number of each entry read.

    Raises:
        JournalDamage: What is read cannot be trusted; the records before it can.
    """
    ledger = Ledger()
    begun = False
    start = since
    for batch in read_journal(paths, torn=lambda _path, _offset: None):
        for number, entry in enumerate(batch.entries, batch.seq):
            if told is not None:
                told(number)
            if isinstance(entry, Opened):
                vendor = entry.vendor
            if isinstance(entry, Snapshot):
                # No event: all that it says has been said before, unless the journal's beginning is gone.
                if not ledger.seats and (start is None or start < entry.at):
                    start = entry.at
                ledger.apply(entry)
                continue
            after, before = since is None or entry.at >= since, until is None or entry.at < until
            if after and not begun:
                begun = True
                if before or since is not None:
                    yield from (held(seat, start or entry.at, vendor) for seat in ledger.seats.values())
            about = _replay(ledger, entry)
            if after and before:
                yield {"seq": number} | record(entry, about, vendor)
    if not begun and since is not None:
        yield from (held(seat, start or since, vendor) for seat in ledger.seats.values())


def _replay(ledger: Ledger, entry: Entry) -> Seat | Waiter | None:
    """Takes the entry into account; returns what it is about, as the daemon had it at hand when it wrote the entry."""
    if isinstance(entry, Dequeued):
        waiter = ledger.waiters.get(entry.handle)
        ledger.apply(entry)
        return waiter
    seat = ledger.apply(entry)
    return ledger.waiters.get(entry.handle) if isinstance(entry, Queued) else seat


class _Writer(Protocol):
    """Takes records and writes them."""

    def write(self, rows: list[dict[str, Any]]) -> None: ...

    def close(self) -> None: ...


class _JsonLines:
    """One JSON object a line; what is empty is left out."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, rows: list[dict[str, Any]]) -> None:
        self._file.write(b"".join([_encode(row) + b"\n" for row in rows]))

    def close(self) -> None:
        pass


def _parquet() -> Callable[[IO[bytes]], _Writer]:
    """Makes writers of Parquet.

    Raises:
        SeatkeeperError: pyarrow is not installed.
    """
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise SeatkeeperError(
            "Parquet needs the package pyarrow, which is not installed.",
            "Install it with seatkeeper's extra: pip install 'seatkeeper[usage]'. JSON lines need nothing: --format jsonl.",
        ) from None
    types = {int: arrow.int64(), str: arrow.string(), datetime: arrow.timestamp("us", "UTC")}
    schema = arrow.schema(
        [(name, types[kind], name not in ("time", "vendor", "event")) for name, kind in COLUMNS.items()], {"format": FORMAT}
    )

    class _Parquet:
        def __init__(self, file: IO[bytes]) -> None:
            self._writer = parquet.ParquetWriter(file, schema, compression="zstd")

        def write(self, rows: list[dict[str, Any]]) -> None:
            columns = [arrow.array([row.get(field.name) for row in rows], field.type) for field in schema]
            self._writer.write_table(arrow.Table.from_arrays(columns, schema=schema))

        def close(self) -> None:
            self._writer.close()

    return _Parquet


def _write_all(writer: _Writer, found: list[tuple[str, list[Path]]], since: float | None, until: float | None, progress: _Progress) -> int:
    """The number of records written, a group at a time."""
    count = 0
    rows: list[dict[str, Any]] = []
    for vendor, paths in found:
        progress.begin(paths)
        for row in records(paths, vendor, since, until, progress.at):
            rows.append(row)
            if len(rows) == _ROWS_MAX:
                count += len(rows)
                writer.write(rows)
                rows = []
    if rows:
        count += len(rows)
        writer.write(rows)
    writer.close()
    return count


class _Progress:
    """Tells a terminal how far it is."""

    def __init__(self, total: int, *, shown: bool) -> None:
        self._total = total
        self._shown = shown
        self._begins: list[int] = []
        self._done = self._entries = 0

    def begin(self, paths: Sequence[Path]) -> None:
        """The next journal follows."""
        self._done += len(self._begins)
        self._begins = [int(path.stem) if path.stem.isdigit() else 0 for path in paths]

    def at(self, number: int) -> None:
        """The entry of this number is read."""
        self._entries += 1
        if self._shown and self._entries % _TOLD_EVERY == 0:
            segment = self._done + sum(begin <= number for begin in self._begins)
            print(
                f"\rseatkeeper journal: segment {segment} of {self._total}, {self._entries:,} entries", end="", file=sys.stderr, flush=True
            )

    def end(self) -> None:
        """All is read: the line is left to others."""
        if self._shown and self._entries >= _TOLD_EVERY:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


@contextmanager
def _whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that is at `path`, in place of what was there, once the block has ended well; otherwise nothing has changed.

    What is no file, as a device or a pipe, is written to and stays what it is; of a link, what it leads to is replaced.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    with whole_file(path.resolve(), _MODE) as file:
        yield file


def _moment(option: str, text: str | None, *, end_of_day: bool = False) -> float | None:
    """Unix time of a day (its begin, or its end) or of a time, local where it names no zone.

    Raises:
        InputError: It is neither.
    """
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        try:
            day += timedelta(days=int(end_of_day))
            return datetime(day.year, day.month, day.day).timestamp()
        except (ValueError, OverflowError, OSError):
            raise InputError("No journal is of that time", file=option, found=text, remedy="Leave it out.") from None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise InputError(
            "This is no date", file=option, found=text, expected="a day as 2026-11-24, or a time as 2026-11-24T08:00"
        ) from None
