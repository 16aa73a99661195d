"""A license line counts only if a key that the vendor's root vouches for signed it on a day when that key was good.

The chain is short. The *root* is offline; applications pin its public key. It signs one file, `<vendor>.trust`, which lists
the *issuer* keys that may sign license lines, each with its days of validity and, if it came to that, the day of its
revocation, and which carries the certificate of the *vendor daemon's* key. That key certifies, for each SERVER host id, the key
of the *server* (certificate.py). Who knows the root therefore knows which lines are genuine and which server may grant them.

A line bears the day on which it was signed (ISSUED). It verifies when its issuer key was valid on that day and not yet
revoked, so that rotating or revoking a key never makes a file worthless that was signed before. The price: who steals an issuer
key can write an earlier day; the remedy is a revocation as of an earlier day (docs/trust.md).

What the root signs is not the file's text but a compact encoding of its values in a fixed order, so the text may be laid out
for reading.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from seatkeeper.base.dates import format_date
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.base.values import VersionRule

if TYPE_CHECKING:
    from collections.abc import Collection

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "ENDS_SOON_DAYS",
    "KEY_BYTES",
    "KEY_ID_BYTES",
    "NONCE_BYTES_MIN",
    "SEATS_MAX",
    "TRUST_BYTES_MAX",
    "Issuer",
    "Trust",
    "check_server",
    "ending_sentence",
    "key_id",
    "parse_root",
    "parse_trust",
    "public_key",
    "server_proof",
    "sign_trust",
]

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 8
TRUST_BYTES_MAX: Final = 1024 * 1024
#: A client's nonce must be too long to be guessed or met twice.
NONCE_BYTES_MIN: Final = 16
#: What one client may hold of one feature unless the vendor says otherwise (guide: at most 9999).
SEATS_MAX: Final = 9999
#: So long before nobody may sign any more the desk is told: time enough to bring the root key out.
ENDS_SOON_DAYS: Final = 30

_TRUST_TAG: Final = b"seatkeeper/trust/1\0"
_PROOF_TAG: Final = b"seatkeeper/server-proof/1\0"

_KeyId = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-F]{16}\Z")]
_KeyHex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_SignatureHex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}\Z")]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\Z", max_length=30)]


class Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that may sign license lines, and on which days its signature counts.

    Attributes:
        id: The key id as SIGN begins with it: `key_id` of the key.
        public_key: 64 hex digits.
        not_before: The first day on which it may sign.
        not_after: The last day on which it may sign.
        revoked_on: The first day from which its signatures are refused; None while it is not revoked.
        reason: Why it was revoked.
    """

    id: _KeyId
    public_key: _KeyHex
    not_before: date
    not_after: date
    revoked_on: date | None = None
    reason: str = ""

    @property
    def last_day(self) -> date:
        """The last day on which its signature counts."""
        return self.not_after if self.revoked_on is None else min(self.not_after, self.revoked_on - timedelta(days=1))

    def objection(self, issued: date) -> str:
        """Why a line issued on that day is not to be believed, as the end of a sentence; empty where it is."""
        if self.revoked_on is not None and issued >= self.revoked_on:
            return f"was revoked on {format_date(self.revoked_on)}" + (f" ({self.reason})" if self.reason else "")
        if issued < self.not_before:
            return f"is valid only from {format_date(self.not_before)}"
        if issued > self.not_after:
            return f"was valid only until {format_date(self.not_after)}"
        return ""


