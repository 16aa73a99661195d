"""UC Connector: a seat for each knowledge worker who is connected."""

from __future__ import annotations

from seatkeeper.apps.uc_connector import UcConnector
from support.stage import Stage


def test_a_seat_for_each_knowledge_worker() -> None:
    stage = Stage(UcConnector, {"ucc_seats": 2}).start()
    assert stage.held == {}
    assert [stage.accepted("worker-connected", worker=worker) for worker in "abc"] == [True, True, False]
    assert stage.alarms == ["feature ucc_seats"]
    assert stage.accepted("worker-disconnected", worker="a")
    assert stage.alarms == ["feature ucc_seats", "-feature ucc_seats"]
    assert stage.accepted("worker-connected", worker="c")
    assert not stage.accepted("worker-disconnected", worker="a")
