"""What an application's surroundings say about its licenses: environment variables, and the files that a license path names.

| variable | meaning |
|---|---|
| `<VENDOR>_LICENSE_FILE` | license path for one vendor: `GENESYS_D_LICENSE_FILE` for `genesys.d` |
| `LM_LICENSE_FILE` | license path for all vendors |
| `LM_PROJECT` | project that a checkout is recorded for |
| `HOME` | where `.flexlmrc` lies, which says the same as the two license paths where they are not set |
| `SEATKEEPER_ROOT` | the vendor's root public key, as 64 hex digits or as the name of a PEM file |

Which path counts is decided in client.path; here the environment is read, and the files are.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.client.denials import failure_of
from seatkeeper.client.events import MINOR_PATH, Denial
from seatkeeper.client.flexlmrc import flexlmrc_name, variables
from seatkeeper.client.path import LICENSE_SUFFIXES, Address, Chosen, Entry, addresses_of, choose_path, parse_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seatkeeper.licfile.model import LicenseFile

__all__ = [
    "FILES_MAX",
    "FILE_BYTES_MAX",
    "ROOT_VARIABLE",
    "Servers",
    "default_file",
    "default_path",
    "find_path",
    "find_servers",
    "license_files_in",
    "pinned_root",
    "project",
    "read_trust",
    "stored_paths",
]

ROOT_VARIABLE: Final = "SEATKEEPER_ROOT"
#: License files that one directory of a path may hold.
FILES_MAX: Final = 1024
FILE_BYTES_MAX: Final = 16 * 1024 * 1024
_SMALL_BYTES_MAX: Final = 1024 * 1024
_WINDOWS: Final = sys.platform == "win32"


class Servers(msgspec.Struct, frozen=True):
    """What a license path leads to.

    Attributes:
        path: The entries as they were written.
        found: Name and addresses of each server or triad, in the order of the path.
        failures: Why files and directories of the path lead to none.
        places: The directories of the license files.
    """

    path: tuple[str, ...] = ()
    found: tuple[tuple[str, tuple[Address, ...]], ...] = ()
    failures: tuple[Denial, ...] = ()
    places: tuple[Path, ...] = ()


def find_path(
    explicit: str | None, license_file: str | None, vendor: str, *, environment: Mapping[str, str] | None = None, windows: bool = _WINDOWS
) -> tuple[Chosen | None, tuple[Entry, ...]]:
    """The license path that counts and its entries; None and nothing where there is none.

    Raises:
        InputError: An entry of it is malformed; the error names the option or variable.
    """
    environment = os.environ if environment is None else environment
    chosen = choose_path(explicit, license_file, environment, vendor)
    if chosen is None or chosen.origin == "LM_LICENSE_FILE":
        # The file is only looked at where it can decide.
        chosen = choose_path(explicit, license_file, environment, vendor, stored_paths(environment, windows=windows))
    if chosen is None and (file := default_file(windows)):
        chosen = Chosen(file, "default license file")
    if chosen is None:
        return None, ()
    return chosen, parse_path(chosen.text, windows, origin=chosen.origin)


def stored_paths(environment: Mapping[str, str], *, windows: bool = _WINDOWS) -> dict[str, str]:
    """The license paths of the user's `.flexlmrc`, by variable; none where the file cannot be read.

    It is nobody's fault when an application that runs under another account finds a home that is closed to it. lmpath -explain tells
    of a file that cannot be read.
    """
    name = flexlmrc_name(environment, windows)
    try:
        return variables(_read_small(Path(name), name).decode("utf-8", "replace")) if name and Path(name).is_file() else {}
    except (InputError, OSError, ValueError):
        return {}


def default_path(windows: bool = _WINDOWS) -> Path:
    """FlexNet's own place for the license file, where nobody names another (facts, FlexNet 8)."""
    return Path("C:\\flexlm\\license.dat" if windows else "/usr/local/flexlm/licenses/license.dat")


def default_file(windows: bool = _WINDOWS) -> str:
    """The name of the license file at FlexNet's own place; empty where this process sees none there."""
    path = default_path(windows)
    return str(path) if _is_file(path) else ""


