"""Rows of an ICON database become facts: who was logged in when, who belonged to which group, when an ICON stopped to observe.

An ICON writes a row of G_LOGIN_SESSION at login and ends it at logout, and rows of GX_SESSION_ENDPOINT that say which devices, queues
and media belong to the session (facts, LRM 2). Everything else there is a DBID that a GC_ table names.

Two ICONs that watch the same switch write the same session, with the same GUID, each into its own database; so does one ICON that is
told something again. The warehouse makes one fact of them. An ICON that dies leaves its sessions open. Each row says in which
data-source session it was written, so that session is what observes, `icon-north#17`, and its end is a fact: what stayed open in it
ended then, unless the other ICON of the pair goes on seeing it.

Names are made unique, since they are so only within a switch or a tenant: a DN is `4711@switch`, a place `P12@tenant`. In a SIP cluster
there is neither place nor login nor DN, and its endpoint is 0 of type 1; an endpoint 0 of type 0 is Interaction Server's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ibis
import msgspec

from seatkeeper.usage.facts import LIST_BAR, PART_BAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ibis.expr.types import Column, StringColumn, Table

__all__ = ["MEDIA", "IdbOptions", "configuration_facts", "dn_name", "ends_of", "holes_of", "place_name", "session_facts"]

#: Media types by their codes, in the order of the T-Library's list; a site can name others.
MEDIA: Final[dict[str, str]] = {
    "0": "voice",
    "1": "voice",
    "2": "email",
    "3": "voicemail",
    "4": "email",
    "5": "chat",
    "6": "video",
    "10": "webform",
    "11": "workitem",
    "12": "callback",
    "13": "fax",
    "14": "chat",
    "17": "sms",
}
#: Types of DN endpoints: 0 is Interaction Server's.
_NO_DN: Final = 0
_AGENT_GROUP: Final = 1
_PLACE_GROUP: Final = 2
_IS_AGENT: Final = 2
_ENABLED: Final = 1
#: Of rows that are deleted.
_INACTIVE: Final = 2


class IdbOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What differs from one ICON database to the next.

    Attributes:
        media_column: The column of GX_SESSION_ENDPOINT with a session's media; empty: MediaType, else GSYS_EXT_INT1.
        media: What it has in it -> the medium, beside MEDIA.
        client_column: The column of G_LOGIN_SESSION with the program that an agent works with; empty: none.
        client: What agents work with where that column says nothing.
        sip_types: Switch types that are SIP switches.
        network_types: ... that are networks.
        other_types: ... to which no phone is connected. All others are premise switches.
        data_sources: The table of data-source sessions.
        groups: Take the history of agent groups and place groups.
        campaigns: Take the times at which campaign groups were loaded.
        capabilities: Take who is an agent and has which logins; where there is no Configuration Server to ask.
    """

    media_column: str = ""
    media: dict[str, str] = {}
    client_column: str = ""
    client: str = ""
    # SIPSwitch; SIPNetworkSwitch; VirtualSwitchIIF and MultimediaSwitch (facts, LRM 4: by position, to be checked against G_DICTIONARY).
    sip_types: tuple[int, ...] = (72,)
    network_types: tuple[int, ...] = (75,)
    other_types: tuple[int, ...] = (34, 63)
    data_sources: str = "G_DSS_GLS_PROVIDER"
    groups: bool = True
    campaigns: bool = True
    capabilities: bool = False


def dn_name(number: Any, switch: Any) -> Any:
    """A DN, unique among all switches; texts or columns."""
    return number + "@" + switch


def place_name(name: Any, tenant: Any) -> Any:
    """A place, unique among all tenants; texts or columns."""
    return name + "@" + tenant


def _tenants(raw: Mapping[str, Table]) -> Table:
    tenants = raw["tenants"]
    return tenants.select(tenant_id=tenants.id, tenant=tenants.name)


def _agents(raw: Mapping[str, Table]) -> Table:
    agents = raw["agents"]
    return agents.select(agent_id=agents.id, agent=agents.name, agent_tenant=agents.tenant_id)


