"""Which seat a session takes, and when, for whom it counts: the rows that peaks are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ibis
import msgspec

from seatkeeper.usage.facts import LIST_BAR, entries
from seatkeeper.usage.measures import CLIENTS, MEDIA_KNOWN, SessionRule

if TYPE_CHECKING:
    from ibis.expr.types import BooleanValue, StringValue, Table

    from seatkeeper.usage.measures import EnabledRule, Item

__all__ = ["FOREVER", "Known", "configured", "during", "lacking", "qualifying", "recorded", "seat_of"]

#: Later than all that is observed, in UTC seconds: the year 2242.
FOREVER: Final = 1 << 33


class Known(msgspec.Struct, frozen=True):
    """What is known of the configuration.

    Attributes:
        configuration: Its facts.
        kinds: The kinds that it has facts of at all.
    """

    configuration: Table
    kinds: frozenset[str]


def seat_of(sessions: Table) -> StringValue:
    """The seat: the place, else the DN, else the agent; where nothing of this is known, every session is a seat of its own.

    A place is one seat, whatever its DNs are doing (facts, LRM 1.2); the agent stands for it where a SIP cluster tells neither.
    """
    return ibis.cases(
        (sessions.place != "", "place " + sessions.place),
        (sessions.dn != "", "DN " + sessions.dn),
        (sessions.agent != "", "agent " + sessions.agent),
        else_="session " + sessions.session_id,
    )


def lacking(item: Item, kinds: frozenset[str]) -> str:
    """What must be known for a figure and is not, in words; empty where nothing is missing."""
    if isinstance(item.peak, SessionRule) and _asks_campaigns(item.peak) and "campaign" not in kinds:
        return "no campaign group is known"
    return ""


def _asks_campaigns(rule: SessionRule) -> bool:
    return rule.campaign or any(_asks_campaigns(each) for each in (*rule.any_of, *rule.none_of))


def qualifying(sessions: Table, rule: SessionRule, known: Known) -> Table:
    """The sessions that count by a rule, with their `seat`; a session counts as a whole or not at all."""
    conditions: list[BooleanValue] = []
    if rule.media:
        conditions.append(ibis.or_(*[sessions.media.contains(f"{LIST_BAR}{word}{LIST_BAR}") for word in rule.media]))
    if rule.other_media:
        conditions.append(_others(sessions.media).length() > 1)
    if rule.clients:
        conditions.append(sessions.client.isin(_spellings(rule.clients)))
    if rule.not_clients:
        conditions.append(~sessions.client.isin(_spellings(rule.not_clients)))
    tenants_known = rule.tenant_system and "system" in known.kinds
    if rule.switch and not tenants_known:
        conditions.append(sessions.switch_kind.isin([rule.switch, *([""] if rule.unknown_switch else [])]))
    if rule.place_or_voice:
        conditions.append((sessions.place != "") | sessions.media.contains(f"{LIST_BAR}voice{LIST_BAR}"))
    counted = sessions.filter(conditions) if conditions else sessions
    counted = counted.mutate(seat=seat_of(counted))
    if rule.capability and "agent" in known.kinds:
        able = _rows(known, "agent").filter(ibis._.detail == rule.capability)
        counted = _while(counted, able, [("agent", "name"), ("tenant", "tenant")])
    if rule.system and "system" in known.kinds:
        counted = _while(counted, _rows(known, "system").filter(ibis._.name == rule.system), [])
    if tenants_known:
        counted = _while(counted, _rows(known, "system").filter(ibis._.name == rule.tenant_system), [("tenant", "tenant")])
    if rule.campaign:
        counted = _at_campaign(counted, _rows(known, "campaign"))
    if rule.any_of:
        first, *others = [qualifying(sessions, each, known).select("session_id") for each in rule.any_of]
        counted = counted.semi_join(first.union(*others) if others else first, "session_id")
    for each in rule.none_of:
        counted = counted.anti_join(qualifying(sessions, each, known), "session_id")
    return counted


def _spellings(clients: tuple[str, ...]) -> list[str]:
    return [word for client in clients for word in CLIENTS.get(client, (client,))]


def _others(media: StringValue) -> StringValue:
    """The list without the media that have an item of their own: only its first bar where none is left."""
    for word in MEDIA_KNOWN:
        media = media.replace(f"{LIST_BAR}{word}{LIST_BAR}", LIST_BAR)
    return media


def _rows(known: Known, kind: str) -> Table:
    rows = known.configuration
    return rows.filter(rows.kind == kind)


def _while(sessions: Table, rows: Table, same: list[tuple[str, str]]) -> Table:
    """The sessions that have a row at some time between login and logout, equal in these pairs of columns."""
    return sessions.semi_join(
        rows,
        [
            *[sessions[ours] == rows[theirs] for ours, theirs in same],
            rows.since < sessions.logout.coalesce(FOREVER),
            rows.until.coalesce(FOREVER) > sessions.login,
        ],
    )


def _at_campaign(sessions: Table, groups: Table) -> Table:
    """The sessions of a queue or place of a campaign group of their tenant that was loaded meanwhile, or of the group itself."""
    about = ("session_id", "tenant", "login", "logout")
    queues = sessions.select(*about, place=entries(sessions.queues).unnest())
    at = queues.union(sessions.select(*about, "place")).filter(ibis._.place != "")
    by_detail = _while(at, groups, [("tenant", "tenant"), ("place", "detail")])
    by_name = _while(at, groups, [("tenant", "tenant"), ("place", "name")])
    return sessions.semi_join(by_detail.union(by_name), "session_id")


def during(counted: Table, members: Table, member: str) -> Table:
    """What of the sessions lies in the times of membership, with the group's `key`, and the sessions' `number`.

    Args:
        counted: Sessions, with `seat` and `number`.
        members: Columns `key`, `tenant`, `member`, `since`, `until`.
        member: The column of the sessions that holds the member.
    """
    both = counted.inner_join(
        members,
        [
            counted[member] == members.member,
            counted.tenant == members.tenant,
            members.since < counted.logout.coalesce(FOREVER),
            members.until > counted.login,
        ],
    )
    return both.select(
        members.key,
        counted.number,
        counted.seat,
        login=ibis.greatest(counted.login, members.since),
        logout=ibis.least(counted.logout.coalesce(FOREVER), members.until),
    )


def recorded(recordings: Table) -> Table:
    """Recordings, each as a seat of its own, with the columns of sessions that reports use."""
    return recordings.select("tenant", "agent", seat=recordings.recording_id, login=recordings.started, logout=recordings.ended)


def configured(rule: EnabledRule, known: Known) -> Table:
    """What counts as enabled: columns `tenant`, `agent`, `seat`, `login`, `logout`, as sessions have them.

    An object with several qualifying capabilities is counted once, while it has any of them.
    """
    rows = _rows(known, rule.kind)
    conditions: list[BooleanValue] = []
    if rule.details:
        conditions.append(rows.detail.isin(rule.details))
    if rule.not_details:
        conditions.append(~rows.detail.isin([*rule.not_details, ""]))
    found = rows.filter(conditions) if conditions else rows
    found = found.select("tenant", agent=found.name, seat=found.tenant + LIST_BAR + found.name, login=found.since, logout=found.until)
    if rule.unless:
        found = _without(found, _rows(known, rule.kind).filter(ibis._.detail.isin(rule.unless)))
    if rule.system and "system" in known.kinds:
        found = _clipped(found, _rows(known, "system").filter(ibis._.name == rule.system), tenant=False)
    if rule.tenant_system and "system" in known.kinds:
        found = _clipped(found, _rows(known, "system").filter(ibis._.name == rule.tenant_system), tenant=True)
    return found


def _without(found: Table, others: Table) -> Table:
    """What lies in none of the times of the others that are about the same object."""
    ends = others.select("tenant", "name", "since", until=others.until.coalesce(FOREVER))
    of_object = {"group_by": ["tenant", "name"], "order_by": ["since", "until"], "rows": (None, -1)}
    # Free is what lies between the latest end so far and the next beginning, and what comes after all.
    between = ends.select("tenant", "name", since=ends.until.max().over(ibis.window(**of_object)).coalesce(0), until=ends.since)
    after = ends.group_by("tenant", "name").aggregate(since=ends.until.max())
    free = between.union(after.mutate(until=ibis.literal(FOREVER, "int64")))
    never = found.anti_join(ends, [found.tenant == ends.tenant, found.agent == ends.name])
    return never.union(_clipped(found, free.filter(free.since < free.until), tenant=True, name=True))


def _clipped(found: Table, rows: Table, *, tenant: bool, name: bool = False) -> Table:
    """What lies in the times of the rows, of the same tenant and of the same name where that matters."""
    ends = found.logout.coalesce(FOREVER)
    until = rows.until.coalesce(FOREVER)
    same = [found.tenant == rows.tenant] if tenant else []
    if name:
        same.append(found.agent == rows.name)
    both = found.inner_join(rows, [*same, rows.since < ends, until > found.login])
    return both.select(found.tenant, found.agent, found.seat, login=ibis.greatest(found.login, rows.since), logout=ibis.least(ends, until))
