"""The figures of a report: for each subject and piece of time the peak, its last second, and the enabled seats, or why they are not known.

Of closed days the peaks that were kept are taken; all others are worked out from the facts, now. Where that cannot be, since detail has
been dropped and what was kept of the day was measured otherwise, a figure is not known: what is left of the facts would say too little.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import ibis
import msgspec

from seatkeeper.lrm.limits import ALL_EXCLUDED, Part
from seatkeeper.usage.closing import BIN_S, closed_in
from seatkeeper.usage.facts import DAY_S, KINDS
from seatkeeper.usage.features import ended_with_server, feature_peaks
from seatkeeper.usage.measures import CheckoutRule, PortRule, RecordingRule
from seatkeeper.usage.overuse import seconds_over
from seatkeeper.usage.periods import Edge, edges, stretches
from seatkeeper.usage.reports import COUNTED, GROUP_KINDS, cells, concurrent, counted, enabled, numbered, port_peaks, times_of
from seatkeeper.usage.seats import configured, lacking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import ClosedDay, Manifest, Warehouse
    from seatkeeper.usage.limits import Limit
    from seatkeeper.usage.measures import Item
    from seatkeeper.usage.periods import Period
    from seatkeeper.usage.reports import DayEnds, Facts, ReportType, Subject

__all__ = ["ROWS_AT_ONCE", "Asked", "Figures", "Together", "figures", "time_over"]

#: By key and number of the piece: peak and its last second.
_Found = dict[tuple[int, int], tuple[int, int | None]]
#: So many facts are worked out in one go: what is sorted of them stays well below 8 GB.
ROWS_AT_ONCE: Final = 20_000_000
_DROPPED: Final = "the detail of that time has been dropped"


class Together:
    """What is read once for several items of one report.

    Args:
        items: Their names, as closed days have them.
    """

    def __init__(self, items: Iterable[str] = ()) -> None:
        self.items = frozenset(items)
        #: By days, report, subjects and pieces: item and measure, and what was found of them.
        self.read: dict[Any, dict[tuple[str, str], _Found]] = {}


class Asked(msgspec.Struct, frozen=True):
    """What figures are wanted of.

    Attributes:
        warehouse: Where the facts are.
        engine: What works it out.
        manifest: Which of them count.
        report: Whom the figures are about.
        item: What is measured, by its rules.
        subjects: These; at least one.
        pieces: Times in order, without overlaps.
        out: What of them does not count for peaks.
        step_s: How far a measure steps that looks only now and then; 1 for every second.
        days: Where the days begin and end at whose end it counts who belongs to a group.
        together: What is read once for several items.
    """

    warehouse: Warehouse
    engine: Engine
    manifest: Manifest
    report: ReportType
    item: Item
    subjects: Sequence[Subject]
    pieces: Sequence[Period]
    out: Sequence[tuple[int, int]] = ()
    step_s: int = 1
    days: DayEnds = None
    together: Together = Together()


class Figures(msgspec.Struct, frozen=True):
    """Peaks and enabled seats by number of the subject and of the piece."""

    used: _Found
    able: _Found | None
    why: Mapping[int, str]
    missing: str

    def part(self, key: int, number: int, limit: Limit | None) -> Part:
        """What was found of a piece."""
        peak, last = self.used.get((key, number), (None, None))
        most = None if self.able is None else self.able.get((key, number), (None, None))[0]
        if number in self.why:
            return Part(None, None, most, limit, self.why[number])
        return Part(peak, last, most, limit, self.missing if peak is None else "")


def figures(asked: Asked) -> Figures:
    """What is asked."""
    item, manifest = asked.item, asked.manifest
    closed = _closed_days(asked)
    shut = [(day.day * DAY_S, (day.day + 1) * DAY_S) for day in closed]
    live, able_live = edges(asked.pieces, [*shut, *asked.out]), edges(asked.pieces, shut)
    missing = lacking(item, frozenset(manifest.configured))
    if isinstance(item.peak, RecordingRule):
        missing = "recordings have no place" if asked.report == "place-group" else missing
        missing = missing if "recordings" in manifest.parts else "no recordings are known"
    if isinstance(item.peak, CheckoutRule) and "checkouts" not in manifest.parts:
        missing = "no checkouts are known"
    used: _Found = {}
    if not missing and item.peak is not None:
        used = _used(asked, _counting(live))
        if closed:
            used = _with_closed(asked, closed, used, "peak")
    able = _enabled(asked, _counting(able_live))
    if able is None and _by_agents(asked):
        able = _agents_seen(asked)
    elif closed and able is not None:
        able = _with_closed(asked, closed, able, "enabled")
    if item.peak is None:
        return Figures(used, able, {}, "")
    if isinstance(item.peak, PortRule):
        missing = "no ports were counted"
    return Figures(used, able, {} if missing else _unknown(asked, closed), missing)


def _counting(marks: list[Edge]) -> list[Edge]:
    """The edges from the first to the last at which something counts; none where nothing does."""
    numbers = [number for number, edge in enumerate(marks) if edge.period >= 0]
    return marks[numbers[0] : numbers[-1] + 2] if numbers else []


def _stretches(asked: Asked) -> list[tuple[int, int, int]]:
    """Number, beginning and end of what counts of each piece."""
    marks = edges(asked.pieces, asked.out)
    return [(edge.period, edge.at, following.at) for edge, following in pairwise(marks) if edge.period >= 0]


def _closed_days(asked: Asked) -> list[ClosedDay]:
    """The closed days that say what is asked: by the same rules, and for times that are whole bins."""
    item, pieces = asked.item, asked.pieces
    if asked.step_s != 1 or asked.days is not None or isinstance(item.peak, PortRule):
        return []
    if any(piece.since % BIN_S or piece.until % BIN_S for piece in pieces):
        return []
    torn = [(since, until) for since, until in asked.out if since % BIN_S or until % BIN_S]
    first, end = pieces[0].since, pieces[-1].until
    found = []
    for day in asked.manifest.closed:
        begins, ends = day.day * DAY_S, (day.day + 1) * DAY_S
        if begins >= end or ends <= first or any(since < ends and until > begins for since, until in torn):
            continue
        if day.rules.get(item.name) == item.digest:
            found.append(day)
    return found


def _unknown(asked: Asked, closed: Sequence[ClosedDay]) -> dict[int, str]:
    """Why the peaks of some pieces are not known: nothing of them counts, or detail has been dropped and what was kept says otherwise."""
    why: dict[int, str] = {}
    if asked.out:
        counts = {number for number, _, _ in _stretches(asked)}
        why = {number: ALL_EXCLUDED for number in range(len(asked.pieces)) if number not in counts}
    taken = {day.day for day in closed}
    blind = [day.day for day in asked.manifest.closed if day.day < asked.manifest.dropped_before and day.day not in taken]
    if blind and not isinstance(asked.item.peak, PortRule | CheckoutRule):
        first, last = blind[0] * DAY_S, (blind[-1] + 1) * DAY_S
        days = set(blind)
        for number, piece in enumerate(asked.pieces):
            touched = piece.since < last and piece.until > first
            if touched and any(day in days for day in range(piece.since // DAY_S, (piece.until - 1) // DAY_S + 1)):
                why[number] = _DROPPED
    return why


def _with_closed(asked: Asked, closed: Sequence[ClosedDay], found: _Found, measure: str) -> _Found:
    """What was found, and what closed days have of the same pieces; where neither has anything, nothing was in use."""
    by_group = measure == "enabled" and asked.report in GROUP_KINDS
    parts = _stretches(asked) if measure == "peak" else [(number, piece.since, piece.until) for number, piece in enumerate(asked.pieces)]
    kept = _kept(asked, closed, "" if by_group else asked.item.name, measure, parts)
    both: _Found = {}
    for key in range(len(asked.subjects)):
        for number in range(len(asked.pieces)):
            # The larger peak, and the later of two; a peak of nothing has no moment.
            told = [one for one in (found.get((key, number)), kept.get((key, number))) if one is not None]
            both[key, number] = max(told, key=lambda one: (one[0], one[1] or 0), default=(0, None))
    return both


def _kept(asked: Asked, closed: Sequence[ClosedDay], item: str, measure: str, parts: Sequence[tuple[int, int, int]]) -> _Found:
    """What closed days have of an item; where several items are asked for, all of theirs is read at once."""
    subjects = tuple((one.tenant, one.group) for one in asked.subjects)
    about = tuple(day.day for day in closed), asked.report, subjects, tuple(parts)
    if about not in asked.together.read or item not in asked.together.items:
        items = list(asked.together.items) if item in asked.together.items else [item]
        table = asked.warehouse.closed(asked.engine, closed)
        read: dict[tuple[str, str], _Found] = {}
        for row in asked.engine.rows(closed_in(table, asked.report, items, list(asked.subjects), parts)):
            read.setdefault((row["item"], row["measure"]), {})[row["key"], row["period"]] = row["peak"], row["last"]
        if item not in asked.together.items:
            return read.get((item, measure), {})
        asked.together.read[about] = read
    return asked.together.read[about].get((item, measure), {})


def _facts(asked: Asked, since: int, until: int) -> Facts:
    return asked.warehouse.facts(asked.engine, asked.manifest, since, until)


def _used(asked: Asked, marks: list[Edge]) -> _Found:
    if isinstance(asked.item.peak, PortRule):
        if asked.report in GROUP_KINDS:
            return {}
        facts = _facts(asked, asked.pieces[0].since, asked.pieces[-1].until)
        return _by_period(asked.engine, port_peaks(facts, asked.item.peak, asked.subjects, _stretches(asked)))
    if not marks:
        return {}
    if isinstance(asked.item.peak, CheckoutRule):
        facts = _facts(asked, marks[0].at, marks[-1].at)
        assert facts.checkouts is not None
        checkouts = ended_with_server(facts.checkouts, facts.ends)
        return _by_period(asked.engine, feature_peaks(checkouts, [asked.item.peak.feature], marks, asked.step_s))
    found: _Found = {}
    for stretch in _stretched(asked.manifest, marks):
        facts = _facts(asked, stretch[0].at, stretch[-1].at)
        rows = [counted(facts, asked.item)]
        told = concurrent(facts, rows, asked.report, asked.subjects, stretch, step_s=asked.step_s, days=asked.days)
        for place, one in _by_period(asked.engine, told).items():
            # A piece that lies in two stretches has the larger peak of both, and the later of two.
            found[place] = max((one, found.get(place, one)), key=lambda each: (each[0], each[1] or 0))
    return found


def _stretched(manifest: Manifest, marks: list[Edge]) -> list[list[Edge]]:
    """The edges as stretches of days, each with no more facts than an engine sorts in its memory; mostly one."""
    rows: dict[int, int] = {}
    for name in ("sessions", "recordings"):
        for part in manifest.parts.get(name, []):
            rows[part.day] = rows.get(part.day, 0) + part.rows
    return stretches(marks, rows, ROWS_AT_ONCE)


def _enabled(asked: Asked, marks: list[Edge]) -> _Found | None:
    """None where it is not measured, or not known."""
    rule = asked.item.enabled
    if rule is None or (asked.report not in GROUP_KINDS and rule.kind not in asked.manifest.configured):
        return None
    if not marks:
        return {}
    facts = _facts(asked, marks[0].at, marks[-1].at)
    return _by_period(asked.engine, enabled(facts, [asked.item], asked.report, asked.subjects, marks, asked.days))


def _by_agents(asked: Asked) -> bool:
    """Whether agents are counted of whose configuration nothing is known."""
    by_agents = asked.item.enabled is not None and asked.item.enabled.kind == "agent" and asked.report not in GROUP_KINDS
    return by_agents and "agent" not in asked.manifest.configured and "sessions" in asked.manifest.parts


def _agents_seen(asked: Asked) -> _Found:
    """Without configuration data every agent counts as configured: all of whom there are sessions, in every period."""
    sessions = asked.warehouse.table(asked.engine, KINDS["sessions"], asked.manifest.parts["sessions"])
    agents = sessions.filter(sessions.agent != "").select("tenant", "agent").distinct()
    counts = {row["tenant"]: row["agents"] for row in asked.engine.rows(agents.group_by("tenant").aggregate(agents=agents.count()))}
    total = sum(counts.values())
    return {
        (key, number): (total if subject.tenant is None else counts.get(subject.tenant, 0), None)
        for key, subject in enumerate(asked.subjects)
        for number in range(len(asked.pieces))
    }


def _by_period(engine: Engine, expression: Any) -> _Found:
    return {(row["key"], row["period"]): (row["peak"], row["last"]) for row in engine.rows(expression)}


def time_over(asked: Asked, limits: Mapping[tuple[int, int], Limit]) -> dict[tuple[int, int], int]:
    """For how many seconds limits were passed, by number of the subject and of the piece; not there where that cannot be known.

    Args:
        asked: As for `figures`.
        limits: The pieces in which use was over, and the limit that was in force.
    """
    dropped = asked.manifest.dropped_before * DAY_S
    found: dict[tuple[int, int], int] = {}
    by_peak = {place: limit for place, limit in limits.items() if limit.measure == "peak" and asked.pieces[place[1]].since >= dropped}
    if by_peak and not isinstance(asked.item.peak, PortRule):
        found |= _seconds(asked, by_peak)
    by_enabled = {place: limit for place, limit in limits.items() if limit.measure == "enabled"}
    if by_enabled and _by_agents(asked):
        # Every agent that was ever seen counts all the time.
        found |= {place: asked.pieces[place[1]].until - asked.pieces[place[1]].since for place in by_enabled}
    elif by_enabled:
        found |= _seconds(msgspec.structs.replace(asked, out=(), step_s=1), by_enabled)
    return found


def _seconds(asked: Asked, limits: Mapping[tuple[int, int], Limit]) -> dict[tuple[int, int], int]:
    item = asked.item
    keys = sorted({key for key, _ in limits})
    place = {key: position for position, key in enumerate(keys)}
    numbers = {number for _, number in limits}
    subjects = [asked.subjects[key] for key in keys]
    marks = _counting([Edge(edge.at, edge.period if edge.period in numbers else -1) for edge in edges(asked.pieces, asked.out)])
    if not marks:
        return {}
    facts = _facts(asked, marks[0].at, marks[-1].at)
    if next(iter(limits.values())).measure == "peak":
        rows = numbered([counted(facts, item)], COUNTED)
    elif item.enabled is not None:
        rows = numbered([configured(item.enabled, facts.known)], ("tenant", "agent", "seat", "login", "logout"))
    else:
        return {}
    times = times_of(rows, facts, asked.report, subjects, asked.days, (marks[0].at, marks[-1].at))
    table = ibis.memtable(
        [(place[key], number, limit.count) for (key, number), limit in limits.items()],
        schema={"key": "int64", "period": "int64", "limit": "int64"},
    )
    found = seconds_over(times, cells(len(subjects), marks), table, asked.step_s)
    return {(keys[row["key"]], row["period"]): row["seconds"] for row in asked.engine.rows(found)}
