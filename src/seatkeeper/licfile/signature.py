"""A license line is served only if a trusted key signed it, and a line that is not says why in one sentence.

`SIGN="…"` is the last attribute of an issued line: upper-case hex in groups of four, 8 bytes of key id and then the 64 bytes of
an Ed25519 signature over the line's canonical bytes (canonical.py). The key id only tells which issuer of the trust to ask.

A verdict carries a license error's number. What was changed after signing is -8, or -9 where it is known to be a host id; a
line without SIGN is -114; one that no trusted key signed, or whose issuer was not valid on the day in ISSUED, is -137. A line
must also be one that a server can understand to the end: an attribute that nobody knows is refused even when it is signed, since
it may take away what the rest of the line gives. And a signed INCREMENT or UPGRADE counts once: lines of those kinds add up,
so a copy of one would be a seat that nobody sold.

Most of the time goes into Ed25519, during which the interpreter is free for another thread. So `verify_lines` works through
chunks with a `map` that may be a thread pool's, and does little else for each line.
"""

from __future__ import annotations

import builtins
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature

from seatkeeper.base.dates import parse_date
from seatkeeper.base.errors import InputError
from seatkeeper.licfile.canonical import canonical_line, fold_name, keyword_of, line_digest
from seatkeeper.licfile.diagnosis import ORDER_FIELD, OTHERS_MAX, Damage, find_damage
from seatkeeper.licfile.grammar import attribute_of
from seatkeeper.licfile.model import Feature, Signable, Upgrade
from seatkeeper.licfile.trust import KEY_ID_BYTES, key_id, public_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from seatkeeper.licfile.model import LicenseFile
    from seatkeeper.licfile.trust import Issuer, Trust

__all__ = ["DIAGNOSED_LINES_MAX", "NOT_TRUSTED", "SIGNATURE_BYTES", "Verdict", "sign_line", "verify_lines"]

#: The whole of SIGN: key id and signature.
SIGNATURE_BYTES: Final = KEY_ID_BYTES + 64
#: Lines for which the changed field is searched; each search costs up to a tenth of a second.
DIAGNOSED_LINES_MAX: Final = 8
#: What scripts and people look for when a file comes from another vendor.
NOT_TRUSTED: Final = "not signed by a key this server trusts"

#: Lines that one call of `map` verifies: some 30 ms of work, against which handing it to a thread costs nothing.
_CHUNK_LINES: Final = 256
#: A SIGN that is this many digits too short or too long is a damaged one of ours rather than a foreign one.
_STRAY_DIGITS_MAX: Final = 8
#: How much of a foreign SIGN a sentence shows.
_SHOWN_CHARS_MAX: Final = 16

_Kind = Literal["vendor", "issued", "administrator", "signature", "foreign", "unknown"]
_Item = tuple[int, Signable]
_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Map(Protocol):
    """The built-in `map`, or what a pool of threads offers in its place."""

    def __call__(self, function: Callable[[_In], _Out], items: Iterable[_In], /) -> Iterator[_Out]:
        """The results of `function` for each of `items`, in their order."""
        ...


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """Whether one line is genuine.

    Attributes:
        index: Where the line stands in `LicenseFile.lines`.
        line: The line.
        number: 0 where it is genuine, otherwise the license error's number.
        sentence: Why it is refused, naming the line; empty where it is genuine.
        field: The field that was changed after signing, where that can be told.
        issuer: The key id of the issuer that signed it, where that is known.
    """

    index: int
    line: Signable
    number: int = 0
    sentence: str = ""
    field: str = ""
    issuer: str = ""

    @property
    def ok(self) -> bool:
        """True where the line is genuine."""
        return self.number == 0


