"""Who made up a peak: the moment of it is looked up as a report does, and then all who held a seat at that moment are named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.lrm.report import report, subjects_of
from seatkeeper.usage.drill import holders
from seatkeeper.usage.facts import DAY_S
from seatkeeper.usage.measures import RecordingRule, SessionRule
from seatkeeper.usage.reports import Subject

if TYPE_CHECKING:
    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.report import Query
    from seatkeeper.lrm.site import Site

__all__ = ["Who", "who"]


class Who(msgspec.Struct, frozen=True):
    """Those who held seats at a moment.

    Attributes:
        subject: Of whom.
        item: Of which item, as it was asked for.
        at: When, in UTC seconds.
        seats: How many seats those were.
        holders: Their sessions, in the order of seats, with the columns of usage.drill.
    """

    subject: Subject
    item: str
    at: int
    seats: int
    holders: list[dict[str, Any]]


def who(warehouse: Warehouse, engine: Engine, query: Query, site: Site, at: int | None) -> Who:
    """Who held seats at a moment, or at the peak of the first day of the query.

    Args:
        warehouse: Where the facts are.
        engine: What works it out.
        query: Of which item, and of whom; for the peak, a daily report of one day.
        site: Limits, bundles and settings.
        at: The moment, in UTC seconds; None for the peak.

    Raises:
        InputError: Several are meant, the item is not measured from sessions, or nothing is known of the moment.
    """
    manifest = warehouse.manifest()
    subjects = subjects_of(warehouse, engine, query, manifest)
    if len(subjects) != 1:
        option = "--tenant" if query.report == "tenant" or query.group is not None else "--group"
        raise InputError("Several are meant.", file=option, found=f"{len(subjects)} of them", remedy=f"Say which one with {option}.")
    (subject,) = subjects
    if at is None:
        (row,) = report(warehouse, engine, query, {}, {}, site)
        if row.peak_time is None:
            raise InputError(
                "There is no peak of that day.",
                file="--peak-of",
                found=f"{query.first}",
                remedy=(row.missing or "Nothing was in use") + ".",
            )
        at = row.peak_time
    item = next((item for since, item in reversed(site.versions(query.item)) if since <= at), None)
    if item is None or not isinstance(item.peak, SessionRule | RecordingRule):
        raise InputError(
            "Nobody can be named.", file="--item", found=query.item, expected="an item that is measured from sessions or recordings"
        )
    if at < manifest.dropped_before * DAY_S:
        raise InputError(
            "The detail of that time has been dropped.", file="--at", found=f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
        )
    facts = warehouse.facts(engine, manifest, at, at + 1)
    day_end = at - at % DAY_S + DAY_S if query.membership == "day-end" else None
    rows = engine.rows(holders(facts, item, query.report, subject, at, day_end))
    return Who(subject, query.item, at, len({row["seat"] for row in rows}), rows)
