from __future__ import annotations

import base64
from datetime import UTC, date, datetime

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from seatkeeper.base.errors import LicenseError
from seatkeeper.licfile.certificate import check_chain, hostid_of, hostid_text, make_daemon_certificate, make_server_certificate
from seatkeeper.licfile.trust import Trust

DAY, END = date(2026, 3, 3), date(2046, 3, 3)
ROOT, DAEMON, SERVER = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2, 3))
AUTHORITY = make_daemon_certificate(ROOT, "genesys.d", DAEMON.public_key(), serial=7, not_before=DAY, not_after=END)
MADE = make_server_certificate(DAEMON, AUTHORITY, "ABC", SERVER.public_key(), serial=9, not_before=DAY)
TRUST = Trust("genesys.d", 1, DAY, ROOT.public_key().public_bytes_raw().hex(), "release8", 9999, (), AUTHORITY)


def forged(*, subject: str = "genesys.d", ca: bool = False, names: tuple[str, ...] = ("seatkeeper:hostid:abc",)) -> bytes:
    """A certificate that the daemon's key signed, though not for a server as it should be."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(SERVER.public_key()).serial_number(1)
    builder = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2030, 1, 1, tzinfo=UTC))
    builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(map(x509.UniformResourceIdentifier, names))), critical=False)
    return builder.sign(DAEMON, None).public_bytes(Encoding.PEM)


def test_a_server_certificate_says_what_it_is_for() -> None:
    certificate = x509.load_pem_x509_certificate(MADE.encode())
    assert hostid_of(certificate) == "abc"
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "genesys.d"
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    authority = x509.load_pem_x509_certificate(AUTHORITY.encode())
    certificate.verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    assert certificate.not_valid_after_utc == authority.not_valid_after_utc
    assert (certificate.serial_number, authority.serial_number) == (9, 7)
    assert authority.subject != authority.issuer != certificate.subject


def test_a_good_chain_gives_the_servers_key() -> None:
    assert check_chain((MADE + AUTHORITY).encode(), trust=TRUST, hostids=["ABC"], today=DAY) == SERVER.public_key()


@pytest.mark.parametrize(
    ("chain", "phrase"),
    [
        (forged(subject="other.d"), "is for 'other.d'"),
        (forged(ca=True), "is for host id none"),
        (forged(names=()), "is for host id none"),
        (forged(names=("seatkeeper:hostid:abc", "seatkeeper:hostid:def")), "is for host id none"),
        (forged(names=("https://abc",)), "is for host id none"),
    ],
)
def test_what_is_signed_but_no_server_certificate_is_refused(chain: bytes, phrase: str) -> None:
    with pytest.raises(LicenseError) as caught:
        check_chain(chain, trust=TRUST, hostids=["abc"], today=DAY)
    assert caught.value.number == -33
    assert phrase in caught.value.reason


def patched(old: bytes, new: bytes) -> bytes:
    """The server's certificate with bytes of it replaced, unsigned as it then is."""
    data = x509.load_pem_x509_certificate(MADE.encode()).public_bytes(Encoding.DER)
    assert old in data
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(data.replace(old, new)) + b"-----END CERTIFICATE-----\n"


def with_version(number: int) -> bytes:
    """The server's certificate, of an X.509 version that does not exist."""
    return patched(b"\xa0\x03\x02\x01\x02", bytes((0xA0, 3, 2, 1, number)))


@pytest.mark.parametrize("chain", [b"", b"nonsense", with_version(3), with_version(106), MADE.encode()[:-40]])
def test_what_cannot_be_read_is_refused(chain: bytes) -> None:
    with pytest.raises(LicenseError) as caught:
        check_chain(chain, trust=TRUST, hostids=["abc"], today=DAY)
    assert (caught.value.number, caught.value.reason) == (-33, "What should be certificates cannot be read.")


@pytest.mark.parametrize("tag", [0x03, 0x04, 0x1E, 0x00])
def test_a_name_that_is_no_text_is_refused(tag: int) -> None:
    # 0x0C is UTF-8 text, 0x03 a string of bits.
    with pytest.raises(LicenseError) as caught:
        check_chain(patched(b"\x0c\x09genesys.d", bytes((tag, 9)) + b"genesys.d"), trust=TRUST, hostids=["abc"], today=DAY)
    assert caught.value.number == -33


def test_a_trust_file_with_two_certificates_is_refused() -> None:
    trust = msgspec.structs.replace(TRUST, daemon_certificate=AUTHORITY + AUTHORITY)
    with pytest.raises(LicenseError, match="server") as caught:
        check_chain(MADE.encode(), trust=trust, hostids=["abc"], today=DAY)
    assert "more than one certificate" in caught.value.reason


def test_the_forgery_as_such_would_pass() -> None:
    """What the cases above differ in is what they are refused for."""
    assert check_chain(forged(), trust=TRUST, hostids=["abc"], today=DAY) == SERVER.public_key()


def test_spelling_of_host_ids() -> None:
    assert hostid_text("8:0:20:0:5:AC") == "8:0:20:0:5:ac"
    assert hostid_text("DISK_SERIAL_NUM=1A b/é%") == "disk_serial_num=1a%20b%2f%c3%a9%25"
