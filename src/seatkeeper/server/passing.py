"""A client that has come to a server that is not the master is passed on to the one that is, byte by byte.

TLS and the proof of who serves go from end to end: what passes here is not looked at. The preface that the master gets has a mark, so
that nobody passes a connection on twice; where the mastery has changed meanwhile it is closed, and the client comes again.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Final

from seatkeeper.wire.framing import PREFACE_BYTES_MAX, WireError, encode_preface, parse_preface, wants_tls

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["PASSED_ON", "Passing"]

#: Before the vendor daemon's name in the preface of a connection that comes from another of the three servers.
PASSED_ON: Final = ">"
_CONNECT_S: Final = 5.0
_BYTES: Final = 65536


class Passing:
    """The connections that pass through this server.

    Args:
        spawn: Runs a coroutine in the background.
        pipes_max: How many there may be.
    """

    def __init__(self, spawn: Callable[[Coroutine[object, object, object]], None], pipes_max: int) -> None:
        self._spawn = spawn
        self._pipes_max = pipes_max
        self._pipes: dict[asyncio.Task[object], str] = {}

    @property
    def full(self) -> bool:
        """Whether there is no room for another one."""
        return len(self._pipes) >= self._pipes_max

    def begin(self, client: socket.socket, vendor: str, host: str, port: int) -> None:
        """Passes a client, whose preface is unread, on to a vendor daemon of the server there."""
        self._spawn(self._pass(client, vendor, host, port))

    async def _pass(self, client: socket.socket, vendor: str, host: str, port: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes[task] = vendor.lower()
        writers: list[asyncio.StreamWriter] = []
        try:
            head = client.recv(PREFACE_BYTES_MAX, socket.MSG_PEEK)
            parsed = parse_preface(head)
            if parsed is None:
                return
            there = await asyncio.wait_for(asyncio.open_connection(host, port), _CONNECT_S)
            writers.append(there[1])
            client.recv(parsed[1])
            here = await asyncio.open_connection(sock=client)
            writers.append(here[1])
            there[1].write(encode_preface(PASSED_ON + parsed[0], tls=wants_tls(head)))
            ways = [asyncio.ensure_future(_copy(here[0], there[1])), asyncio.ensure_future(_copy(there[0], here[1]))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
        except (OSError, TimeoutError, WireError):
            pass
        finally:
            del self._pipes[task]
            for writer in writers:
                writer.close()
            if len(writers) < 2:
                client.close()

    def close(self, vendor: str) -> None:
        """Ends what passes to a vendor's daemon: another server has its seats now."""
        for task, name in self._pipes.items():
            if name == vendor.lower():
                task.cancel()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_BYTES):
            writer.write(data)
            await writer.drain()
