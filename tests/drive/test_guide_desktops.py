"""The guide's paragraphs on desktops, toolkits and SDKs, each on a real license server."""

from __future__ import annotations

import pytest

from seatkeeper.apps.agent_interaction import AgentInteraction, AgentScripting, GplusAdapter
from seatkeeper.apps.application import Application
from seatkeeper.apps.desktop import Desktop
from seatkeeper.apps.gis import DotNetServer, DotNetToolkit, IntegrationServer, InterfaceServer
from seatkeeper.apps.uc_connector import UcConnector
from seatkeeper.sdk import admin
from support.guided import ENDED, NO_FEATURE, NONE_LEFT, STARTED, Guided, failed, out, restored
from support.site import VENDOR, feature

FACTORY = feature("ISDK_FACTORY")
AGENTS = feature("desktop_agent", 2, "7.0")
SUPERVISORS = feature("DESKTOP_SUPERVISOR", 1, "7.0")
INTERACTION, CONFIGURATION, STATISTICS = "GIS_INTERACTIONSERVICE", "GIS_CONFIGSERVICE", "GIS_STATSERVICE"
#: Services that an instance offers, by options.
NO_SERVICES = {"services": {"agent-interaction": False}}
QUEUES = {"services": {"agent-interaction": False, "queue": True}}


async def test_genesys_desktop(guided: Guided) -> None:
    """Genesys Desktop: needs the basic license to start; which one a user needs it finds out when he logs in."""
    guided.license(FACTORY, AGENTS, SUPERVISORS)
    async with guided.play(Desktop) as desktop:
        assert desktop.log() == [out("ISDK_FACTORY"), STARTED]
        assert guided.in_use_in_all() == {"ISDK_FACTORY": 1}
        assert await desktop.accepted("login", user="ann")
        assert await desktop.accepted("login", user="sue", supervisor=True)
        assert desktop.log(7101)[1:] == [out("desktop_agent"), out("DESKTOP_SUPERVISOR")]
        assert guided.in_use_in_all() == {"ISDK_FACTORY": 1, "desktop_agent": 1, "DESKTOP_SUPERVISOR": 1}


async def test_genesys_desktop_supports_a_single_license_server(guided: Guided) -> None:
    """Genesys Desktop, the tip: the Java library knows one license server; a list is reported."""
    guided.license(FACTORY, AGENTS, SUPERVISORS)
    path = f"{guided.site.port}@localhost"
    async with guided.play(Desktop, path=f"{path}:7260@second:7260@third") as desktop:
        assert desktop.log()[0] == (
            f"05066 Genesys Desktop supports one license server: it counts on {path}, and not on 7260@second, 7260@third."
        )
        assert desktop.functions == ["further license servers"]
        assert desktop.log()[-1] == STARTED


async def test_genesys_desktop_basic_server_functionality(guided: Guided) -> None:
    """Basic (Server) Functionality: one license runs all instances of Desktop Server; without it none starts."""
    guided.license(FACTORY, AGENTS)
    async with guided.play(Desktop, name="desktop1") as first, guided.play(Desktop, name="desktop2") as second:
        assert first.log() == [out("ISDK_FACTORY"), STARTED]
        assert (second.log(7100), second.status) == ([], None)
        assert [await one.accepted("login", user=user) for one, user in ((first, "ann"), (second, "bob"))] == [True, True]
        assert guided.in_use_in_all() == {"ISDK_FACTORY": 1, "desktop_agent": 2}
    guided.license(AGENTS)
    async with guided.play(Desktop) as desktop:
        assert (desktop.log(), desktop.status) == ([failed(NO_FEATURE), ENDED], 3)


async def test_genesys_agent_desktop(guided: Guided) -> None:
    """Genesys Agent Desktop: one license for each logged-in user, of version 7.0."""
    guided.license(FACTORY, AGENTS)
    async with guided.play(Desktop) as desktop:
        assert [await desktop.accepted("login", user=user) for user in ("ann", "bob", "cid")] == [True, True, False]
        assert desktop.log(7100) == [failed(NONE_LEFT)]
        pool = admin.pools("localhost", guided.site.port, VENDOR, "desktop_agent")[0]
        assert sorted(holder.display for holder in pool.holders) == ["ann", "bob"]
        await desktop.occur("logout", user="ann")
        assert desktop.log(7105) == [restored(NONE_LEFT)]
        assert await desktop.accepted("login", user="cid")


