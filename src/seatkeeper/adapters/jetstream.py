"""The log that three servers share is a JetStream stream with a copy on each: appended to at an expected position, read in order.

An append that is acknowledged is on the disks of two servers. One whose acknowledgement does not come may be in the log or not
(Unknown): who appended it reads on. Records are read from whichever copy answers, by position; a copy that lags behind shows less, and
never anything that is not so. A notice that something was appended comes to everybody at once, and is only a reason to look.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.vendor.log import Appended, Conflict, Outcome, Unknown

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Sequence
    from typing import Any

__all__ = ["RECORD_BYTES_MAX", "RouteTls", "SharedLog", "server_config"]

#: No record is longer; a snapshot of 100,000 held seats is.
RECORD_BYTES_MAX: Final = 32 << 20
#: The server says so when the log's last position is another one.
_WRONG_POSITION: Final = 10071
#: So many records are asked for at once.
_BATCH: Final = 256
_BATCH_BYTES: Final = 8 << 20
#: When nobody gives notice, it is looked this often whether there is something new.
_POLL_S: Final = 0.25
#: What was given notice of is in the log after its round between the servers: it is looked for again so soon.
_SOON_S: Final = 0.005
_SOON_TIMES: Final = 20
_ANSWER_S: Final = 1.0
_CONNECT_S: Final = 3.0


class RouteTls(msgspec.Struct, frozen=True):
    """How one of the three servers knows the two others.

    Attributes:
        credential: Its own key and certificate.
        others: The certificates of all three, and of who certified them.
        pinned: The SHA-256, in hex, of their public keys (SubjectPublicKeyInfo).
    """

    credential: Path
    others: Path
    pinned: tuple[str, ...]


def server_config(
    name: str,
    cluster: str,
    store: Path,
    listen: str,
    routes_listen: str,
    routes: Sequence[str],
    *,
    tls: RouteTls | None,
    login: tuple[str, str] | None = None,
) -> str:
    """The configuration file of one of the three servers.

    Args:
        name: Of this server.
        cluster: Of all three.
        store: The directory of its copy.
        listen: Host and port for the vendor daemons of this machine.
        routes_listen: Host and port for the two others.
        routes: Host and port of the two others.
        tls: How it speaks to the two others; None without TLS.
        login: Name and password that the vendor daemons of this machine give; None for none, for tests.
    """
    hedge = ""
    if tls is not None:
        pinned = ", ".join(json.dumps(digest) for digest in tls.pinned)
        # Names say nothing here: whoever proves to have one of the pinned keys is one of the three, and nobody else is.
        hedge = (
            f"  tls {{ cert_file: {json.dumps(str(tls.credential))}, key_file: {json.dumps(str(tls.credential))}, "
            f"ca_file: {json.dumps(str(tls.others))}, verify: true, insecure: true, pinned_certs: [{pinned}], timeout: 5 }}\n"
        )
    door = "" if login is None else f"authorization {{ user: {json.dumps(login[0])}, password: {json.dumps(login[1])} }}\n"
    scheme = "tls" if tls is not None else "nats"
    addresses = ", ".join(json.dumps(f"{scheme}://{route}") for route in routes)
    return (
        f"server_name: {json.dumps(name)}\n"
        f"listen: {json.dumps(listen)}\n"
        f"{door}"
        f"max_payload: {RECORD_BYTES_MAX}\n"
        f"max_pending: {2 * RECORD_BYTES_MAX}\n"
        # A record that was acknowledged is on the disk (facts, reliability 6: with the default it may not be).
        f"jetstream {{ store_dir: {json.dumps(str(store))}, sync_interval: always }}\n"
        f"cluster {{\n  name: {json.dumps(cluster)}\n  listen: {json.dumps(routes_listen)}\n  no_advertise: true\n"
        f"  routes: [{addresses}]\n{hedge}}}\n"
    )


def _nats() -> Any:
    try:
        import nats
    except ImportError:
        raise SeatkeeperError(
            "Three servers need packages that are not installed.", "Install them with `pip install 'seatkeeper[triad]'`."
        ) from None
    return nats


class SharedLog:
    """A connection to the log through one of the servers, mostly that of this machine.

    Args:
        url: Of the server.
        name: Of the log.
        tls: How to speak to the server; None without TLS.
        replicas: How many copies there are.
        login: Name and password for the server; None where it asks for none.
    """

    def __init__(
        self, url: str, name: str, *, tls: ssl.SSLContext | None = None, replicas: int = 3, login: tuple[str, str] | None = None
    ) -> None:
        self._url = url
        self._login = login
        self._name = name
        self._tls = tls
        self._replicas = replicas
        self._noticed = asyncio.Event()
        self._stopped = False
        self._client: Any = None
        self._stream: Any = None

    async def connect(self) -> None:
        """Connects, and goes on connecting again whenever the connection breaks, until `close`.

        Raises:
            SeatkeeperError: The packages are missing, or the server cannot be reached.
        """
        nats = _nats()
        try:
            self._client = await asyncio.wait_for(
                nats.connect(
                    self._url,
                    tls=self._tls,
                    user=self._login[0] if self._login is not None else None,
                    password=self._login[1] if self._login is not None else None,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.1,
                    connect_timeout=1,
                    ping_interval=2,
                    max_outstanding_pings=2,
                    # What was asked while there was no server is not asked later: nobody waits for it any more.
                    pending_size=-1,
                    error_cb=_said_nothing,
                ),
                # Else it would go on for ever where there never was a server.
                _CONNECT_S,
            )
        except (TimeoutError, OSError, nats.errors.Error) as error:
            raise SeatkeeperError(f"The log's server at {self._url} cannot be reached: {str(error) or type(error).__name__}.") from None
        self._stream = self._client.jetstream(timeout=_ANSWER_S)
        await self._client.subscribe(self._name, cb=self._notice)

    async def _notice(self, _message: object) -> None:
        self._noticed.set()

    async def create(self) -> None:
        """Makes the log where there is none; the same for all three, so it does not matter who is first.

        Raises:
            SeatkeeperError: The servers do not agree about it yet: too few of them have found each other.
        """
        from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

        config = StreamConfig(
            name=self._name,
            subjects=[self._name],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            num_replicas=self._replicas,
            allow_direct=True,
            deny_delete=True,
            max_msg_size=RECORD_BYTES_MAX,
        )
        try:
            await self._stream.add_stream(config)
        except (TimeoutError, _nats().errors.Error) as error:
            raise SeatkeeperError(f"The log cannot be made yet: {str(error) or type(error).__name__}.") from None

    async def last(self) -> int:
        """The log's last position, as the server says that leads it.

        Raises:
            SeatkeeperError: Nobody leads it at the moment, or it is not there.
        """
        try:
            info = await self._stream.stream_info(self._name)
        except (TimeoutError, _nats().errors.Error) as error:
            raise SeatkeeperError(f"Nobody can say how long the log is: {str(error) or type(error).__name__}.") from None
        position: int = info.state.last_seq
        return position

    async def append(self, expected: int, data: bytes) -> Outcome:
        """Appends behind the expected position, and nowhere else."""
        nats = _nats()
        headers = {"Nats-Expected-Last-Sequence": str(expected)}
        try:
            answer = await self._stream.publish(self._name, data, timeout=_ANSWER_S, headers=headers)
        except nats.js.errors.APIError as error:
            if error.err_code == _WRONG_POSITION:
                # "wrong last sequence: 17"
                number = (error.description or "").rpartition(" ")[2]
                return Conflict(int(number) if number.isdigit() else -1)
            return Unknown(f"the log's server says: {error.description or error}")
        except (TimeoutError, nats.errors.Error, OSError) as error:
            return Unknown(str(error) or type(error).__name__)
        return Appended(answer.seq)

    async def read(self, position: int) -> AsyncIterator[tuple[int, bytes]]:
        """The records behind a position, until `stop`: each when there is one. What was purged is passed over."""
        while not self._stopped:
            self._noticed.clear()
            seen = False
            async for number, data in self._there(position):
                position, seen = number, True
                yield number, data
            if seen:
                continue
            try:
                await asyncio.wait_for(self._noticed.wait(), _POLL_S)
            except TimeoutError:
                continue
            for _ in range(_SOON_TIMES):
                found = [record async for record in self._there(position)]
                for number, data in found:
                    position = number
                    yield number, data
                if found:
                    break
                await asyncio.sleep(_SOON_S)

    async def _there(self, position: int) -> AsyncIterator[tuple[int, bytes]]:
        """What some copy has behind the position now, or the beginning of that."""
        nats = _nats()
        inbox = self._client.new_inbox()
        asked = json.dumps({"seq": position + 1, "batch": _BATCH, "max_bytes": _BATCH_BYTES}).encode()
        try:
            answers = await self._client.subscribe(inbox)
        except nats.errors.Error:
            return
        try:
            await self._client.publish(f"$JS.API.DIRECT.GET.{self._name}", asked, reply=inbox)
            while True:
                message = await answers.next_msg(timeout=_ANSWER_S)
                headers = message.headers or {}
                if "Nats-Sequence" not in headers:
                    # The end of the batch (204), nothing there (404), or nobody who has a copy (503).
                    return
                number = int(headers["Nats-Sequence"])
                if number <= position:
                    return
                position = number
                yield number, message.data
        except (TimeoutError, nats.errors.Error):
            return
        finally:
            with contextlib.suppress(nats.errors.Error, asyncio.TimeoutError):
                await answers.unsubscribe()

    async def purge(self, position: int) -> bool:
        """Drops what stands before the position; whether that was done."""
        try:
            done: bool = await self._stream.purge_stream(self._name, seq=position)
        except (TimeoutError, _nats().errors.Error):
            return False
        return done

    def stop(self) -> None:
        """Ends `read`, whatever it waits for: a task that is cancelled just when its wait is over goes on (asyncio.wait_for)."""
        self._stopped = True
        self._noticed.set()

    async def close(self) -> None:
        """Ends the connection."""
        self.stop()
        if self._client is not None:
            with contextlib.suppress(_nats().errors.Error, asyncio.TimeoutError):
                await self._client.close()


async def _said_nothing(_error: Exception) -> None:
    """Broken connections are tried again, and who waits for an answer sees what became of it: nothing is to be printed."""
