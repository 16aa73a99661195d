from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.plan_whatif import Change, what_if
from seatkeeper.lrm.report import Query, items_by_name
from seatkeeper.lrm.site import Site
from seatkeeper.usage.limits import Provisioned
from support.usagefacts import moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.lrm.plan_whatif import Happened
    from seatkeeper.usage.reports import ReportType

MAIL = "Genesys E-Mail"
FIRST = date(2026, 9, 1)
SITE = Site(items_by_name(), provisioned=(Provisioned("Harbor", MAIL, FIRST, 3),))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """An early shift of two until 14:15 and a late one of two from 14:00 in Harbor, and one person in Meadow."""
    times = {"e1": ("06:00", "14:15"), "e2": ("06:00", "14:15"), "l1": ("14:00", "22:00"), "l2": ("14:00", "22:00")}
    rows = [
        session(number, moment(login), moment(logout), agent=name, media="email", place=f"P{name}")
        for number, (name, (login, logout)) in enumerate(times.items())
    ]
    rows.append(session(9, moment("10:00"), moment("11:00"), agent="m", media="email", place="Pe1", tenant="Meadow"))
    made = Warehouse(tmp_path / "db")
    made.load(write_csv(tmp_path / "s.csv", "sessions", rows))
    groups = [("Harbor", "All", name) for name in times] + [
        ("Harbor", "Late", "l1"),
        ("Harbor", "Late", "l2"),
        ("Meadow", "All", "m"),
        ("Meadow", "Web", "m"),
    ]
    made.load(
        write_csv(
            tmp_path / "c.csv",
            "configuration",
            [
                {"source": "c", "tenant": tenant, "kind": "agent-group", "name": name, "detail": member, "since": moment("00:00")}
                for tenant, name, member in groups
            ],
        )
    )
    return made


def sides(
    warehouse: Warehouse, change: Change, report: ReportType = "tenant", **others: Any
) -> dict[str | None, tuple[Happened, Happened]]:
    query = Query(report, MAIL, "daily", FIRST, FIRST + timedelta(1), **others)
    found = {}
    for told in what_if(warehouse, open_duckdb(), query, SITE, 4e9, change):
        assert told.before is not None
        assert told.after is not None
        found[told.past.subject.tenant] = told.before, told.after
    return found


def test_seats_more_or_fewer_deny_fewer_or_more(warehouse: Warehouse) -> None:
    before, after = sides(warehouse, Change(more=-1), tenant="Harbor")["Harbor"]
    assert (before.peak, before.seats, before.over, before.over_s) == (4, 3, 1, 900)
    assert before.denials is not None
    assert (before.denials.denied, before.denials.longest_wait_s, before.denials.full_s) == (1, 900, 900)
    assert (after.peak, after.seats, after.over, after.over_s) == (4, 2, 2, 900)
    assert after.denials is not None
    assert (after.denials.denied, after.denials.agents) == (2, 2)
    absolute = sides(warehouse, Change(seats=4))
    assert (absolute["Harbor"][1].over, absolute["Meadow"][0].seats, absolute["Meadow"][1].seats) == (0, None, 4)
    with pytest.raises(InputError, match="There is no limit of Meadow"):
        sides(warehouse, Change(more=1), tenant="Meadow")


def test_a_group_moves_to_another_tenant(warehouse: Warehouse) -> None:
    change = Change(move=(("Late", "Meadow"),))
    told = sides(warehouse, change)
    assert {tenant: (before.peak, after.peak) for tenant, (before, after) in told.items()} == {"Harbor": (4, 2), "Meadow": (1, 2)}
    ((before, after),) = sides(warehouse, change, "system").values()
    assert (before.peak, after.peak) == (4, 4)
    with pytest.raises(InputError, match="of tenants or of the system"):
        sides(warehouse, change, "agent-group")


def test_a_group_comes_later_and_shares_no_chair_with_those_who_are_there(warehouse: Warehouse) -> None:
    assert sides(warehouse, Change(shift=(("Late", 900),)))["Harbor"][1].peak == 2
    # Meadow's one has the place of an early one, which was a single seat; at two they are two people.
    ((before, after),) = sides(warehouse, Change(shift=(("Web", 14_400),)), "system").values()
    assert (before.peak, after.peak) == (4, 5)
    told = sides(warehouse, Change(shift=(("Late", 3 * 86_400),)))
    assert told["Harbor"][1].peak == 2


def test_shifts_do_not_overlap(warehouse: Warehouse) -> None:
    before, after = sides(warehouse, Change(without_overlap=("All",)), tenant="Harbor")["Harbor"]
    assert (before.peak, after.peak, after.over) == (4, 2, 0)
    assert sides(warehouse, Change(without_overlap=("All",), handover_s=600), tenant="Harbor")["Harbor"][1].peak == 4
    of_group = Query("agent-group", MAIL, "daily", FIRST, FIRST + timedelta(1), tenant="Harbor", group="All")
    (told,) = what_if(warehouse, open_duckdb(), of_group, SITE, 4e9, Change(without_overlap=("All",)))
    assert told.after is not None
    assert (told.after.peak, told.after.denials) == (2, None)


def test_what_is_not_known_is_named(warehouse: Warehouse) -> None:
    for change, text in (
        (Change(move=(("Lat", "Meadow"),)), "There is no such group"),
        (Change(move=(("Late", "Medow"),)), "There are no data of this tenant"),
        (Change(without_overlap=("All",)), "Several tenants have a group of this name"),
    ):
        with pytest.raises(InputError, match=text):
            sides(warehouse, change)
    query = Query("system", MAIL, "daily", FIRST - timedelta(1), FIRST)
    (told,) = what_if(warehouse, open_duckdb(), query, SITE, 4e9, Change(seats=1))
    assert (told.before, told.after, told.past.days.left_out[0].reason) == (None, None, "before the first facts")
