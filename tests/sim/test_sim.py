"""Three servers in simulated trouble: every invariant holds on every seed, and every planted bug is found."""

from __future__ import annotations

import time

import pytest

from sim.bugs import BUGS
from sim.cluster import Cluster
from sim.seeds import main, violation

#: So long may the seeds of the two halves take; each runs at least SEEDS_MIN.
EACH_S = 18.0
SEEDS_MIN = 30

#: Seeds that find the bug quickly; any of them will do.
FOUND_BY = {
    "amnesia": (0, 1),
    "no_grace": (0, 1),
    "answer_before_append": (0, 1),
    "no_fsync": (4, 5, 9),
    "no_drift_margin": (49, 72, 113),
    "stale_renew": (56,),
    "count_from_answer": (41, 78),
    "retry_twice": (0, 1, 2, 10, 16),
    "retry_no_renew": (13, 36),
    "no_expected_seq": (0, 1),
    "reappend_unknown": (3, 4, 8),
    "wiped_serves": (2, 22, 38),
}


@pytest.mark.parametrize("half", [0, 1])
def test_every_invariant_holds_on_every_seed(half: int, capsys: pytest.CaptureFixture[str]) -> None:
    begun, ran = time.monotonic(), 0
    while ran < SEEDS_MIN or time.monotonic() - begun < EACH_S:
        seed = 2 * ran + half
        said, history = violation(seed)
        assert not said, "\n".join([*history[-40:], f"seed {seed}: {said} (make sim SEEDS=1 FIRST={seed})"])
        ran += 1
    with capsys.disabled():
        print(f"\n{ran} {'odd' if half else 'even'} seeds of three servers, {ran / (time.monotonic() - begun):.1f} a second")


def test_a_seed_is_the_same_every_time() -> None:
    digests = []
    for _ in range(2):
        cluster = Cluster(4)
        cluster.run()
        digests.append(cluster.digest())
    assert digests[0] == digests[1]
    assert cluster.masters > 1


def test_without_faults_one_is_master_from_the_beginning_to_the_end() -> None:
    cluster = Cluster(1, faulty=False)
    cluster.run()
    assert cluster.masters == 1
    assert cluster.losses == 0
    assert len(cluster.checks.granted) > 20


@pytest.mark.parametrize("bug", FOUND_BY)
def test_a_planted_bug_is_found(bug: str) -> None:
    assert any(violation(seed, bug)[0] for seed in FOUND_BY[bug])


def test_all_bugs_are_planted() -> None:
    assert list(FOUND_BY) == list(BUGS)


def test_who_runs_seeds_is_told_which_one_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["1", "0", "amnesia"]) == 1
    assert "Seed 0 at commit" in capsys.readouterr().out
    assert main(["1", "0"]) == 0
    assert "1 seeds from 0 on" in capsys.readouterr().out
    assert main(["1", "0", "nonsense"]) == 2
