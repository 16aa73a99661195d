"""A machine proposes the network addresses that outlive a restart, and says of every other why not.

The address of a network card outlives everything else that could be a hostid, so cards are proposed first: those that are
up, then those that are down ("lmhostid lists all adapters, active or not", facts, FlexNet section 2). What software makes up
(bridges, ends of container pairs, tunnels) is proposed only where there is no card, and then one of them, the best: a machine
that has any address at all is never without a hostid.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.licfile.hostid import NO_HOSTID

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["INTERFACES_MAX", "Assigned", "Interface", "Kind", "propose", "usable"]

#: A host of many containers has some hundred interfaces; those beyond this number, the worst, are left out.
INTERFACES_MAX: Final = 4096

Kind = Literal["physical", "wireless", "bond", "macvlan", "veth", "vlan", "bridge", "tap", "virtual", "tunnel", "infiniband", "loopback"]
Assigned = Literal["permanent", "set", "stolen", "random"]

#: Kind -> what it is, for a person. In this order virtual interfaces are preferred where there is no card.
_WHAT: Final[dict[Kind, str]] = {
    "physical": "a network card",
    "wireless": "a wireless card",
    "bond": "a bond, which shows the address of one of its cards",
    "macvlan": "a virtual card on top of another (macvlan)",
    "veth": "one end of a virtual pair (veth), made with a container and gone with it",
    "vlan": "a VLAN, which repeats the address of the card below it",
    "bridge": "a virtual bridge, whose address software makes up",
    "tap": "the virtual card of a VPN or a virtual machine (tap)",
    "virtual": "made by software, not a card",
    "tunnel": "a tunnel",
    "infiniband": "an InfiniBand port",
    "loopback": "the loopback interface",
}
_KINDS: Final = tuple(_WHAT)
_CARDS: Final = ("physical", "wireless")


class Interface(msgspec.Struct, frozen=True):
    """A network interface, and whether and why its address is proposed as a hostid.

    Attributes:
        name: As the operating system calls it.
        address: 12 lower-case hex digits; empty where it has no Ethernet address.
        state: `up` where it can carry traffic now.
        kind: What it is.
        assigned: Where its address comes from.
        proposed: True where lmhostid prints its address.
        reason: Why it is proposed or not, in a phrase.
    """

    name: str
    address: str
    state: Literal["up", "down"]
    kind: Kind
    assigned: Assigned = "permanent"
    proposed: bool = False
    reason: str = ""


def usable(address: str) -> bool:
    """True for an Ethernet address that tells one machine from another."""
    return re.fullmatch(r"[0-9a-f]{12}", address) is not None and address not in NO_HOSTID


def propose(interfaces: Iterable[Interface]) -> tuple[Interface, ...]:
    """The interfaces best first, each with its reason; one at least is proposed where any has an address."""
    ranked = sorted(interfaces, key=_rank)[:INTERFACES_MAX]
    best = _worth(ranked[0]) if ranked else 2
    result = []
    for place, one in enumerate(ranked):
        chosen = _worth(one) == 0 or (best == 1 and place == 0)
        result.append(msgspec.structs.replace(one, proposed=chosen, reason=_reason(one, chosen)))
    return tuple(result)


def _worth(one: Interface) -> int:
    """0 for a card whose address lasts, 1 for another address, 2 for none."""
    if not usable(one.address):
        return 2
    return 0 if one.kind in _CARDS and one.assigned != "random" else 1


def _rank(one: Interface) -> tuple[int, bool, int, bool, str, int, str]:
    """The order of preference; names come last, with eth2 before eth10."""
    stem, digits = re.match(r"(\D*)(\d{0,9})", one.name).groups()  # type: ignore[union-attr]
    return _worth(one), one.state != "up", _KINDS.index(one.kind), one.assigned != "permanent", stem, int(digits or 0), one.name


def _reason(one: Interface, chosen: bool) -> str:
    what = _WHAT[one.kind]
    if not usable(one.address):
        return f"{what}, with no Ethernet address"
    if one.kind not in _CARDS:
        return f"{what}; proposed as there is no card, so fix its address" if chosen else what
    if one.assigned == "random":
        return f"{what} whose address is drawn anew at each start" + ("; fix its address" if chosen else "")
    state = "up" if one.state == "up" else "down; its address is good all the same"
    return f"{what} that is {state}" + ("; software has set its address and must keep it" if one.assigned == "set" else "")
