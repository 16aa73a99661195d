"""The eleven oracles of the facts on License Reporting Manager (facts/lrm.md, 9), each a test with its number."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.usagelimits import keep_bundles
from seatkeeper.adapters.usagesettings import SETTINGS_FILE
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.apps.events import Forced
from seatkeeper.apps.interaction_server import SEAT, InteractionServer
from seatkeeper.apps.ocs import OutboundContactServer
from seatkeeper.apps.tserver import TServer, seat_dns_requested
from seatkeeper.apps.urs import UniversalRoutingServer
from seatkeeper.lrm.report import Query, Row, items_by_name, report
from support.boughtfiles import BUNDLES
from support.stage import Stage
from support.usagefacts import DAY, moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

ANY = "Genesys CIM Platform-MS"
FIRST = date(2026, 9, 1)


class Site:
    """Facts in a warehouse, and reports about their day."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warehouse = Warehouse(path / "db")

    def told(self, *sessions: dict[str, Any], kind: str = "sessions") -> Site:
        self.warehouse.load(write_csv(self.path / "facts.csv", kind, sessions))
        return self

    def rows(self, item: str = ANY, kind: str = "system", **asked: Any) -> list[Row]:
        query = Query(
            **{"report": kind, "item": item, "granularity": "daily", "first": FIRST, "end": date(2026, 9, 2), **asked}  # type: ignore[arg-type]
        )
        return report(self.warehouse, open_duckdb(), query, items_by_name(), {})

    def peaks(self, item: str = ANY, kind: str = "system", **asked: Any) -> list[int | None]:
        return [row.peak for row in self.rows(item, kind, **asked)]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_oracle_1_a_place_is_one_seat_whatever_is_on_it(site: Site) -> None:
    hours = moment("08:00"), moment("09:00")
    site.told(
        session(1, *hours, agent="ann", place="Place1", dn="DN1"),
        session(2, *hours, agent="ann", place="Place1", dn="DN2"),
        session(3, *hours, agent="bo", place="Place1", dn="DN3"),
    )
    assert site.peaks() == [1]
    site.told(session(4, *hours, agent="cy", dn="DN4"))
    assert site.peaks() == [2]
    # Interaction Server knows no DN.
    site.told(session(5, *hours, agent="ann", place="Place1", media="email"))
    assert site.peaks() == [2]


def test_oracle_2_a_session_in_two_databases_counts_once_and_an_agent_on_two_places_twice(site: Site) -> None:
    hours = moment("08:00"), moment("09:00")
    site.told(session(1, *hours, agent="ann", place="P1", source="icon-1"))
    site.told(session(1, *hours, agent="ann", place="P1", source="icon-2"))
    assert site.peaks() == [1]
    site.told(session(2, *hours, agent="ann", place="P2", source="icon-1"))
    assert site.peaks() == [2]


def test_oracle_3_a_medium_that_was_added_later_counts_from_the_login_on(site: Site) -> None:
    site.told(session(1, moment("08:00"), moment("09:00"), agent="ann", media="voice"))
    assert site.peaks("Genesys Web Media") == [0]
    # From minute 50 on the source tells of chat, too.
    site.told(session(1, moment("08:00"), moment("09:00"), agent="ann", media="voice|chat"))
    hours = site.peaks("Genesys Web Media", granularity="10-minute")
    assert hours[8 * 6 : 9 * 6] == [1] * 6
    assert sum(peak or 0 for peak in hours) == 6


def test_oracle_4_a_session_between_two_minutes_is_seen_by_who_looks_at_every_second_only(site: Site) -> None:
    site.told(session(1, moment("08:00:10"), moment("08:00:50"), agent="ann"))
    assert site.peaks() == [1]
    assert site.peaks(sampling="second") == [1]
    assert site.peaks(sampling="minute") == [0]
    assert site.rows(sampling="minute")[0].peak_time is None


def test_oracle_5_the_systems_peak_is_less_than_the_sum_of_the_tenants_peaks(site: Site) -> None:
    site.told(
        session(1, moment("08:00"), moment("08:30"), agent="ann"),
        session(2, moment("08:00"), moment("08:30"), agent="bo"),
        session(3, moment("08:30"), moment("09:00"), agent="cy", tenant="Meadow"),
        session(4, moment("08:30"), moment("09:00"), agent="di", tenant="Meadow"),
    )
    assert site.peaks(kind="tenant") == [2, 2]
    (row,) = site.rows()
    assert (row.peak, row.peak_time) == (2, moment("09:00") - 1)


def test_oracle_6_who_changed_his_group_in_the_afternoon_counts_for_either_by_history_and_for_the_last_at_days_end(site: Site) -> None:
    site.told(session(1, moment("08:00"), moment("18:00"), agent="ann"))
    member = {"source": "conf", "tenant": "Harbor", "kind": "agent-group", "detail": "ann"}
    site.told(
        {**member, "name": "sales", "since": DAY - 86_400, "until": moment("15:00")},
        {**member, "name": "service", "since": moment("15:00")},
        kind="configuration",
    )
    by_history = site.rows(kind="agent-group")
    assert [(row.subject.group, row.peak, row.peak_time) for row in by_history] == [
        ("sales", 1, moment("15:00") - 1),
        ("service", 1, moment("18:00") - 1),
    ]
    at_the_end = site.rows(kind="agent-group", membership="day-end")
    assert [(row.subject.group, row.peak) for row in at_the_end] == [("sales", 0), ("service", 1)]


