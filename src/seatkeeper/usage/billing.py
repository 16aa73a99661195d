"""What over-use costs: seats beyond the burst limit at one price, those between what is included and that limit at another, exactly.

Included is what was provisioned for a tenant, or bought for the whole system. Limits change at 00:00 UTC, so each UTC day of the month is
compared with its own, and the month pays for the most that any day was over. Prices are decimal numbers from a file; amounts are rounded
once, half up. Where there is no limit, or use is not known, nothing is charged, and the row says why.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["PRICES_MAX", "Charge", "Price", "Prices", "Use", "charge", "check_prices", "parse_prices", "price_for"]

PRICES_MAX: Final = 100_000
_PRICE_MAX: Final = Decimal(1_000_000_000)
_DECIMALS_MAX: Final = 6

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an item costs.

    Attributes:
        item: The item's or bundle's name.
        over: For each seat above the burst limit, in a month.
        burst: For each seat above what is included, up to the burst limit.
        tenant: Only of this tenant; empty: of everybody who has no price of his own.
    """

    item: _Name
    over: Decimal
    burst: Decimal = Decimal(0)
    tenant: str = ""


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price file.

    Attributes:
        currency: In which currency, as it is shown.
        decimals: To so many decimal places amounts are rounded.
        prices: What each item costs.
    """

    currency: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    prices: Annotated[tuple[Price, ...], msgspec.Meta(min_length=1, max_length=PRICES_MAX)]
    decimals: Annotated[int, msgspec.Meta(ge=0, le=_DECIMALS_MAX)] = 2


class Use(msgspec.Struct, frozen=True):
    """One day: what was in use (None where that is not known) and when, what was included, up to where bursts go, and what is missing."""

    value: int | None
    at: int | None
    included: int | None
    burst: int | None
    missing: str = ""


class Charge(msgspec.Struct, frozen=True):
    """What is charged for one item of one subject.

    Attributes:
        tenant: Whose; None for the whole system.
        item: Of which item.
        peak: The most that was in use; None where that is not known.
        peak_time: The last second of it.
        included: What was provisioned or bought.
        burst: The burst limit.
        within_burst: So many seats above what is included, at most, without those above the burst limit.
        over: So many above the burst limit, at most.
        burst_price: For each seat of `within_burst`.
        price: For each seat of `over`.
        amount: What that costs; None where nothing can be charged.
        note: Why not, or what is missing.
    """

    tenant: str | None
    item: str
    peak: int | None
    peak_time: int | None
    included: int | None
    burst: int | None
    within_burst: int
    over: int
    burst_price: Decimal
    price: Decimal
    amount: Decimal | None
    note: str = ""


def parse_prices(tables: Any, file: str) -> Prices:
    """The prices of a file, as TOML gives it with decimal numbers.

    Raises:
        InputError: It has something else, or the same price twice.
    """
    try:
        prices = msgspec.convert(tables, Prices)
    except msgspec.ValidationError as error:
        raise InputError(f"The price file is not understood: {error}.", file=file) from None
    check_prices([(price.item, price.tenant, (price.over, price.burst)) for price in prices.prices], file)
    return prices


def check_prices(prices: Iterable[tuple[str, str, Sequence[Decimal]]], file: str) -> None:
    """Returns if each number is a price, and no item stands there twice for the same tenant.

    Raises:
        InputError: That is not so.
    """
    seen: set[tuple[str, str]] = set()
    for item, tenant, numbers in prices:
        for number in numbers:
            exponent = number.as_tuple().exponent
            if not isinstance(exponent, int) or not 0 <= number <= _PRICE_MAX or exponent < -_DECIMALS_MAX:
                expected = f"0 to {_PRICE_MAX} with at most {_DECIMALS_MAX} decimal places"
                raise InputError(f"This is no price of {item}.", file=file, found=f"{number}", expected=expected)
        key = (folded(item), tenant)
        if key in seen:
            raise InputError("This price stands there twice.", file=file, found=f"{item} {tenant}".strip())
        seen.add(key)


def price_for(prices: Prices, item: str, tenant: str | None) -> Price | None:
    """The price of an item for a tenant: his own, else that for everybody."""
    found = {price.tenant: price for price in prices.prices if folded(price.item) == folded(item)}
    return found.get(tenant or "") or found.get("")


def charge(tenant: str | None, days: Sequence[Use], price: Price, decimals: int) -> Charge:
    """What the month's days cost, in the order of time."""
    known = [day for day in days if day.value is not None]
    highest = max(reversed(known), key=lambda day: day.value or 0, default=None)
    limited = [day for day in known if day.included is not None]
    missing = "; ".join(dict.fromkeys(day.missing for day in days if day.missing))
    if highest is None:
        return Charge(tenant, price.item, None, None, None, None, 0, 0, price.burst, price.over, None, missing or "nothing is known")
    if not limited:
        note = "; ".join(filter(None, ("there is no limit to compare with", missing)))
        return Charge(tenant, price.item, highest.value, highest.at, None, None, 0, 0, price.burst, price.over, None, note)
    dearest = max(reversed(limited), key=lambda day: (_over(day), _within(day), day.value or 0))
    over, within = max(map(_over, limited)), max(map(_within, limited))
    amount = (over * price.over + within * price.burst).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return Charge(
        tenant,
        price.item,
        highest.value,
        highest.at,
        dearest.included,
        dearest.burst,
        within,
        over,
        price.burst,
        price.over,
        amount,
        missing,
    )


def _over(day: Use) -> int:
    return max(0, (day.value or 0) - _burst(day))


def _within(day: Use) -> int:
    return max(0, min(day.value or 0, _burst(day)) - (day.included or 0))


def _burst(day: Use) -> int:
    return max(day.included or 0, day.burst or 0)
