"""An application holds seats through this client, and learns at once when it does not hold them any more.

    async with Client("7260@licsrv") as client:
        async with client.checkout("tserver_sdn", "8.5", count=200, up_to=True) as seat:
            print(seat.count, "seats under handle", seat.handle)

The client connects at its first checkout and stays connected. It decides nothing itself: `client.walker` does, from events; this
shell makes the connections, keeps the clock, lets `client.guard` check what servers say, and wakes who waits. A checkout that
is denied raises the one LicenseError; what happens to seats later is told through `events()` and `on_event`.

A client belongs to one event loop and to the process that made it. In a forked child it holds nothing and returns nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from seatkeeper.adapters import clock, settings
from seatkeeper.adapters.host import display_name, host_name, user_name
from seatkeeper.base.errors import InputError, LicenseError, SeatkeeperError
from seatkeeper.base.values import parse_version
from seatkeeper.client.denials import denial_error
from seatkeeper.client.events import (
    MINOR_LOCAL,
    MINOR_PATH,
    Abandon,
    Ask,
    GiveBack,
    GivenBack,
    HeartbeatLost,
    Instruction,
    LicenseLost,
    LicenseRestored,
    News,
    Reconnected,
    Seated,
    Tell,
    Unseated,
)
from seatkeeper.client.guard import Guard
from seatkeeper.client.profile import Identity, Limits, Target
from seatkeeper.client.walker import Walker
from seatkeeper.sdk.engine import Engine
from seatkeeper.wire.messages import HANDLES_MAX, NAME_CHARS_MAX, Checkout

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType
    from typing import Self

    from seatkeeper.licfile.trust import Trust

__all__ = ["EVENTS_MAX", "Client", "Events", "HeartbeatLost", "LicenseLost", "LicenseRestored", "PendingCheckout", "Reconnected", "Seat"]

#: Events that a slow reader of `events()` may leave unread; the oldest are then dropped.
EVENTS_MAX: Final = 1024

_log = logging.getLogger("seatkeeper.sdk")


class Seat:
    """Seats that are held under one handle.

    Attributes:
        feature: The feature.
        version: The version of the license that covers them, or the one asked for where the server does not say.
        count: How many seats.
        handle: The server's number for them; a new one after they had to be checked out anew.
        expiry: The license's last day as the license file has it.
        server: Where they are from, as `port@host`.
    """

    def __init__(self, client: Client, key: int, feature: str, version: str) -> None:
        self._client = client
        self._key = key
        self.feature = feature
        self.version = version
        self.count = 0
        self.handle = 0
        self.expiry = ""
        self.server = ""

    @property
    def valid(self) -> bool:
        """Whether the seats are held at this moment, by this machine's own clock: an application may ask before each use."""
        return self._client._valid(self._key)

    def __repr__(self) -> str:
        return f"<Seat {self.feature} v{self.version} handle {self.handle}, {self.count} from {self.server}>"


