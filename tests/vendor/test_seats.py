"""The ledger's values are themselves and no copies: two that look alike are two."""

from __future__ import annotations

from seatkeeper.vendor.seats import Seat, Session, Waiter


def test_a_new_session_holds_nothing_and_waits_for_nothing() -> None:
    session = Session(1, "digest", "ann", "desk", ":0")
    assert (session.seats, session.waits, session.held, session.connection, session.begun, session.over) == (
        None,
        None,
        0,
        None,
        False,
        False,
    )
    assert session.who == "ann@desk"


def test_seats_and_waiting_requests_are_told_apart_by_identity() -> None:
    session = Session(1, "digest", "ann", "desk", ":0")
    one, two = (Seat(101, session, 1, "f1", "8.0", "8.0", 1, ":0", 0.0) for _ in range(2))
    assert one != two
    first, second = (Waiter(101, session, 1, "f1", "8.0", "8.0", 1, False, ":0", "", 0.0) for _ in range(2))
    assert first != second
