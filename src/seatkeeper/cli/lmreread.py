"""`lmreread` lets a license server serve what its license files say now, or tells what would come of it.

It says `lmreread successful` only when that is so; of a dry run it says that nothing was changed.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Final

from seatkeeper.adapters import clock
from seatkeeper.base.errors import LicenseError
from seatkeeper.cli import lmcommon
from seatkeeper.sdk.admin import reread

__all__ = ["USAGE", "run"]

USAGE: Final = """\
usage: lmreread [-c PATH] [-vendor NAME] [-all] [--dry-run]

    -c PATH        whom to ask: FILE, DIRECTORY, PORT@HOST, @HOST, or three PORT@HOST with commas; several with ':' (Windows: ';')
    -vendor NAME   only this vendor daemon's lines
    -all           all servers of the license path; otherwise the first that answers
    --dry-run      change nothing; say what would change and who would be affected (-dry-run is the same)
    -v             version of this program
    -help          this text

The server rereads the files it was started with. Ports cannot be changed by a reread.
"""

_KINDS: Final = {"-vendor": "vendor", "-all": "", "--dry-run": "", "-dry-run": ""}


def run(argv: list[str], program: str) -> int:
    """Has the servers reread; returns 0 when all that were asked did, or in a dry run could.

    Raises:
        UsageError: The command line cannot be understood.
        SeatkeeperError: There is no server to ask.
    """
    options = lmcommon.read_options(argv, _KINDS)
    year = datetime.fromtimestamp(clock.now()).year
    if lmcommon.said(options, program, "lmreread", USAGE, year):
        return 0
    print(lmcommon.banner(program, year))
    targets, missing = lmcommon.targets_of(lmcommon.license_path(options.flags.get("-c"), os.environ))
    replies = lmcommon.ask_all(targets)
    errors = [*missing, *(reply.error for reply in replies if reply.error is not None)]
    reached = [reply.at for reply in replies if reply.at is not None]
    if not reached:
        raise errors[0]
    if not options.has("-all"):
        errors = []
        if len(replies) > 1:
            lmcommon.complain("lmreread", f"only {reached[0]} is asked; -all asks all {len(replies)} servers.")
        reached = reached[:1]
    dry_run = options.has("--dry-run", "-dry-run")
    said: list[str] = []
    for address in reached:
        try:
            text = reread(address.host, address.port, options.flags.get("-vendor", ""), dry_run=dry_run)
            said += [f"    {address}: {text.rstrip()}".replace("\n", "\n    ")] if text else []
        except LicenseError as error:
            errors.append(error)
    if dry_run:
        print("lmreread dry run: nothing was changed", *said, sep="\n")
    else:
        print("lmreread failed" if errors else "lmreread successful", *said, sep="\n")
    return lmcommon.complain_of("lmreread", errors)
