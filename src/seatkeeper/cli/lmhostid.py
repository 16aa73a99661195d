"""`lmhostid`: the hostid to order a license for, and with `-verbose` why that one.

Flags and output are those of facts, FlexNet section 2. Beyond them, `-json` prints everything that was found out, and
`-verbose` explains each network interface. By default the ids are those that outlive a restart (docs/host-ids.md), best first;
what is to be read by a script (`-n`, `-json`) stands alone on stdout, and remarks go to stderr.
"""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters import clock, host
from seatkeeper.base.errors import LicenseError
from seatkeeper.cli import lmcommon
from seatkeeper.cli.lmcommon import UsageError
from seatkeeper.licfile.hostid import HostId, ids_of, parse_hostid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seatkeeper.adapters.host import Survey

__all__ = ["USAGE", "Request", "parse_arguments", "report", "run"]

#: Type flag -> the kind of hostid that it asks for.
_TYPES: Final = {
    "ether": "ETHER",
    "long": "LONG",
    "vsn": "DISK_SERIAL_NUM",
    "user": "USER",
    "display": "DISPLAY",
    "hostname": "HOSTNAME",
    "hostdomain": "HOSTNAME",
    "internet": "INTERNET",
    "uuid": "VM_UUID",
    "container_id": "CONTAINER_ID",
    "string": "STRING",
    "flexid": "FLEXID",
}
#: `-ptype` -> the type that it stands for when no other is given; the empty one is the usual hostids.
_PLATFORM_TYPES: Final = {"PHY": "", "VM": "uuid", "CONTAINER": "container_id", "AMZN": "amzn", "LMB": "lmb"}
#: Why a type has no id, and what to do; the others are simply not there on this machine.
_UNAVAILABLE: Final = {
    "string": ("This operating system has no string hostid.", "Use -ether."),
    "flexid": ("seatkeeper reads no dongles.", "Ask the dongle's vendor for its FLEXID, or use -ether."),
    "amzn": ("seatkeeper does not ask Amazon's metadata service.", "Use -ether, or read the instance's id in the console."),
    "lmb": ("seatkeeper knows no LMB hostids.", "Use -ether."),
    "vsn": ("This machine has no volume serial number; Windows has.", "Use -ether."),
    "uuid": ("This machine's UUID as a virtual machine cannot be read.", "Run lmhostid as root inside a virtual machine."),
    "container_id": ("This is no container, or it does not know its id.", "Use -ether."),
    "ether": ("No network interface of this machine has an Ethernet address.", "Use -hostname, or see lmhostid -verbose."),
}
#: The kinds that -verbose lists below the interfaces.
_OTHERS: Final = ("LONG", "DISK_SERIAL_NUM", "VM_UUID", "CONTAINER_ID", "HOSTNAME", "INTERNET", "USER", "DISPLAY")
USAGE: Final = """\
usage: lmhostid [-n] [-verbose | -json] [-ptype PHY|VM|CONTAINER] [TYPE]

    TYPE      one of -ether -long -vsn -internet [v4|v6] -hostname -hostdomain -user -display -uuid -container_id,
              with or without its dash; -string and -flexid are known, but not available
    -n        print the hostid alone; several are separated by blanks
    -verbose  explain every network interface, and list the other hostids of this machine
    -json     print everything that is known, for scripts
    -ptype P  PHY as usual, VM the UUID of a virtual machine, CONTAINER the id of a container
    -utf8     accepted: the output is UTF-8 as it is; -c PATH: accepted, no license file is read
    -v        version of this program
    -help     this text
"""


class Request(msgspec.Struct, frozen=True):
    """What the command line asks for; `type` is empty for the usual hostids, `family` is `v4`, `v6` or empty."""

    type: str = ""
    family: str = ""
    bare: bool = False
    json: bool = False
    verbose: bool = False
    help: bool = False
    version: bool = False


def run(argv: Sequence[str], program: str, look: Callable[[], Survey] = host.survey) -> int:
    """Prints what the arguments ask for and returns 0.

    Args:
        argv: The arguments after the command's name.
        program: The name it was called by, `lmutil` or `lmhostid`.
        look: Surveys the machine.

    Raises:
        UsageError: The command line cannot be understood.
        LicenseError: The machine has no hostid of the type asked for.
    """
    request = parse_arguments(argv)
    year = clock.today().year
    if request.help or request.version:
        print(lmcommon.banner(program, year), *(("", USAGE.rstrip()) if request.help else (lmcommon.version_line("lmhostid"),)), sep="\n")
        return 0
    found = look()
    hostids = _asked_for(request, found)
    output, remarks = report(request, found, hostids, lmcommon.banner(program, year))
    print(output)
    for remark in remarks:
        lmcommon.complain("lmhostid", remark)
    return 0


def parse_arguments(argv: Sequence[str]) -> Request:
    """What the arguments ask for.

    Raises:
        UsageError: An argument is not known, lacks its value, or contradicts another.
    """
    options: dict[str, object] = {}
    kind = platform = family = ""
    flags = {"n": "bare", "verbose": "verbose", "json": "json", "help": "help", "h": "help", "v": "version"}
    rest = list(argv)
    while rest:
        written = rest.pop(0)
        word = written.removeprefix("-").removeprefix("-").lower()
        if word in flags and written.startswith("-"):
            options[flags[word]] = True
        elif word == "utf8" and written.startswith("-"):
            continue
        elif word in ("c", "ptype") and written.startswith("-"):
            value = rest.pop(0) if rest else ""
            if word == "ptype":
                platform = _platform(value)
            elif not value:
                raise UsageError("The option has no value.", file=written, expected="a license path")
        elif word in _TYPES:
            if kind not in ("", word):
                raise UsageError("Only one type of hostid can be asked for.", found=f"{kind} and {word}", expected="one of them")
            kind = word
            if word == "internet" and rest and rest[0].lower() in ("v4", "v6"):
                family = rest.pop(0).lower()
        else:
            raise UsageError("This word is neither an option nor a type of hostid.", found=written, expected="a word of the usage below")
    if options.get("bare") and (options.get("json") or options.get("verbose")):
        raise UsageError("The option -n prints only the id.", found="-n with -verbose or -json", expected="one of them")
    return msgspec.convert({**options, "type": kind or _PLATFORM_TYPES.get(platform, ""), "family": family}, Request)


