from __future__ import annotations

import tomllib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.usage.billing import Price, Use, charge, parse_prices, price_for

PRICE = Price("Genesys E-Mail", Decimal("12.50"), Decimal("0.105"))
FILE = """
currency = "EUR"
[[prices]]
item = "Genesys E-Mail"
over = 12.50
burst = 0.1
[[prices]]
item = "genesys e-mail"
tenant = "Harbor"
over = "9.999"
"""


def parsed(text: str) -> Any:
    return parse_prices(tomllib.loads(text, parse_float=Decimal), "p.toml")


def test_a_tenant_has_his_own_price_or_that_of_everybody() -> None:
    prices = parsed(FILE)
    own, others = price_for(prices, "Genesys E-Mail", "Harbor"), price_for(prices, "Genesys E-Mail", "Meadow")
    assert own is not None
    assert others is not None
    assert (own.over, own.burst, others.over, others.burst) == (Decimal("9.999"), 0, Decimal("12.50"), Decimal("0.1"))
    assert (price_for(prices, "Genesys E-Mail", None), price_for(prices, "SIP Server", "Harbor")) == (others, None)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('currency = "EUR"', "", "missing required field `currency`"),
        ("12.50", "-1", "no price of Genesys E-Mail"),
        ("12.50", "nan", "no price of|not understood"),
        ("12.50", "0.0000001", "no price of"),
        ("over = 12.50", "price = 12.50", r"unknown field `price`|missing required field `over`"),
        ('tenant = "Harbor"\n', "", "stands there twice"),
    ],
)
def test_a_price_file_that_cannot_be_used_is_refused(old: str, new: str, message: str) -> None:
    assert old in FILE
    with pytest.raises(InputError, match=f"p.toml: .*({message})"):
        parsed(FILE.replace(old, new, 1))


def test_the_month_pays_for_the_most_that_a_day_was_over_its_own_limits() -> None:
    days = [Use(30, 1, 40, 50), Use(16, 2, 10, 15), Use(13, 3, 10, 15), Use(None, None, 10, 15, "icon has no data")]
    told = charge("Harbor", days, PRICE, 2)
    assert (told.peak, told.peak_time, told.included, told.burst) == (30, 1, 10, 15)
    # One seat above the burst limit, five below it; 12.50 + 5 times 0.105 is 13.025, half up.
    assert (told.over, told.within_burst, told.amount, told.note) == (1, 5, Decimal("13.03"), "icon has no data")
    assert charge("Harbor", [Use(10, 1, 10, 15)], PRICE, 2).amount == 0


def test_what_is_not_known_or_has_no_limit_is_not_charged() -> None:
    assert charge("Harbor", [Use(None, None, 10, 10, "no ports were counted")], PRICE, 2).amount is None
    told = charge("Harbor", [Use(5, 7, None, None)], PRICE, 2)
    assert (told.peak, told.amount, told.note) == (5, None, "there is no limit to compare with")
    # Days without a limit are not compared, the others are.
    told = charge("Harbor", [Use(50, 7, None, None), Use(12, 8, 10, None)], PRICE, 2)
    assert (told.peak, told.over, told.amount) == (50, 2, 25)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 20), st.decimals(0, 1000, places=4), st.decimals(0, 1000, places=4))
def test_a_day_costs_its_seats_exactly(value: int, included: int, more: int, over: Decimal, burst: Decimal) -> None:
    told = charge(None, [Use(value, 1, included, included + more)], Price("x", over, burst), 6)
    seats_over, seats_burst = max(0, value - included - more), max(0, min(value, included + more) - included)
    assert told.amount == seats_over * over + seats_burst * burst
