"""The record of the truth says what a person would count by hand."""

from __future__ import annotations

from random import Random

import msgspec

from seatkeeper.sim.center import GROUPS, build_center
from seatkeeper.sim.month import Login, plan_month
from seatkeeper.sim.truth import ITEMS, limits_of, peaks_of, truth_of

AGENT = msgspec.structs.replace(build_center(1, Random(1)).agents[0], site="north", group=GROUPS[1][0])
HOUR = 3600


def login(begins: int, ends: int, place: str, name: str = "a") -> Login:
    return Login(0, msgspec.structs.replace(AGENT, name=name), True, ("voice",), place, "", begins, ends)


def test_a_place_is_one_seat_and_the_latest_of_two_peaks_is_told() -> None:
    sessions = [login(0, 100, "p1"), login(50, 200, "p1"), login(10, 60, "p2"), login(150, 160, "p3"), login(HOUR, HOUR + 1, "p1")]
    assert peaks_of(sessions, 0, 2 * HOUR) == [(2, 159), (1, HOUR)]


def test_who_has_no_place_is_a_seat_and_hours_are_cut() -> None:
    sessions = [login(-50, HOUR + 10, "", "a"), login(5, 3 * HOUR, "", "b")]
    assert peaks_of(sessions, 0, 3 * HOUR) == [(2, HOUR - 1), (2, HOUR + 9), (1, 3 * HOUR - 1)]
    assert peaks_of([], 0, HOUR) == [(0, None)]


def test_a_month_says_so_for_all_items_and_only_the_planted_tenant_is_over() -> None:
    month = plan_month(60, 3, 2026, 2, Random(2))
    truth = truth_of(month)
    assert len(truth["peaks"]) == len(ITEMS) * 4
    row = next(row for row in truth["peaks"] if row["tenant"] is None and row["item"] == "Genesys CIM Platform-MS")
    assert (len(row["hourly"]), len(row["daily"]), len(row["monthly"])) == (28 * 24, 28, 1)
    assert row["monthly"][0][1] == max(one[1] for one in row["hourly"])
    over = {row["tenant"] for row in truth["peaks"] for one in row["daily"] if one[3]}
    assert over == {month.surge_tenant}
    days = {(one[0] - month.since) // 86_400 + 1 for row in truth["peaks"] for one in row["daily"] if one[3]}
    assert days == {month.surge_day}
    assert len(limits_of(month)) == 4 * 3
