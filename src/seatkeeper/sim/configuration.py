"""What a simulated month's contact center has configured, as tables of a Configuration Database, and what is enabled by it.

Names of tables and columns are those seen in real queries (facts, LRM 4), and where none was seen, such as they would have given.
DBIDs are those of the ICON databases. The people who help out for a day are configured nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from seatkeeper.sim.center import GROUPS
from seatkeeper.sim.idb import MULTIMEDIA, SWITCH_TYPES
from seatkeeper.sim.month import site_kind
from seatkeeper.sim.truth import WFM_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seatkeeper.sim.center import Agent
    from seatkeeper.sim.idb import Directory, Rows
    from seatkeeper.sim.month import Month

__all__ = ["CONFIGURATION_TABLES", "DESKTOP_TYPE", "configuration_rows", "enabled_of"]

_WORD: Final = "varchar(255)"

#: Application type of an agent's desktop, in the ranks of the simulated center.
DESKTOP_TYPE: Final = 90
_USER: Final = 1
_ABOVE_USER: Final = 2
_RULES: Final = 8_000_001
_ROLE: Final = 1
_APPLICATIONS: Final = ((1, "T-Server north", 2), (2, "T-Server north backup", 0), (3, "Genesys Info Mart", 0), (4, "GI2", 0))


def _columns(**types: str) -> dict[str, str]:
    return {"dbid": "integer", **types}


#: Table -> column -> PostgreSQL type.
CONFIGURATION_TABLES: Final[dict[str, dict[str, str]]] = {
    "cfg_tenant": _columns(name=_WORD, state="integer"),
    "cfg_switch": _columns(tenant_dbid="integer", name=_WORD, type="integer", state="integer"),
    "cfg_person": _columns(
        tenant_dbid="integer",
        employee_id=_WORD,
        user_name=_WORD,
        first_name=_WORD,
        last_name=_WORD,
        is_agent="integer",
        state="integer",
        capacity_dbid="integer",
    ),
    "cfg_agent_login": _columns(tenant_dbid="integer", switch_dbid="integer", login_code=_WORD, state="integer"),
    "cfg_login_info": {"person_dbid": "integer", "agent_login_dbid": "integer"},
    "cfg_group": _columns(tenant_dbid="integer", name=_WORD, state="integer"),
    "cfg_agent_group": {"group_dbid": "integer", "agent_dbid": "integer"},
    "cfg_place_group": {"group_dbid": "integer", "place_dbid": "integer"},
    "cfg_place": _columns(tenant_dbid="integer", name=_WORD, state="integer"),
    "cfg_dn": _columns(tenant_dbid="integer", switch_dbid="integer", number_=_WORD, type="integer", state="integer"),
    "cfg_script": _columns(name=_WORD, type="integer", state="integer"),
    "cfg_flex_prop": {"object_dbid": "integer", "object_type": "integer", "prop_type": "integer", "prop_name": _WORD, "prop_value": _WORD},
    "cfg_app_rank": {"person_dbid": "integer", "app_type": "integer", "app_rank": "integer"},
    "cfg_role": _columns(name=_WORD, state="integer"),
    "cfg_role_member": {"role_dbid": "integer", "object_dbid": "integer", "object_type": "integer"},
    "cfg_campaign_group": _columns(campaign_dbid="integer", group_dbid="integer", state="integer"),
    "cfg_ivr_port": _columns(tenant_dbid="integer", port_number=_WORD, state="integer"),
    "cfg_application": _columns(name=_WORD, type="integer", state="integer", backup_server_dbid="integer"),
}


def configuration_rows(month: Month, directory: Directory) -> Rows:
    """The tables' rows."""
    rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in CONFIGURATION_TABLES}
    rows["cfg_tenant"] = [(number, name, 1) for name, number in directory.tenants.items()]
    for name, number in directory.switches.items():
        rows["cfg_switch"].append((number, 1, name, SWITCH_TYPES[name if name == MULTIMEDIA else site_kind(name)], 1))
    rows["cfg_role"].append((_ROLE, "Workspace Agent", 1))
    _people(month, directory, rows)
    for (tenant, name), group in (*directory.groups.items(), *directory.place_groups.items()):
        rows["cfg_group"].append((group, directory.tenants[tenant], name, 1))
    for (tenant, name), place in directory.places.items():
        rows["cfg_place"].append((place, directory.tenants[tenant], name, 1))
        rows["cfg_place_group"].append((directory.place_groups[tenant, f"desks {name.partition('-')[0]}"], place))
    for rule, (kind, _) in enumerate(GROUPS, _RULES):
        rows["cfg_script"].append((rule, f"rule for {kind.name}", 22, 1))
        rows["cfg_flex_prop"] += [(rule, 12, 0, medium, "3") for medium in kind.media if medium != "voice"]
        if kind.campaign:
            loaded = [directory.groups[tenant, kind.name] for tenant in directory.tenants]
            rows["cfg_campaign_group"] += [(9_000_000 + one, 1, one, 1) for one in loaded]
    rows["cfg_application"] = [(number, name, number, 1, backup) for number, name, backup in _APPLICATIONS]
    first = directory.tenants[month.center.tenants[0]]
    for site, ports in month.center.ivr_ports.items():
        rows["cfg_ivr_port"] += [(len(rows["cfg_ivr_port"]) + 1, first, f"{site} {port}", 1) for port in range(1, ports + 1)]
    return {
        table: {column: list(values) for column, values in zip(CONFIGURATION_TABLES[table], zip(*entries, strict=True), strict=True)}
        for table, entries in rows.items()
        if entries
    }


