"""A report is a value that says what is asked, and Ibis expressions that follow from it; the rows come from what an engine makes of them.

Who is reported on (`Subject`: the system, a tenant, a group) has a number, the key. Times of seats are told by key, cut to the asked
days; `peaks` does the rest. The same is done with what was configured, for enabled seats. A peak of the system is made from all its
sessions, never from tenants' peaks: those are at different moments, and a seat may serve two tenants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

import ibis
import msgspec

from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.measures import PortRule, RecordingRule, SessionRule
from seatkeeper.usage.peaks import Cells, moment_of, peak_of, peaks, with_moment
from seatkeeper.usage.seats import FOREVER, configured, during, qualifying, recorded
from seatkeeper.usage.sessions import ended_with_source

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from seatkeeper.usage.measures import Item
    from seatkeeper.usage.periods import Edge
    from seatkeeper.usage.seats import Known

__all__ = [
    "COUNTED",
    "GROUP_KINDS",
    "REPORT_TYPES",
    "DayEnds",
    "Facts",
    "Membership",
    "ReportType",
    "Subject",
    "cells",
    "concurrent",
    "concurrent_of",
    "counted",
    "enabled",
    "groups",
    "numbered",
    "port_peaks",
    "times_of",
]

ReportType = Literal["system", "tenant", "agent-group", "place-group"]
REPORT_TYPES: Final[tuple[ReportType, ...]] = ("system", "tenant", "agent-group", "place-group")
#: Report -> the kind of configuration that says who belongs to a group, which column of a session its members are.
GROUP_KINDS: Final[dict[str, str]] = {"agent-group": "agent", "place-group": "place"}
#: `history`: who belonged to a group when; `day-end`: who belonged to it when the day ended, for the whole day, as LRM has it.
Membership = Literal["history", "day-end"]
#: Where the days begin and end at whose end it counts who belongs to a group; None: it counts when somebody belonged to it.
DayEnds = Sequence[tuple[int, int]] | None


#: The columns of what takes a seat.
COUNTED: Final = ("tenant", "agent", "place", "seat", "login", "logout")


class Subject(msgspec.Struct, frozen=True):
    """Whom a row of a report is about: the whole system without a tenant, a tenant without a group, or a group."""

    tenant: str | None = None
    group: str | None = None


class Facts(msgspec.Struct, frozen=True):
    """The facts that reports read, as tables."""

    sessions: Table
    recordings: Table
    ports: Table
    ends: Table
    known: Known
    checkouts: Table | None = None


def cells(subjects: int, edges: Sequence[Edge]) -> Cells:
    """The same edges for so many keys, counted through."""
    ticks = ibis.memtable(
        [(position, edge.at, edge.period) for position, edge in enumerate(edges)],
        schema={"position": "int64", "at": "int64", "period": "int64"},
    )
    keys = ibis.memtable([(key,) for key in range(subjects)], schema={"key": "int64"})
    both = keys.cross_join(ticks)
    return Cells(both.select("key", "at", "period", cell=both.key * len(edges) + both.position + 1), edges[0].at)


def groups(known: Known, report: ReportType) -> Table:
    """Tenant, group and member of every group of the report's sort, with the times of membership; of an empty group no name."""
    rows = known.configuration
    rows = rows.filter(rows.kind == report)
    return rows.select("tenant", group=rows.name, member=rows.detail, since=rows.since, until=rows.until.coalesce(FOREVER))


def _keyed(subjects: Sequence[Subject]) -> Table:
    return ibis.memtable(
        [(key, one.tenant or "", one.group or "") for key, one in enumerate(subjects)],
        schema={"key": "int64", "tenant": "string", "group": "string"},
    )


def _members(known: Known, report: ReportType, subjects: Sequence[Subject], days: DayEnds) -> Table:
    members = groups(known, report).inner_join(_keyed(subjects), ["tenant", "group"])
    members = members.filter(members.member != "").select("key", "tenant", "member", "since", "until")
    if days is None:
        return members
    ends = ibis.memtable(list(days), schema={"begins": "int64", "ends": "int64"})
    at_end = members.inner_join(ends, [members.since < ends.ends, members.until >= ends.ends])
    return at_end.select("key", "tenant", "member", since=at_end.begins, until=at_end.ends)


def counted(facts: Facts, item: Item) -> Table:
    """What takes a seat of an item that is measured from sessions or recordings: `tenant`, `agent`, `place`, `seat`, `login`, `logout`.

    A session that its source never saw end holds until the source ended; if that has not ended, its logout is null.
    """
    if isinstance(item.peak, SessionRule):
        sessions = ended_with_source(facts.sessions, facts.ends, KINDS["sessions"])
        return qualifying(sessions, item.peak, facts.known).select(*COUNTED)
    if isinstance(item.peak, RecordingRule):
        return recorded(ended_with_source(facts.recordings, facts.ends, KINDS["recordings"])).mutate(place=ibis.literal(""))
    raise TypeError(f"{item.name} is not measured from sessions or recordings")


