"""Every entry of the log has one flat form, in which whom and what it is about stands beside it: that of report logs and exports.

Theory of operation. The log's entries refer to each other: a checkin names a handle, a checkout a session. Who counts use wants
each line to speak for itself, so a record repeats user, host and feature. Its columns are `COLUMNS`, the same in JSON lines and in
Parquet; a field of an entry becomes the column of its name, and what has no column stands in `detail` as JSON. So an entry that is
added later is exported as well, without a change here. Secrets (the digest of a session) never leave.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.vendor.entries import Entry
    from seatkeeper.vendor.seats import Seat, Waiter

__all__ = ["COLUMNS", "FORMAT", "held", "hide_users", "moment", "pseudonym", "record"]

#: Name and version of the form: the version rises when a column changes its meaning; new columns and events may come without.
FORMAT: Final = "seatkeeper-records/1"

#: Column to type, in their order. Only `time`, `vendor` and `event` are always there.
COLUMNS: Final[dict[str, type]] = {
    "seq": int,
    "time": datetime,
    "vendor": str,
    "event": str,
    "feature": str,
    "pool": str,
    "version": str,
    "count": int,
    "user": str,
    "host": str,
    "address": str,
    "display": str,
    "pid": int,
    "project": str,
    "application": str,
    "data": str,
    "session": int,
    "handle": int,
    "since": datetime,
    "until": datetime,
    "borrow_until": datetime,
    "why": str,
    "number": int,
    "reason": str,
    "rule": str,
    "what": str,
    "by_user": str,
    "by_host": str,
    "text": str,
    "detail": str,
}
#: Columns that name a person, and those whose prose may.
_PERSONS: Final = ("user", "by_user")
_PROSE: Final = ("reason", "rule", "text", "detail")
_TIMES: Final = frozenset(name for name, kind in COLUMNS.items() if kind is datetime)
#: Fields that are no columns and no detail: the time and the secret's digest. A client's request number says nothing to others.
_LEFT_OUT: Final = frozenset(("at", "digest", "request"))

_encode: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode


def moment(at: float) -> datetime:
    """A Unix time as a record has it: UTC, to the microsecond."""
    return datetime.fromtimestamp(at, UTC)


def record(entry: Entry, seat: Seat | Waiter | None, vendor: str) -> dict[str, Any]:
    """The flat form of an entry; `seat` is what it is about, as the ledger has it. What is empty is left out."""
    found: dict[str, Any] = {"time": moment(entry.at), "vendor": vendor, "event": entry.__struct_config__.tag}
    if seat is not None:
        found |= _of_seat(seat)
    rest: dict[str, Any] = {}
    for name in entry.__struct_fields__:
        value = getattr(entry, name)
        # `vendor` of an entry is the same one.
        if not value or name in _LEFT_OUT or name == "vendor":
            continue
        if name in _TIMES:
            found[name] = moment(value)
        elif type(value) is COLUMNS.get(name):
            found[name] = value
        else:
            rest[name] = value
    if rest:
        found["detail"] = _encode(rest).decode()
    return found


def held(seat: Seat, at: float, vendor: str) -> dict[str, Any]:
    """The record that seats are held at this time, with which an export begins whose first checkouts lie before it."""
    return {"time": moment(at), "vendor": vendor, "event": "held"} | _of_seat(seat)


def _of_seat(seat: Seat | Waiter) -> dict[str, Any]:
    session = seat.session
    found: dict[str, Any] = {
        "feature": seat.feature,
        "pool": seat.pool_key,
        "version": seat.version,
        "count": seat.count,
        "user": session.user,
        "host": session.host,
        "address": session.address,
        "display": seat.display,
        "pid": session.pid,
        "project": session.project,
        "application": session.application,
        "data": seat.data,
        "session": session.number,
        "handle": seat.handle,
    }
    found = {name: value for name, value in found.items() if value}
    found["since"] = moment(seat.since)
    borrow_until = getattr(seat, "borrow_until", 0.0)
    if borrow_until:
        found["borrow_until"] = moment(borrow_until)
    return found


def pseudonym(name: str, key: bytes) -> str:
    """Another name for a user: always the same under one key, and of no use to find the first without it."""
    return f"user-{blake2b(name.encode(), digest_size=6, key=key).hexdigest()}"


def hide_users(found: dict[str, Any], key: bytes) -> dict[str, Any]:
    """The record with pseudonyms for its users, and without the prose that could name one (HIDE_USER; facts, FlexNet 3.4)."""
    shown = {name: value for name, value in found.items() if name not in _PROSE}
    shown |= {name: pseudonym(found[name], key) for name in _PERSONS if name in found}
    return shown
