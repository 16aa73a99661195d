"""What was configured at one moment, and what follows from several such moments: since when, and until when.

Configuration Server tells what is so now, so it is asked every ten minutes (facts, LRM 1.1). `snapshot_of` makes of its tables what
counts for licensing: capabilities of agents, members of groups, mailboxes, IVR ports, and what the installation is. `changes` compares
a snapshot with what stood before: something new begins with the snapshot that has it first, and what is gone ends with the first that
lacks it. What stays says nothing, so a year of snapshots in which nothing changes is as many facts as one.

Names of tables are those of the Configuration Database. Codes are those of its enumerations (facts, LRM 4): an object is enabled with
state 1; `is_agent` is 2 for an agent; a capacity rule of a person says which media, and how many at once, he may have.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.usage.idb import dn_name, place_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["NEEDED", "TABLES", "ConfigurationOptions", "Object", "Snapshot", "changes", "snapshot_of"]

#: Table -> columns, as they are in the Configuration Database; those in the second list may be missing.
TABLES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "cfg_tenant": (("dbid", "name"), ("state",)),
    "cfg_person": (("dbid", "tenant_dbid", "user_name", "is_agent", "state"), ("capacity_dbid",)),
    "cfg_switch": (("dbid", "name", "type"), ("tenant_dbid", "state")),
    "cfg_agent_login": (("dbid", "switch_dbid"), ("login_code", "tenant_dbid", "state")),
    "cfg_login_info": (("person_dbid", "agent_login_dbid"), ()),
    "cfg_group": (("dbid", "name"), ("tenant_dbid", "state")),
    "cfg_agent_group": (("group_dbid", "agent_dbid"), ()),
    "cfg_place_group": (("group_dbid", "place_dbid"), ()),
    "cfg_place": (("dbid", "name"), ("tenant_dbid", "state")),
    "cfg_dn": (("dbid", "number_"), ("tenant_dbid", "switch_dbid", "state")),
    "cfg_flex_prop": (("object_dbid", "prop_name", "prop_value"), ("object_type", "prop_type")),
    "cfg_app_rank": (("person_dbid", "app_type", "app_rank"), ()),
    "cfg_role": (("dbid", "name"), ("state",)),
    "cfg_role_member": (("role_dbid", "object_dbid"), ("object_type",)),
    "cfg_campaign_group": (("group_dbid",), ("dbid", "state")),
    "cfg_ivr_port": (("dbid",), ("tenant_dbid", "port_number", "state")),
    "cfg_application": (("dbid", "name"), ("type", "state", "backup_server_dbid")),
}
#: The other tables may be missing, too.
NEEDED: Final = ("cfg_tenant", "cfg_person")

_ENABLED: Final = 1
_IS_AGENT: Final = 2
#: Types of objects: their DBIDs are numbers of their own.
_DN, _PERSON, _AGENT_GROUP, _SCRIPT, _AGENT_LOGIN = 2, 3, 5, 12, 15
_RANK_USER: Final = 1
_PREMISES_OF_MULTI_SITE: Final = 2


class ConfigurationOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What differs from one site to the next.

    Attributes:
        licensed: Features that the license file has: with tserver_iscc the installation is multi-site whatever its switches.
        desktop_types: Types of applications that are an agent's desktop; ranks for these make an agent, or a supervisor.
        workspace_roles: Roles whose members work with Interaction Workspace; empty: all with `workspace` in their names.
        wfm_groups: Agent groups that are planned by Workforce Management.
        info_mart: Applications that are Info Mart; empty: by what their names have in them.
        gi2: Applications that are Interactive Insights; empty: likewise.
        mailbox: The property that says that an object has a mailbox.
        sip_types: Switch types that are SIP switches.
        network_types: ... that are networks.
        other_types: ... to which no phone is connected. All others are premise switches.
        groups: Take members of agent groups and place groups; not where ICON tells their history.
    """

    licensed: tuple[str, ...] = ()
    desktop_types: tuple[int, ...] = ()
    workspace_roles: tuple[str, ...] = ()
    wfm_groups: tuple[str, ...] = ()
    info_mart: tuple[str, ...] = ()
    gi2: tuple[str, ...] = ()
    mailbox: str = "gvm_mailbox"
    sip_types: tuple[int, ...] = (72,)
    network_types: tuple[int, ...] = (75,)
    other_types: tuple[int, ...] = (34, 63)
    groups: bool = True


class Object(msgspec.Struct, frozen=True):
    """Something that is configured, as facts of the kind `configuration` name it."""

    tenant: str
    kind: str
    name: str
    detail: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """All that was configured at a moment, in UTC seconds."""

    at: int
    objects: frozenset[Object]


