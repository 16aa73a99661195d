"""The states of a session, and which may follow which: whatever is not in the table does not happen.

A session is *in jeopardy* while it is not open and its lease still runs; that is no state of its own, because the lease ends by
itself, in whichever state the session is.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

__all__ = ["STATES", "State"]


class State(Enum):
    """What a session is about."""

    IDLE = "idle"
    CONNECTING = "connecting"
    GREETING = "greeting"
    OPEN = "open"
    WAITING = "waiting"
    CLOSED = "closed"


#: From each state, those that may follow it.
STATES: Final[dict[State, frozenset[State]]] = {
    State.IDLE: frozenset({State.CONNECTING, State.CLOSED}),
    State.CONNECTING: frozenset({State.CONNECTING, State.GREETING, State.WAITING, State.IDLE, State.CLOSED}),
    State.GREETING: frozenset({State.OPEN, State.CONNECTING, State.WAITING, State.IDLE, State.CLOSED}),
    State.OPEN: frozenset({State.WAITING, State.IDLE, State.CLOSED}),
    State.WAITING: frozenset({State.CONNECTING, State.IDLE, State.CLOSED}),
    State.CLOSED: frozenset(),
}
