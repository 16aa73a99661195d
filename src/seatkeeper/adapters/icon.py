"""An ICON database on PostgreSQL is read for a stretch of time: what held in it, whenever it was written.

The tables and columns are those of the Interaction Database (facts, LRM 2). A session belongs to [since, until) when it was created
before its end, and not terminated before its beginning; so a run reads no more than it must, and a run over the same time again finds
what came late. All of it is one transaction, so a session and its endpoints are of the same moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters.postgres import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatkeeper.adapters.postgres import ForeignDatabase
    from seatkeeper.usage.idb import IdbOptions

__all__ = ["IdbRows", "login_windows", "read_idb"]


class IdbRows(msgspec.Struct, frozen=True):
    """What was read.

    Attributes:
        tables: Arrow tables, by the names that usage.idb has for them.
        data_sources: The data-source sessions, with `id`, `provider`, `since`, `until`.
    """

    tables: dict[str, Any]
    data_sources: list[dict[str, Any]]


def _id(alias: str, *names: str) -> Wanted:
    return Wanted(alias, names, required=True)


def _maybe(alias: str, *names: str) -> Wanted:
    return Wanted(alias, names)


def _text(alias: str, *names: str) -> Wanted:
    return Wanted(alias, names, "text", required=True)


_SESSION: Final = "G_LOGIN_SESSION"
_ASSOCIATION: Final = "GX_SESSION_ENDPOINT"
_CREATED: Final = _id("created", "Created_ts")
_TERMINATED: Final = _id("terminated", "Terminated_ts")
_TIMES: Final = (_id("since", "Created_ts"), _maybe("until", "Deleted_ts"))
_SESSIONS: Final = (
    _text("session_id", "LoginSessionID"),
    _id("agent_id", "AgentID"),
    _id("login_id", "LoginID"),
    _id("place_id", "PlaceID"),
    _maybe("device_id", "PrimaryDeviceID"),
    _maybe("switch_id", "SwitchID"),
    _maybe("tenant_id", "TenantID"),
    _CREATED,
    _maybe("domain", "GSYS_DOMAIN"),
)
#: Name here -> table there, its columns, and whether a database may lack it.
_NAMED: Final[Mapping[str, tuple[str, tuple[Wanted, ...], bool]]] = {
    "tenants": ("GC_TENANT", (_id("id", "ID"), _text("name", "Name")), False),
    "agents": (
        "GC_AGENT",
        (
            _id("id", "ID"),
            _text("name", "UserName"),
            _id("tenant_id", "TenantID"),
            _maybe("type", "Type"),
            _maybe("state", "State"),
            _maybe("status", "Status"),
            _maybe("changed", "LastChange_ts"),
            _maybe("since", "Created_ts"),
            _maybe("until", "Deleted_ts"),
        ),
        False,
    ),
    "places": ("GC_PLACE", (_id("id", "ID"), _text("name", "Name"), _id("tenant_id", "TenantID")), False),
    "endpoints": ("GC_ENDPOINT", (_id("id", "ID"), _text("dn", "DN", "Name"), _id("switch_id", "SwitchID")), False),
    "switches": ("GC_SWITCH", (_id("id", "ID"), _text("name", "Name"), _id("type", "Type")), False),
    "logins": ("GC_LOGIN", (_id("id", "ID"), _id("switch_id", "SwitchID")), True),
}
_GROUPS: Final[Mapping[str, tuple[str, tuple[Wanted, ...], bool]]] = {
    "groups": (
        "GC_GROUP",
        (_id("group_id", "ID"), _text("name", "Name"), _id("tenant_id", "TenantID"), _id("type", "Type")),
        True,
    ),
    "group_agents": ("GCX_GROUP_AGENT", (_id("group_id", "GroupID"), _id("member_id", "AgentID"), *_TIMES), True),
    "group_places": ("GCX_GROUP_PLACE", (_id("group_id", "GroupID"), _id("member_id", "PlaceID"), *_TIMES), True),
}
#: Not confirmed: GO_CAMPAIGN's columns.
_CAMPAIGNS: Final[Mapping[str, tuple[str, tuple[Wanted, ...], bool]]] = {
    "campaigns": ("GO_CAMPAIGN", (_id("group_id", "GroupID"), _id("since", "Created_ts"), _maybe("until", "Terminated_ts")), True),
    "group_queues": ("GCX_GROUP_ROUTEDN", (_id("group_id", "GroupID"), _id("device_id", "EndPointID")), True),
}
_LOGINS: Final[Mapping[str, tuple[str, tuple[Wanted, ...], bool]]] = {
    "agent_logins": ("GCX_LOGIN_INFO", (_id("login_id", "LoginID"), _id("agent_id", "AgentID"), *_TIMES), True),
}


def read_idb(database: ForeignDatabase, options: IdbOptions, since: int, until: int, *, configuration: bool = True) -> IdbRows:
    """What the database has of [since, until), in UTC seconds.

    Args:
        database: The schema with ICON's tables.
        options: Of this database.
        since: The beginning.
        until: The end.
        configuration: Read the history of groups and the like, too.

    Raises:
        SeatkeeperError: A table or a column is missing, or the database fails.
    """
    client = Wanted("client", (options.client_column,), "text", required=True) if options.client_column else Wanted("client", (), "text")
    names = (options.media_column,) if options.media_column else ("MediaType", "GSYS_EXT_INT1")
    media = Wanted("media", names, "text", required=bool(options.media_column))
    created = database.expression(_SESSION, _CREATED, "s")
    ended = database.expression(_SESSION, _TERMINATED, "s")
    # An open row has no end, or 0.
    within = f"{created} < {until} AND ({ended} IS NULL OR {ended} = 0 OR {ended} > {since})"
    known = database.expression(_SESSION, _SESSIONS[0], "s")
    terminated = Wanted("terminated", _TERMINATED.names)
    tables = {
        "sessions": _open_ends(
            database.select(_SESSION, (*_SESSIONS, terminated, client), f"{within} AND {known} <> ''", "s"), "terminated"
        ),
        "associations": database.select(
            _ASSOCIATION,
            (
                _text("session_id", "LoginSessionID"),
                _id("endpoint_id", "EndPointID"),
                _id("endpoint_type", "EndPointType"),
                _maybe("queue_id", "QueueID"),
                media,
            ),
            f"EXISTS (SELECT FROM {database.table(_SESSION)} s WHERE {within} AND {known} ="
            f" {database.expression(_ASSOCIATION, _text('session_id', 'LoginSessionID'), 't')})",
        ),
    }
    wanted = dict(_NAMED)
    if configuration:
        wanted |= _GROUPS if options.groups or options.campaigns else {}
        wanted |= _CAMPAIGNS if options.campaigns else {}
        wanted |= _LOGINS if options.capabilities else {}
    for name, (table, columns, optional) in wanted.items():
        if optional and not database.has(table):
            tables[name] = database.arrow(
                "SELECT " + ", ".join(f"NULL::{column.type} AS {column.alias}" for column in columns) + " LIMIT 0"
            )
        else:
            tables[name] = _open_ends(database.select(table, columns), "until")
    return IdbRows(tables, _data_sources(database, options.data_sources))


def login_windows(database: ForeignDatabase, since: int | None, until: int, length: int) -> list[tuple[int, int]]:
    """The time from `since`, or from the earliest login, to `until` in pieces of `length` seconds, without those in which nobody logged in.

    Whoever was logged in through a piece that is left out logged in within one that is not. The first piece, in which somebody may have
    been logged in already, and the last one are always there.
    """
    created = database.expression(_SESSION, _CREATED, "s")
    table = database.table(_SESSION)
    if since is None:
        first = database.rows(f"SELECT min({created}) AS first FROM {table} s")[0]["first"]
        since = until if first is None else min(int(first), until)
    if since >= until:
        return [(since, until)] if since == until else []
    within = f"{created} >= {since} AND {created} < {until}"
    rows = database.rows(f"SELECT DISTINCT ({created} - {since}) / {length} AS number FROM {table} s WHERE {within}")
    numbers = sorted({0, (until - 1 - since) // length, *(int(row["number"]) for row in rows)})
    return [(since + number * length, min(since + (number + 1) * length, until)) for number in numbers]


def _data_sources(database: ForeignDatabase, table: str) -> list[dict[str, Any]]:
    if not table or not database.has(table):
        return []
    columns = (
        _id("id", "DSS_ID", "DSSID", "ID"),
        Wanted("provider", ("ProviderTag", "Provider"), "text"),
        _id("since", "Created_ts"),
        _maybe("until", "Terminated_ts"),
    )
    return [{**row, "until": row["until"] or None} for row in database.select(table, columns).to_pylist()]


def _open_ends(rows: Any, column: str) -> Any:
    """The rows, with a null for an end of 0."""
    if column not in rows.column_names:
        return rows
    import pyarrow.compute as compute

    ends = rows[column]
    at = rows.column_names.index(column)
    return rows.set_column(at, column, compute.if_else(compute.equal(ends, 0), None, ends))
