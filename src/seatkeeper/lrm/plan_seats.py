"""How many seats a chosen risk needs, by the past's own days, and what a pool of so many would have meant for those who logged in."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import msgspec

from seatkeeper.lrm.plan import counted_times, held_of, levels_of, members_of, past_of, single_item, uses_of
from seatkeeper.usage.planning import RISKS, Needed, RiskOf, seats_by_trial, seats_for, wanted_by_days, wanted_by_logins, wanted_by_time
from seatkeeper.usage.reports import GROUP_KINDS
from seatkeeper.usage.whatif import Denials, denials, joined, replay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.plan import Past
    from seatkeeper.lrm.report import Query
    from seatkeeper.lrm.site import Site
    from seatkeeper.usage.whatif import Use

__all__ = ["SeatsPlan", "SeatsRow", "seats_plan"]


class SeatsRow(msgspec.Struct, frozen=True):
    """One risk: what it needs, and who would have been denied with so many seats; None where only peaks are looked at."""

    needed: Needed
    denials: Denials | None


class SeatsPlan(msgspec.Struct, frozen=True):
    """The risks of one whom the plan is about, in order; none where nothing was in use."""

    past: Past
    rows: list[SeatsRow]


def seats_plan(
    warehouse: Warehouse, engine: Engine, query: Query, site: Site, now: float, of: RiskOf, risk: Fraction | None
) -> list[SeatsPlan]:
    """For each subject of the query, a daily report, the seats that risks need.

    Args:
        warehouse: Where the facts are.
        engine: What works it out.
        query: What is asked.
        site: Limits, bundles and settings.
        now: In UTC seconds.
        of: What a risk is a share of; of days, peaks are enough, and nobody is played again.
        risk: One more risk than the usual ones.

    Raises:
        InputError: As `lrm.report.report`; or the item is not measured from sessions or recordings.
    """
    risks = sorted({*RISKS, *([] if risk is None else [risk])})
    pasts = past_of(warehouse, engine, query, site, now, detail=of != "days")
    if of == "days":
        return [
            SeatsPlan(past, [SeatsRow(needed, None) for needed in seats_for(wanted_by_days(row.peak or 0 for row in past.rows), risks)])
            for past in pasts
        ]
    item = single_item(site, query, pasts)
    levels = levels_of(warehouse, engine, query.report, item, site, pasts)
    known = [past for past in pasts if past.rows]
    since = min((past.rows[0].period.since for past in known), default=0)
    until = max((past.rows[-1].period.until for past in known), default=0)
    held = held_of(warehouse, engine, item, since, until) if known else []
    members = members_of(warehouse, engine, query.report) if query.report in GROUP_KINDS else []
    wanted = wanted_by_time if of == "time" else wanted_by_logins
    plans = []
    for past in pasts:
        needs = seats_for(wanted(levels[past.subject]), risks)
        uses = joined(uses_of(held, query.report, past.subject, members)) if needs else []
        counts = counted_times(site, past)
        play = _player(uses, counts, past)
        if of == "denials":
            needs = seats_by_trial(needs, lambda seats, play=play: play(seats).denied)  # type: ignore[misc]
        plans.append(SeatsPlan(past, [SeatsRow(needed, play(needed.seats)) for needed in needs]))
    return plans


def _player(uses: Sequence[Use], counts: Sequence[tuple[int, int]], past: Past) -> Callable[[int], Denials]:
    """Who is denied with so many seats; the same number is played once."""
    return cache(lambda seats: denials(replay(uses, counts, [(0, seats)]), past.zone))
