"""A simulated month as ICON databases have it: tables, columns and DBIDs like the real ones, rows like those that ICONs wrote.

`TABLES` is the part of the Interaction Database that has to do with logins (facts, LRM 2). `icon_rows` gives, for one ICON, what it
wrote: every object by its DBID, sessions with their endpoints, and its data-source sessions. Times are UTC seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.sim.center import GROUPS
from seatkeeper.sim.month import CLUSTER, campaign_times, site_kind
from seatkeeper.sim.truth import client_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seatkeeper.sim.month import Crash, Login, Month

__all__ = ["ICONS", "MEDIA_CODES", "MULTIMEDIA", "NEWCOMERS", "SWITCH_TYPES", "TABLES", "Directory", "Rows", "directory_of", "icon_rows"]

#: Table -> column -> list of values, all of one length.
Rows = dict[str, dict[str, list[Any]]]

#: The ICONs: two at the switches, which are a pair, and one at Interaction Server.
ICONS: Final = ("voice-a", "voice-b", "media")
#: The switch of Interaction Server.
MULTIMEDIA: Final = "multimedia"
#: What is in GSYS_EXT_INT1 of an endpoint of Interaction Server.
MEDIA_CODES: Final = {"email": 2, "chat": 5, "custom": 100}
SWITCH_TYPES: Final = {"premise": 1, "sip": 72, CLUSTER: 72, "multimedia": 63}
#: People who belong to this group of their tenant until the middle of the month.
NEWCOMERS: Final = "newcomers"
_NEWCOMER_ONE_IN: Final = 40
_NEWCOMER_DAYS: Final = 14
_NEWCOMER_SECONDS: Final = 15 * 3600
#: One session in so many was told twice.
_REPLAY_ONE_IN: Final = 50
#: The objects are older than the month.
_BEFORE_S: Final = 30 * 86_400

_WHEN: Final = {"created": "timestamp", "created_ts": "integer", "created_tcode": "integer"}
_TERMINATED: Final = {"terminated": "timestamp", "terminated_ts": "integer", "terminated_tcode": "integer"}
_DELETED: Final = {"deleted": "timestamp", "deleted_ts": "integer", "deleted_tcode": "integer"}
_CHANGED: Final = {"lastchange": "timestamp", "lastchange_ts": "integer", "lastchange_tcode": "integer"}
_TAIL: Final = {
    "gsys_domain": "integer",
    "gsys_partition": "integer",
    "gsys_sys_id": "integer",
    "gsys_seq": "bigint",
    "gsys_useq": "bigint",
    "gsys_ts": "timestamp",
    "gsys_tc": "integer",
    "gsys_ext_vch1": "varchar(255)",
    "gsys_ext_vch2": "varchar(255)",
    "gsys_ext_int1": "integer",
    "gsys_ext_int2": "integer",
}
_STATUS: Final = {"state": "integer", "status": "integer", **_WHEN, **_DELETED, **_CHANGED, **_TAIL}
_LINK: Final = {"id": "bigserial primary key", "status": "integer", **_WHEN, **_DELETED, **_TAIL}


def _integers(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "integer")


#: Table -> column -> PostgreSQL type.
TABLES: Final[dict[str, dict[str, str]]] = {
    "g_login_session": {
        "id": "bigserial primary key",
        "loginsessionid": "varchar(50) not null",
        **_integers("agentid", "loginid", "placeid", "state", "primarydeviceid", "switchid", "tenantid"),
        **_WHEN,
        **_TERMINATED,
        **_TAIL,
    },
    "gx_session_endpoint": {
        "id": "bigserial primary key",
        **_integers("agentid", "endpointid", "endpointtype", "queueid", "queuetype", "placeid"),
        "loginsessionid": "varchar(50) not null",
        "state": "integer",
        **_WHEN,
        **_TERMINATED,
        **_TAIL,
    },
    "gc_tenant": {"id": "integer", "folderid": "integer", "name": "varchar(255) not null", **_STATUS},
    "gc_agent": {
        **_integers("id", "tenantid", "folderid"),
        "username": "varchar(255) not null",
        "firstname": "varchar(64)",
        "lastname": "varchar(64)",
        "employeeid": "varchar(64)",
        "email": "varchar(255)",
        **_integers("type", "placeid"),
        **_STATUS,
    },
    "gc_place": {**_integers("id", "tenantid", "folderid"), "name": "varchar(255) not null", **_STATUS},
    "gc_switch": {**_integers("id", "tenantid", "folderid"), "name": "varchar(255) not null", **_integers("type", "linktype"), **_STATUS},
    "gc_endpoint": {**_integers("id", "tenantid", "switchid"), "dn": "varchar(255) not null", "type": "integer", **_STATUS},
    "gc_login": {"id": "integer", "logincode": "varchar(255)", **_integers("tenantid", "switchid", "folderid"), **_STATUS},
    "gc_group": {
        "id": "integer",
        "name": "varchar(255) not null",
        **_integers("tenantid", "folderid", "type", "dngrouptype"),
        "script": "varchar(1024)",
        **_STATUS,
    },
    "gcx_group_agent": {**_integers("groupid", "agentid"), **_LINK},
    "gcx_group_place": {**_integers("groupid", "placeid"), **_LINK},
    "gcx_group_routedn": {**_integers("groupid", "endpointid"), **_LINK},
    "gcx_login_info": {**_integers("loginid", "agentid", "wrapuptime"), **_LINK},
    "go_campaign": {"id": "bigserial primary key", **_integers("campaignid", "groupid"), **_WHEN, **_TERMINATED, **_TAIL},
    "g_dss_gls_provider": {
        "id": "bigserial primary key",
        "dss_id": "integer",
        "providertag": "varchar(255)",
        **_WHEN,
        **_TERMINATED,
    },
}


class Directory(msgspec.Struct, frozen=True):
    """The DBIDs of what the center has: its name, or what makes it one, -> its number."""

    tenants: dict[str, int]
    #: Site -> switch; and that of Interaction Server.
    switches: dict[str, int]
    people: dict[str, int]
    #: Who they are.
    agents: dict[str, Any]
    #: Tenant and name.
    places: dict[tuple[str, str], int]
    #: The DN at that place.
    devices: dict[tuple[str, str], int]
    #: Tenant, site and queue.
    queues: dict[tuple[str, str, str], int]
    #: Tenant and name.
    groups: dict[tuple[str, str], int]
    place_groups: dict[tuple[str, str], int]
    logins: dict[str, int]


def directory_of(month: Month) -> Directory:
    """Numbers for all that the month's sessions name."""
    center = month.center
    agents = {agent.name: agent for agent in center.agents} | {session.agent.name: session.agent for session in month.sessions}
    places = sorted({(session.agent.tenant, session.place) for session in month.sessions if session.place})
    sites = [site for site in center.sites if site_kind(site) != CLUSTER]
    queues = [(tenant, site, group.queue) for tenant in center.tenants for site in sites for group, _ in GROUPS]
    groups = [(tenant, name) for tenant in center.tenants for name in (*(group.name for group, _ in GROUPS), NEWCOMERS)]
    place_groups = [(tenant, f"desks {site}") for tenant in center.tenants for site in sites]
    return Directory(
        _numbered(center.tenants, 101),
        _numbered((*center.sites, MULTIMEDIA), 2_001),
        _numbered(agents, 1_000_001),
        agents,
        _numbered(places, 2_000_001),
        _numbered(places, 3_000_001),
        _numbered(queues, 4_000_001),
        _numbered(groups, 5_000_001),
        _numbered(place_groups, 6_000_001),
        _numbered((name for name, agent in agents.items() if "voice" in agent.group.media), 7_000_001),
    )


