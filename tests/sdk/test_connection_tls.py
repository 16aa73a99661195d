"""connection over TLS: applications reach a real license server, and nobody else in its place; nothing falls back to plain text."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.keys import issue_credential
from seatkeeper.base.errors import LicenseError
from seatkeeper.client.path import Address
from seatkeeper.sdk import Client
from seatkeeper.sdk import connection as connection_module
from seatkeeper.sdk.connection import Connection, open_connection
from seatkeeper.wire.framing import encode_preface, frame, wants_tls
from seatkeeper.wire.messages import AskFeatures, Beat, Goodbye, Refused, StatusEnd
from support.middle import Middle
from support.site import VENDOR, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seatkeeper.client.events import Failure
    from seatkeeper.wire.messages import ServerMessage

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("tls"), {"encrypted_feature": 5}) as site:
        yield site.start()


class Ends:
    """A connection whose messages and end are kept."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[ServerMessage] = asyncio.Queue()
        self.ends: list[Failure] = []
        self.connection = Connection(VENDOR, self.messages.put_nowait, self.ends.append)


async def checkout(port: int, root: str, *, plain: bool | None = None) -> None:
    async with Client(f"{port}@127.0.0.1", root=root, plain=plain) as client, client.checkout("encrypted_feature") as seat:
        assert seat.valid


async def test_questions_and_answers_of_any_length(site: Site) -> None:
    ends = Ends()
    await open_connection(Address("127.0.0.1", site.port), ends.connection, plain=False)
    assert len(ends.connection.binding) == 32
    for _ in range(50):
        ends.connection.send(AskFeatures(1, "encrypted_feature"))
    answers = [await asyncio.wait_for(ends.messages.get(), 10) for _ in range(100)]
    assert [type(answer) is StatusEnd for answer in answers] == [False, True] * 50
    ends.connection.close()
    await asyncio.wait_for(ends.connection.gone, 10)
    assert len(ends.ends) == 1


async def test_loopback_goes_plain_unless_it_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting, tls in (("", False), ("0", True), ("1", False)):
        monkeypatch.setenv("SEATKEEPER_PLAIN", setting)
        ends = Ends()
        await open_connection(Address("127.0.0.1", site.port), ends.connection)
        assert bool(ends.connection.binding) is tls
        ends.connection.abort()
        await asyncio.wait_for(ends.connection.gone, 10)
    monkeypatch.setenv("SEATKEEPER_PLAIN", "perhaps")
    ends = Ends()
    await open_connection(Address("127.0.0.1", site.port), ends.connection)
    assert ends.connection.failure is not None
    assert "SEATKEEPER_PLAIN" in ends.connection.failure.reason


async def test_an_application_checks_out_over_tls(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATKEEPER_PLAIN", "0")
    await checkout(site.port, site.root)


async def test_an_application_may_say_itself_what_it_wants(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATKEEPER_PLAIN", "0")
    with Middle(site.port) as wire:
        await checkout(wire.port, site.root, plain=False)
        assert b"encrypted_feature" not in wire.seen
        await checkout(wire.port, site.root, plain=True)
        assert b"encrypted_feature" in wire.seen


async def test_a_man_in_the_middle_is_refused(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """He has a genuine certificate of this vendor, for another machine, and passes the true server's proof on."""
    monkeypatch.setenv("SEATKEEPER_PLAIN", "0")
    credential = issue_credential(site.keys, "001122334455", tmp_path, today=date.today())
    with Middle(site.port, credential) as middle:
        with pytest.raises(LicenseError) as caught:
            await checkout(middle.port, site.root)
        assert caught.value.number == -33
        assert "did not prove that it holds the key" in str(caught.value)
    with Middle(site.port) as wire:
        await checkout(wire.port, site.root)
        assert b"encrypted_feature" not in wire.seen


class Server(asyncio.Protocol):
    """Answers the first bytes of each connection."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        answer, self._answer = self._answer(data), lambda _data: b""
        # In two pieces, as a network may have it.
        self._transport.write(answer[:3])  # type: ignore[attr-defined]
        asyncio.get_running_loop().call_later(0.01, self._transport.write, answer[3:])  # type: ignore[attr-defined]


async def failure(answer: bytes) -> Failure:
    heard: list[bytes] = []

    def take(data: bytes) -> bytes:
        heard.append(data)
        return answer

    server = await asyncio.get_running_loop().create_server(lambda: Server(take), "127.0.0.1", 0)
    ends = Ends()
    try:
        await open_connection(Address("127.0.0.1", server.sockets[0].getsockname()[1]), ends.connection, plain=False)
        ends.connection.send(Goodbye())
        await asyncio.wait_for(ends.connection.gone, 10)
    finally:
        server.close()
    assert wants_tls(heard[0])
    assert heard[0].startswith(encode_preface(VENDOR, tls=True))
    assert frame(Goodbye()) not in b"".join(heard)
    assert ends.messages.empty()
    assert ends.ends == [ends.connection.failure]
    return ends.ends[0]


@pytest.mark.parametrize(
    ("answer", "number", "words"),
    [
        (frame(Refused(-33, "No TLS here.")), -33, "No TLS here."),
        (frame(Refused(-97, "It is down.")), -97, "It is down."),
        (frame(Beat(1)), -33, "in plain text"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", -12, "does not speak this protocol"),
        (b"\x16\x03\x03\x00\x04nope", -33, "do not agree on TLS"),
    ],
)
async def test_nothing_but_tls_goes_on_where_tls_was_asked_for(answer: bytes, number: int, words: str) -> None:
    found = await failure(answer)
    assert found.number == number
    assert words in found.reason


async def test_a_server_that_does_not_go_on_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "_HANDSHAKE_S", 0.05)
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    ends = Ends()
    with pytest.raises(TimeoutError):
        await open_connection(Address("127.0.0.1", server.sockets[0].getsockname()[1]), ends.connection, plain=False)
    await asyncio.wait_for(ends.connection.gone, 10)
    server.close()
