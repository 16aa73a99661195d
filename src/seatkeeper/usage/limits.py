"""How much of an item may be in use on which day: provisioned counts of tenants, and for the whole system what was bought.

A provisioned count is in force from 00:00 UTC of its date to that of the next one of the same tenant and item; all of them are kept, so
an old report says what it said (facts, LRM 1.5). For the system the entitlement file counts that was issued last of those in force on
the day (facts, LRM 1.6). Both become steps: from which moment on which limit holds. Nothing is denied because of a limit.

An item that was bought by seats in use is compared with the peak; one that was bought by seats set up, with what is enabled.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from datetime import date, timedelta
from io import StringIO
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded
from seatkeeper.usage.entitlement import QUANTITY_MAX, TEXT_CHARS_MAX, Entitlement, in_force
from seatkeeper.usage.periods import Period, midnight

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from seatkeeper.usage.measures import Item

__all__ = [
    "CSV_COLUMNS",
    "PROVISIONED_MAX",
    "Limit",
    "Measure",
    "Provisioned",
    "Step",
    "at_moment",
    "counts_from_csv",
    "counts_to_csv",
    "entitled_steps",
    "provisioned_steps",
    "split",
    "with_counts",
    "without_count",
]

#: Rows of all tenants, with their history.
PROVISIONED_MAX: Final = 1_000_000
CSV_COLUMNS: Final = ("tenant", "item", "count", "from", "burst")

Measure = Literal["peak", "enabled"]


class Provisioned(msgspec.Struct, frozen=True, order=True):
    """So much of an item a tenant may use from a day on.

    Attributes:
        tenant: Whose.
        item: The item's name, or a bundle's.
        since: From 00:00 UTC of this day on.
        count: How much.
        burst: How much may be in use for a while; None: no more than `count`.
    """

    tenant: str
    item: str
    since: date
    count: int
    burst: int | None = None


class Limit(msgspec.Struct, frozen=True):
    """A limit as reports compare use with it.

    Attributes:
        count: How much was bought or provisioned.
        burst: How much may be in use for a while, at least `count`.
        since: The day from which it has held.
        measure: What is compared with it.
    """

    count: int
    burst: int
    since: date
    measure: Measure


class Step(msgspec.Struct, frozen=True):
    """From this moment on, in UTC seconds, this limit holds; None: none does."""

    at: int
    limit: Limit | None


def provisioned_steps(rows: Iterable[Provisioned], tenant: str, item: Item) -> list[Step]:
    """The limits of a tenant, in the order of time."""
    measure: Measure = "peak" if item.peak is not None else "enabled"
    own = sorted(row for row in rows if row.tenant == tenant and folded(row.item) == folded(item.name))
    return [
        Step(midnight(row.since), Limit(row.count, max(row.count, row.count if row.burst is None else row.burst), row.since, measure))
        for row in own
    ]


def entitled_steps(entitlements: Sequence[Entitlement], item: Item, names: Collection[str]) -> list[Step]:
    """The limits of the whole system, in the order of time.

    Args:
        entitlements: All files that are kept.
        item: What is measured.
        names: Folded names under which it is bought.
    """
    days = {one.header.valid_from for one in entitlements}
    days |= {
        one.header.valid_to + timedelta(1) for one in entitlements if one.header.valid_to is not None and one.header.valid_to < date.max
    }
    steps: list[Step] = []
    for day in sorted(days):
        counts, _ = in_force(entitlements, day)
        steps.append(Step(midnight(day), None if counts is None else _bought(counts, item, names)))
    return steps


def _bought(entitlement: Entitlement, item: Item, names: Collection[str]) -> Limit | None:
    """What the file has of the item; None where it has nothing of it."""
    lines = [line for line in entitlement.lines if folded(line.measured or line.description) in names]
    if not lines:
        return None
    in_use = [line for line in lines if line.license_type == "concurrent"]
    by_peak = item.peak is not None and (bool(in_use) or item.enabled is None)
    set_up = [line for line in lines if line.license_type == "enabled"]
    # What counts is the sort that is measured; where only the other was bought, that one.
    counted = (in_use if by_peak else set_up) or lines
    return Limit(
        sum(line.quantity for line in counted),
        sum(line.burst for line in counted),
        entitlement.header.valid_from,
        "peak" if by_peak else "enabled",
    )


def at_moment(steps: Sequence[Step], moment: int) -> Limit | None:
    """The limit in force at a moment."""
    position = bisect_right(steps, moment, key=lambda step: step.at)
    return steps[position - 1].limit if position else None


def split(pieces: Sequence[Period], moments: Iterable[int]) -> list[tuple[int, Period]]:
    """The periods in parts, each with the number of its period: none of the moments lies within a part."""
    cuts = sorted(set(moments))
    parts: list[tuple[int, Period]] = []
    for number, piece in enumerate(pieces):
        inner = cuts[bisect_right(cuts, piece.since) : bisect_right(cuts, piece.until - 1)]
        marks = [piece.since, *inner, piece.until]
        parts += [(number, Period(piece.start, since, until)) for since, until in pairwise(marks)]
    return parts


def with_counts(rows: Iterable[Provisioned], new: Iterable[Provisioned]) -> tuple[Provisioned, ...]:
    """The rows with new ones; one of the same tenant, item and day is replaced.

    Raises:
        InputError: There would be more than PROVISIONED_MAX.
    """
    known = {(row.tenant, folded(row.item), row.since): row for row in (*rows, *new)}
    if len(known) > PROVISIONED_MAX:
        raise InputError("These are too many provisioned counts.", found=str(len(known)), expected=f"at most {PROVISIONED_MAX}")
    return tuple(sorted(known.values()))


def without_count(rows: Sequence[Provisioned], tenant: str, item: str, since: date) -> tuple[Provisioned, ...]:
    """The rows without that one.

    Raises:
        InputError: It is not there.
    """
    kept = tuple(row for row in rows if (row.tenant, folded(row.item), row.since) != (tenant, folded(item), since))
    if len(kept) == len(rows):
        days = ", ".join(f"{row.since}" for row in sorted(rows) if row.tenant == tenant and folded(row.item) == folded(item))
        raise InputError(
            f"Nothing is provisioned of {item} for {tenant} from this day on.", file="--from", found=f"{since}", expected=days or "no day"
        )
    return kept


def counts_to_csv(rows: Iterable[Provisioned]) -> str:
    """The rows as `counts_from_csv` reads them."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows((row.tenant, row.item, row.count, row.since.isoformat(), "" if row.burst is None else row.burst) for row in rows)
    return text.getvalue()


