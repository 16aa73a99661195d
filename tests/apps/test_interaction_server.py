"""Interaction Server: the configured number of each license, and agents who are put out."""

from __future__ import annotations

import pytest

from seatkeeper.apps.events import Forced
from seatkeeper.apps.interaction_server import MEDIA, SEAT, InteractionServer
from support.stage import Stage

PLENTY = dict.fromkeys((SEAT, *MEDIA.values(), "iwd_jms_cp"), 50)


def ixn(licenses: dict[str, int] | None = None, **options: object) -> Stage:
    given = {SEAT: 3, "ics_email_webform_channel": 2, "ics_live_web_channel": 1, "ics_custom_media_channel": 1, **options}
    return Stage(InteractionServer, PLENTY if licenses is None else licenses, {"license": given}).start()


def forced(stage: Stage) -> list[str]:
    return [effect.who for effect in stage.effects if isinstance(effect, Forced)]


def test_the_configured_number_of_each_is_checked_out_at_startup() -> None:
    stage = ixn()
    assert {feature: stage.in_use(feature) for feature in (SEAT, *MEDIA.values())} == {
        SEAT: 3,
        "ics_email_webform_channel": 2,
        "ics_live_web_channel": 1,
        "ics_custom_media_channel": 1,
        "ics_sms_channel": 0,
    }


def test_fewer_than_configured_is_a_violation() -> None:
    stage = ixn({**PLENTY, SEAT: 2})
    assert stage.app.state == "running"
    assert stage.in_use(SEAT) == 2
    assert stage.alarms == [f"number of {SEAT}"]
    stage.licenses[SEAT] = 9
    stage.pass_time(60)
    assert stage.in_use(SEAT) == 3
    assert stage.alarms == [f"number of {SEAT}", f"-number of {SEAT}"]


def test_an_agent_needs_a_seat_to_log_in() -> None:
    stage = ixn()
    assert [stage.accepted("agent-login", agent=agent) for agent in "abcd"] == [True, True, True, False]
    stage.occur("agent-logout", agent="a")
    assert stage.accepted("agent-login", agent="d")
    assert not stage.accepted("agent-logout", agent="a")


@pytest.mark.parametrize(("medium", "count"), [("email", 2), ("chat", 1), ("custom", 1)])
def test_an_agent_needs_the_license_of_each_medium(medium: str, count: int) -> None:
    stage = ixn()
    logins = [stage.accepted("agent-login", agent=agent, media=[medium]) for agent in "abc"]
    assert logins == [True] * count + [False] * (3 - count)
    assert len(stage.app.reservoirs[MEDIA[medium]].users) == count
    assert len(stage.app.reservoirs[SEAT].users) == count, "who is refused holds nothing"


def test_one_agent_with_email_takes_one_seat_and_one_license_for_email() -> None:
    stage = ixn()
    stage.occur("agent-login", agent="a", media=["email"])
    used = {feature: len(reservoir.users) for feature, reservoir in stage.app.reservoirs.items() if reservoir.users}
    assert used == {SEAT: 1, "ics_email_webform_channel": 1}


def test_a_medium_that_is_added_later_and_one_that_is_not_known() -> None:
    stage = ixn()
    stage.occur("agent-login", agent="a", media="email")
    assert stage.accepted("media-added", agent="a", media="chat")
    assert stage.app.agents["a"] == ("email", "chat")
    assert not stage.accepted("media-added", agent="a", media="fax")
    assert not stage.accepted("media-added", agent="b", media="email")


def test_it_reacts_to_changed_options_at_once() -> None:
    stage = ixn()
    stage.change("ics_live_web_channel", 4)
    assert stage.in_use("ics_live_web_channel") == 4
    stage.change("ics_live_web_channel", 2)
    assert stage.in_use("ics_live_web_channel") == 2


def test_agents_beyond_a_lowered_number_are_logged_out_the_last_first() -> None:
    stage = ixn()
    for agent in "abc":
        stage.occur("agent-login", agent=agent, media=["email"] if agent != "c" else [])
    stage.change(SEAT, 1)
    assert forced(stage) == ["c", "b"]
    assert list(stage.app.agents) == ["a"]
    assert stage.in_use(SEAT) == 1
    assert list(stage.app.reservoirs["ics_email_webform_channel"].users) == ["a"]
    assert not stage.accepted("agent-login", agent="d")


