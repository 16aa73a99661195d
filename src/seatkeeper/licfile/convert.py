"""A license file changes its format, readable or decimal, newer or older, and no signed line of it changes by a bit.

Theory of operation. Reading turns decimal lines into the lines they stand for. Lowering changes what readers of an older release
do not know, where nobody has signed it. Writing makes the text, which is then read again: it must be the lines that were meant,
and every signed line must be among them as it came. So a fault here costs a conversion, never a license.

What older releases do not know is taken from the facts, sections 1.1 to 1.5. What is signed cannot be said in their words: such a
file is refused with the reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.errors import InputError, LicenseError, SeatkeeperError
from seatkeeper.licfile.canonical import keyword_of
from seatkeeper.licfile.decimal import decode, encode, looks_decimal, wrapped
from seatkeeper.licfile.grammar import attribute_of
from seatkeeper.licfile.model import UNCOUNTED, Comment, Feature, LicenseFile, Package, Server, Unknown, Upgrade, Vendor
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.writer import COLUMNS, write_line

if TYPE_CHECKING:
    from seatkeeper.licfile.model import Line, Parsed, Problem, Signable

__all__ = ["Written", "lowered", "parse_release", "readable", "rendered"]

_RELEASE: Final = re.compile(r"[vV]?([0-9]{1,3}(?:\.[0-9]{1,3}){0,3})")
#: The first releases that know these.
_KNOWS_WORDS: Final = (6,)  # VENDOR, permanent, uncounted, and a SERVER line without a port
_KNOWS_SIGN: Final = (7, 1)
_KNOWS_LATIN: Final = (8,)
#: What a missing port stands for.
_PORT: Final = 7260
_NEVER: Final = "1-jan-0"


class Written(msgspec.Struct, frozen=True):
    """A file's text.

    Attributes:
        text: The text.
        converted: How many lines of it are in decimal format.
        kept: Why others that give licenses are not, though they should.
    """

    text: str
    converted: int = 0
    kept: tuple[LicenseError, ...] = ()


def readable(parsed: Parsed) -> tuple[LicenseFile, tuple[LicenseError, ...]]:
    """The file with its decimal lines as the lines they stand for, and what is wrong with it, in the order of its lines."""
    lines: list[Line] = []
    errors: list[tuple[int, LicenseError]] = []
    decimal: set[int] = set()
    for line, number in zip(parsed.file.lines, parsed.places, strict=True):
        if isinstance(line, Unknown) and looks_decimal(line.text):
            decimal.add(number)
            try:
                line = decode(line.text)
            except LicenseError as error:
                errors.append((number, _at(error, _place(parsed.name, number))))
        lines.append(line)
    errors += [
        (problem.line, _error_of(parsed.name, problem))
        for problem in parsed.problems
        if problem.severity == "error" and problem.line not in decimal
    ]
    return LicenseFile(tuple(lines)), tuple(error for _, error in sorted(errors, key=lambda pair: pair[0]))


def _place(name: str, number: int) -> str:
    return f"{name}, line {number}" if name else f"Line {number}"


def _at(error: LicenseError, place: str) -> LicenseError:
    return LicenseError(error.number, minor=error.minor, reason=f"{place}: {error.reason}", remedy=error.remedy)


def _error_of(name: str, problem: Problem) -> LicenseError:
    found = f" (found {problem.found!r})" if problem.found else ""
    expected = f" Expected is {problem.expected}." if problem.expected else ""
    return LicenseError(problem.number, reason=f"{_place(name, problem.line)}: {problem.message}{found}{expected}")


def parse_release(text: str) -> tuple[int, ...]:
    """A FlexNet release, as `7.1` or `v11.14.1`.

    Raises:
        InputError: It is none.
    """
    match = _RELEASE.fullmatch(text.strip())
    if match is None:
        raise InputError("This is no release.", found=text, expected="a number as 5, 7.1 or 11.14")
    return tuple(map(int, match[1].split(".")))


def lowered(file: LicenseFile, release: tuple[int, ...]) -> tuple[LicenseFile, tuple[str, ...]]:
    """The file as readers of this release understand it, and what was changed.

    Raises:
        InputError: A signed line has what they do not understand.
    """
    lines: list[Line] = []
    changes: list[str] = []
    for line in file.lines:
        lower, change = _lowered(line, release)
        lines.append(lower)
        changes += change
    return LicenseFile(tuple(lines)), tuple(changes)


def _lowered(line: Line, release: tuple[int, ...]) -> tuple[Line, list[str]]:
    changes: list[str] = []
    if isinstance(line, Comment) and release < _KNOWS_LATIN and not line.text.isascii():
        return Comment(line.text.encode("ascii", "replace").decode()), [f"{line.text}: letters beyond ASCII become question marks"]
    if isinstance(line, Vendor) and release < _KNOWS_WORDS and line.keyword == "VENDOR":
        line = msgspec.structs.replace(line, keyword="DAEMON")
        changes.append(f"VENDOR {line.name} becomes DAEMON {line.name}")
    if isinstance(line, Server) and release < _KNOWS_WORDS and not line.port:
        line = msgspec.structs.replace(line, port=_PORT)
        changes.append(f"SERVER {line.host} gets the port {_PORT}, which was meant")
    if isinstance(line, Feature | Upgrade | Package):
        signed = _is_signed(line)
        if release < _KNOWS_SIGN and any(name.upper() == "SIGN" for name, _ in line.attributes):
            raise _too_new(line, "is signed with SIGN=, without which no server serves it", "7.1")
        if isinstance(line, Feature | Upgrade) and release < _KNOWS_WORDS:
            for field, word, old in (("expiry", "permanent", _NEVER), ("count", UNCOUNTED, "0")):
                if getattr(line, field).lower() != word:
                    continue
                if signed:
                    raise _too_new(line, f"says {word}, and its key covers that", "6")
                line = msgspec.structs.replace(line, **{field: old})
                changes.append(f"{keyword_of(line)} {line.name}: {word} becomes {old}")
    if release < _KNOWS_LATIN and not write_line(line).isascii():
        what = write_line(line).split(" ")[0]
        raise InputError(
            f"The {what} line has letters beyond ASCII, which readers before release 8 do not know.",
            file="-overfmt",
            found="".join(char for char in write_line(line) if not char.isascii())[:20],
            remedy="Ask the vendor for a line without them.",
        )
    return line, changes


def _is_signed(line: Signable) -> bool:
    """True where somebody has put a key or a signature to the line, so that no field may change."""
    known = [attribute_of(name) for name, _ in line.attributes]
    return bool(line.key) or any(attribute is not None and (attribute.is_signature or attribute.name == "AUTH") for attribute in known)


def _too_new(line: Signable, why: str, release: str) -> InputError:
    return InputError(
        f"{keyword_of(line)} {line.name} {why}; readers before release {release} do not know it.",
        file="-overfmt",
        remedy=f"Ask for release {release} or newer, or ask the vendor for a line of the older form.",
    )


def rendered(file: LicenseFile, *, decimal: bool = False, columns: int = COLUMNS) -> Written:
    """The file's text, with the lines that give licenses in decimal format where that is asked for and possible.

    Args:
        file: The file.
        decimal: Whether lines are converted.
        columns: How wide lines are, as far as they can be broken.

    Raises:
        SeatkeeperError: What was written does not read as what was meant; nobody has seen that yet.
    """
    texts: list[str] = []
    kept: list[LicenseError] = []
    converted = 0
    for line in file.lines:
        if decimal and isinstance(line, Feature | Upgrade | Package):
            try:
                texts.append(wrapped(encode(line), columns))
                converted += 1
                continue
            except LicenseError as error:
                kept.append(error)
        texts.append(write_line(line, columns=columns))
    text = "".join(f"{each}\n" for each in texts)
    back, errors = readable(parse(text))
    if errors or back != file:
        raise SeatkeeperError("The converted file does not read as the file it was made from.", "Nothing was written; please report this.")
    return Written(text, converted, tuple(kept))
