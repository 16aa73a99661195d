"""`seatkeeper hold`: a program runs only while it holds licenses, without knowing anything of them.

The licenses are checked out first, then the program starts; when it has ended they are checked in, and its status is the status. A
denial ends the command at once, with the FlexNet number's low byte as status, before the program has begun.

A lost license never stops the program ("it does not interrupt its service and it does not drop current interactions", guide,
Licensing Violations): a line on standard error tells of it.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatkeeper.base.errors import InputError, LicenseError, SeatkeeperError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seatkeeper.client.events import News

__all__ = ["main"]

#: What shells say of a command that cannot be run, and of one that is not there.
_NOT_EXECUTABLE: Final = 126
_NOT_FOUND: Final = 127
_USAGE: Final = 2
_BY_SIGNAL: Final = 128
_HELP_COLUMNS: Final = 120
#: More seconds than a century has, and hours than a license lasts.
_NUMBER_MAX: Final = 1e10

_USAGE_LINE: Final = (
    "seatkeeper hold FEATURE [--version V] [--count N] [--up-to] [--queue] [--wait SECONDS] [--borrow HOURS]\n"
    "                       [--data TEXT] [-c PATH] [--vendor NAME] [--display D] -- COMMAND ..."
)
_EPILOG: Final = """\
The program's environment has SEATKEEPER_FEATURE, SEATKEEPER_HANDLE and SEATKEEPER_COUNT. SIGINT, SIGTERM and SIGHUP are passed on to it.

exit status: the program's, or 128 + n when signal n ended it; 126 and 127 when it cannot be run; 2 for wrong usage; for a denial
the low byte of the license error's number, such as 252 for -4 (all seats in use) and 241 for -15 (no connection).

examples:
  seatkeeper hold tserver_sdn --count 500 --up-to -c 7260@licsrv -- ./tserver --app TServer_1
  GENESYS_D_LICENSE_FILE=7260@licsrv seatkeeper hold router_seats -- ./urs
  seatkeeper hold designer --queue -c 7260@licsrv -- ./designer
  seatkeeper hold designer --borrow 48 -c 7260@licsrv -- ./designer
"""


def main(argv: Sequence[str]) -> int:
    """Runs the command line's program and returns its status."""
    words = list(argv)
    cut = words.index("--") if "--" in words else len(words)
    options = _parser().parse_args(words[:cut])
    command = words[cut + 1 :]
    if not command:
        return _complain("No command is given: put it after --, as in `seatkeeper hold FEATURE -- COMMAND ...`.", _USAGE)
    program, problem, status = _find_program(command[0])
    if program is None:
        return _complain(problem, status)
    # A warning of the client is one line, like all that is said here.
    logging.basicConfig(level=logging.WARNING, format="seatkeeper hold: %(message)s")
    from seatkeeper.sdk.blocking import Client

    checkout = {
        "queue": options.queue or options.wait is not None,
        "timeout": options.wait,
        "borrow_until": options.borrow,
        "data": options.data,
    }
    try:
        with (
            Client(options.path, options.vendor, display=options.display, application=Path(program).name, on_event=_tell) as client,
            client.checkout(options.feature, options.version, options.count, options.up_to, **checkout) as seat,
        ):
            environment = {
                **os.environ,
                "SEATKEEPER_FEATURE": seat.feature,
                "SEATKEEPER_HANDLE": str(seat.handle),
                "SEATKEEPER_COUNT": str(seat.count),
            }
            try:
                return _run(program, command, environment)
            except OSError as error:
                return _complain(f"{command[0]} cannot be run: {error.strerror}.", _NOT_EXECUTABLE)
    except LicenseError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except InputError as error:
        return _complain(str(error), _USAGE)
    except SeatkeeperError as error:
        return _complain(str(error), 1)
    except KeyboardInterrupt:
        # Only before the program runs: then Ctrl-C is its own business.
        return _complain("interrupted; the place in the queue is given up.", _BY_SIGNAL + signal.SIGINT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seatkeeper hold",
        usage=_USAGE_LINE,
        description="Run COMMAND while it holds licenses.",
        epilog=_EPILOG,
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=_HELP_COLUMNS),  # Else it loads all of shutil to ask.
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("feature", metavar="FEATURE", help="the feature to check out")
    add("--version", metavar="V", default="", help="the license must be of this version or above; any version will do without it")
    add("--count", metavar="N", type=int, default=1, help="seats, all under one handle (default 1)")
    add("--up-to", action="store_true", help="take as many of N seats as are free, at least one")
    add("--queue", action="store_true", help="wait for seats where none are free, behind those who came before; Ctrl-C gives the place up")
    add("--wait", metavar="SECONDS", type=_seconds, help="the same, but no longer than that")
    add(
        "--borrow",
        metavar="HOURS",
        type=_hours,
        help="borrow the seats for so many hours: until then this machine needs no server for them",
    )
    add("--data", metavar="TEXT", default="", help="the application's part of the key under which checkouts share a license (DUP_GROUP=V)")
    add("-c", "-l", dest="path", metavar="PATH", help="license path; without it GENESYS_D_LICENSE_FILE, then LM_LICENSE_FILE")
    add("--vendor", metavar="NAME", default="genesys.d", help="the vendor daemon (default genesys.d)")
    add("--display", metavar="D", help="the display to be recorded in place of this terminal")
    return parser


