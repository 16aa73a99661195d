"""Solution Control Server works without a license; three functions of it do not.

Without ha_redundancy it performs no switchover of its own accord when a primary server fails. It still does when somebody commands it, and
when somebody has shut the primary down first (guide, Primary Backup Mode Control).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.options import RESTART, flag_option
from seatkeeper.apps.profile import License, Profile, SiteEvent
from seatkeeper.base.logevents import Level

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["SolutionControlServer"]

_SNMP: Final = "SNMP"
_DISTRIBUTED: Final = "distributed management"
_SWITCHOVER: Final = "automatic switchover"


class SolutionControlServer(Application):
    """Solution Control Server (guide, Solution Control Server)."""

    profile = Profile(
        type="scs",
        name="Solution Control Server",
        number=43,
        source="guide, Solution Control Server",
        licenses=(
            License("MLSNMP", "8.0", "feature switch", "SNMP; one for the environment"),
            License("MLDistributed", "8.0", "feature switch", "several Solution Control Servers; one for the environment"),
            License("ha_redundancy", "8.0", "feature switch", "switchover of redundant pairs; one for the environment"),
        ),
        options=(
            flag_option("general", "snmp", "Whether a network management system is served.", takes_effect=RESTART),
            flag_option("general", "distributed_mode", "Whether several servers share the environment.", takes_effect=RESTART),
            flag_option("general", "redundant_pairs", "Whether there are redundant pairs to control.", default=True),
        ),
        events=(
            SiteEvent("primary-failed", ("pair",), "The primary server of a redundant pair has failed."),
            SiteEvent("primary-shut-down", ("pair",), "Somebody has shut the primary server of a pair down."),
            SiteEvent("switchover-requested", ("pair",), "Somebody commands a switchover."),
            SiteEvent("snmp-request", (), "A network management system asks or commands something."),
            SiteEvent("peer-connected", ("server",), "A Solution Control Server of another site connects."),
        ),
        unlicensed="Starts; logs 07100 for each configured function that has no license, and goes without it.",
        violation="The function stops to serve new requests; everything else goes on. Logs 07100 once for each feature.",
        recovery="Logs 07105; the function works again.",
        functions=(
            (_SNMP, "Requests of network management systems are refused."),
            (_DISTRIBUTED, "Solution Control Servers of other sites are refused."),
            (_SWITCHOVER, "A failed primary is not replaced, except by command or after somebody has shut it down."),
        ),
    )

    def build(self) -> None:
        """Each function has a license of its own, and is asked for where it is configured."""
        self.snmp = self._switch("MLSNMP", _SNMP, "snmp")
        self.distributed = self._switch("MLDistributed", _DISTRIBUTED, "distributed_mode")
        self.redundancy = self._switch("ha_redundancy", _SWITCHOVER, "redundant_pairs")

    def _switch(self, feature: str, function: str, option: str) -> Single:
        return Single(
            self,
            feature,
            "8.0",
            scope="environment",
            required=False,
            function=function,
            wanted=lambda: bool(self.option(option, "general")),
        )

    def on_primary_failed(self, event: Occurred) -> None:
        """Switches over by itself, with a license."""
        if self.redundancy.licensed:
            self._switch_over(event, "its primary has failed")
        elif not self.redundancy.wanted():
            self.reply(event, "Option redundant_pairs says that there are no redundant pairs.")
        else:
            self.write(f"No switchover of {event.fields['pair']} is performed: there is no license of ha_redundancy.")
            self.reply(
                event,
                "Without a license of ha_redundancy a switchover is performed by command, or after somebody has shut the primary down.",
            )

    def on_primary_shut_down(self, event: Occurred) -> None:
        """Needs no license."""
        self._switch_over(event, "its primary was shut down")

    def on_switchover_requested(self, event: Occurred) -> None:
        """Needs no license."""
        self._switch_over(event, "by command")

    def _switch_over(self, event: Occurred, why: str) -> None:
        self.write(f"Switchover of {event.fields['pair']}, {why}.", level=Level.TRACE)
        self.reply(event)

    def on_snmp_request(self, event: Occurred) -> None:
        """Is served with a license."""
        self._serve_with(self.snmp, event, "SNMP")

    def on_peer_connected(self, event: Occurred) -> None:
        """Is served with a license."""
        self._serve_with(self.distributed, event, "Distributed management")

    def _serve_with(self, switch: Single, event: Occurred, what: str) -> None:
        lacking = f"there is no license of {switch.feature}" if switch.wanted() else "no option asks for it"
        self.reply(event, "" if switch.licensed else f"{what} does not work: {lacking}.")
