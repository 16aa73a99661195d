"""The built-in catalog's tables hold what the guide's tables hold, and names are found as people write them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import FEATURE_CHARS_MAX, RULES_OF_ENVIRONMENT, RULES_OF_QUANTITY, Rule, folded, nearest

CATALOG = load_catalog()
GOLDEN = Path(__file__).with_name("golden_products.tsv")


def test_the_guide_has_93_products_and_347_rows() -> None:
    assert len(CATALOG.products) == 93
    assert sum(len(product.licenses) for product in CATALOG.products) == 347
    assert Counter(row.required for product in CATALOG.products for row in product.licenses) == {True: 339, False: 8}


def test_every_row_is_the_guides() -> None:
    golden = [line.split("\t") for line in GOLDEN.read_text().splitlines() if not line.startswith("#")]
    ours = [
        [product.name, row.feature, row.version, "Required" if row.required else "Optional"]
        for product in CATALOG.products
        for row in product.licenses
    ]
    assert ours == golden


def test_the_other_tables_are_complete() -> None:
    assert sum(license_.listed for license_ in CATALOG.technical) == 41
    assert len(CATALOG.applications) == 27
    assert sum(len(application.licenses) for application in CATALOG.applications) == 70
    assert len(CATALOG.license_managers) == 3
    assert len(CATALOG.hostids) == 7
    assert Counter((item.enabled, item.peak) for item in CATALOG.measured) == {(True, True): 18, (True, False): 2, (False, True): 5}
    assert [item.name for item in CATALOG.measured if item.only] == ["Genesys Agent Desktop", "Genesys Supervisor Desktop"]


def test_misspellings_are_gone() -> None:
    names = {row.feature for product in CATALOG.products for row in product.licenses}
    names |= {row.feature for application in CATALOG.applications for row in application.licenses}
    names |= {license_.feature for license_ in CATALOG.technical}
    assert not names & {"tserver_isc", "tserver_jsc", "tserver_nts_call_treatments"}
    assert not any(name.startswith("oneics") for name in names)


def test_the_shifted_block_is_a_product_of_eight_licenses() -> None:
    product = CATALOG.product("iWD - Back Office and JMS Adapter")
    assert product.licenses[0].feature == "GIS"
    assert len(product.licenses) == len(product.required) == 8


def test_listed_licenses_are_those_that_products_yield() -> None:
    yielded = {folded(row.feature) for product in CATALOG.products for row in product.licenses}
    assert yielded == {folded(license_.feature) for license_ in CATALOG.technical if license_.listed}


def test_parts_are_feature_names_of_ours_and_unique() -> None:
    parts = [product.part for product in CATALOG.products]
    assert len({folded(part) for part in parts}) == 93
    for number, part in enumerate(parts, 1):
        assert re.fullmatch(rf"SK{number:03}_[A-Z0-9_]+", part)
        assert len(part) <= FEATURE_CHARS_MAX


def test_parts_that_issued_files_name_never_change() -> None:
    issued = {"Genesys CIM Platform - MS": "SK029_CIM_PLATFORM_MS", "SIP Server": "SK085_SIP_SERVER"}
    assert {name: CATALOG.product(name).part for name in issued} == issued


def test_every_rule_is_of_one_kind() -> None:
    assert set(get_args(Rule)) == RULES_OF_QUANTITY | RULES_OF_ENVIRONMENT
    assert not RULES_OF_QUANTITY & RULES_OF_ENVIRONMENT


def test_the_vendor_is_genesys() -> None:
    vendor = CATALOG.vendor
    assert (vendor.name, vendor.default_port, vendor.seats_max, vendor.version_rule) == ("genesys.d", 7260, 9999, "release8")


def test_features_compare_without_regard_to_case() -> None:
    assert CATALOG.technical_license("DESKTOP_AGENT").feature == "desktop_agent"


def test_a_version_that_is_not_listed_falls_back_to_the_highest() -> None:
    assert CATALOG.technical_license("DESKTOP_SUPERVISOR", "7.0").version == "7.0"
    assert CATALOG.technical_license("DESKTOP_SUPERVISOR").version == "8.0"
    assert CATALOG.technical_license("ISDK_FACTORY", "7.0").version == "8.0"


def test_products_are_found_however_they_are_spaced() -> None:
    assert CATALOG.product("  genesys  CHAT ").name == "Genesys Chat"


def test_an_unknown_product_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'Genesys Chat'") as caught:
        CATALOG.product("Genesys Chta")
    assert caught.value.found == "Genesys Chta"
    with pytest.raises(InputError, match="'tserver_sdn'"):
        CATALOG.technical_license("tserver_sdm")


def test_nearest_names_start_from_a_part_of_the_name_too() -> None:
    assert nearest("cim platform", ["HA - CIM Platform", "SNMP"]) == ["HA - CIM Platform"]
    assert nearest("wallboard", ["SNMP", "Wallboard Connector"]) == ["Wallboard Connector"]
    assert nearest("", ["SNMP"]) == []
    assert nearest("zzz", ["SNMP"]) == []
