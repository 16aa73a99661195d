"""A profile holds real seats: what it wants is done through the SDK, and what the license server says goes back to it.

The profile (apps) decides; here are the checkouts, the clock and the waiting. Events are handled one after the other on one event loop,
each with the time that `now` says. Checkouts go out at once and are answered when the server answers, so a profile may have many on
the way; `settle` waits until none is.

A site that runs faster than real time gives its own `now` and calls `tick` itself; otherwise `run_timers` wakes the profile when its
deadlines pass.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters import clock
from seatkeeper.apps.events import (
    CheckIn,
    CheckOut,
    Count,
    Counted,
    Denied,
    Effect,
    Event,
    Exit,
    Granted,
    Lost,
    Reachable,
    Restored,
    Stopped,
    Tick,
    Unreachable,
)
from seatkeeper.apps.options import COUNT_MAX
from seatkeeper.base.errors import LicenseError, SeatkeeperError
from seatkeeper.sdk import admin
from seatkeeper.sdk.bearings import Bearings
from seatkeeper.sdk.client import Client, HeartbeatLost, LicenseLost, LicenseRestored, Reconnected, Seat

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from seatkeeper.apps.application import Application
    from seatkeeper.client.events import News
    from seatkeeper.client.profile import Limits

__all__ = ["Running"]

#: The license error of a client that cannot ask, for reasons that are no license error.
_CANNOT_ASK: Final = -1
#: A host that the name service does not know has a violation type of its own (guide, GCTI_LICENSE_FAIL).
_NO_HOST: Final = -14
_DOWN: Final = -96
_NAME_ERRORS: Final = frozenset({socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL})
#: How long a license server may take to say how many seats it has.
_COUNT_S: Final = 10.0
_NO_FEATURE: Final = -5


class Running:
    """One application, running.

    Args:
        app: Its profile.
        path: The license path of priority: the command line's `-l`.
        license_file: The option `license-file`.
        root: The vendor's root public key, as the SDK takes it.
        user, host: Who it is for the license server's records.
        now: The time of events, as Unix time.
        show: Called with each effect that is for people: messages, replies, alarms, what degrades, who is put out.
        limits: How long its client waits for what.

    Attributes:
        ended: Done with the exit status when the application has ended.
    """

    def __init__(
        self,
        app: Application,
        *,
        path: str | None = None,
        license_file: str | None = None,
        root: str | bytes | None = None,
        vendor: str = "genesys.d",
        user: str | None = None,
        host: str | None = None,
        now: Callable[[], float] = clock.now,
        show: Callable[[Effect, float], None] = lambda effect, at: None,
        limits: Limits | None = None,
    ) -> None:
        self.app = app
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._now = now
        self._show = show
        self._vendor = vendor
        self._bearings = Bearings(path, license_file, vendor, root)
        self._client = Client(
            path,
            vendor,
            root,
            license_file=license_file,
            user=app.settings.name if user is None else user,
            host=host,
            display="",
            application=app.settings.name,
            on_event=self._heard,
            limits=limits,
        )
        self._seats: dict[int, Seat] = {}
        # The handle under which the application knows its seats: the SDK tells of a loss after the fact.
        self._handles: dict[int, int] = {}
        self._tasks: dict[int | str, asyncio.Task[None]] = {}
        self._lost_servers: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timers = False

    def tell(self, event: Event) -> None:
        """Something happens to the application."""
        if self.ended.done():
            return
        now = self._now()
        for effect in self.app.handle(event, now):
            self._do(effect, now)
        if self._timers:
            self._set_timer()

    def tick(self) -> bool:
        """Lets the application see that time has passed, where a deadline of it has; False where none has."""
        deadline = self.app.next_deadline()
        if deadline is None or deadline > self._now():
            return False
        self.tell(Tick())
        return True

    def run_timers(self) -> None:
        """Wakes the application from now on when its deadlines pass."""
        self._timers = True
        self._set_timer()

    async def settle(self) -> None:
        """Waits until the license server has answered all that the application has asked for."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def stop(self) -> int:
        """Ends the application, and returns its exit status."""
        self.tell(Stopped())
        return await self.ended

    async def close(self) -> None:
        """Ends its session with the license server; all its seats are free then."""
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._client.close()

    def held(self) -> dict[int, Seat]:
        """The seats that the SDK holds, by the application's keys."""
        return dict(self._seats)

    # What the application wants ---------------------------------------------------------------------------------------------

    def _do(self, effect: Effect, now: float) -> None:
        if isinstance(effect, CheckOut):
            self._begin(effect.key, self._check_out(effect))
        elif isinstance(effect, CheckIn):
            self._check_in(effect.key)
        elif isinstance(effect, Count):
            self._begin(f"count {effect.feature}", self._count(effect.feature))
        else:
            self._show(effect, now)
            if isinstance(effect, Exit) and not self.ended.done():
                self.ended.set_result(effect.status)

    def _begin(self, key: int | str, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._tasks.pop(key, None) if self._tasks.get(key) is done else None)

    async def _check_out(self, wanted: CheckOut) -> None:
        try:
            seat = await self._client.checkout(
                wanted.feature, wanted.version, wanted.count, wanted.up_to, display=wanted.who or None, data=wanted.data
            )
        except LicenseError as error:
            number = _NO_HOST if error.system and error.system[0] in _NAME_ERRORS and error.number == _DOWN else error.number
            self.tell(Denied(wanted.key, number, error.reason))
        except SeatkeeperError as error:
            self.tell(Denied(wanted.key, _CANNOT_ASK, error.message))
        else:
            self._seats[wanted.key] = seat
            self._handles[wanted.key] = seat.handle
            self.tell(Granted(wanted.key, seat.count))

    def _check_in(self, key: int) -> None:
        task = self._tasks.get(key)
        if task is not None:
            # The client gives back what is granted too late.
            task.cancel()
        seat = self._seats.pop(key, None)
        self._handles.pop(key, None)
        if seat is not None:
            self._begin(f"checkin {key}", self._give_back(seat))

    async def _give_back(self, seat: Seat) -> None:
        try:
            await self._client.checkin(seat)
        except LicenseError:
            # The server does not know of them: they are not held, which is what was wanted.
            return

    async def _count(self, feature: str) -> None:
        issued, free = await asyncio.to_thread(self._issued, feature)
        self.tell(Counted(feature, issued, free))

    def _issued(self, feature: str) -> tuple[int, int]:
        """How many seats of a feature the servers of the path license, and how many are free; -1 where one does not say so."""
        issued = free = 0
        all_say = True
        try:
            self._bearings.find(feature)
            servers = self._bearings.servers.found
        except SeatkeeperError:
            return 0, -1
        for _, addresses in servers:
            try:
                pools = admin.pools(addresses[0].host, addresses[0].port, self._vendor, feature, _COUNT_S)
            except SeatkeeperError as error:
                all_say = all_say and isinstance(error, LicenseError) and error.number == _NO_FEATURE
                continue
            for pool in pools:
                # Seats of lines that are not served are nobody's to have.
                if not pool.unsupported:
                    issued += pool.total
                    # An uncounted license has any number of free seats.
                    free += max(0, pool.total + pool.overdraft - pool.in_use) if pool.total else COUNT_MAX
        return issued, free if free or all_say else -1

    # What the license server says ----------------------------------------------------------------------------------------

    def _heard(self, news: News) -> None:
        match news:
            case HeartbeatLost(server=server, reason=reason):
                self._lost_servers.add(server)
                # With several servers the application is cut off when all of those are gone that it has seats from.
                if not ({seat.server for seat in self._seats.values()} - self._lost_servers):
                    self.tell(Unreachable(reason))
            case Reconnected(server=server):
                self._lost_servers.discard(server)
                self.tell(Reachable())
            case LicenseLost():
                self._lost(news)
            case LicenseRestored():
                self._restored(news)
            case _:
                # No application of the guide waits in a queue.
                return

    def _lost(self, news: LicenseLost) -> None:
        key = next(
            (key for key, handle in self._handles.items() if handle == news.handle and self._seats[key].feature == news.feature), None
        )
        if key is None:
            return
        self.tell(Lost(key, news.number, news.reason))
        if news.number == 0:
            # Removed by an administrator; whoever wants seats again asks for them under another key.
            self._check_in(key)

    def _restored(self, news: LicenseRestored) -> None:
        for key, seat in self._seats.items():
            if seat.handle == news.handle and seat.feature == news.feature:
                self._handles[key] = news.handle
                self.tell(Restored(key, news.count))
                return

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.app.next_deadline()
        if deadline is not None and not self.ended.done():
            delay = max(0.0, deadline - self._now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._wake)

    def _wake(self) -> None:
        self._timer = None
        if not self.tick():
            # The wall clock was set back.
            self._set_timer()
