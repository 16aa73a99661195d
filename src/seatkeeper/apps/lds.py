"""Load Distribution Servers run under one license, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.profile import License, Profile, SiteEvent

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["LoadDistributionServer"]


class LoadDistributionServer(Application):
    """Load Distribution Server (guide, Load Distribution Server)."""

    profile = Profile(
        type="lds",
        name="Load Distribution Server",
        number=0,
        source="guide, Load Distribution Server",
        licenses=(License("lds", "8.0", "per environment", "all instances"),),
        events=(SiteEvent("message-distributed", ("receiver",), "A message is passed on to one of several receivers."),),
        unlicensed="Logs 07100 and exits.",
        violation="Distributes as before; logs 07100 once.",
        recovery="Logs 07105 when the license is restored.",
    )

    def build(self) -> None:
        """One license for all instances."""
        Single(self, "lds", "8.0", scope="environment")

    def on_message_distributed(self, event: Occurred) -> None:
        """Is served, licensed or in violation."""
        self.reply(event)
