"""Small random worlds of usage facts, and what every report about one must say, found by looking at every second.

Written from facts/lrm.md (1.2 to 1.4 and 5) and docs/usage.md, apart from the product: no code is shared with it, no table is joined, no
interval is merged. Who is logged in at a second is asked anew for that second.

What is asked does not change between two moments at which something begins or ends. So it is enough to look, from each such moment to
the next, at the first and the last second that count (`World.looks`); `every_second` looks at all of them, and a test compares the two.
"""

from __future__ import annotations

import csv
import itertools
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["ENABLED", "MEASURED_NOT", "PEAK", "PORTS", "ZONES", "Asked", "World", "random_world", "tables", "write_facts"]

HARBOR, MEADOW = "Harbor", "Meadow"
ZONES: Final = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu")
ENDLESS: Final = 1 << 60

#: The columns of files, as docs/usage.md has them.
COLUMNS: Final = {
    "sessions": "source,session_id,tenant,agent,place,dn,switch_kind,media,client,queues,login,logout,estimated",
    "configuration": "source,tenant,kind,name,detail,since,until",
    "ports": "source,tenant,kind,start,seconds,peak,peak_time",
    "recordings": "source,recording_id,tenant,agent,started,ended,estimated",
    "ends": "source,ended",
}
TIMES: Final = {"login", "logout", "since", "until", "start", "peak_time", "started", "ended"}

DESKTOP: Final = {"desktop", "agent desktop", "gad"}
SUPERVISOR: Final = {"supervisor", "supervisor desktop", "gsd"}
WORKSPACE: Final = {"workspace", "interaction workspace", "wde"}
SOCIAL: Final = {"social", "facebook", "twitter", "rss"}
LOGINS: Final = {"login", "premise", "sip", "network"}
NO_MEDIA: Final = {"agent", "desktop", "supervisor", "workspace", "wfm", "campaign", ""} | LOGINS

PORTS: Final = {"Call Qualification Parking": "parking", "GVP ASR Ports": "asr", "GVP TTS Ports": "tts", "GVP Ports": "calls"}
#: Items of which only what is enabled is counted, with the kind of configuration that is counted.
MEASURED_NOT: Final = {"SIP Voicemail": "mailbox", "IVR Connector": "ivr-port"}
RECORDING: Final = "Call Recording"


@dataclass(frozen=True)
class Session:
    """One session, from all that was told of it: from `begin` up to but not including `end`."""

    name: str
    tenant: str
    agent: str
    place: str
    dn: str
    switch: str
    media: frozenset[str]
    client: str
    queues: frozenset[str]
    begin: int
    end: int

    @property
    def seat(self) -> tuple[str, str]:
        """The place, else the DN, else the agent; a recording takes one of its own."""
        if self.name.startswith("recording "):
            return "recording", self.name
        for sort, name in (("place", self.place), ("DN", self.dn), ("agent", self.agent)):
            if name:
                return sort, name
        return "session", self.name


@dataclass(frozen=True)
class Asked:
    """What a report is asked for."""

    report: str
    item: str
    granularity: str
    first: date
    end: date
    zone: str = "UTC"
    week_start: int = 0
    minutes: bool = False
    day_end: bool = False
    tenant: str | None = None
    group: str | None = None


