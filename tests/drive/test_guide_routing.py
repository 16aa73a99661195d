"""The guide's paragraphs on routing, outbound calls and callbacks, each on a real license server."""

from __future__ import annotations

import pytest

from seatkeeper.apps.callback_server import UNLICENSED_MODE, CallbackServer
from seatkeeper.apps.cpd_server import CpdServer
from seatkeeper.apps.ocs import OutboundContactServer
from seatkeeper.apps.scs import SolutionControlServer
from seatkeeper.apps.urs import UniversalRoutingServer
from seatkeeper.base.logevents import USAGE_EXCEEDED
from support.guided import ENDED, NO_FEATURE, NONE_LEFT, STARTED, Guided, failed, out, restored
from support.playing import Playing
from support.site import feature

PICKUP = {"default": {"pickup_calls": True}}
PREVIEW = {"license": {"license-type": "preview"}}
OLD_VERSION = "License file does not support this version"


async def routed(urs: Playing, *agents: str) -> list[bool]:
    """Whether calls are routed to these agents, who log in."""
    found = []
    for agent in agents:
        await urs.occur("agent-login", agent=agent)
        found.append(await urs.accepted("agent-target", agent=agent))
    return found


async def test_urs_basic_routing_functionality(guided: Guided) -> None:
    """Basic Routing Functionality: as many places are enabled for routing at once as there are router seats."""
    guided.license(router_seats=2)
    async with guided.play(UniversalRoutingServer) as urs:
        assert urs.log() == [out("router_seats", 2), STARTED]
        assert await routed(urs, "ann", "bob", "cem") == [True, True, False]
        assert urs.log(7100) == [failed(USAGE_EXCEEDED)]
        assert guided.in_use("router_seats") == 2
    guided.license(router_ha_option=1)
    async with guided.play(UniversalRoutingServer) as urs:
        assert (urs.log(), urs.status) == ([failed(NO_FEATURE), ENDED], 3)


async def test_two_urs_have_the_whole_amount_each(guided: Guided) -> None:
    """FEATURE Names by Application, router_seats: every router has the whole amount at its disposal."""
    guided.license(router_seats=2)
    async with guided.play(UniversalRoutingServer, name="urs1") as first, guided.play(UniversalRoutingServer, name="urs2") as second:
        assert first.log() == [out("router_seats", 2), STARTED]
        assert second.log() == [
            "05066 All licenses of feature 'router_seats' are checked out by other instances; 2 are at its disposal.",
            STARTED,
        ]
        assert await routed(first, "ann", "bob", "cem") == [True, True, False]
        assert await routed(second, "dan", "eve", "fay") == [True, True, False]
        assert guided.in_use("router_seats") == 2


async def test_urs_high_availability_mode(guided: Guided) -> None:
    """High Availability Mode: router_ha_option is for hot standby and pickup_calls; without it the router runs with neither."""
    guided.license(router_seats=2, router_ha_option=1)
    async with guided.play(UniversalRoutingServer, PICKUP, redundancy="hot standby") as urs:
        assert sorted(urs.log()) == [STARTED, out("router_ha_option"), out("router_seats", 2)]
        assert await urs.accepted("pickup-calls")
        assert urs.app.redundancy == "hot standby"
        assert guided.in_use("router_ha_option") == 1
    guided.license(router_seats=2)
    async with guided.play(UniversalRoutingServer, PICKUP, redundancy="hot standby") as urs:
        assert urs.log(7100) == [failed(NO_FEATURE)]
        assert urs.log(5066) == [
            "05066 Without a license of router_ha_option hot standby is downgraded to warm standby.",
            "05066 Without a license of router_ha_option option pickup_calls counts as false.",
        ]
        assert urs.functions == ["hot standby", "pickup_calls"]
        assert not await urs.accepted("pickup-calls")
        assert urs.app.redundancy == "warm standby"
        assert await routed(urs, "ann") == [True]
        guided.license(router_seats=2, router_ha_option=1)
        await guided.later(60, urs)
        assert urs.functions[2:] == ["-hot standby", "-pickup_calls"]
        assert urs.log(7105) == [restored(NO_FEATURE)]


