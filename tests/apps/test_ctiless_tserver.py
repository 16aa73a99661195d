"""CTI-less T-Server registers seat DNs as a T-Server does."""

from __future__ import annotations

from seatkeeper.apps.ctiless_tserver import CtiLessTServer
from support.stage import Stage


def test_seat_dns_hot_standby_and_sites() -> None:
    licenses = {"tserver_sdn": 2, "cti_ha_option": 1, "tserver_iscc": 1}
    stage = Stage(CtiLessTServer, licenses, {"TServer": {"multi-site": True}}, redundancy="hot standby").start()
    assert {feature: stage.in_use(feature) for feature in licenses} == licenses
    assert [stage.accepted("dn-registered", dn=dn) for dn in "abc"] == [True, True, False]
    assert stage.log(20007)
    assert Stage(CtiLessTServer, {"tserver_sdn": 2}, redundancy="hot standby").start().status == 3
