"""`seatkeeper usage plan`: from history, seats for a chosen risk, a forecast with its uncertainty, what-if, and which licenses to buy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seatkeeper.cli import usage_query
from seatkeeper.cli.order import print_json
from seatkeeper.cli.usage_common import Database, Json, site_of

if TYPE_CHECKING:
    from seatkeeper.lrm.report import Query

__all__ = ["app", "seats_given", "shift_given"]

app = typer.Typer(
    name="plan",
    help="Plan from history: seats for a chosen risk, a forecast, what-if, and enabled against concurrent licenses.",
    no_args_is_help=True,
)

Zone = Annotated[str, typer.Option("--zone", metavar="ZONE", help="Whose days; `tenant` for each tenant's own zone.")]

_SHIFT = re.compile(r"([+-]?)([0-9]{1,3})(h|m)(?:([0-9]{1,2})m)?")
_SEATS = re.compile(r"([+-]?)([0-9]{1,9})")


def _query(item: str, first: str, end: str, kind: usage_query.Kind, tenant: str | None, group: str | None, zone: str) -> Query:
    return usage_query.query_given(item, first, end, kind, "daily", tenant, group, zone, "monday", "exact", "history")


def shift_given(text: str) -> int:
    """The seconds of `+1h`, `-30m` or `+1h30m`.

    Raises:
        InputError: It is no such time.
    """
    from seatkeeper.base.errors import InputError

    match = _SHIFT.fullmatch(text)
    if match is None or (match[3] == "m" and match[4] is not None):
        raise InputError("This is no shift of time.", file="--shift", found=text, expected="such as +1h, -30m or +1h30m")
    seconds = int(match[2]) * (3600 if match[3] == "h" else 60) + int(match[4] or 0) * 60
    return -seconds if match[1] == "-" else seconds


def seats_given(text: str) -> tuple[int | None, int]:
    """How many seats, and how many more than the limit has: `120` is (120, 0), `-20` is (None, -20).

    Raises:
        InputError: It is no number.
    """
    from seatkeeper.base.errors import InputError

    match = _SEATS.fullmatch(text)
    if match is None:
        raise InputError("This is no number of seats.", file="--seats", found=text, expected="120, or +20 or -20 of the limit")
    return (int(match[2]), 0) if not match[1] else (None, int(match[1] + match[2]))


def _pair(text: str, option: str) -> tuple[str, str]:
    from seatkeeper.base.errors import InputError

    group, equals, value = text.rpartition("=")
    if not equals or not group or not value:
        raise InputError("This names no group and what becomes of it.", file=option, found=text, expected="GROUP=...")
    return group, value


@app.command()
def seats(
    db: Database,
    item: usage_query.Item,
    first: usage_query.First,
    end: usage_query.End,
    risk: Annotated[
        str, typer.Option("--risk", metavar="SHARE", help="One more risk than 0, 0.1, 1 and 5 %, such as 0.5%.", show_default="none")
    ] = "",
    of: Annotated[Literal["logins", "denials", "time", "days"], typer.Option("--of", help="What a risk is a share of.")] = "logins",
    kind: usage_query.Kind = "system",
    tenant: usage_query.Tenant = None,
    group: usage_query.Group = None,
    zone: Zone = "UTC",
    json: Json = False,
) -> None:
    """Say how many seats would have been enough, if at most a share of logins, of time or of days may meet a full pool, or be denied."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.engines import open_duckdb
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.cli.usage_plan_text import seats_json, seats_lines
    from seatkeeper.lrm.plan_seats import seats_plan
    from seatkeeper.usage.planning import share_given

    query = _query(item, first, end, kind, tenant, group, zone)
    share = share_given(risk, "--risk") if risk else None
    told = seats_plan(Warehouse(db, must_exist=True), open_duckdb(db), query, site_of(db), clock.now(), of, share)
    if json:
        print_json([seats_json(one, item, of) for one in told])
    else:
        print("\n".join(line for one in told for line in seats_lines(one, item, of)))


