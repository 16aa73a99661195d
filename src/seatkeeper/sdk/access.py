"""How a tool or application reaches a license server is said by its surroundings: encrypted unless on this machine, and as whom.

| variable | meaning |
|---|---|
| `SEATKEEPER_PLAIN` | `1`: without TLS to every server; `0`: never without; otherwise only to this machine's loopback addresses |
| `SEATKEEPER_TOKEN_FILE` | a file with an access token, for administration from another machine; keep its mode at 0600 |
| `SEATKEEPER_CERTIFICATE` | a PEM file with a client certificate and its key, for the same |
| `SEATKEEPER_ROOT` | the vendor's root public key; a token goes only to a server that proves itself under it |

Nothing ever falls back from TLS to plain text.
"""

from __future__ import annotations

import ipaddress
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from seatkeeper.adapters.settings import pinned_root
from seatkeeper.base.errors import InputError
from seatkeeper.wire.messages import TOKEN_CHARS_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CERTIFICATE_VARIABLE",
    "PLAIN_VARIABLE",
    "TOKEN_VARIABLE",
    "Access",
    "goes_plain",
    "is_own_machine",
    "note_license_file",
    "plain_setting",
    "read_access",
]

PLAIN_VARIABLE: Final = "SEATKEEPER_PLAIN"
TOKEN_VARIABLE: Final = "SEATKEEPER_TOKEN_FILE"
CERTIFICATE_VARIABLE: Final = "SEATKEEPER_CERTIFICATE"
_TOKEN_FILE_BYTES_MAX: Final = 4096

#: License files that this process was told of: trust files lie beside them, and their SERVER lines say which machine to believe.
_license_files: dict[Path, tuple[str, ...]] = {}


class Access(Struct, frozen=True):
    """How to reach a server, and as whom.

    Attributes:
        plain: True for plain text, False for TLS, None for TLS but on this machine.
        root: The root under which a server has to prove itself; None where no root is known.
        hostids: Of which host ids it may be; empty for any that the vendor has certified.
        token: To be shown once the server has proved itself; empty for none.
        certificate: The client's certificate and key; None for none.
    """

    plain: bool | None = None
    root: bytes | None = None
    hostids: tuple[str, ...] = ()
    token: str = ""
    certificate: Path | None = None

    @property
    def as_somebody(self) -> bool:
        """True where the tool says who asks."""
        return bool(self.token or self.certificate)


def read_access(environment: Mapping[str, str] | None = None) -> Access:
    """What the environment says, and the license files that were noted.

    Raises:
        InputError: A variable or the file that it names cannot be used.
    """
    values = os.environ if environment is None else environment
    name = values.get(TOKEN_VARIABLE, "")
    token = _read_token(Path(name)) if name else ""
    certificate = values.get(CERTIFICATE_VARIABLE, "")
    root = pinned_root(None, environment=values)
    if root is None:
        root = _root_beside()
    # Names of several servers would be good for each of them, so only one server's pin anything.
    known = set(_license_files.values())
    hostids = known.pop() if len(known) == 1 else ()
    return Access(plain_setting(values), root, hostids, token, Path(certificate) if certificate else None)


def plain_setting(environment: Mapping[str, str] | None = None) -> bool | None:
    """What SEATKEEPER_PLAIN says.

    Raises:
        InputError: It says something else than 0 or 1.
    """
    value = (os.environ if environment is None else environment).get(PLAIN_VARIABLE, "")
    if value not in ("", "0", "1"):
        raise InputError("This is no setting for connections without TLS.", file=PLAIN_VARIABLE, found=value, expected="0 or 1")
    return None if not value else value == "1"


def note_license_file(path: Path, hostids: tuple[str, ...]) -> None:
    """Lets servers that are reached through this license file be judged by it and the trust files beside it."""
    _license_files[path] = hostids


def goes_plain(plain: bool | None, host: str) -> bool:
    """Whether a connection to this numeric address goes without TLS."""
    if plain is not None:
        return plain
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return bool((getattr(address, "ipv4_mapped", None) or address).is_loopback)


def is_own_machine(peer: str, here: str) -> bool:
    """True where the two ends of a connection have one address, or loopback ones."""
    return peer == here or goes_plain(None, peer)


def _read_token(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(_TOKEN_FILE_BYTES_MAX)
    except OSError as error:
        raise InputError(f"The file with the access token cannot be read: {error.strerror}.", file=str(path)) from None
    if os.name == "posix" and mode & 0o077:
        raise InputError(
            "Others may read this access token.", file=str(path), found=f"mode {mode:04o}", expected="0600", remedy="chmod 600."
        )
    text = data.decode("utf-8", "replace").strip()
    if not text or len(text) > TOKEN_CHARS_MAX or len(text.split()) != 1:
        # Whatever it is, it is not shown.
        expected = "one access token, as `seatkeeper admin add` prints it"
        raise InputError("This file does not hold an access token.", file=str(path), expected=expected)
    return text


def _root_beside() -> bytes | None:
    """The root that the trust files beside the noted license files agree on."""
    from seatkeeper.base.errors import LicenseError
    from seatkeeper.licfile.trust import TRUST_BYTES_MAX, parse_trust

    roots: set[str] = set()
    for directory in {path.parent for path in _license_files}:
        try:
            found = sorted(directory.glob("*.trust"))
            for path in found:
                with path.open("rb") as file:
                    roots.add(parse_trust(file.read(TRUST_BYTES_MAX + 1), root=None, name=str(path)).root)
        except (OSError, InputError, LicenseError):
            continue
    return bytes.fromhex(roots.pop()) if len(roots) == 1 else None
