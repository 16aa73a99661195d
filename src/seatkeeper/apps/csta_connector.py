"""CSTA Connector for BroadSoft BroadWorks registers seat DNs, licensed once for its whole redundancy cluster."""

from __future__ import annotations

from seatkeeper.apps.profile import License
from seatkeeper.apps.tserver import DN_OPTIONS, TServerFamily, tserver_profile

__all__ = ["CstaConnector"]


class CstaConnector(TServerFamily):
    """CSTA Connector for BroadSoft BroadWorks (guide, FEATURE Names by Application)."""

    seat_feature = "csta_connector_bw_sdn"
    profile = tserver_profile(
        type="csta-connector",
        name="CSTA Connector for BroadSoft BroadWorks",
        source="guide, FEATURE Names by Application",
        licenses=(License("csta_connector_bw_sdn", "8.0", "bulk at startup", "seat DNs, shared by the redundancy cluster"),),
        options=DN_OPTIONS,
        unlicensed="Takes the seat DNs that are left; with none at all logs 07100 and exits.",
    )

    def build_options(self) -> None:
        """It has no further licenses."""
