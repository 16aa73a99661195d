"""Independent servers get exactly what was ordered, as the customer wants it divided."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.expand import Environment, ExtraLicense, Item
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.division import SERVERS_MAX, divide, largest_remainder, weights_of
from seatkeeper.issue.model import Order, OrderServer, Switch
from seatkeeper.issue.plan import PlannedLine, plan_files


def servers(*settings_: dict[str, object]) -> tuple[OrderServer, ...]:
    return tuple(msgspec.structs.replace(OrderServer(f"host{at}", f"0800200005{at:02x}", 7260), **one) for at, one in enumerate(settings_))


def independent(order: Order, *settings_: dict[str, object], **changes: object) -> Order:
    terms = msgspec.structs.replace(order.terms, configuration="independent")
    return msgspec.structs.replace(order, terms=terms, servers=servers(*settings_), **changes)


def counts(order: Order, catalog: Catalog, today: date) -> dict[str, list[int]]:
    """By feature: how much of it each server's file has."""
    plans = plan_files(order, catalog, today)
    found = [{line.name: line.count for line in plan.lines} for plan in plans]
    return {name: [one.get(name, 0) for one in found] for name in dict.fromkeys(name for one in found for name in one)}


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), min_size=1, max_size=100))
def test_parts_add_up_and_follow_the_weights(total: int, weights: list[int]) -> None:
    parts = largest_remainder(total, weights)
    assert parts == largest_remainder(total, weights)
    assert sum(parts) == total
    assert min(parts) >= 0
    used = weights if any(weights) else [1] * len(weights)
    assert all(not part for part, weight in zip(parts, used, strict=True) if not weight)
    for at, weight in enumerate(used):
        for part, other in zip(parts, used, strict=True):
            # Who has more weight never gets less, and nobody goes without beside one who has two.
            assert not weight > other or parts[at] >= part or total == 0
            assert not (weight and parts[at] == 0 and part > 1)


@given(st.lists(st.integers(0, 10**5), min_size=1, max_size=50))
def test_weights_that_add_up_to_the_total_are_the_parts(weights: list[int]) -> None:
    if any(weights):
        assert largest_remainder(sum(weights), weights) == tuple(weights)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, (60, 40), (60, 40)),
        (10, (1, 1, 1), (4, 3, 3)),
        (2, (10, 80, 10), (1, 1, 0)),
        (1, (1, 1, 1), (1, 0, 0)),
        (3, (80, 10, 10), (1, 1, 1)),
        (100, (999, 1), (99, 1)),
        (5, (0, 0), (3, 2)),
        (4, (1, 4, 3), (1, 2, 1)),
    ],
)
def test_examples_of_the_largest_remainder(total: int, weights: tuple[int, ...], parts: tuple[int, ...]) -> None:
    assert largest_remainder(total, weights) == parts


def test_without_a_word_of_the_customer_shares_are_equal(order: Order, catalog: Catalog, today: date) -> None:
    found = counts(independent(order, {}, {}), catalog, today)
    assert found["SK029_CIM_PLATFORM_MS"] == [50, 50]
    assert found["tserver_iscc"] == [2, 1]
    assert found["ISDK_FACTORY"] == [1, 0]


def test_shares_divide_all_lines(order: Order, catalog: Catalog, today: date) -> None:
    found = counts(independent(order, {"share": 3}, {"share": 2}), catalog, today)
    assert found["SK029_CIM_PLATFORM_MS"] == [60, 40]
    assert found["router_seats"] == [60, 40]
    assert found["tserver_tdn"] == [120, 80]


def test_sites_divide_by_the_agents_dns_of_their_switches(order: Order) -> None:
    switches = (Switch("X", "1", 300, site="North"), Switch("X", "1", 100, site="north "), Switch("Y", "1", 100, 5000, site="South"))
    one_each = independent(order, {"site": "north"}, {"site": "SOUTH"}, switches=switches)
    assert weights_of(one_each).numbers == (400, 100)
    shared = independent(order, {"site": "north"}, {"site": "South"}, {"site": "North"}, switches=switches)
    assert weights_of(shared).numbers == (400, 200, 400)
    assert "as the order names none" in weights_of(independent(order, {"site": "north"}, {"site": "West"}, switches=switches)).reason


