"""`seatkeeper usage`: what was used of each sellable item, from login sessions and other facts, against what was bought."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seatkeeper.cli import (
    usage_bill,
    usage_close,
    usage_collect,
    usage_evidence,
    usage_export,
    usage_features,
    usage_gate,
    usage_limits,
    usage_plan,
    usage_query,
    usage_run,
    usage_who,
)
from seatkeeper.cli.order import counted, print_json, run, table
from seatkeeper.cli.usage_common import Database, Json, site_of
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
app.add_typer(usage_close.app)
app.add_typer(usage_collect.app)
app.add_typer(usage_features.app)
app.add_typer(usage_gate.app)
app.add_typer(usage_limits.app)
app.add_typer(usage_plan.app)
app.add_typer(usage_run.app)
app.add_typer(usage_who.app)
app.add_typer(usage_bill.app)
app.add_typer(usage_evidence.app)
app.add_typer(usage_export.app)


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
    from seatkeeper.cli.usage_text import print_report, report_json

    query = query_given(item, first, end, kind, granularity, tenant, group, zone, week_start, sampling, membership)
    rows = rows_of(db, query, engine, master)
    if json:
        print_json([report_json(row) for row in rows])
    else:
        print_report(rows)


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    return run(app, "seatkeeper usage", argv)
