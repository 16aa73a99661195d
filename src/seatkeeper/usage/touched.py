"""When facts that came late say something else than before: only days that lie in these times are worked out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ibis

from seatkeeper.usage.seats import FOREVER

if TYPE_CHECKING:
    from ibis.expr.types import IntegerColumn, Table

    from seatkeeper.usage.facts import Kind

__all__ = ["touched"]

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
