"""What cannot go together in an order is found, each at the table that brings it."""

from __future__ import annotations

from datetime import date

import pytest

from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.order import check_order
from seatkeeper.issue.reading import OrderProblem


def found(text: str, catalog: Catalog, today: date) -> list[tuple[str, str, str]]:
    return [(each.severity, each.key, each.message) for each in problems(text, catalog, today)]


def problems(text: str, catalog: Catalog, today: date) -> tuple[OrderProblem, ...]:
    return check_order(text, "order.toml", catalog, today).problems


def item(product: str, version: str = "8.5") -> str:
    return f'\n[[items]]\nproduct = "{product}"\nversion = "{version}"\nquantity = 10\n'


def license_(feature: str, more: str = "") -> str:
    return f'\n[[licenses]]\nfeature = "{feature}"\nquantity = 1\n{more}\n'


def application(name: str, instances: int, more: str = "", version: str = "8.1") -> str:
    return f'\n[[applications]]\nname = "{name}"\nversion = "{version}"\ninstances = {instances}\n{more}\n'


@pytest.mark.parametrize(
    ("more", "key", "message"),
    [
        (item("Genesys Outbound Preview") + item("Genesys Outbound Voice"), "items[4].product", "cannot be used together"),
        (item("Genesys Outbound Voice") + license_("occ_preview"), "licenses[2].feature", "cannot be used together"),
        (license_("vcb_preview"), "licenses[2].feature", "cannot be used together"),
        (item("HA - CIM Platform"), "items[3].product", "is for redundant pairs"),
        (application("T-Server", 3, "redundant = true"), "applications[1].instances", "A redundant pair has two"),
        (application("T-Server", 4), "environment.sites", "for some T-Servers and not for all"),
        (license_("router_seats", 'version = "7.0"'), "", ""),
        (license_("occ_full", 'version = "7.0"'), "licenses[2].version", "do not take occ_full 7.0"),
        (license_("occ_full", 'version = "7.0"') + application("Outbound Contact Server", 1, version="7.6"), "", ""),
    ],
)
def test_what_does_not_go_together(order_text: str, catalog: Catalog, today: date, more: str, key: str, message: str) -> None:
    errors = [each for each in problems(order_text + more, catalog, today) if each.severity == "error"]
    assert [each.key for each in errors] == ([key] if key else [])
    for each in errors:
        assert message in each.message
        assert each.line > 1
        assert each.column > 0


def test_multi_site_licenses_for_some_only(order_text: str, catalog: Catalog, today: date) -> None:
    text = order_text.replace("Genesys CIM Platform - MS", "Genesys Chat") + license_("tserver_iscc")
    assert [row[1] for row in found(text, catalog, today)] == ["licenses[2].quantity"]


def test_pairs_without_ha_items_are_a_warning(order_text: str, catalog: Catalog, today: date) -> None:
    text = order_text.replace("sites = 3", "sites = 3\nredundant_pairs = 2")
    assert [row[:2] for row in found(text, catalog, today)] == [("warning", "environment.redundant_pairs")]
    assert found(text + item("HA - CIM Platform"), catalog, today) == []


def test_an_application_without_any_of_its_licenses_is_a_warning(order_text: str, catalog: Catalog, today: date) -> None:
    text = order_text + application("Outbound Contact Server", 1)
    (problem,) = problems(text, catalog, today)
    assert (problem.severity, problem.key, problem.expected) == (
        "warning",
        "applications[1].name",
        "an item or [[licenses]] with occ_preview or occ_full",
    )
    assert problems(text + license_("occ_full"), catalog, today) == ()


