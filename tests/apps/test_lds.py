"""One license runs all instances of Load Distribution Server."""

from __future__ import annotations

from seatkeeper.apps.events import CheckOut
from seatkeeper.apps.lds import LoadDistributionServer
from support.stage import Stage


def test_all_instances_of_an_environment_ask_under_one_key() -> None:
    for settings in ({"name": "lds1"}, {"name": "lds2", "redundancy": "warm standby", "role": "backup"}):
        stage = Stage(LoadDistributionServer, {"lds": 1}, **settings).start()
        (asked,) = [effect for effect in stage.effects if isinstance(effect, CheckOut)]
        assert (asked.count, asked.data) == (1, "environment:default")


def test_a_second_instance_runs_under_the_license_of_the_first() -> None:
    first = Stage(LoadDistributionServer, {"lds": 1}).start()
    assert first.in_use("lds") == 1
    second = Stage(LoadDistributionServer, {"lds": 0}).start()
    assert second.app.state == "running"
    assert second.held == {}
    assert second.alarms == []
    assert second.accepted("message-distributed", receiver="urs-a")


def test_without_the_license_it_logs_the_violation_and_exits() -> None:
    stage = Stage(LoadDistributionServer, {}).start()
    assert stage.status == 3
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type No such feature exists"]


def test_it_distributes_while_the_license_is_withdrawn() -> None:
    stage = Stage(LoadDistributionServer, {"lds": 1}).start()
    stage.withdraw("lds")
    assert stage.alarms == ["feature lds"]
    assert stage.accepted("message-distributed", receiver="urs-a")
    stage.bring_back("lds", 1)
    assert stage.alarms == ["feature lds", "-feature lds"]


def test_another_license_file_holds_from_the_next_start_on() -> None:
    stage = Stage(LoadDistributionServer, {"lds": 1}).start()
    before = dict(stage.held)
    stage.change("license-file", "7260@other")
    assert stage.held == before
    assert any("after a restart" in line for line in stage.log())
