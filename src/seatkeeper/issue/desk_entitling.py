"""What an order entitles to stands in the registry item by item, and says what the order changed of the one before it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.registry_values import EntitlementRow
from seatkeeper.base.dates import NEVER
from seatkeeper.base.values import parse_version
from seatkeeper.catalog.model import RULES_OF_QUANTITY, folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seatkeeper.adapters.registry_reading import View
    from seatkeeper.adapters.registry_values import OrderRow
    from seatkeeper.catalog.expand import Line
    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.model import Order

__all__ = ["WITHIN_DAYS_MAX", "Ending", "Held", "day_text", "endings", "entitlement_rows", "held"]

#: How far ahead may be looked for what ends.
WITHIN_DAYS_MAX: Final = 36_500

#: Order states that entitle.
_CURRENT: Final = ("issued",)


class Held(msgspec.Struct, frozen=True):
    """Something that a site is entitled to now."""

    customer: str
    site: str
    order: str
    purpose: str
    kind: str
    name: str
    type: str
    unit: str
    version: str
    quantity: int
    expires: str
    maintained_from: str | None = None
    maintained_until: str | None = None


class Ending(msgspec.Struct, frozen=True):
    """An order whose licenses, or whose maintenance, end soon or have ended.

    Attributes:
        what: `licenses` or `maintenance`.
        day: The last day.
        days: From today until then; below 0 where it has passed.
        items: How many sellable items and asked licenses it is about.
    """

    customer: str
    site: str
    order: str
    purpose: str
    what: str
    day: str
    days: int
    items: int


def day_text(day: date) -> str:
    """A last day as the registry writes it."""
    return "permanent" if day == NEVER else day.isoformat()


def entitlement_rows(
    order: Order,
    lines: Iterable[Line],
    catalog: Catalog,
    number: str,
    before: Sequence[EntitlementRow] = (),
    *,
    maintained: tuple[str | None, str | None] = (None, None),
) -> list[EntitlementRow]:
    """What an order entitles to: its sellable items, then its technical licenses; what it no longer has is there with 0.

    Args:
        order: The order.
        lines: Its technical licenses.
        catalog: What it was checked against.
        number: Its number in the registry.
        before: What the order entitled to whose place it takes.
        maintained: First and last day of maintenance.
    """
    items: dict[str, tuple[str, int]] = {}
    for item in order.items:
        version, quantity = items.get(item.product, (item.version, 0))
        items[item.product] = (max(version, item.version, key=parse_version), quantity + item.quantity)
    wanted = [("item", name, _unit(catalog, name), version, quantity) for name, (version, quantity) in items.items()]
    wanted += [("license", line.feature, _unit_of(line.rule), line.version, line.count) for line in lines]
    old = {(row.kind, folded(row.name)): row for row in before if row.quantity}
    expires = day_text(order.terms.expires)
    rows: list[EntitlementRow] = []
    for kind, name, unit, version, quantity in wanted:
        held_before = old.pop((kind, folded(name)), None)
        change = quantity - (held_before.quantity if held_before is not None else 0)
        rows.append(_row(number, len(rows), kind, name, unit, version, quantity, change, expires, maintained))
    for row in old.values():
        rows.append(_row(number, len(rows), row.kind, row.name, row.unit, row.version, 0, -row.quantity, expires, maintained))
    return rows


def held(view: View, *, customer: str = "", site: str = "", order: str = "") -> list[Held]:
    """Everything that is held now, by all or by one; the orders that count are those that were issued and have no successor."""
    if site:
        view.customer_of_site(site)
    customers = view.site_customers()
    orders = [view.order(order)] if order else view.orders(customer=customer, site=site, states=_CURRENT)
    return [
        Held(
            customers[each.site],
            each.site,
            each.number,
            each.purpose,
            row.kind,
            row.name,
            row.type,
            row.unit,
            row.version,
            row.quantity,
            row.expires,
            row.maintained_from,
            row.maintained_until,
        )
        for each in orders
        for row in view.entitlements(each.number)
        if row.quantity
    ]


def endings(view: View, today: date, within: timedelta) -> list[Ending]:
    """What ends until `today` + `within`, and what has ended and is still held, the earliest first."""
    last = (today + within).isoformat()
    customers = view.site_customers()
    found = []
    for order in view.orders(states=_CURRENT):
        rows = [row for row in view.entitlements(order.number) if row.quantity and row.kind == "item"]
        if not rows:
            rows = [row for row in view.entitlements(order.number) if row.quantity]
        ends = [("licenses", row.expires) for row in rows if row.expires != "permanent"]
        ends += [("maintenance", row.maintained_until) for row in rows if row.maintained_until is not None]
        for what, day in sorted({end for end in ends if end[1] <= last}):
            found.append(_ending(order, customers[order.site], what, day, ends.count((what, day)), today))
    return sorted(found, key=lambda each: (each.day, each.customer, each.order, each.what))


def _ending(order: OrderRow, customer: str, what: str, day: str, items: int, today: date) -> Ending:
    return Ending(customer, order.site, order.number, order.purpose, what, day, (date.fromisoformat(day) - today).days, items)


def _row(
    number: str,
    position: int,
    kind: str,
    name: str,
    unit: str,
    version: str,
    quantity: int,
    change: int,
    expires: str,
    maintained: tuple[str | None, str | None],
) -> EntitlementRow:
    type_ = "permanent" if expires == "permanent" else "temporary"
    return EntitlementRow(number, position, kind, name, type_, unit, version, quantity, change, expires, *maintained)


def _unit(catalog: Catalog, product: str) -> str:
    """What a sellable item is counted in: as the first technical license whose number follows its quantity."""
    rules = [catalog.technical_license(row.feature, row.version).rule for row in catalog.product(product).required]
    return next((_unit_of(rule) for rule in rules if rule in RULES_OF_QUANTITY), "license")


def _unit_of(rule: str) -> str:
    return rule.removeprefix("per_").replace("_", " ").replace(" dn", " DN")
