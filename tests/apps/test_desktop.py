"""Genesys Desktop: a license for each user who is logged in, and a supervisor in restricted mode."""

from __future__ import annotations

import pytest

from seatkeeper.apps.desktop import Desktop
from support.stage import Stage


def desktop(agents: int = 2, supervisors: int = 1, factory: int = 1) -> Stage:
    return Stage(Desktop, {"ISDK_FACTORY": factory, "desktop_agent": agents, "DESKTOP_SUPERVISOR": supervisors}).start()


def test_a_single_license_enables_all_instances() -> None:
    assert desktop().in_use("ISDK_FACTORY") == 1
    assert desktop(factory=0).app.state == "running"
    assert Stage(Desktop, {"desktop_agent": 2}).start().status == 3


def test_where_there_is_no_license_the_window_does_not_open() -> None:
    stage = desktop()
    assert [stage.accepted("login", user=user) for user in ("ann", "bob", "cid")] == [True, True, False]
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type GLMR_LICENSE_NO_LICENSE_AVAILABLE"]
    assert stage.in_use("desktop_agent") == 2


@pytest.mark.parametrize("event", ["logout", "browser-closed", "browser-crashed"])
def test_the_license_goes_back_however_the_user_leaves(event: str) -> None:
    stage = desktop(1)
    stage.occur("login", user="ann")
    assert not stage.accepted("login", user="bob")
    assert stage.accepted(event, user="ann")
    assert stage.in_use("desktop_agent") == 0
    assert stage.alarms == ["feature desktop_agent", "-feature desktop_agent"]
    assert stage.accepted("login", user="bob")
    assert not stage.accepted(event, user="ann"), "he is gone already"


def test_a_supervisor_without_a_license_of_his_own_works_in_restricted_mode() -> None:
    stage = desktop()
    assert [stage.accepted("login", user=user, supervisor=True) for user in ("ann", "bob", "cid", "dan")] == [True, True, True, False]
    assert (stage.in_use("DESKTOP_SUPERVISOR"), stage.in_use("desktop_agent")) == (1, 2)
    assert len([line for line in stage.log(5066) if "restricted mode" in line]) == 2
    assert stage.accepted("logout", user="bob")
    assert stage.in_use("desktop_agent") == 1


def test_who_is_logged_in_takes_no_second_license() -> None:
    stage = desktop()
    assert stage.accepted("login", user="ann")
    assert stage.accepted("login", user="ann")
    assert stage.in_use("desktop_agent") == 1


def test_while_the_server_is_away_windows_stay_and_none_open() -> None:
    stage = desktop()
    stage.occur("login", user="ann")
    stage.cut()
    assert not stage.accepted("login", user="bob")
    assert "ann" in stage.app.agents.open_sessions
    assert stage.accepted("logout", user="ann")
    stage.heal()
    assert stage.alarms == ["license server", "-license server"]
    assert stage.in_use("desktop_agent") == 0


def test_who_works_as_an_agent_and_then_as_a_supervisor_has_one_license() -> None:
    stage = desktop(supervisors=0)
    assert stage.accepted("login", user="ann", supervisor=True)
    assert (stage.in_use("DESKTOP_SUPERVISOR"), stage.in_use("desktop_agent")) == (0, 1)
    stage.licenses["desktop_supervisor"] = 1
    assert stage.accepted("login", user="ann", supervisor=True)
    assert (stage.in_use("DESKTOP_SUPERVISOR"), stage.in_use("desktop_agent")) == (1, 0)
    assert stage.accepted("login", user="ann"), "a supervisor's license is good for an agent's work"
    assert (stage.in_use("DESKTOP_SUPERVISOR"), stage.in_use("desktop_agent")) == (1, 0)


def test_a_supervisor_who_closes_the_window_before_it_opens_has_nothing() -> None:
    stage = desktop()
    stage.slow = True
    stage.occur("login", user="ann", supervisor=True)
    stage.occur("browser-closed", user="ann")
    stage.answer()
    assert (stage.in_use("DESKTOP_SUPERVISOR"), stage.in_use("desktop_agent")) == (0, 0)


def test_without_the_library_s_license_open_windows_stay_and_none_opens() -> None:
    stage = desktop()
    stage.occur("login", user="ann")
    stage.withdraw("ISDK_FACTORY")
    assert stage.alarms == ["feature ISDK_FACTORY"]
    assert not stage.accepted("login", user="bob")
    assert list(stage.app.agents.open_sessions) == ["ann"]
    stage.bring_back("ISDK_FACTORY", 1)
    assert stage.accepted("login", user="bob")
    assert stage.alarms == ["feature ISDK_FACTORY", "-feature ISDK_FACTORY"]


def test_a_withdrawn_user_license_closes_no_window() -> None:
    stage = desktop()
    stage.occur("login", user="ann")
    stage.occur("login", user="eve", supervisor=True)
    stage.withdraw("desktop_agent")
    stage.withdraw("DESKTOP_SUPERVISOR")
    assert stage.alarms == ["feature desktop_agent", "feature DESKTOP_SUPERVISOR"]
    assert not stage.accepted("login", user="bob")
    assert list(stage.app.agents.open_sessions) == ["ann"]
    assert list(stage.app.supervisors.open_sessions) == ["eve"]
    stage.bring_back("desktop_agent", 2)
    stage.bring_back("DESKTOP_SUPERVISOR", 1)
    assert not stage.app.violations.standing
    assert stage.accepted("login", user="bob")


def test_several_license_servers_are_told() -> None:
    stage = Stage(Desktop, {"ISDK_FACTORY": 1}, license_path="7260@lic1:7260@lic2").start()
    assert "lic2" in stage.app.degraded["further license servers"]
    assert stage.app.state == "running"


def test_the_license_file_holds_after_a_restart() -> None:
    stage = desktop()
    stage.change("license-file", "7260@other")
    assert any("license-file takes effect after a restart" in line for line in stage.log())
