"""What all benchmarks share: the load generator, servers pinned to a core, CPU and memory of a process, figures and their table.

The machine drifts by a factor of two to four from hour to hour, so a figure is a ratio between programs measured in turn in
one run, or is marked as absolute and given for scale. The server has core 0, the load the others.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

BENCH = Path(__file__).resolve().parent
BUILD = BENCH / "build"
sys.path.insert(0, str(BENCH.parent / "tests"))

from seatkeeper.wire.framing import FrameReader, encode_preface, frame, server_frames  # noqa: E402
from seatkeeper.wire.messages import PROTOCOL, Checkin, Checkout, Denied, Granted, Heartbeat, Hello, ServerMessage  # noqa: E402
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
    "answer_to",
    "build_load",
    "cpu_ns",
    "cpu_us",
    "directory_on_disk",
    "encode_preface",
    "ended_by_signals",
    "hello",
    "load_command",
    "machine",
    "on_core",
    "pair_rate",
    "progress",
    "pss_bytes",
    "run_load",
    "run_program",
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
#: A user's name whose digits the load generator puts in place.
_USER = "user00000"


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
    """A running server under measurement: the process whose CPU counts, where it listens, how the load talks to it.

    Attributes:
        site: The license server's directory and files, where it is one.
        program: The load generator's name below bench/build.
    """

    name: str
    pid: int
    port: int
    load: tuple[str, ...]
    site: Site | None = None
    program: str = "load"


# Processes -----------------------------------------------------------------------------------------------------------


def build_load(name: str = "load") -> Path:
    """The load generator, compiled when its source is newer; as "load-tls" it speaks TLS and needs OpenSSL's headers."""
    source, program = BENCH / "load.c", BUILD / name
    more = ["-DTLS"] if name == "load-tls" else []
    libraries = ["-lssl", "-lcrypto"] if more else []
    BUILD.mkdir(exist_ok=True)
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise BenchError("There is no C compiler (cc): install Debian's gcc, the load generator is written in C.")
        command = [compiler, "-O2", "-Wall", "-Wextra", *more, "-o", str(program), str(source), *libraries]
        if subprocess.run(command).returncode:
            raise BenchError(f"{name} cannot be compiled; with TLS it needs Debian's libssl-dev.")
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
    """CPU time that the process has used, with all threads."""
    # clock_getcpuclockid(3): the clock of a process, that counts threads that have ended.
    return time.clock_gettime_ns(~pid << 3 | 2)


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
    name: str, *flags: str, source: Path | None = None, features: Any = None, core: int | None = SERVER_CORE, options: str = ""
) -> Iterator[Server]:
    """A real license server with keys and a signed file; `source` runs another source tree than the installed one.

    `options` is the text of its options file.
    """
    site = Site(directory_on_disk(name), features or {FEATURE: 9999, **{f"bench_other_{n}": 50 for n in range(20)}})
    if options:
        (site.directory / f"{VENDOR}.opt").write_text(options)
    before = os.environ.get("PYTHONPATH")
    if source is not None:
        os.environ["PYTHONPATH"] = str(source)
    try:
        with on_core(core) if core is not None else contextlib.nullcontext():
            site.start(*flags)
        yield Server(name, site.daemon_pid(), site.port, ("--mode", "seats", *seat_templates()), site)
    finally:
        site.stop()
        if source is not None:
            os.environ.pop("PYTHONPATH", None)
            if before is not None:
                os.environ["PYTHONPATH"] = before
        shutil.rmtree(site.directory, ignore_errors=True)


# The protocol's bytes for the load generator -------------------------------------------------------------------------


def hello(session: bytes = bytes(16), user: str = "") -> Hello:
    """What a client says first."""
    name = user or getpass.getuser()
    return Hello(PROTOCOL, VENDOR, session, bytes(32), name, platform.node() or "bench", "/dev/tty", os.getpid())


def _with_offsets(message: Checkout | Checkin | Heartbeat, **numbers: int) -> str:
    data = frame(message)
    parts = [data.hex()]
    for name, number in numbers.items():
        at = data.index(b"\xce" + number.to_bytes(4, "big")) + 1
        parts.append(f"{name}={at}")
    return ",".join(parts)


