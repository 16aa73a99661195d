"""A report's document says what was asked, and neither a zero nor a limit that nobody knows."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from seatkeeper.lrm.report import Row
from seatkeeper.usage.document import AT, Document, Series
from seatkeeper.usage.periods import Period
from seatkeeper.usage.reports import Subject
from support.usagefacts import DAY
from support.usagereports import MADE, document, query, rows


def cells(told: Document, row: int, *names: str) -> list[Any]:
    return [told.rows[row][AT[name]] for name in names]


def test_all_that_was_asked_is_told() -> None:
    told = document(query(sampling="minute"))
    assert (told.title, told.made) == ("Usage of Genesys E-Mail", MADE)
    assert told.subtitle == "each tenant, daily, 2026-09-01 to 2026-09-02, UTC"
    about = dict(told.about)
    assert about["Sellable item"] == "Genesys E-Mail"
    assert about["Days"] == "2026-09-01 to 2026-09-02, the last one included"
    assert about["Sampling"].startswith("at whole minutes only")
    assert about["Limit"] == "what is provisioned for the tenant on that day"
    assert about["Versions measured"] == "7.6+"
    assert about["Made"] == "2026-10-02 06:30:00 UTC by seatkeeper 0.1.0"
    assert "Membership" not in about
    assert "Week begins on" not in about


def test_a_report_of_groups_says_who_belongs_to_them_and_that_they_have_no_limits() -> None:
    asked = query(report="agent-group", group="Group 0", tenant="Harbor", membership="day-end", granularity="weekly", week_start=6)
    plain = [msgspec.structs.replace(row, limit=None, limit_since=None, burst=None, over=0) for row in rows(asked, ("Harbor",))]
    told = document(asked, plain)
    assert told.subtitle == "tenant Harbor, agent group Group 0, weekly, 2026-09-01 to 2026-09-02, UTC"
    about = dict(told.about)
    assert about["Limit"] == "groups have no limits"
    assert "end of each day" in about["Membership"]
    assert about["Week begins on"] == "Sunday"
    assert [one.name for one in told.series] == ["Harbor, Group 0"]
    assert cells(told, 0, "group", "membership", "limit", "limit_is", "compared", "over", "over_seconds") == [
        "Group 0",
        "day-end",
        *[None] * 5,
    ]


def test_what_cannot_be_compared_is_not_known_to_be_within_the_limit() -> None:
    told = document(query(granularity="hourly"))
    assert cells(told, 0, "peak", "limit", "over", "over_seconds", "missing") == [3, 7, 0, 0, None]
    assert cells(told, 1, "peak", "limit", "over", "over_seconds", "burst") == [9, 7, 2, 3723, 8]
    assert cells(told, 2, "peak", "enabled", "over", "over_seconds", "missing") == [None, None, None, None, "icon has no data for 1 hour"]
    assert cells(told, 3, "excluded_seconds", "excluded") == [1800, "shift change (0:30:00)"]


def test_a_series_has_what_stands_out() -> None:
    harbor, meadow = document(query(granularity="hourly")).series
    at = DAY + 45 * 3600 + 3599
    assert harbor == Series("Harbor", "Genesys E-Mail", harbor.zone, 0, 48, 9, at, 12, 7, date(2026, 8, 1), 2, 12 * 3723, 12, 12)
    assert (meadow.first, meadow.end, meadow.peak, meadow.over) == (48, 96, 10, 3)
    told = rows()
    told[1] = msgspec.structs.replace(told[1], over_seconds=None)
    assert document(told=told).series[0].over_seconds is None


def test_of_enabled_seats_it_is_they_that_are_compared() -> None:
    row = Row(Subject("Harbor"), "genesys e-mail", Period(DAY, DAY, DAY + 86_400), None, None, 12, 12, measure="enabled")
    told = document(told=[row])
    assert cells(told, 0, "peak", "enabled", "compared", "over") == [None, 12, "enabled", 0]
    assert "enabled seats" in dict(told.about)["Compared"]


def test_all_items_and_no_rows_at_all() -> None:
    told = [msgspec.structs.replace(row, item=name) for name in ("Genesys E-Mail", "GVP Ports") for row in rows()]
    every = document(query(item="all"), told)
    assert every.title == "Usage of all items"
    assert [one.name for one in every.series] == [
        f"{who}: {item}" for item in ("Genesys E-Mail", "GVP Ports") for who in ("Harbor", "Meadow")
    ]
    assert "Versions measured" not in dict(every.about)
    assert [cells(every, at, "versions") for at in (0, 4)] == [["7.6+"], [None]]
    nobody = document(query(zone=None), [])
    assert (nobody.rows, nobody.series) == ([], ())
    assert nobody.subtitle.endswith("each tenant's own time zone")
