"""A contact center is as large as it is asked for, and the same for the same draws."""

from __future__ import annotations

from random import Random

import pytest

from seatkeeper.sim.center import GROUPS, SHIFTS, build_center


@pytest.mark.parametrize("agents", [1, 7, 200, 2500])
def test_it_has_its_agents_at_its_sites(agents: int) -> None:
    center = build_center(agents, Random(1))
    assert len(center.agents) == len({agent.name for agent in center.agents}) == agents
    assert {agent.site for agent in center.agents} <= set(center.sites)
    assert {agent.tenant for agent in center.agents} <= set(center.tenants)
    assert sum(center.places.values()) == agents
    assert all(ports >= 4 for ports in center.ivr_ports.values())


def test_the_same_draws_make_the_same_center() -> None:
    assert build_center(300, Random(5)) == build_center(300, Random(5))
    assert build_center(300, Random(5)) != build_center(300, Random(6))


def test_a_large_center_has_everybody() -> None:
    center = build_center(2000, Random(1))
    assert {agent.group for agent in center.agents} == {group for group, _ in GROUPS}
    assert {agent.shift for agent in center.agents} == {shift for shift, _ in SHIFTS}
    assert len(center.tenants) > 1
    supervisors = sum(agent.supervisor for agent in center.agents)
    assert supervisors == 2000 // 15
