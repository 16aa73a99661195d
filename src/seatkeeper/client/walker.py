"""One checkout holds seats at one server at most, whichever servers of the path are up, slow, full or gone.

How it works. "At startup, an application sends a license request to every server, one by one, until the license is granted"
(guide, Multiple, Independent Servers Configuration). Each checkout is a journey: it asks the servers in the order of the path, each
with a request of its own, and goes on to the next when one denies or cannot be reached. Before it goes on it abandons the request,
and its session returns a late grant at once. The server that granted first is asked first from then on (facts, FlexNet 9.9: "all
further checkouts must come from the same server"); one that could not be reached is passed over for a while.

Seats whose lease has ended out of contact are told to be lost, and the other servers are asked for them, while their own session
goes on trying to come back. Whichever is first keeps the journey: the seats at the other are returned. Seats that a server has
forgotten are asked for anew, from that server first. Seats that an administrator removed are not asked for again: that would undo
what he did.

A checkout that may wait is first put to every server without waiting, and then queued at the first of those that have the feature and
no seat: "with a list of servers only one server is queued on" (facts, FlexNet 9.5). It waits there until it has seats, or gives
its place up, or the server is gone; then the next one is asked for a place.

Borrowed seats are no journey's any more once they are granted, since they hang on no session. To go home early they are offered to
one server after the other, until one takes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.client.events import (
    MINOR_LOCAL,
    Abandon,
    Ask,
    Close,
    Connect,
    Denial,
    Event,
    Failure,
    GiveBack,
    GivenBack,
    HandBack,
    HeartbeatLost,
    Idle,
    Instruction,
    Leave,
    LicenseLost,
    LicenseRestored,
    News,
    Placed,
    Reconnected,
    Revoked,
    Seated,
    Send,
    Tell,
    Tick,
    Unseated,
    Waiting,
)
from seatkeeper.client.machine import Session
from seatkeeper.client.outcomes import (
    BorrowRevoked,
    ContactBack,
    ContactLost,
    Outcome,
    SeatBack,
    SeatDenied,
    SeatGone,
    SeatGranted,
    SeatLapsed,
    SeatQueued,
    SeatRestored,
    SeatReturned,
    SeatTaken,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seatkeeper.client.profile import Identity, Limits, Target
    from seatkeeper.wire.messages import Checkout, ReturnBorrow

__all__ = ["WORTH_WAITING", "Walker"]

#: Denials of a server at which it is worth to wait: it has the feature, and seats of it may come free.
WORTH_WAITING: Final = frozenset({-4, -24, -87, -101})


class _Journey(msgspec.Struct):
    """One checkout.

    `home` is the server that holds its seats under `handle`, `asking` the one that is being asked, `round` those to be asked
    next. `told` is true from the first grant on; `lost` while the application has to think that it has no seats, `removed`
    where they are not to be asked for again, and `leaving` once they are on their way back. `queueing` while servers are asked for
    a place, rather than for seats at once, and `full` are those that may have one. `idle` while the seats' user does nothing.
    """

    key: int
    want: Checkout
    home: int | None = None
    handle: int = 0
    count: int = 0
    asking: int | None = None
    round: list[int] = []
    denials: list[Denial] = []
    told: bool = False
    lost: bool = False
    removed: bool = False
    leaving: bool = False
    queueing: bool = False
    full: list[int] = []
    idle: bool = False


class _Errand(msgspec.Struct):
    """Borrowed seats on their way home: the server that is asked, those to be asked next, what the others said."""

    key: int
    message: ReturnBorrow
    round: list[int]
    asking: int = -1
    denials: list[Denial] = []


class Walker:
    """All of a client's checkouts over all servers of its path.

    Args:
        targets: The servers, in the order of the path; at least one.
        identity: Who the client is.
        limits: How long it waits.
    """

    def __init__(self, targets: Sequence[Target], identity: Identity, limits: Limits) -> None:
        self._targets = targets
        self._limits = limits
        self._sessions = [
            Session(index, len(targets), target.addresses, target.secret, identity, limits, target.lent)
            for index, target in enumerate(targets)
        ]
        self._journeys: dict[int, _Journey] = {}
        self._errands: dict[int, _Errand] = {}
        # When the servers are asked again for seats that are lost, by key.
        self._again: dict[int, float] = {}
        self._dead_until = [float("-inf")] * len(targets)
        self._preferred = 0
        self._closed = False
        self._out: list[Instruction] = []
        self._now = 0.0
        self._draw = 0.0
        self._outcomes: dict[type, Callable[..., None]] = {
            SeatGranted: self._granted,
            SeatQueued: self._queued,
            SeatDenied: self._denied,
            SeatReturned: self._returned,
            SeatLapsed: self._lapsed,
            SeatBack: self._back,
            SeatGone: self._gone,
            SeatTaken: self._taken,
            SeatRestored: self._restored,
            BorrowRevoked: self._revoked,
            ContactLost: self._contact_lost,
            ContactBack: self._contact_back,
        }

    def handle(self, event: Event, now: float, draw: float = 0.0) -> list[Instruction]:
        """What is to be done about `event`, in order.

        Args:
            event: What has happened.
            now: The time, in seconds on a clock that also counts sleep.
            draw: A random number in [0, 1).
        """
        out: list[Instruction] = []
        self._out = out
        self._now = now
        self._draw = draw
        if type(event) is Ask:
            self._ask(event)
        elif type(event) is GiveBack:
            self._give_back(event.key)
        elif type(event) is Abandon:
            self._abandon(event.key)
        elif type(event) is Idle:
            self._idle(event)
        elif type(event) is HandBack:
            self._hand_back(event)
        elif type(event) is Leave:
            self._leave()
        elif type(event) is Tick:
            self._tick(event)
        else:
            index = event.link % len(self._sessions)  # type: ignore[union-attr]
            self._settle(index, self._sessions[index].handle(event, now, draw))  # type: ignore[arg-type]
        return out

    def next_deadline(self) -> float | None:
        """When a Tick is due."""
        due = [at for session in self._sessions if (at := session.next_deadline()) is not None]
        due += self._again.values()
        return min(due, default=None)

    def valid(self, key: int, now: float) -> bool:
        """Whether the checkout's seats are its own at this moment, by the client's own clock."""
        journey = self._journeys.get(key)
        if journey is None or journey.home is None or journey.lost:
            return False
        return self._sessions[journey.home].lease.good(now)

    # From the application ---------------------------------------------------------------------------------------------------

    def _ask(self, event: Ask) -> None:
        if self._is_closed(event.key):
            return
        journey = _Journey(event.key, event.want)
        self._journeys[event.key] = journey
        self._begin_round(journey)

    def _is_closed(self, key: int) -> bool:
        """True where this client has ended, which the one who asks is told."""
        if self._closed:
            failure = Failure(-45, MINOR_LOCAL, "This client is closed.")
            self._out.append(Unseated(key, (Denial("", failure, reached=False),)))
        return self._closed

    def _hand_back(self, event: HandBack) -> None:
        if self._is_closed(event.key):
            return
        errand = _Errand(event.key, event.message, list(range(len(self._sessions))))
        self._errands[event.key] = errand
        self._offer(errand)

    def _idle(self, event: Idle) -> None:
        journeys = [journey for key, journey in self._journeys.items() if event.key in (0, key)]
        for journey in journeys:
            journey.idle = event.idle
        if event.key:
            for journey in journeys:
                if journey.home is not None:
                    outcomes = self._sessions[journey.home].idle(event.idle, journey.handle, self._now, self._draw)
                    self._settle(journey.home, outcomes)
            return
        for index, session in enumerate(self._sessions):
            self._settle(index, session.idle(event.idle, 0, self._now, self._draw))

    def _give_back(self, key: int) -> None:
        journey = self._journeys.get(key)
        if journey is None:
            self._out.append(GivenBack(key, 0))
            return
        self._stop_asking(journey)
        if journey.home is None:
            del self._journeys[key]
            self._out.append(GivenBack(key, 0))
        else:
            home = journey.home
            journey.leaving = True
            self._settle(home, self._sessions[home].give_back(key, journey.handle, self._now, self._draw))

    def _abandon(self, key: int) -> None:
        errand = self._errands.pop(key, None)
        if errand is not None:
            self._settle(errand.asking, self._sessions[errand.asking].abandon(key, self._now, self._draw))
            return
        journey = self._journeys.pop(key, None)
        if journey is None:
            return
        self._stop_asking(journey)
        if journey.home is not None:
            self._settle(journey.home, self._sessions[journey.home].forget(journey.handle, self._now, self._draw))

    def _leave(self) -> None:
        if self._closed:
            return
        self._closed = True
        for index, session in enumerate(self._sessions):
            self._settle(index, session.leave(self._now, self._draw))
        for key in [*(journey.key for journey in self._journeys.values() if not journey.told), *self._errands]:
            failure = Failure(-45, MINOR_LOCAL, "This client was closed while it waited for the answer.")
            self._out.append(Unseated(key, (Denial("", failure, reached=False),)))
        self._journeys.clear()
        self._errands.clear()
        self._again.clear()

    def _tick(self, event: Tick) -> None:
        for index, session in enumerate(self._sessions):
            self._settle(index, session.handle(event, self._now, self._draw))
        for key in [key for key, at in self._again.items() if at <= self._now]:
            self._begin_round(self._journeys[key])

    # Asking -------------------------------------------------------------------------------------------------------------------

    def _begin_round(self, journey: _Journey) -> None:
        """Ask the servers one after the other, but not the one whose session may yet bring the seats back."""
        self._again.pop(journey.key, None)
        journey.denials = []
        order = sorted(range(len(self._sessions)), key=lambda index: index != self._preferred)
        alive = [index for index in order if self._dead_until[index] <= self._now]
        journey.round = [index for index in alive or order if index != journey.home]
        # Where there is no choice, asking twice would only cost time.
        journey.queueing = len(journey.round) == 1
        journey.full = []
        self._ask_next(journey)

    def _ask_next(self, journey: _Journey) -> None:
        want = journey.want
        if not journey.round and want.queue and not journey.queueing:
            journey.queueing = True
            journey.round, journey.full = journey.full, []
        if journey.round:
            index = journey.round.pop(0)
            journey.asking = index
            if want.queue and not journey.queueing:
                want = msgspec.structs.replace(want, queue=False)
            self._settle(index, self._sessions[index].ask(journey.key, want, self._now, self._draw))
        elif journey.told:
            self._again[journey.key] = self._now + self._limits.retry_s * (0.5 + self._draw)
        else:
            del self._journeys[journey.key]
            self._out.append(Unseated(journey.key, tuple(journey.denials)))

    def _offer(self, errand: _Errand) -> None:
        """Ask the next server to take borrowed seats back."""
        if errand.round:
            index = errand.asking = errand.round.pop(0)
            self._settle(index, self._sessions[index].ask(errand.key, errand.message, self._now, self._draw))
        else:
            del self._errands[errand.key]
            self._out.append(Unseated(errand.key, tuple(errand.denials)))

    def _stop_asking(self, journey: _Journey) -> None:
        journey.round = []
        self._again.pop(journey.key, None)
        if journey.asking is not None:
            asked, journey.asking = journey.asking, None
            self._settle(asked, self._sessions[asked].abandon(journey.key, self._now, self._draw))

    # From the sessions --------------------------------------------------------------------------------------------------------

    def _settle(self, index: int, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Connect | Send | Close):
                self._out.append(outcome)
            else:
                self._outcomes[type(outcome)](index, outcome)

    def _granted(self, index: int, outcome: SeatGranted) -> None:
        journey = self._journeys.get(outcome.key)
        if journey is None or journey.asking != index:
            # Abandoned in the same breath.
            session = self._sessions[index]
            if outcome.borrow:
                self._settle(index, session.decline(outcome.handle, outcome.borrow, self._now, self._draw))
            elif outcome.handle:
                self._settle(index, session.forget(outcome.handle, self._now, self._draw))
            return
        if outcome.borrow or not outcome.handle:
            self._preferred = index
            del self._journeys[journey.key]
            self._out.append(_seated(outcome, self._name(index)))
            return
        if journey.home is not None:
            self._settle(journey.home, self._sessions[journey.home].forget(journey.handle, self._now, self._draw))
        journey.asking = None
        journey.round = []
        journey.home, journey.handle = index, outcome.handle
        self._preferred = index
        self._out.append(_seated(outcome, self._name(index)))
        if journey.idle:
            self._settle(index, self._sessions[index].idle(True, outcome.handle, self._now, self._draw))
        journey.count = outcome.count
        if journey.told:
            self._tell_restored(journey)
        else:
            # What is lost later is asked for as it was had, not as it was wished for.
            journey.want = msgspec.structs.replace(journey.want, count=outcome.count)
            journey.told = True

    def _queued(self, index: int, outcome: SeatQueued) -> None:
        journey = self._journeys.get(outcome.key)
        if journey is not None and journey.asking == index:
            name = self._name(index)
            self._out.append(Placed(journey.key, outcome.position, name))
            self._tell(Waiting(journey.want.feature, outcome.position, name))

    def _denied(self, index: int, outcome: SeatDenied) -> None:
        if not outcome.reached:
            self._dead_until[index] = self._now + self._limits.dead_s
        denial = Denial(self._name(index), outcome.failure, outcome.reached)
        errand = self._errands.get(outcome.key)
        if errand is not None:
            errand.denials.append(denial)
            self._offer(errand)
            return
        journey = self._journeys.get(outcome.key)
        if journey is None or journey.asking != index:
            return
        journey.asking = None
        if outcome.reached and not journey.queueing and outcome.failure.number in WORTH_WAITING:
            journey.full.append(index)
        # What a server says when it is asked for a place stands for what it said before.
        journey.denials = [*(before for before in journey.denials if before.server != denial.server), denial]
        self._ask_next(journey)

    def _returned(self, index: int, outcome: SeatReturned) -> None:
        errand = self._errands.get(outcome.key)
        if errand is not None:
            if outcome.number:
                failure = Failure(outcome.number, MINOR_LOCAL)
                self._denied(index, SeatDenied(outcome.key, failure, reached=True))
            else:
                del self._errands[outcome.key]
                self._out.append(GivenBack(outcome.key, 0))
            return
        if self._journeys.pop(outcome.key, None) is not None:
            self._out.append(GivenBack(outcome.key, outcome.number))

    def _lapsed(self, index: int, outcome: SeatLapsed) -> None:
        journey = self._at_home(index, outcome.key)
        if journey is None:
            return
        self._tell_lost(journey, -16, outcome.reason)
        if len(self._sessions) > 1 and not journey.removed:
            self._begin_round(journey)

    def _back(self, index: int, outcome: SeatBack) -> None:
        journey = self._at_home(index, outcome.key)
        if journey is not None:
            self._stop_asking(journey)
            if not journey.removed:
                self._tell_restored(journey)

    def _gone(self, index: int, outcome: SeatGone) -> None:
        journey = self._at_home(index, outcome.key)
        if journey is None:
            return
        self._tell_lost(journey, -16, "The server does not know these seats any more.")
        journey.home = None
        if journey.removed:
            return
        if journey.asking is None:
            self._begin_round(journey)
        else:
            journey.round.insert(0, index)

    def _taken(self, index: int, outcome: SeatTaken) -> None:
        journey = self._at_home(index, outcome.key)
        if journey is None:
            return
        journey.removed = True
        self._tell_lost(journey, outcome.number, outcome.reason)
        if outcome.gone:
            journey.home = None

    def _restored(self, index: int, outcome: SeatRestored) -> None:
        journey = self._at_home(index, outcome.key)
        if journey is not None:
            journey.removed = False
            self._tell_restored(journey)

    def _revoked(self, index: int, outcome: BorrowRevoked) -> None:
        self._out.append(Revoked(outcome.handle, self._name(index), outcome.reason))

    def _contact_lost(self, index: int, outcome: ContactLost) -> None:
        failure = outcome.failure
        self._tell(HeartbeatLost(self._name(index), failure.reason or "The connection has ended."))

    def _contact_back(self, index: int, outcome: ContactBack) -> None:
        self._dead_until[index] = float("-inf")
        if outcome.lost:
            self._tell(Reconnected(self._name(index)))

    # Telling ------------------------------------------------------------------------------------------------------------------

    def _at_home(self, index: int, key: int) -> _Journey | None:
        journey = self._journeys.get(key)
        return journey if journey is not None and journey.home == index and not journey.leaving else None

    def _tell_lost(self, journey: _Journey, number: int, reason: str) -> None:
        if not journey.lost:
            journey.lost = True
            server = self._name(journey.home) if journey.home is not None else ""
            self._tell(LicenseLost(journey.want.feature, journey.handle, reason, number, server))

    def _tell_restored(self, journey: _Journey) -> None:
        if journey.lost:
            journey.lost = False
            server = self._name(journey.home) if journey.home is not None else ""
            self._tell(LicenseRestored(journey.want.feature, journey.handle, journey.count, server))

    def _tell(self, news: News) -> None:
        self._out.append(Tell(news))

    def _name(self, index: int) -> str:
        return self._targets[index].name


def _seated(outcome: SeatGranted, server: str) -> Seated:
    return Seated(outcome.key, outcome.handle, outcome.count, outcome.version, outcome.expiry, server, outcome.borrow, outcome.at)
