"""A vendor's keys lie in one directory, readable by their owner only, and are never replaced by accident.

    root.key            signs trust files; belongs offline, and only `rotate` and `revoke` need it
    root.pub            the root public key, which applications pin
    issuer-<id>.key     signs license lines; `seatkeeper issue` needs one that is valid today
    daemon.key          certifies servers; `seatkeeper issue` needs it
    <vendor>.trust      what the root vouches for; goes out with every license file

Private keys are PKCS #8 in PEM, encrypted where the user gives a passphrase (licfile.pem). Nothing here asks for anything.

A server's credential lies beside the license file, as `<vendor>.<host id>.credential`: private key, its certificate, the
daemon's certificate, all PEM, so that TLS libraries take the file as it is.

Every file is written beside its place and then moved there, and is born with its mode: there is no moment at which others can
read a key or anyone a half-written file.
"""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import UNSET

from seatkeeper.adapters.wholefile import PRIVATE, PUBLIC, whole_file
from seatkeeper.base.errors import InputError
from seatkeeper.licfile.canonical import fold_name
from seatkeeper.licfile.certificate import hostid_of, hostid_text, make_daemon_certificate, make_server_certificate
from seatkeeper.licfile.grammar import check_vendor_name
from seatkeeper.licfile.pem import DRAW_BYTES, is_encrypted, private_pem, read_private_pem
from seatkeeper.licfile.trust import SEATS_MAX, TRUST_BYTES_MAX, Issuer, Trust, key_id, parse_root, parse_trust, sign_trust

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from seatkeeper.base.values import VersionRule

__all__ = [
    "DAEMON_DAYS",
    "ISSUER_DAYS",
    "Credential",
    "credential_path",
    "find_credential",
    "find_trust",
    "init_vendor",
    "issue_credential",
    "load_issuer",
    "load_root",
    "load_trust",
    "read_credential",
    "read_root",
    "read_trust",
    "revoke",
    "rotate",
    "write_file",
]

#: How long a new issuer key may sign. Lines signed until then stay good.
ISSUER_DAYS: Final = 2 * 365
#: How long servers may be certified, and be servers, by one daemon key.
DAEMON_DAYS: Final = 20 * 365

_KEY_BYTES_MAX: Final = 64 * 1024
_HOSTID_CHARS_MAX: Final = 40
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")


class Credential(msgspec.Struct, frozen=True):
    """What makes a process the license server of one host id.

    Attributes:
        path: The file, which TLS libraries take as certificate chain and key.
        key: The private key.
        chain: The server's certificate and the daemon's, as PEM.
        hostid: The host id, folded.
    """

    path: Path
    key: Ed25519PrivateKey
    chain: bytes
    hostid: str


