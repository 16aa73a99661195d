"""What happens at the center is told to each application that has to do with it, and whoever is refused tries again.

An agent who logs in takes a place, whose DN is registered at the T-Server of his site, and then logs in at his desktop and to his media. He
works only when all of that was accepted; else what was done is undone, and he tries again RETRY_MINUTES later, until his shift is over. The
driver (drive.day) tells each step to the application and sends back whether it was served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.apps.profile import BACKUP, Settings
from seatkeeper.sim.day import Happening
from seatkeeper.sim.sessions import Session

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from seatkeeper.sim.center import Agent, Center
    from seatkeeper.sim.installation import Installed

__all__ = ["RETRY_MINUTES", "Feeds", "Step"]

#: Whoever was refused tries again after this.
RETRY_MINUTES: Final = 5
_DN: Final = 7000
#: What happens once an hour: application, event at its begin, event at its end, the field that names it.
_PULSES: Final = (
    ("config-main", "client-connected", "", "client"),
    ("gis", "connect", "disconnect", "client"),
    ("interface", "connect", "disconnect", "client"),
    ("dotnet", "connect", "disconnect", "client"),
    ("lds", "message-distributed", "", "receiver"),
    ("network", "treatment-begins", "treatment-ends", "call"),
    ("branch", "dn-registered", "dn-unregistered", "dn"),
    ("csta", "dn-registered", "dn-unregistered", "dn"),
    ("broadworks", "dn-registered", "dn-unregistered", "dn"),
    ("ail", "agent-login", "", "agent"),
    ("scripting", "agent-login", "", "agent"),
    ("gplus", "agent-login", "", "agent"),
    ("concentrator", "call-ended", "", "call"),
    ("infomart", "load", "", ""),
    ("treatments", "port-taken", "port-freed", "port"),
    ("unified", "worker-connected", "worker-disconnected", "worker"),
    ("import", "import", "", "file"),
    ("contexts", "context-updated", "", "customer"),
    ("cpd", "port-taken", "port-freed", "port"),
    ("classification", "classification-requested", "", "interaction"),
)


class Step(msgspec.Struct, frozen=True):
    """One event for one application; `who` is whom it is about, `feature` what he needs for it."""

    application: str
    event: str
    fields: dict[str, str | int | float | bool | list[str]]
    who: str = ""
    feature: str = ""


class Feeds:
    """The center during a day: who sits where, and what each application is told.

    Attributes:
        sessions: The login sessions of the day so far.
    """

    def __init__(self, center: Center, installation: Sequence[Installed]) -> None:
        self._center = center
        self._primaries = {site: f"tserver-{site}-a" for site in center.sites}
        self._installed = {one.name: one for one in installation}
        self._returned: set[str] = set()
        self._free = {site: list(range(count, 0, -1)) for site, count in center.places.items()}
        self._places: dict[str, int] = {}
        self._working: dict[str, Session] = {}
        self._again: dict[str, tuple[int, Happening, str]] = {}
        self._ports: dict[str, str] = {}
        self._free_ports = {site: list(range(count, 0, -1)) for site, count in center.ivr_ports.items()}
        self.sessions: list[Session] = []

    # The installation ---------------------------------------------------------------------------------------------------

    def settings(self, installed: Installed) -> Settings:
        """How an application is set up; a primary that has come back is the backup now."""
        role = BACKUP if installed.name in self._returned else installed.role
        return Settings(
            installed.name, installed.options, redundancy=installed.redundancy, role=role, pair=installed.pair, environment="center"
        )

    def pair(self, site: str) -> tuple[str, str]:
        """The T-Servers of a site: the one that works, and the other."""
        working = self._primaries[site]
        return working, f"tserver-{site}-{'b' if working.endswith('a') else 'a'}"

    def take_over(self, site: str) -> Generator[Step, bool, None]:
        """The other T-Server of a site works from now on: it takes the seats, and clients register their DNs with it."""
        failed, other = self.pair(site)
        self._primaries[site] = other
        self._returned.add(failed)
        yield Step(other, "become-primary", {})
        for session in list(self._working.values()):
            if session.agent.site == site and session.dn:
                yield Step(other, "dn-registered", {"dn": session.dn}, session.agent.name, "tserver_sdn")

    def returned(self, site: str) -> str:
        """The T-Server of a site that had failed, and is started again."""
        return self.pair(site)[1]

    # What happens -----------------------------------------------------------------------------------------------------------

    def due(self, minute: int) -> Iterator[Happening]:
        """Those who try again in this minute."""
        for name, (when, happening, _) in list(self._again.items()):
            if when <= minute:
                del self._again[name]
                yield msgspec.structs.replace(happening, minute=minute)

    def waiting_for(self) -> Iterable[str]:
        """The features for want of which somebody waits, once for each."""
        return [feature for _, _, feature in self._again.values() if feature]

    def steps(self, happening: Happening) -> Generator[Step, bool, None]:
        """What the applications are told of a happening, one after the other."""
        match happening.what:
            case "agent-login":
                yield from self._login(happening)
            case "agent-logout":
                yield from self._logout(happening)
            case "agent-first-target":
                yield from self._target(happening)
            case "campaign-loaded" | "campaign-unloaded":
                mode: dict[str, str | int | float | bool | list[str]] = (
                    {"mode": "predictive"} if happening.what == "campaign-loaded" else {}
                )
                yield Step("ocs", happening.what, {"campaign": happening.name, **mode}, happening.name)
            case "ivr-call":
                yield from self._call(happening)
            case "ivr-call-ended":
                port = self._ports.pop(happening.name, "")
                if port:
                    self._free_ports[happening.site].append(int(port.rpartition("-")[2]))
                    yield Step(f"ivr-{happening.site}", "port-freed", {"port": port}, happening.name)
            case "callback-requested":
                yield Step("callback", "callback-requested", {"request": happening.name}, happening.name, "vcb_full")
            case "pulse-begins" | "pulse-ends":
                begins = happening.what == "pulse-begins"
                for application, begin, end, key in _PULSES:
                    event = begin if begins else end
                    if event:
                        yield Step(application, event, {key: happening.name} if key else {}, happening.name)
            case _:
                raise ValueError(f"nothing is known of {happening.what}")

    def _call(self, happening: Happening) -> Generator[Step, bool, None]:
        free = self._free_ports[happening.site]
        if not free:
            # All ports are busy: the caller hears so, and no application does.
            return
        port = f"{happening.site}-{free.pop()}"
        self._ports[happening.name] = port
        accepted = yield Step(f"ivr-{happening.site}", "port-taken", {"port": port}, happening.name, "tserver_ivr_max_ports_behind")
        if not accepted:
            del self._ports[happening.name]
            free.append(int(port.rpartition("-")[2]))

    def _login(self, happening: Happening) -> Generator[Step, bool, None]:
        agent = happening.agent
        assert agent is not None
        place = self._free[agent.site].pop()
        dn = str(_DN + place) if "voice" in agent.group.media else ""
        done: list[Step] = []
        for step in self._login_steps(agent, dn):
            accepted = yield step
            if not accepted and step.feature:
                for undone in reversed(done):
                    yield from self._undo(undone)
                self._free[agent.site].append(place)
                self._again[agent.name] = happening.minute + RETRY_MINUTES, happening, step.feature
                return
            done.append(step)
        self._places[agent.name] = place
        session = Session(len(self.sessions) + 1, agent, f"{agent.site}-{place}", dn, happening.minute)
        self._working[agent.name] = session
        self.sessions.append(session)

    def _login_steps(self, agent: Agent, dn: str) -> Iterator[Step]:
        name, site = agent.name, agent.site
        if dn:
            yield Step(self._primaries[site], "dn-registered", {"dn": dn}, name, "tserver_sdn")
        if agent.client == "desktop":
            feature = "DESKTOP_SUPERVISOR" if agent.supervisor else "desktop_agent"
            yield Step(f"desktop-{site}", "login", {"user": name, "supervisor": agent.supervisor}, name, feature)
        elif agent.client == "toolkit":
            yield Step(f"toolkit-{site}", "connect", {"client": name, "service": "agent-interaction"}, name, "GIS_INTERACTIONSERVICE")
        media = [medium for medium in agent.group.media if medium != "voice"]
        if media:
            channels = {"email": "ics_email_webform_channel", "chat": "ics_live_web_channel", "custom": "ics_custom_media_channel"}
            yield Step("interactions", "agent-login", {"agent": name, "media": list[str](media)}, name, channels[media[-1]])
        for router in ("urs-a", "urs-b"):
            yield Step(router, "agent-login", {"agent": name}, name)
        if agent.group.campaign:
            # Without an outbound seat he works all the same, and is not counted.
            yield Step("ocs", "agent-login", {"agent": name, "campaign": agent.group.campaign}, name)

    def _undo(self, step: Step) -> Iterator[Step]:
        opposite = {"dn-registered": "dn-unregistered", "login": "logout", "connect": "disconnect", "agent-login": "agent-logout"}
        key = {"dn-registered": "dn", "login": "user", "connect": "client", "agent-login": "agent"}[step.event]
        fields = {key: step.fields[key]}
        if "campaign" in step.fields:
            fields["campaign"] = step.fields["campaign"]
        yield Step(step.application, opposite[step.event], fields, step.who)

    def _logout(self, happening: Happening) -> Generator[Step, bool, None]:
        agent = happening.agent
        assert agent is not None
        self._again.pop(agent.name, None)
        session = self._working.pop(agent.name, None)
        if session is None:
            # He was refused all day long.
            return
        session.logout = happening.minute
        for step in self._login_steps(agent, session.dn):
            yield from self._undo(step)
        self._free[agent.site].append(self._places.pop(agent.name))

    def _target(self, happening: Happening) -> Generator[Step, bool, None]:
        agent = happening.agent
        assert agent is not None
        if agent.name in self._working:
            for router in ("urs-a", "urs-b"):
                yield Step(router, "agent-target", {"agent": agent.name}, agent.name)
