"""Genesys Info Mart needs licenses up to release 7.2: for voice, for several databases, and for pairs of databases that record the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.options import RESTART, Option, flag_option
from seatkeeper.apps.profile import License, Profile, SiteEvent

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["InfoMart"]

_SOURCES_MAX = 100


class InfoMart(Application):
    """Genesys Info Mart (guide, Genesys Info Mart)."""

    profile = Profile(
        type="info-mart",
        name="Genesys Info Mart",
        number=101,
        source="guide, Genesys Info Mart",
        licenses=(
            License("gim_etl_voice", "7.0", "per instance", "voice, from one database of each kind"),
            License("gim_etl_redundancy", "7.0", "per instance", "several Call Concentrator or Stat Server databases of unlike events"),
            License("gim_etl_ha_option", "7.0", "per instance", "pairs of Call Concentrator databases of like events"),
        ),
        options=(
            Option(
                "gim-etl",
                "release",
                "7.2",
                "Its release; from 7.5 on it needs no license.",
                words=("7.2", "7.5", "8.0"),
                takes_effect=RESTART,
            ),
            Option("gim-etl", "call-concentrators", 1, "Call Concentrator databases.", low=1, high=_SOURCES_MAX, takes_effect=RESTART),
            Option("gim-etl", "stat-servers", 1, "Stat Server databases.", low=1, high=_SOURCES_MAX, takes_effect=RESTART),
            flag_option(
                "gim-etl", "redundant-pairs", "Whether Call Concentrator databases are pairs that record the same.", takes_effect=RESTART
            ),
        ),
        events=(SiteEvent("load", (), "Data of the last interval are transformed and loaded."),),
        unlicensed="Logs 07100 and exits without a license that its sources call for.",
        violation="Goes on loading; logs 07100 once.",
        recovery="Logs 07105 when the license is restored.",
    )

    def build(self) -> None:
        """What the release and the sources call for."""
        Single(self, "gim_etl_voice", "7.0", wanted=self._is_licensed)
        Single(self, "gim_etl_redundancy", "7.0", wanted=lambda: self._is_licensed() and self._has_several())
        Single(self, "gim_etl_ha_option", "7.0", wanted=lambda: self._is_licensed() and bool(self.option("redundant-pairs", "gim-etl")))

    def _is_licensed(self) -> bool:
        return self.option("release", "gim-etl") == "7.2"

    def _has_several(self) -> bool:
        counts = (self.option("call-concentrators", "gim-etl"), self.option("stat-servers", "gim-etl"))
        # High availability is licensed in addition to redundancy.
        return bool(self.option("redundant-pairs", "gim-etl")) or any(isinstance(count, int) and count > 1 for count in counts)

    def on_load(self, event: Occurred) -> None:
        """Goes on in a violation."""
        self.reply(event)
