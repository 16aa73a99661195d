from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.usage.planning import (
    RISKS,
    DayUse,
    Needed,
    days_sentences,
    from_days,
    seats_by_trial,
    seats_for,
    share_given,
    wanted_by_days,
    wanted_by_logins,
    wanted_by_time,
)

FIRST = date(2026, 9, 1)


def day(number: int) -> date:
    return FIRST + timedelta(number)


@given(st.dictionaries(st.integers(1, 30), st.integers(1, 50), min_size=1), st.integers(0, 99))
def test_no_fewer_seats_would_do(wanted: dict[int, int], percent: int) -> None:
    risk = Fraction(percent, 100)
    (needed,) = seats_for(wanted, [risk])
    one_by_one = [seats for seats, weight in wanted.items() for _ in range(weight)]
    enough = [n for n in range(31) if sum(seats > n for seats in one_by_one) <= risk * len(one_by_one)]
    assert needed.seats == enough[0]
    assert (needed.met, needed.total) == (sum(seats > needed.seats for seats in one_by_one), len(one_by_one))


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.integers(0, 99))
def test_by_trial_one_seat_fewer_denies_too_many(steps: list[int], percent: int) -> None:
    # The more seats, the fewer are denied; with as many as were tried nobody is.
    denied = [sum(steps[seats:]) for seats in range(len(steps) + 1)]
    risk, total = Fraction(percent, 100), max(1, sum(steps))
    (needed,) = seats_by_trial([Needed(risk, len(steps), 0, total)], denied.__getitem__)
    assert needed.met == denied[needed.seats] <= risk * total
    assert needed.seats == 0 or denied[needed.seats - 1] > risk * total


def test_what_is_wanted_is_told_by_time_logins_and_days() -> None:
    levels = {0: (1000, 2), 1: (50, 1), 2: (10, 0)}
    assert wanted_by_time(levels) == {1: 50, 2: 10}
    assert wanted_by_logins(levels) == {1: 2, 2: 1}
    assert wanted_by_days([0, 2, 2, 1]) == {2: 2, 1: 1}
    assert [needed.seats for needed in seats_for({1: 990, 2: 9, 7: 1}, RISKS)] == [7, 2, 1, 1]
    assert seats_for({}, RISKS) == []


def test_days_that_say_too_little_are_left_out_with_the_reason() -> None:
    uses = [DayUse(day(number), 5) for number in range(8)]
    uses[2] = DayUse(day(2), 5, "icon has no data for 1 hour")
    uses[3] = DayUse(day(3), None, "icon has no data for 1 hour")
    uses[4] = DayUse(day(4), 0, excluded=(("shift change", 1800),))
    told = from_days(uses, day(7), (day(1), day(5)))
    assert told.days == (day(1), day(4), day(5))
    assert [(out.reason, out.days) for out in told.left_out] == [
        ("before the first facts", (day(0),)),
        ("icon has no data for 1 hour", (day(2), day(3))),
        ("after the last facts", (day(6),)),
        ("not over", (day(7),)),
    ]
    assert days_sentences(told) == [
        "From 3 days, 2026-09-02 to 2026-09-06.",
        "Left out: 1 day (before the first facts): 2026-09-01.",
        "Left out: 2 days (icon has no data for 1 hour): 2026-09-03, 2026-09-04.",
        "Left out: 1 day (after the last facts): 2026-09-07.",
        "Left out: 1 day (not over): 2026-09-08.",
        "Of these days 0.5 hours do not count (shift change).",
    ]
    none = from_days(uses, day(7), None)
    assert none.days == ()
    assert days_sentences(none)[:2] == ["No day counts.", "Left out: 7 days (before the first facts): 2026-09-01 to 2026-09-07."]
    unknown = from_days([DayUse(day(2), None)], day(7), (day(0), day(7)))
    assert [out.reason for out in unknown.left_out] == ["not known"]


def test_a_share_is_a_percentage() -> None:
    assert share_given("0.1%", "--risk") == RISKS[1]
    assert share_given("5 %", "--risk") == RISKS[3]
    for text in ("1", "100%", "-1%", "one"):
        with pytest.raises(InputError, match="--risk: This is no share"):
            share_given(text, "--risk")
