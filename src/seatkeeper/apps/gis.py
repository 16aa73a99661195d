"""Genesys Integration Server lets as many clients connect to each of its services as there are licenses of it.

An instance needs a license to run, and for each service that it offers what the service needs: the Agent Interaction and Queue services one
for the instance, the others one for each connection (guide, GIS Services). What is like it is here too: the server of the .NET Toolkit,
and the servers of release 7.1 and earlier.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Sessions, Single
from seatkeeper.apps.options import RESTART, Option, flag_option
from seatkeeper.apps.profile import License, Profile, SiteEvent

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["DotNetServer", "DotNetToolkit", "IntegrationServer", "InterfaceServer"]

INTERACTION: Final = "GIS_INTERACTIONSERVICE"
CONFIGURATION: Final = "GIS_CONFIGSERVICE"
STATISTICS: Final = "GIS_STATSERVICE"
#: Service -> the feature that each connection to it needs. A client of agents or queues is one of the Interaction service.
SERVICES: Final = {
    "agent-interaction": INTERACTION,
    "interaction": INTERACTION,
    "queue": INTERACTION,
    "configuration": CONFIGURATION,
    "statistics": STATISTICS,
}
_EVENTS: Final = (
    SiteEvent("connect", ("client",), "A client opens a connection to a service.", optional=("service",)),
    SiteEvent("disconnect", ("client",), "The client closes it."),
    SiteEvent("timeout", ("client",), "The connection was silent for too long and is closed."),
)
_OPTIONS: Final = (
    flag_option("services", "agent-interaction", "Whether the Agent Interaction service is offered.", default=True, takes_effect=RESTART),
    flag_option("services", "queue", "Whether the Queue service is offered.", takes_effect=RESTART),
)
_profile: Final = partial(
    Profile,
    number=0,
    options=_OPTIONS,
    events=_EVENTS,
    unlicensed="Logs 07100 and exits without a license for the instance or for a service of the instance that it offers.",
    violation="Connections that stand go on, new ones are denied; logs 07100 once for each feature.",
    recovery="Logs 07105; clients can connect again.",
    single_server=True,
)


class _Connections(Application):
    """What all servers of this kind have in common.

    Attributes:
        sessions: Feature -> the connections that hold it.
    """

    #: The license of an instance: feature and version.
    instance: ClassVar[tuple[str, str]] = ("GIS", "8.0")
    #: Of whom the licenses of services are.
    scope: ClassVar[str] = "instance"
    features: ClassVar[tuple[str, ...]] = (INTERACTION, CONFIGURATION, STATISTICS)

    def counted_by(self) -> tuple[str, ...]:
        """The features of which each connection needs one or another."""
        return self.features

    def build(self) -> None:
        """The instance first, then its services."""
        self.running = Single(self, *self.instance)
        self.agents = Single(
            self, "ISDK_FACTORY", "8.0", scope=self.scope, wanted=lambda: bool(self.option("agent-interaction", "services"))
        )
        self.queues = Single(self, "ISDK_QUEUE", "8.0", scope=self.scope, wanted=lambda: bool(self.option("queue", "services")))
        self.sessions = {feature: Sessions(self, feature, "8.0", "per connection") for feature in self.counted_by()}

    def on_connect(self, event: Occurred) -> None:
        """A connection is denied where there is no license for its service."""
        service = str(event.fields.get("service", "agent-interaction"))
        sessions = self.sessions.get(SERVICES.get(service, ""))
        if sessions is None:
            offered = [name for name, feature in SERVICES.items() if feature in self.sessions]
            self.reply(event, f"There is no service {service!r}; there are {', '.join(offered)}.")
        elif fault := self._fault(service):
            self.reply(event, fault)
        else:
            sessions.open(str(event.fields["client"]), lambda reason: self.reply(event, reason))

    def _fault(self, service: str) -> str:
        """Why a service takes nobody new: it is not offered, or what it runs on is not licensed any more."""
        needed = [self.running]
        for name, of_instance in (("agent-interaction", self.agents), ("queue", self.queues)):
            if service == name and not of_instance.wanted():
                return f"The service {service} is not offered."
            needed += [of_instance] if service == name else []
        missing = next((single.feature for single in needed if not single.licensed), "")
        return f"There is no license of {missing}: nobody new is served until there is." if missing else ""

    def on_disconnect(self, event: Occurred) -> None:
        """The license goes back."""
        client = str(event.fields["client"])
        closed = [sessions.close(client) for sessions in self.sessions.values()]
        self.reply(event, "" if any(closed) else f"{client} is not connected.")

    def on_timeout(self, event: Occurred) -> None:
        """As a disconnect."""
        self.on_disconnect(event)


class IntegrationServer(_Connections):
    """Genesys Integration Server (guide, Genesys SDKs: Agent Interaction Java and GIS).

    GIS GSAP, its variant for the toolkit's protocol, has neither the Configuration nor the Statistics service.
    """

    def counted_by(self) -> tuple[str, ...]:
        """Fewer for GIS GSAP."""
        return (INTERACTION,) if self.option("variant", "services") == "gsap" else self.features

    profile = _profile(
        type="gis",
        name="Genesys Integration Server (GIS)",
        source="guide, Genesys SDKs: Agent Interaction Java and GIS",
        licenses=(
            License("GIS", "8.0", "per instance", "the running instance"),
            License("ISDK_FACTORY", "8.0", "per instance", "the Agent Interaction service"),
            License("ISDK_QUEUE", "8.0", "per instance", "the Queue service"),
            License(INTERACTION, "8.0", "per connection", "clients of the Agent Interaction, Interaction and Queue services"),
            License(CONFIGURATION, "8.0", "per connection", "clients of the Configuration service"),
            License(STATISTICS, "8.0", "per connection", "clients of the Statistics service"),
        ),
        options=(
            *_OPTIONS,
            Option("services", "variant", "soap", "GIS, or GIS GSAP.", words=("soap", "gsap"), takes_effect=RESTART),
        ),
    )


class DotNetToolkit(_Connections):
    """The Integration Server behind Genesys Desktop .NET Toolkit (guide, Notes on Application-Specific Behavior)."""

    features = (INTERACTION,)
    profile = _profile(
        type="dotnet-toolkit",
        name="Genesys Desktop .NET Toolkit",
        source="guide, Genesys Desktop .NET Toolkit and Notes on Application-Specific Behavior",
        licenses=(
            License("GIS", "8.0", "per instance", "the running GIS"),
            License("ISDK_FACTORY", "8.0", "per instance", "the Agent Interaction service"),
            License("ISDK_QUEUE", "8.0", "per instance", "the Queue service"),
            License(INTERACTION, "8.0", "per connection", "connections of the toolkit"),
        ),
    )


class InterfaceServer(_Connections):
    """Genesys Interface Server, of release 7.1 and earlier (guide, FEATURE Names by Application)."""

    scope = "environment"
    profile = _profile(
        type="interface-server",
        name="Genesys Interface Server (7.1 and earlier only)",
        source="guide, FEATURE Names by Application",
        licenses=(
            License("GIS", "8.0", "per instance", "the running instance"),
            License("ISDK_FACTORY", "8.0", "per environment", "the Agent Interaction service"),
            License("ISDK_QUEUE", "8.0", "per environment", "the Queue service"),
            License(INTERACTION, "8.0", "per connection", "clients of the Interaction service"),
            License(CONFIGURATION, "8.0", "per connection", "clients of the Configuration service"),
            License(STATISTICS, "8.0", "per connection", "clients of the Statistics service"),
        ),
    )


class DotNetServer(_Connections):
    """.NET Server, the 7.1 version of GIS GSAP; the toolkit that connects to it needs no license of its own."""

    instance = ("DOT_NET_SERVER", "7.0")
    scope = "environment"
    features = (INTERACTION,)
    profile = _profile(
        type="dotnet-server",
        name=".NET Server (7.1 version of GIS GSAP)",
        source="guide, FEATURE Names by Application",
        licenses=(
            License("DOT_NET_SERVER", "7.0", "per instance", "the running instance"),
            License("ISDK_FACTORY", "8.0", "per environment", "the Agent Interaction service"),
            License("ISDK_QUEUE", "8.0", "per environment", "the Queue service"),
            License(INTERACTION, "8.0", "per connection", "connections of the toolkit"),
        ),
    )
