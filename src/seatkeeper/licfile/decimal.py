"""A license line in decimal format is the readable line to the last bit, and a mistyped group of it is named.

Theory of operation. "`vendor-feature-ddddd-ddddd-…` … The encoding itself is proprietary: we can detect it and say so, or define
our own" (facts 1.8). This is ours; docs/tools.md (lminstall) defines it for others. A group is four digits and a check digit.
The check digit is Damm's, over the group's number and its four digits, so a wrong digit, two digits that changed places and two
groups that changed places are all seen, and seen where they are. The four digits of the first group say how many follow. The
others carry, five groups for eight bytes:

    format (1), CRC-32 of the readable line, the readable line in UTF-8 with its hex digits packed

A run of hex digits becomes 01, the number of its bytes, the bytes; one in groups of four, as in SIGN, 02 instead of 01. No line
holds such control characters as text. A 00 pads. Vendor and feature stand before the groups for people; the line inside decides,
and must agree.

A line of another vendor has groups too, but check digits at random: where fewer than half of them are right, it is foreign.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from seatkeeper.base.errors import LicenseError
from seatkeeper.licfile import grammar
from seatkeeper.licfile.grammar import LINE_BYTES_MAX
from seatkeeper.licfile.model import Feature, Package, Upgrade
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.writer import write_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.licfile.model import Signable

__all__ = ["GROUPS_MAX", "decode", "encode", "joined", "looks_decimal", "wrapped"]

#: What four digits can count.
GROUPS_MAX: Final = 9999

_FORMAT: Final = 1
_PAD: Final = 0
_HEX: Final = 1
_HEX_IN_FOURS: Final = 2
_RUN_BYTES_MAX: Final = 255
_CRC_BYTES: Final = 4
_BLOCK_BYTES: Final = 8
_DATA_DIGITS: Final = 4
_GROUP_DIGITS: Final = _DATA_DIGITS + 1
#: Data bytes of a block to the groups that carry them; other numbers of bytes are padded up to the next of these.
_GROUPS_OF_BYTES: Final = {1: 1, 3: 2, 4: 3, 6: 4, 8: 5}
_BYTES_OF_GROUPS: Final = {groups: size for size, groups in _GROUPS_OF_BYTES.items()}
#: Fewer groups carry no line of ours.
_GROUPS_MIN: Final = 16
#: How many wrong groups a sentence names.
_NAMED_MAX: Final = 5
#: Vendor, dash and feature.
_PREFIX_CHARS_MAX: Final = 2 * grammar.NAME_CHARS_MAX + 1
#: The samples of FlexNet's format have three groups and more.
_FOREIGN_GROUPS_MIN: Final = 3

# H. M. Damm's quasigroup of order ten: a single wrong digit and any two neighbors exchanged change the result.
_DAMM: Final = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)
_HEX_RUN: Final = re.compile(r"(?<![0-9A-F])(?:[0-9A-F]{4}(?: [0-9A-F]{4}){2,}|(?:[0-9A-F]{2}){4,})(?![0-9A-F])")
_BREAK: Final = re.compile(r"[ \t]*\\?[ \t]*\n[ \t]*|[ \t]+")
_GROUP: Final = re.compile(r"[0-9]{1,5}")
_GROUPS: Final = re.compile(r"(?:-[0-9]{5})+\Z")


def encode(line: Signable) -> str:
    """`line` in decimal format, as one line of text.

    Raises:
        LicenseError: -98, and why this line cannot be converted.
    """
    prefix = f"{line.vendor}-{line.name}"
    if not grammar.is_decimal_line(f"{prefix}-00000-00000-00000"):
        raise _refusal(line, "its name has characters that a decimal line cannot carry")
    text = write_line(line, columns=LINE_BYTES_MAX)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise _refusal(line, "it holds a character that is not text") from None
    if "\n" in text or parse(text).file.lines != (line,):
        raise _refusal(line, "it cannot be written on one line")
    payload = bytes([_FORMAT]) + crc32(data).to_bytes(_CRC_BYTES, "big") + _packed(text)
    numbers: list[str] = []
    for at in range(0, len(payload), _BLOCK_BYTES):
        block = payload[at : at + _BLOCK_BYTES]
        block += bytes(min(size for size in _GROUPS_OF_BYTES if size >= len(block)) - len(block))
        digits = str(int.from_bytes(block, "big")).zfill(_GROUPS_OF_BYTES[len(block)] * _DATA_DIGITS)
        numbers += [digits[start : start + _DATA_DIGITS] for start in range(0, len(digits), _DATA_DIGITS)]
    if len(numbers) > GROUPS_MAX:
        raise _refusal(line, f"it would need {len(numbers):,} groups, and a line has at most {GROUPS_MAX:,}")
    numbers.insert(0, f"{len(numbers):0{_DATA_DIGITS}}")
    return "-".join([prefix, *(f"{number}{_check(position, number)}" for position, number in enumerate(numbers, 1))])


def looks_decimal(text: str) -> bool:
    """True for a line in decimal format, ours or another vendor's, also where it is broken between groups or mistyped."""
    pieces = joined(text).split("-")[2:]
    groups = sum(_GROUP.fullmatch(piece) is not None for piece in pieces)
    return groups >= _FOREIGN_GROUPS_MIN and 2 * groups >= len(pieces)


