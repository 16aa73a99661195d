"""Frames that lie: whatever length a header claims and however a stream is cut, the daemon answers, closes, and holds no memory for it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import msgspec
import pytest

from seatkeeper.wire.framing import encode, encode_preface, frame
from seatkeeper.wire.messages import (
    FRAME_BYTES_MAX,
    AskFeatures,
    AskServer,
    Beat,
    Checkin,
    Checkout,
    Denied,
    Granted,
    Heartbeat,
    Refused,
    Returned,
    ServerStatus,
    Welcome,
)
from support.hostile import Peer, Watch, header, hello, sized
from support.site import VENDOR

if TYPE_CHECKING:
    from support.site import Site

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

ABOVE = [FRAME_BYTES_MAX + 1, 1 << 24, 2**31 - 1, 2**31, 2**32 - 1]
#: Who is at the other end: lmgrd, the vendor daemon before its Hello, and after it; in plain text and over TLS.
PLAIN = ["lmgrd", "daemon", "greeted"]
ENDS = [*PLAIN, *(f"{end}, TLS" for end in PLAIN)]


def peer_of(site: Site, end: str) -> Peer:
    peer = Peer(site.port, vendor="" if end.startswith("lmgrd") else VENDOR, tls=end.endswith("TLS"))
    if end.startswith("greeted"):
        peer.hello("liar")
    return peer


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("length", ABOVE)
def test_a_length_above_the_cap_is_refused_before_its_body_comes(site: Site, end: str, length: int) -> None:
    with peer_of(site, end) as peer:
        peer.send_bytes(header(length))
        answer = peer.receive()
        assert isinstance(answer, Refused), answer
        assert answer.number == -12
        assert str(length) in answer.reason
        assert peer.receive() is None


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("body", [b"", b"\x00", b"\xc1", b"\xff" * FRAME_BYTES_MAX, b"\x91" * FRAME_BYTES_MAX, bytes(FRAME_BYTES_MAX)])
def test_a_frame_of_length_0_1_or_the_cap_that_is_no_message_is_refused(site: Site, end: str, body: bytes) -> None:
    with peer_of(site, end) as peer:
        peer.send_bytes(header(len(body)) + body)
        (answer,) = peer.rest()
        assert isinstance(answer, Refused), answer
        assert answer.number == -12


@pytest.mark.parametrize("end", ENDS)
def test_a_message_of_exactly_the_cap_is_taken_and_of_one_byte_more_is_not(site: Site, end: str) -> None:
    kind = end.partition(",")[0]
    message = {"lmgrd": AskServer(1), "daemon": hello("long"), "greeted": Heartbeat(7)}[kind]
    expected = {"lmgrd": ServerStatus, "daemon": Welcome, "greeted": Beat}[kind]
    fields: list[object] = msgspec.msgpack.decode(encode(message))
    # "A reader ignores elements beyond those it knows" (docs/protocol.md, Messages), so padding makes any size.
    with peer_of(site, end) as peer:
        for extra in (0, 1):
            bare = len(msgspec.msgpack.encode([*fields, b"x" * 60_000]))
            body = msgspec.msgpack.encode([*fields, b"x" * (60_000 + FRAME_BYTES_MAX - bare + extra)])
            assert len(body) == FRAME_BYTES_MAX + extra
            peer.send_bytes(header(len(body)) + body)
            answer = peer.receive()
            assert isinstance(answer, Refused if extra else expected), answer
            # The same connection then brings the frame that is one byte too long.
            fields = msgspec.msgpack.decode(encode(Heartbeat(8))) if kind == "daemon" else fields


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    "body",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdc\xff\xff" + b"\x00" * 100,
        b"\xdf\xff\xff\xff\xff",
        b"\x92\x01\xc6\xff\xff\xff\xff",
        b"\x92\x01\xdb\x7f\xff\xff\xff",
        b"\x91" * 60_000 + b"\x00",
        b"\x81\xa1a" * 20_000 + b"\x00",
        b"\xcf" + b"\xff" * 8,
        b"\xc7\xff\x05" + b"\x00" * 255,
    ],
    ids=["array32", "array16", "map32", "bin32", "str32", "deep arrays", "deep maps", "a number", "an extension"],
)
def test_counts_and_depths_that_lie_are_refused(site: Site, end: str, body: bytes) -> None:
    with peer_of(site, end) as peer:
        peer.send_bytes(header(len(body)) + body)
        (answer,) = peer.rest()
        assert isinstance(answer, Refused), answer


def test_lies_about_length_cost_no_memory(site: Site, watch: Watch) -> None:
    # So many at once that 64 KiB for each would show: 200 connections, each of which claims a whole frame and sends its header only.
    before = watch.growth()
    for length in (FRAME_BYTES_MAX, *ABOVE):
        peers = [peer_of(site, end) for end in PLAIN for _ in range(sized(30, 200))]
        for peer in peers:
            peer.send_bytes(header(length) + b"\xdd\xff")
        watch.unharmed()
        grown = [now - then for now, then in zip(watch.growth(), before, strict=True)]
        for peer in peers:
            peer.close()
        # A connection itself has its price; the body that was claimed must not be in it.
        assert max(grown) < len(peers) * 20_000 + (4 << 20), f"length {length}: {grown} bytes for {len(peers)} connections"


def test_one_byte_at_a_time(site: Site) -> None:
    """A whole conversation in pieces of one byte, each a packet of its own."""
    with Peer(site.port, vendor=None) as peer:
        for byte in encode_preface(VENDOR) + frame(hello("slow")):
            peer.socket.send(bytes((byte,)))
        assert isinstance(peer.receive(), Welcome)
        for byte in frame(Checkout(1, "f1", "8.0")) + frame(Heartbeat(5)):
            peer.socket.send(bytes((byte,)))
        granted = peer.receive()
        beat = peer.receive()
        # A heartbeat may overtake an answer that waits for the disk.
        granted, beat = (granted, beat) if isinstance(granted, Granted) else (beat, granted)
        assert isinstance(granted, Granted)
        assert beat == Beat(5)
        for byte in frame(Checkin(2, granted.handle)):
            peer.socket.send(bytes((byte,)))
        assert peer.receive() == Returned(2, granted.handle)
    with Peer(site.port, vendor=None) as tool:
        for byte in encode_preface() + frame(AskServer(3)):
            tool.socket.send(bytes((byte,)))
        assert isinstance(tool.receive(), ServerStatus)


def test_everything_in_one_piece(site: Site) -> None:
    rounds = sized(200, 2_000)
    requests = b"".join(frame(Checkout(number, "none", "8.0")) for number in range(1, rounds))
    with Peer(site.port, vendor=None) as peer:
        peer.send_bytes(encode_preface(VENDOR) + frame(hello("hasty")) + requests)
        assert isinstance(peer.receive(), Welcome)
        for number in range(1, rounds):
            answer = peer.receive()
            assert isinstance(answer, Denied), answer
            assert answer.request == number


def test_fragments_without_end_do_not_pile_up(site: Site, watch: Watch) -> None:
    """CVE-2019-8961: stack exhaustion by very many fragments of one message."""
    before = watch.growth()
    with Peer(site.port) as peer:
        peer.hello("fragments")
        body = encode(Heartbeat(1))
        data = (header(len(body)) + body) * sized(3_000, 30_000)
        # Pieces of three bytes never agree with the frames.
        view = memoryview(data)
        for start in range(0, len(data), 3):
            peer.socket.send(view[start : start + 3])
        for _ in range(len(data) // (4 + len(body))):
            assert peer.receive() == Beat(1)
    assert max(now - then for now, then in zip(watch.growth(), before, strict=True)) < 4 << 20


def test_half_closed_connections_are_closed(site: Site) -> None:
    """A client that ends its sending side has left."""
    for end in PLAIN:
        with peer_of(site, end) as peer:
            peer.socket.shutdown(socket.SHUT_WR)
            assert not [message for message in peer.rest() if not isinstance(message, Refused)]


def test_messages_of_the_other_side_are_refused(site: Site) -> None:
    for end in ENDS:
        with peer_of(site, end) as peer:
            peer.send_bytes(frame(Beat(1)))
            (answer,) = peer.rest()
            assert isinstance(answer, Refused), answer
    with peer_of(site, "lmgrd") as peer:
        (answer,) = [peer.ask(AskFeatures(1))]
        assert isinstance(answer, Refused), answer
