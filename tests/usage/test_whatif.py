from __future__ import annotations

import math
import random
from collections import Counter
from datetime import UTC, date

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.usage.levels import levels
from seatkeeper.usage.periods import Edge
from seatkeeper.usage.reports import cells
from seatkeeper.usage.whatif import Denied, Use, denials, joined, replay, without_overlaps

ENGINE = ibis.duckdb.connect(threads=2)
COUNTS = [(0, 40), (60, 100)]
Steps = list[tuple[int, int | None]]


@st.composite
def some_uses(draw: st.DrawFn) -> list[Use]:
    seats = st.sampled_from("abcdef")
    rows = draw(
        st.lists(st.tuples(st.integers(-9, 99), st.integers(1, 60), seats, st.sampled_from(["ann", "bo", "cy", "dee"])), max_size=25)
    )
    return [Use(since, since + length, seat, agent) for since, length, seat, agent in rows]


def by_the_second(held: list[Use], steps: Steps) -> tuple[int, list[tuple[int, int | None]], int, tuple[int, int | None], tuple[int, int]]:
    """Logins, when logins were denied and for how long, full, peak and when, over and for how long: each second is lived through."""
    counting = {second for since, until in COUNTS for second in range(since, until)}
    seats = sorted({use.seat for use in held})
    wanted_before: set[str] = set()
    seated: set[str] = set()
    logins, full, peak, over = 0, 0, (0, None), (0, 0)
    denied: list[list[int | None]] = []
    pool: int | None = None
    for second in range(-10, 200):
        pool = dict(steps).get(second, pool)
        wanted = {seat for seat in seats if any(use.seat == seat and use.since <= second < use.until for use in held)}
        seated &= wanted
        for one in denied:
            if one[1] is None and (pool is None or len(seated) < pool):
                one[1] = second - (one[0] or 0)
        coming = sorted(wanted - wanted_before, key=lambda seat: _first(held, seat, second))
        for seat in coming:
            logins += second in counting
            if second in counting and pool is not None and len(seated) >= pool:
                denied.append([second, None])
            else:
                seated.add(seat)
        wanted_before = wanted
        if second in counting:
            full += pool is not None and len(seated) >= pool
            if wanted and len(wanted) >= peak[0]:
                peak = len(wanted), second
            if pool is not None and len(wanted) > pool:
                over = max(over[0], len(wanted) - pool), over[1] + 1
    return logins, [(one[0] or 0, one[1]) for one in denied], full, peak, over


def _first(held: list[Use], seat: str, second: int) -> tuple[int, str]:
    """In which order those come who come in the same second: who leaves first, as the replay sorts."""
    until = second
    while any(use.seat == seat and use.since <= until < use.until for use in held):
        until += 1
    return until, seat


some_steps = st.lists(st.tuples(st.integers(-10, 90), st.none() | st.integers(0, 5)), max_size=3, unique_by=lambda step: step[0]).map(
    sorted
)


@settings(max_examples=150, deadline=None)
@given(some_uses(), some_steps)
def test_a_replay_is_what_one_sees_who_lives_through_every_second(held: list[Use], steps: Steps) -> None:
    told = replay(joined(held), COUNTS, steps)
    logins, denied, full, peak, over = by_the_second(held, steps)
    assert (told.logins, told.full_s, (told.peak, told.peak_time), (told.over, told.over_s)) == (logins, full, peak, over)
    assert [(one.at, one.wait_s) for one in told.denied] == denied


@settings(max_examples=60, deadline=None)
@given(some_uses(), st.integers(0, 5))
def test_no_more_are_denied_than_logins_that_found_so_many_in_use(held: list[Use], pool: int) -> None:
    told = replay(joined(held), COUNTS, [(-10, pool)])
    edges = [Edge(-100, -1), Edge(0, 0), Edge(40, -1), Edge(60, 0), Edge(100, -1), Edge(200, -1)]
    times = ibis.memtable(
        [(0, use.seat, use.since, use.until) for use in held],
        schema={"key": "int64", "seat": "string", "since": "int64", "until": "int64"},
    )
    rows = ENGINE.to_pyarrow(levels(times, cells(1, edges))).to_pylist()
    assert told.logins == sum(row["logins"] for row in rows)
    assert len(told.denied) <= sum(row["logins"] for row in rows if row["seats"] >= pool)
    assert bool(told.denied) == any(row["logins"] for row in rows if row["seats"] >= pool)
    assert told.over_s == sum(row["seconds"] for row in rows if row["seats"] > pool)
    assert told.peak == max((row["seats"] for row in rows if row["seconds"]), default=0)