def _numbered(names: Iterable[Any], first: int) -> dict[Any, int]:
    return {name: number for number, name in enumerate(names, first)}


class _Table:
    """Rows of one table as they are made; what a row does not name is null."""

    def __init__(self, *columns: str) -> None:
        self.columns: dict[str, list[Any]] = {column: [] for column in columns}

    def add(self, *values: Any) -> None:
        for column, value in zip(self.columns.values(), values, strict=True):
            column.append(value)


_BORN: Final = ("created", "created_ts")
_OVER: Final = ("terminated", "terminated_ts")


def icon_rows(month: Month, directory: Directory, icon: str) -> Rows:
    """What that ICON has written."""
    rows = _objects(month, directory) | _links(month, directory)
    crash = next((crash for crash in month.crashes if crash.icon == icon), None)
    rows["g_dss_gls_provider"] = _data_sources(month, crash)
    rows |= _session_rows(month, directory, icon, crash)
    return {table: columns for table, columns in rows.items() if next(iter(columns.values()))}


def _objects(month: Month, directory: Directory) -> Rows:
    born = month.since - _BEFORE_S
    alive = (1, 1, born, born)
    status = ("state", "status", *_BORN)
    tenants = _Table("id", "name", *status)
    for name, number in directory.tenants.items():
        tenants.add(number, name, *alive)
    switches = _Table("id", "tenantid", "name", "type", *status)
    for name, number in directory.switches.items():
        switches.add(number, 1, name, SWITCH_TYPES[name if name == MULTIMEDIA else site_kind(name)], *alive)
    people = _Table("id", "tenantid", "username", "employeeid", "type", *status)
    for name, number in directory.people.items():
        people.add(number, directory.tenants[directory.agents[name].tenant], name, name, 2, *alive)
    places = _Table("id", "tenantid", "name", *status)
    devices = _Table("id", "tenantid", "switchid", "dn", "type", *status)
    for (tenant, name), number in directory.places.items():
        places.add(number, directory.tenants[tenant], name, *alive)
        device = directory.devices[tenant, name]
        switch = directory.switches[name.partition("-")[0]]
        devices.add(device, directory.tenants[tenant], switch, f"{device - 2_900_000}", 1, *alive)
    for (tenant, site, _), number in directory.queues.items():
        devices.add(number, directory.tenants[tenant], directory.switches[site], f"{number - 3_100_000}", 3, *alive)
    groups = _Table("id", "name", "tenantid", "type", *status)
    for of_type, named in ((1, directory.groups), (2, directory.place_groups)):
        for (tenant, name), number in named.items():
            groups.add(number, name, directory.tenants[tenant], of_type, *alive)
    logins = _Table("id", "logincode", "tenantid", "switchid", *status)
    for name, number in directory.logins.items():
        agent = directory.agents[name]
        logins.add(number, f"{number}", directory.tenants[agent.tenant], directory.switches[agent.site], *alive)
    return {
        "gc_tenant": tenants.columns,
        "gc_switch": switches.columns,
        "gc_agent": people.columns,
        "gc_place": places.columns,
        "gc_endpoint": devices.columns,
        "gc_group": groups.columns,
        "gc_login": logins.columns,
    }


