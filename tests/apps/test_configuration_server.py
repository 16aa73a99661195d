"""Configuration Server needs CLDistributed as a proxy, and nothing otherwise."""

from __future__ import annotations

import pytest

from seatkeeper.apps.configuration_server import ConfigurationServer
from support.stage import Stage

PROXY = {"csproxy": {"proxy-mode": True}}


@pytest.mark.parametrize("role", ["primary", "backup"])
@pytest.mark.parametrize("redundancy", ["not specified", "warm standby"])
def test_alone_or_in_a_pair_it_needs_no_license(role: str, redundancy: str) -> None:
    stage = Stage(ConfigurationServer, {}, role=role, redundancy=redundancy).start()
    assert stage.log() == ["05060 Application started"]
    assert not stage.held
    assert stage.accepted("client-connected", client="desktop")


def test_a_proxy_takes_one_license_for_its_environment() -> None:
    stage = Stage(ConfigurationServer, {"CLDistributed": 1}, PROXY, environment="emea").start()
    assert stage.in_use("CLDistributed") == 1
    assert [hold.data for hold in stage.app.holds] == ["environment:emea"]
    assert stage.log() == ["07101 Feature 'CLDistributed': 1 licenses checked out.", "05060 Application started"]


def test_all_proxies_of_the_environment_run_on_the_one_license() -> None:
    stage = Stage(ConfigurationServer, {"CLDistributed": 0}, PROXY).start()
    assert stage.app.state == "running"
    assert not stage.alarms
    assert stage.accepted("client-connected", client="desktop")


@pytest.mark.parametrize("up", [True, False])
def test_a_proxy_without_a_license_logs_the_violation_and_exits(up: bool) -> None:
    stage = Stage(ConfigurationServer, {}, PROXY)
    stage.up = up
    stage.start()
    assert stage.status == 3
    kind = "No such feature exists" if up else "GLMR_LICENSE_SERVER_NOT_AVAILABLE"
    assert stage.log()[0] == f"07100 Licensing violation is identified, the violation type {kind}"


def test_a_violation_at_run_time_is_raised_once_serves_on_and_is_cleared() -> None:
    stage = Stage(ConfigurationServer, {"CLDistributed": 1}, PROXY).start()
    stage.withdraw("CLDistributed")
    assert stage.accepted("client-connected", client="desktop")
    stage.bring_back("CLDistributed", 1)
    stage.cut()
    assert stage.accepted("client-connected", client="another")
    stage.heal()
    assert stage.alarms == ["feature CLDistributed", "-feature CLDistributed", "license server", "-license server"]
    assert stage.status is None


def test_it_becomes_a_proxy_at_its_next_start() -> None:
    stage = Stage(ConfigurationServer, {"CLDistributed": 1}).start()
    stage.change("proxy-mode", True, "csproxy")
    assert not stage.held
    assert "The new value of option proxy-mode takes effect after a restart." in stage.log()[-1]
