"""What of a technical license was in use and refused, from license servers' own checkouts and denials, for any features in one pass.

A checkout takes its number of seats from `taken` up to but not including `returned`, and each checkout takes seats of its own; how a
license file lets some share a seat (DUP_GROUP) is not known here. One without an end is still out. Features are the same whatever their
case, as the license server has it. A server that is no more (a fact of the kind `ends`) has its seats back.

Each feature has a number, the key: its place in the list that is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from seatkeeper.usage.peaks import peaks
from seatkeeper.usage.reports import cells
from seatkeeper.usage.seats import FOREVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibis.expr.types import Table

    from seatkeeper.usage.periods import Edge

__all__ = ["checkout_times", "denied_in", "ended_with_server", "feature_peaks", "used_in"]


def ended_with_server(checkouts: Table, ends: Table) -> Table:
    """The checkouts, where those that are open ended when their license server did, if that was after they began."""
    marks = ends.select(server=ends.source, ended=ends.ended)
    still = checkouts.filter(checkouts.returned.isnull())
    key = ["source", "handle", "taken"]
    over = still.inner_join(marks, [still.source == marks.server, marks.ended >= still.taken])
    over = over.group_by(key).aggregate(ended=over.ended.min())
    told = checkouts.left_join(over, key)
    return told.select(
        *[checkouts[name] for name in checkouts.columns if name not in {"returned", "estimated"}],
        returned=checkouts.returned.coalesce(over.ended),
        estimated=checkouts.estimated | over.ended.notnull(),
    ).select(*checkouts.columns)


def checkout_times(checkouts: Table, features: Sequence[str], span: tuple[int, int]) -> Table:
    """The columns `key`, `seat`, `since`, `until` and `weight` that `peaks` wants, cut to the span, and `user`."""
    since, until = span
    keyed = _keyed(checkouts, features)
    cut = keyed.select(
        "key",
        "user",
        seat=keyed.source + " " + keyed.handle,
        since=ibis.greatest(keyed.taken, since),
        until=ibis.least(keyed.returned.coalesce(FOREVER), until),
        weight=keyed.seats,
    )
    return cut.filter(cut.since < cut.until)


def _keyed(facts: Table, features: Sequence[str]) -> Table:
    names = ibis.memtable([(key, name.lower()) for key, name in enumerate(features)], schema={"key": "int64", "folded": "string"})
    return facts.mutate(folded=facts.feature.lower()).inner_join(names, "folded")


def feature_peaks(checkouts: Table, features: Sequence[str], edges: Sequence[Edge], step_s: int = 1) -> Table:
    """Key, period, peak and its last second; a row for every feature and period."""
    times = checkout_times(checkouts, features, (edges[0].at, edges[-1].at))
    return peaks(times.drop("user"), cells(len(features), edges), step_s)


def used_in(checkouts: Table, features: Sequence[str], span: tuple[int, int]) -> Table:
    """Key, `checkouts` that reached into the span, how many `users` had them, and `seat_seconds` in it; no row where there was none."""
    times = checkout_times(checkouts, features, span)
    return times.group_by("key").aggregate(
        checkouts=times.count(), users=times.user.nunique(), seat_seconds=((times.until - times.since) * times.weight).sum()
    )


def denied_in(denials: Table, features: Sequence[str], pieces: Sequence[tuple[int, int, int]]) -> Table:
    """Key, period, `code` and `user`, and how often that user was denied with that code; no row where nobody was.

    `pieces` are number, beginning and end of each period.
    """
    parts = ibis.memtable(list(pieces), schema={"period": "int64", "since": "int64", "until": "int64"})
    keyed = _keyed(denials, features)
    both = keyed.inner_join(parts, [keyed["at"] >= parts.since, keyed["at"] < parts.until])
    return both.group_by("key", "period", "code", "user").aggregate(times=both.times.sum())
