"""Who was it: the sessions that held seats of an item at a moment, one row each, so that every figure can be looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ibis

from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.measures import RecordingRule, SessionRule
from seatkeeper.usage.reports import GROUP_KINDS, groups
from seatkeeper.usage.seats import FOREVER, qualifying
from seatkeeper.usage.sessions import ended_with_source

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from seatkeeper.usage.measures import Item
    from seatkeeper.usage.reports import Facts, ReportType, Subject

__all__ = ["HOLDER_COLUMNS", "holders"]

#: The columns of who held a seat; of a recording `session_id` is its own.
HOLDER_COLUMNS: Final = (
    "seat",
    "session_id",
    "source",
    "tenant",
    "agent",
    "place",
    "dn",
    "switch_kind",
    "media",
    "client",
    "login",
    "logout",
    "estimated",
)


def holders(facts: Facts, item: Item, report: ReportType, subject: Subject, at: int, day_end: int | None = None) -> Table:
    """The sessions that held a seat at a moment, as HOLDER_COLUMNS, in the order of seats.

    Args:
        facts: What was observed then.
        item: Which item; one that is measured from sessions or recordings.
        report: What the subject is.
        subject: Whose.
        at: The moment, in UTC seconds.
        day_end: Who belonged to a group then counts; None: who did at the moment.
    """
    if isinstance(item.peak, SessionRule):
        rows = qualifying(ended_with_source(facts.sessions, facts.ends, KINDS["sessions"]), item.peak, facts.known)
    elif isinstance(item.peak, RecordingRule):
        told = ended_with_source(facts.recordings, facts.ends, KINDS["recordings"])
        none = {name: ibis.literal("") for name in ("place", "dn", "switch_kind", "media", "client")}
        rows = told.mutate(seat=told.recording_id, session_id=told.recording_id, login=told.started, logout=told.ended, **none)
    else:
        raise TypeError(f"{item.name} is not measured from sessions or recordings")
    rows = rows.filter(rows.login <= at, rows.logout.coalesce(FOREVER) > at)
    if subject.tenant is not None:
        rows = rows.filter(rows.tenant == subject.tenant)
    if subject.group is not None:
        members = groups(facts.known, report)
        members = members.filter(members.tenant == subject.tenant, members.group == subject.group, members.member != "")
        if day_end is None:
            members = members.filter(members.since <= at, members.until > at)
        else:
            members = members.filter(members.since < day_end, members.until >= day_end)
        rows = rows.semi_join(members, [rows[GROUP_KINDS[report]] == members.member])
    return rows.select(*HOLDER_COLUMNS).order_by("seat", "login", "session_id")
