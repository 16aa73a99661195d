"""What would have been with other seats, a group elsewhere, at other hours or without its shifts' overlap: before and after, side by side.

A session belongs to a group if its agent, or its place, did when it began; then all of it is moved. Who comes an hour later shares no
seat with those who were there at that hour: two people on one chair are two seats. A move to another tenant changes no seat, so the
system's figures stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import nearest_sentence
from seatkeeper.lrm.plan import Held, Member, counted_times, held_of, members_of, past_of, single_item, uses_of
from seatkeeper.usage.reports import GROUP_KINDS
from seatkeeper.usage.whatif import Denials, Use, denials, joined, replay, without_overlaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.plan import Past
    from seatkeeper.lrm.report import Query
    from seatkeeper.lrm.site import Site
    from seatkeeper.usage.reports import ReportType, Subject

__all__ = ["Change", "Happened", "WhatIf", "what_if"]


class Change(msgspec.Struct, frozen=True):
    """What is changed, in this order: groups, then seats.

    Attributes:
        move: Groups, and the tenant to which each one's sessions go.
        shift: Groups, and by how many seconds each one's sessions are later.
        without_overlap: Groups whose shifts do not overlap any more.
        handover_s: How long a handover of those takes at most.
        seats: So many seats; None: as the limit has it.
        more: So many seats more than the limit has, or fewer.
    """

    move: tuple[tuple[str, str], ...] = ()
    shift: tuple[tuple[str, int], ...] = ()
    without_overlap: tuple[str, ...] = ()
    handover_s: int = 1800
    seats: int | None = None
    more: int = 0


class Happened(msgspec.Struct, frozen=True):
    """What happened, or would have.

    Attributes:
        peak: The most seats that were wanted at once.
        peak_time: The last second of it.
        seats: How many there were on the last day; None where there is no limit.
        over: By how many more were wanted, at most; None as before.
        over_s: For how many seconds.
        denials: Who would have been denied.
    """

    peak: int
    peak_time: int | None
    seats: int | None
    over: int | None
    over_s: int | None
    denials: Denials | None


class WhatIf(msgspec.Struct, frozen=True):
    """Before and after, of one whom it is about; None where no day counts."""

    past: Past
    before: Happened | None
    after: Happened | None


def what_if(warehouse: Warehouse, engine: Engine, query: Query, site: Site, now: float, change: Change) -> list[WhatIf]:
    """Before and after, for each subject of the query, a daily report.

    Raises:
        InputError: As `lrm.report.report`; a group or tenant is not known; or there is no limit that could be changed.
    """
    pasts = past_of(warehouse, engine, query, site, now, detail=True)
    item = single_item(site, query, pasts)
    known = [past for past in pasts if past.rows]
    reach = max((abs(by) for _, by in change.shift), default=0)
    since = min((past.rows[0].period.since for past in known), default=0) - reach
    until = max((past.rows[-1].period.until for past in known), default=0) + reach
    held = held_of(warehouse, engine, item, since, until) if known else []
    after = _changed(warehouse, engine, query, held, change)
    members = members_of(warehouse, engine, query.report) if query.report in GROUP_KINDS else []
    if query.report in GROUP_KINDS and change.move:
        # Who works for another tenant belongs to none of its groups; what was moved is gone from those of its own.
        raise InputError("A move is told of tenants or of the system.", file="--type", found=query.report, expected="tenant or system")
    told = []
    for past in pasts:
        if not past.rows:
            told.append(WhatIf(past, None, None))
            continue
        counts = counted_times(site, past)
        steps = _steps(site, query, past)
        changed = _with_change(steps, change, past.subject)
        told.append(
            WhatIf(
                past,
                _happened(uses_of(held, query.report, past.subject, members), counts, steps, past),
                _happened(uses_of(after, query.report, past.subject, members), counts, changed, past),
            )
        )
    return told


def _steps(site: Site, query: Query, past: Past) -> list[tuple[int, int | None]]:
    item = next(item for _, item in reversed(site.versions(query.item)) if item is not None)
    steps = site.limits(item, query.report, [past.subject])[0]
    return [(step.at, None if step.limit is None or step.limit.measure != "peak" else step.limit.count) for step in steps]


def _with_change(steps: Sequence[tuple[int, int | None]], change: Change, subject: Subject) -> list[tuple[int, int | None]]:
    if change.seats is not None:
        return [(0, change.seats)]
    if change.more and all(seats is None for _, seats in steps):
        whose = subject.group or subject.tenant or "the system"
        raise InputError(f"There is no limit of {whose}, to which seats could be added.", file="--seats", remedy="Say how many there are.")
    return [(at, None if seats is None else max(0, seats + change.more)) for at, seats in steps]


def _happened(held: Sequence[Use], counts: Sequence[tuple[int, int]], steps: Sequence[tuple[int, int | None]], past: Past) -> Happened:
    told = replay(joined(held), counts, steps)
    last = past.rows[-1].period.since
    seats = next((seats for at, seats in reversed(steps) if at <= last), None)
    if all(pool is None for _, pool in steps):
        return Happened(told.peak, told.peak_time, None, None, None, None)
    return Happened(told.peak, told.peak_time, seats, told.over, told.over_s, denials(told, past.zone))


def _changed(warehouse: Warehouse, engine: Engine, query: Query, held: Sequence[Held], change: Change) -> list[Held]:
    """The sessions after what is changed about groups."""
    names = [name for name, _ in (*change.move, *change.shift)] + list(change.without_overlap)
    groups = {name: _group(warehouse, engine, name, query.tenant) for name in dict.fromkeys(names)}
    tenants = warehouse.manifest().tenants
    now = list(held)
    for name, tenant in change.move:
        if tenant not in tenants:
            near = nearest_sentence(tenant, tenants)
            raise InputError("There are no data of this tenant.", file="--move", found=tenant, remedy=near)
        now = [one._replace(tenant=tenant) if inside else one for one, inside in _inside(now, *groups[name])]
    for name, by in change.shift:
        now = [
            one._replace(since=one.since + by, until=one.until + by, seat=f"{name}: {one.seat}") if inside else one
            for one, inside in _inside(now, *groups[name])
        ]
    for name in change.without_overlap:
        split = _inside(now, *groups[name])
        now = [one for one, inside in split if not inside] + _cut([one for one, inside in split if inside], change.handover_s)
    return now


def _group(warehouse: Warehouse, engine: Engine, name: str, tenant: str | None) -> tuple[ReportType, list[Member]]:
    """What kind of group has the name, and who belonged to it when.

    Raises:
        InputError: There is none, or several tenants have one.
    """
    known: set[str] = set()
    for report in GROUP_KINDS:
        kind: ReportType = "agent-group" if report == "agent-group" else "place-group"
        members = members_of(warehouse, engine, kind)
        known |= {member.group for member in members}
        own = [member for member in members if member.group == name]
        whose = {member.tenant for member in own}
        if len(whose) > 1:
            own = [member for member in own if member.tenant == tenant]
        if own:
            return kind, own
        if whose:
            raise InputError(
                "Several tenants have a group of this name.", file="--tenant", expected=f"one of {', '.join(sorted(whose))}", found=name
            )
    raise InputError("There is no such group.", file="GROUP", found=name, remedy=nearest_sentence(name, sorted(known)))


def _inside(held: Sequence[Held], kind: ReportType, members: Sequence[Member]) -> list[tuple[Held, bool]]:
    """Each session, and whether it belonged to the group when it began."""
    by_name: dict[tuple[str, str], list[Member]] = {}
    for member in members:
        by_name.setdefault((member.tenant, member.member), []).append(member)
    by_agent = GROUP_KINDS[kind] == "agent"
    return [
        (
            one,
            any(member.since <= one.since < member.until for member in by_name.get((one.tenant, one.agent if by_agent else one.place), ())),
        )
        for one in held
    ]


def _cut(held: Sequence[Held], handover_s: int) -> list[Held]:
    """The sessions of a group, each agent's on one seat joined, without the overlap of shifts."""
    places = {(one.seat, one.agent): one for one in held}
    each = joined(Use(one.since, one.until, f"{one.seat}\0{one.agent}", one.agent) for one in held)
    cut = []
    for use in without_overlaps(each, handover_s):
        seat = use.seat.rpartition("\0")[0]
        about = places[seat, use.agent]
        cut.append(about._replace(since=use.since, until=use.until))
    return cut