def changes(standing: Mapping[Object, int], last: int | None, snapshot: Snapshot) -> list[tuple[Object, int, int | None]]:
    """What a snapshot adds to what is known: objects, each with since when, and until when if that is over.

    Args:
        standing: What stood before -> since when.
        last: The latest moment of which anything is known; None before the first snapshot.
        snapshot: What is so now.

    Raises:
        InputError: It is older than what is known already, or has nothing of what stood before.
    """
    if last is not None and snapshot.at <= last:
        raise InputError("This snapshot is older than what is known already.", found=str(snapshot.at), expected=f"later than {last}")
    if standing and not snapshot.objects:
        raise InputError(
            "This snapshot has no objects at all.",
            expected="at least some of the objects of the one before",
            remedy="Is it the right database? Nothing was taken in.",
        )
    new = [(each, snapshot.at, None) for each in snapshot.objects if each not in standing]
    gone = [(each, since, snapshot.at) for each, since in standing.items() if each not in snapshot.objects]
    return sorted([*new, *gone], key=lambda row: (row[0].tenant, row[0].kind, row[0].name, row[0].detail, row[1]))


def snapshot_of(tables: Mapping[str, Sequence[Mapping[str, Any]]], options: ConfigurationOptions, at: int) -> Snapshot:
    """What the tables say, taken at that moment."""
    site = _Site(tables, options)
    objects = {*site.agents(), *site.mailboxes(), *site.ports(), *site.system()}
    if options.groups:
        objects |= {*site.groups()}
    return Snapshot(at, frozenset(objects))