def _switches(raw: Mapping[str, Table], options: IdbOptions) -> Table:
    switches = raw["switches"]
    kind = ibis.cases(
        (switches.type.isin(options.sip_types), "sip"),
        (switches.type.isin(options.network_types), "network"),
        (switches.type.isin(options.other_types), ""),
        else_="premise",
    )
    return switches.select(switch_id=switches.id, switch=switches.name, switch_kind=kind)


def _devices(raw: Mapping[str, Table]) -> Table:
    """DNs with their names; one of an unknown switch has its number only."""
    switches = raw["switches"]
    devices = raw["endpoints"].left_join(switches, raw["endpoints"].switch_id == switches.id)
    return devices.select(
        device_id=devices.id,
        dn=switches.name.isnull().ifelse(raw["endpoints"].dn, dn_name(raw["endpoints"].dn, switches.name)),
        device_switch=raw["endpoints"].switch_id,
    )


def _places(raw: Mapping[str, Table]) -> Table:
    tenants = raw["tenants"]
    places = raw["places"]
    both = places.left_join(tenants, places.tenant_id == tenants.id)
    return both.select(
        place_id=places.id,
        place=tenants.name.isnull().ifelse(places.name, place_name(places.name, tenants.name)),
        place_tenant=places.tenant_id,
    )


def _listed(rows: Table, word: str, name: str) -> Table:
    """Session and list: its words, each once, sorted, between bars."""
    words = rows.filter(rows[word] != "").select("session_id", word=rows[word]).distinct()
    grouped = words.group_by("session_id").aggregate(words=words.word.group_concat(LIST_BAR, order_by=words.word))
    return grouped.select("session_id", **{name: LIST_BAR + grouped.words + LIST_BAR})


def _media(column: StringColumn, options: IdbOptions) -> StringColumn:
    code = column.strip().lower()
    known = {**MEDIA, **options.media}
    # A word stands for itself, an unknown code for a medium that nobody has named.
    unknown = code.re_search("^[0-9]+$").ifelse("media-" + code, code)
    return code.cases(*sorted(known.items()), else_=unknown).fill_null("")


def session_facts(raw: Mapping[str, Table], source: str, options: IdbOptions) -> Table:
    """Login sessions, as facts.

    Args:
        raw: `sessions`, `associations` (of GX_SESSION_ENDPOINT), `tenants`, `agents`, `places`, `endpoints`, `switches`, `logins`.
        source: What the database is called.
        options: Of this database.
    """
    used = raw["associations"]
    devices = _devices(raw)
    spoken = (used.endpoint_id > 0) | (used.endpoint_type != _NO_DN)
    used = used.mutate(word=spoken.ifelse("voice", _media(used.media, options)))
    media = _listed(used, "word", "media")
    queues = used.inner_join(devices, used.queue_id == devices.device_id).select(used.session_id, queue=devices.dn)
    queues = _listed(queues, "queue", "queues")
    about = used.group_by("session_id").aggregate(
        # The first device where the session itself names none; a cluster has none, and speaks.
        device=used.endpoint_id.min(where=used.endpoint_id > 0),
        cluster=((used.endpoint_id == 0) & (used.endpoint_type != _NO_DN)).any(),
    )
    rows = raw["sessions"]
    rows = rows.left_join(about, "session_id").drop("session_id_right")
    rows = rows.mutate(device_id=rows.device_id.nullif(0).coalesce(rows.device))
    agents, places, logins = _agents(raw), _places(raw), raw["logins"].select(login_id="id", login_switch="switch_id")
    rows = rows.left_join(agents, "agent_id").drop("agent_id_right")
    rows = rows.left_join(places, "place_id").drop("place_id_right")
    rows = rows.left_join(devices, "device_id").drop("device_id_right")
    rows = rows.left_join(logins, "login_id").drop("login_id_right")
    rows = rows.mutate(
        switch_id=rows.switch_id.nullif(0).coalesce(rows.device_switch, rows.login_switch),
        tenant_id=rows.tenant_id.nullif(0).coalesce(rows.agent_tenant, rows.place_tenant),
    )
    switches = _switches(raw, options)
    rows = rows.left_join(switches, "switch_id").drop("switch_id_right")
    rows = rows.left_join(_tenants(raw), "tenant_id").drop("tenant_id_right")
    rows = rows.left_join(media, "session_id").drop("session_id_right")
    rows = rows.left_join(queues, "session_id").drop("session_id_right")
    speaks = rows.device_id.notnull() | (rows.login_id > 0) | rows.cluster.fill_null(False)
    return rows.select(
        source=LIST_BAR + _observer(source, rows.domain) + LIST_BAR,
        session_id=rows.session_id,
        tenant=_named(rows.tenant, rows.tenant_id, "tenant"),
        agent=_named(rows.agent, rows.agent_id, "person"),
        place=_named(rows.place, rows.place_id, "place"),
        dn=_named(rows.dn, rows.device_id, "DN"),
        switch_kind=rows.switch_kind.coalesce(rows.cluster.fill_null(False).ifelse("sip", "")),
        media=rows.media.coalesce(speaks.ifelse(f"{LIST_BAR}voice{LIST_BAR}", "")),
        client=rows.client.strip().lower().nullif("").coalesce(options.client.lower()),
        queues=rows.queues.fill_null(""),
        login=rows.created,
        logout=(rows.terminated < rows.created).ifelse(rows.created, rows.terminated),
        estimated=ibis.literal(False),
    )


