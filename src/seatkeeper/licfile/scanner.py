r"""The text of a license file is cut into logical lines and words, and every character still knows its line and column.

Theory of operation. A physical line ends at a line feed, with or without a carriage return before it, and nowhere else. A
logical line is one physical line and those that continue it. The next physical line continues it

- never, where it is blank;
- where the line so far ends in `\` or an open quote and the next one is neither a comment nor begins with a keyword;
- where neither is the case and the next one is still no beginning of its own ("v7+ tolerates a plain line break inside a long
  line", facts 1.1): a comment, a keyword, a word that is one slip away from a keyword, or a line in decimal format;
- even where it begins with a keyword or `#`, if it is indented and the line before ends in `\` within an open quote, for then it
  can only be the rest of a value ("values in double quotes may contain anything except a double quote").

A line that begins with no keyword is continued by `\` and by indentation alone, so that a misspelt line takes no other along.
A break, with the blanks around it and the `\`, reads as one blank, within quotes and without: so re-wrapping changes nothing.
Only blank and tab separate words; str.split() and str.splitlines() know more separators and are kept away from text that
`forbidden_at` has not passed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from seatkeeper.licfile.grammar import KEYWORDS, is_decimal_line, misspelt_keyword

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BLANKS", "BREAK", "BREAK_MARK", "Kind", "Logical", "Reader", "Word", "continues", "ends_in_backslash", "kind_of", "words_of"]

#: The only characters that separate words.
BLANKS: Final = " \t"
#: How our writer breaks a line, and the one character that stands for it while a file is read. No file may hold that character
#: outside comments, and `Reader` is only given text in which it stands for breaks alone.
BREAK: Final = " \\\n\t"
BREAK_MARK: Final = "\x1c"

# A keyword ends where the word does; a character that may not stand there at all ends it too, so that a no-break space after
# FEATURE is reported as what it is.
_FIRST_WORD: Final = re.compile(r"[ \t]*([A-Za-z_]+)(?=[ \t\\]|$|[^\x20-\x7e])")
_WORD: Final = re.compile(r'(?:[^ \t"]++|"[^"]*+")++')
_AUTH: Final = re.compile(r"AUTH=\{", re.IGNORECASE | re.ASCII)


class Kind(Enum):
    """What a physical line is by its beginning."""

    BLANK = auto()
    COMMENT = auto()
    KEYWORD = auto()
    OTHER = auto()


class Word(NamedTuple):
    """A run of characters without blanks outside quotes, and where it stands in the logical line's text."""

    text: str
    offset: int


