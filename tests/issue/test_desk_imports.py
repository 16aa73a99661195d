"""Lists of entitlements come in wholly or not at all, and go out as they came."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seatkeeper.base.errors import InputError
from seatkeeper.issue.desk_entitling import Held
from seatkeeper.issue.desk_imports import FORMAT, read_held, write_held
from support.desk_commands import Commands

PURPOSES = ("production", "testing")
ROW = Held("Loft Example AG", "77", "OLD-1", "production", "item", "Genesys E-mail", "permanent", "seat", "7.6", 40, "permanent")
TEXTS = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20)
DAYS = st.none() | st.dates().map(str)
ROWS = st.builds(
    Held,
    customer=TEXTS,
    site=TEXTS,
    order=TEXTS,
    purpose=st.sampled_from(PURPOSES),
    kind=st.sampled_from(["item", "license"]),
    name=TEXTS,
    type=st.just("temporary"),
    unit=TEXTS,
    version=st.just("") | TEXTS,
    quantity=st.integers(1, 999_999),
    expires=st.dates().map(str),
    maintained_from=DAYS,
    maintained_until=DAYS,
)


@given(st.lists(ROWS, max_size=5), st.sampled_from(["csv", "json"]))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, rows: list[Held], kind: str) -> None:
    path = tmp_path_factory.getbasetemp() / f"list.{kind}"
    write_held(rows, path)
    assert [row for _, row in read_held(path, PURPOSES)] == rows
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["=1+1", "+49 30", "-5", "@sum", "\\=x", "\\\\N"])
def test_no_cell_of_a_list_is_a_formula(tmp_path: Path, name: str) -> None:
    path = tmp_path / "list.csv"
    row = replace(ROW, customer=name, name=name)
    write_held([row], path)
    with path.open(newline="") as file:
        cells = list(csv.reader(file))[1]
    assert (cells[0], cells[0]) == (f"\\{name}", cells[5])
    assert [read for _, read in read_held(path, PURPOSES)] == [row]


def test_who_writes_a_list_need_not_mark_anything(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    for name in ("=1+1", "\\loft", "O\\Example"):
        write_held([replace(ROW, customer="NAME")], path)
        path.write_text(path.read_text().replace("NAME", name))
        assert read_held(path, PURPOSES)[0][1].customer == name


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": True}, "quantity"),
        ({"kind": "thing"}, "item or license"),
        ({"purpose": "fun"}, "production or testing"),
        ({"expires": "2027-06-30"}, "permanent for permanent licenses"),
        ({"expires": "soon"}, "a day as 2027-06-30, or permanent"),
        ({"maintained_until": "20270630"}, "a day as 2027-06-30"),
        ({"site": "7" * 41}, "at most 40 characters"),
        ({"name": "two\nlines"}, "a text"),
        ({"customer": None}, "a text"),
        ({"color": "red"}, "customer, site"),
    ],
)
def test_a_row_that_cannot_be_kept_is_refused_with_its_place(tmp_path: Path, change: dict[str, object], expected: str) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(msgspec.json.encode({"format": FORMAT, "entitlements": [{**msgspec.structs.asdict(ROW), **change}]}))
    with pytest.raises(InputError) as caught:
        read_held(path, PURPOSES)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.csv", "customer,site\n"), ("a.csv", ""), ("a.json", "{"), ("a.json", "[]"), ("a.json", '{"format": "other"}')],
)
def test_what_is_no_list_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError):
        read_held(tmp_path / name, PURPOSES)


def test_one_wrong_order_keeps_all_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    at_desk = Commands(tmp_path, monkeypatch, capsys)
    at_desk.good("desk init")
    for other in (replace(ROW, site="78", kind="license"), ROW, replace(ROW, customer="Somebody Else Example", order="OLD-2")):
        write_held([ROW, other], tmp_path / "list.csv")
        at_desk.bad("entitlement import list.csv")
        assert at_desk.json("desk history") == []
    write_held([ROW, replace(ROW, name="genesys e-mail 2", quantity=3)], tmp_path / "list.csv")
    assert at_desk.json("entitlement import list.csv")["rows"] == 2
    assert at_desk.json("entitlement import list.csv")["rows"] == 0
    assert at_desk.json("desk verify")["whole"] is True
    write_held([replace(ROW, quantity=41)], tmp_path / "list.csv")
    assert "list.csv:2: The registry has order OLD-1 otherwise." in at_desk.bad("entitlement import list.csv")
    assert {row["quantity"] for row in at_desk.json("entitlement list")} == {40, 3}
