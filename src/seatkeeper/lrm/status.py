"""What the warehouse has, which days are closed, and what is missing and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.lrm.alarms import active_alarms
from seatkeeper.lrm.close import day_of, open_days
from seatkeeper.usage.facts import GAP_FILLED, KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.usage.measures import Item

__all__ = ["Gap", "KindStatus", "Status", "runs", "status_of"]


class KindStatus(msgspec.Struct, frozen=True):
    """One kind of facts: how many, on which days they begin, and on how many days some are open."""

    kind: str
    facts: int
    first: str
    last: str
    open: int


class Gap(msgspec.Struct, frozen=True):
    """A time of which a source has no data, in UTC seconds, and why."""

    source: str
    since: int
    until: int
    reason: str


class Status(msgspec.Struct, frozen=True):
    """What is there.

    Attributes:
        kinds: Of each kind that has facts.
        closed: How many days are closed.
        to_close: The days that are over and not closed.
        changed_rules: Closed days whose rules have changed since.
        dropped_before: The day before which detail has been dropped; empty where none was.
        gaps: What sources have no data of.
        alarms: What has failed and does not yet work again.
        sentences: The same for a person.
    """

    kinds: list[KindStatus]
    closed: int
    to_close: list[str]
    changed_rules: list[str]
    dropped_before: str
    gaps: list[Gap]
    alarms: list[str]
    sentences: list[str]


def status_of(warehouse: Warehouse, items: Mapping[str, Item], now: float) -> Status:
    """What is there now."""
    manifest = warehouse.manifest()
    kinds = []
    for name, parts in manifest.parts.items():
        if parts:
            days = [part.day for part in parts]
            open_on = len({part.day for part in parts if part.open})
            kinds.append(KindStatus(name, sum(part.rows for part in parts), f"{day_of(min(days))}", f"{day_of(max(days))}", open_on))
    engine = open_duckdb()
    table = warehouse.table(engine, KINDS["gaps"], manifest.parts.get("gaps", []))
    rows = engine.rows(table.filter(table.reason != GAP_FILLED))
    gaps = sorted((Gap(row["source"], row["since"], row["until"], row["reason"]) for row in rows), key=lambda gap: (gap.since, gap.source))
    found = open_days(manifest, items, now)
    dropped = f"{day_of(manifest.dropped_before)}" if manifest.dropped_before else ""
    sentences = [f"Closed days: {len(manifest.closed)}."]
    if found.never:
        sentences.append(f"To be closed: {', '.join(runs(found.never))}. `seatkeeper usage close` does it.")
    if found.again:
        sentences.append(f"Closed by rules that have changed: {', '.join(runs(found.again))}. The next close takes them along.")
    if dropped:
        sentences.append(f"Detail from before {dropped} has been dropped.")
    sentences += [
        f"{gap.source} has no data for {(gap.until - gap.since) / 3600:.1f} hours: {gap.reason or 'no reason is known'}." for gap in gaps
    ]
    alarms = [alarm.text for alarm in sorted(active_alarms(warehouse.path).values(), key=lambda alarm: (alarm.since, alarm.text))]
    sentences += [f"Alarm: {text}." for text in alarms]
    return Status(
        kinds,
        len(manifest.closed),
        [f"{day_of(day)}" for day in found.never],
        [f"{day_of(day)}" for day in found.again],
        dropped,
        gaps,
        alarms,
        sentences,
    )


def runs(days: Sequence[int]) -> list[str]:
    """Days in words, those that follow one another as one: `2026-09-01 to 2026-09-03`."""
    found: list[tuple[int, int]] = []
    for day in sorted(days):
        if found and found[-1][1] == day - 1:
            found[-1] = found[-1][0], day
        else:
            found.append((day, day))
    return [f"{day_of(first)}" if first == last else f"{day_of(first)} to {day_of(last)}" for first, last in found]
