"""What planning reads of the past: the days that count of whom it is about, how long how many seats were in use, and the times of use.

Peaks and enabled seats come from daily reports, so closed days serve. How long and who need the detail: days of which it was dropped
are left out, and said.
"""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.lrm.report import report
from seatkeeper.usage.facts import DAY_S
from seatkeeper.usage.levels import levels
from seatkeeper.usage.measures import PortRule, RecordingRule, SessionRule
from seatkeeper.usage.periods import Edge, edges
from seatkeeper.usage.planning import DayUse, FromDays, from_days
from seatkeeper.usage.reports import COUNTED, GROUP_KINDS, Subject, cells, counted, groups, numbered, times_of
from seatkeeper.usage.seats import FOREVER
from seatkeeper.usage.whatif import USES_MAX, Use

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import Manifest, Warehouse
    from seatkeeper.lrm.report import Query, Row
    from seatkeeper.lrm.site import Site
    from seatkeeper.usage.measures import Item
    from seatkeeper.usage.periods import Period
    from seatkeeper.usage.reports import ReportType

__all__ = ["Held", "Member", "Past", "counted_times", "held_of", "levels_of", "members_of", "past_of", "single_item", "uses_of"]

_DROPPED: Final = "the detail has been dropped"
#: The beginning of all time that a sweep knows: sessions that began before the asked days have their true login.
_BEGINNING: Final = Edge(0, -1)


class Past(msgspec.Struct, frozen=True):
    """What is known of one whom a plan is about.

    Attributes:
        subject: Whom.
        zone: Whose days they are.
        days: From which days.
        rows: The daily reports of those days.
    """

    subject: Subject
    zone: tzinfo
    days: FromDays
    rows: list[Row]

    @property
    def peak(self) -> tuple[int | None, int | None]:
        """The most seats that were in use, and the last second of it; None where no day counts."""
        best = max(reversed(self.rows), key=lambda row: row.peak or 0, default=None)
        return (None, None) if best is None else (best.peak, best.peak_time)

    @property
    def limit(self) -> tuple[int, date | None] | None:
        """The limit of seats in use on the last day, and since when; None where there is none."""
        last = self.rows[-1] if self.rows else None
        return None if last is None or last.limit is None or last.measure != "peak" else (last.limit, last.limit_since)


class Held(NamedTuple):
    """A session as plans see it; its times are not cut."""

    since: int
    until: int
    seat: str
    agent: str
    tenant: str
    place: str


class Member(NamedTuple):
    """Somebody belongs to a group: an agent's name, or a place's, and from when until when."""

    tenant: str
    group: str
    member: str
    since: int
    until: int


def past_of(warehouse: Warehouse, engine: Engine, query: Query, site: Site, now: float, *, detail: bool) -> list[Past]:
    """The past of each subject of the query, a daily report.

    Args:
        warehouse: Where the facts are.
        engine: What works it out.
        query: What is asked.
        site: Limits, bundles and settings.
        now: In UTC seconds.
        detail: More than peaks is needed.

    Raises:
        InputError: As `lrm.report.report`.
    """
    manifest = warehouse.manifest()
    of_subject: dict[Subject, list[Row]] = {}
    for row in report(warehouse, engine, query, {}, {}, site):
        of_subject.setdefault(row.subject, []).append(row)
    known = _known(manifest, [item for _, item in site.versions(query.item) if item is not None])
    dropped = manifest.dropped_before * DAY_S
    found = []
    for subject, rows in of_subject.items():
        zone = rows[0].zone
        by_day = {_day(row.period.since, zone): row for row in rows}
        uses = [
            DayUse(day, row.peak, _DROPPED if detail and row.period.since < dropped else row.missing, row.excluded)
            for day, row in by_day.items()
        ]
        first_last = None if known is None else (_day(known[0], zone), _day(known[1] - 1, zone))
        days = from_days(uses, _day(now, zone), first_last)
        found.append(Past(subject, zone, days, [by_day[day] for day in days.days]))
    return found


def _day(moment: float, zone: tzinfo) -> date:
    return datetime.fromtimestamp(moment, zone).date()


def _known(manifest: Manifest, items: Sequence[Item]) -> tuple[int, int] | None:
    """The first and the last moment of which there are facts of what is measured; None: there are none."""
    names = set()
    for item in items:
        rule = item.peak
        names.add(
            "sessions"
            if isinstance(rule, SessionRule)
            else "recordings"
            if isinstance(rule, RecordingRule)
            else "ports"
            if isinstance(rule, PortRule)
            else "configuration"
            if rule is None
            else "checkouts"
        )
    parts = [part for name in names for part in manifest.parts.get(name, [])]
    if not parts:
        return None
    first = min(part.first for part in parts)
    if manifest.dropped_before and manifest.closed:
        first = min(first, manifest.closed[0].day * DAY_S)
    return first, max(max(part.last, part.first + 1) for part in parts)


