"""Enabled or concurrent licenses: an item is paid by who is set up for it, or by how many use it at once, and one of them is cheaper.

Seats that are enabled cost their number; concurrent ones the peak. How many enabled seats come to one of the peak is the ratio; where
one concurrent seat costs as many times an enabled one, both cost the same: that is the break-even. A site that uses shifts is above it,
one at which everybody works at once below.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded
from seatkeeper.usage.billing import PRICES_MAX, check_prices

__all__ = ["Advice", "SeatPrice", "SeatPrices", "advice", "parse_seat_prices", "seat_price_for"]

_RATIO_STEP: Final = Decimal("0.01")
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class SeatPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one seat of an item costs, for the same time, bought in one way or the other; of a tenant, or of all who have no own price."""

    item: _Name
    enabled: Decimal
    concurrent: Decimal
    tenant: str = ""


class SeatPrices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price file for both ways of buying."""

    currency: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    prices: Annotated[tuple[SeatPrice, ...], msgspec.Meta(min_length=1, max_length=PRICES_MAX)]
    decimals: Annotated[int, msgspec.Meta(ge=0, le=6)] = 2


class Advice(msgspec.Struct, frozen=True):
    """Which way is cheaper.

    Attributes:
        enabled: The most seats that were enabled at once; None where that is not known.
        peak: The most that were in use at once; None where that is not known.
        ratio: Enabled seats for each of the peak; None where there is no peak.
        break_even: The ratio at which both cost the same; None without prices.
        enabled_cost: What the enabled seats cost.
        concurrent_cost: What the peak costs.
        cheaper: The cheaper way; None without prices.
        saves: By so much.
        peak_up_to: How high the peak may become, by the forecast; None without one.
        concurrent_cost_up_to: What that costs.
        still: Whether the cheaper way is still no dearer then; None without a forecast.
    """

    enabled: int | None
    peak: int | None
    ratio: Decimal | None
    break_even: Decimal | None = None
    enabled_cost: Decimal | None = None
    concurrent_cost: Decimal | None = None
    cheaper: Literal["enabled", "concurrent", "either"] | None = None
    saves: Decimal | None = None
    peak_up_to: int | None = None
    concurrent_cost_up_to: Decimal | None = None
    still: bool | None = None


def parse_seat_prices(tables: Any, file: str) -> SeatPrices:
    """The prices of a file, as TOML gives it with decimal numbers.

    Raises:
        InputError: It has something else, or the same price twice.
    """
    try:
        prices = msgspec.convert(tables, SeatPrices)
    except msgspec.ValidationError as error:
        raise InputError(f"The price file is not understood: {error}.", file=file) from None
    check_prices([(price.item, price.tenant, (price.enabled, price.concurrent)) for price in prices.prices], file)
    return prices


def seat_price_for(prices: SeatPrices, item: str, tenant: str | None) -> SeatPrice | None:
    """The price of an item for a tenant: his own, else that for everybody."""
    found = {price.tenant: price for price in prices.prices if folded(price.item) == folded(item)}
    return found.get(tenant or "") or found.get("")


def advice(enabled: int | None, peak: int | None, price: SeatPrice | None, decimals: int, peak_up_to: int | None) -> Advice:
    """Which way is cheaper for so many enabled seats and such a peak."""
    ratio = (Decimal(enabled) / peak).quantize(_RATIO_STEP, ROUND_HALF_UP) if enabled is not None and peak else None
    # Where fewer are enabled than were in use, not all that is enabled is known.
    if price is None or enabled is None or not peak or enabled < peak:
        return Advice(enabled, peak, ratio, peak_up_to=peak_up_to)
    step = Decimal(1).scaleb(-decimals)
    costs = {
        "enabled": (enabled * price.enabled).quantize(step, ROUND_HALF_UP),
        "concurrent": (peak * price.concurrent).quantize(step, ROUND_HALF_UP),
    }
    most = None if peak_up_to is None else (peak_up_to * price.concurrent).quantize(step, ROUND_HALF_UP)
    cheaper: Literal["enabled", "concurrent", "either"] = "either"
    if costs["enabled"] != costs["concurrent"]:
        cheaper = "enabled" if costs["enabled"] < costs["concurrent"] else "concurrent"
    return Advice(
        enabled,
        peak,
        ratio,
        (price.concurrent / price.enabled).quantize(_RATIO_STEP, ROUND_HALF_UP) if price.enabled else None,
        costs["enabled"],
        costs["concurrent"],
        cheaper,
        abs(costs["enabled"] - costs["concurrent"]),
        peak_up_to,
        most,
        # A peak that grows makes concurrent seats dearer only.
        None if most is None else cheaper == "enabled" or most <= costs["enabled"],
    )
