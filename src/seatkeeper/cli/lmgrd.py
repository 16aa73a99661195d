"""`lmgrd`: starts the license server, with the flags that an administrator of FlexNet knows (facts, FlexNet 4.1)."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import resource
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatkeeper import __version__
from seatkeeper.adapters import clock
from seatkeeper.adapters.accounts import account_of, may_write, unreadable
from seatkeeper.adapters.debuglog import DebugLog, open_log
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.base.roles import TOOLS, Restrictions
from seatkeeper.client.contact import LEASE_S_MAX

if TYPE_CHECKING:
    from seatkeeper.adapters.accounts import Account
    from seatkeeper.server.lmgrd import LicenseManager, ManagerOptions

__all__ = ["DESCRIPTORS_WANTED", "main"]

#: Open files that a license server wants, one for each client; as many of them as the system allows are taken.
DESCRIPTORS_WANTED: Final = 65536

_DEFAULT_FILE: Final = "/usr/local/flexlm/licenses/license.dat"
#: A flag of one letter that takes no value, and something at once behind it.
_RUN_TOGETHER: Final = re.compile(r"-[z2pvbh].")
#: How long the caller of a server that goes to the background waits for it to serve.
_START_S: Final = 30.0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lmgrd",
        add_help=False,
        allow_abbrev=False,
        description="The license server: first contact of all clients, and supervisor of the vendor daemons.",
        epilog="Without -c the license file is that of LM_LICENSE_FILE. Without -l the log goes to standard output.",
    )
    add = parser.add_argument
    add("-c", metavar="LIST", help="license files and directories (*.lic, *.dat), separated by ':' (';' on Windows)")
    add("-l", metavar="[+]LOG", help="debug log; with + it is continued, without it begins anew")
    add("-datestamp", action="store_true", help="begin each line of the log with date and time (ISO 8601)")
    add("-z", action="store_true", help="stay in the foreground")
    add("-x", action="append", default=[], choices=TOOLS, metavar="COMMAND", help=f"switch a command off: {', '.join(TOOLS)}")
    add("-local", action="store_true", help="nothing is changed from other machines, whoever asks")
    add("-2", dest="two", action="store_true", help="with -p: only administrators on this machine change anything")
    add("-p", dest="p", action="store_true", help="see -2")
    add("-v", action="version", version=f"lmgrd v{__version__}", help="print the version")
    add("-help", "-h", "--help", action="help", help="this text")
    more = parser.add_argument_group("seatkeeper's own")
    more.add_argument(
        "--data", metavar="DIR", default="", help="where the journals (NAME.journal) are kept; beside the license file by default"
    )
    more.add_argument(
        "--lease", metavar="SECONDS", type=float, default=180.0, help="a silent client keeps its seats this long (default 180)"
    )
    more.add_argument(
        "--heartbeat", metavar="SECONDS", type=float, default=0.0, help="clients report this often (default a third of --lease)"
    )
    more.add_argument("--unsafe-no-sync", action="store_true", help="do not wait for the disk: a power cut can lose checkouts")
    more.add_argument("--unsafe-no-journal", action="store_true", help="keep no journal: a restart forgets all checkouts")
    more.add_argument(
        "--plain",
        choices=["none", "loopback", "all"],
        default="loopback",
        help="from where connections without TLS are taken (default loopback: this machine)",
    )
    more.add_argument("--admins", metavar="FILE", default="", help="who administers from other machines; see `seatkeeper admin`")
    more.add_argument(
        "--admin-group", metavar="NAME", default="lmadmin", help="members of this group administer on this machine (default lmadmin)"
    )
    more.add_argument(
        "--per-address", metavar="N", type=int, default=2000, help="connections of one address, 0 for any number (default 2000)"
    )
    more.add_argument("--user", metavar="NAME", default="", help="when started as root: be this account once the port is open")
    more.add_argument(
        "--best-fit", action="store_true", help="keep the newest licenses for those who need them, against the documented order"
    )
    more.add_argument(
        "--timeout-min",
        metavar="SECONDS",
        type=int,
        default=900,
        help="shorter TIMEOUTs of the options file are raised to this (default 900)",
    )
    more.add_argument(
        "--simulated-clock",
        metavar="FILE",
        default="",
        help="for simulations: vendor daemons take the time from FILE, which only a trust file for simulations permits",
    )
    more.add_argument(
        "--member",
        metavar="N",
        type=int,
        choices=(1, 2, 3),
        default=0,
        help="be the Nth of three servers, by the order of SERVER lines; for trials, with all three on this machine",
    )
    for name, wants in (("-t", 1), ("-s", 1), ("-m", 1), ("-app", 0), ("-nfs_log", 0), ("-reuseaddr", 0), ("-b", 0)):
        # Flags of old start scripts that change nothing here.
        add(name, dest=f"ignored_{name[1:]}", help=argparse.SUPPRESS, **({"nargs": 1} if wants else {"action": "store_true"}))
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs lmgrd and returns its exit status."""
    parser, words = _parser(), sys.argv[1:] if argv is None else argv
    run_together = [word for word in words if _RUN_TOGETHER.match(word) and word != "-help"]
    if run_together:
        # argparse would take -zz for -z twice, and -zp for -z and -p; lmgrd's flags are words.
        parser.error(f"unrecognized arguments: {' '.join(run_together)}")
    options = parser.parse_args(words)
    if not 1 <= options.lease <= LEASE_S_MAX or not 0 <= options.heartbeat < options.lease:
        print(f"lmgrd: --lease is from 1 to {LEASE_S_MAX:g} seconds, and longer than --heartbeat.", file=sys.stderr)
        return 2
    if options.two != options.p:
        print("lmgrd: -2 and -p mean something only together.", file=sys.stderr)
        return 2
    if options.member and options.unsafe_no_journal:
        print("lmgrd: a server of three keeps its journal: leave --unsafe-no-journal out.", file=sys.stderr)
        return 2
    listed = options.c or os.environ.get("LM_LICENSE_FILE") or _DEFAULT_FILE
    files = tuple(os.path.abspath(part) for part in listed.split(os.pathsep) if part)  # noqa: PTH100 - a list of words, not yet paths
    from seatkeeper.server.license import find_files

    data = os.path.abspath(options.data) if options.data else ""  # noqa: PTH100
    try:
        found = find_files(files)
        descriptor = open_log(options.l) if options.l else os.dup(1)
        account = _account(options.user, found, Path(data) if data else None, descriptor)
    except LicenseError as error:
        print(f"lmgrd: can't initialize: {error.message} {error.reason} {error.remedy}", file=sys.stderr)
        return error.exit_status
    except InputError as error:
        print(f"lmgrd: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"lmgrd: the log {options.l} cannot be opened: {error.strerror}. Name a file that can be written with -l.", file=sys.stderr)
        return 2
    report = -1
    if not options.z:
        reader, report = os.pipe()
        if os.fork():
            os.close(report)
            return _wait_for_start(reader, options.l or "")
        os.close(reader)
        _detach(descriptor)
    os.set_inheritable(descriptor, True)
    import uvloop

    from seatkeeper.server.access import AccessPolicy
    from seatkeeper.server.lmgrd import ManagerOptions

    access = AccessPolicy(
        options.plain,
        os.path.abspath(options.admins) if options.admins else "",  # noqa: PTH100
        options.admin_group,
        Restrictions(tuple(options.x), options.local or options.two, options.two),
        options.per_address,
    )
    manager_options = ManagerOptions(
        files,
        options.lease,
        options.heartbeat or options.lease / 3,
        data,
        not options.unsafe_no_sync,
        not options.unsafe_no_journal,
        access,
        account,
        datestamp=options.datestamp,
        log=os.path.abspath(options.l.removeprefix("+")) if options.l else "",  # noqa: PTH100
        log_anew=bool(options.l) and not options.l.startswith("+"),
        order="best_fit" if options.best_fit else "documented",
        timeout_s_min=max(1, options.timeout_min),
        clock=os.path.abspath(options.simulated_clock) if options.simulated_clock else "",  # noqa: PTH100
        member=options.member,
    )
    return uvloop.run(_serve(manager_options, descriptor, report))


def _account(name: str, files: list[Path], data: Path | None, log: int) -> Account | None:
    """The account to be once the port is open; None where the server stays who it is.

    Raises:
        InputError: There is no such account, this process may not become it, or it could not do its work.
    """
    if not name:
        return None
    account = account_of(name)
    if account.uid == 0:
        raise InputError("This account is root.", file="--user", found=name, expected="an account without privileges")
    if os.geteuid() == account.uid:
        return None
    if os.geteuid() != 0:
        raise InputError("Only root can start a server for another account.", file="--user", found=name, remedy="Leave --user out.")
    place = files[0].parent
    beside = [path for pattern in ("*.trust", "*.credential", "*.opt") for path in sorted(place.glob(pattern))]
    program = [Path(sys.executable).resolve(), Path(os.__file__), Path(__file__)]
    refused = unreadable(account, program)
    if refused:
        remedy = "Install seatkeeper and its Python where every account can read them."
        raise InputError(f"{name} cannot read this program.", file=str(refused[0]), remedy=remedy)
    refused = unreadable(account, [*files, *beside])
    if refused:
        raise InputError(f"{name} cannot read this file.", file=str(refused[0]), remedy=f"chown {name} {refused[0]}")
    directory = data or place
    for path in [directory, *sorted(directory.glob("*.journal"))]:
        if not may_write(account, path):
            raise InputError(f"{name} cannot write into this directory.", file=str(path), remedy=f"chown -R {name} {path}")
    if stat.S_ISREG(os.fstat(log).st_mode):
        # So that it can begin the log anew.
        os.fchown(log, account.uid, account.gid)
    return account


async def _serve(options: ManagerOptions, descriptor: int, report: int) -> int:
    from seatkeeper.server.lmgrd import LicenseManager

    log = DebugLog(descriptor, "lmgrd", clock.now, datestamp=options.datestamp, path=options.log)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # The vendor daemons inherit it (facts, FlexNet 4.1).
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        log.say(f"Default descriptor limit {soft} insufficient, increasing to {wanted}")
    manager = LicenseManager(options, log, descriptor, asyncio.get_running_loop())
    if report >= 0:
        manager.spawn(_report_start(manager, report))
    status = await manager.serve()
    if manager.fault and options.log:
        print(f"lmgrd: {manager.fault}", file=sys.stderr)
    return status


async def _report_start(manager: LicenseManager, report: int) -> None:
    """Tells the waiting caller, once, whether all vendor daemons serve."""
    try:
        up = await asyncio.wait_for(manager.settled(), _START_S)
    except TimeoutError:
        up = False
    os.write(report, b"\0" if up else b"\1")
    os.close(report)


def _detach(descriptor: int) -> None:
    """Goes to the background, away from the caller's terminal."""
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        if standard != descriptor:
            os.dup2(null, standard)


def _wait_for_start(reader: int, log: str) -> int:
    """The caller goes on when the server serves, and is told when it does not; the background process reports."""
    told = os.read(reader, 1)
    if told == b"\0":
        return 0
    where = f"see {log.lstrip('+')}" if log else "name a debug log with -l to see why"
    what = "a vendor daemon is not up" if told else "it did not start"
    print(f"lmgrd: {what}: {where}.", file=sys.stderr)
    return LicenseError(-97).exit_status


if __name__ == "__main__":
    sys.exit(main())