class PendingCheckout:
    """What `checkout` returns: await it for the Seat, or enter it to have the seats returned at the end."""

    def __init__(self, client: Client, want: Checkout) -> None:
        self._client = client
        self._want = want
        self._seat: Seat | None = None

    def __await__(self) -> Generator[object, None, Seat]:
        return self._client._check_out(self._want).__await__()

    async def __aenter__(self) -> Seat:
        self._seat = await self
        return self._seat

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._seat is not None:
            await self._client.checkin(self._seat)


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

    Raises:
        InputError: `root` or SEATKEEPER_ROOT is no key.
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
    ) -> None:
        self._path = path
        self._license_file = license_file
        self._vendor = vendor
        self._root = settings.pinned_root(root)
        self._identity = Identity(
            vendor,
            (user_name() if user is None else user)[:NAME_CHARS_MAX],
            (host_name() if host is None else host)[:NAME_CHARS_MAX],
            (display_name() if display is None else display)[:NAME_CHARS_MAX],
            os.getpid(),
            settings.project()[:NAME_CHARS_MAX],
            application[:NAME_CHARS_MAX],
        )
        self._limits = limits or Limits()
        self._on_event = on_event
        self._pid = os.getpid()
        self._engine: Engine | None = None
        self._servers = settings.Servers()
        self._unpinned = False
        self._key = 0
        self._waiting: dict[int, tuple[asyncio.Future[Seat], Checkout]] = {}
        self._seats: dict[int, Seat] = {}
        self._returning: dict[int, asyncio.Future[int]] = {}
        self._readers: WeakSet[Events] = WeakSet()
        self._closed = False
        self._instructions: dict[type, Callable[..., None]] = {
            Seated: self._seated,
            Unseated: self._unseated,
            GivenBack: self._given_back,
            Tell: self._told,
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    # What an application calls ------------------------------------------------------------------------------------------------

    def checkout(self, feature: str, version: str = "", count: int = 1, up_to: bool = False, display: str | None = None) -> PendingCheckout:
        """Seats of a feature: `seat = await client.checkout(...)`, or `async with client.checkout(...) as seat:`.

        Args:
            feature: The feature's name.
            version: The license must be of this version or above; empty for any.
            count: How many seats, all under one handle.
            up_to: Take as many of them as are free, at least one.
            display: In place of the client's display, for this checkout.

        Raises:
            LicenseError: When awaited: the checkout is denied, or no server can be asked.
            InputError: When awaited: the license path is malformed.
        """
        return PendingCheckout(self, Checkout(0, feature, version, count, up_to, display or ""))

    async def checkin(self, seat: Seat) -> None:
        """Give the seats back; for seats that are given back already, or lost, that is done at once.

        Raises:
            LicenseError: The server says that they were never checked out.
        """
        engine = self._engine
        if os.getpid() != self._pid or engine is None or self._seats.get(seat._key) is not seat:
            return
        waiting = self._returning.get(seat._key)
        if waiting is None:
            waiting = engine.loop.create_future()
            self._returning[seat._key] = waiting
            engine.do(GiveBack(seat._key))
        number = await asyncio.shield(waiting)
        if number:
            raise LicenseError(number, minor=MINOR_LOCAL, feature=seat.feature, path=self._servers.path)

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
        if self._engine is not None:
            await self._engine.close()
        for waiting in self._returning.values():
            if not waiting.done():
                waiting.set_result(0)
        for reader in self._readers:
            reader.put(None)

    # Checkouts ----------------------------------------------------------------------------------------------------------------

    async def _check_out(self, want: Checkout) -> Seat:
        if os.getpid() != self._pid:
            raise SeatkeeperError("This client belongs to the process that made it.", "Make a new Client in the forked process.")
        if self._closed:
            raise SeatkeeperError("This client is closed.", "Make a new Client.")
        _check_want(want)
        engine = self._engine or self._begin(want.feature)
        if engine.loop is not asyncio.get_running_loop():
            raise SeatkeeperError("This client belongs to another event loop.", "Make one Client for each loop.")
        self._key += 1
        key = self._key
        future: asyncio.Future[Seat] = engine.loop.create_future()
        self._waiting[key] = future, want
        engine.do(Ask(key, want))
        try:
            return await future
        except asyncio.CancelledError:
            self._waiting.pop(key, None)
            # Granted or not, nobody is there to take it.
            self._seats.pop(key, None)
            engine.do(Abandon(key))
            raise

    def _begin(self, feature: str) -> Engine:
        """Read the license path, at the first checkout and until it leads to a server."""
        chosen, entries = settings.find_path(self._path, self._license_file, self._vendor)
        if chosen is None:
            raise LicenseError(-1, minor=MINOR_PATH, feature=feature, reason="No license path is given.")
        servers = settings.find_servers(entries, self._vendor)
        if not servers.found:
            raise denial_error(feature, servers.path, servers.failures)
        root, known = self._root, None
        if root is None or servers.places:
            root, known = self._local_trust(root, servers)
        self._unpinned = root is None
        guards = [Guard(self._vendor, root, known) for _ in servers.found]
        targets = [Target(name, addresses, clock.new_id()) for name, addresses in servers.found]
        self._servers = servers
        walker = Walker(targets, self._identity, self._limits)
        self._engine = Engine(walker, guards, self._vendor, self._carry_out, self._welcomed)
        return self._engine

    def _local_trust(self, root: bytes | None, servers: settings.Servers) -> tuple[bytes | None, Trust | None]:
        found = settings.read_trust(self._vendor, servers.places)
        if found is None:
            return root, None
        from seatkeeper.licfile.trust import parse_trust  # cryptography, for which only those pay who have a trust file

        name, text = found
        try:
            known = parse_trust(text, root=root, name=name)
        except (InputError, LicenseError):
            # Beside a pinned root a foreign file is of no account; alone it would decide whom to believe.
            if root is not None:
                return root, None
            raise
        return bytes.fromhex(known.root), known

    def _valid(self, key: int) -> bool:
        return self._engine is not None and os.getpid() == self._pid and self._engine.valid(key)

    # What the engine says -----------------------------------------------------------------------------------------

    def _carry_out(self, instruction: Instruction) -> None:
        self._instructions[type(instruction)](instruction)

    def _welcomed(self, server: int) -> None:
        if self._unpinned:
            self._unpinned = False
            name = self._servers.found[server][0]
            _log.warning("%s is believed without proof: no root key is pinned, and no %s.trust was found.", name, self._vendor)

    def _seated(self, instruction: Seated) -> None:
        seat = self._seats.get(instruction.key)
        waiting = self._waiting.pop(instruction.key, None)
        if seat is None:
            if waiting is None:
                return
            want = waiting[1]
            seat = self._seat_class(self, instruction.key, want.feature, want.version)
            self._seats[instruction.key] = seat
        seat.handle = instruction.handle
        seat.count = instruction.count
        seat.version = instruction.version or seat.version
        seat.expiry = instruction.expiry
        seat.server = instruction.server
        if waiting is not None and not waiting[0].done():
            waiting[0].set_result(seat)

    def _unseated(self, instruction: Unseated) -> None:
        waiting = self._waiting.pop(instruction.key, None)
        if waiting is not None and not waiting[0].done():
            future, want = waiting
            future.set_exception(denial_error(want.feature, self._servers.path, (*instruction.denials, *self._servers.failures)))

    def _given_back(self, instruction: GivenBack) -> None:
        self._seats.pop(instruction.key, None)
        waiting = self._returning.pop(instruction.key, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(instruction.number)

    def _told(self, instruction: Tell) -> None:
        for reader in self._readers:
            reader.put(instruction.news)
        if self._on_event is not None and self._engine is not None:
            # Not from here: what the application does in it must find this client with its work done.
            self._engine.loop.call_soon(self._on_event, instruction.news)


class Events:
    """A reader of events, from its making on, as an async iterator."""

    def __init__(self) -> None:
        self._unread: deque[News | None] = deque(maxlen=EVENTS_MAX)
        self._some = asyncio.Event()

    def put(self, news: News | None) -> None:
        """Add an event; None stands for the end."""
        self._unread.append(news)
        self._some.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> News:
        while not self._unread:
            self._some.clear()
            await self._some.wait()
        news = self._unread[0]
        if news is None:
            raise StopAsyncIteration
        self._unread.popleft()
        return news


def _check_want(want: Checkout) -> None:
    """What no server could answer is refused here: -77 for a version, -42 for anything else.

    Raises:
        LicenseError: With the reason.
    """
    reason = ""
    number = -42
    if not want.feature or len(want.feature) > NAME_CHARS_MAX or len(want.display) > NAME_CHARS_MAX:
        reason = f"A feature's name has 1 to {NAME_CHARS_MAX} characters, a display's at most as many."
    elif not 1 <= want.count <= HANDLES_MAX:
        reason = f"{want.count} seats were asked for; one checkout may ask for 1 to {HANDLES_MAX}."
    elif want.version:
        try:
            parse_version(want.version)
        except ValueError as error:
            number, reason = -77, f"The version {want.version!r} is not {error}."
    if reason:
        raise LicenseError(number, minor=MINOR_LOCAL, reason=reason, feature=want.feature)