def test_a_violation_logs_nobody_out() -> None:
    stage = ixn()
    stage.occur("agent-login", agent="a", media=["email"])
    stage.withdraw(SEAT)
    assert forced(stage) == []
    assert list(stage.app.agents) == ["a"]
    assert not stage.accepted("agent-login", agent="b")


def test_without_a_single_seat_it_does_not_start() -> None:
    assert ixn({**PLENTY, SEAT: 0}).status == 3


def test_the_jms_capture_point_needs_its_license() -> None:
    without = ixn({**PLENTY, "iwd_jms_cp": 0} | {}, iwd_jms_cp=True)
    assert without.accepted("captured"), "all are in use: by another instance of the environment"
    missing = ixn({key: count for key, count in PLENTY.items() if key != "iwd_jms_cp"}, iwd_jms_cp=True)
    assert not missing.accepted("captured")
    assert "iWD capture point" in missing.app.degraded
    assert not ixn().accepted("captured"), "it is not switched on"


def test_a_slip_of_the_pen_logs_nobody_out() -> None:
    stage = ixn()
    stage.occur("agent-login", agent="a", media=["email"])
    stage.change("ics_email_webform_channel", "5O")
    assert any("'5O', which is not valid" in line for line in stage.log())
    assert forced(stage) == []
    assert list(stage.app.agents) == ["a"]
    assert not stage.accepted("agent-login", agent="b", media=["email"])
    stage.change("ics_email_webform_channel", 2)
    assert stage.accepted("agent-login", agent="b", media=["email"])
    stage.change("ics_email_webform_channel", 0)
    assert forced(stage) == ["b", "a"]
    assert stage.in_use("ics_email_webform_channel") == 0


def test_agents_are_logged_out_while_the_server_is_away_and_their_licenses_go_back_when_it_is_there() -> None:
    stage = ixn()
    for agent in "abc":
        stage.occur("agent-login", agent=agent)
    stage.cut(lease_ends=False)
    stage.change(SEAT, 2)
    assert forced(stage) == ["c"]
    assert stage.in_use(SEAT) == 3
    stage.heal(lease_ended=False)
    assert stage.in_use(SEAT) == 2
    assert stage.alarms == ["license server", "-license server"]


def test_a_higher_number_than_is_licensed_is_a_violation_that_ends_with_the_number() -> None:
    stage = ixn({**PLENTY, "ics_live_web_channel": 2})
    stage.change("ics_live_web_channel", 5)
    assert stage.in_use("ics_live_web_channel") == 2
    assert stage.alarms == ["number of ics_live_web_channel"]
    stage.change("ics_live_web_channel", 2)
    assert stage.alarms == ["number of ics_live_web_channel", "-number of ics_live_web_channel"]


def test_sms_has_a_license_of_its_own() -> None:
    stage = ixn(ics_sms_channel=1)
    assert stage.accepted("agent-login", agent="a", media=["sms", "email"])
    assert not stage.accepted("agent-login", agent="b", media=["sms"])
    assert stage.accepted("agent-login", agent="b", media=["email"])


def test_a_withdrawn_medium_drops_no_agent_and_is_refused_to_new_ones() -> None:
    stage = ixn()
    stage.occur("agent-login", agent="a", media=["email"])
    stage.withdraw("ics_email_webform_channel")
    assert stage.alarms == ["feature ics_email_webform_channel"]
    assert not stage.accepted("agent-login", agent="b", media=["email"])
    assert stage.accepted("agent-login", agent="b", media=["chat"])
    assert forced(stage) == []
    stage.bring_back("ics_email_webform_channel", 2)
    assert stage.accepted("media-added", agent="b", media="email")
    assert not stage.app.violations.standing


def test_a_lost_capture_point_is_told_and_regained() -> None:
    stage = ixn(iwd_jms_cp=True)
    assert stage.accepted("captured")
    stage.withdraw("iwd_jms_cp")
    assert not stage.accepted("captured")
    assert list(stage.app.degraded) == ["iWD capture point"]
    stage.bring_back("iwd_jms_cp", 1)
    assert stage.accepted("captured")
    assert not stage.app.degraded
    stage.change("iwd_jms_cp", False)
    assert stage.in_use("iwd_jms_cp") == 0
