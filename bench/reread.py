"""The longest pause of grants while a license file of 10,000 lines is read again, beside the longest without a reread.

The file has 10,000 signed lines; before each reread another count stands in every tenth of them. A load of checkouts and checkins runs,
at a steady pace of 2,000 pairs a second and as fast as 50 clients can, in windows with one `lmreread` each and windows without, in
turn. What counts is the longest time between two grants, seen by the load. 9,900 clients more hold a seat each, and their seats are
counted in the new pools. Server, lmgrd and the reading share core 0.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from harness import FEATURE, BenchError, Figure, Server, on_core, progress, run_load, run_program, seat_templates, site_server
from idle import PROCESSES, all_do, crowd
from support.site import Site, feature

if TYPE_CHECKING:
    from seatkeeper.licfile.model import Feature

LINES = 10_000
HOLDERS = 9_900
#: By name: clients, and pairs a second (0: as many as they can).
LOADS = {"2,000 pairs a second": (500, 2000.0), "50 clients without a pause": (50, 0.0)}
REREAD, NONE = "reread", "no reread"
GAP_MS_MAX = 100.0
#: From the window's begin to the reread, and the time that it has.
AFTER_S, WITHIN_S = 0.7, 5.0


def _lines(count: int, seats: int) -> list[Feature]:
    """The license: two features of the load and many others, of which each tenth has so many seats."""
    others = (
        feature(f"feature_{number:05d}", seats if number % 10 == 0 else 1 + number % 50, vendor_info=f"Invented Product {number}")
        for number in range(count - 2)
    )
    return [feature(FEATURE, 9999), feature("bench_held", 9999), *others]


def _versions(site: Site, count: int) -> list[bytes]:
    """The license file as it stands, and as it stands after a purchase."""
    found = [site.license.read_bytes()]
    site.write(_lines(count, 70))
    found.append(site.license.read_bytes())
    return found


def _exchange(server: Server, text: bytes) -> None:
    """Puts another license file in place; it is on the disk when this returns, so that its writing holds up no flush of the journal."""
    assert server.site is not None
    path = server.site.license
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(text)
        os.fsync(file.fileno())
    new.replace(path)
    os.sync()


def lmreread(server: Server) -> float:
    """Seconds that the command takes."""
    command = ["nice", "-n", "19", sys.executable, "-m", "seatkeeper.cli.lmutil", "lmreread", "-c", f"{server.port}@localhost"]
    with on_core(None):
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        taken = time.perf_counter() - started
    if done.returncode:
        raise BenchError(f"lmreread ended with {done.returncode}: {done.stdout}{done.stderr}")
    return taken


def _window(server: Server, clients: int, rate: float, text: bytes | None) -> dict[str, Any]:
    """One window of load, with a reread in it where there is a text to read."""
    times: list[float] = []
    failed: list[BenchError] = []

    def reread() -> None:
        time.sleep(AFTER_S)
        try:
            times.append(lmreread(server))
        except BenchError as error:
            failed.append(error)

    thread = threading.Thread(target=reread)
    if text is not None:
        _exchange(server, text)
        thread.start()
    try:
        result = run_load(server, clients, warm=AFTER_S / 2, seconds=WITHIN_S, rate=rate)
    finally:
        if text is not None:
            thread.join()
    if failed:
        raise failed[0]
    if times and times[0] > WITHIN_S - AFTER_S:
        raise BenchError(f"lmreread took {times[0]:.1f} s and ended after the window.")
    return {**result, "reread_s": times[0] if times else 0.0}


def measure(lines: int, holding: int, rounds: int) -> dict[str, Any]:
    """All windows."""
    found: dict[str, Any] = {"lines": lines, "windows": {name: {REREAD: [], NONE: []} for name in LOADS}}
    with site_server("site-reread", "--lease", "3600", features=_lines(lines, 60)) as server:
        assert server.site is not None
        texts = _versions(server.site, lines)
        holders = server._replace(load=("--mode", "seats", *seat_templates(users=True, feature="bench_held")))
        with crowd(holders, holding, PROCESSES) as members:
            all_do(members, "seat")
            number = 0
            for turn in range(rounds):
                for name, (clients, rate) in LOADS.items():
                    for what in (REREAD, NONE)[:: -1 if turn % 2 else 1]:
                        progress(f"round {turn + 1}/{rounds}: {name}, {what}")
                        number += what == REREAD
                        text = texts[number % 2] if what == REREAD else None
                        found["windows"][name][what].append(_window(server, clients, rate, text))
        progress("")
        log = server.site.read_log()
        if log.count("Done rereading license file") < number:
            raise BenchError(f"{number} rereads were asked for, and the log tells of fewer.")
    return found


def figures(found: dict[str, Any]) -> list[Figure]:
    """Against the issue's target, which is absolute."""
    figures = []
    for name, by_kind in found["windows"].items():
        gaps = {what: [run["gap_us"] / 1000 for run in runs] for what, runs in by_kind.items()}
        head = f"longest pause of grants, {name}"
        figures += [
            Figure(
                f"{head}, in {len(gaps[REREAD])} rereads of {found['lines']} lines", max(gaps[REREAD]), "ms", "absolute", at_most=GAP_MS_MAX
            ),
            Figure(f"{head}, median of the rereads", statistics.median(gaps[REREAD]), "ms", "absolute"),
            Figure(f"{head}, in as many windows without a reread", max(gaps[NONE]), "ms", "absolute"),
        ]
    return figures


def show_scale(found: dict[str, Any]) -> None:
    """What the figures are made of, medians over the rounds."""
    print("  absolute, for scale:")
    print(f"  {'':<44}{'pairs/s':>9}{'checkout p99, ms':>18}{'longest, ms':>13}{'lmreread, s':>13}")
    for name, by_kind in found["windows"].items():
        for what, runs in by_kind.items():
            rate = statistics.median(run["pairs"] / run["seconds"] for run in runs)
            p99, longest = (statistics.median(run[key] / 1000 for run in runs) for key in ("grant_p99_us", "grant_max_us"))
            took = statistics.median(run["reread_s"] for run in runs)
            print(f"  {f'{name}, {what}':<44}{rate:>9.0f}{p99:>18.1f}{longest:>13.1f}{took:>13.2f}")


def run(quick: bool = False) -> tuple[list[Figure], dict[str, Any]]:
    """Measures and returns the figures and what they come from."""
    found = measure(1000, 500, 1) if quick else measure(LINES, HOLDERS, 6)
    return figures(found), found


if __name__ == "__main__":
    sys.exit(run_program("reread", "Grants while a long license file is read again.", "Reread", "1,000 lines, one round", run, show_scale))
