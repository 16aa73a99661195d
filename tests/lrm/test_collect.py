"""Runs of collecting, on real databases: what comes late is found, what cannot be read is missing until it can, what a pair saw is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.adapters.wholefile import alone
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.lrm.collect import collect, common_holes, take_snapshot
from seatkeeper.lrm.sources import ConfigurationSource, IconSource
from seatkeeper.lrm.status import status_of
from seatkeeper.usage.facts import GAP_FILLED, KINDS
from seatkeeper.usage.sessions import ended_with_source
from support.idb import insert, make_idb
from support.postgres import database, server
from support.usagefacts import DAY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "db")


def facts(warehouse: Warehouse, kind: str) -> list[dict[str, Any]]:
    engine = open_duckdb()
    table = warehouse.table(engine, KINDS[kind], warehouse.manifest().parts.get(kind, []))
    return engine.rows(table.order_by(*KINDS[kind].key))


def session(guid: str, begins: int, ends: int | None, source: int = 1) -> dict[str, Any]:
    row = {"LoginSessionID": guid, "AgentID": 11, "PlaceID": 21, "PrimaryDeviceID": 31, "TenantID": 101, "GSYS_DOMAIN": source}
    return {**row, "Created_ts": DAY + begins, "Terminated_ts": None if ends is None else DAY + ends}


def icon(name: str, where: str, **others: Any) -> IconSource:
    return IconSource(name=name, url=server().url(where), schema="idb", **others)


def dss(number: int, begins: int, ends: int | None) -> dict[str, Any]:
    return {"DSS_ID": number, "ProviderTag": "T", "Created_ts": DAY + begins, "Terminated_ts": None if ends is None else DAY + ends}


def test_a_pair_is_one_and_a_dead_icon_ends_what_it_left_open(warehouse: Warehouse) -> None:
    first = make_idb(
        {
            "G_LOGIN_SESSION": [session("seen", 100, 900), session("open", 100, None), session("alone", 150, None)],
            "G_DSS_GLS_PROVIDER": [dss(1, -1000, 500), dss(2, 700, None)],
        }
    )
    second = make_idb(
        {
            "G_LOGIN_SESSION": [session("seen", 101, None), session("open", 90, None), session("seen", 101, None)],
            "G_DSS_GLS_PROVIDER": [dss(1, -1000, None)],
        }
    )
    sources = [icon("a", first, pair="p"), icon("b", second, pair="p")]
    done = collect(warehouse, sources, {}, DAY + 2000)
    assert [(one.error, one.rows["sessions"]) for one in done] == [("", 3), ("", 3)]
    engine = open_duckdb()
    manifest = warehouse.manifest()
    tables = {kind: warehouse.table(engine, KINDS[kind], manifest.parts[kind]) for kind in ("sessions", "ends")}
    found = engine.rows(ended_with_source(tables["sessions"], tables["ends"], KINDS["sessions"]).order_by("session_id"))
    assert [
        (row["session_id"], row["source"], row["login"] - DAY, row["logout"] and row["logout"] - DAY, row["estimated"]) for row in found
    ] == [
        ("alone", "|a#1|", 150, 500, True),
        ("open", "|a#1|b#1|", 90, None, False),
        ("seen", "|a#1|b#1|", 100, 900, False),
    ]
    # The other one saw all the time.
    assert facts(warehouse, "gaps") == []
    # In whatever order they are read, and however often.
    again = Warehouse(warehouse.path.parent / "again")
    for _ in range(2):
        collect(again, sources[::-1], {}, DAY + 2000, DAY)
    for kind in ("sessions", "ends", "gaps"):
        assert facts(again, kind) == facts(warehouse, kind)
    collect(warehouse, [icon("a", first)], {}, DAY + 2000, DAY - 500)
    assert [(row["since"] - DAY, row["until"] - DAY, row["reason"]) for row in facts(warehouse, "gaps")] == [
        (500, 700, "ICON was not connected")
    ]


def test_the_next_run_finds_what_came_late_and_what_has_ended(warehouse: Warehouse) -> None:
    name = make_idb({"G_LOGIN_SESSION": [session("a", 0, None)]})
    source = icon("i", name)
    assert collect(warehouse, [source], {}, DAY + 1000)[0].added == 1
    server().execute(f"UPDATE idb.g_login_session SET terminated_ts = {DAY + 500}", name)
    insert(name, "idb", {"G_LOGIN_SESSION": [session("late", 10, 20)]})
    second = collect(warehouse, [source], {}, DAY + 2000)[0]
    assert (second.since, second.added) == (DAY + 1000 - 48 * 3600, 1)
    assert [(row["session_id"], row["logout"] - DAY) for row in facts(warehouse, "sessions")] == [("a", 500), ("late", 20)]
    # Once more, and of a time that was read long ago: nothing is new.
    assert collect(warehouse, [source], {}, DAY + 2000)[0].added == 0
    assert collect(warehouse, [source], {}, DAY - 100 * 86_400)[0].added == 0
    # Several pieces of time are as one.
    insert(name, "idb", {"G_LOGIN_SESSION": [session("far", 30 * 86_400, None), session("between", 10 * 86_400, 29 * 86_400)]})
    assert collect(warehouse, [source], {}, DAY + 31 * 86_400)[0].added == 2
    assert collect(warehouse, [source], {}, DAY + 31 * 86_400)[0].since == DAY + 29 * 86_400


def test_a_source_that_is_down_is_missing_until_it_is_read(warehouse: Warehouse) -> None:
    good, bad = make_idb({"G_LOGIN_SESSION": [session("a", 0, 10)]}), make_idb({"G_LOGIN_SESSION": [session("b", 0, 10)]})
    sources = [icon("bad", bad), icon("good", good)]
    assert [one.error for one in collect(warehouse, sources, {}, DAY + 1000)] == ["", ""]
    server().execute(f"ALTER DATABASE {bad} RENAME TO {bad}_away")
    insert(good, "idb", {"G_LOGIN_SESSION": [session("c", 1500, 1600)]})
    done = collect(warehouse, sources, {}, DAY + 5000)
    assert ["no such database" in one.error for one in done] == [True, False]
    assert [row["session_id"] for row in facts(warehouse, "sessions")] == ["a", "b", "c"]
    (gap,) = facts(warehouse, "gaps")
    assert (gap["source"], gap["since"] - DAY, gap["until"] - DAY) == ("bad", 1000, 5000)
    assert "could not be read" in gap["reason"]
    assert [one.source for one in status_of(warehouse, {}, DAY).gaps] == ["bad"]
    server().execute(f"ALTER DATABASE {bad}_away RENAME TO {bad}")
    insert(bad, "idb", {"G_LOGIN_SESSION": [session("d", 2000, None)]})
    assert [one.error for one in collect(warehouse, sources, {}, DAY + 6000)] == ["", ""]
    assert [row["session_id"] for row in facts(warehouse, "sessions")] == ["a", "b", "c", "d"]
    assert [row["reason"] for row in facts(warehouse, "gaps")] == [GAP_FILLED]
    assert status_of(warehouse, {}, DAY).gaps == []


def test_what_the_partner_saw_is_not_missing(warehouse: Warehouse) -> None:
    good = make_idb({"G_DSS_GLS_PROVIDER": [dss(1, 0, 300), dss(2, 400, None)]})
    sources = [icon("a", good, pair="p"), icon("b", database(), pair="p")]
    done = collect(warehouse, sources, {}, DAY + 1000, DAY)
    assert ["no such table" in one.error for one in done] == [False, True]
    # Only while both saw nothing.
    assert [(row["source"], row["since"] - DAY, row["until"] - DAY) for row in facts(warehouse, "gaps")] == [
        ("a", 300, 400),
        ("b", 300, 400),
    ]


def test_only_one_run_at_a_time(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatkeeper.lrm.collect._WAIT_S", 0.1)
    warehouse.path.mkdir()
    with alone(warehouse.path / "collected.json"), pytest.raises(SeatkeeperError, match="Another run is collecting"):
        collect(warehouse, [], {}, DAY)
    (warehouse.path / "collected.json").write_text("[]")
    with pytest.raises(InputError, match="collected so far cannot be read"):
        collect(warehouse, [], {}, DAY)


def test_holes_that_all_have() -> None:
    assert common_holes([]) == []
    assert common_holes([[(5, 9), (0, 6)]]) == [(0, 9)]
    assert common_holes([[(0, 10)], [(2, 3), (5, 20)], [(0, 6)]]) == [(2, 3), (5, 6)]
    assert common_holes([[(0, 10)], []]) == []


def test_snapshots_follow_one_another(warehouse: Warehouse) -> None:
    name = database()
    source = ConfigurationSource(name="cfg", url=server().url(name))
    assert "no such table" in take_snapshot(warehouse, source, {}, DAY).error
    (gap,) = facts(warehouse, "gaps")
    assert (gap["source"], gap["since"], gap["until"]) == ("cfg", DAY - 600, DAY)
    server().execute(
        "CREATE TABLE cfg_tenant (dbid integer, name text); INSERT INTO cfg_tenant VALUES (1, 'Harbor');"
        "CREATE TABLE cfg_person (dbid integer, tenant_dbid integer, user_name text, is_agent integer, state integer);"
        "INSERT INTO cfg_person VALUES (11, 1, 'ann', 2, 1), (12, 1, 'bo', 2, 1)",
        name,
    )
    assert take_snapshot(warehouse, source, {}, DAY + 600).added == 3
    assert take_snapshot(warehouse, source, {}, DAY + 1200).added == 0
    server().execute("UPDATE cfg_person SET state = 2 WHERE dbid = 12", name)
    assert take_snapshot(warehouse, source, {}, DAY + 1800).added == 1
    found = [(row["name"], row["since"] - DAY, row["until"] and row["until"] - DAY) for row in facts(warehouse, "configuration")]
    assert found == [("single-site", 600, None), ("ann", 600, None), ("bo", 600, 1800)]
    with pytest.raises(InputError, match="older than what is known"):
        take_snapshot(warehouse, source, {}, DAY + 1800)
    (warehouse.path / "export.json").write_text('{"cfg_tenant": [], "cfg_person": []}')
    file = ConfigurationSource(name="file", file="export.json")
    assert take_snapshot(warehouse, file, {}, DAY).rows == {"configuration": 1}