def init_vendor(
    directory: Path,
    vendor: str,
    *,
    passphrase: bytes | None = None,
    today: date,
    version_rule: VersionRule | None = None,
    seats_max: int = SEATS_MAX,
    simulation: bool = False,
) -> Trust:
    """The trust of a vendor whose keys were made in `directory`, where there were none before.

    Args:
        directory: Is made where it does not exist.
        vendor: The vendor daemon's name.
        passphrase: Encrypts the private keys.
        today: The first day on which the keys are valid.
        version_rule: By default that of release 8 for `genesys.d`, and FlexNet's for others.
        seats_max: How many seats of one feature a client may hold.
        simulation: The keys are for simulations only (Trust.simulation).

    Raises:
        InputError: The name is no vendor daemon's name, or the directory holds keys already; nothing was written.
    """
    try:
        check_vendor_name(vendor)
    except ValueError as error:
        raise InputError("This cannot be a vendor's name.", file="NAME", found=vendor, expected=str(error)) from None
    held = sorted(path.name for pattern in ("*.key", "*.pub", "*.trust") for path in directory.glob(pattern))
    if held:
        raise InputError(
            f"The directory holds keys already: {', '.join(held)}.",
            file=str(directory),
            remedy="Keys are never overwritten: name a new directory, or use `seatkeeper vendor rotate`.",
        )
    root, issuer, daemon = (Ed25519PrivateKey.generate() for _ in range(3))
    trust = Trust(
        vendor=vendor,
        serial=1,
        signed_on=today,
        root=root.public_key().public_bytes_raw().hex(),
        version_rule=version_rule or ("release8" if fold_name(vendor) == "genesys.d" else "flexnet"),
        seats_max=seats_max,
        issuers=(_new_issuer(issuer, today),),
        daemon_certificate=_certify(root, daemon, vendor, today),
        simulation=True if simulation else UNSET,
    )
    files = {
        "root.key": _private_pem(root, passphrase),
        "root.pub": root.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        f"issuer-{trust.issuers[0].id}.key": _private_pem(issuer, passphrase),
        "daemon.key": _private_pem(daemon, passphrase),
        f"{vendor}.trust": sign_trust(trust, root).encode(),
    }
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"This directory cannot be made: {error.strerror}.", file=str(directory)) from None
    written: list[Path] = []
    try:
        for name, data in files.items():
            write_file(directory / name, data, private=name.endswith(".key"), replace=False)
            written.append(directory / name)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return trust


def rotate(directory: Path, *, passphrase: bytes | None = None, today: date, daemon: bool = False) -> Trust:
    """The trust after a new issuer key took the old one's place today; what the old one signed stays good.

    With `daemon` it is the daemon's key that is replaced, and each server then needs a new credential. The passphrase opens the
    root key and encrypts the new one.
    """
    path, trust = load_trust(directory)
    root = load_root(directory, passphrase=passphrase)
    key = Ed25519PrivateKey.generate()
    if daemon:
        changed = msgspec.structs.replace(trust, daemon_certificate=_certify(root, key, trust.vendor, today))
    else:
        ended = tuple(msgspec.structs.replace(issuer, not_after=min(issuer.not_after, today)) for issuer in trust.issuers)
        issuer = _new_issuer(key, today)
        write_file(directory / f"issuer-{issuer.id}.key", _private_pem(key, passphrase), private=True, replace=False)
        changed = msgspec.structs.replace(trust, issuers=(*ended, issuer))
    changed = _write_trust(path, changed, root, today)
    if daemon:
        write_file(directory / "daemon.key", _private_pem(key, passphrase), private=True, replace=True)
    return changed


def revoke(directory: Path, issuer_id: str, *, on: date, reason: str = "", passphrase: bytes | None = None, today: date) -> Trust:
    """The trust after the issuer's signatures were refused for lines issued on the day `on` or later.

    The day may lie before today. Blanks and case in the key id do not matter. The reason is shown wherever a line is refused for it.

    Raises:
        InputError: The trust has no such issuer, or it was revoked as of the same day or an earlier one.
    """
    path, trust = load_trust(directory)
    wanted = "".join(issuer_id.split()).upper()
    issuer = trust.issuer(wanted)
    if issuer is None:
        known = ", ".join(each.id for each in trust.issuers)
        raise InputError(f"{trust.vendor} has no such issuer.", file="ISSUER", found=issuer_id, expected=f"one of {known}")
    if issuer.revoked_on is not None and issuer.revoked_on <= on:
        raise InputError(f"The issuer {wanted} is revoked as of {issuer.revoked_on} already.", file="ISSUER")
    revoked = msgspec.structs.replace(issuer, revoked_on=on, reason=" ".join(reason.split()))
    issuers = tuple(revoked if each.id == wanted else each for each in trust.issuers)
    root = load_root(directory, passphrase=passphrase)
    return _write_trust(path, msgspec.structs.replace(trust, issuers=issuers), root, today)


