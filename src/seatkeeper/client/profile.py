"""What a client is told when it begins: who it is, which servers there are, how long it waits."""

from __future__ import annotations

import msgspec

from seatkeeper.client.path import Address

__all__ = ["Identity", "Limits", "Target"]


class Limits(msgspec.Struct, frozen=True):
    """How long a client waits, in seconds.

    Attributes:
        connect_s: For a connection to stand.
        greet_s: For the welcome; lmgrd lets a client wait for 15 s while its vendor daemon starts.
        answer_s: For an answer; a server that owes one for longer, or for a third of the lease, counts as out of contact.
        request_s: For a checkout, connecting again included, before the next server is asked; one that waits in a queue has no limit.
        backoff_s: The longest wait between two attempts to connect again.
        dead_s: How long a server that could not be reached is passed over while there are others.
        retry_s: Between two attempts to check lost seats out anew.
    """

    connect_s: float = 5.0
    greet_s: float = 17.0
    answer_s: float = 10.0
    request_s: float = 30.0
    backoff_s: float = 15.0
    dead_s: float = 60.0
    retry_s: float = 15.0


class Identity(msgspec.Struct, frozen=True):
    """Who the client is, for the server's records and rules; `hostids` as license files write them, `platform` as PLATFORMS= does."""

    vendor: str
    user: str
    host: str
    display: str
    pid: int = 0
    project: str = ""
    application: str = ""
    platform: str = ""
    hostids: tuple[str, ...] = ()


class Target(msgspec.Struct, frozen=True):
    """One server of the path, or one triad.

    Attributes:
        name: How it is called.
        addresses: Where it is.
        secret: The secret of this client's session with it.
        lent: Handles that an earlier client has borrowed in this session, and keeps the records of.
    """

    name: str
    addresses: tuple[Address, ...]
    secret: bytes
    lent: tuple[int, ...] = ()
