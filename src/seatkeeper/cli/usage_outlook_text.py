"""What forecasts say, and which licenses are cheaper, as tables that a planner reads and as the values that scripts read."""

from __future__ import annotations

import calendar
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from seatkeeper.cli.order import table
from seatkeeper.cli.usage_plan_text import about_json, about_lines, days_json, percent
from seatkeeper.lrm.plan_forecast import NoForecast
from seatkeeper.usage.planning import days_sentences

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from seatkeeper.lrm.plan_forecast import Forecast
    from seatkeeper.lrm.plan_mix import Mix
    from seatkeeper.usage.outlook import Backtest, Held, Range

__all__ = ["forecast_json", "forecast_lines", "mix_json", "mix_lines"]

#: So many days a sentence names.
_DAYS_NAMED_MAX = 5


def forecast_json(told: Forecast | NoForecast, item: str) -> dict[str, Any]:
    """A forecast, with its days; or why there is none."""
    about = about_json(told.past, item)
    if isinstance(told, NoForecast):
        return {**about, "missing": told.reason}
    return {
        **about,
        "idle_weekdays": [calendar.day_name[weekday] for weekday in sorted(told.history.idle)],
        "low_days": [f"{day}" for day in told.history.low],
        "months": [
            {
                "month": f"{one.month:%Y-%m}",
                "days": one.days,
                "so_far": one.so_far,
                "median": one.median,
                "ranges": _ranges_json(one.ranges),
                "over": one.over,
                "passed": one.passed,
            }
            for one in told.months
        ],
        "forecast": [
            {"date": f"{told.history.end + timedelta(number)}", "ranges": _ranges_json(day)} for number, day in enumerate(told.days)
        ],
        "held": None if told.held is None else _held_json(told.held),
    }


def _ranges_json(ranges: Sequence[Range]) -> list[dict[str, int]]:
    return [{"interval": one.level, "low": one.low, "high": one.high} for one in ranges]


def _held_json(held: Backtest) -> dict[str, Any]:
    def of(found: Sequence[Held]) -> list[dict[str, int]]:
        return [{"interval": one.level, "held": one.held, "of": one.of} for one in found]

    return {
        "first": None if held.first is None else f"{held.first}",
        "last": None if held.last is None else f"{held.last}",
        "days": of(held.days),
        "months": of(held.months),
        "months_ahead": held.months_ahead,
    }


def forecast_lines(told: Forecast | NoForecast, item: str) -> list[str]:
    """A forecast by month, and how it did before."""
    lines = about_lines(told.past, item)
    if isinstance(told, NoForecast):
        return [*lines, told.reason, ""]
    history, limit = told.history, told.past.limit
    if history.idle:
        names = ", ".join(calendar.day_name[weekday] for weekday in sorted(history.idle))
        lines.append(f"Nothing is in use any more on: {names}. 0 is expected there.")
    if history.low:
        lines.append(f"Far lower than days like them, and not in the forecast: {_named(history.low)}.")
    head = ["Month", "Expected peak", *(f"{one.level} %" for one in told.months[0].ranges)]
    head += ["Above the limit", "Passed by its end"] if limit else []
    cells = []
    for one in told.months:
        cell = [f"{one.month:%Y-%m}", str(one.median), *(f"{each.low} to {each.high}" for each in one.ranges)]
        if one.over is not None and one.passed is not None:
            cell += [percent(round(one.over, 2)), percent(round(one.passed, 2))]
        cells.append(cell)
    lines += table(head, cells)
    begun = told.months[0]
    if begun.so_far is not None:
        lines.append(f"{begun.month:%Y-%m} has {begun.days} days to come; its peak so far is {begun.so_far}.")
    if limit:
        lines.append(_when(told, limit[0]))
    return [*lines, *(_held_lines(told.held) if told.held is not None else []), ""]


