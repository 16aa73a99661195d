"""What an issuer signs beside license lines bears what it is for, so that no such signature can be taken for that of anything else.

A detached signature is hexadecimal: 8 bytes of key id, then the 64 bytes of an Ed25519 signature over tag and content. The tag names
the kind of content and the version of its form, and ends in a zero byte; no two kinds share one (docs/keys.md). As with license lines,
an issuer's signature counts when its key was good on the day on which the content says it was issued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature

from seatkeeper.licfile.trust import KEY_ID_BYTES, key_id, public_key

if TYPE_CHECKING:
    from datetime import date

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from seatkeeper.licfile.trust import Trust

__all__ = ["DETACHED_CHARS", "objection_to", "objection_to_key", "sign_detached"]

#: How long a detached signature is as text.
DETACHED_CHARS: Final = 2 * (KEY_ID_BYTES + 64)
_NO_SIGNATURE: Final = f"The signature is to be {DETACHED_CHARS} hex digits."


def sign_detached(content: bytes, tag: bytes, key: Ed25519PrivateKey) -> str:
    """The signature of the content as that what the tag says."""
    name = key_id(key.public_key().public_bytes_raw())
    return name.lower() + key.sign(_signed(content, tag)).hex()


def objection_to(signature: str, content: bytes, tag: bytes, trust: Trust, issued: date) -> str:
    """Why the content is not to be believed, as one sentence; empty where an issuer of the trust has signed it.

    Args:
        signature: What `sign_detached` made.
        content: What it is said to cover.
        tag: What the content is.
        trust: The vendor's trust.
        issued: The day on which it was issued, as the content says.
    """
    data = _read(signature)
    if data is None:
        return _NO_SIGNATURE
    name = data[:KEY_ID_BYTES].hex().upper()
    issuer = trust.issuer(name)
    if issuer is None:
        return f"It is not signed by a key this trust file knows: {trust.vendor} has no issuer {name}."
    try:
        public_key(issuer.public_key).verify(data[KEY_ID_BYTES:], _signed(content, tag))
    except InvalidSignature:
        return "It was changed after signing."
    told = issuer.objection(issued)
    return f"It is not to be trusted: the key {name} {told}." if told else ""


def objection_to_key(signature: str, content: bytes, tag: bytes, public: bytes) -> str:
    """Why the content is not signed by this key, as one sentence; empty where it is.

    Args:
        signature: What `sign_detached` made.
        content: What it is said to cover.
        tag: What the content is.
        public: The public key.
    """
    data = _read(signature)
    if data is None:
        return _NO_SIGNATURE
    name = data[:KEY_ID_BYTES].hex().upper()
    if name != key_id(public):
        return f"It is signed by another key: {name}, not {key_id(public)}."
    try:
        public_key(public.hex()).verify(data[KEY_ID_BYTES:], _signed(content, tag))
    except (InvalidSignature, ValueError):
        return "It was changed after signing."
    return ""


def _read(signature: str) -> bytes | None:
    """Key id and signature; None where the text is not both."""
    try:
        data = bytes.fromhex(signature)
    except ValueError:
        return None
    return data if len(data) == KEY_ID_BYTES + 64 and len(signature) == DETACHED_CHARS else None


def _signed(content: bytes, tag: bytes) -> bytes:
    if not tag or tag.find(b"\0") != len(tag) - 1:
        raise ValueError("a tag that ends in its only zero byte")
    return tag + content
