"""The guide's paragraphs on servers of management, each on a real license server: Configuration, Solution Control, Load Distribution."""

from __future__ import annotations

import pytest

from seatkeeper.apps.call_concentrator import CallConcentrator
from seatkeeper.apps.configuration_import_wizard import ConfigurationImportWizard
from seatkeeper.apps.configuration_server import ConfigurationServer
from seatkeeper.apps.lds import LoadDistributionServer
from seatkeeper.apps.scs import SolutionControlServer
from seatkeeper.apps.tserver import TServer
from support.guided import ENDED, NO_FEATURE, NONE_LEFT, STARTED, Guided, failed, out, restored

PROXY = {"csproxy": {"proxy-mode": True}}
NO_PAIRS = {"general": {"redundant_pairs": False}}
WITHDRAWN = "Feature removed during lmreread, or wrong SERVER hostid"


async def test_configuration_server_basic_functionality(guided: Guided) -> None:
    """Basic Functionality: alone, or as a redundant pair, Configuration Server asks for no license at all."""
    guided.license(other=1)
    async with (
        guided.play(ConfigurationServer, name="cs1", redundancy="warm standby", pair="cs") as primary,
        guided.play(ConfigurationServer, name="cs2", redundancy="warm standby", pair="cs", role="backup") as backup,
    ):
        assert primary.log() == backup.log() == [STARTED]
        assert await primary.accepted("client-connected", client="a")
        assert await backup.accepted("become-primary")
        assert guided.in_use_in_all() == {}


async def test_configuration_server_geographically_distributed_environments(guided: Guided) -> None:
    """Geographically Distributed Environments: one CLDistributed enables all proxies; without it none starts."""
    guided.license(other=1)
    async with guided.play(ConfigurationServer, PROXY) as proxy:
        assert proxy.log() == [failed(NO_FEATURE), ENDED]
        assert proxy.status == 3
    guided.license(CLDistributed=1)
    async with (
        guided.play(ConfigurationServer, PROXY, name="proxy1") as first,
        guided.play(ConfigurationServer, PROXY, name="proxy2") as second,
    ):
        assert first.log() == [out("CLDistributed"), STARTED]
        assert second.log(7100) == []
        assert second.log()[-1] == STARTED
        assert [await proxy.accepted("client-connected", client="a") for proxy in (first, second)] == [True, True]
        assert guided.in_use("CLDistributed") == 1


async def test_configuration_import_wizard(guided: Guided) -> None:
    """FEATURE Names by Application: the wizard runs under one ConfigurationImport for the environment, and gives it back when done."""
    guided.license(ConfigurationImport=1)
    async with guided.play(ConfigurationImportWizard, name="w1") as first, guided.play(ConfigurationImportWizard, name="w2") as second:
        assert first.log() == [out("ConfigurationImport"), STARTED]
        assert (second.log(7100), second.status) == ([], None)
        assert await first.accepted("import", file="a")
        await first.occur("import-finished")
        assert (first.status, first.log()[-1]) == (0, ENDED)
        await first.settle()
        assert guided.in_use("ConfigurationImport") == 0
    guided.license(other=1)
    async with guided.play(ConfigurationImportWizard) as wizard:
        assert (wizard.log(), wizard.status) == ([failed(NO_FEATURE), ENDED], 3)


async def test_solution_control_server_basic_functionality(guided: Guided) -> None:
    """Basic Functionality: alone or as a pair, without a third party's network management, it needs no license."""
    guided.license(other=1)
    async with (
        guided.play(SolutionControlServer, NO_PAIRS, name="scs1", redundancy="warm standby", pair="scs") as primary,
        guided.play(SolutionControlServer, NO_PAIRS, name="scs2", redundancy="warm standby", pair="scs", role="backup") as backup,
    ):
        assert primary.log() == backup.log() == [STARTED]
        assert guided.in_use_in_all() == {}


async def test_solution_control_server_snmp_functionality(guided: Guided) -> None:
    """SNMP Functionality: one MLSNMP enables it; without it the server runs, and answers no network management system."""
    snmp = {"general": {"snmp": True, "redundant_pairs": False}}
    guided.license(other=1)
    async with guided.play(SolutionControlServer, snmp) as scs:
        assert scs.log() == [failed(NO_FEATURE), STARTED]
        assert scs.functions == ["SNMP"]
        assert not await scs.accepted("snmp-request")
        guided.license(MLSNMP=1)
        await guided.later(60, scs)
        assert scs.log()[2:] == [restored(NO_FEATURE), out("MLSNMP")]
        assert scs.functions == ["SNMP", "-SNMP"]
        assert await scs.accepted("snmp-request")
        assert guided.in_use_in_all() == {"MLSNMP": 1}


async def test_solution_control_server_geographically_distributed_environments(guided: Guided) -> None:
    """Geographically Distributed Environments: one MLDistributed for the whole environment, of which another one needs its own."""
    distributed = {"general": {"distributed_mode": True, "redundant_pairs": False}}
    guided.license(MLDistributed=1)
    async with (
        guided.play(SolutionControlServer, distributed, name="scs1") as first,
        guided.play(SolutionControlServer, distributed, name="scs2") as second,
    ):
        assert first.log() == [out("MLDistributed"), STARTED]
        assert [await scs.accepted("peer-connected", server="scs") for scs in (first, second)] == [True, True]
        assert second.alarms == []
        assert guided.in_use("MLDistributed") == 1
    guided.license(other=1)
    async with guided.play(SolutionControlServer, distributed) as scs:
        assert scs.log() == [failed(NO_FEATURE), STARTED]
        assert not await scs.accepted("peer-connected", server="scs2")


