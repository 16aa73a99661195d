"""The rows of a usage report as a table that a person reads; as values that scripts read they come from lrm.

In a file or a pipe the table is plain, and always the same. On a terminal that has room each row has a bar: its peak, with a stroke
where the limit is and what is above it in red, all of one scale. Where the table is wider than the terminal, dates that say nothing new
are left out of it.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from seatkeeper.cli.order import table
from seatkeeper.lrm.rows import report_json
from seatkeeper.usage.document import lasted

if TYPE_CHECKING:
    from datetime import tzinfo

    from seatkeeper.lrm.report import Row

__all__ = ["BAR_MIN", "lasted", "print_report", "report_json", "report_lines", "report_screen"]

#: A shorter bar shows nothing, and a longer one nothing more.
BAR_MIN: Final = 8
_BAR_MAX: Final = 40
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_STROKE: Final = "│"
_FLAG: Final = "!"

#: A piece of a line, and its style.
Piece = tuple[str, str]


def report_lines(rows: list[Row]) -> list[str]:
    """The rows as a table, in each one's zone, and below it what is missing, what is compared, and what was excluded."""
    return [*_table(rows, short=False), *_remarks(rows)]


def print_report(rows: list[Row]) -> None:
    """Print the report: with bars and colors on a terminal, plainly elsewhere."""
    if not sys.stdout.isatty():
        print("\n".join(report_lines(rows)))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    for pieces in report_screen(rows, console.width, blocks="utf" in (sys.stdout.encoding or "").lower()):
        console.print(Text.assemble(*pieces), soft_wrap=True)


def report_screen(rows: list[Row], columns: int, *, blocks: bool = True) -> list[list[Piece]]:
    """The report for a terminal of so many columns: each line in pieces with their styles.

    Args:
        rows: The report.
        columns: How wide the terminal is.
        blocks: It has more letters than those of ASCII.
    """
    lines, room = _table(rows, short=False), 0
    for short in (False, True):
        lines = _table(rows, short=short) if short else lines
        # Two blanks before the bar, a blank and the flag after it.
        room = columns - max(map(len, lines)) - 2 - 1 - len(_FLAG)
        if room >= BAR_MIN:
            break
    width = max(map(len, lines))
    scale = max((max(row.peak or 0, row.limit or 0) for row in rows), default=0)
    screen: list[list[Piece]] = [[(line, "bold" if number == 0 else "dim")] for number, line in enumerate(lines[:2])]
    for line, row in zip(lines[2:], rows, strict=True):
        style = "red" if row.over else "yellow" if row.missing else ""
        if room < BAR_MIN or not scale:
            screen.append([(line, style)])
            continue
        bar = _bar(row, scale, min(room, _BAR_MAX), blocks=blocks)
        screen.append([(f"{line:<{width}}  ", style), *bar, *([(f" {_FLAG}", "bold red")] if row.over else [])])
    return [*screen, *([(line, "")] for line in _remarks(rows))]


def _bar(row: Row, scale: int, width: int, *, blocks: bool) -> list[Piece]:
    """The peak as so many columns, and a stroke where the limit is."""
    eighths = round((row.peak or 0) * width * 8 / scale)
    full, part = divmod(eighths, 8)
    text = ("█" * full + (_EIGHTHS[part] if part else "")) if blocks else "#" * round(eighths / 8)
    text = text.ljust(width)
    if row.limit is None or row.measure != "peak":
        return [(text, "cyan")]
    at = min(round(row.limit * width / scale), width - 1)
    above = text[at + 1 :]
    return [(text[:at], "cyan"), (_STROKE if blocks else "|", "bold"), (above, "red" if row.over else "cyan")]


def _table(rows: list[Row], *, short: bool) -> list[str]:
    """The table; a short one leaves out midnights, and the day of a peak time that is the day of its row."""
    whole = short and all(_local(row.period.start, row.zone).endswith(" 00:00") for row in rows)
    daily = short and all(row.peak_time is None or _day(row.peak_time, row) == _day(row.period.start, row) for row in rows)
    limited = any(row.limit is not None for row in rows)
    several = len({row.item for row in rows}) > 1
    cells = [
        (
            *((row.item,) if several else ()),
            *(part for part in (row.subject.tenant, row.subject.group) if part is not None),
            _day(row.period.start, row) if whole else _local(row.period.start, row.zone),
            "?" if row.peak is None else str(row.peak),
            _local(row.peak_time, row.zone).rpartition(" ")[2] if daily else _local(row.peak_time, row.zone),
            "?" if row.enabled is None else str(row.enabled),
            "-" if row.limit is None else str(row.limit),
            *((f"{row.limit_since or '-'}",) if limited else ()),
            str(row.over) if row.over else "",
            *((lasted(row.over_seconds) if row.over else "",) if limited else ()),
        )
        for row in rows
    ]
    fixed = ("Start", "Peak", "Peak time", "Enabled", "Limit", *(("Since",) if limited else ()), "Over", *(("For",) if limited else ()))
    item = ("Item",) if several else ()
    head = ("Tenant", "Group")[: len(cells[0]) - len(fixed) - len(item)] if cells else ()
    return table((*item, *head, *fixed), cells)


def _remarks(rows: list[Row]) -> list[str]:
    """What is missing, what is compared, what was excluded, and whose times they are."""
    lines: list[str] = []
    for missing in sorted({row.missing for row in rows if row.missing}):
        unknown = any(row.peak is None for row in rows if row.missing == missing)
        lines.append(f"{'?' if unknown else 'Missing'}: {missing}.")
    if any(row.measure == "enabled" and row.limit is not None for row in rows):
        lines.append("The limit is one of enabled seats, and is compared with them.")
    lines += sorted({f"Excluded: {lasted(seconds)} of a period ({reason})." for row in rows for reason, seconds in row.excluded})
    zones = {str(row.zone) for row in rows} - {str(UTC)}
    if zones:
        lines.append(f"Times are those of {', '.join(sorted(zones))}{' and UTC' if any(row.zone is UTC for row in rows) else ''}.")
    return lines


def _local(moment: int | None, zone: tzinfo) -> str:
    return "-" if moment is None else f"{datetime.fromtimestamp(moment, zone):%Y-%m-%d %H:%M}"


def _day(moment: int, row: Row) -> str:
    return f"{datetime.fromtimestamp(moment, row.zone):%Y-%m-%d}"
