"""Seats of technical licenses in use are those that a naive simulation, second by second, counts."""

from __future__ import annotations

from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.usage.features import denied_in, ended_with_server, feature_peaks, used_in
from seatkeeper.usage.periods import Edge
from support.usagefacts import table_of

END = 60
# Where a measure looks only now and then, periods begin where it looks.
EDGES = [Edge(4, 0), Edge(20, -1), Edge(24, 1), Edge(40, 2), Edge(56, -1)]
PIECES = [(0, 4, 20), (1, 24, 40), (2, 40, 56)]
NAMES = ["F1", "g2", "none"]

CHECKOUTS = st.lists(
    st.tuples(
        st.sampled_from(["f1", "F1", "g2", "other"]), st.integers(0, END), st.one_of(st.none(), st.integers(0, 30)), st.integers(1, 9)
    ),
    max_size=30,
)
DENIALS = st.lists(
    st.tuples(
        st.sampled_from(["f1", "G2", "other"]), st.integers(0, END), st.sampled_from([-4, -5]), st.sampled_from("ab"), st.integers(1, 5)
    ),
    max_size=14,
    unique_by=lambda one: one[:4],
)


def _rows(drawn: list[tuple[str, int, int | None, int]]) -> list[dict[str, Any]]:
    return [
        {
            "source": f"s{number % 2}",
            "handle": f"{number // 2}",
            "feature": feature,
            "user": f"u{number % 3}",
            "seats": seats,
            "taken": taken,
            "returned": None if lasted is None else taken + lasted,
        }
        for number, (feature, taken, lasted, seats) in enumerate(drawn)
    ]


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(CHECKOUTS, DENIALS)
def test_each_second_counts_all_seats_that_are_out(drawn: list[Any], denied: list[Any]) -> None:
    engine = open_duckdb(threads=1)
    rows = _rows(drawn)
    table = table_of("checkouts", rows)

    def out(name: str, second: int) -> int:
        own = [row for row in rows if row["feature"].lower() == name.lower()]
        return sum(row["seats"] for row in own if row["taken"] <= second and (row["returned"] is None or second < row["returned"]))

    for step in (1, 4):
        found = {(row["key"], row["period"]): (row["peak"], row["last"]) for row in engine.rows(feature_peaks(table, NAMES, EDGES, step))}
        expected = {}
        for key, name in enumerate(NAMES):
            for number, since, until in PIECES:
                most = max((out(name, second), second) for second in range(since, until) if second % step == 0)
                expected[key, number] = most if most[0] else (0, None)
        assert found == expected
    used = {row["key"]: row for row in engine.rows(used_in(table, NAMES, (4, 56)))}
    for key, name in enumerate(NAMES):
        assert used.get(key, {"seat_seconds": 0})["seat_seconds"] == sum(out(name, second) for second in range(4, 56))
    refused = [
        {"source": "s", "feature": feature, "user": user, "at": at, "code": code, "times": times}
        for feature, at, code, user, times in denied
    ]
    counts = {
        (row["key"], row["period"], row["code"], row["user"]): row["times"]
        for row in engine.rows(denied_in(table_of("denials", refused), NAMES, PIECES))
    }
    naive: dict[Any, int] = {}
    for row in refused:
        for number, since, until in PIECES:
            if since <= row["at"] < until and row["feature"].lower() in {"f1", "g2"}:
                place = (0 if row["feature"] == "f1" else 1), number, row["code"], row["user"]
                naive[place] = naive.get(place, 0) + row["times"]
    assert counts == naive
    engine.close()


def test_a_server_that_has_ended_has_its_seats_back() -> None:
    engine = open_duckdb(threads=1)
    common = {"feature": "f", "user": "u", "seats": 1}
    checkouts = [
        {**common, "source": "a", "handle": "before", "taken": 5, "returned": None},
        {**common, "source": "a", "handle": "between", "taken": 15, "returned": None},
        {**common, "source": "a", "handle": "after", "taken": 25, "returned": None},
        {**common, "source": "a", "handle": "seen", "taken": 5, "returned": 12},
        {**common, "source": "b", "handle": "before", "taken": 5, "returned": None},
    ]
    ends = [{"source": "a", "ended": ended} for ended in (10, 20)]
    found = ended_with_server(table_of("checkouts", checkouts), table_of("ends", ends))
    assert found.columns == table_of("checkouts", []).columns
    assert {(row["source"], row["handle"]): (row["returned"], row["estimated"]) for row in engine.rows(found)} == {
        ("a", "before"): (10, True),
        ("a", "between"): (20, True),
        ("a", "after"): (None, False),
        ("a", "seen"): (12, False),
        ("b", "before"): (None, False),
    }
    engine.close()
