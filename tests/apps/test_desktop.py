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