def counts_from_csv(text: str, name: str) -> list[Provisioned]:
    """The rows of a list with the columns CSV_COLUMNS; `burst` may be left out.

    Raises:
        InputError: A row cannot be used; the message has its line.
    """
    reader = csv.reader(StringIO(text, newline=""))
    head = tuple(next(reader, ()))
    if head not in (CSV_COLUMNS, CSV_COLUMNS[:-1]):
        raise InputError("The columns are others.", file=name, line=1, found=",".join(head)[:100], expected=",".join(CSV_COLUMNS))
    rows: list[Provisioned] = []
    try:
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(head):
                raise InputError(
                    "The row has another number of values.", file=name, line=reader.line_num, found=f"{len(cells)}", expected=f"{len(head)}"
                )
            rows.append(_row(cells, name, reader.line_num))
    except csv.Error as error:
        raise InputError(f"This is no CSV: {error}.", file=name, line=reader.line_num) from None
    seen: set[tuple[str, str, date]] = set()
    for row in rows:
        if (row.tenant, folded(row.item), row.since) in seen:
            raise InputError(f"{row.item} of {row.tenant} stands twice with this day.", file=name, found=f"{row.since}")
        seen.add((row.tenant, folded(row.item), row.since))
    return rows


def _row(cells: Sequence[str], name: str, line: int) -> Provisioned:
    tenant, item, count, since, burst = (*cells, "")[: len(CSV_COLUMNS)]
    for text, what in ((tenant, "tenant"), (item, "item")):
        if not text or not text.isprintable() or len(text) > TEXT_CHARS_MAX:
            raise InputError(f"This is no name of the {what}.", file=name, line=line, found=text[:40])
    try:
        day = date.fromisoformat(since)
    except ValueError:
        raise InputError("This is no calendar day.", file=name, line=line, found=since[:40], expected="YYYY-MM-DD") from None
    number = _number(count, name, line)
    most = _number(burst, name, line) if burst else None
    if most is not None and most < number:
        raise InputError("The burst limit is below the count.", file=name, line=line, found=burst, expected=f"at least {number}")
    return Provisioned(tenant, item, day, number, most)


def _number(text: str, name: str, line: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(QUANTITY_MAX))):
        raise InputError("This is no number of seats.", file=name, line=line, found=text[:40], expected=f"0 to {QUANTITY_MAX}")
    return int(text)
