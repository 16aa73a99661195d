"""What the machine answers is the client's frame, one kind of frame for each kind of answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.server.loglines import DENIAL_MINORS
from seatkeeper.vendor.events import (
    Answer,
    DenialAnswer,
    GrantAnswer,
    LossAnswer,
    QueuedAnswer,
    RemovalAnswer,
    RestoreAnswer,
    ReturnAnswer,
)
from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import Denied, Done, Granted, Lost, Queued, Restored, Returned

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["ANSWER_FRAMES"]


def _granted(answer: GrantAnswer) -> bytes:
    pool = answer.pool
    if pool is None:
        return frame(Granted(answer.request, answer.handle, answer.count))
    line = pool.text if answer.show_line else ""
    return frame(Granted(answer.request, answer.handle, answer.count, pool.version, pool.expiry, line, at=answer.at))


def _denied(answer: DenialAnswer) -> bytes:
    minor = DENIAL_MINORS.get(answer.number, 0)
    return frame(Denied(answer.request, answer.number, minor, answer.reason, answer.rule, list(answer.holders), answer.free_at))


#: The bytes that tell the client, by kind of answer; borrowed seats need the server's key, so the daemon itself answers those.
ANSWER_FRAMES: Final[dict[type[Answer], Callable[[Any], bytes]]] = {
    GrantAnswer: _granted,
    DenialAnswer: _denied,
    QueuedAnswer: lambda answer: frame(Queued(answer.request, answer.handle, answer.position)),
    ReturnAnswer: lambda answer: frame(Returned(answer.request, answer.handle, answer.number)),
    LossAnswer: lambda answer: frame(Lost(answer.handle, answer.number, answer.reason)),
    RestoreAnswer: lambda answer: frame(Restored(answer.handle)),
    RemovalAnswer: lambda answer: frame(Done(answer.request, answer.number, answer.text)),
}