class _Site:
    """The tables, with what refers to what found out once."""

    def __init__(self, tables: Mapping[str, Sequence[Mapping[str, Any]]], options: ConfigurationOptions) -> None:
        self._tables = tables
        self._options = options
        self._tenants = {row["dbid"]: str(row["name"]) for row in self._rows("cfg_tenant")}
        self._switches = {row["dbid"]: row for row in self._rows("cfg_switch") if _enabled(row)}
        self._people = {row["dbid"]: row for row in self._rows("cfg_person") if row["is_agent"] == _IS_AGENT and _enabled(row)}
        self._groups = {row["dbid"]: row for row in self._rows("cfg_group") if _enabled(row)}
        #: Group -> its agents.
        self._members: dict[int, list[int]] = defaultdict(list)
        for row in self._rows("cfg_agent_group"):
            self._members[row["group_dbid"]].append(row["agent_dbid"])

    def _rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        return self._tables.get(table, ())

    def _tenant(self, row: Mapping[str, Any]) -> str:
        number = row.get("tenant_dbid")
        return self._tenants.get(number, f"tenant {number}") if number else ""

    def switch_kind(self, switch: Mapping[str, Any] | None) -> str:
        """premise, sip, network, or nothing."""
        of_type = -1 if switch is None else switch["type"]
        if switch is None or of_type in self._options.other_types:
            return ""
        return "sip" if of_type in self._options.sip_types else "network" if of_type in self._options.network_types else "premise"

    def agents(self) -> Iterator[Object]:
        """The capabilities of people who are agents and enabled."""
        able: dict[int, set[str]] = {person: {"agent"} for person in self._people}

        def give(person: int, *words: str) -> None:
            if person in able:
                able[person].update(words)

        logins = {row["dbid"]: row["switch_dbid"] for row in self._rows("cfg_agent_login") if _enabled(row)}
        for row in self._rows("cfg_login_info"):
            if row["agent_login_dbid"] in logins:
                kind = self.switch_kind(self._switches.get(logins[row["agent_login_dbid"]]))
                give(row["person_dbid"], *filter(None, ("login", kind)))
        media = self._media()
        for person, row in self._people.items():
            give(person, *media.get(row.get("capacity_dbid") or 0, ()))
        for row in self._rows("cfg_app_rank"):
            if row["app_type"] in self._options.desktop_types and row["app_rank"]:
                give(row["person_dbid"], "desktop" if row["app_rank"] == _RANK_USER else "supervisor")
        roles = {row["dbid"] for row in self._rows("cfg_role") if _enabled(row) and self._is_workspace(str(row["name"]))}
        for row in self._rows("cfg_role_member"):
            if row["role_dbid"] in roles and (row.get("object_type") or _PERSON) == _PERSON:
                give(row["object_dbid"], "workspace")
        calling = {row["group_dbid"] for row in self._rows("cfg_campaign_group") if _enabled(row)}
        for number, group in self._groups.items():
            words = ["campaign"] if number in calling else []
            words += ["wfm"] if group["name"] in self._options.wfm_groups else []
            for person in self._members[number] if words else ():
                give(person, *words)
        for person, capabilities in able.items():
            row = self._people[person]
            tenant = self._tenant(row)
            for word in capabilities:
                yield Object(tenant, "agent", str(row["user_name"]), word)

    def _is_workspace(self, role: str) -> bool:
        return role in self._options.workspace_roles if self._options.workspace_roles else "workspace" in role.lower()

    def _media(self) -> dict[int, set[str]]:
        """Capacity rule -> the media of which it allows at least one."""
        found: dict[int, set[str]] = defaultdict(set)
        for row in self._rows("cfg_flex_prop"):
            if (row.get("object_type") or _SCRIPT) == _SCRIPT and str(row["prop_value"] or "").strip() not in {"", "0"}:
                word = str(row["prop_name"]).strip().lower()
                # Voice comes with a login at a switch.
                if word != "voice":
                    found[row["object_dbid"]].add(word)
        return found

    def groups(self) -> Iterator[Object]:
        """Members of agent groups and place groups."""
        names = {row["dbid"]: str(row["user_name"]) for row in self._rows("cfg_person")}
        for number, group in self._groups.items():
            for person in self._members[number]:
                if person in names:
                    yield Object(self._tenant(group), "agent-group", str(group["name"]), names[person])
        places = {row["dbid"]: place_name(str(row["name"]), self._tenant(row)) for row in self._rows("cfg_place") if _enabled(row)}
        for row in self._rows("cfg_place_group"):
            of = self._groups.get(row["group_dbid"])
            if of is not None and row["place_dbid"] in places:
                yield Object(self._tenant(of), "place-group", str(of["name"]), places[row["place_dbid"]])

    def mailboxes(self) -> Iterator[Object]:
        """Agent logins, agent groups and DNs that have a mailbox, in use or not."""
        switches = {number: str(row["name"]) for number, row in self._switches.items()}
        kinds: dict[int, tuple[str, Any]] = {
            _AGENT_LOGIN: ("cfg_agent_login", lambda row: f"login {row.get('login_code') or row['dbid']}"),
            _AGENT_GROUP: ("cfg_group", lambda row: f"group {row['name']}"),
            _DN: ("cfg_dn", lambda row: f"DN {dn_name(str(row['number_']), switches.get(row.get('switch_dbid'), ''))}"),
        }
        having = [row for row in self._rows("cfg_flex_prop") if str(row["prop_name"]) == self._options.mailbox]
        for of_type, (table, name) in kinds.items():
            wanted = {row["object_dbid"] for row in having if row.get("object_type") == of_type}
            for row in self._rows(table) if wanted else ():
                if row["dbid"] in wanted:
                    yield Object(self._tenant(row), "mailbox", name(row))

    def ports(self) -> Iterator[Object]:
        """IVR ports that are enabled."""
        for row in self._rows("cfg_ivr_port"):
            if _enabled(row):
                yield Object(self._tenant(row), "ivr-port", f"{row.get('port_number') or 'port'} {row['dbid']}")

    def system(self) -> Iterator[Object]:
        """What the installation is, and which tenants have a network switch."""
        kinds = [(self.switch_kind(row), row) for row in self._switches.values()]
        premises = sum(kind == "premise" for kind, _ in kinds)
        multi = premises >= _PREMISES_OF_MULTI_SITE or "tserver_iscc" in {feature.lower() for feature in self._options.licensed}
        yield Object("", "system", "multi-site" if multi else "single-site")
        applications = [row for row in self._rows("cfg_application") if _enabled(row)]
        if any(row.get("backup_server_dbid") for row in applications):
            yield Object("", "system", "redundant-pair")
        names = [str(row["name"]) for row in applications]
        if _named(names, self._options.info_mart, ("infomart", "gimetl")):
            yield Object("", "system", "info-mart")
        if _named(names, self._options.gi2, ("gi2", "interactiveinsights")):
            yield Object("", "system", "gi2")
        for kind, row in kinds:
            if kind == "network":
                yield Object(self._tenant(row), "system", "network-switch")


def _enabled(row: Mapping[str, Any]) -> bool:
    """Not disabled; a table without states has only what is in use."""
    state = row.get("state")
    return state is None or state == _ENABLED


def _named(names: Iterable[str], wanted: tuple[str, ...], words: tuple[str, ...]) -> bool:
    if wanted:
        return any(name in wanted for name in names)
    plain = ["".join(letter for letter in name.lower() if letter.isalnum()) for name in names]
    return any(word in name for name in plain for word in words)
