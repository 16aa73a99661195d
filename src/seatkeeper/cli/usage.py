"""`seatkeeper usage`: what was used of each sellable item, from login sessions and other facts, against what was bought."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from seatkeeper.cli import usage_bill, usage_collect, usage_gate, usage_limits, usage_query, usage_who
from seatkeeper.cli.order import counted, print_json, run, table
from seatkeeper.cli.usage_common import Database, Json, day_given, site_of
from seatkeeper.cli.usage_query import query_given, rows_of

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
app.add_typer(usage_limits.app)
app.add_typer(usage_who.app)
app.add_typer(usage_bill.app)


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
def items(
    db: Annotated[Path | None, typer.Option("--db", metavar="DIR", help="With the own rules of the site whose data are there.")] = None,
    json: Json = False,
) -> None:
    """List the sellable items that are measured, and how."""
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.usage.measures import ITEMS

    versions = {item.name: item.versions for item in load_catalog(None).measured}
    measured = list(site_of(db).items.values()) if db is not None else list(ITEMS)
    if json:
        print_json(
            [
                {
                    "item": item.name,
                    "peak": item.peak is not None,
                    "enabled": item.enabled is not None,
                    "versions": versions.get(item.name, ""),
                    "source": item.source,
                }
                for item in measured
            ]
        )
        return
    rows = [
        (
            item.name,
            "yes" if item.peak is not None else "-",
            "yes" if item.enabled is not None else "-",
            versions.get(item.name, "-"),
            item.source,
        )
        for item in measured
    ]
    print("\n".join(table(("Sellable item", "Peak", "Enabled", "Versions", "Source of the rule"), rows)))


@app.command()
def report(
    db: Database,
    item: usage_query.Item,
    first: usage_query.First,
    end: usage_query.End,
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
    json: Json = False,
) -> None:
    """Report the peak of seats in use, and the seats that are enabled, for each period."""
    from seatkeeper.cli.usage_text import report_json, report_lines

    query = query_given(item, first, end, kind, granularity, tenant, group, zone, week_start, sampling, membership)
    rows = rows_of(db, query, engine, master)
    if json:
        print_json([report_json(row) for row in rows])
    else:
        print("\n".join(report_lines(rows)))


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

    warehouse = Warehouse(db, must_exist=True)
    site, now = site_of(db), clock.now()
    with one_close(warehouse):
        if date_:
            days = [day_number(day_given(date_, "--date"))]
        else:
            manifest = warehouse.manifest()
            found = open_days(manifest, site.items, now)
            begin = day_number(day_given(first, "--from")) if first else 0
            end = day_number(day_given(through, "--through")) if through else int(now // 86_400)
            days = [day for day in sorted({*found.never, *found.again, *site.without_bundles(manifest)}) if begin <= day <= end]
        done: list[dict[str, Any]] = []

        def tell(day: int, rows: int) -> None:
            done.append({"date": f"{day_of(day)}", "rows": rows})
            if not json:
                print(f"{day_of(day)} is closed, with {counted(rows, 'row')} ({len(done)} of {len(days)}).", flush=True)

        engine = open_duckdb(db)
        for items, alike in site.by_rules(days):
            close_days(warehouse, engine, items, alike, now, tell)
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
    from seatkeeper.lrm.status import status_of

    found = status_of(Warehouse(db, must_exist=True), site_of(db).items, clock.now())
    if json:
        import msgspec

        print_json(msgspec.to_builtins(found))
        return
    rows = [(one.kind, str(one.facts), one.first, one.last, str(one.open) if one.open else "-") for one in found.kinds]
    print("\n".join(table(("Facts", "Count", "First day", "Last day", "Days with open ones"), rows)))
    print("\n".join(found.sentences))


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    return run(app, "seatkeeper usage", argv)
