"""Outbound Contact Server has a seat for each agent of a loaded campaign group; one too many works, and is not counted.

It runs on one of two licenses, which cannot be combined: occ_full for all dialing modes, occ_preview for preview alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.options import RESTART, Option, count_of, count_option
from seatkeeper.apps.profile import License, Profile, SiteEvent
from seatkeeper.apps.reservoir import Reservoir
from seatkeeper.base.logevents import Level

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["OutboundContactServer"]

FULL: Final = "occ_full"
PREVIEW: Final = "occ_preview"
MODES: Final = ("preview", "progressive", "predictive")
#: "Campaign Group ... has been loaded" (facts, LRM 6.1).
LOADED: Final = 52000


class OutboundContactServer(Application):
    """Outbound Contact Server (guide, Outbound Contact Server; Notes on Application-Specific Behavior).

    Attributes:
        campaigns: Campaign group -> dialing mode, of those that are loaded.
        logins: Campaign group -> agents logged in to its queue, loaded or not.
    """

    profile = Profile(
        type="ocs",
        name="Outbound Contact Server",
        number=12,
        source="guide, Outbound Contact Server and Notes on Application-Specific Behavior",
        licenses=(
            License(FULL, "8.0", "bulk at startup", "outbound seats in every dialing mode"),
            License(PREVIEW, "8.0", "bulk at startup", "outbound seats in preview mode, in place of the other"),
        ),
        options=(
            count_option("num-of-licenses", "How many outbound seats to check out; max, or 0, for all there are."),
            Option(
                "license", "license-type", "full", "Which of the two licenses to run on.", words=("full", "preview"), takes_effect=RESTART
            ),
        ),
        events=(
            SiteEvent("campaign-loaded", ("campaign",), "A campaign group is loaded.", optional=("mode",)),
            SiteEvent("campaign-unloaded", ("campaign",), "A campaign group is unloaded."),
            SiteEvent("agent-login", ("agent", "campaign"), "An agent logs in to the queue of a campaign group."),
            SiteEvent("agent-logout", ("agent", "campaign"), "An agent logs out of that queue."),
            SiteEvent("call-delivered", ("agent",), "The switch, or a routing strategy, gives an outbound call to an agent."),
            SiteEvent("record-processed", ("agent",), "An agent's desktop processes a calling list record."),
        ),
        unlicensed="Takes as many seats as are configured and licensed; with none at all logs 07100 and exits.",
        violation="Agents with a seat go on; for each further agent logs 07100. Such an agent may get calls, and is not counted.",
        recovery="Seats that agents or unloaded campaign groups leave are used again; logs 07105 when nobody goes without.",
        functions=(("calling list records", "Records of agents without a seat are not processed."),),
    )

    def build(self) -> None:
        """One of the two licenses, never both."""
        self.campaigns: dict[str, str] = {}
        self.logins: dict[str, dict[str, None]] = {}
        feature = PREVIEW if self.option("license-type") == "preview" else FULL
        self.seats = Reservoir(self, feature, "8.0", lambda: count_of(self.option("num-of-licenses")), scope="pair")

    def on_campaign_loaded(self, event: Occurred) -> None:
        """Its agents take seats; the preview license loads it in preview mode only."""
        campaign, mode = str(event.fields["campaign"]), str(event.fields.get("mode", "preview"))
        if mode not in MODES:
            self.reply(event, f"There is no dialing mode {mode!r}; there are {', '.join(MODES)}.")
        elif mode != "preview" and self.seats.feature == PREVIEW:
            self.reply(event, f"Mode {mode} needs a license of {FULL}; with {PREVIEW} there is preview mode only.")
        else:
            self.campaigns[campaign] = mode
            self.write(f"Campaign Group {campaign} has been loaded", LOADED, Level.TRACE)
            for agent in self.logins.get(campaign, ()):
                self.seats.admit(agent)
            self.reply(event)

    def on_campaign_unloaded(self, event: Occurred) -> None:
        """The seats of those who are in no other loaded campaign group are free."""
        campaign = str(event.fields["campaign"])
        self.campaigns.pop(campaign, None)
        for agent in self.logins.get(campaign, ()):
            self._leave(agent)
        self.reply(event)

    def on_agent_login(self, event: Occurred) -> None:
        """Takes a seat where the campaign group is loaded; the agent is logged in all the same where there is none."""
        agent, campaign = str(event.fields["agent"]), str(event.fields["campaign"])
        self.logins.setdefault(campaign, {})[agent] = None
        if campaign not in self.campaigns or self.seats.admit(agent):
            self.reply(event)
        else:
            self.reply(event, f"No outbound seat is left for {agent}; he is not counted in dialing.")

    def on_agent_logout(self, event: Occurred) -> None:
        """The seat is used for others."""
        agent, campaign = str(event.fields["agent"]), str(event.fields["campaign"])
        self.logins.get(campaign, {}).pop(agent, None)
        self._leave(agent)
        self.reply(event)

    def _leave(self, agent: str) -> None:
        if not any(agent in self.logins.get(campaign, ()) for campaign in self.campaigns):
            self.seats.free(agent)

    @property
    def agents_counted(self) -> int:
        """How many agents predictive dialing reckons with."""
        return len(self.seats.users)

    def on_call_delivered(self, event: Occurred) -> None:
        """Not in this server's hands: an agent without a seat gets calls too."""
        self.reply(event)

    def on_record_processed(self, event: Occurred) -> None:
        """Only for those who have a seat."""
        agent = str(event.fields["agent"])
        self.reply(event, "" if agent in self.seats.users else f"{agent} has no outbound seat; the record is not processed.")
