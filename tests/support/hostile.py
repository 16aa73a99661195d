"""What the hostile tests share: peers that speak the protocol by hand, and a watch that says whether the server was harmed.

The numbers of the threat list are large. SEATKEEPER_LONG=1 takes them as they stand; without it the tests take smaller ones of
the same shape, so that the whole suite stays short.
"""

from __future__ import annotations

import os
import resource
import socket
import ssl
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from seatkeeper.wire.framing import HEADER_BYTES, encode_preface, frame, server_frames
from seatkeeper.wire.messages import (
    PROTOCOL,
    AskFeatures,
    Checkin,
    Checkout,
    Granted,
    Hello,
    PoolStatus,
    Refused,
    Returned,
    ServerMessage,
    Welcome,
)
from support.site import VENDOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.wire.messages import ClientMessage
    from support.site import Site

LONG = os.environ.get("SEATKEEPER_LONG") == "1"
PATIENCE_S = 60.0

_Value = TypeVar("_Value")


def sized(short: _Value, long: _Value) -> _Value:
    """The number for this run."""
    return long if LONG else short


def wait_until(what: Callable[[], bool], seconds: float = PATIENCE_S, why: Callable[[], str] = lambda: "") -> None:
    """Returns as soon as it is so; fails when it is not in time."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, why() or "it did not come about in time"
        time.sleep(0.02)


def descriptors_wanted(count: int) -> None:
    """Raises this process's limit of open files; fails where the system does not allow so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        assert hard == resource.RLIM_INFINITY or hard >= count, f"{count} open files are wanted, {hard} allowed"
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def header(length: int) -> bytes:
    return struct.pack(">I", length)


def hello(name: str = "ann", *, vendor: str = VENDOR, **more: object) -> Hello:
    return Hello(PROTOCOL, vendor, name.encode()[:16].ljust(16, b"."), b"n" * 32, name, f"{name}-pc", "tty1", **more)  # type: ignore[arg-type]


class Peer:
    """A client that speaks the protocol by hand, and badly where a test wants it to."""

    def __init__(
        self, port: int, *, vendor: str | None = VENDOR, source: str = "127.0.0.1", timeout: float = PATIENCE_S, tls: bool = False
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = server_frames()
        self.messages: list[ServerMessage] = []
        if vendor is not None:
            self.socket.sendall(encode_preface(vendor, tls=tls))
        if tls:
            # Who attacks does not ask for the server's certificate.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)

    def send(self, *messages: ClientMessage) -> None:
        self.socket.sendall(b"".join(map(frame, messages)))

    def send_bytes(self, data: bytes) -> None:
        """Sends bytes as far as the other side takes them."""
        try:
            self.socket.sendall(data)
        except (ConnectionError, ssl.SSLError):
            pass

    def receive(self) -> ServerMessage | None:
        """The next message; None when the connection is closed."""
        while not self.messages:
            try:
                data = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return None
            if not data:
                return None
            self.messages += self.reader.feed(data)
        return self.messages.pop(0)

    def rest(self) -> list[ServerMessage]:
        """All messages up to the end of the connection."""
        messages: list[ServerMessage] = []
        while (message := self.receive()) is not None:
            messages.append(message)
        return messages

    def ask(self, message: ClientMessage) -> ServerMessage | None:
        self.send(message)
        return self.receive()

    def hello(self, name: str = "ann") -> Welcome:
        answer = self.ask(hello(name))
        assert isinstance(answer, Welcome), answer
        return answer

    def checkout(self, feature: str, request: int = 1, count: int = 1) -> Granted:
        answer = self.ask(Checkout(request, feature, "8.0", count))
        assert isinstance(answer, Granted), answer
        return answer

    def pair(self, feature: str, request: int) -> None:
        """A checkout and its checkin, both answered."""
        granted = self.checkout(feature, request)
        assert self.ask(Checkin(request + 1, granted.handle)) == Returned(request + 1, granted.handle, 0)

    def reset(self) -> None:
        """Breaks the connection off without a farewell."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def refusal(data: bytes) -> Refused:
    """The one Refused that these bytes are."""
    assert len(data) >= HEADER_BYTES, f"nothing was said but {data!r}"
    (message,) = server_frames().feed(data)
    assert isinstance(message, Refused), message
    return message


def in_use(site: Site, feature: str) -> int:
    """Seats of the feature that are held."""
    with Peer(site.port) as tool:
        answer = tool.ask(AskFeatures(1, feature))
        assert isinstance(answer, PoolStatus), answer
        return answer.in_use


def seats_become(site: Site, feature: str, count: int) -> None:
    """Returns when so many seats are held; a server that has no room for the question is asked again."""
    seen: object = None

    def reached() -> bool:
        nonlocal seen
        with Peer(site.port) as tool:
            try:
                answer = tool.ask(AskFeatures(1, feature))
            except ConnectionError:
                answer = None
        seen = answer.in_use if isinstance(answer, PoolStatus) else answer
        return seen == count

    wait_until(reached, why=lambda: f"seats of {feature}: {seen} instead of {count}")


def memory_bytes(pid: int) -> int:
    """Memory that the process has to itself and in use."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no memory")


def descriptors(pid: int) -> int:
    """Open files of the process."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - names are enough


class Watch:
    """Notes who serves, and says afterwards whether they still do, unharmed.

    Attributes:
        manager: The process of lmgrd.
        daemon: The process of the vendor daemon.
    """

    def __init__(self, site: Site) -> None:
        assert site.process is not None
        self.site = site
        self.manager = site.process.pid
        self.daemon = site.daemon_pid()
        self.memory = memory_bytes(self.daemon), memory_bytes(self.manager)

    def unharmed(self) -> None:
        """The same processes serve, nothing was thrown, and a good client gets its seat."""
        site = self.site
        assert site.process is not None
        log = site.read_log()
        assert site.process.poll() is None, f"lmgrd has ended; its log:\n{log[-5000:]}"
        assert site.daemon_pid() == self.daemon, f"the vendor daemon was started again; the log:\n{log[-5000:]}"
        assert Path(f"/proc/{self.daemon}").exists()
        for mark in ("Traceback", "Exception", "Error:"):
            at = log.find(mark)
            assert at < 0, f"an exception is in the log: {log[max(0, at - 500) : at + 3000]}"
        with Peer(site.port) as good:
            good.hello("good")
            good.pair("good", 1)

    def growth(self) -> tuple[int, int]:
        """By how many bytes vendor daemon and lmgrd have grown."""
        return memory_bytes(self.daemon) - self.memory[0], memory_bytes(self.manager) - self.memory[1]
