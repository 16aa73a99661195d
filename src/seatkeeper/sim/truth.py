"""What a report about a simulated month must say, worked out from its sessions by a plain sweep, one session after the other.

This is a second opinion, so it shares nothing with `usage`: no rule, no table, no query. What an item counts is said here again, in
Python; of several seconds with as many seats the latest is told; a seat is a place of a tenant, and of a SIP cluster's sessions, which
have none, the agent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from seatkeeper.sim.month import CLUSTER, campaign_times, site_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from seatkeeper.sim.month import Login, Month

__all__ = ["ITEMS", "WFM_GROUP", "limits_of", "peaks_of", "truth_of"]

_HOUR_S: Final = 3600
_DAY_HOURS: Final = 24
#: People of this group are planned by Workforce Management.
WFM_GROUP: Final = "service"
#: So much more than the highest peak of ordinary days is provisioned, of these items.
_SPARE: Final = 0.02
_LIMITED: Final = ("Genesys CIM Platform-MS", "Genesys E-Mail", "Genesys Web Media", "Interaction Workspace")

#: Item -> whether a session takes a seat of it.
ITEMS: Final[dict[str, Callable[[Login, Month], bool]]] = {
    "Genesys CIM Platform-MS": lambda session, month: True,
    "Genesys CIM Platform-SS": lambda session, month: True,
    "HA-CIM": lambda session, month: True,
    "Genesys Agent Desktop": lambda session, month: client_of(session) == "desktop",
    "Genesys Supervisor Desktop": lambda session, month: client_of(session) == "supervisor",
    "Interaction Workspace": lambda session, month: client_of(session) == "workspace",
    "Genesys E-Mail": lambda session, month: "email" in session.media,
    "Genesys Social Engagement": lambda session, month: False,
    "Genesys Web Media": lambda session, month: "chat" in session.media,
    "Third-party work items": lambda session, month: "custom" in session.media,
    "Genesys Outbound Contact - MS": lambda session, month: (
        session.queue == "outbound" and any(begins < session.logout and session.login < ends for begins, ends in campaign_times(month))
    ),
    "Genesys Info Mart": lambda session, month: True,
    "Genesys Interactive Insights (GI2)": lambda session, month: True,
    "Agent Connector": lambda session, month: (
        client_of(session) not in {"desktop", "supervisor", "workspace"} and (session.place != "" or session.voice)
    ),
    "Genesys Inbound Voice": lambda session, month: session.voice and site_kind(session.agent.site) == "premise",
    "Genesys Network Voice": lambda session, month: False,
    "SIP Server": lambda session, month: session.voice and site_kind(session.agent.site) in {"sip", CLUSTER},
    "Genesys Workforce Management": lambda session, month: session.agent.group.name == WFM_GROUP and not is_helper(session),
}


def client_of(session: Login) -> str:
    """The program that the agent works with."""
    return "supervisor" if session.agent.supervisor and session.agent.client == "desktop" else session.agent.client


def is_helper(session: Login) -> bool:
    """True for somebody who is there on one day only, and not configured as anything."""
    return session.agent.name.startswith("helper")


def _seat(session: Login) -> tuple[str, str]:
    return (session.agent.tenant, session.place) if session.place else ("", session.agent.name)


def peaks_of(sessions: Iterable[Login], since: int, until: int) -> list[tuple[int, int | None]]:
    """For each hour of [since, until) the most seats in use at once, and the last second at which they were."""
    changes: list[tuple[int, int, tuple[str, str]]] = []
    for session in sessions:
        begins, ends = max(session.login, since), min(session.logout, until)
        if begins < ends:
            changes += [(begins, 1, _seat(session)), (ends, -1, _seat(session))]
    changes.sort()
    hours = (until - since) // _HOUR_S
    found: list[tuple[int, int | None]] = [(0, None)] * hours
    held: dict[tuple[str, str], int] = {}
    seats, at = 0, since

    def lasted(end: int) -> None:
        # So many seats from `at` to `end`, in each hour that this touches.
        if not seats:
            return
        for hour in range((at - since) // _HOUR_S, (end - 1 - since) // _HOUR_S + 1):
            if seats >= found[hour][0]:
                found[hour] = seats, min(end, since + (hour + 1) * _HOUR_S) - 1

    for moment, step, seat in changes:
        if moment > at:
            lasted(moment)
            at = moment
        before = held.get(seat, 0)
        held[seat] = before + step
        seats += (before + step > 0) - (before > 0)
    if until > at:
        lasted(until)
    return found


def _joined(hours: list[tuple[int, int | None]]) -> tuple[int, int | None]:
    """The peak of several hours: the highest, and of those the last."""
    return max(hours, key=lambda one: (one[0], one[1] or 0), default=(0, None))


def _by_tenant(month: Month, counts: Callable[[Login, Month], bool]) -> Iterator[tuple[str | None, list[Login]]]:
    """The whole system, then each tenant, with the sessions that count."""
    chosen = [session for session in month.sessions if counts(session, month)]
    yield None, chosen
    of_tenant: dict[str, list[Login]] = {tenant: [] for tenant in month.center.tenants}
    for session in chosen:
        of_tenant[session.agent.tenant].append(session)
    yield from sorted(of_tenant.items())


def limits_of(month: Month) -> list[dict[str, Any]]:
    """What each tenant is provisioned with: a little more than it needs without the people who came for a day."""
    ordinary = [session for session in month.sessions if not is_helper(session)]
    found: list[dict[str, Any]] = []
    for item in _LIMITED:
        for tenant in sorted(month.center.tenants):
            own = [session for session in ordinary if session.agent.tenant == tenant and ITEMS[item](session, month)]
            peak, _ = _joined(peaks_of(own, month.since, month.until))
            found.append({"tenant": tenant, "item": item, "limit": peak + max(1, int(peak * _SPARE))})
    return found


def truth_of(month: Month) -> dict[str, Any]:
    """What is so.

    Returns:
        `peaks`: a row for the system and each tenant and item, with `hourly`, `daily` and `monthly`, each a list of start, peak,
        last second of the peak (null for a peak of nothing) and by how much that is over the limit. `limits`: what tenants are
        provisioned with. `gaps`: when nobody saw Interaction Server. `planted`: whose over-use when.
    """
    limits = limits_of(month)
    limit = {(row["tenant"], row["item"]): row["limit"] for row in limits}
    rows: list[dict[str, Any]] = []
    for item, counts in ITEMS.items():
        for tenant, sessions in _by_tenant(month, counts):
            hours = peaks_of(sessions, month.since, month.until)
            allowed = limit.get((tenant, item))
            row: dict[str, Any] = {"tenant": tenant, "item": item}
            for name, length in (("hourly", 1), ("daily", _DAY_HOURS), ("monthly", month.days * _DAY_HOURS)):
                row[name] = []
                for first in range(0, len(hours), length):
                    peak, last = _joined(hours[first : first + length])
                    over = 0 if allowed is None else max(0, peak - allowed)
                    row[name].append([month.since + first * _HOUR_S, peak, last, over])
            rows.append(row)
    return {
        "month": month.name,
        "agents": len(month.center.agents),
        "sessions": len(month.sessions),
        "limits": limits,
        "planted": {"tenant": month.surge_tenant, "day": f"{month.name}-{month.surge_day:02}"},
        "gaps": [{"icon": crash.icon, "since": crash.since, "until": crash.until} for crash in month.crashes],
        "peaks": rows,
    }
