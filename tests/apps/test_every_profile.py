"""What the guide says of all licensed applications holds for each of them (License Check Process; Licensing Violations)."""

from __future__ import annotations

import pytest

from seatkeeper.apps.application import EXIT_UNLICENSED, RETRY_S, Application
from seatkeeper.apps.events import CheckIn, CheckOut
from seatkeeper.apps.options import COUNT_MAX
from seatkeeper.apps.registry import APPLICATIONS
from support.stage import Stage

EVERY = pytest.mark.parametrize("made", APPLICATIONS.values(), ids=lambda made: made.profile.type)
PLENTY = 20_000
#: Options with which an application uses what it may use.
BUSY: dict[str, dict[str, dict[str, object]]] = {
    "configuration-server": {"csproxy": {"proxy-mode": True}},
    "scs": {"general": {"snmp": True, "distributed_mode": True}},
    "network-tserver": {"license": {"num-sdn-licenses": 5, "num-calltreatments": 5}},
}
#: Applications that start without any license, with less.
START_WITHOUT = {"scs", "classification-server", "uc-connector"}


def busy(made: type[Application], licenses: dict[str, int] | None = None) -> Stage:
    if licenses is None:
        licenses = {license.feature: PLENTY for license in made.profile.licenses}
    stage = Stage(made, licenses, BUSY.get(made.profile.type))
    return stage.start()


def use(stage: Stage) -> None:
    """Something that needs a license happens, where nothing is held from the beginning."""
    if not stage.held:
        event = stage.app.profile.events[0]
        assert stage.accepted(event.name, **dict.fromkeys(event.fields, "x"))


@EVERY
def test_with_licenses_it_starts_and_says_what_it_has(made: type[Application]) -> None:
    stage = busy(made)
    assert stage.app.state == "running"
    assert "05060 Application started" in stage.log()
    assert stage.alarms == []
    use(stage)
    assert stage.log(7101)


@EVERY
def test_without_a_license_it_logs_the_violation_and_exits_or_goes_without(made: type[Application]) -> None:
    stage = busy(made, {})
    if made.profile.type in START_WITHOUT:
        assert stage.status is None
        if stage.app.degraded:
            assert stage.log(7100)
    else:
        assert stage.status == EXIT_UNLICENSED
        assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type No such feature exists"]
        assert stage.log()[-1] == "05064 Application terminated"
        assert stage.app.next_deadline() is None


@EVERY
def test_without_a_server_it_says_that_it_is_not_available(made: type[Application]) -> None:
    stage = Stage(made, {license.feature: PLENTY for license in made.profile.licenses}, BUSY.get(made.profile.type))
    stage.up = False
    stage.start()
    if made.profile.type not in START_WITHOUT:
        assert stage.status == EXIT_UNLICENSED
        assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type GLMR_LICENSE_SERVER_NOT_AVAILABLE"]


@EVERY
def test_no_instance_asks_for_more_than_9999_of_one_feature(made: type[Application]) -> None:
    stage = busy(made)
    use(stage)
    counts: dict[str, int] = {}
    for effect in stage.effects:
        if isinstance(effect, CheckOut):
            counts[effect.feature] = counts.get(effect.feature, 0) + effect.count
    assert max(counts.values()) <= COUNT_MAX


@EVERY
@pytest.mark.parametrize("lease_ends", [False, True])
def test_a_server_out_of_reach_is_one_violation_which_ends_when_all_is_back(made: type[Application], lease_ends: bool) -> None:
    stage = busy(made)
    use(stage)
    before = dict(stage.held)
    stage.cut(lease_ends=lease_ends)
    assert stage.alarms == ["license server"]
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type GLMR_LICENSE_SERVER_NOT_AVAILABLE"]
    assert stage.app.state == "running"
    stage.heal(lease_ended=lease_ends)
    assert stage.alarms == ["license server", "-license server"]
    assert stage.log(7105) == ["07105 License status restored after violation with type 'GLMR_LICENSE_SERVER_NOT_AVAILABLE'"]
    assert stage.held == before
    assert not stage.app.degraded


@EVERY
def test_a_withdrawn_feature_is_a_violation_at_run_time_and_stops_nothing(made: type[Application]) -> None:
    stage = busy(made)
    use(stage)
    feature = next(iter(stage.held.values()))[0]
    stage.withdraw(feature)
    (cause,) = stage.alarms
    assert feature in cause.lower()
    assert stage.app.state == "running"
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type No such feature exists"]
    stage.bring_back(feature, PLENTY)
    assert stage.alarms == [cause, f"-{cause}"]
    assert len(stage.log(7105)) == 1
    assert not stage.app.violations.standing
    assert not stage.app.degraded


@EVERY
def test_what_an_administrator_removed_is_asked_for_again(made: type[Application]) -> None:
    stage = busy(made)
    use(stage)
    feature, count = next(iter(stage.held.values()))
    held = stage.in_use(feature)
    stage.withdraw(feature, 0)
    assert stage.in_use(feature) == 0
    assert len(stage.alarms) == 1
    stage.pass_time(RETRY_S)
    assert stage.in_use(feature) == held >= count
    assert not stage.app.violations.standing


@EVERY
def test_an_orderly_end_gives_all_back(made: type[Application]) -> None:
    from seatkeeper.apps.events import Stopped

    stage = busy(made)
    use(stage)
    stage.tell(Stopped())
    assert stage.status == 0
    assert stage.held == {}
    assert stage.log()[-1] == "05064 Application terminated"
    stage.forget()
    stage.tell(Stopped())
    assert stage.effects == []


@EVERY
def test_events_that_it_does_not_know_or_that_lack_a_field_are_refused_with_a_reason(made: type[Application]) -> None:
    stage = busy(made)
    reply = stage.occur("no-such-thing")
    assert reply is not None
    assert not reply.accepted
    assert made.profile.events[0].name in reply.reason
    for event in made.profile.events:
        if event.fields:
            reply = stage.occur(event.name)
            assert reply is not None
            assert not reply.accepted
            assert event.fields[0] in reply.reason


@EVERY
def test_invalid_option_values_are_their_defaults_and_told(made: type[Application]) -> None:
    options: dict[str, dict[str, object]] = {}
    for option in made.profile.options:
        options.setdefault(option.section, {})[option.name] = -5
    stage = Stage(made, {license.feature: PLENTY for license in made.profile.licenses}, options).start()
    for option in made.profile.options:
        assert stage.app.option(option.name, option.section) == option.default
    assert len([line for line in stage.log() if "not valid" in line]) == len(made.profile.options)


@EVERY
def test_a_backup_that_takes_over_holds_what_its_primary_held(made: type[Application]) -> None:
    licenses = {license.feature: PLENTY for license in made.profile.licenses}
    shared = {"redundancy": "warm standby", "pair": "pair1"}
    primary = Stage(made, licenses, BUSY.get(made.profile.type), **shared).start()
    backup = Stage(made, licenses, BUSY.get(made.profile.type), role="backup", **shared).start()
    assert backup.app.state == "running"
    of_pair = [behaviour.feature for behaviour in backup.app.behaviours if getattr(behaviour, "scope", "") == "pair"]
    assert all(backup.in_use(feature) == 0 for feature in of_pair)
    assert backup.occur("become-primary") is not None
    assert primary.app.held() == backup.app.held()
    assert backup.occur("become-backup") is not None
    assert all(backup.in_use(feature) == 0 for feature in of_pair)
    assert not any(isinstance(effect, CheckIn) for effect in primary.effects)
