"""Every command, by every role, over every way in, to a real license server: what the table allows is done, and nothing else is."""

from __future__ import annotations

import os
import socket
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.admins import Administrator, new_token, token_digest, write_admins
from seatkeeper.adapters.keys import issue_credential
from seatkeeper.adapters.peers import connect_unix
from seatkeeper.base.errors import LicenseError
from seatkeeper.base.roles import ROLES, RULES, Identity, Restrictions, Role, objection
from seatkeeper.sdk import question as question_module
from seatkeeper.sdk.access import Access
from seatkeeper.sdk.question import Question
from seatkeeper.server.access import command_of
from seatkeeper.wire.messages import (
    AskDown,
    AskFeatures,
    AskLines,
    AskRemove,
    AskReread,
    AskRevoke,
    AskServer,
    AskSwitch,
    Done,
    PoolStatus,
    StatusEnd,
)
from support.remote import connect_far, connect_unix_as, far_address
from support.site import VENDOR, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.wire.messages import ClientMessage, ServerMessage

pytestmark = pytest.mark.processes

#: For whom each question is, and the question; what is allowed changes nothing that others of these would miss.
COMMANDS: list[tuple[str, ClientMessage]] = [
    ("", AskServer(1)),
    (VENDOR, AskFeatures(1)),
    (VENDOR, AskLines(1)),
    (VENDOR, AskRemove(1, "f1", handle=999)),
    (VENDOR, AskRevoke(1, 999)),
    (VENDOR, AskSwitch(1, "debug", "no/absolute/path")),
    (VENDOR, AskSwitch(1, "report", "no/absolute/path")),
    (VENDOR, AskSwitch(1, "new", "no/absolute/path")),
    ("", AskReread(1, "nosuch")),
    ("", AskReread(1, "nosuch", dry_run=True)),
    ("", AskDown(1, "nosuch")),
]
REFUSALS = (-63, -119)
#: An account of this machine that administers nothing.
SOMEBODY = 12345


class Doors:
    """A license server, and the ways into it."""

    def __init__(self, site: Site, *flags: str) -> None:
        self.site = site
        self.tokens: dict[Role, str] = {role: new_token() for role in ROLES if role != "anonymous"}
        self.certificates: dict[Role, Path] = {}
        entries = [Administrator(f"token-{role}", role, token_digest(token)) for role, token in self.tokens.items()]
        for role in self.tokens:
            made = issue_credential(site.keys, f"{len(role):012x}", site.directory / "clients", today=date.today())
            path = site.directory / "clients" / f"{role}.pem"
            self.certificates[role] = made.rename(path)
            text = path.read_text()
            certificate = text[text.index("-----BEGIN CERT") : text.index("-----END CERT")] + "-----END CERTIFICATE-----"
            entries.append(Administrator(f"certificate-{role}", role, "", certificate))
        self.admins = site.directory / "admins"
        write_admins(self.admins, entries)
        site.start("--admins", str(self.admins), "--plain", "all", *flags)
        self.socket = site.directory / f"lmgrd-{site.port}.socket"

    def ask(self, vendor: str, message: ClientMessage, access: Access, connection: socket.socket | None = None) -> ServerMessage:
        with Question("localhost", self.site.port, vendor, access, 15, connection=connection) as question:
            return question.ask(message)[-1]


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    # Not in pytest's directory, which other accounts do not reach.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        (Path(name) / "clients").mkdir()
        with Site(Path(name), {"f1": 5}) as site:
            yield Doors(site)


def check(doors: Doors, expected: Identity, access: Access, *, connect: object = None) -> None:
    """All commands over one way in, against the table."""
    for vendor, message in COMMANDS:
        connection = connect() if connect is not None else None  # type: ignore[operator]
        answer = doors.ask(vendor, message, access, connection)
        wanted = objection(command_of(message), expected, Restrictions())
        if wanted is None:
            assert not isinstance(answer, Done) or answer.number not in REFUSALS, (message, answer)
        else:
            assert isinstance(answer, Done), (message, answer)
            assert answer.number == wanted.number, (message, answer)


def test_the_matrix_has_every_command() -> None:
    introductions = {"AskIdentity", "Authenticate"}
    assert {command_of(message) for _, message in COMMANDS} | introductions == set(RULES)


def test_unix_socket_of_root_or_the_server_s_own_account(doors: Doors) -> None:
    expected = Identity("administrator", "", "", local=True, attested=True)
    check(doors, expected, Access(), connect=lambda: connect_unix(doors.socket, 15))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another account")
def test_unix_socket_of_another_account(doors: Doors) -> None:
    expected = Identity("viewer", "", "", local=True, attested=True)
    check(doors, expected, Access(), connect=lambda: connect_unix_as(SOMEBODY, str(doors.socket)))


