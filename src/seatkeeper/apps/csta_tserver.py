"""T-Server for CSTA Connector has seat DNs of a feature of its own, and is a T-Server otherwise."""

from __future__ import annotations

from seatkeeper.apps.profile import License, Profile
from seatkeeper.apps.tserver import DN_EVENTS, DN_OPTIONS, MULTI_SITE, RECOVERY, UNLICENSED, VIOLATION, TServerFamily

__all__ = ["CstaTServer"]


class CstaTServer(TServerFamily):
    """T-Server for CSTA Connector (guide, FEATURE Names by Application)."""

    seat_feature = "tserver_cc_sdn"
    profile = Profile(
        type="csta-tserver",
        name="T-Server for CSTA Connector",
        number=1,
        source="guide, FEATURE Names by Application",
        licenses=(
            License("tserver_cc_sdn", "8.0", "bulk at startup", "seat DNs, shared by primary and backup"),
            License("cti_ha_option", "8.0", "per redundant pair", "hot standby"),
            License("tserver_iscc", "8.0", "per instance", "calls between sites; per redundant pair in hot standby"),
        ),
        options=(*DN_OPTIONS, MULTI_SITE),
        events=DN_EVENTS,
        unlicensed=UNLICENSED,
        violation=VIOLATION,
        recovery=RECOVERY,
    )
