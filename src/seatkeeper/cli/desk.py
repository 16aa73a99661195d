"""`seatkeeper desk`: orders are registered, issued and changed, and whatever was issued can be found, put out again and verified."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seatkeeper.cli import desk_change as changes
from seatkeeper.cli.desk_change import (
    DeltaOption,
    ForceOption,
    KeysOption,
    MaintainedFrom,
    MaintainedUntil,
    NumberArgument,
    OutputOption,
    WhyOption,
    output_of,
    say,
)
from seatkeeper.cli.desk_common import ByOption, CatalogOption, JsonOption, RegistryOption, check_installed, maintenance, open_desk
from seatkeeper.cli.order import counted, print_json, run, table
from seatkeeper.cli.passphrases import FileOption, SourceOption, read_passphrases

if TYPE_CHECKING:
    from seatkeeper.adapters.registry_values import HistoryRow

__all__ = ["app", "main"]

_NAME: Final = "seatkeeper desk"
#: What of a row's details people need not see.
_HASHES: Final = ("sha256", "hostids")

app = typer.Typer(
    name="desk",
    help="The licensing desk: a registry of orders, of what customers are entitled to, and of every license file that was issued.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

TrustOption = Annotated[Path | None, typer.Option("--trust", metavar="FILE", help="The trust file by which files must verify.")]
KeysToVerify = Annotated[Path | None, typer.Option("--keys", metavar="DIR", help="The vendor's keys, for the trust file that is there.")]


@app.command()
def init(registry: RegistryOption = "desk.db", json: JsonOption = False) -> None:
    """Make the registry, or bring one of an older release up."""
    check_installed()
    from seatkeeper.adapters.registry import Registry, make_registry

    state = make_registry(registry)
    with Registry(registry) as made:
        name = made.name
    if json:
        print_json({"registry": name, "state": state})
        return
    said = {"made": "is made", "migrated": "was of an older release, and is brought up", "kept": "is there already, and stays as it is"}
    print(f"The registry {name} {said[state]}.")
    if state == "made":
        print("\nNext: register an order (`seatkeeper order template` prints one)\n  seatkeeper desk register order.toml")


@app.command()
def register(
    order: Annotated[Path, typer.Argument(metavar="ORDER", help='The order; number = "auto" lets the registry draw the number.')],
    replaces: Annotated[str, typer.Option("--replaces", metavar="NUMBER", help="The order whose place it takes.")] = "",
    maintained_from: MaintainedFrom = "",
    maintained_until: MaintainedUntil = "",
    registry: RegistryOption = "desk.db",
    by: ByOption = "",
    catalog: CatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Check an order and take it into the registry; `desk issue` makes its license files."""
    period = maintenance(maintained_from, maintained_until)
    with open_desk(registry, by, catalog) as desk:
        from seatkeeper.issue.desk import register as take
        from seatkeeper.issue.order import read_text

        taken = take(desk, read_text(order), str(order), replaces=replaces, maintained=period)
        with desk.registry.read() as view:
            beside = [each.number for each in view.orders_for(taken.row.hostids.split()) if each.number not in (taken.row.number, replaces)]
        warnings = [str(each) for each in taken.checked.warnings]
        if beside:
            warnings.append(
                f"For a license server of this order counts order {', '.join(beside)}, too, and stays in force when this one is issued. "
                f"Where this one takes its place, withdraw this one, and register it with --replaces {beside[0]}."
            )
        say(desk, taken.row.number, None, tuple(warnings), as_json=json)


@app.command("order")
def print_order(number: NumberArgument, registry: RegistryOption = "desk.db", json: JsonOption = False) -> None:
    """Print an order as it is issued from: to look at, or to change and register with --replaces."""
    from seatkeeper.base.errors import InputError

    with open_desk(registry) as desk, desk.registry.read() as view:
        row = view.order(number)
    if not row.text:
        remedy = f"Write the whole order, and register it with --replaces {number}."
        raise InputError("This order was imported without its text.", found=number, remedy=remedy)
    if json:
        print_json({"number": row.number, "state": row.state, "text": row.text})
    else:
        print(row.text, end="" if row.text.endswith("\n") else "\n")


