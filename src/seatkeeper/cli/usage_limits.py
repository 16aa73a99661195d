"""`seatkeeper usage provision`, `entitlement` and `bundle`: what was bought, provisioned and sold together is kept for reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seatkeeper.cli.order import counted, print_json, table
from seatkeeper.cli.usage_common import Database, Json, day_given, read, site_of

__all__ = ["app"]

app = typer.Typer()
_provision = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_entitlement = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_bundle = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(_provision, name="provision", help="How much of an item each tenant may use from which day on.")
app.add_typer(_entitlement, name="entitlement", help="What was bought for the whole system, as entitlement files say.")
app.add_typer(_bundle, name="bundle", help="Items that are sold together.")

_Tenant = Annotated[str, typer.Option("--tenant", metavar="T", help="Whose.", show_default=False)]
_Item = Annotated[str, typer.Option("--item", metavar="NAME", help="The sellable item, or a bundle.", show_default=False)]
_From = Annotated[str, typer.Option("--from", metavar="DATE", help="In force from 00:00 UTC of this day.", show_default=False)]
_File = Annotated[Path, typer.Argument(metavar="FILE", help="The file.", show_default=False)]


@_provision.command("set")
def set_(
    db: Database,
    tenant: _Tenant,
    item: _Item,
    count: Annotated[int, typer.Option("--count", metavar="N", min=0, max=999_999_999, help="How many seats.", show_default=False)],
    first: _From,
    burst: Annotated[int | None, typer.Option("--burst", metavar="N", min=0, max=999_999_999, help="How many for a while.")] = None,
    json: Json = False,
) -> None:
    """Say how many seats of an item a tenant may use from a day on; earlier counts stay as history."""
    from seatkeeper.adapters.usagelimits import change_provisioned
    from seatkeeper.base.errors import InputError
    from seatkeeper.usage.limits import Provisioned, with_counts

    if burst is not None and burst < count:
        raise InputError("The burst limit is below the count.", file="--burst", found=str(burst), expected=f"at least {count}")
    if not tenant.strip() or not tenant.isprintable():
        raise InputError("This is no name of a tenant.", file="--tenant", found=tenant)
    name = site_of(db).name_of(item)
    row = Provisioned(tenant, name, day_given(first, "--from"), count, burst)
    change_provisioned(db, lambda rows: with_counts(rows, [row]))
    if json:
        print_json(_json(row))
    else:
        print(f"{tenant} may use {counted(count, 'seat')} of {name} from {row.since} on.")
        _warn_unknown(db, {tenant})


@_provision.command("list")
def provision_list(
    db: Database,
    tenant: Annotated[str, typer.Option("--tenant", metavar="T", help="Only this one's.")] = "",
    item: Annotated[str, typer.Option("--item", metavar="NAME", help="Only of this item.")] = "",
    json: Json = False,
) -> None:
    """List all counts, the latest day of each tenant and item last."""
    from seatkeeper.adapters.usagelimits import kept_provisioned

    name = site_of(db).name_of(item) if item else ""
    rows = [row for row in kept_provisioned(db) if tenant in {"", row.tenant} and name in {"", row.item}]
    if json:
        print_json([_json(row) for row in rows])
        return
    cells = [(row.tenant, row.item, f"{row.since}", str(row.count), "-" if row.burst is None else str(row.burst)) for row in rows]
    if cells:
        print("\n".join(table(("Tenant", "Sellable item", "From", "Seats", "Burst"), cells)))
    else:
        print("Nothing is provisioned.")


@_provision.command("delete")
def provision_delete(db: Database, tenant: _Tenant, item: _Item, first: _From) -> None:
    """Delete one count; the one before it is in force again."""
    from seatkeeper.adapters.usagelimits import change_provisioned
    from seatkeeper.usage.limits import without_count

    day = day_given(first, "--from")
    change_provisioned(db, lambda rows: without_count(rows, tenant, item, day))
    print(f"Deleted: {tenant}, {item}, from {day}.")


@_provision.command("import")
def provision_import(file: _File, db: Database, json: Json = False) -> None:
    """Take counts from a CSV file (tenant,item,count,from,burst): all of them, or none where a row is wrong."""
    import msgspec

    from seatkeeper.adapters.usagelimits import change_provisioned
    from seatkeeper.usage.limits import counts_from_csv, with_counts

    site = site_of(db)
    rows = [msgspec.structs.replace(row, item=site.name_of(row.item)) for row in counts_from_csv(read(file), str(file))]
    change_provisioned(db, lambda before: with_counts(before, rows))
    if json:
        print_json({"file": str(file), "rows": len(rows)})
    else:
        print(f"{file}: {counted(len(rows), 'count')}.")
        _warn_unknown(db, {row.tenant for row in rows})


@_provision.command("export")
def provision_export(file: _File, db: Database) -> None:
    """Write all counts as a CSV file; what is there already is replaced."""
    from seatkeeper.adapters.usagelimits import kept_provisioned
    from seatkeeper.adapters.wholefile import PUBLIC, replace_file
    from seatkeeper.base.errors import InputError
    from seatkeeper.usage.limits import counts_to_csv

    rows = kept_provisioned(db)
    try:
        replace_file(file, counts_to_csv(rows).encode(), PUBLIC)
    except OSError as error:
        raise InputError(f"This file cannot be written: {error.strerror}.", file=str(file)) from None
    print(f"{file}: {counted(len(rows), 'count')}.")


@_entitlement.command("import")
def entitlement_import(
    file: _File,
    db: Database,
    trust: Annotated[Path | None, typer.Option("--trust", metavar="FILE", help="The trust file to check the signature by.")] = None,
    json: Json = False,
) -> None:
    """Keep what an entitlement file says; of several in force on a day the one issued last counts."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.adapters.entitlements import read_entitlement
    from seatkeeper.adapters.usagelimits import keep_entitlement
    from seatkeeper.base.errors import InputError
    from seatkeeper.cli.license_entitlement import objection_of
    from seatkeeper.usage.entitlement import check_entitlement

    said, signature = read_entitlement(file)
    wrong = next((one for one in check_entitlement(said, load_catalog(None), clock.today()) if one.severity == "error"), None)
    if wrong is not None:
        raise InputError(wrong.message, file=str(file), remedy="Nothing was kept.")
    told = objection_of(said, signature, file, trust) if trust is not None else ""
    if told:
        raise InputError(told, file=str(file), remedy="Nothing was kept.")
    name = keep_entitlement(db, file)
    verified = bool(signature) and trust is not None
    if json:
        print_json({"file": str(file), "name": name, "verified": verified})
        return
    period = f"from {said.header.valid_from}" + (f" to {said.header.valid_to}" if said.header.valid_to else "")
    print(f"{file}: {counted(len(said.lines), 'item')} of {said.header.customer_name}, in force {period}, issued {said.header.issued}.")
    if not verified:
        print("Its signature was not checked: name the vendor's trust file with --trust." if signature else "It is not signed.")


