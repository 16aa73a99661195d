"""Universal Routing Server routes to as many agents as there are router seats; whoever was a target once has one until he logs out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.options import flag_option
from seatkeeper.apps.profile import License, Profile, SiteEvent
from seatkeeper.apps.reservoir import WholePool

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["UniversalRoutingServer"]

_STANDBY: Final = "hot standby"
_PICKUP: Final = "pickup_calls"


class UniversalRoutingServer(Application):
    """Universal Routing Server (guide, Universal Routing Server; Notes on Application-Specific Behavior).

    Attributes:
        seats: The router seats, and who of the logged-in agents has one.
        logged_in: Agents who are logged in.
    """

    profile = Profile(
        type="urs",
        name="Universal Routing Server",
        number=15,
        source="guide, Universal Routing Server and Notes on Application-Specific Behavior",
        licenses=(
            License("router_seats", "8.0", "whole pool per instance", "places enabled for routing"),
            License("router_ha_option", "8.0", "feature switch", "hot standby and pickup_calls; one for the environment"),
        ),
        options=(flag_option("default", "pickup_calls", "Whether calls that were on their way at a switchover are routed."),),
        events=(
            SiteEvent("agent-login", ("agent",), "An agent logs in."),
            SiteEvent("agent-target", ("agent",), "A logged-in agent is a valid target for a call."),
            SiteEvent("agent-logout", ("agent",), "An agent logs out."),
            SiteEvent("person-disabled", ("agent",), "The Person object of an agent is disabled."),
            SiteEvent("person-deleted", ("agent",), "The Person object of an agent is deleted."),
            SiteEvent("pickup-calls", (), "Calls are to be picked up after a switchover."),
        ),
        unlicensed="Logs 07100 and exits when there is no router seat.",
        violation="Agents who have a seat are routed to; for each further agent logs 07100, and routes no call to him.",
        recovery="Seats that agents leave go to those who wait for one; logs 07105 when nobody waits any more.",
        functions=(
            (_STANDBY, "Without router_ha_option a pair runs in warm standby."),
            (_PICKUP, "Without router_ha_option the option counts as false."),
        ),
    )

    def build(self) -> None:
        """All router seats, and the license for high availability where it is used."""
        self.logged_in: dict[str, None] = {}
        self.seats = WholePool(self, "router_seats", "8.0")
        self.availability = Single(
            self, "router_ha_option", "8.0", scope="environment", required=False, function=_STANDBY, wanted=self._wants_availability
        )

    def _wants_availability(self) -> bool:
        return self.is_hot_standby or bool(self.option(_PICKUP, "default"))

    @property
    def picks_up_calls(self) -> bool:
        """What option pickup_calls comes to: without the license it counts as false."""
        return bool(self.option(_PICKUP, "default")) and self.availability.licensed

    def on_agent_login(self, event: Occurred) -> None:
        """Takes no seat yet."""
        self.logged_in[str(event.fields["agent"])] = None
        self.reply(event)

    def on_agent_target(self, event: Occurred) -> None:
        """The first time takes a seat, for as long as the agent is logged in."""
        agent = str(event.fields["agent"])
        if agent not in self.logged_in:
            self.reply(event, f"{agent} is not logged in.")
        elif self.seats.admit(agent):
            self.reply(event)
        else:
            self.reply(event, f"No router seat is left for {agent}.")

    def _leave(self, event: Occurred) -> None:
        agent = str(event.fields["agent"])
        self.logged_in.pop(agent, None)
        self.seats.free(agent)
        self.reply(event)

    def on_agent_logout(self, event: Occurred) -> None:
        """The seat is free for another agent."""
        self._leave(event)

    def on_person_disabled(self, event: Occurred) -> None:
        """As a logout."""
        self._leave(event)

    def on_person_deleted(self, event: Occurred) -> None:
        """As a logout."""
        self._leave(event)

    def on_pickup_calls(self, event: Occurred) -> None:
        """Needs the option and its license."""
        self.reply(event, "" if self.picks_up_calls else "Calls are routed as if pickup_calls were false.")