def single_item(site: Site, query: Query, pasts: Sequence[Past]) -> Item:
    """What is measured on the days that count.

    Raises:
        InputError: It is not measured from sessions or recordings, or a bundle changes within these days.
    """
    spans = [(past.rows[0].period.since, past.rows[-1].period.until) for past in pasts if past.rows]
    since, until = min((one for one, _ in spans), default=0), max((one for _, one in spans), default=FOREVER)
    versions = site.versions(query.item)
    ends = [at for at, _ in versions[1:]] + [FOREVER]
    held = [item for (at, item), end in zip(versions, ends, strict=True) if at < until and end > since and item is not None]
    if len(held) > 1:
        changes = ", ".join(f"{_day(at, pasts[0].zone)}" for at, _ in versions if since < at < until)
        raise InputError(
            "The bundle changes within these days.", file="--item", found=query.item, remedy=f"Ask for days without {changes}."
        )
    if not held or not isinstance(held[0].peak, SessionRule | RecordingRule):
        raise InputError(
            "How many seats an item needs is told of what is measured from sessions or recordings.", file="--item", found=query.item
        )
    return held[0]


def counted_times(site: Site, past: Past) -> list[tuple[int, int]]:
    """What counts of the past's days, without what is excluded, in order and without overlaps."""
    pieces = [row.period for row in past.rows]
    return [(edge.at, following.at) for edge, following in pairwise(_marks(site, past.subject, pieces)) if edge.period >= 0]


def _marks(site: Site, subject: Subject, pieces: Sequence[Period]) -> list[Edge]:
    if not pieces:
        return []
    out = site.excluded(subject, pieces[0].since, pieces[-1].until)
    return edges(pieces, [(time.since, time.until) for time in out])


def levels_of(
    warehouse: Warehouse, engine: Engine, report: ReportType, item: Item, site: Site, pasts: Sequence[Past]
) -> dict[Subject, dict[int, tuple[int, int]]]:
    """For each subject: seats in use -> for how many seconds of its days, and how many logins found so many in use.

    Months are worked out one after the other: what is sorted of a month fits into memory.
    """
    manifest = warehouse.manifest()
    alike: dict[tuple[Edge, ...], list[Subject]] = {}
    for past in pasts:
        months: dict[tuple[int, int], list[Period]] = {}
        for day, row in zip(past.days.days, past.rows, strict=True):
            months.setdefault((day.year, day.month), []).append(row.period)
        for pieces in months.values():
            alike.setdefault(tuple(_marks(site, past.subject, pieces)), []).append(past.subject)
    found: dict[Subject, dict[int, tuple[int, int]]] = {past.subject: {} for past in pasts}
    for marks, subjects in alike.items():
        edges_ = [_BEGINNING, *(Edge(edge.at, min(edge.period, 0)) for edge in marks)]
        span = 0, marks[-1].at
        facts = warehouse.facts(engine, manifest, marks[0].at, marks[-1].at)
        times = times_of(numbered([counted(facts, item)], COUNTED), facts, report, subjects, None, span)
        for one in engine.rows(levels(times, cells(len(subjects), edges_))):
            own = found[subjects[one["key"]]]
            seconds, logins = own.get(one["seats"], (0, 0))
            own[one["seats"]] = seconds + one["seconds"], logins + one["logins"]
    return found


def held_of(warehouse: Warehouse, engine: Engine, item: Item, since: int, until: int) -> list[Held]:
    """The sessions of [since, until) that count for an item; open ones last to its end.

    Raises:
        InputError: They are more than USES_MAX.
    """
    facts = warehouse.facts(engine, warehouse.manifest(), since, until)
    rows = counted(facts, item)
    rows = rows.mutate(logout=rows.logout.coalesce(max(until, 1)))
    rows = rows.filter(rows.login < until, rows.logout > since, rows.login < rows.logout)
    count = int(engine.value(rows.count()))
    if count > USES_MAX:
        raise InputError("These are too many sessions to be played again.", file="--from", found=f"{count}", expected=f"at most {USES_MAX}")
    told = engine.rows(rows.select("login", "logout", "seat", "agent", "tenant", "place"))
    return [Held(*row.values()) for row in told]


def members_of(warehouse: Warehouse, engine: Engine, report: ReportType) -> list[Member]:
    """Who belonged to groups of this kind, and when."""
    known = warehouse.facts(engine, warehouse.manifest(), 0, 0).known
    rows = engine.rows(groups(known, report).select("tenant", "group", "member", "since", "until"))
    return sorted(Member(*row.values()) for row in rows if row["member"])


def uses_of(held: Sequence[Held], report: ReportType, subject: Subject, members: Sequence[Member]) -> list[Use]:
    """The sessions of a subject, as times of seats; of a group, what of them lies in the times of membership."""
    if subject.group is None:
        return [Use(*one[:4]) for one in held if subject.tenant in {None, one.tenant}]
    by_name: Mapping[str, list[Member]] = _by_name(members, subject)
    column = GROUP_KINDS[report]
    found = []
    for one in held:
        for member in by_name.get(one.agent if column == "agent" else one.place, ()) if one.tenant == subject.tenant else ():
            since, until = max(one.since, member.since), min(one.until, member.until)
            if since < until:
                found.append(Use(since, until, one.seat, one.agent))
    return found


def _by_name(members: Sequence[Member], subject: Subject) -> dict[str, list[Member]]:
    found: dict[str, list[Member]] = {}
    for member in members:
        if (member.tenant, member.group) == (subject.tenant, subject.group):
            found.setdefault(member.member, []).append(member)
    return found