class Trust(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a vendor's root vouches for.

    Attributes:
        vendor: The vendor daemon's name.
        serial: Grows by one with each trust file that the root signs.
        signed_on: The day on which this one was signed.
        root: The root public key, 64 hex digits.
        version_rule: By which rule a license's version meets a request's.
        seats_max: How many seats of one feature a client may hold.
        issuers: The keys that may sign license lines, oldest first.
        daemon_certificate: The certificate of the vendor daemon's key, as PEM.
        simulation: True where the keys are for simulations only: a license server may then run on a simulated clock.
    """

    vendor: _Name
    serial: Annotated[int, msgspec.Meta(ge=1)]
    signed_on: date
    root: _KeyHex
    version_rule: VersionRule
    seats_max: Annotated[int, msgspec.Meta(ge=1)]
    issuers: tuple[Issuer, ...]
    daemon_certificate: str
    # Not written where it does not hold, so that what was signed before there was such a thing stays as it was signed.
    simulation: bool | msgspec.UnsetType = msgspec.UNSET

    def issuer(self, wanted: str) -> Issuer | None:
        """The issuer with that key id, or None."""
        return next((issuer for issuer in self.issuers if issuer.id == wanted), None)


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The trust file as it is written."""

    format: Literal["seatkeeper-trust-1"]
    trust: Trust
    signature: _SignatureHex


def ending_sentence(trust: Trust, today: date) -> str:
    """That the issuer keys end soon, and when; empty where, one after the other, they may sign longer than `ENDS_SOON_DAYS`.

    Empty, too, where no key may sign today: that is no warning any more, and is said where a key is asked for.
    """
    last, day = None, today
    while ends := [issuer.last_day for issuer in trust.issuers if not issuer.objection(day)]:
        last = max(ends)
        if (last - today).days > ENDS_SOON_DAYS:
            return ""
        day = last + timedelta(days=1)
    if last is None:
        return ""
    left = (last - today).days
    when = f"in {left} day{'' if left == 1 else 's'}" if left else "today"
    return f"The last day on which an issuer key of {trust.vendor} may sign is {format_date(last)}, {when}."


def key_id(public: bytes) -> str:
    """The name of a public key: 16 upper-case hex digits, the first 8 bytes of its SHA-256."""
    return sha256(public).hexdigest()[: 2 * KEY_ID_BYTES].upper()


@lru_cache(maxsize=256)
def public_key(digits: str) -> Ed25519PublicKey:
    """The key that 64 hex digits stand for."""
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(digits))


def sign_trust(trust: Trust, root: Ed25519PrivateKey) -> str:
    """The text of a trust file that says `trust`.

    Raises:
        InputError: `root` is not the private half of the root that `trust` names.
    """
    if root.public_key().public_bytes_raw().hex() != trust.root:
        raise InputError("The key is not the root of this trust file.", remedy="Use the root key it was made with.")
    signed = _Signed("seatkeeper-trust-1", trust, root.sign(_signed_bytes(trust)).hex())
    return msgspec.json.format(msgspec.json.encode(signed), indent=2).decode() + "\n"


def parse_trust(text: str | bytes, *, root: bytes | None, name: str = "trust file") -> Trust:
    """What a trust file says, once its signature has been checked.

    Args:
        text: The file's content.
        root: The root public key that must have signed it; None trusts the root that the file itself names.
        name: How errors call the file.

    Raises:
        InputError: It is no trust file, or its content is not what was signed.
        LicenseError: -137, it is signed by another root than the pinned one.
    """
    if len(text) > TRUST_BYTES_MAX:
        raise InputError(f"This trust file is larger than {TRUST_BYTES_MAX} bytes.", file=name, remedy="Ask the vendor for a good copy.")
    try:
        signed = msgspec.json.decode(text, type=_Signed)
        data = _signed_bytes(signed.trust)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InputError(f"This is not a trust file: {error}.", file=name, remedy="Ask the vendor for a good copy.") from None
    trust = signed.trust
    if root is not None and trust.root != root.hex():
        raise LicenseError(
            -137,
            reason=f"{name} is signed by root {trust.root}, but root {root.hex()} is pinned here.",
            remedy="Use the vendor's own trust file; if the vendor did change the root, pin the new one.",
        )
    try:
        public_key(trust.root).verify(bytes.fromhex(signed.signature), data)
    except InvalidSignature:
        raise InputError(
            "The root's signature does not fit the content of this trust file.",
            file=name,
            remedy="It was changed after signing: ask the vendor for a good copy.",
        ) from None
    seen = set()
    for issuer in trust.issuers:
        if issuer.id != key_id(bytes.fromhex(issuer.public_key)) or issuer.id in seen:
            raise InputError(f"The issuer {issuer.id} does not bear its own key id, or stands twice.", file=name)
        seen.add(issuer.id)
    return trust


