"""The guide's "Notes on Application-Specific Behavior" on real license servers; Interaction Server's are in test_guide_multimedia."""

from __future__ import annotations

import pytest

from seatkeeper.apps.callback_server import UNLICENSED_MODE, CallbackServer
from seatkeeper.apps.desktop import Desktop
from seatkeeper.apps.gis import DotNetToolkit
from seatkeeper.apps.ocs import OutboundContactServer
from seatkeeper.apps.tserver import TServer
from seatkeeper.apps.urs import UniversalRoutingServer
from seatkeeper.base.logevents import USAGE_EXCEEDED
from support.guided import ENDED, NONE_LEFT, STARTED, Guided, failed, out, restored
from support.site import feature

FACTORY = feature("ISDK_FACTORY")
INTERACTION = "GIS_INTERACTIONSERVICE"


@pytest.mark.parametrize("event", ["logout", "browser-closed", "browser-crashed"])
@pytest.mark.parametrize(("supervisor", "name"), [(False, "desktop_agent"), (True, "DESKTOP_SUPERVISOR")])
async def test_notes_genesys_desktop(guided: Guided, event: str, supervisor: bool, name: str) -> None:
    """Genesys Desktop: a user's license is checked out as he logs in, and back however he leaves; without one no window opens."""
    guided.license(FACTORY, feature(name, 1, "7.0"))
    async with guided.play(Desktop) as desktop:
        assert guided.in_use(name) == 0
        assert await desktop.accepted("login", user="ann", supervisor=supervisor)
        assert desktop.log(7101)[-1] == out(name)
        assert not await desktop.accepted("login", user="bob", supervisor=supervisor)
        assert desktop.log(7100)[0] == failed(NONE_LEFT)
        assert await desktop.accepted(event, user="ann")
        assert guided.in_use(name) == 0
        assert desktop.log(7105)[0] == restored(NONE_LEFT)
        assert await desktop.accepted("login", user="bob", supervisor=supervisor)


@pytest.mark.parametrize("event", ["disconnect", "timeout"])
async def test_notes_genesys_desktop_net_toolkit(guided: Guided, event: str) -> None:
    """Genesys Desktop .NET Toolkit: a connection takes a license, or is denied; closed, or timed out, it gives it back."""
    guided.license(FACTORY, GIS=1, **{INTERACTION: 1})
    async with guided.play(DotNetToolkit) as toolkit:
        assert [await toolkit.accepted("connect", client=client) for client in "ab"] == [True, False]
        assert toolkit.log()[3:] == [out(INTERACTION), failed(NONE_LEFT)]
        assert await toolkit.accepted(event, client="a")
        assert guided.in_use(INTERACTION) == 0
        assert toolkit.log(7105) == [restored(NONE_LEFT)]
        assert await toolkit.accepted("connect", client="b")


@pytest.mark.parametrize(("licensed", "wanted", "held"), [(5, 2, 2), (2, 5, 2), (3, "max", 3)])
async def test_notes_outbound_contact_server_startup(guided: Guided, licensed: int, wanted: object, held: int) -> None:
    """Outbound Contact Server: at startup as many as num-of-licenses says, and no more than the file has."""
    guided.license(occ_full=licensed)
    async with guided.play(OutboundContactServer, {"license": {"num-of-licenses": wanted}}) as ocs:
        assert ocs.log() == [out("occ_full", held), STARTED]
        assert guided.in_use("occ_full") == held


async def test_notes_outbound_contact_server_usage_exceeded_and_reuse(guided: Guided) -> None:
    """Outbound Contact Server: a violation for every agent too many; freed licenses are used for others, and the violation ends."""
    guided.license(occ_full=2)
    async with guided.play(OutboundContactServer) as ocs:
        await ocs.occur("campaign-loaded", campaign="a", mode="predictive")
        assert [await ocs.accepted("agent-login", agent=str(agent), campaign="a") for agent in range(4)] == [True, True, False, False]
        assert ocs.log(7100) == [failed(USAGE_EXCEEDED)] * 2
        assert ocs.alarms == ["use of occ_full"]
        await ocs.occur("agent-logout", agent="0", campaign="a")
        assert list(ocs.app.seats.users) == ["1", "2"]
        assert ocs.log(7105) == []
        await ocs.occur("agent-logout", agent="1", campaign="a")
        assert ocs.log(7105) == [restored(USAGE_EXCEEDED)]
        assert ocs.alarms == ["use of occ_full", "-use of occ_full"]
        await ocs.occur("agent-login", agent="4", campaign="a")
        await ocs.occur("campaign-unloaded", campaign="a")
        assert ocs.alarms == ["use of occ_full", "-use of occ_full"] * 2
        assert ocs.app.agents_counted == 0
        assert guided.in_use("occ_full") == 2, "it keeps for other agents what they leave"


async def test_notes_outbound_contact_server_agent_without_a_license(guided: Guided) -> None:
    """Outbound Contact Server: who is denied a license may get the call; his record is not processed, and he is not counted."""
    guided.license(occ_full=1)
    async with guided.play(OutboundContactServer) as ocs:
        await ocs.occur("campaign-loaded", campaign="a", mode="predictive")
        for agent in ("ann", "bob"):
            await ocs.occur("agent-login", agent=agent, campaign="a")
        assert await ocs.accepted("call-delivered", agent="bob")
        assert [await ocs.accepted("record-processed", agent=agent) for agent in ("ann", "bob")] == [True, False]
        assert ocs.app.agents_counted == 1


