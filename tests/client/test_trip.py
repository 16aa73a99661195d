"""trip: every address has its turn, the good one comes first next time, and a server cannot send a client around for ever."""

from __future__ import annotations

from seatkeeper.client.path import Address
from seatkeeper.client.trip import HOPS_MAX, Trip

A, B, C = Address("a", 1), Address("b", 2), Address("c", 3)


def test_each_address_once_an_attempt_and_the_good_one_first() -> None:
    trip = Trip((A, B, C))
    assert [trip.begin(), trip.next(), trip.next(), trip.next()] == [A, B, C, None]
    assert [trip.begin(), trip.next()] == [A, B]
    trip.arrived()  # at B
    assert [trip.begin(), trip.next(), trip.next(), trip.next()] == [B, C, A, None]


def test_elsewhere_is_a_port_of_the_same_host_for_this_attempt_only() -> None:
    trip = Trip((A,))
    trip.begin()
    assert [trip.elsewhere(port) for port in range(10, 10 + HOPS_MAX)] == [Address("a", port) for port in range(10, 10 + HOPS_MAX)]
    assert trip.elsewhere(99) is None
    assert trip.begin() == A
    assert trip.elsewhere(10) == Address("a", 10)


def test_waits_grow_until_it_arrives() -> None:
    trip = Trip((A,))
    waits = [trip.wait_s(0.5, 100.0) for _ in range(4)]
    assert waits == [0.25, 0.5, 1.0, 2.0]
    trip.arrived()
    assert trip.wait_s(0.5, 100.0) == 0.25
    assert trip.wait_s(0.5, 0.1) == 0.05
