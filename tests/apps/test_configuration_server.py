"""Configuration Server needs a license as a proxy only."""

from __future__ import annotations

import pytest

from seatkeeper.apps.configuration_server import ConfigurationServer
from support.stage import Stage


@pytest.mark.parametrize("redundancy", ["not specified", "warm standby"])
def test_a_stand_alone_server_or_a_pair_needs_no_license(redundancy: str) -> None:
    stage = Stage(ConfigurationServer, {}, redundancy=redundancy).start()
    assert stage.app.state == "running"
    assert stage.log(7100) == []
    assert stage.accepted("client-connected", client="urs")


def test_one_license_is_for_all_proxies() -> None:
    proxy = {"csproxy": {"proxy-mode": True}}
    assert Stage(ConfigurationServer, {"CLDistributed": 1}, proxy).start().in_use("CLDistributed") == 1
    assert Stage(ConfigurationServer, {"CLDistributed": 0}, proxy).start().app.state == "running"
    assert Stage(ConfigurationServer, {}, proxy).start().status == 3


def test_becoming_a_proxy_takes_a_restart() -> None:
    stage = Stage(ConfigurationServer, {"CLDistributed": 1}).start()
    stage.change("proxy-mode", True, "csproxy")
    assert stage.held == {}
    assert any("after a restart" in line for line in stage.log())
