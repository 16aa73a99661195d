from __future__ import annotations

import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.report import items_by_name
from seatkeeper.usage.measures import ITEMS, item_named, products_of

MEASURED = load_catalog(None).measured


def test_the_table_has_the_items_of_the_guide_with_its_two_columns() -> None:
    assert [(item.name, item.enabled is not None, item.peak is not None) for item in ITEMS] == [
        (item.name, item.enabled, item.peak) for item in MEASURED
    ]
    assert all(item.source for item in ITEMS)


def test_names_are_found_whatever_their_case_and_by_product() -> None:
    items, products = items_by_name(), products_of(MEASURED)
    assert item_named("genesys  web MEDIA", items, products).name == "Genesys Web Media"
    assert item_named("Genesys Outbound Voice", items, products).name == "Genesys Outbound Contact - MS"
    with pytest.raises(InputError, match="Genesys Web Media"):
        item_named("Genesys Web Medium", items, products)
