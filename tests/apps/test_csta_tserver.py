"""T-Server for CSTA Connector has seats of its own feature, shared by primary and backup, and is a T-Server otherwise."""

from __future__ import annotations

import pytest

from seatkeeper.apps.csta_tserver import CstaTServer
from support.stage import Stage

LICENSES = {"tserver_cc_sdn": 4, "cti_ha_option": 1, "tserver_iscc": 1}


def csta(licenses: dict[str, int] | None = None, num: object = "max", *, sites: bool = False, **settings: str) -> Stage:
    options = {"license": {"num-of-licenses": num}, "TServer": {"multi-site": sites}}
    return Stage(CstaTServer, LICENSES if licenses is None else licenses, options, **settings).start()


def test_its_seats_are_of_another_feature() -> None:
    stage = csta({"tserver_cc_sdn": 2, "tserver_sdn": 9}, 2)
    assert (stage.in_use("tserver_cc_sdn"), stage.in_use("tserver_sdn")) == (2, 0)
    assert [stage.accepted("dn-registered", dn=dn) for dn in "abc"] == [True, True, False]
    assert stage.log(20007) == ["20007 All 2 seat licenses are in use already, registration rejected."]
    assert csta({"tserver_sdn": 9}).status == 3


def test_its_number_can_be_changed_while_it_runs() -> None:
    stage = csta(num=3)
    stage.change("num-of-licenses", 4)
    assert stage.in_use("tserver_cc_sdn") == 4
    stage.change("num-of-licenses", 2)
    assert stage.in_use("tserver_cc_sdn") == 4
    stage.change("num-of-licenses", 6)
    assert stage.alarms == ["number of tserver_cc_sdn"]


def test_a_pair_has_its_seats_its_hot_standby_and_its_site_once() -> None:
    primary = csta(sites=True, redundancy="hot standby")
    backup = csta(sites=True, redundancy="hot standby", role="backup")
    assert {feature: primary.in_use(feature) for feature in LICENSES} == LICENSES
    assert backup.held == {}
    primary.occur("become-backup")
    backup.occur("become-primary")
    assert primary.held == {}
    assert {feature: backup.in_use(feature) for feature in LICENSES} == LICENSES


@pytest.mark.parametrize("role", ["primary", "backup"])
def test_neither_starts_without_the_license_for_hot_standby(role: str) -> None:
    assert csta({"tserver_cc_sdn": 4}, redundancy="hot standby", role=role).status == 3
    assert csta({"tserver_cc_sdn": 4}, redundancy="warm standby", role=role).app.state == "running"


def test_seats_that_are_withdrawn_leave_what_is_registered() -> None:
    stage = csta()
    stage.occur("dn-registered", dn="a")
    stage.withdraw("tserver_cc_sdn")
    assert not stage.accepted("dn-registered", dn="b")
    assert list(stage.app.seats.users) == ["a"]
    stage.bring_back("tserver_cc_sdn", 4)
    assert stage.accepted("dn-registered", dn="b")
    assert stage.alarms == ["feature tserver_cc_sdn", "-feature tserver_cc_sdn"]
