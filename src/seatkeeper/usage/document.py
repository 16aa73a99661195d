"""A report that goes out of the house as a file is one value that says all that its reader needs, whatever the file's form.

Every row says itself what it is about, so that a table of rows alone, as CSV and Parquet are, is understood by who has nothing else. What
is not known is no cell, and `missing` says why; what cannot be over a limit, because there is none or use is not known, is no cell, too.

Rows stand by what they are about (`Series`), and in it by time. What a person looks for first is in the series: its highest peak, where it
was over, what is not known.
"""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AT",
    "CHARTS_MAX",
    "COLUMNS",
    "STEPS_MAX",
    "Cell",
    "CellType",
    "Column",
    "Document",
    "Series",
    "Step",
    "charted",
    "lasted",
    "local",
    "steps",
]

CellType = Literal["text", "whole", "time", "date", "seconds"]
Cell = str | int | date | None
#: A reader takes in so many charts of one report.
CHARTS_MAX: Final = 12
#: A chart is drawn of at most so many steps: more are narrower than a pen.
STEPS_MAX: Final = 2000


class Column(msgspec.Struct, frozen=True):
    """A column of every report.

    Attributes:
        name: As programs read it.
        head: As people read it.
        type: `time` is UTC seconds, `seconds` how long something lasted.
    """

    name: str
    head: str
    type: CellType


#: Names are those of the report's JSON wherever it has them.
COLUMNS: Final = (
    Column("report", "Report", "text"),
    Column("tenant", "Tenant", "text"),
    Column("group", "Group", "text"),
    Column("item", "Sellable item", "text"),
    Column("versions", "Versions", "text"),
    Column("granularity", "Granularity", "text"),
    Column("start", "Start", "time"),
    Column("since", "Measured from", "time"),
    Column("until", "Measured until", "time"),
    Column("zone", "Time zone", "text"),
    Column("sampling", "Sampling", "text"),
    Column("membership", "Membership", "text"),
    Column("peak", "Peak", "whole"),
    Column("peak_time", "Peak time", "time"),
    Column("enabled", "Enabled", "whole"),
    Column("limit", "Limit", "whole"),
    Column("limit_since", "Limit since", "date"),
    Column("limit_is", "Limit is", "text"),
    Column("burst", "Burst limit", "whole"),
    Column("compared", "Compared", "text"),
    Column("over", "Over by", "whole"),
    Column("over_seconds", "Over for", "seconds"),
    Column("excluded_seconds", "Excluded", "seconds"),
    Column("excluded", "Excluded why", "text"),
    Column("missing", "Missing", "text"),
    Column("made", "Made", "time"),
    Column("seatkeeper", "seatkeeper", "text"),
)
#: Name of a column -> its place in a row.
AT: Final = {column.name: place for place, column in enumerate(COLUMNS)}


class Series(msgspec.Struct, frozen=True):
    """All periods of one item and one subject.

    Attributes:
        name: What it is about, within its report.
        item: The item.
        zone: Whose days and hours the periods are.
        first: The place of its first row.
        end: The place after its last row.
        peak: The highest peak that is known; None where none is.
        peak_time: When that was, the last time of several.
        enabled: The most enabled seats that are known.
        limit: The limit that was passed by most, else that of the highest peak, else of the last period.
        limit_since: Since when it holds.
        over: By how much a limit was passed at most; None where nothing could be compared.
        over_seconds: For how long in all; None where that is not known of every period.
        periods_over: In so many periods.
        periods_unknown: So many have no peak, or one of a part of the facts.
    """

    name: str
    item: str
    zone: tzinfo
    first: int
    end: int
    peak: int | None = None
    peak_time: int | None = None
    enabled: int | None = None
    limit: int | None = None
    limit_since: date | None = None
    over: int | None = None
    over_seconds: int | None = 0
    periods_over: int = 0
    periods_unknown: int = 0

    @property
    def periods(self) -> int:
        """How many there are."""
        return self.end - self.first


