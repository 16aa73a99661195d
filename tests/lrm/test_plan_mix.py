from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.plan_mix import mixes
from seatkeeper.lrm.report import Query, items_by_name
from seatkeeper.lrm.site import Site
from seatkeeper.usage.mix import SeatPrice, SeatPrices
from support.usagefacts import DAY, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

MAIL = "Genesys E-Mail"
FIRST = date(2026, 9, 1)
SITE = Site(items_by_name())
PRICES = SeatPrices("EUR", (SeatPrice("genesys e-mail", Decimal(10), Decimal(15)), SeatPrice("SIP Server", Decimal(1), Decimal(2))))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """For seventy days six agents are set up for e-mail, of whom three work at once; two use SIP, for which one is set up."""
    rows = []
    for day in range(70):
        for who in range(3):
            begin = DAY + day * 86_400 + 30_000
            rows.append(session(day * 10 + who, begin, begin + 9000, agent=f"a{who}", media="email", place=f"P{who}"))
        rows.append(
            session(day * 10 + 8, DAY + day * 86_400, DAY + day * 86_400 + 9, agent="a0", switch_kind="sip", media="voice", place="P0")
        )
        rows.append(
            session(day * 10 + 9, DAY + day * 86_400, DAY + day * 86_400 + 9, agent="a1", switch_kind="sip", media="voice", place="P1")
        )
    made = Warehouse(tmp_path / "db")
    made.load(write_csv(tmp_path / "s.csv", "sessions", rows))
    about = {"source": "c", "tenant": "Harbor", "kind": "agent", "since": DAY}
    able = [{**about, "name": f"a{who}", "detail": detail} for who in range(6) for detail in ("agent", "email")]
    made.load(write_csv(tmp_path / "c.csv", "configuration", [*able, {**about, "name": "a0", "detail": "sip"}]))
    return made


def test_each_item_with_a_price_is_advised(warehouse: Warehouse) -> None:
    query = Query("system", "all", "daily", FIRST, FIRST + timedelta(70))
    mail, sip = mixes(warehouse, open_duckdb(), query, SITE, 4e9, PRICES, 2)
    assert (mail.item, mail.advice.enabled, mail.advice.peak, mail.advice.ratio) == (MAIL, 6, 3, Decimal("2.00"))
    assert (mail.advice.cheaper, mail.advice.saves, mail.advice.peak_up_to, mail.advice.still) == ("concurrent", 15, 3, True)
    assert (len(mail.past.days.days), mail.note) == (70, "")
    assert sip.note == "fewer seats are enabled than were in use, so what was loaded of the configuration is not all"
    assert sip.advice.cheaper is None


def test_without_prices_the_ratio_alone_is_told(warehouse: Warehouse) -> None:
    query = Query("tenant", "all", "daily", FIRST, FIRST + timedelta(70))
    told = {one.item: one for one in mixes(warehouse, open_duckdb(), query, SITE, 4e9, None, 2)}
    assert (told[MAIL].advice.ratio, told[MAIL].advice.cheaper, told[MAIL].advice.peak_up_to) == (2, None, None)
    assert told["Genesys Web Media"].note == "nothing was in use"
    assert told["Genesys Outbound Contact - MS"].note == "the peak is not known (no campaign group is known)"
    assert "GVP Ports" not in told


def test_an_item_that_is_sold_in_one_way_only_is_refused(warehouse: Warehouse) -> None:
    query = Query("system", "GVP Ports", "daily", FIRST, FIRST + timedelta(70))
    with pytest.raises(InputError, match="has not both"):
        mixes(warehouse, open_duckdb(), query, SITE, 4e9, None, 2)


def test_what_cannot_be_forecast_is_said(warehouse: Warehouse) -> None:
    query = Query("system", MAIL, "daily", FIRST, FIRST + timedelta(20))
    (mail,) = mixes(warehouse, open_duckdb(), query, SITE, 4e9, PRICES, 2)
    assert mail.note == "no forecast: There is too little history for a forecast."
    assert (mail.advice.cheaper, mail.advice.still) == ("concurrent", None)
    (unforeseen,) = mixes(warehouse, open_duckdb(), query, SITE, 4e9, PRICES, 0)
    assert unforeseen.note == ""
