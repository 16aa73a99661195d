"""What is wrong between the values of a catalog is found and named by file and key."""

from __future__ import annotations

import msgspec
import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.catalog.check import may_be_asked, problems, value_fault
from seatkeeper.catalog.model import (
    Application,
    ApplicationLicense,
    Catalog,
    MeasuredItem,
    Product,
    ProductLicense,
    Purpose,
    TechnicalLicense,
    Vendor,
)

GOOD = Catalog(
    vendor=Vendor("acme.d", "Acme", 27010, 100, "flexnet", ("acme.d",)),
    products=(Product("Anvil", "AC1_ANVIL", (ProductLicense("anvil", "1.0"),)),),
    technical=(TechnicalLicense("anvil", "1.0", "Anvils.", "per_user", "one for each user"),),
    applications=(Application("Forge", (ApplicationLicense("ANVIL", "anvils", "one for each user"),)),),
    measured=(MeasuredItem("Anvil", True, True, "1.0", products=("anvil",)),),
)
ANVIL = GOOD.products[0]
OTHER = TechnicalLicense("anvil", "2.0", "Anvils.", "per_user", "one for each user")


def vendor(**changes: object) -> Vendor:
    return msgspec.structs.replace(GOOD.vendor, **changes)


def anvil(**changes: object) -> TechnicalLicense:
    return msgspec.structs.replace(GOOD.technical[0], **changes)


CASES = [
    ({"products": (ANVIL, Product("ANVIL", "AC2"))}, "products.toml", "products[1].name"),
    ({"products": (ANVIL, Product("Bell", "ac1_anvil"))}, "products.toml", "products[1].part"),
    ({"products": (ANVIL, Product("Bell", "Anvil"))}, "products.toml", "products[1].part"),
    ({"products": (Product("Anvil", "AC1", (ProductLicense("bell", "1.0"),)),)}, "products.toml", "products[0].licenses[0].feature"),
    (
        {"products": (Product("Anvil", "AC1", (*ANVIL.licenses, ProductLicense("Anvil", "2.0"))),)},
        "products.toml",
        "products[0].licenses[1].feature",
    ),
    ({"technical": (*GOOD.technical, *GOOD.technical)}, "technical.toml", "technical[1].version"),
    ({"technical": (*GOOD.technical, msgspec.structs.replace(OTHER, rule="per_seat"))}, "technical.toml", "technical[1].rule"),
    ({"technical": (*GOOD.technical, msgspec.structs.replace(OTHER, feature="Anvil"))}, "technical.toml", "technical[1].feature"),
    ({"applications": (*GOOD.applications, *GOOD.applications)}, "applications.toml", "applications[1].name"),
    (
        {"applications": (Application("Forge", (ApplicationLicense("bell", "", ""),)),)},
        "applications.toml",
        "applications[0].licenses[0].feature",
    ),
    ({"measured": (*GOOD.measured, *GOOD.measured)}, "lrm.toml", "items[1].name"),
    ({"vendor": vendor(attributes=("BORROW", "SN"))}, "vendor.toml", "attributes[1]"),
    ({"vendor": vendor(attributes=("borrow",))}, "vendor.toml", "attributes[0]"),
    ({"vendor": vendor(purposes=(Purpose("demo", "Demo"), Purpose("demo", "Demo again")))}, "vendor.toml", "purposes[1].name"),
    ({"vendor": vendor(purposes=(Purpose("show", "For a show"),))}, "vendor.toml", "purposes[0].name"),
    ({"vendor": vendor(purposes=(Purpose("demo", "Demo", marks="DEMO\nONLY"),))}, "vendor.toml", "purposes[0].marks"),
    ({"technical": (*GOOD.technical, anvil(version="2.0", attributes={"BORROW": "168"}))}, "technical.toml", "technical[1].feature"),
    ({"technical": (*GOOD.technical, anvil(version="2.0", not_with=("anvil",)))}, "technical.toml", "technical[1].feature"),
    ({"technical": (anvil(attributes={"ISSUED": "1-jan-2026"}),)}, "technical.toml", "technical[0].attributes"),
    ({"technical": (anvil(attributes={"DUP_GROUP": "X"}),)}, "technical.toml", "technical[0].attributes"),
    ({"technical": (anvil(not_with=("bell",)),)}, "technical.toml", "technical[0].not_with"),
    ({"measured": (MeasuredItem("Bell", True, True, "1.0", products=("Anvil", "Bell")),)}, "lrm.toml", "items[0].products[1]"),
]


def test_good_catalogs_have_no_problem() -> None:
    assert list(problems(GOOD)) == []
    assert list(problems(load_catalog())) == []


def test_two_versions_of_one_feature_may_stand_side_by_side() -> None:
    assert list(problems(msgspec.structs.replace(GOOD, technical=(*GOOD.technical, OTHER)))) == []


@pytest.mark.parametrize(("change", "file", "key"), CASES, ids=[f"{key} {number}" for number, (_, _, key) in enumerate(CASES)])
def test_problems_are_named_by_file_and_key(change: dict[str, object], file: str, key: str) -> None:
    found = list(problems(msgspec.structs.replace(GOOD, **change)))
    assert [(problem.file, problem.key) for problem in found] == [(file, key)]
    assert all(problem.reason and problem.found and problem.expected for problem in found)


def test_orders_may_ask_for_what_a_vendor_grants_and_issuing_does_not_write() -> None:
    assert all(may_be_asked(name) for name in load_catalog().vendor.attributes)
    assert not any(
        may_be_asked(name) for name in ("SIGN", "SN", "NOTICE", "VENDOR_STRING", "vendor_info", "ck", "COMPONENTS", "borrow", "NONE")
    )


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("BORROW", "168", "a week"),
        ("DUP_GROUP", "UHD", "X"),
        ("LINGER", "60", "-1"),
        ("OVERDRAFT", "5", "5 more"),
        ("PLATFORMS", "i86_n", 'a"b'),
    ],
)
def test_values_of_attributes_are_those_of_license_files(name: str, good: str, bad: str) -> None:
    assert value_fault(name, good) == ""
    assert value_fault(name, bad)
    assert value_fault(name, "")