def joined(text: str) -> str:
    """The line without its breaks and blanks."""
    return _BREAK.sub("", text.strip())


def wrapped(text: str, columns: int) -> str:
    """A decimal line broken before dashes, such that the parser takes the pieces for one line."""
    if len(text) <= columns:
        return text
    groups = _GROUPS.search(text)
    start = groups.start() if groups is not None else len(text)
    # The first piece must look like a decimal line by itself, or it would continue the license before it.
    end = max(start + 3 * (_GROUP_DIGITS + 1), columns - (columns - start) % (_GROUP_DIGITS + 1))
    room = (columns - _BLOCK_BYTES) // (_GROUP_DIGITS + 1) * (_GROUP_DIGITS + 1)
    return "\n\t".join([text[:end], *(text[at : at + room] for at in range(end, len(text), room))])


def decode(text: str) -> Signable:
    """The line that `text` stands for.

    Raises:
        LicenseError: -99, and which group is mistyped; -98, the format is another vendor's.
    """
    whole = joined(text)
    if not looks_decimal(whole):
        raise LicenseError(-99, reason="This is no line in decimal format.", remedy="It looks like vendor-feature-12345-12345-12345.")
    look = _best_look(whole.split("-"))
    _check_groups(look)
    payload = b"".join(_blocks(look.groups[1:]))
    line = _unpacked(payload)
    if line is None:
        reason = "Every group agrees with its check digit, but the groups do not agree with each other."
        if payload[:1] != bytes([_FORMAT]):
            reason += " Or the line was made by a newer release."
        raise LicenseError(-99, reason=reason, remedy="Compare the groups and their order with what was issued.")
    if look.prefix != f"{line.vendor}-{line.name}":
        reason = f"The groups are those of {line.vendor}-{line.name}, but {look.prefix} stands before them."
        raise LicenseError(-99, reason=reason, remedy="Correct what stands before the first group.")
    return line


def _refusal(line: Signable, why: str) -> LicenseError:
    return LicenseError(-98, feature=line.name, reason=f"{line.name} cannot be converted: {why}.", remedy="Keep it in readable format.")


def _packed(text: str) -> bytes:
    found = bytearray()
    at = 0
    for run in _HEX_RUN.finditer(text):
        found += text[at : run.start()].encode()
        at = run.end()
        in_fours = " " in run[0]
        data = bytes.fromhex(run[0])
        for start in range(0, len(data), _RUN_BYTES_MAX - 1):
            piece = data[start : start + _RUN_BYTES_MAX - 1]
            # A blank between two pieces is text, as it is everywhere else.
            found += (b" " if in_fours and start else b"") + bytes([_HEX_IN_FOURS if in_fours else _HEX, len(piece)]) + piece
    return bytes(found + text[at:].encode())


def _unpacked(payload: bytes) -> Signable | None:
    """The line that a payload carries; None where it carries none."""
    body = 1 + _CRC_BYTES
    if len(payload) < body or payload[0] != _FORMAT:
        return None
    data = bytearray()
    at = body
    while at < len(payload) and payload[at] != _PAD:
        if payload[at] not in (_HEX, _HEX_IN_FOURS):
            data.append(payload[at])
            at += 1
            continue
        size = payload[at + 1] if at + 1 < len(payload) else 0
        run = payload[at + 2 : at + 2 + size].hex().upper()
        fours = [run[start : start + 4] for start in range(0, len(run), 4)]
        data += (" ".join(fours) if payload[at] == _HEX_IN_FOURS else run).encode()
        at += 2 + size
    if crc32(data) != int.from_bytes(payload[1:body], "big"):
        return None
    lines = parse(data.decode("utf-8", "replace")).file.lines
    line = lines[0] if len(lines) == 1 else None
    return line if isinstance(line, Feature | Upgrade | Package) else None


