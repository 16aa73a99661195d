"""What a simulated day came to: seats by feature for each minute, violations, denials, and what to buy so that there are none.

The timeline has no path, process, port or wall-clock time in it: the same day is the same text.
"""

from __future__ import annotations

from typing import Final

import msgspec

from seatkeeper.sim.day import MINUTES, time_of

__all__ = ["Advice", "FeatureDay", "Refusal", "Timeline", "Violation", "advise"]

#: Seats that are bought come with this much to spare.
SPARE: Final = 0.05


class FeatureDay(msgspec.Struct):
    """One feature over the day.

    Attributes:
        licensed: How many seats there are.
        seats: For each minute, how many the license server counted at its end.
        used: For each minute, how many of them were given out to somebody, where the application gives them out itself.
        wanted: For each minute, how many would have been given out without limit.
    """

    feature: str
    licensed: int
    seats: list[int] = msgspec.field(default_factory=lambda: [0] * MINUTES)
    used: list[int] = msgspec.field(default_factory=lambda: [0] * MINUTES)
    wanted: list[int] = msgspec.field(default_factory=lambda: [0] * MINUTES)


class Violation(msgspec.Struct):
    """A violation of an application, and when it was over; empty where it stood at the end of the day."""

    application: str
    cause: str
    kind: str
    begins: str
    ends: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """Somebody, or something, was not served at once."""

    time: str
    application: str
    event: str
    who: str
    reason: str


class Advice(msgspec.Struct, frozen=True):
    """How many seats of a feature to buy, since so many were wanted at once."""

    feature: str
    licensed: int
    wanted: int
    at: str
    buy: int


class Timeline(msgspec.Struct):
    """The whole day.

    Attributes:
        notes: What went wrong on purpose, and what was done, as (time, text).
        forced: Who was put out, as (time, application, who, reason).
    """

    agents: int
    seed: int
    applications: list[str] = msgspec.field(default_factory=list)
    features: list[FeatureDay] = msgspec.field(default_factory=list)
    violations: list[Violation] = msgspec.field(default_factory=list)
    refusals: list[Refusal] = msgspec.field(default_factory=list)
    forced: list[tuple[str, str, str, str]] = msgspec.field(default_factory=list)
    notes: list[tuple[str, str]] = msgspec.field(default_factory=list)
    advice: list[Advice] = msgspec.field(default_factory=list)
    logins: int = 0
    served: int = 0
    minutes_agreed: int = 0


def advise(features: list[FeatureDay]) -> list[Advice]:
    """What to buy: for each feature of which more was wanted at once than is licensed, the difference and a little to spare."""
    found = []
    for feature in features:
        wanted = max(feature.wanted, default=0)
        if wanted > feature.licensed:
            at = feature.wanted.index(wanted)
            buy = -(-wanted * (100 + round(SPARE * 100)) // 100) - feature.licensed
            found.append(Advice(feature.feature, feature.licensed, wanted, time_of(at), buy))
    return found
