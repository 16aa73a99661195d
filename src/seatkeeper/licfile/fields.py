"""The fields of one logical line, positional ones and attributes, are read in order, and each mistake is reported at its place."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from seatkeeper.licfile import grammar
from seatkeeper.licfile.model import Problem
from seatkeeper.licfile.report import shortened
from seatkeeper.licfile.scanner import Word, words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.licfile.model import Attributes
    from seatkeeper.licfile.report import Report
    from seatkeeper.licfile.scanner import Logical

__all__ = ["SHAPES", "Field", "Fields"]

#: What a line of each keyword looks like, for messages.
SHAPES: Final = {
    "SERVER": "SERVER host hostid [port] [PRIMARY_IS_MASTER] [HEARTBEAT_INTERVAL=seconds]",
    "DAEMON": "DAEMON name [path] [options=path] [port=number]",
    "VENDOR": "VENDOR name [path] [options=path] [port=number]",
    "FEATURE": "FEATURE name vendor version expiry count [key] [NAME=value ...]",
    "INCREMENT": "INCREMENT name vendor version expiry count [key] [NAME=value ...]",
    "UPGRADE": "UPGRADE name vendor from_version to_version expiry count [key] [NAME=value ...]",
    "PACKAGE": 'PACKAGE name vendor [version] [key] COMPONENTS="..." [NAME=value ...]',
}


class Field(NamedTuple):
    """A positional field.

    Attributes:
        what: What a sentence calls it.
        check: Raises ValueError with what is expected.
        number: The license error's number of a bad one.
        named: It may be any word, also one that is an attribute's name.
    """

    what: str
    check: Callable[[str], object]
    number: int = -2
    named: bool = False

    def refusal(self, text: str) -> str:
        """What is expected in place of `text`; empty where it will do."""
        try:
            self.check(text)
        except ValueError as error:
            return str(error)
        return ""


class Fields:
    """The words of a line that begins with a keyword, from left to right; `report` gains all that is wrong with them.

    Attributes:
        keyword: The line's keyword in upper case.
        is_closed: False where a double quote was left open, so that the end of the line is not known.
    """

    def __init__(self, logical: Logical, report: Report) -> None:
        self._logical = logical
        self._report = report
        self._missing: list[str] = []
        self._at = 1
        self.keyword = logical.keyword
        self.is_closed = True
        self._words = list(words_of(logical.text))
        self._drop_unclosed()

    def problem(
        self,
        offset: int,
        message: str,
        found: str = "",
        expected: str = "",
        number: int = -2,
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """Reports what is wrong at an offset of the line's text."""
        self._report.add(Problem(*self._logical.place(offset), message, shortened(found), expected, severity, number))

    @property
    def end(self) -> int:
        """The offset behind the line's last character."""
        return len(self._logical.text)

    def hint(self, word: str, known: tuple[str, ...]) -> str:
        """`; did you mean X?` where a known word is much like `word`, else empty."""
        return self._report.suggestion(word, known)

    def _drop_unclosed(self) -> None:
        """Takes off a last word whose quote is not closed, and reports it."""
        last = self._words[-1]
        if last.text.count('"') % 2:
            at = last.text.rindex('"')
            message = "This double quote is not closed before the line ends."
            self.problem(last.offset + at, message, last.text[at:], 'a closing " (a value may hold anything but a double quote)')
            self._words.pop()
            self.is_closed = False

    def peek(self) -> Word | None:
        """The next word; None at the end."""
        return self._words[self._at] if self._at < len(self._words) else None

    def take(self) -> Word | None:
        """The next word, which is then behind; None at the end."""
        word = self.peek()
        self._at += word is not None
        return word

    def fields(self, *wanted: Field) -> list[str]:
        """The next words as positional fields, in that order; empty where one is not there, which is reported."""
        found = []
        for field, following in zip_longest(wanted, wanted[1:]):
            assert field is not None
            word = self.peek()
            if word is None or self._missing or self._begins_attributes(word, named=field.named):
                self._missing.append(field.what)
                found.append("")
                continue
            expected = field.refusal(word.text)
            if expected and following is not None and not following.named and not following.refusal(word.text):
                # The word is good for the field behind this one, so this one was left out.
                self.problem(word.offset, f"The {self.keyword} line has no {field.what} here.", word.text, SHAPES[self.keyword])
                found.append("")
                continue
            self._at += 1
            if expected:
                self.problem(word.offset, f"The {field.what} cannot be read.", word.text, expected, field.number)
            found.append(word.text)
        self._report_missing()
        return found

    @staticmethod
    def _begins_attributes(word: Word, *, named: bool) -> bool:
        """True where the positional fields must be over; a name may be any word, that of an attribute too."""
        name, equals, _ = word.text.partition("=")
        known = grammar.attribute_of(name) is not None
        return (known and bool(equals)) if named else (known or bool(equals))

    def _report_missing(self) -> None:
        if self._missing:
            word = self.peek()
            offset = word.offset if word is not None else self.end
            message = f"The {self.keyword} line has no {' and no '.join(self._missing)} here."
            self.problem(offset, message, word.text if word is not None else "", SHAPES[self.keyword])

    def join_after_equals(self, index: int) -> None:
        """Makes one word of that word and the next, where it ends in an equals sign."""
        if len(self._words) > index + 1 and self._words[index].text.endswith("="):
            word, rest = self._words[index : index + 2]
            self._words[index : index + 2] = [Word(word.text + rest.text, word.offset)]

    def shaped(self) -> Word | None:
        """The next word where it may still be positional: no attribute, no `=`, no quotes."""
        word = self.peek()
        if word is None or "=" in word.text or '"' in word.text or grammar.attribute_of(word.text) is not None:
            return None
        return word

    def key(self) -> str:
        """The license key where the next word has its shape, else empty (facts 1.5: "decide by shape")."""
        word = self.shaped()
        if word is None:
            return ""
        try:
            grammar.check_key(word.text)
        except ValueError as error:
            hint = self.hint(word.text, grammar.attributes_of(self.keyword))
            message = f"A word stands where the key or the first attribute should{hint or '.'}"
            self.problem(word.offset, message, word.text, f"{error}, or NAME=value", -90 if hint else -2)
            # What follows is most often the rest of a value without quotes, or the key after a field too many.
            self._at += 1
            while self.shaped() is not None:
                self._at += 1
            return ""
        self._at += 1
        return word.text

    def attributes(self) -> Attributes:
        """All words from here on as attributes of the line."""
        found: list[tuple[str, str | None]] = []
        seen: dict[str, Word] = {}
        # The attribute before, where its value has no quotes: what stands behind it without = is the rest of that value.
        bare = ""
        while (word := self.peek()) is not None:
            self._at += 1
            name, equals, value = self._split(word)
            attribute = grammar.attribute_of(name)
            if attribute is None or self.keyword not in attribute.lines:
                bare = self._explain_attribute(word, name, attribute, bare)
                continue
            if attribute.name in seen:
                first = self._logical.place(seen[attribute.name].offset)
                message = f"{attribute.name} stands twice on the line, first at line {first[0]}, column {first[1]}; delete one."
                self.problem(word.offset, message, word.text)
            seen[attribute.name] = word
            text = self._value(word, attribute, value) if value else None
            if text is not None:
                self._check_value(word, attribute, text)
            elif equals or attribute.value == "required":
                self._explain_no_value(word, attribute)
            bare = attribute.name if text is not None and '"' not in value else ""
            found.append((name, text))
        return tuple(found)

    def _split(self, word: Word) -> tuple[str, str, str]:
        """Name, `=` or empty, and value of a word; `SIGN("…")` is `SIGN="…"` (guide, Using Wildcards in an IPv6 Address)."""
        text = word.text
        name, equals, value = text.partition("=")
        head, bracket, rest = text.partition("(")
        if bracket and '"' not in head and "=" not in head and rest.startswith('"') and rest.endswith('")'):
            attribute = grammar.attribute_of(head)
            if attribute is not None and attribute.is_signature:
                return head, "=", rest[:-1]
        return name, equals, value

    def _value(self, word: Word, attribute: grammar.Attribute, value: str) -> str:
        if attribute.name == "HOSTID" and '"' not in value:
            # A list may go on behind its comma (guide, Using Wildcards in an IPv6 Address), there within quotes.
            while value.endswith(",") and (following := self.peek()) is not None and '"' not in following.text:
                self._at += 1
                value += following.text
        if attribute.name == "AUTH":
            return value
        return self.unquoted(word, value, attribute.name)

    def unquoted(self, word: Word, value: str, what: str) -> str:
        """The value without its quotes, which must hold all of it."""
        if '"' not in value:
            return value
        start = word.offset + word.text.index(value)
        close = value.find('"', 1)
        if value[0] != '"':
            self.problem(start + value.index('"'), f"The double quotes must hold all of the value of {what}.", word.text, f'{what}="..."')
        elif close != len(value) - 1:
            message = "A blank is missing after this closing double quote, or a double quote is missing before it."
            self.problem(start + close, message, value[close:])
        return value[1:-1]

    def _check_value(self, word: Word, attribute: grammar.Attribute, text: str) -> None:
        if attribute.value == "none":
            self.problem(word.offset, f"{attribute.name} takes no value.", word.text, attribute.name)
        elif attribute.check is not None:
            try:
                attribute.check(text)
            except ValueError as error:
                offset = word.offset + len(word.text.partition("=")[0]) + 1
                self.problem(offset, f"The value of {attribute.name} cannot be read.", text, str(error), attribute.number)

    def _explain_no_value(self, word: Word, attribute: grammar.Attribute) -> None:
        following = self.peek()
        message, expected = f"{attribute.name} needs a value.", f"{attribute.name}=value"
        if attribute.value == "none":
            message, expected = f"{attribute.name} takes no value and no equals sign.", attribute.name
        elif following is not None and (word.text.endswith("=") or following.text.startswith("=")):
            message = f"{attribute.name} needs its value right after the equals sign, without a blank."
            # What was meant as its value is no mistake of its own.
            self._at += 1
            if following.text == "=" and self.peek() is not None:
                self._at += 1
        self.problem(word.offset, message, word.text, expected)

    def _explain_attribute(self, word: Word, name: str, attribute: grammar.Attribute | None, bare: str) -> str:
        """Reports a word that is no attribute of this line; returns what `bare` is after it."""
        if attribute is not None:
            takers = " or ".join(sorted(attribute.lines))
            self.problem(word.offset, f"{attribute.name} belongs on a {takers} line, not on this one; delete it.", word.text)
            return ""
        if bare and "=" not in word.text:
            message = f"A word behind the value of {bare}: put all of the value in double quotes."
            self.problem(word.offset, message, word.text, f'{bare}="..."')
            while self.shaped() is not None:
                self._at += 1
            return ""
        hint = self.hint(name, grammar.attributes_of(self.keyword))
        meant = grammar.misspelt_keyword(name)
        if not hint and (meant or name.upper() in grammar.KEYWORDS):
            hint = f"; did you mean a line of its own that begins with {meant or name.upper()}?"
        self.problem(word.offset, f"Unknown attribute{hint or '; correct its name or delete it.'}", word.text, "NAME=value", -90)
        return ""
