"""A contact center of a given size: tenants, sites, groups, shifts, and agents with what each of them works with.

All sizes follow from the number of agents, so that a small center is like a large one. Names are invented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.sim.draws import pick, spread

if TYPE_CHECKING:
    from seatkeeper.sim.draws import Draws

__all__ = ["AGENTS_MAX", "GROUPS", "SHIFTS", "Agent", "Center", "Group", "Shift", "build_center"]

#: More agents than one contact center is known to have.
AGENTS_MAX: Final = 100_000

_TENANTS: Final = ("Harbor", "Meadow", "Summit", "Quarry", "Orchard")
_SITES: Final = ("north", "south", "east", "west")
_AGENTS_A_TENANT: Final = 600
_AGENTS_A_SITE: Final = 900
#: One in so many leads others.
_LED: Final = 15


class Shift(msgspec.Struct, frozen=True):
    """From when to when people work, in minutes of the day; a shift that ends the next day goes beyond 1,440."""

    name: str
    begins: int
    ends: int


#: Each as often as its weight: early and late overlap at half past one, which is when most seats are in use.
SHIFTS: Final[tuple[tuple[Shift, float], ...]] = (
    (Shift("early", 6 * 60, 14 * 60 + 30), 0.34),
    (Shift("day", 8 * 60 + 30, 17 * 60), 0.26),
    (Shift("late", 13 * 60 + 30, 22 * 60), 0.34),
    (Shift("night", 22 * 60, 30 * 60 + 30), 0.06),
)


class Group(msgspec.Struct, frozen=True):
    """People who do the same work: their media, their queue, and the campaign that they call for."""

    name: str
    media: tuple[str, ...]
    queue: str
    campaign: str = ""


GROUPS: Final[tuple[tuple[Group, float], ...]] = (
    (Group("service", ("voice",), "service"), 0.46),
    (Group("correspondence", ("voice", "email"), "letters"), 0.16),
    (Group("web", ("email", "chat"), "web"), 0.12),
    (Group("back office", ("custom",), "cases"), 0.08),
    (Group("outbound", ("voice",), "outbound", "renewals"), 0.18),
)

#: What agents work with: a window of Desktop Server, one of the .NET toolkit, or one that needs no license of its own.
_CLIENTS: Final = (("desktop", 0.55), ("toolkit", 0.2), ("workspace", 0.25))


class Agent(msgspec.Struct, frozen=True):
    """Somebody who works at the center."""

    name: str
    tenant: str
    site: str
    group: Group
    shift: Shift
    client: str
    supervisor: bool
    #: Logs out for the break, and in again.
    leaves_at_break: bool


class Center(msgspec.Struct, frozen=True):
    """The contact center.

    Attributes:
        places: Site -> how many places it has: fewer than agents, since shifts follow one another.
        ivr_ports: Site -> how many IVR ports.
    """

    tenants: tuple[str, ...]
    sites: tuple[str, ...]
    agents: tuple[Agent, ...]
    places: dict[str, int]
    ivr_ports: dict[str, int]


def build_center(agents: int, draws: Draws, tenants: tuple[str, ...] = ()) -> Center:
    """A contact center with so many agents, 1 to AGENTS_MAX, of these tenants, or of as many as go with its size."""
    tenants = tenants or _TENANTS[: max(1, min(len(_TENANTS), agents // _AGENTS_A_TENANT + 1))]
    sites = _SITES[: max(2, min(len(_SITES), agents // _AGENTS_A_SITE))]
    people = tuple(_agent(number, tenants, sites, draws) for number in range(1, agents + 1))
    # As many as the two large shifts need when they overlap; their people come from all sites.
    places = {site: sum(agent.site == site for agent in people) for site in sites}
    ports = {site: max(4, count // 8) for site, count in places.items()}
    return Center(tenants, sites, people, places, ports)


def _agent(number: int, tenants: tuple[str, ...], sites: tuple[str, ...], draws: Draws) -> Agent:
    return Agent(
        f"agent{number:05}",
        tenants[spread(draws, 0, len(tenants) - 1)],
        sites[spread(draws, 0, len(sites) - 1)],
        pick(draws, GROUPS),
        pick(draws, SHIFTS),
        pick(draws, _CLIENTS),
        number % _LED == 0,
        draws.random() < 0.3,
    )
