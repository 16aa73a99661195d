"""What applications import: the client for asyncio, with its blocking twin in `seatkeeper.sdk.blocking`.

from seatkeeper.sdk import Client, LicenseError
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.base.errors import LicenseError

if TYPE_CHECKING:
    from seatkeeper.client.events import HeartbeatLost, LicenseLost, LicenseRestored, Reconnected, Waiting
    from seatkeeper.client.profile import Limits
    from seatkeeper.sdk.client import Client, Seat

__all__ = ["Client", "HeartbeatLost", "LicenseError", "LicenseLost", "LicenseRestored", "Limits", "Reconnected", "Seat", "Waiting"]


def __getattr__(name: str) -> object:
    # The administrative tools import sdk.admin, which needs neither asyncio nor the client.
    if name in __all__:
        from seatkeeper.client import profile
        from seatkeeper.sdk import client

        return getattr(client, name, None) or getattr(profile, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
