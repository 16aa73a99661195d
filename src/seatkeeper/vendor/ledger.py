"""Who holds what: the ledger is a fold over the log's entries, the same after a replay as while it was written.

Seats change hands by entries only, in `apply` or its halves `check_out` and `check_in`, live and in a replay. The pools'
counts follow the ledger, never the other way: pools are made from the license file and can be exchanged by a reread, the ledger stays.

A handle's seats are *held* by a session, or *kept*: given back and still out, because they linger or are borrowed. A session that
has ended lives on, `over`, as long as seats of it are kept.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from seatkeeper.base.values import version_satisfies
from seatkeeper.licfile.options_model import Rule
from seatkeeper.pools.access import Reservation
from seatkeeper.pools.accounts import Charge, Shared
from seatkeeper.pools.decision import Asker, Terms
from seatkeeper.pools.grouping import suite_pool
from seatkeeper.pools.subjects import Who
from seatkeeper.vendor.entries import (
    CheckedIn,
    CheckedOut,
    Dequeued,
    Entry,
    Lingering,
    Queued,
    Revoked,
    SeatState,
    SessionBegun,
    SessionEnded,
    SessionState,
    Snapshot,
)
from seatkeeper.vendor.seats import Seat, Session, Waiter, host_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seatkeeper.pools.access import Rights
    from seatkeeper.pools.counted import Pool

__all__ = ["FIRST_HANDLE", "Ledger"]

#: Where handles begin, as FlexNet administrators see them.
FIRST_HANDLE: Final = 101


class Ledger:
    """All sessions that hold seats, all seats, all waiting requests, and the pools that count the seats.

    Attributes:
        terms: On what terms the pools are open.
        kept: The seats that are out although nobody holds them.
        queues: The waiting requests by feature in lower case, in the order in which they came.
        waiting: How many of them are shown under a pool, by feature in lower case and the pool's key.
        latest: The highest time that the log has seen.
    """

    def __init__(self, terms: Terms | None = None) -> None:
        self.terms = terms if terms is not None else Terms(date.min)
        self.seats: dict[int, Seat] = {}
        self.kept: dict[int, Seat] = {}
        self.queues: dict[str, dict[int, Waiter]] = {}
        self.waiting: dict[tuple[str, str], int] = {}
        self.waiters: dict[int, Waiter] = {}
        self.sessions: dict[int, Session] = {}
        self.by_digest: dict[str, Session] = {}
        self.next_handle = FIRST_HANDLE
        self.next_session = 1
        self.latest = 0.0

    @property
    def pools(self) -> Mapping[str, Sequence[Pool]]:
        """All pools by feature name in lower case."""
        return self.terms.pools

    def apply(self, entry: Entry) -> Seat | None:
        """Takes one entry into account; returns the seat that it is about.

        An entry that does not fit (a checkin of an unknown handle) changes nothing: a replay must accept every log that a
        live daemon could have written.
        """
        kind = type(entry)
        if kind is CheckedOut:
            return self.check_out(entry)  # type: ignore[arg-type]
        if kind is CheckedIn:
            return self.check_in(entry.handle)  # type: ignore[union-attr]
        if isinstance(entry, SessionBegun):
            self._begin(entry)
        elif isinstance(entry, SessionEnded):
            self.forget(entry.session)
        elif isinstance(entry, Lingering):
            return self._keep(entry)
        elif isinstance(entry, Revoked):
            seat = self.seats.get(entry.handle)
            if seat is not None:
                seat.revoked = True
            return seat
        elif isinstance(entry, Queued):
            self._queue(entry)
        elif isinstance(entry, Dequeued):
            self._dequeue(entry.handle)
        elif isinstance(entry, Snapshot):
            self._restore(entry)
        return None

    # Sessions --------------------------------------------------------------------------------------------------------

    def open_session(
        self, digest: str, user: str, host: str, display: str, pid: int, project: str, application: str, address: str = ""
    ) -> Session:
        """A new session, which the log does not know until it holds a seat."""
        session = Session(self.next_session, digest, user, host, display, pid, project, application, address)
        self.next_session += 1
        self.sessions[session.number] = session
        self.by_digest[digest] = session
        return session

    def forget(self, number: int) -> None:
        """Drops a session; seats that it held must have been checked in, and it lives on, over, with those that are kept."""
        session = self.sessions.get(number)
        if session is None:
            return
        # The same client may have begun another session by now.
        if self.by_digest.get(session.digest) is session:
            del self.by_digest[session.digest]
        session.over = True
        session.connection = None
        if not session.seats:
            del self.sessions[number]

    def asker(self, session: Session, display: str = "", data: str = "") -> Asker:
        """What the pools and the options file are told about who asks; one and the same for the session's usual display."""
        usual = not data and (not display or display == session.display)
        if usual and session.asker is not None:
            return session.asker
        who = Who(session.user, session.host, display or session.display, session.project, session.address)
        asker = Asker(who, session.platform, host_facts(session, who.display), data)
        if usual:
            session.asker = asker
        return asker

    def _begin(self, entry: SessionBegun) -> None:
        session = self.sessions.get(entry.session)
        if session is None or session.digest != entry.digest:
            names = entry.user, entry.host, entry.display
            session = Session(entry.session, entry.digest, *names, entry.pid, entry.project, entry.application, entry.address)
            self.sessions[entry.session] = session
            self.by_digest[entry.digest] = session
            self.next_session = max(self.next_session, entry.session + 1)
        session.begun = True

    # Seats -----------------------------------------------------------------------------------------------------------

    def check_out(self, entry: CheckedOut, pool: Pool | None = None, right: Rights | None = None) -> Seat | None:
        """Applies a checkout; `pool` and `right` are where it counts and by what right, for who knows that."""
        session = self.sessions.get(entry.session)
        if session is None:
            return None
        handle = entry.handle
        seat = Seat(
            handle,
            session,
            entry.request,
            entry.feature,
            entry.pool,
            entry.version,
            entry.count,
            entry.display or session.display,
            entry.at,
            data=entry.data,
            borrow_until=entry.borrow_until,
        )
        self.seats[handle] = seat
        if session.seats is None:
            session.seats = {}
        session.seats[handle] = seat
        session.held += entry.count
        if entry.request > session.asked:
            session.asked = entry.request
        if handle >= self.next_handle:
            self.next_handle = handle + 1
        seat.pool = pool = pool or self._find_pool(seat.feature, seat.pool_key)
        if pool is not None:
            if pool.special or self.terms.access is not None:
                self._charge(seat, pool, right)
            else:
                pool.in_use += entry.count
        return seat

    def check_in(self, handle: int) -> Seat | None:
        """Applies the checkin of a handle, held or kept."""
        seat = self.seats.pop(handle, None)
        if seat is None:
            return None
        session = seat.session
        if session.seats is not None:
            session.seats.pop(handle, None)
        if not seat.until:
            session.held -= seat.count
        else:
            self.kept.pop(handle, None)
        if session.over and not session.seats:
            self.sessions.pop(session.number, None)
        self.uncount(seat)
        return seat

    def uncount(self, seat: Seat) -> None:
        """The seat counts in its pool no longer."""
        if seat.charge is not None:
            _discharge(seat)
        elif seat.pool is not None:
            seat.pool.in_use -= seat.count

    def recount(self, seat: Seat) -> None:
        """The seat counts in its pool again, by what the options file says now."""
        if seat.pool is not None:
            self._charge(seat, seat.pool, None)

    def _keep(self, entry: Lingering) -> Seat | None:
        """The holder has given the seats back, and they stay out."""
        seat = self.seats.get(entry.handle)
        if seat is None:
            return None
        if not seat.until:
            seat.session.held -= seat.count
        seat.until = entry.until
        seat.revoked = False
        self.kept[entry.handle] = seat
        return seat

    # Waiting ---------------------------------------------------------------------------------------------------------

    def _queue(self, entry: Queued) -> None:
        session = self.sessions.get(entry.session)
        if session is None:
            return
        waiter = Waiter(
            entry.handle,
            session,
            entry.request,
            entry.feature,
            entry.pool,
            entry.version,
            entry.count,
            entry.up_to,
            entry.display,
            entry.data,
            entry.at,
        )
        name = entry.feature.lower()
        self.waiters[entry.handle] = waiter
        self.queues.setdefault(name, {})[entry.handle] = waiter
        self.waiting[name, entry.pool] = self.waiting.get((name, entry.pool), 0) + 1
        if session.waits is None:
            session.waits = {}
        session.waits[entry.handle] = waiter
        if entry.request > session.asked:
            session.asked = entry.request
        self.next_handle = max(self.next_handle, entry.handle + 1)

    def _dequeue(self, handle: int) -> None:
        waiter = self.waiters.pop(handle, None)
        if waiter is None:
            return
        name = waiter.feature.lower()
        queue = self.queues[name]
        del queue[handle]
        if not queue:
            del self.queues[name]
        place = name, waiter.pool_key
        self.waiting[place] -= 1
        if not self.waiting[place]:
            del self.waiting[place]
        if waiter.session.waits is not None:
            waiter.session.waits.pop(handle, None)

    # Pools -----------------------------------------------------------------------------------------------------------

    def exchange_pools(self, terms: Terms) -> None:
        """Counts all seats in other pools; one whose pool is gone in a pool that would meet its request, and without such nowhere."""
        self.terms = terms
        self.forget_rights()
        orphans: list[Seat] = []
        for seat in self.seats.values():
            seat.charge = seat.counter = None
            seat.pool = pool = self._find_pool(seat.feature, seat.pool_key)
            if pool is not None:
                self._charge(seat, pool, None)
            else:
                orphans.append(seat)
        # A line of a new version in place of the old one: its seats are those that are in use already, not further ones.
        for seat in orphans:
            heirs = [
                p for p in terms.pools.get(seat.feature.lower(), ()) if p.good and version_satisfies(p.version, seat.version, terms.rule)
            ]
            if heirs:
                seat.pool = pool = next((p for p in heirs if not p.counted or p.free >= seat.count), heirs[0])
                self._charge(seat, pool, None)

    def forget_rights(self) -> None:
        """What the options file says is to be found out anew: for other pools, or on another day."""
        for session in self.sessions.values():
            if session.asker is not None and session.asker.rights:
                session.asker.rights = {}

    def holders(self) -> list[tuple[Who, str, str]]:
        """Who holds seats, of which feature and pool."""
        seats = self.seats.values()
        return [(Who((s := t.session).user, s.host, t.display, s.project, s.address), t.feature, t.pool_key) for t in seats]

    def _charge(self, seat: Seat, pool: Pool, right: Rights | None) -> None:
        """Counts a seat in its pool, with all that belongs to it: reservations, ceilings, its group, its suite."""
        access = self.terms.access
        if access is None and not pool.special:
            pool.in_use += seat.count
            return
        session = seat.session
        reservations: tuple[Reservation, ...] = ()
        limits = right.limits if right is not None else ()
        if right is None and access is not None:
            asker = self.asker(session, seat.display, seat.data)
            right = asker.rights.get(pool)
            if right is None:
                right = asker.rights[pool] = access.rights(pool, asker.who)
            limits = right.limits
        if right is not None:
            # Of an uncounted license nothing can be kept for anybody.
            reservations = right.reservations if pool.counted else ()
        if not pool.special:
            seat.charge = charge = Charge(pool, limits, reservations)
            charge.set(seat.count)
            return
        who = (session.user, session.host, seat.display, seat.data)
        if pool.suite:
            seat.counter = counter = self._join_suite(seat, pool, who)
            if counter is not None:
                reservations = (*(kept for other, kept in counter.held if other is pool), *reservations)
        if not pool.mask:
            seat.charge = charge = Charge(pool, limits, reservations)
            charge.set(seat.count)
            return
        key = pool.group_key(*who)
        shared = pool.groups.get(key)
        if shared is None:
            shared = pool.groups[key] = Shared(pool, key)
        seat.charge = shared
        shared.join(seat.handle, seat.count, limits, reservations)

    def _join_suite(self, seat: Seat, pool: Pool, who: tuple[str, str, str, str]) -> Shared | None:
        """The group of the suite that the component belongs to, one seat of the suite's own feature for all its components."""
        counter = suite_pool(pool, self.pools)
        if counter is None:
            return None
        key = counter.suite_key(*who)
        shared = counter.groups.get(key)
        if shared is None:
            shared = counter.groups[key] = Shared(counter, key)
            if pool.suite == "SUITE_RESERVED":
                self._hold_components(shared, pool.package, who[0])
        shared.join(seat.handle, seat.count)
        return shared

    def _hold_components(self, shared: Shared, package: str, user: str) -> None:
        """The first component reserves all of the package for that user (facts, FlexNet 1.7, SUITE_RESERVED)."""
        for pools in self.pools.values():
            for pool in pools:
                if pool.package == package and suite_pool(pool, self.pools) is shared.pool:
                    reservation = Reservation(Rule("SUITE_RESERVED", 0, f"PACKAGE {package}", None, "USER", user, 1), people=0)
                    shared.held.append((pool, reservation))
                    pool.reservations.append(reservation)
                    pool.fit_reservations()

    def _find_pool(self, feature: str, key: str) -> Pool | None:
        for pool in self.pools.get(feature.lower(), ()):
            if pool.key == key:
                return pool
        return None

    def settle(self, pool: Pool) -> None:
        """Where a reservation has become smaller than what is taken from it, the rest comes out of others, or is open."""
        if any(reservation.used > reservation.count for reservation in pool.reservations):
            for seat in self.in_pool(pool):
                if seat.charge is not None and seat.charge.reservations:
                    seat.charge.settle()

    def in_pool(self, pool: Pool) -> Iterator[Seat]:
        """The seats that count in a pool."""
        return (seat for seat in self.seats.values() if seat.pool is pool)

    # Snapshots -------------------------------------------------------------------------------------------------------

    def snapshot(self, at: float) -> Snapshot:
        """The ledger as one entry."""
        return Snapshot(
            at=at,
            next_handle=self.next_handle,
            next_session=self.next_session,
            sessions=[
                SessionState(s.number, s.digest, s.user, s.host, s.display, s.pid, s.project, s.application, s.address, s.over)
                for s in self.sessions.values()
                if s.begun
            ],
            seats=[
                SeatState(
                    s.handle,
                    s.session.number,
                    s.request,
                    s.feature,
                    s.pool_key,
                    s.version,
                    s.count,
                    s.display,
                    s.since,
                    s.data,
                    s.borrow_until,
                    s.until,
                    s.revoked,
                )
                for s in self.seats.values()
            ],
            waiters=[
                Queued(
                    w.since, w.session.number, w.request, w.handle, w.feature, w.pool_key, w.version, w.count, w.display, w.data, w.up_to
                )
                for w in self.waiters.values()
            ],
            latest=max(self.latest, at),
        )

    def _restore(self, snapshot: Snapshot) -> None:
        for handle in list(self.seats):
            self.check_in(handle)
        self.waiters.clear()
        self.queues.clear()
        self.waiting.clear()
        self.sessions.clear()
        self.by_digest.clear()
        for s in snapshot.sessions:
            self._begin(
                SessionBegun(snapshot.at, s.session, s.digest, s.user, s.host, s.display, s.pid, s.project, s.application, s.address)
            )
        for t in snapshot.seats:
            seat = self.check_out(
                CheckedOut(
                    t.since, t.session, t.request, t.handle, t.feature, t.pool, t.version, t.count, t.display, t.data, t.borrow_until
                )
            )
            if seat is not None:
                if t.until:
                    self._keep(Lingering(snapshot.at, t.handle, t.until))
                seat.revoked = t.revoked
        for waiter in snapshot.waiters:
            self._queue(waiter)
        for s in snapshot.sessions:
            if s.over:
                self.forget(s.session)
        self.next_handle = snapshot.next_handle
        self.next_session = snapshot.next_session
        self.latest = max(self.latest, snapshot.latest)

    def story(self, handle: int) -> str:
        """One line about a handle, for error messages and tests."""
        seat = self.seats.get(handle)
        if seat is None:
            return f"{handle}: waits" if handle in self.waiters else f"{handle}: not held"
        kept = f", kept until {seat.until:g}" if seat.until else ""
        return f"{handle}: {seat.count} of {seat.feature} v{seat.version} by {seat.session.user}@{seat.session.host}{kept}"

    def check(self) -> None:
        """Raises AssertionError where an invariant does not hold (invariants.py)."""
        from seatkeeper.vendor.invariants import check_ledger

        check_ledger(self)


def _discharge(seat: Seat) -> None:
    """Takes a seat out of its pool's account, its group and its suite."""
    charge, counter = seat.charge, seat.counter
    if isinstance(charge, Shared):
        charge.part(seat.handle)
        if not charge.members:
            del charge.pool.groups[charge.key]
    elif charge is not None:
        charge.set(0)
    if counter is not None:
        counter.part(seat.handle)
        if not counter.members:
            del counter.pool.groups[counter.key]
            for pool, reservation in counter.held:
                pool.reservations.remove(reservation)
                pool.fit_reservations()
    seat.charge = seat.counter = None
