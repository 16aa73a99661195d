from __future__ import annotations

import sys
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from seatkeeper.cli.usage_text import print_report, report_json, report_lines, report_screen
from seatkeeper.lrm.report import Row
from seatkeeper.usage.periods import Period
from seatkeeper.usage.reports import Subject
from support.usagefacts import DAY

if TYPE_CHECKING:
    import pytest

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


def screen(columns: int, *, blocks: bool = True) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in report_screen([PLAIN, OVER], columns, blocks=blocks)]


def test_a_wide_terminal_has_bars_and_flags_what_is_over() -> None:
    head, _, plain, over, *remarks = screen(110)
    assert head == report_lines([PLAIN, OVER])[0]
    assert plain == report_lines([PLAIN, OVER])[2]
    # 9 is the largest of all, and the stroke stands where 7 is.
    assert over == report_lines([PLAIN, OVER])[3] + "  " + "█" * 12 + "│" + "█" * 2 + " !"
    assert remarks == report_lines([PLAIN, OVER])[4:]
    assert screen(110, blocks=False)[3].endswith("  " + "#" * 12 + "|" + "#" * 2 + " !")
    pieces = report_screen([PLAIN, OVER], 110)[3]
    assert [style for _, style in pieces] == ["red", "cyan", "bold", "red", "bold red"]


def test_a_narrow_terminal_has_no_bar_and_no_dates_that_say_nothing_new() -> None:
    assert screen(60)[:2] == [
        "Tenant  Start             Peak  Peak time  Enabled  Limit  Since       Over  For",
        "------  ----------------  ----  ---------  -------  -----  ----------  ----  -------",
    ]
    assert screen(60)[3].startswith("Meadow  2026-09-01 02:00     9  02:59      12       7      2026-08-01  2     1:02:03")
    assert screen(60)[3].endswith("1:02:03")
    assert report_screen([], 60)[0] == [(report_lines([])[0], "bold")]


def test_colors_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_report([PLAIN, OVER])
    assert capsys.readouterr().out.splitlines() == report_lines([PLAIN, OVER])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("TERM", "xterm-256color")
    print_report([PLAIN, OVER])
    assert "\x1b[31m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    print_report([PLAIN, OVER])
    shown = capsys.readouterr().out
    assert "\x1b[31m" not in shown
    assert "█" in shown
