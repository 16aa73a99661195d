"""What this machine is: its hostids, its names and its network interfaces, looked up once and returned as values.

On Linux a survey reads `/sys`, `/proc` and `/etc`, and needs no command. On the other systems it runs the commands of the
guide's table "Host ID Commands for Different Operating Systems"; `licfile.hostreports` reads what they print. A source that
fails costs its own ids and leaves a note that `lmhostid -verbose` prints; it never costs the survey.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import msgspec

from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.licfile.hostid import HostFacts, HostId, ids_of, parse_hostid
from seatkeeper.licfile.hostreports import (
    parse_aix_uname,
    parse_getmac,
    parse_hpux_uname,
    parse_ifconfig,
    parse_ifconfig_addresses,
    parse_netstat,
    parse_solaris_hostid,
    parse_volume,
)
from seatkeeper.licfile.interfaces import Interface, propose, usable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Run = Callable[[Sequence[str]], str]
    Looked = tuple[HostFacts, tuple[Interface, ...], "Platform"]
    Look = Callable[[Path, Run, list[str]], Looked]

    from seatkeeper.licfile.interfaces import Assigned, Kind

__all__ = [
    "CLIENT_HOSTIDS_MAX",
    "CLIENT_HOSTID_CHARS_MAX",
    "COMMAND_SECONDS_MAX",
    "RESOLVE_SECONDS_MAX",
    "Platform",
    "Survey",
    "default_hostid",
    "display_name",
    "host_facts",
    "host_name",
    "linux_interfaces",
    "own_hostids",
    "platform_name",
    "run_command",
    "survey",
    "user_name",
    "usual_hostids",
]

#: A command of the operating system answers within this time, or counts as failed.
COMMAND_SECONDS_MAX: Final = 10.0
#: The name service is asked for this machine's own name no longer than that.
RESOLVE_SECONDS_MAX: Final = 2.0
#: Host ids that a client names; the wire takes as many.
CLIENT_HOSTIDS_MAX: Final = 64
#: And characters of each.
CLIENT_HOSTID_CHARS_MAX: Final = 256
#: A file of /proc is read up to here.
READ_CHARS_MAX: Final = 1 << 20

Platform = Literal["PHYSICAL", "VM", "CONTAINER", "UNKNOWN"]
Found = TypeVar("Found")

#: Kinds of hostid to which a feature may be locked and that a client can tell of itself, the firmest first.
_CLIENT_KINDS: Final = (
    "ETHER",
    "LONG",
    "DISK_SERIAL_NUM",
    "HOSTNAME",
    "USER",
    "DISPLAY",
    "INTERNET",
    "VM_UUID",
    "CONTAINER_ID",
)
#: System and processor -> the word of PLATFORMS= and of lmutil's version line (facts, FlexNet 1.5).
_PLATFORMS: Final = {
    ("linux", "x86_64"): "x64_lsb",
    ("linux", "aarch64"): "arm64_lsb",
    ("darwin", "x86_64"): "x64_mac",
    ("darwin", "arm64"): "arm64_mac",
    ("win32", "AMD64"): "x64_n6",
}
_PLATFORM_CHARS_MAX: Final = 32

#: Makers, as the firmware names them, whose machines are virtual; x86 processors also say so themselves.
_VM_MAKERS: Final = frozenset({"QEMU", "VMware, Inc.", "Xen", "KVM", "innotek GmbH", "Parallels Software International Inc."})


class Survey(msgspec.Struct, frozen=True):
    """Everything found out about this machine, interfaces best first; `notes` says what could not be found out.

    Only Linux tells what platform it runs on.
    """

    facts: HostFacts
    interfaces: tuple[Interface, ...] = ()
    platform: Platform = "UNKNOWN"
    system: str = "linux"
    notes: tuple[str, ...] = ()


def run_command(command: Sequence[str]) -> str:
    """What the command prints.

    Raises:
        SeatkeeperError: It could not be run, failed, or did not end in time.
    """
    import subprocess  # Linux, the usual case, runs no command and need not load this.

    line = " ".join(command)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=COMMAND_SECONDS_MAX,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SeatkeeperError(f"The command `{line}` did not end within {COMMAND_SECONDS_MAX:g} s.") from None
    except OSError as error:
        raise SeatkeeperError(f"The command `{line}` cannot be run: {error.strerror}.") from None
    if done.returncode:
        raise SeatkeeperError(f"The command `{line}` ended with status {done.returncode}: {done.stderr.strip()[:200]}")
    return done.stdout


def survey(*, root: str | Path = "/", system: str = sys.platform, run: Run = run_command, resolve: bool = True) -> Survey:
    """Everything about this machine.

    Args:
        root: Where Linux's file system begins; another place serves tests, and a rescue system that has the machine's disk.
        system: The operating system, as `sys.platform` names it.
        run: Runs a command and returns what it prints.
        resolve: Whether the name service may be asked for the host name's domain, which can take a moment.
    """
    notes: list[str] = []
    look = next((look for prefix, look in _SYSTEMS if system.startswith(prefix)), _unknown)
    facts, interfaces, platform = look(Path(root), run, notes)
    name = host_name()
    fqdn, addresses = _resolved(name) if resolve else (name, ())
    facts = msgspec.structs.replace(
        facts,
        ethers=tuple(dict.fromkeys(one.address for one in interfaces if usable(one.address))),
        hostname=name,
        fqdn=fqdn,
        user=user_name(),
        display=display_name(),
        addresses=facts.addresses or addresses,
    )
    return Survey(facts, interfaces, platform, system, tuple(notes))


def host_facts(*, resolve: bool = True) -> HostFacts:
    """What this machine is, for comparison with the hostids of a license file."""
    return survey(resolve=resolve).facts


def usual_hostids(found: Survey) -> tuple[HostId, ...]:
    """The hostids to order a license for, best first, never empty on a machine with a name.

    Ethernet addresses where the guide's table names them; the 32-bit id on AIX, HP-UX and Solaris; then the serial number of
    the disk; and the host name where a machine has nothing better.
    """
    proposed = [HostId("ETHER", one.address) for one in found.interfaces if one.proposed]
    if proposed:
        return tuple(dict.fromkeys(proposed))
    native = ids_of(found.facts, "LONG") if found.system.startswith(_WITH_LONG_ID) else ()
    return native or ids_of(found.facts, "DISK_SERIAL_NUM") or ids_of(found.facts, "HOSTNAME")[:1]


def platform_name() -> str:
    """This platform as a license's PLATFORMS= and lmutil's version line name it, such as `x64_lsb`."""
    machine = os.uname().machine if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "")
    return _PLATFORMS.get((sys.platform, machine), f"{machine}_{sys.platform}")[:_PLATFORM_CHARS_MAX]


def own_hostids(user: str, host: str, display: str, *, found: Survey | None = None) -> tuple[str, ...]:
    """What a client says that it is, in the words of license files: at most as many as a Hello takes.

    Args:
        user: The user that the client names.
        host: The host that the client names.
        display: The display that the client names.
        found: This machine; looked up where it is left out, without asking the name service.
    """
    facts = (found or survey(resolve=False)).facts
    facts = msgspec.structs.replace(facts, hostname=host, fqdn=facts.fqdn if "." in facts.fqdn else "", user=user, display=display)
    found_ids = [str(hostid) for kind in _CLIENT_KINDS for hostid in ids_of(facts, kind)]
    # One that is too long for the message, as of a very long display, would cost the session.
    return tuple(text for text in found_ids if len(text) <= CLIENT_HOSTID_CHARS_MAX)[:CLIENT_HOSTIDS_MAX]


def default_hostid() -> str:
    """The hostid that an order for this machine names: the first of its usual ones, as a license file writes it.

    Raises:
        SeatkeeperError: The machine has no hostid that a license file could name.
    """
    usual = usual_hostids(survey(resolve=False))
    try:
        return str(parse_hostid(str(usual[0])))
    except (IndexError, ValueError):
        raise SeatkeeperError("This machine has no hostid.", "Bring a network interface up, or give the machine a name in ASCII.") from None


def host_name() -> str:
    """The machine's own name, as `hostname` prints it."""
    return socket.gethostname()


