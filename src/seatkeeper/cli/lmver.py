"""`lmver` says which release of the licensing software a program or library contains; the file is read, never run.

A Python script of ours is traced to the seatkeeper that its interpreter imports; a package directory says it itself. Any
other file is searched for the version line that licensed programs carry, ours or a FlexNet one (facts, FlexNet 5.7).
"""

from __future__ import annotations

import mmap
import re
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

from seatkeeper import __version__
from seatkeeper.adapters import clock
from seatkeeper.base.errors import InputError
from seatkeeper.cli import lmcommon

__all__ = ["USAGE", "run", "version_of"]

USAGE: Final = """\
usage: lmver [FILE | PROGRAM]

    FILE      a program, library or package directory; PROGRAM is looked for on PATH. Without it: this installation
    -v        version of this program
    -help     this text
"""

_SCRIPT_BYTES_MAX: Final = 65536
_LINE: Final = re.compile(rb"(?:seatkeeper Licensing|FlexNet Licensing|FLEXnet Licensing|FLEXlm)(?: version)? v[0-9][ -~]{0,200}")
_ASSIGNED: Final = re.compile(r"""^__version__\s*(?::[^=]*)?=\s*["']([^"']+)["']""", re.MULTILINE)


def run(argv: list[str], program: str) -> int:
    """Prints the version line and returns 0.

    Raises:
        UsageError: The command line cannot be understood.
        InputError: There is no such file, or it has no version that is known.
    """
    options = lmcommon.read_options(argv, {}, 1)
    year = datetime.fromtimestamp(clock.now()).year
    if lmcommon.said(options, program, "lmver", USAGE, year):
        return 0
    name = options.words[0] if options.words else sys.argv[0]
    path = _find(name)
    line = version_of(path) if options.words else _line(__version__, path.name)
    print(lmcommon.banner(program, year), f"{line}, Copyright (c) {year} seatkeeper authors" if "Copyright" not in line else line, sep="\n")
    return 0


def _find(name: str) -> Path:
    path = Path(name)
    try:
        if path.exists():
            return path
        beside = Path(sys.argv[0]).parent / name
        found = shutil.which(name) or (str(beside) if path.name == name and beside.is_file() else None)
    except OSError as error:
        raise InputError(f"The file cannot be read: {error.strerror or error}.", file=name) from None
    if found is None:
        raise InputError("There is no such file or program.", file=name, remedy="Name it with its directory.")
    return Path(found)


def _line(version: str, name: str) -> str:
    return f"{lmcommon.version_line('seatkeeper Licensing', version, '(ipv6)')} ({name})"


def version_of(path: Path) -> str:
    """The version line of a program, library or package directory.

    Raises:
        InputError: It cannot be read, or nothing in it says a version.
    """
    try:
        if path.is_dir():
            match = _ASSIGNED.search((path / "__init__.py").read_text(encoding="utf-8", errors="replace"))
            return _line(match[1], path.name) if match and path.name == "seatkeeper" else _nothing(path)
        with path.open("rb") as file:
            head = file.read(_SCRIPT_BYTES_MAX)
            if head.startswith(b"#!") and (b"seatkeeper.cli" in head or b"import seatkeeper" in head or b"from seatkeeper" in head):
                return _line(_installed(head), path.name)
            if not head:
                return _nothing(path)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
                found = _LINE.search(whole)
                return found[0].decode("ascii").strip() if found else _nothing(path)
    except OSError as error:
        raise InputError(f"The file cannot be read: {error.strerror or error}.", file=str(path)) from error


def _nothing(path: Path) -> str:
    raise InputError(
        "The file does not contain a version of the licensing software.",
        file=str(path),
        expected="a program or library that checks licenses out",
    )


def _installed(script: bytes) -> str:
    """The version of the seatkeeper beside the interpreter in a script's first line; ours where that cannot be told."""
    interpreter = Path(script[2:].split(b"\n", 1)[0].decode("utf-8", "replace").strip().split(" ")[0])
    for pattern in ("lib/python*/site-packages", "Lib/site-packages"):
        for place in interpreter.parent.parent.glob(f"{pattern}/seatkeeper-*.dist-info"):
            return place.name.removesuffix(".dist-info").partition("-")[2]
    return __version__
