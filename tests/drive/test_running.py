"""A profile holds real seats: the license server and the application agree, through losses and returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seatkeeper.apps.desktop import Desktop
from seatkeeper.apps.events import Count, Counted, Effect, Event, Started
from seatkeeper.apps.options import COUNT_MAX
from seatkeeper.apps.tserver import TServer
from seatkeeper.sdk import admin
from support.playing import Playing
from support.site import Site, feature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatkeeper.licfile.model import Feature


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    lines = [
        feature("tserver_sdn", 5),
        feature("ISDK_FACTORY", 1),
        feature("desktop_agent", 2, "7.0"),
        feature("DESKTOP_SUPERVISOR", 1, "7.0"),
    ]
    with Site(tmp_path, lines) as made:
        made.start()
        yield made


def in_use(site: Site, name: str) -> int:
    return sum(pool.in_use for pool in admin.pools("localhost", site.port, "genesys.d", name))


async def test_seats_are_checked_out_given_out_and_given_back(site: Site) -> None:
    async with Playing(site, TServer, {"license": {"num-of-licenses": 3}}) as tserver:
        assert in_use(site, "tserver_sdn") == 3
        assert [await tserver.accepted("dn-registered", dn=str(dn)) for dn in range(4)] == [True, True, True, False]
        await tserver.change("num-of-licenses", 5)
        assert in_use(site, "tserver_sdn") == 5
        assert tserver.log(7101) == [f"07101 Feature 'tserver_sdn': {count} licenses checked out." for count in (3, 5)]
        assert await tserver.running.stop() == 0
    assert in_use(site, "tserver_sdn") == 0


async def test_users_who_log_in_are_checked_out_by_name(site: Site) -> None:
    async with Playing(site, Desktop) as desktop:
        assert await desktop.accepted("login", user="ann")
        assert await desktop.accepted("login", user="bob")
        assert not await desktop.accepted("login", user="cid")
        pool = admin.pools("localhost", site.port, "genesys.d", "desktop_agent")[0]
        assert sorted(holder.display for holder in pool.holders) == ["ann", "bob"]
        await desktop.occur("browser-crashed", user="ann")
        assert await desktop.accepted("login", user="cid")
        assert desktop.alarms == ["feature desktop_agent", "-feature desktop_agent"]


async def test_a_killed_license_server_is_one_violation_and_its_end(site: Site) -> None:
    async with Playing(site, TServer) as tserver:
        await tserver.occur("dn-registered", dn="100")
        site.stop()
        await tserver.until_alarms("license server")
        assert await tserver.accepted("dn-registered", dn="101")
        site.start()
        await tserver.until_alarms("license server", "-license server")
        assert list(tserver.app.seats.users) == ["100", "101"]
    assert in_use(site, "tserver_sdn") == 0


async def test_what_an_administrator_removed_is_asked_for_again(site: Site) -> None:
    now = [1_790_000_000.0]
    async with Playing(site, TServer, now=lambda: now[0]) as tserver:
        handle = next(iter(tserver.running.held().values())).handle
        admin.remove("localhost", site.port, "genesys.d", "tserver_sdn", handle=handle)
        await tserver.until_alarms("feature tserver_sdn")
        await tserver.until(lambda: in_use(site, "tserver_sdn") == 0)
        now[0] += 3600
        assert tserver.running.tick()
        await tserver.settle()
        assert in_use(site, "tserver_sdn") == 5
        assert tserver.alarms == ["feature tserver_sdn", "-feature tserver_sdn"]


async def test_a_want_is_looked_for_and_requested_when_there_are_seats(site: Site) -> None:
    now = [1_790_000_000.0]
    async with Playing(site, Desktop, now=lambda: now[0]) as desktop, Playing(site, Desktop, name="app2", now=lambda: now[0]) as other:
        assert [await desktop.accepted("login", user=user) for user in ("ann", "bob", "cid")] == [True, True, False]
        for _ in range(3):
            now[0] += 61
            assert desktop.running.tick()
            await desktop.settle()
        assert desktop.alarms == ["feature desktop_agent"]
        assert [pool.denials for pool in admin.pools("localhost", site.port, "genesys.d", "desktop_agent")] == [1], "looking is no request"
        # The other server shares the license of the library, and takes the seat over when its holder has ended.
        assert "ISDK_FACTORY" not in other.app.held()
        assert await desktop.running.stop() == 0
        await desktop.settle()
        now[0] += 61
        assert other.running.tick()
        await other.settle()
        assert other.app.held() == {"ISDK_FACTORY": 1}
        assert other.alarms == []


async def test_a_license_that_others_free_ends_the_violation(site: Site) -> None:
    now = [1_790_000_000.0]
    async with Playing(site, Desktop, now=lambda: now[0]) as desktop, Playing(site, Desktop, name="app2", now=lambda: now[0]) as other:
        assert [await other.accepted("login", user=user) for user in ("ann", "bob")] == [True, True]
        assert not await desktop.accepted("login", user="cid")
        await other.occur("logout", user="ann")
        now[0] += 61
        assert desktop.running.tick()
        await desktop.settle()
        assert desktop.alarms == ["feature desktop_agent", "-feature desktop_agent"]


@pytest.mark.parametrize(
    ("name", "lines", "counted"),
    [
        ("tserver_sdn", [feature("tserver_sdn", 5), feature("tserver_sdn", 2, keyword="INCREMENT")], (7, 7)),
        ("tserver_sdn", [feature("tserver_sdn", 5, expiry="1-jan-2020"), feature("other", 1)], (0, 0)),
        ("tserver_sdn", [feature("other", 1)], (0, 0)),
        ("tserver_sdn", [feature("tserver_sdn", "uncounted", HOSTID="ANY"), feature("other", 1)], (0, COUNT_MAX)),
    ],
    ids=["several lines", "expired", "unknown", "uncounted"],
)
async def test_how_many_seats_there_are(tmp_path: Path, name: str, lines: list[Feature], counted: tuple[int, int]) -> None:
    with Site(tmp_path, lines) as site:
        site.start()
        assert await seats_of(site, name) == counted
        site.stop()
        assert await seats_of(site, name) == (0, -1)


async def seats_of(site: Site, name: str) -> tuple[int, int]:
    """What an application is told that asks for the number of a feature's seats."""
    told: list[Counted] = []

    class Asking(Desktop):
        def handle(self, event: Event, now: float) -> list[Effect]:
            told.extend([event] if isinstance(event, Counted) else [])
            return [Count(name)] if isinstance(event, Started) else []

    async with Playing(site, Asking):
        return told[0].issued, told[0].free


async def test_without_a_server_it_exits_with_its_status(tmp_path: Path) -> None:
    site = Site(tmp_path, {"tserver_sdn": 1})
    async with Playing(site, TServer) as tserver:
        assert tserver.status == 3
        assert tserver.log(7100) == ["07100 Licensing violation is identified, the violation type GLMR_LICENSE_SERVER_NOT_AVAILABLE"]
