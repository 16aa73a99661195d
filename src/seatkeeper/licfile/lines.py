"""A logical line becomes a value of the model, or else every one of its mistakes is named with its place.

This is the careful way through a file: it takes any line and finds all that is wrong with it, not only the first thing.
`fastpath` takes the lines of the common form, and only where this module would return the same value without remark.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from seatkeeper.base.dates import parse_date
from seatkeeper.base.values import parse_version
from seatkeeper.licfile import grammar
from seatkeeper.licfile.fields import SHAPES, Field, Fields
from seatkeeper.licfile.model import Blank, Comment, Feature, Package, Problem, Server, Unknown, Upgrade, UseServer, Vendor
from seatkeeper.licfile.report import shortened
from seatkeeper.licfile.scanner import Kind, Word, words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.licfile.model import Line
    from seatkeeper.licfile.report import Report
    from seatkeeper.licfile.scanner import Logical

__all__ = ["read_line"]

_BLANK: Final = Blank()
_PORT: Final = re.compile(r"(?:TCP:)?([0-9]{1,5})", re.IGNORECASE | re.ASCII)
_NAME: Final = Field("name", grammar.check_feature_name, named=True)
_VENDOR: Final = Field("vendor", grammar.check_vendor_name, named=True)
_EXPIRY: Final = Field("expiry date", parse_date, -11)
_COUNT: Final = Field("number of seats", grammar.check_count)
_VENDOR_PORT: Final = grammar.number_of(0, grammar.PORT_MAX, "a port number")
_VENDOR_FIELDS: Final = ("path", "options", "port")
_VENDOR_FIELD: Final = re.compile(r"([A-Za-z_]+)=(.*)", re.DOTALL)


def read_line(logical: Logical, report: Report, *, suspect: bool) -> Line:
    """The value of a logical line; `Unknown` where the report has gained an error.

    Args:
        logical: The line.
        report: Gains what is wrong with the line.
        suspect: Whether the file holds characters that may be forbidden outside comments.
    """
    if logical.kind is Kind.BLANK:
        return _BLANK
    if logical.kind is Kind.COMMENT:
        _check_comment(logical, report)
        return Comment(logical.raws[0])
    if _is_clean(logical, report, suspect=suspect):
        if logical.kind is Kind.KEYWORD:
            before, since = report.errors, len(report.problems)
            line = _Line(logical, report).value()
            _check_end(logical, report)
            if report.errors == before:
                return line
            if (place := logical.open_quote()) is not None:
                # Everything up to the next quote, on whatever line, has been taken for its value.
                message = "This double quote is not closed on its line: close it, or end the line with a backslash if the value goes on."
                report.blame(since, place, message, logical.raws[place[0] - logical.number][place[1] - 1 :])
        else:
            _explain_unknown(logical, report)
    return Unknown(logical.raw)


def _check_end(logical: Logical, report: Report) -> None:
    dangling = logical.dangling()
    if dangling is not None:
        message = "The backslash says that the line goes on, but nothing follows: delete it, or quote the value that it ends."
        report.add(Problem(*dangling, message, "\\", severity="warning"))


def _check_comment(logical: Logical, report: Report) -> None:
    at = logical.raws[0].find("\r")
    if at >= 0:
        # A file with the line ends of an old Macintosh would be one long comment, and nobody would notice.
        message = "A carriage return within a comment: what follows it is comment too. Save the file with line ends of UNIX or Windows."
        report.add(Problem(logical.number, at + 1, message, "U+000D", severity="warning"))


def _is_clean(logical: Logical, report: Report, *, suspect: bool) -> bool:
    """False where the line is too long or holds a forbidden character, one of which is reported for each physical line."""
    raw_chars = sum(map(len, logical.raws)) + len(logical.raws) - 1
    if raw_chars > grammar.LINE_BYTES_MAX or (
        suspect and raw_chars * 4 > grammar.LINE_BYTES_MAX and len(logical.raw.encode("utf-8", "surrogatepass")) > grammar.LINE_BYTES_MAX
    ):
        message = f"The line, with the lines that continue it, has more than {grammar.LINE_BYTES_MAX:,} bytes; divide it."
        report.add(Problem(logical.number, 1, message))
        return False
    clean = True
    for index, raw in enumerate(logical.raws) if suspect else ():
        at = grammar.forbidden_at(raw)
        if at >= 0:
            clean = False
            message = "This character may stand only in a comment; replace it with a blank or delete it."
            report.add(Problem(logical.number + index, at + 1, message, _name_of(raw[at]), "printable characters, blanks and tabs"))
    return clean


def _name_of(char: str) -> str:
    from unicodedata import name  # only errors need it

    return f"U+{ord(char):04X} {name(char, '')}".rstrip()


def _explain_unknown(logical: Logical, report: Report) -> None:
    """Reports a line that begins with no keyword, with what it may have been meant for."""
    word = next(words_of(logical.text), Word("\\", 0)).text
    known = tuple(sorted(grammar.KEYWORDS))
    expected = "one of " + ", ".join(known)
    meant = grammar.misspelt_keyword(word)
    number = -2
    if grammar.is_decimal_line(logical.text):
        # "The encoding itself is proprietary: we can detect it and say so" (facts 1.8).
        message = "A license in decimal format, whose encoding is its vendor's own; ask the vendor for the readable format."
        expected, number = "", -90
    elif grammar.attribute_of(word.partition("=")[0].partition("(")[0]) is not None:
        message = "This line continues nothing; no comment or blank line may stand within the lines of one license."
        expected = ""
    elif hint := f"; did you mean {meant}?" if meant else report.suggestion(word, known):
        message = f"No line begins with this word{hint}"
        number = -90
    else:
        message = "This is no line of a license file; delete it, or put # before it to keep it as a comment."
    report.add(Problem(*logical.place(0), message, shortened(word), expected, number=number))


def _check_hostid(text: str) -> None:
    """Raises ValueError for what is surely no host id; what kinds there are is for lint to know."""
    if '"' in text or not text.isascii() or grammar.attribute_of(text) is not None:
        raise ValueError("a host id as lmhostid prints it, without quotes")


class _Line(Fields):
    """A line that begins with a keyword, on its way from words to a value."""

    def value(self) -> Line:
        """The line's value, which is worth nothing where the report has gained an error meanwhile."""
        readers: dict[str, Callable[[], Line]] = {
            "SERVER": self._server,
            "DAEMON": self._vendor,
            "VENDOR": self._vendor,
            "USE_SERVER": self._use_server,
            "UPGRADE": self._upgrade,
            "PACKAGE": self._package,
        }
        return readers.get(self.keyword, self._feature)()

    def _server(self) -> Server:
        # The guide's table of host ids writes `DISK_SERIAL_NUM= 1CA25283`.
        self.join_after_equals(2)
        host, hostid = self.fields(Field("host name", grammar.check_host, named=True), Field("host id", _check_hostid, named=True))
        port = 0
        word = self.shaped()
        if word is not None:
            self.take()
            # "Very old spelling `TCP:1700`" (facts 1.2).
            match = _PORT.fullmatch(word.text)
            port = int(match[1]) if match is not None else 0
            if not 0 < port <= grammar.PORT_MAX:
                hint = self.hint(word.text, grammar.attributes_of("SERVER"))
                expected = f"a port number from 1 to {grammar.PORT_MAX}"
                self.problem(word.offset, f"The port cannot be read{hint or '.'}", word.text, expected)
        return Server(host, hostid, port, self.attributes())

    def _vendor(self) -> Vendor:
        (name,) = self.fields(Field("name of the vendor daemon", grammar.check_vendor_name, named=True))
        found: dict[str, str] = {}
        # "Positional: path, options, port" (facts 1.3); "port= as the last argument" (guide, Firewall Support).
        positional = list(_VENDOR_FIELDS)
        while (word := self.take()) is not None:
            match = _VENDOR_FIELD.fullmatch(word.text)
            if match is not None:
                what, value, positional = match[1].lower(), match[2], []
            else:
                what, value = (positional.pop(0) if positional else ""), word.text
            if what not in _VENDOR_FIELDS:
                self._explain_vendor_field(word, what)
            elif what in found:
                self.problem(word.offset, f"The {what} stands twice on the line; delete one.", word.text)
            elif not value:
                self.problem(word.offset, f"{what}= needs its value right after the equals sign, without a blank.", word.text)
                self.take()
            elif value == '""':
                self.problem(word.offset, f"The {what} is empty; leave it out.", word.text)
            else:
                found[what] = self.unquoted(word, value, what)
                if what == "port":
                    self._check_port(word, found[what])
        keyword: Literal["DAEMON", "VENDOR"] = "DAEMON" if self.keyword == "DAEMON" else "VENDOR"
        port = found.get("port", "")
        return Vendor(name, found.get("path", ""), found.get("options", ""), int(port) if port.isascii() and port.isdigit() else 0, keyword)

    def _check_port(self, word: Word, text: str) -> None:
        try:
            _VENDOR_PORT(text)
        except ValueError as error:
            self.problem(word.offset, "The vendor daemon's port cannot be read.", text, str(error))

    def _explain_vendor_field(self, word: Word, what: str) -> None:
        if what:
            hint = self.hint(what, _VENDOR_FIELDS)
            self.problem(word.offset, f"Unknown field{hint or '.'}", word.text, SHAPES[self.keyword], -90)
        else:
            message = "A word too many: a path with blanks needs double quotes, and paths stand before options= and port=."
            self.problem(word.offset, message, word.text, SHAPES[self.keyword])

    def _use_server(self) -> UseServer:
        word = self.peek()
        if word is not None:
            self.problem(word.offset, "USE_SERVER stands alone on its line; delete the rest.", word.text)
        return UseServer()

    def _feature(self) -> Feature:
        name, vendor, version, expiry, count = self.fields(_NAME, _VENDOR, Field("version", parse_version, -77), _EXPIRY, _COUNT)
        self._check_name(name)
        key = self.key()
        keyword: Literal["FEATURE", "INCREMENT"] = "INCREMENT" if self.keyword == "INCREMENT" else "FEATURE"
        return Feature(name, vendor, version, expiry, count, key, self.attributes(), keyword)

    def _upgrade(self) -> Upgrade:
        versions = (Field("version to upgrade from", parse_version, -77), Field("version to upgrade to", parse_version, -77))
        name, vendor, from_version, to_version, expiry, count = self.fields(_NAME, _VENDOR, *versions, _EXPIRY, _COUNT)
        self._check_name(name)
        key = self.key()
        return Upgrade(name, vendor, from_version, to_version, expiry, count, key, self.attributes())

    def _package(self) -> Package:
        name, vendor = self.fields(_NAME, _VENDOR)
        self._check_name(name)
        word = self.shaped()
        # A version has at most 10 characters and a key at least 12, so their length tells them apart.
        version = (
            self.fields(Field("version", parse_version, -77))[0] if word is not None and len(word.text) < grammar.KEY_CHARS_MIN else ""
        )
        key = self.key()
        attributes = self.attributes()
        package = Package(name, vendor, version, key, attributes)
        components = package.attribute("COMPONENTS")
        if components is None:
            if self.is_closed:
                self.problem(self.end, "The PACKAGE line names no components.", "", 'COMPONENTS="name name ..."', -82)
        elif package.attribute("OPTIONS") and any(part.count(":") > 1 for part in components.replace("\t", " ").split(" ")):
            # "`count` illegal with SUITE" (facts 1.7).
            self.problem(0, "A component of a suite has no count of its own; write name or name:version.", components, number=-82)
        return package

    def _check_name(self, name: str) -> None:
        if name and not grammar.is_plain_name(name) and not _NAME.refusal(name):
            # "Avoid `:` (used by options-file feature specs)" (facts 1.1); a `.` or `+` stops some readers of lmstat.
            message = "Some tools stumble over this name: they expect letters, digits, _ and - only."
            self.problem(len(self.keyword) + 1, message, name, severity="warning")
