"""A server may call itself a vendor's daemon only with a certificate that the vendor made for its host id.

Two certificates stand between the vendor's root and a connection. The *daemon certificate* is in the trust file: the root
signed it, and its key may certify servers, nothing else. The *server certificate* is made with each license file, one for each
SERVER host id, on a key of its own: its subject is the vendor daemon's name, and its one alternative name is the URI
`seatkeeper:hostid:<host id>`. The host *name* is left out, because the administrator may change it. Both are ordinary X.509
certificates with Ed25519 keys, so the same pair serves for TLS, as server and as client.

Private keys never pass through here except to sign.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, SignatureAlgorithmOID

from seatkeeper.base.dates import format_date
from seatkeeper.base.errors import LicenseError
from seatkeeper.licfile.canonical import fold_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from seatkeeper.licfile.trust import Trust

__all__ = [
    "CHAIN_BYTES_MAX",
    "HOSTID_URI",
    "check_chain",
    "hostid_of",
    "hostid_text",
    "leaf_of",
    "make_daemon_certificate",
    "make_server_certificate",
]

#: Two certificates of about 700 bytes each, with room.
CHAIN_BYTES_MAX: Final = 16 * 1024
HOSTID_URI: Final = "seatkeeper:hostid:"

_URI_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_:=")


def make_daemon_certificate(
    root: Ed25519PrivateKey, vendor: str, public: Ed25519PublicKey, *, serial: int, not_before: date, not_after: date
) -> str:
    """The certificate, as PEM, by which the root lets the daemon's key certify the servers of `vendor`."""
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = _builder(_name(vendor, "license server authority"), _name(vendor, "root"), root.public_key(), public, serial)
    builder = builder.not_valid_before(_midnight(not_before) - timedelta(days=1)).not_valid_after(_midnight(not_after) + timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(usage, critical=True)
    return builder.sign(root, None).public_bytes(Encoding.PEM).decode()


def make_server_certificate(
    daemon: Ed25519PrivateKey, daemon_certificate: str, hostid: str, public: Ed25519PublicKey, *, serial: int, not_before: date
) -> str:
    """The certificate, as PEM, of a server with `hostid`; it is good as long as the daemon's certificate.

    Raises:
        ValueError: `daemon` is not the key of the daemon's certificate.
    """
    authority = x509.load_pem_x509_certificate(daemon_certificate.encode())
    if daemon.public_key() != authority.public_key():
        raise ValueError("the key of the daemon's certificate")
    vendor = str(authority.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(HOSTID_URI + hostid_text(hostid))])
    builder = _builder(_name(vendor, "license server"), authority.subject, daemon.public_key(), public, serial)
    builder = builder.not_valid_before(_midnight(not_before) - timedelta(days=1)).not_valid_after(authority.not_valid_after_utc)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True).add_extension(both, critical=False).add_extension(name, critical=False)
    return builder.sign(daemon, None).public_bytes(Encoding.PEM).decode()


def check_chain(chain: bytes, *, trust: Trust, hostids: Collection[str], today: date) -> Ed25519PublicKey:
    """The key of a server's certificate, once the certificate is known to lead to the trust's root.

    Args:
        chain: The server's certificate, which the daemon's may follow, as PEM.
        trust: The trust that the root signed.
        hostids: The host ids that the server may have.
        today: The day for which both certificates must be valid.

    Raises:
        LicenseError: -33, with the reason.
    """
    server, *others = _read_chain(chain)
    authority, *further = _read_chain(trust.daemon_certificate.encode())
    if further:
        raise _refusal(f"The trust file of {trust.vendor} has more than one certificate of its vendor daemon.")
    if any(other != authority for other in others):
        whose = _common_name(server) or "nobody"
        raise _refusal(f"The server's certificate, for {whose}, was made under another authority than that of {trust.vendor}'s trust file.")
    _check_signed(authority, Ed25519PublicKey.from_public_bytes(bytes.fromhex(trust.root)), f"by the root of {trust.vendor}")
    _check_signed(server, authority.public_key(), f"by the license server authority of {trust.vendor}")
    for certificate, whose in ((authority, "vendor daemon"), (server, "server")):
        first, last = certificate.not_valid_before_utc.date(), certificate.not_valid_after_utc.date()
        if not first <= today <= last:
            raise _refusal(f"The {whose}'s certificate is valid from {format_date(first)} to {format_date(last)}, not today.")
    if _common_name(server) != trust.vendor:
        raise _refusal(f"The server's certificate is for {_common_name(server)!r}, not for {trust.vendor}.")
    hostid = hostid_of(server)
    if hostid is None or hostid not in {hostid_text(wanted) for wanted in hostids}:
        bound = ", ".join(sorted(hostids)) or "none"
        raise _refusal(f"The server's certificate is for host id {hostid or 'none'}; the licenses are for {bound}.")
    key = server.public_key()
    if not isinstance(key, Ed25519PublicKey):
        raise _refusal("The key of the server's certificate is not an Ed25519 key.")
    return key


