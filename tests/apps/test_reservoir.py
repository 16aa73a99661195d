"""Seats that are taken ahead are given out, missed, given back, and used for a time."""

from __future__ import annotations

import pytest

from seatkeeper.apps.application import RETRY_S
from seatkeeper.apps.callback_server import CallbackServer
from seatkeeper.apps.cpd_server import CpdServer
from seatkeeper.apps.events import CheckOut, Restored
from seatkeeper.apps.interaction_server import SEAT, InteractionServer
from seatkeeper.apps.ocs import OutboundContactServer
from seatkeeper.apps.reservoir import HOLD_S, Reservoir
from seatkeeper.apps.tserver import TServer
from seatkeeper.apps.urs import UniversalRoutingServer
from support.stage import Stage


def cpd(licensed: int, wanted: object, **settings: str) -> Stage:
    return Stage(CpdServer, {"occ_port": licensed}, {"license": {"num-of-licenses": wanted}}, **settings).start()


def take(stage: Stage, count: int) -> list[bool]:
    return [stage.accepted("port-taken", port=str(port)) for port in range(count)]


def seats(stage: Stage) -> Reservoir:
    found = next(behaviour for behaviour in stage.app.behaviours if isinstance(behaviour, Reservoir))
    assert found.capacity - len(found.users) == found.room
    return found


def test_nobody_is_dropped_when_fewer_are_wanted_and_what_nobody_uses_goes_back() -> None:
    stage = cpd(10, 8)
    assert take(stage, 5) == [True] * 5
    stage.change("num-of-licenses", 3)
    assert stage.in_use("occ_port") == 5
    assert not stage.accepted("port-taken", port="9")
    for port in range(4):
        stage.occur("port-freed", port=str(port))
    assert stage.in_use("occ_port") == 3
    assert list(seats(stage).users) == ["4"]
    assert stage.alarms == []


def test_more_are_asked_for_at_once_and_fewer_than_that_is_a_violation() -> None:
    stage = cpd(5, 2)
    stage.change("num-of-licenses", 9)
    assert stage.in_use("occ_port") == 5
    assert stage.alarms == ["number of occ_port"]
    stage.licenses["occ_port"] = 20
    stage.pass_time(RETRY_S)
    assert stage.in_use("occ_port") == 9
    assert stage.alarms == ["number of occ_port", "-number of occ_port"]


def test_a_want_that_is_lowered_while_it_stands_is_over() -> None:
    stage = cpd(5, 2)
    stage.change("num-of-licenses", 9)
    stage.change("num-of-licenses", 7)
    assert stage.alarms == ["number of occ_port"]
    stage.change("num-of-licenses", 5)
    assert stage.alarms == ["number of occ_port", "-number of occ_port"]
    stage.licenses["occ_port"] = 20
    stage.pass_time(10 * RETRY_S)
    assert stage.in_use("occ_port") == 5


def test_one_that_takes_all_there_are_misses_nothing() -> None:
    stage = cpd(5, "max")
    assert stage.in_use("occ_port") == 5
    stage.change("num-of-licenses", 9)
    stage.change("num-of-licenses", "max")
    assert not stage.app.violations.standing
    assert stage.app.next_deadline() is None


def test_fewer_than_the_exact_number_is_a_violation_at_startup_too() -> None:
    stage = Stage(InteractionServer, {SEAT: 2}, {"license": {SEAT: 5}}).start()
    assert stage.app.state == "running"
    assert f"number of {SEAT}" in stage.alarms


def test_an_option_that_changes_while_seats_are_asked_for() -> None:
    stage = cpd(9, 2)
    stage.slow = True
    stage.change("num-of-licenses", 8)
    stage.change("num-of-licenses", 4)
    stage.answer()
    assert stage.in_use("occ_port") == 4
    assert stage.alarms == []


def test_what_was_lowered_while_the_server_was_away_goes_back_when_it_is_there() -> None:
    stage = cpd(9, 8)
    stage.cut(lease_ends=False)
    stage.change("num-of-licenses", 3)
    assert stage.in_use("occ_port") == 8
    stage.heal(lease_ended=False)
    assert stage.in_use("occ_port") == 3
    assert stage.alarms == ["license server", "-license server"]


def test_fewer_that_come_back_are_a_violation_and_drop_nobody() -> None:
    stage = cpd(9, 6)
    take(stage, 6)
    stage.withdraw("occ_port")
    assert stage.alarms == ["feature occ_port"]
    (key,) = stage.held
    stage.held[key] = ("occ_port", 4)
    stage.licenses["occ_port"] = 4
    stage.tell(Restored(key, 4))
    assert stage.alarms == ["feature occ_port", "-feature occ_port", "number of occ_port"]
    assert len(seats(stage).users) == 6
    stage.licenses["occ_port"] = 9
    stage.pass_time(RETRY_S)
    assert stage.in_use("occ_port") == 6
    assert not stage.app.violations.standing


