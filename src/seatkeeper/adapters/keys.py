"""A vendor's keys lie in one directory, readable by their owner only, and are never replaced by accident.

    root.key            signs trust files; belongs offline, and only `rotate` and `revoke` need it
    root.pub            the root public key, which applications pin
    issuer-<id>.key     signs license lines; `seatkeeper issue` needs one that is valid today
    daemon.key          certifies servers; `seatkeeper issue` needs it
    <vendor>.trust      what the root vouches for; goes out with every license file

Any of the private keys may live in a token instead; keyplaces.py knows files and tokens apart. What changes the trust file is one change
at a time, and leaves no key behind that the trust file does not know.

A server's credential lies beside the license file, as `<vendor>.<host id>.credential`: private key, its certificate, the
daemon's certificate, all PEM, so that TLS libraries take the file as it is.

Every file is written beside its place and then moved there, and is born with its mode: there is no moment at which others can
read a key or anyone a half-written file.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import UNSET

from seatkeeper.adapters.keyplaces import (
    KEY_BYTES_MAX,
    KINDS,
    change_passphrase,
    find_key,
    making,
    new_key,
    open_key,
    passphrase_for,
    place_for,
    write_file,
)
from seatkeeper.adapters.tokens import is_token
from seatkeeper.adapters.wholefile import alone
from seatkeeper.base.dates import format_date
from seatkeeper.base.errors import InputError
from seatkeeper.licfile.canonical import fold_name
from seatkeeper.licfile.certificate import hostid_of, hostid_text, make_daemon_certificate, make_server_certificate
from seatkeeper.licfile.grammar import check_vendor_name
from seatkeeper.licfile.pem import private_pem, read_private_pem
from seatkeeper.licfile.trust import SEATS_MAX, TRUST_BYTES_MAX, Issuer, Trust, key_id, parse_root, parse_trust, sign_trust

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from seatkeeper.adapters.keyplaces import KeyKind, Passphrase
    from seatkeeper.base.values import VersionRule

__all__ = [
    "DAEMON_DAYS",
    "ISSUER_DAYS",
    "ISSUER_DAYS_MAX",
    "Credential",
    "change_passphrase",
    "check_empty",
    "credential_path",
    "find_credential",
    "find_trust",
    "init_vendor",
    "issue_credential",
    "known_issuer",
    "load_issuer",
    "load_root",
    "load_trust",
    "open_root",
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

#: A day of a trust file has a year of four digits, and nobody plans further.
ISSUER_DAYS_MAX: Final = 100 * 365

_BRING_ROOT: Final = "Bring the root key from where it is kept offline, and name that place with --root."
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
    passphrase: Passphrase = None,
    today: date,
    version_rule: VersionRule | None = None,
    seats_max: int = SEATS_MAX,
    simulation: bool = False,
    days: int = ISSUER_DAYS,
    start: date | None = None,
    root: str | Path | None = None,
    tokens: Mapping[KeyKind, str] | None = None,
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
        days: How long the issuer key may sign.
        start: The first day on which it may; today by default.
        root: The directory or file in which the root key is to be, or its URI in a token; by default `directory`.
        tokens: The URI of each kind of key that is to be made in a token.

    Raises:
        InputError: The name is no vendor daemon's name, or there are keys already; nothing was written.
    """
    try:
        check_vendor_name(vendor)
    except ValueError as error:
        raise InputError("This cannot be a vendor's name.", file="NAME", found=vendor, expected=str(error)) from None
    check_empty(directory)
    tokens = dict(tokens or {})
    if isinstance(root, str) and is_token(root):
        tokens["root"], root = root, None
    root_file = _root_file(directory, root)
    start = start or today
    with making() as made:
        keys = {kind: made.key(new_key(tokens.get(kind, ""), passphrase_for(passphrase, kind))) for kind in KINDS}
        issuer = _new_issuer(keys["issuer"].key, start, days)
        trust = Trust(
            vendor=vendor,
            serial=1,
            signed_on=today,
            root=keys["root"].key.public_key().public_bytes_raw().hex(),
            version_rule=version_rule or ("release8" if fold_name(vendor) == "genesys.d" else "flexnet"),
            seats_max=seats_max,
            issuers=(issuer,),
            daemon_certificate=_certify(keys["root"].key, keys["daemon"].key, vendor, today),
            simulation=True if simulation else UNSET,
        )
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"This directory cannot be made: {error.strerror}.", file=str(directory)) from None
        public = keys["root"].key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        made.file(root_file.with_name(root_file.name + keys["root"].suffix), keys["root"].data, private=True)
        made.file(directory / "root.pub", public, private=False)
        made.file(directory / f"issuer-{issuer.id}{keys['issuer'].suffix}", keys["issuer"].data, private=True)
        made.file(directory / f"daemon{keys['daemon'].suffix}", keys["daemon"].data, private=True)
        made.file(directory / f"{vendor}.trust", sign_trust(trust, keys["root"].key).encode(), private=False)
    return trust


