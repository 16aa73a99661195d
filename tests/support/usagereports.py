"""Reports as documents for tests of what is made of them: two tenants, a limit that was passed, a gap, an excluded time."""

from __future__ import annotations

from datetime import UTC, date
from typing import TYPE_CHECKING, Any

import msgspec

from seatkeeper.lrm.documents import document_of
from seatkeeper.lrm.report import Query, Row, items_by_name
from seatkeeper.lrm.site import Site
from seatkeeper.usage.periods import periods
from seatkeeper.usage.reports import Subject

if TYPE_CHECKING:
    from datetime import tzinfo

    from seatkeeper.usage.document import Document

__all__ = ["MADE", "document", "query", "rows"]

#: 2026-10-02T06:30:00Z
MADE = 1_790_922_600
ITEM = "genesys e-mail"


def query(**others: Any) -> Query:
    """All tenants on two days of September 2026."""
    return msgspec.structs.replace(Query("tenant", ITEM, "daily", date(2026, 9, 1), date(2026, 9, 3)), **others)


def rows(asked: Query | None = None, tenants: tuple[str, ...] = ("Harbor", "Meadow"), zone: tzinfo = UTC) -> list[Row]:
    """Of each tenant the first period is plain, the second over its limit, the third not known, the fourth partly excluded; and so on."""
    asked = query() if asked is None else asked
    found = []
    for number, tenant in enumerate(tenants):
        subject = Subject(tenant) if asked.report == "tenant" else Subject(tenant, f"Group {number}")
        for at, period in enumerate(periods(asked.granularity, asked.first, asked.end, zone, asked.week_start)):
            plain = Row(
                subject, asked.item, period, 3 + number, period.since + 3599, 12, 7, limit_since=date(2026, 8, 1), burst=8, zone=zone
            )
            if at % 4 == 1:
                plain = msgspec.structs.replace(plain, peak=9 + number, over=2 + number, over_seconds=3723)
            elif at % 4 == 2:
                plain = msgspec.structs.replace(plain, peak=None, peak_time=None, enabled=None, missing="icon has no data for 1 hour")
            elif at % 4 == 3:
                plain = msgspec.structs.replace(plain, excluded=(("shift change", 1800),))
            found.append(plain)
    return found


def document(asked: Query | None = None, told: list[Row] | None = None) -> Document:
    """The report as a document."""
    asked = query() if asked is None else asked
    versions = {"genesys e-mail": "7.6+"}
    return document_of(asked, rows(asked) if told is None else told, Site(items_by_name()), versions, MADE, "0.1.0")
