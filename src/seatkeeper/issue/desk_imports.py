"""What customers have from before the desk had a registry comes in as a list, wholly or not at all, and goes out as the same list.

CSV has a head and a row for each entitlement; JSON is the same as objects. An imported order has no text: it counts, and an order
that takes its place is written anew and registered in place of it.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters.registry_engine import retried
from seatkeeper.adapters.registry_exchange import write_rows
from seatkeeper.adapters.registry_values import EntitlementRow, OrderRow
from seatkeeper.adapters.wholefile import PRIVATE, replace_file
from seatkeeper.base.cells import marked, unmarked
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded
from seatkeeper.issue.desk_entitling import Held
from seatkeeper.issue.record import digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seatkeeper.issue.desk import Desk

__all__ = ["FORMAT", "LIST_BYTES_MAX", "TEXT_CHARS_MAX", "import_held", "read_held", "write_held"]

FORMAT: Final = "seatkeeper-entitlements-1"
#: Of one list that comes in.
LIST_BYTES_MAX: Final = 64 * 1024 * 1024
#: Of a name, a number or any other text in it.
TEXT_CHARS_MAX: Final = 100
_SHORT_CHARS_MAX: Final = {"site": 40, "order": 40, "version": 20}
_QUANTITY_MAX: Final = 999_999
_NAMES: Final = tuple(field.name for field in msgspec.structs.fields(Held))
_MAY_BE_EMPTY: Final = ("version", "maintained_from", "maintained_until")


def write_held(rows: Sequence[Held], path: Path) -> None:
    """Let `path` be the list: JSON where it ends with .json, else CSV."""
    if path.suffix != ".json":
        write_rows(path, _NAMES, [[marked(value) if value is not None else "" for value in msgspec.structs.astuple(row)] for row in rows])
        return
    data = msgspec.json.format(msgspec.json.encode({"format": FORMAT, "entitlements": rows}), indent=1)
    try:
        replace_file(path, data, PRIVATE)
    except OSError as error:
        raise InputError(f"This file cannot be written: {error.strerror}.", file=str(path)) from None


def read_held(path: Path, purposes: Sequence[str]) -> list[tuple[int, Held]]:
    """The rows of a list, each with its line (of JSON: its number).

    Args:
        path: The list.
        purposes: For what licenses can be.

    Raises:
        InputError: It cannot be read, or a row is not one that can be kept.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LIST_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
    if len(data) > LIST_BYTES_MAX:
        raise InputError("This file is too large.", file=str(path), expected=f"at most {LIST_BYTES_MAX:,} bytes")
    rows = _read_json(data, path) if path.suffix == ".json" else _read_csv(data, path)
    return [(line, _checked(row, purposes, str(path), line)) for line, row in rows]


@retried
def import_held(desk: Desk, rows: Sequence[tuple[int, Held]], name: str) -> tuple[int, int]:
    """How many orders and rows are new in the registry.

    Raises:
        InputError: An order is there otherwise, or its rows do not agree on whose it is; nothing was brought in.
    """
    by_order: dict[str, list[tuple[int, Held]]] = {}
    for line, row in rows:
        by_order.setdefault(row.order, []).append((line, row))
    orders = count = 0
    with desk.registry.write(desk.now, desk.by) as act:
        for number, lines in by_order.items():
            first_line, first = lines[0]
            seen: set[tuple[str, str]] = set()
            for line, row in lines:
                if (row.site, folded(row.customer), row.purpose) != (first.site, folded(first.customer), first.purpose):
                    message = f"Order {number} has another customer, site or purpose on line {first_line}."
                    raise InputError(message, file=name, line=line, remedy="Give each order one of each.")
                if (row.kind, folded(row.name)) in seen:
                    raise InputError(f"Order {number} has this name twice.", file=name, line=line, found=row.name)
                seen.add((row.kind, folded(row.name)))
            wanted = [_row(at, row) for at, (_, row) in enumerate(lines)]
            if act.find_order(number) is not None:
                if {_compared(row) for row in act.entitlements(number) if row.quantity} == {_compared(row) for row in wanted}:
                    continue
                remedy = "Take its rows out of the list; changes of it are `seatkeeper desk add`, `return` and others."
                raise InputError(f"The registry has order {number} otherwise.", file=name, line=first_line, remedy=remedy)
            act.place_site(first.site, first.customer)
            act.add_order(_order(desk, act.at, [row for _, row in lines]), wanted)
            act.tell("import", site=first.site, order=number, rows=len(wanted))
            orders += 1
            count += len(wanted)
    return orders, count


