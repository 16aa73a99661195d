"""Reports about the use of sellable items, worked out from the warehouse by an engine."""

from __future__ import annotations

from datetime import UTC, date, tzinfo
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded, nearest_sentence
from seatkeeper.usage.closing import BIN_S, closed_in
from seatkeeper.usage.facts import DAY_S, KINDS
from seatkeeper.usage.measures import ITEMS, Item, PortRule, RecordingRule, item_named
from seatkeeper.usage.peaks import KEYS_MAX, MINUTE_S
from seatkeeper.usage.periods import Granularity, edges, periods
from seatkeeper.usage.reports import GROUP_KINDS, Membership, ReportType, Subject, concurrent, counted, enabled, groups, port_peaks
from seatkeeper.usage.seats import lacking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import ClosedDay, Manifest, Warehouse
    from seatkeeper.usage.periods import Edge, Period
    from seatkeeper.usage.reports import DayEnds, Facts

#: By key and number of the period: peak and its last second.
_Found = dict[tuple[int, int], tuple[int, int | None]]

__all__ = ["SAMPLINGS", "Query", "Row", "Sampling", "items_by_name", "report"]

#: `exact` and `second` look at every second, which is as fine as facts are; `minute` at every whole minute, as LRM does.
Sampling = Literal["exact", "second", "minute"]
SAMPLINGS: Final[dict[str, int]] = {"exact": 1, "second": 1, "minute": MINUTE_S}


class Query(msgspec.Struct, frozen=True):
    """What is asked.

    Attributes:
        report: Whom the rows are about.
        item: The sellable item, as the person wrote it.
        granularity: How long a period is.
        first: The first day, in `zone`.
        end: The day after the last one.
        zone: Whose days and hours they are.
        week_start: The weekday on which a week begins, 0 for Monday.
        tenant: Only this tenant; None: all.
        group: Only this group; None: all.
        sampling: Which moments are looked at.
        membership: Who belongs to a group.
    """

    report: ReportType
    item: str
    granularity: Granularity
    first: date
    end: date
    zone: tzinfo = UTC
    week_start: int = 0
    tenant: str | None = None
    group: str | None = None
    sampling: Sampling = "exact"
    membership: Membership = "history"


class Row(msgspec.Struct, frozen=True):
    """One period of one subject.

    Attributes:
        subject: Whom it is about.
        item: The item, as it was asked for.
        period: When.
        peak: The most seats that were in use at once; None where that cannot be known.
        peak_time: The last second of the peak; None where nothing was in use.
        enabled: The most seats that were configured at once; None where that is not known, or not measured.
        limit: What was bought, or provisioned; None where nothing was.
        over: By how much the peak was above the limit, 0 where it was not.
        missing: Why something is not known; empty where all is.
    """

    subject: Subject
    item: str
    period: Period
    peak: int | None
    peak_time: int | None
    enabled: int | None
    limit: int | None = None
    over: int = 0
    missing: str = ""


def items_by_name(items: Sequence[Item] = ITEMS) -> dict[str, Item]:
    """Items by their folded names."""
    return {folded(item.name): item for item in items}


def report(warehouse: Warehouse, engine: Engine, query: Query, items: Mapping[str, Item], products: Mapping[str, str]) -> list[Row]:
    """The rows of a report: by subject in the order of their names, then by period.

    Raises:
        InputError: The item, the tenant or the group is not known, or the days are none.
    """
    item = item_named(query.item, items, products)
    pieces = periods(query.granularity, query.first, query.end, query.zone, query.week_start)
    manifest = warehouse.manifest()
    closed = _closed_days(manifest, item, query, pieces)
    # Of closed days the kept peaks are taken; all others are worked out from the facts, now.
    live = edges(pieces, [(day.day * DAY_S, (day.day + 1) * DAY_S) for day in closed])
    counting = [edge.at for edge in live if edge.period >= 0]
    span = (counting[0], live[-1].at) if counting else (pieces[-1].until, pieces[-1].until)
    facts = warehouse.facts(engine, manifest, *span)
    subjects = _subjects(engine, query, facts, manifest)
    if not subjects:
        return []
    missing = lacking(item, facts.known.kinds)
    if isinstance(item.peak, RecordingRule):
        missing = "recordings have no place" if query.report == "place-group" else missing
        missing = missing if "recordings" in manifest.parts else "no recordings are known"
    used: _Found = {}
    if not missing and item.peak is not None:
        used = _used(engine, facts, item, query, subjects, pieces, live if counting else [])
        if closed:
            used = _with_closed(warehouse, engine, item, query, subjects, pieces, closed, used, "peak")
    able = _enabled(engine, facts, item, query, subjects, live if counting else [])
    if able is None and _by_agents(item, query, manifest):
        able = _agents_seen(warehouse, engine, manifest, subjects, len(pieces))
    elif closed and able is not None:
        able = _with_closed(warehouse, engine, item, query, subjects, pieces, closed, able, "enabled")
    if item.peak is None:
        missing = ""
    elif isinstance(item.peak, PortRule):
        missing = "no ports were counted"
    rows: list[Row] = []
    for key, subject in enumerate(subjects):
        for number, piece in enumerate(pieces):
            peak, last = used.get((key, number), (None, None))
            most = None if able is None else able.get((key, number), (None, None))[0]
            rows.append(Row(subject, query.item, piece, peak, last, most, missing=missing if peak is None else ""))
    return rows


