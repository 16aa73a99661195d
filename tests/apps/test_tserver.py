"""T-Server's checkout table, its examples, and its DNs."""

from __future__ import annotations

import pytest
from tests.support.stage import Stage

from seatkeeper.apps.tserver import TServer, seat_dns_requested


@pytest.mark.parametrize(
    ("num_of", "num_sdn", "requested"),
    [
        ("max", "max", 9999),
        (0, "max", 9999),
        ("max", 70, 70),
        (0, 70, 70),
        ("max", 0, 0),
        (0, 0, 0),
        (50, "max", 50),
        (50, 70, 50),
        (70, 50, 50),
        (50, 0, 0),
    ],
)
def test_the_checkout_table(num_of: str | int, num_sdn: str | int, requested: int) -> None:
    assert seat_dns_requested(num_of, num_sdn) == requested


@pytest.mark.parametrize(
    ("num_of", "num_sdn", "licensed", "result"),
    [("max", "max", 500, 500), (1000, "max", 500, 500), (1000, 400, 600, 400), ("max", 1000, 5000, 1000)],
)
def test_the_four_examples(num_of: str | int, num_sdn: str | int, licensed: int, result: int) -> None:
    stage = Stage(TServer, {"tserver_sdn": licensed}, {"license": {"num-of-licenses": num_of, "num-sdn-licenses": num_sdn}}).start()
    assert stage.in_use("tserver_sdn") == result
    assert stage.log(7101) == [f"07101 Feature 'tserver_sdn': {result} licenses checked out."]


def test_without_a_single_license_it_logs_the_violation_and_exits() -> None:
    stage = Stage(TServer, {"tserver_sdn": 0}).start()
    assert stage.status == 3
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type GLMR_LICENSE_NO_LICENSE_AVAILABLE"]
    assert stage.log()[-1] == "05064 Application terminated"


def test_the_next_dn_is_told_no_more_licenses() -> None:
    stage = Stage(TServer, {"tserver_sdn": 3}).start()
    assert [stage.accepted("dn-registered", dn=str(dn)) for dn in range(4)] == [True, True, True, False]
    assert stage.log(20007) == ["20007 All 3 seat licenses are in use already, registration rejected."]
    assert stage.accepted("dn-registered", dn="600", kind="routing-point")
    stage.occur("dn-unregistered", dn="0")
    assert stage.accepted("dn-registered", dn="3")


def test_a_server_out_of_reach_is_one_violation_and_loses_no_dn() -> None:
    stage = Stage(TServer, {"tserver_sdn": 3, "tserver_iscc": 1}, {"TServer": {"multi-site": True}}).start()
    stage.occur("dn-registered", dn="1")
    stage.cut()
    assert stage.alarms == ["license server"]
    assert not stage.accepted("dn-registered", dn="2")
    assert list(stage.app.seats.users) == ["1"]
    stage.heal()
    assert stage.alarms == ["license server", "-license server"]
    assert stage.accepted("dn-registered", dn="2")
