"""What a usage report is asked with on the command line is one set of options, so that every command about reports asks alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seatkeeper.cli.usage_common import day_given, site_of, zone_given

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.lrm.report import Query, Row

__all__ = [
    "End",
    "EngineName",
    "First",
    "GranularityName",
    "Group",
    "Item",
    "Kind",
    "Master",
    "MembershipName",
    "SamplingName",
    "Tenant",
    "WeekStart",
    "Zone",
    "query_given",
    "rows_of",
]

Item = Annotated[
    str,
    typer.Option(
        "--item", metavar="NAME", help="The sellable item (`seatkeeper usage items` lists them), or a bundle; or all.", show_default=False
    ),
]
First = Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.", show_default=False)]
End = Annotated[str, typer.Option("--to", metavar="DATE", help="The day after the last one.", show_default=False)]
Kind = Annotated[Literal["system", "tenant", "agent-group", "place-group"], typer.Option("--type", help="Whom the rows are about.")]
GranularityName = Annotated[
    Literal["monthly", "weekly", "daily", "hourly", "10-minute"], typer.Option("--granularity", help="How long a period is.")
]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Only this tenant.", show_default="all")]
Group = Annotated[str | None, typer.Option("--group", help="Only this group.", show_default="all")]
Zone = Annotated[
    str, typer.Option("--zone", metavar="ZONE", help="Whose days and hours, such as Europe/Paris; `tenant` for each tenant's own.")
]
WeekStart = Annotated[
    Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    typer.Option("--week-start", help="The day on which a business week begins."),
]
SamplingName = Annotated[
    Literal["exact", "second", "minute"], typer.Option("--sampling", help="Which moments are looked at; LRM looked once a minute.")
]
MembershipName = Annotated[
    Literal["history", "day-end"],
    typer.Option("--membership", help="Who belonged to a group when, or who did at the end of each day, as LRM had it."),
]
EngineName = Annotated[Literal["duckdb", "spark"], typer.Option("--engine", help="What works it out.")]
Master = Annotated[
    str, typer.Option("--master", metavar="URL", help="The master of Spark.", show_default="this machine", envvar="SEATKEEPER_SPARK_MASTER")
]

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def query_given(
    item: str,
    first: str,
    end: str,
    kind: Kind,
    granularity: GranularityName,
    tenant: str | None,
    group: str | None,
    zone: str,
    week_start: WeekStart,
    sampling: SamplingName,
    membership: MembershipName,
) -> Query:
    """The query that the options of these names ask.

    Raises:
        InputError: A day or the zone is none.
    """
    from seatkeeper.lrm.report import Query

    return Query(
        kind,
        item,
        granularity,
        day_given(first, "--from"),
        day_given(end, "--to"),
        zone_given(zone),
        _WEEKDAYS.index(week_start),
        tenant,
        group,
        sampling,
        membership,
    )


def rows_of(db: Path, query: Query, engine: EngineName, master: str) -> list[Row]:
    """The rows of the report, of all items where `all` is asked for.

    Raises:
        InputError: As `lrm.report.report`.
    """
    from seatkeeper.adapters.engines import open_engine
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.report import report, report_all

    warehouse = Warehouse(db, must_exist=True)
    site, work = site_of(db), open_engine(engine, db, master)
    return report_all(warehouse, work, query, site) if query.item == "all" else report(warehouse, work, query, {}, {}, site)
