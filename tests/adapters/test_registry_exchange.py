"""Proves that a registry goes from one database to the other and back without a difference, and that a bad export changes nothing."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatkeeper.adapters import registry_exchange as exchange
from seatkeeper.adapters import registry_tables as tables
from seatkeeper.adapters.registry import Registry
from seatkeeper.adapters.registry_exchange import export_csv, export_json, import_rows, read_export, write_rows
from seatkeeper.base.errors import InputError
from support.registries import BY, KINDS, NOW, ORDER, fill, filled, new_registry, raw, snapshot, without_triggers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORMATS = ("json", "csv")


def exported(where: str, kind: str, directory: Path) -> Path:
    path = directory / f"export-{kind}"
    with Registry(where) as registry, registry.read() as view:
        assert (export_json if kind == "json" else export_csv)(view, path) == sum(map(len, snapshot(where).values()))
    return path


def imported(where: str, path: Path) -> int:
    rows = read_export(path)
    with Registry(where) as registry, registry.write(NOW + 99, "another") as act:
        return import_rows(act, rows, str(path))


def refused(where: str, path: Path, words: str) -> InputError:
    """The sentence with which an export is refused; nothing of it is in the registry."""
    before = snapshot(where)
    with pytest.raises(InputError, match=words) as caught:
        imported(where, path)
    assert snapshot(where) == before
    assert len(str(caught.value)) < 2000
    return caught.value


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("source", "goal"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_every_table_goes_over_and_comes_back_the_same(source: str, goal: str, form: str, tmp_path: Path) -> None:
    where = filled(source, tmp_path)
    before = snapshot(where)
    assert set(map(bool, before.values())) == {True}
    count = sum(map(len, before.values()))
    there = new_registry(goal, tmp_path)
    assert imported(there, exported(where, form, tmp_path)) == count
    assert snapshot(there) == before
    # Twice adds nothing, and the registry goes on.
    assert imported(there, tmp_path / f"export-{form}") == 0
    assert snapshot(there) == before
    with Registry(there) as registry, registry.write(NOW, BY) as act:
        assert act.draw("file") == 2
        act.tell("note")
    # What went on there comes home as far as it does not contradict; the numbers do.
    refused(where, exported(there, form, tmp_path), r"has other rows of these names.*numbers file: last")
    (tmp_path / "again").mkdir()
    assert imported(new_registry(source, tmp_path / "again"), tmp_path / f"export-{form}") == count + 1


def test_the_files_are_for_their_owner_only_and_stay_where_they_cannot_be_written(tmp_path: Path) -> None:
    where = filled("sqlite", tmp_path)
    assert exported(where, "json", tmp_path).stat().st_mode & 0o777 == 0o600
    directory = exported(where, "csv", tmp_path)
    assert {path.name for path in directory.iterdir()} == {f"{table.name}.csv" for table in tables.TABLES}
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    with Registry(where) as registry, registry.read() as view:
        with pytest.raises(InputError, match="cannot be written"):
            export_json(view, tmp_path / "absent" / "file.json")
        with pytest.raises(InputError, match="cannot be made"):
            export_csv(view, tmp_path / "absent" / "directory")
    with pytest.raises(InputError, match="cannot be read"):
        read_export(tmp_path / "absent.json")


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    where = new_registry("sqlite", tmp_path)
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\\N", "\\", "\\\\N", "", "N", "a,b", 'a"b', "a\nb", "a\r\nb"]
    with Registry(where) as registry, registry.write(NOW, BY) as act:
        for number, name in enumerate(names):
            act.insert("customers", {"id": number, "name": name, "folded": str(number), "since": act.at})
    path = exported(where, "csv", tmp_path)
    with (path / "customers.csv").open(newline="") as file:
        cells = [row[1] for row in csv.reader(file)][1:]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    there = new_registry("postgresql", tmp_path)
    imported(there, path)
    assert [row["name"] for row in snapshot(there)["customers"]] == names


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["\\N", "\\", "=1", "\r", '"', "\n,"]
)


@given(values=st.lists(TEXT | st.none(), min_size=1, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_text_comes_back_from_csv_as_it_was(values: list[str | None], tmp_path: Path) -> None:
    names = [column.name for column in tables.entitlements.columns]
    rows: list[dict[str, Any]] = [
        dict.fromkeys(names, "x")
        | {"position": n, "quantity": -n, "change": 0, "name": value or "", "maintained_from": None, "maintained_until": None}
        | ({} if value is None else {"maintained_until": "y"})
        for n, value in enumerate(values)
    ]
    write_rows(tmp_path / "t.csv", names, [[exchange._cell(value) for value in row.values()] for row in rows])
    assert [placed.row for placed in exchange._read_csv(tmp_path / "t.csv", tables.entitlements)] == [
        {name: row[name] for name in names} for row in rows
    ]


def test_an_order_may_follow_one_that_sorts_behind_it_in_the_same_second(tmp_path: Path) -> None:
    where = new_registry("sqlite", tmp_path)
    with Registry(where) as registry, registry.write(NOW, BY) as act:
        act.place_site("7001", "Pigeon Post")
        for number, previous in (("9", None), ("5", "9"), ("7", "5"), ("1", "7")):
            act.add_order(msgspec.structs.replace(ORDER, number=number, previous=previous), [])
    there = new_registry("postgresql", tmp_path)
    assert imported(there, exported(where, "csv", tmp_path)) == 7
    assert snapshot(there) == snapshot(where)
    # Rows that are there already are found, too.
    assert imported(there, tmp_path / "export-csv") == 0


def cell(table: str, row: int, name: str, value: str | None) -> Callable[[Path], None]:
    """Lets a cell of an export of CSV have another value."""

    def change(directory: Path) -> None:
        path = directory / f"{table}.csv"
        with path.open(newline="") as file:
            head, *rows = csv.reader(file)
        rows[row][head.index(name)] = "\\N" if value is None else value
        write_rows(path, head, rows)

    return change


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("change", "words", "place"),
    [
        (cell("customers", 0, "name", "nul\0nul"), "name.*without NUL", ("customers", 2, 2)),
        (cell("entitlements", 1, "name", "x\0"), "name.*without NUL", ("entitlements", 4, 4)),
        (cell("entitlements", 0, "quantity", "five"), r"quantity.*'five'.*whole number", ("entitlements", 2, 8)),
        (cell("entitlements", 0, "quantity", "9999999999"), "whole number of at most", ("entitlements", 2, 8)),
        (cell("entitlements", 0, "quantity", "9" * 5000), "whole number of at most", ("entitlements", 2, 8)),
        (cell("files", 0, "expires", "2026-03-14 or so"), "expires.*at most 10 characters", ("files", 2, 11)),
        (cell("files", 0, "vendor", None), "vendor.*expected a value", ("files", 2, 6)),
        (cell("files", 0, "order", "X-9"), "refers to one of orders that is not there.*X-9", ("files", 2, 2)),
        (cell("deliveries", 0, "file", "F9"), "refers to one of files that is not there", ("deliveries", 2, 2)),
        (cell("orders", 1, "previous", "B-0002"), "follows itself", ("orders", 7, 0)),
        (cell("history", 1, "by", "somebody else"), "Row 2 of the history was changed", ("", 0, 0)),
        (cell("numbers", 3, "last", "4"), "Row 4 of the history is missing", ("", 0, 0)),
    ],
)  # fmt: skip
def test_hostile_cells_are_refused_with_their_place(
    change: Callable[[Path], None], words: str, place: tuple[str, int, int], kind: str, tmp_path: Path
) -> None:
    path = exported(filled("sqlite", tmp_path), "csv", tmp_path)
    change(path)
    (tmp_path / "there").mkdir()
    error = refused(new_registry(kind, tmp_path / "there"), path, words)
    assert error.remedy
    table, line, column = place
    assert (error.line, error.column) == (line, column)
    assert error.file == str(path / f"{table}.csv" if table else path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "head of this table"),
        (b"number\r\n", "head of this table"),
        (b"\xff\xfe", "no table of an export"),
        (b'number,customer,since\r\n"7001', "no table of an export"),
        (b"number,customer,since\r\n7001,1\r\n", r"sites\.csv:2: This row has other columns.*'2 cells'.*3 cells"),
        (b"number,customer,since\r\n\r\n", r"sites\.csv:2: This row has other columns"),
        (b"number,customer,since\r\n" + b"x" * 1000 + b",1,2026-09-21T14:13:20Z\r\n", r"sites\.csv:2:1: .*at most 40 characters"),
    ],
)
def test_a_file_that_is_no_table_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    where = filled("sqlite", tmp_path)
    path = exported(where, "csv", tmp_path)
    (path / "sites.csv").write_bytes(content)
    refused(where, path, words)
    (path / "sites.csv").unlink()
    refused(where, path, r"sites\.csv: This file cannot be read")


def test_fields_and_files_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = filled("sqlite", tmp_path)
    path = exported(where, "csv", tmp_path)
    monkeypatch.setattr(exchange, "_CELL_CHARS_MAX", 50)
    refused(where, path, "no table of an export.*field larger than field limit")
    monkeypatch.setattr(exchange, "IMPORT_BYTES_MAX", 100)
    refused(where, path, "too large")
    monkeypatch.undo()
    assert imported(where, path) == 0


def json_with(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps(change(json.loads(data))).encode()


def in_table(table: str, change: Callable[[list[Any]], None]) -> Callable[[bytes], bytes]:
    def whole(found: Any) -> Any:
        change(found["tables"][table])
        return found

    return json_with(whole)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: b"", "not JSON"),
        (lambda _: b"[" * 100_000, "not JSON"),
        (lambda data: data[:-20], "not JSON"),
        (lambda _: b"[]", "no export of a registry"),
        (json_with(lambda found: found | {"format": "x"}), "no export of a registry"),
        (json_with(lambda found: found | {"tables": []}), "no export of a registry"),
        (json_with(lambda found: found | {"schema": 99}), "another release.*schema 99"),
        (json_with(lambda found: found | {"tables": {}}), "no table numbers"),
        (in_table("sites", lambda rows: rows.append([])), "Row 2 of sites has other columns"),
        (in_table("sites", lambda rows: rows[0].update(extra=1)), "Row 1 of sites has other columns"),
        (in_table("sites", lambda rows: rows[0].update(customer=True)), "Row 1 of sites cannot be used: customer"),
        (in_table("sites", lambda rows: rows[0].update(customer=1.0)), "Row 1 of sites cannot be used: customer"),
        (in_table("sites", lambda rows: rows[0].update(customer=2**40)), "Row 1 of sites cannot be used: customer"),
        (in_table("sites", lambda rows: rows[0].update(number=7001)), "Row 1 of sites cannot be used: number.*a text"),
        (in_table("sites", lambda rows: rows[0].update(since={"a": [1]})), "Row 1 of sites cannot be used: since"),
        (in_table("sites", lambda rows: rows.append(rows[0] | {"customer": 9})), "has other rows of these names.*sites 7001: customer"),
        (in_table("history", lambda rows: rows.pop(0)), "Row 1 of the history is missing"),
        (in_table("history", lambda rows: rows.pop()), "Row 3 of the history is missing"),
    ],
)
def test_hostile_json_is_refused(change: Callable[[bytes], bytes], words: str, tmp_path: Path) -> None:
    path = exported(filled("sqlite", tmp_path), "json", tmp_path)
    path.write_bytes(change(path.read_bytes()))
    (tmp_path / "there").mkdir()
    refused(new_registry("sqlite", tmp_path / "there"), path, words)


@pytest.mark.parametrize("kind", KINDS)
def test_conflicts_are_told_with_their_place_and_nothing_is_brought_in(kind: str, tmp_path: Path) -> None:
    path = exported(filled("sqlite", tmp_path), "csv", tmp_path)
    (tmp_path / "there").mkdir()
    where = filled(kind, tmp_path / "there")
    without_triggers(where, "files", "UPDATE files SET vendor = 'other_d', sha256 = 'x'")
    raw(where, "UPDATE orders SET state = 'issued'", "DELETE FROM keys")
    error = refused(where, path, "nothing was brought in")
    # The order that the other one follows comes first, in line 7, since the texts of the other one have several lines.
    assert (error.file, error.line, error.column) == (str(path / "orders.csv"), 7, 5)
    assert error.found == "orders B-0002: state, orders A-0001: state, files F000001: vendor"


def test_of_many_conflicts_some_are_told(tmp_path: Path) -> None:
    where = new_registry("sqlite", tmp_path)
    with Registry(where) as registry, registry.write(NOW, BY) as act:
        for number in range(30):
            act.raise_number(f"kind{number:02d}", 1)
    path = exported(where, "json", tmp_path)
    raw(where, "UPDATE numbers SET last = 2")
    assert refused(where, path, "other rows").found.endswith(", numbers kind09: last and 20 more")


def test_an_export_of_a_registry_whose_history_goes_on_otherwise_is_refused(tmp_path: Path) -> None:
    path = exported(filled("sqlite", tmp_path), "json", tmp_path)
    (tmp_path / "there").mkdir()
    where = new_registry("sqlite", tmp_path / "there")
    with Registry(where) as registry, registry.write(NOW, "somebody else") as act:
        fill(act)
    assert "history 1: by" in refused(where, path, "other rows").found
