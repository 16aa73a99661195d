"""The text of a systemd unit under which the license server may do its work and hardly anything else.

Theory of operation. lmgrd needs a port above 1024, its license files to read, its journal and log to write, and programs to start;
everything else is taken away (facts on reliability, 5.3; what each directive does is in systemd.exec(5)). Three are left out on
purpose: PrivateUsers= would hide who is at the other end of a local socket, ProcSubset=pid the network addresses that hostids are made
of, and PrivateNetwork= the clients. The unit counts as started when the vendor daemons serve, or when half a minute has passed:
`seatkeeper-ready.target` comes after it, for licensed applications to come after that.

What goes into the text is quoted here, so that a path may hold blanks, percent and dollar signs. `MARK` in the first line says that the
file is ours to replace and to remove.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from seatkeeper.base.errors import InputError

__all__ = ["MARK", "READY", "Unit", "argument", "is_ours", "license_of", "target_text", "unit_text"]

MARK: Final = "# Written by `seatkeeper service install`"
#: The target that licensed applications order themselves after.
READY: Final = "seatkeeper-ready.target"
#: How long the start of what comes after the license server waits for it.
READY_S: Final = 30

_LICENSE: Final = "X-Seatkeeper-License="
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@+,=-]+")
#: Directories that ProtectHome= hides.
_HOMES: Final = ("/home", "/root", "/run/user")


class Unit(msgspec.Struct, frozen=True):
    """One license server as a service.

    Attributes:
        name: The unit's name without `.service`.
        lmgrd: The command that runs lmgrd, without its options.
        waiter: The command that returns when the server serves.
        license: License file or directory.
        log: The debug log.
        data: Where the journals are kept.
        user: The account; empty for a unit of a user's own manager.
        state: Whether systemd makes and owns `data`, as /var/lib/NAME.
        logs: Whether systemd makes and owns the log's directory, as /var/log/NAME.
        behind: Where links of these lead, as from a virtual environment to its interpreter: it must not be hidden either.
    """

    name: str
    lmgrd: tuple[str, ...]
    waiter: tuple[str, ...]
    license: str
    log: str
    data: str
    user: str = ""
    state: bool = False
    logs: bool = False
    behind: tuple[str, ...] = ()


def argument(text: str) -> str:
    """`text` as one word of a command in a unit.

    Raises:
        InputError: It holds a character that no unit can carry.
    """
    return _quoted(text.replace("$", "$$"), plain=text)


def _quoted(text: str, *, plain: str = "") -> str:
    if not text.isprintable():
        raise InputError("A service cannot have this character in a name.", found=ascii(text), remedy="Rename the file.")
    if _PLAIN.fullmatch(plain or text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def is_ours(text: str) -> bool:
    """True for a unit that this module wrote."""
    return text.startswith(MARK)


def license_of(text: str) -> str:
    """The license file that a unit of ours serves; empty where it does not say."""
    found = re.search(rf"^{re.escape(_LICENSE)}(.*)$", text, re.MULTILINE)
    return found[1] if found is not None else ""


def unit_text(unit: Unit) -> str:
    """The unit, for the system's manager or, without a user, for a user's own."""
    system = bool(unit.user)
    manager = "systemctl" if system else "systemctl --user"
    command = " ".join(map(argument, (*unit.lmgrd, "-z", "-c", unit.license, "-l", f"+{unit.log}", "--data", unit.data)))
    wait = " ".join(map(argument, (*unit.waiter, "--license", unit.license, "--seconds", str(READY_S))))
    lines = [
        f"{MARK}; `{manager} edit {unit.name}` keeps changes of your own.",
        "",
        "[Unit]",
        "Description=License server (seatkeeper)",
        # A clock that is about to be set forward must not judge licenses.
        *(
            ["Wants=network-online.target", "After=network-online.target nss-lookup.target time-sync.target remote-fs.target"]
            if system
            else []
        ),
        f"Before={READY}",
        # Faults that a restart cannot cure end it; lmgrd itself tells them from others (docs/administer.md).
        "StartLimitIntervalSec=300",
        "StartLimitBurst=10",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={command}",
        # With "-", what does not serve in time is still running, and can be asked why.
        f"ExecStartPost=-{wait}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        *([f"User={unit.user}"] if system else []),
        "Restart=on-failure",
        "RestartSec=2",
        f"TimeoutStartSec={READY_S + 30}",
        "TimeoutStopSec=60",
        # lmgrd ends its vendor daemons in order; whoever is left after that is killed.
        "KillMode=mixed",
        *_places(unit),
        *_limits(system=system),
        "",
        "[Install]",
        f"WantedBy={'multi-user.target' if system else 'default.target'} {READY}",
        "",
        "[X-Seatkeeper]",
        f"{_LICENSE}{unit.license}",
    ]
    return "\n".join(lines) + "\n"


def target_text(*, system: bool) -> str:
    """The target that stands for license servers that serve."""
    return f"""\
{MARK}; licensed applications say Wants={READY} and After={READY}.

[Unit]
Description=License servers serve (seatkeeper)

[Install]
WantedBy={"multi-user.target" if system else "default.target"}
"""


def _places(unit: Unit) -> list[str]:
    """What of the file system the service may see and write."""
    if not unit.user:
        return []
    directory = unit.log.rpartition("/")[0] or "/"
    written = [path for path, kept in ((unit.data, unit.state), (directory, unit.logs)) if not kept]
    needed = (unit.license, *written, unit.lmgrd[0], *unit.behind)
    homes = any(path == home or path.startswith(f"{home}/") for path in needed for home in _HOMES)
    lines = [f"StateDirectory={unit.name}", "StateDirectoryMode=0750"] if unit.state else []
    lines += [f"LogsDirectory={unit.name}", "LogsDirectoryMode=0750"] if unit.logs else []
    lines += [f"ReadWritePaths={_quoted(path)}" for path in dict.fromkeys(written)]
    return [
        *lines,
        "ProtectSystem=strict",
        f"ProtectHome={'read-only' if homes else 'yes'}",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "PrivateMounts=yes",
    ]


def _limits(*, system: bool) -> list[str]:
    """What the service may ask of the kernel; a user's own manager may only give up what needs no privilege."""
    lines = [
        "UMask=0077",
        "LimitNOFILE=65536",
        "LimitCORE=0",
        "NoNewPrivileges=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "MemoryDenyWriteExecute=yes",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources",
        "SystemCallErrorNumber=EPERM",
    ]
    if not system:
        return lines
    return [
        *lines,
        "MemoryMax=50%",
        "CapabilityBoundingSet=",
        "AmbientCapabilities=",
        "DevicePolicy=closed",
        "KeyringMode=private",
        "ProtectClock=yes",
        "ProtectControlGroups=yes",
        "ProtectHostname=yes",
        "ProtectKernelLogs=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelTunables=yes",
        "ProtectProc=invisible",
        "RemoveIPC=yes",
    ]