class Document(msgspec.Struct, frozen=True):
    """A report that explains itself.

    Attributes:
        title: What it is, in one line.
        subtitle: Of whom and when.
        about: Everything that was asked and must be known to read it: what, and its value.
        made: When, in UTC seconds.
        rows: A cell for each of COLUMNS.
        series: What the rows are about, in the rows' order.
    """

    title: str
    subtitle: str
    about: tuple[tuple[str, str], ...]
    made: int
    rows: list[tuple[Cell, ...]]
    series: tuple[Series, ...]

    def used(self, *names: str) -> list[str]:
        """Those of the columns in which some row has a cell."""
        return [name for name in names if any(row[AT[name]] is not None for row in self.rows)]

    def varied(self, *names: str) -> list[str]:
        """Those of the columns in which not all rows have the same."""
        return [name for name in names if len({row[AT[name]] for row in self.rows}) > 1]

    def excluded(self) -> list[str]:
        """Why times do not count, each reason once, in words."""
        return sorted({f"{row[AT['excluded']]}" for row in self.rows if row[AT["excluded"]] is not None})

    def missing(self) -> list[str]:
        """What is missing and why, each once."""
        return sorted({f"{row[AT['missing']]}" for row in self.rows if row[AT["missing"]] is not None})


def charted(document: Document) -> list[Series]:
    """The series that charts are drawn of, in the rows' order: those most over a limit, then those with the highest peaks.

    Where nothing at all was in use, those with the most enabled seats.
    """
    known = [one for one in document.series if one.peak or one.over] or [
        one for one in document.series if (one.peak, one.enabled) != (None, None)
    ]
    known.sort(key=lambda one: (-(one.over or 0), -(one.peak or 0), -(one.enabled or 0), one.first))
    return sorted(known[:CHARTS_MAX], key=lambda one: one.first)


class Step(msgspec.Struct, frozen=True):
    """A stretch of a chart.

    Attributes:
        since: Where it begins.
        until: Where it ends.
        peak: The peak; None where it is not known.
        enabled: The enabled seats; None where they are not known.
        limit: The limit.
        over: By how much it was passed.
        top: What passed it, the peak or the enabled seats; None where nothing did.
        missing: Something is not known.
    """

    since: int
    until: int
    peak: int | None
    enabled: int | None
    limit: int | None
    over: int
    top: int | None
    missing: bool


def steps(document: Document, series: Series) -> list[Step]:
    """The steps of a chart, at most STEPS_MAX: of several periods that are one step the most counts, and that something is missing."""
    rows = document.rows[series.first : series.end]
    together = -(-len(rows) // STEPS_MAX)
    found = []
    for at in range(0, len(rows), together):
        some = rows[at : at + together]
        since, until = some[0][AT["since"]], some[-1][AT["until"]]
        assert isinstance(since, int)
        assert isinstance(until, int)
        most = {name: _most(row[AT[name]] for row in some) for name in ("peak", "enabled", "limit", "over")}
        over = most["over"] or 0
        top = most["enabled" if some[0][AT["compared"]] == "enabled" else "peak"]
        missing = any(row[AT["missing"]] is not None for row in some)
        found.append(Step(since, until, most["peak"], most["enabled"], most["limit"], over, top if over else None, missing))
    return found


def _most(cells: Iterable[Cell]) -> int | None:
    return max((cell for cell in cells if isinstance(cell, int)), default=None)


def local(moment: int, zone: tzinfo) -> str:
    """`2026-10-25 02:00`, and with `CEST` or the like where clocks there show that time twice."""
    there = datetime.fromtimestamp(moment, zone)
    twice = there.replace(fold=0).utcoffset() != there.replace(fold=1).utcoffset()
    return f"{there:%Y-%m-%d %H:%M %Z}" if twice else f"{there:%Y-%m-%d %H:%M}"


def lasted(seconds: int | None) -> str:
    """`2:05:09` hours; `?` where it is not known."""
    if seconds is None:
        return "?"
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
