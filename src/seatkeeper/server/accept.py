"""New connections of lmgrd: whose they are is known before any transport exists.

lmgrd accepts, peeks at the preface without taking it from the socket, and hands the connection to the vendor daemon that the
preface names. A client that does not say within PREFACE_S what it wants is closed; where more wait than there is room for, the
one that has waited longest makes room, since honest clients say it at once. When the process runs out of descriptors, accepting
pauses and goes on; clients that are connected notice nothing.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import TYPE_CHECKING, Final

from seatkeeper.server.crowd import Crowd, address_key
from seatkeeper.server.farewell import Farewells
from seatkeeper.wire.framing import PREFACE_BYTES_MAX, WireError, parse_preface

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["PREFACE_S", "WAITING_MAX", "Acceptor", "listening_sockets"]

PREFACE_S: Final = 5.0
#: Connections that may be on the way to their preface, unless it is said otherwise.
WAITING_MAX: Final = 4096
_BACKLOG: Final = 4096
#: Connections accepted at one go, so that a crowd does not keep the loop from its other work.
_ACCEPTS_MAX: Final = 200
#: How long accepting rests when descriptors have run out.
_REST_S: Final = 0.2
_PREFACE_BYTES_MIN: Final = 6


def listening_sockets(port: int) -> list[socket.socket]:
    """Sockets that listen on the port for IPv4 and, where the machine has it, IPv6.

    Raises:
        OSError: The port cannot be had.
    """
    found: list[socket.socket] = []
    for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            listener = socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            continue
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((host, port))
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            if family == socket.AF_INET6 and error.errno != errno.EADDRINUSE:
                continue
            for opened in found:
                opened.close()
            raise
        listener.setblocking(False)
        found.append(listener)
    if not found:
        raise OSError(errno.EAFNOSUPPORT, "neither IPv4 nor IPv6 is there")
    return found


class Acceptor:
    """Accepts on some sockets and finds out whom each connection is for.

    Args:
        loop: The event loop.
        listeners: Listening sockets; closed by `close`.
        routed: Called with the connection and the name in its preface (empty for lmgrd), the preface still unread.
        waiting_max: Connections that may be on the way to their preface.
        address_max: Of these, so many of one address; 0 for any number.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listeners: list[socket.socket],
        routed: Callable[[socket.socket, str], None],
        waiting_max: int = WAITING_MAX,
        address_max: int = 0,
    ) -> None:
        self._crowd = Crowd(waiting_max, address_max)
        self._farewells = Farewells(loop)
        self._loop = loop
        self._listeners = listeners
        self._routed = routed
        # The timer, how many bytes of the preface were there at the last look, and as what it is counted; the oldest is first.
        self._waiting: dict[socket.socket, tuple[asyncio.TimerHandle, int, str]] = {}
        for listener in listeners:
            loop.add_reader(listener.fileno(), self._accept, listener)

    def close(self) -> None:
        """Stops listening, and closes connections that have not said what they want."""
        for listener in self._listeners:
            self._loop.remove_reader(listener.fileno())
            listener.close()
        self._listeners = []
        for client in list(self._waiting):
            self._give_up(client)
        self._farewells.close()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTS_MAX):
            try:
                client, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._loop.remove_reader(listener.fileno())
                    self._loop.call_later(_REST_S, self._resume, listener)
                return
            client.setblocking(False)
            if client.family != socket.AF_UNIX:
                with contextlib.suppress(OSError):
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peek(client)

    def _resume(self, listener: socket.socket) -> None:
        if listener in self._listeners:
            self._loop.add_reader(listener.fileno(), self._accept, listener)

    def _peek(self, client: socket.socket) -> None:
        """Reads the preface without taking it; waits for the rest where it is not all there."""
        try:
            data = client.recv(PREFACE_BYTES_MAX, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            self._wait(client, 0)
            return
        except OSError:
            data = b""
        # The kernel pays no heed to the low-water mark of a Unix socket: there the preface comes in one piece, or not at all.
        if client in self._waiting and len(data) <= self._waiting[client][1]:
            # It is readable and there is nothing new: the other side has ended the stream, or broken it off.
            data = b""
        if not data:
            self._give_up(client)
            return
        try:
            parsed = parse_preface(data)
        except WireError as error:
            self._forget(client)
            self._farewells.turn_away(client, -12, str(error))
            return
        if parsed is None:
            self._wait(client, len(data))
            return
        self._forget(client)
        with contextlib.suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        self._routed(client, parsed[0])

    def _wait(self, client: socket.socket, seen: int) -> None:
        # Peeked bytes stay in the socket, so a socket with too few would count as readable for ever: the low-water mark keeps
        # it quiet until there is something new to see.
        with contextlib.suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, max(seen + 1, _PREFACE_BYTES_MIN))
        if client in self._waiting:
            timer, _, counted = self._waiting[client]
            self._waiting[client] = (timer, seen, counted)
            return
        counted = _counted(client)
        place = self._crowd.enter(counted)
        if place == "full" and self._waiting:
            self._give_up(next(iter(self._waiting)))
            place = self._crowd.enter(counted)
        if place in ("full", "crowded"):
            self._farewells.turn_away(client, -106, "Too many connections wait here for their first words.")
            return
        self._waiting[client] = (self._loop.call_later(PREFACE_S, self._give_up, client), seen, counted)
        self._loop.add_reader(client.fileno(), self._peek, client)

    def _forget(self, client: socket.socket) -> None:
        waiting = self._waiting.pop(client, None)
        if waiting is not None:
            timer, _, counted = waiting
            timer.cancel()
            self._crowd.leave(counted)
            self._loop.remove_reader(client.fileno())

    def _give_up(self, client: socket.socket) -> None:
        self._forget(client)
        client.close()


def _counted(client: socket.socket) -> str:
    try:
        return address_key(client.getpeername()[0]) if client.family != socket.AF_UNIX else ""
    except OSError:
        return ""
