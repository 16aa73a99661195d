"""What the vendor daemon's mind remembers between two events, and what all its parts do with it.

The ledger is what the log says. The rest is of this process only, and begins anew with it: who was heard when, whose user is
idle since when, what an administrator's removal waits for. Nothing of it can give a seat twice.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.values import VersionRule
from seatkeeper.pools.decision import Terms
from seatkeeper.vendor.denials import Denials
from seatkeeper.vendor.entries import CheckedIn, Dequeued, Lingering, SessionBegun, SessionEnded
from seatkeeper.vendor.events import Append, Instruction, QueuedAnswer, Send
from seatkeeper.vendor.ledger import Ledger

if TYPE_CHECKING:
    from datetime import date

    from seatkeeper.vendor.entries import Entry, Unwaited, Why
    from seatkeeper.vendor.seats import Seat, Session, Waiter

__all__ = ["BORROW_MARGIN_S", "CLOCK_BACK_S", "HEARD_RESOLUTION_S", "State", "VendorSettings"]

#: A session's place in the order of silence is renewed at most this often; deadlines are that much later, and never earlier.
HEARD_RESOLUTION_S: Final = 0.5
#: So far may the clock be behind what the log has seen before it counts as set back (facts, reliability 2.1).
CLOCK_BACK_S: Final = 300.0
#: Borrowed seats stay out so much longer than the borrower may use them: its clock may differ a little.
BORROW_MARGIN_S: Final = 60.0


class VendorSettings(msgspec.Struct, frozen=True):
    """What a vendor daemon is told when it starts.

    Attributes:
        vendor: Its name.
        version: The release of seatkeeper, for the log.
        lease_s: How long a silent client keeps its seats.
        heartbeat_s: How often clients are asked to show that they live.
        rule: Which license versions meet a request.
        seats_max: Seats of one feature that one client may hold (guide: 9999).
        handles_max: Handles that one client may hold or wait for: as many as it can name when it comes back.
        waiters_max: Requests that may wait for one feature.
        order: In which order pools are tried: as documented, or the lowest version that does first.
        remove_pause_s: After this long the same seats may be removed again (facts, FlexNet 5.5: 120 s).
        timeout_s_min: Below this no idle timeout is taken (facts, FlexNet 3.4: 900 s).
        pool_vendor_string: Whether lines with different vendor strings are different pools.
        closed_frees: Whether a closed connection ends its session; else it ends when its client is silent for the lease time.
        drift: So much, as a part, may a clock go too fast or too slow, a client's and this one: a session ends that much later here.
    """

    vendor: str
    version: str = ""
    lease_s: float = 180.0
    heartbeat_s: float = 60.0
    rule: VersionRule = "flexnet"
    seats_max: int = 9999
    handles_max: int = 9999
    waiters_max: int = 9999
    order: Literal["documented", "best_fit"] = "documented"
    remove_pause_s: float = 120.0
    timeout_s_min: float = 900.0
    pool_vendor_string: bool = False
    closed_frees: bool = True
    drift: float = 0.0


class State:
    """The memory.

    Attributes:
        silence: All live sessions in the order in which they were last heard, the longest silent first: one sweep from the
            front finds every deadline that has passed (facts, performance A: an ordered sweep costs a third of timers).
        idle: Since when (monotonic) the user of a handle does nothing.
        revoked: Until when (monotonic) a removal waits for its client, by handle.
        removed: When (monotonic, and Unix time) the seats of a feature, user, host and display were last removed.
        dirty: Features of which seats may have come free for those who wait.
        weighed: The terms by which all who wait for a feature (in lower case) were last asked for: nobody of them waits in vain.
        denials: Which denials are written.
        clocked: When (Unix time) the log was last told that time passes.
    """

    def __init__(self, settings: VendorSettings, today: date) -> None:
        self.settings = settings
        #: The lease time of the slowest client, on the fastest clock here (facts, reliability R5).
        self.lease_s = settings.lease_s * (1.0 + settings.drift) / (1.0 - settings.drift)
        self.ledger = Ledger(Terms(today, settings.rule))
        self.ignored: list[str] = []
        self.silence: dict[int, Session] = {}
        self.idle: dict[int, float] = {}
        self.revoked: dict[int, float] = {}
        self.removed: dict[tuple[str, str, str, str], tuple[float, float]] = {}
        self.dirty: set[str] = set()
        self.weighed: dict[str, Terms] = {}
        self.denials = Denials()
        self.clocked = 0.0
        # When kept seats end (Unix time), soonest first; an entry that is not true any more is passed over.
        self._ends: list[tuple[float, int]] = []

    # Sessions --------------------------------------------------------------------------------------------------------

    def deadline(self, session: Session) -> float:
        """When the session's lease ends."""
        # It may have been heard again within the resolution, and counts its lease from then.
        return session.heard + self.lease_s + HEARD_RESOLUTION_S

    def renew(self, session: Session, now: float) -> None:
        """Notes that the session lives, at its new place in the order of silence."""
        if now - session.heard >= HEARD_RESOLUTION_S or session.number not in self.silence:
            session.heard = now
            self.silence.pop(session.number, None)
            self.silence[session.number] = session

    def begin(self, session: Session, wall: float) -> list[Instruction]:
        """The session becomes known to the log."""
        if session.begun:
            return []
        return [
            self.write(
                SessionBegun(
                    wall,
                    session.number,
                    session.digest,
                    session.user,
                    session.host,
                    session.display,
                    session.pid,
                    session.project,
                    session.application,
                    session.address,
                )
            )
        ]

    def end(self, session: Session, why: Why, wall: float) -> list[Instruction]:
        """Everything that a session held comes back, what it waits for it waits for no longer, and it is gone."""
        instructions: list[Instruction] = [self.dequeue(waiter, "ended", wall) for waiter in list((session.waits or {}).values())]
        for seat in list((session.seats or {}).values()):
            if not seat.until:
                instructions.append(self.give_back(seat, why, wall))
        self.silence.pop(session.number, None)
        if session.begun:
            instructions.append(self.write(SessionEnded(wall, session.number)))
        else:
            self.ledger.forget(session.number)
        session.connection = None
        return instructions

    # Seats -----------------------------------------------------------------------------------------------------------

    def write(self, entry: Entry) -> Append:
        """Applies an entry, and has it appended."""
        return Append(entry, self.ledger.apply(entry))

    def give_back(self, seat: Seat, why: Why, wall: float) -> Append:
        """The seats of a handle come back, or stay out for a while where they linger or are borrowed."""
        handle, pool = seat.handle, seat.pool
        if self.idle:
            self.idle.pop(handle, None)
        if self.revoked and self.revoked.pop(handle, None) is not None:
            why = "removed"
        if self.ledger.queues:
            self.stir(seat.feature)
        if not seat.until and why in ("checkin", "closed", "silent", "grace"):
            until = seat.borrow_until + BORROW_MARGIN_S if seat.borrow_until else 0.0
            if pool is not None and pool.linger_s and why in ("checkin", "closed"):
                until = max(until, wall + pool.linger_s)
            if until > wall:
                self.keep_until(seat.handle, until)
                return self.write(Lingering(wall, handle, until))
        entry = CheckedIn(wall, handle, why)
        return Append(entry, self.ledger.check_in(handle))

    def keep_until(self, handle: int, until: float) -> None:
        """Notes when kept seats end."""
        heappush(self._ends, (until, handle))

    def ended(self, wall: float) -> list[Seat]:
        """The kept seats whose time is over."""
        found: list[Seat] = []
        while self._ends and self._ends[0][0] <= wall:
            until, handle = heappop(self._ends)
            seat = self.ledger.kept.get(handle)
            if seat is not None and seat.until == until:
                found.append(seat)
        return found

    # Waiting ---------------------------------------------------------------------------------------------------------

    def dequeue(self, waiter: Waiter, why: Unwaited, wall: float) -> Append:
        """A request waits no longer."""
        self.stir(waiter.feature)
        entry = Dequeued(wall, waiter.handle, why)
        self.ledger.apply(entry)
        return Append(entry, waiter)

    def stir(self, feature: str) -> None:
        """Notes that those who wait for the feature may be served: also for the other components of its suite, which is one pool."""
        self.dirty.update(self.family(feature.lower()))

    def family(self, name: str) -> list[str]:
        """The features (in lower case) whose seats hang together with those of this one, in suites."""
        pools = self.ledger.pools
        packages = {pool.package for pool in pools.get(name, ()) if pool.suite}
        if not packages:
            return [name]
        found: list[str] = []
        while True:
            named = [one for one, group in pools.items() if any(pool.suite and pool.package in packages for pool in group)]
            if named == found:
                return found
            found = named
            packages.update(pool.package for one in found for pool in pools[one] if pool.suite)

    def place(self, waiter: Waiter) -> int:
        """The waiter's place among those of its pool, from 1."""
        place = 0
        for other in self.ledger.queues.get(waiter.feature.lower(), {}).values():
            place += other.pool_key == waiter.pool_key
            if other is waiter:
                break
        return place

    def tell_place(self, waiter: Waiter, place: int) -> Send:
        """Tells a waiting client its place."""
        waiter.told = place
        return Send(waiter.session.connection, QueuedAnswer(waiter.request, waiter.handle, place), durable=True)
