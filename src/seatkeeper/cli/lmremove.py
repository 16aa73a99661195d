"""`lmremove` takes seats back, named exactly as lmstat prints them: all of a user on a host and display, or one handle."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters import clock
from seatkeeper.base.errors import LicenseError
from seatkeeper.cli import lmcommon
from seatkeeper.cli.lmstat_text import NO_DISPLAY, name_of_host
from seatkeeper.client.path import Address
from seatkeeper.sdk.admin import remove

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.cli.lmcommon import Options, Reply

__all__ = ["USAGE", "run"]

USAGE: Final = """\
usage: lmremove [-c PATH] FEATURE USER USER_HOST DISPLAY
       lmremove [-c PATH] -h FEATURE SERVER_HOST PORT HANDLE

    -c PATH   license path: FILE, DIRECTORY, PORT@HOST, @HOST, or three PORT@HOST with commas; several with ':' (Windows: ';')
    -h        one handle; without it all seats of the user on that host and display
    -v        version of this program
    -help     this text

All values are written as lmstat prints them: `    USER USER_HOST DISPLAY (v8.5) (SERVER_HOST/PORT HANDLE), start ...`
"""

_KINDS: Final = {"-h": ""}
_WORDS: Final = 4
_PORT_MAX: Final = 65535
_AS_PRINTED: Final = "Name the seat exactly as `lmstat -a` prints it."
#: A vendor daemon's answers that mean "not here": another one may hold the seat.
_NOT_HERE: Final = (-5, -41)


def run(argv: list[str], program: str) -> int:
    """Takes the seats back; returns 0 when at least one was.

    Raises:
        UsageError: The command line cannot be understood.
        SeatkeeperError: No server can be asked, none has such a seat, or it refuses.
    """
    options = lmcommon.read_options(argv, _KINDS, _WORDS)
    year = datetime.fromtimestamp(clock.now()).year
    if lmcommon.said(options, program, "lmremove", USAGE, year):
        return 0
    if len(options.words) != _WORDS:
        expected = "FEATURE SERVER_HOST PORT HANDLE" if options.has("-h") else "FEATURE USER USER_HOST DISPLAY"
        raise lmcommon.UsageError("There are too few words.", found=" ".join(options.words), expected=expected)
    if options.has("-h"):
        _number("PORT", options.words[2], _PORT_MAX)
        _number("HANDLE", options.words[3], 2**53)
    print(lmcommon.banner(program, year))
    here, texts = False, []
    missing: LicenseError | None = None
    refusals: list[LicenseError] = []
    for address, vendor in _daemons(options):
        try:
            text = _remove(address, vendor, options)
        except LicenseError as refusal:
            if refusal.number not in _NOT_HERE:
                # Another one may hold the seat, or have given it back already.
                refusals.append(refusal)
            elif missing is None or refusal.number == -41:
                # That a seat is missing says more than that a feature is.
                missing = LicenseError(refusal.number, minor=refusal.minor, reason=refusal.reason, remedy=_AS_PRINTED)
            continue
        here = True
        texts += [text] if text else []
        if options.has("-h"):
            break
    if not here:
        raise next(
            iter(refusals), missing or LicenseError(-97, minor=121, reason="No vendor daemon is up on the servers of the license path.")
        )
    print("lmremove successful", *(f"    {text}" for text in texts), sep="\n")
    # What was done is done, also where another vendor daemon could not be asked.
    lmcommon.complain_of(program, refusals)
    return 0


def _number(name: str, text: str, largest: int) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= largest):
        raise lmcommon.UsageError(f"{name} is no such number.", found=text, expected=f"a number from 1 to {largest}")
    return int(text)


def _remove(address: Address, vendor: str, options: Options) -> str:
    feature, second, third, fourth = options.words
    if options.has("-h"):
        return remove(address.host, address.port, vendor, feature, handle=int(fourth))
    try:
        return remove(address.host, address.port, vendor, feature, user=second, user_host=third, display=fourth)
    except LicenseError as error:
        if error.number != -41 or fourth != NO_DISPLAY:
            raise
        # lmstat prints this for a holder that named no display.
        return remove(address.host, address.port, vendor, feature, user=second, user_host=third)


def _daemons(options: Options) -> Iterator[tuple[Address, str]]:
    """The vendor daemons to ask: those of the license path, with -h only those of the server that is named."""
    path = options.flags.get("-c")
    replies: list[Reply] = []
    missing: LicenseError | None = None
    try:
        targets, _ = lmcommon.targets_of(lmcommon.license_path(path, os.environ))
        replies = lmcommon.ask_all(targets)
        missing = next((reply.error for reply in replies if reply.error is not None), None)
    except LicenseError:
        if not options.has("-h") or path is not None:
            raise
    if options.has("-h"):
        host, port = options.words[1], int(options.words[2])
        replies = [reply for reply in replies if _serves(reply, host, port)]
        if not replies and path is None:
            replies = lmcommon.ask_all([lmcommon.Target((Address(host, port),))])
            missing = replies[0].error
        elif not replies and missing is None:
            raise LicenseError(-3, minor=611, reason=f"The license path {path} has no server {host} with port {port}.")
    found = False
    for reply in replies:
        if reply.status is not None and reply.at is not None:
            found = True
            yield from ((reply.at, daemon.name) for daemon in reply.status.daemons if daemon.up)
    if not found and missing is not None:
        raise missing


def _serves(reply: Reply, host: str, port: int) -> bool:
    """True where lmstat prints this host and port for the server, or it is in the license path by them."""
    if any(address.port == port and lmcommon.same_host(address.host, host) for address in reply.target.addresses):
        return True
    status = reply.status
    if status is None:
        return False
    shown = [(member.host, member.port) for member in status.members] + [(status.host, status.port)]
    return any(known == port and lmcommon.same_host(name_of_host(name), host) for name, known in shown)
