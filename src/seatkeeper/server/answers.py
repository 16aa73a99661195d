"""What the machine answers is the client's frame, one kind of frame for each kind of answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.server.loglines import DENIAL_MINORS, log_lines
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

# log_lines: for who does not yet take it from where it lives.
__all__ = ["ANSWER_FRAMES", "log_lines"]


def _granted(answer: GrantAnswer) -> bytes:
    pool = answer.pool
    if pool is None:
        return frame(Granted(answer.request, answer.handle, answer.count))
    line = pool.text if answer.show_line else ""
    return frame(Granted(answer.request, answer.handle, answer.count, pool.version, pool.expiry, line))


def _removed(answer: RemovalAnswer) -> bytes:
    if answer.number:
        return frame(Done(answer.request, answer.number, "No checkout matches." if answer.number == -41 else "There is no such feature."))
    return frame(Done(answer.request, 0, f"{answer.removed} removed"))


#: The bytes that tell the client, by kind of answer.
ANSWER_FRAMES: Final[dict[type[Answer], Callable[[Any], bytes]]] = {
    GrantAnswer: _granted,
    DenialAnswer: lambda answer: frame(Denied(answer.request, answer.number, DENIAL_MINORS.get(answer.number, 0), answer.reason)),
    ReturnAnswer: lambda answer: frame(Returned(answer.request, answer.handle, answer.number)),
    LossAnswer: lambda answer: frame(Lost(answer.handle, answer.number, answer.reason)),
    RestoreAnswer: lambda answer: frame(Restored(answer.handle)),
    RemovalAnswer: _removed,
}
