"""Random worlds as the product takes them in, what is asked about them, and what the product says, in the words of `usageworld`."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.lrm.report import Query, items_by_name, report
from seatkeeper.usage.measures import ITEMS
from support.usageworld import FIRST_DAYS, ZONES, Asked, World, random_world, write_facts

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.adapters.engines import Engine

__all__ = ["drawn", "loaded", "told"]

TYPES = ("system", "tenant", "agent-group", "place-group")
GRANULARITIES = ("monthly", "weekly", "daily", "hourly", "10-minute")
KINDS_OF_REPORTS = tuple(itertools.product(TYPES, GRANULARITIES))
NAMES = [item.name for item in ITEMS]
#: Reports about each world.
REPORTS = 2


def told(warehouse: Warehouse, engine: Engine, asked: Asked) -> list[dict[str, Any]]:
    """What the product says."""
    query = Query(
        asked.report,  # type: ignore[arg-type]
        asked.item,
        asked.granularity,  # type: ignore[arg-type]
        asked.first,
        asked.end,
        ZoneInfo(asked.zone),
        asked.week_start,
        asked.tenant,
        asked.group,
        "minute" if asked.minutes else "exact",
        "day-end" if asked.day_end else "history",
    )
    rows = report(warehouse, engine, query, items_by_name(), {})
    for row in rows:
        assert bool(row.missing) == (row.peak is None and asked.item not in {"SIP Voicemail", "IVR Connector"}), row
    return [
        {
            "tenant": row.subject.tenant,
            "group": row.subject.group,
            "start": row.period.start,
            "peak": row.peak,
            "peak_time": row.peak_time,
            "enabled": row.enabled,
        }
        for row in rows
    ]


def drawn(seed: int) -> tuple[World, list[Asked]]:
    """A world, and what is asked about it; all kinds of reports come in turn."""
    draws = random.Random(seed)
    zone, first = draws.choice(ZONES), draws.choice(FIRST_DAYS)
    days = draws.choice([1, 2, 2, 3, 3, 16, 40])
    world = random_world(draws, zone, first, days)
    asked = []
    for turn in range(REPORTS):
        kind, granularity = KINDS_OF_REPORTS[(seed * REPORTS + turn) % len(KINDS_OF_REPORTS)]
        begin = first + timedelta(days=draws.randrange(min(days, 3)))
        end = first + timedelta(days=days)
        if granularity in {"hourly", "10-minute"}:
            end = min(end, begin + timedelta(days=2))
        asked.append(
            Asked(
                kind,
                draws.choice(NAMES),
                granularity,
                begin,
                max(end, begin + timedelta(days=1)),
                zone,
                week_start=draws.randrange(7),
                minutes=draws.random() < 0.3,
                day_end=draws.random() < 0.3,
            )
        )
    return world, asked


def loaded(world: World, path: Path, pieces: list[tuple[str, list[dict[str, Any]]]] | None = None) -> Warehouse:
    """The world from files; they come in these pieces, or one of each kind."""
    warehouse = Warehouse(path / "db")
    for kind, rows in pieces or world.files().items():
        warehouse.load(write_facts(path / f"{kind}.csv", kind, rows))
    return warehouse
