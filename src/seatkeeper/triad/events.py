"""What can happen to a member of a triad (events) and what it wants done (effects): all values, no sockets, no disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from seatkeeper.vendor.entries import Entry

if TYPE_CHECKING:
    from datetime import date

    from seatkeeper.vendor import events as vendor
    from seatkeeper.vendor.log import Outcome

__all__ = [
    "Appending",
    "Asked",
    "Became",
    "Configured",
    "Delivered",
    "Effect",
    "Event",
    "Keep",
    "Outcame",
    "Purge",
    "Reached",
    "Record",
    "Release",
    "Role",
    "Stop",
    "Ticked",
]

#: `following` applies what the master writes, `standing` has asked to be master, `master` decides; `over` ends with its process.
Role = Literal["following", "standing", "master", "over"]


class Record(msgspec.Struct, frozen=True):
    """One message of the log that three servers share: what its writer recorded together, or nothing (then it only shows that he lives).

    Attributes:
        term: Counts masters.
        server: Who wrote it, by the order of SERVER lines, from 0.
        seq: The number of the first entry; of a record without any, the number that the next one will have.
        entries: What is recorded.
        hash: Of the chain, behind these entries (vendor.chain).
    """

    term: int
    server: int
    seq: int
    entries: tuple[Entry, ...]
    hash: str


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


# Events --------------------------------------------------------------------------------------------------------------


class Delivered(_Value, frozen=True):
    """The shared log has this record at this position; all records come in their order, each once or again."""

    position: int
    record: Record


class Reached(_Value, frozen=True):
    """The shared log ended here when this member connected to it: before it has applied that far it knows too little."""

    position: int


class Outcame(_Value, frozen=True):
    """What became of the append that expected this position."""

    expected: int
    outcome: Outcome


class Configured(_Value, frozen=True):
    """This is served from now on, or from when this member is master."""

    reread: vendor.LicenseReread


class Asked(_Value, frozen=True):
    """What a client or an administrator wants; `replies` are told with the answers, where the session that renews its lease lives."""

    event: vendor.Event
    replies: tuple[vendor.Send, ...] = ()


class Ticked(_Value, frozen=True):
    """Time has passed; `draw` in [0, 1) spreads what all members would else do at once."""

    today: date
    draw: float


Event = Delivered | Reached | Outcame | Configured | Asked | Ticked


# Effects -------------------------------------------------------------------------------------------------------------


class Appending(_Value, frozen=True):
    """Append the record to the shared log if its last position is the expected one."""

    expected: int
    record: Record


class Keep(_Value, frozen=True):
    """This record of the shared log is applied: it belongs into the member's own journal, in this order."""

    record: Record


class Release(_Value, frozen=True):
    """These may now be seen by clients."""

    instructions: tuple[vendor.Send | vendor.Close, ...]


class Became(_Value, frozen=True):
    """The member's role has changed; `master` is who is it now, -1 where nobody is known."""

    role: Role
    term: int
    master: int


class Purge(_Value, frozen=True):
    """What stands before this position of the shared log is in a snapshot, and not needed any more."""

    position: int


class Stop(_Value, frozen=True):
    """End this process: its memory is not what the log says. With `alarm` it must not be started again before somebody has looked."""

    reason: str
    alarm: bool = False


Effect = Appending | Keep | Release | Became | Purge | Stop
