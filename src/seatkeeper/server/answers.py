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
from seatkeeper.wire.messages import FRAME_BYTES_MAX, Denied, Done, Granted, Lost, Queued, Restored, Returned

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["ANSWER_FRAMES", "Grants"]

#: So much of lines and trust file goes into one frame, with room for the rest of it.
_SHOWN_BYTES_MAX: Final = FRAME_BYTES_MAX - 4096


class Grants:
    """The frames of granted checkouts.

    Args:
        trust: The trust file that the first Welcome brings.
    """

    def __init__(self, trust: str) -> None:
        self._first = trust
        self._newer = ""

    def serve(self, trust: str) -> None:
        """Lines go out with this trust file from now on, unless every Welcome has brought it."""
        self._newer = trust if trust != self._first else self._newer and trust

    def trust_with(self, line: str, beside: int = 0) -> str:
        """The trust file that goes with these lines and so many other bytes into a frame; empty where none is needed or none fits."""
        fits = line and len(line.encode()) + len(self._newer.encode()) + beside <= _SHOWN_BYTES_MAX
        return self._newer if fits else ""

    def frame(self, answer: GrantAnswer) -> bytes:
        """The client's bytes."""
        pool = answer.pool
        if pool is None:
            return frame(Granted(answer.request, answer.handle, answer.count))
        line = pool.text if answer.show_line else ""
        trust = self.trust_with(line) if line and self._newer else ""
        return frame(Granted(answer.request, answer.handle, answer.count, pool.version, pool.expiry, line, at=answer.at, trust=trust))


def _denied(answer: DenialAnswer) -> bytes:
    minor = DENIAL_MINORS.get(answer.number, 0)
    return frame(Denied(answer.request, answer.number, minor, answer.reason, answer.rule, list(answer.holders), answer.free_at))


#: The bytes that tell the client, by kind of answer, but for what is granted: that needs what is served, or the server's key.
ANSWER_FRAMES: Final[dict[type[Answer], Callable[[Any], bytes]]] = {
    DenialAnswer: _denied,
    QueuedAnswer: lambda answer: frame(Queued(answer.request, answer.handle, answer.position)),
    ReturnAnswer: lambda answer: frame(Returned(answer.request, answer.handle, answer.number)),
    LossAnswer: lambda answer: frame(Lost(answer.handle, answer.number, answer.reason)),
    RestoreAnswer: lambda answer: frame(Restored(answer.handle)),
    RemovalAnswer: lambda answer: frame(Done(answer.request, answer.number, answer.text)),
}
