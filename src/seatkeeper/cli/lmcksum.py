"""`lmcksum`: each line of a license file with its checksum, and whether it is the one that the line states (`ck=`).

Asked for a server, it prints the license lines that the server has. They come without their signatures, so they have no checksum;
readers look for `INCREMENT|FEATURE name vendor version expdate count` (lmstat formats, 7).
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters import clock
from seatkeeper.base.errors import LicenseError, exit_status
from seatkeeper.cli import lmcommon
from seatkeeper.licfile.checksum import file_checksum, line_checksum, stated_checksum
from seatkeeper.licfile.grammar import LINE_BYTES_MAX
from seatkeeper.licfile.model import Blank, Comment
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.writer import write_line
from seatkeeper.sdk import admin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from seatkeeper.client.path import Entry
    from seatkeeper.licfile.model import Line

__all__ = ["USAGE", "run"]

USAGE: Final = """\
usage: lmcksum [-c PATH] [-k] [--json]

    -c PATH   license files or directories, whose lines are summed, or servers (PORT@HOST), whose lines are printed
    -k        print sums in which the case of letters counts; ck= is judged without
    --json    print JSON, for scripts
    -v        version of this program
    -help     this text

A line is OK when its checksum is what its ck= says, and BAD when it is not.
"""

_KINDS: Final = {"-k": "", "--json": ""}
#: A checksum that is not right.
_BAD: Final = -59


def run(argv: list[str], program: str) -> int:
    """Prints the sums or lines of everything in the license path; returns 0 when no line is bad and all could be read.

    Raises:
        UsageError: The command line cannot be understood.
        InputError: The license path cannot.
        LicenseError: There is none.
    """
    options = lmcommon.read_options(argv, _KINDS)
    year = datetime.fromtimestamp(clock.now()).year
    if lmcommon.said(options, program, "lmcksum", USAGE, year):
        return 0
    as_json = options.has("--json")
    if not as_json:
        print(lmcommon.banner(program, year))
    entries = lmcommon.license_path(options.flags.get("-c"), os.environ)
    found: list[dict[str, Any]] = []
    errors: list[LicenseError] = []
    bad: list[str] = []
    unread: list[int] = []
    for path in _files(entries, errors):
        try:
            parsed = lmcommon.read_file(path)
        except LicenseError as error:
            errors.append(error)
            continue
        for problem in parsed.problems:
            if problem.severity == "error":
                lmcommon.complain("lmcksum", f"{path}:{problem.line}:{problem.column}: {problem.message}")
                unread.append(problem.number)
        rows = [_row(line, number, cased=options.has("-k")) for line, number in zip(parsed.file.lines, parsed.places, strict=True)]
        shown = [row for row in rows if row is not None]
        bad += [f"{path}, line {row['line']}: ck={row['stated']} should be {row['right']}" for row in shown if row["ok"] is False]
        found.append({"file": str(path), "checksum": file_checksum(parsed.file, cased=options.has("-k")), "lines": shown})
        if not as_json:
            _print_file(found[-1])
    found += _servers(entries, errors, as_json=as_json)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    for each in bad:
        lmcommon.complain("lmcksum", f"{each}.")
    status = lmcommon.complain_of("lmcksum", errors)
    return status or next((exit_status(number) for number in unread), 0) or (exit_status(_BAD) if bad else 0)


def _files(entries: Iterable[Entry], errors: list[LicenseError]) -> Iterable[Path]:
    for entry in entries:
        if entry.place:
            try:
                yield from lmcommon.files_of(entry.place)
            except LicenseError as error:
                errors.append(error)


def _row(line: Line, number: int, *, cased: bool) -> dict[str, Any] | None:
    """What is said of a line; None for comments."""
    if isinstance(line, Comment | Blank):
        return None
    right, stated = line_checksum(line), stated_checksum(line)
    shown = line_checksum(line, cased=True) if cased else right
    ok = None if stated is None else stated == right
    return {
        "line": number,
        "checksum": shown,
        "stated": stated,
        "right": right,
        "ok": ok,
        "text": _text(line),
    }


def _text(line: Line) -> str:
    """The line on one line of the screen; what a terminal would obey becomes a question mark."""
    text = " ".join(write_line(line, columns=LINE_BYTES_MAX).split())
    return "".join(char if char.isprintable() else "?" for char in text)


def _print_file(found: dict[str, Any]) -> None:
    print(f'lmcksum: using license file "{found["file"]}"', "", sep="\n")
    for row in found["lines"]:
        verdict = {None: "", True: "OK", False: "BAD"}[row["ok"]]
        checksum = "-" if row["checksum"] is None else row["checksum"]
        print(f"{verdict:<4}{checksum:>4}: {row['text']}")
    print(f"    {found['checksum']:>4}: (all lines)", "", sep="\n")


def _servers(entries: Iterable[Entry], errors: list[LicenseError], *, as_json: bool) -> list[dict[str, Any]]:
    """The license lines of the servers among the entries, printed unless they are to be JSON."""
    found: list[dict[str, Any]] = []
    targets = [lmcommon.Target(entry.addresses) for entry in dict.fromkeys(entries) if entry.addresses]
    for reply in lmcommon.ask_all(targets):
        if reply.status is None or reply.at is None:
            errors += [reply.error] if reply.error is not None else []
            continue
        lines: list[str] = []
        for daemon in reply.status.daemons:
            try:
                text = admin.lines(reply.at.host, reply.at.port, daemon.name)
            except LicenseError as error:
                # What one vendor daemon refuses its neighbor refuses in the same words.
                if str(error) not in map(str, errors):
                    errors.append(error)
                continue
            lines += [_text(line) for line in parse(text).file.lines if not isinstance(line, Comment | Blank)]
        found.append({"server": str(reply.target), "lines": lines})
        if not as_json:
            print(f"lmcksum: using license server {reply.target}", "", *lines, "", sep="\n")
    return found
