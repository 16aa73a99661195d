"""Before a license file is replaced it is known what the new one would give less of, and from which day on.

Both files are looked at on each day on which anything changes in one of them, as a server would on that day: SUPERSEDE, UPGRADE and
PACKAGE are applied (lines.py). What counts is how many seats a request for a version could get, from lines with the same demands on
who asks: a version that is high enough serves, whichever line it is on. So a renewal, an upgrade and a new line of a higher version
give nothing less, and one that is shorter, smaller, older or tied to other hosts does. Seats that may be borrowed are counted again
by themselves.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from math import inf
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.dates import NEVER, parse_date
from seatkeeper.base.values import parse_version
from seatkeeper.licfile.model import Feature, Package, Upgrade
from seatkeeper.pools.grouping import POOLING_ATTRIBUTES
from seatkeeper.pools.lines import effective_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from seatkeeper.licfile.model import Signable

__all__ = ["DAYS_MAX", "Loss", "losses"]

#: So many days on which something changes are looked at, from today on.
DAYS_MAX: Final = 200

#: Name, the demands on who asks, and whether the seats may be borrowed.
_Kind = tuple[str, tuple[tuple[str, str], ...], bool]


class Loss(msgspec.Struct, frozen=True):
    """Seats that the new file does not give any more.

    Attributes:
        name: The feature.
        version: The version of which there are less.
        before: How many seats the old file gives; None for any number.
        after: How many the new one gives.
        day: The first day on which it is so.
        only: The demands on who asks, as `HOSTID=...`; empty for none.
        borrowing: True where it is seats that may be borrowed.
    """

    name: str
    version: str
    before: int | None
    after: int
    day: date
    only: str = ""
    borrowing: bool = False


def losses(before: Iterable[Signable], after: Iterable[Signable], today: date) -> tuple[Loss, ...]:
    """What a file with the lines `after` gives less of than one with the lines `before`: of each feature the first day and version.

    Args:
        before: The verified lines of one vendor, in the file's order.
        after: Those of the new file.
        today: Days before this one do not matter.
    """
    olds, news = _concerned(list(before), list(after))
    found: dict[_Kind, Loss] = {}
    for day in _days([*olds, *news], today):
        have, get = _rights(olds, day), _rights(news, day)
        for kind, rights in have.items():
            if kind in found:
                continue
            for version, text in sorted({(parse_version(line.version), line.version) for line in rights}):
                seats, left = _seats(rights, version), _seats(get.get(kind, ()), version)
                if left < seats:
                    _, demands, borrowing = kind
                    only = " ".join(f"{key}={value}" if value else key for key, value in demands)
                    held = None if seats == inf else int(seats)
                    found[kind] = Loss(rights[0].name, text, held, int(left), day, only, borrowing)
                    break
    plain = {kind[:2] for kind in found if not kind[2]}
    return tuple(loss for kind, loss in found.items() if not kind[2] or kind[:2] not in plain)


def _concerned(olds: list[Signable], news: list[Signable]) -> tuple[list[Signable], list[Signable]]:
    """The lines of features of which any line differs; all, where lines speak of other features."""
    if any(isinstance(line, Package) or line.attribute("SUPERSEDE") for line in (*olds, *news)):
        return olds, news
    differing = (Counter(olds) - Counter(news)) + (Counter(news) - Counter(olds))
    names = {line.name.lower() for line in differing}
    # The order of lines matters too: of several FEATURE lines of one name the first counts.
    counts = Counter(line.name.lower() for line in olds)
    names |= {name for name, count in counts.items() if count > 1}
    return [line for line in olds if line.name.lower() in names], [line for line in news if line.name.lower() in names]


def _days(lines: Sequence[Signable], today: date) -> list[date]:
    days = {today}
    for line in lines:
        if isinstance(line, Feature | Upgrade):
            expires = parse_date(line.expiry)
            if today <= expires < NEVER:
                days.add(expires + timedelta(days=1))
        start = line.attribute("START")
        if start:
            days.add(max(parse_date(start), today))
    return sorted(day for day in days if day < NEVER)[:DAYS_MAX]


def _rights(lines: Sequence[Signable], day: date) -> dict[_Kind, list[Feature]]:
    """By kind, the lines that are good on that day."""
    rights: dict[_Kind, list[Feature]] = {}
    for line in effective_lines(lines, day)[0]:
        start = line.attribute("START")
        if line.expires < day or (start and parse_date(start) > day):
            continue
        demands = tuple((name, value.lower()) for name in POOLING_ATTRIBUTES if (value := line.attribute(name)) is not None)
        for borrowing in (False, True) if line.attribute("BORROW") is not None else (False,):
            rights.setdefault((line.name.lower(), demands, borrowing), []).append(line)
    return rights


def _seats(rights: Iterable[Feature], version: Decimal) -> float:
    return sum((inf if line.seats is None else line.seats for line in rights if parse_version(line.version) >= version), 0)
