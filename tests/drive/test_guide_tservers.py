"""The guide's paragraphs on T-Servers of all kinds, each on a real license server."""

from __future__ import annotations

import pytest

from seatkeeper.apps.csta_connector import CstaConnector
from seatkeeper.apps.csta_tserver import CstaTServer
from seatkeeper.apps.ctiless_tserver import CtiLessTServer
from seatkeeper.apps.network_tserver import NETWORKS, NetworkTServer
from seatkeeper.apps.tserver import TServer, TServerFamily
from support.guided import ENDED, NO_FEATURE, NONE_LEFT, STARTED, Guided, failed, out
from support.playing import Playing
from support.site import feature

MULTI_SITE = {"TServer": {"multi-site": True}}


def seats(count: object, **more: object) -> dict[str, dict[str, object]]:
    """Options for so many licenses."""
    return {"license": {"num-of-licenses": count}, **{key: value for key, value in more.items() if isinstance(value, dict)}}


def pair(guided: Guided, made: type[TServerFamily], redundancy: str, count: object = "max", **more: object) -> tuple[Playing, Playing]:
    """A primary and its backup."""
    options = seats(count, **more)
    primary = guided.play(made, options, name="ts1", pair="ts", redundancy=redundancy)
    return primary, guided.play(made, options, name="ts2", pair="ts", redundancy=redundancy, role="backup")


async def test_t_server_basic_functionality(guided: Guided) -> None:
    """Basic Functionality: as many seat DNs can be registered as there are licenses; technical DNs need none from 7.2 on."""
    guided.license(tserver_sdn=3)
    async with guided.play(TServer, seats("max")) as tserver:
        assert tserver.log() == [out("tserver_sdn", 3), STARTED]
        kinds = ("extension", "acd-position", "extension", "acd-position")
        assert [await tserver.accepted("dn-registered", dn=str(dn), kind=kind) for dn, kind in enumerate(kinds)] == [True] * 3 + [False]
        assert tserver.log(20007) == ["20007 All 3 seat licenses are in use already, registration rejected."]
        assert [await tserver.accepted("dn-registered", dn=kind, kind=kind) for kind in ("acd-queue", "routing-point")] == [True, True]
        assert guided.in_use_in_all() == {"tserver_sdn": 3}


@pytest.mark.parametrize("release", ["7.0", "7.1"])
async def test_t_server_basic_functionality_of_7_0_and_7_1(guided: Guided, release: str) -> None:
    """Basic Functionality: releases 7.0 and 7.1 need licenses for technical DNs too, such as queues and routing points."""
    options = seats(3, TServer={"release": release}) | {"license": {"num-of-licenses": 3, "num-sdn-licenses": 2}}
    guided.license(feature("tserver_sdn", 5, "7.0"), feature("tserver_tdn", 5, "7.0"))
    async with guided.play(TServer, options) as tserver:
        assert sorted(tserver.log(7101)) == [out("tserver_sdn", 2), out("tserver_tdn", 1)]
        assert [await tserver.accepted("dn-registered", dn=dn, kind="acd-queue") for dn in ("q1", "q2")] == [True, False]
        assert tserver.log(20007) == ["20007 All 1 technical licenses are in use already, registration rejected."]
    guided.license(feature("tserver_sdn", 5, "7.0"))
    async with guided.play(TServer, options) as tserver:
        assert tserver.status == 3
        assert tserver.log(7100) == [failed(NO_FEATURE)]


async def test_t_server_7_2_and_later(guided: Guided) -> None:
    """T-Server (7.2 and later): three types of licenses, and tserver_tdn is not one of them."""
    guided.license(tserver_sdn=2, cti_ha_option=1, tserver_iscc=1, tserver_tdn=5)
    async with guided.play(TServer, MULTI_SITE, redundancy="hot standby") as tserver:
        assert sorted(tserver.log(7101)) == [out("cti_ha_option"), out("tserver_iscc"), out("tserver_sdn", 2)]
        assert guided.in_use_in_all() == {"tserver_sdn": 2, "cti_ha_option": 1, "tserver_iscc": 1}


