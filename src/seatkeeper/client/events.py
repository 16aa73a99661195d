"""Everything that can happen to a client, and everything that it wants done, as values.

A *link* is one attempt to have a connection, from Connect on; what belongs to an earlier one is ignored. A *key* is the shell's
number for one checkout, from Ask until it is given back; the handle behind it changes when seats have to be checked out anew.
"""

from __future__ import annotations

from typing import Final

import msgspec

from seatkeeper.client.path import MINOR_PATH, Address
from seatkeeper.wire.messages import Checkout, ClientMessage, ReturnBorrow, ServerMessage

__all__ = [
    "BORROWED",
    "MINOR_ANSWER",
    "MINOR_CONNECT",
    "MINOR_DAEMON",
    "MINOR_GREETING",
    "MINOR_LOCAL",
    "MINOR_NAME",
    "MINOR_PATH",
    "MINOR_READ",
    "MINOR_TRUST",
    "Abandon",
    "Ask",
    "Broken",
    "Close",
    "Connect",
    "Denial",
    "Event",
    "Failed",
    "Failure",
    "GiveBack",
    "GivenBack",
    "HandBack",
    "HeartbeatLost",
    "Idle",
    "Instruction",
    "Leave",
    "LicenseLost",
    "LicenseRestored",
    "Mistrusted",
    "News",
    "Opened",
    "Placed",
    "Received",
    "Reconnected",
    "Revoked",
    "Seated",
    "Send",
    "Tell",
    "Tick",
    "Unseated",
    "Waiting",
]


#: Where in the client a failure arose: the second number of a license error's pair. Those that FlexNet's clients print are kept
#: (facts, FlexNet 7.2); 621 and above are ours (docs/protocol.md).
MINOR_NAME: Final = 7
MINOR_DAEMON: Final = 121
MINOR_READ: Final = 287
MINOR_CONNECT: Final = 570
MINOR_GREETING: Final = 621
MINOR_TRUST: Final = 622
MINOR_ANSWER: Final = 623
MINOR_LOCAL: Final = 624

#: In the place of a server's name: the seats are borrowed ones, which this machine keeps itself.
BORROWED: Final = "borrowed"


class _Value(msgspec.Struct, frozen=True):
    pass


class Failure(_Value, frozen=True):
    """Why something cannot be had: what a LicenseError is made of (denials.py)."""

    number: int
    minor: int = 0
    reason: str = ""
    system: tuple[int, str] | None = None
    rule: str = ""
    holders: tuple[str, ...] = ()
    free_at: float = 0.0


# What the application is told ---------------------------------------------------------------------------------------


class HeartbeatLost(_Value, frozen=True):
    """The server is out of reach; what is held and waited for there is good until the lease ends, and the client tries to come back."""

    server: str
    reason: str


class Reconnected(_Value, frozen=True):
    """The server is back. Which seats are lost, and which restored, is told for each of them."""

    server: str


class LicenseLost(_Value, frozen=True):
    """The seats of a handle are not the application's any more, or not licensed any more.

    `number` is the license error that tells the case; 0 for seats that an administrator removed, which do not come back by
    themselves.
    """

    feature: str
    handle: int
    reason: str
    number: int
    server: str


class LicenseRestored(_Value, frozen=True):
    """What LicenseLost told is over; `handle` and `count` are those of now."""

    feature: str
    handle: int
    count: int
    server: str


class Waiting(_Value, frozen=True):
    """A checkout waits in a server's queue, at this position of it, from 1; told again whenever that changes."""

    feature: str
    position: int
    server: str


News = HeartbeatLost | Reconnected | LicenseLost | LicenseRestored | Waiting


# Events: from the application -----------------------------------------------------------------------------------------


class Ask(_Value, frozen=True):
    """The application wants seats; `want.request` is not used, since every server numbers its own requests."""

    key: int
    want: Checkout


class GiveBack(_Value, frozen=True):
    """The application gives the seats of a checkout back."""

    key: int


class Abandon(_Value, frozen=True):
    """The application waits no longer for a checkout; a late grant goes back at once."""

    key: int


class Idle(_Value, frozen=True):
    """The application's user does nothing, or works again; with the seats of one checkout, or (key 0) with all."""

    idle: bool
    key: int = 0


class HandBack(_Value, frozen=True):
    """Borrowed seats are to go home early; the answer is GivenBack with number 0, or Unseated. `message.request` is not used."""

    key: int
    message: ReturnBorrow


class Leave(_Value, frozen=True):
    """The application ends."""


# Events: from the network -------------------------------------------------------------------------------------------


class Opened(_Value, frozen=True):
    """The connection stands; `nonce` is a fresh random one, for the server to sign."""

    link: int
    nonce: bytes


class Failed(_Value, frozen=True):
    """The connection could not be made."""

    link: int
    failure: Failure


class Broken(_Value, frozen=True):
    """The connection has ended."""

    link: int
    failure: Failure


class Received(_Value, frozen=True):
    """A message has come that the guard (guard.py) let pass."""

    link: int
    message: ServerMessage


class Mistrusted(_Value, frozen=True):
    """A message has come that the guard did not let pass: the server is not what it says."""

    link: int
    message: ServerMessage
    failure: Failure


class Tick(_Value, frozen=True):
    """A deadline has passed."""


Event = Ask | GiveBack | Abandon | Idle | HandBack | Leave | Opened | Failed | Broken | Received | Mistrusted | Tick


# Instructions ---------------------------------------------------------------------------------------------------------


class Connect(_Value, frozen=True):
    """Make a connection, and say under this link how it went; `server` tells whose guard watches it."""

    link: int
    server: int
    address: Address


class Send(_Value, frozen=True):
    """Send this message."""

    link: int
    message: ClientMessage


class Close(_Value, frozen=True):
    """Close the connection once all is sent, or stop making it; nothing more is to be said about it."""

    link: int


class Seated(_Value, frozen=True):
    """The checkout holds seats, under this handle from now on.

    With `borrow`, the record of borrowed ones, nothing more is to be said about them here: they are good for as long as it says.
    Handle 0 answers a trial: it would, and `at` is the server's Unix time.
    """

    key: int
    handle: int
    count: int
    version: str
    expiry: str
    server: str
    borrow: bytes = b""
    at: float = 0.0


class Placed(_Value, frozen=True):
    """The checkout waits in this server's queue, at this position."""

    key: int
    position: int
    server: str


class Denial(_Value, frozen=True):
    """What one server said, or why it could not be asked."""

    server: str
    failure: Failure
    reached: bool


class Unseated(_Value, frozen=True):
    """The checkout, or the way home of borrowed seats, is denied by every server that was asked, in this order."""

    key: int
    denials: tuple[Denial, ...]


class GivenBack(_Value, frozen=True):
    """The checkin is done (number 0), or why not."""

    key: int
    number: int


class Revoked(_Value, frozen=True):
    """An administrator of this server has ended the borrow of this handle, and the client shall not use its record any more."""

    handle: int
    server: str
    reason: str


class Tell(_Value, frozen=True):
    """Tell the application."""

    news: News


Instruction = Connect | Send | Close | Seated | Placed | Unseated | GivenBack | Revoked | Tell
