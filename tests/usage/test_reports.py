from __future__ import annotations

from typing import Any

import ibis

from seatkeeper.usage.measures import Item, PortRule, SessionRule
from seatkeeper.usage.periods import Edge
from seatkeeper.usage.reports import DayEnds, Facts, ReportType, Subject, concurrent, counted, enabled, groups, port_peaks
from seatkeeper.usage.seats import Known
from support.usagefacts import DAY, moment, session, table_of

ENGINE = ibis.duckdb.connect()
ITEM = Item("any", SessionRule(), None, "test")
EDGES = [Edge(DAY, 0), Edge(DAY + 86_400, -1)]


def facts(sessions: list[dict[str, Any]], *others: dict[str, Any], ports: list[dict[str, Any]] | None = None) -> Facts:
    known = Known(table_of("configuration", others), frozenset(fact["kind"] for fact in others))
    return Facts(table_of("sessions", sessions), table_of("recordings", []), table_of("ports", ports or []), table_of("ends", []), known)


def peak(told: Facts, report: ReportType, subjects: list[Subject], days: DayEnds = None) -> list[int]:
    table = concurrent(told, [counted(told, ITEM)], report, subjects, EDGES, days=days)
    return [row["peak"] for row in ENGINE.to_pyarrow(table.order_by("key")).to_pylist()]


def test_the_systems_peak_is_not_the_sum_of_the_tenants() -> None:
    told = facts(
        [
            session(1, moment("08:00"), moment("09:00"), agent="a"),
            session(2, moment("08:30"), moment("09:30"), agent="b", tenant="Meadow"),
            session(3, moment("10:00"), moment("11:00"), agent="c", tenant="Meadow"),
            session(4, moment("10:00"), moment("11:00"), agent="d", tenant="Meadow"),
        ]
    )
    assert peak(told, "tenant", [Subject("Harbor"), Subject("Meadow")]) == [1, 2]
    assert peak(told, "system", [Subject()]) == [2]


def test_a_group_counts_its_members_when_they_belonged_to_it_or_at_the_days_end() -> None:
    group = {"kind": "agent-group", "tenant": "Harbor", "name": "service"}
    told = facts(
        [session(1, moment("08:00"), moment("12:00"), agent="a"), session(2, moment("09:00"), moment("10:00"), agent="b")],
        {**group, "detail": "a", "since": DAY - 99, "until": moment("15:00")},
        {**group, "detail": "b", "since": DAY - 99, "until": moment("09:00")},
        {**group, "detail": "b", "since": moment("15:00")},
    )
    assert ENGINE.to_pyarrow(groups(told.known, "agent-group").count()).as_py() == 3
    subjects = [Subject("Harbor", "service"), Subject("Harbor", "nobody")]
    assert peak(told, "agent-group", subjects) == [1, 0]
    late = facts(
        [session(1, moment("08:00"), None, agent="a"), session(2, moment("09:00"), None, agent="b")],
        *([{**group, "detail": "b", "since": DAY}]),
    )
    assert peak(late, "agent-group", subjects, [(DAY, DAY + 86_400)]) == [1, 0]
    rows = ENGINE.to_pyarrow(enabled(told, [ITEM], "agent-group", subjects, EDGES).order_by("key")).to_pylist()
    assert [row["peak"] for row in rows] == [2, 0]


def test_ports_of_shorter_stretches_make_those_of_a_longer_one() -> None:
    bins = [
        {"source": "rs", "kind": "asr", "start": DAY, "seconds": 300, "peak": 4, "peak_time": DAY + 7},
        {"source": "rs", "kind": "asr", "start": DAY + 300, "seconds": 300, "peak": 4, "peak_time": DAY + 301},
        {"source": "rs", "kind": "asr", "start": DAY + 600, "seconds": 300, "peak": 9, "tenant": "Harbor"},
        {"source": "rs", "kind": "tts", "start": DAY, "seconds": 300, "peak": 90},
    ]
    told = facts([], ports=bins)
    pieces = [(0, DAY, DAY + 600), (1, DAY + 600, DAY + 1200)]
    rows = ENGINE.to_pyarrow(port_peaks(told, PortRule("asr"), [Subject()], pieces)).to_pylist()
    assert rows == [{"key": 0, "period": 0, "peak": 4, "last": DAY + 301}]
    rows = ENGINE.to_pyarrow(port_peaks(told, PortRule("asr"), [Subject("Harbor")], pieces)).to_pylist()
    assert rows == [{"key": 0, "period": 1, "peak": 9, "last": DAY + 899}]
