"""Proves that the databases themselves keep what was issued and done, whoever writes to them, and that a schema changes whole or not."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import text

from seatkeeper.adapters import registry_tables as tables
from seatkeeper.adapters.registry import Registry, make_registry
from seatkeeper.base.errors import InputError
from support.registries import BY, KINDS, NOW, filled, new_registry, raw, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

REFUSED = (sqlite3.IntegrityError, psycopg.errors.RaiseException, psycopg.errors.UniqueViolation)


def all_refused(where: str, statements: list[str], words: str = "never changes|UNIQUE|unique") -> None:
    before = snapshot(where)
    for statement in statements:
        with pytest.raises(REFUSED, match=words):
            raw(where, statement)
    assert snapshot(where) == before


@pytest.mark.parametrize("kind", KINDS)
def test_no_frozen_column_of_any_table_can_be_changed(kind: str, tmp_path: Path) -> None:
    statements = []
    for table in tables.TABLES:
        for column in table.columns:
            if table.name in tables.FROZEN and column.name not in tables.FROZEN[table.name]:
                other = 99 if column.type.python_type is int else "'x'"
                statements.append(f'UPDATE {table.name} SET "{column.name}" = {other}')
    assert len(statements) > 50
    all_refused(filled(kind, tmp_path), statements, "never changes")


@pytest.mark.parametrize("kind", KINDS)
def test_no_row_of_the_past_can_be_deleted(kind: str, tmp_path: Path) -> None:
    statements = [f"DELETE FROM {name}" for name in tables.FROZEN]
    if kind == "postgresql":
        statements += [f"TRUNCATE {name} CASCADE" for name in ("history", "orders", "files", "customers")]
    all_refused(filled(kind, tmp_path), statements, "never changes")


@pytest.mark.parametrize("kind", KINDS)
def test_no_row_is_written_over(kind: str, tmp_path: Path) -> None:
    statements = []
    for table in tables.TABLES:
        if table.name in tables.FROZEN:
            names = [f'"{column.name}"' for column in table.columns]
            keys = ", ".join(f'"{column.name}"' for column in table.primary_key)
            # The same key, something else in the last column; WHERE true is what SQLite's grammar wants here.
            row = f"INSERT INTO {table.name} SELECT {', '.join(names)} FROM {table.name} WHERE true"
            statements.append(f"{row} ON CONFLICT ({keys}) DO UPDATE SET {names[0]} = excluded.{names[0]} || '9'")
            if kind == "sqlite":
                statements.append(row.replace("INSERT", "INSERT OR REPLACE", 1))
                statements.append(row.replace("INSERT", "REPLACE", 1))
    if kind == "postgresql":
        # Numbers are counted up and not put together.
        statements = [each.replace(" || '9'", " + 90") if '"id"' in each or '"row"' in each else each for each in statements]
    all_refused(filled(kind, tmp_path), statements)


def test_sqlite_replaces_no_row_by_another_key_than_its_number(tmp_path: Path) -> None:
    # An order with another number, but in the same place; a file with another number, of the same order and server.
    where = filled("sqlite", tmp_path)
    orders = ", ".join(f'"{column.name}"' for column in tables.orders.columns if column.name != "number")
    files = ", ".join(f'"{column.name}"' for column in tables.files.columns if column.name != "number")
    intended = files.replace('"state"', "'intended'")
    raw(where, f"INSERT INTO files SELECT 'F9', {intended} FROM files")
    all_refused(
        where,
        [
            f"INSERT OR REPLACE INTO orders SELECT 'C-3', {orders} FROM orders WHERE number = 'A-0001'",
            f"INSERT OR REPLACE INTO files SELECT 'F8', {files} FROM files WHERE number = 'F000001'",
            "UPDATE OR REPLACE files SET state = 'placed' WHERE number = 'F9'",
        ],
        "UNIQUE",
    )
    for name in ("numbers", "orders", "entitlements", "files", "renewals", "moves"):
        with pytest.raises(sqlite3.OperationalError, match="rowid"):
            raw(where, f"SELECT rowid FROM {name}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_text_is_written_once_and_numbers_never_fall(kind: str, tmp_path: Path) -> None:
    statements = [f"UPDATE files SET {name} = {value}" for name in ("signed", "signed_sha256", "signed_at") for value in ("'x'", "NULL")]
    all_refused(filled(kind, tmp_path), [*statements, "UPDATE numbers SET last = last - 1 WHERE kind = 'history'"], "never changes")


@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_on_may_change(kind: str, tmp_path: Path) -> None:
    where = filled(kind, tmp_path)
    raw(
        where,
        "UPDATE orders SET state = 'issued'",
        "UPDATE files SET state = 'placed', placed_at = '2026-09-22T00:00:00Z'",
        "UPDATE entitlements SET maintained_from = '2026-09-22', maintained_until = NULL",
        "UPDATE numbers SET last = last + 1",
    )
    found = snapshot(where)
    assert {row["state"] for row in found["orders"]} == {"issued"}
    assert found["files"][0]["state"] == "placed"


def next_schema(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE customers ADD COLUMN phone TEXT"))
    connection.execute(text("UPDATE customers SET phone = '0'"))


def failing_schema(connection: Connection) -> None:
    next_schema(connection)
    connection.execute(text("UPDATE history SET act = 'x'"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_older_registry_is_brought_up_whole_or_not_at_all(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = filled(kind, tmp_path)
    monkeypatch.setattr(tables, "SCHEMA", tables.SCHEMA + 2)
    monkeypatch.setattr(tables, "MIGRATIONS", {tables.SCHEMA - 2: next_schema, tables.SCHEMA - 1: failing_schema})
    with pytest.raises(InputError, match=r"made by an older release.*desk init"):
        Registry(where)
    with pytest.raises(InputError):
        make_registry(where)
    assert raw(where, "SELECT value FROM registry WHERE key = 'schema'") == [(str(tables.SCHEMA - 2),)]
    with pytest.raises((sqlite3.OperationalError, psycopg.errors.UndefinedColumn)):
        raw(where, "SELECT phone FROM customers")

    monkeypatch.setattr(tables, "SCHEMA", tables.SCHEMA - 1)
    assert make_registry(where) == "migrated"
    assert make_registry(where) == "kept"
    assert raw(where, "SELECT phone FROM customers") == [("0",)]
    with Registry(where) as registry, registry.write(NOW, BY) as act:
        act.tell("note")

    monkeypatch.setattr(tables, "SCHEMA", tables.SCHEMA - 1)
    for opened in (Registry, make_registry):
        with pytest.raises(InputError, match=r"newer release.*Update seatkeeper"):
            opened(where)


@pytest.mark.parametrize("kind", KINDS)
def test_two_orders_do_not_take_the_same_place(kind: str, tmp_path: Path) -> None:
    where = filled(kind, tmp_path)
    columns = ", ".join(f'"{column.name}"' for column in tables.orders.columns if column.name != "number")
    all_refused(where, [f"INSERT INTO orders SELECT 'C-3', {columns} FROM orders WHERE number = 'A-0001'"])
    raw(where, "UPDATE orders SET state = 'withdrawn' WHERE number = 'A-0001'")
    registered = columns.replace('"state"', "'registered'")
    raw(where, f"INSERT INTO orders SELECT 'C-3', {registered} FROM orders WHERE number = 'A-0001'")
    # The withdrawn one cannot come back beside it.
    all_refused(where, ["UPDATE orders SET state = 'registered' WHERE number = 'A-0001'"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_registry_has_every_table_and_no_rows(kind: str, tmp_path: Path) -> None:
    assert set(map(len, snapshot(new_registry(kind, tmp_path)).values())) == {0}
