"""Voice Treatment Server takes a license for each voice treatment port.

The guide says how many, and not when: that it takes them at startup, as CPD Server does, and by an option of the same name, is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.apps.application import Application
from seatkeeper.apps.options import count_of, count_option
from seatkeeper.apps.profile import License, Profile, SiteEvent
from seatkeeper.apps.reservoir import Reservoir

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["VoiceTreatmentServer"]


class VoiceTreatmentServer(Application):
    """Voice Treatment Server (guide, Voice Treatment Server)."""

    profile = Profile(
        type="voice-treatment-server",
        name="Voice Treatment Server",
        number=6,
        source="guide, Voice Treatment Server",
        licenses=(License("VTPort", "7.0", "per port", "ports of Voice Treatment Options"),),
        options=(count_option("num-of-licenses", "How many ports to license; max, or 0, for all there are."),),
        events=(
            SiteEvent("port-taken", ("port",), "A treatment begins on a port."),
            SiteEvent("port-freed", ("port",), "The treatment on a port has ended."),
        ),
        unlicensed="Takes the licenses that are left; with none at all logs 07100 and exits.",
        violation="Treatments go on, further ports are not used while the licenses are lost; logs 07100 once.",
        recovery="Logs 07105; ports are used again. More licenses are asked for at once, fewer given back as ports get free.",
    )

    def build(self) -> None:
        """The ports that the option asks for."""
        self.ports = Reservoir(self, "VTPort", "7.0", lambda: count_of(self.option("num-of-licenses")), word="per port", scope="pair")

    def on_port_taken(self, event: Occurred) -> None:
        """A port without a license is not used."""
        taken = self.ports.take_or_note(str(event.fields["port"]))
        self.reply(event, "" if taken else self.ports.refusal)

    def on_port_freed(self, event: Occurred) -> None:
        """Its license is free for another port."""
        self.ports.free(str(event.fields["port"]))
        self.reply(event)
