from __future__ import annotations

from seatkeeper.lrm.report import Row
from seatkeeper.lrm.rows import report_json, utc
from seatkeeper.usage.periods import Period
from seatkeeper.usage.reports import Subject
from support.usagefacts import DAY


def test_what_is_not_known_or_does_not_concern_a_row_is_null_or_left_out() -> None:
    row = Row(Subject("Harbor", "Night shift"), "e-mail", Period(DAY, DAY, DAY + 86_400), None, None, None, missing="no ports were counted")
    assert report_json(row) == {
        "tenant": "Harbor",
        "group": "Night shift",
        "item": "e-mail",
        "start": "2026-09-01T00:00:00Z",
        "peak": None,
        "peak_time": None,
        "enabled": None,
        "limit": None,
        "over": 0,
        "missing": "no ports were counted",
    }


def test_moments_are_written_in_utc() -> None:
    assert utc(DAY + 3599) == "2026-09-01T00:59:59Z"
    assert utc(None) is None