async def test_t_server_ha_functionality(guided: Guided) -> None:
    """HA Functionality: one cti_ha_option for a pair in hot standby, without which neither starts; both share one pool of DNs."""
    guided.license(tserver_sdn=3)
    primary, backup = pair(guided, TServer, "hot standby")
    async with primary, backup:
        assert [one.log()[-2:] for one in (primary, backup)] == [[failed(NO_FEATURE), ENDED]] * 2
        assert [one.status for one in (primary, backup)] == [3, 3]
        await primary.until(lambda: guided.in_use_in_all() == {})
    guided.license(tserver_sdn=3, cti_ha_option=1)
    primary, backup = pair(guided, TServer, "hot standby")
    async with primary, backup:
        assert primary.log() == [out("tserver_sdn", 3), out("cti_ha_option"), STARTED]
        assert backup.log(7100) == []
        assert backup.log()[-1] == STARTED
        for one in (primary, backup):
            assert await one.accepted("dn-registered", dn="100")
        assert guided.in_use_in_all() == {"tserver_sdn": 3, "cti_ha_option": 1}
        await primary.running.close()
        await backup.occur("become-primary")
        assert guided.in_use_in_all() == {"tserver_sdn": 3, "cti_ha_option": 1}
        assert list(backup.app.seats.users) == ["100"]
        assert backup.alarms == []


async def test_t_server_ha_functionality_of_two_pairs(guided: Guided) -> None:
    """HA Functionality, "per redundant pair": a second pair needs a second cti_ha_option."""
    guided.license(tserver_sdn=4, cti_ha_option=1)
    async with (
        guided.play(TServer, seats(2), name="a1", pair="a", redundancy="hot standby") as first,
        guided.play(TServer, seats(2), name="b1", pair="b", redundancy="hot standby") as second,
    ):
        assert first.status is None
        assert second.status == 3
        assert second.log(7100) == [failed(NONE_LEFT)]


async def test_t_server_ha_functionality_needs_one_license_server(guided: Guided) -> None:
    """HA Functionality: primary and backup must use the same license server; another one is reported."""
    guided.license(tserver_sdn=3, cti_ha_option=1)
    here = f"{guided.site.port}@localhost"
    async with guided.play(TServer, redundancy="hot standby", pair="ts", peer_path="7260@elsewhere") as tserver:
        assert tserver.log()[0] == (
            f"05066 The other one of the pair uses the license server 7260@elsewhere, this one {here}; they need the same one."
        )
        assert tserver.functions == ["one pool for the pair"]
    async with guided.play(TServer, redundancy="hot standby", pair="ts", peer_path=here) as tserver:
        assert tserver.functions == []


async def test_t_server_multi_site_functionality(guided: Guided) -> None:
    """Multi-Site Functionality: one tserver_iscc for each T-Server of a site, alone or in warm standby."""
    guided.license(tserver_sdn=4, tserver_iscc=2)
    async with (
        guided.play(TServer, seats(1) | MULTI_SITE, name="a") as first,
        guided.play(TServer, seats(1) | MULTI_SITE, name="b", redundancy="warm standby", pair="b") as second,
        guided.play(TServer, seats(1) | MULTI_SITE, name="c", redundancy="warm standby", role="backup", pair="b") as third,
        guided.play(TServer, seats(1), name="d") as fourth,
    ):
        assert first.log() == second.log() == [out("tserver_sdn", 1), out("tserver_iscc"), STARTED]
        assert third.log() == [failed(NONE_LEFT), ENDED]
        assert third.status == 3
        assert fourth.log() == [out("tserver_sdn", 1), STARTED], "one without calls between sites needs no license for them"
        assert guided.in_use("tserver_iscc") == 2


async def test_t_server_multi_site_functionality_in_hot_standby(guided: Guided) -> None:
    """Multi-Site Functionality: one tserver_iscc for both of a pair in hot standby."""
    guided.license(tserver_sdn=4, tserver_iscc=1, cti_ha_option=1)
    primary, backup = pair(guided, TServer, "hot standby", TServer={"multi-site": True})
    async with primary, backup:
        assert (primary.status, backup.status) == (None, None)
        assert backup.log(7100) == []
        assert guided.in_use("tserver_iscc") == 1