def _blocks(groups: Sequence[str]) -> list[bytes]:
    """The bytes of the groups that carry data; a block that no encoder writes becomes nothing, which the CRC then tells."""
    size = _GROUPS_OF_BYTES[_BLOCK_BYTES]
    found = []
    for at in range(0, len(groups), size):
        numbers = [group[:_DATA_DIGITS] for group in groups[at : at + size]]
        bytes_of_block = _BYTES_OF_GROUPS[len(numbers)]
        number = int("".join(numbers))
        found.append(number.to_bytes(bytes_of_block, "big") if number < 256**bytes_of_block else b"")
    return found


def _check(position: int, digits: str) -> int:
    """The check digit of a group; 0 for a group that has its own already, where that is right."""
    register = _DAMM[0][position % 10]
    for digit in digits:
        register = _DAMM[register][int(digit)]
    return register


def _is_right(position: int, group: str) -> bool:
    return len(group) == _GROUP_DIGITS and group.isascii() and group.isdigit() and not _check(position, group)


class _Look(NamedTuple):
    """A decimal line, cut into name and groups in one of the ways that are possible.

    Attributes:
        prefix: What stands before the groups.
        groups: The groups.
        wrong: Indexes of those that disagree with their check digit.
        shift: 1 where those behind the first wrong one have the check digits of the next position, -1 of the one before.
        right: How many groups are right, as they stand or behind a shift.
        faults: How many slips would explain the rest; a name that looks like a group counts as one.
    """

    prefix: str
    groups: list[str]
    wrong: list[int]
    shift: int
    right: int
    faults: int


def _look(pieces: list[str], start: int) -> _Look:
    groups = pieces[start:]
    wrong = [at for at, group in enumerate(groups) if not _is_right(at + 1, group)]
    right, shift = len(groups) - len(wrong), 0
    # Behind a group that was left out, or typed twice, all others have another number than they should.
    for way in (1, -1) if len(wrong) > 1 else ():
        # The group that is one too many explains nothing itself.
        shifted = wrong[0] + sum(_is_right(at + 1 + way, groups[at]) for at in range(wrong[0] + (way < 0), len(groups)))
        # Left out or typed twice is a slip as well.
        if shifted > right + 1:
            right, shift = shifted, way
    odd_names = sum(len(piece) == _GROUP_DIGITS and piece.isdigit() for piece in pieces[2:start])
    return _Look("-".join(pieces[:start]), groups, wrong, shift, right, len(groups) - right + abs(shift) + odd_names)


def _best_look(pieces: list[str]) -> _Look:
    """Where the groups begin: names may hold dashes and digits too, so the way that takes the fewest slips."""
    best = _look(pieces, 2)
    for start in range(3, len(pieces)):
        if not best.wrong or len("-".join(pieces[:start])) > _PREFIX_CHARS_MAX:
            break
        look = _look(pieces, start)
        if look.faults < best.faults:
            best = look
    return best


def _check_groups(look: _Look) -> None:
    """Raises LicenseError where a group is wrong, missing or too many."""
    groups, wrong = look.groups, look.wrong
    told = int(groups[0][:_DATA_DIGITS]) + 1 if not wrong or wrong[0] else 0
    if not wrong and told == len(groups):
        return
    if len(groups) < _GROUPS_MIN or 2 * look.right < len(groups):
        reason = f"{look.prefix} is in another vendor's decimal format, and only that vendor's tools can read it."
        raise LicenseError(-98, reason=reason, remedy="Ask the vendor for the license in readable format.")
    if not wrong:
        reason = f"The line has {len(groups)} groups and should have {told}: groups are missing at its end, or too many."
    elif look.shift > 0:
        reason = f"A group is missing after {f'group {wrong[0]} ({groups[wrong[0] - 1]})' if wrong[0] else look.prefix}."
    elif look.shift < 0:
        reason = f"Group {wrong[0] + 1} ({groups[wrong[0]]}) is one too many."
    else:
        named = ", ".join(f"group {at + 1} ({groups[at]})" for at in wrong[:_NAMED_MAX])
        more = f" and {len(wrong) - _NAMED_MAX} more" if len(wrong) > _NAMED_MAX else ""
        reason = f"Mistyped: {named}{more}. Each has five digits, the last of which checks the others."
    raise LicenseError(-99, reason=reason, remedy="Compare it with what was issued.")