def test_oracle_7_of_overlapping_bundle_sets_the_one_issued_last_counts(site: Site, tmp_path: Path) -> None:
    site.told(
        session(1, moment("08:00"), moment("09:00"), agent="ann", media="email"),
        session(2, moment("08:00"), moment("09:00"), agent="bo", media="chat"),
        session(3, moment("08:00"), moment("09:00"), agent="cy", media="chat|email"),
    )
    file = tmp_path / "bundles.xml"
    for text in (
        # Issued last, though it came first: Basic is chat.
        BUNDLES.replace("2026-01-02", "2026-05-05")
        .replace('"10000"', '"20000"')
        .replace('"10001"', '"20001"')
        .replace('"10002"', '"20002"')
        .replace('item="Genesys E-Mail"', 'item="Genesys Agent Desktop"')
        .replace('<sellable_item item="SIP Server"/>', '<sellable_item item="Genesys Web Media"/>')
        .replace('<exclude_items><sellable_item item="Genesys Web Media"/></exclude_items>', ""),
        BUNDLES,
    ):
        file.write_text(text)
        keep_bundles(site.warehouse.path, file, lambda new, others: None)
    # By the other set it would be the e-mail of ann alone.
    assert site.peaks("Basic") == [2]


def test_oracle_8_a_peak_in_excluded_time_does_not_count(site: Site) -> None:
    site.told(
        session(1, moment("08:00"), moment("16:10"), agent="ann"),
        session(2, moment("15:50"), moment("20:00"), agent="bo"),
    )
    assert site.peaks() == [2]
    (site.warehouse.path / SETTINGS_FILE).write_text("[[excluded]]\nfrom = '15:45'\nto = '16:15'\nreason = 'change of shifts'\n")
    (row,) = site.rows()
    assert (row.peak, row.peak_time, row.excluded) == (1, moment("20:00") - 1, (("change of shifts", 1800),))


def test_oracle_9_tservers_checkout_table_and_its_examples() -> None:
    table = {("max", "max"): 9999, ("max", 70): 70, ("max", 0): 0, (50, "max"): 50, (50, 70): 50, (70, 50): 50, (50, 0): 0}
    assert {options: seat_dns_requested(*options) for options in table} == table
    for num_of, num_sdn, licensed, result in [
        ("max", "max", 500, 500),
        (1000, "max", 500, 500),
        (1000, 400, 600, 400),
        ("max", 1000, 5000, 1000),
    ]:
        options = {"license": {"num-of-licenses": num_of, "num-sdn-licenses": num_sdn}, "TServer": {"release": "8.5"}}
        stage = Stage(TServer, {"tserver_sdn": licensed}, options).start()
        assert stage.in_use("tserver_sdn") == result


def test_oracle_10_violations_come_and_go_with_agents_seats_last_to_the_logout_and_agents_are_put_out() -> None:
    ocs = Stage(OutboundContactServer, {"occ_full": 1}, {"license": {"num-of-licenses": "max"}}).start()
    ocs.occur("campaign-loaded", campaign="sales", mode="predictive")
    for agent in ("ann", "bo"):
        ocs.occur("agent-login", agent=agent, campaign="sales")
    assert (len(ocs.log(7100)), len(ocs.log(7105))) == (1, 0)
    ocs.occur("agent-logout", agent="ann", campaign="sales")
    assert (len(ocs.log(7100)), len(ocs.log(7105))) == (1, 1)

    urs = Stage(UniversalRoutingServer, {"router_seats": 5}).start()
    urs.occur("agent-login", agent="ann")
    urs.occur("agent-target", agent="ann")
    urs.pass_time(3600)
    assert list(urs.app.seats.users) == ["ann"]
    urs.occur("agent-logout", agent="ann")
    assert not urs.app.seats.users

    options = {"license": {SEAT: 2, "ics_email_webform_channel": 2}}
    interactions = Stage(InteractionServer, {SEAT: 2, "ics_email_webform_channel": 2}, options).start()
    for agent in ("ann", "bo"):
        interactions.occur("agent-login", agent=agent, media=["email"])
    interactions.change(SEAT, 1)
    assert [effect.who for effect in interactions.effects if isinstance(effect, Forced)] == ["bo"]


def test_oracle_11_an_icon_that_died_closes_its_sessions_and_gmt_bins_know_no_dst(site: Site) -> None:
    site.told(session(1, moment("08:00"), None, agent="ann", source="icon-1"))
    assert site.peaks(granularity="hourly")[8:] == [1] * 16
    site.told({"source": "icon-1", "ended": moment("10:30")}, kind="ends")
    assert site.peaks(granularity="hourly")[7:12] == [0, 1, 1, 1, 0]
    autumn = {"first": date(2026, 10, 25), "end": date(2026, 10, 26), "granularity": "hourly"}
    assert len(site.rows(**autumn)) == 24
    assert len(site.rows(**autumn, zone=ZoneInfo("Europe/Paris"))) == 25
