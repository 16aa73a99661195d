"""When facts that came late say something else than before: only days that lie in these times are worked out again.

A session counts as a whole where something was configured during it (usage.measures). So what begins to be configured, or not to be,
late in a session touches all of the session up to then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ibis

from seatkeeper.usage.facts import LIST_BAR
from seatkeeper.usage.seats import FOREVER

if TYPE_CHECKING:
    from ibis.expr.types import IntegerColumn, Table

    from seatkeeper.usage.facts import Kind

__all__ = ["DECIDING", "drawn_in", "touched"]

#: Kinds of configuration by which sessions count or do not; once one is known, it decides about all of them.
DECIDING: Final = frozenset({"agent", "campaign", "system"})

#: Who saw it, and whether its end is a guess, changes no figure.
_IDLE: Final = frozenset({"source", "estimated"})


def touched(before: Table, after: Table, kind: Kind) -> Table:
    """Columns `since`, `until`: the times of which the facts `after` tell something else than those `before`; they may overlap.

    A fact that is new, gone or otherwise than it was touches all its time; one that only ends at another moment touches the time
    between the two.
    """
    both = after.join(before, list(kind.key), how="outer", rname="old_{name}")
    new, old = both[kind.key[0]].notnull(), both[f"old_{kind.key[0]}"].notnull()
    others = [name for name in kind.names if name not in {*kind.key, *_IDLE, kind.ends}]
    same = new & old
    for name in others:
        same = same & both[name].identical_to(both[f"old_{name}"])
    now_since, now_until = _times(both, kind, "")
    was_since, was_until = _times(both, kind, "old_")
    moved = both.select(
        since=same.ifelse(ibis.least(now_until, was_until), ibis.least(now_since.coalesce(was_since), was_since.coalesce(now_since))),
        until=ibis.greatest(now_until.coalesce(was_until), was_until.coalesce(now_until)),
    )
    return moved.filter(moved.since < moved.until)


def drawn_in(times: Table, sessions: Table, configuration: Table) -> Table:
    """Columns `since`, `until`: of sessions that a touched time reaches, what lies before something that was configured in that time.

    It may decide, or decide no longer, whether the session counts at all.

    Args:
        times: Touched times, with `since` and `until`; they may overlap.
        sessions: All sessions that may reach into them.
        configuration: All that is configured.
    """
    spans = _joined(times)
    whole = sessions.select("tenant", "agent", "place", "queues", "login", end=sessions.logout.coalesce(FOREVER))
    begun = configuration.select("tenant", "kind", "name", "detail", "since").filter(configuration.kind.isin(sorted(DECIDING)))
    late = begun.inner_join(spans, [begun.since >= spans.since, begun.since < spans.until], rname="span_{name}")
    late = late.select("tenant", "kind", "name", "detail", "since", reached=late.span_since)
    drawn = []
    for kind in sorted(DECIDING):
        rows = late.filter(late.kind == kind)
        same = {"agent": [whole.tenant == rows.tenant, whole.agent == rows.name], "campaign": [whole.tenant == rows.tenant]}.get(kind, [])
        pairs = whole.inner_join(rows, [*same, whole.login < rows.since, whole.end >= rows.reached], rname="row_{name}")
        if kind == "campaign":
            at = [(pairs.place == pairs[name]) | pairs.queues.contains(LIST_BAR + pairs[name] + LIST_BAR) for name in ("detail", "name")]
            pairs = pairs.filter(at[0] | at[1])
        drawn.append(pairs.select(since=pairs.login, until=pairs.since))
    return drawn[0].union(*drawn[1:])


def _joined(times: Table) -> Table:
    """The times without overlaps."""
    before = times.select("since", "until", before=times.until.max().over(ibis.window(order_by=["since", "until"], rows=(None, -1))))
    fresh = before.before.isnull() | (before.since > before.before)
    numbered = before.mutate(number=fresh.cast("int64").sum().over(ibis.window(order_by=["since", "until"], rows=(None, 0))))
    return numbered.group_by("number").aggregate(since=numbered.since.min(), until=numbered.until.max()).drop("number")


def _times(both: Table, kind: Kind, prefix: str) -> tuple[IntegerColumn, IntegerColumn]:
    """From when to when a fact holds; null where there is none."""
    there = both[f"{prefix}{kind.key[0]}"].notnull()
    begins = both[f"{prefix}{kind.begins}"]
    if kind.ends:
        until = both[f"{prefix}{kind.ends}"].coalesce(FOREVER)
    elif "seconds" in kind.names:
        until = begins + both[f"{prefix}seconds"]
    else:
        until = begins * 0 + FOREVER
    return begins, there.ifelse(until, ibis.null("int64"))
