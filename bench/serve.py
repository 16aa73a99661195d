"""Checkout and checkin pairs against a bare uvloop echo and against Redis doing the same counting, in turn in one run.

Every program serves on core 0; a C load generator on the other core keeps 50 or 500 clients busy, each with one request under
way. A pair is a checkout and its checkin, at the echo two round trips. Each round measures every program at each load, in
another order each time; a ratio is taken within its round, and the median over the rounds is reported.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import (
    BENCH,
    SERVER_CORE,
    BenchError,
    Figure,
    Server,
    directory_on_disk,
    ended_by_signals,
    on_core,
    run_load,
    show,
    site_server,
    write_json,
)
from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Results by program and number of clients, one a round.
Results = dict[str, dict[int, list[dict[str, Any]]]]

CLIENTS = (50, 500)
ECHO, SEATS, UNSAFE, REDIS, REDIS_LATE = "uvloop echo", "seatkeeper", "seatkeeper, no journal", "Redis, always", "Redis, everysec"
#: The counting of a checkout: the limit, the count, the holder. KEYS: total, used, holders; ARGV: handle, count.
REDIS_CHECKOUT = """
local used = tonumber(redis.call('GET', KEYS[2]) or '0')
if used + tonumber(ARGV[2]) > tonumber(redis.call('GET', KEYS[1])) then return -4 end
redis.call('INCRBY', KEYS[2], ARGV[2])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
return 1
"""
REDIS_CHECKIN = """
local held = redis.call('HGET', KEYS[3], ARGV[1])
if not held then return -41 end
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('DECRBY', KEYS[2], held)
return 1
"""


@contextlib.contextmanager
def echo_server() -> Iterator[Server]:
    with on_core(SERVER_CORE):
        process = subprocess.Popen([sys.executable, str(BENCH / "echo.py")], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        data = frame(Checkout(0xC0FFEE01, "bench_seat", "8.0")).hex()
        yield Server(ECHO, process.pid, port, ("--mode", "echo", "--first", data, "--second", data))
    finally:
        process.kill()
        process.wait()


def have_redis() -> bool:
    """True where redis-server is there, or could be installed: Debian's, which only root may do."""
    if shutil.which("redis-server"):
        return True
    if os.geteuid() or not shutil.which("apt-get"):
        return False
    print("installing redis-server for the comparison ...", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "redis-server"]):
        if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            return False
    return shutil.which("redis-server") is not None


