"""What is appended to the journal is told in the debug log's own lines, to the blank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.base.errors import error_text
from seatkeeper.server.listener import clean_name
from seatkeeper.vendor.entries import CheckedIn, CheckedOut, Denial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from seatkeeper.vendor.entries import Entry
    from seatkeeper.vendor.events import Append
    from seatkeeper.vendor.ledger import Seat

__all__ = ["DENIAL_MINORS", "log_lines"]

#: The second number of a denial, which administrators quote from logs (facts, FlexNet 7.2), by the first.
DENIAL_MINORS: Final = {-4: 342, -5: 346, -18: 327, -24: 332, -21: 346}
#: Denials of what this server does not have, as opposed to what it cannot give now.
_UNSUPPORTED: Final = (-5, -18, -21, -25)
#: What stands behind a checkin that no client asked for.
_REASONS: Final = {
    "closed": "(USER_EXITED_IMPROPERLY)",
    "silent": "(INACTIVE)",
    "grace": "(INACTIVE)",
    "removed": "(REMOVED)",
    "unseen": "(UNSEEN)",
}


def _out_line(_entry: CheckedOut, seat: Seat | None) -> str:
    if seat is None:
        return ""
    count = f"({seat.count} licenses) " if seat.count > 1 else ""
    return f'OUT: "{seat.feature}" {seat.session.who}  {count}'


def _in_line(entry: CheckedIn, seat: Seat | None) -> str:
    if seat is None:
        return ""
    count = f"({seat.count} licenses) " if seat.count > 1 else ""
    return f'IN: "{seat.feature}" {seat.session.who}  {count}{_REASONS.get(entry.why, "")}'


def _denial_line(entry: Denial, _seat: Seat | None) -> str:
    word = "UNSUPPORTED" if entry.number in _UNSUPPORTED else "DENIED"
    count = f"({entry.count} licenses) " if entry.count > 1 else ""
    detail = f"({error_text(entry.number)} ({entry.number},{DENIAL_MINORS.get(entry.number, 0)}))"
    mark = "(PORT_AT_HOST_PLUS   ) " if word == "UNSUPPORTED" else ""
    return f'{word}: "{clean_name(entry.feature)}" {mark}{entry.user}@{entry.host}  {count}{detail}'


#: The entries that the debug log shows, and how.
_LINES: Final[dict[type[Entry], Callable[[Any, Seat | None], str]]] = {CheckedOut: _out_line, CheckedIn: _in_line, Denial: _denial_line}


def log_lines(appends: Iterable[Append]) -> list[str]:
    """The debug log's lines about checkouts, checkins and denials; two blanks end a line where one license is meant (facts, lmstat 10)."""
    return [text for one in appends if (line := _LINES.get(type(one.entry))) is not None and (text := line(one.entry, one.seat))]
