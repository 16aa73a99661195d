"""A license path says in one line which servers to ask, and in which order.

An entry is `port@host`, `@host` (port 7260), three of these with commas between them (a triad), or the name of a license file
or of a directory with some (guide, Multiple, Independent Servers Configuration; facts, FlexNet 8). `:` stands between entries on
UNIX, `;` on Windows. What a file says is read by adapters.settings; what follows from it is decided here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.errors import InputError, LicenseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatkeeper.licfile.model import LicenseFile

__all__ = [
    "DEFAULT_PORT",
    "ENTRIES_MAX",
    "LICENSE_SUFFIXES",
    "MINOR_PATH",
    "PATH_CHARS_MAX",
    "Address",
    "Chosen",
    "Entry",
    "addresses_of",
    "choose_path",
    "parse_path",
    "path_sources",
    "vendor_variable",
]

#: "The default port number of 7260 is implied" (guide).
DEFAULT_PORT: Final = 7260
PATH_CHARS_MAX: Final = 8192
ENTRIES_MAX: Final = 64
#: The files of a directory that count as license files.
LICENSE_SUFFIXES: Final = (".lic", ".dat")

#: Where a failure arose that is about the path itself (events.py has the others).
MINOR_PATH: Final = 359

_NOTHING: Final[Mapping[str, str]] = {}
_TRIAD: Final = 3
_PORT_MAX: Final = 65535
_PORT: Final = re.compile(r"[0-9]{1,5}\Z")
_HOST_CHARS_MAX: Final = 255
_HOST: Final = re.compile(r"[A-Za-z0-9_.%-]+\Z|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?\]\Z")
_BARE_IPV6: Final = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9_.-]+)?\Z")
# A UNIX path may hold an @ further on; a server's port stands before it, and nothing but a port.
_SERVER: Final = re.compile(r"[^@/\\]*@")
# Outside brackets, which keep the colons of an IPv6 address together.
_COLON: Final = re.compile(r":(?![^\[]*\])")


class Address(msgspec.Struct, frozen=True):
    """Where an lmgrd listens; `str()` is `port@host`."""

    host: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"{self.port}@[{self.host}]" if ":" in self.host else f"{self.port}@{self.host}"


class Entry(msgspec.Struct, frozen=True):
    """One entry of a path.

    Attributes:
        text: The entry as it was written.
        addresses: One server, or the three of a triad; empty for a file or directory.
        place: The file or directory; empty for a server.
    """

    text: str
    addresses: tuple[Address, ...] = ()
    place: str = ""


class Chosen(msgspec.Struct, frozen=True):
    """A license path and what gave it: an option's or a variable's name."""

    text: str
    origin: str


def vendor_variable(vendor: str) -> str:
    """The vendor's own environment variable: `GENESYS_D_LICENSE_FILE` for `genesys.d`, whose dot no shell could export."""
    return re.sub(r"[^A-Z0-9]", "_", vendor.upper()) + "_LICENSE_FILE"


def path_sources(
    explicit: str | None, license_file: str | None, environment: Mapping[str, str], vendor: str, stored: Mapping[str, str] = _NOTHING
) -> tuple[Chosen, ...]:
    """Every place where a license path may be named, with what is named there, in the order in which they are asked.

    The order is the guide's ("it has the highest priority out of the two methods", Starting Licensed Applications), then
    FlexNet's: the `-l` parameter, the `license-file` option, the vendor's variable, LM_LICENSE_FILE. Of each variable the
    environment counts first, then what `.flexlmrc` has `stored` (facts, FlexNet 8).
    """
    variable = vendor_variable(vendor)
    sources = (
        (explicit, "license path"),
        (license_file, "license-file"),
        (environment.get(variable), variable),
        (stored.get(variable), f"{variable} in .flexlmrc"),
        (environment.get("LM_LICENSE_FILE"), "LM_LICENSE_FILE"),
        (stored.get("LM_LICENSE_FILE"), "LM_LICENSE_FILE in .flexlmrc"),
    )
    return tuple(Chosen((text or "").strip(), origin) for text, origin in sources)


