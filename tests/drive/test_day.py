"""Simulated days against a real license server: it and the applications agree, seat for seat, and failures lose nothing."""

from __future__ import annotations

import asyncio
from datetime import date
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest

from seatkeeper.apps.behaviours import Sessions
from seatkeeper.apps.reservoir import Reservoir
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.drive.day import Day, Server
from seatkeeper.drive.simulation import OwnServer
from seatkeeper.sdk import admin
from seatkeeper.sim.center import build_center
from seatkeeper.sim.day import MINUTES, Failures, plan_day
from seatkeeper.sim.feeds import Feeds
from seatkeeper.sim.installation import install, order_licenses
from seatkeeper.sim.timeline import Timeline
from support.site import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seatkeeper.apps.application import Application

    Watch = Callable[[int, "Run"], None]

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]
NONE = Failures(outage=None, reread=None, switchover=None)


class Run:
    """One day in a directory of its own."""

    def __init__(
        self, directory: Path, agents: int, seed: int, failures: Failures, watch: Callable[[int, Run], None] | None = None
    ) -> None:
        draws = Random(seed)
        self.center = build_center(agents, draws)
        self.happenings = plan_day(self.center, draws, failures)
        licenses = order_licenses(self.center, self.happenings)
        installation = install(self.center, licenses)
        self.feeds = Feeds(self.center, installation)
        self.timeline = Timeline(agents, seed, [one.name for one in installation])
        self.server = OwnServer(directory, licenses, date.today(), free_port(), lambda line: None)
        self.day = Day(
            self.feeds,
            installation,
            self.server,
            self.timeline,
            day=date.today(),
            clock=self.server.clock,
            pace=lambda minute, timeline: watch(minute, self) if watch is not None else None,
        )
        self.server.start()
        try:
            asyncio.run(self.day.run(self.happenings))
        finally:
            self.server.stop()

    @property
    def text(self) -> bytes:
        return msgspec.json.encode(self.timeline)


def served_by(app: Application) -> set[str]:
    """Everybody and everything that an application serves with a seat."""
    found: set[str] = set()
    for behaviour in app.behaviours:
        if isinstance(behaviour, Reservoir):
            found |= set(behaviour.users)
        elif isinstance(behaviour, Sessions):
            found |= set(behaviour.open_sessions)
    return found


def test_the_server_and_the_applications_agree_at_every_minute_of_a_quiet_day(tmp_path: Path) -> None:
    run = Run(tmp_path / "a", 60, 1, NONE)
    assert run.timeline.minutes_agreed == MINUTES
    assert run.timeline.served > 2000
    assert {one.kind for one in run.timeline.violations} <= {"GLMR_LICENSE_USAGE_EXCEEDED", "GLMR_LICENSE_NO_LICENSE_AVAILABLE"}
    by_feature = {feature.feature: feature for feature in run.timeline.features}
    assert max(by_feature["desktop_agent"].seats) == max(by_feature["desktop_agent"].used) > 0
    assert all(max(feature.seats) <= feature.licensed for feature in run.timeline.features)


def test_the_same_seed_is_the_same_day_and_another_seed_another(tmp_path: Path) -> None:
    failures = Failures(outage=None)
    first, second, other = (Run(tmp_path / name, 40, seed, failures).text for name, seed in (("a", 5), ("b", 5), ("c", 6)))
    assert first == second
    assert first != other
    for told in (str(tmp_path), "localhost", date.today().isoformat()):
        assert told.encode() not in first


