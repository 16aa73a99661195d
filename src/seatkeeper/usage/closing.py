"""What is kept of a day when it is closed: for each item and subject the peak of every ten minutes in which there was one.

Longer periods are made from these: the most of a longer time is the most of its parts (in time; never across tenants), and the latest
second of the latest part that has it. What was nothing is not kept. Enabled seats are kept the same way. Ports stay as they are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ibis

from seatkeeper.usage.measures import RecordingRule, SessionRule
from seatkeeper.usage.peaks import moment_of, peak_of, with_moment
from seatkeeper.usage.periods import Edge
from seatkeeper.usage.reports import COUNTED, GROUP_KINDS, concurrent_of, counted, enabled, numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibis.expr.types import Table

    from seatkeeper.usage.measures import Item
    from seatkeeper.usage.reports import Facts, ReportType, Subject

__all__ = ["BIN_S", "CLOSED_SCHEMA", "closed_in", "day_peaks", "measured", "used_rows"]

#: The finest period of reports.
BIN_S: Final = 600
#: The columns of what is kept. `report` and `measure` are words of reports and `peak` or `enabled`; a system has no tenant or group.
CLOSED_SCHEMA: Final = {
    "report": "string",
    "tenant": "string",
    "group": "string",
    "item": "string",
    "measure": "string",
    "start": "int64",
    "peak": "int64",
    "last": "int64",
}


def used_rows(facts: Facts, items: Sequence[Item]) -> Table:
    """What takes a seat of any of the items that are measured from sessions or recordings, with the item's `number` among them."""
    return numbered([counted(facts, item) for item in items], COUNTED)


def day_peaks(
    facts: Facts,
    used: Table,
    items: Sequence[Item],
    report: ReportType,
    subjects: Sequence[Subject],
    span: tuple[int, int],
    kinds: frozenset[str],
) -> Table:
    """What is kept of the UTC days from the first moment of `span` to the last, as CLOSED_SCHEMA.

    Args:
        facts: What was observed in these days.
        used: Their `used_rows`, of `items` that are `measured`.
        items: Which items.
        report: Whom the rows are about.
        subjects: These; at least one.
        span: Where the first day begins, and where the last one ends.
        kinds: The kinds of configuration that are known.
    """
    since, until = span
    edges = [*(Edge(at, number) for number, at in enumerate(range(since, until, BIN_S))), Edge(until, -1)]
    tables = []
    names = [item.name for item in measured(items)]
    if names:
        tables.append(_named(concurrent_of(facts, used, len(names), report, subjects, edges), "peak", names, report, subjects, since))
    if report in GROUP_KINDS:
        tables.append(_named(enabled(facts, [], report, subjects, edges), "enabled", [""], report, subjects, since))
    else:
        able = [item for item in items if item.enabled is not None and item.enabled.kind in kinds]
        if able:
            peaks = enabled(facts, able, report, subjects, edges)
            tables.append(_named(peaks, "enabled", [item.name for item in able], report, subjects, since))
    first, *others = tables or [ibis.memtable([], schema=CLOSED_SCHEMA)]
    return first.union(*others) if others else first


def measured(items: Sequence[Item]) -> list[Item]:
    """Those that are measured from sessions or recordings."""
    return [item for item in items if isinstance(item.peak, SessionRule | RecordingRule)]


def _named(peaks: Table, measure: str, items: Sequence[str], report: ReportType, subjects: Sequence[Subject], since: int) -> Table:
    """The rows with names in place of keys, without those of nothing."""
    names = ibis.memtable(
        [
            (number * len(subjects) + key, one.tenant or "", one.group or "", item)
            for number, item in enumerate(items)
            for key, one in enumerate(subjects)
        ],
        schema={"key": "int64", "tenant": "string", "group": "string", "item": "string"},
    )
    found = peaks.filter(peaks.peak > 0).inner_join(names, "key")
    return found.select(
        "tenant",
        "group",
        "item",
        "peak",
        "last",
        report=ibis.literal(report),
        measure=ibis.literal(measure),
        start=since + found.period * BIN_S,
    ).select(*CLOSED_SCHEMA)


def closed_in(
    closed: Table, report: ReportType, items: Sequence[str], subjects: Sequence[Subject], pieces: Sequence[tuple[int, int, int]]
) -> Table:
    """Item, measure, key, period, peak and last second from what was kept of closed days; no row where nothing was.

    `pieces` are number, beginning and end of each period, on whole bins.
    """
    names = ibis.memtable(
        [(key, one.tenant or "", one.group or "") for key, one in enumerate(subjects)],
        schema={"key": "int64", "tenant": "string", "group": "string"},
    )
    parts = ibis.memtable(list(pieces), schema={"period": "int64", "since": "int64", "until": "int64"})
    kept = closed.filter(closed.report == report, closed.item.isin(items))
    kept = kept.inner_join(names, ["tenant", "group"])
    both = kept.inner_join(parts, [kept.start >= parts.since, kept.start < parts.until])
    place = ["item", "measure", "key", "period"]
    most = both.mutate(found=with_moment(both.peak, both["last"])).group_by(place).aggregate(found=ibis._.found.max())
    return most.select(*place, peak=peak_of(most.found), last=moment_of(most.found))
