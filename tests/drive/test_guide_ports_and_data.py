"""The guide's paragraphs on IVR ports, voice treatments and Info Mart, each on a real license server."""

from __future__ import annotations

import pytest

from seatkeeper.apps.info_mart import InfoMart
from seatkeeper.apps.ivr_server import IvrServer
from seatkeeper.apps.tserver import TServer
from seatkeeper.apps.voice_treatment_server import VoiceTreatmentServer
from support.guided import ENDED, NO_FEATURE, NONE_LEFT, STARTED, Guided, failed, out, restored
from support.site import feature

BEHIND = "tserver_ivr_max_ports_behind"
IN_FRONT = "tserver_ivr_max_ports_in_front"
ROUTING = "tserver_nts_calltreatments"


def mode(name: str, **more: object) -> dict[str, dict[str, object]]:
    """Options of an IVR Server in this mode."""
    return {"IServer": {"mode": name, "multi-site": more.pop("sites", False)}, "license": more}


@pytest.mark.parametrize(("name", "of_mode", "of_other"), [("behind", BEHIND, IN_FRONT), ("in-front", IN_FRONT, BEHIND)])
async def test_ivr_server_basic_functionality_behind_the_switch_and_in_front(
    guided: Guided, name: str, of_mode: str, of_other: str
) -> None:
    """Basic Functionality, IVR-Behind-The-Switch and IVR-In-Front: a license of the mode for each IVR port."""
    guided.license(**{of_mode: 2, of_other: 5})
    async with guided.play(IvrServer, mode(name)) as ivr:
        assert ivr.log() == [out(of_mode, 2), STARTED]
        assert [await ivr.accepted("port-taken", port=port) for port in "123"] == [True, True, False]
        assert guided.in_use_in_all() == {of_mode: 2}
    guided.license(**{of_other: 5})
    async with guided.play(IvrServer, mode(name)) as ivr:
        assert (ivr.log(), ivr.status) == ([failed(NO_FEATURE), ENDED], 3)


async def test_ivr_server_basic_functionality_universal_license(guided: Guided) -> None:
    """Basic Functionality: a file with licenses of both kinds lets one server run behind the switch and another in front of it."""
    guided.license(**{BEHIND: 2, IN_FRONT: 3})
    async with (
        guided.play(IvrServer, mode("behind"), name="ivr1") as behind,
        guided.play(IvrServer, mode("in-front"), name="ivr2") as front,
    ):
        assert (behind.log(), front.log()) == ([out(BEHIND, 2), STARTED], [out(IN_FRONT, 3), STARTED])


async def test_ivr_server_basic_functionality_network_t_server(guided: Guided) -> None:
    """Basic Functionality, IVR Network T-Server: a license of the mode, and further ones where calls are routed."""
    guided.license(tserver_nts=1, **{ROUTING: 2})
    async with guided.play(IvrServer, mode("network", **{"num-calltreatments": 2})) as ivr:
        assert ivr.log() == [out("tserver_nts"), out(ROUTING, 2), STARTED]
        assert await ivr.accepted("port-taken", port="1")
        assert [await ivr.accepted("treatment-begins", call=call) for call in "abc"] == [True, True, False]
        assert guided.in_use_in_all() == {"tserver_nts": 1, ROUTING: 2}
    async with guided.play(IvrServer, mode("network")) as ivr:
        assert ivr.log() == [out("tserver_nts"), STARTED]
        assert not await ivr.accepted("treatment-begins", call="a")
    guided.license(**{BEHIND: 2})
    async with guided.play(IvrServer, mode("network")) as ivr:
        assert (ivr.log(), ivr.status) == ([failed(NO_FEATURE), ENDED], 3)


async def test_ivr_server_basic_functionality_ivr_high_availability(guided: Guided) -> None:
    """Basic Functionality, IVR High Availability: one license for each pair in hot standby."""
    guided.license(iserver_ha_option=1, **{BEHIND: 4})
    options = mode("behind", **{"num-of-licenses": 2})
    async with (
        guided.play(IvrServer, options, name="a1", pair="a", redundancy="hot standby") as primary,
        guided.play(IvrServer, options, name="a2", pair="a", redundancy="hot standby", role="backup") as backup,
        guided.play(IvrServer, options, name="b1", pair="b", redundancy="hot standby") as second_pair,
    ):
        assert primary.log() == [out(BEHIND, 2), out("iserver_ha_option"), STARTED]
        assert (backup.log(7100), backup.status) == ([], None)
        assert second_pair.log()[-2:] == [failed(NONE_LEFT), ENDED]
        assert second_pair.status == 3
        await second_pair.running.close()
        assert guided.in_use_in_all() == {BEHIND: 2, "iserver_ha_option": 1}
        for one in (primary, backup):
            assert await one.accepted("port-taken", port="1")
        await primary.running.close()
        await backup.occur("become-primary")
        assert backup.alarms == []
        assert list(backup.app.ports.users) == ["1"]