def _words(*words: str | bytes) -> bytes:
    """A command as Redis reads it."""
    parts = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def _ask(port: int, *words: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(_words(*words))
        return connection.recv(65536)


@contextlib.contextmanager
def redis_server(name: str, fsync: str) -> Iterator[Server]:
    directory = directory_on_disk(f"redis-{fsync}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--appendonly", "yes"]
    command += ["--appendfsync", fsync, "--auto-aof-rewrite-percentage", "0", "--save", ""]
    with on_core(SERVER_CORE):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                if _ask(port, "SET", "total", "9999").startswith(b"+OK"):
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError("redis-server does not start.")
            time.sleep(0.05)
        arguments: list[str] = []
        for step, script in (("--first", REDIS_CHECKOUT), ("--second", REDIS_CHECKIN)):
            digest = _ask(port, "SCRIPT", "LOAD", script).split(b"\r\n")[1]
            data = _words("EVALSHA", digest, "3", "total", "used", "holders", "0123456789", "1")
            arguments += [step, f"{data.hex()},digits={data.index(b'0123456789')}"]
        yield Server(name, process.pid, port, ("--mode", "redis", "--expect", b":1\r\n".hex(), *arguments))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def measure(args: argparse.Namespace) -> Results:
    """Results of all rounds, by program and number of clients."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(echo_server())]
        servers.append(stack.enter_context(site_server("site-journal"))._replace(name=SEATS))
        servers.append(stack.enter_context(site_server("site-unsafe", "--unsafe-no-journal"))._replace(name=UNSAFE))
        for pair in args.also:
            name, _, source = pair.partition("=")
            more = ("--unsafe-no-journal",) if name.startswith("unsafe") else ()
            server = stack.enter_context(site_server(f"site-{name}", *more, source=Path(source).resolve()))
            servers.append(server._replace(name=name))
        if args.no_redis:
            pass
        elif have_redis():
            servers.append(stack.enter_context(redis_server(REDIS, "always")))
            servers.append(stack.enter_context(redis_server(REDIS_LATE, "everysec")))
        else:
            print("Redis is left out: install Debian's redis-server (as root: apt-get install redis-server).", file=sys.stderr)
        results: Results = {server.name: {count: [] for count in args.clients} for server in servers}
        for turn in range(args.rounds):
            for count in args.clients:
                start = turn % len(servers)
                for server in servers[start:] + servers[:start]:
                    result = run_load(server, count, warm=args.warm, seconds=args.seconds)
                    results[server.name][count].append(result)
                    if sys.stderr.isatty():
                        print(f"\rround {turn + 1}/{args.rounds}: {count} clients, {server.name:<40}", end="", file=sys.stderr)
        if sys.stderr.isatty():
            print("\r" + " " * 80 + "\r", end="", file=sys.stderr)
    return results


def _rate(result: dict[str, Any]) -> float:
    return float(result["pairs"] / result["seconds"])


def _cpu_us(result: dict[str, Any]) -> float:
    return float(result["cpu_ns"] / result["pairs"] / 1000)


def figures(results: Results) -> list[Figure]:
    """Ratios: first those that have a target in issue 2."""
    found: list[Figure] = []
    for count in results[ECHO]:
        echo = results[ECHO][count]

        def wall(name: str, count: int = count, echo: list[dict[str, Any]] = echo) -> float:
            return statistics.median(_rate(one) / _rate(base) for one, base in zip(results[name][count], echo, strict=True))

        def cpu(name: str, count: int = count, echo: list[dict[str, Any]] = echo) -> float:
            return statistics.median(_cpu_us(one) / _cpu_us(base) for one, base in zip(results[name][count], echo, strict=True))

        least = 0.25 if count < 500 else 0.5
        found.append(Figure(f"pairs/s, journal on / echo, {count} clients", wall(SEATS), "x", at_least=least))
        found.append(Figure(f"server CPU a pair, journal on / echo, {count} clients", cpu(SEATS), "x", at_most=2.5))
        found.append(Figure(f"server CPU a pair, echo / journal off, {count} clients", 1 / cpu(UNSAFE), "x", at_least=0.6))
        if REDIS in results:
            both = zip(results[SEATS][count], results[REDIS][count], strict=True)
            ratio = statistics.median(_rate(one) / _rate(other) for one, other in both)
            found.append(Figure(f"pairs/s, journal on / Redis always, {count} clients", ratio, "x", at_least=1.0))
        for name in results:
            if name not in (ECHO, SEATS):
                found.append(Figure(f"pairs/s, {name} / echo, {count} clients", wall(name), "x"))
                if name != UNSAFE:
                    found.append(Figure(f"server CPU a pair, {name} / echo, {count} clients", cpu(name), "x"))
    return found


def scale(results: Results) -> list[dict[str, object]]:
    """What the ratios are made of, medians over the rounds: absolute, and good for comparison within this run only."""
    return [
        {
            "program": name,
            "clients": count,
            "pairs_per_s": round(statistics.median(map(_rate, runs))),
            "server_cpu_us": round(statistics.median(map(_cpu_us, runs)), 2),
            "p50_us": statistics.median(run["p50_us"] for run in runs),
            "p99_us": statistics.median(run["p99_us"] for run in runs),
        }
        for name, by_count in results.items()
        for count, runs in by_count.items()
    ]


def show_scale(rows: Sequence[dict[str, object]]) -> None:
    """Prints them as a table."""
    print("  absolute, for scale:")
    print(f"  {'':<26}{'clients':>8}{'pairs/s':>10}{'CPU us/pair':>13}{'p50 us':>9}{'p99 us':>9}")
    for row in rows:
        program, clients, rate, cpu, half, most = row.values()
        print(f"  {program:<26}{clients:>8}{rate:>10}{cpu:>13}{half:>9.0f}{most:>9.0f}")


def run(quick: bool = False) -> tuple[list[Figure], object]:
    """Measures and returns the figures and the rounds."""
    results = measure(_options(["--quick"] if quick else []))
    return figures(results), {"scale": scale(results), "rounds": results}


def _options(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/serve.py", description="Checkouts against an echo server and Redis.")
    parser.add_argument("--json", metavar="FILE", help="write figures and rounds here")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that everything runs; no figures to quote")
    parser.add_argument("--rounds", type=int, default=0, help="default 5")
    parser.add_argument("--seconds", type=float, default=0.0, help="of each measurement, default 2")
    parser.add_argument("--warm", type=float, default=0.0, help="seconds before each measurement, default 0.5")
    parser.add_argument("--clients", type=int, nargs="+", default=list(CLIENTS), metavar="N")
    parser.add_argument("--no-redis", action="store_true", help="leave Redis out")
    parser.add_argument(
        "--also", metavar="NAME=SRC", action="append", default=[], help="another source tree of seatkeeper; unsafe...=SRC without journal"
    )
    args = parser.parse_args(argv)
    args.rounds = args.rounds or (1 if args.quick else 5)
    args.seconds = args.seconds or (0.7 if args.quick else 2.0)
    args.warm = args.warm or (0.2 if args.quick else 0.5)
    return args


def main() -> int:
    args = _options()
    try:
        with ended_by_signals():
            results = measure(args)
    except BenchError as error:
        print(f"bench/serve.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    found, rows = figures(results), scale(results)
    show(f"Serving, median of {args.rounds} rounds", found)
    show_scale(rows)
    if args.json:
        write_json(args.json, found, {"scale": rows, "rounds": results})
    return 0


if __name__ == "__main__":
    sys.exit(main())
