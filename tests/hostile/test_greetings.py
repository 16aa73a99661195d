"""Who speaks another protocol, on whichever port, is told in one sentence and closed; nothing of it is answered in its own way."""

from __future__ import annotations

import random
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from seatkeeper.wire.framing import encode_preface
from support.hostile import PATIENCE_S, Peer, refusal, sized, wait_until

if TYPE_CHECKING:
    from support.site import Site

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def _tls_hello() -> bytes:
    """The first bytes that a TLS 1.3 client sends."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="licsrv.example.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


GREETINGS = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: licsrv:7260\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n",
    "HTTP POST": b"POST /goform/edit_lf_process HTTP/1.0\r\nContent-Length: 1000000000\r\n\r\n" + b"a" * 5000,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "TLS": _tls_hello(),
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "SMTP": b"EHLO licsrv\r\n",
    "SMB": b"\x00\x00\x00\x85\xffSMB\x72\x00\x00\x00\x00\x18\x53\xc8" + bytes(120),
    "RDP": bytes.fromhex("030000130ee000000000000100080003000000"),
    "FlexNet": b"\x68" + bytes(146),
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "zeros": bytes(4096),
    "a newer protocol": b"SEAT\x02\x09genesys.d",
    "no protocol": b"SEAT\x00\x00",
    "a name that is too long": b"SEAT\x01\xff" + b"x" * 255,
    "a name that is no text": b"SEAT\x01\x02\xff\xfe",
    "nearly": b"SEAX\x01\x00",
    "small letters": b"seat\x01\x09genesys.d",
}


def converse(port: int, data: bytes) -> bytes:
    """Everything that comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(data)
        answer = b""
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionError:
                return answer
            if not piece:
                return answer
            answer += piece


@pytest.mark.parametrize("name", GREETINGS)
def test_another_protocol_is_refused_at_lmgrd(site: Site, name: str) -> None:
    assert refusal(converse(site.port, GREETINGS[name])).number == -12


@pytest.mark.parametrize("name", GREETINGS)
def test_another_protocol_is_refused_at_the_vendor_daemon_s_own_port(site: Site, name: str) -> None:
    assert refusal(converse(site.daemon_port, GREETINGS[name])).number == -12


def test_another_protocol_behind_the_preface_is_refused(site: Site) -> None:
    for vendor in ("", "genesys.d"):
        for data in GREETINGS.values():
            with Peer(site.port, vendor=vendor) as peer:
                peer.send_bytes(data)
                peer.socket.shutdown(socket.SHUT_WR)
                answers = peer.rest()
                assert all(type(answer).__name__ == "Refused" for answer in answers), answers


def test_what_is_no_tls_behind_a_preface_that_announces_it_ends_the_connection(site: Site) -> None:
    for vendor in ("", "genesys.d"):
        for name, data in GREETINGS.items():
            with Peer(site.port, vendor=None) as peer:
                peer.send_bytes(encode_preface(vendor, tls=True) + data)
                peer.socket.shutdown(socket.SHUT_WR)
                said = b""
                try:
                    while piece := peer.socket.recv(65536):
                        said += piece
                except ConnectionError:
                    pass
                # At most an alert of TLS, or the beginning of a handshake.
                assert not said or said[0] in (0x15, 0x16), (name, said)


def test_a_vendor_daemon_that_is_not_there_is_named(site: Site) -> None:
    with Peer(site.port, vendor="\x1b[31mnone\n") as peer:
        (answer,) = peer.rest()
    assert answer.number == -97
    assert "\x1b" not in answer.reason
    assert "\n" not in answer.reason


def test_random_bytes_in_random_pieces(site: Site) -> None:
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    for _ in range(sized(300, 20_000)):
        port = chance.choice((site.port, site.daemon_port))
        start = chance.choice((b"", b"S", b"SEAT", b"SEAT\x01", b"SEAT\x01\x00", b"SEAT\x01\x09genesys.d"))
        with socket.create_connection(
            ("127.0.0.1", port), timeout=PATIENCE_S, source_address=(f"127.0.0.{chance.randrange(1, 250)}", 0)
        ) as peer:
            for piece in (start, *(chance.randbytes(chance.randrange(1, 300)) for _ in range(chance.randrange(3)))):
                try:
                    peer.sendall(piece)
                except ConnectionError:
                    break
    wait_until(lambda: _answers(site), why=lambda: f"lmgrd does not answer any more, seed {seed}")


def _answers(site: Site) -> bool:
    status = site.status()
    return status is not None and all(daemon.up for daemon in status.daemons)
