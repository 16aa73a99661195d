"""IVR Server: the feature of its mode, hot standby, and the rule for sites."""

from __future__ import annotations

import pytest

from seatkeeper.apps.events import CheckOut
from seatkeeper.apps.ivr_server import IvrServer
from support.stage import Stage

LICENSES = {
    "tserver_ivr_max_ports_behind": 4,
    "tserver_ivr_max_ports_in_front": 6,
    "tserver_nts": 1,
    "tserver_nts_calltreatments": 2,
    "iserver_ha_option": 1,
    "tserver_iscc": 1,
}


def ivr(mode: str = "behind", licenses: dict[str, int] | None = None, *, sites: bool = False, **more: object) -> Stage:
    settings = {key: str(value) for key, value in more.items() if key in ("redundancy", "role")}
    given = {key.replace("_", "-"): value for key, value in more.items() if key not in settings}
    options = {"IServer": {"mode": mode, "multi-site": sites}, "license": given}
    return Stage(IvrServer, LICENSES if licenses is None else licenses, options, **settings).start()


@pytest.mark.parametrize(
    ("mode", "feature", "ports"), [("behind", "tserver_ivr_max_ports_behind", 4), ("in-front", "tserver_ivr_max_ports_in_front", 6)]
)
def test_each_port_has_a_license_of_its_mode(mode: str, feature: str, ports: int) -> None:
    stage = ivr(mode)
    assert stage.in_use(feature) == ports == sum(count for _, count in stage.held.values())
    assert [stage.accepted("port-taken", port=str(port)) for port in range(ports + 1)] == [True] * ports + [False]
    stage.occur("port-freed", port="0")
    assert stage.accepted("port-taken", port="9")
    assert not stage.accepted("treatment-begins", call="a")


def test_network_mode_needs_one_license_for_all_and_one_for_each_call_that_is_routed() -> None:
    stage = ivr("network", num_calltreatments=2)
    assert (stage.in_use("tserver_nts"), stage.in_use("tserver_nts_calltreatments")) == (1, 2)
    assert [stage.accepted("treatment-begins", call=call) for call in "abc"] == [True, True, False]
    assert all(stage.accepted("port-taken", port=str(port)) for port in range(9)), "tserver_nts is for all ports"
    stage.occur("treatment-ends", call="a")
    assert stage.accepted("treatment-begins", call="c")
    without_routing = ivr("network")
    assert without_routing.in_use("tserver_nts_calltreatments") == 0
    assert not without_routing.accepted("treatment-begins", call="a")
    assert ivr("network", {}).status == 3


def test_a_second_ivr_server_in_network_mode_runs_under_the_deployment_license_of_the_first() -> None:
    stage = ivr("network", {"tserver_nts": 0})
    assert stage.app.state == "running"
    assert stage.held == {}
    assert stage.accepted("port-taken", port="1")


def test_hot_standby_has_one_license_a_pair() -> None:
    stage = ivr(redundancy="hot standby")
    assert stage.in_use("iserver_ha_option") == 1
    asked = {effect.feature: effect.data for effect in stage.effects if isinstance(effect, CheckOut)}
    assert asked["iserver_ha_option"] == "pair:app", "a second pair needs a second one"
    assert ivr(redundancy="warm standby").in_use("iserver_ha_option") == 0
    assert ivr(redundancy="hot standby", role="backup").held == {}
    assert ivr(licenses={"tserver_ivr_max_ports_behind": 4}, redundancy="hot standby").status == 3


@pytest.mark.parametrize("mode", ["behind", "in-front", "network"])
def test_where_tservers_have_iscc_every_ivr_server_needs_one_whatever_its_mode(mode: str) -> None:
    assert ivr(mode, sites=True).in_use("tserver_iscc") == 1
    assert ivr(mode).in_use("tserver_iscc") == 0
    assert ivr(mode, {key: count for key, count in LICENSES.items() if key != "tserver_iscc"}, sites=True).status == 3


def test_iscc_is_for_each_ivr_server_and_for_both_of_a_pair_in_hot_standby() -> None:
    assert ivr(sites=True, redundancy="warm standby", role="backup").in_use("tserver_iscc") == 1
    assert ivr(sites=True, redundancy="hot standby", role="backup").in_use("tserver_iscc") == 0
    assert ivr(sites=True, redundancy="hot standby").in_use("tserver_iscc") == 1


