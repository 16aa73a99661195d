"""The client's machine at work: it makes the connections, keeps the clock and lets nothing pass that the guard refuses.

It decides nothing: what to do follows from `client.walker`, what to believe from `client.guard`. Instructions that are not about
the network go to the client (client.py).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from seatkeeper.adapters import clock
from seatkeeper.base.errors import LicenseError
from seatkeeper.client.denials import failure_of
from seatkeeper.client.events import Broken, Close, Connect, Event, Failed, Leave, Mistrusted, Opened, Received, Send, Tick
from seatkeeper.sdk.connection import Connection, failure_to_connect, open_connection
from seatkeeper.wire.messages import Checkout, Denied, Granted, Hello, ReturnBorrow, Welcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seatkeeper.client.events import Failure, Instruction
    from seatkeeper.client.guard import Guard
    from seatkeeper.client.walker import Walker
    from seatkeeper.wire.messages import ServerMessage

__all__ = ["CLOSE_S", "Accounts", "Engine"]

#: How long `close` waits for what is still to be sent.
CLOSE_S: Final = 1.0
#: Timers of event loops may be early by a millisecond, and a tick that is too early would have to be repeated.
_TIMER_GRAIN_S: Final = 0.001


class Accounts(Protocol):
    """Who keeps account of what is being borrowed."""

    def going(self, server: int, want: Checkout) -> None:
        """A checkout that borrows goes to this server next. Raises LicenseError where it must not."""

    def answered(self, server: int, answer: Granted | Denied) -> None:
        """A request has had this answer, and all that follows from it is done."""


class Engine:
    """Runs one walker on the running event loop.

    Args:
        walker: The machine.
        guards: One for each of its servers.
        vendor: The vendor daemon's name.
        on_instruction: Carries out what is not about the network.
        on_welcome: Called with a server's number when it has been believed.
        lending: Told of each checkout that borrows before its server is, and of its answer once that has been dealt with.
        plain: Whether connections go without TLS (connection.open_connection).
    """

    def __init__(
        self,
        walker: Walker,
        guards: Sequence[Guard],
        vendor: str,
        on_instruction: Callable[[Instruction], None],
        on_welcome: Callable[[int], None],
        lending: Accounts | None = None,
        *,
        plain: bool | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self._walker = walker
        self._guards = guards
        self._vendor = vendor
        self._on_instruction = on_instruction
        self._on_welcome = on_welcome
        self._lending = lending
        self._plain = plain
        #: Handles of borrowed seats that a server was told to take back, whether or not it has answered.
        self.sent_home: set[int] = set()
        self._links: dict[int, tuple[int, Connection]] = {}
        self._connecting: dict[int, asyncio.Task[None]] = {}
        self._ending: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._closed = False
        self._network: dict[type, Callable[..., None]] = {Connect: self._connect, Send: self._send, Close: self._close}

    def do(self, event: Event) -> None:
        """Carry out what follows from `event`."""
        for instruction in self._walker.handle(event, clock.boottime(), _draw()):
            self._network.get(type(instruction), self._on_instruction)(instruction)
        due = self._walker.next_deadline()
        if due == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._timer_at = due
        if due is not None and not self._closed:
            self._timer = self.loop.call_later(max(0.0, due - clock.boottime()) + _TIMER_GRAIN_S, self._tick)

    def valid(self, key: int) -> bool:
        """Whether a checkout's seats are held at this moment."""
        return self._walker.valid(key, clock.boottime())

    async def close(self) -> None:
        """End all sessions."""
        self._closed = True
        self.do(Leave())
        ending: list[asyncio.Future[None]] = [connection.gone for connection in self._ending]
        ending += self._connecting.values()
        if ending:
            await asyncio.wait(ending, timeout=CLOSE_S)
        for connection in list(self._ending):
            connection.abort()

    def _tick(self) -> None:
        self._timer = None
        self._timer_at = None
        self.do(Tick())

    def _connect(self, instruction: Connect) -> None:
        self._connecting[instruction.link] = self.loop.create_task(self._open(instruction))

    async def _open(self, instruction: Connect) -> None:
        link = instruction.link
        connection = Connection(self._vendor, lambda message: self._received(link, message), lambda failure: self._ended(link, failure))
        try:
            await open_connection(instruction.address, connection, plain=self._plain)
        except asyncio.CancelledError:
            connection.abort()
            return
        except OSError as error:
            self.do(Failed(link, failure_to_connect(error)))
            return
        finally:
            self._connecting.pop(link, None)
        if connection.failure is not None:
            self.do(Failed(link, connection.failure))
        else:
            self._links[link] = instruction.server, connection
            self.do(Opened(link, clock.new_id() + clock.new_id()))

    def _send(self, instruction: Send) -> None:
        entry = self._links.get(instruction.link)
        if entry is None:
            return
        server, connection = entry
        message = instruction.message
        if type(message) is Hello:
            self._guards[server].greeted(message.nonce, message.session, connection.binding)
        elif type(message) is Checkout:
            self._guards[server].asked(message)
            if message.borrow_until and self._lending is not None and not self._is_noted(instruction.link, server, message):
                return
        elif type(message) is ReturnBorrow:
            self.sent_home.add(message.handle)
        connection.send(message)

    def _is_noted(self, link: int, server: int, message: Checkout) -> bool:
        """Whether a checkout that borrows is on the disk; one that is not has its denial here, and no server hears of it."""
        assert self._lending is not None
        try:
            self._lending.going(server, message)
        except LicenseError as error:
            denied = Denied(message.request, error.number, error.minor, error.reason)
            # Not from here, while the instructions of another event are carried out.
            self.loop.call_soon(self.do, Received(link, denied))
            return False
        return True

    def _close(self, instruction: Close) -> None:
        task = self._connecting.get(instruction.link)
        if task is not None:
            task.cancel()
        entry = self._links.pop(instruction.link, None)
        if entry is not None:
            connection = entry[1]
            self._ending.add(connection)
            connection.gone.add_done_callback(lambda _: self._ending.discard(connection))
            connection.close()

    def _received(self, link: int, message: ServerMessage) -> None:
        entry = self._links.get(link)
        if entry is None:
            return
        try:
            self._guards[entry[0]].check(message, clock.today())
        except LicenseError as error:
            self.do(Mistrusted(link, message, failure_of(error)))
            return
        if type(message) is Welcome:
            self._on_welcome(entry[0])
        self.do(Received(link, message))
        if self._lending is not None and isinstance(message, Granted | Denied):
            self._lending.answered(entry[0], message)

    def _ended(self, link: int, failure: Failure) -> None:
        if self._links.pop(link, None) is not None:
            self.do(Broken(link, failure))


def _draw() -> float:
    """A random number in [0, 1)."""
    return int.from_bytes(clock.new_id()[:4], "big") / 2**32
