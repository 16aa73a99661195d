"""Login sessions come from real Interaction Databases on a real PostgreSQL server, for a stretch of time."""

from __future__ import annotations

from typing import Any

import ibis
import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.icon import login_windows, read_idb
from seatkeeper.adapters.postgres import ForeignDatabase
from seatkeeper.base.errors import InputError
from seatkeeper.usage.idb import IdbOptions, configuration_facts, ends_of, holes_of, session_facts
from support.idb import insert, make_idb
from support.postgres import server


def session(guid: str, begins: int, ends: int | None, **others: Any) -> dict[str, Any]:
    row = {"LoginSessionID": guid, "AgentID": 11, "PlaceID": 21, "LoginID": 41, "PrimaryDeviceID": 31, "SwitchID": 1, "TenantID": 101}
    return {**row, "Created_ts": begins, "Terminated_ts": ends, "GSYS_DOMAIN": 1, **others}


def endpoint(guid: str, number: int, of_type: int = 1, **others: Any) -> dict[str, Any]:
    return {"LoginSessionID": guid, "EndPointID": number, "EndPointType": of_type, **others}


def sessions_of(name: str, since: int, until: int, **options: Any) -> dict[str, dict[str, Any]]:
    wanted = IdbOptions(**options)
    with ForeignDatabase(server().url(name), "idb") as there:
        rows = read_idb(there, wanted, since, until)
    engine = open_duckdb()
    facts = session_facts({key: ibis.memtable(table) for key, table in rows.tables.items()}, "icon", wanted)
    return {row["session_id"]: row for row in engine.rows(facts)}


def test_a_session_has_its_names_its_queue_and_its_media() -> None:
    voice = session("A", 100, 200, GSYS_EXT_VCH1="Interaction Workspace")
    mail = session("B", 110, None, LoginID=None, PrimaryDeviceID=None, SwitchID=3)
    used = [
        endpoint("A", 31, QueueID=33, PlaceID=21),
        endpoint("B", 0, 0, GSYS_EXT_INT1=2),
        endpoint("B", 0, 0, GSYS_EXT_INT1=5),
        endpoint("B", 0, 0, GSYS_EXT_INT1=300),
        endpoint("B", 0, 0, GSYS_EXT_INT1=77),
    ]
    name = make_idb({"G_LOGIN_SESSION": [voice, mail], "GX_SESSION_ENDPOINT": used})
    found = sessions_of(name, 0, 1000, client_column="GSYS_EXT_VCH1", client="Desktop", media={"300": "claims"})
    assert found["A"] == {
        "source": "|icon#1|",
        "session_id": "A",
        "tenant": "Harbor",
        "agent": "ann",
        "place": "P1@Harbor",
        "dn": "4711@north",
        "switch_kind": "premise",
        "media": "|voice|",
        "client": "interaction workspace",
        "queues": "|8000@north|",
        "login": 100,
        "logout": 200,
        "estimated": False,
    }
    assert (found["B"]["media"], found["B"]["dn"], found["B"]["switch_kind"]) == ("|chat|claims|email|media-77|", "", "")
    assert (found["B"]["logout"], found["B"]["client"]) == (None, "desktop")


def test_a_session_of_a_sip_cluster_has_its_agent_and_its_voice() -> None:
    row = session("C", 100, None, LoginID=None, PlaceID=None, PrimaryDeviceID=None, SwitchID=None, AgentID=12, TenantID=None)
    name = make_idb({"G_LOGIN_SESSION": [row], "GX_SESSION_ENDPOINT": [endpoint("C", 0, 1)]})
    (found,) = sessions_of(name, 0, 1000).values()
    told = {key: found[key] for key in ("tenant", "agent", "place", "dn", "switch_kind", "media")}
    assert told == {"tenant": "Meadow", "agent": "bo", "place": "", "dn": "", "switch_kind": "sip", "media": "|voice|"}


def test_a_device_or_a_login_tells_the_switch_and_what_has_no_name_has_its_number() -> None:
    rows = [
        session("D", 1, 2, PrimaryDeviceID=None, SwitchID=None, LoginID=None),
        session("E", 1, 2, PrimaryDeviceID=0, SwitchID=None, PlaceID=99, AgentID=98),
    ]
    name = make_idb({"G_LOGIN_SESSION": rows, "GX_SESSION_ENDPOINT": [endpoint("D", 32)]})
    found = sessions_of(name, 0, 1000)
    assert (found["D"]["dn"], found["D"]["switch_kind"]) == ("4711@south", "sip")
    assert (found["E"]["switch_kind"], found["E"]["place"], found["E"]["agent"], found["E"]["media"]) == (
        "premise",
        "place 99",
        "person 98",
        "|voice|",
    )


def test_only_what_held_in_the_time_is_read_and_late_rows_are_found_again() -> None:
    rows = [
        session("before", 0, 100),
        session("into", 50, 101),
        session("still", 50, None),
        session("zero", 60, 0),
        session("after", 200, None),
    ]
    name = make_idb({"G_LOGIN_SESSION": rows, "GX_SESSION_ENDPOINT": [endpoint(row["LoginSessionID"], 31) for row in rows]})
    assert set(sessions_of(name, 100, 200)) == {"into", "still", "zero"}
    assert sessions_of(name, 100, 200)["zero"]["logout"] is None
    insert(name, "idb", {"G_LOGIN_SESSION": [session("late", 150, 160)]})
    assert set(sessions_of(name, 100, 200)) == {"into", "still", "zero", "late"}
    with ForeignDatabase(server().url(name), "idb") as there:
        rows_read = read_idb(there, IdbOptions(), 100, 200).tables["associations"].to_pylist()
        assert {row["session_id"] for row in rows_read} == {"into", "still", "zero"}
        assert login_windows(there, None, 200, 100) == [(0, 100), (100, 200)]