def numbered(tables: Sequence[Table], columns: Sequence[str]) -> Table:
    """The tables as one, with the number of each row's table as `number`."""
    first, *others = [table.select(*columns, number=ibis.literal(number, "int64")) for number, table in enumerate(tables)]
    return first.union(*others) if others else first


def times_of(rows: Table, facts: Facts, report: ReportType, subjects: Sequence[Subject], days: DayEnds, span: tuple[int, int]) -> Table:
    """The columns `key`, `seat`, `since`, `until` that `peaks` wants; the key counts subjects through, then numbers."""
    since, until = span
    if report == "system":
        keyed = rows.mutate(key=rows.number)
    elif report == "tenant":
        keyed = rows.inner_join(_keyed(subjects).drop("group"), "tenant")
        keyed = keyed.mutate(key=keyed.number * len(subjects) + keyed.key)
    else:
        members = _members(facts.known, report, subjects, days)
        keyed = during(rows, members, GROUP_KINDS[report])
        keyed = keyed.mutate(key=keyed.number * len(subjects) + keyed.key)
    cut = keyed.select("key", "seat", since=ibis.greatest(keyed.login, since), until=ibis.least(keyed.logout.coalesce(FOREVER), until))
    return cut.filter(cut.since < cut.until)


def concurrent(
    facts: Facts,
    rows: Sequence[Table],
    report: ReportType,
    subjects: Sequence[Subject],
    edges: Sequence[Edge],
    *,
    step_s: int = 1,
    days: DayEnds = None,
) -> Table:
    """Key, period, peak and its last second, for what is `counted`, of one item or several.

    With several tables in `rows` the key is `number of the table * number of subjects + number of the subject`.
    """
    return concurrent_of(facts, numbered(rows, COUNTED), len(rows), report, subjects, edges, step_s=step_s, days=days)


def concurrent_of(
    facts: Facts,
    rows: Table,
    numbers: int,
    report: ReportType,
    subjects: Sequence[Subject],
    edges: Sequence[Edge],
    *,
    step_s: int = 1,
    days: DayEnds = None,
) -> Table:
    """The same for tables that are `numbered` already, from 0 up to `numbers`."""
    times = times_of(rows, facts, report, subjects, days, (edges[0].at, edges[-1].at))
    return peaks(times, cells(len(subjects) * numbers, edges), step_s)


def enabled(
    facts: Facts,
    items: Sequence[Item],
    report: ReportType,
    subjects: Sequence[Subject],
    edges: Sequence[Edge],
    days: DayEnds = None,
) -> Table:
    """Key, period, and as `peak` the most that was enabled at once; of a group, how many belong to it, whatever the item.

    The key is as with `concurrent`; of groups there is one number only.
    """
    span = edges[0].at, edges[-1].at
    if report in GROUP_KINDS:
        members = _members(facts.known, report, subjects, days)
        times = members.select(
            "key", seat=members.member, since=ibis.greatest(members.since, span[0]), until=ibis.least(members.until, span[1])
        )
        times = times.filter(times.since < times.until)
        return peaks(times, cells(len(subjects), edges))
    rules = [item.enabled for item in items if item.enabled is not None]
    if len(rules) < len(items):
        raise TypeError("not all of the items have enabled seats")
    rows = numbered([configured(rule, facts.known) for rule in rules], ("tenant", "agent", "seat", "login", "logout"))
    times = times_of(rows, facts, report, subjects, days, span)
    return peaks(times, cells(len(subjects) * len(rules), edges))


def port_peaks(facts: Facts, rule: PortRule, subjects: Sequence[Subject], pieces: Sequence[tuple[int, int, int]]) -> Table:
    """Key, period, peak and its moment, of ports that a reporting server has counted by stretches of time.

    Peaks of shorter stretches make that of a longer one, in time; never those of tenants that of the system, which the server counts
    itself (facts, LRM 3). A stretch counts for the period that it lies in. There is no row where nothing was counted.

    Args:
        facts: The facts.
        rule: Which ports.
        subjects: The system, or tenants.
        pieces: Number, beginning and end of each period.
    """
    ports = facts.ports
    ports = ports.filter(ports.kind == rule.ports)
    keyed = ports.inner_join(_keyed(subjects).drop("group"), "tenant")
    parts = ibis.memtable(list(pieces), schema={"period": "int64", "since": "int64", "until": "int64"})
    both = keyed.inner_join(parts, [keyed.start >= parts.since, keyed.start + keyed.seconds <= parts.until])
    when = both.peak_time.coalesce(both.start + both.seconds - 1)
    most = both.mutate(found=with_moment(both.peak, when)).group_by("key", "period").aggregate(found=ibis._.found.max())
    peak = peak_of(most.found)
    return most.select("key", "period", peak=peak, last=(peak > 0).ifelse(moment_of(most.found), ibis.null("int64")))
