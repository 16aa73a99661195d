"""client: everything that an application can meet, on a fake vendor daemon over real connections."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING

import pytest
import uvloop

from seatkeeper.base.errors import InputError, LicenseError, SeatkeeperError
from seatkeeper.client.profile import Limits
from seatkeeper.sdk import Client, HeartbeatLost, LicenseLost, LicenseRestored, Reconnected
from seatkeeper.sdk.client import EVENTS_MAX
from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import (
    Beat,
    Checkin,
    Checkout,
    ClientMessage,
    Elsewhere,
    Goodbye,
    Granted,
    Heartbeat,
    Hello,
    Lost,
    Refused,
    Restored,
    Returned,
)

from .fake_daemon import FakeDaemon, Peer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from seatkeeper.client.events import News

QUICK = Limits(connect_s=2.0, greet_s=0.3, answer_s=0.2, request_s=0.6, backoff_s=0.05, retry_s=0.05)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no trust file there


@pytest.fixture
async def daemon() -> AsyncIterator[FakeDaemon]:
    async with FakeDaemon({"f1": 5, "f2": 1}) as running:
        yield running


async def news_of(client: Client, *kinds: type) -> list[News]:
    """The next events, which must be of these kinds."""
    reader = client.events()
    async with asyncio.timeout(10):
        seen = [await anext(reader) for _ in kinds]
    assert [type(news) for news in seen] == list(kinds)
    return seen


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_checkout_can_be_awaited_or_entered(daemon: FakeDaemon) -> None:
    async with Client(daemon.path, user="ann", host="desk7", display=":0", application="urs") as client:
        assert not daemon.peers  # Nothing is connected before it is needed.
        seat = await client.checkout("f1", "8.5", count=2)
        assert (seat.feature, seat.version, seat.count, seat.handle, seat.expiry) == ("f1", "8.5", 2, 101, "permanent")
        assert seat.server == daemon.path
        assert seat.valid
        async with client.checkout("f1", up_to=True, count=10, display="tty9") as more:
            assert (more.count, more.version) == (3, "8.5")
            assert daemon.free("f1") == 0
        assert not more.valid
        assert daemon.free("f1") == 3
        await client.checkin(seat)
        await client.checkin(seat)
        assert daemon.free("f1") == 5
    hello = daemon.of(Hello)[0]
    assert isinstance(hello, Hello)
    assert (hello.vendor, hello.user, hello.host, hello.display, hello.application) == ("genesys.d", "ann", "desk7", ":0", "urs")
    assert daemon.of(Checkout)[1].display == "tty9"  # type: ignore[union-attr]
    assert daemon.peers[0].vendor == "genesys.d"
    await daemon.until(lambda: daemon.peers[0].gone)
    assert type(daemon.log[-1]) is Goodbye
    assert len(daemon.of(Checkin)) == 2


async def test_a_seat_is_returned_when_the_block_fails(daemon: FakeDaemon) -> None:
    async with Client(daemon.path) as client:
        with pytest.raises(ZeroDivisionError):
            async with client.checkout("f1"):
                raise ZeroDivisionError
        assert daemon.free("f1") == 5


async def test_a_denial_is_one_error_with_number_text_and_remedy(daemon: FakeDaemon) -> None:
    async with Client(daemon.path) as client:
        await client.checkout("f2")
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f2")
        assert (caught.value.number, caught.value.minor) == (-4, 132)
        assert str(caught.value).splitlines()[:5] == [
            "Licensed number of users already reached.",
            " All seats are in use.",
            "Feature:       f2",
            "Hostname:      127.0.0.1",
            f"License path:  {daemon.path}:",
        ]
        assert caught.value.remedy
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f9")
        assert caught.value.number == -5
        # A denial is the end of a checkout, not of the client.
        assert (await client.checkout("f1")).valid


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ({"version": "v8"}, -77),
        ({"version": "8.5.100"}, -77),
        ({"count": 0}, -42),
        ({"count": 10_000}, -42),
        ({"feature": ""}, -42),
        ({"feature": "f" * 300}, -42),
        ({"display": "d" * 300}, -42),
    ],
)
async def test_what_no_server_could_answer_is_not_sent(daemon: FakeDaemon, arguments: dict[str, object], number: int) -> None:
    async with Client(daemon.path) as client:
        with pytest.raises(LicenseError) as caught:
            await client.checkout(**{"feature": "f1", **arguments})  # type: ignore[arg-type]
    assert caught.value.number == number
    assert not daemon.peers


async def test_no_path_is_error_1() -> None:
    async with Client() as client:
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f1")
    assert (caught.value.number, caught.value.minor) == (-1, 359)


async def test_a_malformed_path_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_D_LICENSE_FILE", "x@y")
    with pytest.raises(InputError, match="GENESYS_D_LICENSE_FILE"):
        await Client().checkout("f1")


async def test_the_sources_of_the_path(daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LM_LICENSE_FILE", daemon.path)
    async with Client() as client:
        await client.checkout("f1")
    nowhere = f"{unused_port()}@127.0.0.1"
    monkeypatch.setenv("LM_LICENSE_FILE", nowhere)
    async with Client(license_file=daemon.path) as client:
        await client.checkout("f1")
    async with Client(daemon.path, license_file=nowhere) as client:
        await client.checkout("f1")


async def test_a_license_file_leads_to_its_server(daemon: FakeDaemon, tmp_path: Path) -> None:
    file = tmp_path / "license.dat"
    file.write_text(f"SERVER this_host ANY {daemon.port}\nDAEMON genesys.d\n")
    async with Client(str(file)) as client:
        assert (await client.checkout("f1")).server == f"{daemon.port}@localhost"


async def test_a_refused_connection_is_error_15() -> None:
    path = f"{unused_port()}@127.0.0.1"
    async with Client(path) as client:
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f1")
    assert (caught.value.number, caught.value.minor) == (-15, 570)
    assert caught.value.system == (111, "Connection refused")
    assert 'FlexNet Licensing error:-15,570.  System Error: 111 "Connection refused"' in str(caught.value)


@pytest.mark.parametrize("host", ["nowhere", "a..b"])
async def test_an_unknown_host_is_error_96(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    if host == "nowhere":
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
    async with Client(f"@{host}") as client:
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f1")
    assert (caught.value.number, caught.value.minor) == (-96, 7)
    assert caught.value.system is not None


async def test_a_daemon_that_is_down_is_error_97(daemon: FakeDaemon) -> None:
    def refuse(peer: Peer, message: ClientMessage) -> bool:
        peer.send(Refused(-97, "It ended; it is started again in 5 s."))
        return True

    daemon.hook = refuse
    async with Client(daemon.path) as client:
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f1")
    assert (caught.value.number, caught.value.minor) == (-97, 121)
    assert caught.value.reason == "It ended; it is started again in 5 s."


async def test_lmgrd_may_name_another_port(daemon: FakeDaemon) -> None:
    async with FakeDaemon({}) as lmgrd:

        def elsewhere(peer: Peer, message: ClientMessage) -> bool:
            peer.send(Elsewhere(daemon.port))
            return True

        lmgrd.hook = elsewhere
        async with Client(lmgrd.path) as client:
            seat = await client.checkout("f1")
        assert seat.server == lmgrd.path
        assert len(daemon.of(Checkout)) == 1
        assert daemon.peers[0].vendor == "genesys.d"


@pytest.mark.parametrize("noise", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 100, b"\x00\x00\x00\x01\xc0"])
async def test_what_is_no_license_server_is_left(daemon: FakeDaemon, noise: bytes) -> None:
    def talk(peer: Peer, message: ClientMessage) -> bool:
        peer.transport.write(noise)  # type: ignore[attr-defined]
        return True

    daemon.hook = talk
    async with Client(daemon.path) as client:
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f1")
    assert caught.value.number == -12


async def test_a_server_that_says_nothing_is_given_up(daemon: FakeDaemon) -> None:
    daemon.hook = lambda peer, message: True
    async with Client(daemon.path, limits=QUICK) as client:
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f1")
    assert caught.value.number == -52


async def test_messages_may_come_in_any_pieces(daemon: FakeDaemon) -> None:
    async def dribble(peer: Peer, message: Checkout) -> None:
        for byte in frame(Granted(message.request, 500, 1)):
            peer.transport.write(bytes([byte]))  # type: ignore[attr-defined]
            await asyncio.sleep(0)

    tasks = []

    def slowly(peer: Peer, message: ClientMessage) -> bool:
        if isinstance(message, Checkout):
            tasks.append(asyncio.ensure_future(dribble(peer, message)))
        return isinstance(message, Checkout)

    daemon.hook = slowly
    async with Client(daemon.path) as client:
        assert (await client.checkout("f1")).handle == 500


async def test_many_checkouts_at_once_use_one_connection(daemon: FakeDaemon) -> None:
    daemon.features["f1"] = 50
    async with Client(daemon.path) as client:
        seats = await asyncio.gather(*(client.checkout("f1") for _ in range(50)))
        assert len({seat.handle for seat in seats}) == 50
        assert daemon.free("f1") == 0
        await asyncio.gather(*(client.checkin(seat) for seat in seats))
    assert daemon.free("f1") == 50
    assert len(daemon.peers) == 1


async def test_a_broken_connection_is_taken_up_again(daemon: FakeDaemon) -> None:
    told: list[News] = []
    async with Client(daemon.path, on_event=told.append, limits=QUICK) as client:
        seat = await client.checkout("f1")
        waiting = asyncio.ensure_future(news_of(client, HeartbeatLost, Reconnected))
        await asyncio.sleep(0)
        daemon.drop()
        lost, back = await waiting
        assert told == [lost, back]
        assert seat.valid
        assert seat.handle == 101
        first, second = daemon.of(Hello)
        assert isinstance(first, Hello)
        assert isinstance(second, Hello)
        assert first.session == second.session
        assert first.nonce != second.nonce
        assert second.held == [101]
        assert daemon.free("f1") == 4


async def test_a_request_goes_on_over_a_new_connection(daemon: FakeDaemon) -> None:
    def grant_and_die(peer: Peer, message: ClientMessage) -> bool:
        if isinstance(message, Checkout) and len(daemon.of(Checkout)) == 1:
            peer.send = lambda *messages: None  # type: ignore[method-assign]
            daemon.grant(peer, message)
            peer.drop()
            return True
        return False

    daemon.hook = grant_and_die
    async with Client(daemon.path, limits=QUICK) as client:
        seat = await client.checkout("f1")
        assert seat.handle == 101
        first, second = daemon.of(Checkout)
        assert first == second
        assert daemon.free("f1") == 4


async def test_seats_that_the_server_forgot_are_checked_out_anew(daemon: FakeDaemon) -> None:
    async with Client(daemon.path, limits=QUICK) as client:
        seat = await client.checkout("f1", count=2)
        waiting = asyncio.ensure_future(news_of(client, HeartbeatLost, Reconnected, LicenseLost, LicenseRestored))
        await asyncio.sleep(0)
        daemon.held.clear()
        daemon.drop()
        *_, lost, restored = await waiting
        assert isinstance(lost, LicenseLost)
        assert isinstance(restored, LicenseRestored)
        assert (lost.feature, lost.handle, lost.number, lost.server) == ("f1", 101, -16, daemon.path)
        assert (restored.feature, restored.handle, restored.count) == ("f1", 102, 2)
        assert (seat.handle, seat.count) == (102, 2)
        assert seat.valid
        await client.checkin(seat)
        assert daemon.free("f1") == 5


async def test_a_seat_is_not_valid_after_its_lease(daemon: FakeDaemon) -> None:
    daemon.heartbeat_s, daemon.lease_s = 0.1, 0.4
    async with Client(daemon.path, limits=QUICK) as client:
        seat = await client.checkout("f1")
        await daemon.until(lambda: len(daemon.of(Heartbeat)) >= 6)
        assert seat.valid  # The lease is longer than six heartbeats only because they were answered.
        waiting = asyncio.ensure_future(news_of(client, HeartbeatLost, LicenseLost))
        await asyncio.sleep(0)
        await daemon.stop()
        _, lost = await waiting
        assert isinstance(lost, LicenseLost)
        assert "0.4 s" in lost.reason
        assert not seat.valid
        waiting = asyncio.ensure_future(news_of(client, Reconnected, LicenseRestored))
        await asyncio.sleep(0)
        await daemon.start()
        await waiting
        assert seat.valid
        assert seat.handle == 101


async def test_unanswered_heartbeats_are_noticed(daemon: FakeDaemon) -> None:
    daemon.heartbeat_s, daemon.lease_s = 0.05, 60.0
    daemon.hook = lambda peer, message: isinstance(message, Heartbeat) and len(daemon.peers) == 1
    async with Client(daemon.path, limits=QUICK) as client:
        waiting = asyncio.ensure_future(news_of(client, HeartbeatLost, Reconnected))
        await asyncio.sleep(0)
        seat = await client.checkout("f1")
        await waiting
        assert seat.valid


async def test_a_removed_seat_is_lost(daemon: FakeDaemon) -> None:
    async with Client(daemon.path) as client:
        seat = await client.checkout("f1")
        other = await client.checkout("f1")
        waiting = asyncio.ensure_future(news_of(client, LicenseLost, LicenseLost, LicenseRestored))
        await asyncio.sleep(0)
        daemon.peers[0].send(Lost(101, 0, "Removed by ops@licsrv."), Lost(102, -92, "No line."), Restored(102))
        removed, unlicensed, restored = await waiting
        assert isinstance(removed, LicenseLost)
        assert (removed.number, removed.reason) == (0, "Removed by ops@licsrv.")
        assert isinstance(unlicensed, LicenseLost)
        assert unlicensed.number == -92
        assert isinstance(restored, LicenseRestored)
        assert not seat.valid
        assert other.valid
        await client.checkin(seat)
        # The confirmation frees the seats at once; more is not to be said.
        await daemon.until(lambda: bool(daemon.of(Checkin)))
        assert [message.handle for message in daemon.of(Checkin)] == [101]  # type: ignore[union-attr]


async def test_who_stops_waiting_has_no_seat(daemon: FakeDaemon) -> None:
    held_back: list[tuple[Peer, Checkout]] = []

    def hold_back(peer: Peer, message: ClientMessage) -> bool:
        if isinstance(message, Checkout):
            held_back.append((peer, message))
        return isinstance(message, Checkout)

    daemon.hook = hold_back
    async with Client(daemon.path) as client:
        waiting = asyncio.ensure_future(client._check_out(Checkout(0, "f1")))
        await daemon.until(lambda: bool(held_back))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        daemon.grant(*held_back[0])
        await daemon.until(lambda: bool(daemon.of(Checkin)))
        assert daemon.free("f1") == 5


async def test_cancelled_in_the_moment_of_the_grant(daemon: FakeDaemon) -> None:
    async with Client(daemon.path) as client:
        waiting = asyncio.ensure_future(client._check_out(Checkout(0, "f1")))
        while not client._seats:
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await daemon.until(lambda: bool(daemon.of(Checkin)))
        assert daemon.free("f1") == 5
        assert not client._seats


async def test_a_list_is_walked_until_one_grants(daemon: FakeDaemon) -> None:
    async with FakeDaemon({"f1": 1}) as second:
        path = f"{unused_port()}@127.0.0.1:{daemon.path}:{second.path}"
        daemon.features["f1"] = 0
        async with Client(path) as client:
            seat = await client.checkout("f1")
            assert seat.server == second.path
            with pytest.raises(LicenseError) as caught:
                await client.checkout("f1")
            assert caught.value.number == -4
            assert caught.value.path == tuple(path.split(":"))
            assert len(daemon.of(Checkout)) == 2
            # The daemon of the path's second entry has f2, the preferred one does not.
            assert (await client.checkout("f2")).server == daemon.path


async def test_lost_seats_move_to_another_server(daemon: FakeDaemon) -> None:
    daemon.heartbeat_s, daemon.lease_s = 0.1, 0.3
    async with FakeDaemon({"f1": 1}) as second, Client(f"{daemon.path}:{second.path}", limits=QUICK) as client:
        seat = await client.checkout("f1")
        waiting = asyncio.ensure_future(news_of(client, HeartbeatLost, LicenseLost, LicenseRestored))
        await asyncio.sleep(0)
        await daemon.stop()
        await waiting
        assert seat.server == second.path
        assert seat.valid


async def test_close_ends_what_waits(daemon: FakeDaemon) -> None:
    daemon.hook = lambda peer, message: isinstance(message, Checkout)
    client = Client(daemon.path)
    waiting = asyncio.ensure_future(client._check_out(Checkout(0, "f1")))
    reader = client.events()
    await daemon.until(lambda: bool(daemon.of(Checkout)))
    await client.close()
    await client.close()
    with pytest.raises(LicenseError) as caught:
        await waiting
    assert caught.value.number == -45
    assert [news async for news in reader] == []
    assert [news async for news in client.events()] == []
    with pytest.raises(SeatkeeperError, match="closed"):
        await client.checkout("f1")


async def test_close_while_connecting() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        client = Client(f"{listener.getsockname()[1]}@127.0.0.1")
        waiting = asyncio.ensure_future(client._check_out(Checkout(0, "f1")))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(LicenseError):
            await waiting


async def test_a_checkin_that_the_server_does_not_know_is_an_error(daemon: FakeDaemon) -> None:
    def unknown(peer: Peer, message: ClientMessage) -> bool:
        if isinstance(message, Checkin):
            peer.send(Returned(message.request, message.handle, -41))
        return isinstance(message, Checkin)

    daemon.hook = unknown
    async with Client(daemon.path) as client:
        seat = await client.checkout("f1")
        with pytest.raises(LicenseError) as caught:
            await client.checkin(seat)
        assert (caught.value.number, caught.value.feature) == (-41, "f1")


async def test_two_checkins_of_one_seat_are_one(daemon: FakeDaemon) -> None:
    async with Client(daemon.path) as client:
        seat = await client.checkout("f1")
        await asyncio.gather(client.checkin(seat), client.checkin(seat))
    assert len(daemon.of(Checkin)) == 1


async def test_unread_events_have_a_limit(daemon: FakeDaemon) -> None:
    async with Client(daemon.path) as client:
        await client.checkout("f1")
        reader = client.events()
        for _ in range(EVENTS_MAX):
            daemon.peers[0].send(Lost(101, -92, "x"), Restored(101))
        await client.checkout("f1")
        seen = [await anext(reader) for _ in range(EVENTS_MAX)]
        assert type(seen[-1]) is LicenseRestored


async def test_an_application_may_fail_in_its_callback(daemon: FakeDaemon) -> None:
    def fail(news: News) -> None:
        raise ZeroDivisionError

    seen: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: seen.append(context))
    async with Client(daemon.path, on_event=fail) as client:
        seat = await client.checkout("f1")
        daemon.peers[0].send(Lost(101, -92, "x"), Restored(101))
        await client.checkout("f1")
        assert seat.valid
    assert [type(context["exception"]) for context in seen] == [ZeroDivisionError] * 2


async def test_an_unproven_server_is_told_of_once(daemon: FakeDaemon, caplog: pytest.LogCaptureFixture) -> None:
    async with Client(daemon.path, limits=QUICK) as client:
        await client.checkout("f1")
        waiting = asyncio.ensure_future(news_of(client, HeartbeatLost, Reconnected))
        await asyncio.sleep(0)
        daemon.drop()
        await waiting
    warnings = [
        record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING and record.name.startswith("seatkeeper")
    ]
    assert warnings == [f"{daemon.path} is believed without proof: no root key is pinned, and no genesys.d.trust was found."]


async def test_who_pins_a_root_does_not_go_on(daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Client(daemon.path, root=bytes(range(32))) as client:
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f1")
    assert (caught.value.number, caught.value.minor) == (-33, 622)
    assert not daemon.of(Checkout)
    monkeypatch.setenv("SEATKEEPER_ROOT", bytes(range(32)).hex())
    async with Client(daemon.path) as client:
        with pytest.raises(LicenseError):
            await client.checkout("f1")


def test_a_root_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for root in (b"x", "zz" * 32, str(tmp_path / "missing.pub")):
        with pytest.raises(InputError):
            Client("@x", root=root)
    monkeypatch.setenv("SEATKEEPER_ROOT", "/nowhere/root.pub")
    with pytest.raises(InputError, match="SEATKEEPER_ROOT"):
        Client("@x")


def test_a_client_stays_on_its_loop() -> None:
    async def check_out(client: Client) -> None:
        async with FakeDaemon({"f1": 1}) as daemon:
            client._bearings._path = client._bearings._path or daemon.path
            await client.checkout("f1")

    client = Client("")
    asyncio.run(check_out(client))
    with pytest.raises(SeatkeeperError, match="another event loop"):
        asyncio.run(check_out(client))


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    yield
    import gc

    gc.collect()  # An unclosed transport warns when it is collected, and warnings are errors.


async def test_heartbeats_go_on_by_themselves(daemon: FakeDaemon) -> None:
    daemon.heartbeat_s = 0.05
    async with Client(daemon.path) as client:
        await client.checkout("f1")
        await daemon.until(lambda: len(daemon.of(Heartbeat)) >= 3)
    beats = daemon.of(Heartbeat)
    assert len({beat.sequence for beat in beats}) == len(beats)  # type: ignore[union-attr]
    assert Beat(1) != Beat(2)


def test_the_same_on_uvloop() -> None:
    async def scenario() -> None:
        async with FakeDaemon({"f1": 5}) as daemon, Client(f"{unused_port()}@127.0.0.1:{daemon.path}", limits=QUICK) as client:
            seat = await client.checkout("f1", "8.5")
            waiting = asyncio.ensure_future(news_of(client, HeartbeatLost, Reconnected))
            await asyncio.sleep(0)
            daemon.drop()
            await waiting
            assert seat.valid
            await client.checkin(seat)
            assert daemon.free("f1") == 5
            with pytest.raises(LicenseError):
                await client.checkout("f1", count=6)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
