"""`seatkeeper usage`: what was used of each sellable item, from login sessions and other facts, against what was bought."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seatkeeper.cli import usage_collect, usage_gate
from seatkeeper.cli.order import counted, print_json, run, table

if TYPE_CHECKING:
    from datetime import tzinfo

    from seatkeeper.lrm.report import Row

__all__ = ["app", "main"]

app = typer.Typer(
    name="usage",
    help="Use of sellable items: load sessions and other facts, report peaks and enabled seats against what was bought.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(usage_collect.app)
app.add_typer(usage_gate.app)

Database = Annotated[Path, typer.Option("--db", metavar="DIR", help="The directory with the usage data.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def load(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV or Parquet files of facts.", show_default=False)],
    db: Database,
    kind: Annotated[str | None, typer.Option(help="Which facts; by default as the columns say.")] = None,
    json: Json = False,
) -> None:
    """Take facts in: login sessions, configuration, ports, recordings. Again the same facts change nothing."""
    import msgspec

    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.usage.facts import kind_named

    warehouse = Warehouse(db)
    wanted = kind_named(kind) if kind else None
    done = []
    for file in files:
        loaded = warehouse.load(file, wanted)
        done.append({"file": str(file), **msgspec.to_builtins(loaded)})
        if not json:
            days = counted(loaded.days, "day")
            print(f"{file}: {counted(loaded.rows, 'row')} of {loaded.kind}, {loaded.added} of them new, on {days}.")
    if json:
        print_json(done)


@app.command()
def items(json: Json = False) -> None:
    """List the sellable items that are measured, and how."""
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.usage.measures import ITEMS

    versions = {item.name: item.versions for item in load_catalog(None).measured}
    if json:
        print_json(
            [
                {
                    "item": item.name,
                    "peak": item.peak is not None,
                    "enabled": item.enabled is not None,
                    "versions": versions[item.name],
                    "source": item.source,
                }
                for item in ITEMS
            ]
        )
        return
    rows = [
        (item.name, "yes" if item.peak is not None else "-", "yes" if item.enabled is not None else "-", versions[item.name], item.source)
        for item in ITEMS
    ]
    print("\n".join(table(("Sellable item", "Peak", "Enabled", "Versions", "Source of the rule"), rows)))


@app.command()
def report(
    db: Database,
    item: Annotated[str, typer.Option(metavar="NAME", help="The sellable item; `seatkeeper usage items` lists them.", show_default=False)],
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.", show_default=False)],
    end: Annotated[str, typer.Option("--to", metavar="DATE", help="The day after the last one.", show_default=False)],
    kind: Annotated[
        Literal["system", "tenant", "agent-group", "place-group"], typer.Option("--type", help="Whom the rows are about.")
    ] = "system",
    granularity: Annotated[
        Literal["monthly", "weekly", "daily", "hourly", "10-minute"], typer.Option(help="How long a period is.")
    ] = "daily",
    tenant: Annotated[str | None, typer.Option(help="Only this tenant.", show_default="all")] = None,
    group: Annotated[str | None, typer.Option(help="Only this group.", show_default="all")] = None,
    zone: Annotated[str, typer.Option(metavar="ZONE", help="Whose days and hours, such as Europe/Paris.")] = "UTC",
    week_start: Annotated[
        Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
        typer.Option(help="The day on which a business week begins."),
    ] = "monday",
    sampling: Annotated[
        Literal["exact", "second", "minute"], typer.Option(help="Which moments are looked at; LRM looked once a minute.")
    ] = "exact",
    membership: Annotated[
        Literal["history", "day-end"], typer.Option(help="Who belonged to a group when, or who did at the end of each day, as LRM had it.")
    ] = "history",
    engine: Annotated[Literal["duckdb", "spark"], typer.Option(help="What works it out.")] = "duckdb",
    master: Annotated[
        str, typer.Option(metavar="URL", help="The master of Spark.", show_default="this machine", envvar="SEATKEEPER_SPARK_MASTER")
    ] = "",
    json: Json = False,
) -> None:
    """Report the peak of seats in use, and the seats that are enabled, for each period."""
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.adapters.engines import open_engine
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.report import Query, items_by_name
    from seatkeeper.lrm.report import report as make
    from seatkeeper.usage.measures import products_of

    weekdays = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    query = Query(
        kind,
        item,
        granularity,
        _day(first, "--from"),
        _day(end, "--to"),
        _zone(zone),
        weekdays.index(week_start),
        tenant,
        group,
        sampling,
        membership,
    )
    warehouse = Warehouse(db, must_exist=True)
    rows = make(warehouse, open_engine(engine, db, master), query, items_by_name(), products_of(load_catalog(None).measured))
    if json:
        print_json([_as_json(row) for row in rows])
    else:
        _print(rows, query.zone or UTC)


@app.command()
def close(
    db: Database,
    date_: Annotated[str, typer.Option("--date", metavar="DATE", help="Only this day, closed or not.", show_default="all open ones")] = "",
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="No day before this one.", show_default="the first facts")] = "",
    through: Annotated[str, typer.Option("--through", metavar="DATE", help="No day after this one.", show_default="yesterday")] = "",
    keep_days: Annotated[
        int | None, typer.Option("--keep-days", min=1, metavar="N", help="Then drop the detail of what ended before the last N days.")
    ] = None,
    json: Json = False,
) -> None:
    """Close the days that are over (UTC): keep their peaks, so that reports of months are quick. Run it every night."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.engines import open_duckdb
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.close import close_days, day_number, day_of, one_close, open_days
    from seatkeeper.lrm.report import items_by_name

    warehouse = Warehouse(db, must_exist=True)
    items, now = items_by_name(), clock.now()
    with one_close(warehouse):
        if date_:
            days = [day_number(_day(date_, "--date"))]
        else:
            found = open_days(warehouse.manifest(), items, now)
            begin = day_number(_day(first, "--from")) if first else 0
            end = day_number(_day(through, "--through")) if through else int(now // 86_400)
            days = [day for day in sorted({*found.never, *found.again}) if begin <= day <= end]
        done: list[dict[str, Any]] = []

        def tell(day: int, rows: int) -> None:
            done.append({"date": f"{day_of(day)}", "rows": rows})
            if not json:
                print(f"{day_of(day)} is closed, with {counted(rows, 'row')} ({len(done)} of {len(days)}).", flush=True)

        engine = open_duckdb(db)
        close_days(warehouse, engine, items, days, now, tell)
        dropped = warehouse.drop_detail(engine, int(now // 86_400) - keep_days) if keep_days else 0
    if json:
        print_json({"closed": done, "dropped": dropped})
    else:
        if not days:
            print("All days that are over are closed.")
        if keep_days:
            print(f"{counted(dropped, 'session or recording')} dropped." if dropped else "No detail was old enough to be dropped.")


@app.command()
def status(db: Database, json: Json = False) -> None:
    """Say what is there: facts by kind, days that are closed, and what is missing."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.report import items_by_name
    from seatkeeper.lrm.status import status_of

    found = status_of(Warehouse(db, must_exist=True), items_by_name(), clock.now())
    if json:
        import msgspec

        print_json(msgspec.to_builtins(found))
        return
    rows = [(one.kind, str(one.facts), one.first, one.last, str(one.open) if one.open else "-") for one in found.kinds]
    print("\n".join(table(("Facts", "Count", "First day", "Last day", "Days with open ones"), rows)))
    print("\n".join(found.sentences))


def _day(text: str, option: str) -> date:
    from seatkeeper.base.errors import InputError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError("This is no calendar day.", file=option, found=text, expected="YYYY-MM-DD") from None


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from seatkeeper.base.errors import InputError

    if name.upper() in {"UTC", "GMT"}:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError("This is no time zone.", file="--zone", found=name, expected="a name such as Europe/Paris") from None


def _utc(moment: int | None) -> str | None:
    return None if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _as_json(row: Row) -> dict[str, Any]:
    about = {"tenant": row.subject.tenant}
    if row.subject.group is not None:
        about["group"] = row.subject.group
    return {
        **about,
        "item": row.item,
        "start": _utc(row.period.start),
        "peak": row.peak,
        "peak_time": _utc(row.peak_time),
        "enabled": row.enabled,
        "limit": row.limit,
        "over": row.over,
        **({"missing": row.missing} if row.missing else {}),
    }


def _print(rows: list[Row], zone: tzinfo) -> None:
    def local(moment: int | None) -> str:
        return "-" if moment is None else f"{datetime.fromtimestamp(moment, zone):%Y-%m-%d %H:%M}"

    def number(value: int | None) -> str:
        return "?" if value is None else str(value)

    lines = []
    for row in rows:
        who = [part for part in (row.subject.tenant, row.subject.group) if part is not None]
        lines.append(
            (
                *who,
                local(row.period.start),
                number(row.peak),
                local(row.peak_time),
                number(row.enabled),
                "-" if row.limit is None else str(row.limit),
                str(row.over) if row.over else "",
            )
        )
    head = ("Tenant", "Group")[: len(lines[0]) - 6] if lines else ()
    print("\n".join(table((*head, "Start", "Peak", "Peak time", "Enabled", "Limit", "Over"), lines)))
    for missing in sorted({row.missing for row in rows if row.missing}):
        print(f"?: {missing}.")


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    return run(app, "seatkeeper usage", argv)