class _Case(msgspec.Struct, frozen=True):
    """What all lines of one file are judged by."""

    hostids: tuple[str, ...]
    vendors: frozenset[str]
    trust: Trust
    vendor: str
    keys: dict[bytes, tuple[Ed25519PublicKey, Issuer]]
    places: Sequence[int]

    def place(self, index: int) -> str:
        """How a sentence names the line at `index`, as far as line numbers are known."""
        return f"line {self.places[index]}" if self.places else ""

    def refuse(self, index: int, line: Signable, number: int, phrase: str, *, field: str = "", issuer: str = "") -> Verdict:
        """The verdict whose sentence is the line's name and `phrase`."""
        place = self.place(index)
        sentence = f"{place}, {keyword_of(line)} {line.name} {phrase}." if place else f"{keyword_of(line)} {line.name} {phrase}."
        return Verdict(index, line, number, sentence, field, issuer)


def sign_line(line: Signable, hostids: Sequence[str], key: Ed25519PrivateKey) -> Signable:
    """`line` with its digest as the positional key and with SIGN as its last attribute.

    Args:
        line: The line as it will be issued, with ISSUED.
        hostids: The host id of each SERVER line of the file, in order.
        key: The issuer's private key.

    Raises:
        InputError: The line is not one that `verify_lines` would accept.
    """
    for name, _ in line.attributes:
        kind = _kind(name)
        if kind == "unknown":
            raise _unsignable(line, f"has the attribute {name}, which no server knows")
        if kind in ("signature", "foreign"):
            raise _unsignable(line, "is signed already")
        if fold_name(name) == "ck":
            raise _unsignable(line, "has a checksum (ck=), which issued lines do not carry")
    names = [fold_name(name) for name, _ in line.attributes]
    if len(set(names)) != len(names):
        raise _unsignable(line, "has an attribute twice")
    try:
        parse_date(line.attribute("ISSUED") or "")
        line = msgspec.structs.replace(line, key=line_digest(line, hostids))
    except ValueError as error:
        raise _unsignable(line, f"has no ISSUED date or cannot be written: {error}") from None
    signature = bytes.fromhex(key_id(key.public_key().public_bytes_raw())) + key.sign(canonical_line(line, hostids))
    digits = signature.hex().upper()
    groups = " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
    return msgspec.structs.replace(line, attributes=(*line.attributes, ("SIGN", groups)))


def verify_lines(
    file: LicenseFile,
    trust: Trust,
    *,
    map: Map = builtins.map,
    places: Sequence[int] = (),
    hostids_known: Sequence[Sequence[str]] = (),
) -> list[Verdict]:
    """One verdict for each FEATURE, INCREMENT, UPGRADE and PACKAGE line, in the file's order.

    Args:
        file: The file.
        trust: The trust of the vendor whose lines are to be verified.
        map: What applies a function to chunks of lines; a thread pool's `map` uses all processors.
        places: The line number of each line (`Parsed.places`), for the sentences.
        hostids_known: Lists of SERVER host ids that the file may have been signed for; they serve to explain a refusal.
    """
    case = _Case(
        hostids=file.hostids,
        vendors=frozenset(fold_name(vendor.name) for vendor in file.vendors),
        trust=trust,
        vendor=fold_name(trust.vendor),
        keys={bytes.fromhex(issuer.id): (public_key(issuer.public_key), issuer) for issuer in trust.issuers},
        places=places,
    )
    items = list(file.signable())
    chunks = [items[at : at + _CHUNK_LINES] for at in range(0, len(items), _CHUNK_LINES)]
    verdicts = [verdict for chunk in map(partial(_check_chunk, case), chunks) for verdict in chunk]
    _refuse_copies(case, verdicts)
    _explain(case, verdicts, hostids_known)
    return verdicts


def _check_chunk(case: _Case, chunk: Sequence[_Item]) -> list[Verdict]:
    return [_check(case, index, line) for index, line in chunk]


