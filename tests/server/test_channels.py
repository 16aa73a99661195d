"""channels: connections on real sockets are opened, encrypted, or told why not. Who may what is in test_matrix."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from datetime import date
from typing import TYPE_CHECKING, Self

import pytest
import uvloop

from seatkeeper.adapters.keys import init_vendor, issue_credential, read_credential
from seatkeeper.adapters.tls import client_context
from seatkeeper.base.roles import NOBODY, Identity
from seatkeeper.server import channels as channels_module
from seatkeeper.server.access import Access, AccessPolicy
from seatkeeper.server.channels import Channel, Channels
from seatkeeper.server.credentials import Standing
from seatkeeper.server.crowd import Crowd
from seatkeeper.wire.framing import encode_preface, frame, server_frames
from seatkeeper.wire.messages import Heartbeat, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from pathlib import Path

HOSTID = "001122334455"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Standing:
    directory = tmp_path_factory.mktemp("standing")
    init_vendor(directory / "keys", "d", today=date.today())
    credential = read_credential(issue_credential(directory / "keys", HOSTID, directory, today=date.today()))
    return Standing.of("d", [HOSTID], (directory / "keys" / "d.trust").read_text(), credential)


class Echo(asyncio.Protocol):
    """Says back what it hears."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.channel.established(transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[attr-defined]

    def connection_lost(self, exc: Exception | None) -> None:
        self.channel.left()


class House:
    """Channels on the running loop, a listening socket, and clients in threads."""

    def __init__(self, standing: Standing | None, crowd: Crowd | None = None, **policy: object) -> None:
        self.loop = asyncio.get_running_loop()
        self.said: list[str] = []
        self.made: list[Echo] = []
        self.tasks: set[asyncio.Task[object]] = set()
        access = Access(AccessPolicy(**policy), self.said.append)  # type: ignore[arg-type]
        self.crowd = crowd or Crowd(100, 0)
        self.channels = Channels(self.loop, access, self.crowd, self.said.append, self.spawn)
        self.channels.serve(standing)
        self.listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        task: asyncio.Task[object] = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def make(self, channel: Channel) -> Echo:
        self.made.append(Echo(channel))
        return self.made[-1]

    async def knock(self, preface: bytes, *, open_it: bool = True) -> socket.socket:
        """A client whose preface has come, and which is let in."""
        client = socket.create_connection(self.listener.getsockname(), timeout=10)
        client.sendall(preface)
        served, _ = self.listener.accept()
        while len(served.recv(1 << 16, socket.MSG_PEEK)) < len(preface):
            await asyncio.sleep(0.001)
        if open_it:
            self.channels.open(served, self.make)
        else:
            self.channels.turn_away(served, -97, "It is down.")
        return client

    async def aside(self, work: Callable[[], object]) -> object:
        return await asyncio.wait_for(self.loop.run_in_executor(None, work), 20)

    async def refusal(self, client: socket.socket) -> Refused:
        """What a client is told, all of it."""

        def read() -> bytes:
            data = b""
            with client:
                while piece := client.recv(1000):
                    data += piece
            return data

        data = await self.aside(read)
        assert isinstance(data, bytes)
        (message,) = server_frames().feed(data)
        assert isinstance(message, Refused)
        return message


def run(work: Callable[[], Awaitable[None]]) -> None:
    uvloop.run(work())  # type: ignore[arg-type]


def wrapped(client: socket.socket) -> ssl.SSLSocket:
    return client_context().wrap_socket(client)


def test_plain_text_goes_on_behind_the_preface() -> None:
    async def work() -> None:
        with House(None) as house:
            with await house.knock(encode_preface("d") + b"hello") as client:
                assert await house.aside(lambda: client.recv(100)) == b"hello"
                channel = house.made[0].channel
                assert (channel.tls, channel.binding, channel.address, channel.identity.role) == (False, b"", "127.0.0.1", "viewer")
                assert house.crowd.count == 1
            while house.crowd.count:
                await asyncio.sleep(0.001)

    run(work)


def test_tls_goes_on_behind_the_preface_and_is_bound_to_the_certificate(standing: Standing) -> None:
    async def work() -> None:
        with House(standing) as house:
            client = await house.knock(encode_preface("d", tls=True))

            def talk() -> tuple[bytes, object]:
                with wrapped(client) as secure:
                    secure.sendall(b"hello")
                    return secure.recv(100), secure.version()

            assert await house.aside(talk) == (b"hello", "TLSv1.3")
            assert house.made[0].channel.tls
            assert house.made[0].channel.binding == standing.binding != b""
            while house.crowd.count:
                await asyncio.sleep(0.001)

    run(work)


