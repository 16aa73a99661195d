"""lmhostid prints the hostid to order for in the field's own shape, and explains it on request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from seatkeeper.adapters import clock, host
from seatkeeper.adapters.host import Survey
from seatkeeper.base.errors import LicenseError
from seatkeeper.cli.lmcommon import UsageError
from seatkeeper.cli.lmhostid import parse_arguments, run
from seatkeeper.licfile.hostid import HostFacts, matches, parse_hostid
from seatkeeper.licfile.interfaces import Interface, propose

GOLDEN = Path(__file__).parents[1] / "golden" / "hostid"
HEAD = "lmutil - Copyright (c) 2031 seatkeeper authors\n"


def _survey(
    *interfaces: Interface, platform: host.Platform = "PHYSICAL", system: str = "linux", notes: tuple[str, ...] = (), **facts: object
) -> Survey:
    named = {"hostname": "licsrv", "fqdn": "licsrv.example.com", "user": "jdoe", "display": "/dev/pts/3", **facts}
    ranked = propose(interfaces)
    ethers = tuple(one.address for one in ranked if one.address)
    return Survey(HostFacts(ethers=ethers, **named), ranked, platform, system, notes)  # type: ignore[arg-type]


CARD = Interface("eth0", "6003089af239", "up", "physical")
SERVER = _survey(
    CARD,
    Interface("eth1", "6003089af23a", "down", "physical"),
    Interface("docker0", "024200000001", "up", "bridge", "random"),
    Interface("veth1a2b", "024200000002", "up", "veth"),
    Interface("lo", "000000000000", "up", "loopback"),
    Interface("tun0", "", "up", "tunnel"),
    long_id="170a3472",
    addresses=("192.0.2.7", "2001:db8::7"),
)
CONTAINED = _survey(
    Interface("eth0", "0242ac110002", "up", "veth", "set"),
    Interface("lo", "000000000000", "up", "loopback"),
    platform="CONTAINER",
    container_id="0123456789ab" * 5 + "cdef",
)
WINDOWS = _survey(
    system="win32",
    platform="UNKNOWN",
    volumes=("1ca25283",),
    notes=("The command `getmac /v /fo csv /nh` ended with status 1: ERROR: The RPC server is unavailable.",),
)
NAME_ONLY = _survey(Interface("lo", "000000000000", "up", "loopback"))


@pytest.fixture(autouse=True)
def _year(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "today", lambda: date(2031, 5, 6))


def _run(capsys: pytest.CaptureFixture[str], words: str, survey: Survey) -> tuple[str, str]:
    assert run(words.split(), "lmutil", lambda: survey) == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


@pytest.mark.parametrize(
    ("words", "hostids"),
    [
        ("", "6003089af239"),
        ("-ether", "6003089af239"),
        ("ether", "6003089af239"),
        ("-utf8 -c 7260@licsrv --ETHER", "6003089af239"),
        ("-ptype PHY", "6003089af239"),
        ("-long", "170a3472"),
        ("-user", "USER=jdoe"),
        ("display", "DISPLAY=/dev/pts/3"),
        ("hostname", "HOSTNAME=licsrv"),
        ("-hostdomain", "HOSTNAME=licsrv.example.com"),
        ("-internet v4", "INTERNET=192.0.2.7"),
        ("internet V6", "INTERNET=2001:db8::7"),
        ("-ptype vm", "VM_UUID=564d4c0a-1111-2222-3333-444455556666"),
        ("-ptype VM -uuid", "VM_UUID=564d4c0a-1111-2222-3333-444455556666"),
        ("-ptype VM -ether", "6003089af239"),
        ("-vsn", "DISK_SERIAL_NUM=1ca25283"),
    ],
)
def test_one_id_has_the_field_s_own_line(capsys: pytest.CaptureFixture[str], words: str, hostids: str) -> None:
    survey = _survey(
        CARD,
        long_id="170a3472",
        addresses=("192.0.2.7", "2001:db8::7"),
        vm_uuid="564d4c0a-1111-2222-3333-444455556666",
        volumes=("1ca25283",),
    )
    assert _run(capsys, words, survey) == (f'{HEAD}The FlexNet host ID of this machine is "{hostids}"\n', "")
    assert _run(capsys, f"-n {words}", survey) == (f"{hostids}\n", "")


def test_several_ids_have_doubled_quotes_and_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    output = f'{HEAD}The FlexNet host ID of this machine is ""6003089af239 6003089af23a""\nOnly use ONE from the list of hostids.\n'
    assert _run(capsys, "", SERVER) == (output, "")
    assert _run(capsys, "-n", SERVER) == ("6003089af239 6003089af23a\n", "")
    assert _run(capsys, "-n -internet", SERVER)[0] == "INTERNET=192.0.2.7 INTERNET=2001:db8::7\n"


def test_a_container_s_id_is_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("-n -container_id", "-n -ptype CONTAINER"):
        assert _run(capsys, words, CONTAINED)[0] == f"CONTAINER_ID={CONTAINED.facts.container_id}\n"


def test_a_virtual_address_is_proposed_with_a_remark(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = _run(capsys, "", CONTAINED)
    assert out.endswith('"0242ac110002"\n')
    assert err.startswith("lmhostid: the address is that of eth0: one end of a virtual pair (veth)")
    assert _run(capsys, "-n", CONTAINED) == ("0242ac110002\n", "")


def test_without_ethernet_the_host_name_stands_in_with_a_remark(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = _run(capsys, "", NAME_ONLY)
    assert out.endswith('"HOSTNAME=licsrv"\n')
    assert err == "lmhostid: this machine has no Ethernet address; see -verbose.\n"
    assert _run(capsys, "hostname", NAME_ONLY)[0].endswith('"HOSTNAME=licsrv"\n')
    assert _run(capsys, "-n", WINDOWS)[0] == "DISK_SERIAL_NUM=1ca25283\n"


@pytest.mark.parametrize(
    ("words", "survey", "number", "reason"),
    [
        ("-ether", NAME_ONLY, -29, "No network interface of this machine has an Ethernet address."),
        ("-ether", WINDOWS, -29, "The RPC server is unavailable."),
        ("", Survey(HostFacts()), -29, "no hostid of the type ether"),
        ("-vsn", SERVER, -45, "no volume serial number"),
        ("-uuid", SERVER, -45, "UUID"),
        ("-container_id", SERVER, -45, "no container"),
        ("-flexid", SERVER, -45, "dongles"),
        ("-string", SERVER, -45, "no string hostid"),
        ("-ptype AMZN", SERVER, -45, "metadata service"),
        ("-ptype LMB", SERVER, -45, "LMB"),
        ("-long", CONTAINED, -45, "no hostid of the type long"),
        ("-internet", CONTAINED, -45, "no hostid of the type internet"),
        ("-user", _survey(user="zoë"), -45, "USER=zoë cannot stand in a license file, which takes a hostid in ASCII"),
    ],
)
def test_a_type_that_is_not_there_is_an_error_with_a_remedy(words: str, survey: Survey, number: int, reason: str) -> None:
    with pytest.raises(LicenseError) as caught:
        run(words.split(), "lmutil", lambda: survey)
    assert caught.value.number == number
    assert reason in caught.value.reason
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("-bogus", "-bogus"),
        ("n", "n"),
        ("-ether -user", "ether and user"),
        ("-ptype TOASTER", "TOASTER"),
        ("-ptype", ""),
        ("-c", ""),
        ("-n -json", "-n with"),
    ],
)
def test_a_word_that_is_not_understood_is_named(words: str, found: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_arguments(words.split())
    assert caught.value.found.startswith(found)
    assert caught.value.expected


def test_help_and_version_look_at_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def look() -> Survey:
        raise AssertionError("the machine was looked at")

    for words, expected in (("-help", "usage: lmhostid"), ("-v", "lmhostid v")):
        assert run([words], "lmutil", look) == 0
        assert capsys.readouterr().out.startswith(HEAD)
        assert run([words], "lmutil", look) == 0
        assert expected in capsys.readouterr().out


def test_json_says_everything(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(_run(capsys, "-json", SERVER)[0])
    assert told["hostids"] == ["6003089af239", "6003089af23a"]
    assert told["facts"]["hostname"] == "licsrv"
    assert [one["name"] for one in told["interfaces"] if one["proposed"]] == ["eth0", "eth1"]
    assert (told["platform"], told["system"], told["notes"]) == ("PHYSICAL", "linux", [])
    assert json.loads(_run(capsys, "-json hostname", SERVER)[0])["hostids"] == ["HOSTNAME=licsrv"]


@pytest.mark.parametrize(
    ("name", "survey", "columns"),
    [
        ("verbose-server", SERVER, "120"),
        ("verbose-container", CONTAINED, "100"),
        ("verbose-windows", WINDOWS, "80"),
        ("verbose-narrow", SERVER, "60"),
    ],
)
def test_verbose_screens(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, survey: Survey, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    screen, err = _run(capsys, "-verbose", survey)
    assert err == ""
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("SEATKEEPER_REWRITE_GOLDEN"):
        golden.write_text(screen, encoding="utf-8")
    assert screen == golden.read_text(encoding="utf-8")


def test_the_command_prints_a_hostid_that_this_machine_has() -> None:
    source = "import sys; from seatkeeper.cli.lmutil import main; sys.exit(main(['lmhostid', *sys.argv[1:]]))"
    done = subprocess.run([sys.executable, "-c", source, "-n"], capture_output=True, text=True, timeout=60, check=True)
    hostids = done.stdout.split()
    facts = host.host_facts()
    assert hostids[0] == host.default_hostid()
    assert all(matches(parse_hostid(hostid), facts) for hostid in hostids)
    wrong = subprocess.run([sys.executable, "-c", source, "-bogus"], capture_output=True, text=True, timeout=60, check=False)
    assert (wrong.returncode, wrong.stdout) == (-133 & 0xFF, "")
    assert wrong.stderr.startswith("lmhostid: This word is neither")
