"""A survey tells what this machine is, from Linux's own files or from other systems' commands, and survives what is missing."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from seatkeeper.adapters import host
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.licfile.hostid import HostFacts, matches, parse_hostid
from seatkeeper.licfile.interfaces import Interface
from seatkeeper.wire import messages

RECORDED = Path(__file__).parents[1] / "golden" / "hostid"
CONTAINER = "0123456789ab" * 5 + "cdef"


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.write_text(text + "\n", encoding="utf-8")


def _interface(root: Path, name: str, address: str, *, hardware: str = "1", state: str = "up", extra: dict[str, str] | None = None) -> None:
    """One folder of /sys/class/net; a key of `extra` that ends in / is a folder, and the number of the address is the index."""
    index = str(int(address[-2:] or "0", 16) + 1) if address else "1"
    files = {
        "address": address,
        "type": hardware,
        "operstate": state,
        "flags": "0x1003",
        "ifindex": index,
        "iflink": index,
        "uevent": f"INTERFACE={name}",
    }
    _write(root / "sys/class/net" / name, {**files, **(extra or {})})


def _brief(found: Sequence[Interface]) -> dict[str, tuple[str, str, bool]]:
    return {one.name: (one.kind, one.state, one.proposed) for one in found}


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A server with two cards and everything that software puts beside them."""
    _interface(tmp_path, "eth1", "08:00:20:00:00:01", state="down", extra={"device/": ""})
    _interface(tmp_path, "eth0", "08:00:20:00:00:02", extra={"device/": ""})
    _interface(tmp_path, "wlan0", "08:00:20:00:00:03", extra={"device/": "", "uevent": "DEVTYPE=wlan\nINTERFACE=wlan0"})
    _interface(tmp_path, "lo", "00:00:00:00:00:00", hardware="772", state="unknown")
    _interface(tmp_path, "docker0", "02:42:00:00:00:05", state="down", extra={"uevent": "DEVTYPE=bridge", "addr_assign_type": "1"})
    _interface(tmp_path, "veth1a2b", "02:42:00:00:00:06", extra={"iflink": "77"})
    _interface(tmp_path, "eth0.12", "08:00:20:00:00:02", extra={"uevent": "DEVTYPE=vlan", "lower_eth0/": ""})
    _interface(tmp_path, "mac0", "02:42:00:00:00:08", extra={"lower_eth0/": "", "iflink": "3"})
    _interface(tmp_path, "tap0", "02:42:00:00:00:09", extra={"tun_flags": "0x1002"})
    _interface(tmp_path, "tun0", "", hardware="65534", state="unknown", extra={"tun_flags": "0x1001"})
    _interface(tmp_path, "vxlan0", "02:42:00:00:00:0a", state="unknown", extra={"uevent": "DEVTYPE=vxlan"})
    _interface(tmp_path, "dummy0", "02:42:00:00:00:0b", state="unknown", extra={"flags": "0x82"})
    _interface(tmp_path, "ib0", "80:00:00:00:fe:80:00:00:00:00:00:00:00:00:00:00:00:00:00:01", hardware="32", extra={"device/": ""})
    _write(tmp_path / "sys/class/net", {"bonding_masters": "bond0"})
    return tmp_path


def test_cards_and_what_software_makes_up_are_told_apart(server: Path) -> None:
    found = host.linux_interfaces(server)
    assert [one.name for one in found if one.proposed] == ["eth0", "wlan0", "eth1"]
    assert _brief(found) == {
        "eth0": ("physical", "up", True),
        "wlan0": ("wireless", "up", True),
        "eth1": ("physical", "down", True),
        "mac0": ("macvlan", "up", False),
        "veth1a2b": ("veth", "up", False),
        "eth0.12": ("vlan", "up", False),
        "tap0": ("tap", "up", False),
        "vxlan0": ("tunnel", "up", False),
        "docker0": ("bridge", "down", False),
        "dummy0": ("virtual", "down", False),
        "tun0": ("tunnel", "up", False),
        "ib0": ("infiniband", "up", False),
        "lo": ("loopback", "up", False),
    }
    assert {one.address for one in found if one.kind in ("infiniband",)} == {""}


