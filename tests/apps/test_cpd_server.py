"""CPD Server: as many Dialogic ports as there are licenses, more of them at once, fewer without ending a call."""

from __future__ import annotations

import pytest

from seatkeeper.apps.cpd_server import CpdServer
from support.stage import Stage


def calling(ports: int, taken: int = 0, option: object = None) -> Stage:
    """A server with so many licensed ports, some of them taken."""
    options = {} if option is None else {"license": {"num-of-licenses": option}}
    stage = Stage(CpdServer, {"occ_port": ports}, options).start()
    assert all(stage.accepted("port-taken", port=str(port)) for port in range(taken))
    return stage


@pytest.mark.parametrize(("option", "taken"), [(None, 30), (0, 30), ("max", 30), (12, 12), (40, 30), (-1, 30)])
def test_at_startup_it_takes_the_ports_that_the_option_says_or_all(option: object, taken: int) -> None:
    stage = calling(30, option=option)
    assert stage.in_use("occ_port") == taken
    assert stage.log(7101) == [f"07101 Feature 'occ_port': {taken} licenses checked out."]


@pytest.mark.parametrize("licenses", [{}, {"occ_port": 0}])
def test_without_a_port_it_logs_the_violation_and_exits(licenses: dict[str, int]) -> None:
    stage = Stage(CpdServer, licenses).start()
    assert stage.status == 3
    assert len(stage.log(7100)) == 1


def test_a_port_without_a_license_is_not_used() -> None:
    stage = calling(2, 2)
    reply = stage.occur("port-taken", port="2")
    assert reply is not None
    assert reply.reason == "All 2 licenses of occ_port are in use."
    stage.occur("port-freed", port="0")
    assert stage.accepted("port-taken", port="2")
    assert not stage.alarms, "that no port is free is no violation"


def test_an_engaging_call_takes_a_port_in_asm_mode() -> None:
    stage = Stage(CpdServer, {"occ_port": 2}, {"cpd": {"mode": "asm"}}).start()
    assert stage.accepted("port-taken", port="1")
    assert stage.accepted("engaging-call", port="2")
    assert not stage.accepted("engaging-call", port="3")


def test_there_are_no_engaging_calls_in_standard_mode() -> None:
    stage = calling(2)
    assert not stage.accepted("engaging-call", port="1")
    assert not stage.app.ports.users


def test_the_mode_changes_at_the_next_start() -> None:
    stage = calling(2)
    stage.change("mode", "asm", "cpd")
    assert not stage.accepted("engaging-call", port="1")


def test_a_higher_number_is_asked_for_at_once() -> None:
    stage = calling(30, option=10)
    stage.change("num-of-licenses", 25)
    assert stage.in_use("occ_port") == 25
    assert stage.log(7101)[-1] == "07101 Feature 'occ_port': 25 licenses checked out."
    stage.change("num-of-licenses", 0)
    assert stage.in_use("occ_port") == 25 + 5


def test_a_higher_number_than_there_is_left_is_a_violation() -> None:
    stage = calling(30, 30, option=30)
    stage.change("num-of-licenses", 50)
    assert stage.in_use("occ_port") == 30
    assert stage.alarms == ["number of occ_port"]
    stage.change("num-of-licenses", 30)
    assert stage.alarms == ["number of occ_port", "-number of occ_port"]
    assert list(stage.app.ports.users) == [str(port) for port in range(30)]


def test_a_lower_number_gives_the_extra_back_and_no_port_in_use() -> None:
    stage = calling(30, 6)
    stage.change("num-of-licenses", 4)
    assert stage.in_use("occ_port") == 6
    assert len(stage.app.ports.users) == 6
    assert not stage.accepted("port-taken", port="6")
    for port in range(3):
        stage.occur("port-freed", port=str(port))
    assert stage.in_use("occ_port") == 4
    assert stage.accepted("port-taken", port="6")
    assert not stage.alarms


@pytest.mark.parametrize("number", [-5, 0])
def test_calls_go_on_while_the_licenses_are_gone(number: int) -> None:
    stage = calling(3, 2)
    stage.withdraw("occ_port", number)
    assert list(stage.app.ports.users) == ["0", "1"]
    assert not stage.accepted("port-taken", port="2")
    stage.occur("port-freed", port="1")
    stage.bring_back("occ_port", 3)
    stage.pass_time(60)
    assert stage.accepted("port-taken", port="2")
    assert stage.alarms == ["feature occ_port", "-feature occ_port"]


def test_a_server_out_of_reach_is_one_violation_and_loses_no_call() -> None:
    stage = calling(3, 2)
    stage.cut()
    assert not stage.accepted("port-taken", port="2")
    stage.heal()
    assert list(stage.app.ports.users) == ["0", "1"]
    assert stage.accepted("port-taken", port="2")
    assert stage.alarms == ["license server", "-license server"]


def test_fewer_ports_than_are_in_use_after_an_outage_are_a_violation_until_calls_end() -> None:
    stage = calling(3, 3)
    stage.cut()
    for key, (feature, _) in stage.held.items():
        stage.held[key] = feature, 2
    stage.heal()
    assert len(stage.app.ports.users) == 3
    assert stage.alarms == ["license server", "-license server", "use of occ_port"]
    stage.occur("port-freed", port="0")
    assert stage.alarms[-1] == "-use of occ_port"


def test_a_redundant_pair_has_one_number_of_ports() -> None:
    stage = Stage(CpdServer, {"occ_port": 3}, role="backup", redundancy="warm standby", pair="cpd").start()
    assert not stage.held
    stage.occur("become-primary")
    assert stage.in_use("occ_port") == 3
    assert [hold.data for hold in stage.app.holds] == ["pair:cpd"]


def test_while_seats_are_exchanged_for_fewer_those_that_stay_are_there() -> None:
    stage = Stage(CpdServer, {"occ_port": 6}, {"license": {"num-of-licenses": 6}}).start()
    stage.slow = True
    stage.change("num-of-licenses", 2)
    assert [stage.accepted("port-taken", port=port) for port in "abc"] == [True, True, False]
    stage.answer()
    assert stage.in_use("occ_port") == 2
    assert stage.alarms == []