EVERYTHING = """
[order]
number = "2026 0042"
site = 1111
company = "Pigeon Post Example Ltd"
requestor = "Alex Example"
purpose = "production"
configuration = "redundant"

[[items]]
product = "Genesys Emial"
version = "8.5"
quantity = 10

[[items]]
product = "Genesys Outbound Voice"
version = "8.5"
quantity = "ten"

[[items]]
product = "HA - CIM Platform"
version = "8.5"
quantity = 10

[[licenses]]
feature = "occ_preview"
quantity = 10

[[licenses]]
feature = "vcb_full"
quantity = 10

[[licenses]]
feature = "vcb_preview"
quantity = 0

[[licenses]]
feature = "tserver_iscc"
quantity = 1

[[licenses]]
feature = "router_seats"
version = "7.6"
quantity = 10

[environment]
sites = 2
technical_dns = "many"

[[servers]]
host = "licsrv"
hostid = "192.0.2.7"
system = "Linux"

[[servers]]
host = "north north"
hostid = "170a3472"
system = "Linux"
"""


def test_one_wrong_value_hides_nothing_of_what_does_not_go_together(catalog: Catalog, today: date) -> None:
    said = {each.key: each.message for each in problems(EVERYTHING, catalog, today)}
    assert said.keys() == {
        "order.number",
        "order.configuration",
        "items[1].product",
        "items[2].quantity",
        "items[3].product",
        "licenses[1].feature",
        "licenses[3].feature",
        "licenses[3].quantity",
        "licenses[4].quantity",
        "licenses[5].version",
        "environment.technical_dns",
        "servers[1].hostid",
        "servers[2].host",
        "servers[2].hostid",
    }
    assert said["order.configuration"] == "The configuration redundant has another number of license servers."
    assert said["items[3].product"] == "This item is for redundant pairs, and the order has none."
    assert said["licenses[1].feature"] == "occ_full and occ_preview cannot be used together."
    assert said["licenses[3].feature"] == "vcb_full and vcb_preview cannot be used together."
    assert said["licenses[4].quantity"] == "tserver_iscc is asked for some T-Servers and not for all."
    assert said["servers[2].hostid"] == "This is not the form of a host id on Linux."


def test_what_is_not_known_for_a_wrong_value_is_not_guessed_at(order_text: str, catalog: Catalog, today: date) -> None:
    ha = item("HA - CIM Platform")
    pairs = order_text.replace("sites = 3", 'sites = 3\nredundant_pairs = "two"') + ha
    assert [row[1] for row in found(pairs, catalog, today)] == ["environment.redundant_pairs"]
    application_ = application("T-Server", 0, "redundant = true")
    assert [row[1] for row in found(order_text + ha + application_, catalog, today)] == ["applications[1].instances"]
    sites = order_text.replace("sites = 3", "seits = 3").replace("Genesys CIM Platform - MS", "Genesys Chat") + license_("tserver_iscc")
    assert [row[1] for row in found(sites, catalog, today)] == ["environment.seits"]
    # Perhaps the item that cannot be read is one for pairs.
    unread = order_text.replace("sites = 3", "sites = 3\nredundant_pairs = 2").replace("Genesys E-mail", "HA - CIM Platfrom")
    assert [row[1] for row in found(unread, catalog, today)] == ["items[2].product"]
    switches = '[[switches]]\ntype = "X"\nversion = "1"\ntechnical_dns = 5\n[[switches]]\ntype = "Y"\nversion = "1"\n'
    assert [row[1] for row in found(order_text.replace("technical_dns = 200", "technical_dns = true") + switches, catalog, today)] == [
        "environment.technical_dns"
    ]
    some = order_text.replace("Genesys CIM Platform - MS", "Genesys Chat") + license_("tserver_iscc").replace(
        "quantity = 1", "quantity = 0"
    )
    assert [row[1] for row in found(some, catalog, today)] == ["licenses[2].quantity"]
    old = order_text.partition("[[items]]")[0] + item("Genesys Chat").replace('"8.5"', "8.5") + license_("occ_full", 'version = "7.0"')
    old += order_text[order_text.index("[environment]") :]
    assert [row[1] for row in found(old, catalog, today)] == ["items[1].version"]
