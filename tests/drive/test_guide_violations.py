"""The guide's "Technical Licenses", "License Check Process" and "Licensing Violations", each on a real license server."""

from __future__ import annotations

import pytest

from seatkeeper.apps.application import Application
from seatkeeper.apps.call_concentrator import CallConcentrator
from seatkeeper.apps.cpd_server import CpdServer
from seatkeeper.apps.desktop import Desktop
from seatkeeper.apps.ocs import OutboundContactServer
from seatkeeper.apps.tserver import TServer
from seatkeeper.apps.urs import UniversalRoutingServer
from seatkeeper.base.logevents import USAGE_EXCEEDED
from seatkeeper.sdk import admin
from support.guided import ENDED, NO_SERVER, NONE_LEFT, STARTED, Guided, failed, out, restored
from support.playing import Playing
from support.site import VENDOR, feature

OLD_VERSION = "License file does not support this version"


@pytest.mark.parametrize(("made", "name"), [(TServer, "tserver_sdn"), (CpdServer, "occ_port"), (UniversalRoutingServer, "router_seats")])
async def test_technical_licenses_no_instance_has_more_than_9999(guided: Guided, made: type[Application], name: str) -> None:
    """Technical Licenses, the warning: a single instance checks out 9999 licenses of a type, however many there are."""
    guided.license(**{name: 20_000})
    async with guided.play(made) as one:
        assert one.log() == [out(name, 9999), STARTED]
        assert guided.in_use(name) == 9999


@pytest.mark.parametrize(
    ("made", "name"), [(TServer, "tserver_sdn"), (OutboundContactServer, "occ_full"), (CallConcentrator, "CConCopies")]
)
async def test_technical_license_compatibility(guided: Guided, made: type[Application], name: str) -> None:
    """Technical License Compatibility: applications of 8.x do not work with licenses of 7.x; 8.0 and 8.5 will do."""
    guided.license(feature(name, 1, "7.0"))
    async with guided.play(made) as one:
        assert (one.log(), one.status) == ([failed(OLD_VERSION), ENDED], 3)
    for version in ("8.0", "8.5"):
        guided.license(feature(name, 1, version))
        async with guided.play(made) as one:
            assert one.log() == [out(name), STARTED]


async def test_technical_license_compatibility_of_7_x(guided: Guided) -> None:
    """Technical License Compatibility: what asks for version 7.0 works with lines of 7.0, beside applications of 8.x."""
    guided.license(feature("ISDK_FACTORY"), feature("desktop_agent", 1, "7.0"), feature("tserver_sdn", 1, "7.0"), feature("occ_port", 1))
    async with (
        guided.play(Desktop, name="desktop") as desktop,
        guided.play(TServer, {"TServer": {"release": "7.2"}}, name="ts7") as tserver,
        guided.play(CpdServer, name="cpd") as cpd,
    ):
        assert await desktop.accepted("login", user="ann")
        assert tserver.log() == [out("tserver_sdn"), STARTED]
        assert cpd.log() == [out("occ_port"), STARTED]


async def test_license_check_process_server_from_the_path(guided: Guided) -> None:
    """License Check Process, 1: the application takes the license server's place from its parameters, port@host."""
    guided.license(CConCopies=1)
    async with guided.play(CallConcentrator, path=f"{guided.site.port}@localhost") as ccon:
        assert ccon.log() == [out("CConCopies"), STARTED]


async def test_license_check_process_server_from_the_license_file(guided: Guided) -> None:
    """License Check Process, 1: or it reads the license file, which says where the license server is."""
    guided.license(CConCopies=1)
    async with guided.play(CallConcentrator, path=str(guided.site.license)) as ccon:
        assert ccon.log() == [out("CConCopies"), STARTED]
        assert guided.in_use("CConCopies") == 1


async def test_license_check_process_granted_and_denied(guided: Guided) -> None:
    """License Check Process, 2 and 3: the server compares what is used with what there is, and grants or denies; denied, it exits."""
    guided.license(CConCopies=1)
    async with guided.play(CallConcentrator, name="first") as first:
        assert first.log() == [out("CConCopies"), STARTED]
        async with guided.play(CallConcentrator, name="second") as second:
            assert second.log() == [failed(NONE_LEFT), ENDED]
            assert second.status == 3
        assert first.status is None
        assert await first.running.stop() == 0
        assert first.log()[-1] == ENDED
        await first.settle()
        assert guided.in_use("CConCopies") == 0
        async with guided.play(CallConcentrator, name="second") as second:
            assert second.log() == [out("CConCopies"), STARTED]


