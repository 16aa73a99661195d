"""Days that are over are closed: their peaks are worked out once and kept, so that reports of months are read, not worked out.

Closing a day again gives the same. One close runs at a time in a directory of usage data: it holds a lock of the operating system, which
goes with its holder however that ends. A few days are committed at a time, so a close that is killed goes on with those it was at. A day
of which late facts say something else is open again (adapters.warehouse), and so is one whose rules have changed; the next close takes
them along.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.wholefile import alone
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.usage.closing import BIN_S, day_peaks, measured, used_rows
from seatkeeper.usage.facts import DAY_S
from seatkeeper.usage.measures import PortRule
from seatkeeper.usage.reports import GROUP_KINDS, REPORT_TYPES, Subject, groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ibis.expr.types import Table

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import Manifest, Warehouse
    from seatkeeper.usage.measures import Item
    from seatkeeper.usage.reports import Facts, ReportType

__all__ = ["DaysOpen", "all_subjects", "close_days", "day_number", "day_of", "one_close", "open_days"]

_EPOCH: Final = date(1970, 1, 1)
#: The lock's name in the directory of usage data.
_LOCK: Final = "close"
#: How long somebody else's close is waited for: it takes minutes, and a person would rather know.
_WAIT_S: Final = 1.0
#: Days that are worked out in one go, and committed together.
_BATCH_DAYS: Final = 7
#: Items, subjects and bins that are worked out in one go: a large site's day, or a week of a small one.
_CELLS_MAX: Final = 6_000_000


class DaysOpen(msgspec.Struct, frozen=True):
    """The days that are over and not closed.

    Attributes:
        never: Those that were never closed.
        again: Those that are closed by other rules than those of today.
    """

    never: list[int]
    again: list[int]


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The day of that number."""
    return _EPOCH + timedelta(days=number)


def open_days(manifest: Manifest, items: Mapping[str, Item], now: float) -> DaysOpen:
    """What is to be closed: each UTC day that is over now, from the first one on of which something was counted.

    What was configured may be valid since many years before anybody looked. Of such days only enabled seats are known, which are few rows
    and are worked out when they are asked for. Ports are counted by others, and checkouts are not kept by day.
    """
    firsts = [part.day for name in ("sessions", "recordings") for part in manifest.parts.get(name, [])]
    today = int(now // DAY_S)
    rules = _rules(items)
    closed = {one.day: one.rules for one in manifest.closed}
    never = [day for day in range(max(min(firsts, default=today), manifest.dropped_before), today) if day not in closed]
    # What was closed before its detail was dropped stays as it is.
    again = [day for day, used in closed.items() if any(used.get(name) != digest for name, digest in rules.items())]
    return DaysOpen(never, [day for day in again if day >= manifest.dropped_before])


def _rules(items: Mapping[str, Item]) -> dict[str, str]:
    return {item.name: item.digest for item in items.values() if not isinstance(item.peak, PortRule)}


@contextmanager
def one_close(warehouse: Warehouse) -> Iterator[None]:
    """No other close runs in the directory while the block does.

    Raises:
        SeatkeeperError: One does.
    """
    try:
        with alone(warehouse.path / _LOCK, wait_s=_WAIT_S):
            yield
    except TimeoutError:
        raise SeatkeeperError(
            f"Another close is under way in {warehouse.path}.", "Wait until it has ended; what it closes need not be closed again."
        ) from None


def close_days(
    warehouse: Warehouse, engine: Engine, items: Mapping[str, Item], days: Sequence[int], now: float, tell: Callable[[int, int], None]
) -> int:
    """Closes days; how many rows are kept of them.

    Args:
        warehouse: Where.
        engine: DuckDB.
        items: The items that are measured, by folded name.
        days: Which days, as days since 1970.
        now: UTC seconds.
        tell: Called with a day and its rows when it is closed.

    Raises:
        InputError: A day is not over, or its detail has been dropped.
        SeatkeeperError: The disk is full, or a load takes all the time; days before this one are closed.
    """
    total = 0
    manifest = warehouse.manifest()
    for day in days:
        if (day + 1) * DAY_S > now:
            raise InputError(
                "This day is not over yet.", file="--date", found=f"{day_of(day)}", expected=f"a day before {day_of(int(now // DAY_S))}"
            )
        if day < manifest.dropped_before:
            raise InputError(
                "The detail of this day has been dropped; it stays as it was closed.",
                file="--date",
                found=f"{day_of(day)}",
                expected=f"{day_of(manifest.dropped_before)} or later",
            )
    chosen = list(items.values())
    known = warehouse.facts(engine, manifest, 0, 0)
    subjects = max(len(all_subjects(engine, known, report, manifest.tenants)) for report in REPORT_TYPES)
    at_once = max(1, min(_BATCH_DAYS, _CELLS_MAX // (len(chosen) * max(subjects, 1) * (DAY_S // BIN_S))))
    for first, end in _batches(days, at_once):

        def work(facts: Facts, span: tuple[int, int] = (first * DAY_S, end * DAY_S)) -> Table:
            return _peaks_of(engine, facts, chosen, manifest.tenants, span)

        for day, rows in warehouse.close_days(engine, first, end, work, _rules(items), int(now)).items():
            tell(day, rows)
            total += rows
    return total


def _batches(days: Sequence[int], at_once: int) -> list[tuple[int, int]]:
    """Days that follow one another, at most so many at a time: the first one, and the one after the last."""
    found: list[tuple[int, int]] = []
    for day in sorted(set(days)):
        if found and found[-1][1] == day and day - found[-1][0] < at_once:
            found[-1] = found[-1][0], day + 1
        else:
            found.append((day, day + 1))
    return found


def _peaks_of(engine: Engine, facts: Facts, items: Sequence[Item], tenants: Sequence[str], span: tuple[int, int]) -> Table:
    # What takes a seat is found once, and then counted for each sort of subject.
    used = engine.keep(used_rows(facts, measured(items)))
    tables = []
    for report in REPORT_TYPES:
        subjects = all_subjects(engine, facts, report, tenants)
        if subjects:
            tables.append(engine.keep(day_peaks(facts, used, items, report, subjects, span, facts.known.kinds)))
    first, *others = tables
    return first.union(*others)


def all_subjects(engine: Engine, facts: Facts, report: ReportType, tenants: Sequence[str]) -> list[Subject]:
    """Everybody whom a report of this sort can be about, in the order of their names."""
    if report == "system":
        return [Subject()]
    if report not in GROUP_KINDS:
        return [Subject(tenant) for tenant in tenants]
    rows = engine.rows(groups(facts.known, report).select("tenant", "group").distinct())
    return [Subject(row["tenant"], row["group"]) for row in sorted(rows, key=lambda row: (row["tenant"], row["group"]))]
