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
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    HeartbeatLost,
    Instruction,
    Leave,
    LicenseLost,
    LicenseRestored,
    News,
    Reconnected,
    Seated,
    Send,
    Tell,
    Tick,
    Unseated,
)
from seatkeeper.client.machine import Session
from seatkeeper.client.outcomes import (
    ContactBack,
    ContactLost,
    Outcome,
    SeatBack,
    SeatDenied,
    SeatGone,
    SeatGranted,
    SeatLapsed,
    SeatRestored,
    SeatReturned,
    SeatTaken,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seatkeeper.client.profile import Identity, Limits, Target
    from seatkeeper.wire.messages import Checkout

__all__ = ["Walker"]


class _Journey(msgspec.Struct):
    """One checkout.

    `home` is the server that holds its seats under `handle`, `asking` the one that is being asked, `round` those to be asked
    next. `told` is true from the first grant on; `lost` while the application has to think that it has no seats, `removed`
    where they are not to be asked for again, and `leaving` once they are on their way back.
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
            Session(index, len(targets), target.addresses, target.secret, identity, limits) for index, target in enumerate(targets)
        ]
        self._journeys: dict[int, _Journey] = {}
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
            SeatDenied: self._denied,
            SeatReturned: self._returned,
            SeatLapsed: self._lapsed,
            SeatBack: self._back,
            SeatGone: self._gone,
            SeatTaken: self._taken,
            SeatRestored: self._restored,
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
        if self._closed:
            failure = Failure(-45, MINOR_LOCAL, "This client is closed.")
            self._out.append(Unseated(event.key, (Denial("", failure, reached=False),)))
            return
        journey = _Journey(event.key, event.want)
        self._journeys[event.key] = journey
        self._begin_round(journey)

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
        for journey in self._journeys.values():
            if not journey.told:
                failure = Failure(-45, MINOR_LOCAL, "This client was closed while it waited for the answer.")
                self._out.append(Unseated(journey.key, (Denial("", failure, reached=False),)))
        self._journeys.clear()
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
        self._ask_next(journey)

    def _ask_next(self, journey: _Journey) -> None:
        if journey.round:
            index = journey.round.pop(0)
            journey.asking = index
            self._settle(index, self._sessions[index].ask(journey.key, journey.want, self._now, self._draw))
        elif journey.told:
            self._again[journey.key] = self._now + self._limits.retry_s * (0.5 + self._draw)
        else:
            del self._journeys[journey.key]
            self._out.append(Unseated(journey.key, tuple(journey.denials)))

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
            self._settle(index, self._sessions[index].forget(outcome.handle, self._now, self._draw))
            return
        if journey.home is not None:
            self._settle(journey.home, self._sessions[journey.home].forget(journey.handle, self._now, self._draw))
        journey.asking = None
        journey.round = []
        journey.home, journey.handle = index, outcome.handle
        self._preferred = index
        name = self._name(index)
        self._out.append(Seated(journey.key, outcome.handle, outcome.count, outcome.version, outcome.expiry, name))
        journey.count = outcome.count
        if journey.told:
            self._tell_restored(journey)
        else:
            # What is lost later is asked for as it was had, not as it was wished for.
            journey.want = msgspec.structs.replace(journey.want, count=outcome.count)
            journey.told = True

    def _denied(self, index: int, outcome: SeatDenied) -> None:
        if not outcome.reached:
            self._dead_until[index] = self._now + self._limits.dead_s
        journey = self._journeys.get(outcome.key)
        if journey is None or journey.asking != index:
            return
        journey.asking = None
        journey.denials.append(Denial(self._name(index), outcome.failure, outcome.reached))
        self._ask_next(journey)

    def _returned(self, _index: int, outcome: SeatReturned) -> None:
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
