from __future__ import annotations

from datetime import UTC, date, timedelta
from decimal import Decimal

from seatkeeper.cli.usage_outlook_text import forecast_json, forecast_lines, mix_json, mix_lines
from seatkeeper.lrm.plan import Past
from seatkeeper.lrm.plan_forecast import Forecast, NoForecast
from seatkeeper.lrm.plan_mix import Mix
from seatkeeper.lrm.report import Row
from seatkeeper.usage.mix import Advice
from seatkeeper.usage.outlook import Backtest, Held, History, MonthOutlook, Range
from seatkeeper.usage.periods import Period
from seatkeeper.usage.planning import FromDays
from seatkeeper.usage.reports import Subject
from support.usagefacts import DAY

FIRST = date(2026, 9, 1)
MAIL = "Genesys E-Mail"
RANGES = (Range(80, 8, 12), Range(95, 7, 14))
HELD = Backtest(FIRST, FIRST + timedelta(9), (Held(80, 39, 50), Held(95, 48, 50)), (Held(80, 3, 4), Held(95, 4, 4)), 3)


def past(tenant: str | None = None, limit: int | None = 10) -> Past:
    rows = [Row(Subject(tenant), MAIL, Period(DAY, DAY, DAY + 86_400), peak, DAY + 60, None, limit, limit_since=FIRST) for peak in (9, 11)]
    return Past(Subject(tenant), UTC, FromDays((FIRST, FIRST + timedelta(1))), rows)


def told(held: Backtest, limit: int | None = 10, passed: float = 0.62) -> Forecast:
    months = [
        MonthOutlook(date(2026, 9, 1), 28, 11, 11, RANGES, 1.0 if limit else None, passed / 2 if limit else None),
        MonthOutlook(date(2026, 10, 1), 31, None, 10, RANGES, 0.4 if limit else None, passed if limit else None),
    ]
    history = History(FIRST, (9, 11), frozenset({5, 6}), tuple(FIRST + timedelta(number) for number in range(7)))
    return Forecast(past(limit=limit), history, months, [RANGES], held, RANGES)


def test_a_forecast_says_how_sure_it_is_and_how_it_did() -> None:
    lines = forecast_lines(told(HELD), MAIL)
    assert "2026-10             10  8 to 12  7 to 14  40 %             62 %" in lines
    assert "Nothing is in use any more on: Saturday, Sunday. 0 is expected there." in lines
    assert any(line.endswith("2026-09-05 and 2 more.") for line in lines)
    assert "2026-09 has 28 days to come; its peak so far is 11." in lines
    assert "The limit of 10 was passed on 1 of the 2 days. It is passed again by the end of 2026-10 with a probability of 62 %." in lines
    assert (
        "Forecast as of earlier, 1 to 28 days ahead (2026-09-01 to 2026-09-10): "
        "the 80 % interval held 78 % of 50 days, the 95 % interval 96 %." in lines
    )
    assert "Of months' peaks, forecast 1 to 3 months ahead, the 80 % interval held 3 of 4, the 95 % interval 4." in lines
    rare = forecast_lines(told(HELD, passed=0.1), MAIL)
    assert any(line.endswith("by the end of 2026-10 with a probability of 10 %.") for line in rare)


def test_a_forecast_that_could_not_be_tried_says_so() -> None:
    lines = forecast_lines(told(Backtest(None, None, (), (), 0), limit=None), MAIL)
    assert lines[-2].startswith("How well such a forecast does cannot be told yet")
    assert not any("limit" in line for line in lines)
    assert forecast_lines(NoForecast(past(), "There is too little."), MAIL)[-2] == "There is too little."
    assert forecast_json(NoForecast(past(), "There is too little."), MAIL)["missing"] == "There is too little."


def test_a_forecast_as_json() -> None:
    value = forecast_json(told(HELD), MAIL)
    assert value["months"][1]["ranges"] == [{"interval": 80, "low": 8, "high": 12}, {"interval": 95, "low": 7, "high": 14}]
    assert (value["forecast"][0]["date"], value["idle_weekdays"]) == ("2026-09-03", ["Saturday", "Sunday"])
    assert value["held"]["days"] == [{"interval": 80, "held": 39, "of": 50}, {"interval": 95, "held": 48, "of": 50}]


def test_a_mix_as_a_table_with_what_cannot_be_said() -> None:
    advice = Advice(
        30, 20, Decimal("1.50"), Decimal("1.25"), Decimal(300), Decimal(250), "concurrent", Decimal(50), 25, Decimal(313), False
    )
    mixes = [Mix(past("Harbor"), MAIL, advice, ""), Mix(past("Harbor"), "SIP Server", Advice(3, 0, None), "nothing was in use")]
    lines = mix_lines(mixes, "EUR")
    assert " ".join(lines[2].split()) == f"Harbor {MAIL} 30 20 1.50 1.25 300 250 concurrent 50 25 no more: 313"
    assert lines[3:] == ["From 2 days, 2026-09-01 to 2026-09-02.", "Harbor: Nothing was in use: SIP Server."]
    assert mix_json(mixes[0], "EUR")["still"] is False
    unpriced = mix_lines([Mix(past(), MAIL, Advice(3, 2, Decimal("1.50")), "")], None)
    assert unpriced[0].split() == ["Sellable", "item", "Enabled", "Peak", "Ratio"]
