"""The rows of a usage report as a table that a person reads, and as the values that scripts read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seatkeeper.cli.order import table
from seatkeeper.cli.usage_common import utc

if TYPE_CHECKING:
    from datetime import tzinfo

    from seatkeeper.lrm.report import Row

__all__ = ["report_json", "report_lines"]


def report_json(row: Row) -> dict[str, Any]:
    """A row; what does not concern it is left out but for the members that every row has."""
    about = {"tenant": row.subject.tenant}
    if row.subject.group is not None:
        about["group"] = row.subject.group
    more: dict[str, Any] = {}
    if row.limit_since is not None:
        more |= {"limit_since": f"{row.limit_since}"}
        more |= {"burst": row.burst} if row.burst != row.limit else {}
        more |= {"compared": row.measure} if row.measure != "peak" else {}
    if row.over:
        more |= {"over_seconds": row.over_seconds}
    if row.excluded:
        more |= {"excluded": [{"reason": reason, "seconds": seconds} for reason, seconds in row.excluded]}
    if row.missing:
        more |= {"missing": row.missing}
    return {
        **about,
        "item": row.item,
        "start": utc(row.period.start),
        "peak": row.peak,
        "peak_time": utc(row.peak_time),
        "enabled": row.enabled,
        "limit": row.limit,
        "over": row.over,
        **more,
    }


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
            *((_lasted(row.over_seconds) if row.over else "",) if limited else ()),
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
    lines += sorted({f"Excluded: {_lasted(seconds)} of a period ({reason})." for row in rows for reason, seconds in row.excluded})
    zones = {str(row.zone) for row in rows} - {str(UTC)}
    if zones:
        lines.append(f"Times are those of {', '.join(sorted(zones))}{' and UTC' if any(row.zone is UTC for row in rows) else ''}.")
    return lines


def _local(moment: int | None, zone: tzinfo) -> str:
    return "-" if moment is None else f"{datetime.fromtimestamp(moment, zone):%Y-%m-%d %H:%M}"


def _lasted(seconds: int | None) -> str:
    """`2:05:09` hours; `?` where it is not known."""
    if seconds is None:
        return "?"
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