async def test_license_check_process_without_a_license_file(guided: Guided) -> None:
    """License Check Process, 1: where the license file is not there, the violation's type says so, and the application exits."""
    async with guided.play(CallConcentrator, path=str(guided.site.directory / "none.dat")) as ccon:
        assert (ccon.log(), ccon.status) == ([failed("Cannot find license file"), ENDED], 3)


async def test_technical_licenses_for_solutions(guided: Guided) -> None:
    """Technical Licenses for Solutions: a routing solution runs on licenses of URS and T-Server, with those of pairs and sites."""
    guided.license(router_seats=2, tserver_sdn=2, cti_ha_option=1, tserver_iscc=1)
    sites = {"TServer": {"multi-site": True}}
    async with (
        guided.play(TServer, sites, name="ts1", pair="ts", redundancy="hot standby") as primary,
        guided.play(TServer, sites, name="ts2", pair="ts", redundancy="hot standby", role="backup") as backup,
        guided.play(UniversalRoutingServer, name="urs") as urs,
    ):
        assert [one.status for one in (primary, backup, urs)] == [None] * 3
        assert [one.alarms for one in (primary, backup, urs)] == [[]] * 3
        assert guided.in_use_in_all() == {"router_seats": 2, "tserver_sdn": 2, "cti_ha_option": 1, "tserver_iscc": 1}


async def test_genesys_daemon_is_started_again(guided: Guided) -> None:
    """Genesys Daemon: when it dies all users lose their licenses, applications run on, and repossess them when lmgrd has restarted it."""
    guided.license(tserver_sdn=2, router_seats=2)
    async with guided.play(TServer, name="ts") as tserver, guided.play(UniversalRoutingServer, name="urs") as urs:
        await tserver.occur("dn-registered", dn="100")
        guided.site.kill_daemon()
        for one in (tserver, urs):
            await one.until_alarms("license server", "-license server")
            assert (one.log(7100), one.log(7105)) == ([failed(NO_SERVER)], [restored(NO_SERVER)])
            assert one.status is None
        assert list(tserver.app.seats.users) == ["100"]
        assert guided.in_use_in_all() == {"tserver_sdn": 2, "router_seats": 2}


async def violated(guided: Guided, tserver: Playing) -> str:
    """The type of the violation that has begun since one DN was registered; what was registered stays so."""
    await tserver.until_alarms("feature tserver_sdn")
    assert tserver.status is None
    assert list(tserver.app.seats.users) == ["100"]
    return tserver.log(7100)[0].rsplit("violation type ", 1)[1]


async def test_licensing_violations_the_license_has_expired(guided: Guided) -> None:
    """Licensing Violations: a license that has expired is one; nothing is dropped, nothing new processed until it is over."""
    guided.license(tserver_sdn=3)
    async with guided.play(TServer) as tserver:
        await tserver.occur("dn-registered", dn="100")
        guided.license(feature("tserver_sdn", 3, expiry="1-jan-2026"))
        kind = await violated(guided, tserver)
        assert not await tserver.accepted("dn-registered", dn="101")
        assert await tserver.accepted("dn-registered", dn="100")
        guided.license(tserver_sdn=3)
        await tserver.until_alarms("feature tserver_sdn", "-feature tserver_sdn")
        assert tserver.log(7105) == [restored(kind)]
        assert await tserver.accepted("dn-registered", dn="101")
        assert guided.in_use("tserver_sdn") == 3
    guided.license(feature("tserver_sdn", 3, expiry="1-jan-2026"))
    async with guided.play(TServer) as tserver:
        assert (tserver.log(), tserver.status) == ([failed("Feature has expired"), ENDED], 3)


