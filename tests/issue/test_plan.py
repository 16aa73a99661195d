"""An order has one file: the guide's layout, one line a feature, the highest version."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.catalog.expand import ExtraLicense, Item
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.model import Order
from seatkeeper.issue.plan import PlannedLine, plan_file
from seatkeeper.licfile.model import Blank, Comment, Feature, Server, Vendor
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.writer import write


def features(order: Order, catalog: Catalog, today: date) -> dict[str, Feature]:
    lines = [line for line in plan_file(order, catalog, today).file.lines if isinstance(line, Feature)]
    assert len({line.name.lower() for line in lines}) == len(lines)
    return {line.name: line for line in lines}


def test_the_file_has_the_layout_of_the_guides_sample(order: Order, catalog: Catalog, today: date) -> None:
    kinds = [type(line) for line in plan_file(order, catalog, today).file.lines]
    at = kinds.index(Blank)
    assert kinds[:3] == [Comment, Server, Vendor]
    assert set(kinds[3:at]) == {Feature}
    assert set(kinds[at + 1 :]) == {Comment}


def test_the_lines_say_what_the_order_says(order: Order, catalog: Catalog, today: date) -> None:
    file = plan_file(order, catalog, today).file
    assert file.lines[:3] == (
        Comment("#1111"),
        Server("licsrv", "0800200005ac", 7260),
        Vendor("genesys.d", "/opt/example dir/genesys.d", "", 7261, keyword="DAEMON"),
    )
    assert file.lines[3] == Feature(
        "SK029_CIM_PLATFORM_MS",
        "genesys.d",
        "8.5",
        "permanent",
        "100",
        attributes=(
            ("vendor_info", "v8.5 - Genesys CIM Platform - MS"),
            ("VENDOR_STRING", "production"),
            ("NOTICE", "Pigeon Post Example Ltd (Twine Example Trading) Customer use"),
            ("SN", "20260042"),
            ("ISSUED", "14-mar-2026"),
        ),
    )


def test_the_comments_below_name_order_site_use_requestor_purpose_and_days(order: Order, catalog: Catalog, today: date) -> None:
    text = [line.text for line in plan_file(order, catalog, today).file.lines if isinstance(line, Comment)]
    assert text[1:10] == [
        "# Order      : 20260042",
        "# Site#      : 1111",
        '# IPN        : "Customer use"',
        '# Requestor  : "Alex Example"',
        '# Company    : "Pigeon Post Example Ltd"',
        '# Reseller   : "Twine Example Trading"',
        "# Purpose    : production",
        "# Issued     : 14-mar-2026",
        "# Expires    : never",
    ]


def test_technical_licenses_have_the_counts_of_expand(order: Order, catalog: Catalog, today: date) -> None:
    counts = {name: line.count for name, line in features(order, catalog, today).items() if not name.startswith("SK")}
    assert counts == {
        "DESKTOP_SUPERVISOR": "100",
        "ics_email_webform_channel": "20",
        "ics_multi_media_agent_seat": "20",
        "ISDK_FACTORY": "1",
        "router_seats": "100",
        "tserver_iscc": "3",
        "tserver_tdn": "200",
        "vcb_full": "5",
    }


def test_a_last_day_stands_on_every_line(order: Order, catalog: Catalog, today: date) -> None:
    dated = msgspec.structs.replace(order, terms=msgspec.structs.replace(order.terms, expires=date(2027, 1, 5)))
    assert {line.expiry for line in features(dated, catalog, today).values()} == {"05-jan-2027"}
    assert Comment("# Expires    : 05-jan-2027") in plan_file(dated, catalog, today).file.lines


def test_items_of_one_product_are_one_line_of_the_highest_version(order: Order, catalog: Catalog, today: date) -> None:
    items = (Item("Genesys Chat", "8.5", 3), Item("Genesys SMS", "8.0", 1), Item("Genesys Chat", "9.0", 4), Item("genesys chat", "8.1", 1))
    lines = features(msgspec.structs.replace(order, items=items, licenses=()), catalog, today)
    chat = lines[catalog.product("Genesys Chat").part]
    assert (chat.version, chat.count, chat.attribute("vendor_info")) == ("9.0", "8", "v9.0 - Genesys Chat")
    assert list(lines)[:2] == [catalog.product("Genesys Chat").part, catalog.product("Genesys SMS").part]


def test_versions_compare_as_numbers(order: Order, catalog: Catalog, today: date) -> None:
    items = (Item("Genesys Chat", "10.0", 1), Item("Genesys Chat", "9.5", 1))
    lines = features(msgspec.structs.replace(order, items=items, licenses=()), catalog, today)
    assert lines[catalog.product("Genesys Chat").part].version == "10.0"


def test_a_license_that_is_needed_and_asked_for_is_one_line(order: Order, catalog: Catalog, today: date) -> None:
    asked = (ExtraLicense("router_seats", 7), ExtraLicense("ROUTER_SEATS", 1, "8.1"))
    line = features(msgspec.structs.replace(order, licenses=asked), catalog, today)["router_seats"]
    assert (line.version, line.count) == ("8.1", "108")


def test_the_plan_says_what_each_line_is_for(order: Order, catalog: Catalog, today: date) -> None:
    plan = plan_file(order, catalog, today)
    assert plan.lines[0] == PlannedLine("SK029_CIM_PLATFORM_MS", "8.5", 100, product="Genesys CIM Platform - MS")
    assert PlannedLine("tserver_iscc", "8.0", 3, rule="per_site", items=("Genesys CIM Platform - MS",)) in plan.lines


@pytest.mark.parametrize(("purpose", "mark"), [("demo", ", DEMONSTRATION ONLY"), ("testing", ", NOT FOR PRODUCTION"), ("production", "")])
def test_a_purpose_marks_each_line(order: Order, catalog: Catalog, today: date, purpose: str, mark: str) -> None:
    meant = msgspec.structs.replace(order, terms=msgspec.structs.replace(order.terms, purpose=purpose))
    lines = features(meant, catalog, today).values()
    assert {line.attribute("NOTICE") for line in lines} == {f"Pigeon Post Example Ltd (Twine Example Trading) Customer use{mark}"}
    assert {line.attribute("VENDOR_STRING") for line in lines} == {purpose}


def test_an_order_whose_number_is_yet_to_be_drawn_has_no_file(order: Order, catalog: Catalog, today: date) -> None:
    unnumbered = msgspec.structs.replace(order, terms=msgspec.structs.replace(order.terms, number="auto"))
    with pytest.raises(InputError, match="has no number yet"):
        plan_file(unnumbered, catalog, today)


def test_a_catalog_that_would_give_one_name_twice_is_refused(order: Order, catalog: Catalog, today: date) -> None:
    first, second = (catalog.product(name) for name in ("Genesys CIM Platform - MS", "Genesys E-mail"))
    products = (first, msgspec.structs.replace(second, part=first.part.lower()))
    with pytest.raises(SeatkeeperError, match="name a feature twice"):
        plan_file(order, msgspec.structs.replace(catalog, products=products), today)


@pytest.mark.parametrize("name", ['Anvil 19"', "Anvil \\", "Anvil\tand\u2028hammer", "  Anvil  "])
def test_a_products_name_never_breaks_its_line(order: Order, catalog: Catalog, today: date, name: str) -> None:
    product = msgspec.structs.replace(catalog.product("Genesys Chat"), name=name)
    changed = msgspec.structs.replace(catalog, products=(product,))
    file = plan_file(msgspec.structs.replace(order, items=(Item(name, "8.5", 1),), licenses=()), changed, today).file
    parsed = parse(write(file))
    assert not parsed.problems
    assert parsed.file == file
