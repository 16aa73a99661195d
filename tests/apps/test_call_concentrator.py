"""Call Concentrator: one license for each instance."""

from __future__ import annotations

from seatkeeper.apps.call_concentrator import CallConcentrator
from seatkeeper.apps.events import CheckOut
from support.stage import Stage

FEATURE = "CConCopies"


def recording(**settings: str) -> Stage:
    return Stage(CallConcentrator, {FEATURE: 1}, **settings).start()


def test_one_license_per_instance_is_required() -> None:
    """Guide, Call Concentrator."""
    stage = recording()
    asked = [(effect.feature, effect.version, effect.count, effect.data) for effect in stage.effects if isinstance(effect, CheckOut)]
    assert asked == [(FEATURE, "8.0", 1, "")]
    assert stage.log(7101) == ["07101 Feature 'CConCopies': 1 licenses checked out."]
    assert stage.accepted("call-ended", call="1")


def test_a_second_instance_needs_a_second_license() -> None:
    second = Stage(CallConcentrator, {FEATURE: 1 - recording().in_use(FEATURE)}).start()
    assert second.status == 3
    assert second.log() == [
        "07100 Licensing violation is identified, the violation type GLMR_LICENSE_NO_LICENSE_AVAILABLE",
        "05064 Application terminated",
    ]


def test_the_backup_of_a_pair_is_an_instance_too() -> None:
    pair = {"redundancy": "warm standby", "pair": "ccon"}
    assert recording(**pair).in_use(FEATURE) == recording(**pair, role="backup").in_use(FEATURE) == 1


def test_a_withdrawn_license_stops_no_recording_and_comes_back() -> None:
    stage = recording()
    stage.withdraw(FEATURE)
    assert stage.accepted("call-ended", call="1")
    assert stage.alarms == ["feature CConCopies"]
    stage.bring_back(FEATURE, 1)
    assert stage.log(7105) == ["07105 License status restored after violation with type 'No such feature exists'"]
    assert stage.alarms == ["feature CConCopies", "-feature CConCopies"]


def test_its_only_option_holds_from_the_next_start_on() -> None:
    stage = recording()
    stage.change("license-file", "7260@other")
    assert "05066 The new value of option license-file takes effect after a restart." in stage.log()
    assert stage.in_use(FEATURE) == 1
