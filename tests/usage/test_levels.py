from __future__ import annotations

from collections import Counter

import ibis
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.usage.levels import levels
from seatkeeper.usage.periods import Edge
from seatkeeper.usage.reports import cells

ENGINE = ibis.duckdb.connect(threads=2)
SCHEMA = {"key": "int64", "seat": "string", "since": "int64", "until": "int64"}
#: A beginning that does not count, and a period in two parts with a hole between.
EDGES = [Edge(-100, -1), Edge(0, 0), Edge(40, -1), Edge(60, 0), Edge(100, -1)]
COUNTED = [*range(40), *range(60, 100)]

Times = list[tuple[int, str, int, int]]


@st.composite
def some_times(draw: st.DrawFn) -> Times:
    rows = draw(st.lists(st.tuples(st.integers(0, 1), st.sampled_from("abcd"), st.integers(-9, 99), st.integers(1, 60)), max_size=25))
    return [(key, seat, since, min(since + length, 100)) for key, seat, since, length in rows]


def told(times: Times) -> dict[tuple[int, int], tuple[int, int]]:
    rows = ENGINE.to_pyarrow(levels(ibis.memtable(times, schema=SCHEMA), cells(2, EDGES))).to_pylist()
    assert {row["period"] for row in rows} <= {0}
    return {(row["key"], row["seats"]): (row["seconds"], row["logins"]) for row in rows if row["seconds"] or row["logins"]}


@settings(max_examples=60, deadline=None)
@given(some_times())
def test_every_second_and_every_login_is_counted_at_what_was_in_use(times: Times) -> None:
    seconds: Counter[tuple[int, int]] = Counter()
    logins: Counter[tuple[int, int]] = Counter()
    for key in (0, 1):
        held: set[str] = set()
        for second in range(-100, 100):
            now = {seat for whose, seat, since, until in times if whose == key and since <= second < until}
            # Those who stay were there before; those who come, come one after the other.
            stayed = len(now & held)
            if second in COUNTED:
                seconds[key, len(now)] += 1
                for place in range(len(now - held)):
                    logins[key, stayed + place] += 1
            held = now
    expected = {place: (seconds[place], logins[place]) for place in seconds | logins}
    assert told(times) == expected


def test_who_takes_over_a_seat_within_a_second_finds_it_free() -> None:
    assert told([(0, "a", 10, 20), (0, "b", 20, 30), (1, "a", 5, 10), (1, "a", 10, 20)]) == {
        (0, 0): (60, 2),
        (0, 1): (20, 0),
        (1, 0): (65, 1),
        (1, 1): (15, 0),
    }
