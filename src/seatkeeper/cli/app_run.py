"""`seatkeeper app run`: a licensed application that holds real seats as its profile says, fed with what happens at a site."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_USAGE: Final = 2
_EPILOG: Final = """\
A profile names a type of application, its options and its log; `seatkeeper app show TYPE` prints an example. Events are lines of JSON,
such as {"event": "agent-login", "agent": "ann"}; {"event": "options", "license": {"num-of-licenses": 250}} changes options and
{"event": "stop"} ends the application. SIGHUP lets it read the profile again, SIGTERM and SIGINT end it.

exit status: 0 after an orderly end, 1 when events cannot be read, 3 when there is no license to start with (07100), 2 for a profile that is
no good.

examples:
  seatkeeper app run tserver.toml
  seatkeeper app run tserver.toml -l 7260@licsrv --events calls.jsonl --json
  seatkeeper app run desktop.toml --events unix:/run/desktop.sock
"""


def main(argv: Sequence[str]) -> int:
    """Runs the application and returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="seatkeeper app run",
        description="Runs a licensed application.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("profile", metavar="PROFILE.toml", type=Path, help="the application's type, name, options and log")
    parser.add_argument("-l", dest="path", metavar="PATH", default="", help="the license path, in place of the option license-file")
    parser.add_argument(
        "--events",
        metavar="SOURCE",
        default="",
        help="where events come from: - (standard input), a file or pipe, or unix:PATH for a socket",
    )
    parser.add_argument("--stay", action="store_true", help="go on when the events have ended; by default the application then ends")
    parser.add_argument("--json", action="store_true", help="print all that it does as lines of JSON, replies too")
    options = parser.parse_args(list(argv))
    from seatkeeper.drive.profilefile import read_profile

    try:
        profile = read_profile(options.profile)
    except InputError as error:
        print(f"seatkeeper app: {error}", file=sys.stderr)
        return _USAGE
    import uvloop

    from seatkeeper.drive.apprun import ApplicationProcess

    async def run() -> int:
        process = ApplicationProcess(
            options.profile, profile, path=options.path, events=options.events, stay=options.stay, as_json=options.json
        )
        return await process.run()

    try:
        return uvloop.run(run())
    except InputError as error:
        # The license path, or the root to pin.
        print(f"seatkeeper app: {error}", file=sys.stderr)
        return _USAGE
