"""An application holds seats through this client, and learns at once when it does not hold them any more.

    async with Client("7260@licsrv") as client:
        async with client.checkout("tserver_sdn", "8.5", count=200, up_to=True) as seat:
            print(seat.count, "seats under handle", seat.handle)

The client connects at its first checkout and stays connected. It decides nothing itself: `client.walker` does, from events; this
shell makes the connections, keeps the clock, lets `client.guard` check what servers say, and wakes who waits. A checkout that
is denied raises the one LicenseError; what happens to seats later is told through `events()` and `on_event`.

What was borrowed on this machine is served before any server is asked (loans.py). A checkout borrows when it is asked to, or when
its user has said so for today (LM_BORROW); then a feature that may not be borrowed is checked out in the ordinary way.

A client belongs to one event loop and to the process that made it. In a forked child it holds nothing and returns nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING
from weakref import WeakSet

import msgspec

from seatkeeper.adapters import clock, settings
from seatkeeper.adapters.host import display_name, host_name, own_hostids, platform_name, user_name
from seatkeeper.base.errors import LicenseError, SeatkeeperError
from seatkeeper.client.denials import denial_error, failure_of
from seatkeeper.client.events import (
    BORROWED,
    MINOR_LOCAL,
    Abandon,
    Ask,
    Denial,
    GiveBack,
    GivenBack,
    HandBack,
    HeartbeatLost,
    Idle,
    Instruction,
    LicenseLost,
    LicenseRestored,
    News,
    Placed,
    Reconnected,
    Revoked,
    Seated,
    Tell,
    Unseated,
    Waiting,
)
from seatkeeper.client.guard import Guard
from seatkeeper.client.profile import Identity, Limits, Target
from seatkeeper.client.walker import Walker
from seatkeeper.sdk.bearings import Bearings
from seatkeeper.sdk.engine import Engine
from seatkeeper.sdk.loans import Borrowing, Loans, as_wished, local_denial
from seatkeeper.sdk.seats import EVENTS_MAX, Events, PendingCheckout, Seat
from seatkeeper.sdk.wants import check_vendor, check_want, sendable, until_of
from seatkeeper.wire.messages import Checkout, ReturnBorrow

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from seatkeeper.licfile.borrowing import Borrowed

__all__ = [
    "EVENTS_MAX",
    "Client",
    "Events",
    "HeartbeatLost",
    "LicenseLost",
    "LicenseRestored",
    "PendingCheckout",
    "Reconnected",
    "Seat",
    "Waiting",
]

_log = logging.getLogger("seatkeeper.sdk")


class _Asked(msgspec.Struct):
    """A checkout that waits for its answer; `problem` is why the borrowed seats that there are do not do."""

    future: asyncio.Future[Seat]
    want: Checkout
    pending: PendingCheckout
    problem: LicenseError | None


class Client:
    """One application's client.

    Args:
        path: The license path, which has priority over every other source: `port@host`, `@host`, files, directories.
        vendor: The vendor daemon's name.
        root: The vendor's root public key (32 bytes, 64 hex digits, PEM, or the name of a PEM file). With it, or with
            SEATKEEPER_ROOT, no server is believed that the vendor has not certified. Without it the trust file beside the license
            file, or in the working directory, names the root; where there is none either, the client warns and goes on.
        license_file: The value of the application's `license-file` option: a license path of lower priority.
        user: The account's name by default.
        host: This machine's name by default.
        display: The display or terminal by default.
        application: The application's name, for the server's records.
        on_event: Called on the event loop with each event that `events()` gives.
        limits: How long to wait for what.
        plain: True for connections without TLS, False for none without; None as SEATKEEPER_PLAIN says, else to loopback addresses only.

    Raises:
        InputError: `root` or SEATKEEPER_ROOT is no key, or `vendor` no name.
    """

    _seat_class: type[Seat] = Seat

    def __init__(
        self,
        path: str | None = None,
        vendor: str = "genesys.d",
        root: str | bytes | None = None,
        *,
        license_file: str | None = None,
        user: str | None = None,
        host: str | None = None,
        display: str | None = None,
        application: str = "",
        on_event: Callable[[News], None] | None = None,
        limits: Limits | None = None,
        plain: bool | None = None,
    ) -> None:
        self._vendor = check_vendor(vendor)
        self._bearings = Bearings(path, license_file, vendor, root)
        self._identity = Identity(
            vendor,
            sendable(user_name() if user is None else user),
            sendable(host_name() if host is None else host),
            sendable(display_name() if display is None else display),
            os.getpid(),
            sendable(settings.project()),
            sendable(application),
            platform_name(),
        )
        self._limits = limits or Limits()
        self._plain = plain
        self._on_event = on_event
        self._pid = os.getpid()
        self._engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._preparing = asyncio.Lock()
        self._loans: Loans | None = None
        self._unpinned = False
        self._key = 0
        self._asked: dict[int, _Asked] = {}
        self._seats: dict[int, Seat] = {}
        self._returning: dict[int, asyncio.Future[int]] = {}
        self._readers: WeakSet[Events] = WeakSet()
        self._closed = False
        self._resumed: tuple[bytes, tuple[int, ...]] = (b"", ())
        self._instructions: dict[type, Callable[..., None]] = {
            Seated: self._seated,
            Placed: self._placed,
            Unseated: self._unseated,
            GivenBack: self._given_back,
            Revoked: self._revoked,
            Tell: lambda instruction: self._tell(instruction.news),
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    # What an application calls ------------------------------------------------------------------------------------------------

    def checkout(
        self,
        feature: str,
        version: str = "",
        count: int = 1,
        up_to: bool = False,
        display: str | None = None,
        *,
        queue: bool = False,
        data: str = "",
        borrow_until: datetime | float | None = None,
        timeout: float | None = None,
    ) -> PendingCheckout:
        """Seats of a feature: `seat = await client.checkout(...)`, or `async with client.checkout(...) as seat:`.

        Args:
            feature: The feature's name.
            version: The license must be of this version or above; empty for any.
            count: How many seats, all under one handle.
            up_to: Take as many of them as are free, at least one.
            display: In place of the client's display, for this checkout.
            queue: Wait for seats where none are free, behind those who came before; the place is in `position`.
            data: The application's part of the key under which checkouts share a license (DUP_GROUP=V).
            borrow_until: Borrow the seats: until this moment (without a time zone in local time), or for so many hours.
            timeout: How long to wait, in seconds; None for as long as it takes.

        Raises:
            LicenseError: When awaited: the checkout is denied, or no server can be asked; -35, it still stood in the queue when
                the time was over.
            InputError: When awaited: the license path or LM_BORROW is malformed.
        """
        until = until_of(borrow_until, clock.now())
        return PendingCheckout(self, Checkout(0, feature, version, count, bool(up_to), display or "", bool(queue), data, until), timeout)

    async def checkin(self, seat: Seat) -> None:
        """Give the seats back; for seats that are given back already, or lost, that is done at once. Borrowed seats stay borrowed.

        Raises:
            LicenseError: The server says that they were never checked out.
        """
        key = seat._key
        if os.getpid() != self._pid or self._seats.get(key) is not seat:
            return
        if self._loans is not None and self._loans.end_use(key):
            del self._seats[key]
            return
        engine = self._engine
        assert engine is not None
        waiting = self._returning.get(key)
        if waiting is None:
            waiting = engine.loop.create_future()
            self._returning[key] = waiting
            engine.do(GiveBack(key))
        number = await asyncio.shield(waiting)
        if number:
            raise LicenseError(number, minor=MINOR_LOCAL, feature=seat.feature, path=self._bearings.path)

    def idle(self, idle: bool) -> None:
        """Tell the servers that the user of all seats does nothing, or works again: they may take idle ones back (TIMEOUTALL)."""
        self._idle(idle, 0)

    async def return_borrow(self, borrowed: Borrowed) -> None:
        """Give borrowed seats back before their time, to whichever server of the path lent them; the caller has retired their record.

        Raises:
            LicenseError: No server has taken them back (-105 and -128: it knows of no such borrow any more).
            InputError: The license path is malformed.
        """
        await self._prepare()
        engine = self._engine or self._begin(borrowed.feature)
        self._key += 1
        key = self._key
        future = self._returning[key] = engine.loop.create_future()
        engine.do(HandBack(key, ReturnBorrow(0, borrowed.handle, borrowed.secret)))
        try:
            await future
        except asyncio.CancelledError:
            engine.do(Abandon(key))
            raise
        finally:
            self._returning.pop(key, None)

    def is_sent_home(self, borrowed: Borrowed) -> bool:
        """Whether a server was told to take these seats back, and may have them even though it did not say so."""
        return self._engine is not None and borrowed.handle in self._engine.sent_home

    def resume(self, session: bytes, handles: tuple[int, ...]) -> None:
        """Go on in the session of a client that has ended, with the one server of the path; `handles` are what it keeps records of."""
        self._resumed = session, handles

    def events(self) -> Events:
        """What happens to the connections and seats from now on, until the client is closed."""
        reader = Events()
        if self._closed:
            reader.put(None)
        self._readers.add(reader)
        return reader

    async def close(self) -> None:
        """End the session; all seats are returned."""
        if os.getpid() != self._pid or self._closed:
            return
        self._closed = True
        if self._loans is not None:
            self._loans.end_all()
        if self._engine is not None:
            await self._engine.close()
        for waiting in self._returning.values():
            if not waiting.done():
                waiting.set_result(0)
        for reader in self._readers:
            reader.put(None)

    # Checkouts ----------------------------------------------------------------------------------------------------------------

    async def _check_out(self, want: Checkout, pending: PendingCheckout | None = None, timeout: float | None = None) -> Seat:
        check_want(want, clock.now())
        await self._prepare()
        pending = pending or PendingCheckout(self, want)
        want, wished = self._wish(want)
        try:
            async with asyncio.timeout(timeout):
                try:
                    return await self._obtain(want, pending)
                except LicenseError as error:
                    if not wished or error.number != -68:
                        raise
                _log.warning("%s may not be borrowed, and is checked out as usual.", want.feature)
                return await self._obtain(msgspec.structs.replace(want, borrow_until=0.0), pending)
        except TimeoutError:
            number = -35 if pending.position else -52
            place = f", and the place in the queue is {pending.position}" if pending.position else ""
            reason = f"There were no seats within {timeout:g} s{place}."
            raise LicenseError(number, minor=MINOR_LOCAL, reason=reason, feature=want.feature, path=self._bearings.path) from None

    async def _prepare(self) -> None:
        """Let this client be ready to ask, on the one loop on which it may."""
        if os.getpid() != self._pid:
            raise SeatkeeperError("This client belongs to the process that made it.", "Make a new Client in the forked process.")
        if self._closed:
            raise SeatkeeperError("This client is closed.", "Make a new Client.")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        elif self._loop is not asyncio.get_running_loop():
            raise SeatkeeperError("This client belongs to another event loop.", "Make one Client for each loop.")
        if self._loans is not None:
            return
        async with self._preparing:
            if self._loans is None:
                identity = self._identity
                names = (identity.user, identity.host, identity.display)
                # Where that means to run commands, the loop goes on meanwhile.
                hostids = own_hostids(*names) if sys.platform == "linux" else await asyncio.to_thread(own_hostids, *names)
                self._identity = msgspec.structs.replace(identity, hostids=hostids)
                self._loans = Loans(self._identity, self._bearings.trusted, self._loop, self._borrow_ended)

    def _wish(self, want: Checkout) -> tuple[Checkout, bool]:
        return as_wished(want, self._vendor, os.environ)

    async def _obtain(self, want: Checkout, pending: PendingCheckout) -> Seat:
        assert self._loans is not None
        self._key += 1
        key = self._key
        served = self._loans.serve(key, want)
        if isinstance(served, Borrowing):
            return self._lend(key, want, served, BORROWED)
        await self._loans.settle(Client, self._plain)
        try:
            engine = self._engine or self._begin(want.feature)
        except LicenseError:
            if served is None:
                raise
            raise denial_error(want.feature, self._bearings.path, (local_denial(served),)) from None
        future: asyncio.Future[Seat] = engine.loop.create_future()
        self._asked[key] = _Asked(future, want, pending, served)
        engine.do(Ask(key, want))
        try:
            return await future
        except asyncio.CancelledError:
            self._asked.pop(key, None)
            # Granted or not, nobody is there to take it.
            self._seats.pop(key, None)
            self._hand_back(self._loans.undo(key, self._key + 1))
            engine.do(Abandon(key))
            raise

    def _begin(self, feature: str) -> Engine:
        """Read the license path, at the first checkout and until it leads to a server."""
        root, known = self._bearings.find(feature)
        servers = self._bearings.servers
        self._unpinned = root is None
        guards = [Guard(self._vendor, root, known) for _ in servers.found]
        targets = [Target(name, addresses, self._resumed[0] or clock.new_id(), self._resumed[1]) for name, addresses in servers.found]
        assert self._loans is not None
        self._loans.begin((root, known), targets)
        walker = Walker(targets, self._identity, self._limits)
        self._engine = Engine(walker, guards, self._vendor, self._carry_out, self._welcomed, self._loans, plain=self._plain)
        return self._engine

    def _valid(self, key: int) -> bool:
        if os.getpid() != self._pid:
            return False
        borrowed = self._loans.good(key) if self._loans is not None else None
        if borrowed is not None:
            return borrowed
        return self._engine is not None and self._engine.valid(key)

    def _idle(self, idle: bool, key: int) -> None:
        if self._engine is not None and not self._closed and os.getpid() == self._pid:
            self._engine.do(Idle(idle, key))

    # Borrowed seats -------------------------------------------------------------------------------------------------

    def _lend(self, key: int, want: Checkout, borrowing: Borrowing, server: str) -> Seat:
        """Borrowed seats for the application, until it gives them back or their time is over."""
        borrowed = borrowing.borrowed
        seat = self._seat_class(self, key, want.feature, borrowed.version or want.version)
        seat.handle, seat.count = borrowed.handle, borrowing.count
        seat.server, seat.borrowed_until = server, borrowed.until
        self._seats[key] = seat
        return seat

    def _borrow_ended(self, key: int, error: LicenseError) -> None:
        seat = self._seats.get(key)
        if seat is not None:
            self._tell(LicenseLost(seat.feature, seat.handle, error.reason, error.number, seat.server))

    def _hand_back(self, borrowed: Borrowed | None) -> None:
        """Send borrowed seats home that nobody waits for."""
        if borrowed is not None and self._engine is not None:
            self._key += 1
            self._engine.do(HandBack(self._key, ReturnBorrow(0, borrowed.handle, borrowed.secret)))

    def _keep(self, instruction: Seated, asked: _Asked | None) -> None:
        """A server has lent seats: their record is kept, or they go back at once."""
        assert self._loans is not None
        error: LicenseError | None = None
        if asked is not None and not asked.future.done():
            try:
                borrowing = self._loans.keep(instruction, asked.want)
            except LicenseError as refusal:
                error = refusal
            else:
                seat = self._lend(instruction.key, asked.want, borrowing, instruction.server)
                seat.expiry = instruction.expiry
                asked.future.set_result(seat)
                return
        from seatkeeper.licfile.borrowing import claimed  # is loaded by now

        self._hand_back(claimed(instruction.borrow))
        if asked is not None and error is not None:
            denial = Denial(instruction.server, failure_of(error), reached=False)
            asked.future.set_exception(denial_error(asked.want.feature, self._bearings.path, (denial,)))

    def _revoked(self, instruction: Revoked) -> None:
        if self._loans is not None:
            self._loans.revoked(instruction.server, instruction.handle, instruction.reason)

    # What the engine says -----------------------------------------------------------------------------------------

    def _carry_out(self, instruction: Instruction) -> None:
        self._instructions[type(instruction)](instruction)

    def _welcomed(self, server: int) -> None:
        if self._unpinned:
            self._unpinned = False
            name = self._bearings.servers.found[server][0]
            _log.warning("%s is believed without proof: no root key is pinned, and no %s.trust was found.", name, self._vendor)

    def _seated(self, instruction: Seated) -> None:
        seat = self._seats.get(instruction.key)
        asked = self._asked.pop(instruction.key, None)
        if instruction.borrow:
            self._keep(instruction, asked)
            return
        if seat is None:
            if asked is None:
                return
            seat = self._seat_class(self, instruction.key, asked.want.feature, asked.want.version)
            self._seats[instruction.key] = seat
        seat.handle = instruction.handle
        seat.count = instruction.count
        seat.version = instruction.version or seat.version
        seat.expiry = instruction.expiry
        seat.server, seat.at = instruction.server, instruction.at
        if asked is not None and not asked.future.done():
            asked.future.set_result(seat)

    def _placed(self, instruction: Placed) -> None:
        asked = self._asked.get(instruction.key)
        if asked is not None:
            asked.pending.position = instruction.position

    def _unseated(self, instruction: Unseated) -> None:
        denials = (*instruction.denials, *self._bearings.servers.failures)
        home = self._returning.get(instruction.key)
        if home is not None and not home.done():
            home.set_exception(denial_error("", self._bearings.path, denials))
        asked = self._asked.pop(instruction.key, None)
        if asked is not None and not asked.future.done():
            if asked.problem is not None:
                denials = (*denials, local_denial(asked.problem))
            asked.future.set_exception(denial_error(asked.want.feature, self._bearings.path, denials))

    def _given_back(self, instruction: GivenBack) -> None:
        self._seats.pop(instruction.key, None)
        if self._loans is not None:
            self._loans.came_home(instruction.key, instruction.number)
        waiting = self._returning.pop(instruction.key, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(instruction.number)

    def _tell(self, news: News) -> None:
        for reader in self._readers:
            reader.put(news)
        if self._on_event is not None and self._loop is not None:
            # Not from here: what the application does in it must find this client with its work done.
            self._loop.call_soon(self._on_event, news)
