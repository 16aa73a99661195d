from __future__ import annotations

import ibis
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.usage.overuse import seconds_over
from seatkeeper.usage.periods import Edge
from seatkeeper.usage.reports import cells

ENGINE = ibis.duckdb.connect(threads=2)
SCHEMA = {"key": "int64", "seat": "string", "since": "int64", "until": "int64"}
#: Two periods, the second in two parts with a hole between, and a hole before the last part.
EDGES = [Edge(0, 0), Edge(30, 1), Edge(40, -1), Edge(60, 1), Edge(100, -1)]
SECONDS = {0: range(30), 1: [*range(30, 40), *range(60, 100)]}

Times = list[tuple[int, str, int, int]]


@st.composite
def some_times(draw: st.DrawFn) -> Times:
    rows = draw(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abcd"), st.integers(0, 99), st.integers(1, 60)), max_size=25))
    return [(key, seat, since, min(since + length, 100)) for key, seat, since, length in rows]


def told(times: Times, limits: dict[tuple[int, int], int], step: int) -> dict[tuple[int, int], int]:
    table = ibis.memtable([(*key, limit) for key, limit in limits.items()], schema={"key": "int64", "period": "int64", "limit": "int64"})
    rows = ENGINE.to_pyarrow(seconds_over(ibis.memtable(times, schema=SCHEMA), cells(3, EDGES), table, step)).to_pylist()
    return {(row["key"], row["period"]): row["seconds"] for row in rows}


@settings(max_examples=25, deadline=None)
@given(some_times(), st.dictionaries(st.tuples(st.integers(0, 2), st.integers(0, 1)), st.integers(0, 3)), st.sampled_from([1, 10]))
def test_the_time_over_is_that_of_a_count_second_by_second(times: Times, limits: dict[tuple[int, int], int], step: int) -> None:
    expected = {}
    for (key, period), limit in limits.items():
        looks = [second for second in SECONDS[period] if second % step == 0]
        used = [len({seat for whose, seat, since, until in times if whose == key and since <= second < until}) for second in looks]
        if over := sum(seats > limit for seats in used):
            expected[key, period] = over * step
    assert told(times, limits, step) == expected


def test_nothing_is_over_without_a_limit() -> None:
    assert told([(0, "a", 0, 100), (0, "b", 10, 20)], {}, 1) == {}
    assert told([(0, "a", 0, 100), (0, "b", 10, 20)], {(0, 0): 1}, 1) == {(0, 0): 10}


def test_what_happens_at_one_moment_is_taken_in_its_order() -> None:
    # Three come at 50 and all six go at 51: the seconds before and after are those of three and of six, not of four or five.
    times = [(0, seat, since, 51) for since, seats in ((3, "abc"), (50, "def")) for seat in seats]
    rows = [(key, seat, since, until) for key in range(40) for _, seat, since, until in times]
    table = ibis.memtable([(key, 0, 3) for key in range(40)], schema={"key": "int64", "period": "int64", "limit": "int64"})
    found = ENGINE.to_pyarrow(seconds_over(ibis.memtable(rows, schema=SCHEMA), cells(40, [Edge(0, 0), Edge(60, -1)]), table)).to_pylist()
    assert {row["seconds"] for row in found} == {1}
    assert len(found) == 40
