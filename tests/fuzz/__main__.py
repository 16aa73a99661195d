"""Fuzzing for as long as one likes: `python -m tests.fuzz TARGET --seconds 600`.

It stops at the first input that does what no input may, keeps it under tests/fuzz/crashes, and says how to run it again. At the end it says
how many inputs there were, which was the slowest, and how much memory was used.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests")]

CRASHES = Path(__file__).parent / "crashes"
#: An input that takes longer than this, of the processor's time, is worth a look.
SLOW_S = 0.05


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz one parser, or run inputs through it.")
    parser.add_argument("target", help="what to fuzz; 'list' lists the targets")
    parser.add_argument("inputs", nargs="*", type=Path, help="only run these files")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="repeat a run of the engine 'mutate' (default: another each time)")
    parser.add_argument("--engine", choices=["atheris", "mutate"], default="", help="atheris where it is installed, else mutate")
    options = parser.parse_args()
    engine = options.engine or ("atheris" if _has_atheris() else "mutate")
    if engine == "atheris" and options.target != "list" and not options.inputs:
        return _atheris(options.target, options.seconds)
    from fuzz.targets import TARGETS, corpus

    if options.target not in TARGETS:
        print("targets:", *TARGETS, sep="\n    ")
        return 0 if options.target == "list" else 2
    target = TARGETS[options.target]
    if options.inputs:
        for path in options.inputs:
            target.run(path.read_bytes())
            print(f"{path}: nothing found")
        return 0
    return _mutate(options.target, [path.read_bytes() for path in corpus(options.target)], options.seconds, options.seed)


def _has_atheris() -> bool:
    from importlib.util import find_spec

    return find_spec("atheris") is not None


def _kept(name: str, data: bytes) -> Path:
    CRASHES.mkdir(exist_ok=True)
    path = CRASHES / f"{name}-{hashlib.sha256(data).hexdigest()[:16]}"
    path.write_bytes(data)
    return path


def _mutate(name: str, inputs: list[bytes], seconds: float, seed: int) -> int:
    from fuzz.mutate import mutated
    from fuzz.targets import TARGETS, WORDS

    target = TARGETS[name]
    seed = seed or random.SystemRandom().randrange(1, 2**32)
    print(f"{name}: {len(inputs)} inputs to begin with, seed {seed}", flush=True)
    chance = random.Random(seed)
    slowest, slowest_data, count = 0.0, b"", 0
    began = said = time.monotonic()
    while (now := time.monotonic()) - began < seconds:
        data = mutated(chance, inputs, WORDS[name], target.size_max)
        start = time.thread_time()
        try:
            target.run(data)
        except Exception:
            traceback.print_exc()
            print(f"found with: python -m tests.fuzz {name} {_kept(name, data)}")
            return 1
        took = time.thread_time() - start
        count += 1
        if took > slowest:
            slowest, slowest_data = took, data
        if now - said > 10:
            said = now
            print(f"{name}: {count:,} inputs in {now - began:.0f} s, slowest {slowest * 1000:.1f} ms", flush=True)
    _summary(name, count, seconds, slowest, slowest_data)
    return 0


def _summary(name: str, count: int, seconds: float, slowest: float, data: bytes) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name}: {count:,} inputs in {seconds:.0f} s, slowest {slowest * 1000:.1f} ms ({len(data):,} bytes), {memory} MiB at most")
    if slowest > SLOW_S:
        print(f"slower than {SLOW_S * 1000:.0f} ms: {_kept(name + '-slow', data)}")


def _atheris(name: str, seconds: float) -> int:
    """Guided by coverage; libFuzzer ends the process, with its own words and a status that is not 0 where something was found."""
    import tempfile

    import atheris

    with atheris.instrument_imports(include=["seatkeeper"]):
        from fuzz.targets import TARGETS, WORDS, corpus
    if name not in TARGETS:
        print("targets:", *TARGETS, sep="\n    ")
        return 2
    target = TARGETS[name]
    CRASHES.mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="seatkeeper-corpus-"))
    for path in corpus(name):
        (scratch / path.name).write_bytes(path.read_bytes())
    dictionary = scratch.with_suffix(".dict")
    dictionary.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in WORDS[name] if len(word) < 64))
    arguments = [
        *(f"fuzz-{name}", str(scratch), f"-dict={dictionary}", f"-max_total_time={int(seconds)}", f"-max_len={target.size_max}"),
        *(f"-artifact_prefix={CRASHES}/{name}-", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=1"),
    ]
    atheris.Setup(arguments, target.run)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
