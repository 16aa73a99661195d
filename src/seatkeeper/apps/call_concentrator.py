"""Call Concentrator runs only with a license of its own, one for each instance."""

from __future__ import annotations

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.events import Occurred
from seatkeeper.apps.profile import License, Profile, SiteEvent

__all__ = ["CallConcentrator"]


class CallConcentrator(Application):
    """Records the events of T-Servers, under one license an instance (guide, Call Concentrator)."""

    profile = Profile(
        type="call-concentrator",
        name="Call Concentrator",
        number=9,
        source="guide, Call Concentrator",
        licenses=(License("CConCopies", "8.0", "per instance", "the running instance"),),
        events=(SiteEvent("call-ended", ("call",), "A call has ended and is recorded."),),
        unlicensed="Logs 07100 and exits; a second instance needs a second license.",
        violation="Goes on recording; logs 07100 once.",
        recovery="Logs 07105 when the license is restored.",
    )

    def build(self) -> None:
        """One seat for the instance."""
        Single(self, "CConCopies", "8.0")

    def on_call_ended(self, event: Occurred) -> None:
        """A call is recorded, licensed or in violation: what runs is not interrupted."""
        self.reply(event)
