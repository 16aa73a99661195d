"""Parsing of a license file against `str.split` over the same lines, in one run.

The file is such as our issuer writes, with all continuation lines. Each round times both, one right after the other and in turn
first, because the machine's speed drifts between rounds more than the two differ. The ratio is split time over `parse` time: 1.0
would mean that reading a license costs no more than cutting its line into words. `ratio` is against the split of whole license
lines, `ratio_physical_lines` against the split of each line of the file; `ratio_serial_numbers` is of a file in which each line has
an attribute without quotes of its own, and `ratio_careful` of the way that lines of an unusual form go.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from typing import TYPE_CHECKING

from seatkeeper.licfile.model import Feature, LicenseFile, Server, Vendor
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.scanner import BREAK
from seatkeeper.licfile.writer import write

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = 0.25
GROUPS = 36


def make_text(lines: int, *, serial_numbers: bool = False) -> str:
    features = []
    for number in range(lines):
        digits = f"{(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC834:032X}" * (GROUPS // 8 + 1)
        sign = " ".join(digits[at : at + 4] for at in range(0, GROUPS * 4, 4))
        attributes = (
            ("vendor_info", f"v8.5 - Invented Product {number}"),
            ("NOTICE", "Blue Harbor Trading (no reseller) production"),
            ("SN", f"1111-{number}" if serial_numbers else "11111111"),
            ("ISSUED", "24-nov-2026"),
            ("SIGN", sign),
        )
        features.append(Feature(f"feature_{number}", "genesys.d", "8.5", "permanent", str(number % 500 + 1), digits[3:15], attributes))
    return write(LicenseFile((Server("licsrv", "0800200005ac", 7260), Vendor("genesys.d", port=7261), *features)))


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(lines: int, rounds: int) -> dict[str, object]:
    text = make_text(lines)
    unusual = make_text(lines, serial_numbers=True)
    whole = text.replace(BREAK, " ").splitlines()
    physical = text.splitlines()
    works: dict[str, Callable[[], object]] = {
        "split": lambda: [line.split() for line in whole],
        "parse": lambda: parse(text),
        "split_physical_lines": lambda: [line.split() for line in physical],
        "parse_serial_numbers": lambda: parse(unusual),
        "parse_careful": lambda: parse(text, careful=True),
    }
    parsed = parse(text)
    if len(parsed.file.lines) != lines + 2 or parsed.problems or parsed != parse(text, careful=True):
        raise SystemExit(f"bench/licfile.py: the file does not parse as it should: {parsed.problems[:1]}")
    times: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        names = list(works) if number % 2 else list(reversed(works))
        for name in names:
            taken = timed(works[name])
            # The first round only warms up.
            if number:
                times[name].append(taken)

    def ratio(over: str, under: str) -> float:
        return statistics.median(a / b for a, b in zip(times[over], times[under], strict=True))

    return {
        "lines": lines,
        "rounds": rounds,
        "bytes": len(text),
        "ratio": ratio("split", "parse"),
        "target": TARGET,
        "ratio_physical_lines": ratio("split_physical_lines", "parse"),
        "ratio_serial_numbers": ratio("split", "parse_serial_numbers"),
        "ratio_careful": ratio("split", "parse_careful"),
        "lines_per_second": {name: round(lines / statistics.median(taken)) for name, taken in times.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000, help="FEATURE lines of the file")
    parser.add_argument("--rounds", type=int, default=9, help="rounds, of which the median counts")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    result = measure(max(options.lines, 1), max(options.rounds, 1))
    if options.json:
        print(json.dumps(result))
        return 0
    print(f"{result['lines']:,} FEATURE lines, {result['bytes']:,} bytes, median of {result['rounds']} rounds")
    speeds = result["lines_per_second"]
    assert isinstance(speeds, dict)
    for name, speed in speeds.items():
        print(f"  {name:<24}{speed:>12,} licenses/s")
    for name, value in result.items():
        if name.startswith("ratio"):
            print(f"  {name:<24}{value:>12.2f}{f'   (at least {TARGET})' if name == 'ratio' else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
