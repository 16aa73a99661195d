"""Detached signatures count for their content, their purpose, and their day."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.detached import DETACHED_CHARS, objection_to, objection_to_key, sign_detached
from seatkeeper.licfile.trust import key_id
from support.editing import KEY, TODAY, TRUST


@given(st.binary(max_size=50), st.binary(max_size=50), st.sampled_from([b"a\0", b"a/1\0"]), st.sampled_from([b"a\0", b"a/1\0"]))
def test_it_counts_for_what_was_signed_only(content: bytes, other: bytes, tag: bytes, other_tag: bytes) -> None:
    signature = sign_detached(content, tag, KEY)
    assert len(signature) == DETACHED_CHARS
    told = objection_to(signature, other, other_tag, TRUST, TODAY)
    assert (told == "") == ((content, tag) == (other, other_tag))


@pytest.mark.parametrize(
    ("signature", "day", "message"),
    [
        ("zz", TODAY, "hex digits"),
        ("00" * 72, TODAY, "has no issuer 0000000000000000"),
        (sign_detached(b"x", b"t\0", KEY), date(2025, 1, 1), "valid only from"),
        (sign_detached(b"x", b"t\0", KEY)[:-2] + "00", TODAY, "changed after signing"),
    ],
)
def test_what_is_not_believed(signature: str, day: date, message: str) -> None:
    assert message in objection_to(signature, b"x", b"t\0", TRUST, day)


@pytest.mark.parametrize("tag", [b"", b"a", b"a\0b", b"a\0b\0"])
def test_a_tag_ends_in_its_only_zero_byte(tag: bytes) -> None:
    with pytest.raises(ValueError, match="zero"):
        sign_detached(b"", tag, KEY)


@given(st.binary(max_size=50), st.binary(max_size=50), st.sampled_from([b"a\0", b"a/1\0"]), st.sampled_from([b"a\0", b"a/1\0"]))
def test_a_key_that_is_known_counts_without_a_trust_file(content: bytes, other: bytes, tag: bytes, other_tag: bytes) -> None:
    signature = sign_detached(content, tag, KEY)
    told = objection_to_key(signature, other, other_tag, KEY.public_key().public_bytes_raw())
    assert (told == "") == ((content, tag) == (other, other_tag))


def test_another_key_and_what_is_no_signature_are_told() -> None:
    stranger = bytes(range(32))
    assert "signed by another key" in objection_to_key(sign_detached(b"x", b"t\0", KEY), b"x", b"t\0", stranger)
    assert "hex digits" in objection_to_key("zz", b"x", b"t\0", stranger)
    # The same name, and no signature of it: 32 bytes that are no point of the curve, or one that nobody has the key of.
    named = key_id(stranger).lower() + sign_detached(b"x", b"t\0", KEY)[16:]
    assert objection_to_key(named, b"x", b"t\0", stranger) == "It was changed after signing."
