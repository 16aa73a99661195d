"""Configuration Import Wizard: one license for the environment, while an import lasts."""

from __future__ import annotations

from seatkeeper.apps.configuration_import_wizard import ConfigurationImportWizard
from seatkeeper.apps.events import CheckOut
from support.stage import Stage

FEATURE = "ConfigurationImport"


def wizard(count: int = 1, **settings: str) -> Stage:
    return Stage(ConfigurationImportWizard, {FEATURE: count}, **settings).start()


def test_one_license_per_configuration_environment() -> None:
    stage = wizard(environment="north")
    asked = [(effect.feature, effect.version, effect.count, effect.data) for effect in stage.effects if isinstance(effect, CheckOut)]
    assert asked == [(FEATURE, "8.0", 1, "environment:north")]


def test_another_instance_of_the_environment_has_the_license_for_both() -> None:
    second = wizard(1 - wizard().in_use(FEATURE))
    assert second.accepted("import", file="agents.xml")
    assert second.held == {}
    assert second.alarms == []


def test_when_all_is_imported_it_ends_and_gives_the_license_back() -> None:
    stage = wizard()
    assert stage.accepted("import", file="agents.xml")
    assert stage.accepted("import-finished")
    assert (stage.status, stage.held) == (0, {})
    assert stage.log()[-1] == "05064 Application terminated"


def test_without_the_license_it_logs_the_violation_and_exits() -> None:
    stage = Stage(ConfigurationImportWizard, {}).start()
    assert stage.status == 3
    assert stage.log(7100) == ["07100 Licensing violation is identified, the violation type No such feature exists"]


def test_an_import_goes_on_in_a_violation() -> None:
    stage = wizard()
    stage.withdraw(FEATURE)
    assert stage.accepted("import", file="places.xml")
    assert stage.alarms == [f"feature {FEATURE}"]
    stage.bring_back(FEATURE, 1)
    assert stage.alarms == [f"feature {FEATURE}", f"-feature {FEATURE}"]


def test_it_can_end_in_a_violation() -> None:
    stage = wizard()
    stage.cut()
    assert stage.accepted("import-finished")
    assert stage.status == 0


def test_its_only_option_holds_from_the_next_start_on() -> None:
    stage = wizard()
    stage.change("license-file", "7260@other")
    assert stage.log(5066) == ["05066 The new value of option license-file takes effect after a restart."]
