"""`seatkeeper entitlement`: what is held now, what ends soon, and lists that come in and go out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from support.desk_commands import Commands, order_text

HEAD = "customer,site,order,purpose,kind,name,type,unit,version,quantity,expires,maintained_from,maintained_until\n"
OLD = HEAD + (
    "Loft Example AG,77,OLD-1,production,item,Genesys Inbound Voice,permanent,seat DN,7.6,40,permanent,,2026-05-01\n"
    "Loft Example AG,77,OLD-1,production,item,Genesys E-mail,temporary,seat,7.6,10,2026-03-13,,\n"
)


@pytest.fixture
def at_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    """A desk with an order of one customer, and what another had before."""
    made = Commands(tmp_path, monkeypatch, capsys)
    made.good("desk init")
    Path("order.toml").write_text(order_text({"Genesys E-mail": 5}, expires="2026-06-12"))
    made.good("desk register order.toml")
    made.good("desk issue 20260001 --keys keys -o license.dat")
    Path("old.csv").write_text(OLD)
    made.good("entitlement import old.csv --by ann")
    return made


def test_all_or_those_of_one(at_desk: Commands) -> None:
    assert {(row["site"], row["name"], row["quantity"]) for row in at_desk.json("entitlement list")} == {
        ("1111", "Genesys E-mail", 5),
        ("77", "Genesys Inbound Voice", 40),
        ("77", "Genesys E-mail", 10),
    }
    assert {row["order"] for row in at_desk.json("entitlement list --customer 'loft example ag'")} == {"OLD-1"}
    assert {row["order"] for row in at_desk.json("entitlement list --site 1111")} == {"20260001"}
    assert {row["kind"] for row in at_desk.json("entitlement list --site 1111 --licenses")} == {"item", "license"}
    assert "Did you mean" in at_desk.bad("entitlement list --customer 'Loft Exampel AG'")
    assert "no such site" in at_desk.bad("entitlement list --site 78")


def test_an_order_with_its_files(at_desk: Commands) -> None:
    shown = at_desk.json("entitlement show 20260001")
    assert (shown["company"], shown["state"], shown["hostids"], shown["successor"]) == (
        "Pigeon Post Example Ltd",
        "issued",
        ["0800200005ac"],
        None,
    )
    assert [(file["number"], file["state"], file["deliveries"]) for file in shown["files"]] == [("F000001", "placed", [])]
    assert "Host ids      not known" in at_desk.good("entitlement show OLD-1")


def test_what_ends_within_a_time(at_desk: Commands) -> None:
    def days(within: str) -> list[tuple[str, int]]:
        return [(row["what"], row["days"]) for row in at_desk.json(f"entitlement expiring {within}")]

    # What has ended and was not renewed stays in the list.
    assert days("--within 0d") == [("licenses", -1)]
    assert days("--within 48") == [("licenses", -1), ("maintenance", 48)]
    assert days("--within 47d") == [("licenses", -1)]
    assert days("") == [("licenses", -1), ("maintenance", 48), ("licenses", 90)]
    said = at_desk.good("entitlement expiring")
    assert "1 day ago" in said
    assert "in 90 days" in said
    for wrong in ("", "x", "-1d", "90 days", "99999d", "٣d"):
        assert "--within" in at_desk.bad(f"entitlement expiring --within '{wrong}'")


def test_an_exported_list_can_be_brought_into_another_registry(at_desk: Commands) -> None:
    for name in ("now.csv", "now.json"):
        rows = at_desk.json(f"entitlement export {name}")["rows"]
        where = f"--registry {name}.db"
        at_desk.good(f"desk init {where}")
        assert at_desk.json(f"entitlement import {name} {where}") == {
            "registry": f"{name}.db",
            "path": name,
            "orders": 2,
            "rows": rows,
        }
        there, here = (at_desk.json(f"entitlement list --licenses {at}") for at in (where, ""))
        assert sorted(map(str, there)) == sorted(map(str, here))
        assert at_desk.json(f"entitlement import {name}")["orders"] == 0
    rows_of_csv = list(csv.DictReader(Path("now.csv").read_text().splitlines()))
    assert len(rows_of_csv) == len(json.loads(Path("now.json").read_text())["entitlements"]) > 3
    assert at_desk.json("entitlement export mine.csv --site 77")["rows"] == 2
    assert "ends with .json or .csv" in at_desk.bad("entitlement export now.txt")


def test_an_imported_order_is_followed_by_one_that_is_written(at_desk: Commands) -> None:
    assert "--replaces OLD-1" in at_desk.bad("desk add OLD-1 --item 'Genesys E-mail=1'")
    servers = '[[servers]]\nhost = "loft"\nhostid = "0800200005ad"\n'
    text = order_text({"Genesys Inbound Voice": 50}, site="77", servers=servers).replace("Pigeon Post Example Ltd", "Loft Example AG")
    Path("new.toml").write_text(text)
    at_desk.good("desk register new.toml --replaces OLD-1")
    changed = {row["name"]: row["change"] for row in at_desk.json("desk issue 20260002 --keys keys -o new.dat")["changes"]}
    assert (changed["Genesys Inbound Voice"], changed["Genesys E-mail"]) == (10, -10)
    assert [row["quantity"] for row in at_desk.json("entitlement list --site 77")] == [50]
    assert at_desk.json("desk verify --keys keys")["whole"] is True


def test_a_list_with_a_mistake_is_refused_with_its_line(at_desk: Commands) -> None:
    for wrong, expected in (
        (OLD.replace(",40,", ",many,"), "bad.csv:2"),
        (OLD.replace("7.6,10", "10"), "bad.csv:3"),
        ("nonsense", "bad.csv:1"),
    ):
        Path("bad.csv").write_text(wrong)
        assert expected in at_desk.bad("entitlement import bad.csv")
    assert "cannot be read" in at_desk.bad("entitlement import none.json")
