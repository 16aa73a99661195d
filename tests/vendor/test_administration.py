"""What an administrator does: removals that the client confirms, rereads that affect who is concerned and nobody else."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from tests.support.vendor_bench import SETTINGS, TODAY, Bench, license_lines, options_file

from seatkeeper.vendor.administration import prepare
from seatkeeper.vendor.entries import Act, CheckedIn, Expired, Reread, Revoked
from seatkeeper.vendor.events import Acted, GrantAnswer, LicenseReread, LossAnswer, RestoreAnswer

DAY_S = timedelta(days=1).total_seconds()
HOUR = 3600.0


def feature(name: str = "f1", count: int = 3, attributes: str = "", expiry: str = "permanent", version: str = "8.0") -> str:
    return f"INCREMENT {name} genesys.d {version} {expiry} {count} {attributes} SIGN=00\n"


class TestRemoval:
    def test_the_client_is_told_and_the_seats_are_free_when_it_confirms(self) -> None:
        bench = Bench(feature())
        handle = bench.take("ann")
        assert bench.remove(user="ann").removed == 1
        assert bench.told("ann") == [LossAnswer(handle, 0, "Removed by admin@here.")]
        assert bench.used() == 1
        bench.back("ann", handle)
        assert (bench.used(), bench.entries(CheckedIn)[-1].why) == (0, "removed")

    def test_or_when_its_lease_has_ended(self) -> None:
        bench = Bench(feature())
        bench.take("ann")
        bench.remove(user="ann")
        bench.tick(59)
        assert bench.used() == 1
        bench.tick(1)
        assert (bench.used(), bench.entries(CheckedIn)[-1].why) == (0, "removed")

    def test_removed_seats_do_not_linger(self) -> None:
        bench = Bench(feature(attributes="LINGER=600"))
        handle = bench.take("ann")
        bench.remove(user="ann")
        bench.back("ann", handle)
        assert bench.used() == 0

    @pytest.mark.parametrize("snapshot", [False, True])
    def test_a_restart_in_between_forgets_nothing(self, snapshot: bool) -> None:
        bench = Bench(feature())
        handle = bench.take("ann")
        bench.remove(user="ann")
        bench.restart(snapshot=snapshot)
        assert bench.greet("ann", held=(handle,)) == (handle,)
        assert bench.told("ann")[-1] == LossAnswer(handle, 0, "Removed by an administrator.")
        bench.tick(60)
        assert bench.used() == 0

    def test_seats_that_the_client_has_never_seen_are_removed_when_it_comes_back(self) -> None:
        """It asks again, and would believe to hold what is taken from it without a further word."""
        bench = Bench(feature())
        bench.take("ann")
        request = bench.requests
        bench.remove(user="ann")
        assert bench.greet("ann", asking=(request,)) == ()
        assert bench.used() == 0
        answer = bench.ask("ann", request=request)
        assert isinstance(answer, GrantAnswer)
        bench.tick(60)
        assert bench.used() == 1

    def test_an_application_that_takes_them_again_keeps_them_for_a_while(self) -> None:
        bench = Bench(feature())
        handle = bench.take("ann")
        bench.remove(user="ann")
        bench.back("ann", handle)
        bench.tick(1)
        bench.take("ann")
        assert bench.remove(user="ann").number == -64
        bench.tick(118)
        assert bench.remove(user="ann").number == -64
        bench.tick(1)
        assert bench.remove(user="ann").removed == 1

    def test_a_second_removal_of_the_same_seats_is_no_second_loss(self) -> None:
        bench = Bench(feature())
        bench.take("ann")
        bench.remove(user="ann")
        assert bench.remove(user="ann").removed == 1
        assert bench.told("ann") == []
        assert len(bench.entries(Revoked)) == 1

    def test_lingering_and_borrowed_seats_are_not_removed(self) -> None:
        bench = Bench(feature(attributes="LINGER=600 BORROW"))
        bench.back("ann", bench.take("ann"))
        assert bench.remove(user="ann").number == -100
        handle = bench.take("bob", borrow_until=bench.wall + HOUR)
        # Its session lives, and the borrow is out all the same.
        assert bench.remove(handle=handle).number == -100
        bench.leave("bob")
        assert bench.remove(handle=handle).number == -100
        assert bench.used() == 2

    @pytest.mark.parametrize(
        ("asked", "number"),
        [
            ({"user": "bob"}, -41),
            ({"user": "ann", "display": ":1"}, -41),
            ({"user": "ann", "host": "other"}, -41),
            ({"handle": 999}, -41),
            ({"feature": "f2", "user": "ann"}, -5),
        ],
    )
    def test_what_does_not_match_is_left_alone(self, asked: dict[str, object], number: int) -> None:
        bench = Bench(feature())
        bench.take("ann")
        assert bench.remove(**asked).number == number
        assert not bench.entries(Act)

    def test_a_feature_is_named_in_upper_or_lower_case(self) -> None:
        bench = Bench(feature())
        bench.take("ann")
        assert bench.remove("F1", user="ann").removed == 1

    def test_a_handle_is_looked_up_in_its_feature_only(self) -> None:
        bench = Bench(feature() + feature("f2"))
        handle = bench.take("ann")
        assert bench.remove("f2", handle=handle).number == -41


class TestReread:
    def test_holders_over_a_lowered_count_keep_their_seats(self) -> None:
        bench = Bench(feature(count=3))
        handles = [bench.take("ann") for _ in range(3)]
        bench.reread(feature(count=1))
        assert bench.told("ann") == []
        for handle in handles[:2]:
            assert bench.ask("bob").number == -4
            bench.back("ann", handle)
        assert bench.ask("bob").number == -4
        bench.back("ann", handles[2])
        bench.take("bob")

    def test_a_feature_that_goes_and_comes_back(self) -> None:
        bench = Bench(feature() + feature("f2"))
        handle = bench.take("ann")
        bench.reread(feature("f2"))
        assert [(one.handle, one.number) for one in bench.told("ann")] == [(handle, -92)]
        bench.reread(feature("f2"))
        assert bench.told("ann") == []
        bench.reread(feature() + feature("f2"))
        assert bench.told("ann") == [RestoreAnswer(handle)]
        assert bench.used() == 1

    def test_all_features_that_go_and_come_back(self) -> None:
        bench = Bench(feature())
        handle = bench.take("ann")
        bench.reread("")
        assert [one.number for one in bench.told("ann")] == [-92]
        bench.reread(feature())
        assert bench.told("ann") == [RestoreAnswer(handle)]

    def test_one_who_was_away_meanwhile_is_told_when_he_comes_back(self) -> None:
        bench = Bench(feature() + feature("f2", expiry="24-nov-2026"))
        first, second = bench.take("ann"), bench.take("ann", "f2")
        bench.reread(feature("f2", expiry="24-nov-2026"))
        bench.drift = DAY_S
        bench.restart()
        bench.greet("ann", held=(first, second))
        assert [(one.handle, one.number) for one in bench.told("ann") if isinstance(one, LossAnswer)] == [(first, -92), (second, -10)]

    def test_who_is_there_and_who_comes_back_are_told_the_same(self) -> None:
        told = []
        for away in (False, True):
            bench = Bench(feature() + feature("f2"))
            held = bench.take("ann"), bench.take("ann", "f2")
            bench.reread(feature("f2", expiry="24-nov-2026"))
            answers = bench.told("ann")
            bench.drift = DAY_S
            if away:
                bench.restart()
                bench.greet("ann", held=held)
                answers = []
            else:
                bench.tick()
            answers = [*answers, *bench.told("ann")]
            told.append([(one.handle, one.number, one.reason) for one in answers if isinstance(one, LossAnswer)])
        assert told[0] == told[1]
        assert [number for _, number, _ in told[0]] == [-92, -10]

    def test_an_expired_license_that_is_renewed(self) -> None:
        bench = Bench(feature(expiry="23-nov-2026"))
        assert bench.ask("ann").number == -10
        bench = Bench(feature(expiry="24-nov-2026"))
        handle = bench.take("ann")
        bench.drift = DAY_S
        bench.tick()
        assert [(one.handle, one.number) for one in bench.told("ann")] == [(handle, -10)]
        assert [(one.feature, one.pool) for one in bench.entries(Expired)] == [("f1", bench.pool("f1").key)]
        bench.reread(feature(expiry="1-dec-2026"))
        assert bench.told("ann") == [RestoreAnswer(handle)]

    def test_a_license_that_has_not_begun_yet_by_a_clock_that_was_set_back_has_not_expired(self) -> None:
        bench = Bench(feature(attributes="START=24-nov-2026"))
        handle = bench.take("ann")
        bench.drift = -DAY_S
        bench.tick()
        assert bench.entries(Expired) == []
        assert [(one.handle, one.number, one.reason) for one in bench.told("ann")] == [
            (handle, -31, "f1 is licensed from 24-nov-2026 on."),
        ]
        bench.drift = 0.0
        bench.tick()
        assert bench.told("ann") == [RestoreAnswer(handle)]

    def test_seats_that_moved_to_a_newer_version_are_found_there_after_every_further_reread_and_restart(self) -> None:
        bench = Bench(feature(version="8.0"))
        handle = bench.take("ann", count=2, version="8.0")
        newer = feature(version="8.5")
        for _ in range(2):
            bench.reread(newer)
            assert (bench.used(), bench.ledger.seats[handle].pool) == (2, bench.pool("f1"))
        bench.restart()
        bench.greet("ann", held=(handle,))
        bench.reread(newer + feature("f2"))
        assert bench.used() == 2
        bench.reread(feature(version="8.0") + newer)
        assert [pool.in_use for pool in bench.ledger.pools["f1"]] == [0, 2]
        bench.back("ann", handle)
        assert bench.used() == 0

    def test_rules_are_applied_to_who_comes_and_to_nobody_who_is_there(self) -> None:
        bench = Bench(feature(count=3))
        handle = bench.take("ann")
        bench.reread(options_text="EXCLUDE f1 USER ann\nRESERVE 2 f1 USER bob")
        assert bench.told("ann") == []
        assert bench.ask("ann").number == -38
        assert bench.ask("cid").number == -101
        bench.back("ann", handle)
        bench.take("cid")
        bench.reread(options_text="")
        bench.take("ann", count=2)

    def test_who_holds_seats_holds_those_that_a_new_rule_reserves_for_him(self) -> None:
        bench = Bench(feature(count=3))
        bench.take("ann", count=2)
        bench.reread(options_text="RESERVE 2 f1 USER ann")
        assert (bench.used(), bench.pool("f1").reserved_idle) == (2, 0)
        bench.take("bob")

    def test_reservations_are_what_the_pool_has_in_the_file_s_order(self) -> None:
        bench = Bench(feature(count=5), "RESERVE 2 f1 USER ann\nRESERVE 2 f1 USER bob")
        bench.reread(feature(count=3))
        assert [one.count for one in bench.pool("f1").reservations] == [2, 1]
        bench.take("ann", count=2)
        bench.take("bob")
        assert bench.ask("bob").number == -4

    def test_reservations_shrink_and_grow_with_the_calendar(self) -> None:
        bench = Bench(
            feature(count=1) + feature(count=2, expiry="24-nov-2026") + feature(count=3, attributes="START=26-nov-2026"),
            "RESERVE 3 f1 USER ann",
        )
        handle = bench.take("ann", count=3)
        bench.drift = DAY_S
        bench.tick()
        assert [one.count for one in bench.pool("f1").reservations] == [1]
        bench.back("ann", handle)
        bench.take("ann")
        bench.drift = 2 * DAY_S
        bench.tick()
        # Four seats: ann has one of her three, and one is open.
        assert (bench.pool("f1").total, bench.pool("f1").reserved_idle, bench.pool("f1").free) == (4, 2, 1)

    def test_seats_beyond_a_reservation_move_into_it_when_it_grows(self) -> None:
        bench = Bench(
            feature(count=1, attributes="OVERDRAFT=1") + feature(count=2, attributes="START=25-nov-2026"), "RESERVE 2 f1 USER ann"
        )
        bench.take("ann", count=2)
        bench.drift = DAY_S
        bench.tick()
        assert bench.pool("f1").reserved_idle == 0
        bench.take("bob", count=2)

    def test_what_no_longer_comes_out_of_one_reservation_comes_out_of_another(self) -> None:
        bench = Bench(
            feature(count=3) + feature(count=3, expiry="24-nov-2026"),
            "GROUP night ann bob\nRESERVE 1 f1 GROUP night\nRESERVE 5 f1 USER ann",
        )
        bench.take("ann", count=3)
        bench.drift = DAY_S
        bench.tick()
        # Of three seats one is the group's and two are ann's, who has three.
        assert (bench.pool("f1").total, bench.pool("f1").reserved_idle) == (3, 0)

    def test_seats_that_begin_tomorrow_are_for_a_further_named_user(self) -> None:
        named = feature(count=1, attributes="USER_BASED") + feature(count=1, attributes="USER_BASED START=25-nov-2026")
        bench = Bench(named, "INCLUDE f1 USER ann\nINCLUDE f1 USER bob")
        assert bench.ask("bob").number == -39
        bench.drift = DAY_S
        bench.tick()
        bench.take("bob")

    def test_an_offer_of_yesterday_knows_its_holders_rights_of_today(self) -> None:
        named = feature(count=1, attributes="USER_BASED", expiry="24-nov-2026") + feature(count=1, attributes="USER_BASED")
        options = options_file("INCLUDE f1 USER ann\nINCLUDE f1 USER bob")
        bench = Bench(named, "INCLUDE f1 USER ann\nINCLUDE f1 USER bob")
        bench.take("bob")
        offer = prepare(SETTINGS, license_lines(named), options, TODAY, bench.ledger.holders())
        bench.drift = DAY_S
        bench.run(LicenseReread(license_lines(named), bench.today, options, offer=offer))
        assert bench.ask("bob").number == -39

    def test_the_entry_says_what_is_served_and_by_whose_act(self) -> None:
        bench = Bench(feature(count=3) + "FEATURE free genesys.d 8.0 permanent uncounted HOSTID=ANY SIGN=00\n")
        entry = bench.entries(Reread)[-1]
        assert [(name, total) for name, _, total in entry.pools] == [("f1", 3), ("free", 0)]
        assert (entry.by_user, entry.by_host) == ("admin", "here")

    def test_a_shrunk_pool_serves_who_waits_as_it_empties_and_a_grown_one_at_once(self) -> None:
        bench = Bench(feature(count=2))
        bench.take("ann", count=2)
        bench.ask("bob", queue=True)
        bench.reread(feature(count=3))
        assert isinstance(bench.told("bob")[-1], GrantAnswer)

    def test_the_clock_stays_back_over_a_reread(self) -> None:
        bench = Bench(feature(expiry="1-dec-2026") + feature("f2"))
        bench.tick()
        bench.drift = -3600
        bench.tick()
        bench.reread()
        assert bench.ask("ann").number == -88
        bench.take("ann", "f2")

    def test_what_holders_may_do_is_the_same_where_it_was_found_out_beforehand(self) -> None:
        rules = "RESERVE 2 f1 USER ann\nMAX 3 f1 GROUP all\nGROUP all ann bob\nMAX 9 f1 DISPLAY :8\n"
        seen = []
        for ahead in (False, True):
            bench = Bench(feature(count=9))
            bench.take("ann")
            bench.take("bob", display=":8")
            bench.take("cid", count=2)
            lines, options = license_lines(feature(count=9)), options_file(rules)
            offer = prepare(SETTINGS, lines, options, TODAY, bench.ledger.holders() if ahead else ())
            bench.run(LicenseReread(lines, TODAY, options, offer=offer))
            bench.ledger.check()
            pool = bench.pool("f1")
            charges = [seat.charge for seat in bench.ledger.seats.values() if seat.charge is not None]
            seen.append((pool.in_use, pool.reserved_idle, [(one.count, one.open, [limit.used for limit in one.limits]) for one in charges]))
            assert bench.ask("ann", count=2).number == -87
        assert seen[0] == seen[1] == (4, 1, [(1, 0, [2]), (1, 1, [2, 1]), (2, 2, [])])

    def test_an_offer_of_yesterday_is_served_for_today(self) -> None:
        bench = Bench(feature())
        lines, options = license_lines(feature(count=2, expiry="24-nov-2026") + feature(count=1)), options_file("RESERVE 3 f1 USER ann")
        offer = prepare(SETTINGS, lines, options, TODAY)
        bench.drift = DAY_S
        bench.run(LicenseReread(lines, bench.today, options, offer=offer))
        assert (bench.pool("f1").total, bench.pool("f1").reservations[0].count) == (1, 1)


def test_pools_are_tried_as_the_settings_say() -> None:
    text = feature(version="8.5") + feature(version="8.0")
    assert Bench(text).ask("ann").pool.version == "8.5"
    assert Bench(text, settings=msgspec.structs.replace(SETTINGS, order="best_fit")).ask("ann").pool.version == "8.0"


def test_a_package_is_no_feature() -> None:
    bench = Bench('PACKAGE s genesys.d 8.0 COMPONENTS="a b" SIGN=00\n' + feature("s"))
    denied = bench.ask("ann", "s")
    assert denied.number == -125
    assert "package" in denied.reason


def test_what_an_administrator_does_is_in_the_log() -> None:
    bench = Bench(feature())
    bench.run(Acted("switch report", "admin", "here", "/var/log/new"))
    assert bench.entries(Act)[-1].text == "/var/log/new"
