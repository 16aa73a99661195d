"""Draws are as likely as they say."""

from __future__ import annotations

from collections import Counter
from random import Random

from seatkeeper.sim.draws import pick, spread


class Fixed:
    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        return self.value


def test_a_pick_goes_by_weights() -> None:
    choices = (("a", 1.0), ("b", 3.0))
    assert [pick(Fixed(value), choices) for value in (0.0, 0.24, 0.25, 0.999999)] == ["a", "a", "b", "b"]
    counts = Counter(pick(draws, choices) for draws in [Random(1)] for _ in range(4000))
    assert 2800 < counts["b"] < 3200


def test_a_spread_reaches_both_ends() -> None:
    assert [spread(Fixed(value), 3, 5) for value in (0.0, 0.34, 0.999999)] == [3, 4, 5]
    assert spread(Fixed(0.5), 7, 7) == 7
