"""Configuration Import Wizard runs under one license for the whole environment, and gives it back when the import is over.

It is a program that a person starts and ends, not a server; so it ends by itself when all has been imported, which is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.profile import License, Profile, SiteEvent

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["ConfigurationImportWizard"]


class ConfigurationImportWizard(Application):
    """Configuration Import Wizard (guide, FEATURE Names by Application)."""

    profile = Profile(
        type="configuration-import-wizard",
        name="Configuration Import Wizard",
        number=0,
        source="guide, FEATURE Names by Application",
        licenses=(License("ConfigurationImport", "8.0", "per environment", "the wizard"),),
        events=(
            SiteEvent("import", ("file",), "Objects are imported from a file."),
            SiteEvent("import-finished", (), "All is imported; the wizard ends, and gives its license back."),
        ),
        unlicensed="Logs 07100 and exits; where another instance of the environment has the license, it runs under that.",
        violation="An import goes on to its end; logs 07100 once.",
        recovery="Logs 07105 when the license is restored.",
    )

    def build(self) -> None:
        """One license for the environment."""
        Single(self, "ConfigurationImport", "8.0", scope="environment")

    def on_import(self, event: Occurred) -> None:
        """Is done, licensed or in violation."""
        self.reply(event)

    def on_import_finished(self, event: Occurred) -> None:
        """It has nothing more to do."""
        self.reply(event)
        self._end(0, "")
