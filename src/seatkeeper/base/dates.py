"""Dates as license files write them: `dd-mmm-yyyy`, `permanent`, and years of zeros that mean never.

A non-zero two-digit year means 19yy (facts, FlexNet 1.5); the guide's `01-jan-00` never expires ("Using Temporary Licenses").
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

__all__ = ["MONTHS", "NEVER", "format_date", "parse_date"]

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NUMBER: Final = {name: number for number, name in enumerate(MONTHS, 1)}

#: The day after which nothing expires: what `permanent` means as a date.
NEVER: Final = date.max


@lru_cache(maxsize=4096)
def parse_date(text: str) -> date:
    """The last day that `text` allows, or `NEVER`.

    Raises:
        ValueError: One phrase that says what is expected; `text` is not a date of a license file.
    """
    folded = text.lower()
    if folded == "permanent":
        return NEVER
    parts = folded.split("-")
    if len(parts) != 3 or not all(part.isascii() for part in parts):
        raise ValueError("a date as dd-mmm-yyyy, or permanent")
    day_text, month_text, year_text = parts
    if month_text not in _MONTH_NUMBER:
        raise ValueError("a month as " + ", ".join(MONTHS))
    if not (day_text.isdigit() and 1 <= len(day_text) <= 2):
        raise ValueError("a day of one or two digits")
    if not (year_text.isdigit() and 1 <= len(year_text) <= 4):
        raise ValueError("a year of four digits, or 0 for a license that never expires")
    year = int(year_text)
    if year == 0:
        return NEVER
    if len(year_text) == 2:
        year += 1900
    try:
        return date(year, _MONTH_NUMBER[month_text], int(day_text))
    except ValueError:
        raise ValueError("a day that exists in that month and year") from None


def format_date(day: date, *, pad: bool = True) -> str:
    """`day` as `dd-mmm-yyyy` (day padded to two digits with `pad`), or `permanent` for `NEVER`."""
    if day == NEVER:
        return "permanent"
    return f"{day.day:02d}-{MONTHS[day.month - 1]}-{day.year:04d}" if pad else f"{day.day}-{MONTHS[day.month - 1]}-{day.year:04d}"