@dataclass
class World:
    """Rows as files have them: times are UTC seconds, lists are lists, None is open."""

    sessions: list[dict[str, Any]] = field(default_factory=list)
    configuration: list[dict[str, Any]] = field(default_factory=list)
    ports: list[dict[str, Any]] = field(default_factory=list)
    recordings: list[dict[str, Any]] = field(default_factory=list)
    ends: list[dict[str, Any]] = field(default_factory=list)

    def files(self) -> dict[str, list[dict[str, Any]]]:
        """Kind -> rows, of what there is."""
        return {kind: rows for kind in COLUMNS if (rows := getattr(self, kind))}

    # What was observed -------------------------------------------------------------------------------------------------------------

    def _end(self, told: list[dict[str, Any]], begins: str, ends: str) -> int:
        """When it ended: as somebody saw, else as somebody guessed, else when all who saw it had stopped to observe, else never."""
        seen = [row[ends] for row in told if row[ends] is not None and not row.get("estimated")]
        guessed = [row[ends] for row in told if row[ends] is not None and row.get("estimated")]
        if seen or guessed:
            return max(seen or guessed)
        begin = min(row[begins] for row in told)
        stops = []
        for source in {row["source"] for row in told}:
            stops.append(min((end["ended"] for end in self.ends if end["source"] == source and end["ended"] >= begin), default=ENDLESS))
        return max(stops)

    def held(self) -> list[Session]:
        """Every session once."""
        found = []
        for name in {row["session_id"] for row in self.sessions}:
            told = [row for row in self.sessions if row["session_id"] == name]
            texts = {key: max(row[key] for row in told) for key in ("tenant", "agent", "place", "dn", "switch_kind", "client")}
            media = {_medium(word) for row in told for word in row["media"]}
            queues = {word for row in told for word in row["queues"]}
            begin = min(row["login"] for row in told)
            client, switch = texts.pop("client").lower(), texts.pop("switch_kind")
            end = self._end(told, "login", "logout")
            found.append(
                Session(name, **texts, switch=switch, media=frozenset(media), client=client, queues=frozenset(queues), begin=begin, end=end)
            )
        return found

    def recorded(self) -> list[Session]:
        """Every recording once, as a session of which nothing but tenant and agent is known."""
        found = []
        for name in {row["recording_id"] for row in self.recordings}:
            told = [row for row in self.recordings if row["recording_id"] == name]
            begin, end = min(row["started"] for row in told), self._end(told, "started", "ended")
            tenant, agent = told[0]["tenant"], told[0]["agent"]
            found.append(Session("recording " + name, tenant, agent, "", "", "", frozenset(), "", frozenset(), begin, end))
        return found

    # What was configured -----------------------------------------------------------------------------------------------------------

    def knows(self, kind: str) -> bool:
        """Something of this kind is configured."""
        return any(row["kind"] == kind for row in self.configuration)

    def rows(self, kind: str, begin: int, end: int, **same: str) -> list[dict[str, Any]]:
        """What of this kind was configured at some second of [begin, end)."""
        return [
            row
            for row in self.configuration
            if row["kind"] == kind
            and all(row[key] == value for key, value in same.items())
            and max(row["since"], begin) < min(ENDLESS if row["until"] is None else row["until"], end)
        ]

    def members(self, asked: Asked, tenant: str, group: str, second: int) -> set[str]:
        """Who belongs to a group at that second; or did so in the last second of the day in which it lies."""
        if asked.day_end:
            second = _next_midnight(second, asked.zone) - 1
        rows = self.rows(asked.report, second, second + 1, tenant=tenant, name=group)
        return {row["detail"] for row in rows if row["detail"]}

    def system(self, name: str, begin: int, end: int) -> bool:
        """The installation has it at some time of these, or nothing is known of installations."""
        return not self.knows("system") or bool(self.rows("system", begin, end, name=name))

    # What a report says ------------------------------------------------------------------------------------------------------------

    def subjects(self, asked: Asked) -> list[tuple[str | None, str | None]]:
        """Whom the rows are about, in their order."""
        if asked.report == "system":
            return [(None, None)]
        if asked.report == "tenant":
            named = {row["tenant"] for rows in (self.sessions, self.recordings) for row in rows}
            named |= {row["tenant"] for row in self.configuration if row["tenant"] or row["kind"] != "system"}
            named |= {row["tenant"] for row in self.ports if row["tenant"]}
            return [(tenant, None) for tenant in sorted(named) if asked.tenant in {None, tenant}]
        groups = {(row["tenant"], row["name"]) for row in self.configuration if row["kind"] == asked.report}
        return [(tenant, group) for tenant, group in sorted(groups) if asked.tenant in {None, tenant} and asked.group in {None, group}]

    def looks(self, asked: Asked, begin: int, end: int, *, every_second: bool = False) -> list[int]:
        """The seconds of [begin, end) that are looked at, in order."""
        step = 60 if asked.minutes else 1
        if every_second:
            return [second for second in range(begin, end) if second % step == 0]
        changes = {begin, end}
        for session in [*self.held(), *self.recorded()]:
            changes |= {session.begin, session.end}
        for row in self.configuration:
            changes |= {row["since"], row["until"] or begin}
        changes |= {edge for edge, _ in _periods(asked)}
        changes |= {edge for edge, _ in _periods(Asked("", "", "daily", asked.first, asked.end, asked.zone))}
        firsts = {change + (-change) % step for change in changes}
        lasts = {(change - 1) - (change - 1) % step for change in changes}
        return sorted(second for second in firsts | lasts if begin <= second < end)

    def report(self, asked: Asked, *, every_second: bool = False) -> list[dict[str, Any]]:
        """The rows of a report, as its JSON names them; times are UTC seconds."""
        periods = _periods(asked)
        begin, end = _midnight(asked.first, asked.zone), _midnight(asked.end, asked.zone)
        looks = self.looks(asked, begin, end, every_second=every_second)
        exact = self.looks(Asked(asked.report, "", asked.granularity, asked.first, asked.end, asked.zone), begin, end)
        rows = []
        for tenant, group in self.subjects(asked):
            used = self._used(asked, tenant, group, looks)
            able = self._enabled(asked, tenant, group, exact)
            for start, until in periods:
                since, till = max(start, begin), min(until, end)
                peak, last = _peak(used, since, till)
                if asked.item in PORTS:
                    peak, last = self._port_peak(asked, tenant, since, till)
                rows.append(
                    {
                        "tenant": tenant,
                        "group": group,
                        "start": start,
                        "peak": peak,
                        "peak_time": last,
                        "enabled": _peak(able, since, till)[0],
                    }
                )
        return rows

    def _used(self, asked: Asked, tenant: str | None, group: str | None, looks: list[int]) -> list[tuple[int, int]] | None:
        """How many seats are in use at each second; None where that is not known."""
        if asked.item in {*PORTS, *MEASURED_NOT} or (asked.item == "Genesys Outbound Contact - MS" and not self.knows("campaign")):
            return None
        if asked.item == RECORDING:
            if not self.recordings or asked.report == "place-group":
                return None
            counting = self.recorded()
        else:
            counting = [session for session in self.held() if PEAK[asked.item](self, session)]
        if tenant is not None:
            counting = [session for session in counting if session.tenant == tenant]
        found = []
        for second in looks:
            open_now = [session for session in counting if session.begin <= second < session.end]
            if group is not None:
                assert tenant is not None
                members = self.members(asked, tenant, group, second)
                open_now = [one for one in open_now if (one.agent if asked.report == "agent-group" else one.place) in members]
            found.append((second, len({session.seat for session in open_now})))
        return found

    def _enabled(self, asked: Asked, tenant: str | None, group: str | None, looks: list[int]) -> list[tuple[int, int]] | None:
        """How many are configured at each second; None where it is not measured, or not known."""
        if asked.item in PORTS or asked.item == RECORDING:
            return None
        if group is not None:
            assert tenant is not None
            return [(second, len(self.members(asked, tenant, group, second))) for second in looks]
        kind = MEASURED_NOT.get(asked.item, "agent")
        if kind == "agent" and not self.knows("agent") and self.sessions:
            # Every agent of whom there are sessions counts as configured, at any time.
            seen = {(session.tenant, session.agent) for session in self.held() if session.agent and tenant in {None, session.tenant}}
            return [(second, len(seen)) for second in looks]
        if not self.knows(kind):
            return None
        found = []
        for second in looks:
            rows = [row for row in self.rows(kind, second, second + 1) if tenant in {None, row["tenant"]}]
            objects: dict[tuple[str, str], set[str]] = {}
            for row in rows:
                objects.setdefault((row["tenant"], row["name"]), set()).add(row["detail"])
            counting = [
                name for (whose, name), able in objects.items() if kind != "agent" or ENABLED[asked.item](self, able, whose, second)
            ]
            found.append((second, len(counting)))
        return found

    def _port_peak(self, asked: Asked, tenant: str | None, begin: int, end: int) -> tuple[int | None, int | None]:
        """The most of the stretches that lie in a period; a system's are those that are told without a tenant."""
        if asked.report in {"agent-group", "place-group"}:
            return None, None
        best: tuple[int, int] | None = None
        for row in self.ports:
            if row["kind"] != PORTS[asked.item] or row["tenant"] != (tenant or ""):
                continue
            if begin <= row["start"] and row["start"] + row["seconds"] <= end:
                when = row["start"] + row["seconds"] - 1 if row["peak_time"] is None else row["peak_time"]
                best = max(best or (0, 0), (row["peak"], when))
        if best is None:
            return None, None
        return best[0], best[1] if best[0] else None


