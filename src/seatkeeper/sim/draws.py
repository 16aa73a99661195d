"""Chance comes into a simulation as an argument, so the same draws make the same day."""

from __future__ import annotations

from typing import Protocol, TypeVar

__all__ = ["Draws", "pick", "spread"]

_T = TypeVar("_T")


class Draws(Protocol):
    """A source of numbers, such as `random.Random(seed)`; only its most basic draw is used, which does not change between releases."""

    def random(self) -> float:
        """A number from 0 up to but not including 1."""


def pick(draws: Draws, choices: tuple[tuple[_T, float], ...]) -> _T:
    """One of the choices, each as likely as its weight says."""
    point = draws.random() * sum(weight for _, weight in choices)
    for choice, weight in choices:
        point -= weight
        if point < 0:
            return choice
    return choices[-1][0]


def spread(draws: Draws, low: int, high: int) -> int:
    """A whole number from `low` to `high`, all as likely."""
    return low + int(draws.random() * (high - low + 1))
