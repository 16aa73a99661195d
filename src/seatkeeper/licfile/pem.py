"""A private key becomes the PEM that other tools read, and with a passphrase one that is slow to guess.

PKCS #8 either way. The library's own encryption derives the key by 2,048 rounds of PBKDF2; this one uses scrypt, in the form that
`openssl pkcs8 -topk8 -scrypt` writes: PBES2 (RFC 8018) with scrypt (RFC 7914) and AES-256-CBC.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import scrypt
from typing import Final

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

__all__ = ["DRAW_BYTES", "is_encrypted", "private_pem", "read_private_pem"]

#: Random bytes that an encrypted key needs: salt and initial vector.
DRAW_BYTES: Final = 32

#: 16 MiB, which is as much as OpenSSL's reader grants; five passes make up for what more memory would give.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 1 << 14, 8, 5
_SCRYPT_MEMORY_MAX: Final = 64 * 1024 * 1024
_BLOCK_BITS: Final = 128

_PBES2: Final = bytes.fromhex("2a864886f70d01050d")
_SCRYPT: Final = bytes.fromhex("2b06010401da47040b")
_AES_256_CBC: Final = bytes.fromhex("60864801650304012a")
_INTEGER, _OCTETS, _OBJECT, _SEQUENCE = 0x02, 0x04, 0x06, 0x30


def private_pem(key: Ed25519PrivateKey, passphrase: bytes | None = None, *, draw: bytes = b"") -> bytes:
    """`key` as PKCS #8 in PEM, encrypted where a passphrase is given.

    Args:
        key: The key.
        passphrase: Opens the key again; None leaves it open.
        draw: `DRAW_BYTES` random bytes, where a passphrase is given.
    """
    if passphrase is None:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    if not passphrase or len(draw) != DRAW_BYTES:
        raise ValueError(f"a passphrase and {DRAW_BYTES} random bytes")
    salt, vector = draw[: DRAW_BYTES // 2], draw[DRAW_BYTES // 2 :]
    secret = scrypt(passphrase, salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, maxmem=_SCRYPT_MEMORY_MAX, dklen=32)
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    plain = padder.update(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())) + padder.finalize()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(vector)).encryptor()
    hidden = encryptor.update(plain) + encryptor.finalize()
    costs = (_der(_INTEGER, cost.to_bytes(cost.bit_length() // 8 + 1, "big")) for cost in (_SCRYPT_N, _SCRYPT_R, _SCRYPT_P))
    derivation = _der(_SEQUENCE, _der(_OBJECT, _SCRYPT), _der(_SEQUENCE, _der(_OCTETS, salt), *costs))
    cipher = _der(_SEQUENCE, _der(_OBJECT, _AES_256_CBC), _der(_OCTETS, vector))
    scheme = _der(_SEQUENCE, _der(_OBJECT, _PBES2), _der(_SEQUENCE, derivation, cipher))
    text = b64encode(_der(_SEQUENCE, scheme, _der(_OCTETS, hidden))).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN ENCRYPTED PRIVATE KEY-----", *lines, "-----END ENCRYPTED PRIVATE KEY-----", ""]).encode()


def is_encrypted(data: bytes) -> bool:
    """True for a key that only a passphrase opens."""
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in data


def read_private_pem(data: bytes, passphrase: bytes | None = None) -> Ed25519PrivateKey:
    """The first private key in `data`; a passphrase that it does not need does no harm.

    Raises:
        ValueError: One phrase that says what is expected.
    """
    if is_encrypted(data) and not passphrase:
        raise ValueError("a passphrase, since the key is encrypted")
    try:
        key = load_pem_private_key(data, passphrase if is_encrypted(data) else None)
    except (ValueError, TypeError):
        raise ValueError("the passphrase that opens the key" if is_encrypted(data) else "a private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("an Ed25519 key")
    return key


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    return bytes((tag, size) if size < 0x80 else (tag, 0x81, size)) + content
