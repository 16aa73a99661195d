"""The rows of a usage report are the same values for every script that reads them, and in an evidence pack."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seatkeeper.lrm.report import Row

__all__ = ["report_json", "utc"]


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


def utc(moment: int | None) -> str | None:
    """`2026-09-30T08:00:00Z`."""
    return None if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
