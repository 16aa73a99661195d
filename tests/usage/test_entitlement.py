"""What was bought, from licenses and from orders, and what is wrong with it."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.base.errors import InputError
from seatkeeper.usage.entitlement import (
    Entitlement,
    EntitlementLine,
    Header,
    Purchase,
    canonical_entitlement,
    check_entitlement,
    from_license,
    from_purchases,
    in_force,
    write_entitlement,
)
from support.editing import TODAY, feature

CATALOG = load_catalog(None)
MEASURED = next(item for item in CATALOG.measured if item.products)
PRODUCT = CATALOG.product(MEASURED.products[0])
HEADER = Header("Blue Harbor Trading", "4711", "4711-1", "1 Quay, Example", "single-site", TODAY, TODAY)


def purchase(quantity: int = 10, **changes: object) -> Purchase:
    return msgspec.structs.replace(Purchase("17", PRODUCT.part, PRODUCT.name, "8.5", quantity), **changes)


def made(*rows: Purchase) -> Entitlement:
    return from_purchases(rows, CATALOG, HEADER, "genesys.d")


def messages(entitlement: Entitlement, today: date = TODAY) -> list[tuple[str, str]]:
    return [(problem.severity, problem.message) for problem in check_entitlement(entitlement, CATALOG, today)]


def test_product_lines_of_a_license_file() -> None:
    lines = [
        feature(PRODUCT.part, 100, "8.5", "31-dec-2027", vendor_info=f"v8.5 - {PRODUCT.name}", SN="17"),
        feature("9ZZ99999ZZZZ", 5, "8.0", vendor_info="v8.0 - Something invented", SN="18", OVERDRAFT="2"),
        feature("3GP00000OLD1", 5, "8.0", "01-jan-2026", vendor_info="v8.0 - Ended"),
        feature("tserver_sdn", 100),
    ]
    found = from_license(lines, CATALOG, HEADER, "genesys.d")
    assert found.lines == (
        EntitlementLine("17", PRODUCT.part, PRODUCT.name, "8.5", 100, 100, "concurrent", MEASURED.name),
        EntitlementLine("18", "9ZZ99999ZZZZ", "Something invented", "8.0", 5, 7),
    )
    assert found.header.valid_to == date(2027, 12, 31)
    assert messages(found) == [("warning", "Item 9ZZ99999ZZZZ is not in the catalog; it is kept, and reports show it by its number.")]


def test_a_file_without_product_lines_is_refused() -> None:
    with pytest.raises(InputError, match="sellable item"):
        from_license([feature("tserver_sdn", 100)], CATALOG, HEADER, "genesys.d")


def test_orders_add_up_and_returns_are_taken_off() -> None:
    found = made(purchase(10), purchase(5), purchase(-3), purchase(7, order="18"), purchase(4, order="19"), purchase(-4, order="19"))
    assert [(line.order, line.quantity, line.burst) for line in found.lines] == [("17", 12, 12), ("18", 7, 7)]
    with pytest.raises(InputError, match="went back"):
        made(purchase(1), purchase(-2))


def test_only_what_is_in_force_counts_and_the_first_end_ends_it() -> None:
    later, over = purchase(starts=date(2027, 1, 1)), purchase(ends=date(2026, 1, 1))
    one, two = purchase(ends=date(2027, 5, 1)), purchase(order="18", ends=date(2027, 3, 1))
    found = made(later, over, one, two)
    assert len(found.lines) == 2
    assert found.header.valid_to == date(2027, 3, 1)


def test_what_is_wrong_is_said() -> None:
    good = made(purchase())
    assert messages(good) == []

    def header(**changes: object) -> list[tuple[str, str]]:
        return messages(msgspec.structs.replace(good, header=msgspec.structs.replace(HEADER, **changes)))

    def line(**changes: object) -> list[tuple[str, str]]:
        return messages(msgspec.structs.replace(good, lines=(msgspec.structs.replace(good.lines[0], **changes),)))

    for found, severity, message in [
        (header(customer_id=""), "error", "customer id is missing"),
        (header(valid_to=date(2026, 1, 1)), "error", "before it begins"),
        (header(valid_from=date(2025, 1, 1), valid_to=date(2026, 1, 1)), "warning", "It ended on 2026-01-01"),
        (header(valid_from=date(2027, 1, 1)), "warning", "not in force before"),
        (header(issued=date(2027, 1, 1)), "warning", "yet to come"),
        (header(site_address="a\nb"), "error", "cannot stand in the file"),
        (line(quantity=0, burst=0), "error", "quantity 0"),
        (line(burst=3), "error", "burst limit 3"),
        (line(item=""), "error", "no item number"),
        (line(measured="Nothing"), "warning", "Nothing is measured as"),
        (messages(msgspec.structs.replace(good, lines=())), "error", "0 items"),
        (messages(msgspec.structs.replace(good, lines=good.lines * 2)), "error", "stands twice"),
    ]:
        assert (severity, True) in {(each, message in text) for each, text in found}, (message, found)


def test_of_several_the_one_issued_last_counts() -> None:
    one = made(purchase())
    two = msgspec.structs.replace(one, header=msgspec.structs.replace(HEADER, issued=date(2026, 12, 1), valid_to=date(2026, 12, 31)))
    assert in_force([one, two], date(2026, 12, 5)) == (two, (one,))
    assert in_force([one, two], date(2027, 1, 1)) == (one, ())
    assert in_force([one, two], date(2026, 1, 1)) == (None, ())


def test_the_text_is_what_the_manual_shows() -> None:
    text = write_entitlement(made(purchase(description="A & B <c>")), "ab")
    assert text.splitlines()[:2] == [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<entitlement version="1" vendor="genesys.d" issue_date="2026-11-24" valid_from="2026-11-24">',
    ]
    assert '<description release="8.5">A &amp; B &lt;c&gt;</description>' in text
    assert '<quantity burst_limit="10" license_type="concurrent">10</quantity>' in text


def test_what_is_signed_depends_on_every_value() -> None:
    one = made(purchase())
    assert canonical_entitlement(one) != canonical_entitlement(msgspec.structs.replace(one, vendor="other"))
    assert canonical_entitlement(one) != canonical_entitlement(made(purchase(11)))