@pytest.mark.parametrize("plain", [True, False])
def test_tcp_from_this_machine(doors: Doors, plain: bool) -> None:
    check(doors, Identity("viewer", "", "", local=True), Access(plain=plain))


@pytest.mark.parametrize("plain", [True, False])
def test_tcp_from_elsewhere(doors: Doors, plain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    far_address()
    monkeypatch.setattr(question_module, "_connect", lambda _host, port, timeout: connect_far(port, timeout))
    check(doors, Identity("anonymous"), Access(plain=plain))


@pytest.mark.parametrize("far", [True, False])
@pytest.mark.parametrize("role", [role for role in ROLES if role != "anonymous"])
@pytest.mark.parametrize("by", ["token", "certificate"])
def test_tls_with_token_or_certificate(doors: Doors, role: Role, by: str, far: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if far:
        far_address()
        monkeypatch.setattr(question_module, "_connect", lambda _host, port, timeout: connect_far(port, timeout))
    root = bytes.fromhex(doors.site.root)
    shown = Access(root=root, token=doors.tokens[role]) if by == "token" else Access(root=root, certificate=doors.certificates[role])
    check(doors, Identity(role, "", "", local=not far, attested=True), shown)


def test_what_is_done_is_done_in_the_name_of_the_entry(doors: Doors) -> None:
    access = Access(root=bytes.fromhex(doors.site.root), token=doors.tokens["administrator"])
    answer = doors.ask("", AskReread(1), access)
    assert isinstance(answer, Done)
    assert answer.number == 0
    assert "REREAD request from token-administrator at node 127.0.0.1" in doors.site.read_log()


def test_a_wrong_token_is_refused_late_and_the_connection_is_over(doors: Doors) -> None:
    for vendor in ("", VENDOR):
        with pytest.raises(LicenseError) as caught:
            Question("localhost", doors.site.port, vendor, Access(root=bytes.fromhex(doors.site.root), token=new_token()), 15)
        assert (caught.value.number, caught.value.reason) == (-63, "The access token was not accepted.")
    assert "An access token was refused that came from" in doors.site.read_log()
    assert not [token for token in doors.tokens.values() if token in doors.site.read_log()]


def test_a_token_goes_to_no_server_that_is_not_known(doors: Doors) -> None:
    for root, words in ((None, "was not sent"), (b"\1" * 32, "did not prove itself")):
        with pytest.raises(LicenseError, match="handshake") as caught:
            Question("localhost", doors.site.port, "", Access(root=root, token=doors.tokens["viewer"]), 15)
        assert caught.value.number == -33
        assert words in caught.value.reason


def test_somebody_who_is_taken_out_is_nobody_at_once(doors: Doors) -> None:
    root = bytes.fromhex(doors.site.root)
    whole = doors.admins.read_bytes()
    try:
        write_admins(doors.admins, [])
        with pytest.raises(LicenseError) as caught:
            doors.ask("", AskServer(1), Access(root=root, token=doors.tokens["viewer"]))
        assert caught.value.number == -63
        answer = doors.ask("", AskReread(1), Access(root=root, certificate=doors.certificates["administrator"]))
        assert isinstance(answer, Done)
        assert answer.number == -63
    finally:
        doors.admins.write_bytes(whole)
    assert doors.ask(VENDOR, AskFeatures(1), Access(root=root, token=doors.tokens["viewer"])) == StatusEnd(1)


def test_local_and_2_p_leave_nothing_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s" / "clients").mkdir(parents=True)
    with Site(tmp_path / "s", {"f1": 5}) as site:
        doors = Doors(site, "-local", "-2", "-p", "-x", "lmreread")
        root = bytes.fromhex(site.root)
        for role, remove, reread in (("administrator", -41, -63), ("operator", -63, -63)):
            access = Access(root=root, token=doors.tokens[role])  # type: ignore[index]
            answers = [doors.ask(VENDOR, AskRemove(1, "f1", handle=999), access), doors.ask("", AskReread(1), access)]
            assert [answer.number for answer in answers if isinstance(answer, Done)] == [remove, reread]
        far_address()
        monkeypatch.setattr(question_module, "_connect", lambda _host, port, timeout: connect_far(port, timeout))
        answer = doors.ask(VENDOR, AskRemove(1, "f1", handle=999), Access(root=root, token=doors.tokens["administrator"]))
        assert isinstance(answer, Done)
        assert answer.number == -119


def test_the_status_of_pools_is_whole_over_every_way(doors: Doors) -> None:
    for access in (Access(plain=True), Access(plain=False), Access(root=bytes.fromhex(doors.site.root), token=doors.tokens["tenant"])):
        with Question("localhost", doors.site.port, VENDOR, access, 15) as question:
            first = question.ask(AskFeatures(1))[0]
        assert isinstance(first, PoolStatus)
        assert (first.feature, first.total) == ("f1", 5)