def _closed_days(manifest: Manifest, item: Item, query: Query, pieces: list[Period]) -> list[ClosedDay]:
    """The closed days that say what is asked: by the same rules, and for periods that are whole bins."""
    if query.sampling == "minute" or query.membership != "history" or isinstance(item.peak, PortRule):
        return []
    if any(piece.since % BIN_S or piece.until % BIN_S for piece in pieces):
        return []
    first, end = pieces[0].since, pieces[-1].until
    return [
        day
        for day in manifest.closed
        if day.rules.get(item.name) == item.digest and day.day * DAY_S < end and (day.day + 1) * DAY_S > first
    ]


def _with_closed(
    warehouse: Warehouse,
    engine: Engine,
    item: Item,
    query: Query,
    subjects: list[Subject],
    pieces: list[Period],
    closed: list[ClosedDay],
    found: _Found,
    measure: str,
) -> _Found:
    """What was found, and what closed days have of the same periods; where neither has anything, nothing was in use."""
    parts = [(number, piece.since, piece.until) for number, piece in enumerate(pieces)]
    name = "" if measure == "enabled" and query.report in GROUP_KINDS else item.name
    kept = _by_period(engine, closed_in(warehouse.closed(engine, closed), query.report, name, measure, subjects, parts))
    both: _Found = {}
    for key in range(len(subjects)):
        for number in range(len(pieces)):
            # The larger peak, and the later of two; a peak of nothing has no moment.
            told = [one for one in (found.get((key, number)), kept.get((key, number))) if one is not None]
            both[key, number] = max(told, key=lambda one: (one[0], one[1] or 0), default=(0, None))
    return both


def _subjects(engine: Engine, query: Query, facts: Facts, manifest: Manifest) -> list[Subject]:
    if query.report == "system":
        if query.tenant is not None:
            raise InputError(
                "A system report is about all tenants.", file="--tenant", found=query.tenant, remedy="Ask for --type tenant instead."
            )
        return [Subject()]
    tenants = manifest.tenants
    if query.tenant is not None:
        if query.tenant not in tenants:
            near = nearest_sentence(query.tenant, tenants)
            raise InputError("There are no data of this tenant.", file="--tenant", found=query.tenant, remedy=near)
        tenants = [query.tenant]
    if query.report == "tenant":
        return [Subject(tenant) for tenant in tenants]
    table = groups(facts.known, query.report)
    named = sorted((row["tenant"], row["group"]) for row in engine.rows(table.select("tenant", "group").distinct()))
    chosen = [Subject(tenant, group) for tenant, group in named if tenant in tenants and query.group in {None, group}]
    if query.group is not None and not chosen:
        near = nearest_sentence(query.group, sorted({group for _, group in named}))
        kind = GROUP_KINDS[query.report]
        raise InputError(f"There is no such group of {kind}s.", file="--group", found=query.group, remedy=near)
    if len(chosen) > KEYS_MAX:
        raise InputError("These are too many groups.", file="--type", found=str(len(chosen)), expected=f"at most {KEYS_MAX}")
    return chosen


def _used(
    engine: Engine, facts: Facts, item: Item, query: Query, subjects: list[Subject], pieces: list[Period], marks: list[Edge]
) -> _Found:
    if isinstance(item.peak, PortRule):
        if query.report in GROUP_KINDS:
            return {}
        parts = [(number, piece.since, piece.until) for number, piece in enumerate(pieces)]
        return _by_period(engine, port_peaks(facts, item.peak, subjects, parts))
    if not marks:
        return {}
    rows = [counted(facts, item)]
    step = SAMPLINGS[query.sampling]
    return _by_period(engine, concurrent(facts, rows, query.report, subjects, marks, step_s=step, days=_day_ends(query)))


def _enabled(engine: Engine, facts: Facts, item: Item, query: Query, subjects: list[Subject], marks: list[Edge]) -> _Found | None:
    """None where it is not measured, or not known."""
    if item.enabled is None or (query.report not in GROUP_KINDS and item.enabled.kind not in facts.known.kinds):
        return None
    if not marks:
        return {}
    return _by_period(engine, enabled(facts, [item], query.report, subjects, marks, _day_ends(query)))


def _by_agents(item: Item, query: Query, manifest: Manifest) -> bool:
    """Whether agents are counted of whose configuration nothing is known."""
    enabled_agents = item.enabled is not None and item.enabled.kind == "agent"
    return enabled_agents and query.report not in GROUP_KINDS and "agent" not in manifest.configured and "sessions" in manifest.parts


def _agents_seen(warehouse: Warehouse, engine: Engine, manifest: Manifest, subjects: list[Subject], pieces: int) -> _Found:
    """Without configuration data every agent counts as configured: all of whom there are sessions, in every period."""
    sessions = warehouse.table(engine, KINDS["sessions"], manifest.parts["sessions"])
    agents = sessions.filter(sessions.agent != "").select("tenant", "agent").distinct()
    counts = {row["tenant"]: row["agents"] for row in engine.rows(agents.group_by("tenant").aggregate(agents=agents.count()))}
    total = sum(counts.values())
    return {
        (key, number): (total if subject.tenant is None else counts.get(subject.tenant, 0), None)
        for key, subject in enumerate(subjects)
        for number in range(pieces)
    }


def _day_ends(query: Query) -> DayEnds:
    """The asked days, where it counts who belongs to a group when they end."""
    if query.membership == "history":
        return None
    return [(day.since, day.until) for day in periods("daily", query.first, query.end, query.zone)]


def _by_period(engine: Engine, expression: Any) -> _Found:
    return {(row["key"], row["period"]): (row["peak"], row["last"]) for row in engine.rows(expression)}
