"""CPD Server takes a license for each Dialogic port that it may use, and gives one out with each call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.apps.application import Application
from seatkeeper.apps.options import RESTART, Option, count_of, count_option
from seatkeeper.apps.profile import License, Profile, SiteEvent
from seatkeeper.apps.reservoir import Reservoir

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["CpdServer"]


class CpdServer(Application):
    """CPD Server, beside an Outbound Contact Server (guide, CPD Server)."""

    profile = Profile(
        type="cpd-server",
        name="CPD Server",
        number=10,
        source="guide, CPD Server; facts, LRM 7",
        licenses=(License("occ_port", "8.0", "per port", "Dialogic ports for outbound and engaging calls"),),
        options=(
            count_option("num-of-licenses", "How many ports to license; 0, or max, for all there are.", default=0),
            Option("cpd", "mode", "standard", "Active Switching Matrix or not.", words=("standard", "asm"), takes_effect=RESTART),
        ),
        events=(
            SiteEvent("port-taken", ("port",), "A call begins on a port."),
            SiteEvent("port-freed", ("port",), "The call on a port has ended."),
            SiteEvent("engaging-call", ("port",), "In ASM mode a call holds an agent's line ready, on a port."),
        ),
        unlicensed="Takes the licenses that are left; with none at all logs 07100 and exits.",
        violation="Calls on ports go on, no further port is used; logs 07100 once.",
        recovery="Logs 07105; ports are used again. A higher number is asked for at once, a lower one never takes a port that is in use.",
    )

    def build(self) -> None:
        """The ports that the option asks for."""
        self.ports = Reservoir(self, "occ_port", "8.0", lambda: count_of(self.option("num-of-licenses")), word="per port", scope="pair")

    def on_port_taken(self, event: Occurred) -> None:
        """A port without a license is not used."""
        taken = self.ports.take(str(event.fields["port"]))
        self.reply(event, "" if taken else self.ports.refusal)

    def on_engaging_call(self, event: Occurred) -> None:
        """Takes a port like any call; there are such calls in ASM mode only."""
        if self.option("mode", "cpd") == "asm":
            self.on_port_taken(event)
        else:
            self.reply(event, "Engaging calls are for ASM mode.")

    def on_port_freed(self, event: Occurred) -> None:
        """Its license is free for another port."""
        self.ports.free(str(event.fields["port"]))
        self.reply(event)