@app.command()
def issue(
    number: NumberArgument,
    keys: KeysOption = None,
    output: OutputOption = None,
    delta: DeltaOption = False,
    again: Annotated[bool, typer.Option("--again", help="Put out once more what was issued, the same to the byte.")] = False,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    force: ForceOption = False,
    registry: RegistryOption = "desk.db",
    by: ByOption = "",
    catalog: CatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Make the license files of a registered order."""
    made = output_of(keys, output, passphrase_file, passphrase, delta=delta, force=force, again=again)
    if made is None:
        raise typer.BadParameter("the directory of the vendor's keys is needed", param_hint="--keys")
    with open_desk(registry, by, catalog) as desk:
        say(desk, number, made, (), as_json=json)


app.command()(changes.add)
app.command()(changes.upgrade)
app.command("return")(changes.give_back)
app.command()(changes.move)
app.command()(changes.renew)
app.command()(changes.reissue)
app.command()(changes.end)


@app.command()
def withdraw(
    number: NumberArgument,
    why: WhyOption = "",
    registry: RegistryOption = "desk.db",
    by: ByOption = "",
    json: JsonOption = False,
) -> None:
    """Withdraw an order that was registered and not issued; it stays in the registry."""
    with open_desk(registry, by) as desk:
        from seatkeeper.issue.desk import withdraw as take_back

        take_back(desk, number, why)
        if json:
            print_json({"registry": desk.registry.name, "order": number, "state": "withdrawn"})
        else:
            print(f"Order {number} is withdrawn.\nRegistry      {desk.registry.name}")


@app.command()
def history(
    order: Annotated[str, typer.Option("--order", metavar="NUMBER", help="Of one order.")] = "",
    site: Annotated[str, typer.Option("--site", metavar="NUMBER", help="Of one site.")] = "",
    customer: Annotated[str, typer.Option("--customer", metavar="NAME", help="Of one customer.")] = "",
    registry: RegistryOption = "desk.db",
    json: JsonOption = False,
) -> None:
    """List what was done, the oldest first: when, by whom, with which order and file."""
    import msgspec

    with open_desk(registry) as desk, desk.registry.read() as view:
        rows = list(view.history(order=order, site=site, customer=customer))
    if json:
        print_json([{**msgspec.structs.asdict(row), "details": msgspec.json.decode(row.details)} for row in rows])
        return
    cells = [(str(row.row), row.at, row.by, row.act, row.order, row.file, _told(row)) for row in rows]
    print("\n".join(table(("Row", "When", "Who", "What", "Order", "File", "Details"), cells)))
    print(f"{counted(len(rows), 'row')} in {desk.registry.name}.")


@app.command()
def reproduce(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file's number, such as F000001.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.", show_default="standard output")
    ] = None,
    keys: KeysToVerify = None,
    trust: TrustOption = None,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    force: ForceOption = False,
    registry: RegistryOption = "desk.db",
    json: JsonOption = False,
) -> None:
    """Write a license file as it was issued; with the keys it is verified, and signed anew to show that it is the same."""
    from seatkeeper.adapters.wholefile import PUBLIC, replace_file
    from seatkeeper.base.errors import InputError

    secret = read_passphrases(passphrase_file, passphrase, kinds=("issuer",))
    with open_desk(registry) as desk:
        from seatkeeper.issue.desk import reproduce as make_again
        from seatkeeper.issue.desk_beside import trust_named

        made = make_again(desk, file, trust_named(keys, trust), keys, passphrase=secret)
    if output is not None:
        data = made.text.encode()
        if not force and output.exists() and output.read_bytes() != data:
            raise InputError("This file exists and is not overwritten.", file=str(output), remedy="Name another with -o, or give --force.")
        try:
            replace_file(output, data, PUBLIC)
        except OSError as error:
            raise InputError(f"This file cannot be written: {error.strerror}.", file=str(output)) from None
    row = made.file
    verified = keys is not None or trust is not None
    if json:
        report: dict[str, Any] = {"file": row.number, "order": row.order, "state": row.state, "sha256": row.signed_sha256}
        path = str(output) if output is not None else None
        print_json({**report, "path": path, "text": None if path else made.text, "verified": verified, "signed_anew": made.resigned})
        return
    if output is None:
        sys.stdout.write(made.text)
    retired = f" It is retired: {row.why}." if row.state == "retired" else ""
    how = "verified" if verified else "its hash is right; --keys or --trust would verify its signatures"
    anew = "; signing it anew gives the same" if made.resigned else ""
    print(f"{row.number} of order {row.order}, as it was issued: {how}{anew}.{retired}", file=sys.stderr if output is None else sys.stdout)


@app.command()
def verify(
    keys: KeysToVerify = None,
    trust: TrustOption = None,
    kept: Annotated[
        str, typer.Option("--kept", metavar="ROW:HASH", help="The last row as an earlier run printed it: the history must have it.")
    ] = "",
    registry: RegistryOption = "desk.db",
    json: JsonOption = False,
) -> None:
    """Say whether the registry is whole: its history, every order, every file. Ends with 1 where it is not."""
    import msgspec

    with open_desk(registry) as desk, desk.registry.read() as view:
        from seatkeeper.issue.desk_beside import trust_named
        from seatkeeper.issue.desk_verify import verify as look

        report = look(view, trust_named(keys, trust), kept=kept)
    if json:
        print_json({"registry": desk.registry.name, "whole": report.whole, **msgspec.to_builtins(report)})
    else:
        for finding in report.findings:
            print(f"{finding.severity}: {finding.message} {finding.remedy}")
        looked = f"{counted(report.orders, 'order')}, {counted(report.files, 'file')}, {counted(report.rows, 'row')} of history"
        how = "signatures verified" if keys is not None or trust is not None else "by their hashes; --keys or --trust verifies signatures"
        print(f"{desk.registry.name} is {'whole' if report.whole else 'NOT whole'}: {looked}, {how}.")
        print(f"Keep the last row elsewhere, for --kept of a later run: {report.head}")
    if not report.whole:
        raise typer.Exit(1)


@app.command()
def export(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="FILE.json, or a directory for CSV with a file for each table.", show_default=False)
    ],
    registry: RegistryOption = "desk.db",
    json: JsonOption = False,
) -> None:
    """Write the whole registry as JSON or CSV; what is there already is replaced."""
    with open_desk(registry) as desk, desk.registry.read() as view:
        from seatkeeper.adapters.registry_exchange import export_csv, export_json

        rows = export_json(view, path) if path.suffix == ".json" else export_csv(view, path)
    if json:
        print_json({"registry": desk.registry.name, "path": str(path), "rows": rows})
    else:
        print(f"{desk.registry.name} is in {path}: {counted(rows, 'row')}. It names every customer, and only you can read it.")


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="What `desk export` wrote.", show_default=False)],
    registry: RegistryOption = "desk.db",
    by: ByOption = "",
    json: JsonOption = False,
) -> None:
    """Bring an exported registry in: wholly, or not at all where anything is there otherwise."""
    with open_desk(registry, by) as desk:
        from seatkeeper.adapters.registry_engine import retried
        from seatkeeper.adapters.registry_exchange import import_rows, read_export

        rows = read_export(path)

        @retried
        def bring_in() -> int:
            with desk.registry.write(desk.now, desk.by) as act:
                return import_rows(act, rows, str(path))

        new = bring_in()
    if json:
        print_json({"registry": desk.registry.name, "path": str(path), "rows": new})
    else:
        print(f"{path} is in {desk.registry.name}: {counted(new, 'row')} that it had not.\n\nNext: `seatkeeper desk verify`")


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    return run(app, _NAME, argv)


def _told(row: HistoryRow) -> str:
    """The details of a row, as people read them."""
    import msgspec

    details = msgspec.json.decode(row.details)
    return ", ".join(f"{name}: {value}" for name, value in details.items() if value not in ("", None) and name not in _HASHES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
