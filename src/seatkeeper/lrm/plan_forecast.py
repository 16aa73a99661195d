"""The forecast of one whom a plan is about: its months, how it did before, and when the limit is passed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec

from seatkeeper.adapters.forecasts import futures_of
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.plan import past_of
from seatkeeper.usage.outlook import Backtest, History, MonthOutlook, Range, backtest, history_of, month_after, outlook, range_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.plan import Past
    from seatkeeper.lrm.report import Query
    from seatkeeper.lrm.site import Site

__all__ = ["Forecast", "NoForecast", "forecast", "forecasts", "peaks_of"]


class Forecast(msgspec.Struct, frozen=True):
    """What is expected.

    Attributes:
        past: From what.
        history: What of it the model saw.
        months: What is expected of each month.
        days: Of each day from the end of the history on, its ranges.
        held: How the same did before; None where that was not asked for.
        highest: Of the whole time, the ranges of its peak.
    """

    past: Past
    history: History
    months: list[MonthOutlook]
    days: list[tuple[Range, ...]]
    held: Backtest | None
    highest: tuple[Range, ...]


class NoForecast(msgspec.Struct, frozen=True):
    """Why there is none of one of several."""

    past: Past
    reason: str


def peaks_of(past: Past) -> dict[date, int]:
    """The daily peaks that are known."""
    return {day: row.peak for day, row in zip(past.days.days, past.rows, strict=True) if row.peak is not None}


def forecast(past: Past, months: int, intervals: Sequence[int], *, tested: bool) -> Forecast:
    """What is expected of the month in which the past ends, if days of it are to come, and of those after it: so many in all.

    Raises:
        InputError: There is too little history.
        SeatkeeperError: The library is not installed.
    """
    peaks = peaks_of(past)
    history = history_of(peaks)
    futures = futures_of(history, (month_after(history.end, months) - history.end).days)
    limit = past.limit
    return Forecast(
        past,
        history,
        outlook(peaks, history, futures, intervals, None if limit is None else limit[0]),
        [tuple(range_of(day, level) for level in intervals) for day in futures],
        backtest(peaks, futures_of, intervals, months) if tested else None,
        tuple(range_of([max(each) for each in zip(*futures, strict=True)], level) for level in intervals),
    )


def forecasts(
    warehouse: Warehouse, engine: Engine, query: Query, site: Site, now: float, months: int, intervals: Sequence[int]
) -> list[Forecast | NoForecast]:
    """The forecast of each subject of the query, a daily report; why not, where one of several has too little history.

    Raises:
        InputError: As `lrm.report.report`, or the only one has too little history.
        SeatkeeperError: The library is not installed.
    """
    pasts = past_of(warehouse, engine, query, site, now, detail=False)
    found: list[Forecast | NoForecast] = []
    for past in pasts:
        try:
            found.append(forecast(past, months, intervals, tested=True))
        except InputError as error:
            if len(pasts) == 1:
                raise
            found.append(NoForecast(past, error.message))
    return found
