"""`lmstat -a` while 10,000 clients hold a seat each: how long the whole command takes, and how long checkouts take meanwhile.

Two client processes hold the seats, each client under a user's name of its own. The time is that of the command from its start to its
end. Then a load of checkouts and checkins runs, at a steady pace of 2,000 pairs a second and as fast as 50 clients can, and what is
compared is the 99th of a hundred checkouts, between windows in turn: in one, lmstat asks the server, one command after the other; in
the next, the same commands ask a recording of its answers, so that the load has the same neighbors on its core (lmstat makes way for
it, with nice 19) and only the server's part differs; in the last there is no lmstat at all.
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from harness import FEATURE, BenchError, Figure, Server, on_core, progress, run_load, run_program, seat_templates, site_server
from idle import PROCESSES, SEATS_MAX, all_do, crowd
from seatkeeper.wire.framing import HEADER_BYTES, parse_preface, server_frames
from seatkeeper.wire.messages import PoolStatus
from support.site import feature

if TYPE_CHECKING:
    from collections.abc import Iterator

HELD = 10_000
RATE = 2000.0
#: By name: clients, and pairs a second (0: as many as they can).
LOADS = {"2,000 pairs a second": (500, RATE), "50 clients without a pause": (50, 0.0)}
SECONDS_MAX = 1.0
RATIO_MAX = 2.0


#: The windows of a round: who is asked meanwhile.
SERVER, RECORDING, NOBODY = "lmstat", "lmstat of a recording", "no lmstat"


def _command(port: int) -> list[str]:
    return [sys.executable, "-m", "seatkeeper.cli.lmutil", "lmstat", "-a", "-c", f"{port}@localhost"]


class Recording:
    """Answers what lmstat asks as the server answered it the first time, without the server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._answers: dict[bytes, bytes] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        asked, preface = b"", None
        while preface is None or len(asked) < preface[1] + HEADER_BYTES or len(asked) < self._end(asked, preface[1]):
            data = connection.recv(65536)
            if not data:
                return
            asked += data
            preface = parse_preface(asked)
        if asked not in self._answers:
            self._answers[asked] = self._ask(asked)
        connection.sendall(self._answers[asked])
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)

    @staticmethod
    def _end(asked: bytes, start: int) -> int:
        return start + HEADER_BYTES + int.from_bytes(asked[start : start + HEADER_BYTES], "big")

    def _ask(self, asked: bytes) -> bytes:
        reader, answer = server_frames(), b""
        with socket.create_connection(("127.0.0.1", self._server.port), timeout=30) as connection:
            connection.sendall(asked)
            while data := connection.recv(1 << 20):
                answer += data
                if any(not isinstance(message, PoolStatus) for message in reader.feed(data)):
                    return answer
        raise BenchError("the license server closed the connection of a status question.")


def lmstat(server: Server, held: int) -> float:
    """Seconds that the whole command takes; it must show all that are held."""
    with on_core(None):
        started = time.perf_counter()
        done = subprocess.run(_command(server.port), capture_output=True, text=True)
        taken = time.perf_counter() - started
    shown = done.stdout.count(", start ")
    if done.returncode or shown < held:
        raise BenchError(f"lmstat ended with {done.returncode} and shows {shown} of {held} seats: {done.stderr}")
    return taken


@contextlib.contextmanager
def asked_all_the_time(port: int, times: list[float]) -> Iterator[None]:
    """One lmstat after the other runs inside; how long each took is added to `times`."""
    over = threading.Event()
    failed: list[str] = []

    def ask() -> None:
        while not over.is_set():
            started = time.perf_counter()
            done = subprocess.run(["nice", "-n", "19", *_command(port)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            times.append(time.perf_counter() - started)
            if done.returncode:
                failed.append(done.stderr)
                return

    with on_core(None):
        thread = threading.Thread(target=ask)
        thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failed:
        raise BenchError(f"lmstat: {failed[0]}")


def measure(held: int, commands: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Times of the command, and windows of each load with and without it."""
    windows = (SERVER, RECORDING, NOBODY)
    times: dict[str, list[float]] = {SERVER: [], RECORDING: []}
    found: dict[str, Any] = {"held": held, "alone_s": [], "under_load_s": times, "windows": {name: {} for name in windows}}
    lines = [feature(FEATURE, SEATS_MAX), *(feature(f"bench_other_{number}", 50) for number in range(20))]
    with site_server("site-status", "--lease", "3600", features=lines) as server:
        named = server._replace(load=("--mode", "seats", *seat_templates(users=True)))
        with crowd(named, held, PROCESSES) as members:
            all_do(members, "seat")
            for number in range(commands):
                progress(f"lmstat {number + 1}/{commands}")
                found["alone_s"].append(lmstat(server, held))
            recording = Recording(server)
            ports = {SERVER: server.port, RECORDING: recording.port}
            for turn in range(rounds):
                for name, (clients, rate) in LOADS.items():
                    for window in windows[turn % 3 :] + windows[: turn % 3]:
                        progress(f"round {turn + 1}/{rounds}: {name}, {window}")
                        around = asked_all_the_time(ports[window], times[window]) if window in ports else contextlib.nullcontext()
                        with around:
                            result = run_load(server, clients, warm=0.5, seconds=seconds, rate=rate)
                        found["windows"][window].setdefault(name, []).append(result)
            recording.close()
            progress("")
    return found


def figures(found: dict[str, Any]) -> list[Figure]:
    """Against the issue's targets; the time is absolute, since the issue gives it so."""
    held, alone = found["held"], statistics.median(found["alone_s"])
    figures = [
        Figure(f"lmstat -a of {held} held seats, whole command, median", alone, "s", "absolute", at_most=SECONDS_MAX),
        Figure(f"the slowest of {len(found['alone_s'])}", max(found["alone_s"]), "s", "absolute"),
    ]
    for name in LOADS:
        for base in (NOBODY, RECORDING):
            both = zip(found["windows"][SERVER][name], found["windows"][base][name], strict=True)
            ratio = statistics.median(one["grant_p99_us"] / other["grant_p99_us"] for one, other in both)
            figures.append(Figure(f"p99 of a checkout, {SERVER} / {base}, {name}", ratio, "x", at_most=RATIO_MAX))
    return figures


def show_scale(found: dict[str, Any]) -> None:
    """What the ratios are made of, medians over the rounds."""
    print("  absolute, for scale:")
    print(f"  {'':<52}{'pairs/s':>9}{'checkout p50, us':>18}{'p99, us':>9}{'longest, us':>13}{'gap, ms':>9}")
    for name in LOADS:
        for window, by_load in found["windows"].items():
            runs = by_load[name]
            values = [statistics.median(run[key] for run in runs) for key in ("grant_p50_us", "grant_p99_us", "grant_max_us", "gap_us")]
            rate = statistics.median(run["pairs"] / run["seconds"] for run in runs)
            print(f"  {f'{name}, {window}':<52}{rate:>9.0f}{values[0]:>18.0f}{values[1]:>9.0f}{values[2]:>13.0f}{values[3] / 1000:>9.1f}")
    asked, recorded = (statistics.median(times) for times in found["under_load_s"].values())
    print(f"  lmstat beside a load, making way for it: {asked:.2f} s; of the recording {recorded:.2f} s")


def run(quick: bool = False) -> tuple[list[Figure], object]:
    """Measures and returns the figures and what they come from."""
    found = measure(2000, 1, 1, 1.0) if quick else measure(HELD, 7, 7, 3.0)
    return figures(found), found


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    sys.exit(run_program("status", "lmstat of 10,000 held seats.", "Status", "2,000 seats and one short round", run, show_scale))
