"""`seatkeeper simulate`: a contact center's day against a real license server, in a minute or so; or its month in a database."""

from __future__ import annotations

import argparse
import csv
import os
import random
import shutil
import signal
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters import clock
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.cli import simulate_month
from seatkeeper.sim.center import AGENTS_MAX, Center, build_center
from seatkeeper.sim.day import Failures, Happening, minute_of, plan_day, time_of
from seatkeeper.sim.installation import Ordered, install, order_licenses
from seatkeeper.sim.sessions import COLUMNS, session_rows
from seatkeeper.sim.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.drive.day import Server
    from seatkeeper.sim.feeds import Feeds

__all__ = ["main"]

_USAGE: Final = 2
_FAILED: Final = 1
_EPILOG: Final = """\
The day has a license server of its own in DIR, with throw-away keys and a simulated clock, unless -c names one: that one then needs the
licenses of the day's order, which `--order` prints, and is neither killed nor reread.

Beside the server's files DIR has sessions.csv (login sessions as usage reports load them) and timeline.json. Without --dir all of it is
gone afterwards. The same seed gives the same day.

exit status: 0 for a day that was run to its end, whatever was refused in it; 1 when the license server and the applications did not
agree, or something could not be run; 2 for wrong usage.

examples:
  seatkeeper simulate day --agents 200 --seed 1
  seatkeeper simulate day --agents 2000 --seed 7 --dir center --json >timeline.json
  seatkeeper simulate day --agents 500 --outage 12:00 --reread none --speed 3600
"""


