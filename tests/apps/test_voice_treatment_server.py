"""Voice Treatment Server: a license of version 7.0 for each port."""

from __future__ import annotations

import pytest

from seatkeeper.apps.events import CheckOut
from seatkeeper.apps.voice_treatment_server import VoiceTreatmentServer
from support.stage import Stage


def treating(ports: int, taken: str = "", option: object = "max", **settings: str) -> Stage:
    """A server with so many licensed ports, some of them taken."""
    stage = Stage(VoiceTreatmentServer, {"VTPort": ports}, {"license": {"num-of-licenses": option}}, **settings).start()
    assert all(stage.accepted("port-taken", port=port) for port in taken)
    return stage


def test_the_number_of_licenses_is_the_number_of_ports() -> None:
    stage = treating(2)
    assert [effect.version for effect in stage.effects if isinstance(effect, CheckOut)] == ["7.0"]
    assert stage.log(7101) == ["07101 Feature 'VTPort': 2 licenses checked out."]
    assert [stage.accepted("port-taken", port=port) for port in "abc"] == [True, True, False]
    stage.occur("port-freed", port="a")
    assert stage.accepted("port-taken", port="c")


@pytest.mark.parametrize(
    ("option", "ports", "taken"), [("max", 40, 40), (0, 40, 40), (25, 40, 25), (50, 40, 40), (-3, 40, 40), ("max", 20_000, 9999)]
)
def test_at_startup_it_takes_what_the_option_says_and_the_file_has(option: object, ports: int, taken: int) -> None:
    stage = treating(ports, option=option)
    assert stage.in_use("VTPort") == taken
    assert stage.alarms == []


@pytest.mark.parametrize("licenses", [{}, {"VTPort": 0}])
def test_without_a_port_it_logs_the_violation_and_exits(licenses: dict[str, int]) -> None:
    stage = Stage(VoiceTreatmentServer, licenses).start()
    assert stage.status == 3
    assert len(stage.log(7100)) == 1


def test_that_no_port_is_free_is_no_violation() -> None:
    stage = treating(1, "a")
    reply = stage.occur("port-taken", port="b")
    assert reply is not None
    assert reply.reason == "All 1 licenses of VTPort are in use."
    assert stage.alarms == []


def test_a_higher_number_is_asked_for_at_once_and_is_a_violation_where_it_is_not_there() -> None:
    stage = treating(4, option=2)
    stage.change("num-of-licenses", 4)
    assert stage.in_use("VTPort") == 4
    stage.change("num-of-licenses", 6)
    assert stage.alarms == ["number of VTPort"]
    stage.change("num-of-licenses", 3)
    assert stage.alarms == ["number of VTPort", "-number of VTPort"]


def test_a_lower_number_takes_no_port_that_is_in_use() -> None:
    stage = treating(4, "abc")
    stage.change("num-of-licenses", 1)
    assert stage.in_use("VTPort") == 3
    for port in "ab":
        stage.occur("port-freed", port=port)
    assert stage.in_use("VTPort") == 1
    assert not stage.accepted("port-taken", port="d")
    assert stage.alarms == []


@pytest.mark.parametrize("number", [-5, 0])
def test_treatments_go_on_while_the_licenses_are_gone(number: int) -> None:
    stage = treating(3, "ab")
    stage.withdraw("VTPort", number)
    assert not stage.accepted("port-taken", port="c")
    assert stage.accepted("port-freed", port="b")
    stage.bring_back("VTPort", 3)
    stage.pass_time(60)
    assert list(stage.app.ports.users) == ["a"]
    assert stage.accepted("port-taken", port="c")
    assert stage.alarms == ["feature VTPort", "-feature VTPort"]


def test_a_server_out_of_reach_ends_no_treatment() -> None:
    stage = treating(3, "ab")
    stage.cut()
    assert list(stage.app.ports.users) == ["a", "b"]
    assert not stage.accepted("port-taken", port="c")
    stage.heal()
    assert stage.accepted("port-taken", port="c")
    assert stage.alarms == ["license server", "-license server"]


def test_a_pair_has_its_ports_once_and_keeps_treatments_through_a_switchover() -> None:
    backup = treating(2, "ab", redundancy="warm standby", pair="vt", role="backup")
    assert backup.held == {}
    backup.occur("port-freed", port="a")
    backup.occur("become-primary")
    assert backup.in_use("VTPort") == 2
    assert list(backup.app.ports.users) == ["b"]
    assert [hold.data for hold in backup.app.holds] == ["pair:vt"]
    assert [backup.accepted("port-taken", port=port) for port in "cd"] == [True, False]