def test_a_killed_server_loses_no_interaction_and_is_one_violation_for_each_application(tmp_path: Path) -> None:
    noon = 12 * 60
    seen: dict[int, dict[str, set[str]]] = {}

    def watch(minute: int, run: Run) -> None:
        if noon - 1 <= minute <= noon + 10:
            seen[minute] = {name: served_by(running.app) for name, running in run.day._running.items()}

    run = Run(tmp_path / "a", 60, 3, Failures(outage=noon, reread=None, switchover=None), watch)
    gone = {
        happening.agent.name if happening.agent is not None else happening.name
        for happening in run.happenings
        if noon <= happening.minute <= noon + 10 and happening.what in ("agent-logout", "ivr-call-ended", "pulse-ends", "campaign-unloaded")
    }
    # Users are agents, DNs, ports or requests: what was served before and has not ended is served all the while.
    ended_dns = {session.dn for session in run.feeds.sessions if session.logout is not None and noon <= session.logout <= noon + 10}
    for name, before in seen[noon - 1].items():
        if name.startswith(("ivr", "callback")):
            continue
        for minute in range(noon, noon + 11):
            assert before - seen[minute][name] <= gone | ended_dns, f"{name} at {minute}"
    of_outage = [one for one in run.timeline.violations if one.cause == "license server"]
    assert of_outage
    assert len({one.application for one in of_outage}) == len(of_outage)
    assert all((one.begins, one.ends, one.kind) == ("12:00", "12:10", "GLMR_LICENSE_SERVER_NOT_AVAILABLE") for one in of_outage)
    assert run.timeline.minutes_agreed == MINUTES - 10
    during = [one for one in run.timeline.violations if "12:00" <= one.begins < "12:10" and one.cause != "license server"]
    assert during == []


def test_a_reread_with_less_is_a_violation_for_its_holders_and_over_with_the_whole_file(tmp_path: Path) -> None:
    run = Run(tmp_path / "a", 60, 2, Failures(outage=None, switchover=None))
    (withdrawn,) = [one for one in run.timeline.violations if one.cause == "feature VTPort"]
    assert (withdrawn.application, withdrawn.begins, withdrawn.ends) == ("treatments", "12:00", "13:00")
    assert [time for time, _ in run.timeline.notes] == ["12:00", "13:00"]


@pytest.mark.parametrize("outage", [12 * 60 - 5, 13 * 60 - 5])
def test_an_outage_and_a_reread_may_meet(tmp_path: Path, outage: int) -> None:
    """The server is away when the file changes, or comes back to one with less, or is away when the whole one is back."""
    run = Run(tmp_path / "a", 12, 2, Failures(outage=outage, reread=12 * 60, switchover=None))
    assert run.timeline.minutes_agreed == MINUTES - 10
    assert all(one.ends for one in run.timeline.violations)
    assert run.timeline.logins == len(run.feeds.sessions) > 0


def test_a_switchover_without_a_license_server_ends_no_day(tmp_path: Path) -> None:
    run = Run(tmp_path / "a", 12, 2, Failures(outage=12 * 60, reread=None, switchover=12 * 60 + 2))
    assert run.timeline.minutes_agreed == MINUTES - 10


def test_a_backup_takes_over_all_seats_of_its_primary(tmp_path: Path) -> None:
    holders: dict[int, set[str]] = {}

    def watch(minute: int, run: Run) -> None:
        if minute in (899, 900, 960):
            pools = admin.pools("localhost", run.server.port, "genesys.d", "tserver_sdn")
            holders[minute] = {holder.user for pool in pools for holder in pool.holders}

    run = Run(tmp_path / "a", 60, 2, Failures(outage=None, reread=None), watch)
    assert "tserver-north-a" in holders[899]
    assert "tserver-north-b" not in holders[899]
    for minute in (900, 960):
        assert "tserver-north-b" in holders[minute]
        assert "tserver-north-a" not in holders[minute]
    assert not [one for one in run.timeline.refusals if one.event == "dn-registered"]


def test_a_disagreement_is_found_and_named(tmp_path: Path) -> None:
    def watch(minute: int, run: Run) -> None:
        if minute == 600:
            # An administrator takes a seat away, and the application is not told of it here.
            running = run.day._running["ocs"]
            hold = next(hold for hold in running.app.holds if hold.state == "held")
            hold.count -= 1

    with pytest.raises(SeatkeeperError, match=r"At 10:01 .* do not agree: ocs occ_full"):
        Run(tmp_path / "a", 30, 1, NONE, watch)


async def test_while_a_minute_takes_its_time_clients_go_on() -> None:
    draws = Random(1)
    center = build_center(1, draws)
    installation = install(center, order_licenses(center, []))
    day = Day(Feeds(center, installation), [], Server("h", 1, ""), Timeline(1, 1), day=date.today(), clock=None, speed=600.0)
    others: list[float] = []

    async def another() -> None:
        while True:
            others.append(1.0)
            await asyncio.sleep(0.001)

    task = asyncio.get_running_loop().create_task(another())
    await day._wait()
    task.cancel()
    assert len(others) > 2
