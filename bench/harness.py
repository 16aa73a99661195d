"""What all benchmarks share: the load generator, servers pinned to a core, CPU and memory of a process, figures and their table.

The machine drifts by a factor of two to four from hour to hour, so a figure is a ratio between programs measured in turn in
one run, or is marked as absolute and given for scale. The server has core 0, the load the others.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

BENCH = Path(__file__).resolve().parent
BUILD = BENCH / "build"
sys.path.insert(0, str(BENCH.parent / "tests"))

from seatkeeper.wire.framing import encode_preface, frame  # noqa: E402
from seatkeeper.wire.messages import PROTOCOL, Checkin, Checkout, Heartbeat, Hello  # noqa: E402
from support.site import VENDOR, Site  # noqa: E402

__all__ = [
    "BENCH",
    "BUILD",
    "FEATURE",
    "SERVER_CORE",
    "VENDOR",
    "BenchError",
    "Figure",
    "Server",
    "Site",
    "build_load",
    "cpu_ns",
    "directory_on_disk",
    "encode_preface",
    "ended_by_signals",
    "hello",
    "load_command",
    "machine",
    "on_core",
    "pss_bytes",
    "run_load",
    "seat_templates",
    "show",
    "site_server",
    "write_json",
]

SERVER_CORE = 0
FEATURE = "bench_seat"
_CPUS = os.sched_getaffinity(0)
#: A number that the real encoder writes as five bytes, to be found and put in place by the load generator.
_MARK = 0xC0FFEE01


class BenchError(Exception):
    """A benchmark could not be measured; the text says why."""


class Figure(NamedTuple):
    """One measured figure. `kind` is "ratio", or "absolute" for scale; a target is `at_least` or `at_most`."""

    name: str
    value: float
    unit: str = ""
    kind: str = "ratio"
    at_least: float | None = None
    at_most: float | None = None

    @property
    def target(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return f"<= {self.at_most:g}" if self.at_most is not None else ""

    @property
    def met(self) -> bool | None:
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.value <= self.at_most if self.at_most is not None else None

    def as_json(self) -> dict[str, object]:
        return {**self._asdict(), "target": self.target, "met": self.met}


class Server(NamedTuple):
    """A running server under measurement: the process whose CPU counts, where it listens, how the load talks to it."""

    name: str
    pid: int
    port: int
    load: tuple[str, ...]


# Processes -----------------------------------------------------------------------------------------------------------


def build_load() -> Path:
    """The load generator, compiled when its source is newer."""
    source, program = BENCH / "load.c", BUILD / "load"
    BUILD.mkdir(exist_ok=True)
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise BenchError("There is no C compiler (cc): install Debian's gcc, the load generator is written in C.")
        subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", str(program), str(source)], check=True)
    return program


@contextlib.contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Processes started inside run on this core only; None means the cores that are not the server's."""
    others = _CPUS - {SERVER_CORE} or _CPUS
    os.sched_setaffinity(0, {core} & _CPUS or _CPUS if core is not None else others)
    try:
        yield
    finally:
        os.sched_setaffinity(0, _CPUS)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM ends the program as Ctrl-C does, so that everything it started is stopped."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def cpu_ns(pid: int) -> int:
    """CPU time that all threads of the process have used."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())


def pss_bytes(pid: int) -> int:
    """Memory of the process, shared pages counted by share."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"/proc/{pid}/smaps_rollup has no Pss line.")


def directory_on_disk(name: str) -> Path:
    """An empty directory below bench/build, on a real disk: a journal in memory would measure nothing."""
    path = BUILD / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(path)], check=True, capture_output=True, text=True).stdout.strip()
    if kind in {"tmpfs", "ramfs"}:
        raise BenchError(f"{path} is on {kind}, where nothing is durable: put the checkout on a disk.")
    return path


