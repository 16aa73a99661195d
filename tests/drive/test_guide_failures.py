"""The guide's "License Failure Scenarios" that are about applications, each on a real license server."""

from __future__ import annotations

import pytest

from seatkeeper.apps.application import Application
from seatkeeper.apps.classification_server import ClassificationServer
from seatkeeper.apps.configuration_server import ConfigurationServer
from seatkeeper.apps.registry import APPLICATIONS
from seatkeeper.apps.scs import SolutionControlServer
from seatkeeper.apps.tserver import TServer
from seatkeeper.apps.uc_connector import UcConnector
from seatkeeper.apps.urs import UniversalRoutingServer
from seatkeeper.base.logevents import Level
from seatkeeper.sdk import admin
from support.guided import ENDED, NO_FEATURE, NO_SERVER, NONE_LEFT, STARTED, Guided, failed, out, restored
from support.site import VENDOR, feature, free_port

#: Applications that do without a license: at all, or at startup.
WITHOUT = (ClassificationServer, ConfigurationServer, SolutionControlServer, UcConnector)
NO_HOST = "Cannot find SERVER hostname in network database"
NEEDING = [made for made in APPLICATIONS.values() if made not in WITHOUT]


def dns(count: object, seat_dns: object = "max") -> dict[str, dict[str, object]]:
    """Options for so many licenses."""
    return {"license": {"num-of-licenses": count, "num-sdn-licenses": seat_dns}}


async def test_genesys_log_messages(guided: Guided) -> None:
    """Genesys Log Messages: violation, checkout and restoration, all at level Standard; the last clears the alarm of the first."""
    guided.license(tserver_sdn=3)
    async with guided.play(TServer, dns(3)) as tserver:
        await tserver.change("num-of-licenses", 5)
        guided.license(tserver_sdn=5)
        await guided.later(60, tserver)
        assert tserver.log() == [out("tserver_sdn", 3), STARTED, failed(NONE_LEFT), restored(NONE_LEFT), out("tserver_sdn", 5)]
        levels = {effect.message.level for effect in tserver.effects if hasattr(effect, "message")}
        assert levels == {Level.STANDARD}
        assert tserver.alarms == ["number of tserver_sdn", "-number of tserver_sdn"]


async def test_genesys_log_messages_violation_types(guided: Guided) -> None:
    """GCTI_LICENSE_FAIL: the examples of types, each from its own cause."""
    missing = str(guided.site.directory / "none.dat")
    paths = {f"{free_port()}@localhost": NO_SERVER, f"7260@{'x' * 20}.invalid": NO_HOST, missing: "Cannot find license file"}
    for path, kind in paths.items():
        async with guided.play(TServer, path=path) as tserver:
            assert (tserver.log(), tserver.status) == ([failed(kind), ENDED], 3)


async def test_license_file_problems_application_did_not_start_for_its_license_file(guided: Guided) -> None:
    """License File Problems: the causes for which an application does not start, each with the message that its log has."""
    causes = (
        ([feature("other")], NO_FEATURE),
        ([feature("tserver_sdn", 3, "7.0")], "License file does not support this version"),
        ([feature("tserver_sdn", 3, expiry="1-jan-2026")], "Feature has expired"),
    )
    for lines, kind in causes:
        guided.license(*lines)
        async with guided.play(TServer) as tserver:
            assert (tserver.log(), tserver.status) == ([failed(kind), ENDED], 3)


async def test_license_file_problems_invalid_license_file(guided: Guided) -> None:
    """License File Problems: a line that was changed without authority licenses nothing; the application says why and exits."""
    guided.license(tserver_sdn=3, other=1)
    guided.site.stop()
    text = guided.site.license.read_text()
    guided.site.license.write_text(text.replace(" tserver_sdn genesys.d 8.0 permanent 3", " tserver_sdn genesys.d 8.0 permanent 300"))
    assert guided.site.license.read_text() != text
    guided.site.start()
    async with guided.play(TServer) as tserver:
        assert tserver.log()[-1] == ENDED
        assert tserver.status == 3
        assert tserver.log(7100) == [failed("Invalid (inconsistent) license key or signature")]


