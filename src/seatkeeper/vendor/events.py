"""What can happen to a vendor daemon (events) and what it wants done (instructions): all values, no sockets.

A connection is an object that only the shell understands; the machine keeps it to say whom an answer is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from seatkeeper.licfile.model import Signable
    from seatkeeper.licfile.options import OptionsFile
    from seatkeeper.pools.counted import Pool
    from seatkeeper.pools.decision import Terms, Unserved
    from seatkeeper.vendor.entries import Entry
    from seatkeeper.vendor.seats import Seat, Waiter

__all__ = [
    "Accepted",
    "Acted",
    "Answer",
    "Append",
    "BorrowAnswer",
    "BorrowReturned",
    "CheckinAsked",
    "CheckoutAsked",
    "Close",
    "Connection",
    "DenialAnswer",
    "Disconnected",
    "Event",
    "GrantAnswer",
    "Greeting",
    "Heard",
    "IdleTold",
    "Instruction",
    "Left",
    "LicenseReread",
    "LossAnswer",
    "Offer",
    "QueuedAnswer",
    "Recovered",
    "RemovalAnswer",
    "RemoveAsked",
    "RestoreAnswer",
    "ReturnAnswer",
    "RevokeAsked",
    "Send",
    "Tick",
]

#: The shell's object for one client's connection.
Connection = object


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


# Events ----------------------------------------------------------------------------------------------------------


class Recovered(_Value, frozen=True):
    """The log has been replayed; holders have from now on the lease time to come back."""


class Offer(_Value, frozen=True):
    """What license lines and options file come to: the terms, and a sentence for each line that has no effect."""

    terms: Terms
    ignored: tuple[str, ...] = ()


class LicenseReread(_Value, frozen=True):
    """These verified lines are served from now on, by these rules of the options file (None without one).

    `unserved` are the features of lines that are refused.
    `offer` is what `administration.prepare` made of them, for who has done that beforehand; it is used up by this event.
    """

    lines: tuple[Signable, ...]
    today: date
    options: OptionsFile | None = None
    by_user: str = ""
    by_host: str = ""
    offer: Offer | None = None
    unserved: Mapping[str, Unserved] = {}


class Greeting(_Value, frozen=True):
    """A client opens its session, or takes it up again. `digest` stands for the session's secret.

    `address` is where its connection comes from; `knows` says whether it may be told who holds seats.
    """

    connection: Connection
    digest: str
    user: str
    host: str
    display: str
    pid: int = 0
    project: str = ""
    application: str = ""
    held: tuple[int, ...] = ()
    asking: tuple[int, ...] = ()
    address: str = ""
    platform: str = ""
    hostids: tuple[str, ...] = ()
    knows: bool = False


class CheckoutAsked(_Value, frozen=True):
    """A client asks for seats; with `queue` it waits for them, with `borrow_until` it wants to keep them until then (Unix time).

    With `trial` it only asks whether it would have them.
    """

    session: int
    request: int
    feature: str
    version: str
    count: int
    up_to: bool
    display: str
    queue: bool = False
    data: str = ""
    borrow_until: float = 0.0
    trial: bool = False


class CheckinAsked(_Value, frozen=True):
    """A client gives a handle's seats back, or its place in the queue."""

    session: int
    request: int
    handle: int


class IdleTold(_Value, frozen=True):
    """The user of a handle's seats, or (handle 0) of all, does nothing, or works again."""

    session: int
    handle: int
    idle: bool


class BorrowReturned(_Value, frozen=True):
    """Borrowed seats are given back early; `proven` where the secret of their record came with it."""

    connection: Connection
    request: int
    handle: int
    proven: bool


class Heard(_Value, frozen=True):
    """A client has shown that it lives."""

    session: int


class Left(_Value, frozen=True):
    """A client has said goodbye."""

    session: int


class Disconnected(_Value, frozen=True):
    """A client's connection is closed."""

    session: int
    connection: Connection


class RemoveAsked(_Value, frozen=True):
    """An administrator takes seats back: those of one handle, or (handle 0) all of user, host and display."""

    connection: Connection
    request: int
    feature: str
    user: str
    host: str
    display: str
    handle: int
    by_user: str
    by_host: str


class RevokeAsked(_Value, frozen=True):
    """An administrator ends a borrow before its time."""

    connection: Connection
    request: int
    handle: int
    by_user: str
    by_host: str


class Acted(_Value, frozen=True):
    """An administrator did something of which the ledger need not know, and the log shall."""

    what: str
    by_user: str
    by_host: str
    text: str = ""


class Tick(_Value, frozen=True):
    """Time has passed."""

    today: date


Event = (
    Recovered
    | LicenseReread
    | Greeting
    | CheckoutAsked
    | CheckinAsked
    | IdleTold
    | BorrowReturned
    | Heard
    | Left
    | Disconnected
    | RemoveAsked
    | RevokeAsked
    | Acted
    | Tick
)


# Answers ---------------------------------------------------------------------------------------------------------


class Accepted(_Value, frozen=True):
    """The session is open; it holds these handles."""

    session: int
    held: tuple[int, ...]


class GrantAnswer(_Value, frozen=True):
    """Seats are held; `show_line` where the client has not yet seen the pool's signed lines. No pool: no line covers them any more.

    To a trial they would be: the handle is 0, and `at` tells the server's Unix time.
    """

    request: int
    handle: int
    count: int
    pool: Pool | None
    show_line: bool
    at: float = 0


class BorrowAnswer(_Value, frozen=True):
    """Seats are held and borrowed; the shell adds the signed record."""

    request: int
    seat: Seat
    show_line: bool


class DenialAnswer(_Value, frozen=True):
    """No seats, and why; the line that decides, who holds the seats, and when some may come free (Unix time, 0 for unknown)."""

    request: int
    number: int
    reason: str
    rule: str = ""
    holders: tuple[str, ...] = ()
    free_at: float = 0.0


class QueuedAnswer(_Value, frozen=True):
    """The request waits, at this place of its pool's queue."""

    request: int
    handle: int
    position: int


class ReturnAnswer(_Value, frozen=True):
    """The seats are back (number 0), or why not."""

    request: int
    handle: int
    number: int


class LossAnswer(_Value, frozen=True):
    """Seats are taken from the client (number 0: by an administrator), or no longer licensed."""

    handle: int
    number: int
    reason: str


class RestoreAnswer(_Value, frozen=True):
    """Seats that were no longer licensed are again."""

    handle: int


class RemovalAnswer(_Value, frozen=True):
    """So many handles are taken back (number 0), or none, and why."""

    request: int
    removed: int
    number: int
    text: str


Answer = Accepted | GrantAnswer | BorrowAnswer | DenialAnswer | QueuedAnswer | ReturnAnswer | LossAnswer | RestoreAnswer | RemovalAnswer


# Instructions ----------------------------------------------------------------------------------------------------


class Append(_Value, frozen=True):
    """Append this entry to the log; `seat` is what it is about, for the debug log."""

    entry: Entry
    seat: Seat | Waiter | None = None


class Send(_Value, frozen=True):
    """Send this answer; with `durable` only after the entries before it are in the log."""

    connection: Connection
    answer: Answer
    durable: bool


class Close(_Value, frozen=True):
    """Close this connection, and tell it why."""

    connection: Connection
    number: int
    reason: str


Instruction = Append | Send | Close
