from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from seatkeeper.cli.usage_text import report_json, report_lines
from seatkeeper.lrm.report import Row
from seatkeeper.usage.periods import Period
from seatkeeper.usage.reports import Subject
from support.usagefacts import DAY

PERIOD = Period(DAY, DAY, DAY + 86_400)
PLAIN = Row(Subject("Harbor"), "e-mail", PERIOD, 0, None, None)
OVER = Row(
    Subject("Meadow"),
    "e-mail",
    PERIOD,
    9,
    DAY + 3599,
    12,
    limit=7,
    over=2,
    missing="icon has no data for 1 hour",
    limit_since=date(2026, 8, 1),
    burst=8,
    over_seconds=3723,
    excluded=(("shift change", 1800),),
    zone=ZoneInfo("Europe/Paris"),
)


def test_a_plain_row_has_the_members_that_all_rows_have() -> None:
    assert list(report_json(PLAIN)) == ["tenant", "item", "start", "peak", "peak_time", "enabled", "limit", "over"]
    assert report_json(OVER) == {
        "tenant": "Meadow",
        "item": "e-mail",
        "start": "2026-09-01T00:00:00Z",
        "peak": 9,
        "peak_time": "2026-09-01T00:59:59Z",
        "enabled": 12,
        "limit": 7,
        "over": 2,
        "limit_since": "2026-08-01",
        "burst": 8,
        "over_seconds": 3723,
        "excluded": [{"reason": "shift change", "seconds": 1800}],
        "missing": "icon has no data for 1 hour",
    }


def test_a_person_reads_limits_and_what_is_to_be_known_of_them() -> None:
    assert report_lines([PLAIN, OVER]) == [
        "Tenant  Start             Peak  Peak time         Enabled  Limit  Since       Over  For",
        "------  ----------------  ----  ----------------  -------  -----  ----------  ----  -------",
        "Harbor  2026-09-01 00:00     0  -                 ?        -      -",
        "Meadow  2026-09-01 02:00     9  2026-09-01 02:59  12       7      2026-08-01  2     1:02:03",
        "Missing: icon has no data for 1 hour.",
        "Excluded: 0:30:00 of a period (shift change).",
        "Times are those of Europe/Paris and UTC.",
    ]
    assert report_lines([PLAIN])[0] == "Tenant  Start             Peak  Peak time  Enabled  Limit  Over"
    assert "Start" in report_lines([])[0]
