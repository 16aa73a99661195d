"""Who holds what: the ledger is a fold over the log's entries, the same after a replay as while it was written.

Seats change hands by entries only, in `apply` or its halves `check_out` and `check_in`, live and in a replay. The pools'
counts follow the ledger, never the other way: pools are made from the license file and can be exchanged by a reread, the ledger stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.values import version_satisfies
from seatkeeper.vendor.entries import (
    CheckedIn,
    CheckedOut,
    Entry,
    SeatState,
    SessionBegun,
    SessionEnded,
    SessionState,
    Snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatkeeper.base.values import VersionRule
    from seatkeeper.pools.counted import Pool
    from seatkeeper.vendor.events import Connection

__all__ = ["FIRST_HANDLE", "Ledger", "Seat", "Session"]

#: Where handles begin, as FlexNet administrators see them.
FIRST_HANDLE: Final = 101


class Session:
    """One client, for as long as it lives, over all its connections.

    Attributes:
        number: How the log calls it.
        who: User and host, as the debug log writes them.
        connection: Where it is connected; None while it has not come back after a restart.
        heard: When it last showed that it lives, on the daemon's monotonic clock.
        begun: True once the log knows it, which it does from its first seat on.
        seats: Its seats by handle; None before the first.
        held: How many seats these are.
        asked: The highest request number seen.
        shown: By feature, the signed lines that this connection was last sent.
    """

    __slots__ = (
        "application",
        "asked",
        "begun",
        "connection",
        "digest",
        "display",
        "heard",
        "held",
        "host",
        "number",
        "pid",
        "project",
        "seats",
        "shown",
        "user",
        "who",
    )

    def __init__(self, number: int, digest: str, user: str, host: str, display: str, pid: int, project: str, application: str) -> None:
        self.number = number
        self.digest = digest
        self.user = user
        self.host = host
        self.who = f"{user}@{host}"
        self.display = display
        self.pid = pid
        self.project = project
        self.application = application
        self.connection: Connection | None = None
        self.heard = 0.0
        self.begun = False
        self.seats: dict[int, Seat] | None = None
        self.held = 0
        self.asked = -1
        self.shown: dict[str, str] | None = None


class Seat(msgspec.Struct, eq=False):
    """The seats of one handle.

    Attributes:
        pool: Where they count; None while no license line covers them (after a reread), and they count nowhere.
        pool_key: Which pool of the feature gave them.
        version: The version that was asked for.
        since: Unix time of the checkout.
    """

    handle: int
    session: Session
    request: int
    feature: str
    pool_key: str
    version: str
    count: int
    display: str
    since: float
    pool: Pool | None = None


class Ledger:
    """All sessions that hold seats, all seats, and the pools that count them."""

    def __init__(self) -> None:
        self.pools: Mapping[str, Sequence[Pool]] = {}
        self.seats: dict[int, Seat] = {}
        self.sessions: dict[int, Session] = {}
        self.by_digest: dict[str, Session] = {}
        self.next_handle = FIRST_HANDLE
        self.next_session = 1

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
        elif isinstance(entry, Snapshot):
            self._restore(entry)
        return None

    def open_session(self, digest: str, user: str, host: str, display: str, pid: int, project: str, application: str) -> Session:
        """A new session, which the log does not know until it holds a seat."""
        session = Session(self.next_session, digest, user, host, display, pid, project, application)
        self.next_session += 1
        self.sessions[session.number] = session
        self.by_digest[digest] = session
        return session

    def forget(self, number: int) -> None:
        """Drops a session; its seats must have been checked in."""
        session = self.sessions.pop(number, None)
        if session is not None:
            self.by_digest.pop(session.digest, None)

    def exchange_pools(self, pools: Mapping[str, Sequence[Pool]], rule: VersionRule) -> None:
        """Counts all seats in other pools; one whose pool is gone in a pool that would meet its request, and without such nowhere."""
        self.pools = pools
        orphans: list[Seat] = []
        for seat in self.seats.values():
            seat.pool = pool = self._find_pool(seat)
            if pool is not None:
                pool.in_use += seat.count
            else:
                orphans.append(seat)
        # A line of a new version in place of the old one: its seats are those that are in use already, not further ones.
        for seat in orphans:
            heirs = [p for p in pools.get(seat.feature.lower(), ()) if p.good and version_satisfies(p.version, seat.version, rule)]
            if heirs:
                seat.pool = pool = next((p for p in heirs if not p.counted or p.free >= seat.count), heirs[0])
                pool.in_use += seat.count

    def snapshot(self, at: float) -> Snapshot:
        """The ledger as one entry."""
        return Snapshot(
            at=at,
            next_handle=self.next_handle,
            next_session=self.next_session,
            sessions=[
                SessionState(s.number, s.digest, s.user, s.host, s.display, s.pid, s.project, s.application)
                for s in self.sessions.values()
                if s.begun
            ],
            seats=[
                SeatState(s.handle, s.session.number, s.request, s.feature, s.pool_key, s.version, s.count, s.display, s.since)
                for s in self.seats.values()
            ],
        )

    def story(self, handle: int) -> str:
        """One line about a handle, for error messages and tests."""
        seat = self.seats.get(handle)
        if seat is None:
            return f"{handle}: not held"
        return f"{handle}: {seat.count} of {seat.feature} v{seat.version} by {seat.session.user}@{seat.session.host}"

    def check(self) -> None:
        """Raises AssertionError where an invariant does not hold; for tests and the simulations."""
        used: dict[Pool, int] = {}
        for handle, seat in self.seats.items():
            assert seat.handle == handle < self.next_handle, self.story(handle)
            assert seat.session.begun, self.story(handle)
            assert self.sessions.get(seat.session.number) is seat.session, self.story(handle)
            assert (seat.session.seats or {}).get(handle) is seat, self.story(handle)
            if seat.pool is not None:
                used[seat.pool] = used.get(seat.pool, 0) + seat.count
        for pools in self.pools.values():
            for pool in pools:
                assert pool.in_use == used.get(pool, 0), f"{pool.feature} {pool.key}: counts {pool.in_use}, holds {used.get(pool, 0)}"
        for session in self.sessions.values():
            assert self.by_digest.get(session.digest) is session, f"session {session.number} is not found by its digest"
            assert session.held == sum(seat.count for seat in (session.seats or {}).values()), f"session {session.number} miscounts"
            for handle in session.seats or ():
                assert handle in self.seats, f"{handle} of session {session.number} is not in the ledger"

    def _begin(self, entry: SessionBegun) -> None:
        session = self.sessions.get(entry.session)
        if session is None or session.digest != entry.digest:
            session = Session(
                entry.session, entry.digest, entry.user, entry.host, entry.display, entry.pid, entry.project, entry.application
            )
            self.sessions[entry.session] = session
            self.by_digest[entry.digest] = session
            self.next_session = max(self.next_session, entry.session + 1)
        session.begun = True

    def check_out(self, entry: CheckedOut, pool: Pool | None = None) -> Seat | None:
        """Applies a checkout; `pool` is where it counts, for who knows that."""
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
        seat.pool = pool = pool or self._find_pool(seat)
        if pool is not None:
            pool.in_use += entry.count
        return seat

    def check_in(self, handle: int) -> Seat | None:
        """Applies the checkin of a handle."""
        seat = self.seats.pop(handle, None)
        if seat is None:
            return None
        session = seat.session
        if session.seats is not None:
            session.seats.pop(handle, None)
        session.held -= seat.count
        if seat.pool is not None:
            seat.pool.in_use -= seat.count
        return seat

    def _find_pool(self, seat: Seat) -> Pool | None:
        for pool in self.pools.get(seat.feature.lower(), ()):
            if pool.key == seat.pool_key:
                return pool
        return None

    def _restore(self, snapshot: Snapshot) -> None:
        self.seats.clear()
        self.sessions.clear()
        self.by_digest.clear()
        for pools in self.pools.values():
            for pool in pools:
                pool.in_use = 0
        for state in snapshot.sessions:
            begun = SessionBegun(
                snapshot.at,
                state.session,
                state.digest,
                state.user,
                state.host,
                state.display,
                state.pid,
                state.project,
                state.application,
            )
            self._begin(begun)
        for s in snapshot.seats:
            self.check_out(CheckedOut(s.since, s.session, s.request, s.handle, s.feature, s.pool, s.version, s.count, s.display))
        self.next_handle = snapshot.next_handle
        self.next_session = snapshot.next_session
