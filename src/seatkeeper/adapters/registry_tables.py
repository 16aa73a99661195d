"""The registry's tables, and what the database itself refuses: to change or to forget what was issued and what was done.

Every value is a text or a whole number, so that both databases keep it alike and an export shows it as it is. Days are written
2026-03-14 and moments 2026-03-14T09:30:00Z; a license that never expires has `permanent` for its last day.

Triggers hold what must not depend on the program that writes. Rows of `FROZEN` never change but in the columns named there, a
signed text is written once, and no row that tells of the past is deleted. Somebody who owns the database can drop the triggers;
the chain of the history (`registry_chain`) tells then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, inspect, text

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "EMPTY_HASH",
    "FROZEN",
    "MIGRATIONS",
    "NUMBER_CHARS_MAX",
    "SCHEMA",
    "TABLES",
    "create",
    "customers",
    "deliveries",
    "entitlements",
    "files",
    "history",
    "keys",
    "meta",
    "migrate",
    "moves",
    "names_taken",
    "numbers",
    "orders",
    "renewals",
    "sites",
]

#: The version of these tables; a registry of a newer one is refused, an older one is brought up by `MIGRATIONS`.
SCHEMA: Final = 1
#: Of an order's, a site's or a file's number.
NUMBER_CHARS_MAX: Final = 40
#: What the first row of the history follows.
EMPTY_HASH: Final = "0" * 64

_DATA: Final = MetaData()
_NUMBER: Final = String(NUMBER_CHARS_MAX)
_MOMENT: Final = String(20)
_DAY: Final = String(10)
_HASH: Final = String(64)
_WORD: Final = String(20)
#: SQLite gives other rows a second, hidden key, by which INSERT OR REPLACE could get rid of them.
_KEYED: Final[dict[str, Any]] = {"sqlite_with_rowid": False}

#: What the registry knows of itself: the version of its schema.
meta: Final = Table("registry", _DATA, Column("key", _WORD, primary_key=True), Column("value", Text, nullable=False))

#: The last number drawn of each kind.
numbers: Final = Table("numbers", _DATA, Column("kind", _WORD, primary_key=True), Column("last", Integer, nullable=False), **_KEYED)

customers: Final = Table(
    "customers",
    _DATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    # As names compare: one customer is not written twice for a blank or a capital letter.
    Column("folded", Text, nullable=False, unique=True),
    Column("since", _MOMENT, nullable=False),
)

sites: Final = Table(
    "sites",
    _DATA,
    Column("number", _NUMBER, primary_key=True),
    Column("customer", ForeignKey(customers.c.id), nullable=False),
    Column("since", _MOMENT, nullable=False),
)

orders: Final = Table(
    "orders",
    _DATA,
    Column("number", _NUMBER, primary_key=True),
    Column("site", ForeignKey(sites.c.number), nullable=False),
    # What it is: order, add, upgrade, return, move, renew, reissue, change, end or imported.
    Column("act", _WORD, nullable=False),
    # The order whose place this one takes.
    Column("previous", ForeignKey("orders.number"), nullable=True),
    # registered -> issued -> superseded or ended; registered -> withdrawn.
    Column("state", _WORD, nullable=False),
    Column("purpose", _WORD, nullable=False),
    Column("expires", _DAY, nullable=False),
    # The order's table [order] as JSON.
    Column("terms", Text, nullable=False),
    # What an act changed, as JSON.
    Column("details", Text, nullable=False),
    # The TOML as it is issued from, and as it came: they differ where the number was drawn here.
    Column("text", Text, nullable=False),
    Column("received", Text, nullable=False),
    Column("sha256", _HASH, nullable=False),
    # Host ids of its license servers, with blanks between them.
    Column("hostids", Text, nullable=False),
    # On which it was checked.
    Column("day", _DAY, nullable=False),
    Column("at", _MOMENT, nullable=False),
    **_KEYED,
)
# One order takes the place of another, unless it was withdrawn: two desks cannot both change the same one.
Index(
    "orders_previous",
    orders.c.previous,
    unique=True,
    sqlite_where=text("state <> 'withdrawn'"),
    postgresql_where=text("state <> 'withdrawn'"),
)

entitlements: Final = Table(
    "entitlements",
    _DATA,
    Column("order", ForeignKey(orders.c.number), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    # item or license.
    Column("kind", _WORD, nullable=False),
    Column("name", Text, nullable=False),
    # permanent or temporary.
    Column("type", _WORD, nullable=False),
    Column("unit", Text, nullable=False),
    Column("version", _WORD, nullable=False),
    Column("quantity", Integer, nullable=False),
    # Against the order before: along a row of orders the changes add up to the quantity.
    Column("change", Integer, nullable=False),
    Column("expires", _DAY, nullable=False),
    Column("maintained_from", _DAY, nullable=True),
    Column("maintained_until", _DAY, nullable=True),
    **_KEYED,
)

files: Final = Table(
    "files",
    _DATA,
    Column("number", _NUMBER, primary_key=True),
    Column("order", ForeignKey(orders.c.number), nullable=False),
    # complete or delta.
    Column("kind", _WORD, nullable=False),
    # intended -> signed -> placed -> retired; an attempt that broke off goes from intended to retired.
    Column("state", _WORD, nullable=False),
    Column("why", Text, nullable=False),
    Column("vendor", Text, nullable=False),
    Column("issuer", _WORD, nullable=False),
    # Of the SERVER lines, with blanks between them.
    Column("hostids", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("issued", _DAY, nullable=False),
    Column("expires", _DAY, nullable=False),
    Column("unsigned", Text, nullable=False),
    Column("sha256", _HASH, nullable=False),
    Column("signed", Text, nullable=True),
    Column("signed_sha256", _HASH, nullable=True),
    Column("intended_at", _MOMENT, nullable=False),
    Column("signed_at", _MOMENT, nullable=True),
    Column("placed_at", _MOMENT, nullable=True),
    Column("retired_at", _MOMENT, nullable=True),
    **_KEYED,
)
# An order is issued once for each license server: of two desks at it at once the second cannot keep what it signed.
_LIVE: Final = "state IN ('signed', 'placed')"
Index("files_live", files.c.order, files.c.hostids, unique=True, sqlite_where=text(_LIVE), postgresql_where=text(_LIVE))

deliveries: Final = Table(
    "deliveries",
    _DATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("file", ForeignKey(files.c.number), nullable=False),
    # file, mail, drop folder, or whatever the desk says.
    Column("how", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("at", _MOMENT, nullable=False),
)

renewals: Final = Table(
    "renewals",
    _DATA,
    Column("order", ForeignKey(orders.c.number), primary_key=True),
    Column("previous", ForeignKey(orders.c.number), nullable=False),
    Column("expired", _DAY, nullable=False),
    Column("expires", _DAY, nullable=False),
    Column("at", _MOMENT, nullable=False),
    **_KEYED,
)

moves: Final = Table(
    "moves",
    _DATA,
    Column("order", ForeignKey(orders.c.number), primary_key=True),
    Column("previous", ForeignKey(orders.c.number), nullable=False),
    Column("old_hostid", Text, nullable=False),
    Column("new_hostid", Text, nullable=False),
    Column("at", _MOMENT, nullable=False),
    **_KEYED,
)

keys: Final = Table(
    "keys",
    _DATA,
    Column("issuer", _WORD, primary_key=True),
    Column("vendor", Text, nullable=False),
    Column("first", _MOMENT, nullable=False),
    Column("last", _MOMENT, nullable=False),
    Column("files", Integer, nullable=False),
)

history: Final = Table(
    "history",
    _DATA,
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("at", _MOMENT, nullable=False),
    # Who was at the desk.
    Column("by", Text, nullable=False),
    Column("act", _WORD, nullable=False),
    Column("customer", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("order", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", _HASH, nullable=False),
    Column("hash", _HASH, nullable=False),
)

#: Every table that an export has, in an order in which rows find what they refer to.
TABLES: Final[tuple[Table, ...]] = (numbers, customers, sites, orders, entitlements, files, deliveries, renewals, moves, keys, history)

#: Tables whose rows stay as they were written -> the columns that may change all the same.
FROZEN: Final[dict[str, frozenset[str]]] = {
    "numbers": frozenset({"last"}),
    "history": frozenset(),
    "deliveries": frozenset(),
    "renewals": frozenset(),
    "moves": frozenset(),
    "orders": frozenset({"state"}),
    "entitlements": frozenset({"maintained_from", "maintained_until"}),
    "files": frozenset({"state", "why", "signed", "signed_sha256", "signed_at", "placed_at", "retired_at"}),
}
#: Columns of files that are written once.
_ONCE: Final = ("signed", "signed_sha256", "signed_at")

#: Schema version -> what makes the next one of it.
MIGRATIONS: Final[dict[int, Callable[[Connection], None]]] = {}


def names_taken(connection: Connection) -> list[str]:
    """The tables of a database that has no registry, but would have them otherwise in its place."""
    ours = {table.name for table in _DATA.sorted_tables}
    return sorted(ours & set(inspect(connection).get_table_names()))


def create(connection: Connection) -> None:
    """Let an empty database have the tables and the triggers."""
    _DATA.create_all(connection)
    for statement in _triggers(connection.dialect.name):
        connection.exec_driver_sql(statement)
    connection.execute(meta.insert().values(key="schema", value=str(SCHEMA)))


def migrate(connection: Connection, found: int) -> None:
    """Bring the tables from the version `found` up to `SCHEMA`, step by step."""
    for version in range(found, SCHEMA):
        MIGRATIONS[version](connection)
    connection.execute(meta.update().where(meta.c.key == "schema").values(value=str(SCHEMA)))


def _triggers(dialect: str) -> list[str]:
    statements = [_POSTGRESQL_FUNCTION] if dialect == "postgresql" else []
    for table in TABLES:
        if table.name not in FROZEN:
            continue
        fixed = [column.name for column in table.columns if column.name not in FROZEN[table.name]]
        changed = " OR ".join(f'NEW."{name}" IS DISTINCT FROM OLD."{name}"' for name in fixed)
        if table.name == "files":
            changed += "".join(f' OR (OLD."{name}" IS NOT NULL AND NEW."{name}" IS DISTINCT FROM OLD."{name}")' for name in _ONCE)
        elif table.name == "numbers":
            changed += ' OR NEW."last" < OLD."last"'
        statements += _of_postgresql(table.name, changed) if dialect == "postgresql" else _of_sqlite(table, changed)
    return statements


def _of_sqlite(table: Table, changed: str) -> list[str]:
    name = table.name
    changed = changed.replace("IS DISTINCT FROM", "IS NOT")  # What SQLite before 3.39 understands, too.
    same = " AND ".join(f'"{column.name}" = NEW."{column.name}"' for column in table.primary_key)
    refuse = f"BEGIN SELECT RAISE(ABORT, 'the registry never changes rows of {name}'); END"
    alone = []
    for index in table.indexes:
        # INSERT OR REPLACE and UPDATE OR REPLACE would delete the row that is in the way by a unique index, too.
        where = index.dialect_options["sqlite"]["where"].text
        twin = " AND ".join(f'"{column.name}" = NEW."{column.name}"' for column in index.columns)
        when = f"EXISTS (SELECT 1 FROM {name} WHERE {twin} AND {where} AND NEW.{where} AND NOT ({same}))"
        full = f"BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {index.name}'); END"
        alone += [f"CREATE TRIGGER {index.name}_{at.lower()} BEFORE {at} ON {name} WHEN {when} {full}" for at in ("INSERT", "UPDATE")]
    return [
        *alone,
        f"CREATE TRIGGER {name}_stay BEFORE UPDATE ON {name} WHEN {changed} {refuse}",
        f"CREATE TRIGGER {name}_remain BEFORE DELETE ON {name} {refuse}",
        # INSERT OR REPLACE deletes without asking the trigger above.
        f"CREATE TRIGGER {name}_once BEFORE INSERT ON {name} WHEN EXISTS (SELECT 1 FROM {name} WHERE {same}) {refuse}",
    ]


def _of_postgresql(name: str, changed: str) -> list[str]:
    refuse = "EXECUTE FUNCTION registry_refuses()"
    return [
        f"CREATE TRIGGER {name}_stay BEFORE UPDATE ON {name} FOR EACH ROW WHEN ({changed}) {refuse}",
        f"CREATE TRIGGER {name}_remain BEFORE DELETE ON {name} FOR EACH ROW {refuse}",
        f"CREATE TRIGGER {name}_whole BEFORE TRUNCATE ON {name} FOR EACH STATEMENT {refuse}",
    ]


_POSTGRESQL_FUNCTION: Final = """\
CREATE OR REPLACE FUNCTION registry_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = 'the registry never changes rows of ' || TG_TABLE_NAME;
END $$"""
