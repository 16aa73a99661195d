"""From starting lmgrd to the first grant, with a license file of 1,000 lines.

The client tries to connect every few milliseconds from the moment lmgrd is started, says Hello, asks for a seat and waits for
Granted. For scale the same is measured for an interpreter that only loads what every program of this kind loads.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import socket
import statistics
import subprocess
import sys
import time

from harness import VENDOR, BenchError, Figure, Site, directory_on_disk, encode_preface, ended_by_signals, hello, show, write_json
from seatkeeper.wire.framing import frame, server_frames
from seatkeeper.wire.messages import Checkout, Granted, Refused, Welcome
from support.site import feature

LINES = 1000
ROUNDS = 5
LIMIT_S = 30.0
PAUSE_S = 0.005
BARE = "import asyncio, uvloop, msgspec, cryptography.hazmat.primitives.asymmetric.ed25519"


def first_grant(port: int, name: str) -> None:
    """Returns when a seat of `name` is granted."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        except OSError:
            time.sleep(PAUSE_S)
            continue
        with connection:
            connection.sendall(encode_preface(VENDOR) + frame(hello(b"start-bench-0123")))
            reader = server_frames()
            while data := connection.recv(65536):
                for message in reader.feed(data):
                    if isinstance(message, Welcome):
                        connection.sendall(frame(Checkout(1, name, "8.0")))
                    elif isinstance(message, Granted):
                        return
                    elif not isinstance(message, Refused):
                        raise BenchError(f"no grant but {message}")
    raise BenchError(f"no grant within {LIMIT_S:g} s")


def run(quick: bool = False) -> tuple[list[Figure], object]:
    """Measures and returns the figures and the rounds."""
    rounds = 2 if quick else ROUNDS
    lines = [feature(f"feature_{number:04d}", 1 + number % 50, vendor_info=f"Invented Product {number}") for number in range(LINES)]
    site = Site(directory_on_disk("site-start"), lines)
    grants: list[float] = []
    bares: list[float] = []
    try:
        for _ in range(rounds):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", BARE], check=True)
            bares.append(time.perf_counter() - started)
            started = time.perf_counter()
            site.start(wait=False)
            first_grant(site.port, lines[-1].name)
            grants.append(time.perf_counter() - started)
            site.stop()
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(site.directory / f"{VENDOR}.journal")
    finally:
        site.stop()
        shutil.rmtree(site.directory, ignore_errors=True)
    ratio = statistics.median(grant / bare for grant, bare in zip(grants, bares, strict=True))
    figures = [
        Figure(f"lmgrd start to first grant, {LINES} lines, median", statistics.median(grants), "s", "absolute", at_most=1.0),
        Figure(f"lmgrd start to first grant, {LINES} lines, slowest of {rounds}", max(grants), "s", "absolute"),
        Figure("lmgrd start to first grant / start of a bare interpreter with its libraries", ratio, "x"),
    ]
    return figures, {"grants_s": grants, "bare_s": bares}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/start.py", description="From starting lmgrd to the first grant.")
    parser.add_argument("--json", metavar="FILE", help="write the figures here")
    parser.add_argument("--quick", action="store_true", help="two rounds")
    args = parser.parse_args()
    try:
        with ended_by_signals():
            found, raw = run(args.quick)
    except BenchError as error:
        print(f"bench/start.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    show("Start", found)
    if args.json:
        write_json(args.json, found, raw)
    return 0


if __name__ == "__main__":
    sys.exit(main())
