"""`lmdown` shuts license servers down, after asking; nothing is shut down that was not named or confirmed.

Several servers in the license path are listed by number to choose from. `-all` takes them all and, as in FlexNet, implies `-q`.
Of a triad all members are shut down, whichever of them was named (facts, FlexNet 5.3).
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters import clock
from seatkeeper.base.errors import LicenseError
from seatkeeper.cli import lmcommon
from seatkeeper.client.path import Address
from seatkeeper.sdk.admin import down

if TYPE_CHECKING:
    from seatkeeper.cli.lmcommon import Reply

__all__ = ["USAGE", "run"]

USAGE: Final = """\
usage: lmdown [-c PATH] [-vendor NAME] [-q] [-all] [-force]

    -c PATH        license path: FILE, DIRECTORY, PORT@HOST, @HOST, or three PORT@HOST with commas; several with ':' (Windows: ';')
    -vendor NAME   shut down only this vendor daemon; lmgrd goes on
    -q             do not ask
    -all           all servers of the license path, without asking
    -force         even if licenses are borrowed
    -v             version of this program
    -help          this text
"""

_KINDS: Final = {"-vendor": "vendor", "-q": "", "-all": "", "-force": ""}
#: Nothing was shut down because nobody said yes.
_NOT_CONFIRMED: Final = 1


def run(argv: list[str], program: str) -> int:
    """Shuts down what is named and confirmed; returns 0 when all of it is down.

    Raises:
        UsageError: The command line cannot be understood, or does not say which of several servers.
        SeatkeeperError: There is no server to shut down.
    """
    options = lmcommon.read_options(argv, _KINDS)
    year = datetime.fromtimestamp(clock.now()).year
    if lmcommon.said(options, program, "lmdown", USAGE, year):
        return 0
    print(lmcommon.banner(program, year))
    targets, missing = lmcommon.targets_of(lmcommon.license_path(options.flags.get("-c"), os.environ))
    replies = lmcommon.ask_all(targets)
    errors = [*missing, *(reply.error for reply in replies if reply.error is not None)]
    reached = [reply for reply in replies if reply.status is not None]
    if not reached:
        raise errors[0]
    quiet = options.has("-q", "-all")
    if options.has("-all") or len(replies) == 1:
        chosen = reached
    elif quiet:
        # Also where only one of them answers: it may be the one that was not meant.
        found = ", ".join(str(reply.target) for reply in replies)
        raise lmcommon.UsageError(
            "Several license servers are in the license path.", file="-q", found=found, remedy="Name one with -c, or all with -all."
        )
    else:
        lmcommon.complain_of("lmdown", errors)
        chosen, errors = _choose(reached), []
    vendor = options.flags.get("-vendor", "")
    if not chosen or not (quiet or _confirm(chosen, vendor)):
        print("Nothing is shut down.")
        return _NOT_CONFIRMED
    done = 0
    for address in dict.fromkeys(address for reply in chosen for address in _members(reply)):
        try:
            _shut_down(address, vendor, options.has("-force"))
            done += 1
        except LicenseError as error:
            errors.append(error)
    what = f"Vendor Daemon{'' if done == 1 else 's'} {vendor}" if vendor else f"License Server{'' if done == 1 else 's'}"
    print(f"{done} {what} shut down")
    return lmcommon.complain_of("lmdown", errors)


def _shut_down(address: Address, vendor: str, force: bool) -> None:
    down(address.host, address.port, vendor, force=force)


def _members(reply: Reply) -> list[Address]:
    """Where to ask: the address that answered, or every member of a triad that is up."""
    if reply.at is None or reply.status is None or len(reply.status.members) < 2:
        return [reply.at] if reply.at is not None else []
    return [Address(member.host.strip("[]"), member.port) for member in reply.status.members if member.up]


def _place(reply: Reply) -> str:
    """The server as lmstat shows it, and how it was reached where that differs."""
    members = reply.status.members if reply.status is not None else []
    shown = ",".join(f"{member.port}@{member.host}" for member in members)
    return shown or str(reply.target)


def _vendors(reply: Reply) -> str:
    return " ".join(daemon.name for daemon in reply.status.daemons) if reply.status is not None else ""


def _choose(replies: list[Reply]) -> list[Reply]:
    """The servers that a person chooses from the list; none for `q`."""
    width = max(9, *(len(_place(reply)) for reply in replies)) + 3
    print(f"\n     {'Port@Host':<{width}}Vendors")
    for number, reply in enumerate(replies, 1):
        print(f"{number:>3}) {_place(reply):<{width}}{_vendors(reply)}")
    print()
    while True:
        answer = _ask(f"Which license server (1-{len(replies)}, all, or q to quit)? ")
        if answer in ("", "q", "quit"):
            return []
        if answer == "all":
            return replies
        if answer.isdecimal() and 1 <= int(answer) <= len(replies):
            return [replies[int(answer) - 1]]
        print(f"{answer!r} is none of these.")


def _confirm(chosen: list[Reply], vendor: str) -> bool:
    for reply in chosen:
        what = f"vendor daemon {vendor}" if vendor else f"license server with {_vendors(reply) or 'no vendor daemon'}"
        print(f"Shutting down {what} on {_place(reply)}.")
    return _ask("Are you sure (y/n)? ") in ("y", "yes")


def _ask(question: str) -> str:
    """What is typed, in lower case; empty at the end of the input."""
    sys.stdout.write(question)
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        print()
    return line.strip().lower()
