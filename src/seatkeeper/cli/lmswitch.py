"""`lmswitch` writes a vendor daemon's debug log elsewhere; lmswitchr and lmnewlog do it for the report log."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters import clock
from seatkeeper.base.errors import LicenseError
from seatkeeper.cli import lmcommon
from seatkeeper.sdk.admin import switch

if TYPE_CHECKING:
    from typing import Literal

    from seatkeeper.cli.lmcommon import Options
    from seatkeeper.client.path import Address

__all__ = ["USAGE", "find_daemon", "run", "switch_log"]

USAGE: Final = """\
usage: lmswitch [-c PATH] [VENDOR] FILE
       lmswitch [-c PATH] [VENDOR] -rollover [FILE]

    -c PATH      whom to ask: FILE, DIRECTORY, PORT@HOST, @HOST, or three PORT@HOST with commas; several with ':' (Windows: ';')
    -rollover    move what is in the debug log to FILE (by default <vendor><host><date>_T<time>.log beside it), and go on under its name
    -v           version of this program
    -help        this text

The vendor daemon goes on in FILE, a new file on the license server's machine. VENDOR may be left out where the server has one only.
"""

_KINDS: Final = {"-rollover": ""}


def run(argv: list[str], program: str) -> int:
    """Has the debug log written elsewhere; returns 0 when it is.

    Raises:
        UsageError: The command line cannot be understood.
        SeatkeeperError: There is no such vendor daemon to ask, or it refuses.
    """
    options = lmcommon.read_options(argv, _KINDS, 2)
    if lmcommon.said(options, program, "lmswitch", USAGE, datetime.fromtimestamp(clock.now()).year):
        return 0
    words = options.words
    if options.has("-rollover"):
        # One word alone is the vendor: the file has a name of its own.
        vendor, path = words[0] if words else "", words[1] if len(words) > 1 else ""
        return switch_log(options, program, "lmswitch", "debug", vendor, path, rollover=True)
    vendor, path = _vendor_and_file(words)
    return switch_log(options, program, "lmswitch", "debug", vendor, path)


def switch_log(
    options: Options,
    program: str,
    tool: str,
    what: Literal["debug", "report", "new"],
    vendor: str | None = None,
    path: str = "",
    *,
    rollover: bool = False,
) -> int:
    """Has a vendor daemon switch a log, and says what it did; vendor and file are the command line's words where they are not given.

    Raises:
        UsageError: A word is missing.
        SeatkeeperError: There is no such vendor daemon to ask, or it refuses.
    """
    if vendor is None:
        vendor, path = _vendor_and_file(options.words)
    print(lmcommon.banner(program, datetime.fromtimestamp(clock.now()).year))
    address, vendor = find_daemon(options, vendor)
    text = switch(address.host, address.port, vendor, what, path, rollover)
    print(f"{tool} successful", f"    {address}: {vendor}: {text}", sep="\n")
    return 0


def _vendor_and_file(words: tuple[str, ...]) -> tuple[str, str]:
    if not words:
        raise lmcommon.UsageError("The new file is missing.", expected="[VENDOR] FILE")
    return words[0] if len(words) > 1 else "", words[-1]


def find_daemon(options: Options, vendor: str) -> tuple[Address, str]:
    """Where the vendor daemon is reached, and its name; an empty name means the only one of the first server that answers.

    Raises:
        UsageError: It is not clear which one is meant.
        LicenseError: No server can be asked, or none has it running.
    """
    targets, missing = lmcommon.targets_of(lmcommon.license_path(options.flags.get("-c"), os.environ))
    replies = lmcommon.ask_all(targets)
    errors = [*missing, *(reply.error for reply in replies if reply.error is not None)]
    servers = [(reply.at, reply.status.daemons) for reply in replies if reply.status is not None and reply.at is not None]
    if not servers:
        raise errors[0]
    if not vendor:
        address, daemons = servers[0]
        if len(daemons) != 1:
            names = ", ".join(daemon.name for daemon in daemons)
            raise lmcommon.UsageError(f"The license server {address} has several vendor daemons.", found=names, expected="VENDOR FILE")
        return address, daemons[0].name
    down = ""
    for address, daemons in servers:
        for daemon in daemons:
            if daemon.name.lower() == vendor.lower():
                if daemon.up:
                    return address, daemon.name
                down = f"{daemon.name} on {address} is down: {daemon.reason}."
    asked = ", ".join(str(address) for address, _ in servers)
    raise LicenseError(-97, minor=121, reason=down or f"There is no vendor daemon {vendor} on {asked}.")
