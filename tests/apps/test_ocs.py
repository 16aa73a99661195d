"""Outbound Contact Server: seats for the agents of loaded campaign groups, on one of two licenses."""

from __future__ import annotations

import pytest

from seatkeeper.apps.ocs import OutboundContactServer
from seatkeeper.apps.options import count_of
from support.stage import Stage

EXCEEDED = "07100 Licensing violation is identified, the violation type GLMR_LICENSE_USAGE_EXCEEDED"
USE = "use of occ_full"


def dialing(seats: int, *agents: str, option: object = "max") -> Stage:
    """A server with so many seats, a campaign group that is loaded, and these agents in it."""
    stage = Stage(OutboundContactServer, {"occ_full": seats}, {"license": {"num-of-licenses": option}}).start()
    assert stage.accepted("campaign-loaded", campaign="sales", mode="predictive")
    for agent in agents:
        stage.occur("agent-login", agent=agent, campaign="sales")
    return stage


@pytest.mark.parametrize(
    ("option", "seats", "taken"),
    [
        ("max", 40, 40),
        (0, 40, 40),
        (None, 40, 40),
        (25, 40, 25),
        (50, 40, 40),
        (-3, 40, 40),
        ("some", 40, 40),
        (9999, 20_000, 9999),
        ("max", 20_000, 9999),
    ],
)
def test_at_startup_it_checks_out_what_the_option_says_and_no_more_than_the_file_has(option: object, seats: int, taken: int) -> None:
    options = {} if option is None else {"license": {"num-of-licenses": option}}
    stage = Stage(OutboundContactServer, {"occ_full": seats}, options).start()
    assert stage.in_use("occ_full") == taken
    assert not stage.alarms
    assert stage.log(7101) == [f"07101 Feature 'occ_full': {taken} licenses checked out."]


def test_zero_and_max_are_all_there_are() -> None:
    assert [count_of(value) for value in ("max", 0, 7)] == [9999, 9999, 7]


@pytest.mark.parametrize("licenses", [{}, {"occ_full": 0}, {"occ_preview": 5}])
def test_without_a_license_of_the_chosen_kind_it_logs_the_violation_and_exits(licenses: dict[str, int]) -> None:
    stage = Stage(OutboundContactServer, licenses).start()
    assert stage.status == 3
    assert len(stage.log(7100)) == 1
    assert not stage.held


@pytest.mark.parametrize(("kind", "taken"), [("full", "occ_full"), ("preview", "occ_preview"), (None, "occ_full")])
def test_it_runs_on_one_of_the_two_licenses_and_never_takes_the_other(kind: str | None, taken: str) -> None:
    options = {} if kind is None else {"license": {"license-type": kind}}
    stage = Stage(OutboundContactServer, {"occ_full": 5, "occ_preview": 7}, options).start()
    assert set(stage.app.held()) == {taken}


def test_both_together_are_no_valid_choice_and_the_default_holds() -> None:
    stage = Stage(OutboundContactServer, {"occ_full": 5, "occ_preview": 7}, {"license": {"license-type": "full,preview"}}).start()
    assert stage.app.held() == {"occ_full": 5}
    assert stage.log()[0].startswith("05066 Option license-type in section license has the value 'full,preview', which is not valid")


def test_the_preview_license_is_for_preview_mode_alone() -> None:
    stage = Stage(OutboundContactServer, {"occ_preview": 5}, {"license": {"license-type": "preview"}}).start()
    for mode in ("predictive", "progressive"):
        reply = stage.occur("campaign-loaded", campaign="sales", mode=mode)
        assert reply is not None
        assert not reply.accepted
        assert "occ_full" in reply.reason
    assert stage.accepted("agent-login", agent="ann", campaign="sales")
    assert not stage.app.seats.users, "what was refused is not loaded"
    assert stage.accepted("campaign-loaded", campaign="sales", mode="preview")
    assert list(stage.app.seats.users) == ["ann"]


@pytest.mark.parametrize("mode", ["preview", "progressive", "predictive"])
def test_the_full_license_is_for_every_mode(mode: str) -> None:
    stage = Stage(OutboundContactServer, {"occ_full": 5}).start()
    assert stage.accepted("campaign-loaded", campaign="sales", mode=mode)
    assert stage.log()[-1] == "52000 Campaign Group sales has been loaded"


def test_an_unknown_mode_is_told() -> None:
    stage = Stage(OutboundContactServer, {"occ_full": 5}).start()
    assert not stage.accepted("campaign-loaded", campaign="sales", mode="psychic")
    assert not stage.app.campaigns


def test_agents_of_campaign_groups_that_are_not_loaded_need_no_seat() -> None:
    stage = Stage(OutboundContactServer, {"occ_full": 1}).start()
    assert all(stage.accepted("agent-login", agent=agent, campaign="sales") for agent in ("ann", "bob"))
    assert not stage.app.seats.users
    assert not stage.log(7100)


def test_every_new_agent_beyond_the_licenses_is_a_violation() -> None:
    stage = dialing(2, "ann", "bob")
    assert not stage.log(7100)
    assert not stage.accepted("agent-login", agent="cem", campaign="sales")
    assert not stage.accepted("agent-login", agent="dan", campaign="sales")
    assert stage.log(7100) == [EXCEEDED, EXCEEDED]
    assert stage.alarms == [USE]


def test_a_campaign_group_that_is_loaded_takes_seats_for_all_who_are_logged_in() -> None:
    stage = Stage(OutboundContactServer, {"occ_full": 2}).start()
    for agent in ("ann", "bob", "cem"):
        stage.occur("agent-login", agent=agent, campaign="sales")
    assert stage.accepted("campaign-loaded", campaign="sales")
    assert stage.app.agents_counted == 2
    assert stage.log(7100) == [EXCEEDED]


