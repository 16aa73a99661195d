"""Applications on the Agent Interaction Layer: one license for each that runs."""

from __future__ import annotations

import pytest

from seatkeeper.apps.agent_interaction import AgentInteraction, AgentScripting, GplusAdapter
from seatkeeper.apps.application import Application
from support.stage import Stage


@pytest.mark.parametrize("made", [AgentInteraction, AgentScripting, GplusAdapter], ids=lambda made: made.profile.type)
def test_one_license_for_each_instance(made: type[Application]) -> None:
    assert Stage(made, {"ISDK_FACTORY": 1}).start().in_use("ISDK_FACTORY") == 1
    assert Stage(made, {"ISDK_FACTORY": 0}).start().status == 3
    assert made.profile.single_server


def test_routing_points_are_watched_with_a_second_license() -> None:
    watching = {"license": {"route-point-monitoring": True}}
    assert Stage(AgentInteraction, {"ISDK_FACTORY": 1}, watching).start().status == 3
    stage = Stage(AgentInteraction, {"ISDK_FACTORY": 1, "ISDK_QUEUE": 1}, watching).start()
    assert stage.accepted("route-point-monitored", dn="600")
    assert not Stage(AgentInteraction, {"ISDK_FACTORY": 1}).start().accepted("route-point-monitored", dn="600")


def test_a_license_path_with_several_servers_is_told() -> None:
    stage = Stage(AgentScripting, {"ISDK_FACTORY": 1}, license_path="7260@a:7260@b").start()
    assert "further license servers" in stage.app.degraded
    assert any("one license server" in line for line in stage.log(5066))
    assert not Stage(AgentScripting, {"ISDK_FACTORY": 1}, license_path="7260@a").start().app.degraded


@pytest.mark.parametrize("made", [AgentInteraction, AgentScripting, GplusAdapter], ids=lambda made: made.profile.type)
def test_a_lost_license_interrupts_no_agent(made: type[Application]) -> None:
    stage = Stage(made, {"ISDK_FACTORY": 1}).start()
    stage.withdraw("ISDK_FACTORY")
    assert stage.accepted("agent-login", agent="ann")
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type No such feature exists"]
    stage.bring_back("ISDK_FACTORY", 1)
    assert stage.alarms == ["feature ISDK_FACTORY", "-feature ISDK_FACTORY"]


def test_a_second_instance_needs_a_second_license() -> None:
    assert Stage(AgentScripting, {"ISDK_FACTORY": 0}).start().log(7100)


def test_watching_is_switched_on_with_the_next_start() -> None:
    stage = Stage(AgentInteraction, {"ISDK_FACTORY": 1, "ISDK_QUEUE": 1}).start()
    stage.change("route-point-monitoring", True)
    assert stage.in_use("ISDK_QUEUE") == 0
    assert any("route-point-monitoring takes effect after a restart" in line for line in stage.log())


def test_without_the_second_license_any_more_no_further_routing_point_is_watched() -> None:
    stage = Stage(AgentInteraction, {"ISDK_FACTORY": 1, "ISDK_QUEUE": 1}, {"license": {"route-point-monitoring": True}}).start()
    stage.cut()
    assert not stage.accepted("route-point-monitored", dn="600")
    assert stage.alarms == ["license server"]
    stage.heal()
    assert stage.accepted("route-point-monitored", dn="600")
