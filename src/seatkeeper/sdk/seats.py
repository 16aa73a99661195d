"""What an application has in its hands: a checkout on its way, the seats it led to, what happens to them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType
    from typing import Self

    from seatkeeper.client.events import News
    from seatkeeper.sdk.client import Client
    from seatkeeper.wire.messages import Checkout

__all__ = ["EVENTS_MAX", "Events", "PendingCheckout", "Seat"]

#: Events that a slow reader of `events()` may leave unread; the oldest are then dropped.
EVENTS_MAX: Final = 1024


class Seat:
    """Seats that are held under one handle.

    Attributes:
        feature: The feature.
        version: The version of the license that covers them, or the one asked for where the server does not say.
        count: How many seats.
        handle: The server's number for them; a new one after they had to be checked out anew.
        expiry: The license's last day as the license file has it.
        server: Where they are from, as `port@host`; `borrowed` where this machine served them from what was borrowed before.
        borrowed_until: Until when they are borrowed, as Unix time; 0 for seats that are not.
        at: The server's Unix time, where it was only asked whether it would give them; else 0.
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
        self.borrowed_until = 0.0
        self.at = 0.0

    @property
    def valid(self) -> bool:
        """Whether the seats are held at this moment, by this machine's own clock: an application may ask before each use."""
        return self._client._valid(self._key)

    def idle(self, idle: bool) -> None:
        """Tell the server that the user of these seats does nothing, or works again: it may take idle ones back (TIMEOUT)."""
        self._client._idle(idle, self._key)

    def __repr__(self) -> str:
        return f"<Seat {self.feature} v{self.version} handle {self.handle}, {self.count} from {self.server}>"


class PendingCheckout:
    """What `checkout` returns: await it for the Seat, or enter it to have the seats returned at the end.

    Attributes:
        position: Its place in the server's queue, from 1; 0 as long as it does not wait there.
    """

    def __init__(self, client: Client, want: Checkout, timeout: float | None = None) -> None:
        self._client = client
        self._want = want
        self._timeout = timeout
        self._seat: Seat | None = None
        self.position = 0

    def __await__(self) -> Generator[object, None, Seat]:
        return self._client._check_out(self._want, self, self._timeout).__await__()

    async def __aenter__(self) -> Seat:
        self._seat = await self
        return self._seat

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._seat is not None:
            await self._client.checkin(self._seat)


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
