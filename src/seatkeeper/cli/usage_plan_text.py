"""What plans say, as tables that a planner reads and as the values that scripts read; each with the days that it is from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seatkeeper.cli.order import table
from seatkeeper.cli.usage_common import utc
from seatkeeper.cli.usage_text import lasted
from seatkeeper.usage.planning import days_sentences

if TYPE_CHECKING:
    from datetime import tzinfo

    from seatkeeper.lrm.plan import Past
    from seatkeeper.lrm.plan_seats import SeatsPlan
    from seatkeeper.lrm.plan_whatif import Happened, WhatIf
    from seatkeeper.usage.planning import FromDays, Needed, RiskOf
    from seatkeeper.usage.whatif import Denials

__all__ = ["about_json", "about_lines", "days_json", "percent", "seats_json", "seats_lines", "what_if_json", "what_if_lines"]

#: Of the days on which logins would have been denied, so many are named.
_DAYS_NAMED_MAX = 5


def days_json(days: FromDays) -> dict[str, Any]:
    """From which days."""
    return {
        "count": len(days.days),
        "first": f"{days.days[0]}" if days.days else None,
        "last": f"{days.days[-1]}" if days.days else None,
        "left_out": [{"reason": out.reason, "days": [f"{day}" for day in out.days]} for out in days.left_out],
        "excluded": [{"reason": reason, "seconds": seconds} for reason, seconds in days.excluded],
    }


def about_json(past: Past, item: str) -> dict[str, Any]:
    """Whom and what it is about, from which days, with the peak and the limit of those."""
    peak, at = past.peak
    limit = past.limit
    return {
        "tenant": past.subject.tenant,
        **({} if past.subject.group is None else {"group": past.subject.group}),
        "item": item,
        "days": days_json(past.days),
        "peak": peak,
        "peak_time": utc(at),
        "limit": None if limit is None else limit[0],
        "limit_since": None if limit is None or limit[1] is None else f"{limit[1]}",
    }


def about_lines(past: Past, item: str) -> list[str]:
    """The same in words."""
    whose = " / ".join(name for name in (past.subject.tenant, past.subject.group) if name is not None) or "System"
    lines = [f"{item}, {whose}", *days_sentences(past.days)]
    peak, at = past.peak
    if peak is not None:
        when = "" if at is None else f", last at {_local(at, past.zone)}"
        limit = past.limit
        holds = "" if limit is None else f" The limit is {limit[0]}{'' if limit[1] is None else f', since {limit[1]}'}."
        lines.append(f"The peak was {peak}{when}.{holds}")
    return lines


def percent(share: float) -> str:
    """`0.1 %`, of at most two decimals."""
    return f"{share * 100:.2f}".rstrip("0").rstrip(".") + " %"


def seats_json(plan: SeatsPlan, item: str, of: RiskOf) -> dict[str, Any]:
    """Seats for each risk."""
    about = about_json(plan.past, item)
    return {
        **about,
        "of": of,
        "risks": [
            {
                "risk": float(row.needed.risk),
                "seats": row.needed.seats,
                "share": row.needed.met / row.needed.total,
                "met": row.needed.met,
                "total": row.needed.total,
                "below_peak": None if about["peak"] is None else about["peak"] - row.needed.seats,
                "below_limit": None if about["limit"] is None else about["limit"] - row.needed.seats,
                "replay": None if row.denials is None else _denials_json(row.denials),
            }
            for row in plan.rows
        ],
    }


def seats_lines(plan: SeatsPlan, item: str, of: RiskOf) -> list[str]:
    """Seats for each risk as a table, and who would have been denied."""
    lines = about_lines(plan.past, item)
    if not plan.rows:
        return [*lines, "Nothing was in use on these days, so nothing can be said of risks." if plan.past.rows else "", ""]
    peak, limit = plan.past.peak[0] or 0, plan.past.limit
    head = [
        "Risk",
        "Seats",
        "Than the peak",
        *(["Than the limit"] if limit else []),
        "Denied, of all" if of == "denials" else "Meets a full pool",
    ]
    played = [row for row in plan.rows if row.denials is not None]
    head += ["Denied", "People", "Longest wait"] if played else []
    cells = []
    for row in plan.rows:
        cell = [percent(float(row.needed.risk)), str(row.needed.seats), _than(row.needed.seats, peak)]
        cell += [_than(row.needed.seats, limit[0])] if limit else []
        cell.append(_met(row.needed, of))
        if row.denials is not None:
            cell += [str(row.denials.denied), str(row.denials.agents), _wait(row.denials)]
        cells.append(cell)
    lines += table(head, cells)
    for row in played:
        if row.denials is not None and row.denials.denied:
            worst = sorted(row.denials.days.items(), key=lambda day: (-day[1], day[0]))[:_DAYS_NAMED_MAX]
            named = ", ".join(f"{day} ({denied})" for day, denied in sorted(worst))
            most = "" if len(row.denials.days) <= _DAYS_NAMED_MAX else f"on {len(row.denials.days)} days, most of them "
            lines.append(f"With {row.needed.seats} seats {row.denials.denied} of {row.denials.logins} logins are denied, {most}on {named}.")
    return [*lines, ""]


def _than(seats: int, other: int) -> str:
    return "as many" if seats == other else f"{abs(seats - other)} {'fewer' if seats < other else 'more'}"


def _met(needed: Needed, of: RiskOf) -> str:
    share = percent(needed.met / needed.total)
    if of == "time":
        return f"{share} of {needed.total / 3600:.0f} h ({lasted(needed.met)})"
    return f"{share} of {needed.total} {'days' if of == 'days' else 'logins'} ({needed.met})"


def _wait(denials: Denials) -> str:
    if not denials.denied:
        return "-"
    never = [f"{denials.never_free} never"] if denials.never_free else []
    return ", ".join([*([] if denials.longest_wait_s is None else [lasted(denials.longest_wait_s)]), *never])


def _denials_json(denials: Denials) -> dict[str, Any]:
    return {
        "logins": denials.logins,
        "denied": denials.denied,
        "agents": denials.agents,
        "first": utc(denials.first),
        "last": utc(denials.last),
        "longest_wait_seconds": denials.longest_wait_s,
        "never_free": denials.never_free,
        "full_seconds": denials.full_s,
        "days": [{"date": f"{day}", "denied": denied} for day, denied in denials.days.items()],
    }


def what_if_json(told: WhatIf, item: str) -> dict[str, Any]:
    """Before and after."""
    return {**about_json(told.past, item), "before": _happened_json(told.before), "after": _happened_json(told.after)}


def _happened_json(one: Happened | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "peak": one.peak,
        "peak_time": utc(one.peak_time),
        "seats": one.seats,
        "over": one.over,
        "over_seconds": one.over_s,
        "replay": None if one.denials is None else _denials_json(one.denials),
    }


def what_if_lines(told: WhatIf, item: str) -> list[str]:
    """Before and after, side by side."""
    lines = about_lines(told.past, item)
    if told.before is None or told.after is None:
        return [*lines, ""]
    zone = told.past.zone
    sides = [_happened_cells(one, zone) for one in (told.before, told.after)]
    rows = [(name, before, sides[1][name]) for name, before in sides[0].items()]
    lines += table(("", "As it was", "What if"), rows)
    if told.before.denials is None and told.after.denials is None:
        lines.append("There is no limit, so nobody is denied; --seats says how many seats there would be.")
    return [*lines, ""]


def _happened_cells(one: Happened, zone: tzinfo) -> dict[str, str]:
    denials = one.denials
    return {
        "Peak": str(one.peak),
        "Peak time": "-" if one.peak_time is None else _local(one.peak_time, zone),
        "Seats": "no limit" if one.seats is None else str(one.seats),
        "Over, at most": "-" if one.over is None else str(one.over),
        "Over, for": "-" if one.over_s is None else lasted(one.over_s),
        "Logins": "-" if denials is None else str(denials.logins),
        "Logins denied": "-" if denials is None else str(denials.denied),
        "People denied": "-" if denials is None else str(denials.agents),
        "Longest wait": "-" if denials is None else _wait(denials),
        "All seats in use": "-" if denials is None else lasted(denials.full_s),
    }


def _local(moment: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(moment, zone):%Y-%m-%d %H:%M}{'' if zone is UTC else f' ({zone})'}"
