"""A license server of a few lines: it answers each request over loopback with the messages that a test gives it."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from seatkeeper.wire.framing import client_frames, frame, parse_preface
from seatkeeper.wire.messages import AskFeatures, AskServer, DaemonStatus, Done, MemberStatus, PoolStatus, ServerStatus, StatusEnd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seatkeeper.wire.messages import ClientMessage, ServerMessage

    #: Vendor name and request to the answer: messages, or raw bytes after which the connection is closed.
    Answer = Callable[[str, ClientMessage], Iterable[ServerMessage] | bytes]


class FakeLmgrd:
    """Listens on a free port of 127.0.0.1 while its `with` block runs; `asked` holds vendor and request of each question."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()[:2]
        self.asked: list[tuple[str, ClientMessage]] = []
        self._clients: list[socket.socket] = []
        self._threads: list[threading.Thread] = [threading.Thread(target=self._accept)]

    def __enter__(self) -> FakeLmgrd:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        # A listener does not wake up when it is closed; a last connection does that.
        self._closing = True
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port)).close()
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    _closing = False

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._closing:
                client.close()
                return
            self._clients.append(client)
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            data = b""
            reader = client_frames()
            vendor: str | None = None
            while piece := client.recv(65536):
                if vendor is None:
                    data += piece
                    parsed = parse_preface(data)
                    if parsed is None:
                        continue
                    vendor, end = parsed
                    piece = data[end:]
                for message in reader.feed(piece):
                    self.asked.append((vendor, message))
                    answer = self._answer(vendor, message)
                    if isinstance(answer, bytes):
                        client.sendall(answer)
                        return
                    client.sendall(b"".join(map(frame, answer)))


def license_server(
    pools: Iterable[PoolStatus] = (),
    *,
    host: str = "licsrv",
    daemons: tuple[DaemonStatus, ...] = (DaemonStatus("genesys.d", up=True, version="0.1.0"),),
    members: tuple[MemberStatus, ...] = (MemberStatus("licsrv", 7260, up=True, master=True, version="0.1.0"),),
    done: Callable[[str, Any], Done] | None = None,
) -> Answer:
    """The answers of a server with these pools; `done` answers administrative requests."""
    known = list(pools)

    def answer(vendor: str, message: ClientMessage) -> Iterable[ServerMessage]:
        if isinstance(message, AskServer):
            return [ServerStatus(message.request, host, 7260, "0.1.0", ["/opt/genesys/license.dat"], list(members), list(daemons))]
        if isinstance(message, AskFeatures):
            mine = [pool for pool in known if pool.vendor == vendor and message.feature.lower() in ("", pool.feature.lower())]
            return [*mine, StatusEnd(message.request, -5 if message.feature and not mine else 0)]
        assert done is not None, f"nobody expected {message}"
        return [done(vendor, message)]

    return answer