def _named(name: StringColumn, number: Column, what: str) -> StringColumn:
    """The name; what has none, since its row was never written, is called by its DBID."""
    return name.nullif("").coalesce((number > 0).ifelse(f"{what} " + number.cast("string"), ""), "")


def _observer(source: str, domain: Column) -> StringColumn:
    return (domain > 0).ifelse(f"{source}{PART_BAR}" + domain.cast("string"), source).coalesce(source)


def configuration_facts(raw: Mapping[str, Table], source: str, options: IdbOptions) -> Table | None:
    """What the database knows of configuration, as facts; None where nothing of it is wanted.

    Args:
        raw: As for sessions, and `groups`, `group_agents`, `group_places`, `campaigns`, `group_queues`, `agent_logins`.
        source: What the database is called.
        options: Of this database.
    """
    parts: list[Table] = []
    if options.groups:
        parts += [_members(raw, "agent-group"), _members(raw, "place-group")]
    if options.campaigns:
        parts.append(_campaigns(raw))
    if options.capabilities:
        parts += _capabilities(raw, options)
    if not parts:
        return None
    rows = parts[0].union(*parts[1:]) if len(parts) > 1 else parts[0]
    rows = rows.mutate(source=ibis.literal(source), tenant=rows.tenant.fill_null(""), detail=rows.detail.fill_null(""))
    columns = ("source", "tenant", "kind", "name", "detail", "since", "until")
    return rows.filter(rows.until.isnull() | (rows.until > rows.since)).select(*columns)


def _members(raw: Mapping[str, Table], kind: str) -> Table:
    groups = raw["groups"].inner_join(_tenants(raw), "tenant_id")
    if kind == "agent-group":
        people = _agents(raw).select(member_id="agent_id", member="agent")
        of_kind, members = _AGENT_GROUP, raw["group_agents"].inner_join(people, "member_id")
    else:
        places = _places(raw).select(member_id="place_id", member="place")
        of_kind, members = _PLACE_GROUP, raw["group_places"].inner_join(places, "member_id")
    both = members.inner_join(groups.filter(groups.type == of_kind), "group_id")
    return both.select("tenant", kind=ibis.literal(kind), name=both.name, detail=both.member, since=both.since, until=both.until)


