"""Products give the licenses of the guide's tables, in numbers that are worked out here a second time, without the catalog's code."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.catalog.expand import Environment, Item, expand
from support.guide_tables import NAMES, TEMPLATE, VERSIONS, oracle

CATALOG = load_catalog()


def given_by_us(items: list[Item], around: Environment) -> dict[str, tuple[str, int]]:
    return {line.feature.lower(): (line.version, line.count) for line in expand(CATALOG, items, around)}


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
