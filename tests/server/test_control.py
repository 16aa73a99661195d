"""The line between lmgrd and a vendor daemon: messages in order, sockets with them, and nobody's client lost without a word."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import TYPE_CHECKING

import pytest
import uvloop

from seatkeeper.server.control import TEXT_CHARS_MAX, Control, Failed, NewClient, OrderReread, OrderStop, RereadDone, Serving, control_pair

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any


class End:
    """One end on the loop, and what came to it."""

    def __init__(self, end: socket.socket) -> None:
        self.messages: list[object] = []
        self.clients: list[socket.socket] = []
        self.returned: list[socket.socket] | None = None
        self.control = Control(asyncio.get_running_loop(), end, self._received, self._closed)

    def _received(self, message: object, client: socket.socket | None) -> None:
        self.messages.append(message)
        if client is not None:
            self.clients.append(client)

    def _closed(self, clients: list[socket.socket]) -> None:
        assert self.returned is None, "told twice"
        self.returned = clients


async def until(holds: Callable[[], bool]) -> None:
    async def poll() -> None:
        while not holds():
            await asyncio.sleep(0.001)

    await asyncio.wait_for(poll(), 10)


def run(work: Callable[[End, End], Awaitable[None]]) -> None:
    async def whole() -> None:
        ours, theirs = map(End, control_pair())
        try:
            await work(ours, theirs)
        finally:
            for end in (ours, theirs):
                end.control.close()
                for client in [*end.clients, *(end.returned or ())]:
                    client.close()

    uvloop.run(whole())


def test_all_messages_arrive_in_order_both_ways() -> None:
    orders = [OrderReread(7, "ann", "pc"), OrderStop("bob", "pc"), OrderStop()]
    reports = [Serving("0.1", 7261), RereadDone(7, -8, "no"), Failed("why", True)]

    async def work(ours: End, theirs: End) -> None:
        for order, report in zip(orders, reports, strict=True):
            ours.control.send(order)
            theirs.control.send(report)
        await until(lambda: len(theirs.messages) == len(ours.messages) == 3)
        assert (theirs.messages, ours.messages) == (orders, reports)

    run(work)


def test_a_client_s_socket_comes_with_its_message_and_is_the_same_connection() -> None:
    async def work(ours: End, theirs: End) -> None:
        client, passed = socket.socketpair()
        with client:
            ours.control.send(NewClient(), passed)
            assert passed.fileno() == -1
            await until(lambda: len(theirs.clients) == 1)
            client.send(b"hello")
            assert theirs.clients[0].recv(10) == b"hello"

    run(work)


def test_a_crowd_of_clients_waits_until_the_other_side_takes_them() -> None:
    async def work(ours: End, theirs: End) -> None:
        pairs = [socket.socketpair() for _ in range(600)]
        for number, (client, passed) in enumerate(pairs):
            client.send(b"%d" % number)
            ours.control.send(NewClient(), passed)
        await until(lambda: len(theirs.clients) == 600)
        assert [client.recv(10) for client in theirs.clients] == [b"%d" % number for number in range(600)]
        for client, _ in pairs:
            client.close()

    run(work)


def test_when_the_other_side_has_gone_clients_that_wait_come_back() -> None:
    async def work(ours: End, theirs: End) -> None:
        pairs = [socket.socketpair() for _ in range(600)]
        for _, passed in pairs:
            ours.control.send(NewClient(), passed)
        theirs.control.close()
        await until(lambda: ours.returned is not None)
        assert ours.returned
        assert all(client.fileno() >= 0 for client in ours.returned)
        # And one that comes afterwards is closed, as nobody will take it.
        late, passed = socket.socketpair()
        ours.control.send(NewClient(), passed)
        assert passed.fileno() == -1
        for client, _ in [*pairs, (late, None)]:
            client.close()

    run(work)


def test_one_that_is_passed_to_a_side_that_has_just_gone_comes_back() -> None:
    async def work(ours: End, theirs: End) -> None:
        theirs.control.close()
        client, passed = socket.socketpair()
        with client:
            ours.control.send(NewClient(), passed)
            assert ours.returned == [passed]
            assert passed.fileno() >= 0

    run(work)


def test_the_last_words_of_a_side_that_goes_with_orders_unread_arrive() -> None:
    async def work(ours: End, theirs: End) -> None:
        ours.control.send(OrderStop())
        theirs.control.send(Failed("no space"))
        theirs.control.close()
        await until(lambda: ours.returned is not None)
        assert ours.messages == [Failed("no space")]

    run(work)


def test_closing_one_s_own_end_is_not_told_to_oneself() -> None:
    async def work(ours: End, theirs: End) -> None:
        ours.control.close()
        ours.control.close()
        await until(lambda: theirs.returned == [])
        assert ours.returned is None

    run(work)


@pytest.mark.parametrize("message", [Failed("x" * 200_000), RereadDone(1, -2, "ü" * 200_000)])
def test_a_text_of_any_length_arrives_maybe_shortened(message: Failed | RereadDone) -> None:
    async def work(ours: End, theirs: End) -> None:
        theirs.control.send(message)
        await until(lambda: bool(ours.messages))
        (told,) = ours.messages
        text = told.reason if isinstance(told, Failed) else told.text
        assert len(text) == TEXT_CHARS_MAX
        theirs.control.send(Serving("0"))
        await until(lambda: len(ours.messages) == 2)

    run(work)


@pytest.mark.parametrize("number", [errno.ETOOMANYREFS, errno.ENOBUFS])
def test_without_room_in_the_system_what_is_sent_waits_and_the_other_side_lives(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """With a crowd's descriptors on their way the kernel refuses more for a moment; that is no vendor daemon's death."""
    send, refused = socket.send_fds, [0]

    def send_fds(*packet: Any) -> int:
        if refused[0] < 2:
            refused[0] += 1
            raise OSError(number, os.strerror(number))
        return send(*packet)

    monkeypatch.setattr(socket, "send_fds", send_fds)

    async def work(ours: End, theirs: End) -> None:
        client, passed = socket.socketpair()
        with client:
            ours.control.send(OrderReread(1, "ann", "pc"))
            ours.control.send(NewClient(), passed)
            ours.control.send(OrderStop())
            assert ours.control.unsent == 3
            await until(lambda: len(theirs.messages) == 3)
            assert theirs.messages == [OrderReread(1, "ann", "pc"), NewClient(), OrderStop()]
            assert (ours.control.unsent, ours.returned) == (0, None)
            client.send(b"hello")
            assert theirs.clients[0].recv(10) == b"hello"

    run(work)


@pytest.mark.parametrize("packet", [b"\x92\x63\x01", b"nonsense", b"\x93\x10\xa1\xff\x00", b"\x91" * 5000])
def test_a_packet_that_is_not_known_is_passed_over_and_its_client_closed(packet: bytes) -> None:
    async def work(ours: End, theirs: End) -> None:
        client, passed = socket.socketpair()
        with client:
            socket.send_fds(theirs.control._end, [packet], [passed.fileno()])
            passed.close()
            theirs.control.send(Serving("0.1"))
            await until(lambda: bool(ours.messages))
            assert ours.messages == [Serving("0.1")]
            assert client.recv(10) == b""
        assert ours.returned is None

    run(work)