@pytest.mark.parametrize("name", ["behind", "in-front", "network"])
async def test_ivr_server_multi_site_functionality(guided: Guided, name: str) -> None:
    """Multi-Site Functionality: where T-Servers have tserver_iscc every IVR Server needs one more, in every mode; else none."""
    needs = {BEHIND: 1, IN_FRONT: 1, "tserver_nts": 1, "tserver_sdn": 1}
    guided.license(tserver_iscc=2, **needs)
    tserver = guided.play(TServer, {"TServer": {"multi-site": True}}, name="ts")
    async with tserver, guided.play(IvrServer, mode(name, sites=True)) as ivr:
        assert ivr.log()[-2:] == [out("tserver_iscc"), STARTED]
        assert guided.in_use("tserver_iscc") == 2
    guided.license(tserver_iscc=1, **needs)
    tserver = guided.play(TServer, {"TServer": {"multi-site": True}}, name="ts")
    async with tserver, guided.play(IvrServer, mode(name, sites=True)) as ivr:
        assert ivr.log()[-2:] == [failed(NONE_LEFT), ENDED]
        assert ivr.status == 3
    guided.license(**needs)
    async with guided.play(IvrServer, mode(name)) as ivr:
        assert ivr.log()[-1] == STARTED


async def test_voice_treatment_server(guided: Guided) -> None:
    """Voice Treatment Server: as many ports as licenses; it asks for version 7.0."""
    guided.license(feature("VTPort", 2, "7.0"))
    async with guided.play(VoiceTreatmentServer) as vts:
        assert vts.log() == [out("VTPort", 2), STARTED]
        assert [await vts.accepted("port-taken", port=port) for port in "123"] == [True, True, False]
        assert guided.in_use("VTPort") == 2
    guided.license(other=1)
    async with guided.play(VoiceTreatmentServer) as vts:
        assert (vts.log(), vts.status) == ([failed(NO_FEATURE), ENDED], 3)


VOICE, REDUNDANCY, HA = (feature(f"gim_etl_{name}", 1, "7.0") for name in ("voice", "redundancy", "ha_option"))


def sources(**given: object) -> dict[str, dict[str, object]]:
    """Options of an Info Mart that reads so many databases."""
    return {"gim-etl": {key.replace("_", "-"): value for key, value in given.items()}}


async def test_genesys_info_mart(guided: Guided) -> None:
    """Genesys Info Mart: no license from release 7.5 on; up to 7.2 voice is mandatory, the others are optional."""
    guided.license(other=1)
    async with guided.play(InfoMart, sources(release="7.5", call_concentrators=4, redundant_pairs=True)) as mart:
        assert mart.log() == [STARTED]
        assert await mart.accepted("load")
    async with guided.play(InfoMart, sources(release="7.2")) as mart:
        assert (mart.log(), mart.status) == ([failed(NO_FEATURE), ENDED], 3)


async def test_genesys_info_mart_voice_media(guided: Guided) -> None:
    """Voice Media: one database of each kind, and any number of Interaction Concentrator's, need this license alone."""
    guided.license(VOICE, REDUNDANCY, HA)
    async with guided.play(InfoMart, sources(interaction_concentrators=5)) as mart:
        assert mart.log() == [out("gim_etl_voice"), STARTED]
        assert await mart.accepted("load")
        assert guided.in_use_in_all() == {"gim_etl_voice": 1}


@pytest.mark.parametrize("several", ["call_concentrators", "stat_servers"])
async def test_genesys_info_mart_redundancy(guided: Guided, several: str) -> None:
    """Redundancy: several Call Concentrator or Stat Server databases of unlike events need a second license."""
    guided.license(VOICE, REDUNDANCY, HA)
    async with guided.play(InfoMart, sources(**{several: 2})) as mart:
        assert mart.log() == [out("gim_etl_voice"), out("gim_etl_redundancy"), STARTED]
        assert guided.in_use_in_all() == {"gim_etl_voice": 1, "gim_etl_redundancy": 1}
    guided.license(VOICE)
    async with guided.play(InfoMart, sources(**{several: 2})) as mart:
        assert mart.log()[-2:] == [failed(NO_FEATURE), ENDED]
        assert mart.status == 3


async def test_genesys_info_mart_high_availability(guided: Guided) -> None:
    """High Availability: pairs of Call Concentrator databases of the same events need all three licenses."""
    pairs = sources(call_concentrators=4, redundant_pairs=True)
    guided.license(VOICE, REDUNDANCY, HA)
    async with guided.play(InfoMart, pairs) as mart:
        assert mart.log() == [*(out(f"gim_etl_{name}") for name in ("voice", "redundancy", "ha_option")), STARTED]
        guided.license(VOICE, REDUNDANCY)
        await mart.until_alarms("feature gim_etl_ha_option")
        assert await mart.accepted("load")
        guided.license(VOICE, REDUNDANCY, HA)
        await mart.until_alarms("feature gim_etl_ha_option", "-feature gim_etl_ha_option")
        kind = mart.log(7100)[0].rsplit("type ", 1)[1]
        assert mart.log(7105) == [restored(kind)]
    guided.license(VOICE, REDUNDANCY)
    async with guided.play(InfoMart, pairs) as mart:
        assert (mart.log(7100), mart.status) == ([failed(NO_FEATURE)], 3)
