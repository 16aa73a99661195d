"""A usage report is a workbook that a person sorts, filters and prints: its rows, what stands out, charts, what is missing, what was asked.

Texts of the facts are texts in it and nothing else: they are written as such, and charts name them by their cells, so that no formula
comes out of a name. Times of a workbook know no zone: they are the clock times that the rows name, and beside them stand those of UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import IO, TYPE_CHECKING, Any, Final

from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.usage.document import AT, COLUMNS, charted

if TYPE_CHECKING:
    from seatkeeper.usage.document import Cell, Document, Series

__all__ = ["INSTALL", "SHEET_ROWS_MAX", "write_xlsx"]

INSTALL: Final = "Install the packages of usage reports: pip install 'seatkeeper[usage]'."
#: Of one sheet, with its header, as the format has it.
SHEET_ROWS_MAX: Final = 1_048_576
#: From so many rows on they go to the disk one by one, since a row in memory takes some kilobytes; charts then have no values of their own.
_ROWS_IN_MEMORY_MAX: Final = 100_000
#: As the format has it.
_CELL_CHARS_MAX: Final = 32_767
_DAY_S: Final = 86_400
_INK: Final = "#1f3a4d"
_PALE: Final = "#eef2f5"
_ALARM: Final = "#9b2226"
_ALARM_PALE: Final = "#f8d7da"
_GREY: Final = "#8a949b"
_CHART_ROWS: Final = 20
_TEXT_WIDTH: Final = (10, 50)
#: A series of a chart: the column, its color, and how its line is drawn.
_LINES: Final = (("peak", _INK, "solid", 1.75), ("enabled", _GREY, "solid", 1.0), ("limit", _ALARM, "dash", 1.5))


def write_xlsx(document: Document, file: IO[bytes]) -> None:
    """The report as a workbook.

    Raises:
        InputError: It has more rows than a sheet.
        SeatkeeperError: XlsxWriter is not installed.
    """
    try:
        import xlsxwriter
    except ImportError:
        raise SeatkeeperError("XLSX is written by XlsxWriter, which is not installed.", INSTALL) from None
    if len(document.rows) >= SHEET_ROWS_MAX:
        raise InputError(
            "A sheet of XLSX has not so many rows.",
            found=f"{len(document.rows):,} rows",
            expected=f"at most {SHEET_ROWS_MAX - 1:,}",
            remedy="Ask for fewer days or longer periods, or take .csv or .parquet.",
        )
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    workbook = xlsxwriter.Workbook(file, {**options, "constant_memory": len(document.rows) > _ROWS_IN_MEMORY_MAX})
    workbook.set_properties({"title": document.title, "subject": document.subtitle, "created": _clock(document.made, UTC)})
    book = _Book(workbook, document)
    book.summary()
    book.report()
    book.charts()
    book.missing()
    book.about()
    workbook.close()


class _Book:
    """The sheets of one workbook, in the order in which they are made."""

    def __init__(self, workbook: Any, document: Document) -> None:
        self.workbook = workbook
        self.document = document
        form = workbook.add_format
        self.title = form({"bold": True, "font_size": 15, "font_color": _INK})
        self.head = form({"bold": True, "font_color": _INK, "bg_color": _PALE, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.plain = form({"valign": "top"})
        self.wrapped = form({"text_wrap": True, "valign": "top"})
        self.label = form({"bold": True, "font_color": _INK, "valign": "top"})
        self.alarm = form({"bg_color": _ALARM_PALE, "font_color": _ALARM})
        self.unknown = form({"bg_color": "#fff3cd", "font_color": "#7a5b00"})
        numbers = {"whole": "#,##0", "time": "yyyy-mm-dd hh:mm", "date": "yyyy-mm-dd", "seconds": "[h]:mm:ss"}
        self.forms = {name: form({"num_format": number, "valign": "top"}) for name, number in numbers.items()}
        self.forms["moment"] = form({"num_format": "yyyy-mm-dd hh:mm:ss", "valign": "top"})
        #: Where each column of the rows stands, by name.
        self.places: dict[str, int] = {}
        self.sheet: Any = None

    def summary(self) -> None:
        """What stands out of each series: one row."""
        document = self.document
        sheet = self._sheet("Summary")
        sheet.write_string(0, 0, document.title, self.title)
        sheet.write_string(1, 0, document.subtitle, self.plain)
        wide = max((len(series.name) for series in document.series), default=0)
        heads = (
            ("Of", min(max(wide + 2, 14), 50)),
            ("Highest peak", 9),
            ("Peak time", 19),
            ("Time zone", 16),
            ("Enabled", 9),
            ("Limit", 9),
            ("Limit since", 11),
            ("Over by at most", 10),
            ("Over for", 11),
            ("Periods over", 9),
            ("Periods not all known", 11),
            ("Periods", 9),
        )
        top = 3
        for place, (head, width) in enumerate(heads):
            sheet.set_column(place, place, width)
            sheet.write_string(top, place, head, self.head)
        for number, series in enumerate(document.series, top + 1):
            sheet.write_string(number, 0, series.name, self.plain)
            self._cell(number, 1, "whole", series.peak)
            self._cell(number, 2, "moment", series.peak_time, series)
            sheet.write_string(number, 3, str(series.zone), self.plain)
            self._cell(number, 4, "whole", series.enabled)
            self._cell(number, 5, "whole", series.limit)
            self._cell(number, 6, "date", series.limit_since)
            self._cell(number, 7, "whole", series.over)
            self._cell(number, 8, "seconds", series.over_seconds if series.over is not None else None)
            self._cell(number, 9, "whole", series.periods_over)
            self._cell(number, 10, "whole", series.periods_unknown)
            self._cell(number, 11, "whole", series.periods)
        last = top + len(document.series)
        sheet.freeze_panes(top + 1, 1)
        sheet.autofilter(top, 0, max(last, top), len(heads) - 1)
        if document.series:
            sheet.conditional_format(top + 1, 7, last, 9, {"type": "cell", "criteria": ">", "value": 0, "format": self.alarm})
            sheet.conditional_format(top + 1, 10, last, 10, {"type": "cell", "criteria": ">", "value": 0, "format": self.unknown})
        else:
            sheet.write_string(top + 1, 0, "No rows: there is nobody whom this report is about.", self.plain)

    def report(self) -> None:
        """All rows."""
        document = self.document
        zoned = any(str(series.zone) != str(UTC) for series in document.series)
        names = [name for name in ("tenant", "group") if document.used(name)]
        names += ["item", *document.used("versions"), "start", *(["start_utc"] if zoned else [])]
        names += ["peak", "peak_time", *(["zone"] if zoned else []), "enabled", "limit"]
        names += document.used("limit_since", "limit_is", "burst", "compared")
        names += [*document.used("over", "over_seconds"), *document.used("excluded_seconds", "excluded"), "missing"]
        self.places = {name: place for place, name in enumerate(names)}
        sheet = self._sheet("Report")
        heads = {column.name: column.head for column in COLUMNS} | {"start_utc": "Start (UTC)"}
        heads |= {} if zoned else {"start": "Start (UTC)", "peak_time": "Peak time (UTC)"}
        kinds = {column.name: column.type for column in COLUMNS} | {"start_utc": "time", "peak_time": "moment"}
        for name, place in self.places.items():
            sheet.set_column(place, place, self._width(name, kinds[name]))
            sheet.write_string(0, place, heads[name], self.head)
        for series in document.series:
            for number in range(series.first, series.end):
                row = document.rows[number]
                for name, place in self.places.items():
                    cell = row[AT["start" if name == "start_utc" else name]]
                    self._cell(number + 1, place, kinds[name], cell, None if name == "start_utc" else series)
        last = len(document.rows)
        sheet.freeze_panes(1, self.places["start"] + 1)
        sheet.autofilter(0, 0, max(last, 1), len(names) - 1)
        sheet.set_landscape()
        sheet.repeat_rows(0)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&A&RPage &P of &N")
        if last and "over" in self.places:
            # The whole row of what is over, told by its own column whatever the rows are sorted by.
            over = f"${_letters(self.places['over'])}2"
            rule = {"type": "formula", "criteria": f"=AND(ISNUMBER({over}),{over}>0)", "format": self.alarm}
            sheet.conditional_format(1, 0, last, len(names) - 1, rule)
        if last:
            rule = {"type": "formula", "criteria": f'=${_letters(self.places["missing"])}2<>""', "format": self.unknown}
            sheet.conditional_format(1, 0, last, len(names) - 1, rule)

    def charts(self) -> None:
        """A chart of each of the series that matter most, with its values in the sheet of rows."""
        document = self.document
        drawn = charted(document)
        if not drawn:
            return
        sheet = self._sheet("Charts")
        sheet.hide_gridlines(2)
        top = 0
        if len(drawn) < len(document.series):
            sheet.write_string(0, 0, f"{len(drawn)} of {len(document.series)} have a chart: those most over, then the highest.", self.plain)
            top = 2
        order = {series.first: number for number, series in enumerate(document.series)}
        for number, series in enumerate(drawn):
            chart = self.workbook.add_chart({"type": "line"} if series.periods > 1 else {"type": "column"})
            start = self.places["start"]
            for name, color, dash, width in _LINES:
                place = self.places[name]
                if all(document.rows[row][AT[name]] is None for row in range(series.first, series.end)):
                    continue
                line = {"color": color, "width": width, "dash_type": dash}
                chart.add_series(
                    {
                        "name": ["Report", 0, place],
                        "categories": ["Report", series.first + 1, start, series.end, start],
                        "values": ["Report", series.first + 1, place, series.end, place],
                        **({"line": line} if series.periods > 1 else {"fill": {"color": color}}),
                    }
                )
            # By its cell, since a title that begins as a formula does would be one.
            chart.set_title({"name": ["Summary", 4 + order[series.first], 0], "name_font": {"size": 11, "color": _INK}})
            chart.set_legend({"position": "bottom"})
            days = document.rows[series.first][AT["granularity"]] in {"monthly", "weekly", "daily"}
            axis = {"num_format": "yyyy-mm-dd" if days else "mm-dd hh:mm", "num_font": {"rotation": -45, "size": 8}}
            chart.set_x_axis(
                {**axis, "text_axis": True, "interval_unit": max(1, series.periods // 16), "interval_tick": max(1, series.periods // 16)}
            )
            chart.set_y_axis({"min": 0, "num_format": "#,##0", "major_gridlines": {"visible": True, "line": {"color": "#d9dfe3"}}})
            # What is not known is a gap in the line, and no zero.
            chart.show_blanks_as("gap")
            chart.set_size({"width": 900, "height": _CHART_ROWS * 20 - 20})
            sheet.insert_chart(top + number * _CHART_ROWS, 0, chart)

    def missing(self) -> None:
        """The periods of which something is missing or excluded, each with the reason."""
        document = self.document
        sheet = self._sheet("Missing and excluded")
        for place, (head, width) in enumerate((("Of", 28), ("Start", 17), ("Time zone", 16), ("What", 10), ("For", 10), ("Why", 90))):
            sheet.set_column(place, place, width)
            sheet.write_string(0, place, head, self.head)
        at = 1
        for series in document.series:
            for row in document.rows[series.first : series.end]:
                for what, seconds, why in (
                    ("missing", None, row[AT["missing"]]),
                    ("excluded", row[AT["excluded_seconds"]], row[AT["excluded"]]),
                ):
                    if why is None or at >= SHEET_ROWS_MAX:
                        continue
                    sheet.write_string(at, 0, series.name, self.plain)
                    self._cell(at, 1, "time", row[AT["start"]], series)
                    sheet.write_string(at, 2, str(series.zone), self.plain)
                    sheet.write_string(at, 3, what, self.plain)
                    self._cell(at, 4, "seconds", seconds)
                    sheet.write_string(at, 5, _fitting(f"{why}"), self.wrapped)
                    at += 1
        if at == 1:
            sheet.write_string(1, 0, "Nothing is missing, and nothing was excluded.", self.plain)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, at - 1, 5)

    def about(self) -> None:
        """What was asked, and what must be known to read it."""
        sheet = self._sheet("About")
        sheet.set_column(0, 0, 20)
        sheet.set_column(1, 1, 100)
        sheet.write_string(0, 0, self.document.title, self.title)
        sheet.write_string(1, 0, self.document.subtitle, self.plain)
        for number, (label, text) in enumerate(self.document.about, 3):
            sheet.write_string(number, 0, label, self.label)
            sheet.write_string(number, 1, text, self.wrapped)

    def _sheet(self, name: str) -> Any:
        self.sheet = self.workbook.add_worksheet(name)
        return self.sheet

    def _cell(self, row: int, place: int, kind: str, cell: Cell, series: Series | None = None) -> None:
        """Writes a cell as what it is; nothing where nothing is known."""
        if cell is None:
            return
        if isinstance(cell, str):
            self.sheet.write_string(row, place, _fitting(cell), self.plain)
        elif isinstance(cell, date):
            self.sheet.write_datetime(row, place, cell, self.forms["date"])
        elif kind in {"time", "moment"}:
            self.sheet.write_datetime(row, place, _clock(cell, UTC if series is None else series.zone), self.forms[kind])
        elif kind == "seconds":
            self.sheet.write_number(row, place, cell / _DAY_S, self.forms[kind])
        else:
            self.sheet.write_number(row, place, cell, self.forms[kind])

    def _width(self, name: str, kind: str) -> int:
        if kind == "text":
            at = AT[name]
            most = max((len(f"{row[at]}") for row in self.document.rows if row[at] is not None), default=0)
            return min(max(most + 2, _TEXT_WIDTH[0]), _TEXT_WIDTH[1])
        return {"time": 17, "moment": 20, "date": 12}.get(kind, 11)


def _clock(moment: int, zone: Any) -> datetime:
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None)


def _fitting(text: str) -> str:
    """A longer text would be left out, silently."""
    return text if len(text) <= _CELL_CHARS_MAX else text[: _CELL_CHARS_MAX - 4] + " ..."


def _letters(place: int) -> str:
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(place))
