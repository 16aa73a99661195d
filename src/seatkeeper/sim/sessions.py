"""What agents did as login sessions, in the columns that usage reports load."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seatkeeper.sim.center import Agent

__all__ = ["COLUMNS", "Session", "session_rows"]

COLUMNS: Final = ("source", "session_id", "tenant", "agent", "place", "dn", "switch_kind", "media", "client", "queues", "login", "logout")


class Session(msgspec.Struct):
    """One login session, in minutes of the day; `logout` is None while it is open."""

    number: int
    agent: Agent
    place: str
    dn: str
    login: int
    logout: int | None = None


def session_rows(sessions: Iterable[Session], day: date) -> list[tuple[str, ...]]:
    """The sessions as rows of COLUMNS: lists are separated by `|`, times are UTC, an open session has no logout."""
    rows: list[tuple[str, ...]] = []
    for session in sessions:
        agent = session.agent
        voice = "voice" in agent.group.media
        rows.append(
            (
                f"sim-{agent.site}",
                f"S{day:%Y%m%d}{session.number:07}",
                agent.tenant,
                agent.name,
                session.place,
                session.dn if voice else "",
                "premise" if voice else "",
                "|".join(agent.group.media),
                agent.client,
                agent.group.queue,
                _time(day, session.login),
                "" if session.logout is None else _time(day, session.logout),
            )
        )
    return rows


def _time(day: date, minute: int) -> str:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minute)
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