def _medium(word: str) -> str:
    return {"e-mail": "email", "web chat": "chat"}.get(word.lower(), word.lower())


def _peak(counts: list[tuple[int, int]] | None, begin: int, end: int) -> tuple[int | None, int | None]:
    """The most, and the latest second that has it, of what lies in order."""
    if counts is None:
        return None, None
    inside = [(count, second) for second, count in counts[bisect_left(counts, (begin, 0)) : bisect_left(counts, (end, 0))]]
    most, last = max(inside, default=(0, 0))
    return most, last if most else None


# Which sessions count, and who is enabled (facts, LRM 5) ------------------------------------------------------------------------------


def _agent_can(world: World, session: Session, capability: str) -> bool:
    """The agent is configured so at some time of the session; everybody is where no agent is configured."""
    if not world.knows("agent"):
        return True
    return bool(world.rows("agent", session.begin, session.end, tenant=session.tenant, name=session.agent, detail=capability))


def _at_campaign(world: World, session: Session) -> bool:
    loaded = world.rows("campaign", session.begin, session.end, tenant=session.tenant)
    where = {place for place in {*session.queues, session.place} if place}
    return any(row["detail"] in where or row["name"] in where for row in loaded)


def _network_voice(world: World, session: Session) -> bool:
    if "voice" not in session.media:
        return False
    if not world.knows("system"):
        return session.switch == "network"
    return bool(world.rows("system", session.begin, session.end, tenant=session.tenant, name="network-switch"))


