"""crowd: counting, by hand and against a naive model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.server.crowd import ROOM_CONNECTIONS, Crowd, address_key


def test_clients_leave_the_room_to_administrators() -> None:
    crowd = Crowd(100, 0)
    places = [crowd.enter("") for _ in range(120)]
    lent = ROOM_CONNECTIONS // 2
    assert places == ["yes"] * (100 - ROOM_CONNECTIONS) + ["lent"] * lent + ["full"] * (20 + lent)
    assert [crowd.enter("", administrator=True) for _ in range(lent + 1)] == ["yes"] * lent + ["full"]
    assert crowd.count == 100
    crowd.leave("")
    assert crowd.enter("") == "full"
    assert crowd.enter("", administrator=True) == "yes"


def test_one_address_has_its_share() -> None:
    crowd = Crowd(1000, 3)
    assert [crowd.enter("192.0.2.1") for _ in range(4)] == ["yes", "yes", "yes", "crowded"]
    assert crowd.enter("192.0.2.2") == "yes"
    assert crowd.enter("192.0.2.1", administrator=True) == "yes"
    crowd.leave("192.0.2.1")
    assert crowd.enter("192.0.2.1") == "crowded"
    crowd.leave("192.0.2.1")
    assert crowd.enter("192.0.2.1") == "yes"


def test_a_small_crowd_has_a_small_room() -> None:
    crowd = Crowd(4, 0)
    assert [crowd.enter("") for _ in range(4)] == ["yes", "yes", "lent", "full"]
    assert crowd.enter("", administrator=True) == "yes"


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.booleans(), st.booleans()), max_size=200))
def test_no_limit_is_ever_passed_and_nothing_is_forgotten(moves: list[tuple[str, bool, bool]]) -> None:
    crowd = Crowd(40, 5)
    inside: list[str] = []
    for address, administrator, goes in moves:
        if goes and inside:
            crowd.leave(inside.pop())
        elif crowd.enter(address, administrator=administrator) in ("yes", "lent"):
            inside.append(address)
        assert crowd.count == len(inside) <= 40
        assert set(crowd._by_address) == {one for one in inside if one}
        assert all(crowd._by_address[one] == inside.count(one) for one in crowd._by_address)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.9", "192.0.2.9"),
        ("127.0.0.1", ""),
        ("127.9.9.9", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::99", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_what_an_address_counts_as(address: str, key: str) -> None:
    assert address_key(address) == key


def test_max_connections_limits_clients_and_not_administrators() -> None:
    crowd = Crowd(1000, 0)
    crowd.clients_limit = 3
    assert [crowd.enter("") for _ in range(3)] == ["yes"] * 3
    assert crowd.enter("") == "lent"
    assert crowd.enter("", administrator=True) == "yes"
    while crowd.enter("") != "full":
        assert crowd.count < 100
    assert crowd.enter("", administrator=True) == "yes"
