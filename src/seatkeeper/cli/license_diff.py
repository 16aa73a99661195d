"""`seatkeeper license diff OLD NEW`: what a new license file changes is seen before it is served."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seatkeeper.base.errors import LicenseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from rich.text import Text

    from seatkeeper.licfile.difference import Change, FieldChange
    from seatkeeper.licfile.model import Parsed

__all__ = ["diff", "show_changes"]

#: As diff itself ends: equal, different, trouble.
_DIFFERENT: Final = 1
_TROUBLE: Final = 2

_HEADS: Final = ("SERVER", "DAEMON", "USE_SERVER", "unreadable")
_WORDS: Final = {"added": "added", "removed": "removed", "changed": "changed", "signature": "signed anew"}
_STYLES: Final = {"added": "green", "removed": "red", "changed": "yellow", "signature": "dim"}
#: Fields with a column of their own; those of a line that stays are said once.
_COLUMNS: Final = ("version", "seats", "expiry")
#: No terminal is wider.
_COLUMNS_MAX: Final = 10_000


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The license file that is served now.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The one that is to take its place.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with an object for each change.")] = False,
) -> None:
    """Say what changes from one license file to another: servers, daemons, and each license.

    Neither the order of lines nor their spelling counts, as far as it changes nothing. Signatures are not checked. Ends with 0
    when both files grant the same, 1 when they differ, 2 when one of them cannot be read.
    """
    from seatkeeper.licfile.difference import difference

    files = []
    for path in (old, new):
        parsed = _read(path)
        if parsed is None:
            raise typer.Exit(_TROUBLE)
        files.append(parsed)
    changes = difference(*files)
    if json:
        _print_json(files, changes)
    else:
        show_changes(files, changes)
    if changes:
        raise typer.Exit(_DIFFERENT)


def _read(path: Path) -> Parsed | None:
    """The file, or None after it was said why there is none."""
    from seatkeeper.cli.license_files import read_license
    from seatkeeper.licfile.model import Unknown

    try:
        parsed = read_license(path)
    except LicenseError as error:
        _complain(f"{error.reason} {error.message} {error.remedy}")
        return None
    refusal = next((problem for problem in parsed.problems if not problem.line), None)
    if refusal is not None:
        _complain(f"{path}: {refusal.message}")
        return None
    unread = sum(type(line) is Unknown for line in parsed.file.lines)
    if unread:
        lines = "1 line that cannot be read is" if unread == 1 else f"{unread:,} lines that cannot be read are"
        _complain(f"{path}: {lines} compared as text only; `seatkeeper license lint {path}` says what is wrong.")
    return parsed


def _complain(text: str) -> None:
    print(f"seatkeeper license diff: {text}", file=sys.stderr)


# For people ------------------------------------------------------------------------------------------------------


def show_changes(files: list[Parsed], changes: tuple[Change, ...]) -> None:
    """Print the changes from the one file to the other as tables."""
    from rich.console import Console
    from rich.measure import Measurement
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    names = " -> ".join(parsed.name for parsed in files)
    if not changes:
        console.print(f"{names}: both grant the same.", soft_wrap=True)
        return
    console.print(Text(names, style="bold"), soft_wrap=True)
    heads = [change for change in changes if change.kind in _HEADS]
    licenses = [change for change in changes if change.kind not in _HEADS]
    if heads:
        console.print()
        console.print(_head_table(heads))
    if licenses:
        notes = [_further(change) for change in licenses]
        whole = _license_table(licenses, notes)
        # Texts of any length in a narrow column are read by nobody: they follow the table where it would not fit.
        fits = Measurement.get(console, console.options.update_width(_COLUMNS_MAX), whole).maximum <= console.width
        console.print()
        console.print(whole if fits else _license_table(licenses))
        if not fits and any(notes):
            console.print()
            for change, note in zip(licenses, notes, strict=True):
                if note:
                    console.print(Text(f"{change.name}: {note}"), soft_wrap=True)
    console.print()
    console.print(_summary(changes), soft_wrap=True)


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in {"", "Line", "Name"})
    return table


def _word(change: Change) -> Text:
    from rich.text import Text

    return Text(_WORDS[change.what], style=_STYLES[change.what])


def _head_table(changes: list[Change]) -> Table:
    table = _table("", "Line", "Name", "Fields")
    for change in changes:
        table.add_row(_word(change), change.kind, _printable(change.name), _fields_text(change, ()))
    return table


def _license_table(changes: list[Change], notes: Sequence[str] = ()) -> Table:
    table = _table("", "Line", "Name", "Version", "Seats", "Expires", *(["Further"] if notes else []))
    for at, change in enumerate(changes):
        table.add_row(_word(change), change.kind, change.name, *(_cell(change, name) for name in _COLUMNS), *notes[at : at + 1])
    return table


def _further(change: Change) -> str:
    """What no column has."""
    further = _fields_text(change, (*_COLUMNS, "name"))
    pool = change.pool_seats
    if pool is None or pool[0] == pool[1]:
        return further
    return "; ".join(filter(None, (f"together {_seats(str(pool[0]))} -> {_seats(str(pool[1]))} seats", further)))


def _cell(change: Change, name: str) -> str:
    """The field before and after, or only once where it stays."""
    from seatkeeper.licfile.difference import fields_of

    old, new = (fields_of(line).get(name) if line is not None else None for line in (change.old, change.new))
    if name == "seats":
        old, new = _seats(old), _seats(new)
    # Two spellings of one version are one version.
    changed = change.what == "changed" and any(field.field == name for field in change.fields)
    return f"{old or 'none'} -> {new or 'none'}" if changed else new or old or ""


def _seats(text: str | None) -> str | None:
    return f"{int(text):,}" if text is not None and text.isdigit() else text


def _fields_text(change: Change, without: tuple[str, ...]) -> str:
    """What else has changed; of a line that is new or gone, what tells it from others."""
    from seatkeeper.licfile.difference import FieldChange, fields_of

    if change.what == "signature":
        return ""
    if change.kind == "unreadable":
        line: Any = change.new or change.old
        return _printable(line.text)
    if change.what == "changed":
        return "; ".join(_field_text(field) for field in change.fields if field.field not in without)
    line = change.new or change.old
    hidden = (*without, "name", "host", "vendor", "keyword", "key", "ISSUED", "NOTICE", "SIGN")
    return "; ".join(
        _field_text(FieldChange(name, value, value)) for name, value in fields_of(line).items() if value is not None and name not in hidden
    )


def _field_text(field: FieldChange) -> str:
    if field.field == "COMPONENTS" and field.old != field.new:
        old, new = (field.old or "").split(), (field.new or "").split()
        parts = [f"+{name}" for name in new if name not in old] + [f"-{name}" for name in old if name not in new]
        return f"COMPONENTS {' '.join(parts) or 'in another order'}"
    if field.old == field.new:
        return f"{field.field} {_value(field.old)}"
    return f"{field.field} {_value(field.old)} -> {_value(field.new)}"


def _value(text: str | None) -> str:
    return "none" if text is None else _printable(text) if text else "set"


def _printable(text: str) -> str:
    """`text` as it is where a terminal can show it."""
    return text if text.isprintable() else repr(text)[1:-1]


def _summary(changes: tuple[Change, ...]) -> str:
    licenses = [change for change in changes if change.kind not in _HEADS]
    counts: Counter[str] = Counter(change.what for change in licenses)
    parts = [f"{counts[what]:,} {'only ' if what == 'signature' else ''}{word}" for what, word in _WORDS.items() if counts[what]]
    others = len(changes) - len(licenses)
    text = f"Licenses: {', '.join(parts)}." if parts else "No license changes."
    return f"{text} Other lines: {others:,}." if others else text


# For programs ----------------------------------------------------------------------------------------------------


def _print_json(files: list[Parsed], changes: tuple[Change, ...]) -> None:
    from seatkeeper.cli.order import print_json

    print_json({"old": files[0].name, "new": files[1].name, "equal": not changes, "changes": [_change_json(change) for change in changes]})


def _change_json(change: Change) -> dict[str, Any]:
    import msgspec

    from seatkeeper.licfile.difference import fields_of

    row: dict[str, Any] = {"what": change.what, "kind": change.kind, "name": change.name}
    for side, line, place in (("old", change.old, change.old_place), ("new", change.new, change.new_place)):
        if line is not None:
            present = {name: True if value == "" else value for name, value in fields_of(line).items() if value is not None}
            row[side] = {"line": place, **(present or ({"text": line.text} if hasattr(line, "text") else {}))}
    row["fields"] = msgspec.to_builtins(change.fields)
    if change.pool_seats is not None:
        row["pool_seats"] = list(change.pool_seats)
    return row