async def test_notes_t_server(guided: Guided) -> None:
    """T-Server: asked for more than there are, it takes what is left; with none left it logs the violation and exits."""
    guided.license(tserver_sdn=5)
    async with (
        guided.play(TServer, {"license": {"num-of-licenses": 3}}, name="ts1") as first,
        guided.play(TServer, {"license": {"num-of-licenses": 4}}, name="ts2") as second,
        guided.play(TServer, {"license": {"num-of-licenses": 1}}, name="ts3") as third,
    ):
        assert first.log() == [out("tserver_sdn", 3), STARTED]
        assert second.log() == [out("tserver_sdn", 2), STARTED]
        assert (third.log(), third.status) == ([failed(NONE_LEFT), ENDED], 3)


async def test_notes_t_server_options_less_than_what_was_bought(guided: Guided) -> None:
    """T-Server: with max the first leaves nothing; with numbers that add up to what was bought, all start."""
    guided.license(tserver_sdn=5)
    async with guided.play(TServer, name="ts1") as greedy, guided.play(TServer, name="ts2") as late:
        assert greedy.log() == [out("tserver_sdn", 5), STARTED]
        assert late.status == 3
    options = [{"license": {"num-of-licenses": count}} for count in (2, 3)]
    async with guided.play(TServer, options[0], name="ts1") as first, guided.play(TServer, options[1], name="ts2") as second:
        assert [one.log(7101) for one in (first, second)] == [[out("tserver_sdn", 2)], [out("tserver_sdn", 3)]]


async def test_notes_universal_callback_server_initial_license_checkout(guided: Guided) -> None:
    """Initial License Checkout: the configured maximum at startup; a request, or a locked license, counts for 60 minutes."""
    guided.license(vcb_full=4)
    async with guided.play(CallbackServer, {"license": {"num-of-licenses": 3}}) as ucs:
        assert ucs.log() == [out("vcb_full", 3), STARTED]
        assert await ucs.accepted("callback-requested", request="1")
        assert await ucs.accepted("license-locked", lock="2")
        await guided.later(600, ucs)
        assert await ucs.accepted("callback-requested", request="3")
        assert not await ucs.accepted("availability-requested")
        await guided.later(3000, ucs)
        assert ucs.app.requests.room == 2, "what began 60 minutes ago counts no more"
        assert guided.in_use("vcb_full") == 3


async def test_notes_universal_callback_server_9999_a_server(guided: Guided) -> None:
    """Initial License Checkout, the tip: no more than 9999 a server; several servers have what is left."""
    guided.license(vcb_full=15_000)
    async with guided.play(CallbackServer, name="ucs1") as first, guided.play(CallbackServer, name="ucs2") as second:
        assert first.log() == [out("vcb_full", 9999), STARTED]
        assert second.log() == [out("vcb_full", 5001), STARTED]


async def test_notes_universal_callback_server_unlicensed_mode(guided: Guided) -> None:
    """Processing Request to Work in Unlicensed Mode: a call on a CDN in autodial mode, and vcb_preview, is a violation."""
    guided.license(vcb_preview=3)
    async with guided.play(CallbackServer, {"license": {"license-type": "preview"}}) as ucs:
        assert not await ucs.accepted("callback-requested", request="1", mode="autodial", cdn="100")
        assert ucs.log(7100) == [failed(UNLICENSED_MODE)]
        assert ucs.app.requests.room == 3
        assert await ucs.accepted("callback-requested", request="2", mode="preview", cdn="100")
        assert ucs.log(7105) == [restored(UNLICENSED_MODE)]


@pytest.mark.parametrize("event", ["agent-logout", "person-disabled", "person-deleted"])
async def test_notes_universal_routing_server(guided: Guided, event: str) -> None:
    """Universal Routing Server: a license from an agent's first call as a target until he is gone, and a violation for each too many."""
    guided.license(router_seats=2)
    async with guided.play(UniversalRoutingServer) as urs:
        for agent in ("ann", "bob"):
            assert await urs.accepted("agent-login", agent=agent)
            assert agent not in urs.app.seats.users
            assert await urs.accepted("agent-target", agent=agent)
        assert urs.log(7100) == []
        for agent in ("cem", "dan"):
            assert await urs.accepted("agent-login", agent=agent)
        assert urs.log(7100) == [failed(USAGE_EXCEEDED)] * 2
        assert not await urs.accepted("agent-target", agent="cem")
        await urs.occur(event, agent="ann")
        await urs.occur(event, agent="bob")
        assert urs.log(7105) == [restored(USAGE_EXCEEDED)]
        assert [await urs.accepted("agent-target", agent=agent) for agent in ("cem", "dan")] == [True, True]
        assert guided.in_use("router_seats") == 2


async def test_notes_universal_routing_server_is_restarted(guided: Guided) -> None:
    """Universal Routing Server: a restart frees all allocated licenses."""
    guided.license(router_seats=1)
    for agent in ("ann", "bob"):
        async with guided.play(UniversalRoutingServer) as urs:
            assert urs.log() == [out("router_seats", 1), STARTED]
            await urs.occur("agent-login", agent=agent)
            assert await urs.accepted("agent-target", agent=agent)
            assert await urs.running.stop() == 0


async def test_notes_universal_routing_server_at_a_shift_change(guided: Guided) -> None:
    """Universal Routing Server: the new shift logs in while the old one has not left; it works when the old one has."""
    guided.license(router_seats=3)
    early, late = ("a", "b", "c"), ("x", "y", "z")
    async with guided.play(UniversalRoutingServer) as urs:
        for agent in (*early, *late):
            await urs.occur("agent-login", agent=agent)
            assert await urs.accepted("agent-target", agent=agent) is (agent in early)
        for agent in early:
            await urs.occur("agent-logout", agent=agent)
        assert list(urs.app.seats.users) == list(late)
        assert urs.alarms == ["use of router_seats", "-use of router_seats"]
