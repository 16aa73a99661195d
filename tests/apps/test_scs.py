"""Solution Control Server: three licenses, three functions, and switchover without a license."""

from __future__ import annotations

from seatkeeper.apps.scs import SolutionControlServer
from support.stage import Stage

ALL = {"MLSNMP": 1, "MLDistributed": 1, "ha_redundancy": 1}
FUNCTIONS = {"general": {"snmp": True, "distributed_mode": True, "redundant_pairs": True}}


def test_a_stand_alone_server_without_functions_needs_no_license() -> None:
    stage = Stage(SolutionControlServer, {}, {"general": {"redundant_pairs": False}}).start()
    assert stage.app.state == "running"
    assert stage.log(7100) == []
    assert not stage.accepted("snmp-request")


def test_with_its_licenses_every_function_works() -> None:
    stage = Stage(SolutionControlServer, ALL, FUNCTIONS).start()
    assert all(stage.in_use(feature) == 1 for feature in ALL)
    assert stage.accepted("snmp-request")
    assert stage.accepted("peer-connected", server="scs-2")
    assert stage.accepted("primary-failed", pair="tserver")


def test_without_ha_redundancy_a_switchover_is_by_command_or_after_shutting_the_primary_down() -> None:
    stage = Stage(SolutionControlServer, {}, FUNCTIONS).start()
    assert stage.status is None
    assert set(stage.app.degraded) == {"SNMP", "distributed management", "automatic switchover"}
    assert len(stage.log(7100)) == 3
    assert not stage.accepted("primary-failed", pair="tserver")
    assert stage.accepted("switchover-requested", pair="tserver")
    assert stage.accepted("primary-shut-down", pair="tserver")
    assert not stage.accepted("peer-connected", server="scs-2")


def test_a_license_that_comes_later_is_taken() -> None:
    stage = Stage(SolutionControlServer, {"MLSNMP": 1, "MLDistributed": 1}, FUNCTIONS).start()
    stage.licenses["ha_redundancy"] = 1
    stage.pass_time(60)
    assert stage.accepted("primary-failed", pair="tserver")
    assert stage.alarms == ["feature ha_redundancy", "-feature ha_redundancy"]


def test_switching_redundancy_off_ends_its_violation() -> None:
    stage = Stage(SolutionControlServer, {"MLSNMP": 1, "MLDistributed": 1}, FUNCTIONS).start()
    stage.change("redundant_pairs", False, "general")
    assert not stage.app.violations.standing
    assert not stage.app.degraded
    assert stage.app.next_deadline() is None
