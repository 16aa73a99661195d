"""A real mail server takes a mail for all recipients or none, and every way in which it does not is told apart."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seatkeeper.adapters import mail
from seatkeeper.adapters.mail import Login, MailError, MailServer, parse_server, read_login, send
from seatkeeper.base.errors import InputError
from support.desk_mail import PASSWORD, USER, Letterbox, mail_server, server_tls
from support.site import free_port

FROM, TO = "desk@vendor.example", ["a@pigeon.example", "b@pigeon.example"]
MAIL = b"Subject: hello\r\n\r\nfirst\r\n.\r\n..two\r\nlast\r\n"


def at(port: int, **options: str) -> MailServer:
    return parse_server(f"{options.get('scheme', 'smtp-plain')}://localhost:{port}", ca=Path(options["ca"]) if "ca" in options else None)


def test_a_message_arrives_as_it_is() -> None:
    box = Letterbox()
    with mail_server(box) as port:
        assert send(MAIL, FROM, TO, at(port)) == "taken as 4711"
        assert send(MAIL.removesuffix(b"\r\n"), FROM, TO, at(port)) == "taken as 4711"
    for envelope in box.taken:
        assert (envelope.mail_from, envelope.rcpt_tos, envelope.content) == (FROM, TO, MAIL)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_tls_with_a_password(tmp_path: Path, scheme: str) -> None:
    tls, ca = server_tls(tmp_path)
    box = Letterbox()
    with mail_server(box, tls, implicit=scheme == "smtps", login=True) as port:
        server = at(port, scheme=scheme, ca=str(ca))
        send(MAIL, FROM, TO, server, login=Login(USER, PASSWORD))
        with pytest.raises(MailError, match="refused user 'desk'") as caught:
            send(MAIL, FROM, TO, server, login=Login(USER, "wrong"))
        assert caught.value.outcome == "refused"
        with pytest.raises(MailError, match="does not take mail from") as caught:
            send(MAIL, FROM, TO, server)
        assert caught.value.outcome == "refused"
    assert len(box.taken) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_whose_certificate_is_not_trusted_gets_nothing(tmp_path: Path, scheme: str) -> None:
    tls, ca = server_tls(tmp_path, "elsewhere.example")
    box = Letterbox()
    with mail_server(box, tls, implicit=scheme == "smtps") as port:
        for options in ({}, {"ca": str(ca)}):
            with pytest.raises(MailError, match="cannot be trusted") as caught:
                send(MAIL, FROM, TO, at(port, scheme=scheme, **options), login=Login(USER, PASSWORD))
            assert caught.value.outcome == "refused"
    assert box.taken == []


def test_tls_is_required_and_never_done_without(tmp_path: Path) -> None:
    box = Letterbox()
    with mail_server(box) as port, pytest.raises(MailError, match="offers no TLS") as caught:
        send(MAIL, FROM, TO, at(port, scheme="smtp"))
    assert (caught.value.outcome, box.taken) == ("refused", [])
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(InputError, match="no certificates to trust"):
        mail._context(MailServer("localhost", 1, "starttls", tmp_path / "ca.pem"))


@pytest.mark.parametrize(("answer", "outcome"), [("550 no such person", "refused"), ("450 try later", "later")])
def test_one_refused_recipient_keeps_the_mail_from_all(answer: str, outcome: str) -> None:
    box = Letterbox()
    box.refused = {TO[1]: answer}
    with mail_server(box) as port, pytest.raises(MailError, match=f"does not take mail for {TO[1]}.*{answer[:3]}") as caught:
        send(MAIL, FROM, TO, at(port))
    assert (caught.value.outcome, box.taken) == (outcome, [])
    assert "Nothing was sent" in caught.value.remedy


@pytest.mark.parametrize(("answer", "outcome"), [("554 no licenses here", "refused"), ("451 disk full", "later")])
def test_a_refused_message(answer: str, outcome: str) -> None:
    box = Letterbox()
    box.data_reply = answer
    with mail_server(box) as port, pytest.raises(MailError, match=answer) as caught:
        send(MAIL, FROM, TO, at(port))
    assert caught.value.outcome == outcome


@contextmanager
def scripted(*answers: bytes) -> Iterator[int]:
    """The port of a server that gives these answers to whatever comes and then says nothing more; an empty one hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                for answer in answers:
                    if not answer:
                        return
                    connection.sendall(answer)
                    if answer.startswith(b"354"):
                        while lines.readline() not in (b".\r\n", b""):
                            pass
                    else:
                        lines.readline()
                while lines.readline():
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


OK = b"250 fine\r\n"


@pytest.mark.parametrize(
    ("answers", "outcome", "words"),
    [
        ((), "later", "did not answer in time"),
        ((b"",), "later", "closed the connection"),
        ((b"421 too busy\r\n",), "later", "421 too busy"),
        ((b"220 hi\r\n", OK), "later", "did not answer in time"),
        ((b"220 hi\r\n", OK, OK, OK, OK, b"354 go\r\n"), "unknown", "not known: it did not answer in time"),
        ((b"220 hi\r\n", OK, OK, OK, OK, b"354 go\r\n", b""), "unknown", "not known: it closed the connection"),
    ],
)
def test_a_server_that_hangs_or_breaks_off(answers: tuple[bytes, ...], outcome: str, words: str) -> None:
    with scripted(*answers) as port, pytest.raises(MailError, match=words) as caught:
        send(MAIL, FROM, TO, at(port), timeout_s=0.3)
    assert caught.value.outcome == outcome


def test_no_server() -> None:
    with pytest.raises(MailError, match="cannot be reached") as caught:
        send(MAIL, FROM, TO, at(free_port()))
    assert caught.value.outcome == "later"


def test_a_mail_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MESSAGE_BYTES_MAX", 10)
    with pytest.raises(InputError, match="too large"):
        send(MAIL, FROM, TO, at(1))


def test_servers() -> None:
    assert parse_server("smtp://mail.example") == MailServer("mail.example", 587, "starttls")
    assert parse_server("smtps://mail.example:4650/") == MailServer("mail.example", 4650, "implicit")
    assert parse_server("smtp-plain://[::1]") == MailServer("::1", 25, "never")


@pytest.mark.parametrize(
    "url",
    ["", "mail.example", "http://mail.example", "smtp://", "smtp://mail:x", "smtp://u:p@mail", "smtp-plain://mail.example", "smtp://m/x"],
)
def test_what_is_no_server(url: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_server(url)
    assert ":p@" not in str(caught.value)


def test_logins(tmp_path: Path) -> None:
    path = tmp_path / "login"
    with pytest.raises(InputError, match="cannot be read"):
        read_login(path)
    path.write_text("desk\na pass word\n")
    path.chmod(0o644)
    with pytest.raises(InputError, match="Others can read"):
        read_login(path)
    path.chmod(0o600)
    assert read_login(path) == Login("desk", "a pass word")
    assert "pass" not in repr(read_login(path))
    for data in (b"desk\n", b"\xff\n\xff\n", b"a\nb" + b"x" * 5000):
        path.write_bytes(data)
        with pytest.raises(InputError, match="does not hold user and password"):
            read_login(path)
