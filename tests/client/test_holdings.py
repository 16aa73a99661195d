"""holdings: every number is named, settled or on its way home; the conversations in tests/golden/client show the whole."""

from __future__ import annotations

from seatkeeper.client.holdings import HeldSeat, Holdings, Request, Return
from seatkeeper.wire.messages import Checkout, ReturnBorrow


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


def test_a_place_in_the_queue_has_no_deadline_and_is_named() -> None:
    have = holdings()
    queued = have.queue(4, 200)
    assert queued is not None
    assert (queued.place, list(have.queued), have.first_deadline()) == (200, [4], 29.0)
    assert have.asking() == [6, 4]
    assert have.queue(4, 201) is queued
    assert have.queue(5, 202) is None
    assert have.queue(9, 203) is None
    assert [one.key for one in have.open_requests()] == [5, 6, 4]
    assert queued.place == 0
    queued.abandoned = True
    have.cut()
    assert (have.queued, have.owing) == ({}, True)


def test_a_return_of_borrowed_seats_is_nothing_to_be_named() -> None:
    have = Holdings()
    have.requests[1] = Request(1, ReturnBorrow(1, 101, bytes(16)), 30.0)
    assert (have.asking(), len(have)) == ([], 1)
    assert have.answered(1) is not None
    assert have.answered(1) is None


def test_lent_handles_are_named_whether_or_not_the_session_has_them() -> None:
    have = Holdings()
    have.lent = {101, 102}
    assert (len(have), have.handles) == (0, 2)
    have.welcomed([102])
    assert have.lent == {101, 102}


def test_idle_seats_are_told_in_as_few_words_as_there_are() -> None:
    have = holdings()
    assert have.mark_idle(True, 101)
    assert have.idle_handles() == [101]
    assert have.mark_idle(True, 0)
    assert have.idle_handles() == [0]
    assert have.mark_idle(False, 102)
    assert have.idle_handles() == [101, 103]
    assert not have.mark_idle(True, 999)
    assert not Holdings().mark_idle(True, 0)
