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
    "Clocked",
    "Denial",
    "Dequeued",
    "Elected",
    "Entry",
    "Expired",
    "Lingering",
    "Opened",
    "Queued",
    "Reread",
    "Revoked",
    "SeatState",
    "SessionBegun",
    "SessionEnded",
    "SessionState",
    "Snapshot",
    "Unwaited",
    "Why",
]

#: How seats came back: the client's checkin; its connection closed; it was silent until its deadline; it did not come back
#: after a restart within the grace time; an administrator removed it; the client never saw the grant; its user did nothing for
#: too long; their linger ended, or somebody else needed them; a borrow was returned early, was revoked, or has ended.
Why = Literal["checkin", "closed", "silent", "grace", "removed", "unseen", "idle", "linger", "returned", "revoked", "expired"]

#: How waiting ended: with seats, by the client's wish, with its session, or because no seat that comes free will do any more.
Unwaited = Literal["served", "given_up", "ended", "denied"]


class _Entry(msgspec.Struct, frozen=True, tag_field="entry", gc=False):
    at: float


class Opened(_Entry, frozen=True, tag="opened"):
    """A vendor daemon took the log over; `lease_s` is the grace that holders have to come back."""

    vendor: str
    version: str
    lease_s: float


class Elected(_Entry, frozen=True, tag="elected"):
    """Of three servers this one is master from here on, in this term; counted from 0 in the order of SERVER lines."""

    term: int
    server: int


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
    address: str = ""


class CheckedOut(_Entry, frozen=True, tag="checkout"):
    """Seats are held under `handle`; `version` is the one asked for, `pool` says which pool of the feature gave them.

    `data` is the application's part of the key under which checkouts share a license. Borrowed seats stay out until
    `borrow_until` (Unix time; 0 for seats that are not borrowed), whether or not the session lives.
    """

    session: int
    request: int
    handle: int
    feature: str
    pool: str
    version: str
    count: int
    display: str
    data: str = ""
    borrow_until: float = 0.0


class CheckedIn(_Entry, frozen=True, tag="checkin"):
    """The seats of a handle are free again."""

    handle: int
    why: Why


class Lingering(_Entry, frozen=True, tag="linger"):
    """Their holder has given the seats of a handle back, or is gone, and they stay out until `until` (linger or borrow)."""

    handle: int
    until: float


class Revoked(_Entry, frozen=True, tag="revoked"):
    """An administrator takes the seats of a handle back; they are free when the client confirms, or its lease has ended."""

    handle: int
    by_user: str
    by_host: str


class Queued(_Entry, frozen=True, tag="queued"):
    """A request waits for seats, under the handle that it will have; fields as in CheckedOut."""

    session: int
    request: int
    handle: int
    feature: str
    pool: str
    version: str
    count: int
    display: str
    data: str = ""
    up_to: bool = False


class Dequeued(_Entry, frozen=True, tag="dequeued"):
    """A request waits no longer; where it is served, its checkout follows."""

    handle: int
    why: Unwaited


class Expired(_Entry, frozen=True, tag="expired"):
    """The last good line of a pool has ended."""

    feature: str
    pool: str


class Clocked(_Entry, frozen=True, tag="clock"):
    """Time has passed; or (`behind_s`) the clock was found to be so far behind what the log has seen."""

    behind_s: float = 0.0


class Denial(_Entry, frozen=True, tag="denial"):
    """A checkout was refused; `left_out` others like it, just before, are not in the log (denials.py)."""

    user: str
    host: str
    feature: str
    version: str
    count: int
    number: int
    reason: str
    rule: str = ""
    left_out: int = 0


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
    """A session in a snapshot; fields as in SessionBegun. One that is `over` lives on only as the holder of kept seats."""

    session: int
    digest: str
    user: str
    host: str
    display: str
    pid: int
    project: str
    application: str
    address: str = ""
    over: bool = False


class SeatState(msgspec.Struct, frozen=True, gc=False):
    """A held handle in a snapshot; fields as in CheckedOut, `since` is its time, `until` that of Lingering (0 for none)."""

    handle: int
    session: int
    request: int
    feature: str
    pool: str
    version: str
    count: int
    display: str
    since: float
    data: str = ""
    borrow_until: float = 0.0
    until: float = 0.0
    revoked: bool = False


class Snapshot(_Entry, frozen=True, tag="snapshot"):
    """The whole ledger; a reader may begin here. `latest` is the highest time that the log has seen."""

    next_handle: int
    next_session: int
    sessions: list[SessionState]
    seats: list[SeatState]
    waiters: list[Queued] = []
    latest: float = 0.0


Entry = (
    Opened
    | Elected
    | SessionBegun
    | CheckedOut
    | CheckedIn
    | Lingering
    | Revoked
    | Queued
    | Dequeued
    | Denial
    | SessionEnded
    | Expired
    | Clocked
    | Reread
    | Act
    | Snapshot
)
