"""Whoever logs in has all that he needs or nothing, and every DN, port and place goes back."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.sim.center import build_center
from seatkeeper.sim.day import MINUTES, Failures, Happening, plan_day
from seatkeeper.sim.feeds import RETRY_MINUTES, Feeds, Step
from seatkeeper.sim.installation import install, order_licenses

#: What takes something -> what gives it back, and the field that names it.
OPPOSITE = {"dn-registered": ("dn-unregistered", "dn"), "login": ("logout", "user"), "connect": ("disconnect", "client")}
OPPOSITE |= {"agent-login": ("agent-logout", "agent"), "port-taken": ("port-freed", "port")}


class Told:
    """Applications that refuse as they are told to, and remember what they gave."""

    def __init__(self, agents: int, seed: int) -> None:
        draws = Random(seed)
        center = build_center(agents, draws)
        self.day = plan_day(center, draws, Failures(None, reread=None, switchover=None))
        self.feeds = Feeds(center, install(center, order_licenses(center, self.day)))
        self.held: set[tuple[str, str, str]] = set()
        self.chance = Random(seed)

    def run(self, refused: float) -> None:
        by_minute: dict[int, list[Happening]] = {}
        for happening in self.day:
            by_minute.setdefault(happening.minute, []).append(happening)
        for minute in range(MINUTES):
            for happening in by_minute.get(minute, ()):
                self.walk(happening, refused)
            for happening in list(self.feeds.due(minute)):
                self.walk(happening, refused)

    def walk(self, happening: Happening, refused: float) -> None:
        steps = self.feeds.steps(happening)
        try:
            step = next(steps)
            while True:
                step = steps.send(self.serve(step, refused))
        except StopIteration:
            return

    def serve(self, step: Step, refused: float) -> bool:
        for take, (give, field) in OPPOSITE.items():
            # Routers and dialers know agents by name; so does everyone else what he serves.
            if step.event == take:
                key = step.application, take, str(step.fields[field])
                assert key not in self.held, "taken twice"
                if step.feature and self.chance.random() < refused:
                    return False
                self.held.add(key)
            elif step.event == give and (step.application, take, str(step.fields[field])) in self.held:
                self.held.remove((step.application, take, str(step.fields[field])))
            elif step.event == give:
                raise AssertionError(f"given back without having it: {step}")
        return True


@given(st.integers(0, 500), st.sampled_from([0.0, 0.2, 0.9]))
def test_nothing_is_taken_twice_or_given_back_unowned_whatever_is_refused(seed: int, refused: float) -> None:
    told = Told(12, seed)
    told.run(refused)
    working = {session.agent.name for session in told.feeds.sessions if session.logout is None}
    held = {who for _, event, who in told.held if event == "agent-login" and who.startswith("agent")}
    assert held == working


def test_sessions_have_places_that_nobody_else_has_at_the_time() -> None:
    told = Told(60, 4)
    told.run(0.1)
    sessions = told.feeds.sessions
    assert len({session.number for session in sessions}) == len(sessions)
    for one in sessions:
        for other in sessions:
            if one is not other and one.place == other.place:
                assert (one.logout or MINUTES) <= other.login or (other.logout or MINUTES) <= one.login


def test_who_is_refused_tries_again_until_his_shift_is_over() -> None:
    told = Told(10, 1)
    login = next(one for one in told.day if one.what == "agent-login" and one.agent is not None and "voice" in one.agent.group.media)
    told.walk(login, refused=1.0)
    assert told.held == set()
    assert list(told.feeds.waiting_for()) == ["tserver_sdn"]
    assert list(told.feeds.due(login.minute + RETRY_MINUTES - 1)) == []
    (again,) = told.feeds.due(login.minute + RETRY_MINUTES)
    told.walk(again, refused=1.0)
    logout = next(one for one in told.day if one.what == "agent-logout" and one.agent is login.agent)
    told.walk(logout, refused=0.0)
    assert list(told.feeds.waiting_for()) == []
    assert told.feeds.sessions == []


def test_the_backup_registers_the_dns_of_those_who_work() -> None:
    told = Told(40, 2)
    for happening in told.day:
        if happening.minute < 600:
            told.walk(happening, 0.0)
    site = told.feeds._center.sites[0]
    before = {dn for application, _, dn in told.held if application == f"tserver-{site}-a"}
    steps = list(told.feeds.take_over(site))
    assert steps[0] == Step(f"tserver-{site}-b", "become-primary", {})
    assert {str(step.fields["dn"]) for step in steps[1:]} == before
    assert told.feeds.returned(site) == f"tserver-{site}-a"
    installed = next(one for one in told.feeds._installed.values() if one.name == f"tserver-{site}-a")
    assert told.feeds.settings(installed).role == "backup"


def test_a_happening_that_nobody_knows_is_an_error() -> None:
    told = Told(1, 1)
    with pytest.raises(ValueError, match="nothing is known"):
        told.walk(Happening(0, "eclipse"), 0.0)
