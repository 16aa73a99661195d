"""License lines come out of a mail as they were signed, or not at all: what mail programs did to them is undone where that can be proven.

Theory of operation. A signature shows whether a line is what the vendor wrote. So a mail is read in several ways, from no repair to the
most, and the first way in which every license verifies is the right one; where none is, nothing is imported, and the best way says what
is wrong. The repairs are: marks of quoting taken away, quoted-printable decoded, typographic quotes made straight, broken lines joined.

What no signature covers (host name and port, the daemon's paths, vendor_info and its like, and whether a line was in force at all) is
read in the same way as the lines that do prove it, and refused where that leaves a doubt:

- No-break blanks, soft hyphens and all that cannot be seen may not stand in a license (grammar.forbidden_at), so to change them changes
  nothing that was good.
- A typographic apostrophe in an unsigned value may be the vendor's own: refused once typographic quotes had to be made straight.
- A license that stands below a comment so long that a mailer may have broken it there may be the rest of a line that somebody had
  commented out: refused.
- What stands below a SERVER or DAEMON line, and might be the rest of it: refused.

Comments are left out, and so is all text around the licenses. The rest of a broken comment that begins with SERVER or FEATURE is text, too,
if what follows could be neither: without a SERVER line that was damaged so the licenses would not verify.
"""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser
from itertools import product
from textwrap import dedent
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.licfile.canonical import is_signed
from seatkeeper.licfile.grammar import FILE_BYTES_MAX, LINE_BYTES_MAX, LINES_MAX, attribute_of
from seatkeeper.licfile.hostid import parse_hostid
from seatkeeper.licfile.model import Feature, LicenseFile, Line, Package, Parsed, Problem, Upgrade
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.scanner import BLANKS, Kind, ends_in_backslash, kind_of
from seatkeeper.licfile.writer import write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["MAIL_BYTES_MAX", "Imported", "html_text", "import_text"]

#: What is read of a mail or of one of its parts.
MAIL_BYTES_MAX: Final = FILE_BYTES_MAX
#: All of a signature: 72 bytes.
_SIGN_DIGITS: Final = 144
#: How much shorter than the longest line a line may be that was broken: marks of quoting were added before or after.
_SLACK_COLUMNS: Final = 10

_HEADS: Final = ("SERVER", "DAEMON", "VENDOR", "USE_SERVER")
_MARKS: Final = re.compile(r"^(?:[ \t\u00a0]*>)+")
_SOFT_BREAK: Final = re.compile(r"=[ \t]*\n([ \t]*)")
_LINE_END: Final = re.compile(r"\r[ \t]*\n")
_ESCAPES: Final = re.compile(r"(?:=[0-9A-Fa-f]{2})+")
_DOUBLE: Final = re.compile("[\u201c\u201d\u201e\u201f\u2033]")
_SINGLE: Final = re.compile("[\u2018\u2019\u201a\u201b\u2032]")
_SIGN: Final = re.compile(r'\bSIGN=("?)([0-9A-Fa-f \t]+)', re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r'([A-Za-z0-9_]+)(=\S.*)?|"[^"]*"')
#: In which order marks of quoting (>) and quoted-printable (=) are undone.
_UNDOING: Final = ("", ">", "=", ">=", "=>", "==", ">=>", "=>=", ">=>=")


