"""An application without an event loop holds seats the same way, by the same code.

    with Client("7260@licsrv") as client:
        with client.checkout("tserver_sdn", "8.5", count=200, up_to=True) as seat:
            print(seat.count, "seats under handle", seat.handle)

A thread of its own runs `sdk.client` on an event loop; every call here waits for what it does there. Heartbeats therefore go on while
the application computes. The thread takes no signals, and ends with the client, or with the process.

After `os.fork` the child has no such thread. Its copy of the client holds nothing: what the child does with it, and how the child
ends, leaves the parent's seats alone; a checkout there raises an error that says so.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.sdk import client as asynchronous
from seatkeeper.sdk.client import HeartbeatLost, LicenseLost, LicenseRestored, Reconnected, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from datetime import datetime
    from types import TracebackType
    from typing import Any, Self

    from seatkeeper.client.events import News
    from seatkeeper.client.profile import Limits
    from seatkeeper.licfile.borrowing import Borrowed

__all__ = ["STOP_S", "Client", "HeartbeatLost", "LicenseLost", "LicenseRestored", "Reconnected", "Seat", "Waiting"]

#: How long `close` waits for the thread.
STOP_S: Final = 5.0

_Result = TypeVar("_Result")


class Seat(asynchronous.Seat):
    """Seats that are held under one handle; as a context manager it returns them at the end."""

    _blocking: Client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._blocking.checkin(self)

    def idle(self, idle: bool) -> None:
        """Tell the server that the user of these seats does nothing, or works again: it may take idle ones back (TIMEOUT)."""
        self._blocking._idle(idle, self._key)


class _AsyncClient(asynchronous.Client):
    _seat_class = Seat


class _Loop:
    """A thread that runs an event loop, and the asynchronous client on it."""

    def __init__(self, client: _AsyncClient) -> None:
        self.client = client
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="seatkeeper", daemon=True)
        with _signals_blocked():
            self._thread.start()

    def call(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """The result of `work`, which is cancelled when the waiting is interrupted."""
        if os.getpid() != self.pid or not self._thread.is_alive():
            work.close()
            raise SeatkeeperError("This client has ended, or belongs to another process.", "Make a new Client here.")
        if threading.current_thread() is self._thread:
            work.close()
            raise SeatkeeperError("This call would wait for itself.", "Do not call the client from its on_event.")
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the sessions, then the thread; in a forked child do nothing."""
        if os.getpid() != self.pid or not self._thread.is_alive():
            return
        if threading.current_thread() is self._thread:
            # The garbage collector works on any thread, this one included.
            self._last = self.loop.create_task(self._close())
            return
        self.call(self.client.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(STOP_S)

    async def _close(self) -> None:
        await self.client.close()
        self.loop.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()


class Client:
    """One application's client, as `sdk.client.Client`, whose arguments it takes; its methods may be called from any thread.

    `on_event` is called on the client's own thread: it may not call the client.
    """

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
        client = _AsyncClient(
            path,
            vendor,
            root,
            license_file=license_file,
            user=user,
            host=host,
            display=display,
            application=application,
            on_event=on_event,
            limits=limits,
            plain=plain,
        )
        self._loop = _Loop(client)
        # Also at the end of the process, and when the application forgets the client.
        self._finalizer = weakref.finalize(self, self._loop.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

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
    ) -> Seat:
        """Seats of a feature, which a `with` statement returns at its end; arguments and errors as of the asynchronous client.

        With `queue` it waits as long as it takes, or for `timeout` seconds; the place is told by `on_event` (Waiting). Interrupted,
        by Ctrl-C say, it gives the place up.
        """

        async def check_out() -> Seat:
            pending = self._loop.client.checkout(
                feature, version, count, up_to, display, queue=queue, data=data, borrow_until=borrow_until, timeout=timeout
            )
            seat = await pending
            assert isinstance(seat, Seat)
            seat._blocking = self
            return seat

        return self._loop.call(check_out())

    def checkin(self, seat: Seat) -> None:
        """Give the seats back; for seats that are given back already, or lost, that is done at once."""
        if os.getpid() == self._loop.pid and self._finalizer.alive:
            self._loop.call(self._loop.client.checkin(seat))

    def idle(self, idle: bool) -> None:
        """Tell the servers that the user of all seats does nothing, or works again: they may take idle ones back (TIMEOUTALL)."""
        self._idle(idle, 0)

    def return_borrow(self, borrowed: Borrowed) -> None:
        """Give borrowed seats back before their time; errors as of the asynchronous client."""
        self._loop.call(self._loop.client.return_borrow(borrowed))

    def is_sent_home(self, borrowed: Borrowed) -> bool:
        """Whether a server was told to take these seats back, and may have them even though it did not say so."""
        return self._loop.client.is_sent_home(borrowed)

    def _idle(self, idle: bool, key: int) -> None:
        async def tell() -> None:
            self._loop.client._idle(idle, key)

        if os.getpid() == self._loop.pid and self._finalizer.alive:
            self._loop.call(tell())

    def events(self) -> Iterator[News]:
        """What happens to the connections and seats from now on, each as it happens, until the client is closed."""

        async def begin() -> asynchronous.Events:
            return self._loop.client.events()

        async def next_of(reader: asynchronous.Events) -> News | None:
            return await anext(reader, None)

        def events() -> Iterator[News]:
            while self._finalizer.alive:
                news = self._loop.call(next_of(reader))
                if news is None:
                    return
                yield news

        reader = self._loop.call(begin())
        return events()

    def close(self) -> None:
        """End the session; all seats are returned."""
        self._finalizer()


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """A thread started herein takes no signals: they are for the application's own threads."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
