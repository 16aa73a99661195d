"""Rows that tell the same fact are one row, and it does not matter in which order, or how often, they came (see `facts`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.usage.facts import LIST_BAR, entries

if TYPE_CHECKING:
    import ibis
    from ibis.expr.types import Table, Value

    from seatkeeper.usage.facts import Kind

__all__ = ["joined"]

#: Bits of a moment, below the peak in one number.
_MOMENT_BITS: Final = 34


def joined(facts: Table, kind: Kind) -> Table:
    """One row a key, with the kind's columns in their order.

    Most facts are told once, so those that are told several times are found first, and only they are grouped.
    """
    key = list(kind.key)
    several = facts.group_by(key).aggregate(rows=facts.count())
    several = several.filter(several.rows > 1).select(key)
    once = facts.anti_join(several, key)
    again = facts.semi_join(several, key)
    united = again.group_by(key).aggregate(**_joins(again, kind))
    for column in kind.columns:
        if column.type == "list":
            united = united.inner_join(_united(again, key, column.name), key)
    return once.select(kind.names).union(united.select(kind.names))


def _joins(rows: Table, kind: Kind) -> dict[str, Value]:
    joins: dict[str, Value] = {}
    for column in kind.columns:
        if column.name in kind.key or column.type == "list" or column.name == "estimated":
            continue
        if column.name == "peak_time":
            # The latest moment of the larger peak.
            largest = ((rows.peak << _MOMENT_BITS) | rows.peak_time.coalesce(0)).max()
            joins[column.name] = (largest & ((1 << _MOMENT_BITS) - 1)).nullif(0)
        elif column.name == kind.ends and "estimated" in kind.names:
            seen = rows[kind.ends].max(where=~rows.estimated)
            joins[kind.ends] = seen.coalesce(rows[kind.ends].max(where=rows.estimated))
            joins["estimated"] = seen.isnull() & rows[kind.ends].max(where=rows.estimated).notnull()
        else:
            joins[column.name] = rows[column.name].min() if column.join == "min" else rows[column.name].max()
    return joins


def _united(rows: Table, key: list[str], name: str) -> Table:
    """Key and list: all that the lists of the rows hold, each entry once, sorted."""
    words = rows.select(*key, word=entries(rows[name]).unnest()).distinct()
    # The empty word before the first bar keeps rows whose list is empty.
    grouped = words.group_by(key).aggregate(words=words.word.group_concat(LIST_BAR, order_by=words.word))
    return grouped.select(*key, **{name: _closed(grouped.words)})


def _closed(words: ibis.Value) -> Value:
    # Sorted, the empty word comes first and has set the first bar already.
    return (words.length() > 0).ifelse(words + LIST_BAR, "")
