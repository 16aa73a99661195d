from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.plan import counted_times, held_of, levels_of, members_of, past_of, single_item, uses_of
from seatkeeper.lrm.report import Query, items_by_name
from seatkeeper.lrm.site import Site, read_site
from seatkeeper.usage.bundles import Bundle, BundleItem, BundleSet
from seatkeeper.usage.whatif import joined, replay
from support.usageasked import loaded
from support.usagefacts import DAY, moment, session, write_csv
from support.usageworld import FIRST_DAYS, PEAK, random_world

if TYPE_CHECKING:
    from pathlib import Path

    from support.usageworld import World

LATER = 4_000_000_000.0
SEPTEMBER = date(2026, 9, 1)
MAIL = "Genesys E-Mail"
ITEMS = (MAIL, "Genesys CIM Platform-MS", "SIP Server", "Genesys Web Media")


def by_the_moment(
    world: World, item: str, report: str, tenant: str | None, group: str | None, spans: list[tuple[int, int]]
) -> Counter[int]:
    """For how many seconds of the spans how many seats were in use: who is there is asked anew between any two moments that matter."""
    counting = [one for one in world.held() if PEAK[item](world, one) and tenant in {None, one.tenant}]
    edges = {at for span in spans for at in span} | {at for one in counting for at in (one.begin, one.end)}
    edges |= {row[at] for row in world.configuration for at in ("since", "until") if row[at] is not None}
    order = sorted(edges)
    found: Counter[int] = Counter()
    for at, following in pairwise(order):
        if not any(since <= at < until for since, until in spans):
            continue
        there = [one for one in counting if one.begin <= at < one.end]
        if group is not None:
            rows = world.rows(report, at, at + 1, tenant=tenant or "", name=group)
            members = {row["detail"] for row in rows if row["detail"]}
            there = [one for one in there if (one.agent if report == "agent-group" else one.place) in members]
        found[len({one.seat for one in there})] += following - at
    return found


@pytest.mark.parametrize("seed", range(4))
def test_seconds_at_each_level_are_those_of_a_random_world(tmp_path: Path, seed: int) -> None:
    draws = random.Random(seed)
    first = draws.choice(FIRST_DAYS)
    world = random_world(draws, "UTC", first, 4)
    warehouse, engine = loaded(world, tmp_path), open_duckdb()
    report = ("system", "tenant", "agent-group", "place-group")[seed % 4]
    query = Query(report, draws.choice(ITEMS), "daily", first, first + timedelta(4))  # type: ignore[arg-type]
    site = read_site(warehouse.path, items_by_name(), {})
    pasts = past_of(warehouse, engine, query, site, LATER, detail=True)
    item = single_item(site, query, pasts)
    levels = levels_of(warehouse, engine, query.report, item, site, pasts)
    held = held_of(warehouse, engine, item, *_span(query))
    members = members_of(warehouse, engine, query.report) if "group" in report else []
    for past in pasts:
        spans = [(row.period.since, row.period.until) for row in past.rows]
        own = {seats: seconds for seats, (seconds, _) in levels[past.subject].items() if seconds}
        assert own == by_the_moment(world, query.item, report, past.subject.tenant, past.subject.group, spans), past.subject
        # The replay counts the same logins, and finds the same peak.
        told = replay(joined(uses_of(held, query.report, past.subject, members)), counted_times(site, past), [])
        assert told.logins == sum(logins for _, logins in levels[past.subject].values())
        assert (told.peak, told.peak_time) == (past.peak[0] or 0, past.peak[1])


def _span(query: Query) -> tuple[int, int]:
    return tuple(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in (query.first, query.end))  # type: ignore[return-value]


