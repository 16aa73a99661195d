"""What lmstat is told about daemons, servers, holders, reservations and waiting requests: the parts of ServerStatus and PoolStatus."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["DaemonStatus", "HolderStatus", "MemberStatus", "QueuedStatus", "ReservationStatus"]


class _Part(Struct, frozen=True, array_like=True, gc=False):
    """What all parts are: immutable, an array on the wire."""


class DaemonStatus(_Part, frozen=True):
    """One vendor daemon as its lmgrd sees it; `reason` says why it is down and when it is tried again."""

    name: str
    up: bool
    version: str = ""
    reason: str = ""
    port: int = 0
    restarts: int = 0


class MemberStatus(_Part, frozen=True):
    """One SERVER line: where it is, whether it is up, whether it is the master.

    Of three servers `term` counts masters, `position` is the last record of their log that this one has applied, and `lag` how many it
    knows to be missing.
    """

    host: str
    port: int
    up: bool
    master: bool
    version: str = ""
    term: int = 0
    position: int = 0
    lag: int = 0


class HolderStatus(_Part, frozen=True):
    """One handle with its seats. `version` is the one asked for, `since` Unix time; times of linger are seconds.

    `attached` is false for a holder that has not come back since the daemon restarted.
    """

    user: str
    host: str
    display: str
    version: str
    handle: int
    count: int
    since: float
    pid: int = 0
    linger_s: int = 0
    linger_total_s: int = 0
    attached: bool = True
    borrowed: bool = False
    data: str = ""


class ReservationStatus(_Part, frozen=True):
    """Seats that the options file keeps for a USER, HOST, GROUP ...; `count` of them are idle and count as in use."""

    count: int
    kind: str
    name: str


class QueuedStatus(_Part, frozen=True):
    """One waiting request."""

    user: str
    host: str
    display: str
    version: str
    handle: int
    count: int
    since: float
