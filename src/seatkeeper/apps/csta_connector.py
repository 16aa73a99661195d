"""CSTA Connector for BroadSoft BroadWorks registers seat DNs, licensed once for its whole redundancy cluster."""

from __future__ import annotations

from seatkeeper.apps.profile import License, Profile
from seatkeeper.apps.tserver import DN_EVENTS, DN_OPTIONS, RECOVERY, VIOLATION, TServerFamily

__all__ = ["CstaConnector"]


class CstaConnector(TServerFamily):
    """CSTA Connector for BroadSoft BroadWorks (guide, FEATURE Names by Application)."""

    seat_feature = "csta_connector_bw_sdn"
    profile = Profile(
        type="csta-connector",
        name="CSTA Connector for BroadSoft BroadWorks",
        number=1,
        source="guide, FEATURE Names by Application",
        licenses=(License("csta_connector_bw_sdn", "8.0", "bulk at startup", "seat DNs, shared by the redundancy cluster"),),
        options=DN_OPTIONS,
        events=DN_EVENTS,
        unlicensed="Takes the seat DNs that are left; with none at all logs 07100 and exits.",
        violation=VIOLATION,
        recovery=RECOVERY,
    )

    def build_options(self) -> None:
        """It has no further licenses."""