def _named(days: Sequence[date]) -> str:
    more = len(days) - _DAYS_NAMED_MAX
    return ", ".join(f"{day}" for day in days[:_DAYS_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _when(told: Forecast, limit: int) -> str:
    by = next((one for one in told.months if one.passed is not None and one.passed >= 0.5), None)
    before = sum(1 for row in told.past.rows if (row.peak or 0) > limit)
    already = f"The limit of {limit} was passed on {before} of the {len(told.past.rows)} days. " if before else ""
    month = told.months[-1] if by is None else by
    what, again = ("It", " again") if before else (f"The limit of {limit}", "")
    return (
        f"{already}{what} is passed{again} by the end of {month.month:%Y-%m} with a probability of {percent(round(month.passed or 0, 2))}."
    )


def _held_lines(held: Backtest) -> list[str]:
    if not held.days:
        return ["How well such a forecast does cannot be told yet: history is too short to forecast a part of it from the rest."]
    (first, *others) = held.days
    more = "".join(f", the {one.level} % interval {percent(round(one.held / one.of, 2))}" for one in others)
    lines = [
        f"Forecast as of earlier, 1 to 28 days ahead ({held.first} to {held.last}): "
        f"the {first.level} % interval held {percent(round(first.held / first.of, 2))} of {first.of} days{more}."
    ]
    if held.months:
        (first, *others) = held.months
        more = "".join(f", the {one.level} % interval {one.held}" for one in others)
        ahead = "1 month" if held.months_ahead == 1 else f"1 to {held.months_ahead} months"
        lines.append(f"Of months' peaks, forecast {ahead} ahead, the {first.level} % interval held {first.held} of {first.of}{more}.")
    return lines


def mix_json(told: Mix, currency: str | None) -> dict[str, Any]:
    """One item; amounts and ratios are decimal numbers."""
    one = told.advice
    return {
        "tenant": told.past.subject.tenant,
        "item": told.item,
        "days": days_json(told.past.days),
        "enabled": one.enabled,
        "peak": one.peak,
        "ratio": one.ratio,
        "currency": currency,
        "break_even": one.break_even,
        "enabled_cost": one.enabled_cost,
        "concurrent_cost": one.concurrent_cost,
        "cheaper": one.cheaper,
        "saves": one.saves,
        "peak_up_to": one.peak_up_to,
        "concurrent_cost_up_to": one.concurrent_cost_up_to,
        "still": one.still,
        "note": told.note,
    }


def mix_lines(told: Sequence[Mix], currency: str | None) -> list[str]:
    """All items as one table, and what cannot be said of some."""
    several = any(one.past.subject.tenant is not None for one in told)
    known = [one for one in told if one.advice.ratio is not None]
    head = [*(["Tenant"] if several else []), "Sellable item", "Enabled", "Peak", "Ratio"]
    if currency is not None:
        head += ["Break-even", "Enabled cost", "Concurrent cost", "Cheaper", f"By ({currency})", "Peak up to", "Then"]
    cells = []
    for one in known:
        advice = one.advice
        cell = [*([one.past.subject.tenant or ""] if several else []), one.item, str(advice.enabled), str(advice.peak), f"{advice.ratio}"]
        if currency is not None:
            values = (advice.break_even, advice.enabled_cost, advice.concurrent_cost, advice.cheaper, advice.saves, advice.peak_up_to)
            cell += ["-" if value is None else str(value) for value in values]
            cell.append("-" if advice.still is None else "still" if advice.still else f"no more: {advice.concurrent_cost_up_to}")
        cells.append(cell)
    lines = table(head, cells) if cells else []
    lines += list(dict.fromkeys(sentence for one in known for sentence in days_sentences(one.past.days)))
    notes: dict[tuple[str, str], list[str]] = {}
    for one in told:
        if one.note:
            notes.setdefault((one.note, one.past.subject.tenant or ""), []).append(one.item)
    for (note, tenant), names in notes.items():
        lines.append(f"{f'{tenant}: ' if tenant else ''}{note[0].upper()}{note[1:].rstrip('.')}: {', '.join(names)}.")
    return lines
