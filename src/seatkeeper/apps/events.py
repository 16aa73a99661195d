"""Everything that can happen to a licensed application, and everything that it wants done, as values.

A *key* is the application's number for one checkout, from CheckOut until CheckIn or Denied. Seats that are lost keep their key: they
may be restored.
"""

from __future__ import annotations

import msgspec

from seatkeeper.base.logevents import Message

__all__ = [
    "Alarm",
    "CheckIn",
    "CheckOut",
    "Cleared",
    "Count",
    "Counted",
    "Degraded",
    "Denied",
    "Effect",
    "Event",
    "Exit",
    "Forced",
    "Granted",
    "Lost",
    "Occurred",
    "OptionsChanged",
    "Reachable",
    "Regained",
    "Reply",
    "Restored",
    "Started",
    "Stopped",
    "Tick",
    "Unreachable",
    "Write",
]


class _Value(msgspec.Struct, frozen=True):
    pass


# Events: from the site ------------------------------------------------------------------------------------------------


class Started(_Value, frozen=True):
    """The application is started."""


class Occurred(_Value, frozen=True):
    """Something happened that the application serves: an agent logs in, a DN is registered, a callback is requested.

    `name` and `fields` are as the profile's `events` say; `id` is the feeder's mark, and comes back in the Reply.
    """

    name: str
    fields: dict[str, str | int | float | bool | list[str]] = {}
    id: str = ""


class OptionsChanged(_Value, frozen=True):
    """The administrator has changed options: section -> option -> value; an option left out keeps its value, None takes the default."""

    options: dict[str, dict[str, str | int | bool | None]]


class Tick(_Value, frozen=True):
    """A deadline has passed."""


class Stopped(_Value, frozen=True):
    """The application is asked to end."""


# Events: from the license server ------------------------------------------------------------------------------------------


class Granted(_Value, frozen=True):
    """The checkout holds so many seats."""

    key: int
    count: int


class Denied(_Value, frozen=True):
    """The checkout is denied, with this license error; the key is of no use any more."""

    key: int
    number: int
    text: str = ""


class Lost(_Value, frozen=True):
    """Seats are not the application's any more, or not licensed any more; `number` 0 stands for seats that an administrator removed."""

    key: int
    number: int
    text: str = ""


class Restored(_Value, frozen=True):
    """What Lost told is over; the checkout holds `count` seats now."""

    key: int
    count: int


class Unreachable(_Value, frozen=True):
    """The license server is out of reach."""

    text: str = ""


class Reachable(_Value, frozen=True):
    """The license server is back; what is lost and restored is told after it."""


class Counted(_Value, frozen=True):
    """The answer to Count: so many seats of the feature are licensed in all, and so many of them free; `free` is -1 for not known."""

    feature: str
    issued: int
    free: int = -1


Event = Started | Occurred | OptionsChanged | Tick | Stopped | Granted | Denied | Lost | Restored | Unreachable | Reachable | Counted

# Effects ----------------------------------------------------------------------------------------------------------------------


class CheckOut(_Value, frozen=True):
    """Check seats out; the answer is Granted or Denied.

    `data` is the key under which several processes share a license (DUP_GROUP=V): a redundant pair, a configuration environment.
    `who` is whom the seats are for, where they are for one person or connection.
    """

    key: int
    feature: str
    version: str
    count: int
    up_to: bool = False
    data: str = ""
    who: str = ""


class CheckIn(_Value, frozen=True):
    """Give the seats of a checkout back."""

    key: int


class Count(_Value, frozen=True):
    """Ask how many seats of a feature are licensed in all, and how many are free; the answer, always given, is Counted."""

    feature: str


class Write(_Value, frozen=True):
    """Write a message into the application's log."""

    message: Message


class Reply(_Value, frozen=True):
    """What became of an Occurred: served, or not, and why not."""

    id: str
    name: str
    accepted: bool
    reason: str = ""


class Forced(_Value, frozen=True):
    """The application puts somebody out: `what` as in the profile, such as `logout`."""

    what: str
    who: str
    reason: str


class Degraded(_Value, frozen=True):
    """A function works no more, or less well, for want of a license."""

    function: str
    reason: str


class Regained(_Value, frozen=True):
    """A function that was degraded works as it should."""

    function: str


class Alarm(_Value, frozen=True):
    """A violation begins: the alarm that management shows (guide: 07100 triggers it)."""

    cause: str
    kind: str


class Cleared(_Value, frozen=True):
    """A violation is over: 07105 clears its alarm."""

    cause: str
    kind: str


class Exit(_Value, frozen=True):
    """The application ends, with this status; nothing comes after it."""

    status: int
    reason: str = ""


Effect = CheckOut | CheckIn | Count | Write | Reply | Forced | Degraded | Regained | Alarm | Cleared | Exit
