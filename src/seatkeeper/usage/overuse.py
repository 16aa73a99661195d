"""For how long more seats were in use than a limit allows, exact to the second, on the same sweep that finds the peaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.usage.peaks import lasting, states

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from seatkeeper.usage.peaks import Cells

__all__ = ["seconds_over"]


def seconds_over(times: Table, cells: Cells, limits: Table, step_s: int = 1) -> Table:
    """Key, period and `seconds`: so long more was in use than the limit; no row where it never was.

    Args:
        times: Columns `key`, `seat`, `since`, `until`; all lie between the first and the last edge of their key.
        cells: Which keys and periods.
        limits: Columns `key`, `period` and `limit`.
        step_s: Looks only at whole multiples of so many seconds; what is seen then counts for the time until the next look.
    """
    lasted = lasting(states(times, cells, step_s))
    cell = cells.edges.filter(cells.edges.period >= 0).inner_join(limits, ["key", "period"]).select("cell", "key", "period", "limit")
    over = lasted.inner_join(cell, "cell")
    over = over.filter(over.seats > over["limit"], over.seconds > 0)
    return over.group_by("key", "period").aggregate(seconds=over.seconds.sum())