async def test_two_t_servers_and_a_redundant_pair_share_one_pool(guided: Guided) -> None:
    """Basic and HA Functionality: T-Servers divide one pool between them, and a pair counts once in it."""
    guided.license(tserver_sdn=10, cti_ha_option=1)
    primary, backup = pair(guided, TServer, "hot standby", 4)
    async with (
        guided.play(TServer, seats(3), name="a") as first,
        primary,
        backup,
        guided.play(TServer, seats(5), name="b") as last,
    ):
        assert [one.log(7101)[0] for one in (first, primary, last)] == [out("tserver_sdn", count) for count in (3, 4, 3)]
        assert guided.in_use("tserver_sdn") == 10
        assert [one.alarms for one in (first, primary, backup, last)] == [[]] * 4
        async with guided.play(TServer, seats(1), name="c") as late:
            assert (late.log(), late.status) == ([failed(NONE_LEFT), ENDED], 3)


NTS = {"tserver_nts": 1, "tserver_nts_calltreatments": 2}


@pytest.mark.parametrize("network", NETWORKS)
async def test_network_t_server(guided: Guided, network: str) -> None:
    """Network T-Server: each needs licenses of basic and multi-site functionality; the one for GenSpec two types more."""
    guided.license(tserver_sdn=5, tserver_iscc=1, **NTS)
    options = {"license": {"num-sdn-licenses": 1, "num-calltreatments": 2}, "TServer": {"network": network, "multi-site": True}}
    genspec = {"tserver_nts": 1, "tserver_nts_calltreatments": 2} if network == "genspec" else {}
    async with guided.play(NetworkTServer, options) as nts:
        assert nts.log()[-1] == STARTED
        assert guided.in_use_in_all() == {"tserver_sdn": 1, "tserver_iscc": 1, **genspec}


async def test_network_t_server_basic_functionality(guided: Guided) -> None:
    """Basic Functionality: mostly no seat DN, and then no license is looked for; in rare cases as many as are configured."""
    guided.license(tserver_nts=1)
    async with guided.play(NetworkTServer) as nts:
        assert nts.log() == [out("tserver_nts"), STARTED]
        assert not await nts.accepted("dn-registered", dn="1")
        assert await nts.accepted("dn-registered", dn="2", kind="routing-point")
    guided.license(tserver_nts=1, tserver_sdn=4)
    async with guided.play(NetworkTServer, {"license": {"num-sdn-licenses": 2}}) as nts:
        assert nts.log() == [out("tserver_sdn", 2), out("tserver_nts"), STARTED]
        assert [await nts.accepted("dn-registered", dn=dn) for dn in "123"] == [True, True, False]
        assert nts.log(20007) == ["20007 All 2 seat licenses are in use already, registration rejected."]


async def test_network_t_server_multi_site_functionality(guided: Guided) -> None:
    """Multi-Site Functionality: one Network T-Server and one premise T-Server need two licenses, one each."""
    network = {"TServer": {"network": "att", "multi-site": True}}
    guided.license(tserver_sdn=1, tserver_iscc=2)
    async with guided.play(NetworkTServer, network, name="nts") as nts, guided.play(TServer, MULTI_SITE, name="ts") as premise:
        assert nts.log() == [out("tserver_iscc"), STARTED]
        assert premise.log() == [out("tserver_sdn"), out("tserver_iscc"), STARTED]
        assert guided.in_use("tserver_iscc") == 2
    guided.license(tserver_sdn=1, tserver_iscc=1)
    async with guided.play(NetworkTServer, network, name="nts") as nts, guided.play(TServer, MULTI_SITE, name="ts") as premise:
        assert nts.status is None
        assert premise.log()[-2:] == [failed(NONE_LEFT), ENDED]
        assert premise.status == 3


async def test_network_t_server_nts_deployment_functionality(guided: Guided) -> None:
    """NTS Deployment Functionality: one license to run all instances of Network T-Server for GenSpec."""
    guided.license(tserver_nts=1)
    async with guided.play(NetworkTServer, name="nts1") as first, guided.play(NetworkTServer, name="nts2") as second:
        assert first.log() == [out("tserver_nts"), STARTED]
        assert (second.log(7100), second.status) == ([], None)
        assert guided.in_use("tserver_nts") == 1
    guided.license(other=1)
    async with guided.play(NetworkTServer) as nts:
        assert (nts.log(), nts.status) == ([failed(NO_FEATURE), ENDED], 3)


