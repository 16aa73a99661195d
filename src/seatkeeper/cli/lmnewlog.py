"""`lmnewlog` moves what is in a vendor daemon's report log to a new file; the log goes on under its name."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from seatkeeper.adapters import clock
from seatkeeper.cli import lmcommon
from seatkeeper.cli.lmswitch import switch_log

__all__ = ["USAGE", "run"]

USAGE: Final = """\
usage: lmnewlog [-c PATH] [VENDOR] FILE

    -c PATH   whom to ask: FILE, DIRECTORY, PORT@HOST, @HOST, or three PORT@HOST with commas; several with ':' (Windows: ';')
    -v        version of this program
    -help     this text

What is in the report log is moved to FILE, a new file on the license server's machine and on the same file system; the log goes on under
its old name. VENDOR may be left out where the server has one only.
"""


def run(argv: list[str], program: str) -> int:
    """Has the report log begun anew; returns 0 when it is.

    Raises:
        UsageError: The command line cannot be understood.
        SeatkeeperError: There is no such vendor daemon to ask, or it refuses.
    """
    options = lmcommon.read_options(argv, {}, 2)
    if lmcommon.said(options, program, "lmnewlog", USAGE, datetime.fromtimestamp(clock.now()).year):
        return 0
    return switch_log(options, program, "lmnewlog", "new")
