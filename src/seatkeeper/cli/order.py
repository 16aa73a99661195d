"""`seatkeeper order`: an order to start from, everything that is wrong with one, and the technical licenses that it gives."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seatkeeper.catalog.expand import Line
    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.reading import OrderProblem

__all__ = ["app", "counted", "json_text", "main", "print_json", "run", "table"]

#: So many servers a sentence names.
_SERVERS_MAX: Final = 6
#: Of the column that says what a license is for.
_REASON_COLUMNS: Final = 60

app = typer.Typer(
    name="order",
    help="The license order: a TOML file that says what was bought, for whom, and for which license server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The order.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Directory = Annotated[
    Path | None, typer.Option("--catalog", metavar="DIR", help="A vendor's own catalog directory in place of the built-in one.")
]


@app.command()
def template(
    company: Annotated[str | None, typer.Option(help="The customer's name.", show_default="an invented one")] = None,
    host: Annotated[str | None, typer.Option(help="The license server's host name.", show_default="this machine's")] = None,
    hostid: Annotated[str | None, typer.Option(help="The license server's host id.", show_default="this machine's")] = None,
    catalog: Directory = None,
) -> None:
    """Print an order to fill in; it is valid as it stands."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.host import default_hostid, host_name
    from seatkeeper.base.errors import InputError
    from seatkeeper.issue.order import check_order
    from seatkeeper.issue.template import SAMPLE_COMPANY
    from seatkeeper.issue.template import template as fill

    loaded = _load(catalog)
    text = fill(
        loaded,
        host=host_name() if host is None else host,
        hostid=default_hostid() if hostid is None else hostid,
        company=SAMPLE_COMPANY if company is None else company,
    )
    for problem in check_order(text, "", loaded, clock.today()).problems:
        if problem.severity == "error":
            option = f"--{problem.key.rpartition('.')[2]}"
            raise InputError(problem.message, file=option, found=problem.found, expected=problem.expected, remedy=problem.remedy)
    sys.stdout.write(text)


@app.command()
def check(file: File, json: Json = False, catalog: Directory = None) -> None:
    """Say everything that is wrong with an order.

    Ends with 0 only when it can be issued.
    """
    import msgspec

    from seatkeeper.adapters import clock
    from seatkeeper.issue.order import check_order, read_text

    checked = check_order(read_text(file), str(file), _load(catalog), clock.today())
    if json:
        print_json({"file": str(file), "ok": checked.order is not None, "problems": msgspec.to_builtins(checked.problems)})
    else:
        say_problems("seatkeeper order check", checked.problems)
        if checked.order is not None:
            items = counted(len({item.product for item in checked.order.items}), "sellable item")
            licenses = counted(len(checked.lines), "technical license")
            servers = [f"{server.host} ({server.hostid})" for server in checked.order.servers]
            if len(servers) > _SERVERS_MAX:
                servers[_SERVERS_MAX - 1 :] = [f"{len(servers) - _SERVERS_MAX + 1} more"]
            named = " and ".join(filter(None, [", ".join(servers[:-1]), servers[-1]]))
            print(f"{file} can be issued: {items}, {licenses}, for {named}.")
        else:
            errors = sum(problem.severity == "error" for problem in checked.problems)
            print(f"{file} cannot be issued: {counted(errors, 'error')}.", file=sys.stderr)
    if checked.order is None:
        raise typer.Exit(1)


@app.command()
def expand(file: File, json: Json = False, catalog: Directory = None) -> None:
    """List the technical licenses that an order gives, and why."""
    from seatkeeper.adapters import clock
    from seatkeeper.issue.order import read_order

    _, checked = read_order(file, _load(catalog), clock.today())
    if json:
        print_json([_line_json(line) for line in checked.lines])
        return
    say_problems("seatkeeper order expand", checked.warnings)
    print("\n".join(_expanded(checked.lines)))
    print(counted(len(checked.lines), "technical license") + ".")


@app.command()
def show(file: File, json: Json = False, catalog: Directory = None) -> None:
    """Show the whole order, with what it leaves out filled in."""
    import msgspec

    from seatkeeper.adapters import clock
    from seatkeeper.cli.order_text import order_lines
    from seatkeeper.issue.order import read_order

    order, checked = read_order(file, _load(catalog), clock.today())
    if json:
        print_json({**msgspec.to_builtins(order), "technical": [_line_json(line) for line in checked.lines]})
        return
    say_problems("seatkeeper order show", checked.warnings)
    print("\n".join(order_lines(order, checked.lines)))


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    return run(app, "seatkeeper order", argv)


def run(command: typer.Typer, name: str, argv: list[str]) -> int:
    """Run a Typer command; its exit status, after any error was said on stderr, one a line."""
    from seatkeeper.base.errors import LicenseError, SeatkeeperError

    try:
        command(args=argv, prog_name=name)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except LicenseError as error:
        print(f"{name}: {' '.join(filter(None, (error.message, error.reason, error.remedy)))}", file=sys.stderr)
        return error.exit_status
    except SeatkeeperError as error:
        for line in str(error).splitlines():
            print(f"{name}: {line}", file=sys.stderr)
        return 1
    return 0


def say_problems(name: str, problems: Iterable[OrderProblem]) -> None:
    """Print each problem of an order on a line of stderr."""
    for problem in problems:
        print(f"{name}: {problem}", file=sys.stderr)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines with aligned columns; numbers stand to the right, and the last column is never padded."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    right = [bool(rows) and all(row[at].isdigit() for row in rows) for at in range(len(head))]
    lines = []
    for row in (head, ["-" * width for width in widths], *rows):
        cells = [cell.rjust(width) if to_right else cell.ljust(width) for cell, width, to_right in zip(row, widths, right, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


def counted(number: int, noun: str) -> str:
    """`3 items`, `1 item`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def json_text(value: Any) -> str:
    """The value as indented JSON, with the end of its last line."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    sys.stdout.write(json_text(value))


def _load(directory: Path | None) -> Catalog:
    from seatkeeper.adapters.catalogs import load_catalog

    return load_catalog(directory)


def _line_json(line: Line) -> dict[str, Any]:
    return {
        "feature": line.feature,
        "version": line.version,
        "count": line.count,
        "rule": line.rule,
        "items": list(line.items),
        "asked": line.asked,
        "attributes": dict(line.attributes),
    }


def _expanded(lines: Sequence[Line]) -> list[str]:
    """The technical licenses as a table; what many items need has several lines."""
    from textwrap import wrap

    reasons = [wrap(_reason(line), _REASON_COLUMNS, break_on_hyphens=False) for line in lines]
    rows = [(line.feature, line.version, str(line.count), _rule(line), why[0]) for line, why in zip(lines, reasons, strict=True)]
    head, ruler, *body = table(("Feature", "Version", "Count", "Rule", "For"), rows)
    shown = [head, ruler]
    for row, why in zip(body, reasons, strict=True):
        shown += [row, *(" " * head.rindex("For") + more for more in why[1:])]
    return shown


def _rule(line: Line) -> str:
    return line.rule.replace("_", " ").replace(" dn", " DN")


def _reason(line: Line) -> str:
    asked = [f"asked for {line.asked}"] if line.asked else []
    return ", ".join([*line.items, *asked])
