"""states: the table is whole, and a session keeps to it."""

from __future__ import annotations

import pytest

from seatkeeper.client.machine import Session
from seatkeeper.client.path import Address
from seatkeeper.client.profile import Identity, Limits
from seatkeeper.client.states import STATES, State


def test_every_state_can_be_left_but_the_last() -> None:
    assert set(STATES) == set(State)
    assert not STATES[State.CLOSED]
    assert all(State.CLOSED in after for state, after in STATES.items() if state is not State.CLOSED)


def test_what_is_not_in_the_table_does_not_happen() -> None:
    with pytest.raises(AssertionError, match="from idle to open"):
        Session(0, 1, (Address("a"),), bytes(16), Identity("v", "u", "h", "d"), Limits())._enter(State.OPEN)