def _campaigns(raw: Mapping[str, Table]) -> Table:
    """A loaded campaign group, with each queue of its group and each place of it; its own name where it has neither."""
    groups = raw["groups"].inner_join(_tenants(raw), "tenant_id").select("group_id", "tenant", group="name")
    loaded = raw["campaigns"].inner_join(groups, "group_id")
    queues = raw["group_queues"].inner_join(_devices(raw), "device_id").select("group_id", detail="dn")
    places = raw["group_places"].inner_join(_places(raw), [("member_id", "place_id")]).select("group_id", detail="place")
    at = loaded.left_join(queues.union(places).distinct(), "group_id")
    return at.select("tenant", kind=ibis.literal("campaign"), name=at.group, detail=at.detail, since=at.since, until=at.until)


def _capabilities(raw: Mapping[str, Table], options: IdbOptions) -> list[Table]:
    people = raw["agents"].inner_join(_tenants(raw), "tenant_id")
    gone = (people.status == _INACTIVE) | (people.state != _ENABLED)
    people = people.filter(people.type == _IS_AGENT).select(
        "tenant",
        agent_id=people.id,
        person=people.name,
        born=people.since,
        # Whoever is disabled is so since the last change.
        died=people.until.coalesce(gone.ifelse(people.changed, ibis.null("int64"))),
    )
    agents = people.select(
        "tenant", kind=ibis.literal("agent"), name=people.person, detail=ibis.literal("agent"), since=people.born, until=people.died
    )
    logins = raw["logins"].select(login_id="id", switch_id="switch_id").inner_join(_switches(raw, options), "switch_id")
    had = raw["agent_logins"].inner_join(logins, "login_id").inner_join(people, "agent_id")
    had = had.mutate(since=ibis.greatest(had.since, had.born), until=ibis.least(had.until.coalesce(had.died), had.died.coalesce(had.until)))
    each = had.filter(had.switch_kind != "").select(
        "tenant", kind=ibis.literal("agent"), name=had.person, detail=had.switch_kind, since=had.since, until=had.until
    )
    any_switch = had.select(
        "tenant", kind=ibis.literal("agent"), name=had.person, detail=ibis.literal("login"), since=had.since, until=had.until
    )
    return [agents, each, any_switch.distinct()]


def ends_of(sessions: Iterable[Mapping[str, Any]], source: str) -> list[dict[str, Any]]:
    """When data-source sessions ended, as facts; one that was followed by another of the same provider has ended by then.

    Args:
        sessions: Rows with `id`, `provider`, `since`, `until`.
        source: What the database is called.
    """
    return [{"source": f"{source}{PART_BAR}{row['id']}", "ended": until} for row, until in _followed(sessions) if until is not None]


def holes_of(sessions: Iterable[Mapping[str, Any]], since: int, until: int) -> list[tuple[int, int]]:
    """The times in [since, until) in which a provider was not observed though it had been: between two of its data-source sessions."""
    found: list[tuple[int, int]] = []
    by_provider: dict[Any, list[tuple[int, int]]] = {}
    for row, end in _followed(sessions):
        last = row["until"] if row["until"] is not None else until if end is None else end
        by_provider.setdefault(row["provider"], []).append((row["since"], last))
    for times in by_provider.values():
        seen = min(begin for begin, _ in times)
        for begin, end in sorted(times):
            found.append((seen, begin))
            seen = max(seen, end)
        found.append((seen, until))
    cut = [(max(begin, since), min(end, until)) for begin, end in found]
    return sorted({(begin, end) for begin, end in cut if begin < end})


def _followed(sessions: Iterable[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int | None]]:
    """Each data-source session that has begun, with its end: its own, else the beginning of the next one."""
    found: list[tuple[Mapping[str, Any], int | None]] = []
    following: dict[Any, int] = {}
    for row in sorted((row for row in sessions if row["since"] is not None), key=lambda row: row["since"], reverse=True):
        after = following.get(row["provider"])
        ends = [each for each in (row["until"], after) if each is not None]
        found.append((row, min(ends, default=None)))
        following[row["provider"]] = row["since"]
    return found[::-1]