@contextlib.contextmanager
def site_server(
    name: str, *flags: str, source: Path | None = None, features: Any = None, core: int | None = SERVER_CORE
) -> Iterator[Server]:
    """A real license server with keys and a signed file; `source` runs another source tree than the installed one."""
    site = Site(directory_on_disk(name), features or {FEATURE: 9999, **{f"bench_other_{n}": 50 for n in range(20)}})
    before = os.environ.get("PYTHONPATH")
    if source is not None:
        os.environ["PYTHONPATH"] = str(source)
    try:
        with on_core(core) if core is not None else contextlib.nullcontext():
            site.start(*flags)
        yield Server(name, site.daemon_pid(), site.port, ("--mode", "seats", *seat_templates()))
    finally:
        site.stop()
        if source is not None:
            os.environ.pop("PYTHONPATH", None)
            if before is not None:
                os.environ["PYTHONPATH"] = before
        shutil.rmtree(site.directory, ignore_errors=True)


# The protocol's bytes for the load generator -------------------------------------------------------------------------


def hello(session: bytes = bytes(16)) -> Hello:
    """What a client says first."""
    return Hello(PROTOCOL, VENDOR, session, bytes(32), getpass.getuser(), platform.node() or "bench", "/dev/tty", os.getpid())


def _with_offsets(message: Checkout | Checkin | Heartbeat, **numbers: int) -> str:
    data = frame(message)
    parts = [data.hex()]
    for name, number in numbers.items():
        at = data.index(b"\xce" + number.to_bytes(4, "big")) + 1
        parts.append(f"{name}={at}")
    return ",".join(parts)


def seat_templates() -> tuple[str, ...]:
    """The arguments by which the load generator speaks seatkeeper's protocol, made by the real encoder."""
    session = b"\xfe\xed" * 8
    opening = encode_preface(VENDOR) + frame(hello(session))
    return (
        "--open",
        f"{opening.hex()},session={opening.index(session)}",
        "--first",
        _with_offsets(Checkout(_MARK, FEATURE, "8.0"), request=_MARK),
        "--second",
        _with_offsets(Checkin(_MARK, _MARK + 1), request=_MARK, handle=_MARK + 1),
        "--beat",
        _with_offsets(Heartbeat(_MARK), request=_MARK),
    )


def load_command(server: Server, clients: int, *more: str) -> list[str]:
    """The load generator's command line for this server."""
    command = [str(build_load()), "--port", str(server.port), "--pid", str(server.pid), "--clients", str(clients)]
    return [*command, *server.load, *more]


def run_load(server: Server, clients: int, *, warm: float, seconds: float) -> dict[str, Any]:
    """One measured window; raises BenchError where any answer was wrong."""
    command = load_command(server, clients, "--warm", str(warm), "--seconds", str(seconds))
    with on_core(None):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120 + seconds)
    result: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"errors": 1, "error": f"status {done.returncode}"}
    if result["errors"] or done.returncode:
        raise BenchError(f"{server.name}, {clients} clients: {result.get('error')}{done.stderr}")
    return result


# Figures -------------------------------------------------------------------------------------------------------------


def machine() -> dict[str, object]:
    """What a reader needs to know of where the figures come from."""
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "cores": len(_CPUS),
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


def show(title: str, figures: Sequence[Figure]) -> None:
    """Prints the figures as a table."""
    width = max((len(figure.name) for figure in figures), default=0)
    print(f"\n{title}")
    for figure in figures:
        met = {True: "met", False: "MISSED", None: ""}[figure.met]
        kind = "" if figure.kind == "ratio" else "absolute"
        print(f"  {figure.name:<{width}}  {figure.value:>10.4g} {figure.unit:<7} {figure.target:<9} {met:<7} {kind}".rstrip())
    sys.stdout.flush()


def write_json(path: str | Path, figures: Sequence[Figure], raw: object) -> None:
    """Writes figures and what they were computed from."""
    text = json.dumps({"machine": machine(), "figures": [figure.as_json() for figure in figures], "raw": raw}, indent=2)
    Path(path).write_text(text + "\n")