def _check(case: _Case, index: int, line: Signable) -> Verdict:
    """What is to be said about one line by itself; `_explain` finds the sentence of a changed one."""
    sign = issued = unknown = foreign = None
    for name, value in line.attributes:
        kind = _kind(name)
        if kind == "signature":
            if sign is not None:
                return case.refuse(index, line, -8, "has more than one SIGN", field="SIGN")
            sign = value or ""
        elif kind == "issued":
            issued = issued or value
        elif kind == "unknown":
            unknown = unknown or name
        elif kind == "foreign":
            foreign = foreign or name
    signed = b""
    if sign is not None:
        try:
            signed = bytes.fromhex(sign)
        except ValueError:
            pass
        if len(signed) != SIGNATURE_BYTES:
            return _judge_unreadable(case, index, line, sign)
    if sign is None and foreign is not None:
        return case.refuse(index, line, -137, f"is {NOT_TRUSTED}: it has {foreign} in place of SIGN")
    if unknown is not None:
        return case.refuse(index, line, -8, f"has the attribute {unknown}, which this server does not know", field=unknown)
    if sign is None:
        return case.refuse(index, line, -114, "has no SIGN", field="SIGN")
    vendor = fold_name(line.vendor)
    if vendor not in case.vendors:
        return case.refuse(index, line, -8, f"is of vendor {line.vendor}, for which the file has no DAEMON line", field="vendor name")
    if vendor != case.vendor:
        return case.refuse(index, line, -137, f"is {NOT_TRUSTED}: it is of {line.vendor}, the trust file of {case.trust.vendor}")
    return _check_signature(case, index, line, signed, issued)


def _check_signature(case: _Case, index: int, line: Signable, signed: bytes, issued: str | None) -> Verdict:
    try:
        content = canonical_line(line, case.hostids)
    except ValueError as error:
        return case.refuse(index, line, -8, f"cannot be verified: {error}")
    known = case.keys.get(signed[:KEY_ID_BYTES])
    if known is None:
        return _judge_stranger(case, index, line, signed, content)
    key, issuer = known
    try:
        key.verify(signed[KEY_ID_BYTES:], content)
    except InvalidSignature:
        return Verdict(index, line, -8, issuer=issuer.id)
    try:
        objection = issuer.objection(parse_date(issued or ""))
    except ValueError:
        return case.refuse(index, line, -8, "does not say on which day it was signed (ISSUED)", field="ISSUED", issuer=issuer.id)
    if objection:
        told = f"is {NOT_TRUSTED}: it was issued on {issued}, and the key {issuer.id} {objection}"
        return case.refuse(index, line, -137, told, issuer=issuer.id)
    return Verdict(index, line, issuer=issuer.id)


def _judge_unreadable(case: _Case, index: int, line: Signable, sign: str) -> Verdict:
    """What to say about a SIGN that does not hold 72 bytes: ours, damaged, or another vendor's."""
    digits = "".join(sign.split())
    ours = any(digits.upper().startswith(key.hex().upper()) for key in case.keys)
    if ours or abs(len(digits) - 2 * SIGNATURE_BYTES) <= _STRAY_DIGITS_MAX:
        told = f"was changed after signing: SIGN is to be {2 * SIGNATURE_BYTES} hex digits, and it is {len(digits)} characters"
        return case.refuse(index, line, -8, told, field="SIGN")
    shown = digits if len(digits) <= _SHOWN_CHARS_MAX else digits[:_SHOWN_CHARS_MAX] + "…"
    return case.refuse(index, line, -137, f"is {NOT_TRUSTED}: SIGN={shown} is not a signature of {case.trust.vendor}")


def _judge_stranger(case: _Case, index: int, line: Signable, signed: bytes, content: bytes) -> Verdict:
    """What to say about a signature whose key id no issuer has."""
    for key, issuer in case.keys.values():
        try:
            key.verify(signed[KEY_ID_BYTES:], content)
        except InvalidSignature:
            continue
        told = f"was changed after signing: SIGN does not begin with the key id {issuer.id}"
        return case.refuse(index, line, -8, told, field="SIGN", issuer=issuer.id)
    name = signed[:KEY_ID_BYTES].hex().upper()
    return case.refuse(index, line, -137, f"is {NOT_TRUSTED}: {case.trust.vendor} has no issuer {name}", issuer=name)