def test_a_refusal_says_whether_seats_are_lost_or_in_use() -> None:
    stage = cpd(1, 1)
    take(stage, 1)
    assert seats(stage).refusal == "All 1 licenses of occ_port are in use."
    stage.withdraw("occ_port")
    assert seats(stage).refusal == "The licenses of occ_port are lost: No such feature exists."


def test_one_that_keeps_its_seats_gives_none_back_before_the_next_start() -> None:
    stage = Stage(TServer, {"tserver_sdn": 9}, {"license": {"num-of-licenses": 8}}).start()
    stage.change("num-of-licenses", 3)
    assert stage.in_use("tserver_sdn") == 8


def test_a_backup_holds_nothing_and_hands_over_all() -> None:
    shared = {"redundancy": "warm standby", "pair": "p"}
    primary, backup = cpd(9, 4, **shared), cpd(9, 4, role="backup", **shared)
    assert (primary.in_use("occ_port"), backup.in_use("occ_port")) == (4, 0)
    primary.occur("become-backup")
    backup.occur("become-primary")
    assert (primary.in_use("occ_port"), backup.in_use("occ_port")) == (0, 4)
    assert [effect.data for effect in backup.effects if isinstance(effect, CheckOut)] == ["pair:p"]
    assert primary.alarms == backup.alarms == []


def test_a_primary_that_hands_over_with_wants_of_its_own_leaves_no_violation() -> None:
    stage = cpd(5, 2, redundancy="warm standby", pair="p")
    stage.change("num-of-licenses", 9)
    stage.occur("become-backup")
    assert stage.held == {}
    assert stage.alarms == ["number of occ_port", "-number of occ_port"]
    assert stage.app.next_deadline() is None


def test_those_who_go_without_are_served_in_their_order() -> None:
    stage = Stage(OutboundContactServer, {"occ_full": 1}).start()
    stage.occur("campaign-loaded", campaign="c")
    assert [stage.accepted("agent-login", agent=agent, campaign="c") for agent in "abc"] == [True, False, False]
    assert list(seats(stage).beyond) == ["b", "c"]
    assert len(stage.log(7100)) == 2
    assert stage.alarms == ["use of occ_full"]
    stage.occur("agent-logout", agent="a", campaign="c")
    assert list(seats(stage).users) == ["b"]
    stage.occur("agent-logout", agent="b", campaign="c")
    assert stage.alarms == ["use of occ_full", "-use of occ_full"]


# 60 minutes ------------------------------------------------------------------------------------------------------------------------


def test_a_use_ends_after_60_minutes_and_not_a_second_before() -> None:
    stage = Stage(CallbackServer, {"vcb_full": 1}).start()
    assert stage.accepted("callback-requested", request="1")
    stage.pass_time(HOLD_S - 1)
    assert not stage.accepted("callback-requested", request="2")
    stage.pass_time(1)
    assert stage.accepted("callback-requested", request="2")
    assert stage.app.next_deadline() == stage.now + HOLD_S


# The whole pool -----------------------------------------------------------------------------------------------------------------


def urs(licensed: int) -> Stage:
    return Stage(UniversalRoutingServer, {"router_seats": licensed}).start()


def test_all_seats_are_asked_for_by_their_number() -> None:
    stage = urs(7)
    assert [effect.count for effect in stage.effects if isinstance(effect, CheckOut)] == [7]
    assert seats(stage).capacity == 7


def test_what_another_instance_has_is_at_the_disposal_of_this_one_too() -> None:
    stage = urs(7)
    other = Stage(UniversalRoutingServer, {"router_seats": 7})
    other.held[0] = ("router_seats", 7)
    other.start()
    assert other.app.state == "running"
    assert other.in_use("router_seats") == stage.in_use("router_seats") == 7
    assert seats(other).capacity == 7
    del other.held[0]
    other.pass_time(RETRY_S)
    assert other.app.held() == {"router_seats": 7}, "the other one has gone"


def test_an_instance_that_shares_notices_that_the_pool_is_gone() -> None:
    stage = Stage(UniversalRoutingServer, {"router_seats": 7})
    stage.held[0] = ("router_seats", 7)
    stage.start()
    for agent in "ab":
        stage.occur("agent-login", agent=agent)
    assert stage.accepted("agent-target", agent="a")
    del stage.licenses["router_seats"], stage.held[0]
    stage.pass_time(RETRY_S)
    assert stage.alarms == ["feature router_seats"]
    assert not stage.accepted("agent-target", agent="b")
    assert list(seats(stage).users) == ["a"]
    stage.licenses["router_seats"] = 7
    stage.pass_time(RETRY_S)
    assert stage.alarms == ["feature router_seats", "-feature router_seats"]
    assert stage.accepted("agent-target", agent="b")


@pytest.mark.parametrize("licensed", [3, 9])
def test_seats_that_come_back_are_as_many_as_the_server_says(licensed: int) -> None:
    stage = urs(7)
    stage.withdraw("router_seats")
    assert seats(stage).capacity == 0
    (key,) = stage.held
    stage.held[key] = ("router_seats", min(licensed, 7))
    stage.licenses["router_seats"] = licensed
    stage.tell(Restored(key, min(licensed, 7)))
    assert seats(stage).capacity == licensed
