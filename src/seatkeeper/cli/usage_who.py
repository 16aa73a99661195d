"""`seatkeeper usage who`: the sessions and seats that made up a peak, so that everybody can see that it is true."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

import typer

from seatkeeper.cli.order import counted, print_json, table
from seatkeeper.cli.usage_common import Database, ItemOption, Json, ReportType, day_given, moment_given, site_of, utc, zone_given

__all__ = ["app"]

app = typer.Typer()


@app.command()
def who(
    db: Database,
    item: ItemOption,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="At this moment, such as 2026-09-30T08:00:00Z.")] = "",
    peak_of: Annotated[str, typer.Option("--peak-of", metavar="DATE", help="At the peak of this day.")] = "",
    kind: ReportType = "system",
    tenant: Annotated[str | None, typer.Option("--tenant", help="Of this tenant.")] = None,
    group: Annotated[str | None, typer.Option("--group", help="Of this group.")] = None,
    zone: Annotated[str, typer.Option(metavar="ZONE", help="Whose day; `tenant` for the tenant's own zone.")] = "UTC",
    membership: Annotated[
        Literal["history", "day-end"], typer.Option(help="Who belonged to a group then, or who did at the end of the day.")
    ] = "history",
    json: Json = False,
) -> None:
    """Name the sessions that held seats at a moment, or at the peak of a day."""
    from seatkeeper.adapters.engines import open_duckdb
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.base.errors import InputError
    from seatkeeper.lrm.report import Query
    from seatkeeper.lrm.who import who as find

    if bool(at) == bool(peak_of):
        raise InputError("Say when: at a moment, or at the peak of a day.", file="--at", expected="either --at TIME or --peak-of DATE")
    moment = moment_given(at, "--at") if at else None
    day = day_given(peak_of or at[:10], "--peak-of" if peak_of else "--at")
    query = Query(kind, item, "daily", day, day + timedelta(1), zone_given(zone), tenant=tenant, group=group, membership=membership)
    told = find(Warehouse(db, must_exist=True), open_duckdb(db), query, site_of(db), moment)
    if json:
        sessions = [
            {
                **row,
                "source": _listed(row["source"]),
                "media": _listed(row["media"]),
                "login": utc(row["login"]),
                "logout": utc(row["logout"]),
            }
            for row in told.holders
        ]
        about = {"tenant": told.subject.tenant, "group": told.subject.group, "item": item, "at": utc(told.at)}
        print_json({**about, "seats": told.seats, "sessions": sessions})
        return
    rows = [
        (
            row["seat"],
            row["tenant"],
            row["agent"],
            row["session_id"],
            ", ".join(_listed(row["media"])),
            utc(row["login"]) or "",
            (utc(row["logout"]) or "open") + (" (estimated)" if row["estimated"] else ""),
        )
        for row in told.holders
    ]
    if rows:
        print("\n".join(table(("Seat", "Tenant", "Agent", "Session", "Media", "Login", "Logout"), rows)))
    print(f"{counted(told.seats, 'seat')} in use at {utc(told.at)}, by {counted(len(rows), 'session')}.")


def _listed(text: str) -> list[str]:
    return [word for word in text.split("|") if word]
