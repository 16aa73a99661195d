"""Accounts of seats: what goes on comes off, reservations are filled by those for whom they are, ceilings count whom they name."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.options_model import Rule
from seatkeeper.pools.access import Limit, Reservation
from seatkeeper.pools.accounts import Charge, Shared
from seatkeeper.pools.counted import Pool
from seatkeeper.pools.lines import ServedLine

TODAY = date(2026, 11, 24)


def pool(total: int, *reserved: int) -> Pool:
    """A pool with so many reservations of so many seats."""
    made = Pool("8.0", (ServedLine("f1", "d", "8.0", "permanent", str(total)),), ("line",), TODAY)
    made.reservations = [
        Reservation(Rule("RESERVE", number, f"RESERVE {count} f1 USER u{number}", None, "USER", f"u{number}", count))
        for number, count in enumerate(reserved, 1)
    ]
    made.fit_reservations()
    return made


def limit(maximum: int) -> Limit:
    return Limit(Rule("MAX", 9, f"MAX {maximum} f1 USER u1", None, "USER", "u1", maximum))


def test_a_charge_comes_off_as_it_went_on() -> None:
    made, ceiling = pool(5), limit(9)
    charge = Charge(made, (ceiling,))
    charge.set(3)
    assert (made.in_use, ceiling.used) == (3, 3)
    charge.set(0)
    assert (made.in_use, ceiling.used) == (0, 0)


def test_reserved_seats_are_taken_before_open_ones() -> None:
    made = pool(5, 2)
    charge = Charge(made, (), made.reservations)
    charge.set(3)
    assert (charge.open, made.reserved_idle, made.free) == (1, 0, 2)
    charge.set(1)
    assert (charge.open, made.reserved_idle, made.free) == (0, 1, 3)


def test_a_reservation_that_gets_room_takes_in_who_made_do_with_open_seats() -> None:
    made = pool(5, 2)
    first, second = Charge(made, (), made.reservations), Charge(made, (), made.reservations)
    first.set(2)
    second.set(2)
    assert (second.open, made.free) == (2, 1)
    first.set(0)
    # Two seats are in use, both of them reserved: three are free for anybody.
    assert (second.open, made.reserved_idle, made.free) == (0, 0, 3)
    assert not made.wanting


def test_a_reservation_that_a_larger_pool_makes_room_for_takes_in_who_made_do_with_open_seats() -> None:
    early, late = (
        ServedLine("f1", "d", "8.0", "permanent", "1"),
        ServedLine("f1", "d", "8.0", "permanent", "2", attributes=(("START", "25-nov-2026"),)),
    )
    made = Pool("8.0", (early, late), ("", ""), TODAY)
    made.reservations = pool(9, 3).reservations
    made.overdraft_max = None
    made.fit_reservations()
    charge = Charge(made, (), made.reservations)
    charge.set(2)
    assert (charge.open, made.reserved_idle) == (1, 0)
    made.set_day(date(2026, 11, 25))
    assert (charge.open, made.reserved_idle, made.free) == (0, 1, 0)


def test_seats_come_out_of_what_is_kept_for_the_fewest_people() -> None:
    """A group's seat that a member takes who has one of his own would be missing for the rest of the group."""
    made = pool(2)
    group, own = (
        Reservation(Rule("RESERVE", line, "", None, kind, kind, 1), people) for line, kind, people in ((1, "GROUP", 5), (2, "USER", 1))
    )
    made.reservations = [group, own]
    made.fit_reservations()
    ann, other, bob = Charge(made, (), [own, group]), Charge(made, (), [own, group]), Charge(made, (), [group])
    ann.set(1)
    assert (own.idle, group.idle) == (0, 1)
    other.set(1)
    assert (own.idle, group.idle) == (0, 0)
    # The second seat moves into the user's own reservation, and leaves the group's to the group.
    ann.set(0)
    assert (own.idle, group.idle) == (0, 1)
    bob.set(1)
    assert (made.reserved_idle, made.wanting) == (0, {})


@given(st.lists(st.integers(0, 3), min_size=4, max_size=4), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=20))
def test_nested_reservations_are_filled_as_well_as_can_be(reserved: list[int], moves: list[tuple[int, int]]) -> None:
    """Users 0 and 1 have a reservation each, both and 2 are of a group, and all four of another: charges are set in any order."""
    people = ({0}, {1}, {0, 1, 2}, {0, 1, 2, 3})
    made = pool(12)
    made.reservations = [
        Reservation(Rule("RESERVE", 9 - number, "", None, "GROUP", str(number), count), len(people[number]))
        for number, count in enumerate(reserved)
    ]
    made.fit_reservations()
    charges = [Charge(made, (), [one for one, meant in zip(made.reservations, people, strict=True) if user in meant]) for user in range(4)]
    for user, count in moves:
        charges[user].set(count)
        rest = [charge.count for charge in charges]
        idle = 0
        for number, count_kept in enumerate(reserved):
            for who in people[number]:
                part = min(count_kept, rest[who])
                count_kept, rest[who] = count_kept - part, rest[who] - part
            idle += count_kept
        assert made.reserved_idle == idle
    for charge in charges:
        charge.set(0)
    assert (made.in_use, made.reserved_idle, made.wanting) == (0, sum(reserved), {})


