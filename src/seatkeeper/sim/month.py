"""A month of a contact center that does not exist: who was logged in where, second by second, and what two ICONs saw of it.

People work in the shifts of `center`, five days of seven, take a free desk when they come and leave it when they go, so early and late
people share desks. Who takes calls has a session at the switch; who answers mail, chats or cases has one at Interaction Server, too.
Sites differ: premise switches, SIP Server, and a SIP cluster, of whose sessions neither place nor DN is told.

Three ICONs write what they see. Two watch the switches, as a pair; one of them crashes and misses some hours, which costs nothing. One
watches Interaction Server alone; when that crashes, whoever is logged in is seen no more, and seen anew when it is back. What nobody saw
is not in `sessions`: they are what can be known.

One tenant has more people than usual on one day, all at the mail: that is the over-use which a report must find.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.sim.center import GROUPS, Agent, Center, build_center
from seatkeeper.sim.draws import Draws, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CLUSTER", "SITE_KINDS", "TENANTS_MAX", "Crash", "Login", "Month", "campaign_times", "plan_month", "site_kind", "tenant_names"]

TENANTS_MAX: Final = 1_000
_DAY_S: Final = 86_400
#: What the switches of sites are: the second site is a SIP cluster.
CLUSTER: Final = "cluster"
SITE_KINDS: Final = {"north": "premise", "south": CLUSTER, "east": "sip", "west": "premise"}
_NAMES: Final = ("Harbor", "Meadow", "Summit", "Quarry", "Orchard", "Lantern", "Willow", "Cinder", "Juniper", "Pebble")
_JITTER_S: Final = 12 * 60
_BREAK_S: Final = 30 * 60
#: Chat is opened so long after the login, at most.
_CHAT_LATER_S: Final = 50 * 60
#: From when to when campaigns are loaded, in hours of each day.
_CAMPAIGN_HOURS: Final = ((9, 12), (14, 19))
#: Of each seven days.
_REST_DAYS: Final = 2
#: People who help on the day of the over-use, of all of the tenant.
_SURGE_SHARE: Final = 0.15
_SURGE_LEAST: Final = 5


class Crash(msgspec.Struct, frozen=True):
    """An ICON that saw nothing from one moment to another, in UTC seconds."""

    icon: str
    since: int
    until: int


class Login(msgspec.Struct):
    """One login session, as it was seen.

    Attributes:
        number: Counted from 1.
        agent: Whose.
        voice: At a switch; else at Interaction Server.
        media: All that were used.
        place: The desk, unique in its tenant; empty where none is told.
        queue: The queue of the switch; empty where there is none.
        login: UTC seconds.
        logout: Exclusive.
        chat_at: When chat was opened, if it was later than the login.
        lost: It was open when its only ICON died: the logout is when that was.
    """

    number: int
    agent: Agent
    voice: bool
    media: tuple[str, ...]
    place: str
    queue: str
    login: int
    logout: int
    chat_at: int | None = None
    lost: bool = False


class Month(msgspec.Struct, frozen=True):
    """What happened.

    Attributes:
        name: As 2026-09.
        since: When it began, in UTC seconds.
        days: How many it has.
        center: Where.
        sessions: What could be seen, by login.
        crashes: Of which ICON when.
        surge_tenant: The tenant with more people than usual.
        surge_day: On which day of the month that was, from 1.
    """

    name: str
    since: int
    days: int
    center: Center
    sessions: list[Login]
    crashes: tuple[Crash, ...]
    surge_tenant: str
    surge_day: int

    @property
    def until(self) -> int:
        """When it ended, in UTC seconds."""
        return self.since + self.days * _DAY_S


class _Presence(msgspec.Struct):
    agent: Agent
    login: int
    logout: int


def tenant_names(count: int) -> tuple[str, ...]:
    """So many names of tenants."""
    return tuple(_NAMES[at % len(_NAMES)] + (f" {at // len(_NAMES) + 1}" if at >= len(_NAMES) else "") for at in range(count))


def site_kind(site: str) -> str:
    """What the site's switch is: premise, sip, or CLUSTER."""
    return SITE_KINDS[site]


def campaign_times(month: Month) -> Iterator[tuple[int, int]]:
    """From when to when the campaigns are loaded."""
    for day in range(month.days):
        for begins, ends in _CAMPAIGN_HOURS:
            start = month.since + day * _DAY_S
            yield start + begins * 3600, start + ends * 3600