def _refuse_copies(case: _Case, verdicts: list[Verdict]) -> None:
    """Let each genuine INCREMENT and UPGRADE count once."""
    seen: dict[str, int] = {}
    for at, verdict in enumerate(verdicts):
        line = verdict.line
        if verdict.number or not (type(line) is Upgrade or (type(line) is Feature and line.keyword == "INCREMENT")):
            continue
        # The key is a digest of everything else in the line, and signed with it.
        first = seen.setdefault(fold_name(line.key), at)
        if first != at and canonical_line(line, case.hostids) == canonical_line(verdicts[first].line, case.hostids):
            earlier = case.place(verdicts[first].index) or "an earlier line"
            verdicts[at] = case.refuse(verdict.index, line, -8, f"is a copy of {earlier}; a signed line counts once", issuer=verdict.issuer)


def _explain(case: _Case, verdicts: list[Verdict], hostids_known: Sequence[Sequence[str]]) -> None:
    """Give each changed line its sentence, with the field where it can be told."""
    changed = [at for at, verdict in enumerate(verdicts) if verdict.number and not verdict.sentence]
    others = [verdict.line for verdict in verdicts[:OTHERS_MAX]]
    known = list(hostids_known)
    told: list[tuple[int, Damage | None]] = []
    for turn, at in enumerate(changed):
        verdict = verdicts[at]
        damage = _search(case, verdict, others, known, thorough=turn < DIAGNOSED_LINES_MAX)
        if damage is not None and damage.hostids:
            known.insert(0, damage.hostids)  # Most likely it explains the other lines too.
        told.append((at, damage))
    # A digest that fits, or fits but for one field, was made with the host ids as they stand.
    hosts_good = any(verdict.ok for verdict in verdicts) or any(damage is not None and not damage.hostids for _, damage in told)
    for at, damage in told:
        verdict = verdicts[at]
        number, phrase = _phrase(damage, hosts_good)
        field = damage.field if damage is not None else ""
        verdicts[at] = case.refuse(verdict.index, verdict.line, number, phrase, field=field, issuer=verdict.issuer)


def _search(case: _Case, verdict: Verdict, others: Sequence[Signable], known: Sequence[Sequence[str]], *, thorough: bool) -> Damage | None:
    line = verdict.line
    own = line_digest(line, case.hostids)
    if fold_name(line.key) == own.lower():
        return Damage("SIGN")
    if thorough:
        key, _ = case.keys[bytes.fromhex(verdict.issuer)]
        sign = bytes.fromhex(line.attribute("SIGN") or "")
        try:
            key.verify(sign[KEY_ID_BYTES:], canonical_line(line, case.hostids, key=own))
            return Damage("key", own, line.key)
        except InvalidSignature:
            pass
    return find_damage(line, case.hostids, others=others, hostids_known=known, thorough=thorough)


def _phrase(damage: Damage | None, hosts_good: bool) -> tuple[int, str]:
    """The error's number and the end of the sentence that tells `damage`; `hosts_good` clears the SERVER lines of suspicion."""
    if damage is None and hosts_good:
        return -8, "was changed after signing, in more than one place, or was made for a server with another host id"
    if damage is None:
        return -8, "was changed after signing, or the host id of a SERVER line was: look at that first, as it is part of every signature"
    if damage.hostids:
        return -9, f"is signed for host id {' '.join(damage.hostids)}; the SERVER line says {damage.found}"
    if damage.field == "SIGN":
        return -8, "was changed after signing: its digest fits its content, but SIGN is not a signature of it"
    if damage.field == ORDER_FIELD:
        return -8, f"was changed after signing: the {ORDER_FIELD} is another"
    signed = f"signed with {damage.signed!r}" if damage.signed else "signed without it"
    return -8, f"was changed after signing: {damage.field} (found {damage.found!r}, {signed})"


def _unsignable(line: Signable, phrase: str) -> InputError:
    return InputError(f"{keyword_of(line)} {line.name} {phrase}, so it cannot be signed.")


@lru_cache(maxsize=4096)
def _kind(name: str) -> _Kind:
    attribute = attribute_of(name)
    if attribute is None:
        return "unknown"
    if attribute.name == "SIGN":
        return "signature"
    if attribute.is_signature or attribute.name == "AUTH":
        return "foreign"
    if attribute.name == "ISSUED":
        return "issued"
    return attribute.owner
