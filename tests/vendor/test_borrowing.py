"""Seats that go away with their holder: how many, for how long, and how they come back."""

from __future__ import annotations

import pytest
from tests.support.vendor_bench import Bench

from seatkeeper.vendor.borrowing import borrowed_seats
from seatkeeper.vendor.entries import Act, CheckedIn, Lingering
from seatkeeper.vendor.events import BorrowAnswer, GrantAnswer, LossAnswer, RemovalAnswer, RevokeAsked
from seatkeeper.vendor.state import BORROW_MARGIN_S

HOUR = 3600.0


def license_of(count: int = 3, attributes: str = "BORROW") -> str:
    return f"FEATURE f1 genesys.d 8.0 permanent {count} {attributes} SIGN=00\n"


def borrow(bench: Bench, name: str, hours: float = 10, **more: object) -> object:
    return bench.ask(name, borrow_until=bench.wall + hours * HOUR, **more)


def test_borrowed_seats_are_held_by_the_session_and_stay_out_when_it_ends() -> None:
    bench = Bench(license_of())
    answer = borrow(bench, "ann")
    assert isinstance(answer, BorrowAnswer)
    assert answer.seat.borrow_until == bench.wall + 10 * HOUR
    bench.drop("ann")
    assert bench.used() == 1
    assert bench.entries(Lingering)[-1].until == bench.wall + 10 * HOUR + BORROW_MARGIN_S


@pytest.mark.parametrize("how", ["back", "leave", "drop", "silent", "grace"])
def test_however_the_session_goes_borrowed_seats_stay_out_until_their_time(how: str) -> None:
    bench = Bench(license_of())
    handle = bench.take("ann", borrow_until=bench.wall + HOUR)
    if how == "back":
        bench.back("ann", handle)
    elif how in ("leave", "drop"):
        getattr(bench, how)("ann")
    else:
        if how == "grace":
            bench.restart()
        bench.now += 100
        bench.sessions.clear()
        bench.tick()
    assert bench.ledger.kept[handle].borrow_until
    bench.tick(HOUR + BORROW_MARGIN_S - bench.now - 1)
    assert bench.used() == 1
    bench.tick(1)
    assert bench.used() == 0
    assert bench.entries(CheckedIn)[-1].why == "expired"


@pytest.mark.parametrize(
    ("attributes", "options", "hours", "number", "words"),
    [
        ("", "", 1, -68, "no BORROW"),
        ("BORROW", "", 168, 0, ""),
        ("BORROW", "", 169, -104, "168 hours, 169.0 were asked for"),
        ("BORROW=5", "", 6, -104, "5 hours"),
        ("BORROW=5", "MAX_BORROW_HOURS f1 4", 5, -104, "4 hours"),
        ("BORROW=5", "MAX_BORROW_HOURS f1 9", 6, -104, "5 hours"),
        ("BORROW", "", -1, -117, "over"),
        ("BORROW", "EXCLUDE_BORROW f1 USER ann", 1, -38, "borrowing f1"),
        ("BORROW", "INCLUDE_BORROW f1 USER bob", 1, -39, "borrow f1"),
        ("BORROW", "BORROW_LOWWATER f1 3", 1, -67, "0 seats can be borrowed (3 must stay, BORROW_LOWWATER)"),
        ("BORROW", "BORROW_LOWWATER f1 2", 1, 0, ""),
    ],
)
def test_who_may_borrow_for_how_long(attributes: str, options: str, hours: float, number: int, words: str) -> None:
    bench = Bench(license_of(3, attributes), options)
    answer = borrow(bench, "ann", hours)
    assert getattr(answer, "number", 0) == number
    assert words in getattr(answer, "reason", "")
    # Who may not borrow may use.
    if number:
        assert isinstance(bench.ask("ann"), GrantAnswer)


def test_the_low_water_counts_what_is_borrowed_and_not_what_is_used() -> None:
    bench = Bench(license_of(4), "BORROW_LOWWATER f1 2")
    bench.take("dan")
    assert isinstance(borrow(bench, "ann"), BorrowAnswer)
    assert borrow(bench, "bob", count=2).number == -67
    assert isinstance(borrow(bench, "bob"), BorrowAnswer)
    assert borrow(bench, "cid").number == -67
    bench.take("cid")
    assert borrowed_seats(bench.machine.state) == 2


def test_a_shared_license_is_borrowed_once() -> None:
    bench = Bench(license_of(3, "BORROW DUP_GROUP=UHD"), "BORROW_LOWWATER f1 1")
    for name in ("ann", "ann/2", "ann/3"):
        assert isinstance(borrow(bench, name), BorrowAnswer)
    assert isinstance(borrow(bench, "bob"), BorrowAnswer)
    assert (bench.used(), borrowed_seats(bench.machine.state)) == (2, 2)
    assert borrow(bench, "cid").number == -67
    assert borrow(bench, "ann", count=2).number == -67
    for name in ("ann", "ann/2", "ann/3"):
        bench.leave(name)
    assert bench.used() == 2