def _platform(value: str) -> str:
    if value.upper() not in _PLATFORM_TYPES:
        raise UsageError("The platform is not known.", file="-ptype", found=value, expected=", ".join(_PLATFORM_TYPES))
    return value.upper()


def _asked_for(request: Request, found: Survey) -> tuple[HostId, ...]:
    """The ids of the type asked for, at least one, each such that a license file can carry it.

    Raises:
        LicenseError: There is none.
    """
    facts, kind = found.facts, request.type
    if not kind:
        hostids = host.usual_hostids(found)
    elif kind == "ether":
        hostids = tuple(hostid for hostid in host.usual_hostids(found) if hostid.kind == "ETHER")
    elif kind in ("hostname", "hostdomain"):
        name = facts.hostname if kind == "hostname" else facts.fqdn or facts.hostname
        hostids = (HostId("HOSTNAME", name),) if name else ()
    elif kind == "internet":
        wanted = {"v4": ".", "v6": ":"}.get(request.family, "")
        hostids = tuple(hostid for hostid in ids_of(facts, "INTERNET") if wanted in hostid.value)
    else:
        hostids = ids_of(facts, _TYPES.get(kind, ""))
    if not hostids:
        reason, remedy = _UNAVAILABLE.get(kind, (f"This machine has no hostid of the type {kind or 'ether'}.", "See lmhostid -verbose."))
        # Where ids come from commands, the command that failed is the reason behind.
        causes = () if found.system.startswith("linux") else found.notes
        raise LicenseError(-29 if kind in ("", "ether") else -45, reason=" ".join((reason, *causes)), remedy=remedy)
    for hostid in hostids:
        try:
            parse_hostid(str(hostid))
        except ValueError as error:
            raise LicenseError(-45, reason=f"{hostid} cannot stand in a license file, which takes {error}.", remedy="Use -ether.") from None
    return hostids


def report(request: Request, found: Survey, hostids: Sequence[HostId], banner: str) -> tuple[str, list[str]]:
    """What goes to stdout, and the remarks for stderr."""
    names = [str(hostid) for hostid in hostids]
    if request.json:
        return msgspec.json.format(msgspec.json.encode({"hostids": names, **msgspec.to_builtins(found)}), indent=2).decode(), []
    if request.bare:
        return " ".join(names), []
    lines = [banner]
    if len(names) == 1:
        lines.append(f'The FlexNet host ID of this machine is "{names[0]}"')
    else:
        lines += [f'The FlexNet host ID of this machine is ""{" ".join(names)}""', "Only use ONE from the list of hostids."]
    if request.verbose:
        return "\n".join([*lines, "", *_explained(found, shutil.get_terminal_size((110, 24)).columns)]), []
    return "\n".join(lines), _remarks(found, hostids[0])


def _remarks(found: Survey, first: HostId) -> list[str]:
    """What somebody who orders for this id had better know."""
    if first.kind == "ETHER":
        one = next((one for one in found.interfaces if one.address == first.value), None)
        cautious = one is not None and (one.kind not in ("physical", "wireless") or one.assigned == "random")
        return [f"the address is that of {one.name}: {one.reason}; see -verbose."] if one is not None and cautious else []
    if first.kind == "HOSTNAME" and not any(one.proposed for one in found.interfaces):
        return ["this machine has no Ethernet address; see -verbose."]
    return []


def _explained(found: Survey, width: int) -> list[str]:
    """The table of interfaces and the other ids, for a person."""
    what = {"PHYSICAL": "a physical machine", "VM": "a virtual machine", "CONTAINER": "a container"}.get(found.platform, "")
    lines = [f"{found.facts.hostname or 'This machine'} is {what}." if what else f"{found.facts.hostname} runs {found.system}."]
    if found.platform == "CONTAINER" and not any(one.proposed and one.kind in ("physical", "wireless") for one in found.interfaces):
        lines.append("A container keeps its address only if it is started with a fixed one (docs/host-ids.md).")
    if found.interfaces:
        rows = [("Interface", "Address", "State", "Kind", "Proposed", "Why")]
        rows += [
            (one.name, one.address or "-", one.state, one.kind, "yes" if one.proposed else "no", one.reason) for one in found.interfaces
        ]
        lines += ["", *_table(rows, width)]
    others = [hostid for kind in _OTHERS for hostid in ids_of(found.facts, kind)]
    if others:
        marks = {"LONG": "  (32-bit host id)"}
        lines += ["", "Other hostids of this machine:", *(f"  {hostid}{marks.get(hostid.kind, '')}" for hostid in others)]
    lines += ["", *(line for note in found.notes for line in textwrap.wrap(f"Note: {note}", width))] if found.notes else []
    return lines


def _table(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """The rows in columns; the last column is wrapped within the width, unless that leaves it too narrow to read."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    indent = sum(widths) + 2 * len(widths)
    lines = []
    for row in rows:
        head = "".join(f"{cell:<{size}}  " for cell, size in zip(row, widths, strict=False))
        first, *more = textwrap.wrap(row[-1], max(width - indent, 40)) or [""]
        lines += [(head + first).rstrip(), *(" " * indent + line for line in more)]
    return lines
