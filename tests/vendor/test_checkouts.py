"""Seats go out, come back and are waited for: who gets what, who comes first, and what a denial says."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from tests.support.vendor_bench import SETTINGS, Bench

from seatkeeper.vendor.entries import CheckedIn, Denial, Dequeued
from seatkeeper.vendor.events import CheckoutAsked, DenialAnswer, GrantAnswer, QueuedAnswer, ReturnAnswer
from seatkeeper.vendor.machine import VendorSettings

F1 = "FEATURE f1 genesys.d 8.0 permanent {} {} SIGN=00\n"


def f1(count: int = 2, attributes: str = "") -> str:
    return F1.format(count, attributes)


class TestReservations:
    def test_reserved_seats_are_for_whom_they_are(self) -> None:
        bench = Bench(f1(3), "RESERVE 2 f1 USER ann")
        bench.take("bob")
        denied = bench.ask("bob")
        # Whom the seats are kept for is told to who may know others.
        assert (denied.number, denied.rule) == (-101, "genesys.d.opt:1")
        assert "USER ann" not in denied.reason
        bench.take("ann", count=2)
        # Nothing is reserved and idle any more: the pool is full.
        assert bench.ask("bob").number == -4

    def test_the_holder_may_have_open_seats_too(self) -> None:
        bench = Bench(f1(3), "RESERVE 2 f1 USER ann")
        bench.take("ann", count=3)

    def test_a_denial_does_not_say_that_the_asker_s_own_seats_are_reserved_for_others(self) -> None:
        bench = Bench(f1(3), "RESERVE 1 f1 USER ann\nRESERVE 2 f1 USER bob")
        denied = bench.ask("ann", count=2)
        assert (denied.number, denied.rule) == (-101, "genesys.d.opt:2")

    def test_up_to_leaves_the_others_reserved_seats_alone(self) -> None:
        bench = Bench(f1(5), "RESERVE 2 f1 USER ann")
        assert bench.ask("bob", count=9, up_to=True).count == 3
        assert bench.ask("ann", count=9, up_to=True).count == 2

    def test_a_reservation_of_an_uncounted_license_keeps_nothing(self) -> None:
        bench = Bench("FEATURE free genesys.d 8.0 permanent uncounted HOSTID=ANY SIGN=00\n", "RESERVE 1 free USER ann")
        bench.take("ann", "free")
        assert bench.pool("free").reserved_idle == 0


class TestMinimum:
    def test_a_smaller_request_is_raised(self) -> None:
        bench = Bench(f1(9, "MINIMUM=4"))
        assert bench.ask("ann").count == 4
        assert bench.ask("ann", count=5).count == 5
        assert bench.used() == 9

    def test_up_to_gives_no_less_either(self) -> None:
        bench = Bench(f1(7, "MINIMUM=4"))
        bench.take("ann", count=4)
        assert bench.ask("bob", count=9, up_to=True).number == -4

    def test_a_client_gets_no_more_than_it_may_hold(self) -> None:
        bench = Bench(f1(20, "MINIMUM=4"), settings=msgspec.structs.replace(SETTINGS, seats_max=6))
        bench.take("ann")
        denied = bench.ask("ann")
        assert denied.number == -26
        assert "4 at a time" in denied.reason
        assert bench.ask("ann", up_to=True).number == -26
        assert bench.used() == 4


class TestSharing:
    """DUP_GROUP: what has the same user, host, ... is one seat."""

    def test_the_largest_checkout_counts(self) -> None:
        bench = Bench(f1(4, "DUP_GROUP=UH"))
        first = bench.take("ann")
        second = bench.take("ann/2", count=3)
        assert bench.used() == 3
        bench.back("ann/2", second)
        assert bench.used() == 1
        bench.back("ann", first)
        assert bench.used() == 0

    def test_a_ceiling_counts_shared_seats_once_and_for_as_long_as_its_user_has_them(self) -> None:
        bench = Bench(f1(4, "DUP_GROUP=H"), "MAX 1 f1 USER ann")
        mine = bench.take("ann@desk")
        bench.take("ann@desk/2")
        bench.take("bob@desk")
        assert bench.ask("ann@lab").number == -87
        bench.back("ann@desk", mine)
        bench.leave("ann@desk/2")
        # Bob has the shared seat, and ann none.
        bench.take("ann@lab")
        assert bench.used() == 2

    def test_who_joins_others_is_held_to_his_own_ceiling(self) -> None:
        bench = Bench(f1(9, "DUP_GROUP=H"), "MAX 1 f1 USER bob")
        bench.take("ann@desk", count=3)
        assert bench.ask("bob@desk", count=2).number == -87
        bench.take("bob@desk")

    def test_sharing_costs_nothing_whoever_waits(self) -> None:
        bench = Bench(f1(1, "DUP_GROUP=U"))
        bench.take("ann")
        assert isinstance(bench.ask("bob", queue=True), QueuedAnswer)
        bench.take("ann/2")

    def test_what_is_held_is_shared_also_over_a_lowered_count(self) -> None:
        bench = Bench(f1(3, "DUP_GROUP=U"))
        for name in ("ann", "bob", "cid"):
            bench.take(name)
        bench.reread(f1(1, "DUP_GROUP=U"))
        bench.take("ann/2")
        assert bench.ask("dan").number == -4

    def test_one_who_can_share_what_another_in_the_queue_was_given_is_served_with_him(self) -> None:
        bench = Bench(f1(3, "DUP_GROUP=U"))
        handle = bench.take("cid", count=3)
        bench.ask("ann", queue=True)
        bench.ask("bob", count=3, queue=True)
        bench.ask("ann/2", queue=True)
        bench.back("cid", handle)
        assert isinstance(bench.told("ann")[-1], GrantAnswer)
        assert isinstance(bench.told("ann/2")[-1], GrantAnswer)
        assert next(iter(bench.ledger.waiters.values())).session.user == "bob"


SUITE = """
PACKAGE s genesys.d 8.0 COMPONENTS="a b" OPTIONS={} SIGN=00
INCREMENT s genesys.d 8.0 permanent {} {} SIGN=00
"""


class TestSuites:
    def test_the_components_of_one_user_are_one_suite(self) -> None:
        bench = Bench(SUITE.format("SUITE", 2, ""))
        ann = [bench.take("ann", "a"), bench.take("ann", "b")]
        bench.take("bob", "b")
        denied = bench.ask("cid", "a")
        # Of the component itself a seat is free; what is missing is the suite.
        assert (denied.number, denied.rule[:12]) == (-4, "INCREMENT s ")
        assert "2 of 2 seats of s are in use" in denied.reason
        for number, handle in enumerate(ann):
            bench.back("ann", handle)
            assert bench.pool("s").in_use == 2 - number
        bench.take("cid", "a")

    def test_a_suite_that_comes_free_serves_who_waits_for_another_component(self) -> None:
        bench = Bench(SUITE.format("SUITE", 1, ""))
        handle = bench.take("ann", "a")
        bench.ask("bob", "b", queue=True)
        bench.back("ann", handle)
        assert isinstance(bench.told("bob")[-1], GrantAnswer)

    def test_who_waits_for_a_suite_comes_first_whatever_component_is_asked_for(self) -> None:
        bench = Bench(SUITE.format("SUITE", 1, ""))
        handle = bench.take("ann", "a")
        bench.ask("bob", "b", queue=True)
        bench.ask("cid", "a", queue=True)
        assert bench.ask("dan", "a").number in (-4, -24)
        bench.back("ann", handle)
        assert isinstance(bench.told("bob")[-1], GrantAnswer)
        assert [waiter.session.user for waiter in bench.ledger.waiters.values()] == ["cid"]

    def test_who_has_a_suite_gets_its_other_component_whoever_waits_for_a_suite(self) -> None:
        bench = Bench(SUITE.format("SUITE", 1, ""))
        bench.take("ann", "a")
        bench.ask("bob", "b", queue=True)
        bench.take("ann", "b")

    def test_a_component_whose_time_to_linger_is_over_makes_room_for_a_suite(self) -> None:
        bench = Bench(SUITE.format("SUITE", 1, "LINGER=60"))
        bench.back("ann", bench.take("ann", "a"))
        assert bench.ask("bob", "b").number == -4
        bench.now += 60
        bench.take("bob", "b")

    @pytest.mark.parametrize("suite", ["SUITE", "SUITE_RESERVED"])
    def test_who_comes_back_to_a_lingering_component_has_its_suite_before_who_waits(self, suite: str) -> None:
        bench = Bench(SUITE.format(suite, 1, "LINGER=60"))
        bench.back("ann", bench.take("ann", "a"))
        assert isinstance(bench.ask("bob", "b", queue=True), QueuedAnswer)
        bench.take("ann", "a")
        assert len(bench.ledger.waiters) == 1

    def test_suite_reserved_keeps_the_other_components_for_its_user(self) -> None:
        bench = Bench(SUITE.format("SUITE_RESERVED", 2, ""))
        handle = bench.take("ann", "a")
        bench.take("bob", "b")
        denied = bench.ask("bob", "b")
        assert (denied.number, denied.rule) == (-101, "PACKAGE s")
        assert "1 seat of b that nobody holds" in denied.reason
        bench.take("ann", "b")
        bench.back("ann", handle)
        assert bench.pool("a").reserved_idle == 2
        bench.leave("ann")
        assert [bench.pool(name).reserved_idle for name in ("a", "b")] == [1, 0]

    def test_what_a_suite_reserves_is_no_more_than_there_is_and_is_its_holder_s(self) -> None:
        bench = Bench(SUITE.format("SUITE_RESERVED", 3, ""))
        for name in ("ann", "bob", "cid"):
            bench.take(name, "a")
        bench.reread(SUITE.format("SUITE_RESERVED", 2, ""))
        assert bench.pool("b").reserved_idle == 2
        bench.take("ann", "b")
        bench.take("bob", "b")
        assert bench.ask("cid", "b").number == -4

    def test_shared_components_of_several_suites_end_with_the_last_of_them(self) -> None:
        """The components are shared by user, the suites are counted by user and host: ann has one seat of a, and two suites."""
        bench = Bench(SUITE.format("SUITE_RESERVED", 3, "DUP_GROUP=U"))
        first = bench.take("ann@desk", "a")
        second = bench.take("ann@lab", "a")
        assert (bench.pool("a").in_use, bench.pool("s").in_use) == (1, 2)
        bench.back("ann@desk", first)
        bench.back("ann@lab", second)
        assert [(bench.pool(name).in_use, bench.pool(name).reserved_idle) for name in "abs"] == [(0, 0)] * 3

    def test_vendor_strings_that_set_pools_apart_leave_the_suite_together(self) -> None:
        text = SUITE.format("SUITE", 2, 'VENDOR_STRING="x"')
        bench = Bench(text, settings=msgspec.structs.replace(SETTINGS, pool_vendor_string=True))
        bench.take("ann", "a")
        assert bench.pool("s").in_use == 1


class TestQueue:
    def test_first_come_first_served(self) -> None:
        bench = Bench(f1(1))
        handle = bench.take("ann")
        assert [bench.ask(name, queue=True).position for name in ("bob", "cid")] == [1, 2]
        bench.back("ann", handle)
        assert isinstance(bench.told("bob")[-1], GrantAnswer)
        assert bench.told("cid") == []
        bench.tick()
        assert bench.told("cid")[-1].position == 1

    def test_nobody_who_comes_later_is_given_what_an_earlier_one_waits_for(self) -> None:
        bench = Bench(f1(3))
        bench.take("ann", count=2)
        bench.ask("bob", count=2, queue=True)
        assert bench.ask("cid").number == -24
        # Also if it may wait: behind.
        assert bench.ask("cid", queue=True).position == 2

    def test_who_gives_up_makes_way(self) -> None:
        bench = Bench(f1(3))
        bench.take("ann", count=2)
        waiting = bench.ask("bob", count=2, queue=True).handle
        bench.ask("cid", queue=True)
        bench.back("bob", waiting)
        assert ReturnAnswer(bench.requests, waiting, 0) in bench.told("bob")
        assert isinstance(bench.told("cid")[-1], GrantAnswer)

    def test_who_leaves_makes_way(self) -> None:
        bench = Bench(f1(3))
        bench.take("ann", count=2)
        bench.ask("bob", count=2, queue=True)
        bench.ask("cid", queue=True)
        bench.drop("bob")
        assert isinstance(bench.told("cid")[-1], GrantAnswer)

    def test_who_is_at_his_own_ceiling_holds_nobody_up(self) -> None:
        bench = Bench(f1(4), "MAX 1 f1 USER ann")
        bench.take("ann")
        assert isinstance(bench.ask("ann/2", queue=True), QueuedAnswer)
        bench.take("bob")
        bench.take("cid")

    def test_who_comes_to_his_own_ceiling_while_he_waits_holds_nobody_up_any_more(self) -> None:
        bench = Bench(f1(4), "RESERVE 1 f1 USER ann\nMAX 2 f1 USER ann")
        bench.take("bob", count=2)
        assert isinstance(bench.ask("ann", count=2, queue=True), GrantAnswer)
        bench = Bench(f1(5), "RESERVE 1 f1 USER ann\nMAX 3 f1 USER ann")
        bench.take("bob", count=3)
        assert isinstance(bench.ask("ann", count=3, queue=True), QueuedAnswer)
        assert bench.ask("cid").number == -24
        bench.take("ann/2")
        # Ann may have two more, and wants three.
        bench.take("cid")

    def test_only_pools_that_would_do_are_barred(self) -> None:
        bench = Bench(
            "INCREMENT f1 genesys.d 8.5 permanent 1 SIGN=00\nINCREMENT f1 genesys.d 8.0 permanent 1 SIGN=00\n",
            "EXCLUDE f1:VERSION=8.0 USER bob",
        )
        bench.take("ann", version="8.5")
        assert isinstance(bench.ask("bob", version="8.0", queue=True), QueuedAnswer)
        bench.take("cid", version="8.0")

    def test_a_waiting_request_needs_no_second_handle(self) -> None:
        bench = Bench(f1(2) + "FEATURE f2 genesys.d 8.0 permanent 9 SIGN=00\n", settings=msgspec.structs.replace(SETTINGS, handles_max=2))
        handle = bench.take("bob", count=2)
        bench.take("ann", "f2")
        bench.ask("ann", queue=True)
        bench.back("bob", handle)
        assert isinstance(bench.told("ann")[-1], GrantAnswer)

    def test_who_only_waits_has_handles_too(self) -> None:
        bench = Bench(f1(1), settings=msgspec.structs.replace(SETTINGS, handles_max=2))
        bench.take("bob")
        assert [type(bench.ask("ann", queue=True)) for _ in range(3)] == [QueuedAnswer, QueuedAnswer, DenialAnswer]

    def test_seats_that_linger_are_no_handles(self) -> None:
        bench = Bench(f1(9, "LINGER=60"), settings=msgspec.structs.replace(SETTINGS, handles_max=2, seats_max=4))
        for display in (":1", ":2", ":3"):
            bench.back("ann", bench.take("ann", count=3, display=display))
        assert bench.used() == 9

    def test_of_a_long_queue_all_are_told_their_new_place_in_time(self) -> None:
        bench = Bench(f1(1))
        handle = bench.take("first")
        names = [f"u{number}" for number in range(250)]
        assert [bench.ask(name, queue=True).position for name in names] == list(range(1, 251))
        bench.back("first", handle)
        bench.tick(1)
        told = [name for name in names[1:] if bench.told(name)]
        assert told[:200] == names[1:201]
        for _ in range(9):
            assert len(told) < 249
            bench.tick(1)
            told += [name for name in names[201:] if bench.told(name)]
        # Each once: who knows his place is not told it again.
        assert sorted(told) == sorted(names[1:])
        assert [waiter.told for waiter in bench.ledger.waiters.values()] == list(range(1, 250))

    def test_of_a_long_queue_many_are_served_at_once(self) -> None:
        bench = Bench(f1(30))
        handle = bench.take("first", count=30)
        names = [f"u{number}" for number in range(40)]
        for name in names:
            bench.ask(name, queue=True)
        bench.back("first", handle)
        assert [name for name in names if any(isinstance(one, GrantAnswer) for one in bench.told(name))] == names[:30]
        assert next(iter(bench.ledger.waiters.values())).session.user == "u30"

    def test_new_rules_deny_also_who_waits_behind_others(self) -> None:
        bench = Bench(f1(1), "MAX 9 f1 USER ann")
        handle = bench.take("ann")
        for name in ("bob", "cid", "dan"):
            bench.ask(name, queue=True)
        bench.reread(options_text="EXCLUDE f1 USER cid")
        assert bench.told("cid")[-1].number == -38
        bench.reread(options_text="EXCLUDE f1 USER dan")
        assert bench.told("dan")[-1].number == -38
        bench.back("ann", handle)
        assert isinstance(bench.told("bob")[-1], GrantAnswer)

    def test_the_queue_has_an_end(self) -> None:
        bench = Bench(f1(1), settings=msgspec.structs.replace(SETTINGS, waiters_max=1))
        bench.take("ann")
        bench.ask("bob", queue=True)
        denied = bench.ask("cid", queue=True)
        assert denied.number == -24
        assert "1 request waits" in denied.reason

    @pytest.mark.parametrize(
        ("options", "asked", "number"),
        [
            ("", {"count": 3}, -26),
            ("MAX 1 f1 USER ann", {"count": 2}, -87),
            ("MAX 0 f1 USER ann", {}, -87),
            ("RESERVE 2 f1 USER bob", {}, -101),
            ("RESERVE 1 f1 USER bob", {"count": 2}, -101),
            ("EXCLUDE f1 USER ann", {}, -38),
        ],
    )
    def test_nobody_waits_for_what_never_comes(self, options: str, asked: dict[str, int], number: int) -> None:
        bench = Bench(f1(2), options)
        assert bench.ask("ann", queue=True, **asked).number == number
        assert not bench.ledger.waiters
        bench.ask("cid")

    @pytest.mark.parametrize(
        ("license_text", "options", "number"),
        [
            (f1(2), "EXCLUDE f1 USER ann", -38),
            (f1(1), "", -26),
            (f1(2), "MAX 1 f1 USER ann", -87),
            (f1(2), "RESERVE 1 f1 USER cid", -4),
            ("FEATURE other genesys.d 8.0 permanent 1 SIGN=00\n", "", -5),
            ("FEATURE f1 genesys.d 7.0 permanent 2 SIGN=00\n", "", -21),
            ("FEATURE f1 genesys.d 8.0 1-nov-2026 2 SIGN=00\n", "", -10),
        ],
    )
    def test_who_waits_in_vain_after_a_reread_is_told_and_holds_nobody_up(self, license_text: str, options: str, number: int) -> None:
        bench = Bench(f1(3))
        handle = bench.take("bob", count=2)
        bench.ask("ann", count=2, version="8.0", queue=True)
        request = bench.requests
        bench.reread(license_text, options)
        told = [answer for answer in bench.told("ann") if isinstance(answer, DenialAnswer)]
        assert [(answer.request, answer.number) for answer in told] == [(request, number)]
        assert (bench.entries(Dequeued)[-1].why, bench.entries(Denial)[-1].number) == ("denied", number)
        bench.back("bob", handle)
        if number not in (-5, -10):
            bench.take("cid")

    def test_who_waits_in_vain_from_tomorrow_on_is_told_at_midnight(self) -> None:
        bench = Bench("FEATURE f1 genesys.d 8.0 24-nov-2026 1 SIGN=00\n")
        bench.take("ann")
        bench.ask("bob", queue=True)
        bench.drift = timedelta(days=1).total_seconds()
        bench.tick()
        assert bench.told("bob")[-1].number == -10

    @pytest.mark.parametrize("away", [False, True])
    def test_who_waits_in_vain_behind_another_is_told_too(self, away: bool) -> None:
        bench = Bench(f1(3))
        handle = bench.take("ann", count=3)
        bench.ask("bob", queue=True)
        first = bench.requests
        bench.ask("cid", count=3, queue=True)
        second = bench.requests
        if away:
            bench.restart()
            bench.greet("ann", held=(handle,))
            bench.greet("cid", asking=(second,))
        bench.reread(f1(2))
        assert [answer.number for answer in bench.told("cid")] == [-26]
        # Also one who comes back to what has become vain meanwhile.
        if away:
            bench.reread("FEATURE other genesys.d 8.0 permanent 1 SIGN=00\n")
            bench.greet("bob", asking=(first,))
            assert bench.told("bob")[-1].number == -5
        assert bool(bench.ledger.waiters) == (not away)

    def test_who_waits_in_vain_behind_another_from_tomorrow_on_is_told_at_midnight(self) -> None:
        bench = Bench(f1(1).replace("FEATURE", "INCREMENT") + "INCREMENT f1 genesys.d 8.0 24-nov-2026 2 SIGN=00\n")
        bench.take("ann", count=3)
        bench.ask("bob", queue=True)
        bench.ask("cid", count=2, queue=True)
        # All have been asked for once under these lines, and need not be asked for again today.
        bench.reread()
        bench.drift = timedelta(days=1).total_seconds()
        bench.tick()
        assert [answer.number for answer in bench.told("cid") if isinstance(answer, DenialAnswer)] == [-26]
        assert [waiter.session.user for waiter in bench.ledger.waiters.values()] == ["bob"]

    def test_who_waits_while_the_clock_is_back_keeps_his_place(self) -> None:
        bench = Bench("FEATURE f1 genesys.d 8.0 24-dec-2026 1 SIGN=00\n")
        handle = bench.take("ann")
        bench.ask("bob", queue=True)
        bench.tick()
        bench.drift = -3600.0
        bench.tick()
        bench.back("ann", handle)
        assert bench.ask("cid").number == -88
        assert not bench.told("bob")
        bench.drift = 0.0
        bench.tick(10)
        assert isinstance(bench.told("bob")[-1], GrantAnswer)

    def test_after_a_restart_the_queue_is_what_it_was_and_waits_for_who_has_not_come_back(self) -> None:
        bench = Bench(f1(1))
        handle = bench.take("ann")
        first, second = bench.ask("bob", queue=True), bench.ask("cid", queue=True)
        requests = {waiter.session.user: waiter.request for waiter in bench.ledger.waiters.values()}
        bench.restart()
        assert bench.greet("ann", held=(handle,)) == (handle,)
        bench.greet("cid", asking=(requests["cid"],))
        assert bench.told("cid")[-1].position == 2
        bench.back("ann", handle)
        assert bench.used() == 0
        assert bench.ask("dan").number == -24
        bench.greet("bob", asking=(requests["bob"],))
        assert bench.told("bob")[-1].handle == first.handle
        bench.leave("bob")
        assert bench.told("cid")[-1].handle == second.handle

    def test_who_has_given_up_while_he_was_away_makes_way_when_he_comes_back(self) -> None:
        bench = Bench(f1(1))
        bench.take("ann")
        bench.ask("bob", queue=True)
        bench.ask("cid", queue=True)
        bench.restart()
        bench.greet("cid", asking=(next(w.request for w in bench.ledger.waiters.values() if w.session.user == "cid"),))
        bench.greet("bob")
        bench.greet("ann")
        assert [seat.session.user for seat in bench.ledger.seats.values()] == ["cid"]

    def test_a_repeated_request_keeps_its_place(self) -> None:
        bench = Bench(f1(1))
        bench.take("ann")
        first = bench.ask("bob", queue=True)
        assert bench.ask("bob", queue=True, request=bench.requests) == first
        assert len(bench.ledger.waiters) == 1


class TestLinger:
    def test_who_comes_back_takes_the_seats_that_linger_for_him(self) -> None:
        bench = Bench(f1(2, "LINGER=60"))
        bench.back("ann", bench.take("ann"))
        assert bench.used() == 1
        bench.take("ann")
        assert bench.used() == 1

    @pytest.mark.parametrize(("again", "used"), [({"count": 1}, 3), ({"count": 3}, 3), ({"display": ":9"}, 3)])
    def test_other_seats_than_those_that_linger_are_further_ones(self, again: dict[str, object], used: int) -> None:
        bench = Bench(f1(9, "LINGER=60"))
        bench.back("ann", bench.take("ann", count=2))
        bench.take("ann", **again)
        assert bench.used() == used

    def test_lingering_seats_end_by_themselves(self) -> None:
        bench = Bench(f1(2, "LINGER=60"))
        bench.back("ann", bench.take("ann"))
        bench.tick(59)
        assert bench.used() == 1
        bench.tick(1)
        assert bench.used() == 0
        assert bench.entries(CheckedIn)[-1].why == "linger"

    def test_seats_linger_for_their_time_whoever_would_be_denied(self) -> None:
        bench = Bench(f1(2, "LINGER=60"))
        bench.back("ann", bench.take("ann"))
        bench.now += 59
        denied = bench.ask("bob", count=2)
        assert (denied.number, denied.free_at, bench.used()) == (-4, bench.wall + 1, 1)
        bench.take("bob")

    def test_seats_whose_time_to_linger_is_over_come_back_at_once_for_who_would_be_denied(self) -> None:
        bench = Bench(f1(2, "LINGER=60"))
        bench.back("ann", bench.take("ann"))
        # No Tick has come since.
        bench.now += 60
        bench.take("bob", count=2)
        assert bench.entries(CheckedIn)[-1].why == "linger"

    def test_what_is_over_comes_back_for_all_who_ask_and_for_those_who_wait_first(self) -> None:
        bench = Bench(f1(2, "LINGER=60"))
        for name in ("ann", "bob"):
            bench.back(name, bench.take(name))
        assert isinstance(bench.ask("cid", queue=True), QueuedAnswer)
        bench.now += 60
        assert bench.ask("dan", count=2).number == -24
        assert isinstance(bench.told("cid")[-1], GrantAnswer)

    def test_a_ceiling_counts_lingering_seats_too(self) -> None:
        bench = Bench(f1(9, "LINGER=60"), "MAX 1 f1 USER ann")
        bench.back("ann", bench.take("ann", display=":1"))
        bench.take("bob")
        assert bench.ask("ann", display=":2").number == -87
        bench.take("ann", display=":1")
        assert bench.used() == 2

    def test_who_waits_gets_what_lingers_when_that_is_over(self) -> None:
        bench = Bench(f1(1, "LINGER=60"))
        handle = bench.take("ann")
        bench.ask("bob", queue=True)
        bench.back("ann", handle)
        assert not bench.told("bob")
        bench.tick(59)
        assert not bench.told("bob")
        bench.tick(1)
        assert isinstance(bench.told("bob")[-1], GrantAnswer)

    def test_who_comes_back_to_his_lingering_seats_has_them_before_who_waits(self) -> None:
        bench = Bench(f1(2, "LINGER=60"))
        handle = bench.take("ann")
        bench.take("eve")
        bench.ask("bob", queue=True)
        bench.back("ann", handle)
        bench.take("ann")
        assert bench.used() == 2
        # Further ones he would have after them only.
        assert bench.ask("ann").number == -24

    def test_a_denial_leaves_what_lingers(self) -> None:
        bench = Bench(f1(2, "LINGER=60"))
        bench.back("ann", bench.take("ann"))
        bench.take("bob")
        assert (bench.ask("ann", count=2).number, bench.used()) == (-4, 2)
        bench.take("ann")

    def test_who_waits_for_more_than_lingers_for_him_gives_that_up(self) -> None:
        bench = Bench(f1(2, "LINGER=60"))
        bench.back("ann", bench.take("ann"))
        handle = bench.take("bob")
        assert isinstance(bench.ask("ann", count=2, queue=True), QueuedAnswer)
        assert bench.used() == 1
        bench.reread(f1(2))
        bench.back("bob", handle)
        assert isinstance(bench.told("ann")[-1], GrantAnswer)

    def test_reserved_seats_that_linger_are_for_their_subject_when_that_is_over_behind_others(self) -> None:
        bench = Bench(f1(2, "LINGER=60"), "GROUP day bob cid\nRESERVE 1 f1 GROUP day")
        handle = bench.take("bob")
        bench.take("ann")
        bench.reread()
        assert isinstance(bench.ask("ann/2", queue=True), QueuedAnswer)
        assert isinstance(bench.ask("cid", queue=True), QueuedAnswer)
        bench.reread()
        bench.back("bob", handle)
        bench.tick(60)
        assert isinstance(bench.told("cid")[-1], GrantAnswer)
        assert [waiter.session.user for waiter in bench.ledger.waiters.values()] == ["ann"]

    def test_seats_of_a_session_that_has_ended_linger_over_a_restart(self) -> None:
        for snapshot in (False, True):
            bench = Bench(f1(2, "LINGER=60"))
            bench.take("ann")
            bench.drop("ann")
            assert bench.used() == 1
            bench.restart(snapshot=snapshot)
            assert bench.used() == 1
            bench.tick(61)
            assert bench.used() == 0
            assert not bench.ledger.sessions


class TestLimits:
    def test_a_group_s_ceiling_is_for_all_together_and_over_all_pools(self) -> None:
        bench = Bench(
            "INCREMENT f1 genesys.d 8.5 permanent 2 SIGN=00\nINCREMENT f1 genesys.d 8.0 permanent 2 SIGN=00\n",
            "GROUP night ann bob\nMAX 2 f1 GROUP night",
        )
        bench.take("ann", version="8.5")
        bench.take("bob", version="8.0")
        denied = bench.ask("ann")
        assert (denied.number, denied.rule) == (-87, "genesys.d.opt:2: MAX 2 f1 GROUP night")
        assert "holds 2" in denied.reason
        bench.take("cid")

    def test_up_to_goes_as_far_as_the_ceiling(self) -> None:
        bench = Bench(f1(9), "MAX 4 f1 USER ann\nMAX 3 f1 HOST ann-pc")
        assert bench.ask("ann", count=9, up_to=True).count == 3

    def test_one_client_holds_no_more_than_it_may_and_what_lingers_does_not_count(self) -> None:
        bench = Bench(f1(9, "LINGER=60"), settings=VendorSettings("genesys.d", seats_max=3))
        bench.back("ann", bench.take("ann", count=3, display=":1"))
        bench.take("ann", count=3, display=":2")
        assert bench.ask("ann", display=":3").number == -26

    def test_who_was_there_before_a_ceiling_counts_under_it(self) -> None:
        bench = Bench(f1(9))
        bench.take("ann", count=2)
        bench.reread(options_text="MAX 3 f1 USER ann")
        assert bench.ask("ann", count=2).number == -87
        bench.take("ann")
        bench.restart()
        bench.greet("ann", held=(101, 102))
        assert bench.ask("ann").number == -87


class TestOverdraft:
    def test_overdraft_seats_are_given_and_counted(self) -> None:
        bench = Bench(f1(2, "OVERDRAFT=1"))
        bench.take("ann", count=3)
        denied = bench.ask("bob")
        assert denied.number == -4
        assert "3 of 2 seats and 1 of overdraft" in denied.reason

    def test_the_options_file_lowers_it(self) -> None:
        bench = Bench(f1(2, "OVERDRAFT=3"), "MAX_OVERDRAFT f1 1")
        assert bench.ask("ann", count=9, up_to=True).count == 3


class TestDenials:
    def test_holders_are_told_to_those_who_may_know(self) -> None:
        bench = Bench(f1(2, "LINGER=60"), "EXCLUDE f1 USER eve")
        bench.take("ann", count=2)
        bench.greet("cid", knows=True)
        assert bench.ask("cid").holders == ("ann@ann-pc :0, 2 seats",)
        assert bench.ask("dan").holders == ()
        bench.greet("eve", knows=True)
        assert bench.ask("eve").holders == ()

    def test_when_seats_may_come_free(self) -> None:
        bench = Bench(f1(1, "BORROW"))
        bench.take("ann", borrow_until=bench.wall + 3600)
        bench.leave("ann")
        denied = bench.ask("bob")
        assert denied.free_at == bench.wall + 3600 + 60

    def test_when_seats_may_come_free_that_a_client_has_borrowed_and_still_holds(self) -> None:
        bench = Bench(f1(1, "BORROW"))
        bench.take("ann", borrow_until=bench.wall + 3600)
        assert bench.ask("bob").free_at == bench.wall + 3600 + 60

    @pytest.mark.parametrize("suite", ["SUITE", "SUITE_RESERVED"])
    def test_holders_of_a_suite_are_told_whichever_component_they_hold(self, suite: str) -> None:
        bench = Bench(SUITE.format(suite, 1, ""))
        bench.take("ann", "a")
        bench.greet("bob", knows=True)
        assert bench.ask("bob", "b").holders == ("ann@ann-pc :0 (a)",)
        assert bench.ask("bob", "a").holders == ("ann@ann-pc :0",)

    def test_holders_for_whom_a_suite_keeps_a_component_are_told(self) -> None:
        bench = Bench(SUITE.format("SUITE_RESERVED", 2, ""))
        bench.take("ann", "a")
        bench.greet("bob", knows=True)
        bench.take("bob", "b")
        denied = bench.ask("bob", "b")
        assert (denied.number, denied.holders) == (-101, ("ann@ann-pc :0 (a)", "bob@bob-pc :0"))

    def test_holders_under_a_ceiling_are_told_and_no_others(self) -> None:
        bench = Bench(f1(9), "GROUP night ann bob\nMAX 1 f1 GROUP night")
        bench.take("cid")
        bench.take("ann")
        bench.greet("bob", knows=True)
        assert bench.ask("bob").holders == ("ann@ann-pc :0",)

    def test_borrowers_are_told_where_no_more_may_be_borrowed(self) -> None:
        bench = Bench(f1(3, "BORROW"), "BORROW_LOWWATER f1 2")
        bench.take("cid")
        bench.take("ann", borrow_until=bench.wall + 3600)
        bench.greet("bob", knows=True)
        denied = bench.ask("bob", borrow_until=bench.wall + 60)
        assert (denied.number, denied.holders, denied.free_at) == (-67, ("ann@ann-pc :0 (borrowed)",), bench.wall + 3600 + 60)

    def test_denials_are_counted_and_written_down(self) -> None:
        bench = Bench(f1(1))
        bench.take("ann")
        bench.ask("bob")
        assert bench.pool("f1").denials == 1
        assert (bench.entries(Denial)[-1].user, bench.entries(Denial)[-1].rule) == ("bob", "FEATURE f1 genesys.d 8.0 permanent 1")


def test_a_request_of_a_session_that_has_ended_is_not_answered() -> None:
    bench = Bench(f1(1))
    bench.greet("ann")
    number = bench.sessions["ann"]
    bench.leave("ann")
    assert bench.run(CheckoutAsked(number, 1, "f1", "", 1, False, "")) == []


def test_a_checkin_of_what_is_back_already_is_no_error_and_of_another_s_is() -> None:
    bench = Bench(f1(2, "LINGER=60"))
    ann, bob = bench.take("ann"), bench.take("bob")
    for _ in range(2):
        bench.back("ann", ann)
        assert bench.told("ann")[-1].number == 0
    bench.back("ann", bob)
    assert bench.told("ann")[-1].number == -41
    waiting = bench.ask("cid", count=2, queue=True).handle
    bench.back("ann", waiting)
    assert bench.told("ann")[-1].number == -41


def test_only_who_may_know_others_is_told_the_line_that_names_them() -> None:
    bench = Bench(f1(3), "RESERVE 3 f1 USER ann\n")
    bench.greet("bob", knows=True)
    assert bench.ask("bob").rule == "genesys.d.opt:1: RESERVE 3 f1 USER ann"
    bench.greet("cid", knows=False)
    assert bench.ask("cid").rule == "genesys.d.opt:1"


class TestTrials:
    def test_a_trial_says_what_would_be_given_and_gives_nothing(self) -> None:
        bench = Bench(f1(3, "LINGER=60"))
        bench.greet("ann")
        before = len(bench.log)
        answer = bench.ask("ann", count=5, up_to=True, trial=True)
        assert isinstance(answer, GrantAnswer)
        assert (answer.handle, answer.count, answer.at) == (0, 3, bench.wall)
        assert (bench.used(), len(bench.log)) == (0, before)

    def test_a_trial_that_is_denied_is_not_counted_written_down_or_queued(self) -> None:
        bench = Bench(f1(1))
        bench.take("ann")
        bench.greet("bob", knows=True)
        before = len(bench.log)
        answer = bench.ask("bob", queue=True, trial=True)
        assert isinstance(answer, DenialAnswer)
        assert (answer.number, answer.holders) == (-4, ("ann@ann-pc :0",))
        assert (bench.pool("f1").denials, len(bench.log), bench.ledger.waiters) == (0, before, {})

    def test_a_trial_leaves_what_lingers_for_who_asks(self) -> None:
        bench = Bench(f1(1, "LINGER=60"))
        bench.back("ann", bench.take("ann"))
        assert isinstance(bench.ask("ann", trial=True), GrantAnswer)
        assert bench.used() == 1
        bench.take("ann")

    def test_a_trial_comes_behind_who_waits(self) -> None:
        bench = Bench(f1(2))
        bench.take("ann")
        bench.ask("bob", count=2, queue=True)
        assert bench.ask("cid", trial=True).number == -24