def _links(month: Month, directory: Directory) -> Rows:
    born = month.since - _BEFORE_S
    left = month.since + _NEWCOMER_DAYS * 86_400 + _NEWCOMER_SECONDS
    agents = _Table("groupid", "agentid", "status", *_BORN, "deleted", "deleted_ts")
    for number, (name, agent) in enumerate(directory.agents.items()):
        person = directory.people[name]
        agents.add(directory.groups[agent.tenant, agent.group.name], person, 1, born, born, None, None)
        if number % _NEWCOMER_ONE_IN == 0:
            agents.add(directory.groups[agent.tenant, NEWCOMERS], person, 2, born, born, left, left)
    places = _Table("groupid", "placeid", "status", *_BORN)
    for (tenant, name), place in directory.places.items():
        places.add(directory.place_groups[tenant, f"desks {name.partition('-')[0]}"], place, 1, born, born)
    queues = _Table("groupid", "endpointid", "status", *_BORN)
    for (tenant, _, queue), device in directory.queues.items():
        group = next(group for group, _ in GROUPS if group.queue == queue)
        queues.add(directory.groups[tenant, group.name], device, 1, born, born)
    logins = _Table("loginid", "agentid", "wrapuptime", "status", *_BORN)
    for name, login in directory.logins.items():
        logins.add(login, directory.people[name], 0, 1, born, born)
    campaigns = _Table("campaignid", "groupid", *_BORN, *_OVER)
    calling = [group.name for group, _ in GROUPS if group.campaign]
    for tenant in directory.tenants:
        for name in calling:
            for begins, ends in campaign_times(month):
                campaigns.add(1, directory.groups[tenant, name], begins, begins, ends, ends)
    return {
        "gcx_group_agent": agents.columns,
        "gcx_group_place": places.columns,
        "gcx_group_routedn": queues.columns,
        "gcx_login_info": logins.columns,
        "go_campaign": campaigns.columns,
    }


