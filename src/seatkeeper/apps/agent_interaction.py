"""What is built on the Agent Interaction Layer needs a license for each running library, and one more to watch routing points."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.options import RESTART, flag_option
from seatkeeper.apps.profile import License, Profile, SiteEvent

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["AgentInteraction", "AgentScripting", "GplusAdapter"]

_FACTORY: Final = License("ISDK_FACTORY", "8.0", "per instance", "the Agent Interaction Layer that runs in it")
_EVENTS: Final = (SiteEvent("agent-login", ("agent",), "An agent logs in through it."),)
_profile: Final = partial(
    Profile,
    number=0,
    licenses=(_FACTORY,),
    events=_EVENTS,
    unlicensed="Logs 07100 and exits.",
    violation="Agents go on; logs 07100 once.",
    recovery="Logs 07105 when the license is restored.",
    single_server=True,
)


class _OnLibrary(Application):
    """An application on the library."""

    def build(self) -> None:
        """One license for each instance."""
        Single(self, "ISDK_FACTORY", "8.0")

    def on_agent_login(self, event: Occurred) -> None:
        """Agents are not counted here."""
        self.reply(event)


class AgentInteraction(_OnLibrary):
    """An application of one's own on Agent Interaction Java (guide, Agent Interaction Java)."""

    profile = _profile(
        type="agent-interaction",
        name="Agent Interaction Java",
        source="guide, Agent Interaction Java",
        licenses=(_FACTORY, License("ISDK_QUEUE", "8.0", "per instance", "monitoring of routing points, where it is used")),
        options=(flag_option("license", "route-point-monitoring", "Whether DNs of type Route Point are watched.", takes_effect=RESTART),),
        events=(*_EVENTS, SiteEvent("route-point-monitored", ("dn",), "A client watches a routing point.")),
        unlicensed="Logs 07100 and exits, also without ISDK_QUEUE where routing points are watched.",
    )

    def build(self) -> None:
        """Two licenses, where routing points are watched."""
        super().build()
        self.queues = Single(self, "ISDK_QUEUE", "8.0", wanted=lambda: bool(self.option("route-point-monitoring")))

    def on_route_point_monitored(self, event: Occurred) -> None:
        """Needs the second license."""
        self.reply(event, "" if self.queues.licensed else "Monitoring of routing points is not licensed.")


class AgentScripting(_OnLibrary):
    """Genesys Agent Scripting (guide, Genesys Agent Scripting)."""

    profile = _profile(
        type="agent-scripting",
        name="Genesys Agent Scripting",
        source="guide, Genesys Agent Scripting",
    )


class GplusAdapter(_OnLibrary):
    """Gplus Adapter 7.x for PeopleSoft CRM (guide, FEATURE Names by Application)."""

    profile = _profile(
        type="gplus-adapter",
        name="Gplus Adapter 7.x for PeopleSoft CRM",
        source="guide, FEATURE Names by Application",
    )
