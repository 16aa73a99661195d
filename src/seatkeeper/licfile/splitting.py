"""One license file comes apart into several: each license is in exactly one of them, as it was, below the SERVER lines it was signed for.

Theory of operation. A license counts only below the SERVER lines of its file, so each part has all of them, and the DAEMON lines of its
vendors. What can be divided are lines, never seats: how many seats go where is signed, and the vendor's business. Lines that need each
other stay together: all of one feature, where it has an UPGRADE (which moves seats of a line before it), a PACKAGE (which needs its
enabling line), or several FEATURE lines (of which the first is granted). Comments and blank lines right above a license go with it; those
at the head and at the end of the file go into every part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.dates import NEVER, parse_date
from seatkeeper.base.errors import InputError
from seatkeeper.licfile.canonical import fold_name
from seatkeeper.licfile.model import Blank, Comment, Feature, Package, Unknown, Upgrade, Vendor
from seatkeeper.licfile.parser import decode, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatkeeper.licfile.editing import Source
    from seatkeeper.licfile.model import Signable

__all__ = ["REST", "By", "Part", "split"]

By = Literal["vendor", "expiry", "feature"]

#: The part of features that no list names.
REST: Final = "rest"


class Part(msgspec.Struct, frozen=True):
    """One of the files: what it is called, its bytes, and how many licenses it has."""

    name: str
    data: bytes
    count: int


def split(source: Source, by: By, groups: Mapping[str, Sequence[str]] | None = None) -> tuple[Part, ...]:
    """The parts, in the order of their first license.

    Args:
        source: The file.
        by: What tells the parts apart.
        groups: By the name of each part, its features; for `feature` only. Features that none of them names are the part `REST`.

    Raises:
        InputError: The file has lines that cannot be read, or nothing to divide, or a list names what the file does not have.
    """
    unread = next((place for place, line in zip(source.parsed.places, source.file.lines, strict=True) if isinstance(line, Unknown)), None)
    if unread is not None:
        remedy = f"Put # before it, or mend it: `seatkeeper license lint {source.name}` says what is wrong."
        raise InputError(
            "This line cannot be read, so nobody knows to which part it belongs.", file=source.name, line=unread, remedy=remedy
        )
    licenses = list(source.file.signable())
    if not licenses:
        raise InputError("The file has no license in it.", file=source.name)
    wanted = _wanted(source, [line for _, line in licenses], by, groups or {})
    names = list(dict.fromkeys(wanted[index] for index, _ in licenses))
    parts = []
    for name in names:
        chosen = {index for index, _ in licenses if wanted[index] == name}
        vendors = {fold_name(line.vendor) for index, line in licenses if index in chosen}
        parts.append(Part(name, source.with_pieces(_pieces(source, chosen, vendors, licenses)), len(chosen)))
    _check(source, parts, licenses)
    return tuple(parts)


def _wanted(source: Source, lines: Sequence[Signable], by: By, groups: Mapping[str, Sequence[str]]) -> dict[int, str]:
    """By index of each license, its part."""
    together = _together(lines)
    listed = {fold_name(feature): name for name, features in groups.items() for feature in features}
    unknown = listed.keys() - {fold_name(line.name) for line in lines}
    if unknown:
        raise InputError("The file has no such feature.", file=source.name, found=", ".join(sorted(unknown)))
    firsts: dict[tuple[str, str], str] = {}
    wanted = {}
    for index, line in source.file.signable():
        key = (fold_name(line.vendor), fold_name(line.name))
        if by == "vendor":
            name = fold_name(line.vendor)
        elif by == "feature":
            name = listed.get(fold_name(line.name), REST)
        else:
            name = _expiry(line)
            if key in together:
                # A PACKAGE line has no expiry of its own: the first line that has one says it for all.
                name = firsts.setdefault(key, next(_expiry(each) for each in together[key]))
        wanted[index] = name
    return wanted


def _together(lines: Sequence[Signable]) -> dict[tuple[str, str], list[Signable]]:
    """The lines of each feature whose lines need each other, those with an expiry first."""
    by_name: dict[tuple[str, str], list[Signable]] = {}
    for line in lines:
        by_name.setdefault((fold_name(line.vendor), fold_name(line.name)), []).append(line)
    found = {}
    for key, members in by_name.items():
        firsts = sum(isinstance(line, Feature) and line.keyword == "FEATURE" for line in members)
        if firsts > 1 or any(isinstance(line, Upgrade | Package) for line in members):
            found[key] = sorted(members, key=lambda line: isinstance(line, Package))
    return found


def _expiry(line: Signable) -> str:
    if isinstance(line, Package):
        return "permanent"
    expires = parse_date(line.expiry)
    return "permanent" if expires == NEVER else expires.isoformat()


def _pieces(source: Source, chosen: set[int], vendors: set[str], licenses: Sequence[tuple[int, Signable]]) -> list[str]:
    """The pieces of one part: heads, chosen licenses with what stands above them, and the end."""
    first, last = licenses[0][0], licenses[-1][0]
    pieces: list[str] = []
    above: list[str] = []
    signable = {index for index, _ in licenses}
    for index, (piece, line) in enumerate(zip(source.pieces, source.file.lines, strict=True)):
        ended = piece if piece.endswith("\n") else piece + source.line_end
        if isinstance(line, Vendor):
            pieces += [ended] if fold_name(line.name) in vendors else []
        elif index in signable:
            pieces += [*above, ended] if index in chosen else []
            above = []
        elif isinstance(line, Comment | Blank) and first < index < last:
            above.append(ended)
        else:
            pieces.append(ended)
    return pieces


def _check(source: Source, parts: Sequence[Part], licenses: Sequence[tuple[int, Signable]]) -> None:
    """Return only if the parts, read back, have each license once, and the SERVER lines of the file."""
    found: list[Signable] = []
    for part in parts:
        parsed = parse(decode(part.data))
        found += [line for _, line in parsed.file.signable()]
        if parsed.file.servers != source.file.servers or any(isinstance(line, Unknown) for line in parsed.file.lines):
            raise InputError(f"The part {part.name} would not be read as it is meant.", file=source.name)
    if sorted(map(repr, found)) != sorted(repr(line) for _, line in licenses):
        raise InputError("A license would be lost or doubled.", file=source.name, remedy="Nothing was written; report this.")