@app.command(name="what-if")
def what_if(
    db: Database,
    item: usage_query.Item,
    first: usage_query.First,
    end: usage_query.End,
    seats: Annotated[
        str, typer.Option("--seats", metavar="N", help="So many seats; +20 or -20 of the limit.", show_default="as the limit has it")
    ] = "",
    move: Annotated[
        list[str] | None,
        typer.Option("--move", metavar="GROUP=TENANT", help="The group's sessions are another tenant's.", show_default="none"),
    ] = None,
    shift: Annotated[
        list[str] | None, typer.Option("--shift", metavar="GROUP=TIME", help="They are later, or earlier: +1h, -30m.", show_default="none")
    ] = None,
    without_overlap: Annotated[
        list[str] | None,
        typer.Option("--without-overlap", metavar="GROUP", help="Its shifts do not overlap any more.", show_default="none"),
    ] = None,
    handover: Annotated[
        int, typer.Option("--handover", min=1, max=240, metavar="MINUTES", help="How long an overlap of shifts is at most.")
    ] = 30,
    kind: usage_query.Kind = "system",
    tenant: usage_query.Tenant = None,
    group: usage_query.Group = None,
    zone: Zone = "UTC",
    json: Json = False,
) -> None:
    """Play the real sessions again with other seats, or a group elsewhere or at other hours: peaks, over-use and denials side by side."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.engines import open_duckdb
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.base.errors import InputError
    from seatkeeper.cli.usage_plan_text import what_if_json, what_if_lines
    from seatkeeper.lrm.plan_whatif import Change
    from seatkeeper.lrm.plan_whatif import what_if as play

    count, more = seats_given(seats) if seats else (None, 0)
    moves = tuple(_pair(text, "--move") for text in move or ())
    shifts = tuple((name, shift_given(by)) for name, by in (_pair(text, "--shift") for text in shift or ()))
    change = Change(moves, shifts, tuple(without_overlap or ()), handover * 60, count, more)
    if change == Change(handover_s=handover * 60):
        raise InputError("Nothing is changed.", file="--seats", expected="--seats, --move, --shift or --without-overlap")
    query = _query(item, first, end, kind, tenant, group, zone)
    told = play(Warehouse(db, must_exist=True), open_duckdb(db), query, site_of(db), clock.now(), change)
    if json:
        print_json([what_if_json(one, item) for one in told])
    else:
        print("\n".join(line for one in told for line in what_if_lines(one, item)))


@app.command()
def forecast(
    db: Database,
    item: usage_query.Item,
    first: usage_query.First,
    end: usage_query.End,
    months: Annotated[int, typer.Option("--months", min=1, max=24, metavar="N", help="So many months ahead.")] = 6,
    interval: Annotated[
        str, typer.Option("--interval", metavar="LIST", help="In so many of a hundred futures the peak is within the range that is told.")
    ] = "80,95",
    kind: usage_query.Kind = "system",
    tenant: usage_query.Tenant = None,
    group: usage_query.Group = None,
    zone: Zone = "UTC",
    json: Json = False,
) -> None:
    """Forecast the peaks of months from those of days, how sure that is, how well it did before, and when the limit is passed."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.engines import open_duckdb
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.cli.usage_outlook_text import forecast_json, forecast_lines
    from seatkeeper.lrm.plan_forecast import forecasts
    from seatkeeper.usage.outlook import intervals_given

    intervals = intervals_given(interval, "--interval")
    query = _query(item, first, end, kind, tenant, group, zone)
    told = forecasts(Warehouse(db, must_exist=True), open_duckdb(db), query, site_of(db), clock.now(), months, intervals)
    if json:
        print_json([forecast_json(one, item) for one in told])
    else:
        print("\n".join(line for one in told for line in forecast_lines(one, item)))


@app.command()
def mix(
    db: Database,
    first: usage_query.First,
    end: usage_query.End,
    item: Annotated[str, typer.Option("--item", metavar="NAME", help="Only this sellable item.")] = "all",
    prices: Annotated[
        Path | None, typer.Option("--prices", metavar="FILE", help="What enabled and concurrent seats cost (TOML).", show_default="none")
    ] = None,
    months: Annotated[
        int, typer.Option("--months", min=0, max=24, metavar="N", help="Forecast the peak so many months ahead; 0: do not.")
    ] = 6,
    kind: Annotated[Literal["system", "tenant"], typer.Option("--type", help="Whom it is about.")] = "system",
    tenant: usage_query.Tenant = None,
    zone: Zone = "UTC",
    json: Json = False,
) -> None:
    """Compare enabled with concurrent licenses: how many seats are set up for each in use, and with prices which is cheaper."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.engines import open_duckdb
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.cli.usage_common import decimal_tables
    from seatkeeper.cli.usage_outlook_text import mix_json, mix_lines
    from seatkeeper.lrm.plan_mix import mixes
    from seatkeeper.usage.mix import parse_seat_prices

    priced = None if prices is None else parse_seat_prices(decimal_tables(prices), str(prices))
    query = _query(item, first, end, kind, tenant, None, zone)
    told = mixes(Warehouse(db, must_exist=True), open_duckdb(db), query, site_of(db), clock.now(), priced, months)
    currency = None if priced is None else priced.currency
    if json:
        print_json([mix_json(one, currency) for one in told])
    else:
        print("\n".join(mix_lines(told, currency)))
