"""Where a source has no data, a report says so: how long, which source, and why, for each period that this touches.

A source counts for what it has ever told: that one of ports has a gap says nothing about seats. One that has told nothing yet counts
for everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.usage.facts import GAP_FILLED, KINDS, LIST_BAR, PART_BAR
from seatkeeper.usage.measures import CheckoutRule, PortRule, RecordingRule, SessionRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import Manifest, Warehouse
    from seatkeeper.usage.measures import Item
    from seatkeeper.usage.periods import Period

__all__ = ["gaps_in"]

_OBSERVED: Final = ("sessions", "recordings", "ports", "configuration", "checkouts", "denials")


def gaps_in(warehouse: Warehouse, engine: Engine, manifest: Manifest, items: Sequence[Item], pieces: Sequence[Period]) -> dict[int, str]:
    """Number of the period -> what is missing in it, in words.

    Args:
        warehouse: Where the facts are.
        engine: What reads them.
        manifest: Which of them count.
        items: What is measured.
        pieces: The periods, in order.
    """
    parts = manifest.parts.get("gaps", [])
    if not parts or not pieces:
        return {}
    table = warehouse.table(engine, KINDS["gaps"], parts)
    found = table.filter(table.since < pieces[-1].until, table.until > pieces[0].since, table.reason != GAP_FILLED)
    rows = engine.rows(found.order_by("source", "since", "until"))
    if not rows:
        return {}
    others = _others(warehouse, engine, manifest, items)
    told: dict[int, str] = {}
    for number, piece in enumerate(pieces):
        texts = []
        for row in rows:
            seconds = min(row["until"], piece.until) - max(row["since"], piece.since)
            if seconds > 0 and row["source"] not in others:
                reason = f" ({row['reason']})" if row["reason"] else ""
                texts.append(f"{row['source']} has no data for {_hours(seconds)}{reason}")
        if texts:
            told[number] = "; ".join(texts)
    return told


def _hours(seconds: int) -> str:
    hours = f"{seconds / 3600:.2f}".rstrip("0").rstrip(".")
    return f"{hours} hour{'' if hours == '1' else 's'}"


def _others(warehouse: Warehouse, engine: Engine, manifest: Manifest, items: Sequence[Item]) -> set[str]:
    """The sources that have told of other things than what is measured, and never of that."""
    wanted = {"configuration"} if any(item.enabled is not None for item in items) else set()
    for item in items:
        if isinstance(item.peak, SessionRule):
            wanted |= {"sessions", "configuration"}
        elif isinstance(item.peak, RecordingRule):
            wanted.add("recordings")
        elif isinstance(item.peak, PortRule):
            wanted.add("ports")
        elif isinstance(item.peak, CheckoutRule):
            wanted |= {"checkouts", "denials"}
    ours, theirs = set[str](), set[str]()
    for name in _OBSERVED:
        parts = manifest.parts.get(name, [])
        if parts:
            rows = engine.rows(warehouse.table(engine, KINDS[name], parts).select("source").distinct())
            sources = {source.partition(PART_BAR)[0] for row in rows for source in row["source"].split(LIST_BAR) if source}
            (ours if name in wanted else theirs).update(sources)
    return theirs - ours
