"""Figures are tested by the reports made of them; here, what dropped detail leaves, and how long limits were passed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.lrm.close import close_days
from seatkeeper.lrm.figures import Asked, figures, time_over
from seatkeeper.lrm.limits import ALL_EXCLUDED
from seatkeeper.lrm.report import items_by_name
from seatkeeper.usage.facts import DAY_S
from seatkeeper.usage.limits import Limit
from seatkeeper.usage.measures import Item, SessionRule
from seatkeeper.usage.periods import Period
from seatkeeper.usage.reports import Subject
from support.usagefacts import DAY, moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

EMAIL = items_by_name()["genesys e-mail"]
DAYS = [Period(DAY, DAY, DAY + DAY_S), Period(DAY + DAY_S, DAY + DAY_S, DAY + 2 * DAY_S)]


def asked(path: Path, item: Item = EMAIL, out: list[tuple[int, int]] | None = None, step_s: int = 1) -> Asked:
    warehouse = Warehouse(path)
    return Asked(warehouse, open_duckdb(), warehouse.manifest(), "system", item, [Subject()], DAYS, out or [], step_s)


def peaks(
    path: Path, item: Item = EMAIL, out: list[tuple[int, int]] | None = None, step_s: int = 1
) -> list[tuple[int | None, int | None, str]]:
    told = figures(asked(path, item, out, step_s))
    return [(part.peak, part.last, part.missing) for part in (told.part(0, number, None) for number in range(2))]


def test_of_closed_days_what_was_kept_counts_or_nothing_is_known(tmp_path: Path) -> None:
    rows = [
        session(1, moment("08:00"), moment("09:00"), agent="a", media="email"),
        session(2, moment("08:30"), moment("08:40"), agent="b", media="email"),
        session(3, DAY + DAY_S, DAY + DAY_S + 600, agent="c", media="email"),
    ]
    warehouse = Warehouse(tmp_path)
    warehouse.load(write_csv(tmp_path / "f.csv", "sessions", rows))
    whole = [(2, moment("08:40") - 1, ""), (1, DAY + DAY_S + 599, "")]
    window, torn = [(moment("08:30"), moment("08:40"))], [(moment("08:30"), moment("08:41"))]
    without = [(1, moment("09:00") - 1, ""), whole[1]]
    assert peaks(tmp_path) == whole
    assert peaks(tmp_path, out=window) == peaks(tmp_path, out=torn) == without
    assert peaks(tmp_path, out=[(DAY, DAY + DAY_S)])[0] == (None, None, ALL_EXCLUDED)
    first = DAY // DAY_S
    close_days(warehouse, open_duckdb(), items_by_name(), [first, first + 1], DAY + 3 * DAY_S, lambda day, rows: None)
    assert peaks(tmp_path) == whole
    assert peaks(tmp_path, out=window) == peaks(tmp_path, out=torn) == without
    limit = Limit(1, 1, date(2026, 9, 1), "peak")
    assert time_over(asked(tmp_path), {(0, 0): limit}) == {(0, 0): 600}
    warehouse.drop_detail(open_duckdb(), first + 1)
    assert peaks(tmp_path) == whole
    assert peaks(tmp_path, out=window) == without
    unknown = [(None, None, "the detail of that time has been dropped"), whole[1]]
    assert peaks(tmp_path, out=torn) == unknown
    assert peaks(tmp_path, step_s=60)[0] == unknown[0]
    assert peaks(tmp_path, Item("Genesys E-Mail", SessionRule(media=("fax",)), None, "test"))[0] == unknown[0]
    # When the limit was passed cannot be told any more.
    assert time_over(asked(tmp_path), {(0, 0): limit}) == {}


def test_the_time_over_a_limit_leaves_out_what_is_excluded(tmp_path: Path) -> None:
    rows = [session(number, moment("08:00"), moment("09:00"), agent=f"a{number}", media="email") for number in range(3)]
    Warehouse(tmp_path).load(write_csv(tmp_path / "f.csv", "sessions", rows))
    limit = Limit(2, 2, date(2026, 9, 1), "peak")
    assert time_over(asked(tmp_path), {(0, 0): limit}) == {(0, 0): 3600}
    assert time_over(asked(tmp_path, out=[(moment("08:15"), moment("08:30"))]), {(0, 0): limit}) == {(0, 0): 2700}
    # Without configuration data all agents count, all the time.
    assert time_over(asked(tmp_path), {(0, 1): Limit(2, 2, date(2026, 9, 1), "enabled")}) == {(0, 1): DAY_S}