def test_denials_are_those_of_erlangs_formula() -> None:
    # A loss system's blocking depends on the offered load alone: logins at random, of any length.
    draws, load, seats = random.Random(6), 8.0, 10
    at, uses = 0.0, []
    for number in range(60_000):
        at += draws.expovariate(1) * 100
        length = draws.choice([draws.expovariate(1) * load * 100, load * 100])
        uses.append(Use(int(at), int(at) + max(1, round(length)), f"s{number}", ""))
    told = replay(joined(uses), [(5_000, int(at))], [(0, seats)])
    erlang = (load**seats / math.factorial(seats)) / sum(load**k / math.factorial(k) for k in range(seats + 1))
    assert len(told.denied) / told.logins == pytest.approx(erlang, rel=0.08)


def test_who_finds_the_pool_full_is_denied_and_waits_until_a_seat_is_free() -> None:
    uses = joined(
        [Use(10, 50, "p1", "ann"), Use(20, 30, "p2", "bo"), Use(25, 90, "p3", "cy"), Use(35, 95, "p4", "dee"), Use(36, 37, "p5", "")]
    )
    told = replay(uses, [(0, 100)], [(0, 2)])
    assert told.denied == [Denied(25, "cy", 5), Denied(36, "", 14 - 0)]
    assert (told.logins, told.full_s, told.peak, told.peak_time, told.over, told.over_s) == (5, 10 + 15, 4, 36, 2, 6 + 14)
    assert replay(uses, [(0, 100)], []).denied == []
    assert replay(uses[:1], [(0, 100)], [(0, 0)]).denied == [Denied(10, "ann", None)]


def test_denials_are_summed_up_by_day() -> None:
    uses = joined([Use(0, 200_000, "p1", "ann"), Use(10, 30, "p2", "bo"), Use(90_000, 90_100, "p3", "bo"), Use(90_000, 90_200, "p4", "")])
    told = denials(replay(uses, [(0, 100_000)], [(0, 1), (95_000, 2)]), UTC)
    assert (told.logins, told.denied, told.agents, told.first, told.last) == (4, 3, 1, 10, 90_000)
    assert (told.longest_wait_s, told.never_free, told.full_s) == (94_990, 0, 95_000)
    assert told.days == {date(1970, 1, 1): 1, date(1970, 1, 2): 2}
    assert denials(replay(uses[:2], [(0, 100_000)], [(0, 0)]), UTC).never_free == 2


@settings(max_examples=60, deadline=None)
@given(some_uses())
def test_joined_times_cover_the_same_seconds_once(held: list[Use]) -> None:
    uses = joined(held)
    seconds = Counter((use.seat, second) for use in uses for second in range(use.since, use.until))
    assert set(seconds) == {(use.seat, second) for use in held for second in range(use.since, use.until)}
    assert set(seconds.values()) <= {1}
    assert uses == joined(uses) == sorted(uses)


def test_who_comes_relieves_who_leaves_within_the_handover() -> None:
    hour = 3600
    ann, bo = Use(6 * hour, 14 * hour + 900, "p1", "ann"), Use(14 * hour, 22 * hour, "p2", "bo")
    assert without_overlaps([bo, ann], 1800) == [ann._replace(until=14 * hour), bo]
    assert without_overlaps([bo, ann], 899) == [ann, bo]
    # One relief for one: the one who leaves first.
    cy = Use(7 * hour, 14 * hour + 600, "p3", "cy")
    assert without_overlaps([ann, cy, bo], 1800) == [ann, cy._replace(until=14 * hour), bo]
    # No shift: who has just come, a short visit, and oneself on another seat.
    short = Use(14 * hour, 14 * hour + 1200, "p2", "bo")
    assert without_overlaps([ann, short], 1800) == [ann, short]
    late = Use(14 * hour - 600, 14 * hour + 900, "p1", "ann")
    assert without_overlaps([late, bo], 1800) == [late, bo]
    own = bo._replace(agent="ann")
    assert without_overlaps([ann, own], 1800) == [ann, own]


@settings(max_examples=60, deadline=None)
@given(some_uses(), st.integers(1, 15))
def test_without_overlaps_nobody_begins_otherwise_or_loses_more_than_the_handover(held: list[Use], handover: int) -> None:
    begins = {use.since for use in held}
    for use, left in zip(sorted(held), without_overlaps(held, handover), strict=True):
        assert left == use._replace(until=left.until)
        assert left.until == use.until or (left.until in begins and 0 < use.until - left.until <= handover)