def test_a_card_in_a_bond_keeps_its_own_address(tmp_path: Path) -> None:
    shared = "08:00:20:00:00:01"
    _interface(tmp_path, "bond0", shared, extra={"uevent": "DEVTYPE=bond", "addr_assign_type": "2"})
    for name, own in (("eth0", shared), ("eth1", "08:00:20:00:00:02")):
        _interface(tmp_path, name, shared, extra={"device/": "", "addr_assign_type": "3", "bonding_slave/perm_hwaddr": own})
    found = host.linux_interfaces(tmp_path)
    assert [(one.name, one.address, one.proposed) for one in found] == [
        ("eth0", "080020000001", True),
        ("eth1", "080020000002", True),
        ("bond0", "080020000001", False),
    ]
    survey = host.survey(root=tmp_path, system="linux", resolve=False)
    assert survey.facts.ethers == ("080020000001", "080020000002")
    assert [str(hostid) for hostid in host.usual_hostids(survey)] == ["080020000001", "080020000002"]


def test_in_a_container_the_virtual_card_is_proposed_and_said_to_be_virtual(tmp_path: Path) -> None:
    _interface(tmp_path, "eth0", "02:42:ac:11:00:02", extra={"iflink": "77", "addr_assign_type": "3"})
    _interface(tmp_path, "lo", "00:00:00:00:00:00", hardware="772", state="unknown")
    _write(
        tmp_path, {"proc/self/mountinfo": f"22 1 0:5 /var/lib/docker/containers/{CONTAINER}/hostname /etc/hostname rw - ext4 /dev/sda1 rw"}
    )
    survey = host.survey(root=tmp_path, system="linux", resolve=False)
    assert (survey.platform, survey.facts.container_id) == ("CONTAINER", CONTAINER)
    assert [str(hostid) for hostid in host.usual_hostids(survey)] == ["0242ac110002"]
    assert survey.interfaces[0].reason.startswith("one end of a virtual pair (veth)")


@pytest.mark.parametrize(
    ("files", "contained", "container_id"),
    [
        ({"proc/self/cgroup": f"12:cpu:/docker/{CONTAINER}"}, True, CONTAINER),
        ({"proc/self/cgroup": f"0::/kubepods.slice/pod1/cri-containerd-{CONTAINER}.scope"}, True, CONTAINER),
        ({"run/.containerenv": f'engine="podman"\nid="{CONTAINER}"'}, True, CONTAINER),
        ({".dockerenv": ""}, True, ""),
        ({"run/.containerenv": ""}, True, ""),
        # A host of containers mounts their files too, but not onto its own names.
        ({"proc/self/mountinfo": f"9 1 0:5 / /var/lib/docker/containers/{CONTAINER}/mounts/shm rw - tmpfs shm rw"}, False, ""),
        ({"proc/self/mountinfo": f"9 1 8:1 /var/lib/docker/overlay2/{CONTAINER}/diff /srv/look rw - ext4 /dev/sda1 rw"}, False, ""),
        ({"proc/self/cgroup": "0::/user.slice/user-0.slice"}, False, ""),
        ({}, False, ""),
    ],
)
def test_containers_are_known_by_what_their_engines_leave(
    tmp_path: Path, files: dict[str, str], contained: bool, container_id: str
) -> None:
    _write(tmp_path, files)
    survey = host.survey(root=tmp_path, system="linux", resolve=False)
    assert (survey.platform, survey.facts.container_id) == ("CONTAINER" if contained else "PHYSICAL", container_id)


def test_a_virtual_machine_tells_its_uuid(tmp_path: Path) -> None:
    uuid = "564D4C0A-1111-2222-3333-444455556666"
    _write(tmp_path, {"proc/cpuinfo": "processor : 0\nflags\t\t: fpu sse2 hypervisor avx", "sys/class/dmi/id/product_uuid": uuid})
    survey = host.survey(root=tmp_path, system="linux", resolve=False)
    assert (survey.platform, survey.facts.vm_uuid, survey.notes) == ("VM", uuid.lower(), ())
    _write(tmp_path, {"sys/class/dmi/id/product_uuid": "Not Settable"})
    (note,) = host.survey(root=tmp_path, system="linux", resolve=False).notes
    assert note.endswith("product_uuid cannot be read; only root may.")


def test_a_virtual_machine_without_the_processors_flag_is_known_by_its_maker(tmp_path: Path) -> None:
    _write(tmp_path, {"sys/class/dmi/id/sys_vendor": "QEMU"})
    assert host.survey(root=tmp_path, system="linux", resolve=False).platform == "VM"


def test_the_addresses_of_linux_leave_loopback_out_and_put_link_local_last(tmp_path: Path) -> None:
    (tmp_path / "proc/net").mkdir(parents=True)
    for name in ("fib_trie", "if_inet6"):
        (tmp_path / "proc/net" / name).write_bytes((RECORDED / f"linux-{name}.txt").read_bytes())
    facts = host.survey(root=tmp_path, system="linux", resolve=False).facts
    assert facts.addresses == ("192.0.2.7", "198.51.100.9", "2001:db8::7", "fe80::200:fff:fe00:7")
    assert matches(parse_hostid("INTERNET=2001:db8::000*"), facts)


