"""Orders give each required license once, never below one seat, and no more and no less than the rules say."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.base.errors import InputError
from seatkeeper.base.values import parse_version, version_satisfies
from seatkeeper.catalog.expand import QUANTITY_MAX, TECHNICAL_DNS_UNSTATED, Conflict, Environment, ExtraLicense, Item, Line, expand
from seatkeeper.catalog.model import RULES_OF_QUANTITY, Product, folded

CATALOG = load_catalog()

quantities = st.integers(1, QUANTITY_MAX)
items = st.builds(
    Item,
    product=st.sampled_from([product.name for product in CATALOG.products]),
    version=st.sampled_from(["7.0", "7.6", "8.0", "8.1", "8.5", "9.0"]),
    quantity=quantities,
)
orders = st.lists(items, max_size=12)
counts = st.integers(0, 5000)
environments = st.builds(
    Environment,
    deployment=st.sampled_from(["separate", "blended"]),
    sites=counts,
    redundant_pairs=counts,
    instances=counts,
    environments=counts,
    network_tservers=counts,
    ivr_servers=counts,
    seat_dns=st.none() | counts,
    technical_dns=st.none() | counts,
)
extras = st.lists(
    st.builds(ExtraLicense, feature=st.sampled_from([each.feature for each in CATALOG.technical]), quantity=quantities), max_size=4
)


def counted(lines: list[Line]) -> dict[str, int]:
    return {line.feature: line.count for line in lines}


def order(*rows: tuple[str, int]) -> list[Item]:
    return [Item(product, "8.5", quantity) for product, quantity in rows]


@pytest.mark.parametrize("product", CATALOG.products, ids=lambda product: product.part)
@pytest.mark.parametrize("version", ["7.0", "8.1", "9.0"])
def test_every_product_expands_alone(product: Product, version: str) -> None:
    lines = expand(CATALOG, [Item(product.name, version, 25)])
    assert {folded(line.feature): line.version for line in lines} == {folded(row.feature): row.version for row in product.required}
    for line in lines:
        assert line.items == (product.name,)
        assert line.count == (25 if line.rule in RULES_OF_QUANTITY else TECHNICAL_DNS_UNSTATED if line.rule == "per_technical_dn" else 1)


@given(orders, environments, extras)
def test_one_line_a_feature_never_below_one_and_of_a_version_that_all_accept(
    ordered: list[Item], environment: Environment, extra: list[ExtraLicense]
) -> None:
    lines = expand(CATALOG, ordered, environment, extra)
    assert len({folded(line.feature) for line in lines}) == len(lines)
    required = {folded(row.feature) for item in ordered for row in CATALOG.product(item.product).required}
    assert {folded(line.feature) for line in lines} == required | {folded(each.feature) for each in extra}
    for line in lines:
        assert line.count >= max(1, line.asked)
        assert line.items or line.asked
        for name in line.items:
            row = next(row for row in CATALOG.product(name).required if folded(row.feature) == folded(line.feature))
            assert parse_version(line.version) >= parse_version(row.version)
            assert version_satisfies(line.version, row.version, "release8")


@given(orders, environments, extras, st.randoms(use_true_random=False))
def test_the_order_of_items_is_irrelevant(ordered: list[Item], environment: Environment, extra: list[ExtraLicense], draw) -> None:
    shuffled, shuffled_extra = list(ordered), list(extra)
    draw.shuffle(shuffled)
    draw.shuffle(shuffled_extra)
    assert expand(CATALOG, shuffled, environment, shuffled_extra) == expand(CATALOG, ordered, environment, extra)


@given(st.lists(items, min_size=1, max_size=8), environments, st.data())
def test_more_of_an_item_never_gives_less_of_a_license(ordered: list[Item], environment: Environment, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(ordered) - 1))
    larger = list(ordered)
    larger[index] = msgspec.structs.replace(ordered[index], quantity=data.draw(st.integers(ordered[index].quantity, QUANTITY_MAX)))
    before, after = counted(expand(CATALOG, ordered, environment)), counted(expand(CATALOG, larger, environment))
    assert before.keys() == after.keys()
    assert all(after[feature] >= before[feature] for feature in before)


@given(orders, environments)
def test_blended_never_gives_more_than_separate(ordered: list[Item], environment: Environment) -> None:
    blended = counted(expand(CATALOG, ordered, msgspec.structs.replace(environment, deployment="blended")))
    separate = counted(expand(CATALOG, ordered, msgspec.structs.replace(environment, deployment="separate")))
    assert all(blended[feature] <= separate[feature] for feature in separate)


def test_a_shared_license_adds_up_when_separate_and_is_the_largest_when_blended() -> None:
    ordered = order(("Genesys Chat", 40), ("Genesys E-mail", 60))
    assert counted(expand(CATALOG, ordered)) == {
        "ics_email_webform_channel": 60,
        "ics_live_web_channel": 40,
        "ics_multi_media_agent_seat": 100,
    }
    assert counted(expand(CATALOG, ordered, Environment("blended")))["ics_multi_media_agent_seat"] == 60


def test_two_items_of_one_product_add_up_even_when_blended() -> None:
    lines = expand(CATALOG, order(("Genesys Chat", 40), ("genesys chat", 2)), Environment("blended"))
    assert counted(lines)["ics_live_web_channel"] == 42
    assert lines[0].items == ("Genesys Chat",)


def test_environment_rules_count_the_environment() -> None:
    environment = Environment(sites=3, redundant_pairs=2, instances=4, environments=5, network_tservers=1, ivr_servers=2)
    assert counted(expand(CATALOG, order(("SIP Server", 100), ("Agent Connector", 30), ("HA - Framework", 1)), environment)) == {
        "CLDistributed": 5,
        "cti_ha_option": 2,
        "GIS": 4,
        "GIS_INTERACTIONSERVICE": 30,
        "ha_redundancy": 5,
        "ISDK_FACTORY": 5,
        "ISDK_QUEUE": 5,
        "MLDistributed": 5,
        "tserver_iscc": 6,
        "tserver_sdn": 100,
        "tserver_tdn": TECHNICAL_DNS_UNSTATED,
    }


def test_numbers_of_dns_are_taken_as_stated() -> None:
    environment = Environment(seat_dns=250, technical_dns=70)
    lines = counted(expand(CATALOG, order(("Genesys Inbound Voice", 100)), environment, [ExtraLicense("tserver_tdn", 80)]))
    assert lines == {"tserver_sdn": 250, "tserver_tdn": 80}
    asked = counted(expand(CATALOG, order(("Genesys Inbound Voice", 100)), extra_licenses=[ExtraLicense("tserver_tdn", 200)]))
    assert asked == {"tserver_sdn": 100, "tserver_tdn": 200}


def test_optional_licenses_come_only_when_asked_for() -> None:
    ordered = order(("Genesys CIM Platform - SS", 100))
    assert "tserver_sdn" not in counted(expand(CATALOG, ordered))
    lines = {line.feature: line for line in expand(CATALOG, ordered, extra_licenses=[ExtraLicense("TSERVER_SDN", 90)])}
    assert lines["tserver_sdn"] == Line("tserver_sdn", "8.0", 90, "per_seat_dn", (), 90)


def test_asked_licenses_add_to_what_items_need_when_separate() -> None:
    ordered, asked = order(("Genesys Chat", 40)), [ExtraLicense("ics_multi_media_agent_seat", 10)]
    assert counted(expand(CATALOG, ordered, extra_licenses=asked))["ics_multi_media_agent_seat"] == 50
    assert counted(expand(CATALOG, ordered, Environment("blended"), asked))["ics_multi_media_agent_seat"] == 40


def test_licenses_that_no_product_yields() -> None:
    asked = [ExtraLicense("vcb_full", 500), ExtraLicense("CConCopies", 2, "8.1"), ExtraLicense("gim_etl_voice", 1)]
    assert [(line.feature, line.version, line.count) for line in expand(CATALOG, [], extra_licenses=asked)] == [
        ("CConCopies", "8.1", 2),
        ("gim_etl_voice", "7.0", 1),
        ("vcb_full", "8.0", 500),
    ]


def test_the_highest_version_wins() -> None:
    ordered = order(("Genesys SBR Platform", 10), ("iWD - Back Office", 20), ("Genesys Simulator Toolkit", 5))
    versions = {line.feature: line.version for line in expand(CATALOG, ordered)}
    assert versions["DESKTOP_SUPERVISOR"] == versions["ISDK_FACTORY"] == "8.0"
    assert versions["tserver_tdn"] == "7.0"


def test_a_version_that_8x_applications_would_refuse_is_refused() -> None:
    with pytest.raises(InputError, match=r"9\.0 and version 8\.0"):
        expand(CATALOG, order(("Genesys Chat", 1)), extra_licenses=[ExtraLicense("ics_live_web_channel", 1, "9.0")])


@pytest.mark.parametrize("quantity", [0, -1, QUANTITY_MAX + 1])
def test_a_quantity_out_of_range_is_refused(quantity: int) -> None:
    with pytest.raises(InputError, match="from 1 to 999999"):
        expand(CATALOG, [Item("SNMP", "8.5", quantity)])
    with pytest.raises(InputError, match="from 1 to 999999"):
        expand(CATALOG, [], extra_licenses=[ExtraLicense("vcb_full", quantity)])


def test_unknown_names_and_versions_are_refused() -> None:
    with pytest.raises(InputError, match="Did you mean 'SNMP'"):
        expand(CATALOG, order(("SNNP", 1)))
    with pytest.raises(InputError, match="'vcb_full'"):
        expand(CATALOG, [], extra_licenses=[ExtraLicense("vcb_ful", 1)])
    with pytest.raises(InputError, match="The version of SNMP"):
        expand(CATALOG, [Item("SNMP", "eight", 1)])


def attributes(ordered: list[Item], extra: list[ExtraLicense] = []) -> dict[str, dict[str, str]]:  # noqa: B006 - never changed
    return {line.feature: dict(line.attributes) for line in expand(CATALOG, ordered, extra_licenses=extra)}


def test_attributes_come_from_the_catalog_the_items_and_the_wishes_in_this_order() -> None:
    ordered = [Item("Genesys CIM Platform - MS", "8.5", 10, (("BORROW", "168"),)), Item("HA - CIM Platform", "8.5", 10)]
    found = attributes(ordered, [ExtraLicense("router_seats", 1, attributes=(("BORROW", "24"), ("LINGER", "60")))])
    assert found["lds"] == {"DUP_GROUP": "V"}  # The catalog's; its item wants nothing.
    assert found["tserver_iscc"] == {"BORROW": "168"}
    assert found["router_seats"] == {"BORROW": "24", "LINGER": "60"}
    wished = attributes(ordered, [ExtraLicense("lds", 1, attributes=(("DUP_GROUP", "UHD"),))])
    assert wished["lds"] == {"DUP_GROUP": "UHD"}


@pytest.mark.parametrize(
    ("ordered", "extra", "feature", "found", "expected"),
    [
        # Two items that need one license.
        (
            [Item("Genesys E-mail", "8.5", 1, (("BORROW", "168"),)), Item("Genesys Chat", "8.5", 1, (("BORROW", "24"),))],
            [],
            "ics_multi_media_agent_seat",
            "168",
            "24",
        ),
        # Two tables of one item.
        (
            [Item("Genesys Chat", "8.5", 1, (("LINGER", "5"),)), Item("Genesys Chat", "8.5", 1, (("LINGER", "6"),))],
            [],
            "Genesys Chat",
            "6",
            "5",
        ),
        # Two wishes for one license.
        (
            [],
            [ExtraLicense("vcb_full", 1, attributes=(("BORROW", "1"),)), ExtraLicense("vcb_full", 1, attributes=(("BORROW", "2"),))],
            "vcb_full",
            "2",
            "1",
        ),
    ],
)
def test_two_parts_that_want_other_values_for_one_line_are_refused(
    ordered: list[Item], extra: list[ExtraLicense], feature: str, found: str, expected: str
) -> None:
    with pytest.raises(Conflict, match="has one line") as refused:
        expand(CATALOG, ordered, extra_licenses=extra)
    assert (refused.value.feature, {refused.value.found, refused.value.expected}) == (feature, {found, expected})
    assert refused.value.attribute in {"BORROW", "LINGER"}
