"""The rows of a usage report as a table that a person reads; as values that scripts read they come from lrm."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seatkeeper.cli.order import table
from seatkeeper.lrm.rows import report_json

if TYPE_CHECKING:
    from datetime import tzinfo

    from seatkeeper.lrm.report import Row

__all__ = ["lasted", "report_json", "report_lines"]


def report_lines(rows: list[Row]) -> list[str]:
    """The rows as a table, in each one's zone, and below it what is missing, what is compared, and what was excluded."""
    limited = any(row.limit is not None for row in rows)
    several = len({row.item for row in rows}) > 1
    cells = [
        (
            *((row.item,) if several else ()),
            *(part for part in (row.subject.tenant, row.subject.group) if part is not None),
            _local(row.period.start, row.zone),
            "?" if row.peak is None else str(row.peak),
            _local(row.peak_time, row.zone),
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
    lines = table((*item, *head, *fixed), cells)
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


def lasted(seconds: int | None) -> str:
    """`2:05:09` hours; `?` where it is not known."""
    if seconds is None:
        return "?"
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
