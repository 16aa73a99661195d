"""A usage report as it goes out as a file says all that it was asked with, what its limits are, and which release made it when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

from seatkeeper.catalog.model import folded
from seatkeeper.usage.document import COLUMNS, Document, Series, lasted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatkeeper.lrm.report import Query, Row
    from seatkeeper.lrm.site import Site
    from seatkeeper.usage.document import Cell

__all__ = ["document_of"]

_SAMPLINGS: Final = {
    "exact": "exact: every second counts",
    "second": "every second counts",
    "minute": "at whole minutes only, as License Reporting Manager sampled",
}
_MEMBERSHIPS: Final = {
    "history": "who belonged to a group at each moment",
    "day-end": "who belonged to a group at the end of each day, for all of it",
}
_LIMITS: Final = {
    "system": "bought",
    "tenant": "provisioned",
}
_LIMITS_SAID: Final = {
    "system": "what was bought for the whole system, as its entitlement file in force says",
    "tenant": "what is provisioned for the tenant on that day",
}
_WHOM: Final = {
    "system": "the whole system",
    "tenant": "each tenant",
    "agent-group": "each agent group",
    "place-group": "each place group",
}
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def document_of(query: Query, rows: Sequence[Row], site: Site, versions: Mapping[str, str], made: int, release: str) -> Document:
    """The report as a document.

    Args:
        query: What was asked.
        rows: The report, by subject and then by period.
        site: Where items have their names and rules.
        versions: Folded name of an item -> its versions that are measured.
        made: When the report was made.
        release: Of seatkeeper.
    """
    names = {row.item: row.item if query.item == "all" else site.name_of(row.item) for row in rows}
    cells: list[tuple[Cell, ...]] = []
    series: list[Series] = []
    for (item, subject), found in groupby(rows, key=lambda row: (row.item, row.subject)):
        own = list(found)
        told = versions.get(folded(names[item]))
        cells += [_cells(query, row, names[item], told, made, release) for row in own]
        whose = ", ".join(part for part in (subject.tenant, subject.group) if part is not None) or "System"
        name = names[item] if query.item == "all" and query.report == "system" else whose
        name = f"{whose}: {names[item]}" if query.item == "all" and query.report != "system" else name
        series.append(_series(name, names[item], own, len(cells) - len(own)))
    item_name = "all items" if query.item == "all" else site.name_of(query.item)
    last = query.end - timedelta(1)
    zone = "each tenant's own time zone" if query.zone is None else str(query.zone)
    return Document(
        title=f"Usage of {item_name}",
        subtitle=f"{_whom(query)}, {query.granularity}, {query.first} to {last}, {zone}",
        about=tuple(_about(query, rows, site, versions, made, release, item_name)),
        made=made,
        rows=cells,
        series=tuple(series),
    )


def _whom(query: Query) -> str:
    parts = [f"tenant {query.tenant}"] if query.tenant is not None else []
    parts += [f"{query.report.replace('-', ' ')} {query.group}"] if query.group is not None else []
    if query.report in {"agent-group", "place-group"} and query.group is None:
        parts = [_WHOM[query.report] + (f" of {parts[0]}" if parts else "")]
    return ", ".join(parts) or _WHOM[query.report]


def _about(
    query: Query, rows: Sequence[Row], site: Site, versions: Mapping[str, str], made: int, release: str, item: str
) -> list[tuple[str, str]]:
    zones = sorted({str(row.zone) for row in rows}) or [str(query.zone or "each tenant's own")]
    about = [
        ("Sellable item", item),
        ("Whom", _whom(query)),
        ("Days", f"{query.first} to {query.end - timedelta(1)}, the last one included"),
        ("Granularity", query.granularity),
        ("Time zone", ", ".join(zones) + (" (each tenant's own)" if query.zone is None else "")),
        ("Sampling", _SAMPLINGS[query.sampling]),
    ]
    if query.granularity == "weekly":
        about.append(("Week begins on", _WEEKDAYS[query.week_start]))
    if query.report in {"agent-group", "place-group"}:
        about += [("Membership", _MEMBERSHIPS[query.membership]), ("Limit", "groups have no limits")]
    else:
        about.append(("Limit", _LIMITS_SAID[query.report] + ("" if any(row.limit is not None for row in rows) else "; there is none")))
        if any(row.measure == "enabled" and row.limit is not None for row in rows):
            about.append(("Compared", "enabled seats with the limit, where it is one of enabled seats"))
    if query.item != "all":
        about += [("Versions measured", versions[folded(item)])] if folded(item) in versions else []
        rules = [one for _, one in site.versions(query.item) if one is not None]
        about += [("Rule", rules[-1].source)] if rules else []
    about.append(("Peak", "the most seats that were in use at once; its time is the last at which so many were"))
    about.append(("Enabled", "the most seats that were configured at once"))
    about.append(("Made", f"{datetime.fromtimestamp(made, UTC):%Y-%m-%d %H:%M:%S} UTC by seatkeeper {release}"))
    return about


def _cells(query: Query, row: Row, item: str, versions: str | None, made: int, release: str) -> tuple[Cell, ...]:
    used = row.peak if row.measure == "peak" else row.enabled
    # That nothing was over is known only where there was something to compare; what was found to be over is.
    compared = row.limit is not None and (used is not None or row.over > 0)
    told: dict[str, Cell] = {
        "report": query.report,
        "tenant": row.subject.tenant,
        "group": row.subject.group,
        "item": item,
        "versions": versions,
        "granularity": query.granularity,
        "start": row.period.start,
        "since": row.period.since,
        "until": row.period.until,
        "zone": str(row.zone),
        "sampling": query.sampling,
        "membership": query.membership if query.report in {"agent-group", "place-group"} else None,
        "peak": row.peak,
        "peak_time": row.peak_time,
        "enabled": row.enabled,
        "limit": row.limit,
        "limit_since": row.limit_since,
        "limit_is": _LIMITS.get(query.report) if row.limit is not None else None,
        "burst": row.burst if row.burst != row.limit else None,
        "compared": row.measure if row.limit is not None else None,
        "over": row.over if compared else None,
        "over_seconds": (row.over_seconds if row.over else 0) if compared else None,
        "excluded_seconds": sum(seconds for _, seconds in row.excluded) if row.excluded else None,
        "excluded": "; ".join(f"{reason} ({lasted(seconds)})" for reason, seconds in row.excluded) or None,
        "missing": row.missing or None,
        "made": made,
        "seatkeeper": release,
    }
    return tuple(told[column.name] for column in COLUMNS)


def _series(name: str, item: str, rows: Sequence[Row], first: int) -> Series:
    known = [row for row in rows if row.peak is not None]
    highest = max(known, key=lambda row: (row.peak or 0, row.peak_time or 0), default=None)
    passed = [row for row in rows if row.over]
    compared = [
        row for row in rows if row.limit is not None and (row.over or (row.peak if row.measure == "peak" else row.enabled) is not None)
    ]
    limited = max(passed, key=lambda row: row.over) if passed else highest if highest is not None else rows[-1]
    seconds = [row.over_seconds for row in passed]
    return Series(
        name,
        item,
        rows[0].zone,
        first,
        first + len(rows),
        None if highest is None else highest.peak,
        None if highest is None else highest.peak_time,
        max((row.enabled for row in rows if row.enabled is not None), default=None),
        limited.limit,
        limited.limit_since,
        max((row.over for row in compared), default=None),
        None if None in seconds else sum(one for one in seconds if one is not None),
        len(passed),
        sum(bool(row.missing) for row in rows),
    )
