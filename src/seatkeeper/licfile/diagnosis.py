"""Where a line was changed after signing, the field that was changed is named whenever that can be told.

The positional key of a signed line is a digest of its content and of the SERVER host ids. So a guess about what the line was
can be checked without any key: the guess is right when its digest is the one in the line (one wrong guess in 2**48 would pass).
The guesses are those that mistakes and temptation make: one character changed, left out or put in, anywhere; another count, an
expiry pushed out, another version, FEATURE for INCREMENT; a value that another line of the file has; two attributes exchanged,
one attribute added; a host id that this machine is known to have had. Where none of them fits, more than one thing was changed,
and nothing is said about the place.

What is found here is an explanation for a line that is refused anyway; nothing is ever accepted because of it.
"""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.dates import format_date, parse_date
from seatkeeper.licfile.canonical import DIGEST_CHARS, FIELD, LINE_TAG, VALUE, canonical_line, digest_of, fold
from seatkeeper.licfile.model import Feature, Package, Upgrade

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from seatkeeper.licfile.model import Signable

__all__ = ["CONTENT_BYTES_MAX", "COUNT_MAX", "EXPIRY_YEARS", "HOSTID_FIELD", "ORDER_FIELD", "OTHERS_MAX", "Damage", "find_damage"]

#: Counts that are tried.
COUNT_MAX: Final = 10_000
#: Years after ISSUED within which expiry dates are tried.
EXPIRY_YEARS: Final = 10
#: Bytes of content beyond which nothing is tried but host ids: 140 guesses a byte take near a microsecond each.
CONTENT_BYTES_MAX: Final = 1000
#: Attributes beyond which none is tried in another place.
ATTRIBUTES_MAX: Final = 40
#: Lines of the same file whose values are tried.
OTHERS_MAX: Final = 200

_LABELS: Final[dict[type, tuple[str, ...]]] = {
    Feature: ("keyword", "feature name", "vendor name", "version", "expiry date", "count", "key"),
    Upgrade: ("keyword", "feature name", "vendor name", "old version", "new version", "expiry date", "count", "key"),
    Package: ("keyword", "package name", "vendor name", "version", "key"),
}
#: Every printable ASCII character that folding leaves: the alphabet of single changes.
_ALPHABET: Final = tuple(bytes((code,)) for code in range(0x20, 0x7F) if not 0x41 <= code <= 0x5A)
HOSTID_FIELD: Final = "SERVER host id"
ORDER_FIELD: Final = "order of the attributes"
SERVERS_MAX: Final = 3


class Damage(msgspec.Struct, frozen=True):
    """What was changed after signing.

    Attributes:
        field: The field's name, as a person would call it.
        signed: What stood there when the line was signed, folded; empty where it stood nowhere.
        found: What stands there now, folded; empty where nothing does.
        hostids: The SERVER host ids for which the line was signed, where those were changed and not the line.
    """

    field: str
    signed: str = ""
    found: str = ""
    hostids: tuple[str, ...] = ()


def find_damage(
    line: Signable,
    hostids: Sequence[str],
    *,
    others: Sequence[Signable] = (),
    hostids_known: Sequence[Sequence[str]] = (),
    thorough: bool = True,
) -> Damage | None:
    """The one change after signing that explains the digest in `line`, or None where no single change does.

    Args:
        line: A line whose signature does not fit, and whose digest does not fit either.
        hostids: The host ids of the SERVER lines as they stand.
        others: Further lines of the same file, whose values may have been copied.
        hostids_known: Lists of SERVER host ids that are worth a try.
        thorough: Whether to try more than `hostids_known`.
    """
    wanted = line.key.strip().lower()
    if len(wanted) != DIGEST_CHARS or not wanted.isascii():
        return None
    try:
        target = bytes.fromhex(wanted)
        content = canonical_line(line, hostids, key="")
    except ValueError:
        return None
    found = _try_hostids(line, hostids, hostids_known, wanted)
    if found is not None or not thorough or len(content) > CONTENT_BYTES_MAX:
        return found
    fields = content.split(FIELD)[1:]
    head = 1 + len(hostids) + len(_LABELS[type(line)])
    return _try_fields(line, fields, len(hostids), target, others) or _try_attributes(fields, head, target)


def _try_hostids(line: Signable, hostids: Sequence[str], known: Sequence[Sequence[str]], wanted: str) -> Damage | None:
    guesses = [*known, *permutations(hostids)] if len(hostids) <= SERVERS_MAX else known
    for guess in guesses:
        if tuple(guess) != tuple(hostids) and digest_of(canonical_line(line, guess, key="")).lower() == wanted:
            return Damage(HOSTID_FIELD, " ".join(guess), " ".join(hostids), tuple(guess))
    return None