def user_name() -> str:
    """Who runs this program: the account, not an environment variable that anybody may set."""
    if sys.platform == "win32":
        return os.environ.get("USERNAME", "")
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def display_name() -> str:
    """The display of facts, FlexNet section 2: X display, else terminal, else `/dev/tty`; on Windows the client's name, else the host's."""
    if sys.platform == "win32":
        return os.environ.get("CLIENTNAME") or host_name()
    if display := os.environ.get("DISPLAY"):
        return display
    for stream in (0, 1, 2):
        try:
            return os.ttyname(stream)
        except OSError:
            continue
    return "/dev/tty"


def _resolved(name: str) -> tuple[str, tuple[str, ...]]:
    """The name with its domain and the addresses it stands for, as far as the name service knows them in time."""
    import threading

    answers: list[tuple[str, tuple[str, ...]]] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
        except (OSError, UnicodeError):
            return
        own = dict.fromkeys(str(entry[4][0]) for entry in found)
        answers.append((found[0][3], tuple(address for address in own if address != "::1" and not address.startswith("127."))))

    # getaddrinfo has no time limit of its own, and a machine without network must still learn its hostid.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(RESOLVE_SECONDS_MAX)
    canonical, addresses = answers[0] if answers else ("", ())
    # /etc/hosts may well say that the machine is `localhost.localdomain`, which names every machine.
    better = "." in canonical and "." not in name and not canonical.startswith("localhost.")
    return canonical if better else name, addresses


