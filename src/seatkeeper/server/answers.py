"""What the machine answers, as the client's frame and as the debug log's line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.base.errors import error_text
from seatkeeper.vendor.entries import CheckedIn, CheckedOut, Denial
from seatkeeper.vendor.events import (
    Answer,
    DenialAnswer,
    GrantAnswer,
    LossAnswer,
    RemovalAnswer,
    RestoreAnswer,
    ReturnAnswer,
)
from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import Denied, Done, Granted, Lost, Restored, Returned

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from seatkeeper.vendor.entries import Entry
    from seatkeeper.vendor.ledger import Seat
    from seatkeeper.wire.messages import ServerMessage

__all__ = ["DENIAL_MINORS", "answer_frame", "log_line"]

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


def _granted(answer: GrantAnswer) -> ServerMessage:
    pool = answer.pool
    if pool is None:
        return Granted(answer.request, answer.handle, answer.count)
    return Granted(answer.request, answer.handle, answer.count, pool.version, pool.expiry, pool.text if answer.show_line else "")


def _removed(answer: RemovalAnswer) -> ServerMessage:
    if answer.number:
        return Done(answer.request, answer.number, "No checkout matches." if answer.number == -41 else "There is no such feature.")
    return Done(answer.request, 0, f"{answer.removed} removed")


_FRAMES: Final[dict[type[Answer], Callable[[Any], ServerMessage]]] = {
    GrantAnswer: _granted,
    DenialAnswer: lambda answer: Denied(answer.request, answer.number, DENIAL_MINORS.get(answer.number, 0), answer.reason),
    ReturnAnswer: lambda answer: Returned(answer.request, answer.handle, answer.number),
    LossAnswer: lambda answer: Lost(answer.handle, answer.number, answer.reason),
    RestoreAnswer: lambda answer: Restored(answer.handle),
    RemovalAnswer: _removed,
}


def answer_frame(answer: Answer) -> bytes:
    """The bytes that tell the client."""
    return frame(_FRAMES[type(answer)](answer))


def log_line(entry: Entry, seat: Seat | None) -> str:
    """The debug log's line about a checkout, a checkin or a denial; two blanks end it where one license is meant (facts, lmstat 10)."""
    if isinstance(entry, Denial):
        word = "UNSUPPORTED" if entry.number in _UNSUPPORTED else "DENIED"
        count = f"({entry.count} licenses) " if entry.count > 1 else ""
        detail = f"({error_text(entry.number)} ({entry.number},{DENIAL_MINORS.get(entry.number, 0)}))"
        mark = "(PORT_AT_HOST_PLUS   ) " if word == "UNSUPPORTED" else ""
        return f'{word}: "{entry.feature}" {mark}{entry.user}@{entry.host}  {count}{detail}'
    if seat is None:
        return ""
    who = f'"{seat.feature}" {seat.session.user}@{seat.session.host}  '
    if isinstance(entry, CheckedOut):
        return f"OUT: {who}({seat.count} licenses) " if seat.count > 1 else f"OUT: {who}"
    assert isinstance(entry, CheckedIn)
    reason = _REASONS.get(entry.why, "")
    return f"IN: {who}({seat.count} licenses) {reason}" if seat.count > 1 else f"IN: {who}{reason}"