def choose_path(
    explicit: str | None, license_file: str | None, environment: Mapping[str, str], vendor: str, stored: Mapping[str, str] = _NOTHING
) -> Chosen | None:
    """The path that counts, or None where nobody named one: the first of `path_sources` that is not empty; paths are not joined."""
    return next((source for source in path_sources(explicit, license_file, environment, vendor, stored) if source.text), None)


def parse_path(text: str, windows: bool, *, origin: str = "license path") -> tuple[Entry, ...]:
    """The entries of a path in their order; empty entries are left out.

    Args:
        text: The path.
        windows: Whether the entries stand between `;` rather than `:`.
        origin: How errors call the path.

    Raises:
        InputError: An entry is neither a server nor a place.
    """
    if len(text) > PATH_CHARS_MAX:
        raise InputError(f"The license path is longer than {PATH_CHARS_MAX} characters.", file=origin, remedy="Name fewer servers.")
    parts = text.split(";") if windows else _COLON.split(text)
    entries: list[Entry] = []
    for part in parts:
        entry = part.strip()
        if not entry:
            continue
        if len(entries) == ENTRIES_MAX:
            raise InputError(f"The license path has more than {ENTRIES_MAX} entries.", file=origin, remedy="Name fewer servers.")
        entries.append(_entry(entry, text, origin))
    return tuple(entries)


def addresses_of(file: LicenseFile, name: str, vendor: str) -> tuple[Address, ...]:
    """The servers that a license file sends a client of `vendor` to: one, or the three of a triad.

    `this_host` means the machine that reads the file. A port that is missing is 7260. The port of the DAEMON line is not
    used: lmgrd hands the connection on, or names that port itself.

    Raises:
        LicenseError: -13, the file has no SERVER line; -3, it has DAEMON lines, but none of this vendor.
    """
    if not file.servers:
        raise LicenseError(-13, minor=MINOR_PATH, reason=f"{name} names no license server.", hints=(("Filename", name),))
    vendors = [line.name.lower() for line in file.vendors]
    if vendors and vendor.lower() not in vendors:
        raise LicenseError(-3, minor=MINOR_PATH, reason=f"{name} has no DAEMON line of {vendor}.", hints=(("Filename", name),))
    return tuple(Address(_local(server.host), server.port or DEFAULT_PORT) for server in file.servers)


def _local(host: str) -> str:
    return "localhost" if host.lower() == "this_host" else host.strip("[]")


def _entry(text: str, path: str, origin: str) -> Entry:
    if not _SERVER.match(text):
        return Entry(text, place=text)
    parts = text.split(",")
    if len(parts) not in (1, _TRIAD):
        raise InputError(
            "A license path entry names one server, or the three of a triad.",
            file=origin,
            found=text,
            expected="port@host, or port@host,port@host,port@host",
            remedy="Put independent servers into entries of their own.",
        )
    return Entry(text, addresses=tuple(_address(part.strip(), path, origin) for part in parts))


def _address(text: str, path: str, origin: str) -> Address:
    port_text, at, host = text.partition("@")
    column = path.find(text) + 1
    if not at or (port_text and not (_PORT.match(port_text) and 0 < int(port_text) <= _PORT_MAX)):
        raise InputError(
            "A license path entry does not begin with a port.",
            file=origin,
            column=column,
            found=text,
            expected=f"port@host with a port from 1 to {_PORT_MAX}, or @host for port {DEFAULT_PORT}",
        )
    # Only on Windows can an address come here without its brackets: elsewhere its colons have cut it up.
    if _BARE_IPV6.match(host):
        host = f"[{host}]"
    if len(host) > _HOST_CHARS_MAX or not _HOST.match(host):
        raise InputError(
            "A license path entry does not end in a host.",
            file=origin,
            column=column,
            found=text,
            expected="port@host",
            remedy="An IPv6 address is written in brackets, as in 7260@[::1].",
        )
    return Address(host.strip("[]"), int(port_text) if port_text else DEFAULT_PORT)
