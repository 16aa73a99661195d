"""A small XML file is read as elements of a known form, or refused with its line: no other XML gets through, and nothing is fetched for it.

The parser is the standard library's expat. A document type is refused where it begins, so no entity can be declared, expanded or
fetched. Bytes, elements and text have limits that are checked while it reads, and what may stand in what is a table, which bounds the
depth. An unknown, missing or repeated element or attribute is an error, since a reader that passes over it would take something else.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final, NoReturn
from xml.parsers import expat

import msgspec

from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["FILE_BYTES_MAX", "XmlElement", "XmlForm", "XmlReader", "read_bytes"]

FILE_BYTES_MAX: Final = 16 * 1024 * 1024


class XmlForm(msgspec.Struct, frozen=True):
    """Which elements a file has.

    Attributes:
        what: What such a file is called, with its article.
        children: Element -> what may stand in it, the root in that of the empty name; what is no key holds text.
        attributes: Element -> attributes that must be there, and those that may.
        optional: Elements that may be left out.
        repeated: Elements that may stand several times.
        elements_max: How many elements at most.
        text_chars_max: How long a text or value is at most.
    """

    what: str
    children: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    optional: frozenset[str]
    repeated: frozenset[str]
    elements_max: int
    text_chars_max: int


class XmlElement:
    """An element as it is read."""

    __slots__ = ("attributes", "children", "line", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str], line: int) -> None:
        self.name = name
        self.attributes = attributes
        self.line = line
        self.text = ""
        self.children: list[XmlElement] = []

    def parts(self) -> dict[str, XmlElement]:
        """What stands in it, by name."""
        return {child.name: child for child in self.children}


class XmlReader:
    """The events of expat become elements, as long as they are those of the form.

    Args:
        form: Which elements.
        name: The file's name, for messages.
    """

    def __init__(self, form: XmlForm, name: str) -> None:
        self.form = form
        self.name = name
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._take
        self.root = XmlElement("", {}, 0)
        self.stack = [self.root]
        self.count = 0

    def read(self, data: bytes) -> XmlElement:
        """The root element.

        Raises:
            InputError: The bytes are no file of this form.
        """
        if len(data) > FILE_BYTES_MAX:
            raise InputError(f"The file is larger than {FILE_BYTES_MAX >> 20} MiB.", file=self.name)
        try:
            self.parser.Parse(data, True)
        except expat.ExpatError as error:
            raise InputError(f"This is no well-formed XML: {expat.ErrorString(error.code)}.", file=self.name, line=error.lineno) from None
        except (LookupError, ValueError) as error:
            # The declaration names an encoding that there is none of, or one of several bytes a character.
            raise InputError(f"This file cannot be read: {error}.", file=self.name, line=1, expected="UTF-8") from None
        return self.root.children[0]

    def fail(self, message: str, *, line: int = 0, found: str = "", expected: str = "") -> NoReturn:
        """Refuses the file.

        Raises:
            InputError: Always.
        """
        raise InputError(
            message,
            file=self.name,
            line=line or self.parser.CurrentLineNumber,
            found=found[:100],
            expected=expected,
            remedy="Nothing was taken from the file.",
        )

    def number(self, element: XmlElement, text: str, what: str) -> int:
        """The number that a text of the element is.

        Raises:
            InputError: It is none.
        """
        if not (text.isascii() and text.isdigit()) or len(text) > 9:
            self.fail(f"The {what} is no number.", line=element.line, found=text, expected="at most nine digits")
        return int(text)

    def day(self, element: XmlElement, name: str) -> date:
        """The day that an attribute of the element names.

        Raises:
            InputError: It names none.
        """
        text = element.attributes[name]
        try:
            if len(text) != len("2026-11-24"):
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            self.fail(f"The {name} is no date.", line=element.line, found=text, expected="YYYY-MM-DD")

    def _refuse_doctype(self, *_: object) -> None:
        self.fail(f"{self.form.what.capitalize()} has no document type (DOCTYPE), and none is read.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if self.count > self.form.elements_max:
            self.fail(f"The file has more than {self.form.elements_max:,} elements.")
        parent = self.stack[-1]
        allowed = self.form.children.get(parent.name, ())
        if name not in allowed:
            self.fail("This element does not belong here.", found=name, expected=" or ".join(allowed) or "text only")
        if name not in self.form.repeated and any(child.name == name for child in parent.children):
            self.fail("This element stands twice.", found=name)
        needed, possible = self.form.attributes.get(name, ((), ()))
        for each in attributes:
            if each not in needed and each not in possible:
                self.fail("This attribute does not belong here.", found=each, expected=", ".join((*needed, *possible)) or "none")
            if len(attributes[each]) > self.form.text_chars_max:
                self.fail(f"A value has more than {self.form.text_chars_max} characters.", found=each)
        missing = next((each for each in needed if each not in attributes), None)
        if missing is not None:
            self.fail(f"The element {name} has no attribute {missing}.")
        element = XmlElement(name, attributes, self.parser.CurrentLineNumber)
        parent.children.append(element)
        self.stack.append(element)

    def _end(self, name: str) -> None:
        element = self.stack.pop()
        children = {child.name for child in element.children}
        missing = next((each for each in self.form.children.get(name, ()) if each not in children and each not in self.form.optional), None)
        if missing is not None:
            self.fail(f"The element {name} has no {missing} in it.")

    def _take(self, text: str) -> None:
        element = self.stack[-1]
        if element.name in self.form.children:
            if text.strip():
                self.fail("Text stands between the elements.", found=text.strip())
            return
        element.text += text
        if len(element.text) > self.form.text_chars_max:
            self.fail(f"A value has more than {self.form.text_chars_max} characters.", found=element.name)


def read_bytes(path: Path) -> bytes:
    """The file's bytes, one more than FILE_BYTES_MAX at most.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
