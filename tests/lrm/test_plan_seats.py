from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.lrm.plan_seats import seats_plan
from seatkeeper.lrm.report import Query, items_by_name
from seatkeeper.lrm.site import Site
from seatkeeper.usage.limits import Provisioned
from support.usagefacts import DAY, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

MAIL = "Genesys E-Mail"
FIRST = date(2026, 9, 1)


def filled(path: Path) -> Warehouse:
    """Ten days on which two work from 08:00 to 16:00, and on one of them two more for 100 seconds."""
    rows = [
        session(day * 10 + who, DAY + day * 86_400 + 28_800, DAY + day * 86_400 + 57_600, agent=f"a{who}", media="email")
        for day in range(10)
        for who in range(2)
    ]
    rows += [session(900 + who, DAY + 30_000, DAY + 30_100, agent=f"b{who}", media="email") for who in range(2)]
    warehouse = Warehouse(path / "db")
    warehouse.load(write_csv(path / "s.csv", "sessions", rows))
    return warehouse


def test_seats_for_each_share_of_logins_time_and_days(tmp_path: Path) -> None:
    warehouse = filled(tmp_path)
    site = Site(items_by_name(), provisioned=(Provisioned("Harbor", MAIL, FIRST, 3),))
    query = Query("tenant", MAIL, "daily", FIRST, FIRST + timedelta(10))

    def seats(of: str, risk: Fraction | None = None) -> dict[str, tuple[int, int, int, int | None]]:
        (plan,) = seats_plan(warehouse, open_duckdb(), query, site, 4e9, of, risk)  # type: ignore[arg-type]
        assert plan.past.limit == (3, FIRST)
        return {
            f"{float(row.needed.risk):g}": (
                row.needed.seats,
                row.needed.met,
                row.needed.total,
                None if row.denials is None else row.denials.denied,
            )
            for row in plan.rows
        }

    assert seats("time") == {
        "0": (4, 0, 288_000, 0),
        "0.001": (2, 100, 288_000, 2),
        "0.01": (2, 100, 288_000, 2),
        "0.05": (2, 100, 288_000, 2),
    }
    assert seats("logins", Fraction(1, 10)) == {
        "0": (4, 0, 22, 0),
        "0.001": (4, 0, 22, 0),
        "0.01": (4, 0, 22, 0),
        "0.05": (3, 1, 22, 1),
        "0.1": (2, 2, 22, 2),
    }
    # With one seat one of two is denied each day, and both of the short ones: 12 of 22, with two the short ones alone.
    assert seats("denials", Fraction(1, 2))["0.5"] == (2, 2, 22, 2)
    assert seats("denials", Fraction(6, 10))["0.6"] == (1, 12, 22, 12)
    assert seats("denials")["0"] == (4, 0, 22, 0)
    assert seats("days", Fraction(1, 10)) == {
        "0": (4, 0, 10, None),
        "0.001": (4, 0, 10, None),
        "0.01": (4, 0, 10, None),
        "0.05": (4, 0, 10, None),
        "0.1": (2, 1, 10, None),
    }


def test_those_who_are_denied_are_told_with_the_day_and_the_wait(tmp_path: Path) -> None:
    query = Query("system", MAIL, "daily", FIRST, FIRST + timedelta(10))
    (plan,) = seats_plan(filled(tmp_path), open_duckdb(), query, Site(items_by_name()), 4e9, "time", None)
    denials = plan.rows[-1].denials
    assert denials is not None
    assert (denials.logins, denials.denied, denials.agents, denials.first) == (22, 2, 2, DAY + 30_000)
    # Two seats are in use until 16:00.
    assert (denials.longest_wait_s, denials.full_s, denials.days) == (27_600, 288_000, {FIRST: 2})


def test_where_nothing_was_in_use_nothing_is_said(tmp_path: Path) -> None:
    query = Query("system", "Genesys Web Media", "daily", FIRST, FIRST + timedelta(10))
    (plan,) = seats_plan(filled(tmp_path), open_duckdb(), query, Site(items_by_name()), 4e9, "logins", None)
    assert (plan.rows, len(plan.past.days.days)) == ([], 10)