def test_the_32_bit_id_is_what_sethostid_wrote_else_a_digest_of_the_machine_id(tmp_path: Path) -> None:
    assert host.survey(root=tmp_path, system="linux", resolve=False).facts.long_id == ""
    machine = "3d1219c7c4c5404aaa1f6d2a48adfda4"
    _write(tmp_path, {"etc/machine-id": machine})
    drawn = host.survey(root=tmp_path, system="linux", resolve=False).facts.long_id
    assert drawn == host.survey(root=tmp_path, system="linux", resolve=False).facts.long_id
    assert len(drawn) == 8
    assert drawn not in machine
    (tmp_path / "etc/hostid").write_bytes((0x170A3472).to_bytes(4, sys.byteorder))
    assert host.survey(root=tmp_path, system="linux", resolve=False).facts.long_id == "170a3472"


def test_without_ethernet_the_host_name_is_the_usual_hostid(tmp_path: Path) -> None:
    _write(tmp_path, {"etc/machine-id": "3d1219c7c4c5404aaa1f6d2a48adfda4"})
    survey = host.survey(root=tmp_path, system="linux", resolve=False)
    assert [hostid.kind for hostid in host.usual_hostids(survey)] == ["HOSTNAME"]
    assert host.usual_hostids(host.Survey(HostFacts())) == ()


def _play(outputs: dict[str, str]):
    """A runner that prints recorded outputs and has no other command."""

    def run(command: Sequence[str]) -> str:
        line = " ".join(command)
        if line not in outputs:
            raise SeatkeeperError(f"The command `{line}` cannot be run: No such file or directory.")
        return (RECORDED / f"{outputs[line]}.txt").read_text(encoding="utf-8")

    return run


@pytest.mark.parametrize(
    ("system", "outputs", "usual"),
    [
        ("aix", {"uname -m": "aix-uname-m"}, ["02765131"]),
        ("hp-ux11", {"uname -i": "hpux-uname-i"}, ["778da450"]),
        ("sunos5", {"hostid": "solaris-hostid"}, ["170a3472"]),
        ("osf1V5", {"netstat -i": "alpha-netstat-i"}, ["080020005532", "08002baa1002"]),
        ("darwin", {"/sbin/ifconfig -a": "macos-ifconfig-a"}, ["6003089af239", "360020005540"]),
        ("freebsd14", {"/sbin/ifconfig -a": "freebsd-ifconfig-a"}, ["080020007701", "080020007702"]),
        (
            "win32",
            {"getmac /v /fo csv /nh": "windows-getmac", "cmd /c vol C:": "windows-vol"},
            ["080020005532", "080020006601", "080020005599"],
        ),
        ("win32", {"cmd /c vol C:": "windows-vol-german"}, ["DISK_SERIAL_NUM=1ca25283"]),
    ],
)
def test_the_guides_command_of_each_system_gives_its_hostid(system: str, outputs: dict[str, str], usual: list[str]) -> None:
    survey = host.survey(system=system, run=_play(outputs), resolve=False)
    hostids = host.usual_hostids(survey)
    assert [str(hostid) for hostid in hostids] == usual
    assert all(matches(parse_hostid(str(hostid)), survey.facts) for hostid in hostids)
    assert survey.platform == "UNKNOWN"


@pytest.mark.parametrize("system", ["aix", "hp-ux11", "sunos5", "osf1V5", "darwin", "win32", "plan9"])
def test_a_command_that_fails_leaves_a_note_and_the_host_name(system: str) -> None:
    survey = host.survey(system=system, run=_play({}), resolve=False)
    assert [hostid.kind for hostid in host.usual_hostids(survey)] == ["HOSTNAME"]
    assert survey.notes


def test_output_that_is_not_understood_leaves_a_note() -> None:
    survey = host.survey(system="sunos5", run=_play({"hostid": "windows-vol"}), resolve=False)
    assert survey.notes == ("What `hostid` prints is not understood: expected the 8 hex digits that hostid prints, as in 170a3472.",)


def test_commands_are_run_and_their_failures_said(tmp_path: Path) -> None:
    assert host.run_command([sys.executable, "-c", "print('170a3472')"]) == "170a3472\n"
    with pytest.raises(SeatkeeperError, match="cannot be run: No such file or directory"):
        host.run_command([str(tmp_path / "hostid")])
    with pytest.raises(SeatkeeperError, match="ended with status 3: no such device"):
        host.run_command([sys.executable, "-c", "import sys; sys.exit(print('no such device', file=sys.stderr) or 3)"])


