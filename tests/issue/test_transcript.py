from __future__ import annotations

import json

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seatkeeper.base.errors import InputError
from seatkeeper.issue.transcript import StepTaken, Transcript, parse_transcript, sign_transcript, state_of

ROOT = Ed25519PrivateKey.from_private_bytes(bytes(32))
RAW = ROOT.public_key().public_bytes_raw()
HELD = Transcript(
    rehearsal=False,
    vendor="genesys.d",
    place="here",
    operator="Ann Example",
    witnesses=("Ben Example",),
    plan="plan.toml",
    plan_sha256="00",
    program="seatkeeper",
    begun="2026-03-03T09:00:00Z",
    ended="2026-03-03T09:00:01Z",
    root=RAW.hex(),
    steps=(StepTaken("init", "2026-03-03T09:00:00Z", ended="2026-03-03T09:00:01Z"),),
)


def test_what_was_signed_is_read_again() -> None:
    text = sign_transcript(HELD, ROOT)
    assert parse_transcript(text, root=None) == parse_transcript(text, root=RAW) == HELD
    assert parse_transcript(json.dumps(json.loads(text)), root=RAW) == HELD


@pytest.mark.parametrize("field", ["rehearsal", "vendor", "operator", "witnesses", "begun", "ended", "steps", "plan_sha256"])
def test_every_field_is_signed(field: str) -> None:
    read = json.loads(sign_transcript(HELD, ROOT))
    value = read["transcript"][field]
    read["transcript"][field] = not value if isinstance(value, bool) else f"{value}x" if isinstance(value, str) else []
    with pytest.raises(InputError, match="does not fit"):
        parse_transcript(json.dumps(read), root=None)


def test_another_root_is_told() -> None:
    for rehearsal, told in ((True, "thrown-away root of a rehearsal"), (False, "another root")):
        text = sign_transcript(msgspec.structs.replace(HELD, rehearsal=rehearsal), ROOT)
        with pytest.raises(InputError, match=told):
            parse_transcript(text, root=bytes(32))


def test_without_a_root_it_is_not_signed_and_says_so() -> None:
    begun = msgspec.structs.replace(HELD, root="", ended="", steps=(StepTaken("init", "2026-03-03T09:00:00Z"),))
    with pytest.raises(InputError, match=r"not signed.*cut off in step 1 \(init\)"):
        parse_transcript(sign_transcript(begun, None), root=None)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "x" * (5 * 1024 * 1024), b"\xff", '{"format": "seatkeeper-trust-1"}'])
def test_other_files_are_refused(text: str | bytes) -> None:
    with pytest.raises(InputError, match="transcript"):
        parse_transcript(text, root=None)


def test_how_it_went() -> None:
    assert state_of(HELD) == "ended well at 2026-03-03T09:00:01Z"
    cut = msgspec.structs.replace(HELD, ended="")
    assert state_of(cut) == "was cut off after step 1"
    assert "was broken off: the disk is full" in state_of(msgspec.structs.replace(cut, broken_off="the disk is full"))