def _row(at: int, row: Held) -> EntitlementRow:
    quantity = row.quantity
    days = row.maintained_from, row.maintained_until
    return EntitlementRow(row.order, at, row.kind, row.name, row.type, row.unit, row.version, quantity, quantity, row.expires, *days)


def _compared(row: EntitlementRow) -> EntitlementRow:
    """The row without its place in the order and what it changed of the one before, which no list says."""
    return msgspec.structs.replace(row, position=0, change=0)


def _order(desk: Desk, at: str, rows: Sequence[Held]) -> OrderRow:
    first = rows[0]
    return OrderRow(
        number=first.order,
        site=first.site,
        act="imported",
        previous=None,
        state="issued",
        purpose=first.purpose,
        # "permanent" comes after every day.
        expires=min(row.expires for row in rows),
        terms="{}",
        details="{}",
        text="",
        received="",
        sha256=digest_of(""),
        hostids="",
        day=desk.today.isoformat(),
        at=at,
    )


def _read_csv(data: bytes, path: Path) -> list[tuple[int, dict[str, Any]]]:
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        head = next(reader, [])
        if tuple(head) != _NAMES:
            raise InputError(
                "The head of this list is another one.", file=str(path), line=1, found=",".join(head), expected=",".join(_NAMES)
            )
        rows = []
        for cells in reader:
            if len(cells) != len(_NAMES):
                expected = f"{len(_NAMES)} cells"
                raise InputError("This row has another number of cells.", file=str(path), line=reader.line_num, expected=expected)
            row: dict[str, Any] = dict(zip(_NAMES, (unmarked(cell.strip()) for cell in cells), strict=True))
            if row["quantity"].isascii() and row["quantity"].isdigit() and len(row["quantity"]) <= len(str(_QUANTITY_MAX)):
                row["quantity"] = int(row["quantity"])
            rows.append((reader.line_num, row))
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError("This is no list in CSV.", file=str(path), found=str(error)) from None
    return rows


def _read_json(data: bytes, path: Path) -> list[tuple[int, dict[str, Any]]]:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("This is not JSON.", file=str(path), found=str(error)) from None
    rows = found.get("entitlements") if isinstance(found, dict) and found.get("format") == FORMAT else None
    if not isinstance(rows, list):
        raise InputError("This is no list of entitlements.", file=str(path), expected=f'"format": "{FORMAT}"')
    for at, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not set(row) <= set(_NAMES):
            raise InputError(f"Entitlement {at} cannot be read.", file=str(path), expected=", ".join(_NAMES))
    return list(enumerate(rows, 1))


def _checked(row: dict[str, Any], purposes: Sequence[str], name: str, line: int) -> Held:
    """The row as a value.

    Raises:
        InputError: Something about it is wrong.
    """

    def refuse(field: str, expected: str) -> InputError:
        return InputError(f"This cannot be kept as {field}.", file=name, line=line, found=str(row.get(field, ""))[:80], expected=expected)

    for field in _NAMES:
        value = row.get(field)
        if field == "quantity":
            if type(value) is not int or not 1 <= value <= _QUANTITY_MAX:
                raise refuse(field, f"a whole number from 1 to {_QUANTITY_MAX:,}")
            continue
        if value in (None, "") and field in _MAY_BE_EMPTY:
            continue
        longest = _SHORT_CHARS_MAX.get(field, TEXT_CHARS_MAX)
        if not isinstance(value, str) or not value or len(value) > longest or not value.isprintable():
            raise refuse(field, f"a text of at most {longest} characters")
    for field, words in (("kind", ("item", "license")), ("purpose", purposes), ("type", ("permanent", "temporary"))):
        if row[field] not in words:
            raise refuse(field, " or ".join(words))
    for field in ("expires", "maintained_from", "maintained_until"):
        value = row.get(field)
        if value and not _is_day(value) and (field, value) != ("expires", "permanent"):
            raise refuse(field, "a day as 2027-06-30" + (", or permanent" if field == "expires" else ""))
    if (row["type"] == "permanent") != (row["expires"] == "permanent"):
        raise refuse("expires", "permanent for permanent licenses, and a day for temporary ones")
    empty = {"version": row.get("version") or "", **{each: row.get(each) or None for each in ("maintained_from", "maintained_until")}}
    return Held(**{**row, **empty})


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
