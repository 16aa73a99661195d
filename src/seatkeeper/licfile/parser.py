"""The text of a license file becomes its lines as values, and all of its mistakes are known after one pass.

Theory of operation. The text is cut into logical lines (`scanner`), and each becomes a value or else `Unknown` together with its
problems (`lines`). Most lines of a long file have one form, that of our issuer: those take a short cut (`fastpath`), on which
nothing is ever reported, and which leaves every line that is in the least unusual to the careful way. To be fast, the breaks of
that form are closed up beforehand in one step over the whole text; the careful way opens them again. A line that the short cut
has taken is handed back when the next line turns out to continue it.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final

from seatkeeper.licfile import grammar
from seatkeeper.licfile.fastpath import fast_reader
from seatkeeper.licfile.lines import read_line
from seatkeeper.licfile.model import Blank, Comment, Feature, LicenseFile, Parsed, Problem, Unknown
from seatkeeper.licfile.report import PROBLEMS_MAX, Report
from seatkeeper.licfile.scanner import BREAK, BREAK_MARK, Reader, continues

if TYPE_CHECKING:
    from seatkeeper.licfile.model import Line

__all__ = ["decode", "parse"]

_BYTE_ORDER_MARK: Final = "\ufeff"
_BLANK: Final = Blank()
_FAST_KEYWORDS: Final = ("FEATURE ", "INCREMENT ")
_CONTROLS: Final = bytes(code for code in (*range(32), 127) if chr(code) not in "\t\n")


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 after a byte order mark, else Latin-1, which is what older files hold.

    "8-bit Latin characters allowed (v8+); current tooling writes UTF-8" (facts 1.1).
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def parse(text: str, name: str = "", *, careful: bool = False) -> Parsed:
    """The lines of a license file, where each begins, and everything that is wrong with them.

    Args:
        text: The whole file, with line ends of UNIX or Windows.
        name: The file's name, for those who show the problems.
        careful: Keeps to the careful way, which is slower and comes to the same.
    """
    text = text.removeprefix(_BYTE_ORDER_MARK).replace("\r\n", "\n")
    refusal = _refusal(text)
    if refusal is not None:
        return Parsed(LicenseFile(), (), (refusal,), name)
    if not text:
        return Parsed(LicenseFile(), (), (), name)
    text = text.removesuffix("\n")
    suspect = not text.isascii() or len(text) != len(text.encode().translate(None, _CONTROLS))
    # The mark may only stand for breaks, so a text that holds it goes the careful way, as it is.
    marked = not careful and BREAK_MARK not in text
    joined = (text.replace(BREAK, BREAK_MARK) if marked else text).split("\n")
    lines, places, report = _read(joined, suspect=suspect, marked=marked)
    return Parsed(LicenseFile(tuple(lines)), tuple(places), report.all(), name)


def _refusal(text: str) -> Problem | None:
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if size > grammar.FILE_BYTES_MAX:
        return Problem(0, 0, f"The file has {size:,} bytes, and a license file at most {grammar.FILE_BYTES_MAX:,}; divide it.")
    count = text.count("\n")
    if count > grammar.LINES_MAX:
        return Problem(0, 0, f"The file has {count:,} lines, and a license file at most {grammar.LINES_MAX:,}; divide it.")
    return None


def _read(joined: list[str], *, suspect: bool, marked: bool) -> tuple[list[Line], list[int], Report]:
    """The lines, their places and the problems of a text, whose breaks are closed up where `marked`; else nothing is fast."""
    lines: list[Line] = []
    places: list[int] = []
    report = Report()
    reader = Reader(joined, marked=marked)
    fast = fast_reader(suspect=suspect)
    at, number, total = 0, 1, len(joined)
    simple: Line | None
    taken = False
    while at < total:
        line = joined[at]
        simple = None
        if marked:
            if line.startswith(_FAST_KEYWORDS):
                simple = fast(line)
            elif not line or (line[0] == "#" and line.isprintable()):
                simple = Comment(line) if line else _BLANK
        if simple is not None:
            lines.append(simple)
            places.append(number)
            number += 1 + line.count(BREAK_MARK)
            at += 1
            taken = type(simple) is Feature
            continue
        reader.move(at, number)
        first = reader.peek()
        if taken and first is not None and continues(first):
            lines.pop()
            reader.move(at - 1, places.pop())
        taken = False
        while (logical := reader.logical()) is not None:
            lines.append(read_line(logical, report, suspect=suspect))
            places.append(logical.number)
            if report.is_hopeless or (marked and reader.between):
                break
        if report.is_hopeless:
            _give_up(reader, lines, places, report)
            break
        at, number = reader.at, reader.number
    return lines, places, report


def _give_up(reader: Reader, lines: list[Line], places: list[int], report: Report) -> None:
    """Keeps the rest of a file that has too many errors as one unknown line."""
    number = reader.number
    rest = reader.rest()
    if rest:
        lines.append(Unknown("\n".join(rest)))
        places.append(number)
        message = f"After {PROBLEMS_MAX:,} errors the rest of the file is not read; is this a license file?"
        report.close(Problem(number, 1, message))
