"""`genesys.d`: the vendor daemon's process. lmgrd starts it; nobody else does ("Never start or stop genesys.d directly", guide)."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path

import msgspec
import uvloop

from seatkeeper.adapters import clock
from seatkeeper.adapters.debuglog import DebugLog
from seatkeeper.server.vendord import DaemonOptions, VendorDaemon

__all__ = ["main"]


async def _serve(options: DaemonOptions, log: DebugLog) -> int:
    daemon = VendorDaemon(options, log, asyncio.get_running_loop())
    # What exists now lives as long as the process: the collector need not look at it again and again.
    gc.freeze()
    status = await daemon.serve()
    if options.triad is not None:
        # All is written and closed. Waiting for what the log's client still does in the background may take for ever.
        sys.stdout.flush()
        os._exit(status)
    return status


def main(argv: list[str] | None = None) -> int:
    """Runs the vendor daemon that lmgrd describes on the command line."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 2 or arguments[0] != "--lmgrd":
        print("genesys.d is started by lmgrd, which reads the license file: run `lmgrd -c FILE -l LOG`.", file=sys.stderr)
        return 2
    options = msgspec.json.decode(arguments[1], type=DaemonOptions)
    if options.clock:
        # Whether it may is found out with the trust file (VendorDaemon), before anything is served.
        clock.follow(Path(options.clock))
    log = DebugLog(sys.stdout.fileno(), options.vendor, clock.now, datestamp=options.datestamp, path=options.log)
    return uvloop.run(_serve(options, log))


if __name__ == "__main__":
    sys.exit(main())