async def test_network_t_server_call_parking_and_treatments_functionality(guided: Guided) -> None:
    """Call Parking and Treatments Functionality: as many calls at once are parked or treated as there are licenses of ports."""
    guided.license(**NTS)
    async with guided.play(NetworkTServer, {"license": {"num-calltreatments": "max"}}) as nts:
        assert nts.log() == [out("tserver_nts"), out("tserver_nts_calltreatments", 2), STARTED]
        assert [await nts.accepted("treatment-begins", call=call) for call in "abc"] == [True, True, False]
        await nts.occur("treatment-ends", call="a")
        assert await nts.accepted("treatment-begins", call="c")
    guided.license(tserver_nts=1)
    async with guided.play(NetworkTServer, {"license": {"num-calltreatments": 2}}) as nts:
        assert nts.log()[-2:] == [failed(NO_FEATURE), ENDED]
        assert nts.status == 3


async def test_cti_less_t_server_basic_functionality(guided: Guided) -> None:
    """Basic Functionality: only licenses of seat DNs, as many as can be registered."""
    guided.license(tserver_sdn=2)
    async with guided.play(CtiLessTServer) as tserver:
        assert tserver.log() == [out("tserver_sdn", 2), STARTED]
        assert [await tserver.accepted("dn-registered", dn=dn) for dn in "123"] == [True, True, False]
        assert tserver.log(20007) == ["20007 All 2 seat licenses are in use already, registration rejected."]
        assert await tserver.accepted("dn-registered", dn="q", kind="acd-queue")


async def test_cti_less_t_server_ha_functionality(guided: Guided) -> None:
    """HA Functionality: one cti_ha_option for a pair, without which neither starts; primary and backup control one pool."""
    guided.license(tserver_sdn=2)
    primary, backup = pair(guided, CtiLessTServer, "hot standby")
    async with primary, backup:
        assert [(one.log()[-2:], one.status) for one in (primary, backup)] == [([failed(NO_FEATURE), ENDED], 3)] * 2
    guided.license(tserver_sdn=2, cti_ha_option=1)
    primary, backup = pair(guided, CtiLessTServer, "hot standby")
    async with primary, backup:
        assert (primary.status, backup.status) == (None, None)
        assert guided.in_use_in_all() == {"tserver_sdn": 2, "cti_ha_option": 1}


async def test_cti_less_t_server_multi_site_functionality(guided: Guided) -> None:
    """Multi-Site Functionality: one tserver_iscc for each, and one for both of a pair in hot standby."""
    guided.license(tserver_sdn=5, tserver_iscc=2, cti_ha_option=1)
    primary, backup = pair(guided, CtiLessTServer, "hot standby", 2, TServer={"multi-site": True})
    async with primary, backup, guided.play(CtiLessTServer, seats(2) | MULTI_SITE, name="alone") as alone:
        assert [one.status for one in (primary, backup, alone)] == [None] * 3
        assert guided.in_use("tserver_iscc") == 2
        async with guided.play(CtiLessTServer, seats(1) | MULTI_SITE, name="more") as more:
            assert (more.log(7100), more.status) == ([failed(NONE_LEFT)], 3)
            await more.until(lambda: guided.in_use("tserver_sdn") == 4)


@pytest.mark.parametrize(("made", "name"), [(CstaTServer, "tserver_cc_sdn"), (CstaConnector, "csta_connector_bw_sdn")])
async def test_t_server_for_csta_connector_and_csta_connector(guided: Guided, made: type[TServerFamily], name: str) -> None:
    """FEATURE Names by Application: seat DNs of a feature of its own, shared by primary and backup."""
    guided.license(**{name: 2, "tserver_sdn": 5})
    primary, backup = pair(guided, made, "warm standby")
    async with primary, backup:
        assert primary.log() == [out(name, 2), STARTED]
        assert backup.log() == [STARTED]
        assert [await primary.accepted("dn-registered", dn=dn) for dn in "123"] == [True, True, False]
        assert guided.in_use_in_all() == {name: 2}
