"""Universal Routing Server routes to as many agents as there are router seats; whoever was a target once has one until he logs out.

An agent for whom no seat is left is a violation when he logs in, or, if there was one then, when he becomes a target for the first time.
Freed seats go to those who have been targets. Without router_ha_option the server runs all the same, in warm standby and as if
pickup_calls were false.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.options import flag_option
from seatkeeper.apps.profile import WARM_STANDBY, License, Profile, SiteEvent
from seatkeeper.apps.reservoir import WholePool

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["UniversalRoutingServer"]

#: What router_ha_option is for: one or both of those that follow.
_AVAILABILITY: Final = "high availability"
_STANDBY: Final = "hot standby"
_PICKUP: Final = "pickup_calls"
_DOWNGRADES: Final = {_STANDBY: "hot standby is downgraded to warm standby", _PICKUP: "option pickup_calls counts as false"}


class RouterSeats(WholePool):
    """The router seats.

    Attributes:
        targets: Logged-in agents who have been targets, or would have been if there had been a seat.
    """

    def __init__(self, app: Application) -> None:
        super().__init__(app, "router_seats", "8.0")
        self.targets: dict[str, None] = {}

    def settle(self) -> None:
        """Gives free seats to targets; others who go without need none as long as one is free."""
        waiting = [agent for agent in self.beyond if agent in self.targets] if self.room > 0 else []
        for agent in waiting:
            if self.room > 0:
                del self.beyond[agent]
                self.users[agent] = None
        if self.room > 0:
            self.beyond.clear()
        super().settle()


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
        violation="Agents who have a seat are routed to; for each further agent who logs in logs 07100, and routes no call to him.",
        recovery="Seats that agents leave go to targets that go without; logs 07105 when nobody goes without.",
        functions=(
            (_STANDBY, "Without router_ha_option a pair runs in warm standby."),
            (_PICKUP, "Without router_ha_option the option counts as false."),
        ),
    )

    def build(self) -> None:
        """All router seats, and the license for high availability where it is used."""
        self.logged_in: dict[str, None] = {}
        self._unavailable = ""
        self.seats = RouterSeats(self)
        self.availability = Single(
            self, "router_ha_option", "8.0", scope="environment", required=False, function=_AVAILABILITY, wanted=self._wants_availability
        )

    def _wants_availability(self) -> bool:
        return self.is_hot_standby or bool(self.option(_PICKUP, "default"))

    def degrade(self, function: str, reason: str) -> None:
        """High availability is what of it is configured."""
        if function == _AVAILABILITY:
            self._unavailable = reason
            self._downgrade()
        else:
            super().degrade(function, reason)

    def regain(self, function: str) -> None:
        """As `degrade`."""
        if function == _AVAILABILITY:
            self._unavailable = ""
            self._downgrade()
        else:
            super().regain(function)

    def options_changed(self) -> None:
        """Option pickup_calls may have become one that is not heeded."""
        self._downgrade()

    def _downgrade(self) -> None:
        uses = ((_STANDBY, self.is_hot_standby), (_PICKUP, bool(self.option(_PICKUP, "default"))))
        for function, used in uses:
            if not used or not self._unavailable:
                super().regain(function)
            elif function not in self.degraded:
                self.write(f"Without a license of router_ha_option {_DOWNGRADES[function]}.")
                super().degrade(function, self._unavailable)

    @property
    def redundancy(self) -> str:
        """What the redundancy type comes to: without the license hot standby is warm standby."""
        return WARM_STANDBY if self.is_hot_standby and not self.availability.licensed else self.settings.redundancy

    @property
    def picks_up_calls(self) -> bool:
        """What option pickup_calls comes to: without the license it counts as false."""
        return bool(self.option(_PICKUP, "default")) and self.availability.licensed

    def on_agent_login(self, event: Occurred) -> None:
        """Takes no seat yet; where none is left, that is a violation, and the agent is logged in all the same."""
        agent = str(event.fields["agent"])
        if agent not in self.logged_in:
            self.logged_in[agent] = None
            if self.seats.room <= 0:
                self.seats.admit(agent)
        self.reply(event)

    def on_agent_target(self, event: Occurred) -> None:
        """The first time takes a seat, for as long as the agent is logged in."""
        agent = str(event.fields["agent"])
        if agent not in self.logged_in:
            self.reply(event, f"{agent} is not logged in.")
        else:
            self.seats.targets[agent] = None
            admitted = self.seats.admit(agent)
            self.reply(event, "" if admitted else f"No call is routed to {agent}: {self.seats.refusal}")

    def _leave(self, event: Occurred) -> None:
        agent = str(event.fields["agent"])
        self.logged_in.pop(agent, None)
        self.seats.targets.pop(agent, None)
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
