"""T-Server's checkout table, its examples, its DNs and its options."""

from __future__ import annotations

import pytest

from seatkeeper.apps.tserver import TServer, seat_dns_requested
from support.stage import Stage

LICENSES = {"tserver_sdn": 10, "tserver_tdn": 10, "cti_ha_option": 1, "tserver_iscc": 1}


def tserver(
    licenses: dict[str, int] | None = None,
    release: str = "8.5",
    *,
    multi_site: bool = False,
    num: object = "max",
    sdn: object = "max",
    **settings: str,
) -> Stage:
    options = {"license": {"num-of-licenses": num, "num-sdn-licenses": sdn}, "TServer": {"multi-site": multi_site, "release": release}}
    return Stage(TServer, LICENSES if licenses is None else licenses, options, **settings).start()


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
    stage = tserver({"tserver_sdn": licensed}, num=num_of, sdn=num_sdn)
    assert stage.in_use("tserver_sdn") == result
    assert stage.log(7101) == [f"07101 Feature 'tserver_sdn': {result} licenses checked out."]
    assert stage.alarms == []


def test_without_a_single_license_it_logs_the_violation_and_exits() -> None:
    stage = tserver({"tserver_sdn": 0})
    assert stage.status == 3
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type GLMR_LICENSE_NO_LICENSE_AVAILABLE"]
    assert stage.log()[-1] == "05064 Application terminated"


def test_with_num_sdn_licenses_0_none_is_looked_for_and_none_granted() -> None:
    stage = tserver({}, sdn=0)
    assert stage.app.state == "running"
    assert not stage.accepted("dn-registered", dn="1")


def test_the_next_dn_is_told_no_more_licenses() -> None:
    stage = tserver({"tserver_sdn": 3})
    assert [stage.accepted("dn-registered", dn=str(dn)) for dn in range(4)] == [True, True, True, False]
    assert stage.log(20007) == ["20007 All 3 seat licenses are in use already, registration rejected."]
    reply = stage.occur("dn-registered", dn="9", kind="acd-position")
    assert reply is not None
    assert reply.reason == "No More Licenses"
    stage.occur("dn-unregistered", dn="0")
    assert stage.accepted("dn-registered", dn="3")
    assert stage.accepted("dn-registered", dn="3"), "a DN that is registered twice is one DN"


def test_technical_dns_need_no_license_from_release_7_2_on() -> None:
    stage = tserver({"tserver_sdn": 1})
    assert all(stage.accepted("dn-registered", dn=str(dn), kind="routing-point") for dn in range(20))
    assert not stage.accepted("dn-registered", dn="1", kind="fax")


@pytest.mark.parametrize("release", ["7.0", "7.1"])
def test_technical_dns_need_licenses_before_release_7_2(release: str) -> None:
    stage = tserver({"tserver_sdn": 5, "tserver_tdn": 2}, release)
    assert [stage.accepted("dn-registered", dn=str(dn), kind="acd-queue") for dn in range(3)] == [True, True, False]
    assert stage.log(20007) == ["20007 All 2 technical licenses are in use already, registration rejected."]
    stage.occur("dn-unregistered", dn="0")
    assert stage.accepted("dn-registered", dn="9", kind="acd-queue")


def test_a_higher_number_is_asked_for_at_once_and_is_a_violation_where_it_is_not_there() -> None:
    stage = tserver({"tserver_sdn": 5}, num=3)
    stage.change("num-of-licenses", 5)
    assert stage.in_use("tserver_sdn") == 5
    assert stage.alarms == []
    stage.change("num-of-licenses", 8)
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type GLMR_LICENSE_NO_LICENSE_AVAILABLE"]
    stage.change("num-of-licenses", 5)
    assert stage.alarms == ["number of tserver_sdn", "-number of tserver_sdn"]


def test_a_higher_number_is_taken_as_soon_as_there_are_licenses() -> None:
    stage = tserver({"tserver_sdn": 5}, num=3)
    stage.change("num-of-licenses", 8)
    stage.licenses["tserver_sdn"] = 10
    stage.pass_time(60)
    assert stage.in_use("tserver_sdn") == 8
    assert not stage.app.violations.standing


def test_a_lower_number_holds_from_the_next_start_on() -> None:
    stage = tserver(num=8)
    assert all(stage.accepted("dn-registered", dn=str(dn)) for dn in range(8))
    stage.change("num-of-licenses", 3)
    assert stage.in_use("tserver_sdn") == 8
    assert stage.alarms == []


def test_with_max_it_does_not_notice_an_enlarged_file() -> None:
    stage = tserver({"tserver_sdn": 5})
    stage.licenses["tserver_sdn"] = 50
    stage.pass_time(24 * 3600)
    assert stage.in_use("tserver_sdn") == 5


@pytest.mark.parametrize("value", [-1, 10_000, "many", "", True])
def test_invalid_values_are_max(value: object) -> None:
    stage = tserver({"tserver_sdn": 7}, num=value, sdn=value)
    assert stage.in_use("tserver_sdn") == 7


def test_hot_standby_needs_its_license_in_both() -> None:
    for role in ("primary", "backup"):
        stage = tserver({"tserver_sdn": 5}, redundancy="hot standby", role=role)
        assert stage.status == 3, role
    assert tserver({"tserver_sdn": 5}, redundancy="warm standby").app.state == "running"


def test_calls_between_sites_are_licensed_per_tserver_but_per_pair_in_hot_standby() -> None:
    alone = tserver(multi_site=True)
    assert alone.in_use("tserver_iscc") == 1
    warm = tserver(multi_site=True, redundancy="warm standby", role="backup")
    assert warm.in_use("tserver_iscc") == 1
    hot = tserver(multi_site=True, redundancy="hot standby", role="backup")
    assert hot.in_use("tserver_iscc") == 0
    assert tserver({"tserver_sdn": 5}, multi_site=True).status == 3


def test_a_peer_at_another_license_server_is_told() -> None:
    stage = tserver(redundancy="hot standby", license_path="7260@a", peer_path="7260@b")
    assert "one pool for the pair" in stage.app.degraded
    assert any("7260@b" in line for line in stage.log(5066))
