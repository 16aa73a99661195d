"""Every parser takes every input: the kept corpus, mutations of it, and what a guided fuzzer finds in a few seconds."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.mutate import mutated
from fuzz.targets import TARGETS, WORDS, corpus
from support.hostile import sized

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = [
    pytest.mark.timeout(900),
    # A mutated certificate with a serial number of 0 is read, and the library says that this will not always be so.
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),
]


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus(name: str) -> None:
    """Inputs that were found once do no harm again."""
    paths = corpus(name)
    assert paths
    for path in paths:
        TARGETS[name].run(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_mutations(name: str) -> None:
    """Mutations of the corpus raise nothing but what is documented."""
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    target, inputs = TARGETS[name], [path.read_bytes() for path in corpus(name)]
    for number in range(sized(1_500, 200_000) // target.cost):
        data = mutated(chance, inputs, WORDS[name], target.size_max)
        try:
            target.run(data)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__} at input {number} of seed {seed}: {data!r}") from error


def test_mutations_differ_and_are_bounded() -> None:
    chance = random.Random(1)
    inputs = [b"FEATURE f v 1.0 permanent 1\n", b""]
    made = {mutated(chance, inputs, WORDS["license"], 100) for _ in range(2_000)}
    assert len(made) > 800
    assert max(map(len, made)) == 100


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed on this platform")
@pytest.mark.parametrize("name", sized(["license", "options", "frames", "trust", "journal"], list(TARGETS)))
def test_guided(name: str) -> None:
    """A fuzzer that follows coverage finds nothing either."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.fuzz", name, "--seconds", str(sized(2, 60)), "--engine", "atheris"],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert "Done " in run.stderr, run.stderr[-2000:]


def test_a_run_by_hand_with_the_engine_that_needs_nothing(tmp_path: Path) -> None:
    def fuzz(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.fuzz", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    run = fuzz("hostid", "--seconds", "0.3", "--engine", "mutate", "--seed", "5")
    assert run.returncode == 0, run.stderr
    assert "hostid: 7 inputs to begin with, seed 5" in run.stdout
    assert "slowest" in run.stdout
    (tmp_path / "input").write_bytes(b"ANY")
    assert fuzz("hostid", str(tmp_path / "input")).stdout.endswith("input: nothing found\n")
    listed = fuzz("list")
    assert listed.returncode == 0
    assert listed.stdout.split()[1:] == list(TARGETS)
    assert fuzz("nothing").returncode == 2
