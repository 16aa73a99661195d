"""Network T-Server mostly has no seat DNs; the one for GenSpec needs a license to run, and one for each call that it parks or treats.

Where the guide says that the seat license "is defined with a value of 0" in most cases, we take it for the default of num-sdn-licenses:
then none is looked for, and a license file without tserver_sdn does. It has no hot standby license of its own (guide, FEATURE Names).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.options import RESTART, Option, count_of, count_option
from seatkeeper.apps.profile import License, Profile, SiteEvent
from seatkeeper.apps.reservoir import Reservoir
from seatkeeper.apps.tserver import DN_EVENTS, DN_OPTIONS, MULTI_SITE, RELEASE, TServerFamily

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["NETWORKS", "NetworkTServer"]

#: The networks for which there is one (guide, Network T-Server).
NETWORKS = ("genspec", "att", "concert", "iscp", "ngsn", "opsi")


class NetworkTServer(TServerFamily):
    """Network T-Server (guide, Network T-Server).

    Attributes:
        treatments: Ports for call parking and treatments.
    """

    has_releases = True
    profile = Profile(
        type="network-tserver",
        name="Network T-Server",
        number=1,
        source="guide, Network T-Server",
        licenses=(
            License("tserver_sdn", "8.0", "bulk at startup", "seat DNs, in rare cases"),
            License("tserver_tdn", "7.0", "bulk at startup", "technical DNs, before release 7.2 only"),
            License("tserver_iscc", "8.0", "per redundant pair", "calls between sites"),
            License("tserver_nts", "8.0", "per environment", "all Network T-Servers for GenSpec"),
            License("tserver_nts_calltreatments", "8.0", "per port", "call parking and treatments for GenSpec"),
        ),
        options=(
            DN_OPTIONS[0],
            count_option("num-sdn-licenses", "How many of them for seat DNs; mostly 0, for none.", default=0),
            count_option("num-calltreatments", "How many ports for call parking and treatments; max for all there are.", default=0),
            MULTI_SITE,
            RELEASE,
            Option("TServer", "network", "genspec", "Which network it serves.", words=NETWORKS, takes_effect=RESTART),
        ),
        events=(
            *DN_EVENTS,
            SiteEvent("treatment-begins", ("call",), "A call is parked, or treated, in the network."),
            SiteEvent("treatment-ends", ("call",), "The call is parked, or treated, no more."),
        ),
        unlicensed="Logs 07100 and exits without a license that its network, its options or its sites call for.",
        violation="Calls, DNs and treatments go on; new ones are refused while their licenses are lost. Logs 07100 once.",
        recovery="Logs 07105; new treatments begin again.",
        functions=(
            ("call parking and treatments", "With num-calltreatments 0, and in networks other than GenSpec, no call is parked or treated."),
        ),
    )

    def build_options(self) -> None:
        """Sites, and what GenSpec needs."""
        Single(self, "tserver_iscc", self.version, scope="pair", wanted=lambda: bool(self.option("multi-site", "TServer")))
        self.treatments: Reservoir | None = None
        if self.option("network", "TServer") == "genspec":
            Single(self, "tserver_nts", self.version, scope="environment")
            self.treatments = Reservoir(self, "tserver_nts_calltreatments", self.version, self._ports, word="per port", scope="pair")

    def _ports(self) -> int:
        wanted = self.option("num-calltreatments")
        return 0 if wanted == 0 else count_of(wanted)

    def on_treatment_begins(self, event: Occurred) -> None:
        """Takes a port."""
        if self.treatments is None:
            self.reply(event, "Only the Network T-Server for GenSpec parks and treats calls.")
        elif self.treatments.take_or_note(str(event.fields["call"])):
            self.reply(event)
        else:
            self.reply(event, self.treatments.refusal)

    def on_treatment_ends(self, event: Occurred) -> None:
        """Its port is free."""
        if self.treatments is not None:
            self.treatments.free(str(event.fields["call"]))
        self.reply(event)
