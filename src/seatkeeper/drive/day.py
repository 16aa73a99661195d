"""A simulated day is run against a real license server, minute by minute, as fast as the machine can.

How it works. The day was drawn beforehand (sim.day). Each minute the simulated clock is set, what happens in that minute is told to
the applications one after the other, and each is waited for until the license server has answered: so the same seed gives the same
day, however fast the machine is. At the end of the minute the server is asked who holds what, and every application must have just
that. Only the time between a client's heartbeats is real.

Failures are real too: the server's processes are killed and started again, a license file is reread, a T-Server's process state is
dropped without a word.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.clock import monotonic
from seatkeeper.apps.behaviours import Sessions
from seatkeeper.apps.events import Alarm, Cleared, Effect, Exit, Forced, Occurred, Reply, Started
from seatkeeper.apps.registry import application_type
from seatkeeper.apps.reservoir import Reservoir, WholePool
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.client.profile import Limits
from seatkeeper.drive.running import Running
from seatkeeper.sdk import admin
from seatkeeper.sim.day import MINUTES, Happening, time_of
from seatkeeper.sim.feeds import Feeds, Step
from seatkeeper.sim.timeline import FeatureDay, Refusal, Timeline, Violation, advise

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from datetime import date

    from seatkeeper.adapters.clock import SimulatedClock
    from seatkeeper.apps.profile import Settings
    from seatkeeper.sim.installation import Installed

__all__ = ["Day", "Server"]

#: How long the license server may take to do something that it was made to do.
WAIT_S: Final = 60.0
_LOOK_S: Final = 0.005
#: A client tries to come back this often while the server is away; real seconds, of which a simulated hour has few.
_LIMITS: Final = Limits(backoff_s=0.1, request_s=10.0, dead_s=0.1, retry_s=0.5)
#: So often an application may want to be woken in one minute.
TICKS_MAX: Final = 10_000
#: In the simulation a client's lease ends when the server has been away for so many minutes; in real time it is Server.lease_s.
LEASE_MINUTES: Final = 3


class Server:
    """The license server of a day, as far as the day may do something to it; this one, of somebody else, is only asked.

    Attributes:
        path: Its license path.
        root: The vendor's root public key, or empty.
    """

    def __init__(self, host: str, port: int, root: str, vendor: str = "genesys.d") -> None:
        self.host = host
        self.port = port
        self.root = root
        self.vendor = vendor

    @property
    def path(self) -> str:
        """The license path."""
        return f"{self.port}@{self.host}"

    @property
    def is_ours(self) -> bool:
        """Whether it may be killed, and its file reread."""
        return False

    def kill(self) -> None:
        """Kills it."""

    def start(self) -> None:
        """Starts it again."""

    def reread(self, *, less: bool, running: bool = True) -> str:
        """Gives it another file, one with less or the whole one, and lets it reread that; returns the feature that is left out."""
        return ""


class Day:
    """One simulated day.

    Args:
        feeds: What the applications see of it.
        installation: The applications.
        server: The license server.
        day: The calendar day.
        clock: What the server's clock is, where it may be set.
        pace: Called at the end of each minute, to show progress.
        speed: So many simulated seconds in a second at most; 0 for as fast as it goes.
    """

    def __init__(
        self,
        feeds: Feeds,
        installation: Sequence[Installed],
        server: Server,
        timeline: Timeline,
        *,
        day: date,
        clock: SimulatedClock | None,
        pace: Callable[[int, Timeline], None] = lambda minute, timeline: None,
        speed: float = 0.0,
    ) -> None:
        self._feeds = feeds
        self._installation = installation
        self._server = server
        self._timeline = timeline
        self._midnight = datetime(day.year, day.month, day.day)
        self._clock = clock
        self._pace = pace
        self._speed = speed
        self._began = monotonic()
        self._minute = 0
        self._running: dict[str, Running] = {}
        self._features: dict[str, FeatureDay] = {}
        self._standing: dict[tuple[str, str], Violation] = {}
        self._reply: Reply | None = None
        self._is_up = True
        self._down_since = 0
        # The feature that the license file lacks at the moment, as it will be until the whole one is reread.
        self._withdrawn = ""
        self._dead: set[str] = set()

    async def run(self, happenings: Sequence[Happening]) -> Timeline:
        """Runs the whole day.

        Raises:
            SeatkeeperError: The license server and the applications do not agree, or it does not do what it has to.
        """
        by_minute: list[list[Happening]] = [[] for _ in range(MINUTES)]
        for happening in happenings:
            by_minute[happening.minute].append(happening)
        try:
            self._set_time(0)
            for installed in self._installation:
                await self._start(installed.name)
            for minute in range(MINUTES):
                self._set_time(minute)
                if not self._is_up and minute == self._down_since + LEASE_MINUTES:
                    await self._end_leases()
                await self._tick()
                for happening in by_minute[minute]:
                    await self._happen(happening)
                # After that: whose shift has just ended does not try again.
                for happening in list(self._feeds.due(minute)):
                    await self._happen(happening)
                await self._close_minute()
                self._pace(minute, self._timeline)
                await self._wait()
        finally:
            for running in self._running.values():
                await running.close()
        self._timeline.features = [self._features[name] for name in sorted(self._features)]
        # Who notices first that a server is gone is a matter of microseconds, and not of the day.
        order = {name: place for place, name in enumerate(self._timeline.applications)}
        self._timeline.violations.sort(key=lambda one: (one.begins, order[one.application], one.cause))
        self._timeline.advice = advise(self._timeline.features)
        self._timeline.logins = len(self._feeds.sessions)
        return self._timeline

    # Time ---------------------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return (self._midnight + timedelta(minutes=self._minute)).timestamp()

    def _set_time(self, minute: int) -> None:
        self._minute = minute
        if self._clock is not None:
            self._clock.set(self._now())

    async def _wait(self) -> None:
        """At a speed, a minute takes its time; clients go on telling the server that they live."""
        if self._speed:
            await asyncio.sleep(max(0.0, self._began + (self._minute + 1) * 60 / self._speed - monotonic()))

    async def _tick(self) -> None:
        for name, running in self._running.items():
            for _ in range(TICKS_MAX):
                if not running.tick():
                    break
                await self._settled(running)
            else:
                raise SeatkeeperError(f"At {time_of(self._minute)} {name} comes to no rest.")

    async def _settled(self, running: Running) -> None:
        async with asyncio.timeout(WAIT_S):
            await running.settle()

    async def _until(self, what: str, holds: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                while not holds():
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise SeatkeeperError(f"At {time_of(self._minute)} it does not come true that {what}.") from None

    # Applications -------------------------------------------------------------------------------------------------------

    async def _start(self, name: str) -> None:
        installed = next(one for one in self._installation if one.name == name)
        settings: Settings = msgspec.structs.replace(self._feeds.settings(installed), license_path=self._server.path)
        running = Running(
            application_type(installed.type)(settings),
            path=self._server.path,
            root=self._server.root or None,
            vendor=self._server.vendor,
            host=installed.host,
            now=self._now,
            show=lambda effect, at: self._show(name, effect),
            limits=_LIMITS,
        )
        self._running[name] = running
        running.tell(Started())
        while running.app.state == "starting":
            await self._settled(running)
        if running.app.state == "ended":
            self._note(f"{name} has no license to start with.")

    async def _happen(self, happening: Happening) -> None:
        match happening.what:
            case "outage-begins":
                await self._cut()
            case "outage-ends":
                await self._heal()
            case "reread-less":
                await self._reread(less=True)
            case "reread-all":
                await self._reread(less=False)
            case "switchover":
                await self._switch_over(happening.site)
            case "primary-returns":
                await self._return_primary(happening.site)
            case _:
                await self._walk(self._feeds.steps(happening))

    async def _walk(self, steps: Generator[Step, bool, None]) -> None:
        try:
            step = next(steps)
            while True:
                step = steps.send(await self._serve(step))
        except StopIteration:
            return

    async def _serve(self, step: Step) -> bool:
        """Whether an application has served a step; one that has ended, or is not there, serves nothing."""
        running = self._running.get(step.application)
        if running is None or running.app.state == "ended":
            return False
        self._reply = None
        running.tell(Occurred(step.event, dict(step.fields)))
        await self._settled(running)
        reply: Reply | None = self._reply
        if reply is None:
            raise SeatkeeperError(f"{step.application} did not reply to {step.event}.")
        if reply.accepted:
            self._timeline.served += 1
        else:
            self._timeline.refusals.append(Refusal(time_of(self._minute), step.application, step.event, step.who, reply.reason))
        return reply.accepted

    def _show(self, name: str, effect: Effect) -> None:
        now = time_of(self._minute)
        match effect:
            case Reply():
                self._reply = effect
            case Alarm(cause=cause, kind=kind):
                self._standing[name, cause] = Violation(name, cause, kind, now)
                self._timeline.violations.append(self._standing[name, cause])
            case Cleared(cause=cause):
                self._standing.pop((name, cause)).ends = now
            case Forced(who=who, reason=reason):
                self._timeline.forced.append((now, name, who, reason))
            case Exit(status=status) if status:
                self._note(f"{name} ends with status {status}.")
            case _:
                return

    def _note(self, text: str) -> None:
        self._timeline.notes.append((time_of(self._minute), text))

    # Failures -------------------------------------------------------------------------------------------------------------

    async def _cut(self) -> None:
        self._note("The license server is killed.")
        await asyncio.to_thread(self._server.kill)
        self._is_up, self._down_since = False, self._minute
        connected = self._connected()
        await self._until("every application has noticed", lambda: all(not running.app.reachable for running in connected))

    def _connected(self) -> list[Running]:
        """Those that hold seats; who holds none need not know that the server is away."""
        return [running for running in self._running.values() if any(hold.state in ("held", "lost") for hold in running.app.holds)]

    async def _end_leases(self) -> None:
        """What is held without a server is lost when the lease ends: in the simulation now, in real time whenever it does."""
        holds = [hold for running in self._connected() for hold in running.app.holds]
        await self._until("the leases have ended", lambda: all(hold.state != "held" for hold in holds))

    async def _heal(self) -> None:
        await asyncio.to_thread(self._server.start)
        self._note("The license server is started again.")
        self._is_up = True
        connected = self._connected()
        await self._until("every application has its seats back", lambda: all(running.app.reachable for running in connected))
        await self._until_restored()
        # Those that died while it was away do not come back: their lease has to end.
        await self._until("the seats of the dead are free", lambda: not self._dead or not (self._dead & self._holders()))
        self._dead.clear()

    async def _until_restored(self) -> None:
        """Nothing is lost any more but what the license file lacks."""
        await self._until(
            "what was lost is restored",
            lambda: (
                not any(
                    hold.state == "lost" and hold.feature.lower() != self._withdrawn
                    for running in self._running.values()
                    for hold in running.app.holds
                )
            ),
        )

    async def _reread(self, *, less: bool) -> None:
        before = {name: dict(running.app.held()) for name, running in self._running.items()}
        feature = await asyncio.to_thread(self._reread_now, less)
        self._withdrawn = feature.lower() if less else ""
        if not self._is_up:
            # It reads the file when it starts.
            return
        if less:
            # Whoever holds it is told by the server, in a moment of its own.
            holders = [self._running[name] for name, held in before.items() if feature.lower() in map(str.lower, held)]
            await self._until(f"the holders of {feature} know", lambda: all(_lacks(running, feature) for running in holders))
        else:
            await self._until_restored()

    def _reread_now(self, less: bool) -> str:
        feature = self._server.reread(less=less, running=self._is_up)
        self._note(f"A license file without {feature}, and with fewer seats, is reread." if less else "The whole license file is reread.")
        return feature

    async def _switch_over(self, site: str) -> None:
        primary, backup = self._feeds.pair(site)
        self._note(f"{primary} fails; {backup} takes over.")
        # As a process that dies: nothing is checked in, the license server notices the closed connection.
        await self._running.pop(primary).close()
        for key in [key for key in self._standing if key[0] == primary]:
            self._standing.pop(key).ends = time_of(self._minute)
        if self._is_up:
            await self._until(f"the seats of {primary} are free", lambda: primary not in self._holders())
        else:
            self._dead.add(primary)
        await self._walk(self._feeds.take_over(site))

    async def _return_primary(self, site: str) -> None:
        primary, _ = self._feeds.pair(site)
        name = self._feeds.returned(site)
        self._note(f"{primary} is started again, as backup.")
        await self._start(name)

    # The end of a minute ------------------------------------------------------------------------------------------------------

    async def _close_minute(self) -> None:
        if self._is_up:
            seats = await asyncio.to_thread(self._holders_by_feature)
            self._compare(seats)
        pools: dict[str, tuple[int, int]] = {}
        for running in self._running.values():
            for behaviour in running.app.behaviours:
                if isinstance(behaviour, WholePool):
                    # The same seats are at the disposal of each instance.
                    used, wanted = pools.get(behaviour.feature, (0, 0))
                    of_this = len(behaviour.users), len(behaviour.users) + len(behaviour.beyond)
                    pools[behaviour.feature] = max(used, of_this[0]), max(wanted, of_this[1])
                elif isinstance(behaviour, Reservoir):
                    self._count(behaviour.feature, len(behaviour.users), len(behaviour.users) + len(behaviour.beyond))
                elif isinstance(behaviour, Sessions):
                    self._count(behaviour.feature, len(behaviour.open_sessions), len(behaviour.open_sessions))
        for feature, (used, wanted) in pools.items():
            self._count(feature, used, wanted)
        for feature in self._feeds.waiting_for():
            self._count(feature, 0, 1)

    def _count(self, feature: str, used: int, wanted: int) -> None:
        day = self._features.get(feature.lower())
        if day is not None:
            day.used[self._minute] += used
            day.wanted[self._minute] += wanted

    def _compare(self, seats: dict[tuple[str, str], int]) -> None:
        """The license server and the applications must agree, seat for seat."""
        known = {(name, feature.lower()): count for name, running in self._running.items() for feature, count in running.app.held().items()}
        theirs = {key: count for key, count in seats.items() if key[0] in self._running}
        if known != theirs:
            differing = sorted(key for key in known.keys() | theirs.keys() if known.get(key) != theirs.get(key))
            text = "; ".join(
                f"{name} {feature}: {known.get((name, feature), 0)} held, {theirs.get((name, feature), 0)} counted"
                for name, feature in differing
            )
            raise SeatkeeperError(f"At {time_of(self._minute)} the license server and the applications do not agree: {text}.")
        self._timeline.minutes_agreed += 1

    def _holders_by_feature(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        licensed: dict[str, int] = {}
        for pool in admin.pools(self._server.host, self._server.port, self._server.vendor):
            feature = pool.feature.lower()
            licensed[feature] = licensed.get(feature, 0) + pool.total
            # Seats that no license line covers any more are lost for the applications, and counted by nobody.
            for holder in () if pool.unsupported else pool.holders:
                found[holder.user, feature] = found.get((holder.user, feature), 0) + holder.count
            day = self._features.setdefault(feature, FeatureDay(pool.feature, 0))
            day.seats[self._minute] += sum(holder.count for holder in pool.holders)
        for feature, total in licensed.items():
            self._features[feature].licensed = max(self._features[feature].licensed, total)
        return found

    def _holders(self) -> set[str]:
        pools = admin.pools(self._server.host, self._server.port, self._server.vendor)
        return {holder.user for pool in pools for holder in pool.holders}


def _lacks(running: Running, feature: str) -> bool:
    return feature.lower() not in map(str.lower, running.app.held())
