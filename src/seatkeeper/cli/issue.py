"""`seatkeeper issue`: a signed license file from an order, and what a license server needs beside it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from seatkeeper.cli.order import counted, print_json, run, say_problems, table
from seatkeeper.cli.passphrases import FileOption, SourceOption, read_passphrases

if TYPE_CHECKING:
    from datetime import date

    from seatkeeper.issue.issuer import IssuedFile
    from seatkeeper.issue.model import Order

__all__ = ["app", "main"]

_NAME: Final = "seatkeeper issue"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(no_args_is_help=True)
def issue(
    order: Annotated[Path, typer.Argument(metavar="ORDER", help="The order, as `seatkeeper order template` prints one.")],
    keys: Annotated[Path, typer.Option("--keys", metavar="DIR", help="The directory of the vendor's keys.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The license file to write.", show_default=False)],
    catalog: Annotated[
        Path | None, typer.Option("--catalog", metavar="DIR", help="A vendor's own catalog directory in place of the built-in one.")
    ] = None,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE; the old one is kept as FILE.bak.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the signed license file of an order.

    Beside FILE come the vendor's trust file and a credential for each license server: together they are all that lmgrd needs.
    """
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.adapters.keys import load_trust
    from seatkeeper.base.dates import format_date
    from seatkeeper.issue.issuer import as_builtins, issue_order
    from seatkeeper.issue.order import read_order
    from seatkeeper.licfile.trust import ending_sentence

    today = clock.today()
    loaded = load_catalog(catalog)
    read, checked = read_order(order, loaded, today)
    secret = read_passphrases(passphrase_file, passphrase, kinds=("issuer", "daemon"))
    issued = issue_order(read, loaded, keys, output, today, passphrase=secret, force=force)
    if ending := ending_sentence(load_trust(keys)[1], today):
        print(f"{_NAME}: {ending} Bring out the root key: `seatkeeper vendor rotate --keys {keys} --from DAY`.", file=sys.stderr)
    if json:
        warnings = [str(problem) for problem in checked.warnings]
        terms = {"order": read.terms.number, "issued": format_date(today), "expires": format_date(read.terms.expires)}
        print_json({**terms, **as_builtins(issued.files[0]), "warnings": warnings})
        return
    say_problems(_NAME, checked.warnings)
    print("\n".join(_report(read, issued.files[0], today)))


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    return run(app, _NAME, argv)


def _report(order: Order, issued: IssuedFile, today: date) -> list[str]:
    """What was issued, where it lies and what to do with it."""
    planned = issued.signed.plan.lines
    rows = [(line.name, line.version, str(line.count), line.product) for line in planned]
    items = sum(bool(line.product) for line in planned)
    server = order.servers[0]
    return [
        f"Order {order.terms.number} for {order.terms.company}, {order.terms.purpose}:",
        "",
        *table(("Feature", "Version", "Count", "Sellable item"), rows),
        "",
        f"{counted(items, 'sellable item')} and {counted(len(rows) - items, 'technical license')}. {_life(order.terms.expires, today)}",
        "",
        f"License file  {issued.path}",
        f"Trust file    {issued.trust}",
        *[f"Credential    {path} (a private key: only for the license server)" for path in issued.credentials],
        f"Record        {issued.record}",
        *([f"Old file      {issued.backup}"] if issued.backup is not None else []),
        "",
        f"Next: keep these files together on {server.host} (host id {server.hostid}) and start there",
        f"  lmgrd -c {issued.path} -l +debug.log",
    ]


def _life(expires: date, today: date) -> str:
    from seatkeeper.base.dates import NEVER, format_date

    if expires == NEVER:
        return "They never expire."
    days = (expires - today).days
    return f"{format_date(expires)} is their last day, " + (f"in {counted(days, 'day')}." if days else "today.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