def _try_fields(line: Signable, fields: list[bytes], servers: int, target: bytes, others: Sequence[Signable]) -> Damage | None:
    """The one field for which a guess gives the digest."""
    labels = ["number of SERVER lines", *[HOSTID_FIELD] * servers, *_LABELS[type(line)]]
    likely = _likely_values(line, others)
    for at, value in enumerate(fields):
        label = labels[at] if at < len(labels) else _attribute_label(value)
        if label in ("key", "number of SERVER lines"):
            continue
        before = FIELD.join([LINE_TAG, *fields[:at], b""])
        after = b"".join(FIELD + field for field in fields[at + 1 :])
        found = _match(before, after, target, _guesses(value, likely.get(label, ())))
        if found is None:
            continue
        if label == HOSTID_FIELD:
            hostids = tuple(_text(field) for field in [*fields[1:at], found, *fields[at + 1 : 1 + servers]])
            return Damage(label, _text(found), _text(value), hostids)
        name = value.split(VALUE)[0] + VALUE
        if found.startswith(name) and value.startswith(name):
            found, value = found.removeprefix(name), value.removeprefix(name)
        return Damage(label, _text(found), _text(value))
    return None


def _match(before: bytes, after: bytes, target: bytes, guesses: Iterable[bytes]) -> bytes | None:
    common = sha256(before)
    for guess in guesses:
        state = common.copy()
        state.update(guess + after)
        if state.digest()[: len(target)] == target:
            return guess
    return None


def _guesses(value: bytes, likely: Iterable[str]) -> Iterator[bytes]:
    yield from (fold(guess.encode()) for guess in likely)
    letters = [letter.encode() for letter in value.decode("utf-8", "replace")]
    for at in range(len(letters) + 1):
        head, tail = b"".join(letters[:at]), b"".join(letters[at + 1 :])
        if at < len(letters):
            yield head + tail
            for character in _ALPHABET:
                yield head + character + tail
            tail = letters[at] + tail
        for character in _ALPHABET:
            yield head + character + tail


def _likely_values(line: Signable, others: Sequence[Signable]) -> dict[str, list[str]]:
    """By label, the values that a field may well have had."""
    likely: dict[str, list[str]] = {"keyword": ["FEATURE", "INCREMENT"] if type(line) is Feature else []}
    labels = _LABELS[type(line)]
    if "count" in labels:
        likely["count"] = ["uncounted", *map(str, range(COUNT_MAX))]
        likely["expiry date"] = list(_likely_dates(line))
        numbers = [f"{major}.{minor}" for major in range(21) for minor in range(21)]
        for label in ("version", "old version", "new version"):
            likely[label] = [*numbers, *map(str, range(21))]
    for other in others[:OTHERS_MAX]:
        for label, value in zip(_LABELS[type(other)][1:-1], msgspec.structs.astuple(other), strict=False):
            if label in labels and value not in likely.setdefault(label, []):
                likely[label].append(value)
    return likely


def _likely_dates(line: Signable) -> Iterator[str]:
    yield from ("permanent", "1-jan-0", "01-jan-00", "1-jan-00", "1-jan-0000", "01-jan-0000")
    try:
        first = parse_date(line.attribute("ISSUED") or "")
    except ValueError:
        return
    for days in range(366 * EXPIRY_YEARS):
        if first > date.max - timedelta(days=days + 1):
            return
        day = first + timedelta(days=days)
        yield format_date(day)
        if day.day < 10:
            yield format_date(day, pad=False)


def _try_attributes(fields: list[bytes], head: int, target: bytes) -> Damage | None:
    attributes = fields[head:]
    if len(attributes) > ATTRIBUTES_MAX:
        return None
    for at, added in enumerate(attributes):
        rest = [*fields[:head], *attributes[:at], *attributes[at + 1 :]]
        if _digest(rest) == target:
            return Damage(_attribute_label(added), found=_text(added))
    for one, two in combinations(range(head, len(fields)), 2):
        before, first, between, last, after = fields[:one], fields[one], fields[one + 1 : two], fields[two], fields[two + 1 :]
        for order in ([last, *between, first], [*between, last, first], [last, first, *between]):
            if _digest([*before, *order, *after]) == target:
                return Damage(ORDER_FIELD)
    return None


def _digest(fields: Sequence[bytes]) -> bytes:
    return sha256(FIELD.join([LINE_TAG, *fields])).digest()[: DIGEST_CHARS // 2]


def _text(field: bytes) -> str:
    return field.replace(VALUE, b"=").decode("utf-8", "replace")


def _attribute_label(field: bytes) -> str:
    return field.split(VALUE)[0].decode("utf-8", "replace").upper()
