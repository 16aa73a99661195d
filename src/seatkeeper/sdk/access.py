"""How a tool or application reaches a license server is said by its surroundings: encrypted unless on this machine, and as whom.

| variable | meaning |
|---|---|
| `SEATKEEPER_PLAIN` | `1`: without TLS to every server; `0`: never without; otherwise only to this machine's loopback addresses |
| `SEATKEEPER_TOKEN_FILE` | a file with an access token, for administration from another machine; keep its mode at 0600 |
| `SEATKEEPER_CERTIFICATE` | a PEM file with a client certificate and its key, for the same |
| `SEATKEEPER_ROOT` | the vendor's root public key; a token goes only to a server that proves itself under it |

Nothing ever falls back from TLS to plain text.

A root is good for one vendor: the one that its trust file names, which lies beside a license file or comes with the proof of a server.
A vendor daemon of another vendor is judged by that vendor's trust file beside the license file; where there is none, nobody can say
who it is, and it gets no token. lmgrd serves all its vendors, and proves itself under the root of one of them.
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
    "learn_root",
    "note_license_file",
    "note_unproven",
    "plain_setting",
    "read_access",
    "take_unproven",
]

PLAIN_VARIABLE: Final = "SEATKEEPER_PLAIN"
TOKEN_VARIABLE: Final = "SEATKEEPER_TOKEN_FILE"
CERTIFICATE_VARIABLE: Final = "SEATKEEPER_CERTIFICATE"
_TOKEN_FILE_BYTES_MAX: Final = 4096

#: License files that this process was told of: trust files lie beside them, and their SERVER lines say which machine to believe.
_license_files: dict[Path, tuple[str, ...]] = {}
#: Whose roots are known to be whose: the trust that a root has signed names the vendor.
_vendors: dict[bytes, str] = {}
#: Vendors whose daemons were asked without a proof although other vendors' roots are known, in their order.
_unproven: dict[str, None] = {}


class Access(Struct, frozen=True):
    """How to reach a server, and as whom.

    Attributes:
        plain: True for plain text, False for TLS, None for TLS but on this machine.
        root: The root that is pinned from outside; None for none.
        beside: Vendor (in lower case) and root of the trust files beside the license files.
        hostids: Of which host ids it may be; empty for any that the vendor has certified.
        token: To be shown once the server has proved itself; empty for none.
        certificate: The client's certificate and key; None for none.
    """

    plain: bool | None = None
    root: bytes | None = None
    beside: tuple[tuple[str, bytes], ...] = ()
    hostids: tuple[str, ...] = ()
    token: str = ""
    certificate: Path | None = None

    @property
    def as_somebody(self) -> bool:
        """True where the tool says who asks."""
        return bool(self.token or self.certificate)

    @property
    def knows_roots(self) -> bool:
        """True where some vendor's root is known."""
        return self.root is not None or bool(self.beside)

    def roots_of(self, vendor: str) -> tuple[bytes, ...]:
        """The roots under one of which this vendor's daemon, or (no vendor) lmgrd, has to prove itself; empty where nobody can say.

        The pinned root comes before all others, but for vendors that it is known not to be of.
        """
        known = {root: name for name, root in self.beside}
        if self.root is not None and (not vendor or (known.get(self.root) or _vendors.get(self.root, vendor)).lower() == vendor.lower()):
            return (self.root,)
        return tuple(root for name, root in self.beside if name == vendor.lower() or not vendor)


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
    # Names of several servers would be good for each of them, so only one server's pin anything.
    known = set(_license_files.values())
    hostids = known.pop() if len(known) == 1 else ()
    return Access(plain_setting(values), root, _roots_beside(), hostids, token, Path(certificate) if certificate else None)


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


def learn_root(root: bytes, vendor: str) -> None:
    """Notes whose root it is, which its signature under the vendor's trust has shown."""
    _vendors[root] = vendor


def note_unproven(vendor: str) -> None:
    """Notes that this vendor's daemon was asked although nobody can say who it is."""
    _unproven[vendor] = None


def take_unproven() -> tuple[str, ...]:
    """The vendors whose daemons were asked without a proof, although roots of others are known; each is told once."""
    taken = tuple(_unproven)
    _unproven.clear()
    return taken


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


def _roots_beside() -> tuple[tuple[str, bytes], ...]:
    """Vendor and root by the trust files beside the noted license files; a vendor of whom they name two has none."""
    from seatkeeper.base.errors import LicenseError
    from seatkeeper.licfile.trust import TRUST_BYTES_MAX, parse_trust

    roots: dict[str, set[str]] = {}
    for directory in {path.parent for path in _license_files}:
        try:
            found = sorted(directory.glob("*.trust"))
        except OSError:
            continue
        for path in found:
            try:
                with path.open("rb") as file:
                    trust = parse_trust(file.read(TRUST_BYTES_MAX + 1), root=None, name=str(path))
            except (OSError, InputError, LicenseError):
                continue
            roots.setdefault(trust.vendor.lower(), set()).add(trust.root)
    return tuple((vendor, bytes.fromhex(one)) for vendor, known in sorted(roots.items()) if len(known) == 1 for one in known)