def seat_templates(*, users: bool = False, queue: bool = False, feature: str = FEATURE, preface: bytes = b"") -> tuple[str, ...]:
    """The arguments by which the load generator speaks seatkeeper's protocol, made by the real encoder.

    With `users` every client has a name of its own: user00000, user00001 and so on. With `queue` a checkout waits for seats.
    `preface` is another one than that for a clear connection.
    """
    session = b"\xfe\xed" * 8
    preface = preface or encode_preface(VENDOR)
    opening = preface + frame(hello(session, _USER if users else ""))
    fields = f",session={opening.index(session)},clear={len(preface)}"
    if users:
        fields += f",name={opening.index(_USER.encode()) + len('user')}"
    return (
        "--open",
        opening.hex() + fields,
        "--first",
        _with_offsets(Checkout(_MARK, feature, "8.0", queue=queue), request=_MARK),
        "--second",
        _with_offsets(Checkin(_MARK, _MARK + 1), request=_MARK, handle=_MARK + 1),
        "--beat",
        _with_offsets(Heartbeat(_MARK), request=_MARK),
    )


def load_command(server: Server, clients: int, *more: str) -> list[str]:
    """The load generator's command line for this server."""
    command = [str(build_load(server.program)), "--port", str(server.port), "--pid", str(server.pid), "--clients", str(clients)]
    return [*command, *server.load, *more]


def run_load(server: Server, clients: int, *, warm: float, seconds: float, rate: float = 0.0) -> dict[str, Any]:
    """One measured window, at `rate` pairs a second where that is given; raises BenchError where any answer was wrong."""
    command = load_command(server, clients, "--warm", str(warm), "--seconds", str(seconds), "--rate", str(rate))
    with on_core(None):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120 + seconds)
    result: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"errors": 1, "error": f"status {done.returncode}"}
    if result["errors"] or done.returncode:
        raise BenchError(f"{server.name}, {clients} clients: {result.get('error')}{done.stderr}")
    return result


def answer_to(server: Server, checkout: Checkout, user: str) -> Granted | Denied:
    """What a client of that name is answered; its seats come back with the connection's end."""
    reader: FrameReader[ServerMessage] = server_frames()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(encode_preface(VENDOR) + frame(hello(os.urandom(16), user)) + frame(checkout))
        while data := connection.recv(1 << 20):
            for message in reader.feed(data):
                if isinstance(message, Granted | Denied):
                    return message
    raise BenchError(f"{server.name} closed the connection of {user}.")


def pair_rate(result: dict[str, Any]) -> float:
    """Pairs a second of a measured window."""
    return float(result["pairs"] / result["seconds"])


def cpu_us(result: dict[str, Any]) -> float:
    """The server's CPU time for a pair of a measured window."""
    return float(result["cpu_ns"] / result["pairs"] / 1000)


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


def progress(text: str) -> None:
    """Tells a person who waits what is being measured; an empty text ends the line."""
    if sys.stderr.isatty():
        print(f"\r{text:<78}" if text else "\r" + " " * 78 + "\r", end="", file=sys.stderr, flush=True)


def run_program(
    name: str, about: str, title: str, quick_help: str, measure: Callable[[bool], tuple[list[Figure], object]], scale: Callable[[Any], None]
) -> int:
    """The command line of a benchmark that is a program: figures as a table, what they come from as text, both as JSON; its status."""
    parser = argparse.ArgumentParser(prog=f"bench/{name}.py", description=about)
    parser.add_argument("--json", metavar="FILE", help="write the figures and what they come from here")
    parser.add_argument("--quick", action="store_true", help=quick_help)
    args = parser.parse_args()
    try:
        with ended_by_signals():
            found, raw = measure(args.quick)
    except BenchError as error:
        print(f"bench/{name}.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    show(title, found)
    scale(raw)
    if args.json:
        write_json(args.json, found, raw)
    return 0
