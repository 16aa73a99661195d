"""A FEATURE or INCREMENT line of the usual form is read in a few microseconds, and no line is read that deserves a remark.

The usual form is that of our issuer: keyword, five fields and a key between blanks, then attributes, some of them in quotes.
What stands between the quotes is mostly the same from line to line (`vendor_info=`, `NOTICE=`, ` SN=1111 ISSUED=... SIGN=`), so
it is checked once against the grammar and kept as a plan, which says how the quoted values become attributes. Fields with few
values are remembered when they have passed their check. Whatever has no plan, or is not the usual form, goes the careful way
(`lines`), which gives the same value for each line that is read here; a test compares the two.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from seatkeeper.base.dates import parse_date
from seatkeeper.base.values import parse_version
from seatkeeper.licfile import grammar
from seatkeeper.licfile.model import Feature
from seatkeeper.licfile.scanner import BLANKS, BREAK_MARK

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FAST_CHARS_MAX", "PLANS_MAX", "fast_reader"]

#: A longer line goes the careful way. In UTF-8, and with its breaks, one of this length is within LINE_BYTES_MAX.
FAST_CHARS_MAX: Final = grammar.LINE_BYTES_MAX // 4
#: Plans and field values that are kept while one file is read; beyond, they are forgotten and learned anew.
PLANS_MAX: Final = 4096
FIELDS_MAX: Final = 4096

_KEY_CHARS: Final = 12
_BLANKS: Final = tuple(BLANKS)

_Pair = tuple[str, str | None]


class _Plan(NamedTuple):
    """How the attributes of a line come from its quoted values.

    Attributes:
        names: The attribute of each quoted value, in order.
        filled: Which of the quoted values may not be empty.
        fixed: Where further attributes, which have no quotes, are to be put in, and which.
    """

    names: tuple[str, ...]
    filled: tuple[int, ...]
    fixed: tuple[tuple[int, tuple[_Pair, ...]], ...]


def fast_reader(*, suspect: bool) -> Callable[[str], Feature | None]:
    """A function that reads one line, or returns None for a line that must go the careful way.

    In the line `BREAK_MARK` must stand for breaks only. The function remembers what it has checked, so one is made for each file.

    Args:
        suspect: Whether the file holds characters that may be forbidden outside comments.
    """
    plans: dict[tuple[str, ...], _Plan | None] = {}
    vendors: set[str] = set()
    versions: set[str] = set()
    expiries: set[str] = set()
    counts: set[str] = set()
    is_hex = bytes.fromhex

    def read(line: str) -> Feature | None:
        if len(line) > FAST_CHARS_MAX:
            return None
        if BREAK_MARK in line:
            if line[-1] == BREAK_MARK:
                return None
            line = line.replace(BREAK_MARK, " ")
            # A break with the blanks around it is one blank, so two blanks here may be one.
            if "  " in line or "\t" in line:
                return None
        if suspect and grammar.forbidden_at(line) >= 0:
            return None
        pieces = line.split('"')
        if len(pieces) % 2 == 0:
            return None
        fields = pieces[0].split(None, 6)
        try:
            keyword, name, vendor, version, expiry, count, rest = fields if len(fields) == 7 else (*fields, "")
            if vendor not in vendors:
                _learn(vendors, vendor, grammar.check_vendor_name)
            if version not in versions:
                _learn(versions, version, parse_version)
            if expiry not in expiries:
                _learn(expiries, expiry, parse_date)
            if count not in counts:
                _learn(counts, count, grammar.check_count)
        except ValueError:
            return None
        if len(name) > grammar.NAME_CHARS_MAX or not f"_{name.replace('-', '_')}".isidentifier() or not name.isascii():
            return None
        if keyword == "FEATURE":
            increment = False
        elif keyword == "INCREMENT":
            increment = True
        else:
            return None
        key, _, opening = rest.partition(" ")
        try:
            if len(key) != _KEY_CHARS or not is_hex(key):
                key, opening = "", rest
        except ValueError:
            key, opening = "", rest
        shape = (opening, *pieces[2::2])
        try:
            plan = plans[shape]
        except KeyError:
            if len(plans) >= PLANS_MAX:
                plans.clear()
            plan = plans[shape] = _plan_for(shape)
        if plan is None:
            return None
        values = pieces[1::2]
        for at in plan.filled:
            if not values[at].strip():
                return None
        attributes: list[_Pair] = list(zip(plan.names, values, strict=True))
        for at, pairs in plan.fixed:
            attributes[at:at] = pairs
        return Feature(name, vendor, version, expiry, count, key, tuple(attributes), "INCREMENT" if increment else "FEATURE")

    return read


def _learn(passed: set[str], text: str, check: Callable[[str], object]) -> None:
    """Remembers a field that passes its check."""
    check(text)
    if len(passed) >= FIELDS_MAX:
        passed.clear()
    passed.add(text)


def _plan_for(shape: tuple[str, ...]) -> _Plan | None:
    """The plan for what stands outside the quotes of a line; None where the careful way must look at it."""
    try:
        return _planned(shape)
    except ValueError:
        return None


def _planned(shape: tuple[str, ...]) -> _Plan:
    names: list[str] = []
    filled: list[int] = []
    fixed: list[tuple[int, tuple[_Pair, ...]]] = []
    seen: list[str] = []
    last = len(shape) - 1
    for index, part in enumerate(shape):
        # A blank must follow each closing quote, and none may stand before an opening one.
        if (index and part and part[0] not in BLANKS) or part.endswith(_BLANKS):
            raise ValueError(part)
        words = part.split()
        opener = words.pop() if index < last and words else ""
        if words:
            found = [_pair_of(word) for word in words]
            fixed.append((len(seen), tuple([pair for _, pair in found])))
            seen += [known for known, _ in found]
        if index < last:
            known, name, must_be_filled = _opener_of(opener)
            if must_be_filled:
                filled.append(len(names))
            names.append(name)
            seen.append(known)
    if len(set(seen)) != len(seen):
        raise ValueError("an attribute stands twice")
    return _Plan(tuple(names), tuple(filled), tuple(fixed))


def _attribute_of(name: str) -> grammar.Attribute:
    """The attribute that is called `name`, which a FEATURE line must take."""
    attribute = grammar.attribute_of(name)
    if attribute is None or "FEATURE" not in attribute.lines:
        raise ValueError(name)
    return attribute


@lru_cache(maxsize=FIELDS_MAX)
def _opener_of(word: str) -> tuple[str, str, bool]:
    """For `NAME=` before a quote: the attribute's own name, the name as written, and whether the value may not be empty."""
    attribute = _attribute_of(word[:-1])
    if not word.endswith("=") or attribute.value == "none" or not attribute.takes_any_text:
        raise ValueError(word)
    return attribute.name, word[:-1], attribute.check is not None


@lru_cache(maxsize=FIELDS_MAX)
def _pair_of(word: str) -> tuple[str, _Pair]:
    """For an attribute without quotes: its own name, and its name and value as written."""
    name, equals, value = word.partition("=")
    attribute = _attribute_of(name)
    if not equals and attribute.value != "required":
        return attribute.name, (name, None)
    # A list that ends in a comma and a line that ends in a backslash go on.
    if not value or attribute.value == "none" or value.endswith((",", "\\")):
        raise ValueError(word)
    if attribute.check is not None:
        attribute.check(value)
    return attribute.name, (name, value)