def test_licenses_for_dns_go_where_the_dns_are(order: Order, catalog: Catalog, today: date) -> None:
    switches = (Switch("X", "1", 300, 400, site="North"), Switch("Y", "1", 100, 50, site="South"))
    inbound = Item("Genesys Inbound Voice", "8.5", 80)
    around = msgspec.structs.replace(order.environment, seat_dns=400, technical_dns=450)
    wanted = {"site": "North", "quantities": (("Genesys Inbound Voice", 20),)}
    changes = {"switches": switches, "items": (*order.items, inbound), "environment": around}
    found = counts(independent(order, wanted, {"site": "South"}, **changes), catalog, today)
    assert (found["SK034_INBOUND_VOICE"], found["tserver_sdn"], found["tserver_tdn"]) == ([20, 60], [300, 100], [400, 50])
    # A share is the customer's own word, for all that is divided.
    found = counts(independent(order, {"site": "North", "share": 1}, {"site": "South", "share": 1}, **changes), catalog, today)
    assert (found["tserver_sdn"], found["tserver_tdn"]) == ([200, 200], [225, 225])


def test_technical_licenses_go_where_their_items_go(order: Order, catalog: Catalog, today: date) -> None:
    wanted = {"quantities": (("genesys cim platform - ms", 70), ("vcb_full", 0))}
    found = counts(independent(order, wanted, {"quantities": (("Genesys E-mail", 20),)}), catalog, today)
    assert found["SK029_CIM_PLATFORM_MS"] == [70, 30]
    assert found["router_seats"] == [70, 30]
    assert found["ics_email_webform_channel"] == [0, 20]
    assert found["vcb_full"] == [0, 5]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"quantities": (("Genesys E-mail", 21),)}, {}, r"split of Genesys E-mail does not add up.*at most 20"),
        (
            {"quantities": (("Genesys E-mail", 9),)},
            {"quantities": (("Genesys E-mail", 10),)},
            r"does not add up.*found '19.*20, as ordered",
        ),
        ({"quantities": (("Genesys Chat", 9),)}, {}, r"host0 is to get Genesys Chat, which the order does not have"),
        ({"quantities": (("Genesys E-mail", -1),)}, {}, r"less than nothing"),
        ({"share": 1}, {}, r"host1 has no share"),
    ],
)
def test_a_split_that_cannot_be_is_refused(
    order: Order, catalog: Catalog, today: date, first: dict[str, object], second: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        counts(independent(order, first, second), catalog, today)


def test_a_server_with_nothing_and_too_many_servers_are_refused(order: Order) -> None:
    lines = (PlannedLine("f1", "8.0", 1, rule="per_site"),)
    bare = independent(order, {}, {}, items=(), licenses=())
    with pytest.raises(InputError, match="host1 would get no license at all"):
        divide(bare, lines)
    with pytest.raises(InputError, match=f"at most {SERVERS_MAX}"):
        divide(independent(order, *[{}] * (SERVERS_MAX + 1)), lines)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    items=st.lists(st.tuples(st.integers(0, 92), st.integers(1, 9999)), min_size=1, max_size=6),
    asked=st.lists(st.tuples(st.sampled_from(["vcb_full", "router_seats", "tserver_iscc"]), st.integers(1, 9999)), max_size=3),
    deployment=st.sampled_from(["separate", "blended"]),
    shares=st.lists(st.integers(1, 1000), min_size=2, max_size=8),
    data=st.data(),
)
def test_any_order_is_divided_without_a_rest(
    order: Order,
    catalog: Catalog,
    today: date,
    items: list[tuple[int, int]],
    asked: list[tuple[str, int]],
    deployment: str,
    shares: list[int],
    data: st.DataObject,
) -> None:
    bought = tuple(Item(catalog.products[number].name, "8.5", quantity) for number, quantity in items)
    named = data.draw(st.integers(0, bought[0].quantity))
    whole = msgspec.structs.replace(
        order,
        items=bought,
        licenses=tuple(ExtraLicense(*one) for one in asked),
        environment=Environment(deployment=deployment, sites=7),  # type: ignore[arg-type]
    )
    split = independent(
        whole, {"share": shares[0], "quantities": ((bought[0].product, named),)}, *[{"share": share} for share in shares[1:]]
    )
    split = msgspec.structs.replace(split, terms=msgspec.structs.replace(split.terms, deployment=deployment))
    single = msgspec.structs.replace(whole, servers=split.servers[:1])
    (all_lines,) = plan_files(single, catalog, today)
    try:
        divided = counts(split, catalog, today)
    except InputError as error:
        if "would get no license" not in str(error):
            raise
        return
    assert {name: sum(each) for name, each in divided.items()} == {line.name: line.count for line in all_lines.lines}
    assert divided == counts(split, catalog, today)