def test_a_time_in_which_nobody_logged_in_is_not_asked_for() -> None:
    name = make_idb({"G_LOGIN_SESSION": [session("far", 0, None), session("near", 1_790_000_000, None)]})
    with ForeignDatabase(server().url(name), "idb") as there:
        assert login_windows(there, None, 1_790_000_600, 500) == [(0, 500), (1_790_000_000, 1_790_000_500), (1_790_000_500, 1_790_000_600)]
        assert login_windows(there, 1_790_000_000, 1_790_000_010, 500) == [(1_790_000_000, 1_790_000_010)]
        assert login_windows(there, 5, 4, 500) == []
    with ForeignDatabase(server().url(make_idb({})), "idb") as there:
        assert login_windows(there, None, 9, 500) == [(9, 9)]


def configuration_of(name: str, **options: Any) -> list[tuple[Any, ...]]:
    wanted = IdbOptions(**options)
    with ForeignDatabase(server().url(name), "idb") as there:
        rows = read_idb(there, wanted, 0, 1000)
    facts = configuration_facts({key: ibis.memtable(table) for key, table in rows.tables.items()}, "icon", wanted)
    assert facts is not None
    order = ("kind", "tenant", "name", "detail", "since", "until")
    return sorted(tuple(row[key] for key in order) for row in open_duckdb().rows(facts))


def test_groups_and_campaigns_have_their_history() -> None:
    name = make_idb(
        {
            "GC_GROUP": [
                {"ID": 51, "TenantID": 101, "Name": "sales", "Type": 1},
                {"ID": 52, "TenantID": 101, "Name": "desks", "Type": 2},
            ],
            "GCX_GROUP_AGENT": [
                {"GroupID": 51, "AgentID": 11, "Status": 2, "Created_ts": 5, "Deleted_ts": 9},
                {"GroupID": 51, "AgentID": 12, "Status": 1, "Created_ts": 7},
                {"GroupID": 51, "AgentID": 12, "Status": 2, "Created_ts": 3, "Deleted_ts": 3},
            ],
            "GCX_GROUP_PLACE": [{"GroupID": 52, "PlaceID": 21, "Created_ts": 6, "Deleted_ts": 0}],
            "GCX_GROUP_ROUTEDN": [{"GroupID": 51, "EndPointID": 33, "Created_ts": 1}],
            "GO_CAMPAIGN": [{"GroupID": 51, "CampaignID": 1, "Created_ts": 20, "Terminated_ts": 30}],
            "GCX_LOGIN_INFO": [{"LoginID": 41, "AgentID": 11, "Created_ts": 4, "Deleted_ts": 8}],
        }
    )
    groups = [
        ("agent-group", "Harbor", "sales", "ann", 5, 9),
        ("agent-group", "Harbor", "sales", "bo", 7, None),
        ("campaign", "Harbor", "sales", "8000@north", 20, 30),
        ("place-group", "Harbor", "desks", "P1@Harbor", 6, None),
    ]
    assert configuration_of(name) == groups
    assert configuration_of(name, groups=False, campaigns=False, capabilities=True) == [
        ("agent", "Harbor", "ann", "agent", 0, None),
        ("agent", "Harbor", "ann", "login", 4, 8),
        ("agent", "Harbor", "ann", "premise", 4, 8),
        ("agent", "Meadow", "bo", "agent", 0, None),
    ]


def test_what_a_dead_icon_left_open_ends_with_its_data_source() -> None:
    sources = [
        {"DSS_ID": 1, "ProviderTag": "T", "Created_ts": 0, "Terminated_ts": 400},
        {"DSS_ID": 2, "ProviderTag": "T", "Created_ts": 500, "Terminated_ts": 0},
    ]
    name = make_idb({"G_DSS_GLS_PROVIDER": sources})
    with ForeignDatabase(server().url(name), "idb") as there:
        rows = read_idb(there, IdbOptions(), 0, 1000).data_sources
        assert not read_idb(there, IdbOptions(data_sources=""), 0, 1000).data_sources
    assert ends_of(rows, "icon") == [{"source": "icon#1", "ended": 400}]
    assert holes_of(rows, 0, 1000) == [(400, 500)]


def test_a_database_without_a_table_or_column_says_so() -> None:
    name = make_idb({})
    server().execute("ALTER TABLE idb.g_login_session DROP COLUMN switchid, DROP COLUMN tenantid", name)
    server().execute("DROP TABLE idb.gcx_group_place, idb.go_campaign, idb.g_dss_gls_provider", name)
    assert sessions_of(name, 0, 1000) == {}
    assert configuration_of(name) == []
    with pytest.raises(InputError, match=r"lacks a column.*idb\.G_LOGIN_SESSION.*expected Program"):
        sessions_of(name, 0, 1000, client_column="Program")
    server().execute("DROP TABLE idb.gc_place", name)
    with pytest.raises(InputError, match="expected GC_PLACE"):
        sessions_of(name, 0, 1000)
