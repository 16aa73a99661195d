"""A license file that was issued before is taken as it stands only when each of its licenses verifies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.licfile.canonical import fold_name
from seatkeeper.licfile.grammar import FILE_BYTES_MAX
from seatkeeper.licfile.model import Feature, LicenseFile, Parsed
from seatkeeper.licfile.parser import decode, parse
from seatkeeper.licfile.signature import verify_lines

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.licfile.trust import Trust

__all__ = ["FILES_MAX", "LICENSE_NAME", "has_licenses_of", "read_existing"]

#: What the license file of an independent server is called, in a directory of its own.
LICENSE_NAME: Final = "license.dat"
#: License files of one directory that an order changes.
FILES_MAX: Final = 100


def read_existing(path: Path, trust: Trust) -> tuple[Parsed, ...]:
    """The license file at `path`; of a directory, the `license.dat` of each directory in it.

    Raises:
        InputError: There is none, one cannot be read, or a license in it is not as this vendor signed it.
    """
    paths = sorted(path.glob(f"*/{LICENSE_NAME}")) if path.is_dir() else [path]
    if not paths:
        raise InputError("There is no license file here.", file=str(path), expected=f"HOST/{LICENSE_NAME}, as `seatkeeper issue` leaves it")
    if len(paths) > FILES_MAX:
        raise InputError("There are too many license files here.", file=str(path), found=str(len(paths)), expected=f"at most {FILES_MAX}")
    return tuple(_read(each, trust) for each in paths)


def has_licenses_of(path: Path, file: LicenseFile) -> bool:
    """Whether the file at `path` has exactly the lines of the unsigned `file`, whoever signed them."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return len(data) <= FILE_BYTES_MAX and _unsigned(parse(decode(data)).file) == file


def _unsigned(file: LicenseFile) -> LicenseFile:
    lines = []
    for line in file.lines:
        if type(line) is Feature:
            attributes = tuple(pair for pair in line.attributes if pair[0] != "SIGN")
            line = msgspec.structs.replace(line, key="", attributes=attributes)
        lines.append(line)
    return LicenseFile(tuple(lines))


def _read(path: Path, trust: Trust) -> Parsed:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"The license file cannot be read: {error.strerror}.", file=str(path)) from None
    if len(data) > FILE_BYTES_MAX:
        raise InputError("The file is too large to be a license file.", file=str(path), expected=f"at most {FILE_BYTES_MAX:,} bytes")
    parsed = parse(decode(data), str(path))
    remedy = "Take the file as it was issued; `seatkeeper license verify` shows all that is wrong."
    for problem in parsed.problems:
        if problem.severity == "error":
            raise InputError(problem.message, file=str(path), line=problem.line, column=problem.column, remedy=remedy)
    # A file may serve other vendors' licenses too; they are not ours to judge.
    own = [at for at, line in parsed.file.signable() if fold_name(line.vendor) == fold_name(trust.vendor)]
    if not own:
        raise InputError(f"The file has no license of {trust.vendor}.", file=str(path))
    refused = [verdict for verdict in verify_lines(parsed.file, trust, places=parsed.places) if verdict.index in own and not verdict.ok]
    if refused:
        raise InputError(f"The old file is not as it was issued: {refused[0].sentence}", file=str(path), remedy=remedy)
    return parsed