class Logical:
    """One logical line: its physical lines as they stand, and its text with each break read as one blank.

    Attributes:
        number: Line number of the first physical line.
        raws: The physical lines without their line ends.
        kind: What the first physical line is.
        keyword: The keyword in upper case; empty for other lines.
    """

    __slots__ = ("_columns", "_numbers", "_offsets", "keyword", "kind", "number", "raws", "text")

    def __init__(self, number: int, raws: list[str], kind: Kind, keyword: str) -> None:
        self.number = number
        self.raws = raws
        self.kind = kind
        self.keyword = keyword
        self._offsets: list[int] = []
        self._columns: list[int] = []
        self._numbers: list[int] = []
        pieces = []
        length = 0
        for index, raw in enumerate(raws):
            piece = raw.rstrip(BLANKS)
            if piece.endswith("\\"):
                piece = piece[:-1].rstrip(BLANKS)
            body = piece.lstrip(BLANKS)
            if body:
                self._offsets.append(length)
                self._columns.append(len(piece) - len(body) + 1)
                self._numbers.append(number + index)
                pieces.append(body)
                length += len(body) + 1
        self.text = " ".join(pieces)

    @property
    def raw(self) -> str:
        """The physical lines as one text."""
        return "\n".join(self.raws)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of the character at `offset` of `text`; its end for an offset beyond."""
        if not self._offsets:
            return self.number, 1
        index = bisect_right(self._offsets, offset) - 1
        return self._numbers[index], self._columns[index] + offset - self._offsets[index]

    def open_quote(self) -> tuple[int, int] | None:
        """Line and column of the first double quote that is open at the end of a physical line which does not say that it goes on."""
        quotes = 0
        for index, raw in enumerate(self.raws):
            quotes += raw.count('"')
            if quotes % 2 and '"' in raw and not ends_in_backslash(raw):
                return self.number + index, raw.rindex('"') + 1
        return None

    def dangling(self) -> tuple[int, int] | None:
        """Line and column of a backslash at the very end, which nothing follows."""
        last = self.raws[-1].rstrip(BLANKS)
        return (self.number + len(self.raws) - 1, len(last)) if last.endswith("\\") else None


def kind_of(raw: str) -> tuple[Kind, str]:
    """What a physical line is by its beginning, and its first word in upper case where that may be a keyword."""
    match = _FIRST_WORD.match(raw)
    if match is not None:
        word = match[1].upper()
        return (Kind.KEYWORD if word in KEYWORDS else Kind.OTHER), word
    body = raw.lstrip(BLANKS)
    if not body:
        return Kind.BLANK, ""
    return (Kind.COMMENT if body[0] == "#" else Kind.OTHER), ""


def ends_in_backslash(raw: str) -> bool:
    """True for a physical line that says that it goes on; blanks after the backslash do not count."""
    return raw.rstrip(BLANKS).endswith("\\")


def continues(raw: str, *, after_backslash: bool = False, within_quotes: bool = False, after_keyword: bool = True) -> bool:
    """True where the physical line `raw` belongs to the logical line before it, of which the arguments tell the state."""
    kind, word = kind_of(raw)
    if kind is Kind.BLANK:
        return False
    indented = raw[0] in BLANKS
    if kind is not Kind.OTHER:
        return after_backslash and within_quotes and indented
    if after_backslash or (within_quotes and after_keyword):
        return True
    if not after_keyword:
        return indented
    return not misspelt_keyword(word) and not is_decimal_line(raw)


class Reader:
    """The physical lines of a file in order, one logical line at a time.

    Args:
        joined: The file's lines.
        marked: Whether `BREAK_MARK` stands in them for each `BREAK` of the file.

    Attributes:
        number: The number of the physical line that comes next.
        at: The index in `joined` of the line that comes next or, unless `between`, of the one that is being read.
    """

    def __init__(self, joined: list[str], *, marked: bool) -> None:
        self._joined = joined
        self._marked = marked
        self._pending: deque[str] = deque()
        self._begun = False
        self.at = 0
        self.number = 1

    @property
    def between(self) -> bool:
        """True where the next physical line is the first one of `joined[at]`."""
        return not self._begun

    def peek(self) -> str | None:
        """The next physical line; None at the end."""
        if not self._pending:
            if self.at >= len(self._joined):
                return None
            first, *rest = self._joined[self.at].split(BREAK_MARK) if self._marked else (self._joined[self.at],)
            if rest:
                self._pending.append(first + " \\")
                self._pending.extend(f"\t{piece} \\" for piece in rest[:-1])
                self._pending.append("\t" + rest[-1])
            else:
                self._pending.append(first)
        return self._pending[0]

    def next(self) -> str:
        """The next physical line, which `peek` must have shown."""
        self.number += 1
        raw = self._pending.popleft()
        self._begun = bool(self._pending)
        self.at += not self._begun
        return raw

    def move(self, at: int, number: int) -> None:
        """Go to the beginning of `joined[at]`, whose first physical line has that number."""
        self._pending.clear()
        self._begun = False
        self.at = at
        self.number = number

    def rest(self) -> list[str]:
        """All physical lines that are left, with their breaks as they stand in the file."""
        raws = list(self._pending)
        begun = self.at + bool(raws)
        self._pending.clear()
        self.at = len(self._joined)
        self._begun = False
        joined = self._joined[begun:]
        return raws + ([line.replace(BREAK_MARK, BREAK) for line in joined] if self._marked else joined)

    def logical(self) -> Logical | None:
        """The next logical line; None at the end."""
        first = self.peek()
        if first is None:
            return None
        number = self.number
        raws = [self.next()]
        kind, word = kind_of(first)
        if kind is Kind.BLANK or kind is Kind.COMMENT:
            return Logical(number, raws, kind, "")
        known = kind is Kind.KEYWORD
        quotes = first.count('"')
        while (following := self.peek()) is not None and continues(
            following, after_backslash=ends_in_backslash(raws[-1]), within_quotes=quotes % 2 == 1, after_keyword=known
        ):
            raws.append(self.next())
            quotes += following.count('"')
        return Logical(number, raws, kind, word if known else "")


def words_of(text: str) -> Iterator[Word]:
    """The words of a logical line's text; a word with an unclosed quote holds all the rest of the line and is the last."""
    at, end = 0, len(text)
    # Braces that do not match are looked for once only, so that the time stays in proportion to the line.
    braces = True
    while at < end:
        if text[at] in BLANKS:
            at += 1
            continue
        stop = 0
        if braces and _AUTH.match(text, at):
            stop = _end_of_braces(text, at)
            braces = stop > 0
        if not stop:
            match = _WORD.match(text, at)
            stop = match.end() if match is not None else at
            if stop < end and text[stop] == '"':
                stop = end
        yield Word(text[at:stop], at)
        at = stop


def _end_of_braces(text: str, start: int) -> int:
    """The end of a word whose value stands in braces, which may hold blanks and quotes; 0 where they do not match."""
    depth = 0
    for at in range(text.index("{", start), len(text)):
        if text[at] == "{":
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                whole = (at + 1 == len(text) or text[at + 1] in BLANKS) and text.count('"', start, at) % 2 == 0
                return at + 1 if whole else 0
    return 0
