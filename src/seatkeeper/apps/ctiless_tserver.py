"""CTI-less T-Server is licensed as a T-Server is: seat DNs, hot standby, calls between sites."""

from __future__ import annotations

from seatkeeper.apps.profile import License, Profile
from seatkeeper.apps.tserver import DN_EVENTS, DN_OPTIONS, MULTI_SITE, RECOVERY, UNLICENSED, VIOLATION, TServerFamily

__all__ = ["CtiLessTServer"]


class CtiLessTServer(TServerFamily):
    """CTI-less T-Server (guide, CTI-Less T-Server)."""

    profile = Profile(
        type="ctiless-tserver",
        name="CTI-Less T-Server",
        number=1,
        source="guide, CTI-Less T-Server",
        licenses=(
            License("tserver_sdn", "8.0", "bulk at startup", "seat DNs"),
            License("cti_ha_option", "8.0", "per redundant pair", "hot standby"),
            License("tserver_iscc", "8.0", "per instance", "calls between sites; per redundant pair in hot standby"),
        ),
        options=(*DN_OPTIONS, MULTI_SITE),
        events=DN_EVENTS,
        unlicensed=UNLICENSED,
        violation=VIOLATION,
        recovery=RECOVERY,
    )
