"""`seatkeeper license show` and `seatkeeper license lint`: a license file as a person reads it, and what is wrong with it.

Neither asks for keys: any file of the format can be shown and linted, whoever has signed it.
"""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seatkeeper.base.dates import NEVER, format_date
from seatkeeper.base.errors import LicenseError, SeatkeeperError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from seatkeeper.licfile.model import Parsed, Problem, Signable

__all__ = ["app", "lint", "main", "read_license", "show"]

app = typer.Typer(
    name="license",
    help="License files: show them, and find what is wrong with them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

#: A terminal narrower than this has no room for the description beside the feature.
_DESCRIPTION_COLUMNS_MIN: Final = 110

#: What has a column, or nothing to say to people.
_NOT_REMARKED: Final = frozenset({"CK", "SIGN", "VENDOR_INFO"})

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="License files.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON: a list with one object for each file.")]
Today = Annotated[
    datetime | None,
    typer.Option("--today", metavar="YYYY-MM-DD", formats=["%Y-%m-%d"], help="Judge dates as on that day.", show_default="today"),
]


@app.command()
def show(files: Files, json: Json = False, today: Today = None) -> None:
    """Show servers, daemons and licenses of each file, and its problems.

    Signatures are told apart by their looks; `seatkeeper license verify` checks them. Ends with 0 when all files could be read.
    """
    status = 0
    shown: list[dict[str, Any]] = []
    for path in files:
        try:
            parsed = read_license(path)
        except LicenseError as error:
            status = status or _refuse("show", error)
            continue
        problems = _lint(parsed, today)
        if json:
            shown.append(_file_json(parsed, problems))
        else:
            _show(parsed, problems, _day(today))
    if json:
        _print_json(shown)
    raise typer.Exit(status)


@app.command()
def lint(
    files: Files,
    json: Json = False,
    strict: Annotated[bool, typer.Option("--strict", help="Let a warning count as an error in the exit status.")] = False,
    today: Today = None,
) -> None:
    """Find everything that is wrong with each file, one line a problem: file:line:column: severity: message.

    Ends with 0 when there are no errors, otherwise with the low byte of the first error's license error number: 254 for -2.
    """
    status = 0
    found: list[dict[str, Any]] = []
    for path in files:
        try:
            parsed = read_license(path)
        except LicenseError as error:
            status = status or _refuse("lint", error)
            continue
        problems = _lint(parsed, today)
        status = status or next((problem.number & 0xFF for problem in problems if strict or problem.severity == "error"), 0)
        errors = sum(problem.severity == "error" for problem in problems)
        if json:
            counts = {"errors": errors, "warnings": len(problems) - errors}
            found.append({"file": parsed.name, **counts, "problems": [_problem_json(problem) for problem in problems]})
            continue
        for problem in problems:
            print(f"{_place(parsed.name, problem)}: {problem.severity}: {_sentence(problem)}")
        print(f"{parsed.name}: {_summary(problems)}", file=sys.stderr)
    if json:
        _print_json(found)
    raise typer.Exit(status)


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    try:
        app(args=argv, prog_name="seatkeeper license")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except SeatkeeperError as error:
        print(f"seatkeeper license: {error}", file=sys.stderr)
        return 1
    return 0


def read_license(path: Path) -> Parsed:
    """The parsed file.

    Raises:
        LicenseError: -1, there is none; -30, it cannot be read.
    """
    from seatkeeper.licfile.grammar import FILE_BYTES_MAX
    from seatkeeper.licfile.parser import decode, parse

    try:
        with path.open("rb") as file:
            # One byte more than is allowed, so that the parser sees that there are too many.
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        number = -1 if isinstance(error, FileNotFoundError) else -30
        raise LicenseError(number, reason=f"{path}: {error.strerror}.", remedy="Check its name and permissions.") from None
    return parse(decode(data), str(path))


def _refuse(command: str, error: LicenseError) -> int:
    print(f"seatkeeper license {command}: {error.reason} {error.message} {error.remedy}", file=sys.stderr)
    return error.exit_status


def _day(given: datetime | None) -> date:
    from seatkeeper.adapters.clock import today

    return given.date() if given is not None else today()


def _lint(parsed: Parsed, given: datetime | None) -> tuple[Problem, ...]:
    from seatkeeper.licfile.lint import lint as find_problems

    return find_problems(parsed, today=_day(given))


# Problems as text.


