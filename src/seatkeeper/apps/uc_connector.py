"""UC Connector lets as many knowledge workers connect as there are seats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Sessions
from seatkeeper.apps.profile import License, Profile, SiteEvent

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["UcConnector"]


class UcConnector(Application):
    """Unified Communication (UC) Connector (guide, FEATURE Names by Application)."""

    profile = Profile(
        type="uc-connector",
        name="Unified Communication (UC) Connector",
        number=0,
        source="guide, FEATURE Names by Application",
        licenses=(License("ucc_seats", "8.0", "per user session", "knowledge workers who are connected"),),
        events=(
            SiteEvent("worker-connected", ("worker",), "A knowledge worker connects."),
            SiteEvent("worker-disconnected", ("worker",), "A knowledge worker is gone."),
        ),
        unlicensed="Starts without asking; whoever connects is refused, and the first refusal logs 07100.",
        violation="Who is connected stays so, new ones are refused; logs 07100 once.",
        recovery="Logs 07105 when a license is back or free; knowledge workers can connect again.",
    )

    def build(self) -> None:
        """One license for each knowledge worker."""
        self.workers = Sessions(self, "ucc_seats", "8.0")

    def on_worker_connected(self, event: Occurred) -> None:
        """Is refused where there is no license."""
        self.workers.open(str(event.fields["worker"]), lambda reason: self.reply(event, reason))

    def on_worker_disconnected(self, event: Occurred) -> None:
        """The license goes back."""
        worker = str(event.fields["worker"])
        self.reply(event, "" if self.workers.close(worker) else f"{worker} is not connected.")
