"""IVR Server is licensed by its IVR ports, by a feature that depends on where it stands: behind the switch, in front of it, in the network.

The rule for sites is one of its own: where T-Servers of the site have licenses for calls between sites, every IVR Server needs one too,
whatever its mode and whether it routes between sites or not (guide, IVR Server, the tip under Multi-Site Functionality). As for
T-Servers that is one for each, and one for both of a pair in hot standby.

In two places the guide's chapter and its tables differ. For network mode the chapter speaks of a license for each port, the table of one
for all IVR Servers (tserver_nts): there ports are served without a count. For hot standby the chapter wants one for each pair of IVR
Servers, the table of technical licenses one for each configuration environment (iserver_ha_option), and names IVR Connector: we follow the
chapter, so that a site with a second pair has to order a second license by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.options import RESTART, Option, count_of, count_option, flag_option
from seatkeeper.apps.profile import License, Profile, SiteEvent
from seatkeeper.apps.reservoir import Reservoir
from seatkeeper.apps.tserver import DN_OPTIONS, seat_dns_requested

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["MODES", "IvrServer"]

BEHIND: Final = "tserver_ivr_max_ports_behind"
IN_FRONT: Final = "tserver_ivr_max_ports_in_front"
MODES: Final = ("behind", "in-front", "network")


class IvrServer(Application):
    """IVR Server (guide, IVR Server).

    Attributes:
        ports: IVR ports, behind or in front of the switch.
        treatments: Calls that are routed in network mode.
    """

    profile = Profile(
        type="ivr-server",
        name="IVR Server",
        number=1,
        source="guide, IVR Server",
        licenses=(
            License(BEHIND, "8.0", "per port", "ports in mode behind"),
            License(IN_FRONT, "8.0", "per port", "ports in mode in-front"),
            License("tserver_nts", "8.0", "per environment", "network mode, one for all IVR Servers"),
            License("tserver_nts_calltreatments", "8.0", "per port", "routing in network mode"),
            License("iserver_ha_option", "8.0", "per redundant pair", "hot standby"),
            License("tserver_iscc", "8.0", "per instance", "where T-Servers have it, in every mode; per redundant pair in hot standby"),
        ),
        options=(
            *DN_OPTIONS,
            count_option("num-calltreatments", "In network mode, how many calls are routed at once; 0 for no routing.", default=0),
            Option("IServer", "mode", "behind", "Where it stands.", words=MODES, takes_effect=RESTART),
            flag_option("IServer", "multi-site", "Whether T-Servers of the environment have tserver_iscc.", takes_effect=RESTART),
        ),
        events=(
            SiteEvent("port-taken", ("port",), "A call arrives on an IVR port; it needs a license, but for network mode."),
            SiteEvent("port-freed", ("port",), "The call on an IVR port has ended."),
            SiteEvent("treatment-begins", ("call",), "In network mode a call is routed."),
            SiteEvent("treatment-ends", ("call",), "The call is routed no more."),
        ),
        unlicensed="Takes the ports that are left; with none at all, or without a license of its mode, logs 07100 and exits.",
        violation="Calls go on; further ports, and routing in network mode, are refused while their licenses are lost. Logs 07100 once.",
        recovery="Logs 07105; ports are used again. More ports than before hold at once, fewer from the next start on.",
        functions=(("routing in network mode", "With num-calltreatments 0 calls go to the network IVR and are not routed."),),
    )

    def build(self) -> None:
        """The licenses of its mode, of hot standby, and of sites."""
        mode = self.option("mode", "IServer")
        self.ports: Reservoir | None = None
        self.treatments: Reservoir | None = None
        if mode == "network":
            Single(self, "tserver_nts", "8.0", scope="environment")
            self.treatments = Reservoir(self, "tserver_nts_calltreatments", "8.0", self._treatments, word="per port", scope="pair")
        else:
            feature = IN_FRONT if mode == "in-front" else BEHIND
            self.ports = Reservoir(self, feature, "8.0", self._ports, word="per port", keeps=True, scope="pair")
        Single(self, "iserver_ha_option", "8.0", scope="pair", wanted=lambda: self.is_hot_standby)
        Single(
            self,
            "tserver_iscc",
            "8.0",
            scope="pair" if self.is_hot_standby else "instance",
            wanted=lambda: bool(self.option("multi-site", "IServer")),
        )

    def _ports(self) -> int:
        return seat_dns_requested(self.option("num-of-licenses"), self.option("num-sdn-licenses"))

    def _treatments(self) -> int:
        wanted = self.option("num-calltreatments")
        return 0 if wanted == 0 else count_of(wanted)

    def _take(self, event: Occurred, of: Reservoir | None, what: str, otherwise: str = "") -> None:
        if of is None:
            self.reply(event, otherwise)
        elif of.take_or_note(what):
            self.reply(event)
        else:
            self.reply(event, of.refusal)

    def on_port_taken(self, event: Occurred) -> None:
        """A port without a license is not used; in network mode the one license is for all of them."""
        self._take(event, self.ports, str(event.fields["port"]))

    def on_port_freed(self, event: Occurred) -> None:
        """Its license is free for another port."""
        if self.ports is not None:
            self.ports.free(str(event.fields["port"]))
        self.reply(event)

    def on_treatment_begins(self, event: Occurred) -> None:
        """Routing in network mode."""
        self._take(event, self.treatments, str(event.fields["call"]), "Calls are routed in network mode only.")

    def on_treatment_ends(self, event: Occurred) -> None:
        """Its license is free for another call."""
        if self.treatments is not None:
            self.treatments.free(str(event.fields["call"]))
        self.reply(event)
