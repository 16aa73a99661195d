"""CSTA Connector shares its seats in its redundancy cluster, and needs nothing else."""

from __future__ import annotations

from seatkeeper.apps.csta_connector import CstaConnector
from seatkeeper.apps.events import CheckOut
from support.stage import Stage

SEATS = "csta_connector_bw_sdn"


def connector(seats: int = 3, num: object = "max", **settings: str) -> Stage:
    return Stage(CstaConnector, {SEATS: seats}, {"license": {"num-of-licenses": num}}, **settings).start()


def test_it_needs_seats_and_nothing_else() -> None:
    stage = connector(redundancy="hot standby")
    assert list(stage.held.values()) == [(SEATS, 3)]
    assert [stage.accepted("dn-registered", dn=dn) for dn in "abcd"] == [True, True, True, False]
    assert stage.log(20007) == ["20007 All 3 seat licenses are in use already, registration rejected."]
    assert stage.accepted("dn-registered", dn="q", kind="acd-queue")


def test_one_license_a_seat_for_the_whole_cluster() -> None:
    members = [connector(role=role, redundancy="hot standby", pair="broadworks") for role in ("primary", "backup", "backup")]
    assert [member.in_use(SEATS) for member in members] == [3, 0, 0]
    assert all(member.accepted("dn-registered", dn=dn) for member in members for dn in "ab")
    members[0].occur("become-backup")
    members[2].occur("become-primary")
    assert [member.in_use(SEATS) for member in members] == [0, 0, 3]
    assert [members[2].accepted("dn-registered", dn=dn) for dn in "cd"] == [True, False]
    assert {effect.data for member in members for effect in member.effects if isinstance(effect, CheckOut)} == {"pair:broadworks"}


def test_without_a_single_seat_it_logs_the_violation_and_exits() -> None:
    stage = connector(0)
    assert stage.status == 3
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type GLMR_LICENSE_NO_LICENSE_AVAILABLE"]
    assert Stage(CstaConnector, {"tserver_sdn": 5, "tserver_cc_sdn": 5}).start().status == 3, "they are of other applications"


def test_seats_that_are_withdrawn_leave_what_is_registered() -> None:
    stage = connector()
    stage.occur("dn-registered", dn="a")
    stage.withdraw(SEATS)
    assert not stage.accepted("dn-registered", dn="b")
    assert list(stage.app.seats.users) == ["a"]
    stage.bring_back(SEATS, 3)
    assert stage.accepted("dn-registered", dn="b")
    assert stage.alarms == [f"feature {SEATS}", f"-feature {SEATS}"]


def test_its_number_can_be_changed_while_it_runs() -> None:
    stage = connector(5, 2)
    stage.change("num-sdn-licenses", 1)
    assert stage.in_use(SEATS) == 2, "a lower number holds from the next start on"
    stage.change("num-sdn-licenses", "max")
    stage.change("num-of-licenses", 4)
    assert stage.in_use(SEATS) == 4
    stage.change("num-of-licenses", 6)
    assert stage.in_use(SEATS) == 5
    assert stage.alarms == [f"number of {SEATS}"]
