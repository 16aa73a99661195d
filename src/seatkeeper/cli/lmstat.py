"""`lmstat` asks the servers of a license path and shows what they say; it ends with 0 only when every answer is good.

The first thing that is not good gives the exit status, as the low byte of its error number: a server that does not answer, a
vendor daemon that is down, a feature asked for that nobody serves (lmstat formats, 0 and 9). What is wrong stands in the
screen as readers know it; why, and what to do, goes to stderr.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters import clock
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.cli import lmcommon
from seatkeeper.cli.lmstat_json import as_json, rows_as_json
from seatkeeper.cli.lmstat_text import DaemonView, Row, Screen, ServerView, render, render_rows
from seatkeeper.sdk.admin import TIMEOUT_S, pools
from seatkeeper.wire.messages import DaemonStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.cli.lmcommon import Options, Reply
    from seatkeeper.client.path import Address, Entry
    from seatkeeper.wire.messages import PoolStatus

__all__ = ["USAGE", "run"]

USAGE: Final = """\
usage: lmstat [-c PATH] [-a | -A | -i [FEATURE]] [-f [FEATURE]] [-S [VENDOR]] [-s [SERVER]] [options]

    -a               servers, vendor daemons, all features and who holds them
    -A               the same, but only features that are in use
    -asec            as -a, with start times as HH:MM:SS
    -c PATH          license path: FILE, DIRECTORY, PORT@HOST, @HOST, or three PORT@HOST with commas; several with ':' (Windows: ';')
    -f [FEATURE]     one feature and who holds it, or all features
    -i [FEATURE]     what the license file says; no server is needed
    -lm              license servers only
    -s [SERVER]      license servers only, or only this one
    -S [VENDOR]      features of one vendor daemon, or of all
    -t SECONDS       how long to wait for a server; 10 by default
    -vd              vendor daemons only
    --json           the same as one JSON object
    --no-user-info   totals only, without users
    -v               version of this program
    -help            this text
    -old, -proj      accepted for compatibility

Without -a, -A, -f or -S only servers and vendor daemons are shown.
"""

_KINDS: Final = {
    "-a": "",
    "-A": "",
    "-asec": "",
    "-f": "[feature]",
    "-i": "[feature]",
    "-lm": "",
    "-s": "[server]",
    "-S": "[vendor]",
    "-t": "seconds",
    "-vd": "",
    "-old": "",
    "-proj": "",
    "--no-user-info": "",
    "--json": "",
}
_TIMEOUT_S_MAX: Final = 3600.0


def run(argv: list[str], program: str) -> int:
    """Prints what the command line asks for and returns the exit status.

    Raises:
        UsageError: The command line cannot be understood.
        SeatkeeperError: There is no license path, or -i cannot read it.
    """
    options = lmcommon.read_options(argv, _KINDS)
    now = _local(clock.now())
    if lmcommon.said(options, program, "lmstat", USAGE, now.year):
        return 0
    timeout = _timeout(options.flags.get("-t"))
    try:
        entries = lmcommon.license_path(options.flags.get("-c"), os.environ)
        if options.has("-i"):
            return _show_file(entries, options, program, now, timeout)
        targets, missing = lmcommon.targets_of(entries)
        replies = lmcommon.ask_all(targets, timeout)
    except LicenseError as error:
        if options.has("--json"):
            raise
        # Readers look for this line on stdout, whatever the cause (lmstat formats, 2).
        sys.stdout.write(render(Screen(program, now, (ServerView((), error=error),), detecting=_detecting(options))))
        _explain(error)
        return error.exit_status
    server = options.flags.get("-s")
    if server:
        replies = [reply for reply in replies if _is_named(reply, server)]
        if not replies:
            raise InputError("No license server of the license path has this name.", file="-s", found=server)
    screen = _screen(options, program, now, replies, timeout)
    sys.stdout.write(as_json(screen) if options.has("--json") else render(screen))
    errors = [*_errors(screen), *missing]
    for each in errors:
        _explain(each)
    return errors[0].exit_status if errors else 0


def _local(since: float) -> datetime:
    """Local time; a server's nonsense becomes the epoch."""
    try:
        return datetime.fromtimestamp(since)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0)


def _timeout(text: str | None) -> float:
    if text is None:
        return TIMEOUT_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _TIMEOUT_S_MAX:
        raise lmcommon.UsageError(
            "This is no time to wait.", file="-t", found=text, expected=f"seconds, above 0 and at most {_TIMEOUT_S_MAX:g}"
        )
    return seconds


def _detecting(options: Options) -> bool:
    # "Windows, or no -c list; else absent" (lmstat formats, 1).
    return sys.platform == "win32" or not options.has("-c")


def _is_named(reply: Reply, server: str) -> bool:
    hosts = [address.host for address in reply.target.addresses]
    hosts += [member.host for member in reply.status.members] if reply.status is not None else []
    return any(lmcommon.same_host(host, server) for host in hosts)


def _is_of(daemon: DaemonStatus, vendor: str) -> bool:
    return not vendor or daemon.name.lower() == vendor.lower()


