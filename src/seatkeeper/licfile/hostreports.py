r"""What the operating systems' own commands print becomes hostids, on whatever system this runs.

One function reads the output of one command of the guide's table "Host ID Commands for Different Operating Systems", and of
`ifconfig` for macOS, which the guide does not list. Text that is not such an output raises `ValueError` with what was expected:
a license ordered for half an id would be worth nothing.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.licfile.hostid import HostId, parse_hostid, parse_hostids
from seatkeeper.licfile.interfaces import Interface, propose

if TYPE_CHECKING:
    from seatkeeper.licfile.interfaces import Kind

__all__ = [
    "parse_aix_uname",
    "parse_getmac",
    "parse_hpux_uname",
    "parse_ifconfig",
    "parse_ifconfig_addresses",
    "parse_lmhostid",
    "parse_netstat",
    "parse_solaris_hostid",
    "parse_volume",
]

#: How interfaces are called by macOS and the BSDs, by Tru64, and what adapters are described as on Windows.
_BY_NAME: Final[tuple[tuple[str, Kind], ...]] = (
    (r"^lo\d*$", "loopback"),
    (r"^(bridge|ap|awdl|llw|anpi|vmenet|vmnet|feth)\d*$", "bridge"),
    (r"^epair\d+[ab]$", "veth"),
    (r"^vlan\d+$", "vlan"),
    (r"^(bond|lagg|lag)\d+$", "bond"),
    (r"^tap\d+$", "tap"),
    (r"^(utun|gif|stf|ipsec|ppp|tun|sl|wg|pflog|pfsync)\d*$", "tunnel"),
)
_BY_DESCRIPTION: Final[tuple[tuple[str, Kind], ...]] = (
    (r"hyper-v virtual ethernet|virtualbox|vmware virtual|virtual switch|wi-fi direct virtual|npcap|km-test|bluetooth", "virtual"),
    (r"\btap\b|tap-|wintun|wireguard|vpn|anyconnect", "tap"),
    (r"wi-?fi|wireless|wlan|802\.11", "wireless"),
)


def parse_aix_uname(text: str) -> HostId:
    """The 32-bit id in `uname -m` of AIX: the last two of its twelve digits go, the last eight of the others stay."""
    digits = text.strip()
    if not re.fullmatch(r"[0-9A-Fa-f]{12}", digits):
        raise ValueError("the 12 digits that uname -m prints on AIX, as in 000276513100")
    return parse_hostid(digits[:-2][-8:])


def parse_hpux_uname(text: str) -> HostId:
    """The 32-bit id in `uname -i` of HP-UX, which prints it in decimal."""
    return parse_hostid("#" + text.strip())


def parse_solaris_hostid(text: str) -> HostId:
    """The 32-bit id that `hostid` prints; some systems leave leading zeros out or put 0x before it."""
    digits = text.strip().lower().removeprefix("0x")
    if not re.fullmatch(r"[0-9a-f]{1,8}", digits):
        raise ValueError("the 8 hex digits that hostid prints, as in 170a3472")
    return parse_hostid(digits.zfill(8))


def parse_volume(text: str) -> HostId:
    """The serial number in the output of `vol C:` or `DIR C:`, in whatever language Windows speaks."""
    # The first line tells the volume's label and the second its serial number, in every language; a label, or the name of a
    # file that DIR lists further down, can look like a serial number.
    for line in [line for line in text.splitlines() if line.strip()][:2][::-1]:
        if found := re.findall(r"(?<![\w-])([0-9A-F]{4}-[0-9A-F]{4})(?![\w-])", line):
            return parse_hostid(f"DISK_SERIAL_NUM={found[-1]}")
    raise ValueError("a line with the volume's serial number, as in: Volume Serial Number is 1CA2-5283")


def parse_getmac(text: str) -> tuple[Interface, ...]:
    r"""The interfaces in `getmac /v /fo csv /nh` of Windows, best first: name, adapter, address, `\Device\...` where connected."""
    found = []
    for row in csv.reader(line for line in text.splitlines() if line.strip()):
        if len(row) != 4:
            raise ValueError("four fields a line, as getmac /v /fo csv /nh prints them")
        name, adapter, address, transport = (field.strip() for field in row)
        kind = _first(_BY_DESCRIPTION, adapter.lower())
        digits = address.replace("-", "").lower()
        # "N/A" or a translated word stands where an adapter is disabled.
        known = digits if re.fullmatch(r"[0-9a-f]{12}", digits) else ""
        found.append(Interface(name, known, "up" if transport.startswith("\\Device\\") else "down", kind))
    return propose(found)


def parse_netstat(text: str) -> tuple[Interface, ...]:
    """The interfaces in `netstat -i` of DEC Alpha, best first; `*` after a name says that it is down."""
    found: dict[str, Interface] = {}
    lines = text.splitlines()
    if not any(line.split()[:2] == ["Name", "Mtu"] for line in lines):
        raise ValueError("a heading that begins with Name and Mtu, as netstat -i prints it")
    for line in lines:
        fields = line.split()
        if len(fields) < 4 or fields[2] != "<Link>":
            continue
        name = fields[0].rstrip("*")
        address = str(parse_hostid(fields[3])) if fields[3].count(":") == 5 else ""
        found[name] = Interface(name, address, "down" if fields[0].endswith("*") else "up", _first(_BY_NAME, name))
    return propose(found.values())


def parse_ifconfig(text: str) -> tuple[Interface, ...]:
    """The interfaces in `ifconfig -a` of macOS or a BSD, best first."""
    found = []
    for name, block in _ifconfig_blocks(text):
        ether = re.search(r"^\s+ether ([0-9a-f:]{17})\b", block, re.MULTILINE)
        status = re.search(r"^\s+status: (.+)$", block, re.MULTILINE)
        running = re.search(r"<[^>]*\bUP\b", block) is not None
        up = running and (status is None or status.group(1).strip() in ("active", "associated"))
        one = Interface(name, ether.group(1).replace(":", "") if ether else "", "up" if up else "down", _first(_BY_NAME, name))
        # macOS gives virtual interfaces locally administered addresses; a card's own has that bit clear.
        made_up = one.kind == "physical" and one.address != "" and int(one.address[:2], 16) & 2 == 2
        found.append(msgspec.structs.replace(one, assigned="set") if made_up else one)
    return propose(found)


def parse_ifconfig_addresses(text: str) -> tuple[str, ...]:
    """The IP addresses in `ifconfig -a`, IPv4 first, loopback and link-local left out."""
    addresses = [found for _, block in _ifconfig_blocks(text) for found in re.findall(r"^\s+inet6? ([0-9a-f.:]+)", block, re.MULTILINE)]
    own = [address for address in addresses if not address.startswith(("127.", "fe80:")) and address != "::1"]
    return tuple(sorted(dict.fromkeys(own), key=lambda address: ":" in address))


def _ifconfig_blocks(text: str) -> list[tuple[str, str]]:
    """Each interface's name and the lines about it."""
    pieces = re.split(r"^([a-z][\w.-]*): (?=flags=)", text, flags=re.MULTILINE)
    if len(pieces) < 3:
        raise ValueError("a line such as en0: flags=8863<UP,...>, as ifconfig -a prints it")
    return list(zip(pieces[1::2], pieces[2::2], strict=True))


def _first(table: tuple[tuple[str, Kind], ...], text: str) -> Kind:
    """The kind of the first pattern that occurs in the text; a card where none does."""
    for pattern, kind in table:
        if re.search(pattern, text):
            return kind
    return "physical"


def parse_lmhostid(text: str) -> tuple[HostId, ...]:
    """The hostids in the output of any lmhostid, old or new, this project's or another's."""
    found = re.search(r"(?i)\bflex(?:net|lm) host ?id of this machine is (\"+.*\"+|\S+)", text)
    if not found:
        raise ValueError('a line such as: The FlexNet host ID of this machine is "0800200005ac"')
    return parse_hostids(found.group(1))
