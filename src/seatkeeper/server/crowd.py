"""No address takes all connections, and administrators always find one free.

A crowd counts the connections of one process: all of them, and those of each address. Some of the total, the *room*, is kept for
administrators. Who is known as one when he comes (through the Unix socket) may use all of it. Of the others nobody can tell until
they have said who they are, so half of the room is lent to them; who then turns out to be a client is sent away.

This machine's own addresses have no limit of their own: many applications run here, or behind a forwarder that makes them look so.
IPv6 addresses count by their first 64 bits, which is what one customer of a network has.
"""

from __future__ import annotations

import ipaddress
from typing import Final, Literal

__all__ = ["ADDRESS_CONNECTIONS_MAX", "ROOM_CONNECTIONS", "Crowd", "address_key"]

#: Connections of one address, unless lmgrd was started with another number.
ADDRESS_CONNECTIONS_MAX: Final = 2000
#: Connections that are kept for administrators (FlexNet keeps 30: facts, Reliability 4).
ROOM_CONNECTIONS: Final = 32

Place = Literal["yes", "lent", "full", "crowded"]


class Crowd:
    """Counts connections.

    Args:
        total_max: So many there may be, the room among them. Below twice the room, half of the total is the room.
        address_max: So many of one address; 0 for any number.

    Attributes:
        count: How many there are.
        clients_limit: The options file's MAX_CONNECTIONS, 0 for none: so many clients, where there is room for more.
    """

    def __init__(self, total_max: int, address_max: int = ADDRESS_CONNECTIONS_MAX) -> None:
        self.count = 0
        self.total_max = total_max
        self.address_max = address_max
        self.clients_limit = 0
        self._by_address: dict[str, int] = {}

    @property
    def clients_max(self) -> int:
        """How many connections others than administrators may have."""
        room = self.total_max - self._room
        return min(room, self.clients_limit) if self.clients_limit else room

    @property
    def _room(self) -> int:
        return min(ROOM_CONNECTIONS, self.total_max // 2)

    def enter(self, address: str, *, administrator: bool = False) -> Place:
        """Counts a connection in, and says what for.

        Args:
            address: `address_key` of the other side; empty where it has no limit.
            administrator: True where he is known as one.

        Returns:
            "yes"; "lent", where it is for administrators only; and, not counted in, "full" or "crowded" (too many of the address).
        """
        if address and self.address_max and self._by_address.get(address, 0) >= self.address_max and not administrator:
            return "crowded"
        most = self.total_max if administrator else self.clients_max + self._room - self._room // 2
        if self.count >= most:
            return "full"
        lent = not administrator and self.count >= self.clients_max
        self.count += 1
        if address:
            self._by_address[address] = self._by_address.get(address, 0) + 1
        return "lent" if lent else "yes"

    def leave(self, address: str) -> None:
        """Counts a connection out."""
        self.count -= 1
        if address:
            left = self._by_address.get(address, 0) - 1
            if left > 0:
                self._by_address[address] = left
            else:
                self._by_address.pop(address, None)


def address_key(address: str) -> str:
    """What an address counts as; empty for one of this machine's loopback addresses, and for what is no address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return "" if found.is_loopback else str(ipaddress.IPv6Network((found, 64), strict=False))
        found = found.ipv4_mapped
    return "" if found.is_loopback else str(found)
