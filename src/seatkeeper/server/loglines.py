"""What is appended to the journal is told in the debug log's own lines, to the blank.

Two blanks follow user and host; what may stand behind them, each with one blank behind it, are `[checkout data]` where the
application has given some, `(N licenses)` where they are several, and why (facts, lmstat formats 10, and FlexNet 6.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.base.errors import error_text
from seatkeeper.base.names import clean_name
from seatkeeper.vendor.entries import Act, CheckedIn, CheckedOut, Clocked, Denial, Dequeued, Expired, Queued

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from seatkeeper.vendor.entries import Entry
    from seatkeeper.vendor.events import Append
    from seatkeeper.vendor.seats import Seat, Waiter

__all__ = ["DENIAL_MINORS", "IN_REASONS", "log_lines"]

#: The second number of a denial, which administrators quote from logs (facts, FlexNet 7.2), by the first.
DENIAL_MINORS: Final = {-4: 342, -5: 346, -18: 327, -24: 332, -21: 346}
#: Denials of what this server does not have, as opposed to what it cannot give now.
_UNSUPPORTED: Final = (-2, -5, -8, -18, -21, -25, -82, -90, -114, -115, -116, -137, -148)
#: What stands behind a checkin that no client asked for, by the journal's word.
IN_REASONS: Final = {
    "closed": "(USER_EXITED_IMPROPERLY)",
    "silent": "(INACTIVE)",
    "grace": "(INACTIVE)",
    "idle": "(INACTIVE)",
    "removed": "(REMOVED)",
    "unseen": "(UNSEEN)",
    "linger": "(LINGER)",
    "returned": "(BORROW_RETURNED)",
    "revoked": "(REVOKED)",
    "expired": "(BORROW_EXPIRED)",
}

#: Acts that the debug log tells, by the journal's word; of others the daemon itself speaks, with what came of them.
_ACTS: Final = {"lmremove": "REMOVE", "revoke": "REVOKE"}


def _about(word: str, seat: Seat | Waiter | None) -> str:
    """What all lines about seats begin with; empty where nothing is known of them."""
    if seat is None:
        return ""
    # Nearly every line is one of these two, so they come first.
    if not seat.data:
        if seat.count == 1:
            return f'{word}: "{seat.feature}" {seat.session.who}  '
        return f'{word}: "{seat.feature}" {seat.session.who}  ({seat.count} licenses) '
    count = f"({seat.count} licenses) " if seat.count > 1 else ""
    return f'{word}: "{seat.feature}" {seat.session.who}  [{clean_name(seat.data)}] {count}'


def _out_line(_entry: CheckedOut, seat: Seat | None) -> str:
    return _about("OUT", seat)


def _in_line(entry: CheckedIn, seat: Seat | None) -> str:
    return _about("IN", seat) + IN_REASONS.get(entry.why, "") if seat is not None else ""


def _denial_line(entry: Denial, _seat: Seat | None) -> str:
    word = "UNSUPPORTED" if entry.number in _UNSUPPORTED else "DENIED"
    count = f"({entry.count} licenses) " if entry.count > 1 else ""
    detail = f"({error_text(entry.number)} ({entry.number},{DENIAL_MINORS.get(entry.number, 0)}))"
    mark = "(PORT_AT_HOST_PLUS   ) " if word == "UNSUPPORTED" else ""
    return f'{word}: "{clean_name(entry.feature)}" {mark}{entry.user}@{entry.host}  {count}{detail}'


def _expired_line(entry: Expired, _seat: Seat | None) -> str:
    return f"EXPIRED: {clean_name(entry.feature)}"


def _clock_line(entry: Clocked, _seat: Seat | None) -> str:
    return f"The clock is {entry.behind_s:.0f} s behind what the journal has seen: {error_text(-88)} (-88,0)" if entry.behind_s else ""


def _act_line(entry: Act, _seat: Seat | None) -> str:
    word = _ACTS.get(entry.what)
    return clean_name(f"{word} request from {entry.by_user} at node {entry.by_host}: {entry.text}") if word else ""


#: The entries that the debug log shows, and how.
_LINES: Final[dict[type[Entry], Callable[[Any, Any], str]]] = {
    CheckedOut: _out_line,
    CheckedIn: _in_line,
    Denial: _denial_line,
    Queued: lambda _entry, waiter: _about("QUEUED", waiter),
    Dequeued: lambda _entry, waiter: _about("DEQUEUED", waiter),
    Expired: _expired_line,
    Clocked: _clock_line,
    Act: _act_line,
}


def log_lines(appends: Iterable[Append]) -> list[str]:
    """The debug log's lines about what was appended; most kinds of entries have one, some none."""
    return [text for one in appends if (line := _LINES.get(type(one.entry))) is not None and (text := line(one.entry, one.seat))]
