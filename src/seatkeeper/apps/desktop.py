"""A Desktop Server opens a user's window when it has checked a license out for him, and gives it back however he leaves."""

from __future__ import annotations

from typing import Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Sessions, Single
from seatkeeper.apps.events import Occurred
from seatkeeper.apps.profile import License, Profile, SiteEvent

__all__ = ["Desktop"]

AGENT: Final = "desktop_agent"
SUPERVISOR: Final = "DESKTOP_SUPERVISOR"


class Desktop(Application):
    """Genesys Desktop: one license for all servers of the environment, one for each user who is logged in (guide, Genesys Desktop)."""

    profile = Profile(
        type="desktop",
        name="Genesys Desktop",
        number=0,
        source="guide, Genesys Desktop",
        licenses=(
            License("ISDK_FACTORY", "8.0", "per environment", "the Agent Interaction Layer of all Desktop Servers"),
            License(AGENT, "7.0", "per user session", "agents"),
            License(SUPERVISOR, "7.0", "per user session", "supervisors"),
        ),
        events=(
            SiteEvent("login", ("user",), "A user logs in.", optional=("supervisor",), kinds={"supervisor": "flag"}),
            SiteEvent("logout", ("user",), "A user logs out."),
            SiteEvent("browser-closed", ("user",), "A user closes the browser window."),
            SiteEvent("browser-crashed", ("user",), "A user's browser has ended abnormally."),
        ),
        unlicensed="Logs 07100 and exits without ISDK_FACTORY.",
        violation="Open windows stay open, new users are refused; logs 07100 once.",
        recovery="Logs 07105; users can log in again.",
        functions=(("supervisor functions", "A supervisor without a license of his own works with an agent's, in restricted mode."),),
        single_server=True,
    )

    def build(self) -> None:
        """The library's license first: without it there is no server."""
        self.library = Single(self, "ISDK_FACTORY", "8.0", scope="environment")
        self.agents = Sessions(self, AGENT, "7.0")
        self.supervisors = Sessions(self, SUPERVISOR, "7.0")

    def on_login(self, event: Occurred) -> None:
        """A supervisor for whom there is no license of his kind is let in with an agent's, if there is one."""
        user = str(event.fields["user"])
        if not self.library.licensed:
            self.reply(event, "The Agent Interaction Layer is not licensed: no window opens until it is.")
        elif event.fields.get("supervisor"):
            self.supervisors.open(user, lambda reason: self._restrict(event, user) if reason else self._supervise(event, user))
        elif user in self.supervisors.open_sessions:
            # His license is good for what agents do too.
            self.supervisors.open(user, lambda reason: self.reply(event, reason))
        else:
            self.agents.open(user, lambda reason: self.reply(event, reason))

    def _supervise(self, event: Occurred, user: str) -> None:
        # Where he worked in restricted mode before.
        self.agents.close(user)
        self.reply(event)

    def _restrict(self, event: Occurred, user: str) -> None:
        def then(reason: str) -> None:
            if not reason:
                self.write(f"Supervisor {user} works in restricted mode, with an agent's license.")
            self.reply(event, reason)

        self.agents.open(user, then)

    def on_logout(self, event: Occurred) -> None:
        """The license goes back."""
        user = str(event.fields["user"])
        known = [sessions.close(user) for sessions in (self.supervisors, self.agents)]
        self.reply(event, "" if any(known) else f"{user} is not logged in.")

    on_browser_closed = on_logout
    on_browser_crashed = on_logout
