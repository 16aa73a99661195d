"""T-Server for CSTA Connector has seats of its own feature."""

from __future__ import annotations

from seatkeeper.apps.csta_tserver import CstaTServer
from support.stage import Stage


def test_its_seats_are_of_another_feature() -> None:
    stage = Stage(CstaTServer, {"tserver_cc_sdn": 2, "tserver_sdn": 9}, {"license": {"num-of-licenses": 2}}).start()
    assert (stage.in_use("tserver_cc_sdn"), stage.in_use("tserver_sdn")) == (2, 0)
    assert [stage.accepted("dn-registered", dn=dn) for dn in "abc"] == [True, True, False]
    stage.change("num-of-licenses", 3)
    assert stage.alarms == ["number of tserver_cc_sdn"]
