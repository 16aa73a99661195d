"""Enabled against concurrent licenses of each item that has both, from the same days, with how high the peak may become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.lrm.plan import past_of
from seatkeeper.lrm.plan_forecast import forecast
from seatkeeper.usage.measures import SessionRule
from seatkeeper.usage.mix import Advice, SeatPrices, advice, seat_price_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.plan import Past
    from seatkeeper.lrm.report import Query
    from seatkeeper.lrm.site import Site
    from seatkeeper.usage.measures import Item

__all__ = ["UP_TO", "Mix", "mixes"]

#: Above this interval is one future in forty.
UP_TO: Final = 95


class Mix(msgspec.Struct, frozen=True):
    """One item of one subject; `note` says why something is not known."""

    past: Past
    item: str
    advice: Advice
    note: str


def mixes(warehouse: Warehouse, engine: Engine, query: Query, site: Site, now: float, prices: SeatPrices | None, months: int) -> list[Mix]:
    """The item of the query, of `all` those with prices, or all that are sold in both ways, for each subject of the query, a daily report.

    Args:
        warehouse: Where the facts are.
        engine: What works it out.
        query: What is asked.
        site: Limits, bundles and settings.
        now: In UTC seconds.
        prices: What seats cost; None: not known, and nothing is forecast.
        months: So many months ahead the peak is forecast; 0: not at all.

    Raises:
        InputError: As `lrm.report.report`, or the item is not sold in both ways.
        SeatkeeperError: The library of forecasts is not installed.
    """
    both = [item for item in site.items.values() if isinstance(item.peak, SessionRule) and item.enabled is not None]
    wanted = [query.item]
    if query.item == "all":
        wanted = [item.name for item in both] if prices is None else list(dict.fromkeys(price.item for price in prices.prices))
    both = [_sold_both_ways(site, both, name) for name in wanted]
    found: list[Mix] = []
    for item in both:
        for past in past_of(warehouse, engine, msgspec.structs.replace(query, item=item.name), site, now, detail=False):
            enabled = max((row.enabled for row in past.rows if row.enabled is not None), default=None)
            peak = past.peak[0]
            price = None if prices is None else seat_price_for(prices, item.name, past.subject.tenant)
            note, up_to = "", None
            if not peak:
                note = "nothing was in use" if peak == 0 else f"the peak is not known ({_why(past)})"
            elif enabled is None:
                note = "what is enabled is not known"
            elif enabled < peak:
                note = "fewer seats are enabled than were in use, so what was loaded of the configuration is not all"
            elif prices is not None and price is None:
                note = "there is no price"
            elif price is not None and months:
                try:
                    # The highest of the interval, and never less than what was there.
                    up_to = max(peak, forecast(past, months, (UP_TO,), tested=False).highest[0].high)
                except InputError as error:
                    note = f"no forecast: {error.message}"
            found.append(Mix(past, item.name, advice(enabled, peak, price, 2 if prices is None else prices.decimals, up_to), note))
    return found


def _sold_both_ways(site: Site, both: Sequence[Item], name: str) -> Item:
    found = [item for item in both if item.name == site.name_of(name)]
    if not found:
        raise InputError("This has not both enabled seats and seats in use.", file="--item", found=name)
    return found[0]


def _why(past: Past) -> str:
    return "; ".join(out.reason for out in past.days.left_out)
