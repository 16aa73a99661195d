"""A registry goes into files of JSON or CSV and comes back whole, or not at all.

JSON is one file with every table; CSV is a directory with a file for each. What is brought in must be a registry in itself, its history
an unbroken chain. Rows that are there already, the same, are left alone; one that is there otherwise is a conflict, and then
nothing is brought in.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters import registry_tables as tables
from seatkeeper.adapters.registry_chain import chain_faults
from seatkeeper.adapters.wholefile import PRIVATE, whole_file
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Table

    from seatkeeper.adapters.registry import Act
    from seatkeeper.adapters.registry_reading import View

__all__ = ["CONFLICTS_SHOWN_MAX", "FORMAT", "IMPORT_BYTES_MAX", "export_csv", "export_json", "import_rows", "read_export", "write_rows"]

FORMAT: Final = "seatkeeper-registry-1"
#: Of one file that is brought in.
IMPORT_BYTES_MAX: Final = 512 * 1024 * 1024
CONFLICTS_SHOWN_MAX: Final = 10

#: A cell of CSV is as large as a license file may be.
_CELL_CHARS_MAX: Final = 64 * 1024 * 1024
_WHOLE: Final = re.compile(r"-?[0-9]{1,10}")
#: What stands in a cell where the table has nothing; empty texts are empty.
_NOTHING: Final = "\\N"

Rows = dict[str, list[dict[str, Any]]]


def export_json(view: View, path: Path) -> int:
    """How many rows the file has that is at `path` now."""
    rows = {table.name: list(view.rows(table.name)) for table in tables.TABLES}
    data = msgspec.json.encode({"format": FORMAT, "schema": tables.SCHEMA, "tables": rows})
    _write(path, msgspec.json.format(data, indent=1))
    return sum(map(len, rows.values()))


def export_csv(view: View, directory: Path) -> int:
    """How many rows the files have that are in `directory` now, one for each table."""
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise InputError(f"The directory cannot be made: {error.strerror}.", file=str(directory)) from None
    count = 0
    for table in tables.TABLES:
        rows = [[_NOTHING if value is None else value for value in row.values()] for row in view.rows(table.name)]
        write_rows(directory / f"{table.name}.csv", [column.name for column in table.columns], rows)
        count += len(rows)
    return count


def write_rows(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Let `path` be a CSV file with a head."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    _write(path, text.getvalue().encode())


def read_export(path: Path) -> Rows:
    """The rows of each table in a file of JSON or a directory of CSV.

    Raises:
        InputError: It cannot be read, or is no export.
    """
    if path.is_dir():
        return {table.name: _read_csv(path / f"{table.name}.csv", table) for table in tables.TABLES}
    try:
        found = msgspec.json.decode(_read(path))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("This is not JSON.", file=str(path), found=str(error), remedy=_REMEDY) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or not isinstance(found.get("tables"), dict):
        raise InputError("This is no export of a registry.", file=str(path), expected=f'"format": "{FORMAT}"', remedy=_REMEDY)
    if found.get("schema") != tables.SCHEMA:
        expected = f"schema {tables.SCHEMA}"
        raise InputError("This export is of another release.", file=str(path), found=f"schema {found.get('schema')}", expected=expected)
    return {
        table.name: [_typed(row, table, str(path), at) for at, row in enumerate(_list(found, table, path), 1)] for table in tables.TABLES
    }


def import_rows(act: Act, rows: Rows, name: str) -> int:
    """How many rows are new in the registry; the block of the act must end for them to be kept.

    Raises:
        InputError: A row is there otherwise, or the history would not be whole.
    """
    conflicts: list[str] = []
    new = 0
    for table in tables.TABLES:
        keys = [column.name for column in table.primary_key]
        held = {tuple(row[key] for key in keys): row for row in act.rows(table.name)}
        for row in sorted(rows[table.name], key=lambda row: row["at"]) if table.name == "orders" else rows[table.name]:
            at = tuple(row[key] for key in keys)
            if at not in held:
                act.insert(table.name, row)
                held[at] = row
                new += 1
            elif held[at] != row:
                conflicts.append(f"{table.name} {' '.join(map(str, at))}")
    if conflicts:
        more = f" and {len(conflicts) - CONFLICTS_SHOWN_MAX} more" if len(conflicts) > CONFLICTS_SHOWN_MAX else ""
        raise InputError(
            "The registry has other rows of these names, so nothing was brought in.",
            file=name,
            found=", ".join(conflicts[:CONFLICTS_SHOWN_MAX]) + more,
            remedy="Bring it into a new registry: `seatkeeper desk init` makes one.",
        )
    faults = chain_faults(act.history())
    if faults:
        raise InputError(f"The history would not be whole, so nothing was brought in: {faults[0]}", file=name, remedy=_REMEDY)
    return new


_REMEDY: Final = "Take what `seatkeeper desk export` wrote, as it is."


def _list(found: dict[str, Any], table: Table, path: Path) -> list[Any]:
    rows = found["tables"].get(table.name)
    if not isinstance(rows, list):
        raise InputError(f"The export has no table {table.name}.", file=str(path), remedy=_REMEDY)
    return rows


def _read_csv(path: Path, table: Table) -> list[dict[str, Any]]:
    csv.field_size_limit(_CELL_CHARS_MAX)
    try:
        reader = csv.reader(io.StringIO(_read(path).decode(), newline=""), strict=True)
        head = next(reader, [])
        names = [column.name for column in table.columns]
        if head != names:
            raise InputError(
                "The head of this table is another one.", file=str(path), line=1, found=",".join(head), expected=",".join(names)
            )
        return [
            _typed({name: None if cell == _NOTHING else cell for name, cell in zip(names, row, strict=True)}, table, str(path), at)
            for at, row in enumerate(reader, 1)
        ]
    except (csv.Error, UnicodeDecodeError, ValueError) as error:
        raise InputError("This is no table of an export.", file=str(path), found=str(error), remedy=_REMEDY) from None


def _typed(row: Any, table: Table, name: str, at: int) -> dict[str, Any]:
    """The row with numbers where the table has numbers.

    Raises:
        InputError: It is not one of this table.
    """
    names = {column.name for column in table.columns}
    if not isinstance(row, dict) or set(row) != names:
        raise InputError(f"Row {at} of {table.name} has other columns than the table.", file=name, expected=", ".join(sorted(names)))
    typed = {}
    for column in table.columns:
        value = row[column.name]
        if column.type.python_type is int and isinstance(value, str) and _WHOLE.fullmatch(value):
            value = int(value)
        good = column.nullable if value is None else isinstance(value, column.type.python_type) and not isinstance(value, bool)
        if not good:
            raise InputError(
                f"Row {at} of {table.name} cannot be used.", file=name, found=str(value)[:80], expected=f"a value for {column.name}"
            )
        typed[column.name] = value
    return typed


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(IMPORT_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
    if len(data) > IMPORT_BYTES_MAX:
        raise InputError("This file is too large.", file=str(path), expected=f"at most {IMPORT_BYTES_MAX:,} bytes")
    return data


def _write(path: Path, data: bytes) -> None:
    try:
        # It names every customer.
        with whole_file(path, PRIVATE) as file:
            file.write(data)
    except OSError as error:
        raise InputError(f"This file cannot be written: {error.strerror}.", file=str(path)) from None