def find_servers(entries: tuple[Entry, ...], vendor: str) -> Servers:
    """The servers of the path's entries; a file or directory that leads to none is told of, and costs the others nothing."""
    found: list[tuple[str, tuple[Address, ...]]] = []
    failures: list[Denial] = []
    places: list[Path] = []
    for entry in entries:
        if entry.addresses:
            found.append((",".join(str(address) for address in entry.addresses), entry.addresses))
            continue
        try:
            for path in _files(Path(entry.place)):
                places.append(path.parent)
                try:
                    addresses = addresses_of(_parse(path), str(path), vendor)
                    found.append((",".join(str(address) for address in addresses), addresses))
                except LicenseError as error:
                    failures.append(Denial(str(path), failure_of(error), reached=False))
        except LicenseError as error:
            failures.append(Denial(entry.place, failure_of(error), reached=False))
    # A server that two files name is one server: a second session there could cost a second seat.
    unique: dict[tuple[Address, ...], str] = {}
    for name, addresses in found:
        unique.setdefault(addresses, name)
    servers = tuple((name, addresses) for addresses, name in unique.items())
    return Servers(tuple(entry.text for entry in entries), servers, tuple(failures), tuple(dict.fromkeys(places)))


def pinned_root(given: str | bytes | None, *, environment: Mapping[str, str] | None = None) -> bytes | None:
    """The root public key that is pinned: the one given, else that of SEATKEEPER_ROOT; None where there is neither.

    Args:
        given: The 32 bytes, 64 hex digits, PEM, or the name of a file with one of these.
        environment: The environment variables.

    Raises:
        InputError: It is none of these.
    """
    name = "root"
    if given is None:
        given = (os.environ if environment is None else environment).get(ROOT_VARIABLE)
        name = ROOT_VARIABLE
    if not given:
        return None
    from seatkeeper.licfile.trust import KEY_BYTES, parse_root  # cryptography, which a client without a root need not load

    if isinstance(given, str):
        text = given.strip()
        # Anything that is not a key by itself has to be a file's name.
        if len(text) != 2 * KEY_BYTES and not text.startswith("-----"):
            given = _read_small(Path(text), name)
            name = f"{name}: {text}"
    return parse_root(given, name=name)


def read_trust(vendor: str, places: tuple[Path, ...]) -> tuple[str, str] | None:
    """Name and text of the first `<vendor>.trust` beside the license files or in the working directory; None where there is none."""
    for place in (*places, Path()):
        path = place / f"{vendor}.trust"
        # The working directory may be closed to this account, as after `su` in another's home.
        if _is_file(path):
            return str(path), _read_small(path, str(path)).decode("utf-8", "replace")
    return None


def project() -> str:
    """The project that the user works on."""
    return os.environ.get("LM_PROJECT", "")


def license_files_in(directory: Path) -> list[Path]:
    """The license files of a directory, in the order of their names: for server, tools and applications the same ones.

    Raises:
        OSError: It cannot be read.
    """
    # Files come from Windows, too, where LICENSE.DAT is the same name.
    return sorted(item for item in directory.iterdir() if item.suffix.lower() in LICENSE_SUFFIXES and item.is_file())


def _files(place: Path) -> Iterator[Path]:
    """The license files at `place`, in the order of their names.

    Raises:
        LicenseError: -1, there is nothing; -30, it cannot be read.
    """
    try:
        if not place.is_dir():
            yield place
            return
        names = license_files_in(place)
    except OSError as error:
        raise _unreadable(place, error) from None
    if not names:
        raise LicenseError(-1, minor=MINOR_PATH, reason=f"{place} holds no *.lic or *.dat file.")
    yield from names[:FILES_MAX]


def _parse(path: Path) -> LicenseFile:
    from seatkeeper.licfile.parser import decode, parse  # a path of port@host needs no parser

    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    return parse(decode(data), str(path)).file


def _unreadable(path: Path, error: OSError) -> LicenseError:
    missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    system = (error.errno or 0, error.strerror or str(error))
    return LicenseError(-1 if missing else -30, minor=MINOR_PATH, reason=f"{path} cannot be read.", system=system)


def _is_file(path: Path) -> bool:
    """Whether this process sees a file there; what is closed to it, it does not see."""
    try:
        return path.is_file()
    except OSError:
        return False


def _read_small(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_SMALL_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"This file cannot be read: {reason}.", file=name, found=str(path)) from None
    if len(data) > _SMALL_BYTES_MAX:
        raise InputError(f"This file is larger than {_SMALL_BYTES_MAX} bytes.", file=name, found=str(path))
    return data
