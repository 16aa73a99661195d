"""Configuration Import Wizard: one license for the environment."""

from __future__ import annotations

from seatkeeper.apps.configuration_import_wizard import ConfigurationImportWizard
from support.stage import Stage


def test_an_import_goes_on_in_a_violation() -> None:
    stage = Stage(ConfigurationImportWizard, {"ConfigurationImport": 1}).start()
    assert stage.accepted("import", file="agents.xml")
    stage.withdraw("ConfigurationImport")
    assert stage.accepted("import", file="places.xml")
    assert Stage(ConfigurationImportWizard, {}).start().status == 3
