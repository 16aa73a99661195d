"""CTI-less T-Server is licensed as a T-Server is: seat DNs, hot standby, calls between sites."""

from __future__ import annotations

from seatkeeper.apps.profile import License
from seatkeeper.apps.tserver import DN_OPTIONS, MULTI_SITE, PAIR_LICENSES, TServerFamily, tserver_profile

__all__ = ["CtiLessTServer"]


class CtiLessTServer(TServerFamily):
    """CTI-less T-Server (guide, CTI-Less T-Server)."""

    profile = tserver_profile(
        type="ctiless-tserver",
        name="CTI-Less T-Server",
        source="guide, CTI-Less T-Server",
        licenses=(
            License("tserver_sdn", "8.0", "bulk at startup", "seat DNs"),
            *PAIR_LICENSES,
        ),
        options=(*DN_OPTIONS, MULTI_SITE),
    )