def _place(name: str, problem: Problem) -> str:
    return f"{name}:{problem.line}:{max(problem.column, 1)}" if problem.line else name


def _sentence(problem: Problem) -> str:
    details = [f"found {_quoted(problem.found)}"] if problem.found and problem.found not in problem.message else []
    details += [f"expected {problem.expected}"] if problem.expected else []
    return f"{problem.message} ({', '.join(details)})" if details else problem.message


def _quoted(text: str) -> str:
    """`text` in quotes, as it is where a terminal can show it."""
    return f"'{text}'" if text.isprintable() else repr(text)


def _summary(problems: tuple[Problem, ...]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counts = [_counted(count, noun) for count, noun in ((errors, "error"), (warnings, "warning")) if count]
    return f"{', '.join(counts) or 'no problems'}."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


# A file as a table.


def _show(parsed: Parsed, problems: tuple[Problem, ...], today: date) -> None:
    from rich.console import Console
    from rich.text import Text

    from seatkeeper.licfile.model import Package, Server, Vendor

    console = Console(highlight=False, markup=False, emoji=False)
    _print(console, Text(parsed.name, style="bold"))
    heads = _table("", "Name", "Host id or path", "Port", "Options")
    licenses: list[tuple[int, Signable]] = []
    packages: list[tuple[int, Package]] = []
    for place, line in zip(parsed.places, parsed.file.lines, strict=True):
        if isinstance(line, Server):
            heads.add_row("Server", line.host, line.hostid, str(line.port or "none"), " ".join(_attribute_texts(line.attributes)))
        elif isinstance(line, Vendor):
            heads.add_row("Daemon", line.name, line.path or "none", str(line.port or "any"), line.options)
        elif isinstance(line, Package):
            packages.append((place, line))
        elif hasattr(line, "vendor"):
            licenses.append((place, line))  # type: ignore[arg-type]
    if heads.row_count:
        _print(console, heads)
    if licenses:
        wide = console.width >= _DESCRIPTION_COLUMNS_MIN
        _print(console, "", _license_table(licenses, today, wide=wide))
        if remarks := _remarks(licenses):
            _print(console, "", *map(Text, remarks))
    if packages:
        _print(console, "", _package_table(packages))
    if licenses or packages:
        _print(console, "", f"Signatures are not checked here; `seatkeeper license verify {parsed.name}` does.")
    _print(console, "", f"{_counted(len(licenses), 'license')}, {_summary(problems)}")
    for problem in problems:
        style = "red" if problem.severity == "error" else "yellow"
        where = f"line {problem.line}, column {problem.column}" if problem.column else f"line {problem.line}" if problem.line else "file"
        _print(console, Text.assemble((f"{problem.severity}, {where}", style), f": {_sentence(problem)}"))
    _print(console, "")


def _print(console: Console, *parts: RenderableType) -> None:
    from rich.text import Text

    for part in parts:
        # Text goes out in whole lines, for those who search it; only tables are made to fit.
        console.print(part, soft_wrap=isinstance(part, str | Text))


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(
            column,
            overflow="fold",
            no_wrap=column in {"Line", "Version", "Expires", "Signature"},
            justify="right" if column in {"Line", "Seats"} else "left",
        )
    return table


def _license_table(licenses: list[tuple[int, Signable]], today: date, *, wide: bool) -> Table:
    from rich.text import Text

    described = wide and any(line.attribute("vendor_info") for _, line in licenses)
    vendors = len({line.vendor.lower() for _, line in licenses}) > 1
    kinds = {_keyword(line) for _, line in licenses} != {"FEATURE"}
    table = _table(
        "Line",
        *(["Kind"] if kinds else []),
        "Feature",
        *(["Vendor"] if vendors else []),
        *(["Description"] if described else []),
        "Version",
        "Expires",
        "Seats",
        "Signature",
    )
    for place, line in licenses:
        row = _license_json(place, line)
        expired = row["expires"] is not None and row["expires"] < today.isoformat()
        table.add_row(
            str(place),
            *([row["keyword"]] if kinds else []),
            line.name,
            *([line.vendor] if vendors else []),
            *([line.attribute("vendor_info") or ""] if described else []),
            row["version"] if "from_version" not in row else f"{row['from_version']} to {row['version']}",
            Text(f"{row['expires_text']}{', expired' if expired else ''}", style="red" if expired else ""),
            f"{row['seats']:,}" if row["seats"] is not None else "uncounted",
            row["signature"],
        )
    return table


def _remarks(licenses: list[tuple[int, Signable]]) -> list[str]:
    """What the licenses say beside the columns: each attribute once, with the lines that have it."""
    places: dict[tuple[str, str | None], list[str]] = {}
    for place, line in licenses:
        for pair in line.attributes:
            if pair[0].upper() not in _NOT_REMARKED:
                places.setdefault(pair, []).append(str(place))
    return [
        f"{_printable(_attribute_text(*pair))}: {_of_lines(found) if len(found) < len(licenses) or len(found) == 1 else 'all lines'}"
        for pair, found in places.items()
    ]


def _attribute_text(name: str, value: str | None) -> str:
    return name if value is None else f'{name}="{value}"' if " " in value else f"{name}={value}"


def _of_lines(places: list[str]) -> str:
    return f"line {places[0]}" if len(places) == 1 else f"lines {', '.join(places)}"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _package_table(packages: list[tuple[int, Any]]) -> Table:
    table = _table("Line", "Package", "Version", "Options", "Components", "Signature")
    for place, line in packages:
        table.add_row(
            str(place),
            line.name,
            line.version or "any",
            line.attribute("OPTIONS") or "",
            line.attribute("COMPONENTS") or "",
            _signature(line),
        )
    return table


def _keyword(line: Signable) -> str:
    return getattr(line, "keyword", type(line).__name__.upper())


def _signature(line: Signable) -> str:
    """What kind of signature the line has, by its looks."""
    from seatkeeper.licfile.signature import SIGNATURE_BYTES

    sign = line.attribute("SIGN")
    if sign is None:
        return "license key" if line.key else "none"
    digits = sign.replace(" ", "").replace("\t", "")
    try:
        size = len(bytes.fromhex(digits))
    except ValueError:
        return "unreadable"
    return "Ed25519" if size == SIGNATURE_BYTES else "foreign"


def _attribute_texts(attributes: Any) -> list[str]:
    return [_attribute_text(name, value) for name, value in attributes]


# A file as JSON.


def _file_json(parsed: Parsed, problems: tuple[Problem, ...]) -> dict[str, Any]:
    from seatkeeper.licfile.model import Feature, Package, Server, Upgrade, UseServer, Vendor

    servers: list[dict[str, Any]] = []
    daemons: list[dict[str, Any]] = []
    licenses: list[dict[str, Any]] = []
    use_server = False
    for place, line in zip(parsed.places, parsed.file.lines, strict=True):
        if isinstance(line, Server):
            attributes = _attributes_json(line.attributes)
            servers.append({"line": place, "host": line.host, "hostid": line.hostid, "port": line.port or None, "attributes": attributes})
        elif isinstance(line, Vendor):
            paths = {"path": line.path, "options": line.options, "port": line.port or None}
            daemons.append({"line": place, "keyword": line.keyword, "name": line.name, **paths})
        elif isinstance(line, UseServer):
            use_server = True
        elif isinstance(line, Feature | Upgrade | Package):
            licenses.append(_license_json(place, line))
    return {
        "file": parsed.name,
        "servers": servers,
        "daemons": daemons,
        "use_server": use_server,
        "licenses": licenses,
        "problems": [_problem_json(problem) for problem in problems],
    }


def _license_json(place: int, line: Signable) -> dict[str, Any]:
    from seatkeeper.base.dates import parse_date
    from seatkeeper.licfile.model import Package, Upgrade

    row: dict[str, Any] = {"line": place, "keyword": _keyword(line), "name": line.name, "vendor": line.vendor}
    if isinstance(line, Package):
        row |= {"version": line.version, "components": (line.attribute("COMPONENTS") or "").split()}
    else:
        if isinstance(line, Upgrade):
            row |= {"from_version": line.from_version, "version": line.to_version}
        else:
            row |= {"version": line.version}
        expires = parse_date(line.expiry)
        seats = 0 if line.count.lower() == "uncounted" else int(line.count)
        row |= {"expires": None if expires == NEVER else expires.isoformat(), "expires_text": format_date(expires), "seats": seats or None}
    return row | {"key": line.key, "signature": _signature(line), "attributes": _attributes_json(line.attributes)}


def _attributes_json(attributes: Any) -> dict[str, Any]:
    """Name to value; a flag without a value is true."""
    return {name: True if value is None else value for name, value in attributes}


def _problem_json(problem: Problem) -> dict[str, Any]:
    import msgspec

    converted: dict[str, Any] = msgspec.to_builtins(problem)
    return converted


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