def rotate(
    directory: Path,
    *,
    passphrase: Passphrase = None,
    today: date,
    daemon: bool = False,
    root: str | Path | None = None,
    days: int = ISSUER_DAYS,
    start: date | None = None,
    overlap: int = 0,
    token: str = "",
) -> Trust:
    """The trust after a new issuer key took the old one's place; what the old one signed stays good.

    Args:
        directory: The directory of the keys.
        passphrase: Opens the root key and encrypts the new one.
        today: The day of the change.
        daemon: Replace the daemon's key instead; each server then needs a new credential.
        root: Where the root key is (`place_for`).
        days: How long the new issuer key may sign.
        start: The first day on which it may, today or later; today by default.
        overlap: How many days longer than that first day the old one may sign.
        token: The URI under which the new key is to be made in a token.

    Raises:
        InputError: The root key is missing or another one, or a day makes no sense; nothing was changed.
    """
    start = start or today
    if start < today:
        raise InputError(
            "A new issuer key cannot begin to sign before today.", found=format_date(start), expected=f"{format_date(today)} or later"
        )
    with _changing(directory) as (path, trust):
        signer = open_root(directory, trust, root, passphrase=passphrase)
        with making() as made:
            key = made.key(new_key(token, passphrase_for(passphrase, "daemon" if daemon else "issuer")))
            if daemon:
                changed = msgspec.structs.replace(trust, daemon_certificate=_certify(signer, key.key, trust.vendor, today))
            else:
                issuer = _new_issuer(key.key, start, days)
                end = start + timedelta(days=overlap)
                # A key that was prepared for a later day keeps its time.
                ended = tuple(
                    msgspec.structs.replace(each, not_after=min(each.not_after, end)) if each.not_before <= start else each
                    for each in trust.issuers
                )
                made.file(directory / f"issuer-{issuer.id}{key.suffix}", key.data, private=True)
                changed = msgspec.structs.replace(trust, issuers=(*ended, issuer))
            changed = _write_trust(path, changed, signer, today)
        if daemon:
            write_file(directory / f"daemon{key.suffix}", key.data, private=True, replace=True)
            for suffix in {".key", ".token"} - {key.suffix}:
                (directory / f"daemon{suffix}").unlink(missing_ok=True)
    return changed


def revoke(
    directory: Path,
    issuer_id: str,
    *,
    on: date,
    reason: str = "",
    passphrase: Passphrase = None,
    today: date,
    root: str | Path | None = None,
) -> Trust:
    """The trust after the issuer's signatures were refused for lines issued on the day `on` or later.

    The day may lie before today. Blanks and case in the key id do not matter. The reason is shown wherever a line is refused for it.

    Raises:
        InputError: The trust has no such issuer, or it was revoked as of the same day or an earlier one.
    """
    with _changing(directory) as (path, trust):
        issuer = known_issuer(trust, issuer_id)
        if issuer.revoked_on is not None and issuer.revoked_on <= on:
            raise InputError(f"The issuer {issuer.id} is revoked as of {format_date(issuer.revoked_on)} already.", file="ISSUER")
        revoked = msgspec.structs.replace(issuer, revoked_on=on, reason=" ".join(reason.split()))
        issuers = tuple(revoked if each.id == issuer.id else each for each in trust.issuers)
        signer = open_root(directory, trust, root, passphrase=passphrase)
        return _write_trust(path, msgspec.structs.replace(trust, issuers=issuers), signer, today)


def known_issuer(trust: Trust, issuer_id: str) -> Issuer:
    """The issuer of that key id; blanks and case do not matter.

    Raises:
        InputError: The trust has none.
    """
    issuer = trust.issuer("".join(issuer_id.split()).upper())
    if issuer is None:
        known = ", ".join(each.id for each in trust.issuers)
        raise InputError(f"{trust.vendor} has no such issuer.", file="ISSUER", found=issuer_id, expected=f"one of {known}")
    return issuer


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


def load_root(directory: Path, *, passphrase: Passphrase = None) -> Ed25519PrivateKey:
    """The root key of a directory that has it."""
    return open_key(place_for(directory, None), passphrase_for(passphrase, "root"), _BRING_ROOT)


def open_root(directory: Path, trust: Trust, where: str | Path | None = None, *, passphrase: Passphrase = None) -> Ed25519PrivateKey:
    """The root key that signed `trust`, from `where` it is kept or from `directory`.

    Raises:
        InputError: It is missing, cannot be opened, or is another vendor's.
    """
    place = place_for(directory, where)
    key = open_key(place, passphrase_for(passphrase, "root"), _BRING_ROOT)
    if key.public_key().public_bytes_raw().hex() != trust.root:
        remedy = f"Use the root key that {trust.vendor}.trust was made with."
        raise InputError("This is not the root key of these keys.", file=str(place), remedy=remedy)
    return key


