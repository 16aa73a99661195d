"""Small Interaction Databases on a real PostgreSQL server: real tables and columns, rows that a test writes by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatkeeper.sim.idb import TABLES
from support.postgres import database, server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["PLAIN", "insert", "make_idb"]

#: One tenant, two agents, a place with a DN at a premise switch, a SIP switch, a multimedia one, a queue.
PLAIN: dict[str, list[dict[str, Any]]] = {
    "GC_TENANT": [{"ID": 101, "Name": "Harbor"}, {"ID": 102, "Name": "Meadow"}],
    "GC_SWITCH": [
        {"ID": 1, "TenantID": 101, "Name": "north", "Type": 1},
        {"ID": 2, "TenantID": 101, "Name": "south", "Type": 72},
        {"ID": 3, "TenantID": 101, "Name": "mail", "Type": 63},
    ],
    "GC_AGENT": [
        {"ID": 11, "TenantID": 101, "UserName": "ann", "Type": 2, "State": 1, "Status": 1, "Created_ts": 0},
        {"ID": 12, "TenantID": 102, "UserName": "bo", "Type": 2, "State": 1, "Status": 1, "Created_ts": 0},
    ],
    "GC_PLACE": [{"ID": 21, "TenantID": 101, "Name": "P1"}],
    "GC_ENDPOINT": [
        {"ID": 31, "TenantID": 101, "SwitchID": 1, "DN": "4711", "Type": 1},
        {"ID": 32, "TenantID": 101, "SwitchID": 2, "DN": "4711", "Type": 1},
        {"ID": 33, "TenantID": 101, "SwitchID": 1, "DN": "8000", "Type": 3},
    ],
    "GC_LOGIN": [{"ID": 41, "LoginCode": "7001", "TenantID": 101, "SwitchID": 1}],
}


def insert(name: str, schema: str, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    """Writes rows, table by table; names stand as ICON's scripts have them, unquoted."""
    server().execute("".join(_inserts(schema, rows)), name)


def _inserts(schema: str, rows: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
    for table, entries in rows.items():
        for row in entries:
            values = ", ".join("NULL" if value is None else f"'{value}'" for value in row.values())
            yield f"INSERT INTO {schema}.{table} ({', '.join(row)}) VALUES ({values});"


def make_idb(rows: Mapping[str, list[dict[str, Any]]], *, name: str = "", schema: str = "idb") -> str:
    """The name of a database with an IDB in that schema that has these rows and those of PLAIN."""
    name = name or database()
    made = [f"CREATE SCHEMA {schema};"]
    for table, columns in TABLES.items():
        declared = ", ".join(f"{column.upper()} {kind}" for column, kind in columns.items())
        made.append(f"CREATE TABLE {schema}.{table.upper()} ({declared});")
    server().execute("".join([*made, *_inserts(schema, {**PLAIN, **rows})]), name)
    return name
