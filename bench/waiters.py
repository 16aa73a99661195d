"""What a queue of 9,900 waiting requests costs the checkin that serves its head, against a queue of 100.

All clients ask for the same 50 seats with the queue flag, hold what they are given for no time, and ask again: every checkin serves
the one who waits longest, and every checkout joins the queue's end. A pair is a checkout that waits, is served, and its checkin. The
same license server has both queues in turn, in another order each round. For scale the pairs of a feature that nobody waits for are
measured on a server with and without the long queue beside it.
"""

from __future__ import annotations

import statistics
import sys
from contextlib import ExitStack
from typing import Any

from harness import FEATURE, Figure, cpu_us, pair_rate, progress, run_load, run_program, seat_templates, site_server
from idle import all_do, crowd
from support.site import feature

#: Results by what was measured, one a round.
Results = dict[str, list[dict[str, Any]]]

SEATS = 50
SHORT, LONG = 150, 9950
OTHER = "bench_other"
#: A queue that is a hundred times as long may cost so much more for each.
RATIO_MAX = 1.5
QUEUE_SHORT, QUEUE_LONG = f"queue of {SHORT - SEATS}", f"queue of {LONG - SEATS}"
BESIDE_NONE, BESIDE_LONG = "another feature, no queue", f"another feature, queue of {LONG - SEATS}"


def measure(rounds: int, warm: float, seconds: float) -> Results:
    """Results of all rounds."""
    results: Results = {QUEUE_SHORT: [], QUEUE_LONG: [], BESIDE_NONE: [], BESIDE_LONG: []}
    with ExitStack() as stack:
        lines = [feature(FEATURE, SEATS), feature(OTHER, SEATS)]
        server = stack.enter_context(site_server("site-queue", "--lease", "3600", features=lines))
        queueing = server._replace(load=("--mode", "seats", *seat_templates(users=True, queue=True)))
        other = server._replace(load=("--mode", "seats", *seat_templates(feature=OTHER)))
        for turn in range(rounds):
            order = [(QUEUE_SHORT, SHORT), (QUEUE_LONG, LONG)]
            for name, clients in order[:: -1 if turn % 2 else 1]:
                progress(f"round {turn + 1}/{rounds}: {name}")
                # Of the long queue each has had its turn before the window begins.
                results[name].append(run_load(queueing, clients, warm=max(warm, clients / 5000), seconds=seconds))
            progress(f"round {turn + 1}/{rounds}: another feature")
            results[BESIDE_NONE].append(run_load(other, SEATS, warm=warm, seconds=seconds))
            with crowd(queueing, LONG) as members:
                all_do(members, "seat")
                results[BESIDE_LONG].append(run_load(other, SEATS, warm=warm, seconds=seconds))
        progress("")
    return results


def figures(results: Results) -> list[Figure]:
    """Ratios of CPU and of pairs."""

    def ratio(of: Any, one: str, base: str) -> float:
        return statistics.median(of(a) / of(b) for a, b in zip(results[one], results[base], strict=True))

    return [
        Figure(f"server CPU a pair, {QUEUE_LONG} / {QUEUE_SHORT}", ratio(cpu_us, QUEUE_LONG, QUEUE_SHORT), "x", at_most=RATIO_MAX),
        Figure(f"pairs/s, {QUEUE_LONG} / {QUEUE_SHORT}", ratio(pair_rate, QUEUE_LONG, QUEUE_SHORT), "x"),
        Figure(f"server CPU a pair, {BESIDE_LONG} / no queue", ratio(cpu_us, BESIDE_LONG, BESIDE_NONE), "x"),
    ]


def show_scale(results: Results) -> None:
    """What the ratios are made of, medians over the rounds."""
    print("  absolute, for scale:")
    print(f"  {'':<40}{'pairs/s':>10}{'CPU us/pair':>13}{'longest gap between grants, ms':>33}")
    for name, runs in results.items():
        rate, cpu = statistics.median(map(pair_rate, runs)), statistics.median(map(cpu_us, runs))
        print(f"  {name:<40}{rate:>10.0f}{cpu:>13.2f}{statistics.median(run['gap_us'] for run in runs) / 1000:>33.1f}")


def run(quick: bool = False) -> tuple[list[Figure], Results]:
    """Measures and returns the figures and the rounds."""
    results = measure(1, 0.2, 0.7) if quick else measure(5, 0.5, 3.0)
    return figures(results), results


if __name__ == "__main__":
    sys.exit(run_program("waiters", "A long queue's cost for each who is served.", "Queue", "one short round", run, show_scale))
