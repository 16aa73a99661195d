"""Universal Routing Server: router seats from the first call to the logout, and high availability with a license of its own."""

from __future__ import annotations

import pytest

from seatkeeper.apps.events import Degraded, Regained
from seatkeeper.apps.urs import UniversalRoutingServer
from support.stage import Stage

EXCEEDED = "07100 Licensing violation is identified, the violation type GLMR_LICENSE_USAGE_EXCEEDED"
PICKUP = {"default": {"pickup_calls": True}}


def routing(seats: int, *agents: str) -> Stage:
    """A router with so many seats, and these agents logged in and targets."""
    stage = Stage(UniversalRoutingServer, {"router_seats": seats}).start()
    for agent in agents:
        stage.occur("agent-login", agent=agent)
        assert stage.accepted("agent-target", agent=agent)
    return stage


def test_at_startup_it_checks_out_all_available_licenses() -> None:
    stage = routing(250)
    assert stage.in_use("router_seats") == 250
    assert stage.log() == ["07101 Feature 'router_seats': 250 licenses checked out.", "05060 Application started"]


def test_each_instance_has_the_whole_amount_at_its_disposal() -> None:
    stage = Stage(UniversalRoutingServer, {"router_seats": 250})
    stage.held[-1] = "router_seats", 250
    stage.start()
    assert stage.app.state == "running"
    assert not stage.alarms
    assert stage.app.seats.capacity == 250


def test_it_asks_for_no_more_than_9999() -> None:
    stage = routing(20_000)
    assert stage.in_use("router_seats") == 9999
    assert stage.app.seats.capacity == 9999


@pytest.mark.parametrize("licenses", [{}, {"router_seats": 0}])
def test_without_a_router_seat_it_logs_the_violation_and_exits(licenses: dict[str, int]) -> None:
    stage = Stage(UniversalRoutingServer, licenses).start()
    assert stage.status == 3
    assert len(stage.log(7100)) == 1


def test_a_license_is_allocated_when_a_logged_in_agent_is_a_valid_target_for_the_first_time() -> None:
    stage = routing(2)
    assert not stage.accepted("agent-target", agent="ann")
    stage.occur("agent-login", agent="ann")
    assert not stage.app.seats.users
    assert stage.accepted("agent-target", agent="ann")
    assert stage.accepted("agent-target", agent="ann")
    assert list(stage.app.seats.users) == ["ann"]


def test_every_new_agent_beyond_the_licenses_is_a_violation_and_logged_in_all_the_same() -> None:
    stage = routing(2, "ann", "bob")
    assert not stage.alarms
    assert stage.accepted("agent-login", agent="cem")
    assert stage.accepted("agent-login", agent="dan")
    assert stage.log(7100) == [EXCEEDED, EXCEEDED]
    assert not stage.accepted("agent-target", agent="cem")
    assert stage.accepted("agent-login", agent="dan")
    assert len(stage.log(7100)) == 2, "each of them is logged once"
    assert stage.alarms == ["use of router_seats"]
    assert stage.accepted("agent-target", agent="ann"), "who has a seat is routed to as before"


def test_agents_who_logged_in_while_there_was_room_are_a_violation_as_targets() -> None:
    stage = routing(1)
    stage.occur("agent-login", agent="ann")
    stage.occur("agent-login", agent="bob")
    assert stage.accepted("agent-target", agent="ann")
    assert not stage.log(7100)
    assert not stage.accepted("agent-target", agent="bob")
    assert stage.log(7100) == [EXCEEDED]


@pytest.mark.parametrize("event", ["agent-logout", "person-disabled", "person-deleted"])
def test_a_license_is_freed_for_reuse_and_the_violation_restored(event: str) -> None:
    stage = routing(1, "ann")
    stage.occur("agent-login", agent="bob")
    assert not stage.accepted("agent-target", agent="bob")
    stage.occur(event, agent="ann")
    assert list(stage.app.seats.users) == ["bob"]
    assert stage.alarms == ["use of router_seats", "-use of router_seats"]
    assert stage.log(7105) == ["07105 License status restored after violation with type 'GLMR_LICENSE_USAGE_EXCEEDED'"]
    assert not stage.accepted("agent-target", agent="ann")


def test_a_freed_license_goes_to_a_target_before_one_who_never_was() -> None:
    stage = routing(1, "ann")
    for agent in ("bob", "cem"):
        stage.occur("agent-login", agent=agent)
    stage.occur("agent-target", agent="cem")
    stage.occur("agent-logout", agent="ann")
    assert list(stage.app.seats.users) == ["cem"]
    assert list(stage.app.seats.beyond) == ["bob"]
    stage.occur("agent-logout", agent="cem")
    assert not stage.app.seats.users, "bob was never a target"
    assert stage.alarms == ["use of router_seats", "-use of router_seats"]
    assert stage.accepted("agent-target", agent="bob")