def _screen(options: Options, program: str, now: datetime, replies: list[Reply], timeout: float) -> Screen:
    feature = options.flags.get("-f", "")
    users = options.has("-a", "-A", "-asec", "-f", "-S")
    servers_only = options.has("-lm", "-s") and not users and not options.has("-vd")
    vendor = options.flags.get("-S", "")
    told = [daemon for reply in replies if reply.status is not None for daemon in reply.status.daemons]
    nobody = bool(vendor) and not any(_is_of(daemon, vendor) for daemon in told)

    def view(reply: Reply) -> ServerView:
        daemons: tuple[DaemonView, ...] = ()
        if reply.status is not None and reply.at is not None and not servers_only:
            known = [daemon for daemon in reply.status.daemons if _is_of(daemon, vendor)]
            if nobody:
                known = [DaemonStatus(vendor, up=False, reason=f"{reply.target} has no vendor daemon {vendor}.")]
            daemons = tuple(_daemon(daemon, reply.at, feature, users, timeout) for daemon in known)
        place = tuple((address.host, address.port) for address in reply.target.addresses)
        return ServerView(place, reply.status, daemons, reply.error, reply.errors)

    return Screen(
        program,
        now,
        tuple(lmcommon.side_by_side(view, replies)),
        local=_local,
        servers=not (options.has("-vd") and not users and not options.has("-lm", "-s")),
        daemons=not servers_only,
        users=users,
        feature=feature,
        active_only=options.has("-A"),
        people=not options.has("--no-user-info"),
        seconds=options.has("-asec"),
        detecting=_detecting(options),
    )


def _daemon(daemon: DaemonStatus, at: Address, feature: str, users: bool, timeout: float) -> DaemonView:
    """A vendor daemon with the pools asked for, or why they cannot be told."""
    if not daemon.up:
        reason = f"{daemon.name}: {daemon.reason.rstrip('.')}." if daemon.reason else ""
        return DaemonView(daemon, error=LicenseError(-97, minor=121, reason=reason))
    if not users:
        return DaemonView(daemon)
    try:
        return DaemonView(daemon, tuple(pools(at.host, at.port, daemon.name, feature, timeout)))
    except LicenseError as error:
        # Another vendor daemon may serve it.
        return DaemonView(daemon) if error.number == -5 and feature else DaemonView(daemon, error=error)


def _errors(screen: Screen) -> Iterator[LicenseError]:
    """Everything that keeps the answer from being good, in the order of the screen."""
    for view in screen.views:
        if view.error is not None:
            yield view.error
        # Whoever asked for a feature that is served has a good answer, whichever other vendor daemon is down.
        if not (screen.feature and any(daemon.pools for daemon in view.daemons)):
            yield from (daemon.error for daemon in view.daemons if daemon.error is not None)
    daemons = [daemon for view in screen.views for daemon in view.daemons]
    if screen.feature and any(daemon.error is None for daemon in daemons) and not any(daemon.pools for daemon in daemons):
        yield LicenseError(-5, minor=222, feature=screen.feature, reason=f"No server that was asked serves {screen.feature}.")


def _explain(error: LicenseError) -> None:
    if sentence := f"{error.reason} {error.remedy}".strip():
        lmcommon.complain("lmstat", sentence)


# -i --------------------------------------------------------------------------------------------------------------


def _show_file(entries: tuple[Entry, ...], options: Options, program: str, now: datetime, timeout: float) -> int:
    wanted = options.flags["-i"].lower()
    rows = [row for entry in entries for row in _rows(entry, timeout) if not wanted or row.feature.lower() == wanted]
    sys.stdout.write(rows_as_json(now, rows) if options.has("--json") else render_rows(program, now, rows))
    if wanted and not rows:
        error = LicenseError(-5, minor=222, reason=f"The license path has no line of {options.flags['-i']}.")
        _explain(error)
        return error.exit_status
    return 0


def _rows(entry: Entry, timeout: float) -> Iterator[Row]:
    """The license lines of a file; of a server, whose file is not here, the pools that it makes of them."""
    if not entry.addresses:
        from seatkeeper.licfile.model import Feature

        for path in lmcommon.files_of(entry.place):
            for line in lmcommon.read_file(path).file.lines:
                if isinstance(line, Feature):
                    yield Row(line.name, line.version, line.seats or 0, line.vendor, line.expiry)
        return
    for reply in lmcommon.ask_all([lmcommon.Target(entry.addresses)], timeout):
        if reply.error is not None:
            raise reply.error
        if reply.status is None or reply.at is None:
            continue
        for daemon in reply.status.daemons:
            # Of a line that is refused the server tells no more than its name and count, and of one that is gone its holders.
            yield from (_pool_row(pool) for pool in pools(reply.at.host, reply.at.port, daemon.name, "", timeout) if pool.expiry)


def _pool_row(pool: PoolStatus) -> Row:
    return Row(pool.feature, pool.version, pool.total or pool.unsupported, pool.vendor, pool.expiry)
