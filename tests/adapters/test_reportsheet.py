"""The workbook is read back as a spreadsheet reads it: cells with their types, formats, filters, charts and where they look."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from seatkeeper.adapters import reportsheet
from seatkeeper.adapters.reportsheet import write_xlsx
from seatkeeper.base.errors import InputError
from support.usagereports import document, query, rows

if TYPE_CHECKING:
    from seatkeeper.usage.document import Document

BERLIN = ZoneInfo("Europe/Berlin")


def written(told: Document) -> bytes:
    file = io.BytesIO()
    write_xlsx(told, file)
    return file.getvalue()


def opened(data: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(data))


def by_name(sheet: Any, row: int, head: int = 1) -> dict[str, Any]:
    return {sheet.cell(head, at).value: sheet.cell(row, at).value for at in range(1, sheet.max_column + 1)}


def test_rows_are_dates_numbers_and_durations_with_what_is_not_known_left_empty() -> None:
    book = opened(written(document(query(granularity="hourly"))))
    assert book.sheetnames == ["Summary", "Report", "Charts", "Missing and excluded", "About"]
    sheet = book["Report"]
    assert sheet.max_row == 97
    told = by_name(sheet, 3)
    assert (told["Tenant"], told["Sellable item"], told["Versions"]) == ("Harbor", "Genesys E-Mail", "7.6+")
    assert (told["Start (UTC)"], told["Peak time (UTC)"]) == (datetime(2026, 9, 1, 1), datetime(2026, 9, 1, 1, 59, 59))
    assert (told["Peak"], told["Enabled"], told["Limit"], told["Limit since"]) == (9, 12, 7, datetime(2026, 8, 1))
    assert (told["Over by"], told["Over for"], told["Missing"]) == (2, timedelta(hours=1, minutes=2, seconds=3), None)
    unknown = by_name(sheet, 4)
    assert [unknown[name] for name in ("Peak", "Peak time (UTC)", "Enabled", "Over by", "Over for")] == [None] * 5
    assert unknown["Missing"] == "icon has no data for 1 hour"
    assert by_name(sheet, 5)["Excluded why"] == "shift change (0:30:00)"
    assert sheet["A1"].font.bold
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("E2", f"A1:{sheet.cell(97, sheet.max_column).coordinate}")
    letter = next(cell.column_letter for cell in sheet[1] if cell.value == "Over by")
    rules = [rule.formula[0] for found in sheet.conditional_formatting for rule in found.rules]
    assert f"AND(ISNUMBER(${letter}2),${letter}2>0)" in rules


def test_the_summary_has_a_row_for_each_series_and_about_all_that_was_asked() -> None:
    told = document(query(granularity="hourly"))
    book = opened(written(told))
    harbor = by_name(book["Summary"], 5, 4)
    assert (harbor["Of"], harbor["Highest peak"], harbor["Limit"], harbor["Over by at most"]) == ("Harbor", 9, 7, 2)
    assert (harbor["Periods over"], harbor["Periods not all known"], harbor["Periods"]) == (12, 12, 48)
    about = {row[0].value: row[1].value for row in book["About"].iter_rows(min_row=4)}
    assert about == dict(told.about)
    sheet = book["Missing and excluded"]
    assert [by_name(sheet, row)["What"] for row in (2, 3)] == ["missing", "excluded"]
    assert by_name(sheet, 3)["For"] == timedelta(minutes=30)
    assert sheet.max_row == 49


def test_times_are_the_zones_clock_with_those_of_utc_beside() -> None:
    asked = query(granularity="hourly", first=date(2026, 10, 25), end=date(2026, 10, 26), zone=BERLIN)
    sheet = opened(written(document(asked, rows(asked, ("Harbor",), BERLIN))))["Report"]
    assert sheet.max_row == 26
    found = [by_name(sheet, row) for row in range(4, 7)]
    assert [one["Start"].hour for one in found] == [2, 2, 3]
    assert [one["Start (UTC)"].hour for one in found] == [0, 1, 2]
    assert {one["Time zone"] for one in found} == {"Europe/Berlin"}
    assert str(UTC) not in [cell.value for cell in sheet[2]]


def test_charts_look_at_the_rows_and_no_name_is_a_formula() -> None:
    tenants = ("=HYPERLINK(1)", "Harbor", "https://example.com", "0815")
    data = written(document(query(granularity="hourly"), rows(query(granularity="hourly"), tenants)))
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        names = [name for name in parts.namelist() if name.startswith("xl/charts/chart")]
        charts = [parts.read(f"xl/charts/chart{number}.xml").decode() for number in range(1, len(names) + 1)]
        sheets = "".join(parts.read(name).decode() for name in parts.namelist() if name.startswith("xl/worksheets/sheet"))
    assert len(charts) == len(tenants)
    looked = [re.findall(r"<c:f>([^<]*)</c:f>", chart) for chart in charts]
    assert [found[0] for found in looked] == [f"Summary!$A${row}" for row in range(5, 9)]
    assert "Report!$E$50:$E$97" in looked[1]
    assert all(re.fullmatch(r"(?:Summary|Report)!\$[A-Z]+\$\d+(?::\$[A-Z]+\$\d+)?", place) for found in looked for place in found)
    # What has no cell is a gap unless something else is said.
    assert "dispBlanksAs" not in charts[0]
    assert "<f>" not in sheets
    assert "<hyperlink" not in sheets
    book = opened(data)
    assert [book["Summary"].cell(row, 1).value for row in range(5, 9)] == list(tenants)
    assert {book["Report"].cell(row, 1).data_type for row in range(2, 194)} == {"s"}


def test_many_series_have_charts_of_the_first_and_long_reports_go_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reportsheet, "_ROWS_IN_MEMORY_MAX", 10)
    book = opened(written(document(told=rows(tenants=tuple(f"T{number:02}" for number in range(20))))))
    assert book["Charts"]["A1"].value == "12 of 20 have a chart: those most over, then the highest."
    assert [book["Report"].cell(row, 1).value for row in (2, 41)] == ["T00", "T19"]


def test_a_report_without_rows_says_so_and_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    book = opened(written(document(told=[])))
    assert book["Summary"]["A5"].value == "No rows: there is nobody whom this report is about."
    assert "Charts" not in book.sheetnames
    monkeypatch.setattr(reportsheet, "SHEET_ROWS_MAX", 4)
    with pytest.raises(InputError, match=r"has not so many rows.*4 rows.*at most 3.*\.parquet"):
        written(document())