def main(argv: Sequence[str]) -> int:
    """Runs the command line and returns its exit status."""
    options = _parser().parse_args(list(argv))
    # A shell lets what it starts in the background ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Whoever ends it, what it has started ends with it, as at Ctrl-C.
        signal.signal(number, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        return simulate_month.run(options) if options.what == "month" else _day(options)
    except InputError as error:
        print(f"seatkeeper simulate: {error}", file=sys.stderr)
        return _USAGE
    except SeatkeeperError as error:
        print(f"seatkeeper simulate: {error}", file=sys.stderr)
        return _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="seatkeeper simulate", description="Simulates a contact center.", allow_abbrev=False)
    days = parser.add_subparsers(dest="what", metavar="day|month", required=True)
    day = days.add_parser(
        "day",
        help="one day, from midnight to midnight",
        description="Runs one day of a contact center against a real license server, and tells what came of it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    day.add_argument("--agents", type=int, default=200, metavar="N", help=f"how many agents, 1 to {AGENTS_MAX} (default 200)")
    day.add_argument("--seed", type=int, default=1, metavar="S", help="which day: the same seed gives the same one (default 1)")
    day.add_argument("--speed", type=float, default=0.0, metavar="X", help="X simulated seconds a second; by default as fast as it goes")
    day.add_argument("--dir", default="", metavar="DIR", help="keep the server's files, sessions.csv and timeline.json there")
    day.add_argument("--port", type=int, default=0, metavar="PORT", help="the port of the day's own server; by default one that is free")
    day.add_argument("-c", dest="path", default="", metavar="PORT@HOST", help="run against this license server instead")
    day.add_argument("--date", default="", metavar="YYYY-MM-DD", help="the calendar day (default today)")
    for name, default, text in (
        ("outage", "10:00", "when the license server is killed, for ten minutes"),
        ("reread", "12:00", "when a license file with less is reread, for an hour"),
        ("switchover", "15:00", "when a T-Server fails, for half an hour"),
    ):
        day.add_argument(f"--{name}", default=default, metavar="HH:MM", help=f"{text}; none for never (default {default})")
    day.add_argument("--order", action="store_true", help="print the day's license order, and run nothing")
    day.add_argument("--json", action="store_true", help="print the timeline as JSON, and nothing else")
    simulate_month.add_parser(days)
    return parser


def _day(options: argparse.Namespace) -> int:
    if not 1 <= options.agents <= AGENTS_MAX:
        raise InputError(
            "A center has another number of agents.", file="--agents", found=str(options.agents), expected=f"1 to {AGENTS_MAX}"
        )
    if not 0 <= options.speed < float("inf"):
        raise InputError(
            "The speed is a number of simulated seconds a second.", file="--speed", found=str(options.speed), expected="0 or more"
        )
    if not 0 <= options.port <= 65535:
        raise InputError("This is no port.", file="--port", found=str(options.port), expected="1 to 65535")
    failures = Failures(
        _minute(options.outage, "--outage"),
        reread=_minute(options.reread, "--reread"),
        switchover=_minute(options.switchover, "--switchover"),
    )
    day = _date(options.date)
    draws = random.Random(options.seed)
    center = build_center(options.agents, draws)
    happenings = plan_day(center, draws, failures)
    licenses = order_licenses(center, happenings)
    if options.order:
        from seatkeeper.adapters.host import default_hostid
        from seatkeeper.drive.simulation import order_text

        print(order_text(licenses, default_hostid(), options.port or 7260))
        return 0
    return _run(options, center, happenings, licenses, day)


def _minute(text: str, option: str) -> int | None:
    if text == "none":
        return None
    minute = minute_of(text)
    if minute is None:
        raise InputError("This is no time of the day.", file=option, found=text, expected="HH:MM, or none")
    return minute


def _date(text: str) -> date:
    if not text:
        return clock.today()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InputError("This is no calendar day.", file="--date", found=text, expected="YYYY-MM-DD") from None
    first = clock.today() - timedelta(days=1)
    if day < first:
        # The keys of the day's own server are made today.
        raise InputError("The day is before that of its server's keys.", file="--date", found=text, expected=f"{first} or later")
    return day


def _run(options: argparse.Namespace, center: Center, happenings: list[Happening], licenses: list[Ordered], day: date) -> int:
    import uvloop

    from seatkeeper.drive.day import Day
    from seatkeeper.drive.simulation import OwnServer, foreign_server
    from seatkeeper.sim.feeds import Feeds

    installation = install(center, licenses)
    feeds = Feeds(center, installation)
    timeline = Timeline(options.agents, options.seed, [one.name for one in installation])
    directory = Path(options.dir) if options.dir else Path(tempfile.mkdtemp(prefix="seatkeeper-simulate-"))
    own: OwnServer | None = None
    server: Server
    kept = bool(options.dir)
    try:
        if options.path:
            server = foreign_server(options.path)
            directory.mkdir(parents=True, exist_ok=True)
        else:
            server = own = OwnServer(directory, licenses, day, options.port, _quiet)
            own.start()
        if not server.is_ours:
            # What cannot be done to somebody else's server does not happen.
            happenings = [one for one in happenings if not one.what.startswith(("outage", "reread"))]
        progress = _Progress(show=sys.stderr.isatty())

        async def run() -> None:
            # From here on an interrupt ends this task, and the event loop in order.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
            made = Day(
                feeds,
                installation,
                server,
                timeline,
                day=day,
                clock=own.clock if own else None,
                pace=progress.minute,
                speed=options.speed,
            )
            await made.run(happenings)

        # While the loop is made, an interrupt would leave it open, and uvloop would complain of that.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            uvloop.run(run())
        finally:
            progress.end()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        if options.dir:
            _keep(directory, timeline, feeds, day)
        if options.json:
            print(_encoded(timeline))
        else:
            from seatkeeper.cli.simulate_text import render

            print(render(timeline, shutil.get_terminal_size((100, 40)).columns))
            if options.dir:
                files = "sessions.csv and timeline.json" if own is None else "sessions.csv, timeline.json, and the license server's files"
                print(f"\n{directory} has {files}.")
    except SeatkeeperError as error:
        if own is not None:
            # Its logs may tell more.
            kept, error.remedy = True, error.remedy or f"Look at {directory / 'debug.log'}."
        raise
    finally:
        if own is not None:
            own.stop()
        if not kept:
            shutil.rmtree(directory, ignore_errors=True)
    return 0


def _encoded(timeline: Timeline) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(timeline), indent=1).decode()


def _keep(directory: Path, timeline: Timeline, feeds: Feeds, day: date) -> None:
    (directory / "timeline.json").write_text(_encoded(timeline) + "\n", encoding="utf-8")
    with (directory / "sessions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(session_rows(feeds.sessions, day))


def _quiet(_line: str) -> None:
    """What the commands print is kept out of the timeline; their errors are told in exceptions."""


class _Progress:
    """The time of the simulated day, on a terminal."""

    def __init__(self, *, show: bool) -> None:
        self._show = show

    def minute(self, minute: int, timeline: Timeline) -> None:
        """A minute is over."""
        if self._show and minute % 10 == 0:
            print(f"\r{time_of(minute)}  {timeline.served} served, {len(timeline.refusals)} refused ", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """The day is over."""
        if self._show:
            print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)
