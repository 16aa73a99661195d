from __future__ import annotations

from typing import Any

import ibis
import pytest

from seatkeeper.lrm.report import items_by_name
from seatkeeper.usage.measures import SessionRule, item_named
from seatkeeper.usage.seats import FOREVER, Known, configured, during, lacking, qualifying, recorded, seat_of
from support.usagefacts import DAY, session, table_of

ENGINE = ibis.duckdb.connect()


def rows(table: ibis.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ENGINE.to_pyarrow(table).to_pylist()
    return found


def known(*facts: dict[str, Any]) -> Known:
    return Known(
        table_of("configuration", [{"source": "c", "since": DAY, **fact} for fact in facts]), frozenset(fact["kind"] for fact in facts)
    )


def counted(rule: SessionRule, sessions: list[dict[str, Any]], *facts: dict[str, Any]) -> list[str]:
    return sorted(row["session_id"] for row in rows(qualifying(table_of("sessions", sessions), rule, known(*facts))))


def test_a_seat_is_the_place_else_the_dn_else_the_agent() -> None:
    table = table_of(
        "sessions",
        [
            session(1, DAY, None, place="P1", dn="1", agent="a"),
            session(2, DAY, None, place="P1", dn="2"),
            session(3, DAY, None, dn="4", agent="a"),
            session(4, DAY, None, agent="a"),
            session(5, DAY, None),
        ],
    )
    named = table.mutate(seat=seat_of(table))
    assert [row["seat"] for row in rows(named)] == ["place P1", "place P1", "DN 4", "agent a", "session s5"]


@pytest.mark.parametrize(
    ("item", "qualify"),
    [
        ("Genesys CIM Platform-MS", "12345678"),
        ("Genesys E-Mail", "26"),
        ("Genesys Web Media", "3"),
        ("Genesys Social Engagement", "5"),
        ("Third-party work items", "46"),
        ("Genesys Inbound Voice", "17"),
        ("SIP Server", "2"),
        ("Genesys Network Voice", "8"),
        ("Interaction Workspace", "3"),
        ("Genesys Agent Desktop", "4"),
        ("Agent Connector", "125678"),
    ],
)
def test_which_sessions_count_for_an_item(item: str, qualify: str) -> None:
    sessions = [
        session(1, DAY, None, media="|voice|", switch_kind="premise"),
        session(2, DAY, None, media="|email|voice|", switch_kind="sip"),
        session(3, DAY, None, media="|chat|", client="workspace"),
        session(4, DAY, None, media="|fax|", client="gad", place="P"),
        session(5, DAY, None, media="|twitter|", place="P"),
        session(6, DAY, None, media="|email|sms|", place="P"),
        session(7, DAY, None, media="|voice|"),
        session(8, DAY, None, media="|voice|", switch_kind="network"),
    ]
    rule = item_named(item, items_by_name(), {}).peak
    assert isinstance(rule, SessionRule)
    assert counted(rule, sessions) == [f"s{number}" for number in qualify]


def test_where_the_configuration_is_known_it_decides() -> None:
    sessions = [session(1, DAY, DAY + 100, agent="a"), session(2, DAY, None, agent="b"), session(3, DAY + 500, None, agent="a")]
    able = {"kind": "agent", "tenant": "Harbor", "name": "a", "detail": "wfm", "until": DAY + 300}
    assert counted(SessionRule(capability="wfm"), sessions) == ["s1", "s2", "s3"]
    assert counted(SessionRule(capability="wfm"), sessions, able) == ["s1"]
    assert counted(SessionRule(system="redundant-pair"), sessions, {"kind": "system", "name": "other"}) == []
    pair = {"kind": "system", "name": "redundant-pair", "since": DAY + 400}
    assert counted(SessionRule(system="redundant-pair"), sessions, pair) == ["s2", "s3"]


def test_a_loaded_campaign_group_counts_its_queues_and_places() -> None:
    sessions = [
        session(1, DAY, DAY + 100, queues="|q1|q2|"),
        session(2, DAY, None, place="P"),
        session(3, DAY, None, queues="|renewals|"),
        session(4, DAY, None, queues="|q3|"),
    ]
    group = {"kind": "campaign", "tenant": "Harbor", "name": "renewals", "since": DAY + 50}
    # The last one is another tenant's.
    groups = [{**group, "detail": "q2"}, {**group, "detail": "P"}, {**group, "detail": "q3", "tenant": "Meadow"}]
    item = item_named("Genesys Outbound Contact - MS", items_by_name(), {})
    assert lacking(item, frozenset()) != ""
    assert isinstance(item.peak, SessionRule)
    assert counted(item.peak, sessions, *groups) == ["s1", "s2", "s3"]


def test_of_a_member_what_lies_in_the_membership_counts() -> None:
    sessions = table_of("sessions", [session(1, DAY, None, agent="a"), session(2, DAY, DAY + 10, agent="b")])
    members = ibis.memtable(
        [(7, "Harbor", "a", DAY + 20, DAY + 40), (7, "Meadow", "b", DAY, DAY + 5)],
        schema={"key": "int64", "tenant": "string", "member": "string", "since": "int64", "until": "int64"},
    )
    found = rows(during(qualifying(sessions, SessionRule(), known()).mutate(number=ibis.literal(3)), members, "agent"))
    assert found == [{"key": 7, "number": 3, "seat": "agent a", "login": DAY + 20, "logout": DAY + 40}]


def test_enabled_seats_are_what_is_configured_while_it_is() -> None:
    facts = known(
        {"kind": "agent", "tenant": "Harbor", "name": "a", "detail": "premise"},
        {"kind": "agent", "tenant": "Harbor", "name": "a", "detail": "email", "until": DAY + 9},
        {"kind": "agent", "tenant": "Harbor", "name": "b", "detail": "agent"},
        {"kind": "agent", "tenant": "Harbor", "name": "c", "detail": "sip"},
        {"kind": "agent", "tenant": "Harbor", "name": "c", "detail": "workspace"},
        {"kind": "system", "name": "redundant-pair", "since": DAY + 5, "until": DAY + 7},
    )
    items = items_by_name()

    def of(name: str) -> list[tuple[str, int, int | None]]:
        rule = item_named(name, items, {}).enabled
        assert rule is not None
        return sorted((row["agent"], row["login"], row["logout"]) for row in rows(configured(rule, facts)))

    assert [one[0] for one in of("Agent Connector")] == ["a"]
    assert [one[0] for one in of("SIP Server")] == ["c"]
    assert of("HA-CIM") == [("a", DAY + 5, DAY + 7), ("a", DAY + 5, DAY + 7), ("c", DAY + 5, DAY + 7)]


def test_who_has_a_program_of_his_own_counts_for_the_connector_before_and_afterwards() -> None:
    facts = known(
        {"kind": "agent", "tenant": "Harbor", "name": "a", "detail": "login", "since": DAY},
        {"kind": "agent", "tenant": "Harbor", "name": "a", "detail": "desktop", "since": DAY + 10, "until": DAY + 30},
        {"kind": "agent", "tenant": "Harbor", "name": "a", "detail": "workspace", "since": DAY + 20, "until": DAY + 40},
        {"kind": "agent", "tenant": "Harbor", "name": "b", "detail": "sip", "since": DAY},
        {"kind": "agent", "tenant": "Meadow", "name": "b", "detail": "desktop", "since": DAY},
    )
    rule = item_named("Agent Connector", items_by_name(), {}).enabled
    assert rule is not None
    found = sorted((row["agent"], row["login"], row["logout"]) for row in rows(configured(rule, facts)))
    assert found[:2] == [("a", DAY, DAY + 10), ("a", DAY + 40, FOREVER)]
    assert [one[:2] for one in found[2:]] == [("b", DAY)]


def test_each_recording_is_counted() -> None:
    table = recorded(table_of("recordings", [{"recording_id": "r1", "started": DAY, "ended": DAY + 5}]))
    assert [(row["seat"], row["login"], row["logout"]) for row in rows(table)] == [("r1", DAY, DAY + 5)]
