from __future__ import annotations

from decimal import Decimal

import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.usage.mix import Advice, SeatPrice, advice, parse_seat_prices, seat_price_for

PRICE = SeatPrice("Genesys E-Mail", Decimal(10), Decimal("17.50"))


def test_the_cheaper_way_and_the_ratio_at_which_both_cost_the_same() -> None:
    told = advice(200, 100, PRICE, 2, 110)
    assert (told.ratio, told.break_even) == (Decimal("2.00"), Decimal("1.75"))
    assert (told.enabled_cost, told.concurrent_cost, told.cheaper, told.saves) == (2000, 1750, "concurrent", 250)
    assert (told.concurrent_cost_up_to, told.still) == (Decimal("1925.00"), True)
    assert advice(200, 100, PRICE, 2, 120).still is False
    shifts = advice(110, 100, PRICE, 2, 120)
    assert (shifts.cheaper, shifts.saves, shifts.still) == ("enabled", Decimal("650.00"), True)
    assert advice(175, 100, PRICE, 2, None).cheaper == "either"
    assert advice(175, 100, PRICE, 2, None).still is None
    assert advice(1, 1, SeatPrice("x", Decimal(0), Decimal(1)), 2, None).break_even is None


def test_what_is_not_known_has_no_advice() -> None:
    assert advice(None, 5, PRICE, 2, None) == Advice(None, 5, None)
    assert advice(5, None, PRICE, 2, None) == Advice(5, None, None)
    assert advice(5, 0, PRICE, 2, None) == Advice(5, 0, None)
    assert advice(6, 5, None, 2, None) == Advice(6, 5, Decimal("1.20"))
    assert advice(4, 5, PRICE, 2, None).cheaper is None


def test_prices_are_read_and_checked() -> None:
    row = {"item": "Genesys E-Mail", "enabled": 10, "concurrent": Decimal("17.50")}
    own = {"item": "genesys e-mail", "enabled": 9, "concurrent": 20, "tenant": "Harbor"}
    prices = parse_seat_prices({"currency": "EUR", "prices": [row, own]}, "p.toml")
    assert seat_price_for(prices, "GENESYS E-MAIL", None) == PRICE
    found = seat_price_for(prices, "Genesys E-Mail", "Harbor")
    assert found is not None
    assert found.enabled == 9
    assert seat_price_for(prices, "SIP Server", None) is None
    for rows, text in (
        ([row, row], "stands there twice"),
        ([{**row, "enabled": Decimal(-1)}], "no price of Genesys E-Mail"),
        ([{**row, "over": 1}], "is not understood"),
    ):
        with pytest.raises(InputError, match=text):
            parse_seat_prices({"currency": "EUR", "prices": rows}, "p.toml")
