"""`lmswitchr` lets a vendor daemon's report log go on in a new file."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from seatkeeper.adapters import clock
from seatkeeper.cli import lmcommon
from seatkeeper.cli.lmswitch import switch_log

__all__ = ["USAGE", "run"]

USAGE: Final = """\
usage: lmswitchr [-c PATH] [VENDOR] FILE

    -c PATH   whom to ask: FILE, DIRECTORY, PORT@HOST, @HOST, or three PORT@HOST with commas; several with ':' (Windows: ';')
    -v        version of this program
    -help     this text

The report log goes on in FILE, a new file on the license server's machine. VENDOR may be left out where the server has one only.
"""


def run(argv: list[str], program: str) -> int:
    """Has the report log go on elsewhere; returns 0 when it does.

    Raises:
        UsageError: The command line cannot be understood.
        SeatkeeperError: There is no such vendor daemon to ask, or it refuses.
    """
    options = lmcommon.read_options(argv, {}, 2)
    if lmcommon.said(options, program, "lmswitchr", USAGE, datetime.fromtimestamp(clock.now()).year):
        return 0
    return switch_log(options, program, "lmswitchr", "report")
