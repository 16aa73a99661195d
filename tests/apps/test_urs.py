"""Universal Routing Server: a seat for whoever was once a target, until he is gone."""

from __future__ import annotations

import pytest

from seatkeeper.apps.urs import UniversalRoutingServer
from support.stage import Stage


def urs(seats: int = 2, ha: int = 1, *, pickup: bool = False, **settings: str) -> Stage:
    licenses = {"router_seats": seats} | ({"router_ha_option": ha} if ha else {})
    return Stage(UniversalRoutingServer, licenses, {"default": {"pickup_calls": pickup}}, **settings).start()


def target(stage: Stage, *agents: str) -> list[bool]:
    for agent in agents:
        stage.occur("agent-login", agent=agent)
    return [stage.accepted("agent-target", agent=agent) for agent in agents]


def test_all_available_licenses_are_checked_out_at_startup() -> None:
    stage = urs(40)
    assert stage.in_use("router_seats") == 40


def test_a_license_is_allocated_when_an_agent_is_first_a_target() -> None:
    stage = urs()
    for agent in ("ann", "bob", "cid"):
        stage.occur("agent-login", agent=agent)
    assert list(stage.app.seats.users) == []
    assert [stage.accepted("agent-target", agent=agent) for agent in ("ann", "bob", "ann")] == [True, True, True]
    assert list(stage.app.seats.users) == ["ann", "bob"]
    assert not stage.accepted("agent-target", agent="dan"), "he is not logged in"


def test_every_further_agent_is_a_violation_message_and_all_of_them_one_alarm() -> None:
    stage = urs()
    assert target(stage, "ann", "bob", "cid", "dan") == [True, True, False, False]
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type GLMR_LICENSE_USAGE_EXCEEDED"] * 2
    assert stage.alarms == ["use of router_seats"]


@pytest.mark.parametrize("event", ["agent-logout", "person-disabled", "person-deleted"])
def test_a_license_is_freed_by_logout_disabling_and_deletion(event: str) -> None:
    stage = urs()
    target(stage, "ann", "bob", "cid")
    stage.occur(event, agent="ann")
    assert list(stage.app.seats.users) == ["bob", "cid"]
    assert stage.log(7105) == ["07105 License status restored after violation with type 'GLMR_LICENSE_USAGE_EXCEEDED'"]


def test_the_end_of_a_call_frees_nothing() -> None:
    stage = urs(1)
    target(stage, "ann")
    assert target(stage, "bob") == [False]


def test_each_urs_has_the_whole_amount() -> None:
    """The first has them all; the second finds none left, and has them too."""
    second = urs(0)
    assert second.status == 3, "none are licensed at all"
    stage = Stage(UniversalRoutingServer, {"router_seats": 30, "router_ha_option": 1})
    stage.held[-1] = ("router_seats", 30)
    stage.start()
    assert stage.app.state == "running"
    assert stage.app.seats.capacity == 30


def test_without_the_license_hot_standby_is_warm_and_pickup_calls_is_false() -> None:
    stage = urs(ha=0, pickup=True, redundancy="hot standby")
    assert stage.app.state == "running"
    assert "hot standby" in stage.app.degraded
    assert not stage.app.picks_up_calls
    assert not stage.accepted("pickup-calls")
    licensed = urs(pickup=True)
    assert licensed.app.picks_up_calls
    assert licensed.accepted("pickup-calls")


def test_the_license_is_not_asked_for_where_it_is_not_needed() -> None:
    stage = urs()
    assert stage.in_use("router_ha_option") == 0
    stage.change("pickup_calls", True, "default")
    assert stage.in_use("router_ha_option") == 1
