"""A month's bill: the system's for the vendor, or one for each tenant's end customer, from the same reports that everybody can make."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.cells import marked
from seatkeeper.lrm.report import Query, report
from seatkeeper.usage.billing import Charge, Use, charge, price_for

if TYPE_CHECKING:
    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.report import Row
    from seatkeeper.lrm.site import Site
    from seatkeeper.usage.billing import Prices

__all__ = ["Bill", "bill", "bill_csv"]

_COLUMNS: Final = (
    "month",
    "tenant",
    "item",
    "peak",
    "peak_time",
    "included",
    "burst",
    "within_burst",
    "over",
    "burst_price",
    "price",
    "amount",
    "currency",
    "note",
)


class Bill(msgspec.Struct, frozen=True):
    """What a month costs.

    Attributes:
        month: Its first day.
        currency: Of all amounts.
        charges: By tenant, then in the order of the price file.
        total: Of all amounts.
    """

    month: date
    currency: str
    charges: list[Charge]
    total: Decimal


def bill(warehouse: Warehouse, engine: Engine, month: date, prices: Prices, site: Site, *, system: bool, tenant: str | None = None) -> Bill:
    """The bill of a month, in UTC.

    Args:
        warehouse: Where the facts are.
        engine: What works it out.
        month: Its first day.
        prices: What over-use costs.
        site: Limits, bundles and settings.
        system: True for the whole system; False for each tenant.
        tenant: Only this one.

    Raises:
        InputError: An item or the tenant is not known.
    """
    end = (month + timedelta(31)).replace(day=1)
    found: dict[str | None, list[Charge]] = {}
    for item in dict.fromkeys(site.name_of(price.item) for price in prices.prices):
        query = Query("system" if system else "tenant", item, "daily", month, end, tenant=tenant)
        days: dict[str | None, list[Use]] = {}
        for row in report(warehouse, engine, query, {}, {}, site):
            days.setdefault(row.subject.tenant, []).append(_use(row))
        for name, uses in days.items():
            price = price_for(prices, item, name)
            if price is not None:
                found.setdefault(name, []).append(charge(name, uses, msgspec.structs.replace(price, item=item), prices.decimals))
    charges = [one for name in sorted(found, key=lambda name: name or "") for one in found[name]]
    total = sum((one.amount for one in charges if one.amount is not None), Decimal(0))
    return Bill(month, prices.currency, charges, total)


def _use(row: Row) -> Use:
    value = row.peak if row.measure == "peak" else row.enabled
    return Use(value, row.peak_time if row.measure == "peak" else None, row.limit, row.burst, row.missing)


def bill_csv(told: Bill) -> str:
    """The bill as a table for other programs; numbers as in JSON."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in told.charges:
        at = "" if one.peak_time is None else f"{datetime.fromtimestamp(one.peak_time, UTC):%Y-%m-%dT%H:%M:%SZ}"
        values = msgspec.structs.asdict(one) | {"month": f"{told.month:%Y-%m}", "currency": told.currency, "peak_time": at}
        writer.writerow(["" if values[name] is None else marked(values[name]) for name in _COLUMNS])
    return text.getvalue()