def _seconds(text: str) -> float:
    """The argument as seconds to wait.

    Raises:
        argparse.ArgumentTypeError: It is no such number.
    """
    return _positive(text, "a number of seconds above 0, such as 600")


def _hours(text: str) -> float:
    """The argument as hours to borrow for.

    Raises:
        argparse.ArgumentTypeError: It is no such number.
    """
    return _positive(text, "a number of hours above 0, such as 48")


def _positive(text: str, expected: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < _NUMBER_MAX:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected {expected}")
    return number


def _find_program(name: str) -> tuple[str | None, str, int]:
    """Path of the program as a shell would find it; else a sentence, and the status that shells have for it."""
    if os.sep in name or (os.altsep is not None and os.altsep in name):
        found = [Path(name)]
    else:
        found = [Path(place or ".") / name for place in os.environ.get("PATH", os.defpath).split(os.pathsep)]
        if sys.platform == "win32":
            found = [Path(f"{path}{end}") for path in found for end in ("", *os.environ.get("PATHEXT", ".EXE").split(";"))]
    files = [path for path in found if _is(path, Path.is_file)]
    program = next((path for path in files if os.access(path, os.X_OK)), None)
    if program is not None:
        return str(program), "", 0
    if files:
        return None, f"{files[0]} is not executable: let it be (chmod +x), or name its interpreter.", _NOT_EXECUTABLE
    if _is(found[0], Path.is_dir):
        return None, f"{name} is a directory, not a program.", _NOT_EXECUTABLE
    where = "there is no such file" if len(found) == 1 and os.sep in name else "it is not in any directory of PATH"
    return None, f"{name} cannot be found: {where}.", _NOT_FOUND


def _is(path: Path, what: Callable[[Path], bool]) -> bool:
    """Whether this account sees that `path` is that; a directory of PATH may be closed to it, as after `su`."""
    try:
        return what(path)
    except OSError:
        return False


def _tell(news: News) -> None:
    """One line about what has happened to the license."""
    from seatkeeper.client.events import HeartbeatLost, LicenseLost, LicenseRestored, Waiting

    if isinstance(news, Waiting):
        text = f"all seats of {news.feature} at {news.server} are in use; waiting in the queue, as number {news.position}."
    elif isinstance(news, LicenseLost):
        text = f"the license of {news.feature} (handle {news.handle}) is lost: {news.reason} The program goes on."
    elif isinstance(news, LicenseRestored):
        seats = "1 seat" if news.count == 1 else f"{news.count} seats"
        text = f"the license of {news.feature} is restored, {seats} under handle {news.handle}."
    elif isinstance(news, HeartbeatLost):
        text = f"{news.server} is out of contact: {news.reason} Trying to come back."
    else:
        text = f"{news.server} is back."
    logging.getLogger("seatkeeper.hold").warning(text)


def _complain(text: str, status: int) -> int:
    print(f"seatkeeper hold: {text}", file=sys.stderr)
    return status


if sys.platform == "win32":

    def _run(program: str, command: list[str], environment: Mapping[str, str]) -> int:
        """The status of the program; Ctrl-C reaches it through the console."""
        import subprocess

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return subprocess.run(command, executable=program, env=environment, check=False).returncode

else:
    _PASSED_ON: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2})
    #: Linux marks what the kernel sent, such as Ctrl-C on a terminal, which the program in the same process group has got itself.
    _SI_KERNEL: Final = 0x80
    #: What this interpreter ignores, and a program expects to end it.
    _IGNORED_BY_PYTHON: Final = tuple(
        number for name in ("SIGPIPE", "SIGXFSZ", "SIGXFZ") if (number := getattr(signal, name, None)) is not None
    )

    def _run(program: str, command: list[str], environment: Mapping[str, str]) -> int:
        """The status of the program, to which all signals are passed on that somebody sends to this process."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Blocked signals wait for us, so none falls into the gap between two lines.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON | {signal.SIGCHLD})
        try:
            process = os.posix_spawn(program, command, environment, setsigmask=before, setsigdef=_IGNORED_BY_PYTHON)
            while True:
                number, sent = _wait_for_signal()
                if number != signal.SIGCHLD:
                    if sent:
                        os.kill(process, number)
                    continue
                ended, status = os.waitpid(process, os.WNOHANG)
                if ended:
                    code = os.waitstatus_to_exitcode(status)
                    return code if code >= 0 else _BY_SIGNAL - code
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _wait_for_signal() -> tuple[int, bool]:
        """The next signal, and whether a process sent it to this one."""
        awaited = _PASSED_ON | {signal.SIGCHLD}
        if hasattr(signal, "sigwaitinfo"):
            told = signal.sigwaitinfo(awaited)
            return told.si_signo, told.si_code != _SI_KERNEL
        return signal.sigwait(awaited), True
