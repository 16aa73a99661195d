"""T-Server for CSTA Connector has seat DNs of a feature of its own, and is a T-Server otherwise."""

from __future__ import annotations

from seatkeeper.apps.profile import License
from seatkeeper.apps.tserver import DN_OPTIONS, MULTI_SITE, PAIR_LICENSES, TServerFamily, tserver_profile

__all__ = ["CstaTServer"]


class CstaTServer(TServerFamily):
    """T-Server for CSTA Connector (guide, FEATURE Names by Application)."""

    seat_feature = "tserver_cc_sdn"
    profile = tserver_profile(
        type="csta-tserver",
        name="T-Server for CSTA Connector",
        source="guide, FEATURE Names by Application",
        licenses=(
            License("tserver_cc_sdn", "8.0", "bulk at startup", "seat DNs, shared by primary and backup"),
            *PAIR_LICENSES,
        ),
        options=(*DN_OPTIONS, MULTI_SITE),
    )
