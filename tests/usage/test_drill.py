from __future__ import annotations

from typing import Any

import ibis

from seatkeeper.usage.drill import HOLDER_COLUMNS, holders
from seatkeeper.usage.measures import Item, RecordingRule, SessionRule
from seatkeeper.usage.reports import Facts, ReportType, Subject
from seatkeeper.usage.seats import Known
from support.usagefacts import DAY, moment, session, table_of

ITEM = Item("any", SessionRule(), None, "test")
SESSIONS = [
    session(1, moment("08:00"), moment("09:00"), agent="a", place="P1"),
    session(2, moment("08:30"), None, agent="a", place="P1"),
    session(3, moment("08:30"), moment("08:45"), agent="b", tenant="Meadow"),
    session(4, moment("08:00"), moment("08:30"), agent="c"),
]
MEMBERS = [
    {"kind": "agent-group", "tenant": "Harbor", "name": "service", "detail": "a", "since": DAY, "until": moment("12:00")},
    {"kind": "agent-group", "tenant": "Harbor", "name": "service", "detail": "c", "since": moment("12:00")},
]
FACTS = Facts(
    table_of("sessions", SESSIONS),
    table_of("recordings", [{"recording_id": "r1", "source": "|rec|", "tenant": "Harbor", "agent": "a", "started": DAY, "ended": DAY + 9}]),
    table_of("ports", []),
    table_of("ends", []),
    Known(table_of("configuration", MEMBERS), frozenset({"agent-group"})),
)


def told(report: ReportType, subject: Subject, at: int, item: Item = ITEM, day_end: int | None = None) -> list[dict[str, Any]]:
    table = holders(FACTS, item, report, subject, at, day_end)
    assert table.columns == HOLDER_COLUMNS
    rows: list[dict[str, Any]] = ibis.duckdb.connect().to_pyarrow(table).to_pylist()
    return rows


def test_those_are_named_who_held_a_seat_at_the_moment() -> None:
    at = moment("08:30")
    assert [(row["session_id"], row["seat"]) for row in told("system", Subject(), at)] == [
        ("s3", "agent b"),
        ("s1", "place P1"),
        ("s2", "place P1"),
    ]
    assert [row["session_id"] for row in told("system", Subject(), at - 1)] == ["s4", "s1"]
    assert [row["session_id"] for row in told("tenant", Subject("Meadow"), at)] == ["s3"]
    assert [row["session_id"] for row in told("system", Subject(), moment("23:59"))] == ["s2"]


def test_of_a_group_those_who_belonged_to_it() -> None:
    group, at = Subject("Harbor", "service"), moment("08:29:59")
    assert [row["session_id"] for row in told("agent-group", group, at)] == ["s1"]
    assert [row["session_id"] for row in told("agent-group", group, at, day_end=DAY + 86_400)] == ["s4"]
    assert told("agent-group", group, moment("12:00")) == []


def test_of_recordings_each_is_a_seat() -> None:
    (row,) = told("system", Subject(), DAY + 8, Item("calls", RecordingRule(), None, "test"))
    assert (row["seat"], row["session_id"], row["agent"], row["media"]) == ("r1", "r1", "a", "")
    assert told("system", Subject(), DAY + 9, Item("calls", RecordingRule(), None, "test")) == []
