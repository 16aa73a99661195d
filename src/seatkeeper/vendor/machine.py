"""The vendor daemon decides here, and nowhere else: events in, instructions out, the same on every replay.

How it works. The shell gives every event with the time it happened. The machine decides over the pools, writes down what
it decided as an entry, applies that entry to its own ledger at once, and returns instructions: append the entry, then
answer. The shell releases a durable answer only when the append is acknowledged; if the append fails the process ends and
the next one begins from the log, so a state that was ahead of the log is never seen. Two clocks come in: `now` is
monotonic and rules deadlines, `wall` is Unix time and is only written down.

A session lives from its first greeting until its client leaves, its connection closes, or it is silent for the lease time.
After a restart its seats are still held, and it has the lease time to come back: holders who are not yet back count as in
use, so that nobody takes a seat that is in use (design, License server).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.values import VersionRule
from seatkeeper.pools.decision import Decision, decide
from seatkeeper.pools.grouping import group_lines
from seatkeeper.vendor.entries import Act, CheckedIn, CheckedOut, Denial, Entry, Opened, Reread, SessionBegun, SessionEnded, Why
from seatkeeper.vendor.events import (
    Accepted,
    Append,
    CheckinAsked,
    CheckoutAsked,
    Close,
    DenialAnswer,
    Disconnected,
    Event,
    GrantAnswer,
    Greeting,
    Heard,
    Instruction,
    Left,
    LicenseReread,
    LossAnswer,
    Recovered,
    RemovalAnswer,
    RemoveAsked,
    RestoreAnswer,
    ReturnAnswer,
    Send,
    Tick,
)
from seatkeeper.vendor.ledger import Ledger, Seat, Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

__all__ = ["HEARD_RESOLUTION_S", "Machine", "VendorSettings"]

#: A session's place in the order of silence is renewed at most this often; deadlines are that much later, and never earlier.
HEARD_RESOLUTION_S: Final = 0.5


class VendorSettings(msgspec.Struct, frozen=True):
    """What a vendor daemon is told when it starts.

    Attributes:
        vendor: Its name.
        version: The release of seatkeeper, for the log.
        lease_s: How long a silent client keeps its seats.
        heartbeat_s: How often clients are asked to show that they live.
        rule: Which license versions meet a request.
        seats_max: Seats of one feature that one client may hold (guide: 9999).
        handles_max: Handles that one client may hold: as many as it can name when it comes back.
    """

    vendor: str
    version: str = ""
    lease_s: float = 180.0
    heartbeat_s: float = 60.0
    rule: VersionRule = "flexnet"
    seats_max: int = 9999
    handles_max: int = 9999


class Machine:
    """One vendor daemon's mind."""

    def __init__(self, settings: VendorSettings, today: date) -> None:
        self.settings = settings
        self.ledger = Ledger()
        self.ignored: list[str] = []
        self._today = today
        # All live sessions in the order in which they were last heard, the longest silent first: one sweep from the
        # front finds every deadline that has passed (facts, performance A: an ordered sweep costs a third of timers).
        self._silence: dict[int, Session] = {}
        self._handlers: dict[type, Callable[..., list[Instruction]]] = {
            CheckoutAsked: self._checkout_asked,
            CheckinAsked: self._checkin_asked,
            Heard: self._heard,
            Greeting: self._greeting,
            Disconnected: self._disconnected,
            Left: self._left,
            Tick: self._tick,
            RemoveAsked: self._remove_asked,
            LicenseReread: self._license_reread,
            Recovered: self._recovered,
        }

    def replay(self, entry: Entry) -> None:
        """Takes an entry of the log into account, before any event."""
        self.ledger.apply(entry)

    def handle(self, event: Event, now: float, wall: float) -> list[Instruction]:
        """What is to be done about `event`, in order."""
        return self._handlers[type(event)](event, now, wall)

    def next_deadline(self) -> float | None:
        """When the longest silent session's lease ends, on the clock of `now`; a Tick is due then."""
        for session in self._silence.values():
            return self._deadline(session)
        return None

    # Sessions --------------------------------------------------------------------------------------------------------

    def _recovered(self, _event: Recovered, now: float, wall: float) -> list[Instruction]:
        for session in self.ledger.sessions.values():
            session.heard = now
            self._silence[session.number] = session
        settings = self.settings
        return [Append(Opened(wall, settings.vendor, settings.version, settings.lease_s))]

    def _greeting(self, event: Greeting, now: float, wall: float) -> list[Instruction]:
        instructions: list[Instruction] = []
        session = self.ledger.by_digest.get(event.digest)
        if session is None:
            session = self.ledger.open_session(
                event.digest, event.user, event.host, event.display, event.pid, event.project, event.application
            )
        elif session.connection is not None and session.connection is not event.connection:
            instructions.append(Close(session.connection, -134, "The session goes on through a newer connection."))
        session.connection = event.connection
        session.shown = None
        self._renew(session, now)
        # What the client neither holds nor waits for it has never seen: its grant was lost with the old connection.
        held, asking = frozenset(event.held), frozenset(event.asking)
        for handle, seat in list((session.seats or {}).items()):
            if handle not in held and seat.request not in asking:
                instructions.append(self._give_back(handle, "unseen", wall))
        instructions.append(Send(event.connection, Accepted(session.number, tuple(session.seats or ())), durable=False))
        instructions += [
            Send(event.connection, LossAnswer(handle, -92, "No license line covers these seats any more."), durable=False)
            for handle, seat in (session.seats or {}).items()
            if seat.pool is None
        ]
        return instructions

    def _heard(self, event: Heard, now: float, _wall: float) -> list[Instruction]:
        session = self.ledger.sessions.get(event.session)
        if session is not None:
            self._renew(session, now)
        return []

    def _left(self, event: Left, _now: float, wall: float) -> list[Instruction]:
        session = self.ledger.sessions.get(event.session)
        return self._end(session, "checkin", wall) if session is not None else []

    def _disconnected(self, event: Disconnected, _now: float, wall: float) -> list[Instruction]:
        session = self.ledger.sessions.get(event.session)
        # A session that has a newer connection does not end with the older one.
        if session is None or session.connection is not event.connection:
            return []
        return self._end(session, "closed", wall)

    def _tick(self, event: Tick, now: float, wall: float) -> list[Instruction]:
        if event.today != self._today:
            self._today = event.today
            for pools in self.ledger.pools.values():
                for pool in pools:
                    pool.set_day(event.today)
        instructions: list[Instruction] = []
        while self._silence:
            session = next(iter(self._silence.values()))
            if self._deadline(session) > now:
                break
            connection = session.connection
            instructions += self._end(session, "silent" if connection is not None else "grace", wall)
            if connection is not None:
                instructions.append(Close(connection, -16, f"Nothing was heard for {self.settings.lease_s:g} s."))
        return instructions

    def _deadline(self, session: Session) -> float:
        # It may have been heard again within the resolution, and counts its lease from then.
        return session.heard + self.settings.lease_s + HEARD_RESOLUTION_S

    def _renew(self, session: Session, now: float) -> None:
        """Notes that the session lives, at its new place in the order of silence."""
        if now - session.heard >= HEARD_RESOLUTION_S or session.number not in self._silence:
            session.heard = now
            self._silence.pop(session.number, None)
            self._silence[session.number] = session

    def _end(self, session: Session, why: Why, wall: float) -> list[Instruction]:
        """Everything that a session held comes back, and the session is gone."""
        instructions: list[Instruction] = [self._give_back(handle, why, wall) for handle in list(session.seats or ())]
        self._silence.pop(session.number, None)
        if session.begun:
            ended = SessionEnded(wall, session.number)
            self.ledger.apply(ended)
            instructions.append(Append(ended))
        else:
            self.ledger.forget(session.number)
        session.connection = None
        return instructions

    # Seats -----------------------------------------------------------------------------------------------------------

    def _checkout_asked(self, event: CheckoutAsked, now: float, wall: float) -> list[Instruction]:
        ledger = self.ledger
        session = ledger.sessions.get(event.session)
        if session is None:
            # It ended in the same moment, before its last request had its turn.
            return []
        if now - session.heard >= HEARD_RESOLUTION_S:
            self._renew(session, now)
        if event.request <= session.asked:
            seat = self._asked_before(session, event.request)
            if seat is not None:
                return [self._grant(session, seat)]
        decision = self._decide(session, event)
        if decision.pool is None:
            denial = Denial(wall, session.user, session.host, event.feature, event.version, event.count, decision.number, decision.reason)
            answer = DenialAnswer(event.request, decision.number, decision.reason)
            return [Append(denial), Send(session.connection, answer, durable=False)]
        instructions: list[Instruction] = []
        if not session.begun:
            begun = SessionBegun(
                wall,
                session.number,
                session.digest,
                session.user,
                session.host,
                session.display,
                session.pid,
                session.project,
                session.application,
            )
            ledger.apply(begun)
            instructions.append(Append(begun))
        pool = decision.pool
        entry = CheckedOut(
            wall,
            session.number,
            event.request,
            ledger.next_handle,
            pool.feature,
            pool.key,
            event.version or pool.version,
            decision.count,
            event.display,
        )
        seat = ledger.check_out(entry, pool)
        assert seat is not None
        instructions.append(Append(entry, seat))
        instructions.append(self._grant(session, seat))
        return instructions

    def _decide(self, session: Session, event: CheckoutAsked) -> Decision:
        settings = self.settings
        seats_max = settings.seats_max - (self._held_of(session, event.feature) if session.held + event.count > settings.seats_max else 0)
        if seats_max <= 0:
            return Decision(-26, reason=f"One client may hold at most {settings.seats_max} seats of a feature, and this one does.")
        if session.seats is not None and len(session.seats) >= settings.handles_max:
            return Decision(-26, reason=f"One client may hold at most {settings.handles_max} handles, and this one does.")
        return decide(
            self.ledger.pools.get(event.feature.lower()),
            event.feature,
            event.version,
            event.count,
            event.up_to,
            self._today,
            settings.rule,
            seats_max,
        )

    def _held_of(self, session: Session, feature: str) -> int:
        """Seats of one feature that the session holds."""
        name = feature.lower()
        return sum(seat.count for seat in (session.seats or {}).values() if seat.feature.lower() == name)

    def _checkin_asked(self, event: CheckinAsked, now: float, wall: float) -> list[Instruction]:
        session = self.ledger.sessions.get(event.session)
        if session is None:
            return []
        if now - session.heard >= HEARD_RESOLUTION_S:
            self._renew(session, now)
        handle = event.handle
        if session.seats is not None and handle in session.seats:
            entry = CheckedIn(wall, handle, "checkin")
            # The answer need not wait for the disk: losing the entry keeps a seat a little longer, and never gives one too many.
            return [
                Append(entry, self.ledger.check_in(handle)),
                Send(session.connection, ReturnAnswer(event.request, handle, 0), durable=False),
            ]
        # A repeated checkin is answered like the first; a handle that never was, or is another's, is an error.
        never = handle >= self.ledger.next_handle or handle in self.ledger.seats
        return [Send(session.connection, ReturnAnswer(event.request, handle, -41 if never else 0), durable=False)]

    def _remove_asked(self, event: RemoveAsked, _now: float, wall: float) -> list[Instruction]:
        name = event.feature.lower()
        found = [
            seat
            for seat in ([self.ledger.seats[event.handle]] if event.handle in self.ledger.seats else self.ledger.seats.values())
            if seat.feature.lower() == name and _is_meant(seat, event)
        ]
        instructions: list[Instruction] = []
        if found:
            whose = f"handle {event.handle}" if event.handle else f"{event.user} {event.host} {event.display}"
            text = f"{found[0].feature} {whose}"
            instructions.append(Append(Act(wall, "lmremove", event.by_user, event.by_host, text)))
        for seat in found:
            instructions.append(self._give_back(seat.handle, "removed", wall))
            if seat.session.connection is not None:
                answer = LossAnswer(seat.handle, 0, f"Removed by {event.by_user}@{event.by_host}.")
                instructions.append(Send(seat.session.connection, answer, durable=True))
        number = 0 if found else -41 if name in self.ledger.pools else -5
        instructions.append(Send(event.connection, RemovalAnswer(event.request, len(found), number), durable=True))
        return instructions

    def _grant(self, session: Session, seat: Seat) -> Send:
        """The answer that seats are held, with the pool's lines where this connection was last sent others of the feature, or none."""
        pool, show = seat.pool, False
        if pool is not None:
            shown = session.shown
            if shown is None:
                shown = session.shown = {}
            show = shown.get(pool.feature) != pool.text
            if show:
                shown[pool.feature] = pool.text
        return Send(session.connection, GrantAnswer(seat.request, seat.handle, seat.count, pool, show), durable=True)

    def _asked_before(self, session: Session, request: int) -> Seat | None:
        """The seat that an earlier copy of this request was given."""
        for seat in (session.seats or {}).values():
            if seat.request == request:
                return seat
        return None

    def _give_back(self, handle: int, why: Why, wall: float) -> Append:
        entry = CheckedIn(wall, handle, why)
        return Append(entry, self.ledger.apply(entry))

    # License -----------------------------------------------------------------------------------------------------------

    def _license_reread(self, event: LicenseReread, _now: float, wall: float) -> list[Instruction]:
        """All lines are exchanged at once. Holders keep their seats: over a lowered count, and without a line (error -92)."""
        self._today = event.today
        pools, self.ignored = group_lines(event.lines, event.today)
        covered = {handle for handle, seat in self.ledger.seats.items() if seat.pool is not None}
        first = not self.ledger.pools
        self.ledger.exchange_pools(pools, self.settings.rule)
        entry = Reread(
            wall, [(pool.feature, pool.key, pool.total) for group in pools.values() for pool in group], event.by_user, event.by_host
        )
        instructions: list[Instruction] = [Append(entry)]
        for handle, seat in self.ledger.seats.items():
            connection = seat.session.connection
            if connection is None:
                continue
            if seat.pool is None and (handle in covered or first):
                reason = f"No license line covers {seat.feature} any more."
                instructions.append(Send(connection, LossAnswer(handle, -92, reason), durable=True))
            elif seat.pool is not None and handle not in covered and not first:
                instructions.append(Send(connection, RestoreAnswer(handle), durable=True))
        return instructions


def _is_meant(seat: Seat, event: RemoveAsked) -> bool:
    if event.handle:
        return seat.handle == event.handle
    session = seat.session
    return session.user == event.user and session.host == event.host and seat.display == event.display
