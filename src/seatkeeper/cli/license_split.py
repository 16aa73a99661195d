"""`seatkeeper license split FILE -o DIR`: one license file becomes several, each license in one of them, or nothing is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from seatkeeper.licfile.splitting import Part

__all__ = ["split"]


def split(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The license file.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where the files go.", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="What tells the files apart: vendor, expiry or feature.")] = "vendor",
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="NAME=FEATURE,...", help="With --by feature: the features of one file; the others are the rest."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Divide a license file into several for the same license server: each has all SERVER lines, and each license is in one of them.

    Seats are not divided: what goes to another server must be issued for it.
    """
    from seatkeeper.cli.license_edit import load_source
    from seatkeeper.cli.order import counted, print_json
    from seatkeeper.licfile.splitting import split as divide

    if by not in ("vendor", "expiry", "feature"):
        raise InputError("A file cannot be divided by that.", file="--by", found=by, expected="vendor, expiry or feature")
    groups = dict(_group(each) for each in group or [])
    if by == "feature" and not groups:
        raise InputError("It is not said which features go together.", file="--group", expected="NAME=FEATURE,FEATURE")
    if groups and by != "feature":
        raise InputError("Features are listed only where the file is divided by them.", file="--group", remedy="Give --by feature too.")
    parts = divide(load_source(file), by, groups)  # type: ignore[arg-type]
    paths = _write(output, file.stem, parts)
    if json:
        rows = [{"file": str(path), "part": part.name, "licenses": part.count} for path, part in zip(paths, parts, strict=True)]
        print_json({"from": str(file), "files": rows})
        return
    for path, part in zip(paths, parts, strict=True):
        print(f"{path}: {counted(part.count, 'license')}")
    print(f"Next: put the trust file and the credential of {file} beside them, and start `lmgrd -c {':'.join(map(str, paths))}`.")


def _group(text: str) -> tuple[str, list[str]]:
    name, _, features = text.partition("=")
    found = [feature for feature in features.split(",") if feature]
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", name) or not found:
        raise InputError("This is no list of features.", file="--group", found=text, expected="NAME=FEATURE,FEATURE")
    return name, found


def _write(directory: Path, stem: str, parts: tuple[Part, ...]) -> list[Path]:
    """The files, all of them written or none.

    Raises:
        InputError: One is there already, or cannot be written.
    """
    from seatkeeper.adapters.wholefile import PUBLIC, whole_file

    paths = [directory / f"{stem}.{part.name}.lic" for part in parts]
    made: list[Path] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, part in zip(paths, parts, strict=True):
            with whole_file(path, PUBLIC, replace=False) as file:
                file.write(part.data)
            made.append(path)
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        reason = "It exists and is not overwritten" if isinstance(error, FileExistsError) else f"It cannot be written: {error.strerror}"
        raise InputError(f"{reason}.", file=str(paths[len(made)]), remedy="Nothing was written.") from None
    return paths
