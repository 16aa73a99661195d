"""What is entitled to adds up: each row says what there is and what the order changed, and what ends soon is listed in time."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.adapters.registry_values import EntitlementRow
from seatkeeper.base.dates import NEVER
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.expand import Item, expand
from seatkeeper.issue.desk_acts import end, maintain
from seatkeeper.issue.desk_entitling import day_text, endings, entitlement_rows, held
from seatkeeper.issue.model import Order
from seatkeeper.issue.order import check_order
from support.deskwork import CATALOG, MAIL, TODAY, VOICE, Office, order

PRODUCTS = (VOICE, MAIL, "Genesys Chat", "Call Qualification Parking")


def plain() -> Order:
    checked = check_order(order({VOICE: 1}, number="4711"), "order.toml", CATALOG, TODAY)
    assert checked.order is not None
    return checked.order


PLAIN = plain()


def rows_of(bought: list[Item], before: list[EntitlementRow] | None = None) -> list[EntitlementRow]:
    value = msgspec.structs.replace(PLAIN, items=tuple(bought))
    return entitlement_rows(value, expand(CATALOG, bought, value.environment), CATALOG, "2", before or [], maintained=("2026-01-01", None))


@given(st.lists(st.lists(st.builds(Item, st.sampled_from(PRODUCTS), st.sampled_from(["8.1", "8.5"]), st.integers(1, 99)), max_size=5)))
def test_the_changes_add_up_to_what_there_is(orders: list[list[Item]]) -> None:
    sums: dict[tuple[str, str], int] = {}
    rows: list[EntitlementRow] = []
    for bought in orders:
        rows = rows_of(bought, rows)
        assert [row.position for row in rows] == list(range(len(rows)))
        for row in rows:
            key = (row.kind, row.name)
            sums[key] = sums.get(key, 0) + row.change
            assert sums[key] == row.quantity
        items: dict[str, int] = {}
        for item in bought:
            items[item.product] = items.get(item.product, 0) + item.quantity
        assert {row.name: row.quantity for row in rows if row.kind == "item" and row.quantity} == items
        assert {row.name: row.quantity for row in rows if row.kind == "license" and row.quantity} == {
            line.feature: line.count for line in expand(CATALOG, bought, PLAIN.environment)
        }
    # What is gone for two orders is not told of any more.
    assert all(row.quantity or row.change for row in rows)


def test_a_row_says_what_it_is_about() -> None:
    item, *licenses = rows_of([Item(MAIL, "8.1", 3), Item(MAIL, "8.5", 4)])
    assert (item.kind, item.name, item.version, item.quantity, item.unit) == ("item", MAIL, "8.5", 7, "seat")
    assert (item.order, item.type, item.expires, item.maintained_from, item.maintained_until) == (
        "2",
        "permanent",
        "permanent",
        "2026-01-01",
        None,
    )
    assert {row.kind for row in licenses} == {"license"}
    assert (day_text(NEVER), day_text(date(2026, 6, 30))) == ("permanent", "2026-06-30")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """A desk with a permanent order, one until 2026-06-30 of another customer, and one that is registered only."""
    made = Office.make(tmp_path / "office")
    made.issue(made.register(order({VOICE: 2})), "a.dat")
    other = order({MAIL: 3}, 'purpose = "production"\nexpires = "2026-06-30"').replace("1111", "2222")
    made.issue(made.register(other.replace("Pigeon Post Example Ltd", "Loft Example AG")), "b.dat")
    made.register(order({MAIL: 9}))
    return made


def test_who_has_what(office: Office) -> None:
    def found(**whose: str) -> set[tuple[str, str, int]]:
        with office.registry.read() as view:
            return {(each.customer, each.name, each.quantity) for each in held(view, **whose) if each.kind == "item"}

    ours, theirs = ("Pigeon Post Example Ltd", VOICE, 2), ("Loft Example AG", MAIL, 3)
    assert found() == {ours, theirs}
    assert found(customer="loft example ag") == found(site="2222") == found(order="20260002") == {theirs}
    assert found(site="1111") == {ours}
    # An order that was only registered entitles to nothing, unless it is asked for itself.
    assert found(order="20260003") == {("Pigeon Post Example Ltd", MAIL, 9)}
    for whose in ({"customer": "Nobody Example"}, {"site": "3333"}, {"order": "1"}):
        with pytest.raises(InputError, match="knows no such"):
            found(**whose)
    end(office.desk(), "20260002", "")
    assert found() == {ours}
    assert found(site="2222") == set()


def test_what_ends_is_listed_from_the_day_on_that_was_asked_for(office: Office) -> None:
    def found(today: date, within: int) -> list[tuple[str, str, int]]:
        with office.registry.read() as view:
            ending = endings(view, today, timedelta(days=within))
        # Each order has one sellable item; the technical licenses that follow from it are not counted.
        assert {each.items for each in ending} <= {1}
        return [(each.order, each.what, each.days) for each in ending]

    last = date(2026, 6, 30)
    assert found(last - timedelta(days=90), 90) == [("20260002", "licenses", 90)]
    assert found(last - timedelta(days=90), 89) == []
    # What has ended stays in the list until it is renewed or given back.
    assert found(last, 0) == [("20260002", "licenses", 0)]
    assert found(last + timedelta(days=400), 0) == [("20260002", "licenses", -400)]
    maintain(office.desk(), "20260001", None, "2026-05-31")
    maintain(office.desk(), "20260003", None, "2026-05-31")
    assert found(last, 0) == [("20260001", "maintenance", -30), ("20260002", "licenses", 0)]
    end(office.desk(), "20260001", "")
    end(office.desk(), "20260002", "")
    assert found(last, 90) == []
