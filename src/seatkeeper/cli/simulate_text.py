"""A simulated day on one screen: seats of each feature over the day, what went wrong, who was refused, what to buy."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from seatkeeper.sim.day import MINUTES, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seatkeeper.sim.timeline import FeatureDay, Timeline

__all__ = ["render"]

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_NAME: Final = 30
_NUMBERS: Final = 24
_WIDTH_MIN: Final = 24
_SHOWN: Final = 12


def render(timeline: Timeline, columns: int) -> str:
    """The day as text for a terminal of so many columns."""
    width = max(_WIDTH_MIN, min(96, columns - _NAME - _NUMBERS))
    lines = [
        f"A day of {timeline.agents} agents (seed {timeline.seed}), {len(timeline.applications)} applications: "
        f"{timeline.served} events served, {len(timeline.refusals)} refused.",
        f"The license server and the applications agreed, seat for seat, at the end of {timeline.minutes_agreed} minutes.",
        "",
        f"{'Seats in use':<{_NAME}}{_axis(width)}  {'peak':>6} {'at':>5} {'licensed':>9}",
    ]
    lines += [_row(feature, width) for feature in timeline.features if max(feature.used, default=0) or max(feature.seats, default=0)]
    lines += ["", "What happened"]
    lines += [f"  {time}  {text}" for time, text in timeline.notes] or ["  Nothing."]
    lines += ["", f"Violations: {len(timeline.violations)}"]
    lines += _grouped(
        (f"{one.begins} to {one.ends or 'the end'}  {_kind(one.cause, one.kind)}", one.application) for one in timeline.violations
    )
    lines += ["", f"Refused: {len(timeline.refusals)}"]
    refused = Counter((one.application, one.event, one.reason) for one in timeline.refusals)
    lines += [f"  {count:>6} x {name} {event}: {reason}" for (name, event, reason), count in refused.most_common(_SHOWN)]
    if len(refused) > _SHOWN:
        lines.append(f"  and {len(refused) - _SHOWN} more kinds; --json has them all")
    if timeline.forced:
        lines += ["", "Put out"] + [f"  {time}  {who} by {name}: {reason}" for time, name, who, reason in timeline.forced[:_SHOWN]]
    lines += ["", "What to buy"]
    for advice in timeline.advice:
        lines.append(
            f"  {advice.buy} more of {advice.feature}: {advice.wanted} were wanted at once at {advice.at}, {advice.licensed} are licensed"
        )
    if not timeline.advice:
        lines.append("  Nothing: there were always enough.")
    return "\n".join(lines)


def _axis(width: int) -> str:
    """The hours, as far as there is room for them."""
    marks = [" "] * width
    for hour in range(0, 24, 3):
        place = hour * width // 24
        marks[place : place + 2] = f"{hour:02}"
    return "".join(marks[:width])


def _row(feature: FeatureDay, width: int) -> str:
    # What is taken ahead is drawn as what is given out of it; what is not given out, as what is held.
    series = feature.used if max(feature.used) else feature.seats
    peak = max(series)
    top = max(peak, feature.licensed, 1)
    numbers = f"{peak:>6} {time_of(series.index(peak)):>5} {feature.licensed:>9}"
    return f"{feature.feature[: _NAME - 2]:<{_NAME}}{_drawn(series, width, top)}  {numbers}"


def _drawn(series: Sequence[int], width: int, top: int) -> str:
    """A line of blocks, each as high as the highest value of its stretch of the day."""
    drawn = []
    for place in range(width):
        stretch = series[place * MINUTES // width : (place + 1) * MINUTES // width] or [0]
        value = max(stretch)
        drawn.append(_BLOCKS[0 if not value else max(1, value * (len(_BLOCKS) - 1) // top)])
    return "".join(drawn)


def _kind(cause: str, kind: str) -> str:
    return f"{kind} ({cause})"


def _grouped(rows: Iterable[tuple[str, str]]) -> list[str]:
    """One line for each text, with all those of whom it is true."""
    found: dict[str, list[str]] = {}
    for text, name in rows:
        found.setdefault(text, []).append(name)
    return [
        f"  {text}: {', '.join(names)}" if len(names) < 4 else f"  {text}: {', '.join(names[:2])} and {len(names) - 2} more"
        for text, names in found.items()
    ]
