"""One license runs all instances of Load Distribution Server."""

from __future__ import annotations

from seatkeeper.apps.lds import LoadDistributionServer
from support.stage import Stage


def test_a_second_instance_runs_under_the_license_of_the_first() -> None:
    first = Stage(LoadDistributionServer, {"lds": 1}).start()
    assert first.in_use("lds") == 1
    second = Stage(LoadDistributionServer, {"lds": 0}).start()
    assert second.app.state == "running"
    assert second.held == {}
    assert second.alarms == []
    assert second.accepted("message-distributed", receiver="urs-a")
