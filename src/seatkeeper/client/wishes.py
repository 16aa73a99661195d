"""Who means to borrow says so once a day: from a wish to borrow follows until when a checkout borrows its seats, or that it does not.

A wish is LM_BORROW's value, `start:vendor:end[:time]`, where `vendor` may be `all`, days are `dd-mmm-yyyy` and the time is `hh:mm`; without
one the end is the last minute of its day. It holds on its first day only: who starts an application the day after does not borrow by
an old wish (facts, FlexNet 8 and 9.7). The file that lmborrow writes, `.flexlmborrow`, holds such wishes in lines `LM_BORROW=wish`.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.dates import NEVER, format_date, parse_date

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ALL", "WISHES_NAME", "WISH_VARIABLE", "Wish", "parse_end", "parse_wish", "until_of", "wishes_of", "with_wish", "without_wish"]

WISH_VARIABLE: Final = "LM_BORROW"
#: The file in the home directory.
WISHES_NAME: Final = ".flexlmborrow"
#: In place of a vendor's name: every vendor.
ALL: Final = "all"

_LAST_MINUTE: Final = time(23, 59)
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})\Z")
_LINE: Final = re.compile(r"[ \t]*LM_BORROW[ \t]*=[ \t]*(.*?)[ \t\r]*\Z")


class Wish(msgspec.Struct, frozen=True):
    """A wish to borrow.

    Attributes:
        start: The day on which checkouts borrow.
        vendor: The vendor daemon's name, or `all`.
        end: Until when, in local time.
    """

    start: date
    vendor: str
    end: datetime

    def __str__(self) -> str:
        text = f"{format_date(self.start)}:{self.vendor}:{format_date(self.end.date())}"
        return text if self.end.time() == _LAST_MINUTE else f"{text}:{self.end:%H:%M}"

    def concerns(self, vendor: str) -> bool:
        """True where it is about this vendor."""
        return self.vendor.lower() in (ALL, vendor.lower())


def parse_end(day: str, hour: str = "") -> datetime:
    """The end of a borrow, in local time.

    Raises:
        ValueError: One phrase that says what is expected.
    """
    end = parse_date(day)
    if end == NEVER:
        raise ValueError("a day as dd-mmm-yyyy, since every borrow ends")
    if not hour:
        return datetime.combine(end, _LAST_MINUTE)
    found = _TIME.match(hour)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise ValueError("a time of day as hh:mm, from 0:00 to 23:59")
    return datetime.combine(end, time(int(found[1]), int(found[2])))


def parse_wish(text: str) -> Wish:
    """The wish that LM_BORROW has.

    Raises:
        ValueError: One phrase that says what is expected.
    """
    parts = text.strip().split(":", 3)
    if len(parts) < 3 or not parts[1].strip():
        raise ValueError("start:vendor:end or start:vendor:end:hh:mm, with days as dd-mmm-yyyy")
    start = parse_date(parts[0].strip())
    if start == NEVER:
        raise ValueError("the day on which to borrow, as dd-mmm-yyyy")
    return Wish(start, parts[1].strip(), parse_end(parts[2].strip(), parts[3].strip() if len(parts) > 3 else ""))


def until_of(wishes: Sequence[Wish], vendor: str, today: date) -> datetime | None:
    """Until when a checkout of today borrows its seats, by the last wish about this vendor; None where it does not borrow."""
    holding = [wish for wish in wishes if wish.start == today and wish.concerns(vendor)]
    return holding[-1].end if holding else None


def wishes_of(text: str) -> list[Wish]:
    """The wishes of a `.flexlmborrow`, in its order; what else stands there is no business of ours.

    Raises:
        ValueError: A phrase that names the line, for one that is meant to be a wish and is none.
    """
    found: list[Wish] = []
    for number, line in enumerate(text.split("\n"), 1):
        match = _LINE.match(line)
        if match is not None and match[1]:
            try:
                found.append(parse_wish(match[1]))
            except ValueError as error:
                raise ValueError(f"in line {number} {error}") from None
    return found


def with_wish(text: str, wish: Wish) -> str:
    """The file's text with this wish in place of all that it overrules."""
    kept = without_wish(text, wish.vendor)
    return f"{kept}{'' if not kept or kept.endswith(chr(10)) else chr(10)}{WISH_VARIABLE}={wish}\n"


def without_wish(text: str, vendor: str = ALL) -> str:
    """The file's text without the wishes about one vendor, or about any; a wish about all vendors goes in either case."""
    return "".join(line for line in text.splitlines(keepends=True) if not _is_about(line, vendor))


def _is_about(line: str, vendor: str) -> bool:
    match = _LINE.match(line.rstrip("\n"))
    if match is None:
        return False
    parts = match[1].split(":")
    return vendor.lower() == ALL or len(parts) < 2 or parts[1].strip().lower() in (ALL, vendor.lower())
