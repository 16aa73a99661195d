"""The text of an options file is cut into logical lines and words, and every word still knows its line and column.

A physical line that ends in a backslash is continued by the next one, unless that is blank or a comment. A comment begins with `#`
at the beginning of a word outside quotes and ends with its physical line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from seatkeeper.licfile.model import Problem
from seatkeeper.licfile.scanner import BLANKS, Kind, Logical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seatkeeper.licfile.report import Report

__all__ = ["OptionLine", "is_simple", "logical_lines"]

# A word with an unclosed quote holds all the rest of the line.
_WORD: Final = re.compile(r'(?:[^ \t"]++|"[^"]*+(?:"|$))++')


class OptionLine:
    """One logical line.

    Attributes:
        number: Line number of the first physical line.
        written: The words as written, with their quotes.
    """

    __slots__ = ("_logical", "_raws", "number", "written")

    def __init__(self, number: int, raws: list[str], written: list[str] | None = None) -> None:
        self.number = number
        self._raws = raws
        self._logical: Logical | None = None
        self.written = written if written is not None else _WORD.findall(self.text)

    def _whole(self) -> Logical:
        if self._logical is None:
            self._logical = Logical(self.number, self._raws, Kind.OTHER, "")
        return self._logical

    @property
    def text(self) -> str:
        """The line with each break read as one blank."""
        return self._whole().text

    @property
    def size(self) -> int:
        """Characters of the line with its breaks."""
        return sum(map(len, self._raws)) + len(self._raws) - 1

    def place(self, index: int) -> tuple[int, int]:
        """Line and column of the word of that index; the end of the line for one that is missing."""
        offsets = [match.start() for match in _WORD.finditer(self.text)]
        return self.place_of(offsets[index] if index < len(offsets) else len(self.text))

    def place_of(self, offset: int) -> tuple[int, int]:
        """Line and column of the character at `offset` of `text`."""
        return self._whole().place(offset)

    def open_quote(self) -> tuple[int, int]:
        """Line and column of a double quote that should have been closed."""
        return self._whole().open_quote() or self.place_of(self.text.rindex('"'))


def logical_lines(raws: list[str], report: Report, on_continuation: Callable[[int, str], None]) -> Iterator[OptionLine]:
    """The logical lines that hold anything but comments.

    Args:
        raws: The physical lines.
        report: Takes what is wrong with their breaks.
        on_continuation: Is shown each physical line that continues another, with its number.
    """
    number, total = 0, len(raws)
    while number < total:
        raw = raws[number]
        number += 1
        body = raw.lstrip(BLANKS)
        if not body or body[0] == "#":
            continue
        if is_simple(raw):
            # str.split() knows more separators than we do; here there are none of them but blank and tab.
            yield OptionLine(number, [raw], raw.split())
            continue
        start, pieces = number, [_without_comment(raw, quoted=False)]
        quoted = pieces[0].count('"') % 2 == 1
        while _goes_on(pieces[-1]) and number < total:
            body = raws[number].lstrip(BLANKS)
            if not body or body[0] == "#":
                break
            number += 1
            on_continuation(number, raws[number - 1])
            pieces.append(_without_comment(raws[number - 1], quoted=quoted))
            quoted ^= pieces[-1].count('"') % 2 == 1
        if _goes_on(pieces[-1]):
            message = "The line ends in a backslash, and nothing follows that could continue it."
            report.add(Problem(start + len(pieces) - 1, len(pieces[-1].rstrip(BLANKS)), message, severity="warning"))
        yield OptionLine(start, pieces)


def is_simple(raw: str) -> bool:
    """True for a line of visible ASCII characters, blanks and tabs without quotes, comment and continuation."""
    return raw.isascii() and raw.replace("\t", " ").isprintable() and not ("\\" in raw or '"' in raw or "#" in raw)


def _goes_on(raw: str) -> bool:
    return raw.rstrip(BLANKS).endswith("\\")


def _without_comment(raw: str, *, quoted: bool) -> str:
    """The physical line up to the first `#` that begins a word outside quotes."""
    at, quotes, done = raw.find("#"), int(quoted), 0
    while at >= 0:
        quotes += raw.count('"', done, at)
        if quotes % 2 == 0 and (at == 0 or raw[at - 1] in BLANKS):
            return raw[:at]
        done, at = at, raw.find("#", at + 1)
    return raw