async def test_genesys_supervisor_desktop(guided: Guided) -> None:
    """Genesys Supervisor Desktop: one license for each; when there is none, a supervisor works restricted, with an agent's."""
    guided.license(FACTORY, AGENTS, SUPERVISORS)
    async with guided.play(Desktop) as desktop:
        supervisors = [await desktop.accepted("login", user=user, supervisor=True) for user in ("sue", "tom", "uma", "vic")]
        assert supervisors == [True, True, True, False]
        assert guided.in_use_in_all() == {"ISDK_FACTORY": 1, "desktop_agent": 2, "DESKTOP_SUPERVISOR": 1}
        assert desktop.log(5066) == [
            f"05066 Supervisor {user} works in restricted mode, with an agent's license." for user in ("tom", "uma")
        ]


async def test_genesys_desktop_net_toolkit(guided: Guided) -> None:
    """Genesys Desktop .NET Toolkit: licenses to run Integration Server, and one for each user who connects to it."""
    guided.license(FACTORY, GIS=1, **{INTERACTION: 2})
    async with guided.play(DotNetToolkit) as toolkit:
        assert toolkit.log() == [out("GIS"), out("ISDK_FACTORY"), STARTED]
        assert [await toolkit.accepted("connect", client=client) for client in "abc"] == [True, True, False]
        assert toolkit.log(7100) == [failed(NONE_LEFT)]
        assert guided.in_use_in_all() == {"GIS": 1, "ISDK_FACTORY": 1, INTERACTION: 2}
    guided.license(FACTORY, **{INTERACTION: 2})
    async with guided.play(DotNetToolkit) as toolkit:
        assert (toolkit.log(7100), toolkit.status) == ([failed(NO_FEATURE)], 3)


async def test_genesys_desktop_net_toolkit_7_1_and_earlier(guided: Guided) -> None:
    """Genesys Desktop .NET Toolkit, 7.1 and earlier: .NET Server runs under DOT_NET_SERVER of version 7.0."""
    guided.license(FACTORY, feature("DOT_NET_SERVER", 1, "7.0"), feature(INTERACTION, 1))
    async with guided.play(DotNetServer) as server:
        assert server.log() == [out("DOT_NET_SERVER"), out("ISDK_FACTORY"), STARTED]
        assert [await server.accepted("connect", client=client) for client in "ab"] == [True, False]
    guided.license(FACTORY, GIS=1)
    async with guided.play(DotNetServer) as server:
        assert (server.log(7100), server.status) == ([failed(NO_FEATURE)], 3)


async def test_genesys_interface_server_7_1_and_earlier(guided: Guided) -> None:
    """FEATURE Names by Application: Interface Server of 7.1 shares the licenses of services in its environment."""
    guided.license(FACTORY, GIS=2, ISDK_QUEUE=1, **{INTERACTION: 1})
    both = {"services": {"queue": True}}
    async with guided.play(InterfaceServer, both, name="is1") as first, guided.play(InterfaceServer, both, name="is2") as second:
        assert first.log() == [out("GIS"), out("ISDK_FACTORY"), out("ISDK_QUEUE"), STARTED]
        assert (second.log(7100), second.status) == ([], None)
        assert guided.in_use_in_all() == {"GIS": 2, "ISDK_FACTORY": 1, "ISDK_QUEUE": 1}


async def test_genesys_sdks_agent_interaction_java_and_gis(guided: Guided) -> None:
    """Genesys SDKs, the tip: Integration Server knows one license server too; a list is reported."""
    guided.license(FACTORY, GIS=1)
    path = f"{guided.site.port}@localhost"
    async with guided.play(IntegrationServer, path=f"{path}:7260@second") as gis:
        assert gis.log(5066) == [
            f"05066 Genesys Integration Server (GIS) supports one license server: it counts on {path}, and not on 7260@second."
        ]
        assert gis.functions == ["further license servers"]


async def test_agent_interaction_java(guided: Guided) -> None:
    """Agent Interaction Java: one ISDK_FACTORY for each running library, and ISDK_QUEUE to watch routing points."""
    watching = {"license": {"route-point-monitoring": True}}
    guided.license(FACTORY, ISDK_QUEUE=1)
    async with guided.play(AgentInteraction, watching, name="ail1") as first, guided.play(AgentInteraction, name="ail2") as second:
        assert first.log() == [out("ISDK_FACTORY"), out("ISDK_QUEUE"), STARTED]
        assert await first.accepted("route-point-monitored", dn="100")
        assert (second.log(), second.status) == ([failed(NONE_LEFT), ENDED], 3)
    guided.license(FACTORY)
    async with guided.play(AgentInteraction) as plain:
        assert plain.log() == [out("ISDK_FACTORY"), STARTED]
        assert not await plain.accepted("route-point-monitored", dn="100")
    async with guided.play(AgentInteraction, watching) as watcher:
        assert (watcher.log(7100), watcher.status) == ([failed(NO_FEATURE)], 3)


