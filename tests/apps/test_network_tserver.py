"""Network T-Server: mostly no seat DNs; deployment and treatments for GenSpec."""

from __future__ import annotations

from seatkeeper.apps.network_tserver import NetworkTServer
from support.stage import Stage

LICENSES = {"tserver_sdn": 2, "tserver_iscc": 1, "tserver_nts": 1, "tserver_nts_calltreatments": 3}


def network(licenses: dict[str, int] | None = None, which: str = "genspec", treatments: object = "max", **options: object) -> Stage:
    given = {"license": {"num-calltreatments": treatments, **options}, "TServer": {"network": which, "multi-site": True}}
    return Stage(NetworkTServer, LICENSES if licenses is None else licenses, given).start()


def test_it_starts_without_seat_dns_and_takes_what_genspec_needs() -> None:
    stage = network()
    assert stage.in_use("tserver_sdn") == 0
    assert (stage.in_use("tserver_nts"), stage.in_use("tserver_nts_calltreatments"), stage.in_use("tserver_iscc")) == (1, 3, 1)


def test_one_deployment_license_is_for_all_instances() -> None:
    stage = network({**LICENSES, "tserver_nts": 0})
    assert stage.app.state == "running", "all are in use: by another instance"
    assert network({key: count for key, count in LICENSES.items() if key != "tserver_nts"}).status == 3


def test_treatments_are_counted_by_port() -> None:
    stage = network()
    assert [stage.accepted("treatment-begins", call=call) for call in "abcd"] == [True, True, True, False]
    stage.occur("treatment-ends", call="a")
    assert stage.accepted("treatment-begins", call="d")
    stage.change("num-calltreatments", 5)
    assert stage.alarms == ["number of tserver_nts_calltreatments"]


def test_other_networks_need_neither() -> None:
    stage = network({"tserver_iscc": 1}, "att")
    assert stage.app.state == "running"
    assert not stage.accepted("treatment-begins", call="a")


def test_seat_dns_where_they_are_configured() -> None:
    stage = network(**{"num-sdn-licenses": 2})
    assert [stage.accepted("dn-registered", dn=dn) for dn in "abc"] == [True, True, False]
