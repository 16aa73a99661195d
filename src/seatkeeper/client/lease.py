"""A seat is good until the client's own send time of the last answered message plus the lease time, and not a moment longer.

The client never counts from the moment an answer arrives: an answer may have been on its way for long, and the server's clock ran
from before it was sent (facts, reliability R9). Times are seconds on a clock that goes on while the machine sleeps.
"""

from __future__ import annotations

from typing import Final

__all__ = ["BACKOFF_BASE_S", "BACKOFF_DOUBLINGS_MAX", "Lease", "backoff_s"]

#: What the first wait before a reconnect is drawn from; each further one is drawn from twice as much.
BACKOFF_BASE_S: Final = 0.5
BACKOFF_DOUBLINGS_MAX: Final = 16

_NEVER: Final = float("-inf")


def backoff_s(attempt: int, draw: float, longest_s: float) -> float:
    """How long to wait before reconnect number `attempt` (from 0), spread evenly by `draw` in [0, 1).

    The whole wait is drawn, not only a part of it, so that thousands of clients whose server was restarted do not come back in step.
    """
    return draw * min(longest_s, BACKOFF_BASE_S * 2.0 ** min(attempt, BACKOFF_DOUBLINGS_MAX))


class Lease:
    """When the lease ends, when the next heartbeat is due, and how long the server has owed an answer.

    Attributes:
        heartbeat_s: How often the server wants to hear from the client; 0 before the first Welcome.
        lease_s: How long a silent client keeps its seats.
        until: When the lease ends; minus infinity before the first Welcome.
        beat_at: When the next heartbeat is due.
    """

    __slots__ = ("_sent", "beat_at", "heartbeat_s", "lease_s", "until")

    def __init__(self) -> None:
        self.heartbeat_s = 0.0
        self.lease_s = 0.0
        self.until = _NEVER
        self.beat_at = 0.0
        # Send time of each message that is not answered, in the order of sending: the first is the oldest.
        self._sent: dict[int, float] = {}

    def welcomed(self, heartbeat_s: float, lease_s: float, sent: float, now: float) -> None:
        """The server has answered the Hello that was sent at `sent`."""
        self.heartbeat_s = heartbeat_s
        self.lease_s = lease_s
        self.until = max(self.until, sent + lease_s)
        self.beat_at = now + heartbeat_s

    def sent(self, number: int, now: float) -> None:
        """A message that wants an answer has left; `number` tells it from all others without an answer."""
        self._sent[number] = now

    def answered(self, number: int) -> None:
        """The answer to that message has come; one that nobody waits for proves nothing."""
        sent = self._sent.pop(number, None)
        if sent is not None:
            self.until = max(self.until, sent + self.lease_s)

    def settled(self, number: int) -> None:
        """What answers that message may have been sent before it came, so it proves nothing; but the server owes no answer any more."""
        self._sent.pop(number, None)

    def cut(self) -> None:
        """The connection is gone: what was sent over it is answered no more."""
        self._sent.clear()

    @property
    def owed_since(self) -> float | None:
        """When the oldest message left that is still without an answer."""
        return next(iter(self._sent.values()), None)

    def good(self, now: float) -> bool:
        """True while the seats are the client's."""
        return now < self.until
