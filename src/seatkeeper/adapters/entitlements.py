"""An entitlement file is read as values, or refused with its line: no other XML than its own gets through, and nothing is fetched for it.

The parser is the standard library's expat. A document type is refused where it begins, so no entity can be declared, expanded or
fetched. Bytes, elements and text have limits that are checked while it reads, and what may stand in what is a table, which bounds the
depth. Elements and attributes are those of docs/license-files.md: an unknown, missing or repeated one is an error, since a reader that
passes over it would report something else.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn
from xml.parsers import expat

from seatkeeper.base.errors import InputError
from seatkeeper.usage.entitlement import LINES_MAX, TEXT_CHARS_MAX, Entitlement, EntitlementLine, Header

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FILE_BYTES_MAX", "parse_entitlement", "read_entitlement"]

FILE_BYTES_MAX: Final = 16 * 1024 * 1024
_ELEMENTS_MAX: Final = 3 * LINES_MAX + 100
_CHILDREN: Final = {
    "": ("entitlement",),
    "entitlement": ("header", "items", "signature"),
    "header": ("customer_name", "customer_id", "site_id", "site_address", "site_type"),
    "items": ("item",),
    "item": ("description", "quantity"),
}
#: Attributes that must be there, and those that may.
_ATTRIBUTES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "entitlement": (("version", "vendor", "issue_date", "valid_from"), ("valid_to",)),
    "item": (("order", "number"), ("measured",)),
    "description": (("release",), ()),
    "quantity": (("burst_limit", "license_type"), ()),
}
_OPTIONAL: Final = frozenset({"signature"})


class _Element:
    """An element as it is read."""

    __slots__ = ("attributes", "children", "line", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str], line: int) -> None:
        self.name = name
        self.attributes = attributes
        self.line = line
        self.text = ""
        self.children: list[_Element] = []


class _Reader:
    """The events of expat become elements, as long as they are those of an entitlement file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._take
        self.root = _Element("", {}, 0)
        self.stack = [self.root]
        self.count = 0

    def fail(self, message: str, *, line: int = 0, found: str = "", expected: str = "") -> NoReturn:
        raise InputError(
            message,
            file=self.name,
            line=line or self.parser.CurrentLineNumber,
            found=found[:100],
            expected=expected,
            remedy="Nothing was taken from the file.",
        )

    def _refuse_doctype(self, *_: object) -> None:
        self.fail("An entitlement file has no document type (DOCTYPE), and none is read.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if self.count > _ELEMENTS_MAX:
            self.fail(f"The file has more than {_ELEMENTS_MAX:,} elements.")
        parent = self.stack[-1]
        allowed = _CHILDREN.get(parent.name, ())
        if name not in allowed:
            self.fail("This element does not belong here.", found=name, expected=" or ".join(allowed) or "text only")
        if name != "item" and any(child.name == name for child in parent.children):
            self.fail("This element stands twice.", found=name)
        needed, possible = _ATTRIBUTES.get(name, ((), ()))
        for each in attributes:
            if each not in needed and each not in possible:
                self.fail("This attribute does not belong here.", found=each, expected=", ".join((*needed, *possible)) or "none")
            if len(attributes[each]) > TEXT_CHARS_MAX:
                self.fail(f"A value has more than {TEXT_CHARS_MAX} characters.", found=each)
        missing = next((each for each in needed if each not in attributes), None)
        if missing is not None:
            self.fail(f"The element {name} has no attribute {missing}.")
        element = _Element(name, attributes, self.parser.CurrentLineNumber)
        parent.children.append(element)
        self.stack.append(element)

    def _end(self, name: str) -> None:
        element = self.stack.pop()
        children = {child.name for child in element.children}
        missing = next((each for each in _CHILDREN.get(name, ()) if each not in children and each not in _OPTIONAL), None)
        if missing is not None:
            self.fail(f"The element {name} has no {missing} in it.")

    def _take(self, text: str) -> None:
        element = self.stack[-1]
        if element.name in _CHILDREN:
            if text.strip():
                self.fail("Text stands between the elements.", found=text.strip())
            return
        element.text += text
        if len(element.text) > TEXT_CHARS_MAX:
            self.fail(f"A value has more than {TEXT_CHARS_MAX} characters.", found=element.name)


def read_entitlement(path: Path) -> tuple[Entitlement, str]:
    """What an entitlement file says, and its signature, which is yet to be checked; empty where it has none.

    Raises:
        InputError: It cannot be read, or is no entitlement file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
    return parse_entitlement(data, str(path))


def parse_entitlement(data: bytes, name: str = "entitlement file") -> tuple[Entitlement, str]:
    """What the bytes of an entitlement file say, and its signature.

    Raises:
        InputError: They are no entitlement file.
    """
    if len(data) > FILE_BYTES_MAX:
        raise InputError(f"The file is larger than {FILE_BYTES_MAX >> 20} MiB.", file=name)
    reader = _Reader(name)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise InputError(f"This is no well-formed XML: {expat.ErrorString(error.code)}.", file=name, line=error.lineno) from None
    root = reader.root.children[0]
    if root.attributes["version"] != "1":
        reader.fail("This version of the form is not known.", line=root.line, found=root.attributes["version"], expected="1")
    parts = {child.name: child for child in root.children}
    header = {child.name: child for child in parts["header"].children}
    site_type = header["site_type"].text.strip()
    if site_type not in ("single-site", "multi-site"):
        reader.fail("This is no site type.", line=header["site_type"].line, found=site_type, expected="single-site or multi-site")
    end = _day(reader, root, "valid_to") if "valid_to" in root.attributes else None
    said = Header(
        header["customer_name"].text.strip(),
        header["customer_id"].text.strip(),
        header["site_id"].text.strip(),
        header["site_address"].text.strip(),
        site_type,  # type: ignore[arg-type]
        _day(reader, root, "issue_date"),
        _day(reader, root, "valid_from"),
        end,
    )
    lines = tuple(_line(reader, item) for item in parts["items"].children)
    signature = parts["signature"].text.strip() if "signature" in parts else ""
    return Entitlement(root.attributes["vendor"], said, lines), signature


def _line(reader: _Reader, item: _Element) -> EntitlementLine:
    parts: Mapping[str, _Element] = {child.name: child for child in item.children}
    quantity, described = parts["quantity"], parts["description"]
    kind = quantity.attributes["license_type"]
    if kind not in ("concurrent", "enabled"):
        reader.fail("This is no license type.", line=quantity.line, found=kind, expected="concurrent or enabled")
    return EntitlementLine(
        item.attributes["order"],
        item.attributes["number"],
        described.text.strip(),
        described.attributes["release"],
        _number(reader, quantity, quantity.text.strip(), "quantity"),
        _number(reader, quantity, quantity.attributes["burst_limit"], "burst limit"),
        kind,  # type: ignore[arg-type]
        item.attributes.get("measured", ""),
    )


def _number(reader: _Reader, element: _Element, text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        reader.fail(f"The {what} is no number.", line=element.line, found=text, expected="at most nine digits")
    return int(text)


def _day(reader: _Reader, element: _Element, name: str) -> date:
    text = element.attributes[name]
    try:
        if len(text) != len("2026-11-24"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        reader.fail(f"The {name} is no date.", line=element.line, found=text, expected="YYYY-MM-DD")
