"""`seatkeeper usage bill`: what a month's over-use costs, by tenant or for the whole system, from a price file."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from seatkeeper.cli.order import print_json, table
from seatkeeper.cli.usage_common import Database, Json, decimal_tables, site_of, utc

__all__ = ["app"]

app = typer.Typer()


@app.command()
def bill(
    db: Database,
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="Which month, in UTC.", show_default=False)],
    prices: Annotated[Path, typer.Option("--prices", metavar="FILE", help="The price file (TOML).", show_default=False)],
    tenant: Annotated[str | None, typer.Option("--tenant", help="Only this tenant.", show_default="all")] = None,
    system: Annotated[bool, typer.Option("--system", help="The whole system, against what was bought for it.")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write it as CSV, too.")] = None,
    json: Json = False,
) -> None:
    """Price what was used above the burst limits in a month, each day against its own limits."""
    import msgspec

    from seatkeeper.adapters import clock
    from seatkeeper.adapters.engines import open_duckdb
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.adapters.wholefile import PUBLIC, replace_file
    from seatkeeper.base.errors import InputError
    from seatkeeper.lrm.billing import bill as make
    from seatkeeper.lrm.billing import bill_csv
    from seatkeeper.usage.billing import parse_prices

    if system and tenant is not None:
        raise InputError("A bill is for the whole system or for a tenant.", file="--tenant", found=tenant, remedy="Leave one of them out.")
    first = _month(month)
    told = make(
        Warehouse(db, must_exist=True),
        open_duckdb(db),
        first,
        parse_prices(decimal_tables(prices), str(prices)),
        site_of(db),
        system=system,
        tenant=tenant,
    )
    if csv is not None:
        try:
            replace_file(csv, bill_csv(told).encode(), PUBLIC)
        except OSError as error:
            raise InputError(f"This file cannot be written: {error.strerror}.", file=str(csv)) from None
    over = (clock.today().year, clock.today().month) > (first.year, first.month)
    if json:
        rows = [{**msgspec.structs.asdict(one), "peak_time": utc(one.peak_time)} for one in told.charges]
        print_json({"month": month, "complete": over, "currency": told.currency, "charges": rows, "total": told.total})
        return
    cells = [
        (
            *([] if system else [one.tenant or ""]),
            one.item,
            "?" if one.peak is None else str(one.peak),
            "-" if one.included is None else str(one.included),
            "-" if one.burst is None else str(one.burst),
            _times(one.within_burst, one.burst_price),
            _times(one.over, one.price),
            "-" if one.amount is None else f"{one.amount:f}",
        )
        for one in told.charges
    ]
    head = (*([] if system else ["Tenant"]), "Sellable item", "Peak", "Included", "Burst limit", "Within burst", "Over", told.currency)
    print("\n".join(table(head, cells)))
    print(f"Total: {told.total:f} {told.currency}.")
    if not over:
        print("The month is not over: these are the figures so far.")
    notes = [f"{one.tenant or 'System'}, {one.item}: {one.note}." for one in told.charges if one.note]
    print("\n".join(notes), end="\n" if notes else "")
    if csv is not None:
        print(f"Written to {csv}.")


def _times(seats: int, price: Decimal) -> str:
    return f"{seats} x {price:f}" if seats else "-"


def _month(text: str) -> date:
    from seatkeeper.base.errors import InputError

    try:
        if len(text) != len("2026-09"):
            raise ValueError
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise InputError("This is no month.", file="--month", found=text, expected="YYYY-MM") from None