@pytest.mark.parametrize(("mode", "feature"), [("behind", "tserver_ivr_max_ports_behind"), ("in-front", "tserver_ivr_max_ports_in_front")])
def test_it_takes_the_ports_that_are_left_and_without_one_it_does_not_start(mode: str, feature: str) -> None:
    assert ivr(mode, {feature: 2}, num_of_licenses=4).in_use(feature) == 2
    assert ivr(mode, {feature: 0}).status == 3
    assert ivr(mode, {key: count for key, count in LICENSES.items() if key != feature}).status == 3, "each mode has its own feature"


def test_calls_go_on_when_their_licenses_are_withdrawn_and_ports_are_used_again_when_they_are_back() -> None:
    stage = ivr()
    assert stage.accepted("port-taken", port="1")
    stage.withdraw("tserver_ivr_max_ports_behind")
    assert list(stage.app.ports.users) == ["1"]
    reply = stage.occur("port-taken", port="2")
    assert reply is not None
    assert reply.reason == "The licenses of tserver_ivr_max_ports_behind are lost: No such feature exists."
    stage.bring_back("tserver_ivr_max_ports_behind", 4)
    assert stage.accepted("port-taken", port="2")
    assert stage.alarms == ["feature tserver_ivr_max_ports_behind", "-feature tserver_ivr_max_ports_behind"]


def test_calls_that_are_routed_go_on_when_their_licenses_are_withdrawn() -> None:
    stage = ivr("network", num_calltreatments=2)
    assert stage.accepted("treatment-begins", call="a")
    stage.withdraw("tserver_nts_calltreatments")
    assert not stage.accepted("treatment-begins", call="b")
    assert stage.accepted("port-taken", port="1")
    stage.bring_back("tserver_nts_calltreatments", 2)
    assert stage.accepted("treatment-begins", call="b")
    assert not stage.app.violations.standing


def test_routing_can_be_switched_on_enlarged_and_lowered_while_it_runs() -> None:
    stage = ivr("network")
    stage.change("num-calltreatments", 2)
    assert [stage.accepted("treatment-begins", call=call) for call in "abc"] == [True, True, False]
    stage.change("num-calltreatments", 3)
    assert stage.alarms == ["number of tserver_nts_calltreatments"]
    stage.change("num-calltreatments", 1)
    assert stage.alarms[-1] == "-number of tserver_nts_calltreatments"
    assert stage.in_use("tserver_nts_calltreatments") == 2, "both are in use"
    stage.occur("treatment-ends", call="a")
    assert stage.in_use("tserver_nts_calltreatments") == 1
    stage.change("num-calltreatments", 0)
    stage.occur("treatment-ends", call="b")
    assert stage.in_use("tserver_nts_calltreatments") == 0


def test_a_pair_counts_its_ports_once_and_keeps_its_calls_through_a_switchover() -> None:
    stage = ivr(redundancy="hot standby", role="backup", num_of_licenses=3)
    assert [stage.accepted("port-taken", port=port) for port in "12"] == [True, True]
    assert stage.held == {}
    stage.occur("become-primary")
    assert (stage.in_use("tserver_ivr_max_ports_behind"), stage.in_use("iserver_ha_option")) == (3, 1)
    assert [stage.accepted("port-taken", port=port) for port in "34"] == [True, False]
    assert stage.alarms == []


def test_mode_and_sites_hold_from_the_next_start_on() -> None:
    stage = ivr()
    stage.change("mode", "network", "IServer")
    stage.change("multi-site", True, "IServer")
    assert {feature for feature, _ in stage.held.values()} == {"tserver_ivr_max_ports_behind"}


def test_ports_are_limited_by_the_options_of_dns() -> None:
    stage = ivr(num_of_licenses=3, num_sdn_licenses=2)
    assert stage.in_use("tserver_ivr_max_ports_behind") == 2
    stage.change("num-sdn-licenses", 3)
    assert stage.in_use("tserver_ivr_max_ports_behind") == 3
    stage.change("num-sdn-licenses", 1)
    assert stage.in_use("tserver_ivr_max_ports_behind") == 3, "fewer hold from the next start on"
