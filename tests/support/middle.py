"""A man in the middle: he listens on a port, and passes everything on to a license server, over TLS with a certificate of his own.

with Middle(server_port, credential) as middle:     # speaks TLS to both sides, and sees all
...
with Middle(server_port) as middle:                 # passes bytes on as they are
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Self

from seatkeeper.adapters.tls import client_context, server_context
from seatkeeper.wire.framing import PREFACE_BYTES_MAX, encode_preface, parse_preface, wants_tls

if TYPE_CHECKING:
    from pathlib import Path


class Middle:
    """`seen` is what clients said, as he could read it."""

    def __init__(self, port: int, credential: Path | None = None) -> None:
        self._server = port
        self._context = server_context(credential) if credential is not None else None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.seen = b""
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for one in self._open:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._run(self._serve, client)

    def _run(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._server))
        self._open += [client, server]
        try:
            if self._context is not None:
                head = b""
                while (parsed := parse_preface(head)) is None:
                    head = client.recv(PREFACE_BYTES_MAX, socket.MSG_PEEK)
                client.recv(parsed[1])
                assert wants_tls(head)
                server.sendall(encode_preface(parsed[0], tls=True))
                client = self._context.wrap_socket(client, server_side=True)
                server = client_context().wrap_socket(server)
                self._open += [client, server]
            self._run(self._pump, server, client, False)
            self._pump(client, server, True)
        except (OSError, ssl.SSLError):
            client.close()
            server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, note: bool) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := source.recv(65536):
                if note:
                    self.seen += data
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