def test_a_command_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "COMMAND_SECONDS_MAX", 0.2)
    with pytest.raises(SeatkeeperError, match=r"did not end within 0\.2 s"):
        host.run_command([sys.executable, "-c", "import sys; sys.stdin.read(); import threading; threading.Event().wait(60)"])


def test_this_machine_is_the_host_of_its_own_default_hostid() -> None:
    facts = host.host_facts()
    text = host.default_hostid()
    assert str(parse_hostid(text)) == text
    assert matches(parse_hostid(text), facts)
    assert facts.hostname == host.host_name() == socket.gethostname()
    assert facts.user == host.user_name() != ""
    assert "127.0.0.1" not in facts.addresses


@pytest.mark.skipif(not Path("/sys/class/net").is_dir(), reason="reads Linux's own files")
def test_every_ethernet_address_of_this_machine_is_found() -> None:
    real = {path.read_text().strip().replace(":", "") for path in Path("/sys/class/net").glob("*/address")}
    found = set(host.host_facts(resolve=False).ethers)
    # A card in a bond shows the bond's address in /sys, and its own to us.
    assert found or real <= {"", "000000000000"}
    assert all(len(address) == 12 for address in found)


def test_the_name_service_may_be_slow_or_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "licsrv")

    def canonical(name: str):
        return lambda *_, **__: [(2, 1, 6, name, ("192.0.2.7", 0)), (2, 1, 6, "", ("127.0.1.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", canonical("licsrv.example.com"))
    facts = host.survey(system="plan9", run=_play({})).facts
    assert (facts.hostname, facts.fqdn, facts.addresses) == ("licsrv", "licsrv.example.com", ("192.0.2.7",))
    monkeypatch.setattr(socket, "getaddrinfo", canonical("localhost.localdomain"))
    assert host.survey(system="plan9", run=_play({})).facts.fqdn == "licsrv"

    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror("no name service")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    assert host.survey(system="plan9", run=_play({})).facts.fqdn == "licsrv"

    answer = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer.wait() and fails())
    monkeypatch.setattr(host, "RESOLVE_SECONDS_MAX", 0.05)
    assert host.survey(system="plan9", run=_play({})).facts.fqdn == "licsrv"
    answer.set()


def test_the_display_is_the_x_display_then_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", "licsrv:0")
    assert host.display_name() == "licsrv:0"
    monkeypatch.delenv("DISPLAY")
    monkeypatch.setattr(os, "ttyname", lambda stream: f"/dev/pts/{stream}")
    assert host.display_name() == "/dev/pts/0"

    def no_terminal(stream: int) -> str:
        raise OSError(stream)

    monkeypatch.setattr(os, "ttyname", no_terminal)
    assert host.display_name() == "/dev/tty"


def test_an_account_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4242424)
    assert host.user_name() == "4242424"


def test_a_machine_without_any_name_has_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "survey", lambda **_: host.Survey(HostFacts()))
    with pytest.raises(SeatkeeperError, match="no hostid"):
        host.default_hostid()
    monkeypatch.setattr(host, "survey", lambda **_: host.Survey(HostFacts(hostname="zürich")))
    with pytest.raises(SeatkeeperError, match="give the machine a name in ASCII"):
        host.default_hostid()


def test_a_client_names_its_host_ids_firmest_first(server: Path) -> None:
    found = host.survey(root=server, system="linux", resolve=False)
    ids = host.own_hostids("ann", "Desk7", "/dev/pts/3", found=found)
    assert ids[0] == found.facts.ethers[0]
    assert ("HOSTNAME=desk7" in ids, "USER=ann" in ids, "DISPLAY=/dev/pts/3" in ids) == (True, True, True)
    assert not any(one.startswith("HOSTNAME=") and one != "HOSTNAME=desk7" for one in ids)
    for one in ids:
        assert str(parse_hostid(one)) == one
    many = msgspec.structs.replace(found, facts=HostFacts(ethers=tuple(f"{number:012x}" for number in range(1, 100))))
    assert len(host.own_hostids("", "", "", found=many)) == host.CLIENT_HOSTIDS_MAX == messages.HOSTIDS_MAX
    assert not any("x" in text for text in host.own_hostids("", "", "x" * 250, found=many))
    assert host.CLIENT_HOSTID_CHARS_MAX == messages.NAME_CHARS_MAX


def test_the_platform_is_one_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < len(host.platform_name()) <= 32
    assert " " not in host.platform_name()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("", "", "", "", "AMD64")))
    assert host.platform_name() == "x64_n6"
