"""Checkout and checkin pairs under an options file of 500 rules and 1,000 groups, against the same pairs without an options file.

Every client of the load is a user of its own and a member of 40 groups; the requested feature has 220 of the rules, of which each
user meets four INCLUDE lines, two or three ceilings (MAX) and one or two reservations. Both license servers serve on core 0 in turn,
in another order each round; a ratio is taken within its round, and the median over the rounds is reported.
"""

from __future__ import annotations

import statistics
import sys
from contextlib import ExitStack
from typing import Any

from harness import (
    FEATURE,
    VENDOR,
    BenchError,
    Figure,
    Server,
    answer_to,
    cpu_us,
    pair_rate,
    progress,
    run_load,
    run_program,
    seat_templates,
    site_server,
)
from seatkeeper.wire.messages import Checkout, Denied

#: Results by server and number of clients, one a round.
Results = dict[str, dict[int, list[dict[str, Any]]]]

CLIENTS = (50, 500)
USERS, GROUPS, MEMBERS, OTHERS = 500, 1000, 20, 20
INCLUDED, LIMITED, RESERVED, EXCLUDED, RULES = 100, 60, 40, 20, 500
RATIO_MIN = 0.8
PLAIN, RULED = "without options", "with options"


def options_text() -> str:
    """The options file: the groups, then the rules, most of them about other features or other people."""
    lines = []
    for group in range(GROUPS):
        # Every user is in one of 25 groups that follow one another.
        members = " ".join(f"user{(7 * group + 25 * member) % USERS:05d}" for member in range(MEMBERS))
        lines.append(f"GROUP team{group:04d} {members}")
    rules = [f"INCLUDE {FEATURE} GROUP team{group:04d}" for group in range(INCLUDED)]
    rules += [f"MAX 5000 {FEATURE} GROUP team{INCLUDED + group:04d}" for group in range(LIMITED)]
    rules += [f"RESERVE 20 {FEATURE} GROUP team{INCLUDED + LIMITED + group:04d}" for group in range(RESERVED)]
    rules += [f"EXCLUDE {FEATURE} USER outsider{number:02d}" for number in range(EXCLUDED)]
    kinds = ("INCLUDE {} GROUP team{:04d}", "EXCLUDE {} HOST kiosk{:04d}", "MAX 10 {} GROUP team{:04d}", "RESERVE 1 {} GROUP team{:04d}")
    for number in range(RULES - len(rules)):
        rules.append(kinds[number % len(kinds)].format(f"bench_other_{number % OTHERS}", 300 + number))
    return "\n".join([*lines, *rules]) + "\n"


def _check(server: Server) -> None:
    """That the rules are in force: excluded and unmentioned people are denied by them, and the log names no bad line."""
    assert server.site is not None
    if f"{VENDOR}.opt:" in server.site.read_log():
        raise BenchError(f"the options file has faults:\n{server.site.read_log()}")
    for user, number in (("outsider00", -38), ("nobody", -39)):
        answer = answer_to(server, Checkout(1, FEATURE, "8.0"), user)
        if not isinstance(answer, Denied) or answer.number != number:
            raise BenchError(f"{user} is answered {answer}, where the options file denies with {number}.")
    answer = answer_to(server, Checkout(1, FEATURE, "8.0"), "user00000")
    if isinstance(answer, Denied):
        raise BenchError(f"user00000 is denied: {answer.reason}")


def measure(rounds: int, warm: float, seconds: float) -> Results:
    """Results of all rounds."""
    with ExitStack() as stack:
        load = ("--mode", "seats", *seat_templates(users=True))
        servers = [
            stack.enter_context(site_server("site-no-options"))._replace(name=PLAIN, load=load),
            stack.enter_context(site_server("site-options", options=options_text()))._replace(name=RULED, load=load),
        ]
        _check(servers[1])
        results: Results = {server.name: {count: [] for count in CLIENTS} for server in servers}
        for turn in range(rounds):
            for count in CLIENTS:
                for server in servers[:: -1 if turn % 2 else 1]:
                    progress(f"round {turn + 1}/{rounds}: {count} clients, {server.name}")
                    results[server.name][count].append(run_load(server, count, warm=warm, seconds=seconds))
        progress("")
    return results


def figures(results: Results) -> list[Figure]:
    """Against the issue's target."""
    found = []
    for count in CLIENTS:
        both = list(zip(results[RULED][count], results[PLAIN][count], strict=True))
        wall = statistics.median(pair_rate(one) / pair_rate(base) for one, base in both)
        cpu = statistics.median(cpu_us(base) / cpu_us(one) for one, base in both)
        found.append(Figure(f"pairs/s, {RULES} rules and {GROUPS} groups / none, {count} clients", wall, "x", at_least=RATIO_MIN))
        found.append(Figure(f"server CPU a pair, none / {RULES} rules and {GROUPS} groups, {count} clients", cpu, "x", at_least=RATIO_MIN))
    return found


def show_scale(results: Results) -> None:
    """What the ratios are made of, medians over the rounds."""
    print("  absolute, for scale:")
    print(f"  {'':<26}{'clients':>8}{'pairs/s':>10}{'CPU us/pair':>13}{'p99 us':>9}")
    for name, by_count in results.items():
        for count, runs in by_count.items():
            rate, cpu = statistics.median(map(pair_rate, runs)), statistics.median(map(cpu_us, runs))
            print(f"  {name:<26}{count:>8}{rate:>10.0f}{cpu:>13.2f}{statistics.median(run['p99_us'] for run in runs):>9.0f}")


def run(quick: bool = False) -> tuple[list[Figure], Results]:
    """Measures and returns the figures and the rounds."""
    results = measure(1, 0.2, 0.7) if quick else measure(7, 0.5, 2.0)
    return figures(results), results


if __name__ == "__main__":
    sys.exit(run_program("rules", "Checkouts under a long options file.", "Options file", "one short round", run, show_scale))
