"""Interaction Server has just as many licenses of each kind as its options say, and logs agents out who are too many.

For each feature there is an option of the same name in section [license]. An agent needs a seat to log in, and one license for each of his
media.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.options import COUNT_MAX, Option, count_option, flag_option
from seatkeeper.apps.profile import License, Profile, SiteEvent
from seatkeeper.apps.reservoir import Reservoir

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.apps.events import Occurred

__all__ = ["MEDIA", "SEAT", "InteractionServer"]

SEAT: Final = "ics_multi_media_agent_seat"
#: Medium -> the feature that it needs (guide, Interaction Server); SMS as the catalog has it.
MEDIA: Final[dict[str, str]] = {
    "email": "ics_email_webform_channel",
    "chat": "ics_live_web_channel",
    "custom": "ics_custom_media_channel",
    "sms": "ics_sms_channel",
}
_CAPTURE: Final = "iWD capture point"


def _option(feature: str, what: str) -> Option:
    return count_option(feature, f"How many {what} to check out; max for all there are.", default=0)


class InteractionServer(Application):
    """Interaction Server (guide, Interaction Server; Notes on Application-Specific Behavior).

    Attributes:
        agents: Agent -> his media, in the order of their logins.
        reservoirs: Feature -> its licenses, and which agents use them.
    """

    profile = Profile(
        type="interaction-server",
        name="Interaction Server",
        number=0,
        source="guide, Interaction Server and Notes on Application-Specific Behavior",
        licenses=(
            License(SEAT, "8.0", "exact number", "agents who are logged in"),
            License("ics_email_webform_channel", "8.0", "exact number", "agents with e-mail"),
            License("ics_live_web_channel", "8.0", "exact number", "agents with chat"),
            License("ics_custom_media_channel", "8.0", "exact number", "agents with Open Media"),
            License("ics_sms_channel", "8.0", "exact number", "agents with SMS"),
            License("iwd_jms_cp", "8.0", "feature switch", "the JMS capture point of iWD; one for the environment"),
        ),
        options=(
            Option("license", SEAT, "max", "How many agents' seats to check out; max for all there are.", words=("max",), high=COUNT_MAX),
            _option("ics_email_webform_channel", "agents' licenses for e-mail"),
            _option("ics_live_web_channel", "agents' licenses for chat"),
            _option("ics_custom_media_channel", "agents' licenses for Open Media"),
            _option("ics_sms_channel", "agents' licenses for SMS"),
            flag_option("license", "iwd_jms_cp", "Whether the JMS capture point is used."),
        ),
        events=(
            SiteEvent("agent-login", ("agent",), "An agent logs in, with his media.", optional=("media",), kinds={"media": "texts"}),
            SiteEvent("media-added", ("agent", "media"), "A logged-in agent works with a further medium."),
            SiteEvent("agent-logout", ("agent",), "An agent logs out."),
            SiteEvent("captured", (), "The JMS capture point brings an interaction."),
        ),
        unlicensed="Logs 07100 and exits when there is no agent's seat; a medium without licenses has no agents.",
        violation="Agents go on, new ones are refused; logs 07100 once for each feature.",
        recovery="Logs 07105. A new number is checked out at once; if more are in use, agents are logged out, the last first.",
        functions=((_CAPTURE, "Without iwd_jms_cp nothing is captured."),),
    )

    def build(self) -> None:
        """One reservoir for each feature that has an option."""
        self.agents: dict[str, tuple[str, ...]] = {}
        self.reservoirs = {
            feature: Reservoir(
                self, feature, "8.0", self._wanted(feature), word="exact number", required=feature == SEAT, exact=True, scope="pair"
            )
            for feature in (SEAT, *MEDIA.values())
        }
        self.capture = Single(
            self,
            "iwd_jms_cp",
            "8.0",
            scope="environment",
            required=False,
            function=_CAPTURE,
            wanted=lambda: bool(self.option("iwd_jms_cp")),
        )

    def _wanted(self, feature: str) -> Callable[[], int]:
        def wanted() -> int:
            value = self.option(feature)
            return value if isinstance(value, int) else COUNT_MAX

        return wanted

    def on_agent_login(self, event: Occurred) -> None:
        """All licenses, or none."""
        agent = str(event.fields["agent"])
        given = event.fields.get("media", [])
        media = tuple(dict.fromkeys(given if isinstance(given, list) else [str(given)]))
        reason = self._take(agent, (SEAT,), media)
        if not reason:
            self.agents[agent] = tuple(dict.fromkeys((*self.agents.get(agent, ()), *media)))
        self.reply(event, reason)

    def on_media_added(self, event: Occurred) -> None:
        """The license of a further medium."""
        agent, medium = str(event.fields["agent"]), str(event.fields["media"])
        if agent not in self.agents:
            self.reply(event, f"{agent} is not logged in.")
            return
        reason = self._take(agent, (), (medium,))
        if not reason:
            self.agents[agent] = tuple(dict.fromkeys((*self.agents[agent], medium)))
        self.reply(event, reason)

    def _take(self, agent: str, features: tuple[str, ...], media: tuple[str, ...]) -> str:
        unknown = [medium for medium in media if medium not in MEDIA]
        if unknown:
            return f"The medium {unknown[0]!r} is not known; it may be {', '.join(MEDIA)}."
        taken: list[Reservoir] = []
        for feature in (*features, *(MEDIA[medium] for medium in media)):
            reservoir = self.reservoirs[feature]
            had = agent in reservoir.users
            if not reservoir.take(agent):
                for other in taken:
                    other.free(agent)
                return reservoir.refusal
            taken += [] if had else [reservoir]
        return ""

    def on_agent_logout(self, event: Occurred) -> None:
        """All his licenses are free."""
        agent = str(event.fields["agent"])
        known = self.agents.pop(agent, None) is not None
        self._free(agent)
        self.reply(event, "" if known else f"{agent} is not logged in.")

    def _free(self, agent: str) -> None:
        for reservoir in self.reservoirs.values():
            reservoir.free(agent)

    def on_captured(self, event: Occurred) -> None:
        """Needs iwd_jms_cp."""
        self.reply(event, "" if self.capture.licensed else "The JMS capture point is not licensed.")

    def options_changed(self) -> None:
        """Agents beyond a lowered number are logged out, those who came last first; a slip of the pen logs nobody out."""
        for feature, reservoir in self.reservoirs.items():
            if not self.is_meant(feature):
                continue
            wanted = reservoir.wanted()
            for agent in list(reversed(reservoir.users))[: max(0, len(reservoir.users) - wanted)]:
                self.force("logout", agent, f"Option {feature} allows for {wanted} only.")
                self.agents.pop(agent, None)
                self._free(agent)
