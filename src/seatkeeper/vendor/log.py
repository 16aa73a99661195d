"""The log port: what the vendor daemon needs of its log, whichever it has (design, One log, one or three servers).

An append is one batch, whole or not at all. `expected_seq` fences: a log that has grown behind the caller's back answers
Conflict, and the caller is no longer the master. An answer to a client leaves only after the append of its entry has
been acknowledged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from seatkeeper.vendor.entries import Entry

__all__ = ["Appended", "Conflict", "Log", "LogRecord", "Outcome", "Unknown"]


class Appended(msgspec.Struct, frozen=True):
    """The batch is durable; `seq` is the number of its last entry."""

    seq: int


class Conflict(msgspec.Struct, frozen=True):
    """The log's last entry is not the expected one: another daemon writes it."""

    seq: int


class Unknown(msgspec.Struct, frozen=True):
    """It cannot be told whether the batch is durable; the daemon must stop and read the log again."""

    reason: str


Outcome = Appended | Conflict | Unknown


class LogRecord(msgspec.Struct, frozen=True):
    """One batch as the log holds it: the number of its first entry, the entries, and the hashes that chain it."""

    seq: int
    entries: tuple[Entry, ...]
    previous: str
    hash: str


class Log(Protocol):
    """An append-only log of entries, numbered from 1."""

    def append(self, expected_seq: int, batch: Sequence[Entry], done: Callable[[Outcome], None]) -> None:
        """Begins to append; `done` is called once, on the caller's thread. One append at a time."""
        ...

    def tail(self, from_seq: int) -> Iterator[LogRecord]:
        """The records from the one that holds `from_seq` on."""
        ...

    def snapshot(self, snapshot: Entry) -> None:
        """Makes `snapshot` the point where the next reader begins. No append may be under way."""
        ...
