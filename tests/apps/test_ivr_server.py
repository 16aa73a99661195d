"""IVR Server: the feature of its mode, hot standby, and the rule for sites."""

from __future__ import annotations

import pytest

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
    assert not stage.accepted("port-taken", port="1")
    without_routing = ivr("network")
    assert without_routing.in_use("tserver_nts_calltreatments") == 0
    assert not without_routing.accepted("treatment-begins", call="a")
    assert ivr("network", {}).status == 3


def test_hot_standby_has_one_license_a_pair() -> None:
    stage = ivr(redundancy="hot standby")
    assert stage.in_use("iserver_ha_option") == 1
    assert ivr(redundancy="hot standby", role="backup").held == {}
    assert ivr(licenses={"tserver_ivr_max_ports_behind": 4}, redundancy="hot standby").status == 3


@pytest.mark.parametrize("mode", ["behind", "in-front", "network"])
def test_where_tservers_have_iscc_every_ivr_server_needs_one_whatever_its_mode(mode: str) -> None:
    assert ivr(mode, sites=True).in_use("tserver_iscc") == 1
    assert ivr(mode).in_use("tserver_iscc") == 0
    assert ivr(mode, {key: count for key, count in LICENSES.items() if key != "tserver_iscc"}, sites=True).status == 3


def test_ports_are_limited_by_the_options_of_dns() -> None:
    stage = ivr(num_of_licenses=3, num_sdn_licenses=2)
    assert stage.in_use("tserver_ivr_max_ports_behind") == 2
    stage.change("num-sdn-licenses", 3)
    assert stage.in_use("tserver_ivr_max_ports_behind") == 3
