"""Genesys Info Mart needs licenses up to release 7.2: for voice, for several databases, and for pairs of databases that record the same.

The three add up: redundancy comes on top of voice, high availability on top of both (guide, Genesys Info Mart). What calls for them is
how many databases of Call Concentrators and Stat Servers it reads; Interaction Concentrator's call for none, however many they are.
The options for all that are ours: the guide names none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.options import RESTART, Option, flag_option
from seatkeeper.apps.profile import License, Profile, SiteEvent

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["InfoMart"]

_SOURCES_MAX: Final = 100
#: The releases that the guide's paragraphs on its licenses are about; later ones need none.
_LICENSED: Final = ("7.0", "7.1", "7.2")


def _sources(name: str, text: str, low: int = 1) -> Option:
    return Option("gim-etl", name, 1, text, low=low, high=_SOURCES_MAX, takes_effect=RESTART)


class InfoMart(Application):
    """Genesys Info Mart (guide, Genesys Info Mart)."""

    profile = Profile(
        type="info-mart",
        name="Genesys Info Mart",
        number=0,
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
                words=(*_LICENSED, "7.5", "7.6", "8.0", "8.1", "8.5"),
                takes_effect=RESTART,
            ),
            _sources("call-concentrators", "How many Call Concentrator databases it reads; several call for gim_etl_redundancy."),
            _sources("stat-servers", "How many Stat Server databases it reads; several call for gim_etl_redundancy."),
            _sources("interaction-concentrators", "How many Interaction Concentrator databases it reads; they call for no license.", low=0),
            flag_option(
                "gim-etl",
                "redundant-pairs",
                "Whether of several Call Concentrator databases two and two record the same events; then gim_etl_ha_option is needed too.",
                takes_effect=RESTART,
            ),
        ),
        events=(SiteEvent("load", (), "Data of the last interval are transformed and loaded."),),
        unlicensed="Logs 07100 and exits without a license that its databases call for; from release 7.5 on it needs none.",
        violation="Goes on loading, from all databases; logs 07100 once.",
        recovery="Logs 07105 when the license is restored. Other databases, or another release, count from the next start on.",
    )

    def build(self) -> None:
        """What the release and the sources call for."""
        Single(self, "gim_etl_voice", "7.0", wanted=self._is_licensed)
        Single(self, "gim_etl_redundancy", "7.0", wanted=lambda: self._is_licensed() and self._has_several())
        Single(self, "gim_etl_ha_option", "7.0", wanted=lambda: self._is_licensed() and self._has_pairs())

    def _is_licensed(self) -> bool:
        return self.option("release", "gim-etl") in _LICENSED

    def _several(self, name: str) -> bool:
        count = self.option(name, "gim-etl")
        return isinstance(count, int) and count > 1

    def _has_several(self) -> bool:
        return self._several("call-concentrators") or self._several("stat-servers")

    def _has_pairs(self) -> bool:
        # One database is no pair, and pairs of Stat Server databases the guide does not know.
        return self._several("call-concentrators") and bool(self.option("redundant-pairs", "gim-etl"))

    def on_load(self, event: Occurred) -> None:
        """Is done, licensed or in violation."""
        self.reply(event)
