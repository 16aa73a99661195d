"""CSTA Connector shares its seats in its cluster, and needs nothing else."""

from __future__ import annotations

from seatkeeper.apps.csta_connector import CstaConnector
from support.stage import Stage


def test_the_cluster_counts_once() -> None:
    stage = Stage(CstaConnector, {"csta_connector_bw_sdn": 3}, redundancy="hot standby", role="backup").start()
    assert stage.app.state == "running"
    assert stage.held == {}
    stage.occur("become-primary")
    assert stage.in_use("csta_connector_bw_sdn") == 3
    assert [behaviour.feature for behaviour in stage.app.behaviours] == ["csta_connector_bw_sdn"]
