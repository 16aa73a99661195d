"""What a pack is made of: all that the report reads, nothing that it does not, and the same bytes for the same."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.usagelimits import change_provisioned, keep_bundles, keep_entitlement, kept_bundles
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.close import close_days, day_number
from seatkeeper.lrm.evidence import Gathered, chosen, gathered, measured, query_of
from seatkeeper.lrm.report import Query, items_by_name, report
from seatkeeper.lrm.rows import report_json
from seatkeeper.usage.evidence import DATA, PARAMETERS, REPORT, Data, Parameters, decoded, rows_from_json
from seatkeeper.usage.limits import Provisioned
from support.boughtfiles import BUNDLES, entitlement_text
from support.evidencepacks import KNOWN, QUERY, checked, made, members, outcomes, small_site
from support.usageasked import drawn, loaded
from support.usagefacts import DAY, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from support.usageworld import Asked


def query_for(asked: Asked) -> Query:
    names: dict[str, Any] = {"report": asked.report, "granularity": asked.granularity}
    return Query(
        item=asked.item,
        first=asked.first,
        end=asked.end,
        zone=ZoneInfo(asked.zone),
        week_start=asked.week_start,
        sampling="minute" if asked.minutes else "exact",
        membership="day-end" if asked.day_end else "history",
        **names,
    )


def gather(path: Path, warehouse: Warehouse, query: Query = QUERY) -> Gathered:
    place = path / f"copies-{len(list(path.iterdir()))}"
    place.mkdir()
    return gathered(warehouse, query, place, KNOWN)


@pytest.mark.parametrize("seed", range(7000, 7008))
def test_what_is_chosen_says_what_the_whole_says(seed: int, tmp_path: Path) -> None:
    world, questions = drawn(seed)
    draws = random.Random(seed)
    warehouse = loaded(world, tmp_path)
    if seed % 3 == 0:
        begin = int(draws.choice([DAY - 40 * 86_400, DAY, DAY + 86_400]))
        gap = {"source": "a", "since": begin, "until": begin + 40 * 86_400, "reason": "the database was down"}
        warehouse.load(write_csv(tmp_path / "gaps.csv", "gaps", [gap]))
    engine = open_duckdb()
    if seed % 2 == 0:
        days = [day_number(questions[0].first) + day for day in range(-1, 2)]
        close_days(warehouse, engine, items_by_name(), days, 2e9, lambda _day, _rows: None)
        if seed % 4 == 0:
            warehouse.drop_detail(engine, days[-1])
    for asked in questions[: 1 + seed % 2]:
        query = query_for(replace(asked, granularity="10-minute") if seed % 5 == 0 else asked)
        whole = [report_json(row) for row in report(warehouse, engine, query, items_by_name(), {})]
        pack = made(tmp_path / f"{query.report}-{query.granularity}-{query.item}".replace(" ", ""), warehouse, query)
        verdict = checked(pack)
        assert verdict.holds, verdict
        assert rows_from_json(members(pack)[REPORT], REPORT) == whole


def test_the_same_is_the_same_to_the_byte(tmp_path: Path) -> None:
    warehouse = small_site(tmp_path)
    first, second = (made(tmp_path / name, warehouse).read_bytes() for name in ("a", "b"))
    assert first == second
    assert made(tmp_path / "c", warehouse, made="2026-11-25T00:00:00Z").read_bytes() != first


def test_a_pack_says_what_was_asked_and_how_it_was_measured(tmp_path: Path) -> None:
    query = msgspec.structs.replace(QUERY, zone=None, tenant="Harbor", week_start=6, sampling="minute", granularity="weekly")
    told = decoded(members(made(tmp_path / "p", small_site(tmp_path), query))[PARAMETERS], Parameters, PARAMETERS)
    assert query_of(told) == query
    (rule,) = told.rules
    assert (rule.name, rule.counts, rule.peak) == ("Genesys E-Mail", "sessions", {"media": ["email"]})
    assert rule.digest == items_by_name()["genesys e-mail"].digest


def test_of_days_far_away_and_kinds_that_do_not_matter_nothing_is_there(tmp_path: Path) -> None:
    warehouse = small_site(tmp_path)
    rows = [session(9, DAY + 40 * 86_400, DAY + 40 * 86_400 + 60), session(8, DAY - 40 * 86_400, DAY - 39 * 86_400)]
    warehouse.load(write_csv(tmp_path / "far.csv", "sessions", rows))
    recording = {"source": "r", "recording_id": "1", "tenant": "Harbor", "started": DAY, "ended": DAY + 5}
    warehouse.load(write_csv(tmp_path / "r.csv", "recordings", [recording]))
    agent = {"source": "c", "tenant": "Harbor", "kind": "agent", "name": "ann", "detail": "email", "since": DAY - 99 * 86_400}
    # Without configuration every agent of whom there are sessions counts.
    assert len(gather(tmp_path, warehouse).data.facts) == 4
    warehouse.load(write_csv(tmp_path / "c.csv", "configuration", [agent]))
    data = gather(tmp_path, warehouse).data
    assert [(file.kind, f"{file.day}") for file in data.facts] == [
        ("sessions", "2026-09-01"),
        ("sessions", "2026-09-02"),
        ("configuration", "2026-05-25"),
    ]
    assert data.kinds == ["configuration", "recordings", "sessions"]
    # A gap makes it matter who has ever told of what.
    gap = {"source": "icon", "since": DAY, "until": DAY + 3600, "reason": "down"}
    warehouse.load(write_csv(tmp_path / "gaps.csv", "gaps", [gap]))
    assert {file.kind for file in gather(tmp_path, warehouse).data.facts} == {"sessions", "configuration", "recordings", "gaps"}
    far = msgspec.structs.replace(QUERY, first=date(2026, 9, 20), end=date(2026, 9, 21))
    assert [file.kind for file in gather(tmp_path, warehouse, far).data.facts] == ["configuration"]


def test_the_sites_own_files_go_along_and_neither_sources_nor_the_key(tmp_path: Path) -> None:
    warehouse = small_site(tmp_path)
    change_provisioned(warehouse.path, lambda _: (Provisioned("Harbor", "Genesys E-Mail", date(2026, 9, 1), 1),))
    (tmp_path / "e.xml").write_text(entitlement_text(date(2026, 9, 1), {"Genesys E-Mail": 10}))
    keep_entitlement(warehouse.path, tmp_path / "e.xml")
    secret = "db1.secret.example"
    (warehouse.path / "usage.toml").write_text(
        f'[[sources]]\nkind = "icon"\nurl = "postgresql://{secret}/icon"\n[[tenants]]\nname = "Harbor"\nzone = "Europe/Paris"\n'
    )
    (warehouse.path / "evidence.key").write_text("a secret of the site")
    pack = made(tmp_path / "p", warehouse)
    there = members(pack)
    assert sorted(name for name in there if name.startswith("site/")) == [
        "site/entitlements/00000.xml",
        "site/provisioned.json",
        "site/usage.toml",
    ]
    assert b"Europe/Paris" in there["site/usage.toml"]
    assert secret.encode() not in pack.read_bytes()
    assert b"a secret of the site" not in pack.read_bytes()
    rows = rows_from_json(there[REPORT], REPORT)
    assert [(row["limit"], row["over"]) for row in rows[:2]] == [(1, 1), (1, 0)]
    assert outcomes(checked(pack))["report"] == "ok"
    (warehouse.path / "usage.toml").write_text("tenants = 1")
    with pytest.raises(InputError, match=str(warehouse.path)):
        made(tmp_path / "q", warehouse)
    assert not (tmp_path / "q").exists()


def test_closed_days_are_worked_out_anew_and_only_dropped_ones_believed(tmp_path: Path) -> None:
    warehouse = small_site(tmp_path)
    engine = open_duckdb()
    close_days(warehouse, engine, items_by_name(), [day_number(date(2026, 9, 1)), day_number(date(2026, 9, 2))], 2e9, lambda _d, _r: None)
    data = gather(tmp_path, warehouse).data
    assert (data.closed, data.dropped_before) == ([], None)
    # Somebody has put other figures into a closed day: no pack has them.
    closed = warehouse.manifest().closed[0]
    table = engine.backend.read_parquet(str(warehouse.path / closed.paths[0]))
    engine.write(table.mutate(peak=table.peak + 5), warehouse.path / "other.parquet")
    (warehouse.path / "other.parquet").replace(warehouse.path / closed.paths[0])
    (row, *_) = report(warehouse, engine, QUERY, items_by_name(), {})
    assert row.peak == 7
    pack = made(tmp_path / "p", warehouse)
    assert rows_from_json(members(pack)[REPORT], REPORT)[0]["peak"] == 2
    assert checked(pack).holds
    # Once the detail is gone, there is nothing else to believe, and that is said.
    warehouse.drop_detail(engine, day_number(date(2026, 9, 2)))
    pack = made(tmp_path / "q", warehouse)
    assert rows_from_json(members(pack)[REPORT], REPORT)[0]["peak"] == 7
    verdict = checked(pack)
    assert verdict.holds
    assert any("1 day, 2026-09-01 to 2026-09-01, has been dropped" in check.sentence for check in verdict.checks)
    told = decoded(members(pack)[DATA], Data, DATA)
    assert [f"{one.day}" for one in told.closed] == ["2026-09-01"]


def test_all_items_and_what_is_not_known(tmp_path: Path) -> None:
    warehouse = small_site(tmp_path)
    query = msgspec.structs.replace(QUERY, report="system", granularity="monthly", item="all")
    found = gather(tmp_path, warehouse, query)
    assert len(measured(found.site, query)) == 25
    assert chosen(warehouse.manifest(), query, measured(found.site, query)).parts["sessions"]
    assert checked(made(tmp_path / "p", warehouse, query)).rows == 25
    for wrong in ({"item": "no such item"}, {"tenant": "Nobody"}):
        with pytest.raises(InputError):
            made(tmp_path / "q", warehouse, msgspec.structs.replace(QUERY, **wrong))
    assert not (tmp_path / "q").exists()


def test_a_technical_license_is_known_by_all_of_its_checkouts(tmp_path: Path) -> None:
    warehouse = small_site(tmp_path)
    rows = [
        {
            "source": "j",
            "handle": f"{number}",
            "feature": "tserver_sdn",
            "user": "u",
            "host": "h",
            "seats": 2,
            "taken": at,
            "returned": at + 60,
        }
        for number, at in enumerate((DAY - 40 * 86_400, DAY - 40 * 86_400 + 30))
    ]
    warehouse.load(write_csv(tmp_path / "checkouts.csv", "checkouts", rows))
    query = msgspec.structs.replace(QUERY, report="system", item="feature:TServer_sdn")
    pack = made(tmp_path / "p", warehouse, query)
    assert [row["peak"] for row in rows_from_json(members(pack)[REPORT], REPORT)] == [0, 0]
    assert {name.split("/")[1] for name in members(pack) if name.startswith("facts/")} == {"checkouts"}
    assert checked(pack).holds


def test_bundles_own_rules_zones_and_excluded_times_are_worked_out_from_the_pack_alone(tmp_path: Path) -> None:
    warehouse = small_site(tmp_path)
    (tmp_path / "bundles.xml").write_text(BUNDLES)
    keep_bundles(warehouse.path, tmp_path / "bundles.xml", lambda _new, _others: None)
    (warehouse.path / "usage.toml").write_text(
        """
        [[tenants]]
        name = "Harbor"
        zone = "America/New_York"
        [[excluded]]
        from = 01:10:00
        to = 01:40:00
        reason = "a drill"
        tenant = "Harbor"
        zone = "UTC"
        [[items]]
        name = "Chat beside mail"
        sessions = { media = ["chat"] }
        """
    )
    (bundle, *_) = kept_bundles(warehouse.path)[0].bundles
    for number, item in enumerate((bundle.name, "chat beside mail", "Genesys E-Mail")):
        pack = made(tmp_path / f"p{number}", warehouse, msgspec.structs.replace(QUERY, item=item, zone=None, granularity="hourly"))
        there = rows_from_json(members(pack)[REPORT], REPORT)
        assert {row["start"][11:] for row in there} >= {"00:00:00Z", "04:00:00Z"}
        assert any("excluded" in row for row in there)
        alone = tmp_path / f"alone{number}"
        alone.mkdir()
        verdict = checked(pack.rename(alone / "pack"))
        assert verdict.holds, verdict
        assert verdict.rows == len(there)
