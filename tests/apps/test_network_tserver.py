"""Network T-Server: mostly no seat DNs; sites; deployment, call parking and treatments for GenSpec."""

from __future__ import annotations

import pytest

from seatkeeper.apps.events import CheckOut
from seatkeeper.apps.network_tserver import NETWORKS, NetworkTServer
from support.stage import Stage

LICENSES = {"tserver_sdn": 2, "tserver_iscc": 1, "tserver_nts": 1, "tserver_nts_calltreatments": 3}


def network(
    licenses: dict[str, int] | None = None,
    which: str = "genspec",
    treatments: object = "max",
    *,
    sites: bool = True,
    release: str = "8.5",
    settings: dict[str, str] | None = None,
    **options: object,
) -> Stage:
    given = {
        "license": {"num-calltreatments": treatments, **{name.replace("_", "-"): value for name, value in options.items()}},
        "TServer": {"network": which, "multi-site": sites, "release": release},
    }
    return Stage(NetworkTServer, LICENSES if licenses is None else licenses, given, **(settings or {})).start()


def without(feature: str) -> dict[str, int]:
    return {key: count for key, count in LICENSES.items() if key != feature}


# Basic functionality ----------------------------------------------------------------------------------------------------------


def test_in_most_cases_it_has_no_seat_dns_and_starts_without_their_feature() -> None:
    stage = network(without("tserver_sdn"))
    assert stage.app.state == "running"
    assert stage.alarms == []
    assert not stage.accepted("dn-registered", dn="1")
    assert stage.accepted("dn-registered", dn="1", kind="routing-point")


def test_in_rare_cases_it_has_seat_dns() -> None:
    stage = network(num_sdn_licenses=2)
    assert stage.in_use("tserver_sdn") == 2
    assert [stage.accepted("dn-registered", dn=dn) for dn in "abc"] == [True, True, False]
    assert stage.log(20007) == ["20007 All 2 seat licenses are in use already, registration rejected."]
    assert network(without("tserver_sdn"), num_sdn_licenses=2).status == 3


def test_seat_dns_can_be_had_while_it_runs() -> None:
    stage = network()
    stage.change("num-sdn-licenses", 1)
    assert [stage.accepted("dn-registered", dn=dn) for dn in "ab"] == [True, False]
    stage.change("num-sdn-licenses", 3)
    assert stage.in_use("tserver_sdn") == 2
    assert stage.alarms == ["number of tserver_sdn"]
    stage.change("num-sdn-licenses", -1)
    assert stage.alarms == ["number of tserver_sdn", "-number of tserver_sdn"], "not valid: the default, 0"
    assert "not valid" in stage.log(5066)[-1]


def test_technical_dns_need_licenses_before_release_7_2() -> None:
    stage = network({**LICENSES, "tserver_tdn": 1}, release="7.1")
    assert [stage.accepted("dn-registered", dn=dn, kind="routing-point") for dn in "ab"] == [True, False]
    assert network(release="7.1").status == 3
    assert network(release="7.2").app.state == "running"


# Multi-site functionality -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", NETWORKS)
def test_calls_between_sites_need_one_license_for_each_site(which: str) -> None:
    assert network(which=which).in_use("tserver_iscc") == 1
    assert network(which=which, sites=False).in_use("tserver_iscc") == 0
    assert network(without("tserver_iscc"), which).status == 3
    pair = {"redundancy": "warm standby", "role": "backup"}
    assert network(which=which, settings=pair).in_use("tserver_iscc") == 0, "the table: one a pair"


def test_it_has_no_license_for_hot_standby() -> None:
    stage = network(settings={"redundancy": "hot standby"})
    assert stage.app.state == "running"
    assert {feature for feature, _ in stage.held.values()} == {"tserver_iscc", "tserver_nts", "tserver_nts_calltreatments"}


# GenSpec ----------------------------------------------------------------------------------------------------------------------


def test_one_deployment_license_runs_all_instances_for_genspec() -> None:
    stage = network()
    asked = {effect.feature: effect.data for effect in stage.effects if isinstance(effect, CheckOut)}
    assert (stage.in_use("tserver_nts"), asked["tserver_nts"]) == (1, "environment:default")
    second = network({**LICENSES, "tserver_nts": 0})
    assert second.app.state == "running", "all are in use: by another instance"
    assert second.alarms == []
    assert network(without("tserver_nts")).status == 3


def test_parking_and_treatments_are_licensed_by_port() -> None:
    stage = network()
    assert [stage.accepted("treatment-begins", call=call) for call in "abcd"] == [True, True, True, False]
    stage.occur("treatment-ends", call="a")
    assert stage.accepted("treatment-begins", call="d")
    none = network(treatments=0)
    assert none.in_use("tserver_nts_calltreatments") == 0
    assert not none.accepted("treatment-begins", call="a")


def test_its_ports_can_be_changed_both_ways_while_it_runs() -> None:
    stage = network(treatments=1)
    assert stage.accepted("treatment-begins", call="a")
    stage.change("num-calltreatments", 3)
    assert stage.in_use("tserver_nts_calltreatments") == 3
    assert [stage.accepted("treatment-begins", call=call) for call in "bc"] == [True, True]
    stage.change("num-calltreatments", 5)
    assert stage.alarms == ["number of tserver_nts_calltreatments"]
    stage.change("num-calltreatments", 1)
    assert stage.alarms[-1] == "-number of tserver_nts_calltreatments"
    assert stage.in_use("tserver_nts_calltreatments") == 3, "no treatment is cut off"
    for call, left in (("a", 2), ("b", 1), ("c", 1)):
        stage.occur("treatment-ends", call=call)
        assert stage.in_use("tserver_nts_calltreatments") == left


def test_treatments_go_on_while_their_licenses_are_withdrawn() -> None:
    stage = network()
    assert stage.accepted("treatment-begins", call="a")
    stage.withdraw("tserver_nts_calltreatments")
    reply = stage.occur("treatment-begins", call="b")
    assert reply is not None
    assert reply.reason == "The licenses of tserver_nts_calltreatments are lost: No such feature exists."
    assert list(stage.app.treatments.users) == ["a"]
    stage.bring_back("tserver_nts_calltreatments", 3)
    assert stage.accepted("treatment-begins", call="b")
    assert stage.alarms == ["feature tserver_nts_calltreatments", "-feature tserver_nts_calltreatments"]


def test_a_server_out_of_reach_is_one_violation_of_all_its_licenses() -> None:
    stage = network(num_sdn_licenses=2)
    stage.occur("dn-registered", dn="1")
    stage.cut()
    assert stage.alarms == ["license server"]
    assert list(stage.app.seats.users) == ["1"]
    stage.heal()
    assert stage.alarms == ["license server", "-license server"]


@pytest.mark.parametrize("which", [name for name in NETWORKS if name != "genspec"])
def test_other_networks_need_neither(which: str) -> None:
    stage = network({"tserver_iscc": 1}, which)
    assert stage.app.state == "running"
    reply = stage.occur("treatment-begins", call="a")
    assert reply is not None
    assert reply.reason == "Only the Network T-Server for GenSpec parks and treats calls."
    assert stage.accepted("treatment-ends", call="a")
