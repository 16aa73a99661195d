"""Seeds run one after the other, and the first that breaks an invariant is named with its commit (`make sim`)."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sim.bugs import BUGS, planted
from sim.cluster import Cluster
from sim.world import Violation

__all__ = ["main", "violation"]


def violation(seed: int, bug: str = "") -> tuple[str, list[str]]:
    """What is wrong in this seed's world, and the last things that happened in it; empty where all holds."""
    with planted(bug) as told:
        cluster = Cluster(seed, **told)
        try:
            cluster.run()
        except (Violation, AssertionError) as error:
            return str(error) or repr(error), list(cluster.world.history)
    return "", []


def main(arguments: list[str]) -> int:
    """As `make sim` calls it: the number of seeds, the first, the bug."""
    seeds, first = int(arguments[0]), int(arguments[1])
    bug = arguments[2] if len(arguments) > 2 else ""
    if bug and bug not in BUGS:
        print(f"There is no bug {bug!r}; there are {', '.join(BUGS)}.", file=sys.stderr)
        return 2
    begun = time.monotonic()
    for seed in range(first, first + seeds):
        said, history = violation(seed, bug)
        if said:
            commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
            print("\n".join(history[-40:]))
            print(f"Seed {seed} at commit {commit}{' with ' + bug if bug else ''}: {said}")
            print(f"{seed - first + 1} seeds in {time.monotonic() - begun:.1f} s.")
            return 1
    seconds = time.monotonic() - begun
    print(f"{seeds} seeds from {first} on in {seconds:.1f} s, {seeds / seconds:.1f} a second: every invariant held.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
