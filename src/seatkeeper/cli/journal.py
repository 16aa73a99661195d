"""`seatkeeper journal`: a vendor daemon's record of use, shown, verified and exported."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters.journal import GENESIS, JournalDamage, read_journal, segments
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.cli import journal_export
from seatkeeper.vendor.entries import (
    Act,
    CheckedIn,
    CheckedOut,
    Clocked,
    Denial,
    Dequeued,
    Elected,
    Entry,
    Expired,
    Lingering,
    Opened,
    Queued,
    Reread,
    Revoked,
    SessionBegun,
    SessionEnded,
    Snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

#: Exit status where the journal is not what was written.
DAMAGED: Final = 1


def main(argv: list[str]) -> int:
    """Runs `seatkeeper journal ...` and returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="seatkeeper journal", description="A vendor daemon's record of use: every checkout, checkin, denial."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    show = commands.add_parser("show", help="print the entries", description="Prints the entries, the oldest first.")
    verify = commands.add_parser(
        "verify",
        help="check that nothing was changed",
        description="Checks every record's hash, its number, and that it follows the one before.",
    )
    for command in (show, verify):
        command.add_argument(
            "journal", metavar="PATH", help="a journal's directory (NAME.journal beside the license file), or one segment of it"
        )
        command.add_argument("--json", action="store_true", help="one JSON object a line")
    show.add_argument("--feature", help="only what is about this feature")
    out = commands.add_parser(
        "export",
        help="flat records for who counts use",
        description="Writes each entry as one flat record that says whom and what it is about, as JSON lines or Parquet.",
    )
    journal_export.add_options(out)
    options = parser.parse_args(argv)
    try:
        if options.command == "export":
            return journal_export.export(options)
        paths = segments(Path(options.journal))
        if not paths:
            raise InputError(
                "There is no segment of a journal in this directory",
                file=options.journal,
                expected="files such as 00000000000000000001.jsonl",
                remedy="Give the directory NAME.journal.",
            )
        return _verify(paths, as_json=options.json) if options.command == "verify" else _show(paths, options.feature, as_json=options.json)
    except JournalDamage as damage:
        if options.command != "export" and options.json:
            problem = {"ok": False, "seq": damage.seq, "file": str(damage.path), "line": damage.line, "reason": damage.message}
            print(msgspec.json.encode(problem).decode())
        print(f"seatkeeper journal: {damage}", file=sys.stderr)
        return DAMAGED
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"seatkeeper journal: {error.filename or options.journal}: {error.strerror or error}.", file=sys.stderr)
        return 2
    except SeatkeeperError as error:
        print(f"seatkeeper journal: {error}", file=sys.stderr)
        return 2


def _verify(paths: Sequence[Path], *, as_json: bool) -> int:
    torn: list[tuple[Path, int]] = []
    # A whole journal begins with the first entry, whose record follows nothing; a part of one can begin anywhere.
    anchor = GENESIS if paths and paths[0].stem.isdigit() and int(paths[0].stem) == 1 else None
    records = entries = last = 0
    head = GENESIS
    for record in read_journal(paths, anchor=anchor, torn=lambda path, offset: torn.append((path, offset))):
        records, entries = records + 1, entries + len(record.entries)
        last, head = record.seq + len(record.entries) - 1, record.hash
    if as_json:
        answer = {
            "ok": not torn,
            "segments": len(paths),
            "records": records,
            "entries": entries,
            "last": last,
            "hash": head,
            "torn": bool(torn),
        }
        print(msgspec.json.encode(answer).decode())
    else:
        print(f"{entries} entries in {records} records and {len(paths)} segments verify; the last is {last}, with hash {head}.")
    for path, offset in torn:
        print(
            f"seatkeeper journal: {path}: what follows byte {offset} is no whole record. It was never acknowledged if the machine stopped "
            "while it was written, and the vendor daemon cuts it off when it starts.",
            file=sys.stderr,
        )
    return DAMAGED if torn else 0