def test_the_agent_who_is_denied_the_license_may_receive_the_call_and_is_not_counted() -> None:
    stage = dialing(1, "ann", "bob")
    assert stage.accepted("call-delivered", agent="bob")
    assert not stage.accepted("record-processed", agent="bob")
    assert stage.accepted("record-processed", agent="ann")
    assert stage.app.agents_counted == 1


@pytest.mark.parametrize("event", ["agent-logout", "campaign-unloaded"])
def test_freed_licenses_are_reused_and_the_violation_is_removed(event: str) -> None:
    stage = dialing(1, "ann")
    stage.occur("campaign-loaded", campaign="renewals")
    stage.occur("agent-login", agent="bob", campaign="renewals")
    assert stage.alarms == [USE]
    stage.occur(event, campaign="sales", agent="ann")
    assert list(stage.app.seats.users) == ["bob"]
    assert stage.accepted("record-processed", agent="bob")
    assert stage.log(7105) == ["07105 License status restored after violation with type 'GLMR_LICENSE_USAGE_EXCEEDED'"]
    assert stage.alarms == [USE, f"-{USE}"]


def test_the_violation_stands_until_nobody_goes_without() -> None:
    stage = dialing(1, "ann", "bob", "cem")
    stage.occur("agent-logout", agent="ann", campaign="sales")
    assert stage.alarms == [USE]
    stage.occur("agent-logout", agent="cem", campaign="sales")
    assert stage.alarms == [USE, f"-{USE}"]


def test_an_agent_of_two_loaded_campaign_groups_has_one_seat_until_he_has_left_both() -> None:
    stage = dialing(5, "ann")
    stage.occur("campaign-loaded", campaign="renewals")
    stage.occur("agent-login", agent="ann", campaign="renewals")
    assert stage.app.agents_counted == 1
    stage.occur("campaign-unloaded", campaign="sales")
    assert stage.app.agents_counted == 1
    stage.occur("agent-logout", agent="ann", campaign="renewals")
    assert stage.app.agents_counted == 0


@pytest.mark.parametrize("number", [-5, -10, 0])
def test_a_feature_that_is_gone_interrupts_no_agent(number: int) -> None:
    stage = dialing(5, "ann")
    stage.withdraw("occ_full", number)
    assert stage.accepted("record-processed", agent="ann")
    assert not stage.accepted("agent-login", agent="bob", campaign="sales")
    assert stage.alarms == ["feature occ_full"], "one cause, one violation"
    stage.bring_back("occ_full", 5)
    stage.pass_time(60)
    assert list(stage.app.seats.users) == ["ann", "bob"]
    assert stage.alarms == ["feature occ_full", "-feature occ_full"]


def test_a_server_out_of_reach_is_one_violation_and_loses_no_agent() -> None:
    stage = dialing(2, "ann")
    stage.cut()
    stage.occur("agent-login", agent="bob", campaign="sales")
    assert stage.app.agents_counted == 1
    stage.heal()
    assert stage.app.agents_counted == 2
    assert stage.alarms == ["license server", "-license server"]


def test_those_who_came_during_an_outage_and_are_too_many_are_a_violation_after_it() -> None:
    stage = dialing(1, "ann")
    stage.cut()
    stage.occur("agent-login", agent="bob", campaign="sales")
    stage.heal()
    assert stage.alarms == ["license server", "-license server", USE]


def test_the_option_is_changed_at_run_time() -> None:
    stage = dialing(10, "ann", "bob", "cem", option=2)
    assert stage.app.agents_counted == 2
    stage.change("num-of-licenses", 5)
    assert stage.in_use("occ_full") == 5
    assert stage.app.agents_counted == 3
    assert stage.alarms == [USE, f"-{USE}"]
    stage.change("num-of-licenses", 1)
    assert stage.app.agents_counted == 3, "nobody loses his seat"
    assert stage.in_use("occ_full") == 3
    stage.occur("agent-logout", agent="ann", campaign="sales")
    assert stage.in_use("occ_full") == 2


def test_more_than_there_is_for_an_increase_is_a_violation_until_it_comes() -> None:
    stage = dialing(10, option=5)
    stage.change("num-of-licenses", 20)
    assert stage.in_use("occ_full") == 10
    assert stage.alarms == ["number of occ_full"]
    stage.licenses["occ_full"] = 20
    stage.pass_time(60)
    assert stage.in_use("occ_full") == 20
    assert stage.alarms == ["number of occ_full", "-number of occ_full"]


def test_the_kind_of_license_changes_at_the_next_start() -> None:
    stage = Stage(OutboundContactServer, {"occ_full": 5, "occ_preview": 7}).start()
    stage.change("license-type", "preview")
    assert stage.app.held() == {"occ_full": 5}
    assert stage.accepted("campaign-loaded", campaign="sales", mode="predictive")


def test_a_backup_holds_nothing_and_counts_the_same_agents_when_it_takes_over() -> None:
    stage = Stage(OutboundContactServer, {"occ_full": 2}, role="backup", redundancy="warm standby").start()
    stage.occur("campaign-loaded", campaign="sales")
    for agent in ("ann", "bob"):
        stage.occur("agent-login", agent=agent, campaign="sales")
    assert not stage.held
    assert not stage.alarms, "the seats are its primary's"
    stage.occur("become-primary")
    assert stage.in_use("occ_full") == 2
    assert stage.app.agents_counted == 2
    assert not stage.alarms
    stage.occur("agent-login", agent="cem", campaign="sales")
    stage.occur("become-backup")
    assert not stage.held
    assert stage.alarms == [USE, f"-{USE}"]