def _data_sources(month: Month, crash: Crash | None) -> dict[str, list[Any]]:
    found = _Table("dss_id", "providertag", *_BORN, *_OVER)
    begin = month.since - _BEFORE_S
    if crash is None:
        found.add(1, "T-Server", begin, begin, None, None)
    else:
        found.add(1, "T-Server", begin, begin, crash.since, crash.since)
        found.add(2, "T-Server", crash.until, crash.until, None, None)
    return found.columns


def _written(session: Login, crash: Crash | None, *, pair: bool) -> Iterator[tuple[int, int | None, int]]:
    """When the ICON saw the session begin and end, and in which data-source session."""
    if crash is None:
        yield session.login, session.logout, 1
    elif not pair:
        # Sessions are cut as this one saw them.
        after = session.login >= crash.until
        yield session.login, None if session.lost else session.logout, 2 if after else 1
    else:
        if session.login < crash.since:
            yield session.login, session.logout if session.logout <= crash.since else None, 1
        if session.logout > crash.until and session.login < crash.until:
            yield crash.until, session.logout, 2
        elif session.login >= crash.until:
            yield session.login, session.logout, 2


def _session_rows(month: Month, directory: Directory, icon: str, crash: Crash | None) -> Rows:
    voice = icon != "media"
    about = ("agentid", "loginid", "placeid", "state", "primarydeviceid", "switchid", "tenantid")
    sessions = _Table("loginsessionid", *about, *_BORN, *_OVER, "gsys_domain", "gsys_seq", "gsys_ext_vch1")
    joined = ("agentid", "endpointid", "endpointtype", "queueid", "placeid", "loginsessionid", "state")
    used = _Table(*joined, *_BORN, *_OVER, "gsys_domain", "gsys_ext_int1")
    written = 0
    for session in month.sessions:
        if session.voice != voice:
            continue
        agent = session.agent
        cluster = not session.place
        key = (agent.tenant, session.place)
        person = directory.people[agent.name]
        place = None if cluster else directory.places[key]
        device = directory.devices[key] if voice and not cluster else None
        login = directory.logins[agent.name] if device is not None else None
        # Of a cluster's sessions the switch is not told either: only the endpoint shows what they are.
        switch = None if voice and cluster else directory.switches[agent.site if voice else MULTIMEDIA]
        guid = f"{session.number:032X}"
        for begins, ends, source in _written(session, crash, pair=voice):
            written += 1
            for _ in range(2 if icon == ICONS[0] and session.number % _REPLAY_ONE_IN == 0 else 1):
                sessions.add(
                    guid,
                    person,
                    login,
                    place,
                    1 if ends is None else 2,
                    device,
                    switch,
                    directory.tenants[agent.tenant],
                    begins,
                    begins,
                    ends,
                    ends,
                    source,
                    written,
                    client_of(session),
                )
            for endpoint, of_type, queue, code, since in _endpoints(session, directory, device):
                at = max(begins, since)
                used.add(person, endpoint, of_type, queue, place, guid, 1 if ends is None else 2, at, at, ends, ends, source, code)
    return {"g_login_session": sessions.columns, "gx_session_endpoint": used.columns}


def _endpoints(session: Login, directory: Directory, device: int | None) -> Iterator[tuple[int, int, int | None, int | None, int]]:
    """Endpoint, its type, queue, media code and beginning."""
    if session.voice:
        queue = directory.queues[session.agent.tenant, session.agent.site, session.queue] if session.queue else None
        yield device or 0, 1, queue, None, session.login
        return
    for medium in session.media:
        later = session.chat_at if medium == "chat" and session.chat_at is not None else session.login
        yield 0, 0, None, MEDIA_CODES[medium], later