def _show(paths: Sequence[Path], feature: str | None, *, as_json: bool) -> int:
    names: dict[int, str] = {}
    seats: dict[int, tuple[str, str, int]] = {}
    for record in read_journal(paths):
        for offset, entry in enumerate(record.entries):
            text, about = _told(entry, names, seats)
            if feature is not None and about.lower() != feature.lower():
                continue
            if as_json:
                print(msgspec.json.encode({"seq": record.seq + offset, **_shown(entry)}).decode())
            else:
                when = _time(entry.at)
                # What clients call themselves is printed, never obeyed.
                shown = text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)
                print(f"{record.seq + offset:>9}  {when}  {shown}")
    return 0


def _shown(entry: Entry) -> dict[str, Any]:
    """The entry without the digests of sessions' secrets, by which a borrow's secret could be worked out where the server has no key."""
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    for holder in (fields, *fields.get("sessions", ())):
        holder.pop("digest", None)
    return fields


def _time(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="milliseconds")


def _told(entry: Entry, names: dict[int, str], seats: dict[int, tuple[str, str, int]]) -> tuple[str, str]:
    """What an entry says, for a person, and the feature that it is about. Remembers who is who."""
    match entry:
        case Snapshot():
            names.update((state.session, f"{state.user}@{state.host}") for state in entry.sessions)
            seats.update((seat.handle, (seat.feature, names.get(seat.session, "?"), seat.count)) for seat in entry.seats)
            seats.update((one.handle, (one.feature, names.get(one.session, "?"), one.count)) for one in entry.waiters)
            return f"SNAPSHOT  {len(entry.seats)} checkouts of {len(entry.sessions)} sessions are held", ""
        case SessionBegun():
            names[entry.session] = f"{entry.user}@{entry.host}"
            return f"SESSION   {entry.session} is {names[entry.session]} (pid {entry.pid})", ""
        case SessionEnded():
            return f"SESSION   {entry.session} ({names.pop(entry.session, '?')}) has ended", ""
        case CheckedOut():
            who = names.get(entry.session, "?")
            seats[entry.handle] = (entry.feature, who, entry.count)
            until = f", borrowed until {_time(entry.borrow_until)}" if entry.borrow_until else ""
            return f"OUT       {entry.feature} v{entry.version} x{entry.count} handle {entry.handle} {who}{until}", entry.feature
        case CheckedIn():
            about, who, count = seats.pop(entry.handle, ("?", "?", 0))
            return f"IN        {about} x{count} handle {entry.handle} {who} ({entry.why})", about
        case Queued():
            who = names.get(entry.session, "?")
            seats[entry.handle] = (entry.feature, who, entry.count)
            return f"QUEUED    {entry.feature} v{entry.version} x{entry.count} handle {entry.handle} {who}", entry.feature
        case Dequeued():
            about, who, count = seats.pop(entry.handle, ("?", "?", 0))
            return f"DEQUEUED  {about} x{count} handle {entry.handle} {who} ({entry.why})", about
        case Lingering():
            about, who, count = seats.get(entry.handle, ("?", "?", 0))
            return f"KEPT      {about} x{count} handle {entry.handle} {who}, out until {_time(entry.until)}", about
        case Revoked():
            about, who, count = seats.get(entry.handle, ("?", "?", 0))
            return f"REVOKED   {about} x{count} handle {entry.handle} {who} by {entry.by_user}@{entry.by_host}", about
        case Denial():
            what = f"{entry.feature} v{entry.version or 'any'} x{entry.count} {entry.user}@{entry.host}"
            return f"DENIED    {what} ({entry.number}) {entry.reason}" + (f" [{entry.rule}]" if entry.rule else ""), entry.feature
        case Expired():
            return f"EXPIRED   {entry.feature} (pool {entry.pool})", entry.feature
        case Clocked():
            return f"CLOCK     is {entry.behind_s:.0f} s behind what the journal has seen" if entry.behind_s else "CLOCK     goes on", ""
        case Reread():
            return f"LICENSE   {len(entry.pools)} pools are served" + (f", by {entry.by_user}@{entry.by_host}" if entry.by_user else ""), ""
        case Act():
            return f"ADMIN     {entry.what} by {entry.by_user}@{entry.by_host}: {entry.text}", ""
        case Elected():
            return f"MASTER    is server {entry.server + 1} of the three from here on, in term {entry.term}", ""
        case Opened():
            return f"OPENED    {entry.vendor} v{entry.version} serves", ""