async def test_gis(guided: Guided) -> None:
    """GIS: one license for each instance."""
    guided.license(GIS=1)
    async with (
        guided.play(IntegrationServer, NO_SERVICES, name="gis1") as first,
        guided.play(IntegrationServer, NO_SERVICES, name="gis2") as second,
    ):
        assert first.log() == [out("GIS"), STARTED]
        assert (second.log(), second.status) == ([failed(NONE_LEFT), ENDED], 3)


async def test_gis_services_agent_interaction_service(guided: Guided) -> None:
    """Agent Interaction Service: ISDK_FACTORY for each instance that offers it, and the Interaction Service's license."""
    guided.license(feature("ISDK_FACTORY", 2), GIS=3, **{INTERACTION: 1})
    async with guided.play(IntegrationServer, name="gis1") as first, guided.play(IntegrationServer, name="gis2") as second:
        assert first.log() == second.log() == [out("GIS"), out("ISDK_FACTORY"), STARTED]
        assert await first.accepted("connect", client="a", service="agent-interaction")
        assert first.log(7101)[-1] == out(INTERACTION)
        assert not await second.accepted("connect", client="b", service="agent-interaction")
        async with guided.play(IntegrationServer, name="gis3") as third:
            assert third.log()[-2:] == [failed(NONE_LEFT), ENDED]
            assert third.status == 3


async def test_gis_services_interaction_service(guided: Guided) -> None:
    """Interaction Service: one license for each client connection to the agents' or the queues' service."""
    guided.license(FACTORY, GIS=1, ISDK_QUEUE=1, **{INTERACTION: 2})
    async with guided.play(IntegrationServer, {"services": {"queue": True}}) as gis:
        assert await gis.accepted("connect", client="a", service="agent-interaction")
        assert await gis.accepted("connect", client="b", service="queue")
        assert not await gis.accepted("connect", client="c", service="queue")
        assert guided.in_use(INTERACTION) == 2


async def test_gis_services_queue_service(guided: Guided) -> None:
    """Queue Service: ISDK_QUEUE for each instance that offers it."""
    guided.license(GIS=1, ISDK_QUEUE=1, **{INTERACTION: 1})
    async with guided.play(IntegrationServer, QUEUES) as gis:
        assert gis.log() == [out("GIS"), out("ISDK_QUEUE"), STARTED]
        assert await gis.accepted("connect", client="a", service="queue")
    guided.license(GIS=1, **{INTERACTION: 1})
    async with guided.play(IntegrationServer, QUEUES) as gis:
        assert (gis.log(7100), gis.status) == ([failed(NO_FEATURE)], 3)


@pytest.mark.parametrize(("service", "name"), [("configuration", CONFIGURATION), ("statistics", STATISTICS)])
async def test_gis_services_configuration_service_and_statistics_service(guided: Guided, service: str, name: str) -> None:
    """Configuration Service, Statistics Service: a license of the service for each client connection."""
    guided.license(GIS=1, **{name: 1})
    async with guided.play(IntegrationServer, NO_SERVICES) as gis:
        assert [await gis.accepted("connect", client=client, service=service) for client in "ab"] == [True, False]
        assert gis.log()[2:] == [out(name), failed(NONE_LEFT)]
        assert guided.in_use(name) == 1
        await gis.occur("disconnect", client="a")
        assert gis.log(7105) == [restored(NONE_LEFT)]
        assert guided.in_use(name) == 0


@pytest.mark.parametrize("made", [AgentScripting, GplusAdapter])
async def test_genesys_agent_scripting(guided: Guided, made: type[Application]) -> None:
    """Genesys Agent Scripting (and Gplus Adapter, which is built alike): one license for each instance."""
    guided.license(FACTORY)
    async with guided.play(made, name="one") as first, guided.play(made, name="two") as second:
        assert first.log() == [out("ISDK_FACTORY"), STARTED]
        assert await first.accepted("agent-login", agent="ann")
        assert (second.log(), second.status) == ([failed(NONE_LEFT), ENDED], 3)


async def test_unified_communication_connector(guided: Guided) -> None:
    """FEATURE Names by Application: UC Connector has one ucc_seats for each knowledge worker who is connected."""
    guided.license(ucc_seats=1)
    async with guided.play(UcConnector) as connector:
        assert connector.log() == [STARTED]
        assert [await connector.accepted("worker-connected", worker=worker) for worker in ("ann", "bob")] == [True, False]
        assert connector.log()[1:] == [out("ucc_seats"), failed(NONE_LEFT)]
        await connector.occur("worker-disconnected", worker="ann")
        assert await connector.accepted("worker-connected", worker="bob")
