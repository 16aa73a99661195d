"""Proves that a view gives what was written, in the sequence that is promised, and says what is nearest where there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from seatkeeper.adapters.registry import Registry
from seatkeeper.adapters.registry_reading import LIVE
from seatkeeper.base.errors import InputError
from support.registries import BY, FILE, KINDS, NOW, ORDER, new_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=KINDS)
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """Two customers with three sites, and a row of orders."""
    with Registry(new_registry(request.param, tmp_path)) as registry:
        with registry.write(NOW, BY) as act:
            for site, company in (("7001", "Pigeon Post"), ("7002", "Pigeon Post"), ("7003", "Loft and Ring")):
                act.place_site(site, company)
            for number, site, previous, state, at in (
                ("B-1", "7001", None, "superseded", "2026-01-01T00:00:00Z"),
                ("A-2", "7001", "B-1", "withdrawn", "2026-01-02T00:00:00Z"),
                ("A-1", "7001", "B-1", "issued", "2026-01-03T00:00:00Z"),
                ("C-1", "7002", None, "issued", "2026-01-03T00:00:00Z"),
                ("D-1", "7003", None, "registered", "2025-01-01T00:00:00Z"),
            ):
                act.add_order(msgspec.structs.replace(ORDER, number=number, site=site, previous=previous, state=state, at=at), [])
                act.tell("register", site=site, order=number)
            for number, order, state in (
                ("F3", "A-1", "placed"),
                ("F1", "B-1", "retired"),
                ("F2", "C-1", "signed"),
                ("F4", "D-1", "intended"),
            ):
                act.add_file(msgspec.structs.replace(FILE, number=number, order=order, state=state))
            act.insert("deliveries", {"id": 2, "file": "F3", "how": "mail", "recipient": "a", "at": act.at})
            act.insert("deliveries", {"id": 1, "file": "F1", "how": "file", "recipient": "b", "at": act.at})
            act.insert("renewals", {"order": "A-1", "previous": "B-1", "expired": "2026-01-01", "expires": "2027-01-01", "at": act.at})
            act.insert("moves", {"order": "A-1", "previous": "B-1", "old_hostid": "a", "new_hostid": "b", "at": act.at})
        yield registry


def test_orders_and_their_row(registry: Registry) -> None:
    with registry.read() as view:
        assert [order.number for order in view.orders()] == ["D-1", "B-1", "A-2", "A-1", "C-1"]
        assert [order.number for order in view.orders(site="7001", states=("issued", "superseded"))] == ["B-1", "A-1"]
        assert [order.number for order in view.orders(customer="PIGEON  post")] == ["B-1", "A-2", "A-1", "C-1"]
        assert view.order("A-1") == msgspec.structs.replace(ORDER, number="A-1", previous="B-1", state="issued", at="2026-01-03T00:00:00Z")
        follower = view.successor("B-1")
        assert follower is not None
        assert follower.number == "A-1"
        assert view.successor("A-1") is None
        assert view.find_order("X") is None


def test_files_deliveries_and_what_else_there_is(registry: Registry) -> None:
    with registry.read() as view:
        assert [file.number for file in view.files()] == ["F1", "F2", "F3", "F4"]
        assert [file.number for file in view.files(states=LIVE)] == ["F2", "F3"]
        assert [file.number for file in view.files(order="B-1")] == ["F1"]
        assert view.file("F4") == msgspec.structs.replace(FILE, number="F4", order="D-1")
        assert [each.id for each in view.deliveries()] == [1, 2]
        assert [each.recipient for each in view.deliveries("F3")] == ["a"]
        assert [each.order for each in view.renewals()] == ["A-1"]
        assert [each.new_hostid for each in view.moves()] == ["b"]
        assert (view.keys(), view.last_number("none"), view.last_number("history")) == ([], 0, 5)
        assert view.count("orders") == 5
        assert [row["number"] for row in view.rows("orders")] == ["A-1", "A-2", "B-1", "C-1", "D-1"]


def test_the_history_of_a_site_a_customer_an_order(registry: Registry) -> None:
    with registry.read() as view:
        assert [row.row for row in view.history()] == [1, 2, 3, 4, 5]
        assert [row.order for row in view.history(site="7002")] == ["C-1"]
        assert [row.order for row in view.history(customer="loft and ring")] == ["D-1"]
        assert [row.row for row in view.history(order="A-1")] == [3]
        last = view.last_history()
        assert last is not None
        assert last.order == "D-1"


def test_what_is_not_known_is_told_with_what_is_nearest(registry: Registry) -> None:
    with registry.read() as view:
        for ask, words in (
            (lambda: view.order("A1"), r"no such order.*A-1"),
            (lambda: view.customer("Pigeon Pest"), r"no such customer.*Pigeon Post"),
            (lambda: view.customer_of_site("701"), r"no such site.*7001"),
            (lambda: view.orders(customer="Pigeon Pest"), r"no such customer"),
            (lambda: list(view.history(site="9")), "no such site"),
            (lambda: list(view.history(order="9")), "no such order"),
            (lambda: view.file("F9"), r"no such file.*desk history"),
        ):
            with pytest.raises(InputError, match=words):
                ask()