def _people(month: Month, directory: Directory, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    rules = {group.name: _RULES + number for number, (group, _) in enumerate(GROUPS)}
    for agent in month.center.agents:
        if agent.name not in directory.people:
            continue
        person = directory.people[agent.name]
        tenant = directory.tenants[agent.tenant]
        rows["cfg_person"].append((person, tenant, agent.name, agent.name, "", "", 2, 1, rules[agent.group.name]))
        rows["cfg_agent_group"].append((directory.groups[agent.tenant, agent.group.name], person))
        login = directory.logins.get(agent.name)
        if login is not None:
            rows["cfg_agent_login"].append((login, tenant, directory.switches[agent.site], f"{login}", 1))
            rows["cfg_login_info"].append((person, login))
        if agent.client == "desktop":
            rows["cfg_app_rank"].append((person, DESKTOP_TYPE, _ABOVE_USER if agent.supervisor else _USER))
        elif agent.client == "workspace":
            rows["cfg_role_member"].append((_ROLE, person, 3))


def _able(agent: Agent) -> set[str]:
    """The items that the agent is enabled for."""
    media = agent.group.media
    found = {"CIM", "HA-CIM", "Genesys Info Mart", "Genesys Interactive Insights (GI2)"}
    if agent.client == "desktop":
        found.add("Genesys Supervisor Desktop" if agent.supervisor else "Genesys Agent Desktop")
    found |= {"Interaction Workspace"} if agent.client == "workspace" else set()
    found |= {"Genesys E-Mail"} if "email" in media else set()
    found |= {"Genesys Web Media"} if "chat" in media else set()
    found |= {"Third-party work items"} if "custom" in media else set()
    found |= {"Genesys Outbound Contact - MS"} if agent.group.campaign else set()
    found |= {"Genesys Workforce Management"} if agent.group.name == WFM_GROUP else set()
    if "voice" in media:
        found |= {"Agent Connector"} if agent.client == "toolkit" else set()
        found.add("Genesys Inbound Voice" if site_kind(agent.site) == "premise" else "SIP Server")
    return found


def enabled_of(month: Month) -> list[dict[str, Any]]:
    """How many seats of each item are enabled all through the month: of the system, and of each tenant."""
    premise = sum(site_kind(site) == "premise" for site in month.center.sites)
    cim = "Genesys CIM Platform-MS" if premise > 1 else "Genesys CIM Platform-SS"
    counts: dict[tuple[str | None, str], int] = {}
    for agent in month.center.agents:
        for item in _able(agent):
            for tenant in (None, agent.tenant):
                key = tenant, cim if item == "CIM" else item
                counts[key] = counts.get(key, 0) + 1
    return [{"tenant": tenant, "item": item, "enabled": count} for (tenant, item), count in _sorted(counts.items())]


def _sorted(items: Iterable[tuple[tuple[str | None, str], int]]) -> list[tuple[tuple[str | None, str], int]]:
    return sorted(items, key=lambda one: (one[0][1], one[0][0] or ""))
