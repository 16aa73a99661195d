"""What is taken from a pool is on exactly one account, and an account comes off as it went on.

A *charge* is what one checkout takes: seats of the pool, first those that the options file reserves for its holder, then open
ones; and as many of each ceiling (MAX) that counts the holder. Where several checkouts share a license by duplicate grouping,
they share one charge, of as many seats as the largest of them (facts, FlexNet 9.6). Its seats may come out of what is reserved for any
of those who share it, and a ceiling counts as many of them as the largest checkout of somebody whom it counts.

Seats in use come out of the holder's reservation as long as it has room, whatever the order of checkouts and checkins: when a
reservation gets room, a charge that made do with open seats, or with those that are reserved for more people, moves into it. Otherwise
idle reservations would lock others out although their owners are served. All charges prefer the same reservations, those that are for
fewer people (`Reservation.order`), so moving comes to an end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seatkeeper.pools.access import Limit, Reservation
    from seatkeeper.pools.counted import Pool

__all__ = ["Charge", "Shared", "fill"]


class Charge:
    """Seats of a pool on one account.

    Attributes:
        count: How many seats.
        limits: The ceilings that count them.
        reservations: Those out of which they may come, in that order.
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
        self.count = count
        self.pool.in_use += more
        for limit in self.limits:
            limit.used += more
        if self.reservations:
            if count or self.pool.wanting:
                self.settle()
            else:
                # The usual end: nobody waits for what goes back.
                for reservation, part in self.taken.items():
                    self._count(reservation, -part)
                self.taken.clear()

    def settle(self) -> None:
        """Takes from each reservation in turn as far as it has room, gives back what is too much, and waits where it could take more."""
        rest = self.count
        freed: list[Reservation] = []
        wanting = self.pool.wanting
        for reservation in self.reservations:
            had = self.taken.get(reservation, 0)
            # A reservation that has become smaller than what is taken from it has less than no room.
            part = max(0, min(had + reservation.count - reservation.used, rest))
            if part != had:
                self._take(reservation, part - had)
                if part < had:
                    freed.append(reservation)
            rest -= part
            if rest:
                wanting.setdefault(reservation, {})[self] = None
            elif wanting:
                self._leave(reservation)
        if freed and wanting:
            fill(self.pool, freed)

    def _take(self, reservation: Reservation, more: int) -> None:
        taken = self.taken.get(reservation, 0) + more
        if taken:
            self.taken[reservation] = taken
        else:
            del self.taken[reservation]
        self._count(reservation, more)

    def _count(self, reservation: Reservation, more: int) -> None:
        idle = reservation.idle
        reservation.used += more
        self.pool.reserved_idle += reservation.idle - idle

    def _leave(self, reservation: Reservation) -> None:
        waiting = self.pool.wanting.get(reservation)
        if waiting is not None:
            waiting.pop(self, None)
            if not waiting:
                del self.pool.wanting[reservation]


def fill(pool: Pool, reservations: Iterable[Reservation]) -> None:
    """Moves charges that make do with other seats into reservations that have got room."""
    for reservation in reservations:
        while reservation.idle and (waiting := pool.wanting.get(reservation)):
            next(iter(waiting)).settle()


class Shared(Charge):
    """The charge of a group of checkouts that share a license.

    Attributes:
        key: What they have in common.
        members: By handle, the seats of each, the ceilings that count it, and the reservations that are for it.
        held: In a SUITE_RESERVED package, the reservations in the other components that end with the group.
    """

    __slots__ = ("_counts", "_entitled", "_limited", "held", "key", "members")

    def __init__(self, pool: Pool, key: str) -> None:
        super().__init__(pool)
        self.key = key
        self.members: dict[int, tuple[int, Sequence[Limit], Sequence[Reservation]]] = {}
        self.held: list[tuple[Pool, Reservation]] = []
        self._counts = _Tally()
        self._limited: dict[Limit, _Tally] = {}
        self._entitled: dict[Reservation, int] = {}

    def under(self, limit: Limit) -> int:
        """How many seats of the charge the ceiling counts."""
        tally = self._limited.get(limit)
        return tally.top if tally is not None else 0

    def join(self, handle: int, count: int, limits: Sequence[Limit] = (), reservations: Sequence[Reservation] = ()) -> None:
        """Counts one more checkout in."""
        self.members[handle] = (count, limits, reservations)
        self._counts.add(count)
        for limit in limits:
            tally = self._limited.setdefault(limit, _Tally())
            limit.used -= tally.top
            tally.add(count)
            limit.used += tally.top
        for reservation in reservations:
            self._entitled[reservation] = self._entitled.get(reservation, 0) + 1
        if reservations:
            self.reservations = _in_order(self._entitled)
        self.set(self._counts.top)

    def part(self, handle: int) -> None:
        """A checkout ends."""
        member = self.members.pop(handle, None)
        if member is None:
            return
        count, limits, reservations = member
        self._counts.remove(count)
        for limit in limits:
            tally = self._limited[limit]
            limit.used -= tally.top
            tally.remove(count)
            limit.used += tally.top
            if not tally:
                del self._limited[limit]
        freed: list[Reservation] = []
        for reservation in reservations:
            self._entitled[reservation] -= 1
            if not self._entitled[reservation]:
                del self._entitled[reservation]
                freed.append(reservation)
                self._leave(reservation)
                if reservation in self.taken:
                    self._take(reservation, -self.taken[reservation])
        if freed:
            self.reservations = _in_order(self._entitled)
        self.set(self._counts.top)
        fill(self.pool, freed)


class _Tally(dict[int, int]):
    """How often each number of seats occurs among checkouts."""

    @property
    def top(self) -> int:
        return max(self, default=0)

    def add(self, count: int) -> None:
        self[count] = self.get(count, 0) + 1

    def remove(self, count: int) -> None:
        if self[count] > 1:
            self[count] -= 1
        else:
            del self[count]


def _in_order(reservations: Iterable[Reservation]) -> tuple[Reservation, ...]:
    """In the order in which all charges take from them; what a suite keeps comes first."""
    return tuple(sorted(reservations, key=lambda reservation: reservation.order))
