"""What is configured now comes from the Configuration Database on PostgreSQL, or from a file to which its tables were exported.

A file is JSON: one object, table -> list of rows, each an object of column -> value, with the names of the database. So a file is made
by `SELECT json_agg(t) FROM cfg_person t` for each table, and the same rules read both. Names may be in any case; tables and columns that
do not matter may be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters.postgres import Wanted
from seatkeeper.base.errors import InputError
from seatkeeper.usage.snapshots import NEEDED, TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.adapters.postgres import ForeignDatabase

__all__ = ["EXPORT_BYTES_MAX", "read_configuration", "read_export"]

#: As large as an export may be: more than 250,000 people need.
EXPORT_BYTES_MAX: Final = 2 << 30
_TEXTS: Final = frozenset({"name", "user_name", "login_code", "number_", "prop_name", "prop_value", "port_number"})

Tables = dict[str, list[dict[str, Any]]]


def read_configuration(database: ForeignDatabase) -> Tables:
    """The tables that matter, as they are now.

    Raises:
        SeatkeeperError: One that is needed is missing, or the database fails.
    """
    found: Tables = {}
    for table, (needed, others) in TABLES.items():
        if database.has(table) or table in NEEDED:
            wanted = [Wanted(column, (column,), _type(column), required=column in needed) for column in (*needed, *others)]
            found[table] = database.select(table, wanted).to_pylist()
    return found


def _type(column: str) -> str:
    return "text" if column in _TEXTS else "bigint"


def read_export(path: Path) -> Tables:
    """The tables that matter, of an exported file.

    Raises:
        InputError: The file cannot be read, or lacks something.
    """
    try:
        if path.stat().st_size > EXPORT_BYTES_MAX:
            raise InputError("This export is too large.", file=str(path), expected=f"at most {EXPORT_BYTES_MAX >> 20} MiB")
        said = msgspec.json.decode(path.read_bytes(), type=dict[str, list[dict[str, Any]] | None])
    except OSError as error:
        raise InputError(f"This export cannot be read: {error.strerror or error}.", file=str(path)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(
            "This is no export of configuration tables.",
            file=str(path),
            found=str(error),
            expected='JSON such as {"cfg_tenant": [{"dbid": 1, "name": "Harbor"}], "cfg_person": [...]}',
        ) from None
    there = {table.lower(): rows or [] for table, rows in said.items()}
    found: Tables = {}
    for table, (needed, others) in TABLES.items():
        if table not in there:
            if table in NEEDED:
                raise InputError("The export lacks a table.", file=str(path), found=", ".join(sorted(there)), expected=table)
            continue
        found[table] = [_row(path, table, number, row, needed, others) for number, row in enumerate(there[table], 1)]
    return found


def _row(path: Path, table: str, number: int, row: dict[str, Any], needed: tuple[str, ...], others: tuple[str, ...]) -> dict[str, Any]:
    small = {column.lower(): value for column, value in row.items()}
    found = {column: small.get(column) for column in (*needed, *others)}
    for column, value in found.items():
        if value is None and column not in needed:
            continue
        if column in _TEXTS:
            found[column] = "" if value is None else str(value)
            continue
        try:
            found[column] = int("" if value is None else value)
        except (TypeError, ValueError):
            raise InputError(
                f"A row of {table} cannot be used.", file=str(path), found=f"row {number}: {column} {value!r}"[:120], expected="a number"
            ) from None
    return found