@pytest.mark.parametrize(("plain", "words"), [("none", "from nowhere"), ("loopback", "own machine")])
def test_plain_text_that_is_not_taken_is_told_so(plain: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        with House(None, plain=plain) as house:
            monkeypatch.setattr(house.channels.access, "identity_of", lambda _client: NOBODY)
            refused = await house.refusal(await house.knock(encode_preface("d") + frame(Heartbeat(1))))
            assert refused.number == -33
            assert words in refused.reason
            assert "connect with TLS" in refused.reason
            assert (house.made, house.crowd.count) == ([], 0)

    run(work)


def test_without_a_credential_tls_is_refused_in_plain_text() -> None:
    async def work() -> None:
        with House(None) as house:
            refused = await house.refusal(await house.knock(encode_preface("d", tls=True) + b"\x16\x03\x01"))
            assert (refused.number, "no credential" in refused.reason) == (-33, True)

    run(work)


@pytest.mark.parametrize("tls", [True, False])
def test_who_is_turned_away_is_told_in_what_he_speaks(standing: Standing, tls: bool) -> None:
    async def work() -> None:
        with House(standing) as house:
            client = await house.knock(encode_preface("d", tls=tls), open_it=False)

            def read() -> bytes:
                with wrapped(client) if tls else client as connection:
                    return connection.recv(1000)

            data = await house.aside(read)
            assert isinstance(data, bytes)
            assert server_frames().feed(data) == [Refused(-97, "It is down.")]

    run(work)


@pytest.mark.parametrize(("identity", "said"), [(NOBODY, "It is down."), (Identity("viewer", local=True), "/home/ada is full.")])
def test_a_stranger_is_told_less(identity: Identity, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        with House(None) as house:
            monkeypatch.setattr(house.channels.access, "identity_of", lambda _client: identity)
            ours, theirs = socket.socketpair()
            ours.sendall(encode_preface("d"))
            house.channels.turn_away(theirs, -97, "/home/ada is full.", "It is down.")
            assert (await house.refusal(ours)).reason == said

    run(work)


def test_what_is_no_tls_behind_the_preface_costs_nothing_for_long(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels_module, "HANDSHAKE_S", 0.2)

    async def work() -> None:
        with House(standing) as house:
            with (
                await house.knock(encode_preface("d", tls=True)) as silent,
                await house.knock(encode_preface("d", tls=True) + frame(Heartbeat(1)) * 50) as foreign,
            ):
                for client in (silent, foreign):

                    def read(client: socket.socket = client) -> bytes:
                        data = b""
                        try:
                            while piece := client.recv(1000):
                                data += piece
                        except ConnectionError:
                            pass
                        return data

                    await house.aside(read)
            while house.crowd.count:
                await asyncio.sleep(0.001)

    run(work)


def test_a_crowd_is_told_and_once_in_the_log() -> None:
    async def work() -> None:
        with House(None, Crowd(4, 0)) as house:
            inside = [await house.knock(encode_preface("d")) for _ in range(3)]
            for _ in range(2):
                refused = await house.refusal(await house.knock(encode_preface("d")))
                assert refused.number == -106
            assert len(house.said) == 1
            while len(house.made) < 3:
                await asyncio.sleep(0.001)
            assert [one.channel.lent for one in house.made] == [False, False, True]
            for client in inside:
                client.close()
            while house.crowd.count:
                await asyncio.sleep(0.001)

    run(work)


def test_an_incomplete_preface_is_closed() -> None:
    async def work() -> None:
        with House(None) as house, await house.knock(b"SEAT") as client:
            with contextlib.suppress(ConnectionResetError):
                assert await house.aside(lambda: client.recv(100)) == b""
            assert not house.made

    run(work)


def test_a_credential_that_is_gone_is_told_and_plain_text_goes_on(standing: Standing, tmp_path: Path) -> None:
    async def work() -> None:
        import msgspec

        credential = msgspec.structs.replace(standing.credential, path=tmp_path / "gone")
        with House(msgspec.structs.replace(standing, credential=credential)) as house:
            assert (await house.refusal(await house.knock(encode_preface("d", tls=True)))).number == -33
            assert "No TLS" in house.said[0]
            with await house.knock(encode_preface("d") + b"x") as client:
                assert await house.aside(lambda: client.recv(10)) == b"x"

    run(work)
