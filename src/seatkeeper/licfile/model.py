"""A license file as values: every line keeps its fields as they were written, and can say what they mean.

The fields stay text because signatures cover them as written (canonical.py) and because a foreign file must be shown
unchanged. What a field means (a date, a number of seats) is asked through properties, which a well-formed line answers
and the parser has checked. Line numbers are not part of a line, so `parse(write(x)) == x` can hold; they stand in
`Parsed.places`.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.dates import parse_date

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "UNCOUNTED",
    "Attributes",
    "Blank",
    "Comment",
    "Feature",
    "LicenseFile",
    "Line",
    "Package",
    "Parsed",
    "Problem",
    "Server",
    "Signable",
    "Unknown",
    "Upgrade",
    "UseServer",
    "Vendor",
]

#: Name and value of each `NAME=value` after the positional fields, as written, without the value's quotes. A flag without a
#: value (`FLOAT_OK`) has the value None.
Attributes = tuple[tuple[str, str | None], ...]

#: What stands in the count field of a license that needs no server; `0` means the same.
UNCOUNTED: Final = "uncounted"


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong with a file: where, what was found, what was expected.

    Attributes:
        line: Line number from 1; 0 for the file as a whole.
        column: Column number from 1; 0 for the line as a whole.
        message: One sentence.
        found: The text found; empty where nothing stands.
        expected: What may stand there; empty where that is plain from the message.
        severity: `error` keeps the line (or the file) from being served, `warning` does not.
        number: The license error's number that a tool would end with.
    """

    line: int
    column: int
    message: str
    found: str = ""
    expected: str = ""
    severity: Literal["error", "warning"] = "error"
    number: int = -2


class _Fields(msgspec.Struct, frozen=True):
    """What the lines with attributes share."""

    def attribute(self, name: str) -> str | None:
        """The value of the first attribute of that name in any case; None where it is absent; "" for a bare flag."""
        # Lengths first: of ten thousand lines each is asked for a dozen attributes, most of which it does not have.
        length = len(name)
        for known, value in self.attributes:  # type: ignore[attr-defined]
            if len(known) == length and (known == name or (known.isascii() and known.upper() == name.upper())):
                return value if value is not None else ""
        return None


class Server(_Fields, frozen=True):
    """`SERVER host hostid [port] [PRIMARY_IS_MASTER] [HEARTBEAT_INTERVAL=n] [PLAT=n]`; port 0 where none is written."""

    host: str
    hostid: str
    port: int = 0
    attributes: Attributes = ()


class Vendor(msgspec.Struct, frozen=True):
    """`DAEMON|VENDOR name [path] [[options=]path] [[port=]n]`; an absent field is empty, an absent port 0."""

    name: str
    path: str = ""
    options: str = ""
    port: int = 0
    keyword: Literal["DAEMON", "VENDOR"] = "VENDOR"


class UseServer(msgspec.Struct, frozen=True):
    """`USE_SERVER`: a client reads no further and lets the server decide."""


class Feature(_Fields, frozen=True):
    """`FEATURE|INCREMENT name vendor version expiry count [key] [attributes]`: the right to so many seats."""

    name: str
    vendor: str
    version: str
    expiry: str
    count: str
    key: str = ""
    attributes: Attributes = ()
    keyword: Literal["FEATURE", "INCREMENT"] = "FEATURE"

    @property
    def seats(self) -> int | None:
        """How many seats the line gives; None for an uncounted license."""
        return (int(self.count) or None) if self.count.lower() != UNCOUNTED else None

    @property
    def expires(self) -> date:
        """The last day on which the line is good (`base.dates.NEVER` for a permanent one)."""
        return parse_date(self.expiry)


class Upgrade(_Fields, frozen=True):
    """`UPGRADE name vendor from_version to_version expiry count [key] [attributes]`."""

    name: str
    vendor: str
    from_version: str
    to_version: str
    expiry: str
    count: str
    key: str = ""
    attributes: Attributes = ()


class Package(_Fields, frozen=True):
    """`PACKAGE name vendor [version] [key] COMPONENTS="..." [OPTIONS=...] [attributes]`."""

    name: str
    vendor: str
    version: str = ""
    key: str = ""
    attributes: Attributes = ()


class Comment(msgspec.Struct, frozen=True):
    """A line that begins with `#`; `text` is the whole line."""

    text: str


class Blank(msgspec.Struct, frozen=True):
    """An empty line."""


class Unknown(msgspec.Struct, frozen=True):
    """A line that the grammar does not know; kept, shown, never served."""

    text: str


Signable = Feature | Upgrade | Package
Line = Server | Vendor | UseServer | Feature | Upgrade | Package | Comment | Blank | Unknown


class LicenseFile(msgspec.Struct, frozen=True):
    """All lines of a file, in its order."""

    lines: tuple[Line, ...] = ()

    @property
    def servers(self) -> tuple[Server, ...]:
        """The SERVER lines: none, one or three in a valid file."""
        return tuple(line for line in self.lines if type(line) is Server)

    @property
    def vendors(self) -> tuple[Vendor, ...]:
        """The DAEMON and VENDOR lines."""
        return tuple(line for line in self.lines if type(line) is Vendor)

    @property
    def hostids(self) -> tuple[str, ...]:
        """The host ids of the SERVER lines as written, in order: part of what every signature covers."""
        return tuple(server.hostid for server in self.servers)

    def signable(self) -> Iterator[tuple[int, Signable]]:
        """Index and value of each FEATURE, INCREMENT, UPGRADE and PACKAGE line."""
        for index, line in enumerate(self.lines):
            if type(line) is Feature or type(line) is Upgrade or type(line) is Package:
                yield index, line


class Parsed(msgspec.Struct, frozen=True):
    """A file, the line number on which each of its lines begins, and everything that is wrong with it.

    A line with an error of severity `error` is in the file as `Unknown`.
    """

    file: LicenseFile
    places: tuple[int, ...]
    problems: tuple[Problem, ...]
    name: str = ""
