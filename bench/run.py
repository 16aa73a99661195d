"""All benchmarks in one run: one table on standard output, bench/results/latest.json beside it (`make bench`).

The machine must be otherwise idle. A missed target does not fail the run; a benchmark that could not be measured does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import collect
import idle
import reread
import rules
import serve
import start
import status
import tls
import waiters
from harness import BENCH, BenchError, Figure, build_load, ended_by_signals, machine, show

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = BENCH / "results"
#: Benchmarks that are programs of their own and print one JSON object of `ratio...` and `target...` members.
PROGRAMS = {"licfile": "License files: parsing", "signature": "License files: verification"}
TIMEOUT_S = 300
#: What the figures of a benchmark are made of, as a table.
SCALES: dict[str, Callable[[Any], None]] = {
    "serve": lambda raw: serve.show_scale(raw["scale"]),
    "rules": rules.show_scale,
    "tls": tls.show_scale,
    "status": status.show_scale,
    "reread": reread.show_scale,
    "waiters": waiters.show_scale,
    "collect": collect.show_scale,
}


def program(name: str, quick: bool) -> tuple[list[Figure], object]:
    """The figures of bench/NAME.py."""
    command = [sys.executable, str(BENCH / f"{name}.py"), "--json", *(["--rounds", "3"] if quick else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    try:
        raw: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise BenchError(f"bench/{name}.py ended with {done.returncode}: {done.stderr.strip()[-500:]}") from None
    target = raw.get("target")
    found = [
        Figure(f"{name}: {key.replace('_', ' ')}", value, "x", at_least=target if key == "ratio" else None)
        for key, value in raw.items()
        if key.startswith("ratio") and isinstance(value, int | float)
    ]
    return found, raw


def _units(quick: bool) -> dict[str, tuple[str, Callable[[], tuple[list[Figure], Any]]]]:
    units: dict[str, tuple[str, Callable[[], tuple[list[Figure], Any]]]] = {
        "serve": ("Serving", lambda: serve.run(quick)),
        "idle": ("Connected clients", lambda: idle.run(quick)),
        "start": ("Start", lambda: start.run(quick)),
        "rules": ("Options file", lambda: rules.run(quick)),
        "tls": ("TLS", lambda: tls.run(quick)),
        "status": ("Status", lambda: status.run(quick)),
        "reread": ("Reread", lambda: reread.run(quick)),
        "waiters": ("Queue", lambda: waiters.run(quick)),
        "collect": ("Collecting", lambda: collect.run(quick)),
    }
    for name, title in PROGRAMS.items():
        if (BENCH / f"{name}.py").exists():
            units[name] = (title, lambda name=name: program(name, quick))  # type: ignore[misc]
    return units


def main() -> int:
    units = _units(False)
    parser = argparse.ArgumentParser(prog="bench/run.py", description="All benchmarks, as one table and bench/results/latest.json.")
    parser.add_argument("--quick", action="store_true", help="two minutes, to see that everything runs; no figures to quote")
    parser.add_argument("only", nargs="*", choices=[*units, []], metavar="BENCHMARK", help=f"only some of {', '.join(units)}")
    args = parser.parse_args()
    units = _units(args.quick)
    record: dict[str, Any] = {"machine": machine(), "quick": args.quick, "figures": [], "raw": {}, "failed": {}}
    began = time.monotonic()
    try:
        build_load()
        with ended_by_signals():
            for name in [one for one in args.only or units if one != "tls" or tls.possible()]:
                title, measure = units[name]
                print(f"measuring {name} ...", file=sys.stderr, flush=True)
                try:
                    found, raw = measure()
                except (BenchError, OSError, AssertionError, subprocess.SubprocessError) as error:
                    record["failed"][name] = str(error)
                    print(f"\n{title}\n  not measured: {error}", flush=True)
                    continue
                show(title, found)
                if name in SCALES:
                    SCALES[name](raw)
                record["figures"] += [{"benchmark": name, **figure.as_json()} for figure in found]
                record["raw"][name] = raw
    except KeyboardInterrupt:
        print("bench/run.py: ended early, nothing was written", file=sys.stderr)
        return 130
    except BenchError as error:
        print(f"bench/run.py: {error}", file=sys.stderr)
        return 1
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "latest.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    missed = [figure["name"] for figure in record["figures"] if figure["met"] is False]
    print(f"\n{time.monotonic() - began:.0f} s; {path}; {len(missed)} targets missed" + "".join(f"\n  {name}" for name in missed))
    return 1 if record["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
