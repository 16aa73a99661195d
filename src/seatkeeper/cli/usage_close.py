"""`seatkeeper usage close` and `status`: days that are over are kept, once and for all, and it is known what is there and what is not."""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seatkeeper.cli.order import counted, print_json, table
from seatkeeper.cli.usage_common import Database, Json, day_given, site_of
from seatkeeper.cli.usage_log import Log, alarms_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seatkeeper.adapters.warehouse import Warehouse

__all__ = ["app"]

app = typer.Typer()


@app.command()
def close(
    db: Database,
    date_: Annotated[str, typer.Option("--date", metavar="DATE", help="Only this day, closed or not.", show_default="all open ones")] = "",
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="No day before this one.", show_default="the first facts")] = "",
    through: Annotated[str, typer.Option("--through", metavar="DATE", help="No day after this one.", show_default="yesterday")] = "",
    keep_days: Annotated[
        int | None,
        typer.Option(
            "--keep-days",
            min=1,
            metavar="N",
            help="Then drop the detail of what ended before the last N days.",
            show_default="[retention] in usage.toml",
        ),
    ] = None,
    log: Log = None,
    json: Json = False,
) -> None:
    """Close the days that are over (UTC): keep their peaks, so that reports of months are quick. Run it every night."""
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.close import day_number

    day = day_number(day_given(date_, "--date")) if date_ else None
    begin = day_number(day_given(first, "--from")) if first else 0
    end = day_number(day_given(through, "--through")) if through else None
    warehouse = Warehouse(db, must_exist=True)
    # Who closes one day by hand is told on the terminal.
    with alarms_of(db, log, "close").job("close") if day is None else nullcontext():
        done, dropped, keep = _closed(warehouse, day, begin, end, keep_days, json=json)
    if json:
        print_json({"closed": done, "dropped": dropped})
        return
    if not done:
        print("All days that are over are closed.")
    if keep:
        print(f"Dropped: {counted(dropped, 'fact')} of detail." if dropped else "No detail was old enough to be dropped.")


def _closed(
    warehouse: Warehouse, day: int | None, begin: int, end: int | None, keep_days: int | None, *, json: bool
) -> tuple[list[dict[str, Any]], int, int | None]:
    """What was closed, how much detail was dropped, and how many days of it were to be kept."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.engines import open_duckdb
    from seatkeeper.lrm.close import close_days, day_of, one_close, open_days

    site, now = site_of(warehouse.path), clock.now()
    today = int(now // 86_400)
    keep = site.settings.detail_days if keep_days is None and day is None else keep_days
    done: list[dict[str, Any]] = []
    with one_close(warehouse):
        days = [day] if day is not None else []
        if day is None:
            manifest = warehouse.manifest()
            found = open_days(manifest, site.items, now)
            last = today if end is None else end
            days = [one for one in sorted({*found.never, *found.again, *site.without_bundles(manifest)}) if begin <= one <= last]
        with _told(len(days), quiet=json) as told:

            def tell(day: int, rows: int) -> None:
                done.append({"date": f"{day_of(day)}", "rows": rows})
                told(f"{day_of(day)}", f"{day_of(day)} is closed, with {counted(rows, 'row')} ({len(done)} of {len(days)}).")

            engine = open_duckdb(warehouse.path)
            for items, alike in site.by_rules(days):
                close_days(warehouse, engine, items, alike, now, tell)
        dropped = warehouse.drop_detail(engine, today - keep) if keep else 0
    return done, dropped, keep


@contextmanager
def _told(total: int, *, quiet: bool) -> Iterator[Callable[[str, str], None]]:
    """Takes each day and the line about it: a bar on a terminal, else the lines."""
    if quiet or not (sys.stdout.isatty() and sys.stderr.isatty()) or not total:
        yield lambda _day, line: None if quiet else print(line, flush=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    days: list[str] = []
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Closing days", total=total)

        def advance(day: str, _line: str) -> None:
            days.append(day)
            progress.update(task, advance=1, description=f"Closed {day}")

        yield advance
    span = f"{days[0]} to {days[-1]}" if len(days) > 1 else "".join(days)
    print(f"{counted(len(days), 'day')} closed: {span}.")


@app.command()
def status(db: Database, json: Json = False) -> None:
    """Say what is there: facts by kind, days that are closed, what is missing, and which alarms are active."""
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