def parse_root(given: str | bytes, *, name: str = "root public key") -> bytes:
    """The 32 bytes of a root public key given raw, as 64 hex digits or as PEM.

    Raises:
        InputError: It is none of these.
    """
    if isinstance(given, bytes) and len(given) == KEY_BYTES:
        return given
    data = given.encode("utf-8", "replace") if isinstance(given, str) else given
    text = data.strip()
    if len(text) == 2 * KEY_BYTES:
        try:
            return bytes.fromhex(text.decode("ascii"))
        except ValueError:
            pass
    if text.startswith(b"-----BEGIN PUBLIC KEY-----"):
        from cryptography.hazmat.primitives.serialization import load_pem_public_key  # 20 ms that only this form needs

        try:
            key = load_pem_public_key(text)
        except ValueError:
            key = None
        if isinstance(key, Ed25519PublicKey):
            return key.public_bytes_raw()
    raise InputError(
        "This is not an Ed25519 public key.",
        file=name,
        found=text[:40].decode("utf-8", "replace"),
        expected="32 raw bytes, 64 hex digits, or PEM that begins with -----BEGIN PUBLIC KEY-----",
        remedy="Copy it from root.pub, which `seatkeeper vendor init` wrote.",
    )


def server_proof(key: Ed25519PrivateKey, nonce: bytes, session: bytes, vendor: str, *, binding: bytes = b"") -> bytes:
    """The signature by which a server shows, once a session, that it holds its certified key.

    Args:
        key: The private key of the server's credential.
        nonce: What the client drew for this session.
        session: The session's id.
        vendor: The vendor daemon's name.
        binding: What ties the proof to the connection, where TLS can tell; both sides must give the same.
    """
    return key.sign(_proof_bytes(nonce, session, vendor, binding))


def check_server(
    chain: bytes,
    proof: bytes,
    *,
    nonce: bytes,
    session: bytes,
    trust: Trust,
    hostids: Collection[str],
    today: date,
    binding: bytes = b"",
) -> None:
    """Return only if the other side holds a key that the vendor daemon's key certified for one of `hostids`.

    Args:
        chain: The server's certificate, which the daemon's may follow, as PEM.
        proof: What `server_proof` made on the other side.
        nonce: What this client drew for this session.
        session: The session's id.
        trust: The trust that the pinned root signed.
        hostids: The host ids that the verified license lines are bound to.
        today: The day for which certificates must be valid.
        binding: What ties the proof to the connection.

    Raises:
        LicenseError: -33, with the reason.
    """
    from seatkeeper.licfile.certificate import check_chain  # 45 ms of X.509 that only a session with a pinned root needs

    proven = _proof_bytes(nonce, session, trust.vendor, binding)
    key = check_chain(chain, trust=trust, hostids=hostids, today=today)
    try:
        key.verify(proof, proven)
    except InvalidSignature:
        raise LicenseError(-33, reason="The server did not prove that it holds the key of its certificate.") from None


def _signed_bytes(trust: Trust) -> bytes:
    return _TRUST_TAG + msgspec.json.encode(trust, order="sorted")


def _proof_bytes(nonce: bytes, session: bytes, vendor: str, binding: bytes) -> bytes:
    if len(nonce) < NONCE_BYTES_MIN:
        raise ValueError(f"a nonce of at least {NONCE_BYTES_MIN} bytes")
    parts = (vendor.encode(), nonce, session, binding)
    return _PROOF_TAG + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