def leaf_of(chain: bytes) -> tuple[bytes, str]:
    """The first certificate of a chain (PEM), and the SHA-256, in hex, of its public key (SubjectPublicKeyInfo).

    Raises:
        LicenseError: It is no chain.
    """
    first = _read_chain(chain)[0]
    key = first.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return first.public_bytes(Encoding.PEM), sha256(key).hexdigest()


def hostid_of(certificate: x509.Certificate) -> str | None:
    """The host id, folded and in the URI's spelling, that a server certificate is for; None where it names none or several."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError, TypeError):
        return None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if constraints.ca or len(uris) != 1 or len(list(names)) != 1 or not uris[0].startswith(HOSTID_URI):
        return None
    return uris[0][len(HOSTID_URI) :]


def hostid_text(hostid: str) -> str:
    """`hostid` as certificates spell it: folded, and with anything that a URI cannot hold as %xx."""
    return "".join(chr(byte) if chr(byte) in _URI_PLAIN else f"%{byte:02x}" for byte in fold_name(hostid).encode())


def _read_chain(chain: bytes) -> list[x509.Certificate]:
    if len(chain) > CHAIN_BYTES_MAX:
        raise _refusal(f"The certificates are larger than {CHAIN_BYTES_MAX} bytes.")
    try:
        # Without a certificate that is a ValueError too; a version that does not exist is an error of its own.
        return x509.load_pem_x509_certificates(chain)
    except (ValueError, x509.InvalidVersion):
        raise _refusal("What should be certificates cannot be read.") from None


def _check_signed(certificate: x509.Certificate, key: object, phrase: str) -> None:
    # The library's own chain check wants a certificate for each signer; the root is a bare key.
    try:
        if certificate.signature_algorithm_oid != SignatureAlgorithmOID.ED25519 or not isinstance(key, Ed25519PublicKey):
            raise InvalidSignature
        key.verify(certificate.signature, certificate.tbs_certificate_bytes)
    except (InvalidSignature, ValueError):
        raise _refusal(f"The certificate of {_common_name(certificate) or 'the server'} was not signed {phrase}.") from None


def _common_name(certificate: x509.Certificate) -> str:
    try:
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, TypeError):
        # A name of another type of text than names have is a TypeError.
        return ""
    return str(names[0].value) if len(names) == 1 else ""


def _builder(
    subject: x509.Name, issuer: x509.Name, signer: Ed25519PublicKey, public: Ed25519PublicKey, serial: int
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public).serial_number(serial)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    return builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)


def _name(vendor: str, role: str) -> x509.Name:
    # The role keeps the subjects of a chain apart: TLS libraries take equal subject and issuer for a self-made certificate.
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, role), x509.NameAttribute(NameOID.COMMON_NAME, vendor)])


def _midnight(day: date) -> datetime:
    # One day more on either side covers every time zone: the days of license files are local, those of certificates UTC.
    return datetime.combine(day, time(), UTC)


def _refusal(reason: str) -> LicenseError:
    return LicenseError(-33, reason=reason)
