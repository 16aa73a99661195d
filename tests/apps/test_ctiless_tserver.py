"""CTI-less T-Server: each of the guide's three types of license, and what it does without."""

from __future__ import annotations

import pytest

from seatkeeper.apps.ctiless_tserver import CtiLessTServer
from support.stage import Stage

LICENSES = {"tserver_sdn": 2, "cti_ha_option": 1, "tserver_iscc": 1}


def ctiless(licenses: dict[str, int] | None = None, *, sites: bool = False, num: object = "max", **settings: str) -> Stage:
    options = {"license": {"num-of-licenses": num}, "TServer": {"multi-site": sites}}
    return Stage(CtiLessTServer, LICENSES if licenses is None else licenses, options, **settings).start()


def test_basic_functionality_needs_seat_dns_only() -> None:
    stage = ctiless({"tserver_sdn": 2})
    assert list(stage.held.values()) == [("tserver_sdn", 2)]
    assert [stage.accepted("dn-registered", dn=dn) for dn in "abc"] == [True, True, False]
    assert stage.log(20007) == ["20007 All 2 seat licenses are in use already, registration rejected."]
    assert all(stage.accepted("dn-registered", dn=dn, kind="routing-point") for dn in "xyz")
    assert ctiless({"tserver_sdn": 0}).status == 3


def test_ha_functionality_needs_one_license_a_pair_and_neither_starts_without() -> None:
    primary = ctiless(sites=True, redundancy="hot standby")
    backup = ctiless(sites=True, redundancy="hot standby", role="backup")
    assert {feature: primary.in_use(feature) for feature in LICENSES} == LICENSES
    assert backup.app.state == "running"
    assert backup.held == {}
    for role in ("primary", "backup"):
        assert ctiless({"tserver_sdn": 2}, redundancy="hot standby", role=role).status == 3, role


def test_primary_and_backup_must_use_the_same_license_server() -> None:
    stage = ctiless(redundancy="hot standby", license_path="7260@a", peer_path="7260@b")
    assert "one pool for the pair" in stage.app.degraded
    assert not ctiless(redundancy="hot standby", license_path="7260@a", peer_path="7260@a").app.degraded


@pytest.mark.parametrize(
    ("redundancy", "of_backup"), [("not specified", None), ("warm standby", 1), ("hot standby", 0)], ids=["alone", "warm", "hot"]
)
def test_multi_site_functionality_needs_one_license_a_server_and_one_a_pair_in_hot_standby(redundancy: str, of_backup: int | None) -> None:
    assert ctiless(sites=True, redundancy=redundancy).in_use("tserver_iscc") == 1
    if of_backup is not None:
        assert ctiless(sites=True, redundancy=redundancy, role="backup").in_use("tserver_iscc") == of_backup
    assert ctiless(redundancy=redundancy).in_use("tserver_iscc") == 0
    assert ctiless({"tserver_sdn": 2, "cti_ha_option": 1}, sites=True, redundancy=redundancy).status == 3


def test_a_withdrawn_license_for_sites_stops_nothing() -> None:
    stage = ctiless(sites=True)
    stage.withdraw("tserver_iscc")
    assert stage.alarms == ["feature tserver_iscc"]
    assert stage.accepted("dn-registered", dn="a")
    stage.bring_back("tserver_iscc", 1)
    assert stage.alarms == ["feature tserver_iscc", "-feature tserver_iscc"]


def test_its_number_can_be_changed_while_it_runs() -> None:
    stage = ctiless(num=1)
    stage.change("num-of-licenses", 2)
    assert stage.in_use("tserver_sdn") == 2
    stage.change("num-of-licenses", 1)
    assert stage.in_use("tserver_sdn") == 2
    stage.change("num-of-licenses", 3)
    assert stage.alarms == ["number of tserver_sdn"]
