"""Classification Server screens without a license; it analyzes content with one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.options import flag_option
from seatkeeper.apps.profile import License, Profile, SiteEvent

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["ClassificationServer"]

_ANALYSIS: Final = "content analysis"


class ClassificationServer(Application):
    """Classification Server (guide, Classification Server)."""

    profile = Profile(
        type="classification-server",
        name="Classification Server",
        number=0,
        source="guide, Classification Server",
        licenses=(License("ics_nlp_content_analysis", "8.0", "feature switch", "Genesys Content Analyzer"),),
        options=(flag_option("license", "content-analysis", "Whether the Content Analyzer is used.", default=True),),
        events=(
            SiteEvent("screening-requested", ("interaction",), "The text of an interaction is to be screened by rules."),
            SiteEvent("classification-requested", ("interaction",), "The text of an interaction is to be classified."),
        ),
        unlicensed="Starts, screens, and does not classify; logs 07100 where content analysis is switched on.",
        violation="Goes on screening, classifies no more; logs 07100 once.",
        recovery="Logs 07105 and classifies again.",
        functions=((_ANALYSIS, "Screening rules work, classification is refused."),),
    )

    def build(self) -> None:
        """One license switches analysis on."""
        self.analysis = Single(
            self,
            "ics_nlp_content_analysis",
            "8.0",
            scope="environment",
            required=False,
            function=_ANALYSIS,
            wanted=lambda: bool(self.option("content-analysis")),
        )

    def on_screening_requested(self, event: Occurred) -> None:
        """Needs no license."""
        self.reply(event)

    def on_classification_requested(self, event: Occurred) -> None:
        """Needs the license."""
        self.reply(event, "" if self.analysis.licensed else "Content analysis is not licensed.")
