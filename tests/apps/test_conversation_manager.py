"""Conversation Manager: Context Services of version 8.5."""

from __future__ import annotations

from seatkeeper.apps.application import RETRY_S
from seatkeeper.apps.conversation_manager import ConversationManager
from seatkeeper.apps.events import CheckOut
from support.stage import Stage

FEATURE = "ContextServices"


def manager(count: int = 1, **settings: str) -> Stage:
    return Stage(ConversationManager, {FEATURE: count}, **settings).start()


def test_it_asks_for_one_license_of_version_8_5_per_configuration_environment() -> None:
    stage = manager()
    asked = [(effect.feature, effect.version, effect.count, effect.data) for effect in stage.effects if isinstance(effect, CheckOut)]
    assert asked == [(FEATURE, "8.5", 1, "environment:default")]
    assert stage.accepted("context-updated", customer="c1")


def test_another_instance_of_the_environment_has_the_license_for_both() -> None:
    second = manager(1 - manager().in_use(FEATURE))
    assert second.accepted("context-updated", customer="c1")
    assert second.alarms == []


def test_the_seat_that_another_instance_frees_is_taken_and_a_license_that_is_gone_is_a_violation() -> None:
    second = manager(0)
    second.licenses[FEATURE.lower()] = 1
    second.pass_time(RETRY_S)
    assert second.in_use(FEATURE) == 1
    assert second.alarms == []
    third = manager(0)
    del third.licenses[FEATURE.lower()]
    third.pass_time(RETRY_S)
    assert third.alarms == [f"feature {FEATURE}"]
    assert third.accepted("context-updated", customer="c1")
    third.licenses[FEATURE.lower()] = 1
    third.pass_time(RETRY_S)
    assert third.alarms == [f"feature {FEATURE}", f"-feature {FEATURE}"]


def test_without_the_license_it_logs_the_violation_and_exits() -> None:
    stage = Stage(ConversationManager, {}).start()
    assert stage.status == 3
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type No such feature exists"]


def test_contexts_are_served_in_a_violation_which_ends_when_the_license_is_back() -> None:
    stage = manager()
    stage.withdraw(FEATURE)
    assert stage.accepted("context-updated", customer="c1")
    assert stage.alarms == [f"feature {FEATURE}"]
    stage.bring_back(FEATURE, 1)
    assert stage.log(7105) == ["07105 License status restored after violation with type 'No such feature exists'"]
    assert stage.alarms == [f"feature {FEATURE}", f"-feature {FEATURE}"]


def test_its_only_option_holds_from_the_next_start_on() -> None:
    stage = manager()
    stage.change("license-file", "7260@other")
    assert stage.log(5066) == ["05066 The new value of option license-file takes effect after a restart."]
    assert stage.in_use(FEATURE) == 1
