"""`seatkeeper demo`: the main job, from order to lmstat, on this machine."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.drive.demo import Demo

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Runs the demo and returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="seatkeeper demo",
        description="Shows the whole system on this machine: an order becomes a signed license file, a license server serves it, "
        "applications hold seats, lmstat shows them.",
    )
    parser.add_argument("--once", action="store_true", help="stop everything after lmstat's output, and end with status 0")
    parser.add_argument("--dir", metavar="DIR", help="where to put the files; a new directory by default")
    parser.add_argument("--port", metavar="P", type=int, default=0, help="the license server's port; by default 7260 or the next free one")
    options = parser.parse_args(argv)
    if not 0 <= options.port <= 65535:
        print(f"seatkeeper demo: --port is a number from 1 to 65535, not {options.port}.", file=sys.stderr)
        return 2
    directory = Path(options.dir) if options.dir else Path(tempfile.mkdtemp(prefix="seatkeeper-demo-"))
    try:
        Demo(directory.absolute(), options.port, lambda line: print(line, flush=True)).run(stay=not options.once)
    except BrokenPipeError:
        raise
    except (SeatkeeperError, OSError) as error:
        print(f"seatkeeper demo: {error}", file=sys.stderr)
        return 1
    return 0
