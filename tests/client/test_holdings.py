"""holdings: every number is named, settled or on its way home; the conversations in tests/golden/client show the whole."""

from __future__ import annotations

from seatkeeper.client.holdings import HeldSeat, Holdings, Request, Return
from seatkeeper.wire.messages import Checkout


def request(key: int, number: int, deadline: float = 30.0, **more: bool) -> Request:
    return Request(key, Checkout(number, "f"), deadline, **more)


def holdings() -> Holdings:
    have = Holdings()
    have.seats = {101: HeldSeat(1), 102: HeldSeat(2), 103: HeldSeat(3, unlicensed=True)}
    have.requests = {4: request(4, 4, 30.0, sent=True), 5: request(5, 5, 31.0, sent=True, abandoned=True), 6: request(6, 6, 32.0)}
    have.returns = {7: Return(7, 104, 29.0)}
    return have


def test_a_greeting_names_what_somebody_wants() -> None:
    have = holdings()
    assert list(have.seats) == [101, 102, 103]
    assert have.asking() == [4, 6]
    assert len(have) == 6


def test_deadlines() -> None:
    have = holdings()
    assert have.first_deadline() == 29.0
    assert [[number for number, _ in numbered] for numbered in have.overdue(31.5)] == [[4], [7]]
    have.returns.clear()
    have.requests[4].abandoned = True
    assert have.first_deadline() == 32.0
    assert Holdings().first_deadline() is None


def test_what_is_dropped_out_of_contact_is_owed_a_greeting() -> None:
    have = holdings()
    assert not have.owing
    assert [returning.key for returning in have.cut()] == [7]
    assert 5 not in have.requests
    assert have.owing
    have.welcomed([101, 102, 103])
    assert not have.owing
    # A request that has never left is nothing to the server.
    have.forget(6)
    assert not have.owing
    have.forget(4)
    assert have.owing


def test_a_welcome_settles_what_is_held() -> None:
    have = holdings()
    have.lapse()
    have.give_away(103)
    gone, back, unwanted = have.welcomed([102, 103, 999])
    assert [seat.key for seat in gone] == [1]
    assert [seat.key for seat in back] == [2]
    assert unwanted == [103]
    assert list(have.seats) == [102]
    assert not have.doubtful()


def test_unlicensed_seats_are_in_doubt_after_a_welcome() -> None:
    have = holdings()
    have.welcomed([101, 102, 103])
    assert [seat.key for seat in have.doubtful()] == [3]


def test_seats_lapse_once() -> None:
    have = holdings()
    assert len(have.lapse()) == 3
    assert have.lapse() == []