async def test_licensing_violations_the_number_has_decreased_in_the_license_file(guided: Guided) -> None:
    """Licensing Violations: fewer licenses in the file are met by whoever has to ask anew; more in it end the violation."""
    guided.license(tserver_sdn=4)
    async with guided.play(TServer, {"license": {"num-of-licenses": 4}}) as tserver:
        dns = [str(dn) for dn in range(3)]
        for dn in dns:
            await tserver.occur("dn-registered", dn=dn)
        guided.license(tserver_sdn=2)
        handle = next(iter(tserver.running.held().values())).handle
        admin.remove("localhost", guided.site.port, VENDOR, "tserver_sdn", handle=handle)
        await tserver.until_alarms("feature tserver_sdn")
        await guided.later(60, tserver)
        assert tserver.log(7101) == [out("tserver_sdn", 4), out("tserver_sdn", 2)]
        assert tserver.status is None
        assert list(tserver.app.seats.users) == dns
        assert not await tserver.accepted("dn-registered", dn="9")
        assert set(tserver.log(7100)) == {failed(NONE_LEFT)}
        assert tserver.app.violations.standing == {"number of tserver_sdn": NONE_LEFT}
        guided.license(tserver_sdn=4)
        await guided.later(60, tserver)
        assert await tserver.accepted("dn-registered", dn="9")
        assert tserver.app.violations.standing == {}
        assert len(tserver.log(7105)) == len(tserver.log(7100))
        assert guided.in_use("tserver_sdn") == 4


async def test_licensing_violations_a_decrease_and_a_restart(guided: Guided) -> None:
    """Licensing Violations: a server that starts again with fewer licenses knows its holders and takes none from them."""
    guided.license(tserver_sdn=4)
    async with guided.play(TServer, {"license": {"num-of-licenses": 4}}) as tserver:
        guided.site.stop()
        await tserver.until_alarms("license server")
        guided.site.write({"tserver_sdn": 2})
        guided.site.start()
        await tserver.until_alarms("license server", "-license server")
        assert (tserver.log(7100), tserver.log(7105)) == ([failed(NO_SERVER)], [restored(NO_SERVER)])
        assert tserver.app.held() == {"tserver_sdn": 4}
        assert guided.in_use("tserver_sdn") == 4


async def test_licensing_violations_a_decrease_while_all_are_held(guided: Guided) -> None:
    """Licensing Violations: a count lowered by a reread takes nothing from who holds it, and stands in the way of whoever asks next."""
    guided.license(tserver_sdn=4)
    async with guided.play(TServer, {"license": {"num-of-licenses": 3}}) as tserver:
        guided.license(tserver_sdn=2)
        assert guided.in_use("tserver_sdn") == 3
        assert await tserver.accepted("dn-registered", dn="1")
        await tserver.change("num-of-licenses", 4)
        assert tserver.log(7100) == [failed(NONE_LEFT)]
        async with guided.play(TServer, name="ts2") as second:
            assert (second.log(), second.status) == ([failed(NONE_LEFT), ENDED], 3)


async def test_licensing_violations_the_number_has_decreased_in_the_configuration(guided: Guided) -> None:
    """Licensing Violations: a lower number in the options is one too, where more are in use; nobody is dropped."""
    guided.license(occ_full=3)
    async with guided.play(OutboundContactServer) as ocs:
        await ocs.occur("campaign-loaded", campaign="a")
        for agent in "123":
            assert await ocs.accepted("agent-login", agent=agent, campaign="a")
        await ocs.change("num-of-licenses", 2)
        assert ocs.status is None
        assert list(ocs.app.seats.users) == ["1", "2", "3"]
        assert not await ocs.accepted("agent-login", agent="4", campaign="a")
        assert ocs.log(7100) == [failed(USAGE_EXCEEDED)]
        for agent in "4321":
            await ocs.occur("agent-logout", agent=agent, campaign="a")
        assert ocs.log(7105) == [restored(USAGE_EXCEEDED)]
        assert guided.in_use("occ_full") == 2


async def test_licensing_violations_a_feature_is_withdrawn(guided: Guided) -> None:
    """Licensing Violations: a line that goes from the file, or goes back to 7.0, is one; service goes on, and new ones wait."""
    guided.license(tserver_sdn=3)
    for lines in ([feature("other")], [feature("tserver_sdn", 3, "7.0")]):
        async with guided.play(TServer) as tserver:
            await tserver.occur("dn-registered", dn="100")
            guided.license(*lines)
            kind = await violated(guided, tserver)
            assert not await tserver.accepted("dn-registered", dn="101")
            guided.license(tserver_sdn=3)
            await tserver.until_alarms("feature tserver_sdn", "-feature tserver_sdn")
            assert tserver.log(7105) == [restored(kind)]
            assert await tserver.accepted("dn-registered", dn="101")
            assert len(tserver.log(7100)) == 1
