"""Until License Reporting Manager was there once, Configuration Server lets no other product connect; later its absence is only logged.

So it is with Framework 8.5 (guide, "Mandatory Installation and Use in 8.5"; facts, LRM 1.9). What was verified once stays so: it is
remembered by whoever runs this. Only 25100 has a number that is known; 25101 and 25102 are ours.
"""

from __future__ import annotations

from typing import Final

import msgspec

from seatkeeper.base.logevents import Message

__all__ = [
    "CONFIGURATION_SERVER_TYPE",
    "LRM_CONNECTED",
    "LRM_LOST",
    "LRM_MISSING",
    "NAME_CHARS_MAX",
    "Answer",
    "Gate",
]

#: Configuration Server's number among the types of applications.
CONFIGURATION_SERVER_TYPE: Final = 21
LRM_CONNECTED: Final = 25_100
LRM_LOST: Final = 25_101
LRM_MISSING: Final = 25_102
#: As long as a product's name may be.
NAME_CHARS_MAX: Final = 100


class Answer(msgspec.Struct, frozen=True):
    """What a product is told, and what is logged.

    Attributes:
        allowed: It may connect.
        reason: Why it may not.
        messages: What Configuration Server logs.
    """

    allowed: bool
    reason: str = ""
    messages: tuple[Message, ...] = ()


class Gate:
    """Who may connect.

    Args:
        verified: License Reporting Manager was there before.
    """

    def __init__(self, verified: bool) -> None:
        self.verified = verified
        self._present = 0

    @property
    def present(self) -> bool:
        """License Reporting Manager is connected now."""
        return self._present > 0

    def lrm_connected(self) -> Answer:
        """An instance has connected and proved itself; the first one, or the first after a loss, is logged."""
        self._present += 1
        self.verified = True
        if self._present > 1:
            return Answer(True)
        return Answer(True, messages=(Message(LRM_CONNECTED, "LRM Server connected successfully, system operating normally"),))

    def lrm_gone(self) -> Answer:
        """An instance has gone; that of the last one is logged, and changes nothing for anybody else."""
        self._present -= 1
        if self._present:
            return Answer(True)
        return Answer(True, messages=(Message(LRM_LOST, "LRM Server is disconnected; other connections are not affected"),))

    def product_asks(self, name: str) -> Answer:
        """Another product wants to connect."""
        if self.verified:
            return Answer(True)
        text = f"Connection of '{name}' is refused: LRM Server has not been verified yet"
        return Answer(False, "License Reporting Manager has never been connected.", (Message(LRM_MISSING, text),))