async def test_urs_high_availability_mode_of_both_of_a_pair(guided: Guided) -> None:
    """High Availability Mode: primary and backup have one router_ha_option, and calls go on at a switchover."""
    guided.license(router_seats=2, router_ha_option=1)
    async with (
        guided.play(UniversalRoutingServer, PICKUP, name="urs1", pair="urs", redundancy="hot standby") as primary,
        guided.play(UniversalRoutingServer, PICKUP, name="urs2", pair="urs", redundancy="hot standby", role="backup") as backup,
    ):
        assert (primary.alarms, backup.alarms) == ([], [])
        assert backup.app.redundancy == "hot standby"
        assert guided.in_use("router_ha_option") == 1
        await primary.running.close()
        await backup.occur("become-primary")
        assert await backup.accepted("pickup-calls")
        assert await routed(backup, "ann", "bob", "cem") == [True, True, False]


async def test_universal_routing_server_8_0(guided: Guided) -> None:
    """Universal Routing Server 8.0: the features of the releases before, in lines of version 8.0."""
    guided.license(feature("router_seats", 2, "7.0"))
    async with guided.play(UniversalRoutingServer) as urs:
        assert (urs.log(), urs.status) == ([failed(OLD_VERSION), ENDED], 3)
    for version in ("8.0", "8.5"):
        guided.license(feature("router_seats", 2, version))
        async with guided.play(UniversalRoutingServer) as urs:
            assert urs.log() == [out("router_seats", 2), STARTED]


async def test_ocs_preview_dialing_functionality(guided: Guided) -> None:
    """Preview Dialing Functionality: occ_preview enables preview mode, and no other, alone and for a pair."""
    guided.license(occ_preview=2, occ_full=5)
    async with (
        guided.play(OutboundContactServer, PREVIEW, name="ocs1", pair="ocs", redundancy="warm standby") as ocs,
        guided.play(OutboundContactServer, PREVIEW, name="ocs2", pair="ocs", redundancy="warm standby", role="backup") as backup,
    ):
        assert ocs.log() == [out("occ_preview", 2), STARTED]
        assert backup.log() == [STARTED]
        assert await ocs.accepted("campaign-loaded", campaign="a", mode="preview")
        assert not await ocs.accepted("campaign-loaded", campaign="b", mode="predictive")
        assert guided.in_use_in_all() == {"occ_preview": 2}


async def test_ocs_full_dialing_functionality(guided: Guided) -> None:
    """Full Dialing Functionality: occ_full enables all modes, preview too; the two licenses cannot be combined."""
    guided.license(occ_preview=2, occ_full=1)
    async with guided.play(OutboundContactServer) as ocs:
        assert ocs.log() == [out("occ_full"), STARTED]
        for mode in ("preview", "progressive", "predictive"):
            assert await ocs.accepted("campaign-loaded", campaign=mode, mode=mode)
        assert [await ocs.accepted("agent-login", agent=agent, campaign="preview") for agent in ("ann", "bob")] == [True, False]
        assert guided.in_use_in_all() == {"occ_full": 1}
    guided.license(occ_preview=2)
    async with guided.play(OutboundContactServer) as ocs:
        assert (ocs.log(), ocs.status) == ([failed(NO_FEATURE), ENDED], 3)


async def test_voice_callback(guided: Guided) -> None:
    """Voice Callback: vcb_preview for preview mode only, vcb_full without such a limit; either will do."""
    guided.license(vcb_preview=2)
    async with guided.play(CallbackServer, PREVIEW) as ucs:
        assert ucs.log() == [out("vcb_preview", 2), STARTED]
        assert await ucs.accepted("callback-requested", request="1", mode="preview", cdn="100")
        assert not await ucs.accepted("callback-requested", request="2", mode="autodial", cdn="200")
        assert ucs.log(7100) == [failed(UNLICENSED_MODE)]
    guided.license(vcb_full=2)
    async with guided.play(CallbackServer) as ucs:
        assert ucs.log() == [out("vcb_full", 2), STARTED]
        assert [await ucs.accepted("callback-requested", request=mode, mode=mode) for mode in ("preview", "autodial")] == [True, True]


