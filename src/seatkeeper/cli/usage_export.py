"""`seatkeeper usage export`: a usage report as a file for people or for other programs, which says itself what it is about."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Final, Literal

import typer

from seatkeeper.cli import usage_query
from seatkeeper.cli.order import counted, json_text
from seatkeeper.cli.usage_common import Database, site_of
from seatkeeper.cli.usage_query import query_given, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.lrm.report import Row
    from seatkeeper.usage.document import Document

__all__ = ["FORMATS", "app"]

app = typer.Typer()

Format = Literal["csv", "json", "xlsx", "parquet", "pdf", "png", "svg"]
FORMATS: Final[tuple[Format, ...]] = ("csv", "json", "xlsx", "parquet", "pdf", "png", "svg")


@app.command()
def export(
    db: Database,
    item: usage_query.Item,
    first: usage_query.First,
    end: usage_query.End,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file.", show_default=False)],
    form: Annotated[Format | None, typer.Option("--format", help="What is written.", show_default="as the file's name ends")] = None,
    kind: usage_query.Kind = "system",
    granularity: usage_query.GranularityName = "daily",
    tenant: usage_query.Tenant = None,
    group: usage_query.Group = None,
    zone: usage_query.Zone = "UTC",
    week_start: usage_query.WeekStart = "monday",
    sampling: usage_query.SamplingName = "exact",
    membership: usage_query.MembershipName = "history",
    engine: usage_query.EngineName = "duckdb",
    master: usage_query.Master = "",
    fonts: Annotated[Path | None, typer.Option("--fonts", metavar="DIR", help="For PDF: fonts for names that ours cannot print.")] = None,
) -> None:
    """Write a report to a file: a workbook, PDF, a chart, or a table for other programs."""
    from seatkeeper import __version__
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.adapters.wholefile import PUBLIC, whole_file
    from seatkeeper.base.errors import InputError
    from seatkeeper.catalog.model import folded
    from seatkeeper.lrm.documents import document_of

    wanted = _format_of(output, form)
    query = query_given(item, first, end, kind, granularity, tenant, group, zone, week_start, sampling, membership)
    rows = rows_of(db, query, engine, master)
    versions = {folded(one.name): one.versions for one in load_catalog(None).measured}
    document = document_of(query, rows, site_of(db), versions, int(clock.now()), __version__)
    try:
        with whole_file(output, PUBLIC) as file:
            _write(wanted, document, rows, file, fonts)
    except OSError as error:
        raise InputError(f"This file cannot be written: {error.strerror or error}.", file=str(output)) from None
    print(f"{output}: {document.title}, {document.subtitle}: {counted(len(rows), 'row')}.")


def _format_of(output: Path, form: Format | None) -> Format:
    """What is to be written.

    Raises:
        InputError: The name of the file does not say.
    """
    from seatkeeper.base.errors import InputError

    if form is not None:
        return form
    suffix = output.suffix.removeprefix(".").lower()
    for known in FORMATS:
        if suffix == known:
            return known
    expected = ", ".join(f".{known}" for known in FORMATS)
    raise InputError(
        "The file's name does not say what it is to be.", file="--output", found=str(output), expected=expected, remedy="Or say --format."
    )


def _write(form: Format, document: Document, rows: Sequence[Row], file: IO[bytes], fonts: Path | None) -> None:
    if form == "csv":
        from seatkeeper.adapters.reportfiles import write_csv

        write_csv(document, file)
    elif form == "parquet":
        from seatkeeper.adapters.reportfiles import write_parquet

        write_parquet(document, file)
    elif form == "xlsx":
        from seatkeeper.adapters.reportsheet import write_xlsx

        write_xlsx(document, file)
    elif form == "json":
        from seatkeeper.lrm.rows import report_json

        file.write(json_text([report_json(row) for row in rows]).encode())
    elif form == "pdf":
        file.write(_pdf(document, fonts))
    else:
        from seatkeeper.adapters.reportcharts import picture

        file.write(picture(document, form))


def _pdf(document: Document, fonts: Path | None) -> bytes:
    from datetime import UTC, datetime

    from seatkeeper.adapters.documents import report_pdf
    from seatkeeper.adapters.reportcharts import chart_svg
    from seatkeeper.usage.document import charted
    from seatkeeper.usage.pages import report_page

    charts = {one.first: chart_svg(document, one) for one in charted(document) if one.periods > 1}
    return report_pdf(report_page(document, charts), datetime.fromtimestamp(document.made, UTC).date(), fonts=fonts)
