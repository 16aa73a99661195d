"""question: one connection to a real license server, over TLS and past strangers. The ways of plain text are in test_admin."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.keys import init_vendor, issue_credential
from seatkeeper.adapters.peers import listen_unix
from seatkeeper.base.errors import LicenseError
from seatkeeper.sdk import access as access_module
from seatkeeper.sdk.access import Access
from seatkeeper.sdk.admin import reread
from seatkeeper.sdk.question import Question, ask_unix
from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import AskFeatures, AskReread, AskServer, Beat, Done, PoolStatus, Refused, ServerStatus
from support.fake_lmgrd import FakeLmgrd
from support.middle import Middle
from support.site import VENDOR, Site, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.processes

TLS = Access(plain=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("question"), {"f1": 5}) as site:
        yield site.start()


def proven(site: Site, **more: object) -> Access:
    return Access(plain=False, root=bytes.fromhex(site.root), **more)  # type: ignore[arg-type]


def status(port: int, access: Access, vendor: str = "") -> object:
    with Question("localhost", port, vendor, access, 15) as question:
        return question.ask(AskServer(1) if not vendor else AskFeatures(1))[0]


@pytest.mark.parametrize("vendor", ["", VENDOR])
def test_lmgrd_and_vendor_daemon_prove_themselves_and_answer(site: Site, vendor: str) -> None:
    expected = PoolStatus if vendor else ServerStatus
    assert isinstance(status(site.port, TLS, vendor), expected)
    assert isinstance(status(site.port, proven(site), vendor), expected)
    assert isinstance(status(site.port, proven(site, hostids=(site.hostid,)), vendor), expected)


def test_the_server_of_another_machine_is_not_the_one_that_was_meant(site: Site) -> None:
    with pytest.raises(LicenseError) as caught:
        status(site.port, proven(site, hostids=("001122334455",)))
    assert caught.value.number == -33
    assert site.hostid in caught.value.reason


@pytest.mark.parametrize("vendor", ["", VENDOR])
@pytest.mark.parametrize("of", ["a stranger", "another machine of the vendor"])
def test_a_man_in_the_middle_is_refused(site: Site, tmp_path: Path, vendor: str, of: str) -> None:
    """His certificate is genuine, one of another vendor or of this vendor for another machine; the server's proof is passed on."""
    keys = site.keys
    if of == "a stranger":
        keys = tmp_path / "keys"
        init_vendor(keys, VENDOR, today=date.today())
    credential = issue_credential(keys, "001122334455", tmp_path, today=date.today())
    with Middle(site.port, credential) as middle:
        with pytest.raises(LicenseError) as caught:
            status(middle.port, proven(site, token="seatkeeper-secret"), vendor)
        assert caught.value.number == -33
        assert "did not prove itself" in caught.value.reason
        # He has seen what is asked of everybody, and no token.
        assert b"seatkeeper-secret" not in middle.seen
        # Without a root nobody knows better; that is what a token is not sent for.
        assert isinstance(status(middle.port, TLS, vendor), PoolStatus if vendor else ServerStatus)
    with Middle(site.port) as wire:
        assert isinstance(status(wire.port, proven(site), vendor), PoolStatus if vendor else ServerStatus)
        assert b"AskServer" not in wire.seen


def test_a_daemon_that_is_not_there_is_told_over_tls_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing has shown yet whose root it is.
    monkeypatch.setattr(access_module, "_vendors", {})
    with pytest.raises(LicenseError) as caught, Question("localhost", site.port, "other.d", proven(site), 15):
        pass
    assert caught.value.number == -97


class Answering:
    """Listens on a free port, and answers each connection with these bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Answering:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client:
                    client.recv(65536)
                    client.sendall(self._answer)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass


@pytest.mark.parametrize(
    ("answer", "number", "words"),
    [
        (frame(Refused(-33, "No TLS here.")), -33, "No TLS here."),
        (frame(Beat(1)), -12, "does not speak TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", -12, "does not speak TLS"),
        (b"\0\0", -12, "does not speak TLS"),
        (b"\x16\x03\x03\x00\x04nope", -33, "do not agree on TLS"),
        (b"", -16, "closed the connection"),
    ],
)
def test_nothing_but_tls_goes_on_where_tls_was_asked_for(answer: bytes, number: int, words: str) -> None:
    with Answering(answer) as server, pytest.raises(LicenseError) as caught:
        status(server.port, TLS)
    assert caught.value.number == number
    assert words in caught.value.reason


def test_a_certificate_that_cannot_be_used_is_told(site: Site, tmp_path: Path) -> None:
    with pytest.raises(LicenseError) as caught:
        status(site.port, Access(certificate=tmp_path / "nowhere.pem"))
    assert caught.value.number == -42


def test_the_unix_socket_of_the_port_is_asked_and_no_other(site: Site, tmp_path: Path) -> None:
    path = site.directory / f"lmgrd-{site.port}.socket"
    (answer,) = ask_unix(path, site.port, "", AskReread(1, "nosuch"), 15, None)
    assert isinstance(answer, Done)
    assert answer.number == -97
    assert isinstance(ask_unix(path, site.port, VENDOR, AskFeatures(1), 15, None)[0], PoolStatus)
    assert ask_unix(tmp_path / path.name, site.port, "", AskReread(1), 15, None) == []
    # A listener on another port that leads there does not get its way.
    port = free_port()
    (tmp_path / f"lmgrd-{port}.socket").hardlink_to(path)
    assert ask_unix(tmp_path / f"lmgrd-{port}.socket", port, "", AskReread(1, "nosuch"), 15, None) == []


@pytest.mark.parametrize("relative", [False, True])
def test_a_lookalike_leads_an_administrator_to_no_other_socket(tmp_path: Path, relative: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has some port of this machine names a socket of its choosing, as of a daemon that obeys root."""
    monkeypatch.chdir(tmp_path)
    with listen_unix(tmp_path / "daemon.sock", "") as other, FakeLmgrd(lambda _vendor, _message: [status_with(named)]) as lookalike:
        named = str(tmp_path / "daemon.sock")
        if relative:
            named = f"lmgrd-{lookalike.port}.socket"
            (tmp_path / named).hardlink_to(tmp_path / "daemon.sock")
        with pytest.raises(LicenseError) as caught:
            reread(lookalike.host, lookalike.port)
        assert caught.value.number == -33
        assert "nothing was sent" in caught.value.reason
        with pytest.raises(BlockingIOError):
            other.accept()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket to another account")
@pytest.mark.parametrize("link", [False, True])
def test_a_socket_of_a_third_account_or_a_link_is_not_asked(tmp_path: Path, link: bool) -> None:
    with FakeLmgrd(lambda _vendor, _message: [status_with(str(path))]) as server:
        path = tmp_path / f"lmgrd-{server.port}.socket"
        with listen_unix(tmp_path / "other" if link else path, "") as other:
            if link:
                path.symlink_to(tmp_path / "other")
            else:
                os.chown(path, 12345, -1)
            with pytest.raises(LicenseError) as caught:
                reread(server.host, server.port)
            assert caught.value.number == -33
            assert ("is no socket" if link else "belongs to 12345") in caught.value.reason
            with pytest.raises(BlockingIOError):
                other.accept()


def status_with(admin_socket: str) -> ServerStatus:
    return ServerStatus(1, "licsrv", 7260, "0.1.0", ["/license.dat"], [], [], admin_socket)
