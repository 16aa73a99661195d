"""UC Connector: a seat for each knowledge worker who is connected."""

from __future__ import annotations

from seatkeeper.apps.events import CheckOut
from seatkeeper.apps.uc_connector import UcConnector
from support.stage import Stage


def connected(seats: int, *workers: str) -> Stage:
    stage = Stage(UcConnector, {"ucc_seats": seats}).start()
    assert all(stage.accepted("worker-connected", worker=worker) for worker in workers)
    return stage


def test_one_license_per_user_knowledge_worker_seat() -> None:
    stage = connected(2)
    assert stage.held == {}
    assert [stage.accepted("worker-connected", worker=worker) for worker in "abc"] == [True, True, False]
    asked = [(effect.version, effect.count, effect.who) for effect in stage.effects if isinstance(effect, CheckOut)]
    assert asked == [("8.0", 1, "a"), ("8.0", 1, "b"), ("8.0", 1, "c")]
    assert stage.alarms == ["feature ucc_seats"]
    assert stage.accepted("worker-disconnected", worker="a")
    assert stage.alarms == ["feature ucc_seats", "-feature ucc_seats"]
    assert stage.accepted("worker-connected", worker="c")
    assert not stage.accepted("worker-disconnected", worker="a")


def test_who_connects_twice_has_one_seat() -> None:
    stage = connected(2, "a", "a")
    assert stage.in_use("ucc_seats") == 1


def test_without_a_license_it_starts_and_lets_nobody_connect() -> None:
    stage = Stage(UcConnector, {}).start()
    assert stage.app.state == "running"
    assert stage.log(7100) == []
    reply = stage.occur("worker-connected", worker="a")
    assert reply is not None
    assert (reply.accepted, reply.reason) == (False, "No license of ucc_seats is available: No such feature exists.")
    stage.occur("worker-connected", worker="b")
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type No such feature exists"]
    stage.licenses["ucc_seats"] = 5
    assert stage.accepted("worker-connected", worker="a")
    assert len(stage.log(7105)) == 1


def test_who_is_connected_stays_so_when_the_feature_is_withdrawn() -> None:
    stage = connected(2, "a")
    stage.withdraw("ucc_seats")
    assert not stage.accepted("worker-connected", worker="b")
    assert "a" in stage.app.workers.open_sessions
    assert len(stage.log(7100)) == 1
    stage.bring_back("ucc_seats", 2)
    assert stage.alarms == ["feature ucc_seats", "-feature ucc_seats"]
    assert stage.accepted("worker-connected", worker="b")


def test_a_server_out_of_reach_refuses_who_is_new_and_disconnects_nobody() -> None:
    stage = connected(2, "a")
    stage.cut(lease_ends=False)
    assert not stage.accepted("worker-connected", worker="b")
    assert len(stage.log(7100)) == 1
    assert stage.accepted("worker-connected", worker="a"), "he is connected"
    stage.heal(lease_ended=False)
    assert stage.accepted("worker-connected", worker="b")
    assert stage.alarms == ["license server", "-license server"]


def test_its_only_option_holds_from_the_next_start_on() -> None:
    stage = connected(2, "a")
    stage.change("license-file", "7260@other")
    assert stage.log(5066) == ["05066 The new value of option license-file takes effect after a restart."]
    assert stage.in_use("ucc_seats") == 1
