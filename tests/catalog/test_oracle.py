"""Products give the licenses of the guide's tables, in numbers that are worked out here a second time, without the catalog's code."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.catalog.expand import Environment, Item, expand

CATALOG = load_catalog()

#: Product -> [(feature, version)] of its required rows, from the copy of the guide's table.
TABLE: Final[dict[str, list[tuple[str, str]]]] = defaultdict(list)
for _row in Path(__file__).with_name("golden_products.tsv").read_text().splitlines():
    if not _row.startswith("#"):
        _product, _feature, _version, _need = _row.split("\t")
        TABLE[_product] += [(_feature, _version)] if _need == "Required" else []

# The guide's column "Quantity Required" ("Technical Licenses Used in v8.x Products"), by what it counts.
ENVIRONMENT: Final = frozenset(
    {
        "cldistributed",
        "contextservices",
        "ha_redundancy",
        "iserver_ha_option",
        "iwd_jms_cp",
        "lds",
        "mldistributed",
        "mlsnmp",
        "router_ha_option",
        "tserver_nts",
    }
)
INSTANCE: Final = frozenset({"gis"})
EITHER: Final = frozenset({"ics_nlp_content_analysis", "isdk_factory", "isdk_queue"})


def number(feature: str, quantities: list[int], around: Environment) -> int:
    """How many of a license, as the guide's column has it."""
    ordered = max(quantities) if around.deployment == "blended" else sum(quantities)
    if feature == "cti_ha_option":
        return around.redundant_pairs
    if feature == "tserver_iscc":
        return around.sites + around.network_tservers + around.ivr_servers
    if feature == "tserver_tdn":
        return 999_999 if around.technical_dns is None else around.technical_dns
    if feature == "tserver_sdn" and around.seat_dns is not None:
        return around.seat_dns
    if feature in ENVIRONMENT:
        return around.environments
    if feature in INSTANCE:
        return around.instances
    return max(around.environments, around.instances) if feature in EITHER else ordered


def oracle(items: list[Item], around: Environment) -> dict[str, tuple[str, int]]:
    ordered: dict[str, int] = defaultdict(int)
    for item in items:
        ordered[item.product] += item.quantity
    needs: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for product, quantity in ordered.items():
        for feature, version in TABLE[product]:
            needs[feature.lower()].append((version, quantity))
    return {
        feature: (max(version for version, _ in rows), max(1, number(feature, [quantity for _, quantity in rows], around)))
        for feature, rows in needs.items()
    }


def given_by_us(items: list[Item], around: Environment) -> dict[str, tuple[str, int]]:
    return {line.feature.lower(): (line.version, line.count) for line in expand(CATALOG, items, around)}


#: That of `seatkeeper order template`.
TEMPLATE: Final = Environment(sites=2, redundant_pairs=1, technical_dns=400)

NAMES: Final = sorted(TABLE)
VERSIONS: Final = [f"{major}.{minor}" for major in (7, 8, 9) for minor in range(10)]


def test_the_table_has_93_products() -> None:
    assert len(NAMES) == 93
    assert set(NAMES) == {product.name for product in CATALOG.products}


@pytest.mark.parametrize("product", NAMES)
def test_every_product_alone_in_any_version(product: str) -> None:
    wanted = oracle([Item(product, "8.5", 25)], TEMPLATE)
    assert all(count >= 1 for _, count in wanted.values())
    for version in VERSIONS:
        assert given_by_us([Item(product, version, 25)], TEMPLATE) == wanted


numbers = st.integers(0, 50)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.builds(Item, st.sampled_from(NAMES), st.sampled_from(VERSIONS), st.integers(1, 5000)), min_size=1, max_size=12),
    st.builds(
        Environment,
        deployment=st.sampled_from(["separate", "blended"]),
        sites=numbers,
        redundant_pairs=numbers,
        instances=numbers,
        environments=numbers,
        network_tservers=numbers,
        ivr_servers=numbers,
        seat_dns=st.none() | numbers,
        technical_dns=st.none() | numbers,
    ),
)
def test_random_orders(items: list[Item], around: Environment) -> None:
    assert given_by_us(items, around) == oracle(items, around)
