"""Cards are proposed before what software makes up, and a machine with any address is never without a proposal."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.interfaces import Assigned, Interface, Kind, propose, usable

interfaces = st.builds(
    Interface,
    name=st.from_regex(r"[a-z]{1,4}[0-9]{0,2}", fullmatch=True),
    address=st.sampled_from(["", "000000000000", "ffffffffffff", *(f"0800200000{number:02x}" for number in range(20))]),
    state=st.sampled_from(["up", "down"]),
    kind=st.sampled_from(get_args(Kind)),
    assigned=st.sampled_from(get_args(Assigned)),
)


def _names(found: tuple[Interface, ...]) -> list[str]:
    return [one.name for one in found if one.proposed]


def test_cards_that_are_up_come_first_and_eth2_before_eth10() -> None:
    found = propose(
        [
            Interface("docker0", "024200000001", "up", "bridge"),
            Interface("eth10", "080020000010", "up", "physical"),
            Interface("eth1", "080020000001", "down", "physical"),
            Interface("wlan0", "080020000020", "up", "wireless"),
            Interface("eth2", "080020000002", "up", "physical"),
            Interface("lo", "000000000000", "up", "loopback"),
        ]
    )
    assert _names(found) == ["eth2", "eth10", "wlan0", "eth1"]
    reasons = {one.name: one.reason for one in found}
    assert reasons["eth2"] == "a network card that is up"
    assert reasons["eth1"] == "a network card that is down; its address is good all the same"
    assert reasons["docker0"] == "a virtual bridge, whose address software makes up"
    assert reasons["lo"] == "the loopback interface, with no Ethernet address"


def test_where_all_is_virtual_the_best_one_is_proposed_and_said_to_be_virtual() -> None:
    found = propose(
        [
            Interface("br0", "024200000001", "up", "bridge"),
            Interface("eth0", "024200000002", "up", "veth", "random"),
            Interface("dummy0", "024200000003", "down", "virtual"),
        ]
    )
    assert _names(found) == ["eth0"]
    assert found[0].reason.endswith("proposed as there is no card, so fix its address")


def test_an_address_drawn_at_random_is_proposed_only_where_there_is_no_other() -> None:
    drawn = Interface("usb0", "02aa00000001", "up", "physical", "random")
    assert _names(propose([drawn, Interface("eth0", "080020000001", "down", "physical")])) == ["eth0"]
    alone = propose([drawn])
    assert _names(alone) == ["usb0"]
    assert alone[0].reason == "a network card whose address is drawn anew at each start; fix its address"


def test_an_address_that_software_has_set_comes_after_one_of_the_card_itself() -> None:
    found = propose([Interface("eth0", "080020000001", "up", "physical", "set"), Interface("eth1", "080020000002", "up", "physical")])
    assert _names(found) == ["eth1", "eth0"]
    assert found[1].reason == "a network card that is up; software has set its address and must keep it"


@given(st.lists(interfaces, max_size=12))
def test_something_is_proposed_whenever_there_is_an_address(found: list[Interface]) -> None:
    ranked = propose(found)
    assert len(ranked) == len(found)
    assert any(one.proposed for one in ranked) == any(usable(one.address) for one in found)
    assert all(usable(one.address) for one in ranked if one.proposed)
    # The proposed ones lead, so that the first is the one to order for.
    assert [one.proposed for one in ranked] == sorted((one.proposed for one in ranked), reverse=True)
    assert all(one.reason for one in ranked)


@given(st.lists(interfaces, max_size=8, unique_by=lambda one: one.name), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_they_were_found(found: list[Interface], chance: object) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert propose(shuffled) == propose(found) == propose(propose(found))
