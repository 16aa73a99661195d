"""When a session ended, as far as is known: where its sources have ended, it ended with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.usage.facts import entries

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from seatkeeper.usage.facts import Kind

__all__ = ["ended_with_source"]


def ended_with_source(facts: Table, ends: Table, kind: Kind) -> Table:
    """The facts, where those that are open ended with their sources, as far as those have ended; that end is estimated.

    A source that has ended after a fact began will not see its end any more. What several sources see is open as long as one of them
    has not ended. So a database that died does not count its last sessions for ever (facts, LRM 2 and 9.11).
    """
    key = kind.key[0]
    open_facts = facts.filter(facts[kind.ends].isnull())
    seen = open_facts.select(fact=open_facts[key], begins=open_facts[kind.begins], observer=entries(open_facts.source).unnest())
    seen = seen.filter(seen.observer != "")
    marks = ends.select(observer=ends.source, ended=ends.ended)
    marked = seen.left_join(marks, [seen.observer == marks.observer, marks.ended >= seen.begins])
    marked = marked.select(seen.fact, seen.observer, marks.ended)
    first = marked.group_by("fact", "observer").aggregate(ended=marked.ended.min())
    closed = first.group_by("fact").aggregate(last=first.ended.max(), sources=first.count(), dead=first.ended.count())
    closed = closed.filter(closed.sources == closed.dead).select("fact", "last")
    told = facts.left_join(closed, facts[key] == closed.fact)
    estimated = told.last.notnull() if "estimated" not in kind.names else (facts.estimated | told.last.notnull())
    return told.select(
        *[facts[name] for name in kind.names if name not in {kind.ends, "estimated"}],
        **{kind.ends: facts[kind.ends].coalesce(closed.last), "estimated": estimated},
    )