_KNOWN_MEDIA: Final = {"voice", "email", "chat"} | SOCIAL

PEAK: Final[dict[str, Callable[[World, Session], bool]]] = {
    "Genesys CIM Platform-MS": lambda world, session: True,
    "Genesys CIM Platform-SS": lambda world, session: True,
    "HA-CIM": lambda world, session: world.system("redundant-pair", session.begin, session.end),
    "Genesys Agent Desktop": lambda world, session: session.client in DESKTOP,
    "Genesys Supervisor Desktop": lambda world, session: session.client in SUPERVISOR,
    "Interaction Workspace": lambda world, session: session.client in WORKSPACE,
    "Genesys E-Mail": lambda world, session: "email" in session.media,
    "Genesys Social Engagement": lambda world, session: bool(session.media & SOCIAL),
    "Genesys Web Media": lambda world, session: "chat" in session.media and _agent_can(world, session, "agent"),
    "Third-party work items": lambda world, session: bool(session.media - _KNOWN_MEDIA),
    "Genesys Outbound Contact - MS": _at_campaign,
    "Genesys Info Mart": lambda world, session: True,
    "Genesys Interactive Insights (GI2)": lambda world, session: True,
    "Agent Connector": lambda world, session: (
        session.client not in DESKTOP | SUPERVISOR | WORKSPACE and (bool(session.place) or "voice" in session.media)
    ),
    "Genesys Inbound Voice": lambda world, session: "voice" in session.media and session.switch in {"premise", ""},
    "Genesys Network Voice": _network_voice,
    "SIP Server": lambda world, session: "voice" in session.media and session.switch == "sip",
    "Genesys Workforce Management": lambda world, session: _agent_can(world, session, "wfm"),
    RECORDING: lambda world, session: True,
}


