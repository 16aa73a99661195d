"""`seatkeeper license`: one command for license files: what is in one or changes to another, what is wrong, and whether it is genuine."""

from __future__ import annotations

import typer

from seatkeeper.cli.license_diff import diff
from seatkeeper.cli.license_edit import merge
from seatkeeper.cli.license_entitlement import entitlement
from seatkeeper.cli.license_files import lint, show
from seatkeeper.cli.license_import import import_
from seatkeeper.cli.license_split import split
from seatkeeper.cli.license_verify import verify
from seatkeeper.cli.order import run

__all__ = ["app", "main"]

app = typer.Typer(
    name="license",
    help="License files: show what is in them, find what is wrong with them, verify their signatures, compare, combine and divide them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(show)
app.command()(lint)
app.command()(verify)
app.command()(diff)
app.command()(merge)
app.command()(split)
app.command()(entitlement)
app.command("import")(import_)


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    return run(app, "seatkeeper license", argv)
