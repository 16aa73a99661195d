"""What the log holds: every fact from which the ledger can be built again, as JSON objects that a person can read.

An entry is written before its effect is visible to a client. Each has its time (`at`, Unix seconds) and a tag (`entry`).
Heartbeats are not entries. The session's secret is never in the log, only a digest of it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "Act",
    "CheckedIn",
    "CheckedOut",
    "Denial",
    "Entry",
    "Opened",
    "Reread",
    "SeatState",
    "SessionBegun",
    "SessionEnded",
    "SessionState",
    "Snapshot",
    "Why",
]

#: How seats came back: the client's checkin; its connection closed; it was silent until its deadline; it did not come back
#: after a restart within the grace time; an administrator removed it; the server was shut down; the client never saw the grant.
Why = Literal["checkin", "closed", "silent", "grace", "removed", "unseen"]


class _Entry(msgspec.Struct, frozen=True, tag_field="entry", gc=False):
    at: float


class Opened(_Entry, frozen=True, tag="opened"):
    """A vendor daemon took the log over; `lease_s` is the grace that holders have to come back."""

    vendor: str
    version: str
    lease_s: float


class SessionBegun(_Entry, frozen=True, tag="session"):
    """A client holds seats for the first time; later entries call it by `session`."""

    session: int
    digest: str
    user: str
    host: str
    display: str
    pid: int = 0
    project: str = ""
    application: str = ""


class CheckedOut(_Entry, frozen=True, tag="checkout"):
    """Seats are held under `handle`; `version` is the one asked for, `pool` says which pool of the feature gave them."""

    session: int
    request: int
    handle: int
    feature: str
    pool: str
    version: str
    count: int
    display: str


class CheckedIn(_Entry, frozen=True, tag="checkin"):
    """The seats of a handle are free again."""

    handle: int
    why: Why


class Denial(_Entry, frozen=True, tag="denial"):
    """A checkout was refused."""

    user: str
    host: str
    feature: str
    version: str
    count: int
    number: int
    reason: str


class SessionEnded(_Entry, frozen=True, tag="session_end"):
    """A client that held seats is gone; its number is not used again."""

    session: int


class Reread(_Entry, frozen=True, tag="reread"):
    """The daemon serves these seats from now on: feature, pool, total (0 for uncounted)."""

    pools: list[tuple[str, str, int]]
    by_user: str = ""
    by_host: str = ""


class Act(_Entry, frozen=True, tag="act"):
    """What an administrator did."""

    what: str
    by_user: str
    by_host: str
    text: str = ""


class SessionState(msgspec.Struct, frozen=True, gc=False):
    """A session in a snapshot; fields as in SessionBegun."""

    session: int
    digest: str
    user: str
    host: str
    display: str
    pid: int
    project: str
    application: str


class SeatState(msgspec.Struct, frozen=True, gc=False):
    """A held handle in a snapshot; fields as in CheckedOut, `since` is its time."""

    handle: int
    session: int
    request: int
    feature: str
    pool: str
    version: str
    count: int
    display: str
    since: float


class Snapshot(_Entry, frozen=True, tag="snapshot"):
    """The whole ledger; a reader may begin here."""

    next_handle: int
    next_session: int
    sessions: list[SessionState]
    seats: list[SeatState]


Entry = Opened | SessionBegun | CheckedOut | CheckedIn | Denial | SessionEnded | Reread | Act | Snapshot