def load_trust(directory: Path) -> tuple[Path, Trust]:
    """The trust file of a key directory and what it says, checked against the root.pub beside it."""
    found = sorted(directory.glob("*.trust"))
    if len(found) != 1:
        raise InputError(
            "This is not a key directory: it should hold one trust file.",
            file=str(directory),
            found=", ".join(path.name for path in found),
            remedy="Make keys with `seatkeeper vendor init NAME --keys DIR`.",
        )
    return found[0], read_trust(found[0], root=read_root(directory / "root.pub"))


def load_root(directory: Path, *, passphrase: bytes | None = None) -> Ed25519PrivateKey:
    """The root key, which may well be kept elsewhere."""
    return _load_key(directory / "root.key", passphrase, "Bring the root key from where it is kept offline.")


def load_issuer(directory: Path, *, passphrase: bytes | None = None, today: date) -> Ed25519PrivateKey:
    """The newest issuer key that may sign today.

    Raises:
        InputError: There is none.
    """
    _, trust = load_trust(directory)
    valid = [issuer for issuer in reversed(trust.issuers) if not issuer.objection(today)]
    paths = [(issuer, directory / f"issuer-{issuer.id}.key") for issuer in valid]
    for issuer, path in paths:
        if path.exists():
            key = _load_key(path, passphrase, "")
            if key.public_key().public_bytes_raw().hex() != issuer.public_key:
                raise InputError("This is not the key that its name says.", file=str(path), remedy="Restore it from a backup.")
            return key
    problem = f"misses {paths[0][1].name}" if paths else "holds no issuer key that may sign today"
    raise InputError(f"The directory {problem}.", file=str(directory), remedy="Make a new one with `seatkeeper vendor rotate`.")


def issue_credential(directory: Path, hostid: str, into: Path, *, passphrase: bytes | None = None, today: date) -> Path:
    """The file in the directory `into` that makes the server of `hostid` a server of this vendor; one there is replaced.

    Raises:
        InputError: The daemon's key is missing, cannot be opened, or is not the one of the trust file.
    """
    _, trust = load_trust(directory)
    remedy = "Restore it from a backup, or use `seatkeeper vendor rotate --daemon`."
    daemon = _load_key(directory / "daemon.key", passphrase, remedy)
    key = Ed25519PrivateKey.generate()
    try:
        certificate = make_server_certificate(
            daemon, trust.daemon_certificate, hostid, key.public_key(), serial=x509.random_serial_number(), not_before=today
        )
    except ValueError:
        raise InputError("This is not the key that the trust file certifies.", file=str(directory / "daemon.key"), remedy=remedy) from None
    path = credential_path(into, trust.vendor, hostid)
    data = _private_pem(key, None) + certificate.encode() + trust.daemon_certificate.encode()
    write_file(path, data, private=True, replace=True)
    return path


def credential_path(directory: Path, vendor: str, hostid: str) -> Path:
    """Where the credential of `hostid` lies beside a license file in `directory`."""
    folded = fold_name(hostid)
    name = "".join(char if char in _PLAIN else "-" for char in folded)[:_HOSTID_CHARS_MAX]
    if name != folded:
        # Two host ids that look alike in a file name must not share the file.
        name += "-" + sha256(folded.encode()).hexdigest()[:8]
    return directory / f"{vendor}.{name}.credential"


def find_credential(directory: Path, vendor: str, hostids: Iterable[str]) -> Credential | None:
    """The credential in `directory` for the first of `hostids` that has one, or None."""
    for hostid in hostids:
        path = credential_path(directory, vendor, hostid)
        if path.exists():
            credential = read_credential(path)
            if credential.hostid == hostid_text(hostid):
                return credential
    return None


def read_credential(path: Path) -> Credential:
    """What a credential file holds.

    Raises:
        InputError: It cannot be read, or is no credential.
    """
    data = _read(path, _KEY_BYTES_MAX)
    try:
        key = read_private_pem(data)
        certificates = x509.load_pem_x509_certificates(data)
        hostid = hostid_of(certificates[0])
        if hostid is None or certificates[0].public_key() != key.public_key():
            raise ValueError
    except ValueError:
        raise InputError("This is not a server's credential.", file=str(path), remedy="Ask the vendor for a new one.") from None
    chain = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)
    return Credential(path, key, chain, hostid)


