"""TLS 1.3 against plain text: checkout and checkin pairs of 50 clients, memory for each connected client, and what a handshake costs.

One license server takes both: the same load, once compiled with OpenSSL and once without, connects to it in turn, in another order each
round. A ratio is taken within its round, and the median over the rounds is reported. Memory is the daemon's growth for clients that
are connected and idle, beyond what the first few brought.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from harness import (
    VENDOR,
    BenchError,
    Figure,
    Server,
    build_load,
    cpu_ns,
    cpu_us,
    encode_preface,
    pair_rate,
    progress,
    pss_bytes,
    run_load,
    run_program,
    seat_templates,
    site_server,
)
from idle import WARM_CLIENTS, all_do, crowd

CLIENTS = 50
MANY = 2000
RATIO_MIN = 0.5
CLIENT_BYTES_MAX = 60_000
PLAIN, TLS = "plain text", "TLS 1.3"


def possible() -> bool:
    """True where the load can be compiled with TLS; says what is missing where it cannot."""
    try:
        build_load("load-tls")
    except BenchError as error:
        print(f"TLS is left out: {error}", file=sys.stderr)
        return False
    return True


def _connected(server: Server, clients: int) -> dict[str, float]:
    """What clients that connect and stay cost the daemon, each."""
    with crowd(server, WARM_CLIENTS, 1) as members:
        all_do(members, "seat")
    # The daemon has noticed that they are gone when it has answered whoever comes next.
    with crowd(server, 1, 1):
        before, used, started = pss_bytes(server.pid), cpu_ns(server.pid), time.monotonic()
    with crowd(server, clients) as members:
        found = {
            "connect_s": time.monotonic() - started,
            "connect_cpu_us": (cpu_ns(server.pid) - used) / clients / 1000,
            "idle_bytes": (pss_bytes(server.pid) - before) / clients,
        }
        all_do(members, "seat")
        all_do(members, "beat 0")
        found["seated_bytes"] = (pss_bytes(server.pid) - before) / clients
    return found


def measure(rounds: int, warm: float, seconds: float, many: int) -> dict[str, Any]:
    """Windows of both, and what connected clients cost."""
    found: dict[str, Any] = {"many": many, "connected": {}, "rounds": {PLAIN: [], TLS: []}}
    with site_server("site-tls", "--lease", "3600") as server:
        preface = encode_preface(VENDOR, tls=True)
        servers = [
            server._replace(name=PLAIN),
            server._replace(name=TLS, program="load-tls", load=("--mode", "seats", *seat_templates(preface=preface))),
        ]
        for turn in range(rounds):
            for one in servers[:: -1 if turn % 2 else 1]:
                progress(f"round {turn + 1}/{rounds}: {one.name}")
                found["rounds"][one.name].append(run_load(one, CLIENTS, warm=warm, seconds=seconds))
        for one in servers:
            progress(f"{many} clients connect: {one.name}")
            found["connected"][one.name] = _connected(one, many)
        progress("")
    return found


def figures(found: dict[str, Any]) -> list[Figure]:
    """Against the issue's targets."""
    both = list(zip(found["rounds"][TLS], found["rounds"][PLAIN], strict=True))
    wall = statistics.median(pair_rate(one) / pair_rate(base) for one, base in both)
    cpu = statistics.median(cpu_us(base) / cpu_us(one) for one, base in both)
    tls, plain = found["connected"][TLS], found["connected"][PLAIN]
    return [
        Figure(f"pairs/s, {TLS} / {PLAIN}, {CLIENTS} clients", wall, "x", at_least=RATIO_MIN),
        Figure(f"server CPU a pair, {PLAIN} / {TLS}, {CLIENTS} clients", cpu, "x", at_least=RATIO_MIN),
        Figure(f"server memory per idle client, {TLS}", tls["idle_bytes"], "bytes", "absolute", at_most=CLIENT_BYTES_MAX),
        Figure(f"server memory per client that holds a seat, {TLS}", tls["seated_bytes"], "bytes", "absolute", at_most=CLIENT_BYTES_MAX),
        Figure(f"server memory per idle client, {PLAIN}", plain["idle_bytes"], "bytes", "absolute"),
        Figure(f"server CPU for a client to connect, {TLS}", tls["connect_cpu_us"] / 1000, "ms", "absolute"),
        Figure(f"{found['many']} clients connected and proved to, {TLS}", tls["connect_s"], "s", "absolute"),
    ]


def show_scale(found: dict[str, Any]) -> None:
    """What the ratios are made of, medians over the rounds."""
    print("  absolute, for scale:")
    print(f"  {'':<14}{'pairs/s':>10}{'CPU us/pair':>13}{'p99 us':>9}")
    for name, runs in found["rounds"].items():
        rate, cpu = statistics.median(map(pair_rate, runs)), statistics.median(map(cpu_us, runs))
        print(f"  {name:<14}{rate:>10.0f}{cpu:>13.2f}{statistics.median(run['p99_us'] for run in runs):>9.0f}")


def run(quick: bool = False) -> tuple[list[Figure], dict[str, Any]]:
    """Measures and returns the figures and what they come from."""
    found = measure(1, 0.2, 0.7, 300) if quick else measure(7, 0.5, 2.0, MANY)
    return figures(found), found


if __name__ == "__main__":
    sys.exit(run_program("tls", "TLS against plain text.", "TLS", "one short round and 300 clients", run, show_scale))