def load_issuer(directory: Path, *, passphrase: Passphrase = None, today: date) -> Ed25519PrivateKey:
    """The newest issuer key that may sign today.

    Raises:
        InputError: There is none.
    """
    _, trust = load_trust(directory)
    valid = [issuer for issuer in reversed(trust.issuers) if not issuer.objection(today)]
    for issuer in valid:
        path = find_key(directory, f"issuer-{issuer.id}")
        if path is not None:
            key = open_key(path, passphrase_for(passphrase, "issuer"))
            if key.public_key().public_bytes_raw().hex() != issuer.public_key:
                raise InputError("This is not the key that its name says.", file=str(path), remedy="Restore it from a backup.")
            return key
    problem = f"misses issuer-{valid[0].id}.key" if valid else "holds no issuer key that may sign today"
    raise InputError(f"The directory {problem}.", file=str(directory), remedy="Make a new one with `seatkeeper vendor rotate`.")


def issue_credential(directory: Path, hostid: str, into: Path, *, passphrase: Passphrase = None, today: date) -> Path:
    """The file in the directory `into` that makes the server of `hostid` a server of this vendor; one there is replaced.

    Raises:
        InputError: The daemon's key is missing, cannot be opened, or is not the one of the trust file.
    """
    _, trust = load_trust(directory)
    remedy = "Restore it from a backup, or use `seatkeeper vendor rotate --daemon`."
    place = find_key(directory, "daemon") or directory / "daemon.key"
    daemon = open_key(place, passphrase_for(passphrase, "daemon"), remedy)
    key = Ed25519PrivateKey.generate()
    try:
        certificate = make_server_certificate(
            daemon, trust.daemon_certificate, hostid, key.public_key(), serial=x509.random_serial_number(), not_before=today
        )
    except ValueError:
        raise InputError("This is not the key that the trust file certifies.", file=str(place), remedy=remedy) from None
    path = credential_path(into, trust.vendor, hostid)
    data = private_pem(key) + certificate.encode() + trust.daemon_certificate.encode()
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
    data = _read(path, KEY_BYTES_MAX)
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
    return parse_root(_read(path, KEY_BYTES_MAX), name=str(path))


def _read(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
    if len(data) > bytes_max:
        raise InputError(f"This file is larger than {bytes_max} bytes.", file=str(path))
    return data


@contextmanager
def _changing(directory: Path) -> Iterator[tuple[Path, Trust]]:
    """The trust file and what it says, while nobody else signs the next one: two changes at once must not bear one serial."""
    path, _ = load_trust(directory)
    try:
        with alone(path):
            yield load_trust(directory)
    except TimeoutError:
        raise InputError("Another program is changing this trust file.", file=str(path), remedy="Try again.") from None
    except OSError as error:
        raise InputError(f"This trust file cannot be changed: {error.strerror}.", file=str(path)) from None


def check_empty(directory: Path) -> None:
    """Return only if a new vendor's keys may be made in the directory.

    Raises:
        InputError: It holds keys.
    """
    held = sorted(path.name for pattern in ("*.key", "*.token", "*.pub", "*.trust") for path in directory.glob(pattern))
    if held:
        raise InputError(
            f"The directory holds keys already: {', '.join(held)}.",
            file=str(directory),
            remedy="Keys are never overwritten: name a new directory, or use `seatkeeper vendor rotate`.",
        )


def _root_file(directory: Path, root: str | Path | None) -> Path:
    """The new root key's file, as yet without the ending of its name."""
    if root is None:
        return directory / "root"
    place = Path(root)
    if place.is_dir():
        if (held := find_key(place, "root")) is not None:
            raise InputError("There is a root key already.", file=str(held), remedy="Keys are never overwritten: name another place.")
        return place / "root"
    if place.suffix != ".key" or not place.parent.is_dir():
        expected = "a directory that is there, a file NAME.key in one, or a key in a token (pkcs11:...)"
        raise InputError("The root key cannot be made there.", file="--root", found=str(place), expected=expected)
    return place.with_suffix("")


def _new_issuer(key: Ed25519PrivateKey, start: date, days: int) -> Issuer:
    if not 1 <= days <= ISSUER_DAYS_MAX:
        raise InputError("An issuer key cannot be valid for so long.", found=str(days), expected=f"1 to {ISSUER_DAYS_MAX} days")
    public = key.public_key().public_bytes_raw()
    return Issuer(key_id(public), public.hex(), start, start + timedelta(days=days))


def _certify(root: Ed25519PrivateKey, daemon: Ed25519PrivateKey, vendor: str, today: date) -> str:
    end = today + timedelta(days=DAEMON_DAYS)
    return make_daemon_certificate(root, vendor, daemon.public_key(), serial=x509.random_serial_number(), not_before=today, not_after=end)


def _write_trust(path: Path, trust: Trust, root: Ed25519PrivateKey, today: date) -> Trust:
    trust = msgspec.structs.replace(trust, serial=trust.serial + 1, signed_on=today)
    write_file(path, sign_trust(trust, root).encode(), private=False, replace=True)
    return trust
