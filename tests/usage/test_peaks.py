from __future__ import annotations

import ibis
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.usage.peaks import peaks, sampled
from seatkeeper.usage.periods import Edge
from seatkeeper.usage.reports import cells

ENGINE = ibis.duckdb.connect(threads=2)
SCHEMA = {"key": "int64", "seat": "string", "since": "int64", "until": "int64"}
#: Three periods, with a hole before the last.
EDGES = [Edge(0, 0), Edge(30, 1), Edge(40, -1), Edge(60, 2), Edge(100, -1)]
PERIODS = [(0, 30), (30, 40), (60, 100)]

Times = list[tuple[int, str, int, int]]


def by_the_second(times: Times, keys: int, step: int) -> dict[tuple[int, int], tuple[int, int | None]]:
    found: dict[tuple[int, int], tuple[int, int | None]] = {}
    for key in range(keys):
        for number, (begin, end) in enumerate(PERIODS):
            best: tuple[int, int | None] = (0, None)
            for second in range(begin, end, step):
                used = len({seat for whose, seat, since, until in times if whose == key and since <= second < until})
                if used and used >= best[0]:
                    best = used, second
            found[key, number] = best
    return found


@st.composite
def some_times(draw: st.DrawFn) -> Times:
    rows = draw(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abcd"), st.integers(0, 99), st.integers(1, 60)), max_size=25))
    return [(key, seat, since, min(since + length, 100)) for key, seat, since, length in rows]


@settings(max_examples=40, deadline=None)
@given(some_times(), st.sampled_from([1, 10]))
def test_peaks_are_those_of_a_count_second_by_second(times: Times, step: int) -> None:
    table = ibis.memtable(times, schema=SCHEMA)
    rows = ENGINE.to_pyarrow(peaks(table, cells(3, EDGES), step)).to_pylist()
    assert {(row["key"], row["period"]): (row["peak"], row["last"]) for row in rows} == by_the_second(times, 3, step)
    assert len(rows) == 9


def test_who_looks_once_a_minute_does_not_see_what_lies_between() -> None:
    table = ibis.memtable([(0, "a", 61, 119), (0, "b", 60, 61), (0, "c", 59, 180)], schema=SCHEMA)
    rows = ENGINE.to_pyarrow(sampled(table, 60)).to_pylist()
    assert [(row["seat"], row["since"], row["until"]) for row in rows] == [("b", 60, 120), ("c", 60, 180)]