@_entitlement.command("list")
def entitlement_list(db: Database, json: Json = False) -> None:
    """List the entitlement files that are kept, and which of them counts today."""
    from pathlib import PurePath

    import msgspec

    from seatkeeper.adapters import clock
    from seatkeeper.adapters.usagelimits import kept_entitlements
    from seatkeeper.usage.entitlement import in_force

    kept = kept_entitlements(db)
    counts, _ = in_force([one.entitlement for one in kept], clock.today())
    if json:
        print_json(
            [
                {
                    "name": PurePath(one.name).name,
                    "signed": bool(one.signature),
                    "counts_today": one.entitlement is counts,
                    "entitlement": msgspec.to_builtins(one.entitlement),
                }
                for one in kept
            ]
        )
        return
    cells = [
        (
            PurePath(one.name).name,
            f"{one.entitlement.header.issued}",
            f"{one.entitlement.header.valid_from}",
            f"{one.entitlement.header.valid_to or '-'}",
            str(len(one.entitlement.lines)),
            "yes" if one.signature else "no",
            "yes" if one.entitlement is counts else "",
        )
        for one in sorted(kept, key=lambda one: (one.entitlement.header.issued, one.name))
    ]
    if cells:
        print("\n".join(table(("Name", "Issued", "From", "To", "Items", "Signed", "Counts today"), cells)))
    else:
        print("No entitlement file is kept.")


