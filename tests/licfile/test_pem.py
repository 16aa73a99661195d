from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from seatkeeper.licfile.pem import DRAW_BYTES, is_encrypted, private_pem, read_private_pem

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
DRAW = bytes(range(DRAW_BYTES))


def test_an_open_key() -> None:
    data = private_pem(KEY)
    assert data.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert not is_encrypted(data)
    for passphrase in (None, b"not needed"):
        assert read_private_pem(data, passphrase).private_bytes_raw() == bytes(32)


def test_a_closed_key() -> None:
    data = private_pem(KEY, b"open sesame", draw=DRAW)
    assert is_encrypted(data)
    assert bytes(32) not in data
    assert read_private_pem(data, b"open sesame").private_bytes_raw() == bytes(32)
    for passphrase, expected in ((None, "a passphrase"), (b"", "a passphrase"), (b"wrong", "the passphrase that opens")):
        with pytest.raises(ValueError, match=expected):
            read_private_pem(data, passphrase)


@pytest.mark.parametrize(("passphrase", "draw"), [(b"", DRAW), (b"x", b""), (b"x", DRAW[1:])])
def test_a_closed_key_needs_a_passphrase_and_chance(passphrase: bytes, draw: bytes) -> None:
    with pytest.raises(ValueError, match="random bytes"):
        private_pem(KEY, passphrase, draw=draw)


@pytest.mark.parametrize("data", [b"", b"x", private_pem(KEY)[:60], b"-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key(data: bytes) -> None:
    with pytest.raises(ValueError, match="private key in PEM"):
        read_private_pem(data)


def test_another_kind_of_key() -> None:
    data = Ed448PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="an Ed25519 key"):
        read_private_pem(data)
