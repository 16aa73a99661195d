"""A day's happenings are in order, belong together, and are the same for the same draws."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.sim.center import build_center
from seatkeeper.sim.day import MINUTES, Failures, Happening, minute_of, plan_day, time_of


def day(agents: int = 200, seed: int = 1, failures: Failures | None = None) -> list[Happening]:
    draws = Random(seed)
    return plan_day(build_center(agents, draws), draws, failures or Failures())


@given(st.integers(0, 10_000))
def test_logins_and_logouts_of_an_agent_alternate(seed: int) -> None:
    logged_in: set[str] = set()
    last = 0
    for happening in day(20, seed):
        assert last <= happening.minute < MINUTES
        last = happening.minute
        if happening.agent is not None:
            name = happening.agent.name
            if happening.what == "agent-login":
                assert name not in logged_in
                logged_in.add(name)
            else:
                assert name in logged_in
            if happening.what == "agent-logout":
                logged_in.remove(name)


def test_the_same_draws_make_the_same_day() -> None:
    assert day(seed=3) == day(seed=3)
    assert day(seed=3) != day(seed=4)


def test_night_agents_are_there_at_midnight_and_at_the_next() -> None:
    happenings = day(400)
    early = [one for one in happenings if one.minute == 0 and one.what == "agent-login"]
    assert early
    assert all(one.agent is not None and one.agent.shift.name == "night" for one in early)
    logins = sum(one.what == "agent-login" for one in happenings)
    logouts = sum(one.what == "agent-logout" for one in happenings)
    assert logins > logouts


def test_every_call_that_ends_has_begun() -> None:
    begun: set[str] = set()
    for happening in day():
        if happening.what == "ivr-call":
            begun.add(happening.name)
        elif happening.what == "ivr-call-ended":
            assert happening.name in begun
    assert begun


def test_failures_are_where_they_were_asked_for() -> None:
    happenings = day(failures=Failures(outage=720, outage_minutes=10, reread=None, switchover=None))
    failures = [(one.minute, one.what) for one in happenings if one.what.startswith(("outage", "reread", "switch"))]
    assert failures == [(720, "outage-begins"), (730, "outage-ends")]


@given(st.integers(0, MINUTES - 1))
def test_times_are_read_as_they_are_written(minute: int) -> None:
    assert minute_of(time_of(minute)) == minute


@pytest.mark.parametrize("text", ["", "12", "24:00", "12:60", "12:5", "-1:00", "a:00", "12:00:00", "\u0661\u0662:00", "012:00"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert minute_of(text) is None