def _read(path: Path) -> str:
    """The file's text without blanks around it; empty where it cannot be read, as many files of /sys cannot."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(READ_CHARS_MAX).strip()
    except OSError:
        return ""


def linux_interfaces(root: str | Path = "/") -> tuple[Interface, ...]:
    """The interfaces below `root`/sys/class/net, best first."""
    try:
        folders = [entry for entry in (Path(root) / "sys/class/net").iterdir() if entry.is_dir()]
    except OSError:
        return ()
    return propose(_linux_interface(folder) for folder in folders)


def _linux_interface(folder: Path) -> Interface:
    # A card that serves in a bond shows the bond's address; its own stands here.
    own = _read(folder / "bonding_slave/perm_hwaddr")
    address = (own or _read(folder / "address")).replace(":", "").lower()
    flags, state = _read(folder / "flags"), _read(folder / "operstate")
    # Drivers that know no carrier say "unknown"; then the administrative state (IFF_UP) decides.
    enabled = re.fullmatch(r"0x[0-9a-f]+", flags) is not None and int(flags, 16) & 1 == 1
    assigned: dict[str, Assigned] = {"1": "random", "2": "stolen", "3": "set"}
    return Interface(
        name=folder.name,
        address=address if re.fullmatch(r"[0-9a-f]{12}", address) else "",
        state="up" if state == "up" or (state == "unknown" and enabled) else "down",
        kind=_linux_kind(folder),
        assigned="permanent" if own else assigned.get(_read(folder / "addr_assign_type"), "permanent"),
    )


def _linux_kind(folder: Path) -> Kind:
    """What the interface is: by its hardware type (ARPHRD), by what its driver calls it, by what it hangs on."""
    hardware = _read(folder / "type")
    called = re.search(r"^DEVTYPE=(\w+)", _read(folder / "uevent"), re.MULTILINE)
    devtype = called.group(1) if called else ""
    by_driver: dict[str, Kind] = {"bond": "bond", "bridge": "bridge", "vlan": "vlan", "vxlan": "tunnel", "geneve": "tunnel"}
    if hardware in ("772", "32"):
        return "loopback" if hardware == "772" else "infiniband"
    if devtype in by_driver:
        return by_driver[devtype]
    if hardware != "1":
        return "tunnel"
    if (folder / "tun_flags").exists():
        return "tap"
    if (folder / "device").exists():
        return "wireless" if devtype == "wlan" else "physical"
    if any(folder.glob("lower_*")):
        return "macvlan"
    # The other end of a pair has another index, and lies in another name space where this one is a container's.
    link = _read(folder / "iflink")
    return "veth" if link and link != _read(folder / "ifindex") else "virtual"


def _linux_addresses(root: Path) -> tuple[str, ...]:
    """The machine's addresses without loopback: IPv4, then IPv6, link-local last."""
    found: dict[str, None] = {}
    leaf = ""
    for line in _read(root / "proc/net/fib_trie").splitlines():
        if entry := re.search(r"\|-- ([0-9.]+)$", line):
            leaf = entry.group(1)
        elif "/32 host LOCAL" in line and not leaf.startswith("127."):
            found[leaf] = None
    local = []
    for line in _read(root / "proc/net/if_inet6").splitlines():
        digits, _, _, scope = [*line.split(), "", "", "", ""][:4]
        if re.fullmatch(r"[0-9a-f]{32}", digits) and scope != "10":
            address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
            if scope == "20":
                local.append(address)
            else:
                found[address] = None
    return (*found, *local)


def _linux_long_id(root: Path) -> str:
    """What `sethostid` has written, else 32 bits of a digest of the machine id.

    The `hostid` command falls back on the IP address of the host name instead, which on many installations is 127.0.1.1 and
    the same everywhere. The machine id itself is confidential (machine-id(5)), so a digest of it is used.
    """
    try:
        written = (root / "etc/hostid").read_bytes()
    except OSError:
        written = b""
    if len(written) == 4:
        return f"{int.from_bytes(written, sys.byteorder):08x}"
    machine = _read(root / "etc/machine-id")
    if not re.fullmatch(r"[0-9a-f]{32}", machine):
        return ""
    return hmac.new(bytes.fromhex(machine), b"seatkeeper hostid", hashlib.sha256).hexdigest()[:8]


