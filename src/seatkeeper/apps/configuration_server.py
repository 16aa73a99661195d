"""Configuration Server needs a license only where proxies serve remote sites, and then one for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.options import RESTART, flag_option
from seatkeeper.apps.profile import License, Profile, SiteEvent

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["ConfigurationServer"]


class ConfigurationServer(Application):
    """Configuration Server, alone or in a pair without a license, or as a proxy with one (guide, Configuration Server)."""

    profile = Profile(
        type="configuration-server",
        name="Configuration Server",
        number=21,
        source="guide, Configuration Server",
        licenses=(License("CLDistributed", "8.0", "per environment", "proxies at remote sites"),),
        options=(flag_option("csproxy", "proxy-mode", "Whether it is a proxy of a master elsewhere.", takes_effect=RESTART),),
        events=(SiteEvent("client-connected", ("client",), "A client connects and reads configuration data."),),
        unlicensed="As a proxy logs 07100 and exits; otherwise it needs no license.",
        violation="Serves its clients as before; logs 07100 once.",
        recovery="Logs 07105 when the license is restored.",
    )

    def build(self) -> None:
        """One license for all proxies of the environment."""
        Single(self, "CLDistributed", "8.0", scope="environment", wanted=lambda: bool(self.option("proxy-mode", "csproxy")))

    def on_client_connected(self, event: Occurred) -> None:
        """A client is served, licensed or in violation."""
        self.reply(event)