def _cim(name: str) -> Callable[[World, set[str], str, int], bool]:
    def rule(world: World, able: set[str], tenant: str, second: int) -> bool:
        return bool(able & LOGINS or able - NO_MEDIA) and world.system(name, second, second + 1)

    return rule


def _has(*words: str) -> Callable[[World, set[str], str, int], bool]:
    return lambda world, able, tenant, second: bool(able & set(words))


#: Of an agent with these capabilities, of a tenant, at a second.
ENABLED: Final[dict[str, Callable[[World, set[str], str, int], bool]]] = {
    "Genesys CIM Platform-MS": _cim("multi-site"),
    "Genesys CIM Platform-SS": _cim("single-site"),
    "HA-CIM": _cim("redundant-pair"),
    "Genesys Agent Desktop": _has("desktop"),
    "Genesys Supervisor Desktop": _has("supervisor"),
    "Interaction Workspace": _has("workspace"),
    "Genesys E-Mail": _has("email"),
    "Genesys Social Engagement": _has(*SOCIAL),
    "Genesys Web Media": _has("chat"),
    "Third-party work items": lambda world, able, tenant, second: bool(able - NO_MEDIA - _KNOWN_MEDIA),
    "Genesys Outbound Contact - MS": _has("campaign"),
    "Genesys Info Mart": _cim("info-mart"),
    "Genesys Interactive Insights (GI2)": _cim("gi2"),
    "Agent Connector": lambda world, able, tenant, second: bool(able & LOGINS) and not able & {"desktop", "supervisor", "workspace"},
    "Genesys Inbound Voice": _has("premise"),
    "Genesys Network Voice": lambda world, able, tenant, second: (
        bool(able & LOGINS)
        and (not world.knows("system") or bool(world.rows("system", second, second + 1, tenant=tenant, name="network-switch")))
    ),
    "SIP Server": _has("sip"),
    "Genesys Workforce Management": _has("wfm"),
}


# The calendar, found by looking at the clock on the wall every five minutes -----------------------------------------------------------


@cache
def _midnight(day: date, zone: str) -> int:
    """The first second of a day there."""
    second = int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) - 86_400
    while datetime.fromtimestamp(second, ZoneInfo(zone)).date() < day:
        second += 300
    return second


def _next_midnight(second: int, zone: str) -> int:
    return _midnight(datetime.fromtimestamp(second, ZoneInfo(zone)).date() + timedelta(days=1), zone)


