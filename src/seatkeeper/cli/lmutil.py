"""`lmutil` and the classic tools under their own names: one entry that starts the right one quickly and ends with its status.

A tool is known by the name the program was called by (`lmstat`, also as `lmstat.exe`) or by lmutil's first word. Each tool is a
module with `run(argv, program) -> status`; it is imported only when it is called, because a tool is over in a moment.
"""

from __future__ import annotations

import sys
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters import clock
from seatkeeper.base.errors import InputError, LicenseError, SeatkeeperError, exit_status
from seatkeeper.cli import streams
from seatkeeper.cli.lmcommon import UsageError, banner, complain, complain_of, version_line
from seatkeeper.sdk.access import take_unproven

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["TOOLS", "USAGE", "main", "program_name"]

#: Tool to what it is for; the module of the same name runs it.
TOOLS: Final = {
    "lmborrow": "borrow licenses, show them, give them back early",
    "lmcksum": "show the checksums of license lines",
    "lmdiag": "say for each license whether it can be checked out, and why not",
    "lmdown": "shut license servers down",
    "lmhostid": "show this machine's hostids",
    "lminstall": "convert license files, readable and decimal",
    "lmnewlog": "begin a report log anew, and keep the old one",
    "lmpath": "show and set this user's license path",
    "lmremove": "take seats back from a user",
    "lmreread": "let a license server reread its license files",
    "lmstat": "show license servers, features and who holds them",
    "lmswitch": "write a debug log elsewhere",
    "lmswitchr": "write a report log elsewhere",
    "lmver": "show the version of a program or library",
}

USAGE: Final = (
    "usage: lmutil TOOL [options]\n\n"
    + "".join(f"    {name:<10}{job}\n" for name, job in TOOLS.items())
    + ("\nlmutil TOOL -help shows a tool's options. Each tool can also be called by its own name.\n")
)


def program_name(path: str) -> str:
    """The name a program was called by: without directory, `.exe` or what script launchers add."""
    name = path.replace("\\", "/").rpartition("/")[2].lower()
    for suffix in (".exe", ".py", "-script"):
        name = name.removesuffix(suffix)
    return name


_AS_KNOWN: Final = "Set SEATKEEPER_ROOT to it, or name with -c a license file that has its trust file beside it."


def main(argv: list[str] | None = None) -> int:
    """Runs the tool of the command line (`argv[0]` is the program) and returns its exit status."""
    words = sys.argv if argv is None else argv
    program = program_name(words[0]) if words else "lmutil"
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A name that the terminal cannot show must not cost the rest of the screen.
            stream.reconfigure(errors="backslashreplace")
    return streams.run(program, lambda: _dispatch(program, list(words[1:])))


def _dispatch(program: str, argv: list[str]) -> int:
    if program in TOOLS:
        return _run(program, argv, program)
    # Called by a name of its own, or by one that nobody knows.
    year = datetime.fromtimestamp(clock.now()).year
    if not argv or argv[0] in ("-help", "--help", "-h"):
        print(banner("lmutil", year), "", USAGE.rstrip(), sep="\n")
        return 0
    if argv[0] == "-v":
        print(banner("lmutil", year), version_line("lmutil"), sep="\n")
        return 0
    tool = program_name(argv[0])
    if tool not in TOOLS:
        complain("lmutil", str(UsageError("This is no tool of lmutil.", found=argv[0], expected="one of " + ", ".join(TOOLS))))
        print(USAGE, end="", file=sys.stderr)
        return exit_status(-133)
    return _run(tool, argv[1:], "lmutil")


def _run(tool: str, argv: list[str], program: str) -> int:
    module = import_module(f"seatkeeper.cli.{tool}")
    run: Callable[[list[str], str], int] = module.run
    try:
        take_unproven()
        status = run(argv, program)
        _tell_unproven(tool, take_unproven())
        return status
    except UsageError as error:
        complain(tool, str(error))
        print(module.USAGE, end="", file=sys.stderr)
        return exit_status(-133)
    except UnicodeEncodeError as error:
        # A word of the command line, which is to be sent to a server.
        word = InputError("This is no text in UTF-8.", found=ascii(error.object)[:80], remedy="Write it in the encoding of this terminal.")
        complain(tool, str(word))
        return exit_status(-42)
    except InputError as error:
        complain(tool, str(error))
        return exit_status(-42)
    except LicenseError as error:
        return complain_of(tool, [error])
    except SeatkeeperError as error:
        complain(tool, str(error))
        return exit_status(-76)


def _tell_unproven(tool: str, vendors: Sequence[str]) -> None:
    """Says of which vendor daemons nobody knows whether they are what they seem."""
    for vendor in vendors:
        complain(tool, f"{vendor}: no root key of this vendor is known here, so it was asked without proof and token. {_AS_KNOWN}")


if __name__ == "__main__":
    sys.exit(main())