async def test_solution_control_server_primary_backup_mode_control(guided: Guided) -> None:
    """Primary Backup Mode Control: without ha_redundancy it switches over by command or after a shutdown, and never by itself."""
    guided.license(other=1)
    async with guided.play(SolutionControlServer) as scs:
        assert scs.log() == [failed(NO_FEATURE), STARTED]
        assert not await scs.accepted("primary-failed", pair="tserver")
        assert scs.log(5066) == ["05066 No switchover of tserver is performed: there is no license of ha_redundancy."]
        assert await scs.accepted("primary-shut-down", pair="tserver")
        assert await scs.accepted("switchover-requested", pair="tserver")
        assert scs.functions == ["automatic switchover"]
    guided.license(ha_redundancy=1)
    async with guided.play(SolutionControlServer) as scs:
        assert scs.log() == [out("ha_redundancy"), STARTED]
        assert await scs.accepted("primary-failed", pair="tserver")


async def test_solution_control_server_loses_and_regains_a_function(guided: Guided) -> None:
    """Solution Control Server: a license that is withdrawn while it runs takes its function away, and no other; back, it is used again."""
    guided.license(MLSNMP=1, ha_redundancy=1)
    async with guided.play(SolutionControlServer, {"general": {"snmp": True}}) as scs:
        guided.license(MLSNMP=1)
        await scs.until_alarms("feature ha_redundancy")
        assert not await scs.accepted("primary-failed", pair="a")
        assert await scs.accepted("snmp-request")
        guided.license(MLSNMP=1, ha_redundancy=1)
        await scs.until_alarms("feature ha_redundancy", "-feature ha_redundancy")
        assert await scs.accepted("primary-failed", pair="a")
        assert (scs.log(7100), scs.log(7105)) == ([failed(WITHDRAWN)], [restored(WITHDRAWN)])


async def test_call_concentrator(guided: Guided) -> None:
    """Call Concentrator: one license for each instance, so that a second instance does not start with one."""
    guided.license(CConCopies=1)
    async with guided.play(CallConcentrator, name="ccon1") as first, guided.play(CallConcentrator, name="ccon2") as second:
        assert first.log() == [out("CConCopies"), STARTED]
        assert second.log() == [failed(NONE_LEFT), ENDED]
        assert second.status == 3
        assert await first.accepted("call-ended", call="1")
    guided.license(CConCopies=2)
    async with guided.play(CallConcentrator, name="ccon1") as first, guided.play(CallConcentrator, name="ccon2") as second:
        assert first.log() == second.log() == [out("CConCopies"), STARTED]
        assert guided.in_use("CConCopies") == 2


async def test_load_distribution_server(guided: Guided) -> None:
    """Load Distribution Server: one license is enough for all instances; without it there is none."""
    guided.license(lds=1)
    async with (
        guided.play(LoadDistributionServer, name="lds1") as first,
        guided.play(LoadDistributionServer, name="lds2") as second,
        guided.play(LoadDistributionServer, name="lds3", redundancy="hot standby", role="backup") as third,
    ):
        assert first.log() == [out("lds"), STARTED]
        assert [await one.accepted("message-distributed", receiver="a") for one in (first, second, third)] == [True] * 3
        assert [one.status for one in (first, second, third)] == [None] * 3
        assert guided.in_use("lds") == 1
    guided.license(other=1)
    async with guided.play(LoadDistributionServer) as one:
        assert (one.log(), one.status) == ([failed(NO_FEATURE), ENDED], 3)


async def test_an_instance_that_shares_a_license_takes_it_over_when_the_holder_ends(guided: Guided) -> None:
    """Load Distribution Server, "all instances": the license stays with the environment when the instance that has it ends."""
    guided.license(lds=1)
    async with guided.play(LoadDistributionServer, name="lds1") as first, guided.play(LoadDistributionServer, name="lds2") as second:
        assert second.log(7101) == []
        assert await first.running.stop() == 0
        await first.settle()
        await guided.later(60, second)
        assert second.log(7101) == [out("lds")]
        assert second.alarms == []
        assert guided.in_use("lds") == 1


@pytest.mark.parametrize("redundancy", ["warm standby", "hot standby"])
async def test_high_availability_licensing(guided: Guided, redundancy: str) -> None:
    """High Availability Licensing: a pair in whatever standby is switched over by SCS only with ha_redundancy."""
    guided.license(tserver_sdn=2, cti_ha_option=1)
    async with (
        guided.play(SolutionControlServer, name="scs") as scs,
        guided.play(TServer, name="ts1", pair="ts", redundancy=redundancy) as primary,
        guided.play(TServer, name="ts2", pair="ts", redundancy=redundancy, role="backup") as backup,
    ):
        assert not await scs.accepted("primary-failed", pair="ts")
        guided.license(tserver_sdn=2, cti_ha_option=1, ha_redundancy=1)
        await guided.later(60, scs)
        await primary.running.close()
        assert await scs.accepted("primary-failed", pair="ts")
        await backup.occur("become-primary")
        assert guided.in_use("tserver_sdn") == 2
        assert backup.alarms == []
