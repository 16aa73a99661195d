"""`seatkeeper license import MAIL -o FILE`: licenses that came by mail become a file that verifies as a whole, or none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seatkeeper.adapters.mailparts import MailPart
    from seatkeeper.licfile.mailtext import Imported
    from seatkeeper.licfile.model import LicenseFile, Parsed

__all__ = ["import_"]

#: How many problems are said.
_SHOWN_MAX: Final = 20
_ARCHIVES: Final = (".zip", ".7z", ".gz", ".rar", ".tar")


def import_(
    mail: Annotated[Path, typer.Argument(metavar="MAIL", help="A saved mail (.eml), or a file with its text.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The license file to write.", show_default=False)],
    into: Annotated[
        Path | None, typer.Option("--into", metavar="OLD", help="The license file that is served, if the mail has only lines for it.")
    ] = None,
    part: Annotated[int | None, typer.Option("--part", metavar="N", help="Which part of the mail, as this command counts them.")] = None,
    trust: Annotated[
        Path | None,
        typer.Option(
            "--trust", metavar="TRUST", help="The vendor's trust file.", show_default="VENDOR.trust beside OLD, FILE or MAIL, else here"
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take the licenses out of a mail, and undo what mail programs did to them.

    Only licenses that verify are written, and only all of them. Comments are left out. With `--into` the lines are judged as they
    would stand in OLD, and `seatkeeper license merge` puts them there.
    """
    from seatkeeper.adapters.mailparts import read_mail
    from seatkeeper.adapters.wholefile import PUBLIC, whole_file

    parts = read_mail(mail)
    if part is not None:
        if not 1 <= part <= len(parts):
            raise InputError("The mail has no such part.", file="--part", found=str(part), expected=f"1 to {len(parts)}")
        parts = parts[part - 1 : part]
    old = _old(into)
    found = [(each, _import(each, mail, output, into, trust, old)) for each in parts]
    chosen, imported = _chosen(found, mail)
    if imported.problems:
        _refuse(chosen, imported, mail, json=json, packed=any(each.name.lower().endswith(_ARCHIVES) for each in parts))
    if output.exists() and not force:
        raise InputError("This file exists and is not overwritten.", file=str(output), remedy="Name another one, or give --force.")
    try:
        with whole_file(output, PUBLIC, replace=force) as file:
            file.write(imported.text.encode())
    except OSError as error:
        raise InputError(f"This file cannot be written: {error.strerror}.", file=str(output)) from None
    if json:
        _print_json(chosen, imported, mail, output)
        return
    print(f"{output}: {_counted(imported.count, 'license')} from {_place(mail, chosen)}. All of them verify.")
    if imported.repairs:
        print(f"Repaired: {', '.join(imported.repairs)}.")
    print(f"Next: {_next(output, into)}")


def _next(output: Path, into: Path | None) -> str:
    return (
        f"seatkeeper license merge {into} {output}" if into is not None else f"seatkeeper license diff OLD {output}, or serve it as it is"
    )


def _old(into: Path | None) -> LicenseFile | None:
    if into is None:
        return None
    from seatkeeper.cli.license_edit import load_source

    return load_source(into).file


def _import(part: MailPart, mail: Path, output: Path, into: Path | None, trust: Path | None, old: LicenseFile | None) -> Imported:
    from seatkeeper.licfile.mailtext import import_text

    return import_text(part.text, _judge(mail, output, into, trust, old))