def test_a_restart_frees_all_allocated_licenses() -> None:
    stage = routing(1, "ann")
    stage.app = UniversalRoutingServer(stage.app.settings)
    stage.held.clear()
    stage.start()
    stage.occur("agent-login", agent="bob")
    assert stage.accepted("agent-target", agent="bob")


@pytest.mark.parametrize("number", [-5, 0])
def test_agents_with_a_seat_are_routed_to_while_the_licenses_are_gone(number: int) -> None:
    stage = routing(5, "ann")
    stage.withdraw("router_seats", number)
    assert stage.accepted("agent-target", agent="ann")
    stage.occur("agent-login", agent="bob")
    assert not stage.accepted("agent-target", agent="bob")
    assert stage.alarms == ["feature router_seats"], "one cause, one violation"
    stage.bring_back("router_seats", 5)
    stage.pass_time(60)
    assert stage.accepted("agent-target", agent="bob")
    assert stage.alarms == ["feature router_seats", "-feature router_seats"]


def test_a_server_out_of_reach_is_one_violation_and_loses_no_agent() -> None:
    stage = routing(5, "ann")
    stage.cut()
    stage.occur("agent-login", agent="bob")
    stage.occur("agent-target", agent="bob")
    assert stage.accepted("agent-target", agent="ann")
    stage.heal()
    assert stage.alarms == ["license server", "-license server"]
    assert list(stage.app.seats.users) == ["ann", "bob"]


# High Availability Mode ---------------------------------------------------------------------------------------------------


def test_router_ha_option_is_asked_for_where_it_is_used() -> None:
    assert routing(5).in_use("router_ha_option") == 0
    stage = Stage(UniversalRoutingServer, {"router_seats": 5, "router_ha_option": 1}, redundancy="hot standby").start()
    assert stage.in_use("router_ha_option") == 1
    assert [hold.data for hold in stage.app.holds if hold.feature == "router_ha_option"] == ["environment:default"]
    assert stage.app.redundancy == "hot standby"
    stage = Stage(UniversalRoutingServer, {"router_seats": 5, "router_ha_option": 1}, PICKUP).start()
    assert stage.accepted("pickup-calls")


def test_without_the_license_hot_standby_is_warm_standby_and_pickup_calls_is_false() -> None:
    stage = Stage(UniversalRoutingServer, {"router_seats": 5}, PICKUP, redundancy="hot standby").start()
    assert stage.app.state == "running"
    assert stage.app.redundancy == "warm standby"
    assert not stage.accepted("pickup-calls")
    assert [effect.function for effect in stage.effects if isinstance(effect, Degraded)] == ["hot standby", "pickup_calls"]
    assert stage.log(5066) == [
        "05066 Without a license of router_ha_option hot standby is downgraded to warm standby.",
        "05066 Without a license of router_ha_option option pickup_calls counts as false.",
    ]
    assert stage.alarms == ["feature router_ha_option"]


def test_the_license_is_asked_for_again_and_both_come_back() -> None:
    stage = Stage(UniversalRoutingServer, {"router_seats": 5}, PICKUP, redundancy="hot standby").start()
    stage.pass_time(600)
    assert len(stage.log(7100)) == 1
    stage.bring_back("router_ha_option", 1)
    stage.pass_time(60)
    assert stage.app.redundancy == "hot standby"
    assert stage.accepted("pickup-calls")
    assert [effect.function for effect in stage.effects if isinstance(effect, Regained)] == ["hot standby", "pickup_calls"]
    assert stage.alarms == ["feature router_ha_option", "-feature router_ha_option"]


def test_a_lost_license_downgrades_and_a_restored_one_ends_that() -> None:
    stage = Stage(UniversalRoutingServer, {"router_seats": 5, "router_ha_option": 1}, redundancy="hot standby").start()
    stage.withdraw("router_ha_option")
    assert stage.app.redundancy == "warm standby"
    assert list(stage.app.degraded) == ["hot standby"]
    stage.bring_back("router_ha_option", 1)
    assert stage.app.redundancy == "hot standby"
    assert not stage.app.degraded


def test_pickup_calls_is_switched_at_run_time() -> None:
    stage = Stage(UniversalRoutingServer, {"router_seats": 5, "router_ha_option": 1}).start()
    assert not stage.accepted("pickup-calls")
    stage.change("pickup_calls", True, "default")
    assert stage.accepted("pickup-calls")
    stage.change("pickup_calls", False, "default")
    assert stage.in_use("router_ha_option") == 0


def test_pickup_calls_switched_on_without_the_license_degrades_and_switched_off_is_over() -> None:
    stage = Stage(UniversalRoutingServer, {"router_seats": 5}, redundancy="hot standby").start()
    assert list(stage.app.degraded) == ["hot standby"]
    stage.change("pickup_calls", True, "default")
    assert list(stage.app.degraded) == ["hot standby", "pickup_calls"]
    stage.change("pickup_calls", None, "default")
    assert list(stage.app.degraded) == ["hot standby"]
    assert stage.alarms == ["feature router_ha_option"]
