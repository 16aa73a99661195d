"""What is configured becomes facts with a beginning and an end, whenever it was looked at."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.base.errors import InputError
from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.joining import joined
from seatkeeper.usage.snapshots import ConfigurationOptions, Object, Snapshot, changes, snapshot_of
from support.usagefacts import table_of

TABLES: dict[str, list[dict[str, Any]]] = {
    "cfg_tenant": [{"dbid": 101, "name": "Harbor"}, {"dbid": 102, "name": "Meadow"}],
    "cfg_person": [
        {"dbid": 11, "tenant_dbid": 101, "user_name": "ann", "is_agent": 2, "state": 1, "capacity_dbid": 7},
        {"dbid": 12, "tenant_dbid": 101, "user_name": "off", "is_agent": 2, "state": 2, "capacity_dbid": 7},
        {"dbid": 13, "tenant_dbid": 102, "user_name": "boss", "is_agent": 1, "state": 1},
        {"dbid": 14, "tenant_dbid": 102, "user_name": "bo", "is_agent": 2, "state": 1},
    ],
    "cfg_switch": [{"dbid": 1, "name": "north", "type": 1, "state": 1}, {"dbid": 2, "name": "south", "type": 72, "state": 1}],
    "cfg_agent_login": [{"dbid": 41, "switch_dbid": 1, "login_code": "7001", "state": 1}, {"dbid": 42, "switch_dbid": 2, "state": 1}],
    "cfg_login_info": [{"person_dbid": 11, "agent_login_dbid": 41}, {"person_dbid": 14, "agent_login_dbid": 42}],
    "cfg_flex_prop": [
        {"object_dbid": 7, "object_type": 12, "prop_name": "chat", "prop_value": "3"},
        {"object_dbid": 7, "object_type": 12, "prop_name": "email", "prop_value": "0"},
        {"object_dbid": 7, "object_type": 12, "prop_name": "voice", "prop_value": "1"},
        {"object_dbid": 41, "object_type": 15, "prop_name": "gvm_mailbox", "prop_value": "9"},
        {"object_dbid": 41, "object_type": 2, "prop_name": "gvm_mailbox", "prop_value": "9"},
    ],
    "cfg_group": [{"dbid": 51, "name": "sales", "tenant_dbid": 101}, {"dbid": 52, "name": "desks", "tenant_dbid": 101}],
    "cfg_agent_group": [{"group_dbid": 51, "agent_dbid": 11}, {"group_dbid": 51, "agent_dbid": 12}],
    "cfg_place": [{"dbid": 21, "name": "P1", "tenant_dbid": 101}],
    "cfg_place_group": [{"group_dbid": 52, "place_dbid": 21}],
    "cfg_campaign_group": [{"group_dbid": 51, "state": 1}],
    "cfg_app_rank": [{"person_dbid": 11, "app_type": 90, "app_rank": 1}, {"person_dbid": 14, "app_type": 90, "app_rank": 3}],
    "cfg_role": [{"dbid": 61, "name": "Workspace Agent"}, {"dbid": 62, "name": "Others"}],
    "cfg_role_member": [{"role_dbid": 61, "object_dbid": 14, "object_type": 3}, {"role_dbid": 62, "object_dbid": 11, "object_type": 3}],
    "cfg_ivr_port": [{"dbid": 71, "tenant_dbid": 101, "port_number": "1", "state": 1}, {"dbid": 72, "tenant_dbid": 101, "state": 2}],
    "cfg_application": [{"dbid": 1, "name": "Genesys Info Mart", "state": 1, "backup_server_dbid": 0}],
}


def words(kind: str, tables: dict[str, list[dict[str, Any]]] = TABLES, **options: Any) -> set[tuple[str, str, str]]:
    snapshot = snapshot_of(tables, ConfigurationOptions(**options), 0)
    return {(each.tenant, each.name, each.detail) for each in snapshot.objects if each.kind == kind}


def test_agents_have_what_they_are_able_to_do() -> None:
    assert words("agent", desktop_types=(90,), wfm_groups=("sales",)) == {
        *(("Harbor", "ann", word) for word in ("agent", "login", "premise", "chat", "desktop", "campaign", "wfm")),
        *(("Meadow", "bo", word) for word in ("agent", "login", "sip", "supervisor", "workspace")),
    }
    assert words("agent", workspace_roles=("Others",)) >= {("Harbor", "ann", "workspace")}


def test_groups_mailboxes_and_ports() -> None:
    assert words("agent-group") == {("Harbor", "sales", "ann"), ("Harbor", "sales", "off")}
    assert words("place-group") == {("Harbor", "desks", "P1@Harbor")}
    assert words("agent-group", groups=False) == set()
    assert words("mailbox") == {("", "login 7001", "")}
    assert words("ivr-port") == {("Harbor", "1 71", "")}


def test_what_the_installation_is() -> None:
    def system(**options: Any) -> set[str]:
        return {name for _, name, _ in words("system", **options)}

    assert system() == {"single-site", "info-mart"}
    assert system(licensed=("tserver_sdn", "TServer_ISCC")) == {"multi-site", "info-mart"}
    second = {"dbid": 3, "name": "east", "type": 1, "state": 1}
    network = {"dbid": 4, "name": "net", "type": 75, "state": 1, "tenant_dbid": 102}
    pair = {"dbid": 2, "name": "GI2", "state": 1, "backup_server_dbid": 1}
    more = {**TABLES, "cfg_switch": [*TABLES["cfg_switch"], second, network], "cfg_application": [pair]}
    assert words("system", more) == {("", "multi-site", ""), ("", "redundant-pair", ""), ("", "gi2", ""), ("Meadow", "network-switch", "")}
    # A disabled switch is none.
    off = {**TABLES, "cfg_switch": [*TABLES["cfg_switch"], {**second, "state": 2}]}
    assert ("", "single-site", "") in words("system", off)


ENGINE = open_duckdb()
ANN, BO = Object("Harbor", "agent", "ann", "chat"), Object("Harbor", "agent", "bo", "chat")


def test_what_is_gone_ends_with_the_snapshot_that_lacks_it() -> None:
    assert changes({}, None, Snapshot(600, frozenset({ANN}))) == [(ANN, 600, None)]
    assert changes({ANN: 600}, 600, Snapshot(1200, frozenset({ANN}))) == []
    assert changes({ANN: 600}, 600, Snapshot(1800, frozenset({BO}))) == [(ANN, 600, 1800), (BO, 1800, None)]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="older than what is known"):
        changes({ANN: 600}, 600, Snapshot(600, frozenset({ANN})))
    with pytest.raises(InputError, match="no objects at all"):
        changes({ANN: 600}, 600, Snapshot(700, frozenset()))


@settings(max_examples=15)
@given(st.lists(st.frozensets(st.sampled_from([ANN, BO]), min_size=1), min_size=1, max_size=6))
def test_any_snapshots_joined_say_of_each_moment_what_was_seen_then(seen: list[frozenset[Object]]) -> None:
    standing: dict[Object, int] = {}
    last: int | None = None
    rows: list[tuple[Object, int, int | None]] = []
    for number, objects in enumerate(seen):
        at = (number + 1) * 600
        new = changes(standing, last, Snapshot(at, objects))
        rows += new
        for each, since, until in new:
            if until is None:
                standing[each] = since
            else:
                del standing[each]
        last = at
    told = [
        {"source": "c", "tenant": o.tenant, "kind": o.kind, "name": o.name, "detail": o.detail, "since": s, "until": u} for o, s, u in rows
    ]
    facts = ENGINE.rows(joined(table_of("configuration", told), KINDS["configuration"]))
    # An open row and the one that closes it are one.
    assert len({(row["name"], row["since"]) for row in facts}) == len(facts)
    for number, objects in enumerate(seen):
        at = (number + 1) * 600
        there = {row["name"] for row in facts if row["since"] <= at and (row["until"] is None or row["until"] > at)}
        assert there == {each.name for each in objects}
