"""For how long each number of seats was in use, and how many logins found so many in use, exact to the second, on the sweep of peaks.

A peak says how many seats are never too few; this says how many are seldom too few. Where a time of use of a seat begins, a login came
that needed a seat of its own: what it found in use decides whether a pool of so many seats would have had one for it. At the same moment
seats are left before others are taken, so who takes over a seat within a second finds it free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.usage.peaks import begins_use, lasting, states

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from seatkeeper.usage.peaks import Cells

__all__ = ["levels"]


def levels(times: Table, cells: Cells) -> Table:
    """Key, period, `seats`, `seconds` and `logins`: so long so many seats were in use, and so many logins found so many in use.

    A time of use that begins at the first edge of its key counts as a login; so the first edge lies before all times that matter.

    Args:
        times: Columns `key`, `seat`, `since`, `until`; all lie between the first and the last edge of their key.
        cells: Which keys and periods.
    """
    lasted = lasting(states(times, cells))
    lasted = lasted.mutate(logins=begins_use(lasted.event).cast("int64"))
    edges = cells.edges
    named = lasted.inner_join(edges.filter(edges.period >= 0), "cell")
    return named.group_by("key", "period", "seats").aggregate(seconds=named.seconds.sum(), logins=named.logins.sum())