async def test_license_file_problems_no_more_licenses(guided: Guided) -> None:
    """License File Problems: "no more tserver_sdn licenses": another T-Server has them; the checkout message says how many this one has."""
    guided.license(tserver_sdn=5)
    async with guided.play(TServer, dns(2), name="ts1") as other, guided.play(TServer, dns(5), name="ts2") as tserver:
        assert other.log(7101) == [out("tserver_sdn", 2)]
        assert tserver.log(7101) == [out("tserver_sdn", 3)]
        for dn in "123":
            assert await tserver.accepted("dn-registered", dn=dn)
        reply = await tserver.occur("dn-registered", dn="4")
        assert (reply.accepted, reply.reason) == (False, "No More Licenses")
        assert tserver.log(20007) == ["20007 All 3 seat licenses are in use already, registration rejected."]
        assert tserver.log(7100) == []


async def test_license_file_problems_max_takes_all_that_remain(guided: Guided) -> None:
    """License File Problems, the tip: num-sdn-licenses max checks out all remaining licenses, and notices no further ones."""
    guided.license(tserver_sdn=5)
    async with guided.play(TServer, dns(1), name="ts1"), guided.play(TServer, dns("max"), name="ts2") as tserver:
        assert tserver.log(7101) == [out("tserver_sdn", 4)]
        guided.license(tserver_sdn=9)
        await guided.later(3600, tserver)
        assert guided.in_use("tserver_sdn") == 5
        await tserver.change("num-of-licenses", 8)
        assert tserver.log(7101)[-1] == out("tserver_sdn", 8)
        assert guided.in_use("tserver_sdn") == 9


@pytest.mark.parametrize("made", NEEDING, ids=lambda made: made.profile.type)
async def test_license_server_problems_application_exits_when_the_server_is_not_running(guided: Guided, made: type[Application]) -> None:
    """License Server Problems: the license server was not started, or is not reachable: each application logs it and exits."""
    async with guided.play(made, path=f"{free_port()}@localhost") as one:
        assert one.log() == [failed(NO_SERVER), ENDED]
        assert one.status == 3


async def test_license_server_problems_the_vendor_daemon_is_not_running(guided: Guided) -> None:
    """License Server Problems: lmgrd runs and its vendor daemon does not: the same."""
    guided.license(tserver_sdn=3)
    admin.down("localhost", guided.site.port, VENDOR)
    try:
        async with guided.play(TServer) as tserver:
            assert (tserver.log(), tserver.status) == ([failed(NO_SERVER), ENDED], 3)
    finally:
        guided.site.stop()


async def test_license_server_problems_it_starts_when_the_server_runs(guided: Guided) -> None:
    """License Server Problems, the solution: the license server first, then the application."""
    guided.license(tserver_sdn=3)
    guided.site.stop()
    async with guided.play(TServer) as early:
        assert (early.log(), early.status) == ([failed(NO_SERVER), ENDED], 3)
    guided.site.start()
    async with guided.play(TServer) as late:
        assert late.log() == [out("tserver_sdn", 3), STARTED]


async def test_license_server_problems_at_run_time(guided: Guided) -> None:
    """License Server Manager: a server that ends while applications run is one violation for each, drops nobody, and is regained."""
    guided.license(tserver_sdn=3, router_seats=3)
    async with guided.play(TServer, name="ts") as tserver, guided.play(UniversalRoutingServer, name="urs") as urs:
        await tserver.occur("dn-registered", dn="100")
        await urs.occur("agent-login", agent="ann")
        assert await urs.accepted("agent-target", agent="ann")
        guided.site.stop()
        for one in (tserver, urs):
            await one.until_alarms("license server")
            assert one.log(7100) == [failed(NO_SERVER)]
        assert await urs.accepted("agent-target", agent="ann")
        assert await tserver.accepted("dn-registered", dn="100")
        guided.site.start()
        for one in (tserver, urs):
            await one.until_alarms("license server", "-license server")
            assert one.log(7105) == [restored(NO_SERVER)]
        assert await tserver.accepted("dn-registered", dn="101")
        assert guided.in_use_in_all() == {"tserver_sdn": 3, "router_seats": 3}


@pytest.mark.parametrize(("count", "seat_dns"), [(3, "max"), ("max", 3)])
async def test_exceeding_the_number_of_licenses_too_low_an_option(guided: Guided, count: object, seat_dns: object) -> None:
    """Exceeding the Number of Licenses: 3 instead of 30 in this T-Server's options, and not all configured DNs can be registered."""
    guided.license(tserver_sdn=30)
    async with guided.play(TServer, dns(count, seat_dns)) as tserver:
        assert tserver.log() == [out("tserver_sdn", 3), STARTED]
        assert [await tserver.accepted("dn-registered", dn=str(dn)) for dn in range(5)] == [True] * 3 + [False] * 2
        assert tserver.log(20007) == ["20007 All 3 seat licenses are in use already, registration rejected."] * 2
        await tserver.change("num-of-licenses", 30)
        await tserver.change("num-sdn-licenses", 30)
        assert await tserver.accepted("dn-registered", dn="4")


