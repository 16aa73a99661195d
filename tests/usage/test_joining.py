from __future__ import annotations

import itertools

import ibis

from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.joining import joined
from support.usagefacts import DAY, session, table_of

SESSIONS = KINDS["sessions"]


def test_all_orders_and_replays_give_the_same_row() -> None:
    rows = [
        session(1, DAY + 5, None, source="|b|", media="|voice|", place="P1"),
        session(1, DAY, DAY + 90, source="|a|", media="|chat|", estimated=True),
        session(1, DAY + 2, DAY + 60, source="|a|", media="|email|voice|"),
        session(2, DAY, None, source="|a|"),
    ]
    engine = ibis.duckdb.connect()
    found = set()
    for order in itertools.permutations(range(4)):
        told = [rows[number] for number in (*order, order[0])]
        table = engine.to_pyarrow(joined(table_of("sessions", told), SESSIONS).order_by("session_id"))
        found.add(str(table.to_pylist()))
        one, two = table.to_pylist()
    assert len(found) == 1
    assert (one["login"], one["logout"], one["estimated"]) == (DAY, DAY + 60, False)
    assert (one["source"], one["media"], one["place"]) == ("|a|b|", "|chat|email|voice|", "P1")
    assert (two["source"], two["media"], two["logout"]) == ("|a|", "", None)


def test_the_moment_of_a_peak_is_that_of_the_larger_one() -> None:
    stretch = {"source": "rs", "kind": "asr", "start": DAY, "seconds": 300}
    rows = [
        {**stretch, "peak": 5, "peak_time": DAY + 7},
        {**stretch, "peak": 5, "peak_time": None},
        {**stretch, "peak": 3, "peak_time": DAY + 200},
    ]
    engine = ibis.duckdb.connect()
    for order in itertools.permutations(rows):
        (one,) = engine.to_pyarrow(joined(table_of("ports", order), KINDS["ports"])).to_pylist()
        assert (one["peak"], one["peak_time"]) == (5, DAY + 7)
    (one,) = engine.to_pyarrow(joined(table_of("ports", [rows[1], rows[1]]), KINDS["ports"])).to_pylist()
    assert one["peak_time"] is None
