"""What stands on the pages of a usage report is values: each text as it is printed, and nothing of the facts is ever part of a program.

A page setter takes them as data (`adapters.documents`). First comes what a person looks for, then charts, then all rows; reasons that many
rows share stand once, and the rows name them by number.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from seatkeeper.base.errors import InputError
from seatkeeper.usage.document import AT, lasted, local

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatkeeper.usage.document import Cell, Document, Series

__all__ = ["PAGE_ROWS_MAX", "report_page"]

#: Rows of one document: some 350 pages, and a minute's work to set them.
PAGE_ROWS_MAX: Final = 20_000
#: So many names a sentence has.
_NAMED_MAX: Final = 8


def report_page(document: Document, charts: Mapping[int, str]) -> dict[str, Any]:
    """The data of the pages.

    Args:
        document: The report.
        charts: The place of a series' first row -> its chart as SVG.

    Raises:
        InputError: It has more than PAGE_ROWS_MAX rows.
    """
    if len(document.rows) > PAGE_ROWS_MAX:
        raise InputError(
            "This is too much to be printed.",
            found=f"{len(document.rows):,} rows",
            expected=f"at most {PAGE_ROWS_MAX:,}",
            remedy="Ask for fewer days or longer periods, or take .xlsx.",
        )
    made = datetime.fromtimestamp(document.made, UTC)
    told = [*document.missing(), *(_excluded(text) for text in document.excluded())]
    notes = {text: number for number, text in enumerate(told, 1)}
    rows = [row for series in document.series for row in _rows(document, series, notes)]
    names = _columns(document)
    scale = max((max(series.peak or 0, series.limit or 0) for series in document.series), default=0) or 1
    return {
        "title": document.title,
        "subtitle": document.subtitle,
        "about": [list(pair) for pair in document.about],
        "made": f"{made:%Y-%m-%d %H:%M} UTC",
        "made_on": [made.year, made.month, made.day],
        "findings": _findings(document),
        "summary": [_summary(series, scale) for series in document.series],
        "charts": [{"name": one.name, "svg": charts[one.first]} for one in document.series if one.first in charts],
        "left_out": len(document.series) - len(charts) if charts else 0,
        "columns": names,
        "rows": [{"cells": [row[name] for name in names], "over": row["over?"], "unknown": row["unknown?"]} for row in rows],
        "notes": list(notes),
    }


def _columns(document: Document) -> list[str]:
    """Heads of the columns of all rows, without those that have nothing or everywhere the same."""
    varied = document.varied("tenant", "group", "item")
    wanted = [head for head, name in (("Tenant", "tenant"), ("Group", "group"), ("Item", "item")) if name in varied]
    if not wanted and len(document.series) > 1:
        wanted = ["Of"]
    zones = document.varied("zone")
    wanted += ["Start", *(["Time zone"] if zones else []), "Peak", "Peak time", "Enabled"]
    if document.used("limit"):
        wanted += ["Limit", "Over", "For"]
    return [*wanted, *(["Note"] if document.used("missing", "excluded") else [])]


def _rows(document: Document, series: Series, notes: Mapping[str, int]) -> list[dict[str, Any]]:
    found = []
    for row in document.rows[series.first : series.end]:
        cell = dict(zip(AT, row, strict=True))
        told = [f"{cell['missing']}"] if cell["missing"] is not None else []
        told += [_excluded(cell["excluded"])] if cell["excluded"] is not None else []
        over = cell["over"] if isinstance(cell["over"], int) else 0
        found.append(
            {
                "Of": series.name,
                "Tenant": cell["tenant"] or "",
                "Group": cell["group"] or "",
                "Item": cell["item"],
                "Start": _start(cell["start"], cell["granularity"], series),
                "Time zone": cell["zone"],
                "Peak": _number(cell["peak"]),
                "Peak time": _moment(cell["peak_time"], series),
                "Enabled": _number(cell["enabled"]),
                "Limit": "-" if cell["limit"] is None else f"{cell['limit']}",
                "Over": f"{over}" if over else "?" if cell["limit"] is not None and cell["over"] is None else "",
                "For": lasted(cell["over_seconds"] if isinstance(cell["over_seconds"], int) else None) if over else "",
                "Note": ", ".join(str(notes[text]) for text in told),
                "over?": over > 0,
                "unknown?": cell["missing"] is not None,
            }
        )
    return found


def _excluded(why: Cell) -> str:
    return f"excluded: {why}"


def _start(cell: Cell, granularity: Cell, series: Series) -> str:
    if isinstance(cell, int) and granularity in {"monthly", "weekly", "daily"}:
        return f"{datetime.fromtimestamp(cell, series.zone):%Y-%m-%d %a}"
    return _moment(cell, series)


def _moment(cell: Cell, series: Series) -> str:
    return local(cell, series.zone) if isinstance(cell, int) else "-"


def _number(cell: Cell) -> str:
    return "?" if cell is None else f"{cell}"


def _summary(series: Series, scale: int) -> dict[str, Any]:
    limit = "-" if series.limit is None else f"{series.limit}"
    return {
        "name": series.name,
        "peak": _number(series.peak),
        "time": _moment(series.peak_time, series),
        "enabled": _number(series.enabled),
        "limit": limit,
        "since": "" if series.limit_since is None else f"{series.limit_since}",
        "over": f"{series.over}" if series.over else "",
        "for": lasted(series.over_seconds) if series.over else "",
        "times": f"{series.periods_over}" if series.periods_over else "",
        "missing": f"{series.periods_unknown}" if series.periods_unknown else "",
        "bar": (series.peak or 0) / scale,
        "mark": None if series.limit is None else series.limit / scale,
    }


def _findings(document: Document) -> list[dict[str, Any]]:
    """What a person must not overlook, each with how much it matters."""
    if not document.series:
        return [{"tone": "unknown", "text": "There is nobody whom this report is about, so it has no rows."}]
    found: list[dict[str, Any]] = []
    over = sorted((one for one in document.series if one.periods_over), key=lambda one: -(one.over or 0))
    if over:
        named = [f"{one.name} by up to {one.over} ({lasted(one.over_seconds)} in all)" for one in over[:_NAMED_MAX]]
        more = [f"{len(over) - _NAMED_MAX} more"] if len(over) > _NAMED_MAX else []
        found.append({"tone": "over", "text": f"Over the limit: {'; '.join([*named, *more])}."})
    elif any(one.over is not None for one in document.series):
        found.append({"tone": "good", "text": "No limit was passed, as far as use is known."})
    highest = max((one for one in document.series if one.peak is not None), key=lambda one: one.peak or 0, default=None)
    if highest is not None and highest.peak:
        whose = "" if len(document.series) == 1 else f"{highest.name}, "
        found.append({"tone": "plain", "text": f"Highest peak: {highest.peak} ({whose}{_moment(highest.peak_time, highest)})."})
    unknown = sum(one.periods_unknown for one in document.series)
    if unknown:
        found.append(
            {"tone": "unknown", "text": f"Not everything is known of {unknown} of {len(document.rows)} periods; the notes say why."}
        )
    excluded = sum(row[AT["excluded"]] is not None for row in document.rows)
    if excluded:
        found.append(
            {"tone": "plain", "text": f"Some time of {excluded} of {len(document.rows)} periods does not count; the notes say why."}
        )
    return found
