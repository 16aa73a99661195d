"""What was done in a key ceremony stands in one file that the root key signed, so that it can be shown years later who did what.

The file is JSON for people to read: `format`, `transcript`, `signature`. The signature is the root's over a tag of its own and the
compact encoding of `transcript`, as with trust files. It is written before each step and after it: a ceremony that was cut off has
a transcript whose last step did not end. Before there is a root there is nobody to sign, and the file says so.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature

from seatkeeper.base.errors import InputError
from seatkeeper.licfile.trust import public_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["TRANSCRIPT_BYTES_MAX", "MadeFile", "StepTaken", "Transcript", "parse_transcript", "sign_transcript", "state_of"]

TRANSCRIPT_BYTES_MAX: Final = 4 * 1024 * 1024

_TAG: Final = b"seatkeeper/ceremony/1\0"
_FORMAT: Final = "seatkeeper-ceremony-1"


class MadeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that a step made or changed, and the SHA-256 of its content."""

    path: str
    sha256: str


class StepTaken(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a step did.

    Attributes:
        do: init, rotate or revoke.
        begun: When it began, in UTC.
        ended: When it had been done; empty where it was not.
        key: The key id of what was made or revoked: of an issuer, or of the vendor daemon's key.
        kind: Whose key that is: issuer or daemon.
        public_key: The key itself, its public half.
        where: The token it lives in; empty for a file.
        not_before: The first day on which it may sign.
        not_after: The last one.
        revoked_on: The first day on which its signature is refused.
        reason: Why.
        ends: Until when each issuer that was there before may sign, after this step.
        serial: Of the trust file after it.
        files: What it made and changed.
    """

    do: str
    begun: str
    ended: str = ""
    key: str = ""
    kind: str = ""
    public_key: str = ""
    where: str = ""
    not_before: date | None = None
    not_after: date | None = None
    revoked_on: date | None = None
    reason: str = ""
    ends: dict[str, date] = {}
    serial: int = 0
    files: tuple[MadeFile, ...] = ()


class Transcript(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ceremony as it was.

    Attributes:
        rehearsal: True where the keys were thrown away afterwards.
        vendor: The vendor daemon's name.
        place: Where the people were.
        operator: Who gave the commands.
        witnesses: Who saw it.
        plan: The config file's name.
        plan_sha256: Of its content.
        program: What ran it.
        begun: When it began, in UTC.
        ended: When it had ended well; empty where it had not.
        broken_off: Why it ended before its time.
        root: The root public key; empty before there was one.
        root_where: The token it lives in; empty for a file.
        steps: What was done.
    """

    rehearsal: bool
    vendor: str
    place: str
    operator: str
    witnesses: tuple[str, ...]
    plan: str
    plan_sha256: str
    program: str
    begun: str
    ended: str = ""
    broken_off: str = ""
    root: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""
    root_where: str = ""
    steps: tuple[StepTaken, ...] = ()


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The transcript as it is written."""

    format: Literal["seatkeeper-ceremony-1"]
    transcript: Transcript
    signature: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{128})?\Z")]


def sign_transcript(transcript: Transcript, root: Ed25519PrivateKey | None) -> str:
    """The text of the file; without a signature where there is no root yet."""
    signature = root.sign(_signed_bytes(transcript)).hex() if root is not None else ""
    signed = _Signed(_FORMAT, transcript, signature)
    return msgspec.json.format(msgspec.json.encode(signed), indent=2).decode() + "\n"


def parse_transcript(text: str | bytes, *, root: bytes | None, name: str = "transcript") -> Transcript:
    """What a transcript says, once its signature has been checked.

    Args:
        text: The file's content.
        root: The root public key that must have signed it; None trusts the root that the file itself names.
        name: How errors call the file.

    Raises:
        InputError: It is no transcript, is not signed, is not what was signed, or another root signed it.
    """
    if len(text) > TRANSCRIPT_BYTES_MAX:
        raise InputError(f"This transcript is larger than {TRANSCRIPT_BYTES_MAX} bytes.", file=name)
    try:
        signed = msgspec.json.decode(text, type=_Signed)
        data = _signed_bytes(signed.transcript)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InputError(f"This is not the transcript of a key ceremony: {error}.", file=name) from None
    transcript = signed.transcript
    if not signed.signature or not transcript.root:
        told = f" The ceremony {state_of(transcript)}." if transcript.steps else ""
        remedy = "Believe it only as far as those who were there."
        raise InputError(f"This transcript is not signed: it was broken off before there was a root key.{told}", file=name, remedy=remedy)
    if root is not None and root.hex() != transcript.root:
        whose = "the thrown-away root of a rehearsal" if transcript.rehearsal else "another root"
        remedy = "Name the root public key by which it is to be signed."
        raise InputError(f"This transcript is signed by {whose}.", file=name, found=transcript.root, expected=root.hex(), remedy=remedy)
    try:
        public_key(transcript.root).verify(bytes.fromhex(signed.signature), data)
    except InvalidSignature:
        problem = "The root's signature does not fit the content of this transcript."
        raise InputError(problem, file=name, remedy="It was changed after signing.") from None
    return transcript


def state_of(transcript: Transcript) -> str:
    """How the ceremony went, as the end of a sentence that begins with `The ceremony`."""
    if transcript.ended:
        return f"ended well at {transcript.ended}"
    if transcript.broken_off:
        return f"was broken off: {transcript.broken_off}"
    if transcript.steps and not transcript.steps[-1].ended:
        step = transcript.steps[-1]
        return f"was cut off in step {len(transcript.steps)} ({step.do}), begun at {step.begun}: look at what that step may have left"
    return f"was cut off after step {len(transcript.steps)}"


def _signed_bytes(transcript: Transcript) -> bytes:
    return _TAG + msgspec.json.encode(transcript, order="sorted")