def test_another_pool_may_be_the_one_to_borrow_from() -> None:
    bench = Bench("INCREMENT f1 genesys.d 8.5 permanent 2 SIGN=00\nINCREMENT f1 genesys.d 8.0 permanent 1 BORROW SIGN=00\n")
    assert borrow(bench, "ann").seat.pool.version == "8.0"
    # The denial is that of the pool that would be asked first.
    assert borrow(bench, "bob").number == -68
    assert borrow(bench, "bob", version="8.5").number == -68


def test_nobody_waits_for_seats_to_borrow() -> None:
    bench = Bench(license_of(1))
    bench.take("ann")
    assert borrow(bench, "bob", queue=True).number == -4


def test_early_return() -> None:
    bench = Bench(license_of(1))
    handle = bench.take("ann", borrow_until=bench.wall + HOUR)
    bench.leave("ann")
    plain = bench.ask("bob")
    assert plain.number == -4
    assert plain.free_at == bench.wall + HOUR + BORROW_MARGIN_S
    assert bench.bring_home(handle, proven=False).number == -124
    assert bench.used() == 1
    assert bench.bring_home(handle).number == 0
    assert bench.used() == 0
    assert bench.entries(CheckedIn)[-1].why == "returned"
    assert bench.bring_home(handle).number == -105
    assert bench.bring_home(999).number == -128
    assert bench.bring_home(bench.take("bob")).number == -128


def test_an_early_return_serves_who_waits() -> None:
    bench = Bench(license_of(1))
    handle = bench.take("ann", borrow_until=bench.wall + HOUR)
    bench.leave("ann")
    bench.ask("bob", queue=True)
    bench.bring_home(handle)
    assert isinstance(bench.told("bob")[-1], GrantAnswer)


class TestRevoke:
    def test_the_seats_are_free_at_once_and_the_act_is_in_the_log(self) -> None:
        bench = Bench(license_of(1))
        handle = bench.take("ann", borrow_until=bench.wall + HOUR)
        bench.leave("ann")
        assert bench.revoke(handle) == RemovalAnswer(1, 1, 0, "The borrow of f1 by ann@ann-pc is revoked")
        assert bench.used() == 0
        act = bench.entries(Act)[-1]
        assert (act.what, act.by_user) == ("revoke", "admin")
        assert f"handle {handle} of ann@ann-pc" in act.text
        assert bench.entries(CheckedIn)[-1].why == "revoked"

    def test_a_session_that_lives_is_told(self) -> None:
        bench = Bench(license_of(1))
        handle = bench.take("ann", borrow_until=bench.wall + HOUR)
        bench.revoke(handle)
        assert bench.told("ann") == [LossAnswer(handle, 0, "The borrow was revoked by admin@here.")]

    def test_what_is_not_borrowed_is_not_revoked(self) -> None:
        bench = Bench(license_of(1))
        assert bench.revoke(bench.take("ann")).number == -41
        assert bench.revoke(999).number == -41
        assert bench.used() == 1


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_restart_forgets_no_borrow(snapshot: bool) -> None:
    bench = Bench(license_of(1))
    handle = bench.take("ann", borrow_until=bench.wall + HOUR)
    bench.leave("ann")
    bench.restart(snapshot=snapshot)
    assert bench.ask("bob").number == -4
    bench.tick(HOUR + BORROW_MARGIN_S)
    assert bench.used() == 0
    assert handle not in bench.ledger.seats


@pytest.mark.parametrize("snapshot", [False, True])
def test_one_who_comes_back_while_seats_of_his_are_borrowed_begins_anew_and_is_found_after_a_restart(snapshot: bool) -> None:
    bench = Bench(license_of(2))
    handle = bench.take("ann", borrow_until=bench.wall + HOUR)
    bench.leave("ann")
    # The same client, by the same secret.
    second = bench.take("ann")
    bench.restart(snapshot=snapshot)
    assert bench.greet("ann", held=(second,)) == (second,)
    assert set(bench.ledger.seats) == {handle, second}


@pytest.mark.parametrize(("hours", "told"), [("24", "25-nov-2026 12:00 UTC"), ("1000000", "23-dec-2140 04:00 UTC")])
def test_the_record_of_a_revocation_tells_the_end_as_a_date(hours: str, told: str) -> None:
    bench = Bench(license_of(1, f"BORROW={hours}"))
    bench.greet("ann")
    handle = bench.take("ann", borrow_until=bench.wall + float(hours) * 3600)
    bench.run(RevokeAsked("admin", 1, handle, "root", "here"))
    assert bench.entries(Act)[-1].text == f"f1 handle {handle} of ann@ann-pc, borrowed until {told}"
