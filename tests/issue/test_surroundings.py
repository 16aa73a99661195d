"""The environment is counted from applications and switches, and contradictions are found."""

from __future__ import annotations

from datetime import date

from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.order import check_order
from seatkeeper.issue.reading import OrderProblem


def problems(text: str, catalog: Catalog, today: date) -> tuple[OrderProblem, ...]:
    return check_order(text, "order.toml", catalog, today).problems


SWITCHES = """
[[switches]]
type = "Example Switch"
version = "5"
seat_dns = 70

[[switches]]
type = "Example Switch"
version = "6"
seat_dns = 30
"""


def test_dns_are_the_sum_of_the_switches(order_text: str, catalog: Catalog, today: date) -> None:
    order = check_order(order_text + SWITCHES, "order.toml", catalog, today).order
    assert order is not None
    assert (order.environment.seat_dns, order.environment.technical_dns) == (100, 200)
    (other,) = problems(order_text.replace("sites = 3", "sites = 3\nseat_dns = 90") + SWITCHES, catalog, today)
    assert (other.key, other.expected) == ("environment.seat_dns", "100, the sum of [[switches]]")
    (silent,) = problems(order_text + SWITCHES.replace("seat_dns = 30", ""), catalog, today)
    assert silent.key == "switches[2]"


def test_applications_are_counted(order_text: str, catalog: Catalog, today: date) -> None:
    text = order_text.replace("sites = 3\n", "")
    for name, instances, redundant in (
        ("T-Server", 4, "true"),
        ("IVR Server", 2, "false"),
        ("Genesys Integration Server (GIS)", 2, "false"),
        ("Agent Interaction Java", 3, "false"),
    ):
        text += f'\n[[applications]]\nname = "{name}"\nversion = "8.1"\ninstances = {instances}\nredundant = {redundant}\n'
    order = check_order(text, "order.toml", catalog, today).order
    assert order is not None
    around = order.environment
    assert (around.sites, around.ivr_servers, around.network_tservers, around.redundant_pairs) == (2, 2, 0, 2)
    assert dict(around.instances_of) == {"GIS": 2, "ISDK_FACTORY": 5, "ISDK_QUEUE": 5}