@_bundle.command("import")
def bundle_import(file: _File, db: Database, json: Json = False) -> None:
    """Keep a set of bundles; of several in force on a day the one issued last counts."""
    from seatkeeper.adapters.usagelimits import keep_bundles
    from seatkeeper.usage.bundles import check_bundles

    site = site_of(db)
    kept = keep_bundles(db, file, lambda new, others: check_bundles(new, others, site.items, site.products, str(file)))
    if json:
        print_json({"file": str(file), "set": kept.number, "bundles": [bundle.name for bundle in kept.bundles]})
    else:
        print(f"{file}: set {kept.number} with {counted(len(kept.bundles), 'bundle')}, in force from {kept.valid_from} to {kept.valid_to}.")


@_bundle.command("list")
def bundle_list(db: Database, json: Json = False) -> None:
    """List the bundles of all sets, and which of them are in force today."""
    import msgspec

    from seatkeeper.adapters import clock
    from seatkeeper.adapters.usagelimits import kept_bundles
    from seatkeeper.usage.bundles import set_in_force

    sets = sorted(kept_bundles(db), key=lambda one: (one.issued, one.number))
    counts = set_in_force(sets, clock.today())
    if json:
        print_json([{**msgspec.to_builtins(one), "counts_today": one is counts} for one in sets])
        return
    cells = [
        (
            str(one.number),
            str(bundle.number),
            bundle.name,
            f"{one.issued}",
            f"{one.valid_from}",
            f"{one.valid_to}",
            "yes" if one is counts else "",
        )
        for one in sets
        for bundle in one.bundles
    ]
    if cells:
        print("\n".join(table(("Set", "Bundle", "Name", "Issued", "From", "To", "Counts today"), cells)))
    else:
        print("No bundles are kept.")


@_bundle.command("show")
def bundle_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The bundle's name or number.", show_default=False)],
    db: Database,
    json: Json = False,
) -> None:
    """Show what a bundle counts, in each set that has it."""
    import msgspec

    from seatkeeper.adapters.usagelimits import kept_bundles
    from seatkeeper.base.errors import InputError
    from seatkeeper.catalog.model import folded, nearest_sentence

    sets = sorted(kept_bundles(db), key=lambda one: (one.issued, one.number))
    found = [(one, bundle) for one in sets for bundle in one.bundles if name == str(bundle.number) or folded(name) == folded(bundle.name)]
    if not found:
        near = nearest_sentence(name, [bundle.name for one in sets for bundle in one.bundles])
        raise InputError("There is no such bundle.", file="NAME", found=name, remedy=near)
    if json:
        print_json([{"set": one.number, **msgspec.to_builtins(bundle)} for one, bundle in found])
        return
    for one, bundle in found:
        print(f"{bundle.name} ({bundle.number}) in set {one.number}, {one.valid_from} to {one.valid_to}, issued {one.issued}")
        print(f"  counts a session that uses    {', '.join(item.item for item in bundle.include)}")
        if bundle.exclude:
            print(f"  and none of                   {', '.join(item.item for item in bundle.exclude)}")


def _json(row: object) -> dict[str, object]:
    import msgspec

    told: dict[str, object] = msgspec.to_builtins(row)
    return {("from" if key == "since" else key): value for key, value in told.items()}


def _warn_unknown(db: Path, tenants: set[str]) -> None:
    from seatkeeper.adapters.warehouse import Warehouse

    unknown = sorted(tenants - set(Warehouse(db).manifest().tenants))
    if unknown:
        print(f"There are no usage data yet of {', '.join(unknown[:10])}.")
