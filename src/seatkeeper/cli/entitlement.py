"""`seatkeeper entitlement`: who is entitled to what now, what of it ends soon, and what customers had before there was a registry."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from seatkeeper.cli.desk_common import ByOption, JsonOption, RegistryOption, open_desk
from seatkeeper.cli.order import counted, print_json, run, table

if TYPE_CHECKING:
    from datetime import timedelta

    from seatkeeper.adapters.registry_values import EntitlementRow

__all__ = ["app", "main"]

_NAME: Final = "seatkeeper entitlement"

app = typer.Typer(
    name="entitlement",
    help="What customers are entitled to, as the desk's registry knows it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

CustomerOption = Annotated[str, typer.Option("--customer", metavar="NAME", help="Of one customer.")]
SiteOption = Annotated[str, typer.Option("--site", metavar="NUMBER", help="Of one site.")]


@app.command("list")
def list_(
    customer: CustomerOption = "",
    site: SiteOption = "",
    licenses: Annotated[bool, typer.Option("--licenses", help="The technical licenses too.")] = False,
    registry: RegistryOption = "desk.db",
    json: JsonOption = False,
) -> None:
    """List what is held now: sellable items, each with its quantity, last day and maintenance."""
    import msgspec

    with open_desk(registry) as desk, desk.registry.read() as view:
        from seatkeeper.issue.desk_entitling import held

        rows = held(view, customer=customer, site=site)
    if not licenses:
        with_items = {row.order for row in rows if row.kind == "item"}
        rows = [row for row in rows if row.kind == "item" or row.order not in with_items]
    if json:
        print_json(msgspec.to_builtins(rows))
        return
    if rows:
        cells = [
            (row.customer, row.site, row.order, row.name, row.version, str(row.quantity), row.expires, row.maintained_until or "")
            for row in rows
        ]
        head = ("Customer", "Site", "Order", "Item", "Version", "Quantity", "Last day", "Maintained until")
        print("\n".join(table(head, cells)))
    print(f"{counted(len(rows), 'entitlement')} in {desk.registry.name}.")


@app.command()
def show(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The order's number.", show_default=False)],
    registry: RegistryOption = "desk.db",
    json: JsonOption = False,
) -> None:
    """Show an order: whose it is, what it entitles to, what it changed, and its license files."""
    import msgspec

    with open_desk(registry) as desk, desk.registry.read() as view:
        row = view.order(number)
        company, rows, files = view.customer_of_site(row.site), view.entitlements(number), list(view.files(order=number))
        successor = view.successor(number)
        deliveries = {file.number: view.deliveries(file.number) for file in files}
    follower = successor.number if successor is not None else None
    if json:
        shown = ("number", "order", "kind", "state", "why", "issuer", "hostids", "destination", "issued", "expires", "signed_sha256")
        whole = {name: getattr(row, name) for name in ("number", "site", "act", "state", "previous", "purpose", "expires", "day", "at")}
        whole |= {"company": company, "successor": follower, "hostids": row.hostids.split(), "entitlements": msgspec.to_builtins(rows)}
        told = [
            {**{name: getattr(file, name) for name in shown}, "deliveries": msgspec.to_builtins(deliveries[file.number])} for file in files
        ]
        print_json({**whole, "files": told})
        return
    lines = [
        f"Order         {row.number} ({row.act}, {row.state})",
        f"Customer      {company}, site {row.site}",
        f"Purpose       {row.purpose}",
        f"Last day      {row.expires}",
        f"Maintained    {_maintained(rows)}",
        f"Host ids      {row.hostids or 'not known'}",
        f"Registered    {row.at}",
        *([f"In place of   {row.previous}"] if row.previous else []),
        *([f"Followed by   {follower}"] if follower else []),
    ]
    for kind, title in (("item", "Sellable item"), ("license", "Technical license")):
        cells = [(each.name, each.version, each.unit, str(each.quantity), f"{each.change:+d}") for each in rows if each.kind == kind]
        lines += ["", *table((title, "Version", "Counted by", "Quantity", "Change"), cells)] if cells else []
    if files:
        lines += ["", *table(("File", "Kind", "State", "Put out as"), [(f.number, f.kind, f.state, f.destination) for f in files])]
    lines += [f"{each.file} went to {each.recipient} ({each.how}) at {each.at}." for delivered in deliveries.values() for each in delivered]
    print("\n".join(lines))


@app.command()
def expiring(
    within: Annotated[str, typer.Option("--within", metavar="DAYS", help="How far ahead to look, such as 90d.")] = "90d",
    registry: RegistryOption = "desk.db",
    json: JsonOption = False,
) -> None:
    """List the licenses and the maintenance that end soon, or have ended and not been renewed."""
    import msgspec

    ahead = _within(within)
    with open_desk(registry) as desk, desk.registry.read() as view:
        from seatkeeper.issue.desk_entitling import endings

        rows = endings(view, desk.today, ahead)
    if json:
        print_json(msgspec.to_builtins(rows))
        return
    if not rows:
        print(f"Nothing ends within {counted(ahead.days, 'day')}.")
        return
    cells = [
        (row.day, _in_days(row.days), row.what, row.customer, row.site, row.order, row.purpose, counted(row.items, "item")) for row in rows
    ]
    print("\n".join(table(("Last day", "When", "What", "Customer", "Site", "Order", "Purpose", "Of"), cells)))
    print("\nNext: `seatkeeper desk renew ORDER --until DAY` for licenses, --maintained-until DAY for maintenance.")


@app.command()
def export(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="FILE.json, or FILE.csv.", show_default=False)],
    customer: CustomerOption = "",
    site: SiteOption = "",
    registry: RegistryOption = "desk.db",
    json: JsonOption = False,
) -> None:
    """Write what is held now, technical licenses too, as JSON or CSV; what is there already is replaced."""
    _check_name(path)
    with open_desk(registry) as desk, desk.registry.read() as view:
        from seatkeeper.issue.desk_entitling import held
        from seatkeeper.issue.desk_imports import write_held

        rows = held(view, customer=customer, site=site)
        write_held(rows, path)
    if json:
        print_json({"registry": desk.registry.name, "path": str(path), "rows": len(rows)})
    else:
        print(f"{path} has {counted(len(rows), 'entitlement')}. It names customers, and only you can read it.")


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A list such as `export` writes.", show_default=False)],
    registry: RegistryOption = "desk.db",
    by: ByOption = "",
    json: JsonOption = False,
) -> None:
    """Bring in what customers have from before: wholly, or not at all where a row is wrong or is there otherwise."""
    _check_name(path)
    with open_desk(registry, by) as desk:
        from seatkeeper.issue.desk_imports import import_held, read_held

        orders, rows = import_held(desk, read_held(path, [each.name for each in desk.catalog.vendor.purposes]), str(path))
    if json:
        print_json({"registry": desk.registry.name, "path": str(path), "orders": orders, "rows": rows})
        return
    print(f"{path} is in {desk.registry.name}: {counted(orders, 'order')} and {counted(rows, 'entitlement')} that it had not.")
    if orders:
        print("\nThese orders have no text: to change one, write it whole, and register it")
        print("  seatkeeper desk register order.toml --replaces NUMBER")


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    return run(app, _NAME, argv)


def _within(text: str) -> timedelta:
    from datetime import timedelta

    from seatkeeper.base.errors import InputError
    from seatkeeper.issue.desk_entitling import WITHIN_DAYS_MAX

    days = text.strip().lower().removesuffix("d")
    if not (days.isascii() and days.isdigit() and len(days) <= len(str(WITHIN_DAYS_MAX)) and int(days) <= WITHIN_DAYS_MAX):
        raise InputError("This is no number of days.", file="--within", found=text, expected=f"0d to {WITHIN_DAYS_MAX}d, such as 90d")
    return timedelta(days=int(days))


def _check_name(path: Path) -> None:
    from seatkeeper.base.errors import InputError

    if path.suffix not in {".json", ".csv"}:
        raise InputError("The name does not say which form is meant.", file=str(path), expected="a name that ends with .json or .csv")


def _in_days(days: int) -> str:
    if days == 0:
        return "today"
    return f"in {counted(days, 'day')}" if days > 0 else f"{counted(-days, 'day')} ago"


def _maintained(rows: list[EntitlementRow]) -> str:
    first = next(iter(rows), None)
    begin, end = (first.maintained_from, first.maintained_until) if first is not None else (None, None)
    return " ".join(filter(None, (f"from {begin}" if begin else "", f"until {end}" if end else ""))) or "not stated"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