def _judge(
    mail: Path, output: Path, into: Path | None, trust: Path | None, old: LicenseFile | None
) -> Callable[[Parsed], Mapping[int, str]]:
    """What says which lines are not genuine: in their own file, or as they would stand in the old one."""
    from seatkeeper.cli.license_verify import find_trusts, judge
    from seatkeeper.licfile.editing import in_context
    from seatkeeper.licfile.model import Parsed

    def refused(parsed: Parsed) -> dict[int, str]:
        file, places = parsed.file, parsed.places
        if old is not None and not file.servers:
            licenses = list(file.signable())
            file = in_context(parsed.file, old)
            heads = len(file.lines) - len(licenses)
            places = (*[0] * heads, *(parsed.places[index] for index, _ in licenses))
            back = {heads + at: index for at, (index, _) in enumerate(licenses)}
        else:
            back = {index: index for index, _ in file.signable()}
        framed = Parsed(file, places, ())
        for beside in dict.fromkeys(path for path in (into, output, mail) if path is not None):
            trusts = find_trusts(framed, beside, trust, None)
            if trusts:
                break
        judged = judge(framed, into or output, trusts)
        told = {}
        for at, index in back.items():
            line = file.lines[at]
            if at not in judged:
                vendor = getattr(line, "vendor", "")
                told[index] = (
                    f"Nothing shows that {getattr(line, 'name', '')} is genuine: there is no {vendor}.trust; name it with --trust."
                )
            elif not judged[at].ok:
                told[index] = judged[at].sentence
        if told and not file.servers:
            first = min(told)
            told = {first: "The mail has no SERVER line: name the license file that these lines belong to with --into."}
        return told

    return refused


def _chosen(found: list[tuple[MailPart, Imported]], mail: Path) -> tuple[MailPart, Imported]:
    """The part that is imported: the first good one; where none is good, the one that has most to say.

    Raises:
        InputError: Two good parts have different licenses.
    """
    good = [(number, part, imported) for number, (part, imported) in enumerate(found, 1) if not imported.problems]
    if not good:
        return max(found, key=lambda each: each[1].count)
    best = max(good, key=lambda each: each[2].count)
    licenses = {repr(line) for _, line in best[2].file.signable()}
    other = next((each for each in good if not {repr(line) for _, line in each[2].file.signable()} <= licenses), None)
    if other is not None:
        raise InputError(
            f"The mail has different licenses in two parts: {best[1].name} ({best[0]}) and {other[1].name} ({other[0]}).",
            file=str(mail),
            remedy=f"Import each by itself: --part {best[0]} and --part {other[0]}.",
        )
    return best[1], best[2]


def _refuse(part: MailPart, imported: Imported, mail: Path, *, json: bool, packed: bool) -> None:
    if json:
        _print_json(part, imported, mail, None)
        raise typer.Exit(1)
    for problem in imported.problems[:_SHOWN_MAX]:
        found = f" (found {problem.found!r})" if problem.found else ""
        expected = f" Expected: {problem.expected}." if problem.expected else ""
        message = problem.message.removeprefix(f"line {problem.line}, ")
        place = f"{_place(mail, part)}, line {problem.line}" if problem.line else _place(mail, part)
        print(f"seatkeeper license import: {place}: {message}{found}{expected}", file=sys.stderr)
    more = len(imported.problems) - _SHOWN_MAX
    remedy = "Archives are not opened: unpack it, and import what is in it." if packed else "Ask the vendor for the file as an attachment."
    remedy = f"Nothing was written. {remedy}"
    raise InputError(f"{f'And {more} more. ' if more > 0 else ''}{_counted(len(imported.problems), 'problem')}.", remedy=remedy)


def _place(mail: Path, part: MailPart) -> str:
    """Where the licenses stand: in which part of a mail, or in a text that is no mail."""
    return str(mail) if part.name == mail.name else f"{mail}, {part.name}"


def _print_json(part: MailPart, imported: Imported, mail: Path, output: Path | None) -> None:
    from seatkeeper.cli.order import print_json

    value: dict[str, Any] = {
        "mail": str(mail),
        "part": part.name,
        "file": str(output) if output is not None else None,
        "ok": not imported.problems,
        "licenses": imported.count,
        "repairs": list(imported.repairs),
        "problems": msgspec.to_builtins(imported.problems),
    }
    print_json(value)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
