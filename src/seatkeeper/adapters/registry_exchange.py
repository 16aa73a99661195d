r"""A registry goes into files of JSON or CSV and comes back whole, or not at all.

JSON is one file with every table; CSV is a directory with a file for each. A cell of CSV that a spreadsheet would take for a formula
has a backslash before it, and `\N` is nothing at all; both are taken back when it comes in. What is brought in must be a registry in
itself, its history an unbroken chain. Rows that are there already, the same, are left alone; one that is there otherwise is a
conflict, and then nothing is brought in.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from seatkeeper.adapters import registry_tables as tables
from seatkeeper.adapters.registry_chain import chain_faults
from seatkeeper.adapters.wholefile import PRIVATE, whole_file
from seatkeeper.base.cells import marked, unmarked
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Column, Table

    from seatkeeper.adapters.registry import Act
    from seatkeeper.adapters.registry_reading import View

__all__ = [
    "CONFLICTS_SHOWN_MAX",
    "FORMAT",
    "IMPORT_BYTES_MAX",
    "Placed",
    "export_csv",
    "export_json",
    "import_rows",
    "read_export",
    "write_rows",
]

FORMAT: Final = "seatkeeper-registry-1"
#: Of one file that is brought in.
IMPORT_BYTES_MAX: Final = 512 * 1024 * 1024
CONFLICTS_SHOWN_MAX: Final = 10
_SHOWN_CHARS_MAX: Final = 80
_REMEDY: Final = "Take what `seatkeeper desk export` wrote, as it is."

#: A cell of CSV is as large as a license file may be.
_CELL_CHARS_MAX: Final = 64 * 1024 * 1024
_WHOLE: Final = re.compile(r"-?[0-9]{1,10}")
#: What stands in a cell where the table has nothing; empty texts are empty.
_NOTHING: Final = "\\N"
#: Whole numbers of both databases.
_NUMBER_MAX: Final = 2**31 - 1


class Placed(NamedTuple):
    """A row of an export, with the place where it stands: file, and line and column where the file has them."""

    row: dict[str, Any]
    file: str
    line: int


Rows = dict[str, list[Placed]]


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
        rows = [[_cell(value) for value in row.values()] for row in view.rows(table.name)]
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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("This is not JSON.", file=str(path), found=str(error), remedy=_REMEDY) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or not isinstance(found.get("tables"), dict):
        raise InputError("This is no export of a registry.", file=str(path), expected=f'"format": "{FORMAT}"', remedy=_REMEDY)
    if found.get("schema") != tables.SCHEMA:
        expected = f"schema {tables.SCHEMA}"
        raise InputError("This export is of another release.", file=str(path), found=f"schema {found.get('schema')}", expected=expected)
    return {
        table.name: [
            Placed(_typed(row, table, str(path), 0, f"Row {at} of {table.name}"), str(path), 0)
            for at, row in enumerate(_list(found, table, path), 1)
        ]
        for table in tables.TABLES
    }


def import_rows(act: Act, rows: Rows, name: str) -> int:
    """How many rows are new in the registry; the block of the act must end for them to be kept.

    Raises:
        InputError: A row is there otherwise, or the history would not be whole.
    """
    conflicts: list[tuple[str, Placed, int]] = []
    new: list[tuple[Table, dict[str, Any]]] = []
    known: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
    for table in tables.TABLES:
        keys = [column.name for column in table.primary_key]
        held = known[table.name] = {tuple(row[key] for key in keys): row for row in act.rows(table.name)}
        for placed in _parents_first(table, rows[table.name]):
            row = placed.row
            at = tuple(row[key] for key in keys)
            if at not in held:
                _check_references(table, placed, known)
                new.append((table, row))
                held[at] = row
            elif held[at] != row:
                column = next(n for n, key in enumerate(row, 1) if held[at][key] != row[key])
                conflicts.append((f"{table.name} {' '.join(map(str, at))}: {list(row)[column - 1]}", placed, column))
    if conflicts:
        more = f" and {len(conflicts) - CONFLICTS_SHOWN_MAX} more" if len(conflicts) > CONFLICTS_SHOWN_MAX else ""
        _, first, column = conflicts[0]
        raise InputError(
            "The registry has other rows of these names, so nothing was brought in.",
            file=first.file or name,
            line=first.line,
            column=column if first.line else 0,
            found=", ".join(what for what, _, _ in conflicts[:CONFLICTS_SHOWN_MAX]) + more,
            remedy="Bring it into a new registry: `seatkeeper desk init` makes one.",
        )
    for table, row in new:
        act.insert(table.name, row)
    faults = chain_faults(act.history(), act.last_number("history"))
    if faults:
        raise InputError(f"The history would not be whole, so nothing was brought in: {faults[0]}", file=name, remedy=_REMEDY)
    return len(new)


def _cell(value: Any) -> Any:
    return _NOTHING if value is None else marked(value)


def _uncell(cell: str) -> str | None:
    return None if cell == _NOTHING else unmarked(cell)


def _parents_first(table: Table, rows: list[Placed]) -> list[Placed]:
    """The rows in an order in which those that refer to rows of the same table come after these."""
    inner = [(column.name, key.column.name) for column in table.columns for key in column.foreign_keys if key.column.table is table]
    if not inner:
        return rows
    [(child, parent)] = inner
    waiting: dict[Any, list[Placed]] = {}
    names = {placed.row[parent] for placed in rows}
    done = []
    for placed in rows:
        if placed.row[child] in names:
            waiting.setdefault(placed.row[child], []).append(placed)
        else:
            done.append(placed)
    for placed in done:  # It grows while we go along it.
        done += waiting.pop(placed.row[parent], [])
    if waiting:
        by_name = {placed.row[parent]: placed for placed in rows}
        at = next(iter(waiting.values()))[0]
        seen = set()
        while at.row[parent] not in seen:  # What leads to a circle is no part of it.
            seen.add(at.row[parent])
            at = by_name[at.row[child]]
        raise InputError("This row follows itself.", file=at.file, line=at.line, found=str(at.row[parent]), remedy=_REMEDY)
    return done


def _check_references(table: Table, placed: Placed, known: dict[str, dict[tuple[Any, ...], dict[str, Any]]]) -> None:
    """Raises an InputError where a row refers to one that neither the registry nor the export has."""
    for at, column in enumerate(table.columns, 1):
        value = placed.row[column.name]
        for key in column.foreign_keys:
            other = key.column.table.name
            if value is not None and (value,) not in known[other]:
                raise InputError(
                    f"This row of {table.name} refers to one of {other} that is not there.",
                    file=placed.file,
                    line=placed.line,
                    column=at if placed.line else 0,
                    found=str(value),
                    remedy=_REMEDY,
                )


def _list(found: dict[str, Any], table: Table, path: Path) -> list[Any]:
    rows = found["tables"].get(table.name)
    if not isinstance(rows, list):
        raise InputError(f"The export has no table {table.name}.", file=str(path), remedy=_REMEDY)
    return rows


def _read_csv(path: Path, table: Table) -> list[Placed]:
    csv.field_size_limit(_CELL_CHARS_MAX)
    names = [column.name for column in table.columns]
    placed: list[Placed] = []
    line = 1
    try:
        reader = csv.reader(io.StringIO(_read(path).decode(), newline=""), strict=True)
        head = next(reader, [])
        if head != names:
            raise InputError(
                "The head of this table is another one.",
                file=str(path),
                line=1,
                found=",".join(head)[:_SHOWN_CHARS_MAX],
                expected=",".join(names),
                remedy=_REMEDY,
            )
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) != len(names):
                expected = f"{len(names)} cells"
                raise InputError(
                    "This row has other columns than the table.",
                    file=str(path),
                    line=line,
                    found=f"{len(cells)} cells",
                    expected=expected,
                    remedy=_REMEDY,
                )
            row = {name: _uncell(cell) for name, cell in zip(names, cells, strict=True)}
            placed.append(Placed(_typed(row, table, str(path), line, "This row"), str(path), line))
            # A row may have several lines, where a text in it has.
            line = reader.line_num + 1
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(
            "This is no table of an export.", file=str(path), line=line, found=str(error)[:_SHOWN_CHARS_MAX], remedy=_REMEDY
        ) from None
    return placed


def _typed(row: Any, table: Table, file: str, line: int, what: str) -> dict[str, Any]:
    """The row with numbers where the table has numbers, in the table's order.

    Raises:
        InputError: It is not one of this table.
    """
    names = [column.name for column in table.columns]
    if not isinstance(row, dict) or set(row) != set(names):
        raise InputError(f"{what} has other columns than the table.", file=file, line=line, expected=", ".join(names), remedy=_REMEDY)
    typed = {}
    for at, column in enumerate(table.columns, 1):
        value = row[column.name]
        if column.type.python_type is int and isinstance(value, str) and _WHOLE.fullmatch(value):
            value = int(value)
        expected = _fault(value, column)
        if expected:
            raise InputError(
                f"{what} cannot be used: {column.name}.",
                file=file,
                line=line,
                column=at if line else 0,
                found=str(value)[:_SHOWN_CHARS_MAX],
                expected=expected,
                remedy=_REMEDY,
            )
        typed[column.name] = value
    return typed


def _fault(value: Any, column: Column[Any]) -> str:
    """What is expected where a value is none of a column's; empty where it is."""
    if value is None:
        return "" if column.nullable else "a value"
    if column.type.python_type is int:
        good = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _NUMBER_MAX
        return "" if good else f"a whole number of at most {_NUMBER_MAX}"
    if not isinstance(value, str):
        return "a text"
    length = getattr(column.type, "length", None)
    if length is not None and len(value) > length:
        return f"at most {length} characters"
    # PostgreSQL keeps no NUL.
    return "a text without NUL" if "\0" in value else ""


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
