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