def _periods(asked: Asked) -> list[tuple[int, int]]:
    """Where each period begins and ends that has a part in the asked days, as a whole."""
    zone = ZoneInfo(asked.zone)

    def label(second: int) -> object:
        shown = datetime.fromtimestamp(second, zone)
        day = shown.date()
        return {
            "monthly": day.replace(day=1),
            "weekly": day - timedelta(days=(day.weekday() - asked.week_start) % 7),
            "daily": day,
            "hourly": (day, shown.hour, shown.utcoffset()),
            "10-minute": (day, shown.hour, shown.minute // 10, shown.utcoffset()),
        }[asked.granularity]

    begin, end = _midnight(asked.first, asked.zone), _midnight(asked.end, asked.zone)
    around = {"monthly": 32, "weekly": 8}.get(asked.granularity, 0) * 86_400
    edges = []
    before: object = None
    for second in range(begin - around, end + around + 3900, 300):
        if (now := label(second)) != before:
            edges.append(second)
            before = now
    return [(start, until) for start, until in itertools.pairwise(edges) if start < end and until > begin]


# Random worlds ------------------------------------------------------------------------------------------------------------------------

#: Days on which a zone of ZONES changes its clocks, and others: the end of a month, of a year, a leap day.
FIRST_DAYS: Final = tuple(
    date.fromisoformat(day)
    for day in ("2026-10-24", "2026-03-28", "2026-10-31", "2026-03-07", "2026-09-29", "2026-12-30", "2028-02-28", "2026-09-02")
)
MEDIA: Final = ("voice", "voice", "email", "E-Mail", "chat", "sms", "social", "twitter", "workitem", "fax", "Video")
PLACES: Final = ("", "", "p1", "p2", "p3", "q2")
QUEUES: Final = ("q1", "q2", "q3")
AGENTS: Final = ("ann", "bo", "cy", "di", "ed")
CLIENT_WORDS: Final = ("", "desktop", "GAD", "supervisor", "workspace", "Interaction Workspace", "toolbar")
SWITCHES: Final = ("", "premise", "sip", "network")
CAPABILITIES: Final = (
    "agent",
    "login",
    "premise",
    "sip",
    "network",
    "email",
    "chat",
    "facebook",
    "fax",
    "desktop",
    "workspace",
    "wfm",
    "campaign",
)

#: Names with what engines may take for more than letters.
SOURCES = ("icon.a#1", "icon.b#2")


def random_world(draws: random.Random, zone: str, first: date, days: int) -> World:
    """A world about some days, with a good deal of what lies at their edges, before and after them."""
    world = World()
    begin, end = _midnight(first, zone), _midnight(first + timedelta(days=days), zone)
    # Much happens at the same few moments, or a second beside them.
    grid = [begin, end, *(draws.randrange(begin - 90_000, end + 90_000) // 600 * 600 for _ in range(6))]
    grid += [_midnight(first + timedelta(days=draws.randrange(days + 1)), draws.choice([zone, "UTC"])) for _ in range(2)]

    def moment() -> int:
        if draws.random() < 0.75:
            return draws.choice(grid) + draws.choice([0, 0, 0, 1, -1, 30, 60, 3600, -1800])
        return draws.randrange(begin - 20_000, end + 20_000)

    def length() -> int:
        return draws.choice([0, 1, 30, 59, 60, 61, 600, 3599, 3600, draws.randrange(20_000), draws.randrange(300_000)])

    def time(open_chance: float) -> tuple[int, int | None]:
        since = moment()
        return since, None if draws.random() < open_chance else since + length()

    tenants = [HARBOR, MEADOW, *(("",) if draws.random() < 0.2 else ())]
    _draw_sessions(world, draws, time, tenants)
    if draws.random() < 0.4:
        world.ends = [{"source": draws.choice(SOURCES), "ended": moment()} for _ in range(draws.randrange(1, 4))]
    for kind in draws.sample(["agent", "agent-group", "place-group", "campaign", "mailbox", "ivr-port", "system"], draws.randrange(8)):
        _draw_configuration(world, draws, kind, time, tenants)
    if draws.random() < 0.3:
        for tenant in ["", *tenants]:
            _draw_ports(world, draws, tenant, begin, end)
    if draws.random() < 0.3:
        for number in range(draws.randrange(1, 9)):
            since, until = time(0.2)
            agent, tenant = draws.choice(AGENTS), draws.choice(tenants)
            told = {"recording_id": f"r{number}", "tenant": tenant, "agent": agent, "started": since, "ended": until, "estimated": False}
            world.recordings += [{"source": source, **told} for source in draws.sample(SOURCES, draws.randrange(1, 3))]
    return world


def _draw_sessions(world: World, draws: random.Random, time: Callable[[float], tuple[int, int | None]], tenants: list[str]) -> None:
    for number in range(draws.choice([0, 1, 3, 8, 15, 25])):
        since, until = time(0.15)
        whole = {
            "session_id": f"s{number}",
            "tenant": draws.choice(tenants),
            "agent": draws.choice(["", *AGENTS]),
            "place": draws.choice(PLACES),
            "dn": draws.choice(["", "", "701", "702"]),
            "switch_kind": draws.choice(SWITCHES),
            "media": draws.sample(MEDIA, draws.choice([0, 1, 1, 2, 3])),
            "client": draws.choice(CLIENT_WORDS),
            "queues": draws.sample(QUEUES, draws.choice([0, 1, 2])),
            "login": since,
            "logout": until,
            "estimated": False,
        }
        sources = draws.sample(SOURCES, draws.choice([1, 1, 2]))
        for source in sources:
            row = {**whole, "source": source}
            if source != sources[0]:
                # The other one of a pair knows less, or noticed it later.
                row |= {name: "" for name in ("agent", "place", "dn", "client", "switch_kind") if draws.random() < 0.3}
                row["media"] = draws.sample(whole["media"], draws.randrange(len(whole["media"]) + 1))
                row["login"] = since + draws.choice([0, 0, 1, -1, 59])
                latest = max(row["login"], until or 0)
                row["logout"] = draws.choice([None, until, latest + draws.choice([0, 1, 60, 4000])])
                if row["logout"] is not None:
                    row["logout"] = max(row["logout"], row["login"])
                    row["estimated"] = draws.random() < 0.3
            world.sessions.append(row)


def _draw_configuration(
    world: World, draws: random.Random, kind: str, time: Callable[[float], tuple[int, int | None]], tenants: list[str]
) -> None:
    names: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "agent": (AGENTS, CAPABILITIES),
        "agent-group": (("service", "sales"), ("", *AGENTS)),
        "place-group": (("hall", "attic"), ("", "p1", "p2", "p3")),
        "campaign": (("spring", "q1"), ("q2", "q3", "p1")),
        "mailbox": (("m1", "m2", "m3"), ("login", "dn")),
        "ivr-port": (("i1", "i2", "i3"), ("",)),
        "system": (("multi-site", "single-site", "redundant-pair", "info-mart", "gi2", "network-switch"), ("",)),
    }
    many = {"agent": 25, "agent-group": 8, "place-group": 6}.get(kind, 4)
    told: dict[tuple[str, ...], dict[str, Any]] = {}
    for _ in range(draws.randrange(1, many + 1)):
        since, until = time(0.4)
        if draws.random() < 0.4:
            since -= 40 * 86_400
        name, detail = (draws.choice(words) for words in names[kind])
        tenant = draws.choice(tenants)
        if kind == "system" and name != "network-switch":
            tenant = ""
        row = {"source": "conf", "tenant": tenant, "kind": kind, "name": name, "detail": detail, "since": since, "until": until}
        told[tenant, name, detail, str(since)] = row
    world.configuration += told.values()


def _draw_ports(world: World, draws: random.Random, tenant: str, begin: int, end: int) -> None:
    told = {}
    for _ in range(draws.randrange(12)):
        kind, seconds = draws.choice(list(PORTS.values())), draws.choice([300, 300, 600, 3600, 86_400])
        start = draws.randrange(begin - 86_400, end) // seconds * seconds
        when = draws.choice([None, start + draws.randrange(seconds)])
        peak = draws.choice([0, 1, 4, 4, 9])
        row = {"source": "rs", "tenant": tenant, "kind": kind, "start": start, "seconds": seconds, "peak": peak, "peak_time": when}
        told[kind, start, seconds] = row
    world.ports += told.values()


# Files ---------------------------------------------------------------------------------------------------------------------------------


def tables(world: World) -> dict[str, list[dict[str, Any]]]:
    """Kind -> the rows as tables have them when files have been read: words as programs know them, lists between bars."""

    def between_bars(words: Iterable[str]) -> str:
        return "".join(f"|{word}" for word in sorted(set(words))) + "|" if words else ""

    read = {}
    for kind, rows in world.files().items():
        read[kind] = [dict(row) for row in rows]
        for row in read[kind]:
            if kind in {"sessions", "recordings"}:
                row["source"] = between_bars([row["source"]])
            if kind == "sessions":
                row |= {"media": between_bars([_medium(word) for word in row["media"]]), "queues": between_bars(row["queues"])}
                row["client"] = row["client"].lower()
    return read


def write_facts(path: Path, kind: str, rows: Iterable[dict[str, Any]]) -> Path:
    """A file that `seatkeeper usage load` takes."""

    def text(name: str, value: Any) -> str:
        if name in TIMES:
            return "" if value is None else f"{datetime.fromtimestamp(value, ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%SZ}"
        return "|".join(value) if isinstance(value, list) else str(value)

    names = COLUMNS[kind].split(",")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([text(name, row.get(name, "")) for name in names] for row in rows)
    return path