@pytest.mark.parametrize("kind", ["preview", "full"])
async def test_voice_callback_server_side_license_control(guided: Guided, kind: str) -> None:
    """Server-Side License Control: the number of licenses is the number of callback requests in 60 minutes."""
    guided.license(**{f"vcb_{kind}": 2})
    async with guided.play(CallbackServer, {"license": {"license-type": kind}}) as ucs:
        assert await ucs.accepted("callback-requested", request="1")
        await guided.later(1800, ucs)
        assert [await ucs.accepted("callback-requested", request=request) for request in "23"] == [True, False]
        assert ucs.log(7100) == [failed(USAGE_EXCEEDED)]
        await guided.later(1800, ucs)
        assert ucs.log(7105) == [restored(USAGE_EXCEEDED)]
        assert [await ucs.accepted("callback-requested", request=request) for request in "45"] == [True, False]


async def test_voice_callback_primary_backup_support(guided: Guided) -> None:
    """Primary/Backup Support: a pair has one set of licenses, and is switched over only where SCS has ha_redundancy."""
    guided.license(vcb_full=2)
    async with (
        guided.play(CallbackServer, name="ucs1", pair="ucs", redundancy="warm standby") as primary,
        guided.play(CallbackServer, name="ucs2", pair="ucs", redundancy="warm standby", role="backup") as backup,
        guided.play(SolutionControlServer, name="scs") as scs,
    ):
        assert primary.log() == [out("vcb_full", 2), STARTED]
        assert backup.log() == [STARTED]
        assert guided.in_use("vcb_full") == 2
        assert not await scs.accepted("primary-failed", pair="ucs")


async def test_voice_callback_database_dependencies(guided: Guided) -> None:
    """Database Dependencies: who starts, or takes over, reckons from call_time which requests hold a license, and for how long."""
    guided.license(vcb_full=2)
    async with guided.play(CallbackServer, name="ucs1", pair="ucs", redundancy="warm standby", role="backup") as backup:
        await backup.occur("become-primary")
        assert backup.log(7101) == [out("vcb_full", 2)]
        for request, minutes in (("1", 10), ("2", 50), ("3", 70)):
            await backup.occur("recovered-request", request=request, **{"call-time": guided.now - minutes * 60})
        assert not await backup.accepted("callback-requested", request="4")
        await guided.later(601, backup)
        assert await backup.accepted("callback-requested", request="4"), "the request of 50 minutes ago is over now"
        assert not await backup.accepted("callback-requested", request="5")


@pytest.mark.parametrize("mode", ["standard", "asm"])
async def test_cpd_server(guided: Guided, mode: str) -> None:
    """CPD Server: as many Dialogic ports as licenses, alone or as a pair; engaging calls take a port too, in ASM mode."""
    guided.license(occ_port=2)
    options = {"cpd": {"mode": mode}}
    async with (
        guided.play(CpdServer, options, name="cpd1", pair="cpd", redundancy="warm standby") as cpd,
        guided.play(CpdServer, options, name="cpd2", pair="cpd", redundancy="warm standby", role="backup") as backup,
    ):
        assert cpd.log() == [out("occ_port", 2), STARTED]
        assert backup.log() == [STARTED]
        assert await cpd.accepted("port-taken", port="1")
        assert await cpd.accepted("engaging-call", port="2") is (mode == "asm")
        assert await cpd.accepted("port-taken", port="3") is (mode == "standard")
        assert guided.in_use("occ_port") == 2


async def test_cpd_server_live_increase_and_decrease(guided: Guided) -> None:
    """CPD Server: a higher number of ports is checked out at once; a lower one goes back, but for ports in use."""
    guided.license(occ_port=5)
    async with guided.play(CpdServer, {"license": {"num-of-licenses": 2}}) as cpd, guided.play(CpdServer, name="cpd2") as other:
        assert other.log() == [out("occ_port", 3), STARTED]
        await other.running.stop()
        await other.settle()
        await cpd.change("num-of-licenses", 4)
        assert guided.in_use("occ_port") == 4
        assert [await cpd.accepted("port-taken", port=port) for port in "123"] == [True] * 3
        await cpd.change("num-of-licenses", 1)
        assert guided.in_use("occ_port") == 3
        await cpd.occur("port-freed", port="1")
        assert guided.in_use("occ_port") == 2
        await cpd.change("num-of-licenses", 6)
        assert guided.in_use("occ_port") == 5
        assert cpd.log(7100) == [failed(NONE_LEFT)]