def find_trust(vendor: str, explicit: Path | None = None, beside: Path | None = None, cwd: Path | None = None) -> Path | None:
    """The vendor's trust file: the one that is named, else one beside the license file, else one in the working directory.

    Raises:
        InputError: One is named, and is not there.
    """
    name = f"{vendor}.trust"
    if explicit is not None:
        path = explicit / name if explicit.is_dir() else explicit
        if not path.exists():
            raise InputError("There is no such trust file.", file=str(path), remedy="Name the file that the vendor sent with the licenses.")
        return path
    places = ([beside.parent] if beside is not None else []) + ([cwd] if cwd is not None else [])
    return next((place / name for place in places if (place / name).is_file()), None)


def read_trust(path: Path, *, root: bytes | None = None) -> Trust:
    """What the trust file says, once its signature has been checked against `root` or the root that it names."""
    return parse_trust(_read(path, TRUST_BYTES_MAX), root=root, name=str(path))


def read_root(path: Path) -> bytes:
    """The root public key in a file."""
    return parse_root(_read(path, _KEY_BYTES_MAX), name=str(path))


def write_file(path: Path, data: bytes, *, private: bool, replace: bool) -> None:
    """Let `path` hold `data`, whole and on the disk, readable by its owner only where `private`.

    Raises:
        InputError: It cannot be written, or it exists and is not to be replaced.
    """
    try:
        with whole_file(path, PRIVATE if private else PUBLIC, replace=replace) as file:
            file.write(data)
    except OSError as error:
        if error.errno == errno.EEXIST and not replace:
            raise InputError("This file exists and is not overwritten.", file=str(path), remedy="Name another directory.") from None
        raise InputError(f"This file cannot be written: {error.strerror}.", file=str(path)) from None


def _read(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
    if len(data) > bytes_max:
        raise InputError(f"This file is larger than {bytes_max} bytes.", file=str(path))
    return data


def _load_key(path: Path, passphrase: bytes | None, remedy: str) -> Ed25519PrivateKey:
    if not path.exists():
        raise InputError("This key is missing.", file=str(path), remedy=remedy)
    data = _read(path, _KEY_BYTES_MAX)
    try:
        return read_private_pem(data, passphrase)
    except ValueError as error:
        how = "Give its passphrase with --passphrase-file." if is_encrypted(data) else "Restore it from a backup."
        raise InputError("This key cannot be used.", file=str(path), expected=str(error), remedy=how) from None


def _new_issuer(key: Ed25519PrivateKey, today: date) -> Issuer:
    public = key.public_key().public_bytes_raw()
    return Issuer(key_id(public), public.hex(), today, today + timedelta(days=ISSUER_DAYS))


def _certify(root: Ed25519PrivateKey, daemon: Ed25519PrivateKey, vendor: str, today: date) -> str:
    end = today + timedelta(days=DAEMON_DAYS)
    return make_daemon_certificate(root, vendor, daemon.public_key(), serial=x509.random_serial_number(), not_before=today, not_after=end)


def _write_trust(path: Path, trust: Trust, root: Ed25519PrivateKey, today: date) -> Trust:
    trust = msgspec.structs.replace(trust, serial=trust.serial + 1, signed_on=today)
    write_file(path, sign_trust(trust, root).encode(), private=False, replace=True)
    return trust


def _private_pem(key: Ed25519PrivateKey, passphrase: bytes | None) -> bytes:
    if passphrase is None:
        return private_pem(key)
    if not passphrase:
        raise InputError("The passphrase is empty.", file="--passphrase-file")
    return private_pem(key, passphrase, draw=os.urandom(DRAW_BYTES))
