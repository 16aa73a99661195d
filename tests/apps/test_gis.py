"""Integration Server and its like: one license for the instance, one for each connection."""

from __future__ import annotations

import pytest

from seatkeeper.apps.application import Application
from seatkeeper.apps.gis import DotNetServer, DotNetToolkit, IntegrationServer, InterfaceServer
from support.stage import Stage

LICENSES = {
    "GIS": 1,
    "DOT_NET_SERVER": 1,
    "ISDK_FACTORY": 1,
    "ISDK_QUEUE": 1,
    "GIS_INTERACTIONSERVICE": 2,
    "GIS_CONFIGSERVICE": 1,
    "GIS_STATSERVICE": 1,
}
ALL = pytest.mark.parametrize("made", [IntegrationServer, DotNetToolkit, InterfaceServer, DotNetServer], ids=lambda made: made.profile.type)


def server(made: type[Application], *, queue: bool = False, without: str = "") -> Stage:
    licenses = {feature: count for feature, count in LICENSES.items() if feature != without}
    return Stage(made, licenses, {"services": {"queue": queue}}).start()


@ALL
def test_a_connection_takes_a_license_and_gives_it_back(made: type[Application]) -> None:
    stage = server(made)
    assert [stage.accepted("connect", client=client) for client in "abc"] == [True, True, False]
    assert stage.accepted("disconnect", client="a")
    assert stage.accepted("connect", client="c")
    assert stage.accepted("timeout", client="b")
    assert stage.in_use("GIS_INTERACTIONSERVICE") == 1
    assert not stage.accepted("disconnect", client="b")


@ALL
def test_without_a_license_for_the_instance_it_does_not_start(made: type[Application]) -> None:
    instance = made.profile.licenses[0].feature
    assert server(made, without=instance).status == 3
    assert server(made, without="ISDK_FACTORY").status == 3
    assert server(made, without="ISDK_QUEUE").status is None
    assert server(made, queue=True, without="ISDK_QUEUE").status == 3


def test_each_service_has_licenses_of_its_own() -> None:
    stage = server(IntegrationServer)
    assert stage.accepted("connect", client="a", service="configuration")
    assert not stage.accepted("connect", client="b", service="configuration")
    assert stage.accepted("connect", client="b", service="statistics")
    assert stage.accepted("connect", client="c", service="interaction")
    assert not stage.accepted("connect", client="d", service="queue"), "it is not offered"
    assert not stage.accepted("connect", client="d", service="mail")


@pytest.mark.parametrize("made", [DotNetToolkit, DotNetServer], ids=lambda made: made.profile.type)
def test_behind_the_toolkit_there_is_the_interaction_service_only(made: type[Application]) -> None:
    stage = server(made)
    assert not stage.accepted("connect", client="a", service="statistics")
    assert stage.accepted("connect", client="a", service="interaction")


def test_a_client_of_the_queue_service_is_one_of_the_interaction_service() -> None:
    stage = server(IntegrationServer, queue=True)
    assert stage.in_use("ISDK_QUEUE") == 1
    assert stage.accepted("connect", client="a", service="queue")
    assert stage.in_use("GIS_INTERACTIONSERVICE") == 1


def test_before_gis_8_services_are_licensed_for_the_environment() -> None:
    stage = Stage(InterfaceServer, {**LICENSES, "ISDK_FACTORY": 0}).start()
    assert stage.app.state == "running"
    assert Stage(IntegrationServer, {**LICENSES, "ISDK_FACTORY": 0}).start().status == 3


def test_gis_gsap_has_neither_configuration_nor_statistics() -> None:
    stage = Stage(IntegrationServer, LICENSES, {"services": {"variant": "gsap"}}).start()
    assert stage.accepted("connect", client="a")
    for service in ("configuration", "statistics"):
        reply = stage.occur("connect", client="b", service=service)
        assert reply is not None
        assert not reply.accepted
        assert "there are agent-interaction, interaction, queue" in reply.reason


@ALL
def test_a_withdrawn_license_closes_no_connection(made: type[Application]) -> None:
    stage = server(made)
    stage.occur("connect", client="a")
    stage.withdraw("GIS_INTERACTIONSERVICE")
    assert not stage.accepted("connect", client="b")
    assert list(stage.app.sessions["GIS_INTERACTIONSERVICE"].open_sessions) == ["a"]
    stage.bring_back("GIS_INTERACTIONSERVICE", 2)
    assert stage.accepted("connect", client="b")
    assert stage.alarms == ["feature GIS_INTERACTIONSERVICE", "-feature GIS_INTERACTIONSERVICE"]


@ALL
@pytest.mark.parametrize("of_instance", [True, False], ids=["instance", "service"])
def test_what_is_lost_for_the_instance_is_denied_to_new_clients_only(made: type[Application], of_instance: bool) -> None:
    stage = server(made)
    feature = made.profile.licenses[0].feature if of_instance else "ISDK_FACTORY"
    stage.occur("connect", client="a")
    stage.withdraw(feature)
    reply = stage.occur("connect", client="b")
    assert reply is not None
    assert reply.reason == f"There is no license of {feature}: nobody new is served until there is."
    assert list(stage.app.sessions["GIS_INTERACTIONSERVICE"].open_sessions) == ["a"]
    assert stage.accepted("connect", client="b", service="interaction") == (not of_instance)
    stage.occur("disconnect", client="b")
    stage.bring_back(feature, 1)
    assert stage.accepted("connect", client="b")


@ALL
def test_while_the_server_is_away_connections_stand_and_none_is_made(made: type[Application]) -> None:
    stage = server(made)
    stage.occur("connect", client="a")
    stage.cut(lease_ends=False)
    assert not stage.accepted("connect", client="b")
    assert stage.accepted("timeout", client="a")
    stage.heal(lease_ended=False)
    assert stage.alarms == ["license server", "-license server"]
    assert stage.accepted("connect", client="b")


def test_one_client_of_two_services_holds_a_license_of_each_until_it_is_gone() -> None:
    stage = server(IntegrationServer)
    assert stage.accepted("connect", client="a", service="interaction")
    assert stage.accepted("connect", client="a", service="agent-interaction"), "the same license"
    assert stage.accepted("connect", client="a", service="statistics")
    assert (stage.in_use("GIS_INTERACTIONSERVICE"), stage.in_use("GIS_STATSERVICE")) == (1, 1)
    stage.occur("disconnect", client="a")
    assert (stage.in_use("GIS_INTERACTIONSERVICE"), stage.in_use("GIS_STATSERVICE")) == (0, 0)


@ALL
def test_services_are_offered_from_the_next_start_on(made: type[Application]) -> None:
    stage = server(made)
    stage.change("queue", True, "services")
    assert stage.in_use("ISDK_QUEUE") == 0
    assert any("queue takes effect after a restart" in line for line in stage.log())


@ALL
def test_several_license_servers_are_told(made: type[Application]) -> None:
    stage = Stage(made, LICENSES, license_path="@lic1;@lic2").start()
    assert "@lic2" in stage.app.degraded["further license servers"]
