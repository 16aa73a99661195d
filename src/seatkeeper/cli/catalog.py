"""`seatkeeper catalog`: what a vendor sells and licenses, as tables for people and as JSON for scripts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from seatkeeper.catalog.model import Application, Catalog, Product, ProductLicense, TechnicalLicense

__all__ = ["app", "main"]

app = typer.Typer(
    name="catalog",
    help="What a vendor sells: products, technical licenses, applications.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

#: A terminal narrower than this has no room for a column of descriptions beside the features.
_DESCRIPTION_COLUMNS_MIN: Final = 110
#: Columns whose values a reader copies, or that are short.
_UNBROKEN: Final = ("Feature", "Version", "Versions", "Need", "Enabled", "Peak", "Sample", "lmutil")

Json = Annotated[bool, typer.Option("--json", help="Print JSON in place of a table.")]
Directory = Annotated[
    Path | None, typer.Option("--catalog", metavar="DIR", help="A vendor's own catalog directory in place of the built-in one.")
]


@app.command()
def products(json: Json = False, catalog: Directory = None) -> None:
    """List the products with the technical licenses that each one needs."""
    loaded = _load(catalog)
    if json:
        _print_json([{"product": product.name, "licenses": [_row_json(row) for row in product.licenses]} for product in loaded.products])
        return
    table = _table("Product", "Feature", "Version", "Need")
    for product in loaded.products:
        for index, row in enumerate(product.licenses):
            table.add_row("" if index else product.name, row.feature, row.version, _need_text(row))
        if not product.licenses:
            table.add_row(product.name)
    _print(table, _counted((len(loaded.products), "product"), (sum(len(each.licenses) for each in loaded.products), "license row")))


@app.command()
def technical(json: Json = False, catalog: Directory = None) -> None:
    """List the technical licenses with the rule by which each is counted."""
    loaded = _load(catalog)
    if json:
        _print_json([_technical_json(license_) for license_ in loaded.technical])
        return
    wide = _width() >= _DESCRIPTION_COLUMNS_MIN
    table = _table("Feature", "Version", "Counted", *(["Permits"] if wide else []))
    for license_ in loaded.technical:
        described = [license_.description] if wide else []
        table.add_row(f"{license_.feature}{'' if license_.listed else ' *'}", license_.version, _rule_text(license_), *described)
    remarks = ["* No product yields it; an order asks for it by name."] if any(not each.listed for each in loaded.technical) else []
    remarks += [] if wide else ["`seatkeeper catalog show FEATURE` says what each one permits."]
    _print(table, _counted((len(loaded.technical), "technical license")), *remarks)


@app.command()
def applications(json: Json = False, catalog: Directory = None) -> None:
    """List the applications with the features that each one checks out."""
    loaded = _load(catalog)
    if json:
        _print_json([_application_json(application) for application in loaded.applications])
        return
    table = _table("Application", "Feature", "Quantity")
    for application in loaded.applications:
        for index, row in enumerate(application.licenses):
            table.add_row("" if index else application.name, row.feature, row.quantity)
    rows = sum(len(each.licenses) for each in loaded.applications)
    _print(table, _counted((len(loaded.applications), "application"), (rows, "license row")))


@app.command()
def lrm(json: Json = False, catalog: Directory = None) -> None:
    """List the sellable items whose use License Reporting Manager measures."""
    loaded = _load(catalog)
    if json:
        _print_json(
            [
                {"item": item.name, "enabled": item.enabled, "peak": item.peak, "versions": item.versions, "products": list(item.products)}
                for item in loaded.measured
            ]
        )
        return
    table = _table("Sellable item", "Enabled", "Peak", "Versions", "Products")
    for item in loaded.measured:
        table.add_row(item.name, "x" if item.enabled else "", "x" if item.peak else "", item.versions, "\n".join(item.products))
    _print(table, _counted((len(loaded.measured), "measured item")))


@app.command()
def platforms(json: Json = False, catalog: Directory = None) -> None:
    """List what a license server needs on each operating system, and how its host id is found."""
    import msgspec

    loaded = _load(catalog)
    if json:
        _print_json({"license_managers": msgspec.to_builtins(loaded.license_managers), "hostids": msgspec.to_builtins(loaded.hostids)})
        return
    managers = _table("Operating system", "Mode", "License manager", "Framework", "lmutil")
    for manager in loaded.license_managers:
        for index, choice in enumerate(manager.choices):
            named = ("", "") if index else ("\n".join(manager.systems), manager.mode)
            managers.add_row(*named, f"{choice.license_manager}+", f"{choice.framework}+", f"{choice.lmutil}+")
    _print(managers, "+ means this release or any later.\n")
    hostids = _table("Operating system", "Host id", "Command", "Sample")
    for hostid in loaded.hostids:
        hostids.add_row(hostid.system, hostid.type, " or ".join(hostid.commands), hostid.sample)
    notes = [f"{hostid.system}, {hostid.type}: {hostid.note}" for hostid in loaded.hostids if hostid.note]
    _print(hostids, *notes, "lmhostid prints the right one on every system.")


@app.command()
def show(
    name: Annotated[list[str], typer.Argument(help="A product, its part, a technical license or an application.", show_default=False)],
    json: Json = False,
    catalog: Directory = None,
) -> None:
    """Show everything about one product, technical license or application."""
    loaded = _load(catalog)
    wanted = " ".join(name)
    found_products, found_technical, found_applications = _find(loaded, wanted)
    if json:
        _print_json(
            {
                "products": [_product_json(loaded, product) for product in found_products],
                "technical": [_technical_json(license_) | _users_json(loaded, license_.feature) for license_ in found_technical],
                "applications": [_application_json(application) for application in found_applications],
            }
        )
        return
    for product in found_products:
        _show_product(loaded, product)
        _print("")
    for license_ in found_technical:
        _show_technical(license_)
        _print("")
    if found_technical:
        _show_users(loaded, found_technical[0].feature)
        _print("")
    for application in found_applications:
        _show_application(application)
        _print("")


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    from seatkeeper.base.errors import SeatkeeperError

    try:
        app(args=argv, prog_name="seatkeeper catalog")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except SeatkeeperError as error:
        print(f"seatkeeper catalog: {error}", file=sys.stderr)
        return 1
    return 0


def _load(directory: Path | None) -> Catalog:
    from seatkeeper.adapters.catalogs import load_catalog

    return load_catalog(directory)


def _find(catalog: Catalog, wanted: str) -> tuple[list[Product], list[TechnicalLicense], list[Application]]:
    """Everything of that name; an error with the nearest names where there is nothing."""
    from seatkeeper.base.errors import InputError
    from seatkeeper.catalog.model import folded, nearest_sentence

    fold = folded(wanted)
    found_products = [each for each in catalog.products if fold in (folded(each.name), folded(each.part))]
    found_technical = list(catalog.versions_of(wanted))
    found_applications = [each for each in catalog.applications if fold == folded(each.name)]
    if not (found_products or found_technical or found_applications):
        known = [
            *(each.name for each in catalog.products),
            *(each.feature for each in catalog.technical),
            *(each.name for each in catalog.applications),
        ]
        raise InputError(
            f"The catalog of {catalog.vendor.title} has no product, technical license or application of this name.",
            found=wanted,
            expected="a name that `seatkeeper catalog products`, `technical` or `applications` lists",
            remedy=nearest_sentence(wanted, known),
        )
    return found_products, found_technical, found_applications


def _show_product(catalog: Catalog, product: Product) -> None:
    _heading(product.name, "product")
    table = _table("Feature", "Version", "Need", "Quantity")
    for row in product.licenses:
        license_ = catalog.technical_license(row.feature, row.version)
        table.add_row(row.feature, row.version, _need_text(row), license_.quantity)
    measured = [item.name for item in catalog.measured if product.name in item.products]
    remarks = [f"Usage reports measure it as {', '.join(measured)}."] if measured else []
    _print(f"Feature name of its own line in a license file: {product.part}", "", table, *remarks)


def _show_technical(license_: TechnicalLicense) -> None:
    _heading(f"{license_.feature} {license_.version}", "technical license")
    remarks = [] if license_.listed else ["No product yields it; an order asks for it by name."]
    _print(f"Permits: {license_.description}", f"Counted {_rule_text(license_)}: {license_.quantity}.", *remarks)


def _show_users(catalog: Catalog, feature: str) -> None:
    table = _table("Used by", "")
    for product, row in _rows_of(catalog.products, feature):
        table.add_row(product.name, f"product, {_need_text(row)} {row.version}")
    for application, application_row in _rows_of(catalog.applications, feature):
        table.add_row(application.name, f"application, {application_row.quantity}")
    _print(table)


def _show_application(application: Application) -> None:
    _heading(application.name, "application")
    table = _table("Feature", "For", "Quantity")
    for row in application.licenses:
        table.add_row(row.feature, row.description, row.quantity)
    _print(*([application.note] if application.note else []), "", table)


def _rows_of(owners: Iterable[Any], feature: str) -> Iterable[tuple[Any, Any]]:
    """Each product or application that names the feature, with its row."""
    from seatkeeper.catalog.model import folded

    fold = folded(feature)
    return ((owner, row) for owner in owners for row in owner.licenses if folded(row.feature) == fold)


def _need_text(row: ProductLicense) -> str:
    return "required" if row.required else "optional"


def _rule_text(license_: TechnicalLicense) -> str:
    return license_.rule.replace("_or_", " or ").replace("_", " ").replace(" dn", " DN")


def _row_json(row: ProductLicense) -> dict[str, Any]:
    return {"feature": row.feature, "version": row.version, "required": row.required}


def _product_json(catalog: Catalog, product: Product) -> dict[str, Any]:
    licenses = [_row_json(row) | {"rule": catalog.technical_license(row.feature, row.version).rule} for row in product.licenses]
    return {"product": product.name, "part": product.part, "licenses": licenses}


def _technical_json(license_: TechnicalLicense) -> dict[str, Any]:
    return {
        "feature": license_.feature,
        "version": license_.version,
        "description": license_.description,
        "rule": license_.rule,
        "quantity": license_.quantity,
        "listed": license_.listed,
    }


def _users_json(catalog: Catalog, feature: str) -> dict[str, Any]:
    return {
        "products": [product.name for product, _ in _rows_of(catalog.products, feature)],
        "applications": [application.name for application, _ in _rows_of(catalog.applications, feature)],
    }


def _application_json(application: Application) -> dict[str, Any]:
    licenses = [{"feature": row.feature, "description": row.description, "quantity": row.quantity} for row in application.licenses]
    return {"application": application.name, "note": application.note, "licenses": licenses}


def _counted(*numbers: tuple[int, str]) -> str:
    """The numbers with their nouns as a sentence: `93 products, 347 license rows.` is one."""
    return ", ".join(f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in numbers) + "."


def _table(*columns: str) -> Table:
    """An empty table with those columns; long names fold rather than lose their ends."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _UNBROKEN)
    return table


def _width() -> int:
    """Columns of the terminal; 80 where there is none."""
    from rich.console import Console

    return Console().width


def _heading(name: str, kind: str) -> None:
    from rich.console import Console
    from rich.text import Text

    Console().print(Text.assemble((name, "bold"), f" ({kind})"))


def _print(*parts: Table | str) -> None:
    """The parts one below the other; text as it is, without markup."""
    from rich.console import Console

    console = Console(highlight=False)
    for part in parts:
        console.print(part, markup=False)


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
