"""Which address a session tries next, and after what wait: every address in turn, and nobody is sent around for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.client.lease import backoff_s

if TYPE_CHECKING:
    from seatkeeper.client.path import Address

__all__ = ["HOPS_MAX", "Trip"]

#: How often in one attempt a server may send the client to another port.
HOPS_MAX: Final = 3


class Trip:
    """The way to one server, or to one of a triad's three; an attempt begins at the address that was good last."""

    def __init__(self, addresses: tuple[Address, ...]) -> None:
        self.address = addresses[0]
        self._addresses = addresses
        self._at = 0
        self._tried = 0
        self._hops = 0
        self._attempt = 0

    def begin(self) -> Address:
        """The first address of a new attempt."""
        self._tried = 0
        self._hops = 0
        self.address = self._addresses[self._at]
        return self.address

    def next(self) -> Address | None:
        """The address after one that has failed; None when all have."""
        self._hops = 0
        self._tried += 1
        self._at = (self._at + 1) % len(self._addresses)
        if self._tried >= len(self._addresses):
            return None
        self.address = self._addresses[self._at]
        return self.address

    def elsewhere(self, port: int) -> Address | None:
        """The port of the same host that a server names; None when it has been going on for too long."""
        if self._hops >= HOPS_MAX:
            return None
        self._hops += 1
        self.address = msgspec.structs.replace(self.address, port=port)
        return self.address

    def arrived(self) -> None:
        """The session is open: the next wait is a short one again."""
        self._attempt = 0

    def wait_s(self, draw: float, longest_s: float) -> float:
        """How long to wait before the next attempt."""
        self._attempt += 1
        return backoff_s(self._attempt - 1, draw, longest_s)
