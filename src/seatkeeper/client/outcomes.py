"""What a session with one server tells the walker, beside its instructions for the network."""

from __future__ import annotations

import msgspec

from seatkeeper.client.events import Close, Connect, Failure, Send

__all__ = [
    "BorrowRevoked",
    "ContactBack",
    "ContactLost",
    "Outcome",
    "SeatBack",
    "SeatDenied",
    "SeatGone",
    "SeatGranted",
    "SeatLapsed",
    "SeatQueued",
    "SeatRestored",
    "SeatReturned",
    "SeatTaken",
]


class _Outcome(msgspec.Struct, frozen=True):
    pass


class SeatGranted(_Outcome, frozen=True):
    """A request has its seats; `borrow` is the record of borrowed ones, which are the session's concern no longer.

    Handle 0 answers a trial: nothing is held, and `at` is the server's Unix time.
    """

    key: int
    handle: int
    count: int
    version: str
    expiry: str
    borrow: bytes = b""
    at: float = 0.0


class SeatQueued(_Outcome, frozen=True):
    """A request waits in the server's queue, at this position."""

    key: int
    position: int


class SeatDenied(_Outcome, frozen=True):
    """A request has no seats; `reached` where the server said so itself."""

    key: int
    failure: Failure
    reached: bool


class SeatReturned(_Outcome, frozen=True):
    """Seats are given back (number 0), or why not."""

    key: int
    number: int


class SeatLapsed(_Outcome, frozen=True):
    """The lease of these seats has ended without contact."""

    key: int
    reason: str


class SeatBack(_Outcome, frozen=True):
    """Lapsed seats are still there."""

    key: int


class SeatGone(_Outcome, frozen=True):
    """The server does not hold these seats any more."""

    key: int


class SeatTaken(_Outcome, frozen=True):
    """The server has taken these seats (`gone`), or they are not licensed any more."""

    key: int
    number: int
    reason: str
    gone: bool


class SeatRestored(_Outcome, frozen=True):
    """These seats are licensed again."""

    key: int


class BorrowRevoked(_Outcome, frozen=True):
    """An administrator has ended the borrow of this handle."""

    handle: int
    reason: str


class ContactLost(_Outcome, frozen=True):
    """The server is out of contact while seats are held."""

    failure: Failure


class ContactBack(_Outcome, frozen=True):
    """The session is open (again); `lost` where ContactLost came before."""

    lost: bool


Outcome = (
    Connect
    | Send
    | Close
    | SeatGranted
    | SeatQueued
    | SeatDenied
    | SeatReturned
    | SeatLapsed
    | SeatBack
    | SeatGone
    | SeatTaken
    | SeatRestored
    | BorrowRevoked
    | ContactLost
    | ContactBack
)