def test_days_that_are_not_known_are_left_out(tmp_path: Path) -> None:
    rows = [session(day, DAY + day * 86_400 + 30_000, DAY + day * 86_400 + 33_600, media="email", agent=f"a{day}") for day in range(4)]
    warehouse = Warehouse(tmp_path / "db")
    warehouse.load(write_csv(tmp_path / "s.csv", "sessions", rows))
    gap = {"source": "icon", "since": DAY + 86_400, "until": DAY + 90_000, "reason": "down"}
    warehouse.load(write_csv(tmp_path / "g.csv", "gaps", [gap]))
    (tmp_path / "db" / "usage.toml").write_text('[[excluded]]\nfrom = "08:00"\nto = "08:30"\nreason = "shift change"\n')
    site = read_site(warehouse.path, items_by_name(), {})
    query = Query("system", MAIL, "daily", SEPTEMBER - timedelta(1), SEPTEMBER + timedelta(6))
    (past,) = past_of(warehouse, open_duckdb(), query, site, DAY + 5 * 86_400, detail=True)
    assert past.days.days == (SEPTEMBER, SEPTEMBER + timedelta(2), SEPTEMBER + timedelta(3))
    assert [(out.reason, len(out.days)) for out in past.days.left_out] == [
        ("before the first facts", 1),
        ("icon has no data for 1 hour (down)", 1),
        ("after the last facts", 1),
        ("not over", 1),
    ]
    assert past.days.excluded == (("shift change", 3 * 1800),)
    assert (past.peak, past.limit) == ((1, DAY + 3 * 86_400 + 33_599), None)
    assert counted_times(site, past)[:2] == [(DAY, moment("08:00")), (moment("08:30"), DAY + 86_400)]
    levels = levels_of(warehouse, open_duckdb(), "system", site.items["genesys e-mail"], site, [past])
    # From 08:30 to 09:20 of three days; the logins came when time did not count.
    assert levels[past.subject] == {0: (3 * (86_400 - 1800 - 3000), 0), 1: (3 * 3000, 0)}


def test_where_detail_was_dropped_only_peaks_are_known(tmp_path: Path) -> None:
    rows = [session(day, DAY + day * 86_400 + 30_000, DAY + day * 86_400 + 33_600, media="email") for day in range(3)]
    warehouse = Warehouse(tmp_path / "db")
    warehouse.load(write_csv(tmp_path / "s.csv", "sessions", rows))
    from seatkeeper.cli.main import main

    assert main(["usage", "close", "--db", str(warehouse.path), "--through", "2026-09-02"]) == 0
    warehouse.drop_detail(open_duckdb(), DAY // 86_400 + 1)
    site = read_site(warehouse.path, items_by_name(), {})
    query = Query("system", MAIL, "daily", SEPTEMBER, SEPTEMBER + timedelta(3))
    (peaks,) = past_of(warehouse, open_duckdb(), query, site, LATER, detail=False)
    (detail,) = past_of(warehouse, open_duckdb(), query, site, LATER, detail=True)
    assert (len(peaks.days.days), len(detail.days.days)) == (3, 2)
    assert detail.days.left_out[0].reason == "the detail has been dropped"


def test_what_cannot_be_planned_is_said(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "db")
    warehouse.load(write_csv(tmp_path / "s.csv", "sessions", [session(1, DAY, DAY + 60, media="email")]))
    site = Site(items_by_name())
    query = Query("system", "GVP Ports", "daily", SEPTEMBER, SEPTEMBER + timedelta(1))
    with pytest.raises(InputError, match="measured from sessions or recordings"):
        single_item(site, query, past_of(warehouse, open_duckdb(), query, site, LATER, detail=True))


def test_a_bundle_is_planned_like_an_item_while_it_stays_the_same(tmp_path: Path) -> None:
    rows = [session(day, DAY + day * 86_400, DAY + day * 86_400 + 60, media="email" if day else "chat") for day in range(4)]
    warehouse = Warehouse(tmp_path / "db")
    warehouse.load(write_csv(tmp_path / "s.csv", "sessions", rows))

    def one_set(number: int, item: str, valid_from: date, valid_to: date) -> BundleSet:
        return BundleSet(number, "", "", valid_from, valid_from, valid_to, (Bundle(number + 1, "Basic", "", (BundleItem(item),)),))

    sets = (
        one_set(10_000, MAIL, SEPTEMBER, SEPTEMBER + timedelta(1)),
        one_set(10_010, "Genesys Web Media", SEPTEMBER + timedelta(2), SEPTEMBER + timedelta(9)),
    )
    site = Site(items_by_name(), bundles=sets)
    query = Query("system", "Basic", "daily", SEPTEMBER, SEPTEMBER + timedelta(2))
    pasts = past_of(warehouse, open_duckdb(), query, site, LATER, detail=True)
    item = single_item(site, query, pasts)
    assert levels_of(warehouse, open_duckdb(), "system", item, site, pasts)[pasts[0].subject] == {0: (2 * 86_400 - 60, 1), 1: (60, 0)}
    longer = Query("system", "Basic", "daily", SEPTEMBER, SEPTEMBER + timedelta(4))
    with pytest.raises(InputError, match=r"The bundle changes within these days\. .*Ask for days without 2026-09-03"):
        single_item(site, longer, past_of(warehouse, open_duckdb(), longer, site, LATER, detail=True))
