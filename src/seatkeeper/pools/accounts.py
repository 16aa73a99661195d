"""What is taken from a pool is on exactly one account, and an account comes off as it went on.

A *charge* is what one checkout takes: seats of the pool, first those that the options file reserves for its holder, then open
ones; and as many of each ceiling (MAX) that counts the holder. Where several checkouts share a license by duplicate grouping,
they share one charge, of as many seats as the largest of them (facts, FlexNet 9.6).

Seats in use come out of the holder's reservation as long as it has room, whatever the order of checkouts and checkins: when a
reservation gets room, a charge that made do with open seats moves into it. Otherwise idle reservations would lock others
out although their owners are served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.pools.access import Limit, Reservation
    from seatkeeper.pools.counted import Pool

__all__ = ["Charge", "Shared"]


class Charge:
    """Seats of a pool on one account.

    Attributes:
        count: How many seats.
        taken: How many of them come out of which reservation.
    """

    __slots__ = ("count", "limits", "pool", "reservations", "taken")

    def __init__(self, pool: Pool, limits: Sequence[Limit] = (), reservations: Sequence[Reservation] = ()) -> None:
        self.pool = pool
        self.limits = limits
        self.reservations = reservations
        self.count = 0
        self.taken: dict[Reservation, int] = {}

    @property
    def open(self) -> int:
        """Seats that come out of no reservation."""
        return self.count - sum(self.taken.values())

    def set(self, count: int) -> None:
        """Brings the charge to `count` seats; 0 ends it."""
        more = count - self.count
        if not more:
            return
        self.count = count
        self.pool.in_use += more
        for limit in self.limits:
            limit.used += more
        if self.reservations:
            if more > 0:
                self._fill()
            else:
                self._trim()

    def _fill(self) -> None:
        """Moves open seats into reservations with room, and waits at those that have none."""
        rest = self.open
        for reservation in self.reservations:
            part = min(reservation.idle, rest)
            if part > 0:
                self.taken[reservation] = self.taken.get(reservation, 0) + part
                reservation.used += part
                self.pool.reserved_idle -= part
                rest -= part
        for reservation in self.reservations:
            if rest > 0:
                self.pool.wanting.setdefault(reservation, {})[self] = None
            else:
                self._leave(reservation)

    def _trim(self) -> None:
        """Gives back what the reservations hold beyond the count, for others who make do with open seats."""
        excess = -self.open
        if excess >= 0:
            for reservation in self.reservations:
                self._leave(reservation)
        freed: list[Reservation] = []
        for reservation in reversed(self.reservations):
            part = min(self.taken.get(reservation, 0), excess)
            if part > 0:
                excess -= part
                left = self.taken[reservation] - part
                if left:
                    self.taken[reservation] = left
                else:
                    del self.taken[reservation]
                idle = reservation.idle
                reservation.used -= part
                self.pool.reserved_idle += reservation.idle - idle
                freed.append(reservation)
        for reservation in freed:
            while reservation.idle and (waiting := self.pool.wanting.get(reservation)):
                other = next(iter(waiting))
                other._fill()

    def _leave(self, reservation: Reservation) -> None:
        waiting = self.pool.wanting.get(reservation)
        if waiting is not None:
            waiting.pop(self, None)
            if not waiting:
                del self.pool.wanting[reservation]


class Shared(Charge):
    """The charge of a group of checkouts that share a license.

    Attributes:
        key: What they have in common.
        members: Seats of each, by handle.
        held: In a SUITE_RESERVED package, the reservations in the other components that end with the group.
    """

    __slots__ = ("held", "key", "members")

    def __init__(self, pool: Pool, key: str, limits: Sequence[Limit] = (), reservations: Sequence[Reservation] = ()) -> None:
        super().__init__(pool, limits, reservations)
        self.key = key
        self.members: dict[int, int] = {}
        self.held: list[tuple[Pool, Reservation]] = []

    def join(self, handle: int, count: int) -> None:
        """Counts one more checkout in, or the same with another count."""
        self.members[handle] = count
        self.set(max(self.members.values()))

    def part(self, handle: int) -> None:
        """A checkout ends."""
        if self.members.pop(handle, None) is not None:
            self.set(max(self.members.values(), default=0))