async def test_exceeding_the_number_of_licenses_too_high_an_option_elsewhere(guided: Guided) -> None:
    """Exceeding the Number of Licenses: 30 instead of 3 in another T-Server's options leaves too few for this one."""
    guided.license(tserver_sdn=32)
    async with guided.play(TServer, dns(30), name="other"), guided.play(TServer, dns(30), name="this") as tserver:
        assert tserver.log() == [out("tserver_sdn", 2), STARTED]
        assert [await tserver.accepted("dn-registered", dn=dn) for dn in "123"] == [True, True, False]


@pytest.mark.parametrize("value", [-1, "three", 10_000, "1.5"])
async def test_exceeding_the_number_of_licenses_invalid_values(guided: Guided, value: object) -> None:
    """Exceeding the Number of Licenses, the tip: an invalid value is the default, which is max for both options."""
    guided.license(tserver_sdn=30)
    async with guided.play(TServer, dns(value, value)) as tserver:
        assert [line.split(" in section")[0] for line in tserver.log(5066)] == [
            "05066 Option num-of-licenses",
            "05066 Option num-sdn-licenses",
        ]
        assert tserver.log(7101) == [out("tserver_sdn", 30)]


async def test_configuration_and_reconfiguration_of_number_of_dns_increased(guided: Guided) -> None:
    """Configuration and Reconfiguration of Number of DNs: an increase is adapted to, or a violation where there are not enough."""
    guided.license(tserver_sdn=5)
    async with guided.play(TServer, dns(2)) as tserver:
        await tserver.change("num-of-licenses", 4)
        assert tserver.log() == [out("tserver_sdn", 2), STARTED, out("tserver_sdn", 4)]
        await tserver.change("num-of-licenses", 8)
        assert tserver.log()[3:] == [out("tserver_sdn", 5), failed(NONE_LEFT)]
        assert guided.in_use("tserver_sdn") == 5
        guided.license(tserver_sdn=10)
        await guided.later(60, tserver)
        assert tserver.log(7105) == [restored(NONE_LEFT)]
        assert guided.in_use("tserver_sdn") == 8


async def test_configuration_and_reconfiguration_of_number_of_dns_decreased(guided: Guided) -> None:
    """Configuration and Reconfiguration of Number of DNs: a decrease needs no action, and holds from the next restart on."""
    guided.license(tserver_sdn=5)
    async with guided.play(TServer, dns(4)) as tserver:
        for dn in "123":
            await tserver.occur("dn-registered", dn=dn)
        await tserver.change("num-of-licenses", 2)
        assert guided.in_use("tserver_sdn") == 4
        assert await tserver.accepted("dn-registered", dn="4")
        assert tserver.alarms == []
    async with guided.play(TServer, dns(2)) as tserver:
        assert tserver.log() == [out("tserver_sdn", 2), STARTED]
        assert guided.in_use("tserver_sdn") == 2


@pytest.mark.parametrize(
    ("count", "seat_dns", "licensed", "result"),
    [("max", "max", 500, 500), (1000, "max", 500, 500), (1000, 400, 600, 400), ("max", 1000, 5000, 1000), (0, 7, 9, 7), (7, 3, 9, 3)],
)
async def test_configuration_of_number_of_dns_the_checkout_table(
    guided: Guided, count: object, seat_dns: object, licensed: int, result: int
) -> None:
    """T-Server's checkout table with its four examples, as the server counts the seats."""
    guided.license(tserver_sdn=licensed)
    async with guided.play(TServer, dns(count, seat_dns)) as tserver:
        assert tserver.log() == [out("tserver_sdn", result), STARTED]
        assert guided.in_use("tserver_sdn") == result


@pytest.mark.parametrize("count", ["max", 0, 7])
async def test_configuration_of_number_of_dns_none(guided: Guided, count: object) -> None:
    """The checkout table: with num-sdn-licenses 0 no seat DN is asked for, and none registered; that is no violation."""
    guided.license(other=1)
    async with guided.play(TServer, dns(count, 0)) as tserver:
        assert tserver.log() == [STARTED]
        assert not await tserver.accepted("dn-registered", dn="1")
        assert guided.in_use_in_all() == {}