def plan_month(agents: int, tenants: int, year: int, month: int, draws: Draws) -> Month:
    """A month of a center with so many agents and tenants."""
    center = build_center(agents, draws, tenant_names(tenants))
    since = int(datetime(year, month, 1, tzinfo=UTC).timestamp())
    days = monthrange(year, month)[1]
    surge_tenant = center.tenants[spread(draws, 0, tenants - 1)]
    # On none of these days an ICON crashes.
    surge_day = spread(draws, 20, 25)
    crashes = (
        Crash("voice-b", since + 9 * _DAY_S + 10 * 3600, since + 9 * _DAY_S + 15 * 3600),
        Crash("media", since + 14 * _DAY_S + 11 * 3600 + 17, since + 14 * _DAY_S + 11 * 3600 + 20 * 60 + 3),
    )
    present = [*_presences(center, since, days, draws), *_surge(center, surge_tenant, since + (surge_day - 1) * _DAY_S, draws)]
    present.sort(key=lambda one: (one.login, one.agent.name))
    sessions = _seen(_sessions(present, draws), crashes[1])
    sessions.sort(key=lambda one: (one.login, one.agent.name, one.voice))
    for number, session in enumerate(sessions, 1):
        session.number = number
    return Month(f"{date(year, month, 1):%Y-%m}", since, days, center, sessions, crashes, surge_tenant, surge_day)


def _presences(center: Center, since: int, days: int, draws: Draws) -> Iterator[_Presence]:
    for number, agent in enumerate(center.agents):
        shift = agent.shift
        for day in range(days):
            if (day + number) % 7 < _REST_DAYS:
                continue
            start = since + day * _DAY_S
            begins = start + shift.begins * 60 + spread(draws, -_JITTER_S, _JITTER_S)
            ends = start + shift.ends * 60 + spread(draws, 0, _JITTER_S)
            if not agent.leaves_at_break:
                yield _Presence(agent, begins, ends)
                continue
            pause = begins + (ends - begins) // 2 + spread(draws, -_BREAK_S, _BREAK_S)
            yield _Presence(agent, begins, pause)
            yield _Presence(agent, pause + _BREAK_S, ends)


def _surge(center: Center, tenant: str, day: int, draws: Draws) -> Iterator[_Presence]:
    """People who are there on one day only, around two o'clock, when most others are, too."""
    count = max(_SURGE_LEAST, int(sum(agent.tenant == tenant for agent in center.agents) * _SURGE_SHARE))
    letters = next(group for group, _ in GROUPS if "email" in group.media and "voice" in group.media)
    pattern = center.agents[0]
    for number in range(1, count + 1):
        agent = msgspec.structs.replace(
            pattern, name=f"helper{number:05}", tenant=tenant, site="north", group=letters, client="workspace", supervisor=False
        )
        begins = day + 13 * 3600 + spread(draws, 0, 1800)
        yield _Presence(agent, begins, begins + 2 * 3600 + spread(draws, 0, 1800))


def _sessions(present: list[_Presence], draws: Draws) -> Iterator[Login]:
    """The sessions of each presence, at the free desk with the lowest number."""
    taken: list[tuple[int, tuple[str, str], int]] = []
    free: dict[tuple[str, str], list[int]] = {}
    made: dict[tuple[str, str], int] = {}
    for one in present:
        while taken and taken[0][0] <= one.login:
            _, where, number = heappop(taken)
            heappush(free.setdefault(where, []), number)
        agent = one.agent
        where = (agent.tenant, agent.site)
        place = ""
        if site_kind(agent.site) != CLUSTER:
            desks = free.setdefault(where, [])
            if not desks:
                made[where] = made.get(where, 0) + 1
                heappush(desks, made[where])
            number = heappop(desks)
            heappush(taken, (one.logout, where, number))
            place = f"{agent.site}-{number:04}"
        if "voice" in agent.group.media:
            yield Login(0, agent, True, ("voice",), place, agent.group.queue if place else "", one.login, one.logout)
        others = tuple(medium for medium in agent.group.media if medium != "voice")
        if others:
            begins = one.login + spread(draws, 1, 90)
            chat = begins + spread(draws, 60, _CHAT_LATER_S) if "chat" in others else None
            yield Login(0, agent, False, others, place, "", begins, one.logout, chat)


def _seen(sessions: Iterator[Login], crash: Crash) -> list[Login]:
    """What the ICON beside Interaction Server saw: sessions that were open when it died end there, and go on as new ones."""
    found: list[Login] = []
    for session in sessions:
        if session.voice or session.logout <= crash.since or session.login >= crash.until:
            found.append(session)
            continue
        if session.login < crash.since:
            # Chat that was not open yet was never seen in this one.
            early = session.chat_at is not None and session.chat_at >= crash.since
            media = tuple(medium for medium in session.media if not (early and medium == "chat"))
            chat_at = None if early else session.chat_at
            found.append(msgspec.structs.replace(session, logout=crash.since, media=media, chat_at=chat_at, lost=True))
        if session.logout > crash.until:
            chat_at = session.chat_at if session.chat_at is not None and session.chat_at > crash.until else None
            found.append(msgspec.structs.replace(session, login=crash.until, chat_at=chat_at))
    return found