class TestShared:
    def test_a_group_has_as_many_seats_as_its_largest_checkout(self) -> None:
        made = pool(5)
        group = Shared(made, "key")
        for handle, count in ((1, 1), (2, 3), (3, 2)):
            group.join(handle, count)
        assert made.in_use == 3
        group.part(2)
        assert made.in_use == 2
        group.part(2)
        assert made.in_use == 2
        group.part(1)
        group.part(3)
        assert (made.in_use, group.members) == (0, {})

    def test_a_ceiling_counts_only_the_checkouts_of_whom_it_names(self) -> None:
        made, ann, bob = pool(9), limit(9), limit(9)
        group = Shared(made, "key")
        group.join(1, 1, (ann,))
        group.join(2, 4, (bob,))
        group.join(3, 2, (ann, bob))
        assert (ann.used, bob.used, group.under(ann), group.under(bob)) == (2, 4, 2, 4)
        group.part(3)
        assert (ann.used, bob.used) == (1, 4)
        group.part(1)
        assert (ann.used, bob.used, group.under(ann)) == (0, 4, 0)
        group.part(2)
        assert bob.used == 0

    def test_the_reservation_of_who_leaves_is_idle_again_although_the_others_stay(self) -> None:
        made = pool(5, 1)
        group = Shared(made, "key")
        group.join(1, 1, (), made.reservations)
        group.join(2, 1)
        assert (group.open, made.reserved_idle, made.free) == (0, 0, 4)
        group.part(1)
        assert (group.open, made.reserved_idle, made.free) == (1, 1, 3)
        assert not made.wanting

    def test_who_joins_brings_his_reservation(self) -> None:
        made = pool(5, 1, 1)
        group = Shared(made, "key")
        group.join(1, 2, (), made.reservations[1:])
        assert (group.open, made.reserved_idle) == (1, 1)
        group.join(2, 1, (), made.reservations[:1])
        assert (group.open, made.reserved_idle, made.free) == (0, 0, 3)
        group.part(1)
        assert (group.count, made.reserved_idle, made.free) == (1, 1, 3)


@pytest.mark.parametrize("shared", [False, True])
@given(data=st.data())
def test_any_sequence_leaves_what_a_recount_finds(shared: bool, data: st.DataObject) -> None:
    """Each user has at most one reservation, so what is reserved and idle does not depend on the order."""
    reserved = data.draw(st.lists(st.integers(0, 3), min_size=2, max_size=2))
    made = pool(20, *reserved)
    ceilings = [limit(99), limit(99), limit(99)]
    users = {0: ((ceilings[0],), made.reservations[:1]), 1: ((ceilings[1], ceilings[2]), made.reservations[1:]), 2: ((ceilings[2],), [])}
    groups = [Shared(made, "x"), Shared(made, "y")]
    # handle -> user, seats, account
    held: dict[int, tuple[int, int, Charge]] = {}
    for handle in range(data.draw(st.integers(1, 25))):
        if held and data.draw(st.booleans()):
            gone = data.draw(st.sampled_from(sorted(held)))
            account = held.pop(gone)[2]
            account.part(gone) if isinstance(account, Shared) else account.set(0)
        user, count = data.draw(st.integers(0, 2)), data.draw(st.integers(1, 3))
        if shared:
            group = groups[data.draw(st.integers(0, 1))]
            group.join(handle, count, *users[user])
            held[handle] = (user, count, group)
        else:
            charge = Charge(made, *users[user])
            charge.set(count)
            held[handle] = (user, count, charge)
        recount(made, ceilings, reserved, held, groups if shared else [])
    for handle, (_, _, account) in list(held.items()):
        account.part(handle) if isinstance(account, Shared) else account.set(0)
    assert (made.in_use, made.reserved_idle, made.wanting) == (0, sum(reserved), {})
    assert [ceiling.used for ceiling in ceilings] == [0, 0, 0]


def recount(made: Pool, ceilings: list[Limit], reserved: list[int], held: dict[int, tuple[int, int, Charge]], groups: list[Shared]) -> None:
    """Sums up from the checkouts alone what the pool should have counted."""
    counted_by = [{0}, {1}, {1, 2}]
    parts = [[(user, count) for user, count, account in held.values() if account is group] for group in groups]
    if not groups:
        parts = [[(user, count)] for user, count, _ in held.values()]
    parts = [part for part in parts if part]
    assert made.in_use == sum(max(count for _, count in part) for part in parts)
    for ceiling, counted in zip(ceilings, counted_by, strict=True):
        assert ceiling.used == sum(max([count for user, count in part if user in counted], default=0) for part in parts)
    for charge in {account for _, _, account in held.values()}:
        assert 0 <= charge.open <= charge.count
    if not groups:
        used = [sum(count for user, count, _ in held.values() if user == number) for number in (0, 1)]
        assert made.reserved_idle == sum(max(0, count - taken) for count, taken in zip(reserved, used, strict=True))
    # Nobody makes do with an open seat beside a free reservation of his own.
    for number, reservation in enumerate(made.reservations):
        for user, _, account in held.values():
            assert user != number or not account.open or not reservation.idle