class Imported(msgspec.Struct, frozen=True):
    """What came out of a text.

    Attributes:
        file: The SERVER, DAEMON and license lines, as they were issued.
        text: The license file that they make; empty where anything is wrong.
        repairs: What had to be undone, a phrase each.
        problems: Why nothing is imported; `line` is that of the text.
        places: Line numbers in the text of the lines of `file`.
    """

    file: LicenseFile = LicenseFile()
    text: str = ""
    repairs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    places: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many licenses it has."""
        return sum(1 for _ in self.file.signable())


class _Block(msgspec.Struct):
    """One line of a license file as the mail has it: physical lines, and the text that they make."""

    number: int
    keyword: str
    text: str
    last: str
    joined: int = 0

    @property
    def is_open(self) -> bool:
        """True within quotes."""
        return self.text.count('"') % 2 == 1

    @property
    def is_complete(self) -> bool:
        """True where nothing is missing that a license must have."""
        if self.keyword in _HEADS:
            return len(self.text.split()) >= {"SERVER": 3, "USE_SERVER": 1}.get(self.keyword, 2)
        match = _SIGN.search(self.text)
        return match is not None and len("".join(match[2].split())) >= _SIGN_DIGITS

    def take(self, raw: str, *, tight: bool) -> None:
        """Go on with one more physical line."""
        body = raw.strip(BLANKS)
        broken = ends_in_backslash(self.last)
        before = self.text.rstrip(BLANKS).removesuffix("\\").rstrip(BLANKS) if broken else self.text
        # A line that was cut right behind or right before a blank has the blank at its end, or the next at its beginning.
        cut = tight and not broken and raw[:1] not in BLANKS and self.last[-1:] not in BLANKS
        self.text = before + ("" if cut else " ") + body
        self.last = raw
        self.joined += not broken


def import_text(text: str, judge: Callable[[Parsed], Mapping[int, str]]) -> Imported:
    """The licenses in a text, as they were issued; or why there are none.

    Args:
        text: A mail's text, or a file that went through mail programs.
        judge: Of lines that were read, the index and a sentence for each that is not genuine.
    """
    if len(text) > MAIL_BYTES_MAX or text.count("\n") > LINES_MAX:
        return Imported(problems=(Problem(0, 0, f"The text is longer than {MAIL_BYTES_MAX >> 20} MiB or has too many lines."),))
    text = _LINE_END.sub("\n", text).replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    best = None
    seen: set[tuple[str, bool]] = set()
    for straight, tight, undoing in product((False, True), (False, True), _UNDOING):
        undone = _undone(text, undoing, straight=straight)
        if undone is None:
            continue
        cleaned, repairs = undone
        if (cleaned, tight) in seen:
            continue
        seen.add((cleaned, tight))
        found = _read(cleaned, judge, repairs, tight=tight, straight=straight)
        if not found.problems:
            return found
        if best is None or (_worth(found) > _worth(best)):
            best = found
    assert best is not None
    return best


def _worth(found: Imported) -> tuple[int, int]:
    return found.count > 0, -len(found.problems)


def _undone(text: str, undoing: str, *, straight: bool) -> tuple[str, list[str]] | None:
    """The text after these repairs, and what they were; None where they are no way to read it."""
    repairs: list[str] = []
    for step in undoing:
        if step == ">":
            text, count = _unmarked(text)
            repairs += [f"marks of quoting before {_counted(count, 'line')}"] if count else []
            continue
        text = dedent(text)
        breaks = [match[1] for match in _SOFT_BREAK.finditer(text)]
        if breaks and all(breaks):
            return None  # Nobody knows whether these blanks are the text's or were put before its lines.
        decoded = _ESCAPES.sub(_unescaped, _SOFT_BREAK.sub(r"\1", text))
        decoded = _LINE_END.sub("\n", decoded)
        repairs += ["quoted-printable"] if decoded != text else []
        text = decoded
    hidden = sum(unicodedata.category(char) == "Cf" for char in text) if not text.isascii() else 0
    blanks = sum(unicodedata.category(char) == "Zs" and char != " " for char in text) if not text.isascii() else 0
    if hidden or blanks:
        text = "".join("" if (kind := unicodedata.category(char)) == "Cf" else " " if kind == "Zs" else char for char in text)
        repairs += [f"{_counted(hidden, 'invisible character')}"] if hidden else []
        repairs += [f"{_counted(blanks, 'no-break blank')}"] if blanks else []
    if straight:
        count = len(_DOUBLE.findall(text))
        text = _DOUBLE.sub('"', text)
        repairs += [f"{_counted(count, 'typographic quote')}"] if count else []
    return text, repairs


def _unmarked(text: str) -> tuple[str, int]:
    """The text without marks of quoting, and before how many lines they stood."""
    lines = text.split("\n")
    without = [_MARKS.sub("", line) for line in lines]
    marked = [at for at, (line, rest) in enumerate(zip(lines, without, strict=True)) if line != rest]
    # Some programs put a blank behind the mark, some do not; one that stands behind each mark is none of the text's.
    if all(not without[at] or without[at][0] in BLANKS for at in marked):
        for at in marked:
            without[at] = without[at][1:]
    return "\n".join(without), len(marked)


def _unescaped(match: re.Match[str]) -> str:
    data = bytes.fromhex(match[0].replace("=", ""))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


# Lines -----------------------------------------------------------------------------------------------------------------


def _read(text: str, judge: Callable[[Parsed], Mapping[int, str]], repairs: list[str], *, tight: bool, straight: bool) -> Imported:
    """What the text holds, read in one way."""
    blocks, doubts = _blocks(text.split("\n"), tight=tight)
    singles = straight and any(_SINGLE.search(block.text) for block in blocks)
    written = "\n".join(_SINGLE.sub("'", block.text) if straight else block.text for block in blocks)
    parsed = parse(written)
    problems = [
        msgspec.structs.replace(problem, line=blocks[problem.line - 1].number, column=0)
        for problem in parsed.problems
        if problem.severity == "error" and problem.line
    ]
    lines, places = [], []
    seen = set()
    regrouped = doubled = 0
    for place, line in zip(parsed.places, parsed.file.lines, strict=True):
        mended = _regrouped(line)
        regrouped += mended is not line
        if mended in seen:
            doubled += 1
            continue
        seen.add(mended)
        lines.append(mended)
        places.append(blocks[place - 1].number)
        if singles and any("'" in (value or "") and not is_signed(name) for name, value in getattr(mended, "attributes", ())):
            message = "An apostrophe in a value that no signature covers may be the vendor's or the mail program's."
            problems.append(Problem(places[-1], 0, message, expected="the file as an attachment, or that value deleted"))
    file = LicenseFile(tuple(lines))
    judged = judge(Parsed(file, tuple(places), ())) if lines else {}
    problems += [Problem(places[index], 0, sentence, number=-8) for index, sentence in judged.items()]
    problems += doubts
    if not any(True for _ in file.signable()) and not problems:
        problems.append(Problem(0, 0, "There is no license line in this text.", expected="lines that begin with FEATURE or INCREMENT"))
    joined = sum(block.joined for block in blocks)
    told = [*repairs]
    told += [_counted(joined, "broken line")] if joined else []
    told += [f"the digits of {_counted(regrouped, 'signature')}"] if regrouped else []
    told += [f"{_counted(doubled, 'line')} that came twice"] if doubled else []
    ordered = tuple(sorted(problems, key=lambda problem: problem.line))
    return Imported(file, "" if ordered else write(file), tuple(told), ordered, tuple(places))


def _blocks(raws: Sequence[str], *, tight: bool) -> tuple[list[_Block], list[Problem]]:
    """The lines that begin with a keyword, with all that belongs to them; and what leaves a doubt about them."""
    blocks: list[_Block] = []
    doubts: list[Problem] = []
    widest = max((len(raw) for raw in raws if " " in raw.strip()), default=0)
    current: _Block | None = None
    #: The physical line before, where it is a comment or text right below one.
    comment = ""
    for number, raw in enumerate(raws, 1):
        kind, word = kind_of(raw)
        if current is not None and _belongs(current, raw, kind):
            if kind is not Kind.BLANK:
                current.take(raw, tight=tight)
            continue
        if kind is Kind.KEYWORD and _begins(raw, word) and not (comment and _is_prose(raw, word, blocks)):
            if comment and word not in _HEADS and len(comment) + 1 + len(word) > widest - _SLACK_COLUMNS:
                message = "This license may be the rest of the comment above it, which a mail program may have broken here."
                doubts.append(Problem(number, 0, message, expected="no comment right above it: delete the comment if the license is meant"))
            current = _Block(number, word, raw.strip(BLANKS), raw)
            blocks.append(current)
            comment = ""
            continue
        if current is not None and current.keyword in _HEADS and kind is Kind.OTHER:
            message = f"This text may be the rest of the {current.keyword} line above it."
            doubts.append(Problem(number, 0, message, raw.strip()[:40], "a blank line between them, if it is not"))
        current = None
        comment = raw if kind is Kind.COMMENT or (comment and kind is not Kind.BLANK) else ""
    return blocks, doubts


def _begins(raw: str, word: str) -> bool:
    """True for a line that is meant as one of a license file; sentences begin with these words, too."""
    written = raw.strip(BLANKS).split(maxsplit=1)[0].rstrip("\\")
    return written == word or (written.islower() and "sign=" in raw.lower())


def _is_prose(raw: str, word: str, before: Sequence[_Block]) -> bool:
    """True for the rest of a comment that speaks of SERVER or FEATURE lines: what follows is no host id, or no vendor and no version."""
    words = raw.split()
    if word in ("FEATURE", "INCREMENT"):
        vendors = {block.text.split()[1].lower() for block in before if block.keyword in ("DAEMON", "VENDOR") and block.is_complete}
        return len(words) > 3 and bool(vendors) and words[2].lower() not in vendors and not words[3][0].isdigit()
    if word != "SERVER" or len(words) < 3:
        return False
    try:
        parse_hostid(words[2])
    except ValueError:
        return True
    return False


def _belongs(block: _Block, raw: str, kind: Kind) -> bool:
    """True where the physical line goes on with the block."""
    if len(block.text) > LINE_BYTES_MAX:
        return False  # No license is as long, whatever quotes are open.
    if block.is_open:
        return True
    if kind is Kind.BLANK:
        return block.keyword not in _HEADS and not block.is_complete
    if kind is not Kind.OTHER:
        return False
    if ends_in_backslash(block.last) or not block.is_complete:
        return True
    words = raw.split()
    if block.keyword in _HEADS and all(word.isdigit() or word[0] in '/\\"' or "=" in word for word in words):
        return True
    return all((match := _ATTRIBUTE.fullmatch(word)) is not None and match[1] and attribute_of(match[1]) is not None for word in words[:1])


def _regrouped(line: Line) -> Line:
    """The line with its signature in groups of four digits, where a break had put blanks elsewhere."""
    if not isinstance(line, Feature | Upgrade | Package):
        return line
    attributes = []
    for name, value in line.attributes:
        digits = "".join(value.split()) if value and name.upper() == "SIGN" else ""
        if value and len(digits) == _SIGN_DIGITS and " " in value:
            value = " ".join(digits[at : at + 4] for at in range(0, _SIGN_DIGITS, 4))
        attributes.append((name, value))
    changed = tuple(attributes)
    return line if changed == line.attributes else msgspec.structs.replace(line, attributes=changed)


# HTML ------------------------------------------------------------------------------------------------------------------

_BREAKS: Final = frozenset({"br", "p", "div", "tr", "li", "pre", "blockquote", "table", "h1", "h2", "h3", "ul", "ol", "hr"})
_UNSEEN: Final = frozenset({"style", "script", "head", "title"})


class _Text(HTMLParser):
    """Collects what a reader of the page sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.unseen = 0
        self.pre = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.unseen += tag in _UNSEEN
        self.pre += tag == "pre"
        if tag in _BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.unseen = max(self.unseen - (tag in _UNSEEN), 0)
        self.pre = max(self.pre - (tag == "pre"), 0)
        if tag in _BREAKS and tag != "br":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.parts.append(data if self.pre else re.sub(r"[ \t\r\n]+", " ", data))


def html_text(page: str) -> str:
    """The text that a reader of the page sees, with a line end where it begins a new line."""
    reader = _Text()
    reader.feed(page[:MAIL_BYTES_MAX])
    reader.close()
    return "".join(reader.parts)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
