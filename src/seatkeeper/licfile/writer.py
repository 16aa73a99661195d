r"""The text of a license file is such that the parser reads the same lines from it: `parse(write(file)).file == file`.

A line longer than the given width is broken between its fields, and within quotes at single blanks, each time with ` \`, a line
end and a tab: what FlexNet files look like ("continuation by `\` at line end (next line starts with a TAB)", facts about license
files, section 11). "Emit `\`, accept both" (facts 1.1). A value is broken only where it does not fit on a line of its own, and
never where the parser would read something else: beside a second blank, for one. Whatever cannot be broken makes a long line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.licfile.grammar import attribute_of
from seatkeeper.licfile.model import Blank, Comment, Feature, Package, Server, Unknown, Upgrade, UseServer, Vendor
from seatkeeper.licfile.scanner import BLANKS, BREAK, Kind, kind_of

if TYPE_CHECKING:
    from seatkeeper.licfile.model import Attributes, LicenseFile, Line

__all__ = ["COLUMNS", "COLUMNS_MIN", "write", "write_line"]

#: How wide lines are, and how narrow they can be made; a tab reaches to the ninth column.
COLUMNS: Final = 80
COLUMNS_MIN: Final = 40
_TAB_COLUMNS: Final = 8
_BREAK_COLUMNS: Final = 2


def write(file: LicenseFile, *, columns: int = COLUMNS) -> str:
    """The file's text: every line ends in a line feed, none is wider than `columns` where it can be broken."""
    return "".join(write_line(line, columns=columns) + "\n" for line in file.lines)


def write_line(line: Line, *, columns: int = COLUMNS) -> str:
    """One line's text without its last line end."""
    if isinstance(line, Blank):
        return ""
    if isinstance(line, Comment | Unknown):
        return line.text
    if isinstance(line, UseServer):
        return "USE_SERVER"
    if isinstance(line, Vendor):
        # A daemon's line is short and edited by hand, so it stays one line.
        return " ".join(_vendor_fields(line))
    if isinstance(line, Server):
        return " ".join(["SERVER", line.host, line.hostid, *([str(line.port)] if line.port else []), *_attributes(line.attributes)])
    return _wrapped(_fields(line), max(columns, COLUMNS_MIN))


def _fields(line: Feature | Upgrade | Package) -> list[str]:
    if isinstance(line, Feature):
        fields = [line.keyword, line.name, line.vendor, line.version, line.expiry, line.count, line.key]
    elif isinstance(line, Upgrade):
        fields = ["UPGRADE", line.name, line.vendor, line.from_version, line.to_version, line.expiry, line.count, line.key]
    else:
        fields = ["PACKAGE", line.name, line.vendor, line.version, line.key]
    return [field for field in fields if field] + _attributes(line.attributes)


def _vendor_fields(line: Vendor) -> list[str]:
    fields = [line.keyword, line.name]
    if line.path:
        # A path that looks like a field, as options=x, must not become one.
        fields.append(_quoted(line.path) if "=" in line.path else _value(line.path))
    fields += [f"options={_value(line.options)}"] if line.options else []
    fields += [f"port={line.port}"] if line.port else []
    return fields


def _attributes(attributes: Attributes) -> list[str]:
    return [name if value is None else f"{name}={_attribute_value(name, value)}" for name, value in attributes]


def _attribute_value(name: str, value: str) -> str:
    attribute = attribute_of(name)
    if attribute is not None and attribute.name == "AUTH":
        return value
    # Text that people read is quoted, as in the guide's samples, whether or not it holds a blank.
    return _quoted(value) if name in _PROSE else _value(value)


_PROSE: Final = frozenset({"vendor_info", "NOTICE", "VENDOR_STRING", "ISSUER", "dist_info", "user_info", "asset_info"})


def _value(value: str) -> str:
    """`value`, in double quotes where it would otherwise read as something else."""
    # A last backslash would continue the line, a last comma the list.
    bare = value and " " not in value and "\t" not in value and not value.endswith(("\\", ","))
    return value if bare else _quoted(value)


def _quoted(value: str) -> str:
    return f'"{value}"'


def _wrapped(fields: list[str], columns: int) -> str:
    """The fields on one or more lines."""
    lines: list[str] = []
    current = fields[0]
    room = columns - _BREAK_COLUMNS
    for field in fields[1:]:
        # A name may be a keyword, and a keyword may not begin a physical line.
        if _wide(current) + 1 + _wide(field) <= room or kind_of(field)[0] is not Kind.OTHER:
            current += f" {field}"
            continue
        lines.append(current)
        room = columns - _BREAK_COLUMNS - _TAB_COLUMNS
        *before, current = _broken(field, room)
        lines += before
    return BREAK.join([*lines, current])


def _wide(text: str) -> int:
    """How many columns it takes at most: how far a tab reaches depends on where it stands."""
    return len(text) + (_TAB_COLUMNS - 1) * text.count("\t")


def _fitting(text: str, room: int) -> int:
    """How many of its characters fit into so many columns."""
    if "\t" not in text:
        return min(len(text), max(room, 0))
    at = 0
    for at, character in enumerate(text):
        room -= _wide(character)
        if room < 0:
            return at
    return at + 1


def _broken(field: str, room: int) -> list[str]:
    """The field in pieces of at most `room` columns where single blanks within its quotes allow it."""
    pieces = []
    while (fits := _fitting(field, room)) < len(field):
        at = field.rfind(" ", 1, fits + 1)
        while at > 0 and (field[at - 1] in BLANKS or field[at + 1 : at + 2] in BLANKS):
            at = field.rfind(" ", 1, at)
        if at <= 0:
            break
        pieces.append(field[:at])
        field = field[at + 1 :]
    return [*pieces, field]
