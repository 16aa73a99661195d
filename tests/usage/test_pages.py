from __future__ import annotations

import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.usage import pages
from seatkeeper.usage.pages import report_page
from support.usagereports import document, query, rows


def test_what_a_person_must_not_overlook_comes_first() -> None:
    page = report_page(document(query(granularity="hourly")), {0: "<svg/>"})
    assert [(one["tone"], one["text"]) for one in page["findings"]] == [
        ("over", "Over the limit: Meadow by up to 3 (12:24:36 in all); Harbor by up to 2 (12:24:36 in all)."),
        ("plain", "Highest peak: 10 (Meadow, 2026-09-02 21:59)."),
        ("unknown", "Not everything is known of 24 of 96 periods; the notes say why."),
        ("plain", "Some time of 24 of 96 periods does not count; the notes say why."),
    ]
    assert page["charts"] == [{"name": "Harbor", "svg": "<svg/>"}]
    assert page["left_out"] == 1
    harbor = page["summary"][0]
    assert (harbor["peak"], harbor["limit"], harbor["over"], harbor["for"], harbor["times"]) == ("9", "7", "2", "12:24:36", "12")
    assert (harbor["bar"], harbor["mark"]) == (0.9, 0.7)


def test_rows_name_their_notes_and_say_what_is_not_known() -> None:
    page = report_page(document(query(granularity="hourly")), {})
    assert page["notes"] == ["icon has no data for 1 hour", "excluded: shift change (0:30:00)"]
    assert page["columns"] == ["Tenant", "Start", "Peak", "Peak time", "Enabled", "Limit", "Over", "For", "Note"]
    assert [row["cells"] for row in page["rows"][:4]] == [
        ["Harbor", "2026-09-01 00:00", "3", "2026-09-01 00:59", "12", "7", "", "", ""],
        ["Harbor", "2026-09-01 01:00", "9", "2026-09-01 01:59", "12", "7", "2", "1:02:03", ""],
        ["Harbor", "2026-09-01 02:00", "?", "-", "?", "7", "?", "", "1"],
        ["Harbor", "2026-09-01 03:00", "3", "2026-09-01 03:59", "12", "7", "", "", "2"],
    ]
    assert [(row["over"], row["unknown"]) for row in page["rows"][:3]] == [(False, False), (True, False), (False, True)]
    assert report_page(document(), {})["rows"][0]["cells"][1] == "2026-09-01 Tue"


def test_a_report_without_rows_and_one_without_a_fault_say_so() -> None:
    assert [one["text"] for one in report_page(document(told=[]), {})["findings"]] == [
        "There is nobody whom this report is about, so it has no rows."
    ]
    plain = report_page(document(told=rows()[:1]), {})
    assert plain["findings"][0]["text"] == "No limit was passed, as far as use is known."
    assert plain["columns"][0] == "Start"


def test_what_nobody_prints_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_ROWS_MAX", 3)
    with pytest.raises(InputError, match=r"too much to be printed.*4 rows.*at most 3.*\.xlsx"):
        report_page(document(), {})