def _linux_container(root: Path) -> tuple[bool, str]:
    """Whether this is a container, and its id where that can be told."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        if found := re.search(r"(?:docker|libpod|crio|containerd|kubepods).*?\b([0-9a-f]{64})\b", line):
            return True, found.group(1)
    for line in _read(root / "proc/self/mountinfo").splitlines():
        source, point = ([*line.split()] + [""] * 5)[3:5]
        # Only a container has its name service files mounted from the engine's own folder.
        if point in ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf") and (found := re.search(r"/([0-9a-f]{64})/", source)):
            return True, found.group(1)
    podman = _read(root / "run/.containerenv")
    if found := re.search(r'^id="([0-9a-f]{64})"', podman, re.MULTILINE):
        return True, found.group(1)
    return bool(podman) or (root / ".dockerenv").exists() or (root / "run/.containerenv").exists(), ""


def _linux(root: Path, run: Run, notes: list[str]) -> Looked:
    contained, container_id = _linux_container(root)
    firmware = root / "sys/class/dmi/id"
    virtual = re.search(r"^flags\s*:.*\bhypervisor\b", _read(root / "proc/cpuinfo"), re.MULTILINE) is not None
    virtual = virtual or _read(firmware / "sys_vendor") in _VM_MAKERS
    uuid = ""
    if virtual:
        try:
            uuid = parse_hostid(f"VM_UUID={_read(firmware / 'product_uuid') or _read(root / 'sys/hypervisor/uuid')}").value
        except ValueError:
            if (firmware / "product_uuid").exists():
                notes.append(f"The virtual machine's UUID in {firmware / 'product_uuid'} cannot be read; only root may.")
    facts = HostFacts(long_id=_linux_long_id(root), addresses=_linux_addresses(root), vm_uuid=uuid, container_id=container_id)
    return facts, linux_interfaces(root), "CONTAINER" if contained else "VM" if virtual else "PHYSICAL"


def _asked(run: Run, notes: list[str], command: str, reader: Callable[[str], Found], nothing: Found) -> Found:
    """What `reader` finds in the command's output; `nothing`, and a note, where one of them fails."""
    try:
        return reader(run(command.split()))
    except SeatkeeperError as error:
        notes.append(str(error))
    except ValueError as error:
        notes.append(f"What `{command}` prints is not understood: expected {error}.")
    return nothing


def _with_long_id(command: str, reader: Callable[[str], HostId]) -> Look:
    def look(root: Path, run: Run, notes: list[str]) -> Looked:
        return HostFacts(long_id=_asked(run, notes, command, reader, HostId("LONG")).value), (), "UNKNOWN"

    return look


def _alpha(root: Path, run: Run, notes: list[str]) -> Looked:
    return HostFacts(), _asked(run, notes, "netstat -i", parse_netstat, ()), "UNKNOWN"


def _windows(root: Path, run: Run, notes: list[str]) -> Looked:
    volume = _asked(run, notes, "cmd /c vol C:", parse_volume, HostId("DISK_SERIAL_NUM"))
    return HostFacts(volumes=(volume.value,)), _asked(run, notes, "getmac /v /fo csv /nh", parse_getmac, ()), "UNKNOWN"


def _ifconfig(root: Path, run: Run, notes: list[str]) -> Looked:
    def read(text: str) -> Looked:
        return HostFacts(addresses=parse_ifconfig_addresses(text)), parse_ifconfig(text), "UNKNOWN"

    nothing: Looked = HostFacts(), (), "UNKNOWN"
    return _asked(run, notes, "/sbin/ifconfig -a", read, nothing)


def _unknown(root: Path, run: Run, notes: list[str]) -> Looked:
    notes.append("Of this operating system seatkeeper knows no way to tell a hostid but the host name.")
    return HostFacts(), (), "UNKNOWN"


#: Beginning of `sys.platform` -> how the machine is looked at.
_SYSTEMS: Final[tuple[tuple[str, Look], ...]] = (
    ("linux", _linux),
    ("win32", _windows),
    ("darwin", _ifconfig),
    ("freebsd", _ifconfig),
    ("openbsd", _ifconfig),
    ("netbsd", _ifconfig),
    ("aix", _with_long_id("uname -m", parse_aix_uname)),
    ("hp-ux", _with_long_id("uname -i", parse_hpux_uname)),
    ("sunos", _with_long_id("hostid", parse_solaris_hostid)),
    ("osf1", _alpha),
)
_WITH_LONG_ID: Final = ("aix", "hp-ux", "sunos")
