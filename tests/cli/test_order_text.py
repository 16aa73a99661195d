"""What `order show` prints has every part of an order, and no empty ones."""

from __future__ import annotations

from seatkeeper.catalog.expand import Environment, Item, Line
from seatkeeper.cli.order_text import order_lines
from seatkeeper.issue.model import Order, OrderedApplication, OrderServer, Switch, Terms


def test_every_part_is_shown() -> None:
    order = Order(
        Terms("17", "1", "Pigeon Post Example Ltd", "Alex Example", "production"),
        (Item("Genesys Chat", "8.5", 20, (("BORROW", "168"),)),),
        (),
        Environment(seat_dns=70),
        (OrderServer("a", "0800200005ac", 7260, system="Linux", share=60, quantities=(("Genesys Chat", 12),)),),
        (OrderedApplication("T-Server", "8.1", 2, True),),
        (Switch("Example Switch", "5", seat_dns=70, site="North"),),
    )
    lines = order_lines(order, [Line("cti_ha_option", "8.0", 1, "per_redundant_pair", (), 1, (("DUP_GROUP", "V"),))])
    assert "Technical licenses asked for" not in lines
    for wanted in (
        "Expires      never",
        "       20  Genesys Chat 8.5  BORROW=168",
        "        2  T-Server 8.1, in hot standby pairs",
        "  Example Switch 5  North  70 seat DNs",
        "  a  0800200005ac  port 7260  Linux  share 60  12 of Genesys Chat",
        "        1  cti_ha_option 8.0  DUP_GROUP=V",
    ):
        assert wanted in lines
