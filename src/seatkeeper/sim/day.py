"""A day of a contact center is a list of happenings, minute by minute, drawn beforehand.

What people and callers do does not depend on licenses; what comes of it does, and is found out by the applications when the day is run.
Who works at night is logged in at midnight, and stays beyond the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.sim.center import Agent, Center
from seatkeeper.sim.draws import Draws, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MINUTES", "Failures", "Happening", "minute_of", "plan_day", "time_of"]

MINUTES: Final = 1440
#: Callers of an hour for each 100 agents, from midnight on.
_CALLS_AN_HOUR: Final = (2, 1, 1, 1, 2, 5, 14, 30, 52, 64, 68, 62, 54, 58, 66, 64, 58, 46, 34, 24, 16, 10, 6, 3)
#: One caller in so many wants to be called back, while the center is busy.
_CALLBACK_ONE_IN: Final = 12
_CALLBACK_HOURS: Final = range(9, 18)
#: From when to when campaigns are loaded.
_CAMPAIGNS: Final = ((9 * 60, 12 * 60 + 30), (14 * 60, 19 * 60))
_JITTER: Final = 12
_BREAK_MINUTES: Final = 30


class Happening(msgspec.Struct, frozen=True):
    """Something that happens in a minute of the day: what, and to whom or what."""

    minute: int
    what: str
    agent: Agent | None = None
    site: str = ""
    name: str = ""


class Failures(msgspec.Struct, frozen=True):
    """What goes wrong: minutes of the day, or None for what does not.

    Attributes:
        outage: The license server is killed, for `outage_minutes`.
        reread: A license file with a feature less and a lower count is reread, and the old one an hour later.
        switchover: The T-Server of the first site fails, and its backup takes over; it comes back half an hour later.
    """

    outage: int | None = 10 * 60
    outage_minutes: int = 10
    reread: int | None = 12 * 60
    switchover: int | None = 15 * 60


def time_of(minute: int) -> str:
    """A minute of the day as HH:MM."""
    return f"{minute // 60:02}:{minute % 60:02}"


def minute_of(text: str) -> int | None:
    """HH:MM as a minute of the day; None where it is none."""
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdigit() and minutes.isdigit() and len(hours) <= 2 and len(minutes) == 2 and text.isascii()):
        return None
    minute = int(hours) * 60 + int(minutes)
    return minute if minute < MINUTES and int(minutes) < 60 else None


def plan_day(center: Center, draws: Draws, failures: Failures) -> list[Happening]:
    """The happenings of a day, in their order."""
    happenings = [*_failures(center, failures), *_campaigns(), *_pulses(), *_people(center, draws), *_callers(center, draws)]
    # Stable: within a minute failures come first, then people, then callers.
    happenings.sort(key=lambda happening: happening.minute)
    return happenings


def _failures(center: Center, failures: Failures) -> Iterator[Happening]:
    if failures.reread is not None:
        yield Happening(failures.reread, "reread-less")
        if failures.reread + 60 < MINUTES:
            yield Happening(failures.reread + 60, "reread-all")
    if failures.outage is not None:
        yield Happening(failures.outage, "outage-begins")
        yield Happening(min(failures.outage + failures.outage_minutes, MINUTES - 1), "outage-ends")
    if failures.switchover is not None:
        yield Happening(failures.switchover, "switchover", site=center.sites[0])
        if failures.switchover + 30 < MINUTES:
            yield Happening(failures.switchover + 30, "primary-returns", site=center.sites[0])


def _campaigns() -> Iterator[Happening]:
    for begins, ends in _CAMPAIGNS:
        yield Happening(begins, "campaign-loaded", name="renewals")
        yield Happening(ends, "campaign-unloaded", name="renewals")


def _pulses() -> Iterator[Happening]:
    """What happens at the applications that no agent and no caller has to do with."""
    for hour in range(24):
        yield Happening(hour * 60 + 20, "pulse-begins", name=f"{hour:02}")
        yield Happening(hour * 60 + 40, "pulse-ends", name=f"{hour:02}")


def _people(center: Center, draws: Draws) -> Iterator[Happening]:
    for agent in center.agents:
        for begins, ends in _times(agent, draws):
            if begins < MINUTES and ends > begins:
                yield Happening(begins, "agent-login", agent)
                # The first call for which the agent is a target comes a little later.
                first_call = begins + spread(draws, 1, 6)
                if first_call < min(ends, MINUTES):
                    yield Happening(first_call, "agent-first-target", agent)
                if ends < MINUTES:
                    yield Happening(ends, "agent-logout", agent)


def _times(agent: Agent, draws: Draws) -> list[tuple[int, int]]:
    """From when to when an agent is logged in, in minutes of the day."""
    shift = agent.shift
    # Nobody logs in before midnight; who came the evening before is there when the day begins.
    starts = [shift.begins - MINUTES, shift.begins] if shift.ends > MINUTES else [shift.begins]
    found: list[tuple[int, int]] = []
    for start in starts:
        begins = start + spread(draws, -_JITTER, _JITTER)
        ends = start + shift.ends - shift.begins + spread(draws, 0, _JITTER)
        pause = begins + (ends - begins) // 2 + spread(draws, -30, 30)
        if ends <= 0:
            continue
        parts = [(begins, pause), (pause + _BREAK_MINUTES, ends)] if agent.leaves_at_break else [(begins, ends)]
        found += [(max(0, first), last) for first, last in parts if last > 0]
    return found


def _callers(center: Center, draws: Draws) -> Iterator[Happening]:
    number = 0
    for minute in range(MINUTES):
        expected = _CALLS_AN_HOUR[minute // 60] * len(center.agents) / 100 / 60
        calls = int(expected) + (draws.random() < expected % 1)
        for _ in range(calls):
            number += 1
            site = center.sites[spread(draws, 0, len(center.sites) - 1)]
            name = f"call{number:06}"
            yield Happening(minute, "ivr-call", site=site, name=name)
            ends = minute + spread(draws, 1, 3)
            if ends < MINUTES:
                yield Happening(ends, "ivr-call-ended", site=site, name=name)
            if minute // 60 in _CALLBACK_HOURS and spread(draws, 1, _CALLBACK_ONE_IN) == 1:
                yield Happening(minute, "callback-requested", site=site, name=name.replace("call", "callback"))
