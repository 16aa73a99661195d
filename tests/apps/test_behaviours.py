"""One seat for somebody, and one for each session."""

from __future__ import annotations

from seatkeeper.apps.application import RETRY_S
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.desktop import Desktop
from seatkeeper.apps.events import CheckOut, Lost, Restored
from seatkeeper.apps.scs import SolutionControlServer
from seatkeeper.apps.tserver import TServer
from seatkeeper.apps.uc_connector import UcConnector
from support.stage import Stage

PAIR = {"redundancy": "hot standby", "pair": "p"}


def single(stage: Stage, feature: str) -> Single:
    found = [one for one in stage.app.behaviours if isinstance(one, Single) and one.feature == feature]
    assert len(found) == 1
    return found[0]


# Single -------------------------------------------------------------------------------------------------------------------------


def test_a_pair_shares_by_its_name_and_an_environment_by_its_own() -> None:
    tserver = Stage(TServer, {"tserver_sdn": 1, "cti_ha_option": 1}, **PAIR).start()
    assert {effect.feature: effect.data for effect in tserver.effects if isinstance(effect, CheckOut)}["cti_ha_option"] == "pair:p"
    desktop = Stage(Desktop, {"ISDK_FACTORY": 1}, environment="east").start()
    assert [effect.data for effect in desktop.effects if isinstance(effect, CheckOut)] == ["environment:east"]


def test_a_backup_finds_out_that_it_is_licensed_and_holds_nothing() -> None:
    stage = Stage(TServer, {"cti_ha_option": 1}, role="backup", **PAIR).start()
    assert stage.app.state == "running"
    assert stage.held == {}
    assert single(stage, "cti_ha_option").licensed
    assert Stage(TServer, {}, role="backup", **PAIR).start().status == 3


def test_an_instance_that_shares_takes_the_seat_when_its_holder_has_gone() -> None:
    stage = Stage(Desktop, {"ISDK_FACTORY": 0, "desktop_agent": 1}).start()
    assert single(stage, "ISDK_FACTORY").licensed
    stage.licenses["isdk_factory"] = 1
    stage.pass_time(RETRY_S)
    assert stage.in_use("ISDK_FACTORY") == 1
    assert stage.alarms == []


def test_an_instance_that_shares_notices_that_the_license_is_gone() -> None:
    stage = Stage(Desktop, {"ISDK_FACTORY": 0, "desktop_agent": 1}).start()
    del stage.licenses["isdk_factory"]
    stage.pass_time(RETRY_S)
    assert stage.alarms == ["feature ISDK_FACTORY"]
    assert not single(stage, "ISDK_FACTORY").licensed
    stage.licenses["isdk_factory"] = 1
    stage.pass_time(RETRY_S)
    assert stage.alarms == ["feature ISDK_FACTORY", "-feature ISDK_FACTORY"]


def test_a_server_that_does_not_say_is_no_violation_of_who_shares() -> None:
    stage = Stage(Desktop, {"ISDK_FACTORY": 0}).start()
    stage.up = False
    stage.pass_time(3 * RETRY_S)
    assert stage.alarms == []


def test_a_function_that_is_switched_off_wants_nothing_any_more() -> None:
    stage = Stage(SolutionControlServer, {}).start()
    assert stage.alarms == ["feature ha_redundancy"]
    stage.change("redundant_pairs", False, "general")
    assert stage.alarms == ["feature ha_redundancy", "-feature ha_redundancy"]
    assert not stage.app.degraded
    assert stage.app.next_deadline() is None
    stage.licenses["ha_redundancy"] = 1
    stage.change("redundant_pairs", True, "general")
    assert stage.in_use("ha_redundancy") == 1


# Sessions ---------------------------------------------------------------------------------------------------------------------


def desktop(agents: int) -> Stage:
    return Stage(Desktop, {"ISDK_FACTORY": 1, "desktop_agent": agents}).start()


def test_who_leaves_before_he_is_licensed_leaves_no_seat_behind() -> None:
    stage = desktop(1)
    stage.slow = True
    assert stage.occur("login", user="ann") is None
    assert not stage.accepted("login", user="ann"), "he is being served already"
    stage.occur("logout", user="ann")
    stage.answer()
    assert stage.in_use("desktop_agent") == 0
    assert stage.app.agents.open_sessions == {}
    stage.slow = False
    assert stage.accepted("login", user="bob")


def test_no_free_seat_is_a_violation_until_somebody_else_frees_one() -> None:
    stage = desktop(0)
    assert not stage.accepted("login", user="ann")
    stage.pass_time(5 * RETRY_S)
    assert stage.alarms == ["feature desktop_agent"]
    stage.licenses["desktop_agent"] = 1
    stage.pass_time(RETRY_S)
    assert stage.alarms == ["feature desktop_agent", "-feature desktop_agent"]
    assert stage.app.next_deadline() is None


def test_a_withdrawn_feature_is_not_restored_because_a_session_ends() -> None:
    stage = desktop(2)
    stage.occur("login", user="ann")
    stage.withdraw("desktop_agent")
    assert stage.accepted("logout", user="ann")
    assert stage.alarms == ["feature desktop_agent"]
    stage.licenses["desktop_agent"] = 2
    stage.pass_time(RETRY_S)
    assert stage.alarms == ["feature desktop_agent", "-feature desktop_agent"]


def test_a_session_whose_seat_is_lost_goes_on_and_has_it_back() -> None:
    stage = desktop(2)
    stage.occur("login", user="ann")
    (key,) = [key for key, (feature, _) in stage.held.items() if feature == "desktop_agent"]
    stage.tell(Lost(key, -10))
    assert list(stage.app.agents.open_sessions) == ["ann"]
    assert stage.app.violations.standing == {"feature desktop_agent": "Feature has expired"}
    stage.tell(Restored(key, 1))
    assert not stage.app.violations.standing


def test_an_application_without_seats_finds_its_server_again() -> None:
    """Its client needs no connection when nothing is held, and so tells nothing of the server's return."""
    stage = Stage(UcConnector, {"ucc_seats": 2}).start()
    assert stage.accepted("worker-connected", worker="ann")
    stage.cut()
    assert not stage.accepted("worker-connected", worker="bob")
    assert stage.accepted("worker-disconnected", worker="ann")
    assert stage.held == {}
    stage.up = True
    stage.pass_time(RETRY_S)
    assert stage.app.reachable
    assert stage.alarms == ["license server", "-license server"]
    assert stage.accepted("worker-connected", worker="bob")


def test_an_application_without_seats_asks_before_it_refuses() -> None:
    stage = Stage(UcConnector, {"ucc_seats": 2})
    stage.up = False
    stage.start()
    assert not stage.accepted("worker-connected", worker="ann")
    assert stage.alarms == ["license server"]
    stage.up = True
    assert stage.accepted("worker-connected", worker="ann")
    assert stage.alarms == ["license server", "-license server"]
