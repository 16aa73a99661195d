"""Registries for tests: one with a row in every table, written as the desk writes, and raw connections as its owner has them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg

from seatkeeper.adapters import registry_tables as tables
from seatkeeper.adapters.registry import Act, Registry, make_registry
from seatkeeper.adapters.registry_values import EntitlementRow, FileRow, OrderRow
from support.postgres import registry_urls

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["BY", "FILE", "KINDS", "NOW", "ORDER", "fill", "filled", "new_registry", "raw", "snapshot", "without_triggers"]

KINDS = ("sqlite", "postgresql")
NOW = 1_790_000_000.0
BY = "Una Tester"

ORDER = OrderRow(
    number="B-0002",
    site="7001",
    act="order",
    previous=None,
    state="registered",
    purpose="production",
    expires="permanent",
    terms="{}",
    details="{}",
    text='[order]\nnumber = "B-0002"\n',
    received='\ufeff[order]\r\nnumber = "B-0002"\r\n',
    sha256="1" * 64,
    hostids="080020000501",
    day="2026-09-21",
    at="2026-09-21T14:13:20Z",
)
FILE = FileRow(
    number="F000001",
    order="B-0002",
    kind="complete",
    state="intended",
    why="",
    vendor="pigeon_d",
    issuer="issuer-1",
    hostids="080020000501",
    destination="/srv/license.dat",
    issued="2026-09-21",
    expires="permanent",
    unsigned="INCREMENT a\n",
    sha256="2" * 64,
    signed=None,
    signed_sha256=None,
    intended_at="2026-09-21T14:13:20Z",
)


def fill(act: Act) -> None:
    """Let every table have rows: two orders, the second in the place of the first, although its name sorts before it."""
    act.draw("file")
    act.place_site("7001", "Pigeon Post Example Ltd")
    first = EntitlementRow("B-0002", 1, "item", '=Seats, +1 "quoted"\r\nand more', "permanent", "seat", "9.0", 5, 5, "permanent")
    act.add_order(ORDER, [first, EntitlementRow("B-0002", 2, "license", "\\N", "permanent", "", "9.0", 3, -2, "permanent")])
    act.tell("register", site="7001", order="B-0002", sha256=ORDER.sha256)
    act.add_file(FILE)
    act.tell("intend", site="7001", order="B-0002", file="F000001", sha256=FILE.sha256)
    act.change_file("F000001", state="signed", signed="INCREMENT a SIGN=x\n", signed_sha256="3" * 64, signed_at=act.at)
    act.use_key("issuer-1", "pigeon_d")
    act.tell("sign", site="7001", order="B-0002", file="F000001", sha256="3" * 64, note="Grüße, 鳩 and 'quotes'")
    act.add_order(msgspec.structs.replace(ORDER, number="A-0001", act="renew", previous="B-0002"), [])
    act.insert("deliveries", {"id": act.draw("delivery"), "file": "F000001", "how": "mail", "recipient": "-una@example.com", "at": act.at})
    act.insert("renewals", {"order": "A-0001", "previous": "B-0002", "expired": "2026-01-01", "expires": "2027-01-01", "at": act.at})
    act.insert("moves", {"order": "A-0001", "previous": "B-0002", "old_hostid": "@a", "new_hostid": "b", "at": act.at})


def new_registry(kind: str, directory: Path) -> str:
    """A registry that has just been made."""
    where = registry_urls(kind, directory)
    assert make_registry(where) == "made"
    return where


def filled(kind: str, directory: Path) -> str:
    """A registry with rows in every table."""
    where = new_registry(kind, directory)
    with Registry(where) as registry, registry.write(NOW, BY) as act:
        fill(act)
    return where


def raw(where: str, *statements: str) -> list[tuple[Any, ...]]:
    """What the last of some statements gives to the database's owner, who goes by none of our code; all are committed together."""
    found: Sequence[tuple[Any, ...]] = []
    if "://" not in where:
        connection = sqlite3.connect(where)
        try:
            with connection:
                for statement in statements:
                    found = connection.execute(statement).fetchall()
        finally:
            connection.close()
    else:
        with psycopg.connect(where) as server:
            for statement in statements:
                cursor = server.execute(statement)  # type: ignore[arg-type,unused-ignore]
                found = cursor.fetchall() if cursor.description else []
    return list(found)


def without_triggers(where: str, table: str, *statements: str) -> None:
    """Run statements after the table's triggers were dropped, as somebody would who owns the database."""
    if "://" in where:
        raw(where, f"ALTER TABLE {table} DISABLE TRIGGER USER", *statements)
    else:
        names = [name for (name,) in raw(where, f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'")]
        raw(where, *[f"DROP TRIGGER {name}" for name in names], *statements)


def snapshot(where: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    with Registry(where) as registry, registry.read() as view:
        return {table.name: list(view.rows(table.name)) for table in tables.TABLES}
