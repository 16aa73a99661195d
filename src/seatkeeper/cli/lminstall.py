"""`lminstall` brings a license file into another format, readable or decimal, and writes nothing that reads as another file.

Without `-i` it is a dialogue, as FlexNet's is: lines are typed or pasted until an empty one. What is converted, and how, is decided in
licfile.convert.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Final

from seatkeeper.adapters import clock
from seatkeeper.adapters.textfiles import replace_text
from seatkeeper.base.errors import InputError
from seatkeeper.cli import lmcommon
from seatkeeper.cli.lmcommon import UsageError
from seatkeeper.licfile.convert import lowered, parse_release, readable, rendered
from seatkeeper.licfile.grammar import FILE_BYTES_MAX, LINE_BYTES_MAX
from seatkeeper.licfile.parser import decode, parse
from seatkeeper.licfile.writer import COLUMNS, COLUMNS_MIN

__all__ = ["USAGE", "run"]

USAGE: Final = """\
usage: lminstall [-i FILE] [-o FILE] [-odecimal] [-overfmt RELEASE] [-maxlen N]

    -i FILE           the license file, its lines readable, decimal or mixed; - is the standard input.
                      Without it you are asked for the lines, and an empty one ends them
    -o FILE           where the result goes; without it to the standard output
    -odecimal         convert to decimal format; otherwise to the readable one
    -overfmt RELEASE  write what readers of this release of FlexNet understand, as 5 or 7.1
    -maxlen N         lines of at most N characters, as far as they can be broken (80)
    -v                version of this program
    -help             this text

Signed lines stay as they are; what cannot be converted without a change to one is refused.
"""

_KINDS: Final = {"-i": "file", "-o": "file", "-odecimal": "", "-overfmt": "release", "-maxlen": "number"}


def run(argv: list[str], program: str) -> int:
    """Converts, and returns 0 when all of it was converted.

    Raises:
        UsageError: The command line cannot be understood.
        SeatkeeperError: The file cannot be read, converted or written; then nothing is written.
    """
    options = lmcommon.read_options(argv, _KINDS)
    year = datetime.fromtimestamp(clock.now()).year
    if lmcommon.said(options, program, "lminstall", USAGE, year):
        return 0
    if options.has("-c"):
        raise UsageError("lminstall takes no license path.", file="-c", expected="-i FILE")
    columns = _columns(options.flags.get("-maxlen"))
    release = parse_release(options.flags["-overfmt"]) if options.has("-overfmt") else None
    output = options.flags.get("-o", "")
    # The result may go to the standard output, and nothing else does then.
    print(lmcommon.banner(program, year), file=sys.stdout if output else sys.stderr)
    name = options.flags.get("-i", "")
    data = _read(name) if name else _asked()
    file, errors = readable(parse(decode(data), "" if name in ("", "-") else name))
    if errors:
        return lmcommon.complain_of("lminstall", errors)
    if release is not None:
        file, changes = lowered(file, release)
        for change in changes:
            lmcommon.complain("lminstall", f"{change}.")
    written = rendered(file, decimal=options.has("-odecimal"), columns=columns)
    if output:
        replace_text(Path(output), written.text)
        licenses = len(list(file.signable()))
        what = f"{written.converted} of {licenses} licenses in decimal format" if options.has("-odecimal") else f"{licenses} licenses"
        print(f"{what} written to {output}")
    else:
        sys.stdout.write(written.text)
    return lmcommon.complain_of("lminstall", written.kept)


def _columns(text: str | None) -> int:
    if text is None:
        return COLUMNS
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and COLUMNS_MIN <= int(text) <= LINE_BYTES_MAX):
        raise UsageError(
            "This is no length of a line.", file="-maxlen", found=text, expected=f"a number from {COLUMNS_MIN} to {LINE_BYTES_MAX}"
        )
    return int(text)


def _read(name: str) -> bytes:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(FILE_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"This file cannot be read: {reason}.", file=name) from None
    if len(data) > FILE_BYTES_MAX:
        raise InputError(f"This file is longer than {FILE_BYTES_MAX >> 20} MiB.", file=name)
    return data


def _asked() -> bytes:
    """What is typed or pasted, up to an empty line."""
    print("Type or paste the license, readable or decimal; an empty line ends it.", file=sys.stderr, flush=True)
    lines: list[bytes] = []
    size = 0
    while (line := sys.stdin.buffer.readline(FILE_BYTES_MAX)).strip():
        lines.append(line)
        size += len(line)
        if size > FILE_BYTES_MAX:
            raise InputError(f"The license is longer than {FILE_BYTES_MAX >> 20} MiB.", file="standard input")
    if not lines:
        raise InputError("Nothing was typed.", file="standard input", expected="lines of a license file", remedy="Name the file with -i.")
    return b"".join(lines)
