"""Info Mart 7.2: voice, redundancy and high availability, by its sources."""

from __future__ import annotations

import pytest

from seatkeeper.apps.events import CheckOut
from seatkeeper.apps.info_mart import InfoMart
from support.stage import Stage

VOICE, REDUNDANCY, HA = "gim_etl_voice", "gim_etl_redundancy", "gim_etl_ha_option"
ALL = {VOICE: 1, REDUNDANCY: 1, HA: 1}


def info_mart(licenses: dict[str, int] | None = None, **options: object) -> Stage:
    given = {"gim-etl": {key.replace("_", "-"): value for key, value in options.items()}}
    return Stage(InfoMart, ALL if licenses is None else licenses, given).start()


def features(**options: object) -> set[str]:
    return set(info_mart(None, **options).app.held())


@pytest.mark.parametrize("release", ["7.0", "7.1", "7.2"])
def test_voice_media_is_mandatory_for_single_databases(release: str) -> None:
    stage = info_mart(None, release=release)
    asked = [(effect.feature, effect.version, effect.count) for effect in stage.effects if isinstance(effect, CheckOut)]
    assert asked == [(VOICE, "7.0", 1)]
    assert stage.log(7101) == ["07101 Feature 'gim_etl_voice': 1 licenses checked out."]


@pytest.mark.parametrize("release", ["7.5", "7.6", "8.0", "8.1", "8.5"])
def test_from_7_5_on_it_requires_no_license(release: str) -> None:
    stage = info_mart({}, release=release, call_concentrators=4, stat_servers=4, redundant_pairs=True)
    assert stage.app.state == "running"
    assert not any(isinstance(effect, CheckOut) for effect in stage.effects)
    assert stage.accepted("load")


@pytest.mark.parametrize("sources", [{"call_concentrators": 2}, {"stat_servers": 3}, {"call_concentrators": 5, "stat_servers": 2}])
def test_redundancy_is_for_several_databases_of_unlike_events_in_addition_to_voice(sources: dict[str, object]) -> None:
    assert features(**sources) == {VOICE, REDUNDANCY}


def test_high_availability_is_for_pairs_of_databases_of_like_events_in_addition_to_both() -> None:
    assert features(call_concentrators=2, redundant_pairs=True) == set(ALL)
    assert features(call_concentrators=1, redundant_pairs=True) == {VOICE}, "one database is no pair"
    assert features(stat_servers=2, redundant_pairs=True) == {VOICE, REDUNDANCY}, "pairs are those of Call Concentrator databases"


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_several_interaction_concentrator_databases_require_neither(count: int) -> None:
    assert features(interaction_concentrators=count) == {VOICE}
    assert features(interaction_concentrators=count, redundant_pairs=True) == {VOICE}


@pytest.mark.parametrize(
    ("licenses", "sources"),
    [
        ((), {}),
        ((REDUNDANCY, HA), {}),
        ((VOICE,), {"stat_servers": 2}),
        ((VOICE, HA), {"call_concentrators": 2, "redundant_pairs": True}),
        ((VOICE, REDUNDANCY), {"call_concentrators": 2, "redundant_pairs": True}),
    ],
)
def test_a_license_that_its_databases_call_for_and_is_missing_ends_the_startup(
    licenses: tuple[str, ...], sources: dict[str, object]
) -> None:
    stage = info_mart(dict.fromkeys(licenses, 1), **sources)
    assert stage.status == 3
    assert len(stage.log(7100)) == 1
    assert stage.held == {}


def test_what_its_databases_do_not_call_for_is_not_missed() -> None:
    assert info_mart({VOICE: 1}).app.state == "running"
    assert info_mart({VOICE: 1, REDUNDANCY: 1}, stat_servers=2).app.state == "running"


def test_a_second_instance_needs_licenses_of_its_own() -> None:
    first = info_mart(stat_servers=2)
    left = {feature: count - first.in_use(feature) for feature, count in ALL.items()}
    assert info_mart(left, stat_servers=2).status == 3


def test_in_a_violation_it_goes_on_loading() -> None:
    stage = info_mart(call_concentrators=2, redundant_pairs=True)
    stage.withdraw(HA)
    assert stage.accepted("load")
    assert stage.alarms == [f"feature {HA}"]
    stage.bring_back(HA, 1)
    assert stage.alarms == [f"feature {HA}", f"-feature {HA}"]
    assert len(stage.log(7100)) == len(stage.log(7105)) == 1


def test_other_databases_count_from_the_next_start_on() -> None:
    stage = info_mart()
    for name, value in (("call-concentrators", 2), ("stat-servers", 2), ("redundant-pairs", True), ("release", "8.0")):
        stage.change(name, value, "gim-etl")
        assert f"05066 The new value of option {name} takes effect after a restart." in stage.log()
    assert set(stage.app.held()) == {VOICE}


@pytest.mark.parametrize("value", [0, -1, 101, "many", True])
def test_invalid_numbers_of_databases_are_one(value: object) -> None:
    assert features(call_concentrators=value, stat_servers=value) == {VOICE}
