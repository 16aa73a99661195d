"""Verification of a license file against the bare Ed25519 checks of the same lines, on two threads, in one run.

Each round times both, one right after the other and in turn first, because the machine's speed drifts between rounds more than
the two differ. The ratio is bare time over `verify_lines` time; 1.0 would mean that everything but the checks costs nothing.
The CPU ratio is the same for processor time, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seatkeeper.licfile.canonical import canonical_line
from seatkeeper.licfile.model import Feature, LicenseFile, Server, Vendor
from seatkeeper.licfile.signature import sign_line, verify_lines
from seatkeeper.licfile.trust import Issuer, Trust, key_id

TARGET = 0.85
CHUNK = 256


def make_file(lines: int) -> tuple[LicenseFile, Trust, Ed25519PrivateKey]:
    key, root = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    issuer = Issuer(key_id(public), public.hex(), date(2026, 1, 1), date(2027, 12, 31))
    trust = Trust(
        vendor="genesys.d",
        serial=1,
        signed_on=date(2026, 1, 1),
        root=root.public_key().public_bytes_raw().hex(),
        version_rule="release8",
        seats_max=9999,
        issuers=(issuer,),
        daemon_certificate="",
    )
    hostids = ("0800200005ac",)
    features = (
        sign_line(
            Feature(
                f"feature_{number}",
                "genesys.d",
                "8.5",
                "permanent",
                str(number % 1000 + 1),
                attributes=(
                    ("vendor_info", f"v8.5 - Invented Product {number}"),
                    ("NOTICE", "Blue Harbor Trading (no reseller) production"),
                    ("ISSUED", "03-mar-2026"),
                    ("SN", f"1111-{number}"),
                ),
            ),
            hostids,
            key,
        )
        for number in range(lines)
    )
    return LicenseFile((Server("licsrv", *hostids, 7260), Vendor("genesys.d"), *features)), trust, key


def measure(lines: int, rounds: int, threads: int) -> dict[str, object]:
    file, trust, key = make_file(lines)
    verify = key.public_key().verify
    checks = [(bytes.fromhex(line.attribute("SIGN") or "")[8:], canonical_line(line, file.hostids)) for _, line in file.signable()]
    chunks = [checks[at : at + CHUNK] for at in range(0, len(checks), CHUNK)]

    def bare_chunk(chunk: list[tuple[bytes, bytes]]) -> None:
        for signature, content in chunk:
            verify(signature, content)

    with ThreadPoolExecutor(threads) as pool:

        def bare() -> None:
            for _ in pool.map(bare_chunk, chunks):
                pass

        def whole() -> None:
            assert all(verdict.ok for verdict in verify_lines(file, trust, map=pool.map))

        times: dict[str, list[float]] = {"bare": [], "verify_lines": []}
        work: dict[str, list[float]] = {"bare": [], "verify_lines": []}
        runs = [("bare", bare), ("verify_lines", whole)]
        for _, run in runs:
            run()
        for turn in range(rounds):
            for name, run in runs if turn % 2 else reversed(runs):
                started, worked = time.perf_counter(), time.process_time()
                run()
                times[name].append(time.perf_counter() - started)
                work[name].append(time.process_time() - worked)
    ratios = [one / other for one, other in zip(times["bare"], times["verify_lines"], strict=True)]
    return {
        "lines": lines,
        "threads": threads,
        "rounds": rounds,
        "bare_seconds": round(statistics.median(times["bare"]), 4),
        "verify_lines_seconds": round(statistics.median(times["verify_lines"]), 4),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_least": round(min(ratios), 3),
        "ratio_most": round(max(ratios), 3),
        "ratio_cpu": round(statistics.median(work["bare"]) / statistics.median(work["verify_lines"]), 3),
        "target": TARGET,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = measure(args.lines, args.rounds, args.threads)
    if args.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:<22}{value:>12}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
