"""A simulated day on one screen."""

from __future__ import annotations

import pytest

from seatkeeper.cli.simulate_text import render
from seatkeeper.sim.day import MINUTES
from seatkeeper.sim.timeline import Advice, FeatureDay, Refusal, Timeline, Violation


def day() -> Timeline:
    busy = FeatureDay("desktop_agent", 10)
    for minute in range(480, 960):
        busy.used[minute] = busy.wanted[minute] = 5
    busy.used[700] = 10
    held = FeatureDay("lds", 1, seats=[1] * MINUTES)
    return Timeline(
        20,
        7,
        applications=["a", "b", "c", "d", "e"],
        features=[busy, held, FeatureDay("idle", 3)],
        violations=[Violation(name, "license server", "GONE", "10:00", "10:10") for name in "abcde"]
        + [Violation("a", "x", "LATE", "23:00")],
        refusals=[Refusal("10:00", "a", "login", "ann", "None left.")] * 3,
        forced=[("11:00", "b", "bob", "Option x allows for 1 only.")],
        notes=[("10:00", "The license server is killed.")],
        advice=[Advice("desktop_agent", 10, 12, "11:40", 3)],
        minutes_agreed=1430,
    )


@pytest.mark.parametrize("columns", [1, 80, 100, 300])
def test_the_screen_has_everything_and_no_line_is_wider_than_it_needs(columns: int) -> None:
    lines = render(day(), columns).splitlines()
    text = "\n".join(lines)
    assert "    10 11:40        10" in text
    assert "idle" not in text
    assert "10:00 to 10:10  GONE (license server): a, b and 3 more" in text
    assert "23:00 to the end  LATE (x): a" in text
    assert "3 x a login: None left." in text
    assert "11:00  bob by b: Option x allows for 1 only." in text
    assert "3 more of desktop_agent: 12 were wanted at once at 11:40, 10 are licensed" in text
    row = next(line for line in lines if line.startswith("desktop_agent"))
    assert "█" in row
    assert "▄" in row
    if columns >= 80:
        assert len(row) <= columns


def test_a_day_without_trouble_says_so() -> None:
    text = render(Timeline(1, 1), 100)
    assert "Nothing: there were always enough." in text
    assert "Violations: 0" in text
