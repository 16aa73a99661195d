"""Solution Control Server: three functions with a license each, and switchovers without one."""

from __future__ import annotations

import pytest

from seatkeeper.apps.events import Degraded, Regained
from seatkeeper.apps.scs import SolutionControlServer
from support.stage import Stage

ALL = {"MLSNMP": 1, "MLDistributed": 1, "ha_redundancy": 1}
ON = {"general": {"snmp": True, "distributed_mode": True, "redundant_pairs": True}}
OFF = {"general": {"redundant_pairs": False}}

FUNCTIONS = pytest.mark.parametrize(
    ("feature", "function", "event", "fields"),
    [
        ("MLSNMP", "SNMP", "snmp-request", {}),
        ("MLDistributed", "distributed management", "peer-connected", {"server": "scs-west"}),
        ("ha_redundancy", "automatic switchover", "primary-failed", {"pair": "tserver"}),
    ],
)


def without(feature: str) -> dict[str, int]:
    return {name: count for name, count in ALL.items() if name != feature}


def test_alone_it_needs_no_license() -> None:
    stage = Stage(SolutionControlServer, {}, OFF).start()
    assert stage.log() == ["05060 Application started"]
    assert not stage.alarms


def test_each_license_is_asked_for_where_its_function_is_configured() -> None:
    stage = Stage(SolutionControlServer, ALL).start()
    assert {hold.feature for hold in stage.app.holds} == {"ha_redundancy"}
    stage = Stage(SolutionControlServer, ALL, ON).start()
    assert stage.app.held() == ALL
    assert {hold.data for hold in stage.app.holds} == {"environment:default"}


@FUNCTIONS
def test_what_is_not_configured_is_not_served(feature: str, function: str, event: str, fields: dict[str, object]) -> None:
    stage = Stage(SolutionControlServer, ALL, OFF).start()
    reply = stage.occur(event, **fields)
    assert reply is not None
    assert not reply.accepted
    assert "option" in reply.reason.lower()
    assert not stage.held


@FUNCTIONS
def test_it_starts_without_a_license_and_without_its_function(feature: str, function: str, event: str, fields: dict[str, object]) -> None:
    stage = Stage(SolutionControlServer, without(feature), ON).start()
    assert stage.app.state == "running"
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type No such feature exists"]
    assert [effect.function for effect in stage.effects if isinstance(effect, Degraded)] == [function]
    reply = stage.occur(event, **fields)
    assert reply is not None
    assert not reply.accepted
    assert feature in reply.reason


@FUNCTIONS
def test_a_license_that_comes_later_is_taken(feature: str, function: str, event: str, fields: dict[str, object]) -> None:
    stage = Stage(SolutionControlServer, without(feature), ON).start()
    stage.licenses[feature.lower()] = 1
    stage.pass_time(60)
    assert stage.accepted(event, **fields)
    assert stage.alarms == [f"feature {feature}", f"-feature {feature}"]


@FUNCTIONS
def test_a_feature_that_is_withdrawn_degrades_and_comes_back(feature: str, function: str, event: str, fields: dict[str, object]) -> None:
    stage = Stage(SolutionControlServer, ALL, ON).start()
    assert stage.accepted(event, **fields)
    stage.withdraw(feature)
    assert list(stage.app.degraded) == [function]
    assert not stage.accepted(event, **fields)
    stage.bring_back(feature, 1)
    assert stage.accepted(event, **fields)
    assert stage.alarms == [f"feature {feature}", f"-feature {feature}"]
    assert [effect.function for effect in stage.effects if isinstance(effect, Regained)] == [function]


def test_a_license_server_out_of_reach_is_one_violation() -> None:
    stage = Stage(SolutionControlServer, ALL, ON).start()
    stage.cut()
    assert len(stage.app.degraded) == 3
    assert stage.accepted("switchover-requested", pair="tserver")
    stage.heal()
    assert stage.alarms == ["license server", "-license server"]
    assert not stage.app.degraded


@pytest.mark.parametrize("event", ["switchover-requested", "primary-shut-down"])
def test_a_switchover_by_hand_or_after_a_shutdown_needs_no_license(event: str) -> None:
    stage = Stage(SolutionControlServer, {}).start()
    assert not stage.accepted("primary-failed", pair="ocs")
    assert stage.log()[-1] == "05066 No switchover of ocs is performed: there is no license of ha_redundancy."
    assert stage.accepted(event, pair="ocs")
    assert "Switchover of ocs" in stage.log()[-1]


def test_with_the_license_a_failed_primary_is_replaced() -> None:
    stage = Stage(SolutionControlServer, {"ha_redundancy": 1}).start()
    assert stage.accepted("primary-failed", pair="ocs")
    assert stage.log()[-1] == "05066 Switchover of ocs, its primary has failed."


def test_a_license_that_another_server_of_the_environment_has_is_good_for_this_one() -> None:
    stage = Stage(SolutionControlServer, {"ha_redundancy": 0}).start()
    assert stage.accepted("primary-failed", pair="ocs")
    assert not stage.alarms


def test_redundant_pairs_are_configured_and_given_up_at_run_time() -> None:
    stage = Stage(SolutionControlServer, {"ha_redundancy": 1}, OFF).start()
    stage.change("redundant_pairs", True, "general")
    assert stage.in_use("ha_redundancy") == 1
    stage.change("redundant_pairs", False, "general")
    assert stage.in_use("ha_redundancy") == 0


def test_a_violation_is_over_when_its_function_is_not_wanted_any_more() -> None:
    stage = Stage(SolutionControlServer, {}).start()
    stage.change("redundant_pairs", False, "general")
    assert stage.alarms == ["feature ha_redundancy", "-feature ha_redundancy"]
    assert not stage.app.degraded
    assert stage.app.next_deadline() is None


def test_snmp_is_switched_on_at_the_next_start() -> None:
    stage = Stage(SolutionControlServer, ALL).start()
    stage.change("snmp", True, "general")
    assert stage.in_use("MLSNMP") == 0
