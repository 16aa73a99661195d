"""tls: both ends in memory, with the certificates that license servers have."""

from __future__ import annotations

import ssl
from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.keys import find_credential, init_vendor, issue_credential
from seatkeeper.adapters.tls import ClientTls, PlainText, binding_of, client_context, digest_of, peer_digest, server_context

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date.today()
HOSTID = "001122334455"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keys = tmp_path_factory.mktemp("tls") / "keys"
    init_vendor(keys, "genesys.d", today=TODAY)
    return keys


@pytest.fixture(scope="module")
def credential(keys: Path) -> Path:
    return issue_credential(keys, HOSTID, keys.parent, today=TODAY)


class Server:
    """The server's end."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def take(self, data: bytes) -> bytes:
        """What it answers while TLS is made; raises ssl.SSLError where it refuses."""
        self.incoming.write(data)
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()


def shake(server: Server, client: ClientTls, *, piece: int = 65536) -> None:
    answer = server.take(client.start())
    for start in range(0, len(answer), piece):
        plain, more = client.receive(answer[start : start + piece])
        assert plain == b""
        if more:
            server.take(more)


@pytest.mark.parametrize("piece", [1, 100, 65536])
def test_the_binding_is_that_of_the_server_s_certificate(keys: Path, credential: Path, piece: int) -> None:
    server, client = Server(server_context(credential)), ClientTls(client_context())
    assert client.binding == b""
    shake(server, client, piece=piece)
    found = find_credential(keys.parent, "genesys.d", [HOSTID])
    assert found is not None
    assert client.binding == binding_of(found.chain)
    assert server.object.version() == "TLSv1.3"
    server.incoming.write(client.send(b"question"))
    assert server.object.read() == b"question"
    server.object.write(b"answer")
    server.object.write(b", more")
    assert client.receive(server.outgoing.read()) == (b"answer, more", b"")
    server.incoming.write(client.farewell())
    assert server.object.read() == b""


def test_what_was_said_before_the_end_is_read_before_the_end(credential: Path) -> None:
    server, client = Server(server_context(credential)), ClientTls(client_context())
    shake(server, client)
    server.object.write(b"last words")
    with pytest.raises(ssl.SSLWantReadError):
        server.object.unwrap()
    assert client.receive(server.outgoing.read())[0] == b"last words"
    with pytest.raises(ssl.SSLZeroReturnError):
        client.receive(b"")


@pytest.mark.parametrize("answer", [b"\0\0\0\x10refused", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x"])
def test_an_answer_in_plain_text_is_told_as_what_it_is(answer: bytes) -> None:
    client = ClientTls(client_context())
    client.start()
    with pytest.raises(PlainText) as caught:
        client.receive(answer)
    assert caught.value.data == answer


def test_older_versions_are_not_spoken(credential: Path) -> None:
    old = client_context()
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        Server(server_context(credential)).take(ClientTls(old).start())
    server = server_context(credential)
    server.minimum_version, server.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        Server(server).take(ClientTls(client_context()).start())


def test_a_client_is_known_by_its_very_certificate_and_no_other_of_its_maker(keys: Path, credential: Path) -> None:
    mine = issue_credential(keys, "aa", keys.parent, today=TODAY)
    other = issue_credential(keys, "bb", keys.parent, today=TODAY)
    known = mine.read_text().split("-----END PRIVATE KEY-----")[1]
    certificate = known[: known.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----"
    server = Server(server_context(credential, [certificate]))
    shake(server, ClientTls(client_context(mine)))
    assert peer_digest(server.object) == digest_of(certificate)
    # One who shows none is served, as nobody.
    server = Server(server_context(credential, [certificate]))
    shake(server, ClientTls(client_context()))
    assert peer_digest(server.object) == ""
    with pytest.raises(ssl.SSLError):
        shake(Server(server_context(credential, [certificate])), ClientTls(client_context(other)))


def test_where_no_client_is_known_none_is_asked_for_a_certificate(keys: Path, credential: Path) -> None:
    mine = issue_credential(keys, "aa", keys.parent, today=TODAY)
    server = Server(server_context(credential))
    shake(server, ClientTls(client_context(mine)))
    assert peer_digest(server.object) == ""
    assert peer_digest(None) == ""


def test_a_file_that_is_no_credential_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("nonsense")
    for make in (server_context, client_context):
        with pytest.raises(OSError, match=r".*"):
            make(tmp_path / "x")
        with pytest.raises(FileNotFoundError):
            make(tmp_path / "y")


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_has_no_digest(text: str) -> None:
    with pytest.raises(ValueError):
        digest_of(text)
