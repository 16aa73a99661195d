"""What a session holds, waits for and has given back, so that each handle is somebody's or on its way home.

Every number that the server may still connect with seats stands in exactly one of these tables until it is settled. What the next
greeting names is kept by the server; what it does not name is returned there. So nothing is ever forgotten by mistake: what is
dropped from the tables out of contact makes the session greet once more (`owing`).
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from seatkeeper.wire.messages import Checkout, ReturnBorrow

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HeldSeat", "Holdings", "Request", "Return"]


class Request(msgspec.Struct):
    """A request that the server has not answered, or that waits in its queue, at the `place` of that handle.

    `abandoned` when nobody waits for the answer but the session itself.
    """

    key: int
    message: Checkout | ReturnBorrow
    deadline: float
    sent: bool = False
    abandoned: bool = False
    place: int = 0


class HeldSeat(msgspec.Struct):
    """Seats under one handle.

    `lapsed`: their lease has ended without contact. `unlicensed`: they are held without a license that covers them. After a
    reconnect that is `doubtful` until the server has had the time to say it again. `idle`: their user does nothing.
    """

    key: int
    idle: bool = False
    lapsed: bool = False
    unlicensed: bool = False
    doubtful: bool = False


class Return(msgspec.Struct):
    """A checkin that the server has not answered."""

    key: int
    handle: int
    deadline: float


class Holdings:
    """The tables.

    Attributes:
        requests: Those without an answer, by request number, in the order of asking.
        queued: Those that wait in the server's queue, by request number.
        seats: By handle.
        lent: Handles of borrowed seats, which this session does not keep but goes on naming.
        returns: By request number, in the order of asking.
    """

    def __init__(self) -> None:
        self.requests: dict[int, Request] = {}
        self.queued: dict[int, Request] = {}
        self.lent: set[int] = set()
        self.seats: dict[int, HeldSeat] = {}
        self.returns: dict[int, Return] = {}
        # Handles given back out of contact: where the greeting had left with them in it, a checkin follows the welcome.
        self._unwanted: set[int] = set()
        # A request that nobody waits for has left, and its answer will not come: the server may hold seats for it.
        self._unsure = False

    def __len__(self) -> int:
        return len(self.seats) + len(self.requests) + len(self.queued)

    @property
    def handles(self) -> int:
        """How many handles the next greeting may have to name."""
        return len(self) + len(self.lent)

    @property
    def owing(self) -> bool:
        """Whether the server may keep seats that nobody wants until the next greeting."""
        return bool(self._unwanted) or self._unsure

    def asking(self) -> list[int]:
        """The checkouts that a greeting names."""
        return [number for number, request in self.waiting() if type(request.message) is Checkout]

    def waiting(self) -> Iterator[tuple[int, Request]]:
        """The requests that somebody waits for."""
        everything = chain(self.requests.items(), self.queued.items())
        return ((number, request) for number, request in everything if not request.abandoned)

    def open_requests(self) -> list[Request]:
        """What is to be asked over a new connection; no place in a queue counts until the server has told it again."""
        for request in self.queued.values():
            request.place = 0
        return [*self.requests.values(), *self.queued.values()]

    def queue(self, number: int, place: int) -> Request | None:
        """The request that waits in the queue under this handle from now on; None where nobody waits for it."""
        request = self.requests.get(number) or self.queued.get(number)
        if request is None or request.abandoned:
            return None
        self.requests.pop(number, None)
        self.queued[number] = request
        request.place = place
        return request

    def answered(self, number: int) -> Request | None:
        """The request that this number stands for, which waits no longer."""
        return self.requests.pop(number, None) or self.queued.pop(number, None)

    def first_deadline(self) -> float | None:
        """When the first request or return is overdue. All of a kind wait equally long, so the first one is due first."""
        request = next((request for request in self.requests.values() if not request.abandoned), None)
        returning = next(iter(self.returns.values()), None)
        due = [request.deadline] if request is not None else []
        due += [returning.deadline] if returning is not None else []
        return min(due, default=None)

    def overdue(self, now: float) -> tuple[list[tuple[int, Request]], list[tuple[int, Return]]]:
        """The requests and returns whose deadline has passed; who stands in a queue has none."""
        return (
            [(number, request) for number, request in self.requests.items() if not request.abandoned and request.deadline <= now],
            [(number, returning) for number, returning in self.returns.items() if returning.deadline <= now],
        )

    def mark_idle(self, idle: bool, handle: int) -> bool:
        """Notes whether the user of these seats, or (handle 0) of all, does nothing; false where there are none."""
        seats = list(self.seats.values()) if not handle else [self.seats[handle]] if handle in self.seats else []
        for seat in seats:
            seat.idle = idle
        return bool(seats)

    def idle_handles(self) -> list[int]:
        """The seats of which the server has to be told that they are idle; 0 stands for all."""
        idle = [handle for handle, seat in self.seats.items() if seat.idle]
        return [0] if len(idle) == len(self.seats) > 1 else idle

    def lapse(self) -> list[HeldSeat]:
        """The seats whose lease ends now."""
        fresh = [seat for seat in self.seats.values() if not seat.lapsed]
        for seat in fresh:
            seat.lapsed = True
        return fresh

    def give_away(self, handle: int) -> None:
        """The seats of this handle are given back out of contact."""
        self.seats.pop(handle, None)
        self._unwanted.add(handle)

    def forget(self, number: int) -> None:
        """Nobody waits for this request any more, not even the session."""
        request = self.answered(number)
        self._unsure = self._unsure or (request is not None and request.sent)

    def cut(self) -> list[Return]:
        """The connection is gone: nothing that was abandoned or on its way back is named again. The returns that this settles."""
        everything = chain(self.requests.items(), self.queued.items())
        for number in [number for number, request in everything if request.abandoned]:
            self.forget(number)
        settled = list(self.returns.values())
        self._unwanted.update(returning.handle for returning in settled)
        self.returns.clear()
        return settled

    def welcomed(self, held: list[int]) -> tuple[list[HeldSeat], list[HeldSeat], list[int]]:
        """By what the server holds: the seats that are gone, the lapsed ones that are back, the handles to be given back now."""
        # Borrowed seats may be in no session any more, and are this client's all the same.
        there = set(held)
        gone = [self.seats.pop(handle) for handle in [handle for handle in self.seats if handle not in there]]
        back = [seat for seat in self.seats.values() if seat.lapsed]
        for seat in self.seats.values():
            seat.lapsed = False
            seat.doubtful = seat.unlicensed
        unwanted = sorted(self._unwanted & there)
        self._unwanted.clear()
        self._unsure = False
        return gone, back, unwanted

    def doubtful(self) -> list[HeldSeat]:
        """The unlicensed seats of which the server has not spoken since the welcome."""
        return [seat for seat in self.seats.values() if seat.doubtful]

    def clear(self) -> None:
        """The session has ended."""
        self.requests.clear()
        self.queued.clear()
        self.lent.clear()
        self.seats.clear()
        self.returns.clear()
